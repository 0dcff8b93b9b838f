#!/bin/bash
# While it cannot be written down that a bundle is accepted, people go on
# editing: what is stored in the end was judged by the spec that is stored
# beside it, and by what approvers said by then.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace anew
channel=anew-$$
make_key alice
make_key bob
write=PATCH_/apis/windlass.dev/v1alpha1/channels/$channel/status

{ approver_line alice keys/alice; approver_line bob keys/bob; } >approvers
make_host host.git "$channel"
set_channel host.git "$channel" approvers "$TRASH/approvers"
make_clone host.git work
configs 1 one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
proxy_start
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

spec() { k patch channel "$channel" --type merge -p "{\"spec\":$1}" >/dev/null; }
approvers() {
	spec "$(printf '{"approvals":{"approvers":"%s","required":%s}}' \
		"$(sed 's/"/\\"/g; s/$/\\n/' "$2" | tr -d '\n')" "$1")"
}
accepted() {
	k get channel "$channel" -o 'jsonpath={.status.accepted.sequence}'
}
# hold TEXT: a bundle of whose acceptance nothing can be written
hold() {
	rules "1000 $write status 500"
	configs 1 "$1"
	commit_push work "$1"
	git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
	bundle=$(git -C work rev-parse "refs/bundles/$channel")
}
verified() {
	[ "$(grep -c "bundle-verified.*bundle=$bundle" engine.log)" -ge "$1" ]
}
writes() { grep -c "^PATCH ${write#PATCH_}" proxy.log; }
written() { [ "$(writes)" -ge "$1" ]; }
# tried N: it was told N times, and its acceptance was written in vain
tried() {
	wait_for 30 verified "$1" && wait_for 40 written $(($(writes) + 2))
}
anew() { grep -c "bundle-judged-anew.*bundle=$bundle" engine.log; }
is_anew() { [ "$(anew)" -ge 1 ]; }
condition_says() { [[ $(condition "$channel" "$1") == $2 ]]; }

hold two
ok "a bundle is judged, which cannot be written down" tried 1
spec '{"suspend":true}'
ok "who suspends the channel meanwhile" wait_for 40 is_anew
rules
ok "is heard" wait_condition "$channel" Suspended True 40
sleep 1
is "$(accepted) $(text o-1)" "1 one" "nothing was accepted"
spec '{"suspend":false}'
ok "until the channel goes on" wait_applied "$channel" 2 40
is "$(text o-1)" two "with all of it"

approvers 1 approvers
hold three
ok "somebody approves the next" approve work keys/alice alice approve "$bundle"
ok "which cannot be written down" tried 2
grep -v '^alice' approvers >fewer
approvers 1 fewer
ok "she is taken out of the list meanwhile" wait_for 40 is_anew
rules
ok "so it waits for somebody else" wait_for 40 condition_says Applied \
	'False WaitingForApproval bundle 1.3: *bob can give it*'
is "$(accepted) $(text o-1)" "2 two" "and is not accepted"
ok "who does" approve work keys/bob bob approve "$bundle"
ok "then it is" wait_applied "$channel" 3 40

approvers 1 approvers
hold four
ok "one approves" approve work keys/alice alice approve "$bundle"
ok "while that cannot be written down" tried 2
ok "another rejects" approve work keys/bob bob reject "$bundle"
ok "it is judged once more" wait_for 40 is_anew
rules
ok "and stopped" wait_for 40 condition_says Applied 'False Rejected bundle 1.4: *'
is "$(accepted) $(text o-1)" "3 three" "it is not accepted"

hold five
ok "the next is approved" approve work keys/alice alice approve "$bundle"
ok "which cannot be written down either" tried 2
k label channel "$channel" seen=yes >/dev/null
rules
ok "what is no spec stops nothing" wait_applied "$channel" 5 40
is "$(anew)" 0 "and is not judged again"
done_testing
