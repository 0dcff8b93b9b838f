#!/bin/bash
# A channel on a branch of its own that waits for one on another branch; that
# time alone lets it through; signed pushes; approvals; a history that is made
# anew; and whatever is killed.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-developers.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-clock.sh"
clock_use
clock_everywhere
host=host.git
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org

make_host $host
add_channel $host staging deploy refs/heads/main
add_channel $host prod deploy refs/heads/release
make_clone $host work
new_reporter eu-1
set_channel $host staging reporters "$TRASH/reporters"
set_channel $host prod after 'staging for 1h'

change() { put work deploy/web.yaml ConfigMap web shop "$1"; commit work "$1"; }
tip() { git -C work rev-parse HEAD; }
# says PHASE: now; still: the same once more; well: it is for an hour
says() { since=$(now_text) phase=$1; still; }
still() {
	is "$(r_channel=staging r_phase=$phase r_since=$since send staging)" \
		204 "staging is $phase"
}
well() { says healthy; clock_jump 3601; still; }
# was_well: it was, until nobody listened any more
was_well() { serve; says healthy; stop serve; clock_jump 3601; }
release() { # COMMIT [ARGUMENT...]
	git -C work push "${@:2}" origin "$1:refs/heads/release" >push.out 2>&1
}
source_is() {
	[ "$(trailer $host prod Source-Commit)" = "$1" ] &&
		[ "$(head_field $host prod bundle)" = "$(bundle $host prod)" ]
}
proven() { grep -q "^$(bundle $host staging) " $host/windlass/prod/proven; }
publish() { hook $host publish prod >out 2>err; }

# ---- what was proven before it comes to the branch

change one
push work || bail "push"
one=$(tip)
serve
well
ok "a bundle is proven before anybody releases it" wait_for 30 proven
change two
push work || bail "push"
two=$(tip)
says healthy
ok "the older commit is released" release "$one"
like "$(cat push.out)" 'windlass: prod 1\.1 (published|is published already)' "at once, whatever is on staging now"
ok "it is that one" source_is "$one"
ok "the newer one" release "$two"
like "$(cat push.out)" "windlass: prod waits: staging must be healthy for 1h with ${two:0:12}; staging has been so for [0-9]+s" \
	"waits"
like "$(windlass status --repo $host prod)" \
	"^  ${two:0:12} of refs/heads/release waits: after staging for 1h$" "status says so"
is "$(windlass status --repo $host --output json prod | jq -c .waiting)" \
	"{\"after\":\"staging for 1h\",\"commit\":\"$two\",\"ref\":\"refs/heads/release\"}" \
	"as it does for programs"
waiting() { windlass status --repo $host --output json prod | jq -r '.waiting.commit'; }
stop serve
git -C $host config --unset windlass.prod.after
hook $host record-reports >/dev/null
is "$(waiting)" null "without the setting nothing does"
set_channel $host prod after 'staging for 1h'
publish
is "$(waiting)" "$two" "with it again it does"
set_channel $host prod requiredLabels team
serve
clock_jump 3700
still
ended() { [ "$(waiting)" = null ]; }
ok "what waited long enough, and is refused then, waits no more" wait_for 30 ended
git -C $host config --unset windlass.prod.requiredLabels
publish
ok "until it is proven" wait_for 30 source_is "$two"
ok "good for stock tools" stock_chain $host prod
is "$(windlass status --repo $host --output json prod | jq -c .waiting)" null \
	"and nothing waits"

# ---- a commit that staging never had

git -C work checkout -q -b fix
change hotfix
fix=$(tip)
ok "a commit of the branch alone" release "$fix"
like "$(cat push.out)" 'prod waits: .*; staging does not have it' "waits for staging to have it"
git -C work checkout -q main 2>/dev/null || git -C work checkout -q -B main "$two"
git -C work merge -q --ff-only fix
ok "when it does" push work
well
ok "it is published" wait_for 30 source_is "$fix"

# ---- nothing but time

set_channel $host prod after 'staging for 3s'
change timed
push work || bail "push"
release HEAD || bail "release"
like "$(cat push.out)" 'prod waits: staging must be healthy for 3s' "it waits"
says healthy
ok "serve publishes it when the time is over, and nobody says more" \
	wait_for 30 source_is "$(tip)"
ok "and asks Git for no more than that" test \
	"$(grep -c 'job-started command=publish channel=prod' serve.log)" -le 12
set_channel $host prod after 'staging for 1h'

# ---- approvals

make_key alice
approver_line alice keys/alice >approvers
set_channel $host prod approvers "$TRASH/approvers"
git -C work fetch -q origin '+refs/windlass/*:refs/windlass/*'
ok "what was promoted can be approved" approve work keys/alice alice approve \
	"$(bundle $host prod)"
like "$(head_field $host prod approvals)" '^sha256:' "and the head says so"

# ---- signed pushes: inside of one nobody signed for the commits

set_channel $host staging reporters "$TRASH/reporters"
make_key ada
developer_line ada keys/ada >developers
set_channel $host prod developers "$TRASH/developers"
set_channel $host prod requireSignedPush true
git -C $host config receive.certNonceSeed "$(openssl rand -hex 32)"
git -C work config gpg.format ssh
git -C work config user.signingKey "$TRASH/keys/ada"
change signed-1
push work || bail "push"
well
proven_now() { wait_for 30 proven; }
ok "a commit is proven" proven_now
first=$(tip)
change signed-2
push work || bail "push"
ok "and released together with another one" release HEAD --signed
like "$(cat push.out)" 'prod waits: ' "which is not: both wait"
unlike "$(cat push.out)" 'not published' "without a fault"
well
ok "then both come" wait_for 30 source_is "$(tip)"
is "$(trailer $host prod Pushed-By)" ada "by who pushed them"
is "$(git -C $host log --format=%B refs/windlass/prod --grep "$first")" "" \
	"the first was never published by itself"
change signed-3
push work || bail "push"
release HEAD --signed || bail "release"
off_clock touch -c -d '3 days ago' $host/windlass/prod/pushed/*
change signed-4
push work || bail "push"
release HEAD --signed || bail "release"
ok "publish meanwhile" publish
is "$(find $host/windlass/prod/pushed -type f | wc -l)" 2 \
	"certificates of what waits for days are kept"
well
ok "and count" wait_for 30 source_is "$(tip)"
git -C $host config --unset windlass.prod.developers
git -C $host config --unset windlass.prod.requireSignedPush

# ---- killed

stop serve
if grep -q '^#define ENABLE_FAULTS 1' "$WINDLASS_BUILD/config.h"; then
	for step in chosen checked ref_moved head_renamed; do
		change "killed-$step"
		push work || bail "push"
		release HEAD || bail "release"
		was_well
		WINDLASS_CRASH_AT=$step publish 2>/dev/null
		is $? 137 "publish is killed at $step"
		ok "the next one goes on" publish
		ok "with the same commit" source_is "$(tip)"
		ok "and all is good" stock_chain $host prod
	done
fi

# ---- a branch that is set back, and history that is made anew

was_well
ok "the branch is set back" release "$two" --force
like "$(cat push.out)" 'windlass: prod 1\.[0-9]+ (published|is published already)' \
	"to what is proven: at once"
ok "it is that" source_is "$two"
release main || bail "release"
ok "and forward again" source_is "$(tip)"

old=$(tip)
git -C work reset -q --hard "$one"
change anew
push work --force || bail "$(cat push.out)"
ok "history is made anew" release HEAD --force
like "$(cat push.out)" 'prod waits: ' "it waits"
ok "what is published stays" source_is "$old"
git -C $host reflog expire --expire=now --all
git -C $host gc -q --prune=now
ok "also when its commit is gone" publish
like "$(cat out)" '^prod 1\.[0-9]+ is published already$' "it stays"
was_well
ok "publish" publish
ok "then the new one is published" source_is "$(tip)"
done_testing
