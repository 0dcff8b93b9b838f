#!/bin/bash
# Whoever has stolen a publisher's key, or is one approver and wants to be two:
# what the key can sign is not taken for consent, a key that was taken out or
# is over signs nothing, whatever date it writes, and numbers that run away
# are caught by a new epoch.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-attack.sh"
tool=$WINDLASS_BUILD/t/tool/sshsig
[ -x "$tool" ] || skip_all "t/tool/sshsig is not built: make check TESTS="
cluster_use
cluster_namespace thief

new_key publisher
new_key later
new_key old 'valid-before="20260101Z"'
new_key early 'valid-after="20990101Z"'
mkdir lines keys
mv {later,old,early}.line lines
for name in alice alice2 bob carol mallory; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "keys/$name" </dev/null
done
attack_server

# ---- the channels ----

# approvals REQUIRED PERSON=KEY...: lines of a spec
approvals() {
	local one
	echo "approvals:"
	echo "  required: $1"
	echo "  approvers: |"
	shift
	for one; do
		echo "    $(approver_line "${one%%=*}" "keys/${one#*=}")"
	done
}
# approved NAME REQUIRED PERSON=KEY...: a victim whose first bundle is approved
approved() {
	local name=$1 lines
	shift
	mapfile -t lines < <(approvals "$@")
	victim "$name" "${lines[@]}"
}
tag() { approval bundles.git "keys/$1" approve "$bundle" "${@:2}"; }
by_alice() { tag alice; }
by_both() { tag alice; tag bob; }
by_dora() { touched 1; }
# touched FLAGS: dora's consent by a security key; bit 1: she touched it
touched() {
	git cat-file tag "$(tag alice)" | sed '/^-----BEGIN/,$d' >dora.text
	{ cat dora.text; "$tool" sk-sign "$1" git <dora.text; } |
		git hash-object -t tag -w --stdin
}
"$tool" sk-key >keys/dora.pub

approved_by=by_alice
for name in self swap tag-old tag-ended tag-content tag-channel tag-removed \
	flood flood-over flood-huge
do
	approved $name 1 alice=alice bob=bob
done
approved_by=by_both
approved twice 2 alice=alice bob=bob
approved two-keys 2 alice=alice alice=alice2 bob=bob
approved two-names 2 alice=alice bob=bob
approved_by=by_dora
approved untouched 1 dora=dora
approved_by=
for name in revoked after early expired-head expired-bundle gap; do
	victim $name
done
attack_begin

# ---- consent ----

# waits NAME PATTERN WHAT
waits() {
	expect "$1" Applied "False WaitingForApproval bundle 1\.2: .*$2" "$3"
}
# consents TAG...: the next bundle of the victim, which was made, with these
consents() {
	packs
	h_approvals=$(votes "$@") make_head
	honest
}
# made: the bundle, not yet published, so that tags can be made on it
made() {
	of "$1"
	settings "${2:-two}"
	bundle
}

made self

consents "$(approval bundles.git publisher approve "$bundle")"
waits self "needs the approval of 1 person, and has none" \
	"attack-30 an approval by the publisher's own key"
made swap
shown=$bundle
consent=$(tag alice)
seq=1 bundle=$before
settings evil
bundle
[ "$shown" != "$bundle" ] || bail "one bundle"
consents "$consent"
waits swap "has none" \
	"attack-35 consent to another bundle of the same number"
of tag-old
consent=$(tag alice)
made tag-old
consents "$consent"
waits tag-old "has none" "attack-34 consent to the bundle before"
made tag-ended
consents "$(tag alice Not-After="$(approval_time -60)")"
waits tag-ended "has none" "attack-34 consent that is over"
made tag-content
consents "$(tag alice Content-SHA256="$(printf '%064d' 7)")"
waits tag-content "has none" "attack-34 consent to other content"
made tag-channel
consents "$(tag alice Channel-Id="$(printf '%032d' 7)")"
waits tag-channel "has none" "attack-34 consent for another channel"
made tag-removed
consents "$(tag carol)"
waits tag-removed "has none" "attack-34 consent of somebody who is not asked"
made twice
consents "$(tag alice)" "$(tag alice Not-After="$(approval_time 9000)")"
waits twice "'alice' approves the bundle twice" \
	"attack-33 one person, twice by one key"
made two-keys
consents "$(tag alice)" "$(tag alice2)"
waits two-keys "'alice' approves the bundle twice" \
	"attack-33 one person by two keys"
respec two-names "s/^\\( *\\)bob .*/\\1bob namespaces=\"git\" $(
	cut -d' ' -f1,2 keys/alice.pub | sed 's,/,\\/,g')/"
expect two-names Ready "False InvalidSpec .*key of 'bob' is" \
	"attack-33 one key under two names"
made untouched
consents "$(touched 0)"
waits untouched "has none.*without touching" \
	"attack-27 consent by a security key that nobody touched"

# ---- floods ----

# strangers COUNT: tags by one whom nobody asked
strangers() {
	local i
	for ((i = 0; i < $1; i++)); do
		tag mallory Not-After="$(approval_time $((9000 + i)))"
	done
}
made flood
consents $(strangers 63) "$(tag alice)"
made flood-over
consents $(strangers 64) "$(tag alice)"
waits flood-over "has none" "attack-59 more approvals than may be"
of flood-huge
h_approvals="sha256:$(printf '%064d' 7) 40960000" next
expect flood-huge Verified "False HeadMalformed .*line 12" \
	"attack-59 ten thousand approvals"

# ---- keys that are no more ----

key_of() { cut -d' ' -f3- "lines/$1.line"; }
list() { sed 's/$/\\n    /' "$@" | tr -d '\n' | sed 's/\\n    $//'; }
for name in expired-head expired-bundle early after; do
	respec $name "s|^    publisher@.*|    $(list publisher.line lines/old.line lines/early.line)|"
done
respec revoked "s|^    publisher@.*|    $(cat lines/later.line)|"
moved
expect revoked Verified "False KeyNotTrusted head: key SHA256:.* is not in the list" \
	"attack-31 a key that was taken out, by what is there already"
sleep 1
of expired-head
issued=2025-12-01T00:00:00Z
h_key=old b_key=old b_edit="s/^Issued: .*/Issued: $issued/" next
expect expired-head Verified "False KeyNotTrusted head: the key of 'old@example.org' is not valid after 2026-01-01" \
	"attack-32 a head by a key that is over"
of expired-bundle
b_key=old b_edit="s/^Issued: .*/Issued: $issued/" \
	b_break='s/^\(committer .*\) [0-9]* +0000$/\1 1764547200 +0000/' next
expect expired-bundle Verified "False (KeyNotTrusted|SignatureInvalid) bundle " \
	"attack-32 a bundle by a key that is over, dated back, after it was signed"
of after
b_key=old b_edit="s/^Issued: .*/Issued: $issued/" next
expect after Verified "False KeyNotTrusted bundle .*is not valid after 2026-01-01" \
	"attack-32 a bundle by a key that is over, with a date when it was not"
of early
h_key=early b_key=early next
expect early Verified "False KeyNotTrusted head: the key of 'early@example.org' is not valid before 2099" \
	"attack-32 a key whose time has not come"

# ---- numbers ----

of gap
seq=9223372036854775806
next
expect gap Verified "False BundleInvalid bundle 1\.9223372036854775807 has 1\.1 as its parent" \
	"attack-28 a leap to the last sequence there is"

attack_end
ok "attack-59 among 63 strangers one who is asked is found" \
	wait_applied "flood-$$" 2 20
# the thief goes on, as if it were yesterday
of revoked
h_issued=$(sed -n 's/^issued //p' "$public/$channel/head") next two
sleep 3
expect revoked Verified "False KeyNotTrusted" \
	"attack-31 a key that was taken out, by what it says was signed before"
attack_end
repairs self revoked after gap
small

# ---- an engine that knows nothing takes what it is shown, once ----

victim=far channel=far-$$
id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
rm -rf tree index.txt
mkdir tree
epoch=1 seq=9223372036854775805 bundle=
settings far
bundle
next one
new_line=$(cat lines/later.line)
channel_spec "epochFloor: 1" >channels/far
moved
ok "attack-28 a first bundle with the last sequence there is" \
	wait_applied "$channel" 9223372036854775807 20
cp "$public/$channel/head" far.head
epoch=2 seq=0 bundle='' key=later
rm index.txt
next one
ok "attack-28 another key in another epoch is not taken by itself" \
	wait_condition "$channel" Verified False 20 KeyNotTrusted
respec far "s|^    publisher@.*|&\\n    $new_line|; s/^  epochFloor: .*/  epochFloor: 2/"
moved
ok "attack-28 but when an admin lets it in" wait_for 20 eval \
	'[ "$(k get channel "$channel" -o "jsonpath={.status.applied.epoch}.{.status.applied.sequence}")" = 2.1 ]'
cp far.head "$public/$channel/head"
ok "attack-28 and the old epoch is over" \
	wait_condition "$channel" Verified False 20 Rollback
like "$(condition "$channel" Verified)" "head is of epoch 1, epoch 2 was accepted" \
	"attack-28 which is said"
done_testing
