#!/bin/bash
# windlass approve, against a Git host that shows what it should not, and a
# git that signs what it should not: nothing is signed then, or nothing
# pushed. Each guard has its own case.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"

make_host host.git prod
set_channel host.git prod deleteLimit 100
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a demo one
commit_push work one || bail "$(cat push.out)"
make_key alice
approver_line alice keys/alice >approvers
set_channel host.git prod approvers "$TRASH/approvers"
publisher() {
	printf 'host namespaces="git,head-v1@windlass.dev"%s %s\n' "$1" \
		"$(cut -d' ' -f1,2 keys/prod.pub)"
}
publisher '' >publishers
publisher ',valid-before="20200101Z"' >expired
git clone -q "file://$TRASH/host.git" mine 2>/dev/null
git -C mine config windlass.prod.publishers "$TRASH/publishers"
git -C mine config windlass.approver alice
git -C mine config gpg.format ssh
git -C mine config user.signingKey "$TRASH/keys/alice"

# run EXPECTED WHAT ARGUMENT...: output in run.out
run() {
	local expected=$1 what=$2
	shift 2
	windlass approve --repo mine "$@" >run.out 2>&1 </dev/null
	is "$?" "$expected" "$what" || test_show run.out
}
says() { like "$(cat run.out)" "$@"; }
refs() { git -C host.git for-each-ref refs/windlass-approvals; }
# refused WHAT PATTERN ARGUMENT...: nothing is pushed, and it exits with
# $status
status=1
refused() {
	local what=$1 pattern=$2
	shift 2
	run "$status" "$what" --yes "$@" prod
	says "$pattern" "is said"
	is "$(refs)" "$before" "and nothing was pushed"
}
before=

# ---- another repository in the environment ----
GIT_ALTERNATE_OBJECT_DIRECTORIES=$TRASH/host.git/objects \
	GIT_NAMESPACE=elsewhere run 1 "with other objects at hand" prod
says 'all of them new to you' "the clone that is named counts"
is "$(git -C mine cat-file -t refs/windlass/prod 2>&1)" commit \
	"and has what was fetched"

# ---- a key that was good once ----
refused "a newest bundle by a key that has expired" \
	'nothing is signed for a bundle that is not good' --publishers expired
says 'signature' "which the line of the signature says"

# ---- a git that signs another text ----
mkdir other
real=$(command -v git)
# other_git EDIT: `git tag` is given the message after this sed program, and
# its arguments after $arguments
other_git() {
	cat >other/git <<-END
	#!/bin/bash
	case " \$* " in
	*' tag -f -s '*)
		set -- "\${@/%$2}"
		sed '$1' | "$real" "\$@" ;;
	*)	exec "$real" "\$@" ;;
	esac
	END
	chmod +x other/git
}
signs() {
	other_git "$2" "${4:-/}"
	PATH=$TRASH/other:$PATH refused "a git that signs $1" "$3"
}
another='git signed another text than it was given'
put work deploy/prod/a.yaml ConfigMap a demo two
commit_push work two
first=$(git -C host.git rev-parse refs/windlass/prod^)
second=$(bundle host.git prod)
zeros=$(printf %064d 0)
status=2
signs "another digest" "s/^Content-SHA256: .*/Content-SHA256: $zeros/" "$another"
signs "a later end" 's/^Not-After: ..../Not-After: 2999/' "$another"
signs "for another bundle" '' "$another" "$second/$first"
status=1
signs "the other verdict" 's/^Verdict: approve/Verdict: reject/' \
	'what git signed is no approval'
other_git '' /
PATH=$TRASH/other:$PATH run 0 "a git that signs what it was given" --yes prod
before=$(refs)

# ---- a host that shows another history ----
cp -a host.git forked.git
git -C forked.git update-ref refs/windlass/prod "$first"
rm -rf forked.git/windlass/public
make_clone forked.git other-work
put other-work deploy/prod/a.yaml ConfigMap a demo forked
commit_push other-work forked || bail "$(cat push.out)"
is "$(trailer forked.git prod Sequence)" 2 "another bundle has that number"
git -C mine remote set-url origin "file://$TRASH/forked.git"
refused "a forked host" "prod@1.2 is $(bundle forked.git prod | cut -c1-12), and you approved ${second:0:12}: do not approve anything"
refused "whatever it is compared with" 'and you approved' --since prod@1.1
refused "in a cluster, too" 'and you approved' --live
put other-work deploy/prod/a.yaml ConfigMap a demo more
commit_push other-work more
refused "a forked host that went on" 'do not approve anything before you know why'
# no ref in the clone holds that bundle, but for what was said of it
git -C mine for-each-ref --format='delete %(refname)' refs/windlass-approvals |
	git -C mine update-ref --stdin
git -C mine reflog expire --expire=now --all
git -C mine gc -q --prune=now
not_ok "what was approved is here no more" git -C mine cat-file -e "$second"
refused "a forked host, by the number alone" "and you approved ${second:0:12}"

# ---- a host that shows an older one ----
cp -a host.git old.git
git -C old.git update-ref refs/windlass/prod "$first"
git -C mine remote set-url origin "file://$TRASH/old.git"
refused "a host that was rolled back" \
	'the newest bundle there, prod@1.1, is older than 1.2, which you approved: was the Git host restored from a backup[?] Do not approve anything before you know why'
refused "whatever it is compared with" 'older than 1.2' --since prod@1.1
for text in prod 1.2 "1.2 ${second:1}" "1.2 $second " "0.2 $second" "1 $second"; do
	git -C mine config windlass-approved.prod.bundle "$text"
	refused "what is remembered is '$text'" \
		'windlass-approved.prod.bundle is no bundle that you approved'
done
# as windlass wrote it once
git -C mine fetch -q "$TRASH/host.git" refs/windlass/prod
git -C mine config windlass-approved.prod.bundle "$second"
refused "by the id alone" 'older than 1.2, which you approved'

# ---- across epochs ----
git -C mine remote set-url origin "file://$TRASH/host.git"
git -C host.git config windlass.prod.epoch 2
windlass-hook publish --repo host.git prod >publish.out 2>&1 ||
	bail "$(cat publish.out)"
is "$(trailer host.git prod Epoch)" 2 "a new epoch has begun"
run 1 "what was approved in the epoch before" prod
says '1 of 1 object, all of them: what you approved is of epoch 1' \
	"is not compared with, which is said"
run 1 "since a bundle of that epoch" --since prod@1.2 prod
says '0 of 1 object other than in 1.2, which you named' "only that is shown"
says 'ok .* prod 1.2 .*signature' "and it is verified as well"
run 1 "since an older one" --since prod@1.1 prod
says '1 of 1 object other than in 1.1, which you named' "that too"
run 1 "an epoch that never was" --since prod@7.1 prod
# the host's word for an old bundle is no more than that
git -C mine update-ref -d refs/windlass/_epochs/prod/1
git -C host.git cat-file commit "$second" | sed '/^gpgsig/,/^ -----END/d' \
	>unsigned
git -C host.git update-ref refs/windlass/_epochs/prod/1 \
	"$(git -C host.git hash-object -t commit -w --stdin --literally <unsigned)"
before=$(refs)
refused "an old bundle that nobody signed" '.' --since prod@1.2

# ---- a host with any number of approvals ----
tag=$(approval mine keys/alice approve "$(git -C mine rev-parse \
	refs/windlass/prod)")
git -C mine push -q "file://$TRASH/host.git" "$tag:$(approval_ref mine "$tag" \
	alice)" 2>/dev/null
# flood N: so many refs of it in the names of nobodies
flood() {
	git -C host.git pack-refs --all
	{
		sed '/^[#^]/d; /nobody/d' host.git/packed-refs
		seq -f "$tag refs/windlass-approvals/prod/2/1/nobody%05g/x" "$1"
	} | LC_ALL=C sort -k2 >packed
	mv packed host.git/packed-refs
}
flood 3000
run 1 "thousands of approvals" prod
says 'the Git host has 3001 approvals and rejects of it; 64 were looked at' \
	"are counted"
says '^  approved by alice, nobody00001, .*, nobody00015 and 48 more, as' \
	"few are named"
is "$(git -C mine for-each-ref refs/windlass-approvals/prod/2 | wc -l)" 64 \
	"and not all are fetched"
git -C mine fetch -q origin \
	'+refs/windlass-approvals/*:refs/windlass-approvals/*'
windlass log --repo mine -n 1 prod >run.out 2>&1
says 'more was said than the 64 tags that were looked at' "nor does log read all"
limit=$(sed -n 's/^#define LIMIT_APPROVALS_JUDGED //p' "$TOP/schema/limits.h")
verified() {
	windlass verify --repo host.git --publishers publishers \
		--approvers approvers --last 1 prod >run.out 2>&1
}
flood $((limit - 1))
ok "as many as there may be are judged" verified
says '^ok .* prod 2.1 .*approvals  1 person' "and one person made them all"
flood "$limit"
not_ok "one more, and it is not good" verified
says "^FAIL .* prod 2.1 .*approvals .*more than $limit tags" "which is said"
is "$(grep -c ' approval  ' run.out)" "$limit" "and no more are judged"
flood 3000

# zoe's comes behind them all
make_key zoe
approver_line zoe keys/zoe >listed
tag=$(approval mine keys/zoe approve "$(git -C mine rev-parse refs/windlass/prod)")
git -C host.git fetch -q "$TRASH/mine" "$tag"
git -C host.git update-ref refs/windlass-approvals/prod/2/1/zoe/x "$tag"
run 1 "with a list of approvers" --approvers listed prod
says '^  approved by zoe, by their keys$' "only who is in it is named"
silent() { unlike "$(cat run.out)" "$@"; }
silent 'nobody0|the Git host has' "and nobody else"
git -C host.git update-ref refs/windlass-approvals/prod/2/1/zoe/x \
	refs/windlass-approvals/prod/2/1/nobody00001/x
git -C mine for-each-ref --format='delete %(refname)' \
	refs/windlass-approvals | git -C mine update-ref --stdin
git -C mine config windlass.prod.approvers "$TRASH/listed"
run 1 "with another's tag in that name" prod
silent 'approved by' "the key says who it was"

done_testing
