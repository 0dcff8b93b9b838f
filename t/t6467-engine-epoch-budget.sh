#!/bin/bash
# A new epoch loosens nothing: two histories that are seen in it stay a fork,
# also where the floor that let it in had been raised before, and what a bundle
# of it deletes is counted though the last one that was applied is of the old.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-forged.sh"
. "$TEST_DIR/lib-approve.sh"
forged_begin budget

accepted() { is_json '{.status.accepted.epoch}.{.status.accepted.sequence}' "$1"; }
applied() { is_json '{.status.applied.epoch}.{.status.applied.sequence}' "$1"; }
live() {
	k -n "$ns" get configmap -l applyset.kubernetes.io/part-of \
		-o 'jsonpath={.items[*].metadata.name}'
}
is_live() { [ "$(live)" = "$1" ]; }
# heeded: the engine has seen the Channel as it is now, and written so
heeded() {
	[ "$(json '{.status.observedGeneration}')" = "$(json '{.metadata.generation}')" ]
}
in_epoch() { epoch=$1 seq=0 bundle=; : >index.txt; }

mkdir keys
ssh-keygen -q -t ed25519 -N '' -C alice -f keys/alice </dev/null
web_start
for name in one two three four; do config_map "$name" '"first"'; done
bundle
publish
forged_open
forged_channel
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

# ---- two histories of an epoch that an admin let in ----
approvals=("approvals:" "  required: 1" "  approvers: |"
	"    $(approver_line alice keys/alice)")
in_epoch 2
config_map one '"here"'
bundle
publish
forged_channel "epochFloor: 2" "${approvals[@]}"
ok "a bundle of a new epoch waits for its approval" \
	wait_condition "$channel" Applied False 30 WaitingForApproval
in_epoch 2
config_map one '"there"'
bundle
h_approvals=$(votes "$(approval bundles.git keys/alice approve "$bundle")") \
	publish
ok "another one in its place is a fork" \
	wait_condition "$channel" Forked True 30 SameSequence
is "$(json '{.status.forkedEpoch}')" 2 "of that epoch"
k patch channel "$channel" --type merge -p '{"spec":{"deleteLimit":7}}' >/dev/null
ok "whatever else of the Channel is changed" wait_for 20 heeded
like "$(condition "$channel" Forked)" '^True SameSequence ' "it stays one"
engine_kill
engine_start || bail "windlassd does not start again"
k patch channel "$channel" --type merge -p '{"spec":{"deleteLimit":8}}' >/dev/null
ok "by a new engine" wait_for 30 heeded
like "$(condition "$channel" Forked)" '^True SameSequence ' "too"
ok "nothing was accepted" accepted 1.1
not_ok "nor cleared" grep -q fork-cleared engine.log
is "$(live)" "four one three two" "nor touched"
forged_channel "epochFloor: 3"
ok "a floor above it clears it" wait_condition "$channel" Forked False 30
is "$(json '{.status.forkedEpoch}')" "" "and says so"

# ---- what is deleted while the last that was applied is of the old epoch ----
in_epoch 3
drop "$ns" '' ConfigMap four
for name in five six seven; do config_map "$name" '"third"'; done
config_map broken 5
bundle
publish
forged_channel "epochFloor: 3" "deleteLimit: 1"
ok "a bundle of the next epoch is accepted" wait_for 40 accepted 3.1
ok "all of it but one object is live" wait_for 30 is_live \
	"five four one seven six three two"
for name in five six; do drop "$ns" '' ConfigMap $name; done
bundle
publish
ok "one that deletes more than deleteLimit waits" \
	wait_condition "$channel" Applied False 30 WaitingForApproval
like "$(condition "$channel" Applied)" 'it deletes 2 objects, more than spec.deleteLimit \(1\)' \
	"and says so"
ok "the last that was applied is of the old epoch" applied 1.1
config_map six '"third"'
bundle
publish
ok "one that deletes no more is accepted" wait_for 30 accepted 3.3
ok "and what it deletes waits while an object cannot be applied" \
	wait_condition "$channel" PruneBlocked True 30 PruneBlocked
drop "$ns" '' ConfigMap six
bundle
publish
ok "one that deletes one more waits: two would be on their way" \
	wait_condition "$channel" Applied False 30 WaitingForApproval
like "$(condition "$channel" Applied)" 'it deletes 2 objects' "and says so"
engine_kill
rm -rf state
config_map six '"third"'
config_map broken '"whole"'
bundle
publish
engine_start || bail "windlassd does not start again"
ok "the next one, by an engine that has lost its disk" wait_for 40 applied 3.5
is_left() { is_json '{.status.leftovers}' "$1"; }
ok "what nobody could count is left" \
	wait_for 30 is_left "[\"ConfigMap $ns/five\",\"ConfigMap $ns/four\"]" || tail -n 40 engine.log
is "$(live)" "broken five four one seven six three two" "and live"
drop "$ns" '' ConfigMap six
bundle
publish
ok "what a bundle of the epoch takes away then" wait_for 40 applied 3.6
is "$(live)" "broken five four one seven three two" "is gone, alone"
done_testing
