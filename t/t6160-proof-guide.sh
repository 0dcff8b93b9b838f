#!/bin/bash
# contrib/guides/proof.md: each of its commands, on a channel that is live, by
# stock tools alone. t6490 has the faults that they find.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-proof.sh"
cluster_own
make_key alice
approver_line alice keys/alice >approvers

make_host host.git prod
set_channel host.git prod approvers "$TRASH/approvers"
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
put work deploy/prod/a.yaml ConfigMap a demo
put work deploy/prod/b.yaml ConfigMap b demo
commit_push work one
put work deploy/prod/a.yaml ConfigMap a demo other
git -C work rm -q deploy/prod/b.yaml
put work deploy/prod/c.yaml ConfigMap c demo
commit_push work two
serve_start host.git || bail "serve does not start: $(cat serve.log)"
windlass install prod --from host.git --url "$URL" --cluster-admin \
	--approvers approvers --apply >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"

git clone -q "file://$TRASH/host.git" clone 2>/dev/null
cp approvers clone
printf 'host namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >clone/publishers
ok "its bundles are fetched" fetched
ok "alice approves" approve clone keys/alice alice approve \
	"$(bundle host.git prod)"
ok "it is live" wait_applied prod 2 60

# in the clone, with no windlass in the way
export url=$URL publisher=host
ok "so is the approval" fetched
proves 'Who signed' 1
proves 'Who signed' 2
proves 'What is in it' 1
proves 'What is in it' 2
run_block 'What is in it' 3 as_script
like "$(cat .output)" 'objects/demo/core/ConfigMap/c.json' "what changed is shown"
proves 'Who approved' 1
like "$(cat .output)" '^alice approves it until 20' "alice is named"
proves 'What is published' 1
run_block 'What is live' 1 as_script
like "$(cat .output)" '^good: the bundle is live' "which it says"
not_ok "the checkout is gone" test -e clone/bundle
guide_done

# ---- and they find what is wrong ----
k -n demo patch configmap a --type merge -p '{"data":{"text":"hand"}}' \
	>/dev/null
engine_kill
k -n demo patch configmap a --type merge -p '{"data":{"text":"by hand"}}' \
	>/dev/null
# each time with a checkout
again() {
	no_checkout
	git -C clone worktree add -q --detach bundle refs/windlass/prod
}
finds "a change by hand" 'what is live is not what was signed' 'What is live' 1
git -C clone update-ref refs/windlass/prod refs/windlass/prod^
finds "another bundle than the accepted one" 'another bundle was accepted' \
	'What is live' 1

done_testing
