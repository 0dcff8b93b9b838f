#!/bin/bash
# contrib/guides/proof.md finds, of each fault that it says it looks for, that
# it is there: in a script and pasted into a shell, by stock tools alone.
# Bundles are forged with the publisher's own key.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-proof.sh"

new_key publisher
for name in alice bob carol; do new_key $name; done
env -u GIT_DIR git clone -q "file://$TRASH/bundles.git" clone 2>/dev/null
cp publisher.line clone/publishers
{ approver_line alice alice; approver_line bob bob; } >clone/approvers

# ---- what is good: the first one of an epoch, and one behind it ----
put _cluster "" Namespace demo
put demo "" ConfigMap web hello
bundle
first=$bundle
all='Who signed 1,Who signed 2,What is in it 1,What is in it 2'
all_prove() {
	local each
	ok "$1 is fetched" fetched
	while read -r each; do
		proves "${each% *}" "${each##* }"
	done < <(tr , '\n' <<<"$all")
	run_block 'What is in it' 3 as_script
	like "$(cat .output)" 'objects/demo/core/ConfigMap/(web|more).json' \
		"what came is shown"
}
all_prove "the first bundle"
put demo "" ConfigMap web again
put demo "" ConfigMap more
bundle
second=$bundle
drop demo "" ConfigMap more
bundle
third=$bundle
cp -r tree good-tree
all_prove "the third"

# ---- the chain ----
# back: the third is the tip again
back() {
	honest
	bundle=$third seq=3
	rm -rf tree
	cp -r good-tree tree
	git update-ref refs/windlass/prod $third
}
# bad WHAT PATTERN SECTION N: makes a bundle of what was set, and looks
bad() {
	bundle
	fetched
	finds "$@"
	back
}
b_key=none bad "a bundle that nobody signed" 'no publisher signed it' 'Who signed' 1
b_key=carol bad "another's bundle" 'no publisher signed it' 'Who signed' 1
b_namespace=file bad "a signature for files" 'no publisher signed it' 'Who signed' 1
b_sequence=7 bad "a gap" 'it is not number 4' 'Who signed' 2
b_id=00000000000000000000000000000000 bad "another channel's bundle" \
	'another Channel-Id' 'Who signed' 2
b_epoch=2 bad "another epoch" 'another Epoch' 'Who signed' 2
b_parent=$second bad "a second number 3" 'it is not number 3|it does not follow' \
	'Who signed' 2
# a good one in some keyring: gpg says so of whatever it is given
cat >gpg <<'END'
#!/bin/sh
echo '[GNUPG:] GOODSIG 0123456789ABCDEF somebody'
echo '[GNUPG:] VALIDSIG 0123456789ABCDEF0123456789ABCDEF01234567 2026-01-01 0 0 4 0 22 10 00 0123456789ABCDEF0123456789ABCDEF01234567'
echo '[GNUPG:] TRUST_ULTIMATE 0 pgp'
END
chmod +x gpg
git -C clone config gpg.program "$TRASH/gpg"
b_break='s/SSH SIGNATURE/PGP SIGNATURE/' bad "a key of the machine's own" \
	'no publisher signed it' 'Who signed' 1
git -C clone config --unset gpg.program
git update-ref -d refs/windlass/prod
env -u GIT_DIR git -C clone update-ref -d refs/windlass/prod
finds "no bundle" 'there is no bundle' 'Who signed' 1
finds "no chain" 'there is no bundle' 'Who signed' 2
back

# ---- the content ----
in=(tree/objects/demo/core/ConfigMap)
keep() { sums tree; b_sums=keep; }
keep
echo '{}' >"$in/.evil.json"
bad "a hidden file" 'what is there is not' 'What is in it' 1
keep
echo '{}' >"$in/evil.json"
bad "a file that no digest is of" 'what is there is not' 'What is in it' 1
keep
sed -i 's/again/wrong/' "$in/web.json"
bad "a file with another digest" 'a digest is another' 'What is in it' 1
keep
sed -i '/web.json/d' "$in/SHA256SUMS"
bad "a digest that is missing" 'a digest is another' 'What is in it' 1
keep
ln -s web.json "$in/link.json"
(cd "$in" && sha256sum link.json web.json >SHA256SUMS)
bad "a link" 'these are no plain files' 'What is in it' 1
echo '*.json text eol=crlf' >tree/.gitattributes
bad "attributes that change files" 'no plain names' 'What is in it' 1
b_content=$(printf %064d 7) bad "another digest of all" \
	'not the one that was signed' 'What is in it' 1
b_objects=9 bad "more objects than there are" 'it has 2 objects, and says 9' \
	'What is in it' 2
put demo "" ConfigMap new
b_changes='+0 ~0 -0' bad "a change that is not told" 'it is .1 ~0 -0, and says' \
	'What is in it' 2
fetched
mkdir clone/bundle
touch clone/bundle/old
again() { :; }
finds "what was there before the checkout" 'not checked out' 'What is in it' 1

# ---- the approvals ----
said=refs/windlass-approvals/prod/1/3
# says TAG...: these are what was said, and the clone has them
says() {
	local ref tag
	git for-each-ref --format='delete %(refname)' refs/windlass-approvals |
		git update-ref --stdin
	env -u GIT_DIR git -C clone for-each-ref --format='delete %(refname)' \
		refs/windlass-approvals | env -u GIT_DIR git -C clone update-ref --stdin
	for tag; do
		git update-ref "$said/somebody/${tag:0:16}" "$tag"
	done
	fetched
}
tag() { approval bundles.git "$@"; }
people() { finds "$1" "approved by ${2:-0} of the ${3:-1} who must" 'Who approved' 1; }
good=$(tag alice approve $third)
says "$good"
proves 'Who approved' 1
like "$(cat .output)" '^alice approves it until 20' "alice is named"
says
people "no approval at all"
says "$(tag carol approve $third)"
people "one of somebody who is not listed"
says "$(tag alice approve $third object=$second)"
people "one on another bundle"
says "$(tag alice approve $third object=$second subject="object $third")"
people "one that only speaks of it"
says "$(tag alice approve $third Content-SHA256=$(printf %064d 7))"
people "another digest in it"
says "$(tag alice approve $third Sequence=2)"
people "another number in it"
says "$(tag alice approve $third Verdict=maybe subject='Verdict: approve')"
people "another verdict in it"
ended=$(tag alice approve $third Not-After="$(approval_time -60)")
says "$ended"
people "a consent that has ended"
says "$(tag alice approve $third Not-After=tomorrow)"
people "a consent until no time"
says "$good" "$(tag bob reject $third)"
finds "a reject" 'bob rejects it' 'Who approved' 1
says "$ended" "$(tag carol approve $third)" "$(tag carol reject $third)" "$good"
proves 'Who approved' 1
like "$(cat .output)" '^good: approved by 1$' "who has ended or went does not harm"
says "$good" "$(tag alice approve $third Not-After="$(approval_time 7200)")"
sed -i 's/^required=1$/required=2/' begin.sh
people "one person twice" 1 2
says "$good" "$(tag bob approve $third)"
sed -i 's/^required=1$/required=2/' begin.sh
proves 'Who approved' 1

# ---- what is published ----
export publisher=publisher@example.org
mkdir -p "$public"
port=$(free_port)
start web python3 -m http.server --bind 127.0.0.1 --directory "$public" "$port"
wait_for 10 curl -s "http://127.0.0.1:$port/" >/dev/null || bail "no server"
export url=http://127.0.0.1:$port
# published WHAT PATTERN
published() {
	make_head
	finds "$1" "$2" 'What is published' 1
	honest
}
rm -f index.txt
before=$second
packs
make_head
proves 'What is published' 1
h_bundle=$second published "a head of another bundle" 'it is of another bundle'
h_key=carol published "a head of another's" 'no publisher signed it'
h_expires=$(at -60) published "an old head" 'it has expired'
h_edit='/^index\|^delta/d' published "a head that leads nowhere" 'leads to nothing'
make_head
for file in "$public"/prod/packs/*; do echo more >>"$file"; done
finds "another file" 'is another file' 'What is published' 1
rm "$public/prod/head"
finds "no head" 'there is no head' 'What is published' 1

skip_block 'What is live' 1
guide_done
done_testing
