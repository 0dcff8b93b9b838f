#!/bin/bash
# A channel that has nothing to publish yet is in nobody's way: other work on
# its ref goes on. One that has published is not emptied by the same.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host r.git prod
make_clone r.git work
put work deploy/prod/ns.yaml Namespace shop
ok "a channel that publishes" commit_push work start
add_channel r.git late deploy/late
add_channel r.git two
git -C r.git config --replace-all windlass.two.path deploy/one
git -C r.git config --add windlass.two.path deploy/other

put work deploy/prod/web.yaml ConfigMap web shop
ok "a push without the path of a new one" commit_push work web
like "$(cat push.out)" \
	'windlass: late: nothing to check yet, there is no manifest below deploy/late' \
	"is told so"
unlike "$(cat push.out)" 'error|refused|not published' "and not as a fault"
like "$(cat push.out)" 'windlass: prod 1.2 published' "others are published"
not_ok "it has no bundle" bundle r.git late
out=$(hook r.git publish late)
is "$?" 0 "publish finds nothing to do"
like "$out" "^late: nothing to publish yet" "and says so"
out=$(hook r.git doctor)
like "$out" "^warn  late: source: .*nothing is at deploy/late" "doctor warns"
mkdir -p work/deploy/late
echo hello >work/deploy/late/README
ok "a path without a manifest" commit_push work readme
like "$(cat push.out)" \
	'late: nothing to check yet, there is no manifest in its path' \
	"is the same"
printf 'kind: [\n' >work/deploy/late/bad.yaml
not_ok "a manifest that is wrong is refused" commit_push work bad
git -C work rm -q deploy/late/bad.yaml
put work deploy/late/ns.yaml Namespace late
ok "the first manifest" commit_push work late
is "$(trailer r.git late Sequence)" 1 "makes the first bundle"

# of two paths one
put work deploy/one/a.yaml ConfigMap a shop
ok "one of two paths" commit_push work one
like "$(cat push.out)" 'two: nothing to check yet, .*below deploy/other' \
	"waits for the other"
not_ok "without a bundle" bundle r.git two
put work deploy/other/b.yaml ConfigMap b shop
ok "and with both" commit_push work other
is "$(trailer r.git two Objects)" 2 "it has one"
like "$(bundle_paths r.git two)" 'ConfigMap/a.json' "of all paths"

# what has a bundle keeps it
git -C work rm -q -r deploy/late
not_ok "a path that goes is refused as ever" commit_push work gone
like "$(cat push.out)" 'never means "delete all"' "by the same rule"
git -C work reset -q --hard HEAD^
git -C work rm -q deploy/late/ns.yaml
not_ok "so is the last manifest that goes" commit_push work empty \
	-o allow-deletes=1
like "$(cat push.out)" 'no object at all' "by its rule"
git -C work reset -q --hard HEAD^
git -C r.git config windlass.late.path deploy/nowhere
put work deploy/prod/more.yaml ConfigMap more shop
not_ok "and a path that is set wrong later" commit_push work more
is "$(trailer r.git late Sequence)" 1 "its bundle stays"
git -C r.git config windlass.late.path deploy/late
git -C r.git update-ref -d refs/windlass/late
ok "when the bundle's ref is lost the push is in" push work
like "$(cat push.out)" 'late: not published: ' "but nothing is signed"
is "$(head_field r.git late sequence)" 1 "and the head stays"

done_testing
