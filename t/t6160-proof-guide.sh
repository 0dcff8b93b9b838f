#!/bin/bash
# contrib/guides/proof.md: each of its commands, on a channel that is live, by
# stock tools alone; and each finds the fault that it is there for.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
cluster_own
guide proof
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
git -C clone fetch -q origin '+refs/windlass/*:refs/windlass/*'
ok "alice approves" approve clone keys/alice alice approve \
	"$(bundle host.git prod)"
ok "it is live" wait_applied prod 2 60

# in the clone, with no windlass in the way
export url=$URL publisher=host
in_clone() { (cd clone && env PATH="$stock" bash -e -o pipefail "$1"); }
stock=
for dir in ${PATH//:/ }; do
	[ -e "$dir/windlass" ] || stock+=${stock:+:}$dir
done
run_block 'Who signed' 1 in_clone
run_block 'Who signed' 2 in_clone
run_block 'What is in it' 1 in_clone
run_block 'What is in it' 2 in_clone
run_block 'What is in it' 3 in_clone
like "$(cat .output)" 'objects/demo/core/ConfigMap/c.json' "what changed is shown"
run_block 'Who approved' 1 in_clone
like "$(cat .output)" 'Good "git" signature for alice' "alice is named"
run_block 'What is published' 1 in_clone
run_block 'What is live' 1 in_clone
guide_done

# ---- and they find what is wrong ----
# finds WHAT SECTION N: the block fails now
finds() {
	block "$2" "$3"
	not_ok "$1 is found" in_clone "$TRASH/block.sh"
}
k -n demo patch configmap a --type merge -p '{"data":{"text":"hand"}}' \
	>/dev/null
engine_kill
k -n demo patch configmap a --type merge -p '{"data":{"text":"by hand"}}' \
	>/dev/null
git -C clone worktree add -q --detach bundle refs/windlass/prod
finds "a change by hand" 'What is live' 1
sed -i 's/other/wrong/' clone/bundle/objects/demo/core/ConfigMap/a.json
git -C clone/bundle commit -q -a -m "$(git -C clone show -s --format=%B \
	refs/windlass/prod)"
forged=$(git -C clone/bundle rev-parse HEAD)
git -C clone worktree remove --force bundle
git -C host.git fetch -q ../clone "$forged"
git -C host.git update-ref refs/windlass/prod "$forged"
finds "a bundle that nobody signed" 'Who signed' 1
finds "a gap in the chain" 'Who signed' 2
finds "a file with another digest" 'What is in it' 1
git -C clone worktree remove --force bundle
finds "a head of another bundle" 'What is published' 1
sed -i 's/alice/carol/; s/ssh-ed25519 .*/'"$(cut -d' ' -f1,2 keys/prod.pub |
	sed 's/[\/&]/\\&/g')"'/' clone/approvers
git -C clone update-ref refs/windlass/prod "$forged^"
finds "an approval of somebody who is not listed" 'Who approved' 1

done_testing
