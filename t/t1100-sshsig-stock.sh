#!/bin/bash
# Our signatures by stock ssh-keygen and git, theirs by us: a key in a file,
# in the real ssh-agent, and a security key made in software.
. "$(dirname "$0")/lib.sh"

tool=$WINDLASS_BUILD/t/tool/sshsig
[ -x "$tool" ] || skip_all "t/tool/sshsig is not built: make check TESTS="
head_ns=head-v1@windlass.dev

keygen() { ssh-keygen -q -t ed25519 -N '' "$@" </dev/null; }
public() { cut -d' ' -f1,2 "$1"; }
# trust ROLE-NAMESPACES PRINCIPAL KEY [OPTION...]
trust() { echo "$2 namespaces=\"$1\"${4:+,$4} $3 a comment"; }
# ssh-keygen exits with 255, which not_ok would take for a crash
stock_verify() { # WHO TRUST NAMESPACE SIG MESSAGE
	ssh-keygen -Y verify -f "$2" -I "$1" -n "$3" -s "$4" <"$5" || return 1
}
ours_verify() { # TRUST ROLE NAMESPACE SIG MESSAGE
	"$tool" verify "$1" "$2" "$3" "$4" <"$5"
}
ours_sign() { # SPEC NAMESPACE MESSAGE SIG
	"$tool" sign "$1" "$2" <"$3" >"$4"
}

keygen -C ann@example.org -f ann
keygen -C bob -f bob
printf 'windlass-head 1\nchannel prod\n' >text
: >empty
head -c 300000 /dev/urandom >big
trust "git,$head_ns" publisher "$(public ann.pub)" >publishers
trust git ann "$(public ann.pub)" >approvers

# ---- a key file ----

is "$("$tool" key ann | head -n 1)" "$(public ann.pub)" "the key file's key"
is "$("$tool" key ann | tail -n 1)" \
	"$(ssh-keygen -lf ann.pub | cut -d' ' -f2)" "and its fingerprint"
for message in text empty big; do
	for ns in "$head_ns" git; do
		ours_sign ann "$ns" "$message" sig
		ok "ssh-keygen verifies ours: $message, $ns" \
			stock_verify publisher publishers "$ns" sig "$message"
		not_ok "but not for a changed message" \
			stock_verify publisher publishers "$ns" sig publishers
		rm -f "$message.sig"
		ssh-keygen -q -Y sign -n "$ns" -f ann "$message" 2>/dev/null
		ok "we verify ssh-keygen's: $message, $ns" ours_verify \
			publishers publishers "$ns" "$message.sig" "$message"
		is "$(cat sig)" "$(cat "$message.sig")" \
			"both wrote the same bytes"
		not_ok "not for another namespace" ours_verify \
			publishers publishers file "$message.sig" "$message"
	done
done
rm -f text.sig
ssh-keygen -q -Y sign -O hashalg=sha256 -n git -f ann text 2>/dev/null
is "$(ours_verify approvers approvers git text.sig text)" "ann ssh-ed25519" \
	"ssh-keygen's with SHA-256 too"
rm -f text.sig
ssh-keygen -q -Y sign -n git -f bob text 2>/dev/null
not_ok "a stranger's signature is good but not trusted" \
	ours_verify approvers approvers git text.sig text
like "$(cat .output)" "key SHA256:.* is not in the list" "which is said"

for type in rsa ecdsa; do
	rm -f text.sig
	ssh-keygen -q -t $type -N '' -f $type </dev/null
	ssh-keygen -q -Y sign -n git -f $type text 2>/dev/null
	not_ok "$type signatures are refused" \
		ours_verify approvers approvers git text.sig text
	like "$(cat .output)" "only ssh-ed25519 and" "by name"
	not_ok "$type key files too" "$tool" key $type
	not_ok "$type public keys too" "$tool" key "key::$(cat $type.pub)"
done
not_ok "a public key is no key file" "$tool" key ann.pub
chmod 600 ann.pub
not_ok "whatever its mode" "$tool" key ann.pub
like "$(cat .output)" "is not an OpenSSH private key" "which is said"

git init -q --bare repo.git
cp -p ann repo.git/key
not_ok "a key inside a bare repository is refused" "$tool" key repo.git/key
like "$(cat .output)" "inside the Git repository '$TRASH/repo.git'" "by name"
git init -q work
mkdir -p work/etc/keys
cp -p ann work/etc/keys/key
not_ok "one in a work tree too" "$tool" key work/etc/keys/key
not_ok "by any path" "$tool" key work/../work/etc/./keys/key

# ---- the real ssh-agent ----

start agent ssh-agent -D -a "$TRASH/agent"
wait_for 5 test -S "$TRASH/agent" || bail "ssh-agent does not start"
key="key::$(cat bob.pub)"
trust git bob "$(public bob.pub)" >>approvers
not_ok "no agent in the environment" ours_sign "$key" git text sig
like "$(cat .output)" "SSH_AUTH_SOCK is not set" "is said"
export SSH_AUTH_SOCK=$TRASH/agent
not_ok "an agent without the key refuses" ours_sign "$key" git text sig
like "$(cat .output)" "ssh-agent refused to sign with key SHA256:" "by name"
ssh-add -q bob
for message in text empty big; do
	ours_sign "$key" git "$message" sig
	ok "ssh-keygen verifies the agent's: $message" \
		stock_verify bob approvers git sig "$message"
	is "$(ours_verify approvers approvers git sig "$message")" \
		"bob ssh-ed25519" "we too"
done

ssh-keygen -q -t ed25519 -N 'the passphrase' -f locked </dev/null
not_ok "a key with a passphrase is refused" "$tool" key locked
like "$(cat .output)" "protected by a passphrase: add it to ssh-agent" \
	"and the way is shown"
printf '#!/bin/sh\necho the passphrase\n' >askpass
chmod +x askpass
SSH_ASKPASS=$TRASH/askpass SSH_ASKPASS_REQUIRE=force ssh-add -q locked \
	</dev/null
trust git carol "$(public locked.pub)" >>approvers
ours_sign "key::$(public locked.pub)" git text sig
is "$(ours_verify approvers approvers git sig text)" "carol ssh-ed25519" \
	"in the agent it signs"
stop agent
rm -f "$TRASH/agent"
not_ok "an agent that is gone" ours_sign "$key" git text sig
like "$(cat .output)" "transient: cannot connect to ssh-agent" \
	"may come back"
unset SSH_AUTH_SOCK

# ---- a security key, in software ----

trust git dora "$("$tool" sk-key)" >>approvers
for flags in 1 5; do
	"$tool" sk-sign $flags git <text >sig
	ok "ssh-keygen verifies an SK signature, flags $flags" \
		stock_verify dora approvers git sig text
	is "$(ours_verify approvers approvers git sig text)" \
		"dora sk-ssh-ed25519@openssh.com" "we too"
done
for flags in 0 4; do
	"$tool" sk-sign $flags git <text >sig
	ok "ssh-keygen takes one that nobody touched, flags $flags" \
		stock_verify dora approvers git sig text
	not_ok "attack-27 we do not" ours_verify approvers approvers git sig text
done
like "$(cat .output)" "without touching" "and say why"

# ---- times ----

rm -f text.sig
ssh-keygen -q -Y sign -n git -f ann text 2>/dev/null
ours_timed() { ours_verify timed approvers git text.sig text; }
stock_timed() { stock_verify ann timed git text.sig text; }
while read -r options want; do
	trust git ann "$(public ann.pub)" "$options" >timed
	for check in ours_timed stock_timed; do
		if [ "$want" = good ]; then
			ok "$check: $options" $check
		else
			not_ok "$check: $options" $check
		fi
	done
done <<'END'
valid-after="20200101Z" good
valid-before="20200101Z" bad
valid-after="29990101Z" bad
valid-before="29991231235959Z" good
valid-after="20200101Z",valid-before="299912312359Z" good
valid-after="29990101Z",valid-before="20200101Z" bad
END

# ---- bundle commits ----

git init -q --bare bundles.git
cd bundles.git || exit 1
git config gpg.format ssh
git config gpg.ssh.allowedSignersFile "$TRASH/publishers"
export GIT_NO_REPLACE_OBJECTS=1
tree=$(git mktree </dev/null)
put() { git hash-object -t commit -w --stdin; }

first=$("$tool" commit ../ann "$tree" - 1 "Jörg Ö  O'Neil, Jr." | put)
second=$("$tool" commit ../ann "$tree" "$first" 2 "" | put)
git update-ref refs/windlass/prod "$second"
for commit in $first $second; do
	ok "git verify-commit takes our bundle" git verify-commit "$commit"
	like "$(cat "$TRASH/.output")" 'Good "git" signature for publisher' \
		"and says Good"
	ok "we take it" sh -c \
		"git cat-file commit $commit | $tool commit-verify ../publishers"
done
ok "git fsck --strict has nothing to say" git fsck --strict --no-dangling
unlike "$(cat "$TRASH/.output")" "error|warning" "nothing at all"
is "$(git log --format='%G? %GS %s' refs/windlass/prod)" \
	"G publisher windlass prod 1.2
G publisher windlass prod 1.1" "git log shows the chain, signed"
is "$(git log -1 --format='%(trailers:key=Sequence,valueonly)' "$second")" \
	"2" "and git reads the trailers"
is "$(git log -1 --format=%an "$first")" "Jörg Ö  O'Neil, Jr." \
	"a name keeps what may stand in it"

# the other way: a bundle that stock git made and signed
git config user.signingKey "$TRASH/ann"
theirs=$("$tool" message "$tree" - 1 | GIT_AUTHOR_NAME="Zoë .. <x>" \
	git commit-tree -S "$tree")
ok "we take a bundle that git made" sh -c \
	"git cat-file commit $theirs | $tool commit-verify ../publishers"
like "$(cat "$TRASH/.output")" '^Zoë .. x <ada@example.org> [0-9]* \+0000$' \
	"with git's own spelling of a name"
git config user.signingKey "$TRASH/bob"
stranger=$("$tool" message "$tree" - 1 | git commit-tree -S "$tree")
not_ok "not by another key" sh -c \
	"git cat-file commit $stranger | $tool commit-verify ../publishers"
not_ok "nor does git" git verify-commit "$stranger"
unsigned=$("$tool" message "$tree" - 1 | git commit-tree "$tree")
not_ok "nor an unsigned one" sh -c \
	"git cat-file commit $unsigned | $tool commit-verify ../publishers"
like "$(cat "$TRASH/.output")" "gpgsig" "which is said"

changed=$(git cat-file commit "$first" | sed 's/^Objects: 1/Objects: 2/
	s/^Changes: +1/Changes: +2/' | put)
not_ok "nor a changed one" sh -c \
	"git cat-file commit $changed | $tool commit-verify ../publishers"
like "$(cat "$TRASH/.output")" "does not match" "which is said"
not_ok "nor does git" git verify-commit "$changed"

done_testing
