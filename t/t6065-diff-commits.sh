#!/bin/bash
# windlass diff BASE..HEAD: two commits of the source, rendered and compared,
# for people and for the text of a pull request.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
make_host host.git prod
set_channel host.git prod secrets allow
make_clone host.git work
config() { put work "deploy/prod/$1.yaml" ConfigMap "$1" shop "$2"; }
secret() { printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: shop}\nstringData: {password: %s}\n' "$1" >work/deploy/prod/login.yaml; }
compare() { # ARGUMENT...: output in out and err
	windlass diff --repo work --path deploy/prod --allow-secrets "$@" >out 2>err
}

config web one
config gone one
secret hunter2
put work deploy/other/x.yaml ConfigMap x shop one
commit work first
config web two
config new one
secret correct-horse
git -C work rm -q deploy/prod/gone.yaml
put work deploy/other/x.yaml ConfigMap x shop two
commit work second

ok "two commits" compare HEAD~1..HEAD
is "$(grep -E '^[-+~] objects' out)" "$(printf '%s\n' \
	'- objects/shop/core/ConfigMap/gone.json' \
	'+ objects/shop/core/ConfigMap/new.json' \
	'~ objects/shop/core/ConfigMap/web.json' \
	'~ objects/shop/core/Secret/login.json')" "each object, and none of another channel"
like "$(cat out)" '^-    "text": "one"$' "with the lines that go"
like "$(cat out)" '^\+    "text": "two"$' "and come"
like "$(cat out)" '^~ data.password \(value hidden\)$' "a Secret by its keys"
unlike "$(cat out err; base64 -w0 <<<hunter2)" 'hunter2|correct-horse' "never by its values"
ok "HEAD may be left out" compare HEAD~1..
is "$(grep -c '^[-+~] objects' out)" 4 "and is meant"
ok "the same commit twice" compare HEAD..HEAD
is "$(cat out)" "" "differs in nothing"
compare --exit-code HEAD~1..HEAD
is $? 1 "--exit-code says that they differ"
compare --exit-code HEAD..HEAD
is $? 0 "or not"
ok "--name-only" compare --name-only HEAD~1..HEAD
is "$(wc -l <out)" 4 "is a line each"
is "$(cd work && windlass diff --path deploy/prod --allow-secrets --name-only HEAD~1..HEAD)" \
	"$(cat out)" "in the repository we are in"

# ---- as the hook sees it ----
push work || bail "$(cat push.out)"
git -C work branch base HEAD
config web three
commit_push work third || bail "$(cat push.out)"
windlass diff --repo host.git prod@1 prod@2 >bundles
git -C host.git branch -q base main~1
ok "at the Git host its settings are taken" windlass diff --repo host.git --channel prod base..main
windlass diff --repo host.git --channel prod base..main >out
is "$(cat out)" "$(cat bundles)" "it is what the bundles differ by"
git -C work branch -q side HEAD~1
git -C work checkout -q side
config side one
commit work side
git -C work checkout -q main
ok "three dots: from where both parted" compare --name-only main...side
is "$(cat out)" '+ objects/shop/core/ConfigMap/side.json' "what the side brings"
ok "two: also what it has not" compare --name-only main..side
is "$(wc -l <out)" 2 "both"

# ---- for a pull request ----
ok "--output markdown" compare --output markdown HEAD~1..HEAD
is "$(cat out)" "$(cat <<'END'
<details><summary><code>~ objects/shop/core/ConfigMap/web.json</code></summary>

```diff
@@ -1,7 +1,7 @@
 {
   "apiVersion": "v1",
   "data": {
-    "text": "two"
+    "text": "three"
   },
   "kind": "ConfigMap",
   "metadata": {
```

</details>
END
)" "folds each object, with a block of code" || test_show out
config tricky '```` </code><script>'
commit work tricky
ok "text that would end a block" compare --output markdown HEAD~1..HEAD
like "$(cat out)" '^`{5}diff$' "gets a longer fence"
is "$(grep -c '^`````$' out)" 1 "and one end"
ok "nothing at all" compare --output markdown HEAD..HEAD
is "$(cat out)" "No object changes." "says so"
ok "the list alone" compare --output markdown --name-only HEAD~1..HEAD
is "$(cat out)" '- <code>+ objects/shop/core/ConfigMap/tricky.json</code>' "is a list"
ok "of bundles, too" windlass diff --repo host.git --output markdown prod@1 prod@2
like "$(windlass diff --repo host.git --output markdown prod@1 prod@2)" '^<details><summary><code>~ ' \
	"in the same form"

# ---- what there is not, and what is wrong ----
not_ok "a commit that there is not" compare nothing..HEAD
like "$(cat err)" "^windlass: 'nothing' names no commit of this repository$" "is named"
not_ok "without paths" windlass diff --repo work HEAD~1..HEAD
like "$(windlass diff --repo work HEAD~1..HEAD 2>&1)" "nothing here says what channel 'default' reads: say it by --path" \
	"says how to give them"
printf 'apiVersion: v1\nkind: ConfigMap\n' >work/deploy/prod/bad.yaml
commit work bad
compare HEAD~1..HEAD
is $? 1 "a side that a push would refuse"
like "$(cat err)" 'deploy/prod/bad\.yaml:[0-9:]+ error: ' "at file and line"
like "$(cat err)" '^windlass: the second commit, [0-9a-f]{12}, comes to no bundle$' "and which"
is "$(cat out)" "" "nothing else is printed"
for wrong in "--live HEAD~1..HEAD" "prod HEAD~1..HEAD" "--path x prod@1" "--output json HEAD~1..HEAD" "HEAD~1..HEAD prod" "--output xml prod"; do
	# shellcheck disable=SC2086
	windlass diff --repo work $wrong >/dev/null 2>err
	is $? 129 "wrong: $wrong" || test_show err
done
done_testing
