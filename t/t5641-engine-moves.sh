#!/bin/bash
# An object that one push moves from one channel to another is never deleted,
# when the one that gets it is suspended or waits for an approval, or the one
# that has it is suspended; what does not move is deleted meanwhile. When no
# bundle of the other one names it any more, it goes.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace moves
one=moves-one-$$
two=moves-two-$$

there() { k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
gone() { ! there "$1"; }
field() { k -n "$ns" get configmap "$1" -o "jsonpath=$2"; }
uid() { field "$1" '{.metadata.uid}'; }
is_owner() { [ "$(field "$1" '{.data.text} {.metadata.managedFields[*].manager}')" = "$2 windlass-$2" ]; }
json() { k get channel "$1" -o "jsonpath=$2"; }
suspend() {
	k patch channel "$2" --type merge -p "{\"spec\":{\"suspend\":$1}}" >/dev/null
	[ "$1" = false ] || wait_condition "$2" Suspended True 20
}
config() { put work "deploy/$1/$2.yaml" ConfigMap "$2" "$ns" "$1"; }
move() { rm "work/deploy/$1/$3.yaml"; config "$2" "$3"; }
fetched() { grep -q "bundle-verified .*channel=$1 .*sequence=$2" engine.log; }
accepted() { [ "$(json "$1" '{.status.accepted.sequence}')" = "$2" ]; }
blocked() { condition "$1" PruneBlocked | grep -qE "^True PruneBlocked .*$2"; }
failure() { [ "$(json "$1" '{.status.failures[0].reason}')" = "$2" ]; }

make_host host.git "$one" "$two"
for channel in $one $two; do set_channel host.git "$channel" deleteLimit 100; done
make_clone host.git work
for name in keep first second third fourth fifth drops; do config $one $name; done
config $two base
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
for channel in $one $two; do
	channel_install host.git "$channel" --namespaces "$ns" >/dev/null || bail "install failed"
done
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "two channels are applied" wait_applied "$one" 1 40
ok "both of them" wait_applied "$two" 1 40

# ---- the one that gets it is suspended ----
before=$(uid first)
suspend true "$two"
move $one $two first
rm "work/deploy/$one/drops.yaml"
commit_push work second
ok "moved to a suspended channel: the other one drops it" wait_for 20 accepted "$one" 2
ok "what goes to nobody is deleted" wait_for 20 gone drops
ok "what moves stays, and the status says for whom" wait_for 20 blocked "$one" \
	"ConfigMap $ns/first: it stays for channel '$two', whose next bundle names it but is not accepted yet" ||
	condition "$one" PruneBlocked | sed 's/^/# /'
sleep 3
is "$(uid first)" "$before" "it is the same object"
is "$(json "$two" '{.status.accepted.sequence}')" 1 "the suspended one has taken nothing"

# ---- also after a restart, and beside a newer bundle ----
engine_kill
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "after a restart" wait_for 20 blocked "$one" "first: it stays for channel '$two'"
sleep 3
config $one keep2
commit_push work third
ok "a newer bundle of the one that has it is applied as far" wait_for 20 there keep2
is "$(uid first)" "$before" "it is still the same object"
suspend false "$two"
ok "when the other one goes on it gets it" wait_applied "$two" 2 30
ok "the first one is done with it" wait_applied "$one" 3 30
is "$(uid first)" "$before" "without a delete"
ok "it is the other's" wait_for 20 is_owner first "$two"

# ---- the one that has it is suspended ----
before=$(uid second)
suspend true "$one"
move $one $two second
commit_push work fourth
ok "what a suspended channel has is refused to others" wait_for 20 failure "$two" OtherChannel
sleep 1
is "$(uid second) $(field second '{.data.text}')" "$before $one" "it is left as it is"
suspend false "$one"
ok "when it goes on it lets go" wait_applied "$one" 4 30
ok "and the other one has it" wait_applied "$two" 3 30
is "$(uid second)" "$before" "without a delete"
ok "as its own" is_owner second "$two"

# ---- both are ----
before=$(uid third)
suspend true "$one"
suspend true "$two"
move $one $two third
commit_push work fifth
wait_for 20 fetched "$two" 4
suspend false "$one"
ok "of two that are suspended the one that has it goes on" wait_for 20 blocked "$one" \
	"third: it stays for channel '$two'"
is "$(uid third)" "$before" "it stays"
suspend false "$two"
ok "then the other one" wait_applied "$two" 4 30
ok "and both are done" wait_applied "$one" 5 30
is "$(uid third)" "$before" "without a delete"

# ---- the one that gets it waits for an approval ----
before=$(uid fourth)
ssh-keygen -q -t ed25519 -N '' -f approver
k patch channel "$two" --type merge -p "$(jq -n --arg a "ada namespaces=\"git\" $(cut -d' ' -f1,2 approver.pub)
" '{spec:{approvals:{required:1,approvers:$a}}}')" >/dev/null
move $one $two fourth
commit_push work sixth
ok "moved to a channel that waits for approval" wait_condition "$two" Applied False 20 WaitingForApproval
ok "it stays" wait_for 20 blocked "$one" "fourth: it stays for channel '$two'"
sleep 2
is "$(uid fourth)" "$before" "as it was"
# and comes back
config $one fourth
rm "work/deploy/$two/fourth.yaml"
commit_push work seventh
ok "moved back before that" wait_applied "$one" 7 30
is "$(uid fourth)" "$before" "it is as if nothing had been"

# ---- in the end it goes to nobody ----
move $one $two fifth
commit_push work eighth
ok "moved once more" wait_for 20 blocked "$one" "fifth: it stays for channel '$two'"
rm "work/deploy/$two/fifth.yaml"
commit_push work ninth
ok "what the other one does not name in the end is deleted" wait_for 90 gone fifth
ok "and the one that had it is done" wait_applied "$one" 8 30
done_testing
