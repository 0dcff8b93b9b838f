#!/bin/bash
# windlass status --repo and windlass log, of what clusters reported: by Git
# alone, in the Git host's repository and in a clone without a network
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host prod dev
make_clone $host work
new_reporter eu-1
set_channel $host prod reporters "$TRASH/reporters"
reports=$host/windlass/prod/reports

status() { windlass status --repo "$@" >out 2>err; echo $?; }
change() {
	put work deploy/prod/web.yaml ConfigMap web shop "$1"
	commit_push work "$1" || bail "push"
}

# ---- before anybody said anything

is "$(status $host)" 0 "a repository without channels has none that fail"
like "$(cat out)" '^no channels' "and says so"
is "$(status $host prod)" 1 "a channel that is not there yet"
like "$(cat err)" "no channel 'prod' is in this repository" "says so"
is "$(status nowhere)" 2 "no repository"
is "$(status $host --watch)" 129 "what asks a cluster"
change one
one=$(git -C work rev-parse --short=12 HEAD)
is "$(status $host prod)" 1 "no cluster has reported"
like "$(cat out)" "^prod  newest 1\.1  source $one  issued 20" \
	"the newest bundle is shown"
like "$(cat out)" '^  eu-1  has not reported yet$' "and that nobody spoke"

# ---- one is well

r_since=2026-11-29T23:30:00Z r_issued=2026-11-29T23:31:00Z \
	r_objects='118 118 0 0 0 0' report_kept eu-1
is "$(status $host prod)" 0 "a cluster that is well"
like "$(cat out)" \
'^  eu-1  healthy 1\.1 since 2026-11-29T23:30:00Z  118 objects  heard 2026-11-29T23:31:00Z$' \
	"since when, and when it was heard of"
like "$(cat out)" "^    source $one\$" "of which commit"

# ---- and another is not

change two
two=$(git -C work rev-parse --short=12 HEAD)
is "$(status $host prod)" 1 "a bundle that it does not have yet"
r_since=2026-11-29T23:35:00Z report_kept eu-1
new_reporter us-1
failure "Deployment.apps shop/web" deploy/prod/web.yaml:1 ImagePullBackOff \
	'Back-off pulling image "web:2"'
r_phase=failed r_objects='2 1 0 1 0 0' r_reason=Failed \
	r_message='1 object failed' r_since=2026-11-29T23:36:00Z \
	r_applied="1.1 $(git -C $host rev-parse refs/windlass/prod^)" \
	report_kept us-1
is "$(status $host prod)" 1 "one of two fails"
like "$(cat out)" '^  us-1  failed 1\.2 since .*  1 of 2 objects ready  heard' \
	"which, and since when"
like "$(cat out)" "^    source $two, applied 1\.1 source $one\$" \
	"what it had before"
like "$(cat out)" '^    Failed: 1 object failed$' "why"
like "$(cat out)" \
'^    deploy/prod/web.yaml:1: Deployment.apps shop/web: ImagePullBackOff: Back-off pulling image "web:2"$' \
	"with file and line"
is "$(status $host prod --output json)" 1 "the same for programs"
is "$(jq -r '[.channel, .newest.sequence, .healthy,
	(.clusters | map(.cluster + "=" + .phase) | join(","))] | join(" ")' \
	out)" "prod 2 false eu-1=healthy,us-1=failed" "a line of JSON a channel"
is "$(jq -r '.clusters[1].failures[0].source' out)" deploy/prod/web.yaml:1 \
	"with what failed"

# ---- log

windlass log prod --repo $host >out
like "$(cat out)" '^    eu-1: healthy since 2026-11-29T23:35:00Z$' \
	"log shows where the newest is live"
like "$(cat out)" '^    us-1: failed since 2026-11-29T23:36:00Z$' \
	"and where it fails"
like "$(sed -n '/^prod 1\.1/,$p' out)" '^    us-1: applied$' \
	"and what is still applied there"
is "$(windlass log prod --repo $host --output json -n 1 |
	jq -r '.clusters | map(.cluster + "=" + .phase) | join(" ")')" \
	"eu-1=healthy us-1=failed" "for programs, too"

# ---- a clone without a network

git clone -q "file://$TRASH/$host" clone
is "$(status clone prod)" 1 "a clone that has not fetched it"
like "$(cat err)" 'fetch refs/windlass and refs/windlass-status' \
	"says what to fetch"
git -C clone config --add remote.origin.fetch \
	'+refs/windlass/*:refs/windlass/*'
git -C clone config --add remote.origin.fetch \
	'+refs/windlass-status/*:refs/windlass-status/*'
git -C clone fetch -q || bail "fetch"
mv $host away.git
status clone prod >/dev/null
mv out cloned
status away.git prod >/dev/null
ok "shows the same as the Git host, without it" cmp cloned out
mv away.git $host
# bundles alone, or records alone, are shown as far as they go
git -C clone for-each-ref --format='delete %(refname)' refs/windlass |
	git -C clone update-ref --stdin
is "$(status clone prod)" 1 "records without bundles"
like "$(cat out)" '^prod  no bundle was fetched$' "say so"
like "$(cat out)" '^  us-1  failed 1\.2' "and are shown"

# ---- a repository that lies

blob=$(printf 'windlass-report 1\nchannel prod\n\033[31mred\n' |
	git -C clone hash-object -w --stdin)
tree=$(printf '100644 blob %s\treport\n' "$blob" | git -C clone mktree)
lie=$(git -C clone commit-tree -m lie "$tree")
git -C clone update-ref refs/windlass-status/prod/asia-1 "$lie"
git -C clone update-ref refs/windlass-status/prod/other \
	refs/windlass-status/prod/eu-1
git -C clone update-ref refs/windlass-status/prod/wrong "$(git -C clone \
	rev-parse HEAD)"
is "$(status clone prod)" 1 "records that are none"
like "$(cat out)" '^  asia-1  cannot be read: ' "are told of"
like "$(cat out)" '^  other  cannot be read: it is a report of prod@eu-1$' \
	"one under another name, too"
like "$(cat out)" '^  wrong  cannot be read: .*no report' \
	"and a commit that is something else"
unlike "$(cat out)" $'\033' "no control byte is printed"
is "$(status clone prod --output json)" 1 "the same for programs"
is "$(jq -r '.clusters | map(select(.error)) | length' out)" 3 \
	"with an error each"

# ---- one that is broken does not hide the others

git -C $host update-ref refs/windlass/junk "$(git -C $host rev-parse main)"
is "$(status $host)" 2 "a ref that is no bundle"
like "$(cat out)" '^  us-1  failed 1\.2' "the others are shown"
like "$(cat err)" "channel 'junk'" "and it is told of"
git -C $host update-ref -d refs/windlass/junk
empty=$(git -C $host commit-tree -m junk "$(git -C $host mktree </dev/null)")
kept=$(git -C $host rev-parse refs/windlass-status/prod/_channel)
git -C $host update-ref refs/windlass-status/prod/_channel "$empty"
is "$(status $host)" 2 "a channel's record that is none"
like "$(cat err)" 'refs/windlass-status/prod/_channel: it has no channel.json' \
	"is told of"
ok "it is made anew" hook $host record-reports
is "$(git -C $host rev-parse 'refs/windlass-status/prod/_channel^{tree}')" \
	"$(git -C $host rev-parse "$kept^{tree}")" "as it was"

done_testing
