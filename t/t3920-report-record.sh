#!/bin/bash
# What clusters report, in the repository: notes on source commits and the
# status refs, as stock git in a clone sees them; that nobody can push to
# them; and that they do not grow without bound
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host prod
make_clone $host work
new_reporter eu-1
new_reporter us-1
set_channel $host prod reporters "$TRASH/reporters"
start serve windlass-hook serve --repo $host --listen 127.0.0.1:0
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)

# push TEXT: one more bundle
change() {
	put work deploy/prod/web.yaml ConfigMap web shop "$1"
	commit_push work "$1" || bail "push"
}
subject() { git -C $host log -1 --format=%s "refs/windlass-status/prod/$1" 2>/dev/null; }
said() { [[ $(subject "$1") == "$2" ]]; }
noted() { git -C $host notes --ref "windlass/$1" show "$2" 2>/dev/null; }
has_note() { noted "$1" "$2" | grep -qE -e "$3"; }
# stands DESCRIPTION CLUSTER SUBJECT: it is in the status ref, soon
stands() { ok "$1" wait_for 20 said "$2" "$3"; }
commits() { git -C $host rev-list --count "$1"; }

# ---- the first one

change one
one=$(git -C work rev-parse HEAD)
is "$(r_phase=applying r_applied=none r_objects='1 0 1 0 0 0' \
	r_since=2026-11-29T23:29:58Z send)" 204 "a cluster applies it"
stands "the status ref says so" eu-1 \
	"prod@eu-1: applying (1.1, 0 of 1 objects ready)"
is "$(r_since=2026-11-29T23:30:00Z send)" 204 "and it is healthy"
stands "the status ref says so" eu-1 "prod@eu-1: healthy (1.1, 1 objects)"
is "$(noted eu-1 "$one")" \
	"prod@eu-1: healthy since 2026-11-29T23:30:00Z (1.1, 1 objects)" \
	"and a note on the source commit"
is "$(commits refs/windlass-status/prod/eu-1)" 2 "each change is a commit"
is "$(git -C $host ls-tree --name-only refs/windlass-status/prod/eu-1 |
	xargs)" "report status.json" "of the report and its state"
git -C $host cat-file blob refs/windlass-status/prod/eu-1:report >report
ok "the report is the one that was sent" cmp report sent
git -C $host cat-file blob refs/windlass-status/prod/eu-1:status.json \
	>status.json
is "$(jq -r '[.version, .channel, .cluster, .phase, .sourceCommit,
	.sourceRef, .objects.total, .applied.sourceCommit, .changes] |
	join(" ")' status.json)" \
	"1 prod eu-1 healthy $one refs/heads/main 1 $one 2" "the state is JSON"
ok "in canonical form" cmp <(jq -S . status.json) status.json
ok "git fsck finds nothing" git -C $host fsck --strict --no-dangling

# ---- nothing new is no commit

before=$(git -C $host rev-parse refs/windlass-status/prod/eu-1)
for i in 1 2 3; do
	r_since=2026-11-29T23:30:00Z r_message="heartbeat $i" \
		r_objects='1 1 0 0 0 0' send
done >/dev/null
is "$(r_cluster=us-1 r_phase=waiting r_applied=none r_reason=Waiting \
	r_message='waits for bob' send)" 204 "another cluster waits"
ok "its note says for whom" wait_for 20 has_note us-1 "$one" \
	'^prod@us-1: waiting since .* \(1\.1\): Waiting: waits for bob$'
is "$(git -C $host rev-parse refs/windlass-status/prod/eu-1)" "$before" \
	"a heartbeat changes nothing"
# an hour later it does, and takes the place of the last
stop serve
later=$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%SZ)
r_since=2026-11-29T23:30:00Z r_issued=$later report kept
cp kept $host/windlass/prod/reports/eu-1
like "$(hook $host record-reports)" '^prod@eu-1: healthy 1.1, still so$' \
	"after an hour it is recorded that it is still there"
is "$(commits refs/windlass-status/prod/eu-1)" 2 "in place of the last"
like "$(git -C $host cat-file blob refs/windlass-status/prod/eu-1:status.json)" \
	"\"issued\": \"$later\"" "with the new time"
is "$(hook $host record-reports)" "" "a second run has nothing to do"
start serve windlass-hook serve --repo $host --listen 127.0.0.1:0
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)

# ---- a bundle that fails, with file and line

change two
two=$(git -C work rev-parse HEAD)
failure "Deployment.apps shop/web" deploy/prod/web.yaml:1 ImagePullBackOff \
	'Back-off pulling image "web:2" since yesterday'
failure "Namespace shop" - Forbidden -
is "$(r_phase=failed r_objects='3 1 0 2 0 0' r_reason=Failed \
	r_since=2026-11-29T23:40:00Z r_message='2 objects failed' \
	r_applied="1.1 $(git -C $host rev-parse refs/windlass/prod^)" \
	r_issued=2026-11-29T23:40:05Z send)" 204 "the next bundle fails"
stands "the status ref says so" eu-1 \
	"prod@eu-1: failed (1.2, 1 of 3 objects ready)"
is "$(noted eu-1 "$two")" \
"prod@eu-1: failed since 2026-11-29T23:40:00Z (1.2, 1 of 3 objects ready): Failed: 2 objects failed
  deploy/prod/web.yaml:1: Deployment.apps shop/web: ImagePullBackOff: Back-off pulling image \"web:2\" since yesterday
  (source unknown): Namespace shop: Forbidden" \
	"its note has file and line"
is "$(noted eu-1 "$one")" \
	"prod@eu-1: healthy from 2026-11-29T23:30:00Z to 2026-11-29T23:40:05Z (1.1, 1 objects)" \
	"and the note before says until when that was live"

# ---- what is live while the next one waits

git -C work revert --no-edit HEAD >/dev/null
push work || bail "push"
three=$(git -C work rev-parse HEAD)
healthy=$(git -C $host rev-parse refs/windlass/prod)
r_since=2026-11-29T23:50:00Z r_issued=2026-11-29T23:50:01Z send >/dev/null
stands "a revert is healthy again" eu-1 "prod@eu-1: healthy (1.3, 1 objects)"
like "$(noted eu-1 "$two")" \
	'^prod@eu-1: failed from 2026-11-29T23:40:00Z to 2026-11-29T23:50:01Z' \
	"what failed did so until then"
like "$(noted eu-1 "$two")" 'web.yaml:1: Deployment.apps' \
	"and it stays written why"
change four
four=$(git -C work rev-parse HEAD)
r_phase=waiting r_reason=Waiting r_message='waits for bob' \
	r_applied="1.3 $healthy" r_issued=2026-11-29T23:51:00Z send >/dev/null
stands "the next one waits" eu-1 \
	"prod@eu-1: waiting (1.4, 1 objects)"
like "$(noted eu-1 "$three")" '^prod@eu-1: healthy since' \
	"and the one before is still live"
r_issued=2026-11-29T23:52:00Z r_since=2026-11-29T23:51:59Z send >/dev/null
stands "until it is applied" eu-1 "prod@eu-1: healthy (1.4, 1 objects)"
like "$(noted eu-1 "$three")" \
	'^prod@eu-1: healthy from 2026-11-29T23:50:00Z to 2026-11-29T23:52:00Z' \
	"which is when that ends"
# the report is of a bundle that is not the newest any more
change five
r_phase=suspended r_bundle=$(git -C $host rev-parse refs/windlass/prod^) \
	r_since=2026-11-29T23:53:00Z send >/dev/null
stands "a cluster that is suspended at an older one" eu-1 \
	"prod@eu-1: suspended (1.4, 1 objects)"

# ---- a developer's clone, by stock git

git clone -q "file://$TRASH/$host" clone
git -C clone fetch -q origin '+refs/notes/windlass/*:refs/notes/windlass/*' \
	'+refs/windlass-status/*:refs/windlass-status/*' ||
	bail "fetch"
git -C clone log --notes='windlass/*' >log
like "$(cat log)" '^ +prod@eu-1: healthy from 2026-11-29T23:30:00Z to' \
	"git log shows where each commit was live"
like "$(cat log)" '^Notes \(windlass/us-1\):$' "in each cluster"
like "$(cat log)" '^ +deploy/prod/web.yaml:1: Deployment.apps shop/web:' \
	"and why one failed, with file and line"
is "$(git -C clone log --notes='windlass/*' --format=%N "$two" -1 |
	grep -c .)" 3 "a note is with its commit"
sed -n '/^windlass-report/,$p' <(git -C clone cat-file blob \
	refs/windlass-status/prod/eu-1:report) >sent.clone
sed '/^-----BEGIN/,$d' sent.clone >text
sed -n '/^-----BEGIN/,$p' sent.clone >signature
ok "who has the list of clusters can check it there" ssh-keygen -Y verify \
	-f reporters -I eu-1 -n report-v1@windlass.dev -s signature <text

# ---- nobody pushes to them

refuses() {
	local what=$1
	shift
	not_ok "attack-66 a push of $what is refused" git -C clone push "$@"
}
refs() { git -C $host for-each-ref refs/notes refs/windlass-status; }
before=$(refs)
head=$(git -C clone rev-parse HEAD)
refuses "a note" -f origin HEAD:refs/notes/windlass/eu-1
refuses "a cluster's first note" origin HEAD:refs/notes/windlass/new
refuses "notes in place of all" origin HEAD:refs/notes/windlass
refuses "a status" -f origin HEAD:refs/windlass-status/prod/eu-1
refuses "a new status" origin HEAD:refs/windlass-status/prod/new
refuses "a status in place of the folder" origin HEAD:refs/windlass-status
refuses "a deletion" origin :refs/windlass-status/prod/eu-1
refuses "a deleted note" origin :refs/notes/windlass/eu-1
refuses "all refs at once" --mirror -f origin
refuses "one among good ones" origin HEAD:refs/heads/other \
	HEAD:refs/notes/windlass/x
refuses "one with a push option" -o allow-deletes=9 -o lines origin \
	HEAD:refs/windlass-status/prod/x
# receive.hideRefs is one fence, the hook another
git -C $host config --unset-all receive.hideRefs
refuses "a note where nothing is hidden" origin HEAD:refs/notes/windlass/new
refuses "a status where nothing is hidden" -f origin \
	HEAD:refs/windlass-status/prod/eu-1
refuses "a deletion where nothing is hidden" origin \
	:refs/windlass-status/prod/eu-1
git -C $host symbolic-ref refs/heads/alias refs/windlass-status/prod/eu-1
refuses "by a name that stands for it" -f origin HEAD:refs/heads/alias
git -C $host symbolic-ref --delete refs/heads/alias
is "$(refs)" "$before" "none of that changed a ref"
ok "other notes can be pushed" git -C clone push -q origin \
	HEAD:refs/notes/commits

# ---- bounds: what a cluster says that cannot make up its mind

bundle=$(git -C $host rev-parse refs/windlass/prod)
stop serve
base=$(commits refs/windlass-status/prod/us-1)
for i in $(seq 25); do
	phase=healthy
	[ $((i % 2)) = 0 ] || phase=applying
	r_cluster=us-1 r_counter=$((4000000000000000 + i)) r_phase=$phase \
		r_since=2026-11-29T23:59:$(printf %02d "$i")Z \
		report $host/windlass/prod/reports/us-1
	rm -f $host/windlass/prod/reports/*.text*
	hook $host record-reports >/dev/null || bail "record-reports"
done
is "$(($(commits refs/windlass-status/prod/us-1) - base))" 20 \
	"attack-67 a cluster has twenty commits for one bundle"
is "$(subject us-1)" "prod@us-1: applying (1.5, 1 objects)" \
	"the newest says what is so now"
is "$(git -C $host cat-file blob \
	refs/windlass-status/prod/us-1:report)" \
	"$(cat $host/windlass/prod/reports/us-1)" "by the report of now"
# there are as many commits of notes as there are notes
is "$(commits refs/notes/windlass/eu-1)" \
	"$(git -C $host notes --ref windlass/eu-1 list | wc -l)" \
	"the history of notes has one for each note"

# ---- gc, and two at once

git -C $host gc -q --prune=now
ok "all is there after gc" git -C $host fsck --strict --connectivity-only
change six
for cluster in eu-1 us-1; do
	r_cluster=$cluster r_counter=5000000000000000 \
		report $host/windlass/prod/reports/$cluster
done
rm -f $host/windlass/prod/reports/*.text*
for i in 1 2 3 4; do
	hook $host record-reports >"run.$i" 2>&1 &
	pids[i]=$!
done
failed=0
for i in 1 2 3 4; do
	wait "${pids[i]}" || failed=1
done
is "$failed" 0 "several runs at once all end well"
is "$(subject eu-1), $(subject us-1)" \
	"prod@eu-1: healthy (1.6, 1 objects), prod@us-1: healthy (1.6, 1 objects)" \
	"and it is recorded"
ok "the repository is sound" git -C $host fsck --strict

# ---- two channels of one commit

add_channel $host dev deploy/dev
set_channel $host dev reporters "$TRASH/reporters"
put work deploy/dev/web.yaml ConfigMap web shop
put work deploy/prod/web.yaml ConfigMap web shop seven
commit_push work seven || bail "push"
mkdir -p $host/windlass/dev/reports
for channel in prod dev; do
	r_channel=$channel r_counter=6000000000000000 r_since=2026-11-30T00:00:00Z \
		report $host/windlass/$channel/reports/eu-1
	rm -f $host/windlass/$channel/reports/*.text*
done
hook $host record-reports >/dev/null
is "$(noted eu-1 "$(git -C work rev-parse HEAD)")" \
"dev@eu-1: healthy since 2026-11-30T00:00:00Z (1.1, 1 objects)
prod@eu-1: healthy since 2026-11-30T00:00:00Z (1.7, 1 objects)" \
	"a commit that went to two channels has a line of each"
# and one that a person wrote there is kept
git -C $host notes --ref windlass/eu-1 append -m "looks fine" \
	"$(git -C work rev-parse HEAD)"
r_counter=6000000000000001 r_phase=applying r_since=2026-11-30T00:01:00Z \
	report $host/windlass/prod/reports/eu-1
rm -f $host/windlass/prod/reports/*.text*
hook $host record-reports >/dev/null
like "$(noted eu-1 "$(git -C work rev-parse HEAD)")" "^looks fine" \
	"what a person wrote there stays"
like "$(noted eu-1 "$(git -C work rev-parse HEAD)")" \
	"^prod@eu-1: applying since 2026-11-30T00:01:00Z" "beside what is new"

# ---- a channel that goes takes its statuses with it

ok "a channel is removed" hook $host init dev --remove --force
is "$(git -C $host for-each-ref refs/windlass-status/dev)" "" \
	"and so is what was recorded of it"
like "$(git -C $host for-each-ref refs/windlass-status)" \
	'refs/windlass-status/prod/eu-1' "but nothing of another one"

done_testing
