#!/bin/bash
# notByPusher from end to end: pushes signed by git, the Git host that names
# who pushed, the Channel that waits for somebody else, and says so.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-developers.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace pusher
channel=pusher-$$
for name in alice bob; do
	make_key "$name"
done
config() {
	mkdir -p "work/deploy/$channel"
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: %s}\ndata: {a: "%s"}\n' \
		"$ns" "$1" >"work/deploy/$channel/one.yaml"
}
value() { k -n "$ns" get configmap one -o 'jsonpath={.data.a}' 2>/dev/null; }
new_bundle() {
	config "$1"
	commit_push work "$@" || { test_show push.out; return 1; }
	git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
	bundle=$(git -C work rev-parse "refs/bundles/$channel")
	sequence=$(approval_field work "$bundle" Sequence)
}
waits() { wait_for 40 is_waiting "$1"; }
is_waiting() {
	local text
	text=$(condition "$channel" Applied)
	[[ $text == "False WaitingForApproval bundle 1.$sequence: "* ]] &&
		[[ $text == *"$1"* ]]
}
applied() { wait_applied "$channel" "$sequence" 40; }
by() { approve work "keys/$1" "$1" approve "$bundle"; }

{ approver_line alice keys/alice; approver_line bob keys/bob; } >list
make_host host.git "$channel"
set_channel host.git "$channel" approvers "$TRASH/list"
set_channel host.git "$channel" developers "$TRASH/list"
git -C host.git config receive.certNonceSeed seed
make_clone host.git work
sign_as work alice
new_bundle first --signed || bail "the first push"
serve_start host.git || bail "serve does not start"
install() {
	windlass install "$channel" --from host.git --url "$URL" \
		--cluster-admin --apply --approvers list --approvals 1 "$@" 2>&1
}
channel_install host.git "$channel" --cluster-admin --approvers list \
	--not-by-pusher >/dev/null || bail "install failed"
is "$(k get channel "$channel" -o 'jsonpath={.spec.approvals.notByPusher}')" \
	true "the Channel asks for it"
like "$(install)" 'nobody approves what they pushed, which this would take away: give --not-by-pusher' \
	"to install again without it is refused"
ok "with it it is not" install --not-by-pusher
engine_start || bail "windlassd does not start: $(cat engine.log)"

ok "a bundle waits for whoever did not push it" waits \
	"has none; bob can give it by"
ok "who pushed approves it" by alice
like "$(cat approve.out)" \
	'alice pushed what is new in it, so a Channel with notByPusher does not count' \
	"the Git host says that this may not count"
ok "it does not" waits \
	"has none; bob can give it by \`windlass approve $channel\` ('alice' pushed what is new"
is "$(value)" "" "nothing is applied"
printf 'publisher namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 "keys/$channel.pub")" >publishers
verify() {
	windlass verify --repo host.git --publishers publishers --approvers list \
		--approvals 1 "$@" "$channel"
}
ok "for verify it is one" verify
not_ok "but not if asked so" verify --not-by-pusher
like "$(verify --not-by-pusher)" "approval +'alice' pushed what is new in it" \
	"which it says"
ok "somebody else does" by bob
ok "which verify counts" verify --not-by-pusher
ok "and it is" applied
is "$(value)" first "as it was pushed"

new_bundle second --signed
ok "alice pushes the next" waits 'bob can give it'
sign_as work bob
new_bundle third --signed
ok "and bob one on top: now neither can alone" waits \
	"approvers names nobody who could give it now"
ok "bob approves" by bob
ok "which does not count" waits "('bob' pushed what is new"
k patch channel "$channel" --type merge \
	-p '{"spec":{"approvals":{"notByPusher":false}}}' >/dev/null
ok "an admin lets it in" applied
k patch channel "$channel" --type merge \
	-p '{"spec":{"approvals":{"notByPusher":true}}}' >/dev/null

new_bundle fourth
ok "a push that was not signed waits" waits \
	"(it does not say who pushed all that is new, so that under spec.approvals.notByPusher nobody can approve it: push by git push --signed)"
ok "one approves" by alice
ok "another does" by bob
sleep 2
ok "and it waits on" waits "it does not say who pushed"
is "$(value)" third "with what there was"
done_testing
