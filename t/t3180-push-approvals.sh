#!/bin/bash
# Approvals at the Git host, made by stock git: which tags are taken, what is
# published of them, and when.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"

make_host host.git prod stage
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a demo
put work deploy/stage/a.yaml ConfigMap a demo
ok "two channels are published" commit_push work start
for name in alice alice2 bob mallory old; do
	make_key "$name"
done
{
	approver_line alice keys/alice
	approver_line alice keys/alice2
	approver_line bob keys/bob
	approver_line old keys/old 'valid-before="20260101Z"'
} >approvers
fetch() { git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"; }
fetch
one=$(bundle host.git prod)

state() {
	git -C host.git for-each-ref
	cat host.git/windlass/public/*/head
	ls host.git/windlass/public/*/packs
}
# the text that the head of a channel names; checks its digest and length
text() {
	local digest bytes
	read -r digest bytes < <(head_field host.git "$1" approvals)
	[ "$digest" != none ] || return 1
	digest=${digest#sha256:}
	cp "host.git/windlass/public/$1/packs/$digest" text &&
		[ "$(sha256sum <text)" = "$digest  -" ] &&
		[ "$(stat -c %s text)" = "$bytes" ]
}
count() { grep -a -c '^Verdict: ' text; }

# ---- without a list
not_ok "without approvers nothing is taken" \
	approve work keys/alice alice approve "$one"
like "$(cat approve.out)" 'prod: refused, .*windlass.prod.approvers is not set' \
	"... and it says what to set"
set_channel host.git prod approvers "$TRASH/approvers"

# ---- a good one
before=$(head_field host.git prod issued)
ok "an approver's tag is taken" approve work keys/alice alice approve "$one"
like "$(cat approve.out)" 'prod: alice approves prod 1.1 until 20' "it says so"
like "$(cat approve.out)" 'windlass: prod 1.1 approvals published' \
	"... and that it is published"
ok "the head names a text" text prod
is "$(count)" 1 "with one tag in it"
is "$(head_field host.git stage approvals)" none "the other channel has none"
ok "stock tools check all that is published" stock_published host.git prod
tag=$(git -C host.git for-each-ref --format='%(objectname)' \
	refs/windlass-approvals/prod)
size=$(git -C host.git cat-file -s "$tag")
{ echo "tag $size"; git -C host.git cat-file tag "$tag"; } >want
ok "it is the tag, byte for byte" cmp text want
ok "git verify-tag says so too" git -C host.git \
	-c gpg.ssh.allowedSignersFile="$TRASH/approvers" verify-tag "$tag"
ok "and anybody can fetch it" git -C work fetch -q origin \
	"+refs/windlass-approvals/*:refs/approvals/*"

good=$(state)
# refused WHAT REGEX KEY PRINCIPAL VERDICT BUNDLE [NAME=VALUE...]
refused() {
	local what=$1 regex=$2
	shift 2
	not_ok "$what" approve work "$@"
	like "$(cat approve.out)" "$regex" "... and says why"
	is "$(state)" "$good" "... and leaves no trace"
}
refused "a second consent" "'alice' approves prod 1.1 already, until" \
	keys/alice alice approve "$one" subject="once more"
refused "by another key of hers" "'alice' approves prod 1.1 already" \
	keys/alice2 alice approve "$one"
refused "a stranger" 'refused, .*the approval: ' \
	keys/mallory mallory approve "$one"
refused "in the name of another" 'refused, .*the approval: ' \
	keys/mallory bob approve "$one"
refused "an approver in the name of another" 'this tag must be pushed to .*/bob/' \
	keys/bob alice approve "$one"
refused "the publisher's key" 'refused, .*the approval: ' \
	keys/prod prod approve "$one"
refused "a key that has ended" 'refused, .*the approval: ' \
	keys/old old approve "$one"
refused "one that has ended itself" "'bob' ended at" \
	keys/bob bob approve "$one" Not-After="$(approval_time -5)"
refused "another sequence" 'must be called' \
	keys/bob bob approve "$one" Sequence=2
refused "attack-34 another sequence, in the name too" 'another channel, place or content' \
	keys/bob bob approve "$one" Sequence=2 tag=windlass/prod/1/2/approve
refused "attack-34 another content" 'another channel, place or content' \
	keys/bob bob approve "$one" Content-SHA256="$(printf 'ab%.0s' {1..32})"
refused "attack-34 another channel's id" 'another channel, place or content' \
	keys/bob bob approve "$one" \
	Channel-Id="$(approval_field work refs/bundles/stage Channel-Id)"
refused "a commit of the source" "the tag is on .* is what would run" \
	keys/bob bob approve "$one" object="$(git -C work rev-parse HEAD)"
refused "another bundle for this channel" "the tag is on .* is what would run" \
	keys/bob bob approve "$one" object="$(bundle host.git stage)"
refused "another verdict than its name" 'must be called' \
	keys/bob bob approve "$one" Verdict=reject
refused "a channel that takes none" 'windlass.stage.approvers is not set' \
	keys/bob bob approve "$(bundle host.git stage)"

# ---- refs that are none
tag=$(approval work keys/bob approve "$one")
ref=$(approval_ref work "$tag" bob)
# refused_push WHAT REGEX REFSPEC...
refused_push() {
	local what=$1 regex=$2
	shift 2
	git -C work push -q origin "$@" >push.out 2>&1
	is "$(state)" "$good" "$what is refused"
	like "$(cat push.out)" "$regex" "... and says why"
}
for odd in refs/windlass-approvals/x refs/windlass-approvals/x/1/1/bob/0 \
	refs/windlass-approvals/-x/1/1/bob/0; do
	refused_push "$odd" 'no channel has approvals there' "$tag:$odd"
done
refused_push "a place too high" 'must be pushed to' "$tag:${ref%/*}"
refused_push "a place too deep" 'must be pushed to' "$tag:$ref/x"
refused_push "another digest" 'must be pushed to' "$tag:${ref%?}_"
refused_push "a commit" 'an approval is a signed tag' "HEAD:$ref"
refused_push "a file" 'an approval is a signed tag' \
	"$(git -C work rev-parse HEAD:deploy/prod/a.yaml):$ref"
git -C work tag -a -m unsigned windlass/prod/1/1/approve "$one"
refused_push "a tag that nobody signed" 'has no SSH signature' \
	"refs/tags/windlass/prod/1/1/approve:$ref"
git -C work tag -d windlass/prod/1/1/approve >/dev/null
alice=$(git -C host.git for-each-ref --format='%(refname)' \
	refs/windlass-approvals/prod/1/1/alice)
refused_push "a deletion" 'never changed or deleted' ":$alice"
refused_push "a change" 'never changed or deleted' "+$tag:$alice"

# ---- more of them
ok "another person's is taken" approve work keys/bob bob approve "$one"
ok "and published" text prod
is "$(count)" 2 "beside the first one"
ok "one that lasts longer takes the place of hers" approve work keys/alice2 \
	alice approve "$one" Not-After="$(approval_time 172800)"
text prod
is "$(count)" 2 "there is one a person"
ok "who approved can reject" approve work keys/bob bob reject "$one"
like "$(cat approve.out)" 'bob rejects prod 1.1' "it says so"
text prod
is "$(count)" 3 "and both is published"
good=$(state)
refused "a second reject" "'bob' has rejected prod 1.1 already" \
	keys/bob bob reject "$one" subject="once more"

# ---- nothing of it outlives the bundle
put work deploy/prod/b.yaml ConfigMap b demo
ok "a newer bundle" commit_push work more
is "$(head_field host.git prod approvals)" none "needs approvals of its own"
good=$(state)
fetch
refused "one of the bundle before" "is on ${one:0:12}, but prod 1.2" \
	keys/alice alice approve "$one"
two=$(bundle host.git prod)
ok "its own is taken" approve work keys/alice alice approve "$two" \
	Not-After="$(approval_time 3)"
text prod
is "$(count)" 1 "and published"
good=$(git -C host.git for-each-ref | wc -l)

# ---- it survives what happens to heads
hook host.git refresh >/dev/null 2>&1
ok "a refreshed head names it" text prod
hook host.git publish prod --rerender >/dev/null 2>&1
ok "so does one that is made anew" text prod
echo nonsense >approvers.bad
set_channel host.git prod approvers "$TRASH/approvers.bad"
hook host.git refresh --force >/dev/null 2>&1
ok "a list that cannot be read changes nothing" text prod
put work deploy/prod/c.yaml ConfigMap c demo
ok "nor does it stop a bundle" commit_push work more
is "$(trailer host.git prod Sequence)" 3 "which is published"
is "$(head_field host.git prod approvals)" none "without an approval"
like "$(hook host.git doctor 2>&1)" 'approvers.*lets nobody approve' \
	"doctor tells of it"
set_channel host.git prod approvers "$TRASH/approvers"
fetch
three=$(bundle host.git prod)
ok "one that ends soon" approve work keys/alice alice approve "$three" \
	Not-After="$(approval_time 3)"
ok "is published" text prod
sleep 4
hook host.git publish prod >publish.out 2>&1
is "$(head_field host.git prod approvals)" none "until it has ended"
like "$(cat publish.out)" 'has no approval any more' "which is said"

# ---- a ref that was written without the hook counts as little
tag=$(approval work keys/mallory approve "$three")
git -C work push -q origin "$tag:refs/tags/odd"
git -C host.git update-ref "refs/windlass-approvals/prod/1/3/bob/0" "$tag"
git -C host.git update-ref "refs/windlass-approvals/prod/1/3/bob/1" "$one"
hook host.git publish prod >/dev/null 2>&1
is "$(head_field host.git prod approvals)" none \
	"a tag that no hook took is not published"

# ---- who signs does not approve
approver_line carol keys/prod >>approvers
like "$(hook host.git doctor 2>&1)" 'lists the key of the publisher' \
	"doctor finds the publisher among the approvers"

# ---- a flood by one person has an end
i=0
while approve work keys/bob bob approve "$three" \
	Not-After="$(approval_time $((1000 + i)))" && [ $((++i)) -lt 30 ]; do :; done
is "$i" 15 "attack-59 one person has so many tags on one bundle"
like "$(cat approve.out)" "'bob' has spoken 16 times" "and is told why no more"
text prod
is "$(count)" 1 "of which one is published"
ok "but a reject is taken all the same" approve work keys/bob bob reject \
	"$three"
text prod
is "$(count)" 2 "and published"

# ---- a source that cannot be published keeps no approval back
good=$(git -C host.git rev-parse refs/heads/main)
echo nonsense >work/deploy/prod/bad.yaml
git -C work add -A
git -C work commit -qm bad
git -C host.git fetch -q "$TRASH/work" +HEAD:refs/heads/main
ok "an approval beside a tip that no hook saw" \
	approve work keys/alice alice approve "$three"
like "$(cat approve.out)" 'windlass: prod 1.3 approvals published' \
	"is published, and that is said"
like "$(cat approve.out)" 'prod: not published: the tip of' \
	"beside what is amiss with the tip"
git -C host.git update-ref refs/heads/main "$good"
git -C work reset -q --hard HEAD^

# ---- a reject has room beside as many consents as there may be
first=$(approval work keys/bob approve "$three")
git -C work cat-file tag "$first" | sed '1,/^$/d; /^-----BEGIN/,$d' >message
many=()
for i in {10..73}; do
	make_key "aa$i"
	approver_line "aa$i" "keys/aa$i" >>approvers
	git -C work -c gpg.format=ssh -c user.signingKey="$TRASH/keys/aa$i" \
		tag -f -s -F "$TRASH/message" windlass/prod/1/3/approve \
		"$three" >/dev/null
	tag=$(git -C work rev-parse refs/tags/windlass/prod/1/3/approve)
	many+=("$tag:refs/tags/aa$i")
done
git -C work push -q origin "${many[@]}" 2>/dev/null
for i in {10..73}; do
	echo "create refs/windlass-approvals/prod/1/3/aa$i/0 refs/tags/aa$i"
done | git -C host.git update-ref --stdin
hook host.git publish prod >/dev/null 2>&1
text prod
is "$(count)" 64 "as many tags are published as may be"
is "$(grep -a -c '^Verdict: reject' text)" 1 "and one of them is the reject"

many=()
for i in {1..65}; do
	many+=("$tag:refs/windlass-approvals/prod/1/3/bob/$i")
done
git -C work push -q origin "${many[@]}" >push.out 2>&1
like "$(cat push.out)" 'windlass: refused, .*more than 64 approvals' \
	"nor are there so many in one push"
is "$(grep -c 'windlass: prod: refused' push.out)" 0 \
	"attack-59 which are not even looked at"

done_testing
