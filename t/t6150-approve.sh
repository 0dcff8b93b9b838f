#!/bin/bash
# windlass approve: what is fetched is verified before it is shown, all that
# was not approved before is shown, and the tag is the one that stock git
# makes.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"

make_host host.git prod
set_channel host.git prod secrets allow
make_clone host.git work
for i in 1 2 3; do
	put work "deploy/prod/c$i.yaml" ConfigMap "c$i" demo one
done
commit_push work start
for name in alice bob; do make_key "$name"; done
{ approver_line alice@example.com keys/alice; approver_line bob keys/bob; } \
	>approvers
set_channel host.git prod approvers "$TRASH/approvers"
publisher() {
	printf 'host namespaces="git,head-v1@windlass.dev" %s\n' \
		"$(cut -d' ' -f1,2 "keys/$1.pub")"
}
publisher prod >publishers
publisher bob >others
git clone -q "file://$TRASH/host.git" mine 2>/dev/null
git -C mine config user.email alice@example.com

# run EXPECTED WHAT ARGUMENT...: output in run.out
run() {
	local expected=$1 what=$2
	shift 2
	windlass approve --repo mine "$@" >run.out 2>&1 </dev/null
	is "$?" "$expected" "$what"
}
says() { like "$(cat run.out)" "$@"; }
silent() { unlike "$(cat run.out)" "$@"; }
refs() { git -C host.git for-each-ref refs/windlass-approvals; }
count() { refs | grep -c "/$1\$"; }

# ---- what is missing is said before anything happens ----
run 1 "without publishers" prod
says 'git config windlass.prod.publishers FILE' "it says how to set them"
git -C mine config windlass.prod.publishers "$TRASH/publishers"
run 1 "without a signing key" prod
says 'gpg.format ssh' "it says how to set one"
git -C mine config gpg.format ssh
git -C mine config user.signingKey "$TRASH/keys/alice"
run 1 "with nobody to ask" prod
says 'there is nobody to ask' "it does not sign"
is "$(refs)" "" "nothing was pushed"
is "$(git -C mine tag)" "" "nor does a tag stay"

# ---- wherever they stand in it ----
GIT_DIR=$TRASH/host.git run 1 "with another repository in the environment" prod
says 'there is nobody to ask' "the one that is named counts"
mkdir mine/deep
(cd mine/deep && windlass approve prod) >run.out 2>&1 </dev/null
says 'there is nobody to ask' "from below its folder"
git -C mine worktree add -q --detach ../linked
(cd linked && windlass approve prod) >run.out 2>&1 </dev/null
says 'there is nobody to ask' "from a linked working tree"
windlass approve --repo linked prod >run.out 2>&1 </dev/null
says 'there is nobody to ask' "or naming that"
is "$(git -C host.git config windlass-approved.prod.bundle)" "" \
	"nothing is written elsewhere"

# ---- the first time ----
says '3 of 3 objects, all of them new to you' "everything is shown"
says '^. objects/demo/core/ConfigMap/c2.json' "each object"
says "content sha256:$(trailer host.git prod Content-SHA256)" "and the digest"
says 'Approve prod 1.1 until 20' "and what is asked"
# settings of theirs that are not about this
git -C mine config core.commentChar W
git -C mine config push.followTags true
git -C mine tag -a -m 'not to be pushed' mine refs/windlass/prod
run 0 "yes" --yes --not-after 2d --message '#12 looks good ' prod
is "$(git -C host.git tag)" "" "no tag of theirs is pushed with it"
git -C mine tag -d mine >/dev/null
git -C mine config --unset core.commentChar
says 'signed by ssh-ed25519 key SHA256:' "it says with which key"
says 'alice@example.com approves prod 1.1 until 20' "the Git host says so"
tag=$(refs | cut -d' ' -f1)
ok "stock git finds it good" git -C host.git \
	-c gpg.ssh.allowedSignersFile="$TRASH/approvers" verify-tag "$tag"
like "$(git -C host.git cat-file tag "$tag")" '^#12 looks good $' \
	"their line is in it as they wrote it"
like "$(git -C host.git cat-file tag "$tag")" \
	"^Not-After: $(date -u -d '2 days' +%Y-%m-%d)T" "it ends when it should"
is "$(git -C mine for-each-ref --format='%(refname)' refs/tags)" "" \
	"no tag is left in the clone"
is "$(git -C mine config windlass-approved.prod.bundle)" \
	"1.1 $(bundle host.git prod)" "but what was approved is remembered"
run 1 "a second time" --yes --not-after 1d prod
says "'alice@example.com' approves prod 1.1 already" "the Git host says why not"

# ---- what was not approved before ----
put work deploy/prod/c2.yaml ConfigMap c2 demo two
commit_push work two
put work deploy/prod/c3.yaml ConfigMap c3 demo three
printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: demo}\nstringData: {key: c2VjcmV0LXZhbHVl}\n' \
	>work/deploy/prod/s.yaml
commit_push work three
run 1 "two bundles later" prod
says '3 of 4 objects other than in 1.1, which you approved' \
	"what both changed is shown"
says '^~ objects/demo/core/ConfigMap/c2.json' "that of the first"
says '^~ objects/demo/core/ConfigMap/c3.json' "and of the second"
says '^. objects/demo/core/Secret/s.json' "a Secret by its name"
silent 'c2VjcmV0\|YzJWamNtVjBMWFpoYkhWbA' "and no value of it"
says '^ok .*prod 1.2 ' "each is verified"
run 1 "since the one before" --since prod@2 prod
says '2 of 4 objects other than in 1.2, which you named' "only that is shown"
run 129 "two beginnings" --since prod@2 --live prod
run 1 "since none" --since prod@9 prod

# ---- no ----
# at a terminal
at_terminal() {
	script -qec 'windlass approve --repo mine prod' /dev/null <<<"$1" \
		>run.out 2>&1
}
not_ok "who says no" at_terminal n
says 'nothing was signed' "has signed nothing"
not_ok "who says nothing" at_terminal ''
is "$(refs | wc -l)" 1 "neither"
run 0 "who rejects" --reject --yes --message 'too many at once' prod
says 'alice@example.com rejects prod 1.3' "says so"
like "$(git -C host.git cat-file tag "$(git -C host.git for-each-ref \
	--format='%(objectname)' 'refs/windlass-approvals/prod/1/3/**')")" \
	'^too many at once' "with a reason"
is "$(git -C mine config windlass-approved.prod.bundle)" \
	"1.1 $(git -C host.git rev-parse refs/windlass/prod~2)" \
	"which is no approval"

# ---- looking at it ----
git -C mine fetch -q origin \
	'+refs/windlass-approvals/*:refs/windlass-approvals/*'
windlass log --repo mine prod >log.out
like "$(cat log.out)" '^    rejected by alice@example.com' "log shows a reject"
like "$(cat log.out)" '^    approved by alice@example.com' "and a consent"
is "$(windlass log --repo mine -n 1 --output json prod |
	jq -c '[.approvedBy, .rejectedBy]')" '[[],["alice@example.com"]]' \
	"in JSON too"
verify() {
	windlass verify --publishers publishers --approvers approvers "$@" \
		>verify.out 2>&1
}
verify --repo mine --approvals 1 prod@1
is "$?" 0 "verify finds the first approved"
like "$(cat verify.out)" 'approval .*by alice@example.com, until 20' "by whom"
verify --repo mine --approvals 2 prod@1
is "$?" 1 "but not by two"
like "$(cat verify.out)" '1 of the 2 people' "which it says"
verify --repo mine --approvals 1 --require-touch prod@1
is "$?" 1 "nor by one with a security key"
like "$(cat verify.out)" "the key of 'alice@example.com' wants no touch" "why"
verify --repo mine prod
is "$?" 1 "and the newest rejected"
like "$(cat verify.out)" 'rejected by alice@example.com' "by whom"
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0
wait_line 20 serve.log 'listening on'
url=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' serve.log)
verify --url "$url" prod
is "$?" 1 "so is what is published"
like "$(cat verify.out)" 'rejected by alice@example.com' "which says so too"
approver_line bob keys/bob >only-bob
windlass verify --publishers publishers --approvers only-bob --url "$url" \
	prod >verify.out 2>&1
is "$?" 0 "whoever is not in the list is passed over"
like "$(cat verify.out)" '^-  *prod 1.3  *approval  *the approval: ' "in a line"

# ---- names and keys ----
git -C mine config user.signingKey "$TRASH/keys/bob"
run 1 "the wrong name" --yes prod
says 'this tag must be pushed to .*/bob/' "the Git host says which"
says 'give --as' "and we how to say it"
run 0 "the right one" --yes --as bob prod
git -C mine config windlass.approver bob
git -C mine config user.signingKey \
	"key::$(cut -d' ' -f1,2 keys/bob.pub)"
SSH_CONNECTION=x SSH_AUTH_SOCK=/nowhere run 1 "an agent of elsewhere" --yes prod
says 'forwarded' "is not used"
cp keys/bob.pub elsewhere.pub
git -C mine config user.signingKey "$TRASH/elsewhere.pub"
SSH_CONNECTION=x SSH_AUTH_SOCK=/nowhere run 1 "named by its public half" \
	--yes prod
says 'forwarded' "is not used either"
git -C mine config --unset user.signingKey
git -C mine config gpg.ssh.defaultKeyCommand 'ssh-add -L'
SSH_CONNECTION=x SSH_AUTH_SOCK=/nowhere run 1 "nor the first one that it has" \
	--yes prod
says 'forwarded' "unasked"
echo "key::$(cut -d' ' -f1,2 keys/bob.pub)" >found
git -C mine config gpg.ssh.defaultKeyCommand "cat $TRASH/found"
eval "$(ssh-agent -s)" >/dev/null
at_exit "kill $SSH_AGENT_PID"
ssh-add -q keys/bob
run 1 "but a key that git finds itself" --yes --not-after 1d prod
says "signed by ssh-ed25519 key SHA256:" "signs"
git -C mine config --unset gpg.ssh.defaultKeyCommand
git -C mine config user.signingKey "$TRASH/keys/bob"
git -C mine config gpg.format openpgp
run 1 "another kind of signature" --yes prod
says 'gpg.format ssh' "is not made"
git -C mine config gpg.format ssh

# ---- who was there before, and what they had made by hand ----
put work deploy/prod/c1.yaml ConfigMap c1 demo five
commit_push work five
# what somebody pushes is not what they approved, in a mirror either
git -C work fetch -q origin refs/windlass/prod
git -C work push -q origin FETCH_HEAD:refs/windlass-approved/prod
git clone -q --mirror "file://$TRASH/host.git" mirror.git 2>/dev/null
for setting in user.email windlass.prod.publishers gpg.format; do
	git -C mirror.git config $setting "$(git -C mine config $setting)"
done
git -C mirror.git config user.signingKey "$TRASH/keys/alice"
windlass approve --repo mirror.git --yes prod >run.out 2>&1 </dev/null
is $? 0 "from a mirror" || test_show run.out
says 'of 4 objects, all of them new to you' "all is shown"
silent 'approved by|rejected by' "nobody was there before"
is "$(git -C host.git for-each-ref refs/tags)" "" \
	"nothing else of it is pushed"
by_hand=windlass/prod/1/$(trailer host.git prod Sequence)/approve
git -C mine fetch -q origin refs/windlass/prod
git -C mine tag -s -m 'made by hand' "$by_hand" FETCH_HEAD
made=$(git -C mine rev-parse "refs/tags/$by_hand")
run 1 "with nobody to ask, once more" prod
says '^  approved by alice@example.com, as the Git host has it' \
	"who approved is said before anybody is asked"
run 0 "yes, too" --yes prod
is "$(git -C mine rev-parse "refs/tags/$by_hand")" "$made" \
	"a tag of theirs by that name stays as it was"
run 1 "and a third time" prod
says '^  approved by alice@example.com, bob, as' "both are said"
git -C mine tag -d "$by_hand" >/dev/null

# ---- what is not good is not shown to be signed ----
before=$(refs)
run 1 "a publisher whom nobody trusts" --publishers others --yes prod
says 'nothing is signed for a bundle that is not good' "stops it"
silent 'Approve prod' "before anything is asked"
git -C host.git update-ref refs/windlass/prod \
	"$(git -C host.git commit-tree -m "windlass prod 1.4" \
		-p refs/windlass/prod 'refs/windlass/prod^{tree}')"
run 1 "a commit that is no bundle" --yes prod
git -C host.git update-ref refs/windlass/prod \
	"$(git -C mine rev-parse refs/windlass/prod^)" 2>/dev/null
is "$(refs)" "$before" "and nothing was pushed"
run 1 "a channel that is not there" --yes none
run 2 "a clone that is none" --repo /nowhere --yes prod
run 129 "no channel"

done_testing
