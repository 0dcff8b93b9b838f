#!/bin/bash
# Commit statuses as GitHub and GitLab want them, by what their documentation
# says: paths, headers, bodies, and the ways in which they refuse. No real one
# is at hand here; t3965 asks a real Gitea.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-notify.sh"

notify_host eu-1
for forge in github gitlab; do
	receiver_start $forge
	set_channel $host prod notify $forge
	set_receiver $host $forge form $forge
	set_receiver $host $forge url "${RECEIVER%/report}/shop/app"
	echo "token-of-$forge" >$forge.token
	chmod 600 $forge.token
	set_receiver $host $forge tokenFile "$TRASH/$forge.token"
	set_receiver $host $forge link "https://status.example.org/$forge"
done
set_receiver $host gitlab url "${RECEIVER%/report}/shop/web/app"
git -C $host config --replace-all windlass.prod.notify github
git -C $host config --add windlass.prod.notify gitlab

# there PHASE...: that is what the cluster reported last
there() {
	r_phase=$1 report kept.report
	mkdir -p $host/windlass/prod/reports
	cp kept.report $host/windlass/prod/reports/eu-1
}
request() { tr -d '\r' <"$TRASH/$1/$(printf '%04d.request' "$2")"; }
body() { jq -cS . "$(report_of "$2" "$1")"; }

change one
there applying
is "$(hook $host notify)" "github: prod@eu-1 pending
gitlab: prod@eu-1 running" "one that is applied"
like "$(request github 1 | head -n 1)" \
	"^POST /api/v3/repos/shop/app/statuses/$commit\$" "GitHub's path"
for header in 'Authorization: Bearer token-of-github' \
	'Accept: application/vnd.github\+json' 'X-GitHub-Api-Version: 2022-11-28' \
	'Content-Type: application/json' 'User-Agent: windlass/.*'
do
	like "$(request github 1)" "^$header\$" "its ${header%%:*}"
done
is "$(body github 1)" "{\"context\":\"windlass/prod/eu-1\",\"description\":\"applying (1.1)\",\"state\":\"pending\",\"target_url\":\"https://status.example.org/github\"}" \
	"its body"
like "$(request gitlab 1 | head -n 1)" \
	"^POST /api/v4/projects/shop%2Fweb%2Fapp/statuses/$commit\$" "GitLab's path"
like "$(request gitlab 1)" '^PRIVATE-TOKEN: token-of-gitlab$' "its token"
unlike "$(request gitlab 1)" '^Authorization' "by no other header"
is "$(body gitlab 1)" "{\"description\":\"applying (1.1)\",\"name\":\"windlass/prod/eu-1\",\"state\":\"running\",\"target_url\":\"https://status.example.org/gitlab\"}" \
	"its body"
is "$(hook $host notify)" "" "once"

change two
failure "Deployment.apps shop/web" deploy/prod/web.yaml:1 Bad \
	"$(printf "no %.0s" {1..99})no"
there failed
is "$(hook $host notify)" "github: prod@eu-1 error
github: prod@eu-1 failure
gitlab: prod@eu-1 canceled
gitlab: prod@eu-1 failed" "the next one overtakes it, and fails"
is "$(jq -r '.description | length' "$(report_of 3 github)")" 140 \
	"no longer than GitHub takes"
like "$(jq -r .description "$(report_of 3 github)")" \
	'^failed \(1\.2\): deploy/prod/web.yaml:1: Deployment.apps shop/web: Bad: no' \
	"with file and line"
there healthy
is "$(hook $host notify)" "github: prod@eu-1 success
gitlab: prod@eu-1 success" "one that is healthy is green"

# ---- a commit that the forge does not have; one status that it has already

change three
echo 422 - '{"message":"No commit found for SHA"}' >github/answer
echo 400 - '{"message":"Cannot transition status via :run from :running"}' \
	>gitlab/answer
there applying
is "$(hook $host notify 2>err)" "gitlab: prod@eu-1 running" \
	"GitLab has it already"
is "$(cat err)" "prod: github answers 422: perhaps it does not have the commit" \
	"GitHub does not know the commit"
hook $host notify >/dev/null 2>&1
is "$(posts github)" 5 "nor is it asked again"
rm github/answer gitlab/answer
change four
echo 404 >github/answer-once
there healthy
is "$(hook $host notify 2>err)" "github: prod@eu-1 success
gitlab: prod@eu-1 canceled
gitlab: prod@eu-1 success" "the next one gets its own"
like "$(cat err)" 'github answers 404' "whatever became of the one before"

# ---- GitHub's way to say that it was too much

change five
echo 403 120 >github/answer
there applying
before=$(date +%s)
hook $host notify >/dev/null 2>err
like "$(cat err)" 'github answers 403$' "403 with Retry-After"
ok "is asked again then" test \
	"$(jq .retryAt $host/windlass/prod/notified/github)" -ge $((before + 120))
rm github/answer
is "$(hook $host notify)" "github: prod@eu-1 pending" "and takes it"
unlike "$(cat $host/windlass/prod/notified/*)" 'token-of' "no token is kept"
done_testing
