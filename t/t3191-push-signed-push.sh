#!/bin/bash
# requireSignedPush, by real `git push --signed` and by forgeries of its
# certificate: attack-42. Who pushed stands in the bundle.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-developers.sh"

make_host host.git prod
make_clone host.git work
for name in ada bob old mallory; do
	make_key "$name"
done
{
	developer_line ada keys/ada
	developer_line bob keys/bob
	developer_line old keys/old 'valid-before="20260101Z"'
} >developers
sign_as work ada
git -C work config commit.gpgSign false
change work start
ok "a push that is not signed" push work
set_channel host.git prod developers "$TRASH/developers"
set_channel host.git prod requireSignedPush true
pushed_by() { trailer host.git prod Pushed-By; }
kept() { ls host.git/windlass/prod/pushed; }
back() { git -C work reset -q --hard origin/main; }

# ---- what git needs for it
like "$(hook host.git doctor 2>&1)" \
	'FAIL +signed-push: receive.certNonceSeed is not set' \
	"doctor says that git takes no signed push"
git -C host.git config receive.certNonceSeed "$(openssl rand -hex 32)"
like "$(hook host.git doctor 2>&1)" 'ok +signed-push: ' "with a seed it does"

# ---- the good one
change work one
refused "a push that is not signed" \
	'prod: refused, this push is not signed: git config gpg.format ssh; git push --signed'
taken "a signed one" --signed
like "$(cat push.out)" 'windlass: prod: pushed by ada' "the pusher is named"
is "$(pushed_by)" ada "and stands in the bundle"
is "$(trailer host.git prod Windlass-Bundle)" 2 "of version 2"
is "$(kept)" "" "what was kept for that is gone"
ok "it is good for stock tools" stock_chain host.git prod
printf 'publisher namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >publishers
ok "and for ours" windlass verify --repo host.git --publishers publishers prod
like "$(windlass verify --repo host.git --publishers publishers --last 1 prod)" \
	'signature .*by publisher, pushed by ada' "which says who pushed"
like "$(windlass log --repo host.git prod)" 'pushed by ada' "as log does"
is "$(windlass log --repo host.git -n 2 --output json prod | jq -c .pushedBy)" \
	$'["ada"]\n[]' "and its JSON"
like "$(windlass show --repo host.git prod)" 'pushed by  ada' "and show"
sign_as work bob
git -C work config commit.gpgSign false
change work two
taken "a signed one by another" --signed
is "$(pushed_by)" bob "who stands in the bundle"
change work options
taken "one with push options" --signed -o lines -o allow-deletes=1

# ---- who is not listed
with_key() {
	git -C work config user.signingKey "$TRASH/keys/$1"
	change work "$1"
}
with_key mallory
refused "attack-42 a stranger's" \
	'certificate of this push does not count: key SHA256:[^ ]* is not in the list' \
	--signed
back
with_key old
refused "attack-42 one with a key that has ended" "the key of 'old' is not valid after" \
	--signed
back
with_key prod
refused "attack-42 the publisher's" 'is not in the list of trusted keys' --signed
back
git -C work config user.signingKey "$TRASH/keys/ada"
set_channel host.git prod requireSignedPush false
change work unsigned
taken "where it is not required one that is not signed"
is "$(pushed_by)" "" "nobody is named"
is "$(trailer host.git prod Windlass-Bundle)" 1 "the bundle is as ever"
with_key mallory
taken "a stranger's" --signed
like "$(cat push.out)" 'prod: nobody is named as who pushed: key SHA256:' \
	"that is said"
is "$(pushed_by)" "" "nobody is named"
git -C work config user.signingKey "$TRASH/keys/ada"
change work signed
taken "a signed one" --signed
is "$(pushed_by)" ada "its pusher is"
set_channel host.git prod requireSignedPush true

# ---- pushee
git -C host.git config windlass.pushee "ssh://git@git.example.org/app.git"
change work pushee
refused "attack-42 one for another url" \
	"it was made for 'file://$TRASH/host.git', which is no windlass.pushee" \
	--signed
git -C host.git config --add windlass.pushee "file://$TRASH/host.git"
taken "one for this url" --signed

# ---- by hand: the hook is run as git runs it, with a certificate of ours.
# certificate OLD NEW [SED] [KEY]: its blob
change work forged
old=$(git -C work rev-parse origin/main)
new=$(git -C work rev-parse HEAD)
ok "the commit is there, on another branch" git -C work push -q origin \
	HEAD:refs/heads/draft
zero=0000000000000000000000000000000000000000
certificate() {
	{
		echo "certificate version 0.1"
		echo "pusher SHA256:x 1764000000 +0000"
		echo "pushee file://$TRASH/host.git"
		echo "nonce 1764000000-abcd"
		echo
		echo "$1 $2 refs/heads/main"
	} | sed "${3:-}" >cert
	ssh-keygen -q -Y sign -n "${5:-git}" -f "keys/${4:-ada}" <cert \
		>cert.sig 2>/dev/null
	cat cert cert.sig | sed "${6:-}" | git -C host.git hash-object -w --stdin
}
# gate WHAT REGEX BLOB [NAME=VALUE...]; REGEX '': it is taken
gate() {
	local what=$1 regex=$2 blob=$3 status before
	shift 3
	before=$(host_state)
	echo "$old $new refs/heads/main" | (
		cd host.git && env GIT_DIR=. GIT_PUSH_CERT="$blob" \
			GIT_PUSH_CERT_STATUS=G GIT_PUSH_CERT_SIGNER=ada \
			GIT_PUSH_CERT_NONCE=1764000000-abcd \
			GIT_PUSH_CERT_NONCE_STATUS=OK \
			env "$@" windlass-hook pre-receive
	) >push.out 2>&1
	status=$?
	if [ -z "$regex" ]; then
		is $status 0 "$what is taken" || test_show push.out
		return
	fi
	is $status 1 "$what is refused"
	like "$(cat push.out)" "certificate of this push does not count: .*$regex" \
		"... and it is said why"
	is "$(host_state)" "$before" "... and nothing is left of it"
}
good=$(certificate "$old" "$new")
gate "a good one" "" "$good"
is "$(kept)" "$old-$new" "it is kept for publishing"
rm "host.git/windlass/prod/pushed/$old-$new"
gate "attack-42 one with a nonce that is too old" 'nonce is 40 s old.*certNonceSlop' \
	"$good" GIT_PUSH_CERT_NONCE_STATUS=SLOP GIT_PUSH_CERT_NONCE_SLOP=40
for status in BAD MISSING UNSOLICITED ""; do
	gate "attack-42 one whose nonce is '$status'" "its nonce is $status: it was not made" \
		"$good" GIT_PUSH_CERT_NONCE_STATUS="$status"
done
gate "one with another nonce than git's" 'nonce is not the one that git gave' \
	"$good" GIT_PUSH_CERT_NONCE=1764000000-abce
gate "one of which git knows no nonce" 'git gave no nonce' "$good" \
	-u GIT_PUSH_CERT_NONCE
gate "one that is no object" 'no object' nonsense
gate "one that is not there" 'object [0-9a-f]* ' \
	1234567890123456789012345678901234567890
gate "a commit" 'is a commit, not a blob' "$new"
gate "attack-42 one for another old commit" "says other things of 'refs/heads/main'" \
	"$(certificate "$(git -C work rev-parse origin/main~1)" "$new")"
gate "attack-42 one for another new commit" "says other things of 'refs/heads/main'" \
	"$(certificate "$old" "$(git -C work rev-parse HEAD~1)")"
gate "attack-42 one for another ref" "says other things of 'refs/heads/other'" \
	"$(certificate "$old" "$new" 's,refs/heads/main,refs/heads/other,')"
gate "attack-42 one with a command more" 'it has 2 commands, and this push has 1' \
	"$(certificate "$old" "$new" '$p')"
gate "one without a command" 'it has no command' \
	"$(certificate "$old" "$new" '$d')"
gate "one with a blank line among them" 'is blank' \
	"$(certificate "$old" "$new" '$s/^/\n/')"
gate "one with a push option more" 'it has 1 push options, and this push has 0' \
	"$(certificate "$old" "$new" '4a push-option lines')"
gate "one without the push's option" 'it has 0 push options, and this push has 1' \
	"$good" GIT_PUSH_OPTION_COUNT=1 GIT_PUSH_OPTION_0=lines
gate "one with another push option" 'push options are not those' \
	"$(certificate "$old" "$new" '4a push-option allow-deletes=9')" \
	GIT_PUSH_OPTION_COUNT=1 GIT_PUSH_OPTION_0=allow-deletes=90
gate "one of another version" 'line 1: ' \
	"$(certificate "$old" "$new" '1s/0.1/0.2/')"
gate "one without a pusher" 'line 2: ' "$(certificate "$old" "$new" 2d)"
gate "one without a pushee, where some are set" 'no windlass.pushee' \
	"$(certificate "$old" "$new" 3d)"
gate "one without a nonce" "line 4: does not begin with 'nonce '" \
	"$(certificate "$old" "$new" 4d)"
gate "one with two" 'line 5: ' "$(certificate "$old" "$new" 4p)"
gate "one with a control byte" 'line 3: holds the control byte' \
	"$(certificate "$old" "$new" '3s/$/\x1b[31m/')"
gate "one signed for another namespace" "is for namespace 'file'" \
	"$(certificate "$old" "$new" '' ada file)"
gate "one by a stranger, which git calls good" 'not in the list' \
	"$(certificate "$old" "$new" '' mallory)"
gate "one that was changed" 'does not match what it is said to sign' \
	"$(certificate "$old" "$new" '' ada git 's/^pusher SHA256:x/pusher SHA256:y/')"
gate "one without a signature" 'has no SSH signature' \
	"$(certificate "$old" "$new" '' ada git '/^-----BEGIN/,$d')"
gate "one by GPG" 'signed by GPG' \
	"$(certificate "$old" "$new" '' ada git 's/ SSH SIG/ PGP SIG/')"
gate "one with text behind its signature" 'SSH SIGNATURE frame' \
	"$(certificate "$old" "$new" '' ada git '$a more')"
gate "one with two signatures" 'has lines that do not fill' \
	"$(certificate "$old" "$new" '' ada git '/^-----END/r cert.sig')"
head -c 3000000 /dev/zero | tr '\0' x >huge
gate "one of three megabytes" 'has 3000[0-9]* bytes, and' \
	"$(git -C host.git hash-object -w "$TRASH/huge")"

# ---- a replay
stop_publishing() { chmod -x host.git/hooks/post-receive; }
stop_publishing
change work replay
ok "a push" push work --signed
old=$(git -C work rev-parse HEAD~1)
new=$(git -C work rev-parse HEAD)
blob=$(git -C host.git hash-object -w "windlass/prod/pushed/$(kept)")
chmod +x host.git/hooks/post-receive
ok "is published" hook host.git publish prod
git -C work reset -q --hard HEAD~1
ok "and taken back" push work --signed --force
gate "the same certificate once more" 'nonce is not the one that git gave' "$blob"

# ---- the moves of several pushes
stop_publishing() { chmod -x host.git/hooks/post-receive; }
stop_publishing
for name in ada bob ada; do
	git -C work config user.signingKey "$TRASH/keys/$name"
	change work "$name again"
	ok "a push of $name that nobody publishes" push work --signed -q
done
is "$(kept | wc -l)" 3 "three certificates wait"
ok "publishing them by hand" hook host.git publish prod
is "$(pushed_by)" "ada,bob" "names both"
is "$(kept)" "" "nothing waits any more"
windlass_log=$(windlass log --repo host.git -n 1 prod)
like "$windlass_log" 'pushed by ada, bob' "log does"
chmod +x host.git/hooks/post-receive

# what changes no object comes with the next that does
echo text >work/README
git -C work add -A && git -C work commit -q -m text
sequence=$(trailer host.git prod Sequence)
ok "a push that changes no object" push work --signed
is "$(trailer host.git prod Sequence)" "$sequence" "makes no bundle"
is "$(sed 1d host.git/windlass/prod/taken)" ada "who made it is noted"
git -C work config user.signingKey "$TRASH/keys/bob"
change work "bob once more"
taken "the next" --signed
is "$(pushed_by)" "ada,bob" "names both"
not_ok "the note is gone" test -e host.git/windlass/prod/taken

# the same source, signed anew
make_key next
set_channel host.git prod signingKey "$TRASH/keys/next"
ok "a new key signs the same source" hook host.git publish prod
is "$(pushed_by)" "ada,bob" "pushed by the same people"
printf 'next namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/next.pub)" >>publishers

# ---- a ref that was moved without a signed push
was=$(git -C work rev-parse HEAD)
published=$(bundle host.git prod)
change work "by hand"
git -C work push -q origin HEAD:refs/heads/draft
hand=$(git -C work rev-parse HEAD)
git -C host.git update-ref refs/heads/main "$hand"
hook host.git publish prod >publish.out 2>&1
is $? 1 "it is not published: status 1"
like "$(cat publish.out)" \
	"'refs/heads/main' came to ${hand:0:12} by a push that no developer signed; push it again" \
	"it is said why"
is "$(bundle host.git prod)" "$published" "nothing is signed"
like "$(hook host.git doctor 2>&1)" \
	"FAIL +prod: source: .*came to ${hand:0:12} by a push that no developer signed" \
	"doctor says it"
change work "on top"
refused "a signed push on top of it" \
	"came to ${hand:0:12} by a push that no developer signed" --signed
git -C work reset -q --hard "$was"
ok "a push back to what was published" push work --signed --force
change work "after that"
taken "the next signed one" --signed
# a kept certificate is worth its signature only
change work "a forged file"
git -C work push -q -f origin HEAD:refs/heads/draft
hand=$(git -C work rev-parse HEAD)
old=$(git -C work rev-parse HEAD~1)
git -C host.git update-ref refs/heads/main "$hand"
file=host.git/windlass/prod/pushed/$old-$hand
git -C host.git cat-file blob "$(certificate "$old" "$hand" '' mallory)" >"$file"
not_ok "a certificate by a stranger in the folder" hook host.git publish prod
like "$(hook host.git publish prod 2>&1)" 'no developer signed: key SHA256' \
	"proves nothing"
git -C host.git cat-file blob "$(certificate "$old" "$was" '' bob)" >"$file"
like "$(hook host.git publish prod 2>&1)" \
	'no developer signed: the certificate is not of that push' \
	"nor one of another push"
echo nonsense >"$file"
like "$(hook host.git publish prod 2>&1)" 'no developer signed: it has no SSH' \
	"nor nonsense"
git -C host.git cat-file blob "$(certificate "$old" "$hand" '' bob)" >"$file"
ok "one of a developer does" hook host.git publish prod
is "$(pushed_by)" bob "and names them"
ok "the whole chain is good" windlass verify --repo host.git \
	--publishers publishers prod

# ---- other ways to the same ref
git -C host.git symbolic-ref refs/heads/alias refs/heads/main
git -C work config user.signingKey "$TRASH/keys/ada"
change work "by an alias"
not_ok "a push to an alias of the ref that is not signed" \
	git -C work push -q origin HEAD:refs/heads/alias
ok "one that is" git -C work push -q --signed origin HEAD:refs/heads/alias
is "$(trailer host.git prod Source-Commit)" "$(git -C work rev-parse HEAD)" \
	"is published"
is "$(pushed_by)" ada "with who pushed"
change work "with another ref"
ok "several refs in one push" git -C work push -q --signed --atomic origin \
	HEAD:refs/heads/main HEAD:refs/heads/other
is "$(pushed_by)" ada "with who pushed"
ok "a push to another ref need not be signed" git -C work push -q origin \
	HEAD:refs/heads/third
not_ok "to delete the ref a signature does not help" git -C work push -q \
	--signed origin :refs/heads/main

# ---- init sets what git needs
ok "init with signed pushes" windlass-hook init stage --repo host.git \
	--ref refs/heads/stage --path deploy/stage --key "$TRASH/keys/stage" \
	--developers developers --require-signed-push --require-signed-commits
is "$(git -C host.git config windlass.stage.requireSignedPush)" true "sets it"
is "$(git -C host.git config windlass.stage.requireSignedCommits)" true "and that"
is "$(git -C host.git config windlass.stage.developers)" "$TRASH/developers" \
	"by whom"
is "$(git -C host.git config receive.certNonceSlop)" 300 "and the slop"
git init -q --bare other.git
windlass-hook init stage --repo other.git --ref refs/heads/stage \
	--path deploy/stage --key "$TRASH/keys/stage" --developers developers \
	--require-signed-push >init.out
is $? 0 "on a new host"
seed=$(git -C other.git config receive.certNonceSeed)
like "$seed" '^[0-9a-f]{64}$' "it makes a seed"
unlike "$(cat init.out)" "$seed" "which it does not show"
ok "and takes it away again" windlass-hook init stage --repo other.git --remove
not_ok "the seed is gone" git -C other.git config receive.certNonceSeed
not_ok "the slop, too" git -C other.git config receive.certNonceSlop
done_testing
