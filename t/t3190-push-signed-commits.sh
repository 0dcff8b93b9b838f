#!/bin/bash
# requireSignedCommits: every commit that a push brings is signed by a
# developer, and what is not is neither taken by the hook nor published where
# the ref was moved without it.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-developers.sh"

make_host host.git prod
make_clone host.git work
for name in ada ada2 bob old early mallory; do
	make_key "$name"
done
{
	developer_line ada keys/ada
	developer_line ada keys/ada2
	developer_line bob keys/bob
	developer_line old keys/old 'valid-before="20260101Z"'
	developer_line early keys/early 'valid-after="20990101Z"'
} >developers
back() { git -C work reset -q --hard "${1:-origin/main}"; }

# ---- before it is asked for
change work one
change work two
ok "without the setting nobody signs" push work

set_channel host.git prod requireSignedCommits true
change work three
not_ok "a list of developers is missing" push work
like "$(cat push.out)" \
	"channel 'prod' has no developers; set it with .git config windlass.prod.developers" \
	"... and it is said how to give one"
set_channel host.git prod developers "$TRASH/developers"
set_channel host.git prod requireSignedCommits maybe
not_ok "a word that is none" push work
like "$(cat push.out)" "windlass.prod.requireSignedCommits = 'maybe': must be true or false" \
	"... is named"
set_channel host.git prod requireSignedCommits true

# ---- one commit
three=$(git -C work rev-parse --short=12 HEAD)
refused "an unsigned commit" \
	"prod: refused, commit $three of Ada Developer <ada@example.org>, \"three\", is not signed; sign them with an SSH key that windlass.prod.developers lists: git config gpg.format ssh; git rebase -f -r -S [0-9a-f]{12}"
sign_as work ada
ok "the way that it says" git -C work rebase -q -f -r -S origin/main
taken "is good: a signed commit, on a history that is not signed,"
like "$(cat push.out)" 'windlass: prod 1.2 published' "and said to be"

# WHO REGEX: a commit signed by this key
by() {
	local what=$1 regex=$2
	sign_as work "$3"
	change work "$3 did it"
	refused "$what" "\"$3 did it\", .*$regex"
	back
}
by "a stranger's" 'is not signed as it must be: key SHA256:[^ ]* is not in the list' mallory
by "one by a key that has ended" "the key of 'old' is not valid after 2026-01-01T00:00:00Z" old
by "one by a key that begins later" "the key of 'early' is not valid before 2099" early
by "one by the publisher" 'is not in the list of trusted keys' prod
# as a pusher would: with a date of when the key was good
sign_as work old
GIT_COMMITTER_DATE='2025-06-01T00:00:00Z' change work "old, then" \
	--date 2025-06-01T00:00:00Z
like "$(git -C work -c gpg.ssh.allowedSignersFile="$TRASH/developers" \
	log -1 --format='%G?')" '^G' "stock git believes a date in the past"
refused "it, here" "the key of 'old' is not valid after"
back

# ---- more than the tip
sign_as work
change work "in between"
sign_as work ada
change work "on top"
refused "an unsigned one below a signed tip" '"in between", is not signed; '
back

sign_as work
change work "first"
change work "second"
change work "third"
sign_as work ada
change work "and the tip"
refused "the oldest of several is named" '"first", is not signed, nor are 2 more;'
back

git -C work checkout -q -b side
sign_as work
echo x >work/README
git -C work add -A && git -C work commit -q -m "on the side"
git -C work checkout -q main
sign_as work ada
change work "mainline"
git -C work merge -q --no-edit -S side
refused "an unsigned one on a merged side" '"on the side", is not signed; '
ok "the side itself may be pushed: no channel follows it" git -C work push \
	-q origin side:side
refused "it is still new to the channel" '"on the side", is not signed; '
git -C work rebase -q -f -r -S origin/main
taken "the same, signed,"
is "$(git -C work rev-list --count origin/main..HEAD)" 0 "all of it"

# ---- other signatures. What `git commit` would write is made by hand.
raw_commit() {
	local header=$1
	git -C work cat-file commit "$base" | sed '/^gpgsig /,/^ -----END/d' |
		sed "0,/^\$/{s/^\$/$header\n/}" >raw
	git -C work reset -q --hard \
		"$(git -C work hash-object -t commit -w --stdin --literally <raw)"
}
sign_as work
change work "signed by others"
base=$(git -C work rev-parse HEAD)
raw_commit 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----'
refused "a GPG signature" 'is signed by GPG, and only signatures by SSH keys count here; sign'
raw_commit 'gpgsig -----BEGIN SIGNED MESSAGE-----\n iQ==\n -----END SIGNED MESSAGE-----'
refused "an X.509 signature" 'is signed by X.509, and only signatures by SSH'
raw_commit 'gpgsig nonsense'
refused "what is no signature" 'has a signature that is not by SSH'
raw_commit 'gpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n iQ==\n -----END SSH SIGNATURE-----'
refused "one for another hash" 'has a signature for another hash'
raw_commit 'gpgsig -----BEGIN SSH SIGNATURE-----'
refused "a frame without an end" 'is not in one SSH SIGNATURE frame'
back
sign_as work ada
change work "twice"
git -C work cat-file commit HEAD >raw
sed -n '/^gpgsig /,/^ -----END/p' raw >signature
sed '/^gpgsig /,$d' raw >twice
cat signature signature >>twice
sed '1,/^ -----END/d' raw >>twice
git -C work reset -q --hard \
	"$(git -C work hash-object -t commit -w --stdin --literally <twice)"
refused "two signatures" 'has two signatures'
back
change work "changed later"
git -C work cat-file commit HEAD | sed 's/^changed later$/Changed later/' >raw
git -C work reset -q --hard "$(git -C work hash-object -t commit -w --stdin <raw)"
refused "a message that was changed" 'does not match what it is said to sign'
back
change work "mine"
git -C work cat-file commit HEAD >raw
tree=$(git -C work write-tree)
change work "other content"
other=$(git -C work rev-parse 'HEAD^{tree}')
git -C work reset -q --hard \
	"$(sed "s/$tree/$other/" raw | git -C work hash-object -t commit -w --stdin)"
refused "a signature of another tree" 'does not match what it is said to sign'
back

# a tag that was merged lies in the commit, with a signature of its own
sign_as work ada2
git -C work checkout -q -b tagged origin/main
change work "in a tag"
git -C work tag -s -m "a signed tag" v1
git -C work checkout -q main
git -C work merge -q --no-ff --no-edit -S v1
like "$(git -C work cat-file commit HEAD)" '^mergetag object ' "a merged tag"
taken "signed by another key of hers, it"

# ---- not forward only
older=$(git -C work rev-parse HEAD~1)
git -C work reset -q --hard "$older"
taken "a push back to what was taken before" --force
change work "another way" --no-gpg-sign
refused "a forced one that brings an unsigned commit" '"another way", is not signed' \
	--force
back "$older"
change work "a signed one instead"
taken "a forced one that does not" --force

# a history of its own
git -C work checkout -q --orphan fresh
git -C work commit -q -m "from nowhere" --no-gpg-sign
refused "a new root that is not signed" '"from nowhere", is not signed' --force
git -C work commit -q --amend --no-edit -S
ok "one that is, is taken" push work --force
is "$(cat host.git/windlass/prod/taken)" "$(git -C work rev-parse HEAD)" \
	"and noted, since its objects are the same"
git -C work branch -q -D main
git -C work branch -q -m main

# a new channel has accepted nothing yet
add_channel host.git stage deploy/stage refs/heads/stage
set_channel host.git stage developers "$TRASH/developers"
set_channel host.git stage requireSignedCommits true
git -C work checkout -q --orphan stage
git -C work rm -q -r -f --cached .
put work deploy/stage/a.yaml ConfigMap a demo
git -C work add -A && git -C work commit -q --no-gpg-sign -m "stage"
not_ok "a new branch that is not signed is refused" git -C work push -q \
	origin stage
not_ok "and is not there" git -C host.git rev-parse -q --verify stage
git -C work commit -q --amend --no-edit -S
ok "a new branch that is signed" git -C work push -q origin stage
is "$(trailer host.git stage Sequence)" 1 "is published"
git -C work checkout -q -f main

# ---- what changes no object is noted, and not judged again
for i in 1 2 3; do
	echo "$i" >work/README
	git -C work add -A && git -C work commit -q -m "text $i"
done
ok "commits that change no object" push work
is "$(cat host.git/windlass/prod/taken)" "$(git -C work rev-parse HEAD)" \
	"are noted"
sed -i '/^ada /d' developers
sign_as work bob
change work "bob goes on"
taken "who was taken out later does not stop others: it"
developer_line ada keys/ada >>developers
not_ok "the bundle says so now, no note" test -e host.git/windlass/prod/taken

# ---- dates that lie: old commits look new
set_channel host.git prod requireSignedCommits false
sign_as work
export GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
change work "2020"
fork=$(git -C work rev-parse HEAD)
export GIT_COMMITTER_DATE='1990-01-01T00:00:00Z'
change work "1990"
ok "an old history with odd dates" push work
unset GIT_COMMITTER_DATE
set_channel host.git prod requireSignedCommits true
sign_as work ada
git -C work checkout -q -b odd "$fork"
echo odd >work/README
git -C work commit -q -a -m odd
git -C work checkout -q main
change work "after odd dates"
git -C work merge -q --no-edit odd
taken "what is signed, on it,"

# ---- a ref that was moved without the hook
published=$(bundle host.git prod)
sign_as work
change work "by hand"
git -C work push -q origin HEAD:refs/heads/draft
hand=$(git -C work rev-parse HEAD)
git -C host.git update-ref refs/heads/main "$hand"
hook host.git publish prod >publish.out 2>&1
is $? 1 "is not published: status 1"
like "$(cat publish.out)" \
	"prod: not published: commit ${hand:0:12} of .*\"by hand\", is not signed" \
	"the same words"
is "$(bundle host.git prod)" "$published" "nothing is signed"
hook host.git doctor >doctor.out 2>&1
is $? 1 "doctor finds it"
like "$(cat doctor.out)" \
	"FAIL +prod: source: the tip of refs/heads/main, ${hand:0:12}, is not published: commit ${hand:0:12} of" \
	"and says which commit"
like "$(cat doctor.out)" 'ok +prod: developers: .*every commit must be signed' \
	"and who may"
issued=$(head_field host.git prod issued)
sleep 1.1
ok "the head stays fresh" hook host.git refresh --force prod
unlike "$(head_field host.git prod issued)" "^$issued\$" "with a new time"
change work "on top of it" -S
refused "a push on top" '"by hand", is not signed'
ok "an admin can let it in: the setting off, published, on again" \
	git -C host.git config windlass.prod.requireSignedCommits false
ok "published" hook host.git publish prod
git -C host.git config windlass.prod.requireSignedCommits true
is "$(trailer host.git prod Source-Commit)" "$hand" "that very commit"
taken "and the push on top of it"

# ---- a list that is no good
echo 'ada ssh-ed25519 nonsense' >>developers
sign_as work ada
change work "with a bad list"
refused "everything, while the list is bad," \
	"windlass.prod.developers: .*/developers: line [0-9]+: "
like "$(hook host.git doctor 2>&1)" "developers: nobody's signature counts" \
	"doctor says so"
: >developers
refused "everything, while it lists nobody," 'is not in the list'
like "$(hook host.git doctor 2>&1)" "developers: .*lists nobody" "doctor says so"
rm developers
refused "everything, while there is none," "cannot open '.*/developers'"
# a new epoch wants the tip published first; what cannot be only stays as it is
git -C work push -q origin HEAD:refs/heads/draft
tip=$(git -C host.git rev-parse main)
git -C host.git update-ref refs/heads/main refs/heads/draft
set_channel host.git prod epoch 2
issued=$(head_field host.git prod issued)
sleep 1.1
ok "the head of what was published stays fresh all the same" \
	hook host.git refresh --force prod
unlike "$(head_field host.git prod issued)" "^$issued\$" "with a new time"
set_channel host.git prod epoch 1
git -C host.git update-ref refs/heads/main "$tip"
developer_line ada keys/ada >developers
taken "with a good one it"
developer_line prod keys/prod >>developers
like "$(hook host.git doctor 2>&1)" 'FAIL +prod: developers: .*the key of the publisher' \
	"a publisher's key has no place there"
done_testing
