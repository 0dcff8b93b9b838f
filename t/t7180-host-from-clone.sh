#!/bin/bash
# contrib/runbooks/git-host-restored.md, where only a developer's clone is left:
# with the key it is a Git host again, under the id, epoch and numbers that
# clusters know; a clone without bundles begins a new epoch under the old id.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-guide.sh"
host=host.git
mkdir backup etc
section="Only a developer's clone is left"

# a block, with this test's paths for the page's
here() {
	sed "s|/srv/git/app.git|$TRASH/host.git|g
		s|/srv/backup|$TRASH/backup|g
		s|/etc/windlass|$TRASH/etc|g
		s|^id=.*|id=$id|" "$1" >here.sh
	bash -e here.sh
}
# What a cluster takes after what it accepted: a head that the key signed, of
# the same channel, and bundles which the key signed, back to that one.
accepts() { # ID EPOCH BUNDLE
	hook host.git publish prod >/dev/null || return
	stock_published host.git prod &&
		[ "$(head_field host.git prod channel-id)" = "$1" ] &&
		[ "$(head_field host.git prod epoch)" = "$2" ] &&
		git -C host.git merge-base --is-ancestor "$3" \
			"$(head_field host.git prod bundle)" &&
		windlass verify --publishers kept --url "$url" prod
}
serve() {
	start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0
	wait_line 30 serve.log '^listening on ' || bail "$(cat serve.log)"
	url=$(sed -n 's/^listening on //p' serve.log)
}

make_host host.git prod
new_reporter eu-1
set_channel host.git prod reporters "$TRASH/reporters"
cp keys/prod etc/prod_ed25519
cp keys/prod.pub etc/prod_ed25519.pub
printf 'prod namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >kept
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a shop one
commit_push work first || bail "$(cat push.out)"
git -C work push -q origin HEAD:refs/heads/topic/next
put work deploy/prod/b.yaml ConfigMap b shop one
commit_push work second || bail "$(cat push.out)"
serve
is "$(send prod)" 204 "a cluster reports"
noted() { git -C host.git rev-parse -q --verify "$1" >/dev/null; }
ok "which is noted" wait_for 30 noted refs/notes/windlass/eu-1
ok "and kept" wait_for 30 noted refs/windlass-status/prod/eu-1
stop serve
id=$(git -C host.git config windlass.prod.id)

# a developer's clone, by the guide; another one as git makes it; a third that
# fetched before the second push
make_clone host.git backup/clone
git clone -q "file://$TRASH/host.git" plain
guide developer
block "The rollout" 2
ok "the clone fetches by the guide" \
	sh -ec "cd backup/clone && . '$TRASH/block.sh'"
cp -R backup/clone backup/early
git -C backup/early update-ref refs/windlass/prod refs/windlass/prod^
git -C backup/early update-ref refs/remotes/origin/main refs/remotes/origin/main^
# what is the developer's own is no part of the host
git -C backup/clone checkout -q -b mine
put backup/clone deploy/prod/mine.yaml ConfigMap mine shop
commit backup/clone mine
git -C backup/clone tag mine
accepted=$(bundle host.git prod)
git -C host.git for-each-ref --format='%(refname) %(objectname)' >refs.before
cp host.git/windlass/public/prod/head head.before

# ---- by the clone and the key ----
mv host.git lost.git
runbook git-host-restored
run_block "$section" 1 here
is "$(tail -n 1 .output)" "$accepted" "the newest bundle is there"
is "$(git -C host.git for-each-ref --format='%(refname) %(objectname)')" \
	"$(cat refs.before)" "and every ref as it was, none of the developer's own"
run_block "$section" 2 here
like "$(cat .output)" "prod 1\.2" "its chain is verified"
unlike "$(cat .output)" '^[0-9a-f]+ (first|second|mine)$' "no commit is after it"
run_block "$section" 3 here
like "$(cat .output)" '^bundles  are here up to 1\.2, and it goes on with them' \
	"init goes on with the bundles"
unlike "$(cat .output)" 'not the one that signed' "by their key"
like "$(cat .output)" "^channel  prod, id $id, epoch 1\$" "under their id"
is "$(bundle host.git prod)" "$accepted" "nothing else was signed"
is "$(head_field host.git prod sequence)" 2 "the head has the number of before"
not_ok "that head is a new one" cmp -s head.before host.git/windlass/public/prod/head
serve
ok "who had accepted the last bundle takes the head" accepts "$id" 1 "$accepted"
git -C work pull -q --ff-only
put work deploy/prod/a.yaml ConfigMap a shop two
ok "developers push on" commit_push work third
like "$(cat push.out)" 'windlass: prod 1\.3 published \(\+0 ~1 -0\)' \
	"under the next number"
ok "and that follows the accepted one" accepts "$id" 1 "$accepted"
ok "stock tools find one chain" stock_chain host.git prod
not_ok "a push cannot touch the bundles" \
	git -C work push -q origin +HEAD:refs/windlass/prod
stop serve
git -C host.git log --notes='windlass/*' --format=%N -2 >notes
like "$(cat notes)" 'eu-1|healthy' "what the cluster said is beside its commit"

# ---- what the clone has is not what the key signed ----
rm -rf host.git
forged=$(git -C backup/clone cat-file commit refs/windlass/prod |
	sed 's/^Sequence: 2$/Sequence: 3/; s/^windlass prod 1\.2$/windlass prod 1.3/' |
	git -C backup/clone hash-object -t commit -w --stdin)
git -C backup/clone update-ref refs/windlass/prod "$forged"
run_block "$section" 1 here
block "$section" 2
not_ok "a forged bundle stops it" here block.sh
like "$(cat .output)" "signature|signed" "and it says that the signature is bad"
git -C backup/clone update-ref refs/windlass/prod "$accepted"

# ---- an older clone first: the newer one goes forward ----
rm -rf host.git
mv backup/clone backup/late
mv backup/early backup/clone
run_block "$section" 1 here
isnt=$(tail -n 1 .output)
ok "an older clone has an older bundle" test "$isnt" != "$accepted"
mv backup/clone backup/early
mv backup/late backup/clone
run_block "$section" 1 here
is "$(tail -n 1 .output)" "$accepted" "a newer one brings the rest"
mv backup/clone backup/late
mv backup/early backup/clone
block "$section" 1
not_ok "and an older one takes nothing back" here block.sh
is "$(bundle host.git prod)" "$accepted" "the newest stays"

# ---- a clone without bundles ----
rm -rf host.git
mv backup/clone backup/early
mv plain backup/clone
block "$section" 1
not_ok "a clone as git makes it has no bundle" here block.sh
is "$(git -C host.git for-each-ref --format='%(refname)')" \
	"$(printf 'refs/heads/%s\n' main topic/next)" "but the branches"
# an engine's own repository: one that began with the newest bundle, as one
# that was installed later does, and one that has seen all of them
cp -R host.git branches.git
git init -q --bare backup/newer.git
{
	echo "$accepted"
	git -C lost.git rev-list --objects --no-walk "$accepted^{tree}" |
		cut -d' ' -f1
} | git -C lost.git pack-objects -q --stdout |
	git -C backup/newer.git index-pack --stdin >/dev/null
git -C backup/newer.git update-ref refs/windlass/prod "$accepted"
block "Catch up" 1
not_ok "a chain that does not begin cannot be fetched" here block.sh
like "$(tr -d '\0' <.output)" "parent|traverse|missing" "its first bundles are missing"
rm -rf backup/newer.git host.git
cp -R branches.git host.git
git init -q --bare backup/newer.git
git -C backup/newer.git fetch -q "$TRASH/lost.git" refs/windlass/prod:refs/windlass/prod
run_block "Catch up" 1 here
run_block "$section" 2 here
run_block "$section" 3 here
like "$(cat .output)" "^channel  prod, id $id, epoch 1\$" \
	"by an engine's bundles it is the same channel"
serve
ok "and who had accepted the last bundle takes its head" accepts "$id" 1 "$accepted"
stop serve
rm -rf host.git
mv branches.git host.git
run_block "A clone without bundles" 1 here
like "$(cat .output)" "^channel  prod, id $id, epoch 2\$" "the old id, a new epoch"
is "$(head_field host.git prod epoch).$(head_field host.git prod sequence)" 2.1 \
	"begins at 1"
is "$(head_field host.git prod channel-id)" "$id" "for the clusters' channel"
serve
ok "signed by the same key" windlass verify --publishers kept --url "$url" prod
is "$(bundle_paths host.git prod | wc -l)" 2 "with all that main has"
stop serve
done_testing
