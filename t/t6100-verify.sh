#!/bin/bash
# verify finds every lie that a bundle or a chain can tell, and agrees with
# stock git and sha256sum wherever these look.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-forge.sh"

signers=$TRASH/keys/signers
verify() { windlass verify --publishers "$signers" --repo host.git "$@"; }

# stock ID: 0 if stock tools find nothing wrong with the bundle
stock() {
	local dir=$TRASH/checkout status=0
	git -C host.git -c gpg.format=ssh \
		-c gpg.ssh.allowedSignersFile="$signers" verify-commit "$1" \
		2>/dev/null || return 1
	git -C host.git worktree add -q --detach "$dir" "$1" 2>/dev/null &&
		(
			cd "$dir" &&
			[ -z "$(git status --porcelain)" ] &&
			find . -name SHA256SUMS -execdir sha256sum -c \
				--strict --quiet {} + 2>/dev/null &&
			[ "$(git log -1 --format='%(trailers:key=Content-SHA256,valueonly,separator=)')" = \
			  "$(sha256sum <SHA256SUMS | cut -d' ' -f1)" ]
		) >/dev/null || status=1
	git -C host.git worktree remove --force "$dir" 2>/dev/null ||
		rm -rf "$dir"
	git -C host.git worktree prune
	return $status
}

# ---- what is good ----

forge_host host.git prod
forge_put tree _cluster v1 Namespace demo
forge_put tree demo v1 ConfigMap web '.data = {greeting: "hello"}'
forge_put tree demo apps/v1 Deployment web '.spec = {replicas: 1}'
forge host.git tree || bail "no bundle could be forged"
first=$forged
forge_put tree demo v1 ConfigMap web '.data = {greeting: "good day"}'
forge_put tree demo v1 ConfigMap more
forge host.git tree
second=$forged
forge_del tree demo v1 ConfigMap more
forge host.git tree
third=$forged
cp -r tree good-tree

verify prod >out 2>&1
is $? 0 "a chain that is good" || test_show out
is "$(grep -c '^ok ' out)" 9 "three checks a bundle"
is "$(head -n 3 out | tr -s ' ')" \
	"ok prod 1.1 signature by publisher
ok prod 1.1 chain the first of epoch 1
ok prod 1.1 content 3 objects, +3 ~0 -0" "the oldest first"
like "$(tail -n 1 out)" "^prod is good: 9 checks$" "and a summary"
ok "stock tools agree" stock "$third"
ok "about the first one too" stock "$first"
is "$(verify --output json prod | jq -r '"\(.of) \(.check) \(.result)"' |
	tail -n 1)" "prod 1.3 content ok" "--output json parses"
is "$(verify --output json prod@1 | jq -r .bundle | sort -u)" "$first" \
	"from an older bundle"
is "$(verify --last 1 prod | grep -c '^ok *prod 1.3')" 3 "--last 1"
is "$(verify --last 2 prod | head -n 2 | tail -n 1 | tr -s ' ')" \
	"ok prod 1.2 chain follows 1.1" "--last looks at the parent too"
git clone -q --bare host.git clone.git 2>/dev/null
git -C clone.git fetch -q origin '+refs/windlass/*:refs/windlass/*'
ok "a clone" windlass verify --publishers "$signers" --repo clone.git prod

# ---- lies of one bundle, each told by the publisher's own key ----

# refused DESCRIPTION CHECK REGEX [both]: $forged, the newest, is refused by
# that check; both: stock tools see it too
refused() {
	verify prod >out 2>&1
	is $? 1 "$1"
	like "$(tr -s ' ' <out)" "^FAIL prod [0-9.]+ $2 .*$3" "$2 says why"
	if [ "${4:-}" = both ]; then
		not_ok "stock tools agree" stock "$forged"
	fi
	git -C host.git update-ref refs/windlass/prod "$third"
	rm -rf tree
	cp -r good-tree tree
}
# unreadable DESCRIPTION REGEX: not even the grammar of a bundle
unreadable() {
	verify prod >out 2>&1
	is $? 1 "$1"
	like "$(cat out)" "^windlass: bundle ${forged:0:12}: .*$2" "saying why"
	git -C host.git update-ref refs/windlass/prod "$third"
}
forge_key stranger
change() { forge_put tree demo v1 ConfigMap web ".data = {text: \"$1\"}"; }

change stranger
F_KEY=stranger forge host.git tree
refused "another's key" signature "key SHA256:.* is not in the list" both
change purpose
F_PURPOSE=file forge host.git tree
refused "a signature for another purpose" signature "namespace" both
change broken
F_BREAK='s/^Source-Ref: .*/Source-Ref: refs\/heads\/other/' forge host.git tree
refused "a message that was changed afterwards" signature "signature" both
change swapped
F_BREAK="s/^tree .*/tree $(git -C host.git rev-parse "$first^{tree}")/" \
	forge host.git tree
refused "a tree that was swapped afterwards" signature "signature" both
change unsigned
F_KEY=none forge host.git tree
unreadable "no signature at all" "gpgsig"

F_SEQUENCE=5 forge host.git tree
refused "a sequence that skips one" chain "1\.5 has 1\.3 as its parent"
F_SEQUENCE=3 forge host.git tree
refused "a sequence twice" chain "1\.3 has 1\.3 as its parent"
F_EPOCH=2 forge host.git tree
refused "an epoch that begins in the middle" chain "2\.4 has 1\.3 as its parent"
F_PARENT=none F_SEQUENCE=4 forge host.git tree
unreadable "a later bundle without a parent" "parent"
F_SEQUENCE=1 F_CHANGES="+3 ~0 -0" forge host.git tree
unreadable "a first bundle with a parent" "parent"
F_HEADER="parent $first" forge host.git tree
unreadable "two parents" "line"
F_HEADER="encoding latin-1" forge host.git tree
unreadable "a header too many" "line"
F_EDIT='/^Renderer/s/$/\nRenderer: plain\/2/' forge host.git tree
unreadable "a trailer twice" "line"
F_EDIT='/^Renderer/d' forge host.git tree
unreadable "a trailer too few" "line"
F_EDIT='s/^Epoch: 1/Epoch: 01/' forge host.git tree
unreadable "a number with a zero before it" "line"
F_EDIT='1s/1\.4/1.5/' forge host.git tree
unreadable "a subject that says something else" "line 1"
F_EDIT='s/$/\r/' forge host.git tree
unreadable "carriage returns" "line"

change objects
F_OBJECTS=4 forge host.git tree
refused "more objects than there are" content "Objects: 4, and has 3|add up"
forge_put tree demo v1 ConfigMap more
F_OBJECTS=3 F_CHANGES="+0 ~0 -0" forge host.git tree
refused "an object that is kept quiet" content "Objects: 3, and has 4"
forge_del tree demo apps/v1 Deployment web
forge_put tree demo v1 ConfigMap more
F_CHANGES="+0 ~1 -0" forge host.git tree
refused "a deletion that looks like a change" content \
	"Changes: \+0 ~1 -0, and they are \+1 ~0 -1"
change content
F_CONTENT=$(printf x | sha256sum | cut -d' ' -f1) forge host.git tree
refused "another Content-SHA256" content "SHA256SUMS has not the digest" both

# what lies deeper is found behind a change that is honest
change honest
forge_sums tree
change later
F_SUMS=keep forge host.git tree
refused "an object that SHA256SUMS does not fit" content \
	"web.json': its bytes have not the digest that SHA256SUMS states" both
change honest
forge_sums tree
echo surplus >tree/objects/demo/core/ConfigMap/surplus.json
F_SUMS=keep F_OBJECTS=3 F_CHANGES="+0 ~1 -0" forge host.git tree
refused "an object that SHA256SUMS does not name" content \
	"'surplus.json' is not named in SHA256SUMS"
forge_put tree demo v1 ConfigMap more
forge_sums tree
rm tree/objects/demo/core/ConfigMap/web.json
F_SUMS=keep forge host.git tree
refused "one that it names and that is not there" content \
	"'web.json' is named in SHA256SUMS and not there" both
change honest
forge_sums tree
rm tree/objects/demo/core/SHA256SUMS
F_SUMS=keep forge host.git tree
refused "a folder without SHA256SUMS" content "there is no SHA256SUMS" both
forge_sums tree
change later
F_SUMS=keep forge host.git tree
refused "a folder that changed and whose SHA256SUMS did not" content \
	"'objects': SHA256SUMS states the same digest for it" both
change twice
forge_sums tree
sed -i p tree/SHA256SUMS
F_SUMS=keep forge host.git tree
refused "names twice in SHA256SUMS" content "not in order"

# with_entry FOLDER SED-PROGRAM: a bundle with an honest change, and in FOLDER
# entries that `git ls-tree` would list like that; SHA256SUMS do not know
with_entry() {
	local path=$1 tree above new
	change honest
	forge_sums tree
	tree=$(forge_tree host.git tree)
	new=$(git -C host.git ls-tree "$tree:$path" | sed "$2" |
		git -C host.git mktree --missing)
	while [ -n "$path" ]; do
		above=
		case $path in */*) above=${path%/*} ;; esac
		new=$(git -C host.git ls-tree "$tree:$above" | sed \
			"s/ tree [0-9a-f]*\t${path##*/}$/ tree $new\t${path##*/}/" |
			git -C host.git mktree)
		path=$above
	done
	F_TREE=$new F_OBJECTS=3 F_CHANGES="+0 ~1 -0" forge host.git tree
}
folder=objects/demo/core/ConfigMap
with_entry $folder '/web/s/^100644/100755/'
refused "a file that can be executed" content "'web.json' has mode 100755"
with_entry $folder '/web/s/^100644/120000/'
refused "a symlink" content "'web.json' has mode 120000" both
with_entry $folder "/web/s/^100644 blob [0-9a-f]*/160000 commit $first/"
refused "a submodule" content "'web.json' has mode 160000" both
with_entry $folder '/web/s/web/.web/'
refused "a name that no bundle may have" content "'.web.json' is no name" both
with_entry $folder "s/\(.*blob \).*SHA256SUMS/&\n\1$(git -C host.git \
	rev-parse "$third:$folder/web.json")\tunnamed.json/"
refused "a file that SHA256SUMS does not name" content \
	"'unnamed.json' is not named in SHA256SUMS"
mkdir -p tree/$folder/deep
cp tree/$folder/web.json tree/$folder/deep
forge host.git tree
refused "a folder where objects are" content "'deep' is a folder where"
cp tree/$folder/web.json tree/objects/demo
forge host.git tree
refused "an object where folders are" content "'web.json' is a file where"
mkdir tree/notes
echo x >tree/notes/x
forge host.git tree
refused "a third folder at the top" content "exactly the folders"

forge_put tree demo v1 ConfigMap other
mv tree/objects/demo/core/ConfigMap/other.json $folder.json 2>/dev/null ||
	mv tree/objects/demo/core/ConfigMap/other.json tree/$folder/web.json
sed -i '/^other /d' tree/origins/demo/core/ConfigMap
forge host.git tree
refused "an object under another's name" content \
	"another object than the path names"
F_CHANNEL=staging forge_put tree demo v1 ConfigMap web
forge host.git tree
refused "another channel's label" content "part-of"
echo '{' >tree/$folder/web.json
forge host.git tree
refused "an object that is no JSON" content "$folder/web.json"
forge_put tree _cluster windlass.dev/v1alpha1 Channel prod
forge host.git tree
refused "the channel's own Channel" content "own Channel"
forge_put tree _cluster apiextensions.k8s.io/v1 CustomResourceDefinition \
	channels.windlass.dev
forge host.git tree
refused "the kind of Channels" content "CustomResourceDefinition"

# ---- lies in the middle, truth after it ----

forge_put tree demo v1 ConfigMap more
F_KEY=stranger forge host.git tree
forge_del tree demo v1 ConfigMap more
forge host.git tree
verify prod >out 2>&1
is $? 1 "a stranger's bundle below a good one"
is "$(grep '^FAIL' out | tr -s ' ' | cut -d' ' -f2-4)" "prod 1.4 signature" \
	"only that one is refused"
is "$(grep -c '^ok ' out)" 14 "and all others are looked at"
like "$(tail -n 1 out)" "^prod is NOT good: 1 of 15 checks failed$" "summary"
ok "--last 1 does not look so far" verify --last 1 prod
F_NOREF=yes F_PARENT=$third F_ID=${forge_ids//[0-9]/a} F_SEQUENCE=4 \
	forge host.git tree
F_PARENT=$forged forge host.git tree
verify prod >out 2>&1
is $? 1 "another channel's bundle in the middle"
like "$(head -n 1 out | tr -s ' ')" "^FAIL prod 1\.4 commit .*with id" "is named"
git -C host.git update-ref refs/windlass/prod "$third"
F_CHANNEL=staging forge host.git tree
git -C host.git update-ref refs/windlass/prod refs/windlass/staging
verify prod >out 2>&1
is $? 1 "another channel's bundles under this name"
like "$(cat out)" "is of channel 'staging'" "are refused"
git -C host.git update-ref refs/windlass/prod "$third"

git -C host.git replace "$second" "$third"
ok "a replace ref changes nothing" verify prod
git -C host.git replace -d "$second" >/dev/null

# ---- keys and their times ----

mv "$signers" all-signers
forge_trust prod 'valid-before="20260101Z"' >"$signers"
forge_trust stranger >>"$signers"
sed -i 's/^publisher\(.*stranger\)/publisher\1/' "$signers"
verify prod >out 2>&1
is $? 1 "a newest bundle whose key is not valid any more"
is "$(grep '^FAIL' out | tr -s ' ' | cut -d' ' -f2-4)" "prod 1.3 signature" \
	"only the newest needs one"
F_KEY=stranger forge host.git tree
ok "a key that took over" verify prod
ok "an old bundle with the old key" verify prod@2
git -C host.git update-ref refs/windlass/prod "$third"
forge_trust stranger >"$signers"
verify prod >out 2>&1
is $? 1 "a key that is not listed at all"
is "$(grep -c '^FAIL.*signature' out)" 3 "fails for every bundle"

# ---- what cannot be checked is not good ----

echo nonsense >"$signers"
verify prod >out 2>&1
is $? 2 "a trust file that is none"
like "$(cat out)" "^windlass: --publishers '$signers': line 1" "is named"
: >"$signers"
verify prod >out 2>&1
is $? 2 "and one without a key"
rm "$signers"
verify prod >out 2>&1
is $? 2 "and none"
mv all-signers "$signers"
windlass verify --repo host.git prod >out 2>&1
is $? 129 "without --publishers it is wrong usage"
like "$(cat out)" "whose signatures count" "saying what it is for"
verify --url http://127.0.0.1:1 prod >/dev/null 2>&1
is $? 129 "--repo and --url"
verify --last 0 prod >/dev/null 2>&1
is $? 129 "--last 0"
verify prod@4 >/dev/null 2>&1
is $? 1 "a bundle that is not there"
verify staging@ >/dev/null 2>&1
is $? 129 "a name that is none"
windlass verify --publishers "$signers" --repo nowhere prod >/dev/null 2>&1
is $? 2 "a repository that is none"

git init -q --bare partial.git
git -C partial.git fetch -q "file://$TRASH/host.git" --depth=2 \
	refs/windlass/prod:refs/windlass/prod 2>/dev/null
windlass verify --publishers "$signers" --repo partial.git prod >out 2>&1
is $? 2 "a chain that is not all here"
like "$(tr -s ' ' <out)" "^\? prod 1\.1 commit .*is not at hand" "says where it ends"
is "$(grep -c '^ok ' out)" 5 "the rest was looked at"
ok "--last 1 needs no more" windlass verify --publishers "$signers" \
	--repo partial.git --last 1 prod
blob=$(git -C host.git rev-parse "$third:objects/demo/apps/Deployment/web.json")
cp -r host.git lost.git
rm -f "lost.git/objects/${blob:0:2}/${blob:2}"
windlass verify --publishers "$signers" --repo lost.git prod >out 2>&1
is $? 2 "an object that is lost"
like "$(tr -s ' ' <out)" "^\? prod 1\.1 content .*$blob is not at hand" "by its id"
cp -r host.git rotten.git
chmod +w "rotten.git/objects/${blob:0:2}/${blob:2}"
git -C host.git cat-file blob "$blob" | sed 's/1/2/' |
	git -C host.git hash-object -w --stdin >other
other=$(cat other)
cp "host.git/objects/${other:0:2}/${other:2}" \
	"rotten.git/objects/${blob:0:2}/${blob:2}"
windlass verify --publishers "$signers" --repo rotten.git prod >out 2>&1
is $? 2 "an object whose bytes rotted"

done_testing
