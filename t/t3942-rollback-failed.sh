#!/bin/bash
# rollback = on-failure: a bundle that every cluster called failed for long
# enough is rolled back by the Git host, once, as a push, with the reason. The
# reports are made here, and the clock of the whole host jumps, so that hours
# need no waiting.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-developers.sh"
. "$TEST_DIR/lib-clock.sh"
clock_use
clock_everywhere
host=host.git
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org

make_host $host prod other
make_clone $host work
new_reporter eu-1
new_reporter us-1

config() { put work "deploy/prod/$1.yaml" ConfigMap "$1" shop "$2"; }
tip() { git -C $host rev-parse refs/heads/main; }
tree() { git -C $host rev-parse "$1:deploy/prod"; }
content() { head_field $host prod content; }
pull() { git -C work pull -q origin main; }
# says CLUSTER PHASE: now; still CLUSTER...: the same once more
declare -A since phase
says() {
	since[$1]=$(now_text)
	phase[$1]=$2
	still "$1"
}
still() {
	local cluster reason
	for cluster; do
		reason=Ready
		[ "${phase[$cluster]}" != failed ] || reason=Failed
		is "$(r_cluster=$cluster r_phase=${phase[$cluster]} \
			r_since=${since[$cluster]} r_reason=$reason send)" 204 \
			"$cluster says ${phase[$cluster]}"
	done
}
recorded() {
	local cluster
	for cluster; do
		[ "$(git -C $host show \
			"refs/windlass-status/prod/$cluster:status.json" |
			jq -r '.bundle + " " + .phase')" = \
			"$(bundle $host prod) ${phase[$cluster]}" ] || return
	done
}
# said SECONDS PHASE PHASE: by the two, so long ago, and nobody listens
said() {
	serve
	says eu-1 "$2"
	says us-1 "$3"
	# who is stopped while recording leaves Git's lock for a minute
	wait_for 60 recorded eu-1 us-1 || fail "it is recorded"
	stop serve
	clock_jump "$1"
}
failed() { said "${1:-3601}" failed failed; }
undo() { hook $host rollback-failed prod >out 2>err; }
undone() { git -C $host log --format='%(trailers:key=Windlass-Rollback,valueonly)' main | grep -c .; }
# left TEXT DESCRIPTION: nothing is done, and that is why
left() {
	local before
	before=$(git -C $host for-each-ref)
	ok "$2" undo
	like "$(cat out)" "^prod: nothing to roll back: $1" "and says why"
	is "$(git -C $host for-each-ref)" "$before" "and nothing moves"
}

# ---- settings

each='must be never, on-failure, or .* as: on-failure for 10m'
for bad in yes on-failures 'on-failure for' 'on-failure for 0s' \
	'on-failure for 8d' 'on-failure in 5m' ''; do
	set_channel $host prod rollback "$bad"
	not_ok "rollback = $bad" hook $host publish prod
	like "$(cat .output)" "windlass\.prod\.rollback.*$each" "says what it can be"
done
set_channel $host prod rollback on-failure
want="windlass\.prod\.rollback: nobody would hear that a bundle failed; .*windlass\.prod\.reporters FILE"
config web one
commit work one
not_ok "without reporters" push work
like "$(cat push.out)" "$want" "a push says so"
not_ok "doctor" hook $host doctor
like "$(cat .output)" "$want" "too"
set_channel $host prod reporters "$TRASH/reporters"
make_key ada
developer_line ada keys/ada >developers
set_channel $host prod developers "$TRASH/developers"
set_channel $host prod requireSignedCommits true
not_ok "where commits must be signed" push work
like "$(cat push.out)" 'windlass\.prod\.rollback: .* set windlass\.prod\.editorKey to a key that ' \
	"a key for that is asked for"
git -C $host config --unset windlass.prod.requireSignedCommits
git -C $host config --unset windlass.prod.developers
set_channel $host prod rollback never
push work || bail "$(cat push.out)"
left 'windlass\.prod\.rollback is not on-failure' "off is off"
is "$(hook $host rollback-failed)" "" "also for all channels"
set_channel $host prod rollback 'on-failure for 1h'
like "$(hook $host doctor)" 'ok +prod: rollback: .* failed for 1h' "doctor says that it is on"

# ---- when not

left 'prod@eu-1 has not reported yet' "while nobody reported"
failed
left '1\.1 failed, and is the first of its epoch' "the first bundle"
first=$(tip) content=$(content)
config web two
config new two
put work docs/read.yaml ConfigMap read shop
commit_push work "second, which fails" || bail "push"
second=$(tip)
left 'prod@eu-1 is at 1\.1' "while clusters are at the one before"
said 9999 failed applying
left 'prod@us-1 says applying of 1\.2' "while one is at work"
said 600 failed healthy
left 'prod@us-1 says healthy of 1\.2' "while one is well"
failed 60
left '1\.2 has failed for [0-9ms]+ so far$' "while one has not failed for long"

# ---- back, by serve

serve
# both_failed SINCE: and why
both_failed() {
	failure "Deployment.apps shop/web" deploy/prod/web.yaml:1 \
		ImagePullBackOff 'Back-off pulling image "web:2"'
	is "$(r_cluster=eu-1 r_phase=failed r_since=$1 r_reason=Failed \
		r_objects='2 1 0 1 0 0' r_message='1 object failed' send)" 204 \
		"one failed"
	failure "ConfigMap shop/new" deploy/prod/new.yaml:1 Forbidden \
		'Windlass-Allow-Deletes: 99'
	is "$(r_cluster=us-1 r_phase=failed r_since=$1 r_reason=Failed \
		r_objects='2 1 0 1 0 0' r_message='quota exceeded' send)" 204 \
		"so did the other"
}
began=$(now_text)
both_failed "$began"
clock_jump 3601
both_failed "$began"
back_at() { [ "$(trailer $host prod Sequence)" = "$1" ] && [ "$(head_field $host prod sequence)" = "$1" ]; }
ok "serve goes back" wait_for 60 back_at 3
is "$(content)" "$content" "to the same content"
ok "in a bundle of its own" stock_chain $host prod
is "$(git -C $host rev-parse main^)" "$second" "by one commit on the tip"
is "$(tree main)" "$(tree "$first")" "the files are those of then"
ok "other paths stay" git -C $host cat-file -e main:docs/read.yaml
message=$(git -C $host log -1 --format=%B main)
like "$message" '^Roll prod back to 1\.1$' "the subject says it"
like "$message" '^1\.2 failed in every cluster for 1h, and nothing was pushed since:$' "the message why"
like "$message" '^  eu-1: Failed: 1 object failed$' "which cluster said what"
like "$message" '^    deploy/prod/web\.yaml:1: Deployment\.apps shop/web: ImagePullBackOff: Back-off pulling image "web:2"$' \
	"of which object, at file and line"
like "$message" '^  us-1: Failed: quota exceeded$' "and the other"
is "$(git -C $host log -1 --format='%(trailers:only)' main | grep .)" \
	"Windlass-Rollback: prod 1.1" "one trailer, and none that a cluster made up"
is "$(git -C $host log -1 --format='%an <%ae>' main)" \
	"windlass prod <prod@host.example>" "by the editor"
like "$(git -C $host log -1 --format=%B $second..main)" "  ${second:0:12} second, which fails" \
	"the commit that is taken back is named"
wait_for 30 grep -q 'job-done command=rollback-failed channel=prod' serve.log
like "$(grep 'job-done command=rollback-failed channel=prod' serve.log)" \
	'prod: 1\.2 failed, refs/heads/main is' "its log says so"
is "$(undone)" 1 "once"
stop serve

# ---- not twice

failed
left '1\.3 failed, and came by a rollback itself' "what came by a rollback"
pull
put work docs/read.yaml ConfigMap read shop three
commit_push work "of other paths" || bail "push"
left '1\.3 failed, and came by a rollback itself' "also when something else was pushed since"
config web four
commit_push work "four" || bail "push"
failed
ok "the next push that fails" undo
like "$(cat out)" '^prod: 1\.4 failed, refs/heads/main is [0-9a-f]{12}: the source of 1\.3$' \
	"goes back to the one before it"
is "$(tree main)" "$(tree "$first")" "of the same files as the first"
is "$(undone)" 2 "by another commit"
pull

# ---- what a pusher says of their own commit

config web pushed
commit_push work "of my own

Windlass-Rollback: prod 1.1" || bail "push"
failed
ok "a push that says it is a rollback, and fails" undo
like "$(cat out)" '^prod: 1\.6 failed, refs/heads/main is [0-9a-f]{12}: the source of 1\.5$' \
	"is rolled back as any other"
is "$(tree main)" "$(tree "$first")" "to the files before it"
failed
left '1\.7 failed, and came by a rollback itself' "which is not gone back from"
sed -i '2s/.$/x/' $host/windlass/prod/rolled-back
ok "one whose record was damaged" undo
like "$(cat out)" '^prod: 1\.7 failed, .*: the source of 1\.6$' "is, once"
failed
left '1\.8 failed, and came by a rollback itself' "and no more"
pull

# ---- something else is there by now

config web five
commit_push work five || bail "push"
failed
mv $host/hooks/post-receive post-receive
config web repaired
commit_push work "repaired" || bail "push"
left '1\.9 failed, and refs/heads/main is something else by now' "a repair on its way"
mv post-receive $host/hooks/post-receive
ok "it is published" hook $host publish prod

# ---- deletions: what the failed one brought may go, and no more

for i in {1..12}; do config "many-$i" x; done
commit_push work "many" || bail "push"
failed
ok "what brought a dozen objects" undo
like "$(cat out)" 'prod 1\.12 published \(\+0 ~0 -12\)' "goes back though it deletes them"
pull

# ---- killed, and several at once

if grep -q '^#define ENABLE_FAULTS 1' "$WINDLASS_BUILD/config.h"; then
	for step in undo_judged undo_made undo_pushed checked ref_moved; do
		config web "killed at $step"
		commit_push work "$step" || bail "$(cat push.out)"
		before=$(undone) good=$(git -C $host rev-parse refs/windlass/prod^:objects)
		failed
		WINDLASS_CRASH_AT=$step undo 2>/dev/null
		ok "after one that was killed at $step another" undo
		ok "and publish" hook $host publish prod
		is "$(undone)" $((before + 1)) "went back once"
		is "$(git -C $host rev-parse refs/windlass/prod:objects)" "$good" \
			"to what it was"
		ok "in good bundles" stock_published $host prod
		pull
	done
fi
config web crowd
commit_push work crowd || bail "push"
failed
before=$(undone)
for i in 1 2 3 4 5; do
	hook $host rollback-failed prod >"crowd.$i" 2>&1 &
done
wait
is "$(undone)" $((before + 1)) "five at once go back once"
is "$(grep -l ': the source of' crowd.? | wc -l)" 1 "one says so"
is "$(grep -l 'nothing to roll back' crowd.? | wc -l)" 4 "and the others that there is nothing"
pull

# ---- what was well for long fails of something else

record() { hook $host record-reports >/dev/null; }
config web well
commit_push work well || bail "push"
said 6400 healthy healthy
record
failed
record
left '1\.[0-9]+ failed, after prod@eu-1 had been healthy with it for 1h4[67]m' \
	"what had been healthy for an hour"
config web brief
commit_push work brief || bail "push"
before=$(undone)
said 1800 healthy healthy
record
failed
record
ok "what was so for half an hour" undo
is "$(undone)" $((before + 1)) "is gone back from"
pull
config web unrecorded
commit_push work unrecorded || bail "push"
before=$(undone)
said 1800 healthy healthy
record
healthy=$(git -C $host for-each-ref --format='update %(refname) %(objectname)' \
	refs/windlass-status/prod/eu-1 refs/windlass-status/prod/us-1)
failed
git -C $host update-ref --stdin <<<"$healthy"
ok "also where the repository has not heard yet that it failed" undo
is "$(undone)" $((before + 1)) "it is"
pull

# ---- nothing but time

set_channel $host prod rollback 'on-failure for 3s'
config web timed
commit_push work timed || bail "push"
rm $host/windlass/prod/reports/*
before=$(undone)
long=$(printf 'x%.0s' {1..399})ä
serve
for cluster in eu-1 us-1; do
	is "$(r_cluster=$cluster r_phase=failed r_reason=Failed r_message=$long send)" 204 \
		"$cluster failed just now"
done
went() { [ "$(undone)" = $((before + 1)) ]; }
ok "serve goes back when the time is over, and nobody says more" wait_for 60 went
git -C $host log -1 --format=%B main >message
ok "its message has whole characters" iconv -f UTF-8 -t UTF-8 -o /dev/null message
like "$(cat message)" "^  eu-1: Failed: ${long%ä}\.\.\.\$" "where it is cut, too"
ok "to its end" wait_for 60 grep -q 'job-done command=rollback-failed.* the source of' serve.log
stop serve
set_channel $host prod rollback 'on-failure for 1h'
ok "publish" hook $host publish prod
pull

# ---- what a gate refuses

config web refused
commit_push work refused || bail "push"
failed
set_channel $host prod requiredLabels team
not_ok "what today's rules refuse" undo
like "$(cat err)" 'prod: not rolled back: the push to refs/heads/main was refused' "is refused"
like "$(cat out)" 'deploy/prod/web\.yaml:[0-9:]+ error: .*team' "and says why"
git -C $host config --unset windlass.prod.requiredLabels

# ---- another place to push to, as under a forge

git clone -q --bare $host forge.git
git -C $host config windlass.pushUrl "$TRASH/forge.git"
here=$(tip)
ok "with pushUrl" undo
is "$(tip)" "$here" "the ref here is the forge's to move"
is "$(git -C forge.git rev-parse main^)" "$here" "it went there"
there=$(git -C forge.git rev-parse main)
# refused, or in the same second the same commit
undo
is "$(git -C forge.git rev-parse main)" "$there" \
	"once more, before it came back from there: it does not go there twice"
git -C $host config --unset windlass.pushUrl

# ---- where the channel waits for another one

set_channel $host other reporters "$TRASH/reporters"
set_channel $host prod after 'other for 7d'
ok "what was live before does not wait" undo
like "$(cat out)" 'prod 1\.[0-9]+ published' "and is published"
git -C $host config --unset windlass.prod.after

# ---- signed

pull
{
	developer_line ada keys/ada
	make_key robot
	developer_line robot keys/robot
} >developers
sign_as work ada
config web signed
commit_push work signed || bail "push"
set_channel $host prod developers "$TRASH/developers"
set_channel $host prod editorKey "$TRASH/keys/robot"
set_channel $host prod requireSignedCommits true
set_channel $host prod requireSignedPush true
git -C $host config receive.certNonceSeed "$(openssl rand -hex 32)"
failed
ok "where all must be signed" undo
is "$(trailer $host prod Pushed-By)" robot "the editor's key does it"
done_testing
