#!/bin/bash
# requireTouch as the fetching child judges it, by a security key made in
# software: a consent that was touched for counts, one that was not refuses all
# that lies beside it, and who has both kinds of key consents by the one.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-approve.sh"
tool=$WINDLASS_BUILD/t/tool/sshsig
[ -x "$tool" ] || skip_all "t/tool/sshsig is not built: make check TESTS="

new_key publisher
mkdir keys
for name in alice dora; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "keys/$name" </dev/null
done
"$tool" sk-key >keys/sk.pub
{
	approver_line alice keys/alice
	approver_line dora keys/dora
	approver_line dora keys/sk
} >approvers
port=$(free_port)
start web python3 -m http.server --bind 127.0.0.1 --directory "$public" "$port"
url=http://127.0.0.1:$port
put demo "" ConfigMap web one
bundle
publish
wait_for 5 curl -sf "$url/prod/head" || bail "no server"

# touched FLAGS: dora's consent by the security key; bit 1: she touched it
touched() {
	git cat-file tag "$(approval bundles.git keys/alice approve "$bundle")" |
		sed '/^-----BEGIN/,$d' >dora.text
	{ cat dora.text; "$tool" sk-sign "$1" git <dora.text; } |
		git hash-object -t tag -w --stdin
}
plain() { approval bundles.git "keys/$1" approve "$bundle" "${@:2}"; }
is_last() { [[ $(grep '^votes' e.log | tail -n 1) == $1 ]]; }
# heard DESCRIPTION PATTERN TAG...
heard() {
	local what=$1 pattern=$2
	shift 2
	h_approvals=$(votes "$@") make_head
	ok "$what" wait_for 15 is_last "$pattern" || test_show e.log
}

engine e --approvers approvers --interval 1
ok "a bundle that nobody approved" wait_line 10 e.log \
	'^votes 0 by= missing=alice, dora rejected=$'
tell e touch yes
ok "where a touch is asked for only who has such a key is missing" \
	wait_for 15 is_last 'votes 0 by= missing=dora rejected='
heard "consents by plain keys do not count" \
	"votes 0 by= missing=dora rejected= because the key of '*' wants no touch" \
	"$(plain alice)" "$(plain dora)"
heard "one that was touched for does" \
	"votes 1 by=dora missing= rejected= because the key of 'alice' wants no touch" \
	"$(plain alice)" "$(touched 1)"
heard "with a PIN as well" 'votes 1 by=dora missing= rejected=' "$(touched 5)"
heard "without a touch, by PIN alone, it refuses them all" \
	'votes 0 by= missing=dora rejected= unread because *without touching*' \
	"$(plain alice)" "$(touched 4)"
tell e touch no
heard "a key without a touch is refused where none is asked for, too" \
	'votes 0 by= missing=alice, dora rejected= unread because *without touching*' \
	"$(touched 0)"
heard "touched for, it is one person's consent" \
	'votes 1 by=dora missing=alice rejected=' "$(touched 1)"
heard "and no second one by the other key" \
	"votes 0 by= missing=alice, dora rejected= unread because *'dora' approves the bundle twice" \
	"$(touched 1)" "$(plain dora)"
done_testing
