#!/bin/bash
# verify finds every lie that a bundle or a chain can tell, and agrees with
# stock git and sha256sum wherever these look.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"

signers=$TRASH/signers
verify() { windlass verify --publishers "$signers" --repo bundles.git "$@"; }

# stock ID: 0 if stock tools find nothing wrong with the bundle
stock() {
	local dir=$TRASH/checkout status=0
	git -c gpg.format=ssh \
		-c gpg.ssh.allowedSignersFile="$signers" verify-commit "$1" \
		2>/dev/null || return 1
	git worktree add -q --detach "$dir" "$1" 2>/dev/null &&
		(
			unset GIT_DIR
			cd "$dir" &&
			[ -z "$(git status --porcelain)" ] &&
			find . -name SHA256SUMS -execdir sha256sum -c \
				--strict --quiet {} + 2>/dev/null &&
			[ "$(git log -1 --format='%(trailers:key=Content-SHA256,valueonly,separator=)')" = \
			  "$(sha256sum <SHA256SUMS | cut -d' ' -f1)" ]
		) >/dev/null || status=1
	git worktree remove --force "$dir" 2>/dev/null ||
		rm -rf "$dir"
	git worktree prune
	return $status
}

# ---- what is good ----

new_key publisher
cp publisher.line "$signers"
put _cluster "" Namespace demo
put demo "" ConfigMap web hello
put demo apps Deployment web
bundle || bail "no bundle could be forged"
first=$bundle
put demo "" ConfigMap web "good day"
put demo "" ConfigMap more
bundle
second=$bundle
drop demo "" ConfigMap more
bundle
third=$bundle
cp -r tree good-tree

verify prod >out 2>&1
is $? 0 "a chain that is good" || test_show out
is "$(grep -c '^ok ' out)" 9 "three checks a bundle"
is "$(head -n 3 out | tr -s ' ')" \
	"ok prod 1.1 signature by publisher@example.org
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
env -u GIT_DIR git clone -q --bare bundles.git clone.git 2>/dev/null
env -u GIT_DIR git -C clone.git fetch -q origin '+refs/windlass/*:refs/windlass/*'
ok "a clone" windlass verify --publishers "$signers" --repo clone.git prod

# ---- lies of one bundle, each told by the publisher's own key ----

# begin: back to the truth, for the next lie
begin() {
	git update-ref refs/windlass/prod "$third"
	bundle=$third seq=3
	rm -rf tree
	cp -r good-tree tree
}
# signer NAME [OPTION]: a line that trusts it
signer() {
	sed "s/ ssh-/${2:+,$2} ssh-/" "$1.line"
}
# refused DESCRIPTION CHECK REGEX [both]: $bundle, the newest, is refused by
# that check; both: stock tools see it too
refused() {
	verify prod >out 2>&1
	is $? 1 "$1"
	like "$(tr -s ' ' <out)" "^FAIL prod [0-9.]+ $2 .*$3" "$2 says why"
	if [ "${4:-}" = both ]; then
		not_ok "stock tools agree" stock "$bundle"
	fi
	begin
}
# unreadable DESCRIPTION REGEX: not even the grammar of a bundle
unreadable() {
	verify prod >out 2>&1
	is $? 1 "$1"
	like "$(cat out)" "^windlass: bundle ${bundle:0:12}: .*$2" "saying why"
	begin
}
new_key stranger
change() { put demo "" ConfigMap web "$1"; }

change stranger
b_key=stranger bundle
refused "another's key" signature "key SHA256:.* is not in the list" both
change purpose
b_namespace=file bundle
refused "a signature for another purpose" signature "namespace" both
change broken
b_break='s/^Source-Ref: .*/Source-Ref: refs\/heads\/other/' bundle
refused "a message that was changed afterwards" signature "signature" both
change swapped
b_break="s/^tree .*/tree $(git rev-parse "$first^{tree}")/" \
	bundle
refused "a tree that was swapped afterwards" signature "signature" both
change unsigned
b_key=none bundle
unreadable "no signature at all" "gpgsig"

b_sequence=5 bundle
refused "a sequence that skips one" chain "1\.5 has 1\.3 as its parent"
b_sequence=3 bundle
refused "a sequence twice" chain "1\.3 has 1\.3 as its parent"
b_epoch=2 bundle
refused "an epoch that begins in the middle" chain "2\.4 has 1\.3 as its parent"
b_parent= b_sequence=4 bundle
unreadable "a later bundle without a parent" "parent"
b_sequence=1 b_changes="+3 ~0 -0" bundle
unreadable "a first bundle with a parent" "parent"
b_header="parent $first" bundle
unreadable "two parents" "line"
b_header="encoding latin-1" bundle
unreadable "a header too many" "line"
b_edit='/^Renderer/s/$/\nRenderer: plain\/2/' bundle
unreadable "a trailer twice" "line"
b_edit='/^Renderer/d' bundle
unreadable "a trailer too few" "line"
b_edit='s/^Epoch: 1/Epoch: 01/' bundle
unreadable "a number with a zero before it" "line"
b_edit='1s/1\.4/1.5/' bundle
unreadable "a subject that says something else" "line 1"
b_edit='s/$/\r/' bundle
unreadable "carriage returns" "line"

change objects
b_objects=4 bundle
refused "more objects than there are" content "Objects: 4, and has 3|add up"
put demo "" ConfigMap more
b_objects=3 b_changes="+0 ~0 -0" bundle
refused "an object that is kept quiet" content "Objects: 3, and has 4"
drop demo apps Deployment web
put demo "" ConfigMap more
b_changes="+0 ~1 -0" bundle
refused "a deletion that looks like a change" content \
	"Changes: \+0 ~1 -0, and they are \+1 ~0 -1"
change content
b_content=$(printf x | sha256sum | cut -d' ' -f1) bundle
refused "another Content-SHA256" content "SHA256SUMS has not the digest" both

# what lies deeper is found behind a change that is honest
change honest
sums tree
change later
b_sums=keep bundle
refused "an object that SHA256SUMS does not fit" content \
	"web.json': its bytes have not the digest that SHA256SUMS states" both
change honest
sums tree
echo surplus >tree/objects/demo/core/ConfigMap/surplus.json
b_sums=keep b_objects=3 b_changes="+0 ~1 -0" bundle
refused "an object that SHA256SUMS does not name" content \
	"'surplus.json' is not named in SHA256SUMS"
put demo "" ConfigMap more
sums tree
rm tree/objects/demo/core/ConfigMap/web.json
b_sums=keep bundle
refused "one that it names and that is not there" content \
	"'web.json' is named in SHA256SUMS and not there" both
change honest
sums tree
rm tree/objects/demo/core/SHA256SUMS
b_sums=keep bundle
refused "a folder without SHA256SUMS" content "there is no SHA256SUMS" both
sums tree
change later
b_sums=keep bundle
refused "a folder that changed and whose SHA256SUMS did not" content \
	"'objects': SHA256SUMS states the same digest for it" both
change twice
sums tree
sed -i p tree/SHA256SUMS
b_sums=keep bundle
refused "names twice in SHA256SUMS" content "not in order"

# with_entry FOLDER SED-PROGRAM: a bundle with an honest change, and in FOLDER
# entries that `git ls-tree` would list like that; SHA256SUMS do not know
with_entry() {
	local path=$1 tree above new
	change honest
	sums tree
	tree=$(write_tree)
	new=$(git ls-tree "$tree:$path" | sed "$2" |
		git mktree --missing)
	while [ -n "$path" ]; do
		above=
		case $path in */*) above=${path%/*} ;; esac
		new=$(git ls-tree "$tree:$above" | sed \
			"s/ tree [0-9a-f]*\t${path##*/}$/ tree $new\t${path##*/}/" |
			git mktree)
		path=$above
	done
	b_tree=$new b_objects=3 b_changes="+0 ~1 -0" bundle
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
with_entry $folder "s/\(.*blob \).*SHA256SUMS/&\n\1$(git \
	rev-parse "$third:$folder/web.json")\tunnamed.json/"
refused "a file that SHA256SUMS does not name" content \
	"'unnamed.json' is not named in SHA256SUMS"
mkdir -p tree/$folder/deep
cp tree/$folder/web.json tree/$folder/deep
bundle
refused "a folder where objects are" content "'deep' is a folder where"
cp tree/$folder/web.json tree/objects/demo
bundle
refused "an object where folders are" content "'web.json' is a file where"
mkdir tree/notes
echo x >tree/notes/x
bundle
refused "a third folder at the top" content "exactly the folders"

put demo "" ConfigMap other
mv tree/objects/demo/core/ConfigMap/other.json $folder.json 2>/dev/null ||
	mv tree/objects/demo/core/ConfigMap/other.json tree/$folder/web.json
sed -i '/^other /d' tree/origins/demo/core/ConfigMap
bundle
refused "an object under another's name" content \
	"another object than the path names"
channel=staging put demo "" ConfigMap web
bundle
refused "another channel's label" content "part-of"
echo '{' >tree/$folder/web.json
bundle
refused "an object that is no JSON" content "$folder/web.json"
put _cluster windlass.dev Channel prod
bundle
refused "the channel's own Channel" content "own Channel"
put _cluster apiextensions.k8s.io CustomResourceDefinition \
	channels.windlass.dev
bundle
refused "the kind of Channels" content "CustomResourceDefinition"

# ---- lies in the middle, truth after it ----

put demo "" ConfigMap more
b_key=stranger bundle
drop demo "" ConfigMap more
bundle
verify prod >out 2>&1
is $? 1 "a stranger's bundle below a good one"
is "$(grep '^FAIL' out | tr -s ' ' | cut -d' ' -f2-4)" "prod 1.4 signature" \
	"only that one is refused"
is "$(grep -c '^ok ' out)" 14 "and all others are looked at"
like "$(tail -n 1 out)" "^prod is NOT good: 1 of 15 checks failed$" "summary"
ok "--last 1 does not look so far" verify --last 1 prod
begin
b_id=${id//[0-9]/a} bundle
bundle
verify prod >out 2>&1
is $? 1 "another channel's bundle in the middle"
like "$(head -n 1 out | tr -s ' ')" "^FAIL prod 1\.4 commit .*with id" "is named"
begin
b_channel=staging bundle
verify prod >out 2>&1
is $? 1 "another channel's bundles under this name"
like "$(cat out)" "is of channel 'staging'" "are refused"
begin

git replace "$second" "$third"
ok "attack-62 a replace ref changes nothing" verify prod
git replace -d "$second" >/dev/null

# ---- keys and their times ----

mv "$signers" all-signers
signer stranger | cat - <(signer publisher 'valid-before="20260101Z"') \
	>"$signers"
verify prod >out 2>&1
is $? 1 "a newest bundle whose key is not valid any more"
is "$(grep '^FAIL' out | tr -s ' ' | cut -d' ' -f2-4)" "prod 1.3 signature" \
	"only the newest needs one"
b_key=stranger bundle
ok "a key that took over" verify prod
ok "an old bundle with the old key" verify prod@2
begin
signer stranger >"$signers"
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
windlass verify --repo bundles.git prod >out 2>&1
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

env -u GIT_DIR git init -q --bare partial.git
env -u GIT_DIR git -C partial.git fetch -q "file://$TRASH/bundles.git" --depth=2 \
	refs/windlass/prod:refs/windlass/prod 2>/dev/null
windlass verify --publishers "$signers" --repo partial.git prod >out 2>&1
is $? 2 "a chain that is not all here"
like "$(tr -s ' ' <out)" "^\? prod 1\.1 commit .*is not at hand" "says where it ends"
is "$(grep -c '^ok ' out)" 5 "the rest was looked at"
ok "--last 1 needs no more" windlass verify --publishers "$signers" \
	--repo partial.git --last 1 prod
blob=$(git rev-parse "$third:objects/demo/apps/Deployment/web.json")
cp -r bundles.git lost.git
rm -f "lost.git/objects/${blob:0:2}/${blob:2}"
windlass verify --publishers "$signers" --repo lost.git prod >out 2>&1
is $? 2 "an object that is lost"
like "$(tr -s ' ' <out)" "^\? prod 1\.1 content .*$blob is not at hand" "by its id"
cp -r bundles.git rotten.git
chmod +w "rotten.git/objects/${blob:0:2}/${blob:2}"
git cat-file blob "$blob" | sed 's/1/2/' |
	git hash-object -w --stdin >other
other=$(cat other)
cp "bundles.git/objects/${other:0:2}/${other:2}" \
	"rotten.git/objects/${blob:0:2}/${blob:2}"
windlass verify --publishers "$signers" --repo rotten.git prod >out 2>&1
is $? 2 "an object whose bytes rotted"

done_testing
