#!/bin/bash
# log, show and diff read what is in Git: bundles made by stock tools, by
# every name that they have, and never a Secret's value.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"

value=correct-horse-battery
# edit KIND NAME JQ: changes an object in tree/
edit() {
	local file=tree/objects/demo/core/$1/$2.json
	jq -S --indent 2 "$3" "$file" >edited && mv edited "$file"
}
secret() { # NAME VALUE [JQ]
	put demo "" Secret "$1"
	edit Secret "$1" ".type = \"Opaque\" | del(.text) |
		.data = {password: \"$(printf %s "$2" | base64)\",
			 user: \"YWRh\"} | ${3:-.}"
}
# begin CHANNEL: bundles of another channel, from the first on
begin() {
	channel=$1 seq=0 bundle=
	rm -rf tree
}
words() { printf '%s\n' "$1" | tr -s ' ' | head -n "${2:-1}"; }

new_key publisher
put _cluster "" Namespace demo
put demo "" ConfigMap web hello
put demo apps Deployment web
bundle || bail "no bundle could be made"
first=$bundle
put demo "" ConfigMap web "good day"
secret login "$value"
bundle
second=$bundle
drop demo apps Deployment web
secret login "$value-2" '.data.token = "dG9rZW4=" | del(.data.user)'
bundle
third=$bundle
unset GIT_DIR
git clone -q bundles.git clone 2>/dev/null
git -C clone fetch -q origin '+refs/windlass/*:refs/windlass/*'

# ---- log ----

log=$(windlass log --repo bundles.git prod)
is "$(printf '%s\n' "$log" | grep -c '^prod')" 3 "log lists each bundle"
like "$(words "$log")" \
	'^prod 1\.3 20[0-9TZ:-]+ \+0 ~1 -1 3 objects$' \
	"the newest first, with its changes and objects"
like "$log" "source 000000000000  Ada <ada@example.org>$" \
	"the source commit and its author"
like "$log" "bundle ${third:0:12}$" "and its id"
like "$log" "published by windlass <windlass@example.org>$" "and its publisher"
is "$(windlass log --repo bundles.git --output json prod | jq -r .publisher |
	sort -u)" "windlass <windlass@example.org>" "in JSON, too"
is "$(windlass log --repo bundles.git -n 2 prod | grep -c '^prod')" 2 "-n 2"
is "$(windlass log --repo bundles.git -n 0 prod | grep -c '^prod')" 3 \
	"-n 0: all of them"
is "$(words "$(windlass log --repo bundles.git prod@2)" | cut -d' ' -f2)" 1.2 \
	"from a bundle on"
is "$(windlass log --repo bundles.git --output json prod |
	jq -r '"\(.epoch).\(.sequence) \(.bundle) \(.objects) \(.author)"' |
	tail -n 1)" "1.1 $first 3 Ada <ada@example.org>" \
	"--output json parses, a bundle a line"
is "$(windlass log --repo bundles.git --output json prod | jq -r .content |
	head -n 1)" "$(git -C bundles.git show "$third:SHA256SUMS" | sha256sum |
	cut -d' ' -f1)" "content is what sha256sum says"
is "$(windlass log --repo clone prod)" "$log" "a clone that fetched has them"
is "$(cd clone && windlass log prod)" "$log" "and it may be where we are"
is "$(GIT_DIR=bundles.git windlass log prod)" "$log" "or in GIT_DIR"
windlass log --repo bundles.git prod >/dev/full 2>full.err
is $? 2 "a full disk is an error"

# ---- show ----

show=$(windlass show --repo bundles.git prod)
like "$show" '^bundle +prod 1\.3$' "show says which bundle"
like "$show" "^commit +$third$" "its id"
like "$show" "^parent +$second$" "its parent"
like "$show" '^- objects/demo/apps/Deployment/web\.json$' "what was deleted"
like "$show" '^~ objects/demo/core/Secret/login\.json$' "what was changed"
unlike "$show" 'SHA256SUMS|origins' "and objects only"
like "$(windlass show --repo bundles.git prod@1)" '^parent +none$' \
	"the first has no parent"
is "$(windlass show --repo bundles.git prod@1.1 | grep -c '^+ objects/')" 3 \
	"and all of it is new"
git -C bundles.git show "$second:objects/demo/core/ConfigMap/web.json" >want
windlass show --repo bundles.git prod@2 objects/demo/core/ConfigMap/web.json >got
ok "an object byte by byte" cmp got want
like "$(windlass show --repo bundles.git prod objects/demo/core/Secret/login.json)" \
	'"password": "\(hidden, [0-9]+ bytes\)"' "a Secret without its values"
not_ok "an object that is not there" windlass show --repo bundles.git prod \
	objects/demo/core/ConfigMap/none.json
like "$(cat .output)" "bundle ${third:0:12} has no 'objects/demo" "by name"
not_ok "a folder is no object" windlass show --repo bundles.git prod objects/demo

# ---- diff ----

diff=$(windlass diff --repo bundles.git prod@1 prod@2)
like "$diff" '^~ objects/demo/core/ConfigMap/web\.json$' "diff names objects"
like "$diff" '^-  "text": "hello"$' "with lines that went"
like "$diff" '^\+  "text": "good day"$' "and lines that came"
like "$diff" '^\+ data\.password \(value hidden\)$' "of Secrets only keys"
diff=$(windlass diff --repo bundles.git prod)
like "$diff" '^~ data\.password \(value hidden\)$' "one bundle: from its parent"
like "$diff" '^\+ data\.token \(value hidden\)$' "a key that came"
like "$diff" '^- data\.user \(value hidden\)$' "a key that went"
is "$(windlass diff --repo bundles.git prod@3 prod@1 | grep -cE '^[-+~] objects')" \
	3 "backwards too"
is "$(windlass diff --repo bundles.git --name-only prod)" \
	"- objects/demo/apps/Deployment/web.json
~ objects/demo/core/Secret/login.json" "--name-only"
windlass diff --repo bundles.git --exit-code prod >/dev/null
is $? 1 "--exit-code: something differs"
is "$(windlass diff --repo bundles.git --exit-code prod prod@3)" "" \
	"nothing differs from itself"
windlass diff --repo bundles.git --exit-code prod prod@3
is $? 0 "--exit-code then is 0"
windlass diff --repo bundles.git --exit-code prod prod@9 2>/dev/null
is $? 2 "--exit-code: no such bundle is no difference"
like "$(windlass diff --repo bundles.git prod@1 | grep '^+ objects' -c)" '^3$' \
	"the first bundle against nothing"

# ---- no value of a Secret, wherever it stands ----

export GIT_DIR=$TRASH/bundles.git
begin vault
secret login "$value" "
	.metadata.labels.stage = \"one\" |
	.metadata.annotations = {
		\"kubectl.kubernetes.io/last-applied-configuration\":
		\"{\\\"data\\\":{\\\"password\\\":\\\"$value\\\"}}\",
		\"kapp.k14s.io/original\": \"$value\",
		\"objectset.rio.cattle.io/applied\": \"$value\"} |
	.stringData = {plain: \"$value\"} |
	.misspelt = {plain: \"$value\"} | .other = [\"$value\"]"
secret list "$value" ".data = [\"$value\"]"
bundle
edit Secret login '.metadata.labels.stage = "two"'
edit Secret list ".data = \"$value-2\""
bundle
secret broken "$value"
sed -i 's/}$/, "'$value'": "'$value'"/' tree/objects/demo/core/Secret/broken.json
bundle
{
	windlass log vault
	windlass log --output json vault
	for bundle in vault@1 vault@2 vault@3; do
		windlass show $bundle
		windlass diff $bundle
		for name in login broken list; do
			windlass show $bundle objects/demo/core/Secret/$name.json
		done
	done
	windlass diff vault@2 vault@1
} >everything 2>&1
ok "there is much about Secrets" [ "$(wc -l <everything)" -gt 100 ]
encoded=$(printf %s "$value" | base64)
unlike "$(cat everything)" "$value|${encoded:0:12}" "and no value in it"
like "$(cat everything)" "^\+ +\"stage\": \"two\"$" "but labels"
like "$(cat everything)" '"misspelt": \{' "and names of fields"
like "$(cat everything)" "'objects/demo/core/Secret/broken.json': line " \
	"one that is no JSON is named"

# ---- epochs ----

begin ages
put demo "" ConfigMap a
bundle
put demo "" ConfigMap b
bundle
git update-ref refs/windlass/_epochs/ages/1 "$bundle"
epoch=2 seq=0 bundle=
bundle
epoch=1
unset GIT_DIR
is "$(words "$(windlass log --repo bundles.git ages)" | cut -d' ' -f2)" 2.1 \
	"the newest is of the current epoch"
is "$(windlass log --repo bundles.git ages | grep -c '^ages')" 1 \
	"and its chain ends there"
is "$(words "$(windlass log --repo bundles.git ages@1.2)" | cut -d' ' -f2)" \
	1.2 "an epoch that was closed"
like "$(windlass show --repo bundles.git ages@1.1)" '^bundle +ages 1\.1$' \
	"down to its beginning"
is "$(windlass diff --repo bundles.git --name-only ages@1.1 ages@2.1)" \
	"+ objects/demo/core/ConfigMap/b.json" "compared across epochs"
not_ok "an epoch that never was" windlass show --repo bundles.git ages@3.1
like "$(cat .output)" "channel 'ages' has no epoch 3" "which is said"

# ---- names that are none ----

refused() { # NAME MESSAGE DESCRIPTION
	local command
	for command in log show diff; do
		not_ok "$command refuses $3" windlass "$command" \
			--repo bundles.git -- "$1"
		like "$(cat .output)" "$2" "saying why"
	done
}
refused prod@4 "channel 'prod' has no bundle 4; its newest is 1\.3" \
	"a sequence that is to come"
refused prod@0 "'prod@0' is no bundle; write CHANNEL" "sequence 0"
refused prod@-1 "is no bundle" "a negative one"
refused prod@1.2.3 "is no bundle" "three numbers"
refused prod@ "is no bundle" "an empty one"
refused prod@9223372036854775808 "is no bundle" "one beyond 2^63-1"
refused staging "there is no 'refs/windlass/staging' here" "another channel"
refused ../heads/main "is no name of a channel" "a path"
refused Prod "is no name of a channel" "capitals"
refused '' "is no name of a channel" "nothing"

git init -q plain
not_ok "an empty repository" windlass log --repo plain prod
like "$(cat .output)" "git fetch origin" "says how to get bundles"
not_ok "no repository" windlass log --repo "$TRASH/nowhere" prod
like "$(cat .output)" "^windlass: .*$TRASH/nowhere" "is named"
mkdir folder
not_ok "a folder that is none" windlass log --repo folder prod
windlass log --repo folder prod 2>/dev/null
is $? 2 "could not be looked at"
windlass log --repo bundles.git prod@4 2>/dev/null
is $? 1 "looked at, and not there"
for command in log show diff; do
	windlass $command 2>/dev/null
	is $? 129 "$command without a name is wrong usage"
	windlass $command --colour prod >/dev/null 2>&1
	is $? 129 "and so is $command --colour"
done
windlass log --repo bundles.git -n x prod 2>usage.err
is $? 129 "-n x"
like "$(cat usage.err)" "^windlass: -n 'x' must be a number" "is not understood"
windlass log --repo bundles.git --output yaml prod 2>/dev/null
is $? 129 "--output yaml neither"

# ---- what is no bundle, and what would play with a terminal ----

git -C bundles.git update-ref refs/windlass/commit "$(git -C bundles.git commit-tree \
	-m x "$(git -C bundles.git rev-parse "$first^{tree}")")"
not_ok "a commit that is no bundle" windlass log --repo bundles.git commit
like "$(cat .output)" "^windlass: bundle [0-9a-f]{12}: " "is named"
blob=$(echo x | git -C bundles.git hash-object -w --stdin)
git -C bundles.git update-ref refs/windlass/blob "$blob"
not_ok "nor is a blob" windlass show --repo bundles.git blob

export GIT_DIR=$TRASH/bundles.git
begin latin
put demo "" ConfigMap web
LC_ALL=C b_break='s/^author Ada/author \xe9/' bundle
is "$(windlass log --repo bundles.git --output json latin | jq -r .author)" \
	"$(printf '\357\277\275') <ada@example.org>" \
	"a name that is no UTF-8 stays JSON"

begin loud
put demo "" ConfigMap web quiet
bundle
escape=$(printf '\033]0;owned\007')
put demo "" ConfigMap "$escape"
sed -i "s/quiet/$escape/" tree/objects/demo/core/ConfigMap/web.json
bundle
{
	windlass show --repo bundles.git loud
	windlass diff --repo bundles.git loud
	script -qec "windlass show --repo bundles.git loud \
		objects/demo/core/ConfigMap/web.json" /dev/null
} >loud.out 2>&1
unlike "$(cat loud.out)" "$(printf '\033')\\]" "no escape reaches a terminal"
is "$(grep -c 'x1b\]0;owned.x07' loud.out)" 5 "each is shown for what it is"

done_testing
