#!/bin/bash
# The commands that look at bundles, on a Git host that made them from pushes,
# in its repository and in a developer's clone.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

value=correct-horse-battery
make_host host.git prod
set_channel host.git prod secrets allow
make_clone host.git work
put work deploy/prod/web.yaml ConfigMap web demo one
cat >work/deploy/prod/login.yaml <<END
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: demo}
stringData: {password: $value}
END
commit_push work first || bail "no push: $(cat push.out)"
put work deploy/prod/web.yaml ConfigMap web demo two
sed -i "s/$value/$value-2/" work/deploy/prod/login.yaml
commit_push work second
git -C work revert --no-edit HEAD >/dev/null
push work
is "$(trailer host.git prod Sequence)" 3 "three pushes made three bundles"

ok "stock tools find them good" stock_chain host.git prod
{
	printf 'publisher namespaces="git,head-v1@windlass.dev" '
	cut -d' ' -f1,2 keys/prod.pub
} >publishers
windlass verify --publishers publishers --repo host.git prod >out 2>&1
is $? 0 "verify does too" || test_show out
like "$(tr -s ' ' <out)" "^ok prod 1\.2 content 2 objects, \+0 ~2 -0$" \
	"with what a push changed"

git -C work fetch -q origin 'refs/windlass/*:refs/windlass/*'
cd work || bail "no clone"
is "$(windlass log --output json prod | jq -r .sourceCommit)" \
	"$(git log --format=%H)" "log: the source commits, the newest first"
is "$(windlass diff --name-only prod@1 prod@2)" \
	"~ objects/demo/core/ConfigMap/web.json
~ objects/demo/core/Secret/login.json" "diff: what the second push changed"
like "$(windlass diff prod@1 prod@2)" '^\+    "text": "two"$' "line by line"
is "$(windlass diff --exit-code prod@1 prod@3)" "" \
	"a revert is as it was before"
windlass show prod objects/demo/core/ConfigMap/web.json >../got
git cat-file blob refs/windlass/prod:objects/demo/core/ConfigMap/web.json >../want
ok "show: byte by byte" cmp ../got ../want

encoded=$(printf %s "$value" | base64)
{
	windlass log prod
	windlass diff prod@1 prod@2
	windlass diff prod@1
	for n in 1 2 3; do
		windlass show prod@$n
		windlass show prod@$n objects/demo/core/Secret/login.json
	done
} >../everything 2>&1
ok "the value is in the bundle" git grep -q "${encoded:0:12}" refs/windlass/prod
unlike "$(cat ../everything)" "$value|${encoded:0:12}" "but in nothing that is shown"
like "$(cat ../everything)" '^~ data\.password \(value hidden\)$' "only its name"

done_testing
