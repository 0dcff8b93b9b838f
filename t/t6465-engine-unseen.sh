#!/bin/bash
# What an engine cannot see is not taken for nothing: what approvers say and
# nobody can read may be a reject, and an engine that lost its disk, and cannot
# read the bundle that runs, deletes no more than anybody would have let through.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-forged.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-faults.sh"
forged_begin unseen
write=PATCH_/apis/windlass.dev/v1alpha1/channels/$channel/status

accepted() { [ "$(json '{.status.accepted.sequence}')" = "$1" ]; }
held() { grep -c '^HELD ' web.log; }
is_held() { [ "$(held)" -gt "$1" ]; }

mkdir keys
ssh-keygen -q -t ed25519 -N '' -C alice -f keys/alice </dev/null
port=$(free_port)
start web "$TEST_DIR/odd-server.py" "$port" "$public"
URL=http://127.0.0.1:$port/held-packs
touch "$public/release"
for name in one two three four kept; do config_map "$name" '"first"'; done
bundle
publish
forged_open "http://127.0.0.1:$port/plain"
forged_channel "deleteLimit: 2"
proxy_start
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60
was=$bundle

# ---- approvals that cannot be read ----
approvers=("approvals:" "  approvers: |" "    $(approver_line alice keys/alice)")
forged_channel "deleteLimit: 2" "${approvers[@]}"
config_map kept '"second"'
bundle
h_approvals="sha256:$(printf '%064d' 1) 100" publish
honest
ok "approvals that cannot be had: the bundle waits" \
	wait_condition "$channel" Applied False 30 WaitingForApproval
like "$(condition "$channel" Applied)" \
	'needs nobody.s approval, but what approvers say of it cannot be read, which may be a reject: .*404' \
	"though nobody need approve it, which is said"
h_approvals=$(printf 'tag 5\nhello' | add_pack) make_head
unreadable() {
	[[ $(condition "$channel" Applied) == *"cannot be read, which may be a reject: "*"has no SSH signature"* ]]
}
ok "approvals that are none: it waits" wait_for 30 unreadable
h_approvals=$(votes "$(approval bundles.git keys/alice reject "$bundle")") \
	make_head
ok "and a reject it was" wait_condition "$channel" Applied False 30 Rejected
ok "which was never accepted" accepted 1
config_map kept '"third"'
bundle
h_approvals="sha256:$(printf '%064d' 1) 100" publish
honest
ok "the next waits as well" wait_for 30 eval \
	'[[ $(condition "$channel" Applied) == "False WaitingForApproval bundle 1.3: "* ]]'
h_approvals=$(votes "$(approval bundles.git keys/alice approve "$bundle")") \
	make_head
ok "until it can be read what they say" wait_applied "$channel" 3 30
forged_channel "deleteLimit: 2"

# ---- a bundle that deletes, accepted by an engine that cannot count that ----
engine_kill
rm -rf state
was=$bundle
for name in one two three four; do drop "$ns" '' ConfigMap "$name"; done
config_map kept '"fourth"'
bundle
: >index.txt
packs
sed -i '/^delta/d' index.txt
delta=none make_head
hidden=$public/$channel/packs/$(sed -n \
	's/^index sha256:\([0-9a-f]*\) .*/\1/p' "$public/$channel/head")
rules "1000 $write status 500"
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start again"
ok "of a host that keeps back what runs the next bundle is verified" \
	wait_line 30 engine.log 'bundle-verified .*sequence=4 '
begun=$(grep -c "^PATCH ${write#PATCH_}" proxy.log)
tried() { [ "$(grep -c "^PATCH ${write#PATCH_}" proxy.log)" -gt $((begun + 1)) ]; }
wait_for 30 tried || bail "its acceptance is not written"
rm "$public/release"
asked=$(held)
rules
ok "it is accepted" wait_for 40 accepted 4
ok "what it takes away is asked for" wait_for 20 is_held "$asked"
ok "and does not come" wait_line 30 engine.log 'applied-not-at-hand '
is "$(live_count)" 5 "nothing is deleted"

# now it shows it
rm "$hidden"
echo "base $was $(base_pack "$was" | add_pack)" >>index.txt
delta=none make_head
touch "$public/release"
ok "when it comes what goes is counted, and left" \
	wait_line 60 engine.log 'deletes-left .*objects=4 limit=2'
ok "the bundle is applied" wait_applied "$channel" 4 30
is "$(live_count)" 5 "nothing is deleted"
leftovers() { [ "$(json '{.status.leftovers[*]}' | wc -w)" -ge "$1" ]; }
ok "what is left over is listed" wait_for 20 leftovers 4
like "$(condition "$channel" PruneBlocked)" '^True Leftovers ' "and asked about"
engine_kill
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start again"
ok "after a restart, too" wait_for 30 leftovers 4
is "$(live_count)" 5 "nothing is deleted"
k annotate channel "$channel" windlass.dev/prune-leftovers=4 >/dev/null
gone() { [ "$(live_count)" = 1 ]; }
ok "an admin says that they go" wait_for 30 gone
done_testing
