#!/bin/bash
# contrib/runbooks/git-host-restored.md and new-epoch.md: a Git host that is
# older than its clusters catches up if somebody has the newest bundle, else
# begins a new epoch; nothing that should live is deleted, nothing older is
# applied, and what is left over goes when somebody says how much it is. So it is
# where only a clone without bundles is left.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-runbook.sh"
runbook_begin
mkdir backup
cp -a host.git backup/app.git
second_push
git clone -q --mirror host.git backup/newer.git
uids >before
live >versions

lose_host() {
	stop serve
	rm -rf host.git
	cp -a backup/app.git host.git
	serve_again
	ok "$1: the engine does not take it" \
		wait_condition prod Verified False 30 Rollback
}

# ---- somebody has the newest bundle ----
runbook git-host-restored
lose_host "restored"
said Ready Rollback
run_block Before 1 here
like "$(cat .output)" "^1.2 $(git -C backup/newer.git rev-parse refs/windlass/prod)$" \
	"what was accepted is shown"
run_block Before 2 here
is "$(tail -n 1 .output)" "$(bundle host.git prod)" "and what the host has"
edits_undone changed two
live >versions
stop serve
run_block "Catch up" 1 here
like "$(cat .output)" "^Source-Commit: $(git -C work rev-parse HEAD)$" \
	"the bundle is of the newest commit"
run_block "Catch up" 2 here
serve_again
run_block "It is over" 1 here
ok "the same bundle is accepted" accepted 1.2
is "$(live)" "$(cat versions)" "no object was touched"
ok "stock tools find one chain" stock_chain host.git prod
config changed three
ok "developers push on" commit_push work third
ok "and it is applied, under the next number" wait_applied prod 3 40
# what begins with a developer's clone is in t7180
for n in 1 2 3; do
	skip_block "Only a developer's clone is left" $n
done
skip_block "A clone without bundles" 1
guide_done

# ---- nobody has it ----
third=$(bundle host.git prod)
git clone -q --mirror host.git backup/third.git
lose_host "restored again"
runbook new-epoch
run_block Before 1 here
like "$(cat .output)" '^1 ' "the clusters' epoch is shown"
stop serve
run_block "On the Git host" 1 here
serve_again
ok "the cluster waits" wait_condition prod Verified False 30 EpochRefused
said Verified EpochRefused
# what was lost is pushed again, but for one object
git -C work rm -q deploy/prod/later.yaml
ok "developers push what was lost" commit_push work again
run_block "On the Git host" 2 here
like "$(cat .output)" '2\.2' "it is there to be looked at"
ok "nothing was taken" accepted 1.3
edits_undone changed three
live >versions
# who approves compares with what is live, over the epochs
printf 'host namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >publishers
git -C work config gpg.format ssh
git -C work config user.signingKey "$TRASH/keys/prod"
live_approve() {
	windlass approve --repo work --publishers publishers --live prod \
		>approve.out 2>&1 </dev/null
}
not_ok "with nobody to ask" live_approve
like "$(cat approve.out)" "has no bundle 3; its newest is 1\\.1" \
	"what is live is lost there, which is said"
like "$(cat approve.out)" 'all of them: what the cluster has accepted is of epoch 1' \
	"and everything is shown"
closed=$(git -C host.git rev-parse refs/windlass/_epochs/prod/1)
git -C host.git fetch -q "$TRASH/backup/third.git" refs/windlass/prod
git -C host.git update-ref refs/windlass/_epochs/prod/1 "$third"
git -C work update-ref -d refs/windlass/_epochs/prod/1
not_ok "with nobody to ask, again" live_approve
like "$(cat approve.out)" '1 of . objects other than in 1\.3, which the cluster has accepted' \
	"what is there is compared with"
like "$(cat approve.out)" '^- objects/shop/core/ConfigMap/later.json' "object by object"
git -C host.git update-ref refs/windlass/_epochs/prod/1 "$closed"
run_block "In each cluster" 1 here
ok "the new epoch is live" wait_for 20 applied 2.2
is "$(live)" "$(cat versions)" \
	"no object was touched: none older was applied, none deleted"
is "$(uids)" "$(cat before)" "they are those of before"
said PruneBlocked Leftovers
run_block Leftovers 1 here
is "$(tail -n 1 .output)" "ConfigMap shop/later" "what is left over is listed"
k annotate channel prod windlass.dev/prune-leftovers=3 >/dev/null
ok "another number is used up" wait_for 20 is_json \
	'{.metadata.annotations.windlass\.dev/prune-leftovers}' ''
ok "and deletes nothing" there later
run_block Leftovers 2 here
run_block "It is over" 1 here
ok "what was confirmed is gone" wait_for 20 gone later
is "$(uids)" "$(grep -v ^later before)" "and nothing else"
is "$(live_differs host.git prod)" "" "what is live is the bundle"
guide_done

# ---- only a clone as git makes it: the id, an epoch above, no bundles ----
git clone -q "file://$TRASH/host.git" backup/clone
config last one
ok "a push that no clone has" commit_push work last
ok "is live" wait_for 40 applied 2.3
uids >before
live >versions
stop serve
rm -rf host.git
mkdir etc
cp keys/prod etc/prod_ed25519
cp keys/prod.pub etc/prod_ed25519.pub
runbook git-host-restored
block "Only a developer's clone is left" 1
not_ok "it brings no bundle" here block.sh
id=$(json '{.spec.channelID}')
block "A clone without bundles" 1
sed -i "s/^id=.*/id=$id/; s/^epoch=.*/epoch=3/" block.sh
ok "it becomes the Git host, with what the cluster says" here block.sh
like "$(cat .output)" "^channel  prod, id $id, epoch 3\$" "of the same channel"
serve_again
ok "the cluster waits for it" wait_condition prod Verified False 30 EpochRefused
edits_undone changed three
edits_undone last one
live >versions
runbook new-epoch
block "In each cluster" 1
sed -i 's/"epochFloor":2/"epochFloor":3/' block.sh
ok "somebody lets the new epoch in" here block.sh
ok "it is live" wait_for 20 applied 3.1
is "$(live)" "$(cat versions)" "no object was touched"
is "$(json '{.status.leftovers[*]}')" "ConfigMap shop/last" \
	"what the clone had not is left over, and listed"
ok "who had pushed it does so again" git -C work push -q origin HEAD:main
ok "which is live" wait_for 20 applied 3.2
ok "and nothing is left over" wait_condition prod PruneBlocked False 20
is "$(uids)" "$(cat before)" "of all that there was nothing was deleted"
is "$(live_differs host.git prod)" "" "what is live is the bundle"
stop engine TERM
unlike "$(cat engine.log)" 'AddressSanitizer|runtime error' "no sanitizer complains"
done_testing
