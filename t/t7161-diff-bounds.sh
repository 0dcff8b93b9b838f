#!/bin/bash
# windlass diff BASE..HEAD for the change that adds a channel, and for one that
# is too long for the text of a pull request
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
config() { manifest ConfigMap "$1" shop "$2"; }
compare() { windlass diff --repo work --path deploy/prod "$@" >out 2>err; }
size() { wc -c <"${1:-out}"; }

# ---- the path is not there yet

git -C work commit -q --allow-empty -m empty
put work deploy/prod/web.yaml ConfigMap web shop one
commit work one
ok "the change that adds the channel" compare HEAD~1..HEAD
is "$(grep -c '^+ objects/shop/core/ConfigMap/web.json$' out)" 1 "adds its objects"
like "$(cat err)" "note: the first commit, [0-9a-f]{12}, has nothing at 'deploy/prod': all of it is new" \
	"which is noted"
compare --exit-code HEAD~1..HEAD
is $? 1 "and is a difference"
put work deploy/more/more.yaml ConfigMap more shop one
commit work more
ok "one path of two" compare --path deploy/more --name-only HEAD~1..HEAD
is "$(cat out)" '+ objects/shop/core/ConfigMap/more.json' "is new"
printf '[windlass "prod"]\n\tpath = deploy/prod\n' >settings
ok "by settings, too" windlass diff --repo work --config settings \
	--channel prod --name-only HEAD~2..HEAD
not_ok "what the other one lacks is still wrong" compare HEAD..HEAD~2
not_ok "as is a name that neither has" windlass diff --repo work \
	--path deploy/prdo HEAD~1..HEAD

# ---- too long

for i in $(seq -w 400); do config "m$i" one; done >work/deploy/prod/many.yaml
commit work many
sed -i 's/"one"/"two"/; s/: one$/: two/' work/deploy/prod/many.yaml
commit work change
ok "many small changes" compare --output markdown HEAD~1..HEAD
ok "are no more than fits" test "$(size)" -le 60000
ok "and no less than need be" test "$(size)" -gt 45000
cp out short
shown=$(grep -c '^<details>' out)
listed=$(grep -c '^- <code>' out)
more=$(sed -n 's/^and \([0-9]*\) more$/\1/p' out)
is "$((shown + listed + ${more:-0}))" 400 "each is shown, listed or counted"
ok "most are named" test $((shown + listed)) -gt 300
is "$(grep -c '^</details>' out)" "$shown" "none is cut"
like "$(cat out)" '^Not shown, since this would be too long:$' "with a word on it"
ok "--all" compare --output markdown --all HEAD~1..HEAD
is "$(grep -c '^<details>' out)" 400 "has all"
ok "more than the other" test "$(size)" -gt 90000
head -c 40000 out >whole
ok "and begins as that" cmp whole <(head -c 40000 short)
ok "names alone" compare --output markdown --name-only HEAD~1..HEAD
is "$(grep -c '^- <code>' out)" 400 "are all there, where they fit"
{
	config small one
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: big, namespace: shop}\ndata:\n  t: |\n'
	seq -f '    line %.0f' 40000
} >work/deploy/prod/big.yaml
commit work big
ok "one that is large" compare --output markdown HEAD~1..HEAD
is "$(grep -E '^(- <code>|<details>)' out)" "$(printf '%s\n' \
	'<details><summary><code>+ objects/shop/core/ConfigMap/small.json</code></summary>' \
	'- <code>+ objects/shop/core/ConfigMap/big.json</code>')" \
	"hides none that is not"
ok "in text it is all there" compare HEAD~1..HEAD
ok "however long" test "$(size)" -gt 400000
windlass diff --repo work --path deploy/prod --all HEAD~1..HEAD >/dev/null 2>&1
is $? 129 "--all is for markdown"

done_testing
