#!/bin/bash
# Approvals by a security key, end to end with stock OpenSSH and git: one made
# in software stands in for the token (t/tool/security-key.c), all else is what
# a person has. One that was not touched approves nothing.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
export SSH_SK_PROVIDER=$WINDLASS_BUILD/t/tool/security-key.so
[ -e "$SSH_SK_PROVIDER" ] ||
	skip_all "t/tool/security-key.so is not built: make check TESTS="

make_host host.git prod
make_clone host.git work
put work deploy/prod/web.yaml ConfigMap web demo one
commit_push work start
# sk_key NAME [OPTION...]: made by the token
sk_key() {
	local name=$1
	shift
	ssh-keygen -q -t ed25519-sk -N '' -C "$name" -f "keys/$name" "$@" \
		</dev/null >keygen.out 2>&1
}
sk_key alice ||
	skip_all "OpenSSH takes no security key here: $(tail -n 1 keygen.out)"
sk_key bob
sk_key carol -O no-touch-required
make_key dora
for name in alice bob carol dora; do
	approver_line "$name" "keys/$name"
done >approvers
set_channel host.git prod approvers "$TRASH/approvers"
printf 'host namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >publishers
git clone -q "file://$TRASH/host.git" mine 2>/dev/null
git -C mine config gpg.format ssh
git -C mine config windlass.prod.publishers "$TRASH/publishers"

# person NAME [KEY]: whose clone that is
person() {
	git -C mine config windlass.approver "$1"
	git -C mine config user.signingKey "${2:-$TRASH/keys/$1}"
}
approves() { windlass approve --repo mine --yes prod </dev/null; }
names() {
	git -C host.git for-each-ref --format='%(refname)' \
		refs/windlass-approvals | cut -d/ -f6 | sort -u | paste -sd,
}
verified() {
	windlass verify --repo host.git --publishers publishers \
		--approvers approvers "$@" prod
}
bundle=$(git -C host.git rev-parse refs/windlass/prod)

like "$(cat keys/alice.pub)" '^sk-ssh-ed25519@openssh\.com ' "a security key"
person alice
ok "approves by windlass approve" approves
is "$(names)" alice "the host takes it"
# git keeps what ssh-keygen says of it to itself
told() { grep -c '^windlass: .*touch' .output; }
like "$(cat .output)" '^windlass: touch your security key when it blinks$' \
	"it is said that she has to touch it"
tag=$(git -C host.git for-each-ref --format='%(objectname)' refs/windlass-approvals)
ok "stock git verifies it" git -C host.git -c gpg.format=ssh \
	-c gpg.ssh.allowedSignersFile="$TRASH/approvers" verify-tag "$tag"
like "$(cat .output)" 'Good "git" signature for alice with ED25519-SK key' \
	"as one by that key"

# ---- by an agent that has it, and by hand ----
eval "$(ssh-agent -s -P "$SSH_SK_PROVIDER")" >/dev/null
at_exit "kill $SSH_AGENT_PID"
ok "an agent takes one" ssh-add -q -S "$SSH_SK_PROVIDER" keys/bob
mv keys/bob bob.away
person bob "$TRASH/keys/bob.pub"
ok "approves by windlass approve, out of the agent" approves
is "$(told)" 1 "and is told to touch it"
is "$(names)" alice,bob "the host takes it"
person dora
ok "a plain key approves" approves
is "$(told)" 0 "and nothing is said of touching"

# ---- where only git knows which key it is ----
again() { windlass approve --repo mine --yes --not-after 8d prod </dev/null; }
mv keys/dora.pub dora.pub
ok "a key without its public half" again
like "$(cat .output)" '^windlass: if your key is a security key, touch it when it blinks$' \
	"may be one"
mv dora.pub keys
git -C mine config --unset user.signingKey
echo "key::$(cut -d' ' -f1,2 keys/bob.pub)" >found
git -C mine config gpg.ssh.defaultKeyCommand "cat $TRASH/found"
git -C mine config windlass.approver bob
ok "a key that git finds itself" again
like "$(cat .output)" '^windlass: if your key is a security key, touch it when it blinks$' \
	"may be one"
git -C mine config --unset gpg.ssh.defaultKeyCommand

# ---- touched or not ----
person carol
not_ok "one that was made not to be touched for" approves
like "$(cat .output)" 'touch' "and it is said why"
is "$(names)" alice,bob,dora "is taken nowhere"
by_hand=$(approval host.git keys/carol approve "$bundle")
not_ok "nor by hand" git -C host.git push -q "file://$TRASH/host.git" \
	"$(approval_ref host.git "$by_hand" carol)"
is "$(names)" alice,bob,dora "it is not there"
ok "three approve it" verified --approvals 3
ok "two by security keys" verified --approvals 2 --require-touch
not_ok "and not three" verified --approvals 3 --require-touch
like "$(cat .output)" 'approv' "which is what is missing"
done_testing
