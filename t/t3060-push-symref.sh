#!/bin/bash
# Refs that are another name for the channel's: git tells the hooks what was
# pushed to, not what moves.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a demo
ok "a start" commit_push work start
git -C host.git symbolic-ref refs/heads/old-name refs/heads/main
git -C host.git symbolic-ref refs/heads/older refs/heads/old-name

to() { git -C work push "$@" >push.out 2>&1; }

# ---- an alias of the channel's ref goes through the gate
put work deploy/prod/bad.yaml ConfigMap "BAD_NAME" demo
commit work "what no push may bring"
main=$(git -C host.git rev-parse main)
for alias in old-name older; do
	not_ok "a bad manifest by $alias" to origin "HEAD:refs/heads/$alias"
	like "$(cat push.out)" 'deploy/prod/bad.yaml:[0-9]+:[0-9]+: error:' \
		"... is named"
	is "$(git -C host.git rev-parse main)" "$main" "... and moves nothing"
done
not_ok "nor may the ref be deleted by it" to origin :refs/heads/old-name
like "$(cat push.out)" "cannot be deleted" "... which is said"
git -C work reset -q --hard HEAD~1
put work deploy/prod/b.yaml ConfigMap b demo
commit work "a good one"
ok "a good one goes in" to origin HEAD:refs/heads/older
is "$(trailer host.git prod Source-Commit)" "$(git -C work rev-parse HEAD)" \
	"... and is published at once"

# ---- a channel that follows an alias
set_channel host.git prod ref refs/heads/older
put work deploy/prod/c.yaml ConfigMap c demo
ok "a push to what the channel's ref stands for" commit_push work third
is "$(trailer host.git prod Source-Commit)" "$(git -C work rev-parse HEAD)" \
	"... is published"
put work deploy/prod/bad.yaml ConfigMap "BAD_NAME" demo
not_ok "... and is checked" commit_push work fourth
git -C work reset -q --hard HEAD~1

# ---- a way round to the refs of windlass
git -C host.git symbolic-ref refs/heads/open refs/windlass/prod
bundle=$(bundle host.git prod)
not_ok "an alias of a bundle's ref" to -f origin HEAD:refs/heads/open
like "$(cat push.out)" "'refs/heads/open' cannot be pushed" "... is named"
is "$(bundle host.git prod)" "$bundle" "... and moves no bundle"
git -C host.git symbolic-ref -d refs/heads/open

# ---- and nothing else is in the way
git -C host.git symbolic-ref refs/heads/unborn refs/heads/later
ok "an alias of a ref that is not there yet" \
	to origin HEAD:refs/heads/unborn
ok "other names, below and beside what there is" \
	to origin HEAD:refs/heads/x/y 'HEAD:refs/heads/a$(b)' \
	HEAD:refs/heads/later2
not_ok "git's own refusals stay git's" to origin HEAD:refs/heads/x
like "$(cat push.out)" "refs/heads/x/y' exists" "... with its words"
git -C host.git symbolic-ref refs/heads/one refs/heads/two
git -C host.git symbolic-ref refs/heads/two refs/heads/one
not_ok "a ring" to origin HEAD:refs/heads/one
put work deploy/prod/d.yaml ConfigMap d demo
ok "... hinders nobody else" commit_push work fifth

done_testing
