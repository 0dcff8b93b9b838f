#!/bin/bash
# A push for review tells what is live in each cluster: which bundle, what fails
# or has drifted, what waits, and which of that the reviewed commits change.
# Whatever clusters say, it is bounded, plain, and the verdict still comes.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git
make_host $host prod
make_clone $host work

config() { put work "deploy/prod/$1.yaml" ConfigMap "$1" shop "$2"; }
look() {
	git -C work push origin HEAD:refs/for-review/prod >push.out 2>&1
	judge $? "$1" || test_show push.out
	sed -n 's/^remote: \(.*[^ ]\) *$/\1/p' push.out >said.lines
}
# told WHAT LINE...: these lines, and no other between them
told() {
	local what=$1
	shift
	printf 'windlass%s\n' "$@" >wanted
	perl -0777 -e 'open W, shift; $w = <W>; open S, shift; $s = <S>;
		exit(index("\n$s", "\n$w") < 0)' wanted said.lines
	judge $? "$what" || test_show said.lines
}
# says WHAT: the cluster, in a report of what r_... and `failure` said
says() {
	send >status
	is "$(cat status)" 204 "$1"
}
clusters() { grep -c '^windlass: prod@' said.lines; }
since=2026-11-29T23:30:00Z

config web one
config db one
commit work first
look "a look where nobody reports"
unlike "$(cat said.lines)" 'prod@' "tells of no cluster"
ok "then it is pushed" push work
first=$(git -C work rev-parse --short=12 HEAD)
new_reporter eu-1
set_channel $host prod reporters "$TRASH/reporters"
start serve windlass-hook serve --repo $host --listen 127.0.0.1:0
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)
config web two
config new one
git -C work rm -q deploy/prod/db.yaml
commit work second
look "a look before any report"
told "says that there is none" ": prod@eu-1: has reported nothing"

# ---- what is so ----
r_since=$since r_objects='2 2 0 0 0 0' says "a cluster is healthy"
look "a look then"
told "says which bundle, of which commit, is live since when" \
	": prod@eu-1: healthy since $since: 1.1 of $first, 2 objects ready"
is "$(sed -n 's/^windlass: \([^ ]*\) .*/\1/p' said.lines | xargs)" \
	"prod: prod@eu-1: prod:" "after the plan, before the verdict, in one line"
r_since=$since r_objects='2 2 0 0 1 1' says "something drifts"
look "a look then"
told "says how many" \
	": prod@eu-1: healthy since $since: 1.1 of $first, 2 objects ready, 1 drifted, 1 fought over"

trouble() { failure "ConfigMap shop/$1" "deploy/prod/$1.yaml:1" Invalid "$1 is not taken"; }
trouble web
trouble db
trouble other
failure "Deployment.apps shop/web" - ImagePullBackOff "no such image"
r_phase=failed r_since=$since r_applied=none r_objects='4 0 0 4 0 0' \
	r_reason=Failing r_message='4 objects fail' says "everything fails"
look "a look then"
told "says what, why and where, and what the commits do with it" \
	": prod@eu-1: failed since $since: 1.1 of $first, nothing was live before, 0 of 4 objects ready, 4 failing" \
	":   Failing: 4 objects fail" \
	":   deploy/prod/web.yaml:1: ConfigMap shop/web: Invalid: web is not taken" \
	":     this changes it" \
	":   deploy/prod/db.yaml:1: ConfigMap shop/db: Invalid: db is not taken" \
	":     this deletes it" \
	":   deploy/prod/other.yaml:1: ConfigMap shop/other: Invalid: other is not taken" \
	":   (source unknown): Deployment.apps shop/web: ImagePullBackOff: no such image" \
	": prod: this was a look, nothing is published"

# ---- what is not there yet ----
one=$(git -C $host rev-parse refs/windlass/prod)
config extra one
ok "somebody pushes" push work
second=$(git -C work rev-parse --short=12 HEAD)
config web three
commit work third
r_bundle=$one r_since=$since r_objects='2 2 0 0 0 0' says "a cluster is behind"
look "a look then"
told "says what is published" \
	": prod@eu-1: healthy since $since: 1.1 of $first, 2 objects ready, 1.2 is published"
r_phase=waiting r_since=$since r_applied="1.1 $one" r_objects='2 2 0 0 0 0' \
	r_reason=WaitingForApproval r_message='0 of 1 approvals: ada can give it' \
	says "it waits for consent"
look "a look then"
told "says for whose, and what is live meanwhile" \
	": prod@eu-1: waiting since $since: 1.2 of $second, live is 1.1 of $first, 2 objects ready" \
	":   WaitingForApproval: 0 of 1 approvals: ada can give it"
r_since=$since r_issued="$(date -u -d '-50 minutes' +%Y-%m-%dT%H:%M:%SZ)" \
	r_stale=yes says "an old report"
look "a look then"
like "$(cat said.lines)" 'prod@eu-1: healthy .*, stale, last heard 20[0-9TZ:-]*$' \
	"says when it was heard"

# ---- the record, where what serve keeps cannot be read ----
recorded() { [[ $(git -C $host log -1 --format=%s refs/windlass-status/prod/eu-1) == *": $1"* ]]; }
trouble web
r_phase=failed r_since=$since r_objects='2 1 0 1 0 0' says "a failure"
ok "it is recorded" wait_for 20 recorded failed
mv $host/windlass/prod/reports kept
look "a look without what is kept"
told "tells of the record" \
	":   deploy/prod/web.yaml:1: ConfigMap shop/web: Invalid: web is not taken" \
	":     this changes it"
mv reporters hidden
look "and without the list of reporters"
told "the same" ":     this changes it"
mv hidden reporters
mkdir $host/windlass/prod/reports
echo nonsense >$host/windlass/prod/reports/eu-1
git -C $host update-ref refs/windlass-status/prod/eu-1 "$(git -C work rev-parse origin/main)"
look "and with a record that is none"
like "$(cat said.lines)" "prod@eu-1: its report cannot be read: status commit [0-9a-f]{12}: " "says so"
rm -r $host/windlass/prod/reports
mv kept $host/windlass/prod/reports

# ---- as much as can be said ----
long=$(printf '\xc3\xa9%.0s' {1..500})
for i in {1..20}; do
	failure "ConfigMap shop/n-$i" "deploy/prod/$i.yaml:1" Long "$long"
done
r_phase=failed r_since=$since r_objects='60 0 0 60 0 0' r_message="$long" \
	says "a cluster that says much"
look "a look then"
is "$(LC_ALL=C grep -c '[^ -~]' said.lines)" 0 "has nothing but ASCII"
like "$(cat said.lines)" '\\xc3\\xa9.*\.\.\.$' "texts are cut"
like "$(cat said.lines)" '^windlass:   and 50 more$' "and lists"
cp reporters few
for i in {10..40}; do
	new_reporter "ap-$i"
	for n in {1..20}; do
		failure "ConfigMap shop/n-$n" "deploy/prod/$n.yaml:1" Long "$long"
	done
	r_cluster=ap-$i r_phase=failed r_since=$since r_objects='60 0 0 60 0 0' \
		r_message="$long" send
	echo
done >answers
new_reporter zz-1
r_cluster=zz-1 r_since=$since send >/dev/null
is "$(sort answers | uniq -c | xargs)" "31 204" "and many that do"
look "a look then"
ok "is bounded" test "$(wc -c <said.lines)" -le 65536
like "$(cat said.lines)" '^windlass: prod: and [0-9]+ more clusters, 1 of them healthy$' \
	"says how many more there are"
is "$(tail -n 1 said.lines)" "windlass: prod: this was a look, nothing is published" \
	"and comes to its verdict"
cp few reporters
look "a cluster that is listed no more"
is "$(clusters)" 1 "is not told of"
ok "a push that is no look" push work
unlike "$(cat push.out)" 'prod@eu-1' "says nothing of clusters"
stop serve
done_testing
