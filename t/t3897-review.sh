#!/bin/bash
# A push for review: checked and planned as merged into the channel's ref, and
# forgotten. Nothing is signed, and no ref stays.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-developers.sh"
make_host host.git prod other
make_clone host.git work

config() { put work "deploy/prod/$1.yaml" ConfigMap "$1" shop "$2"; }
state() {
	git -C host.git for-each-ref
	cat host.git/windlass/public/*/head 2>/dev/null
	find host.git/windlass -path '*/allow/*' -o -path '*/pushed/*' 2>/dev/null | sort
}
look() { # [REF [ARGUMENT...]]: pushes HEAD there; the words are in push.out
	git -C work push "${@:2}" origin "HEAD:${1:-refs/for-review/prod}" >push.out 2>&1
}
# looks STATUS WHAT [REF [ARGUMENT...]]: it ends so, and nothing is left of it
looks() {
	local status=$1 what=$2 before
	shift 2
	before=$(state)
	look "$@"
	is "$? $(state)" "$status $before" "$what" || test_show push.out
}

# ---- before there is anything ----
config web one
commit work first
looks 0 "a look before the first push"
like "$(cat push.out)" 'windlass: prod: \+1 ~0 -0' "plans it"
ok "then it is pushed" push work

# ---- what a push would do ----
config web two
config new one
commit work second
looks 0 "a look at a change"
like "$(cat push.out)" 'windlass: prod: \+1 ~1 -0 *$' "counts"
like "$(cat push.out)" '~ ConfigMap shop/web *$' "and names what would be"
like "$(cat push.out)" 'windlass: prod: this was a look, nothing is published *$' \
	"and that it was a look"
unlike "$(cat push.out)" 'windlass: other' "of this channel"
looks 0 "the same once more"
config web 'bad
key: x'
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: shop}\ndatum: {}\n' >work/deploy/prod/bad.yaml
commit work bad
looks 1 "what is wrong is refused"
like "$(cat push.out)" 'deploy/prod/bad\.yaml:4:1: error: ' "at file and line"
like "$(cat push.out)" 'windlass: prod: refused, as a push to refs/heads/main would be *$' \
	"as a push would be"
looks 1 "with its lines" refs/for-review/prod -o lines
like "$(cat push.out)" 'datum: \{\}' "where they are asked for"
git -C work reset -q --hard HEAD~1

# ---- beside what others pushed ----
make_clone host.git theirs
put theirs deploy/prod/theirs.yaml ConfigMap theirs shop one
commit_push theirs "of somebody else" || bail "$(cat push.out)"
looks 0 "a branch that is behind"
like "$(cat push.out)" 'windlass: prod: as merged into refs/heads/main *$' "is merged"
like "$(cat push.out)" 'windlass: prod: \+1 ~1 -0 *$' "and takes nothing back"
put theirs deploy/prod/web.yaml ConfigMap web shop theirs
commit_push theirs "the same file" || bail "$(cat push.out)"
looks 1 "where it conflicts"
like "$(cat push.out)" "cannot be merged into 'refs/heads/main' without conflicts, in 1 file: 'deploy/prod/web.yaml'" \
	"the file is named"

# ---- deletions ----
git -C work fetch -q && git -C work reset -q --hard origin/main
for i in {1..12}; do config "many-$i" x; done
commit_push work many || bail "$(cat push.out)"
git -C work rm -q 'deploy/prod/many-*.yaml' && git -C work commit -q -m fewer
looks 0 "many deletions are no error of a look"
like "$(cat push.out)" 'to delete these the push needs -o allow-deletes=prod:12' \
	"but it is said what the push will need"
git -C work commit -q --amend -m 'fewer

Windlass-Allow-Deletes: 12'
looks 0 "nothing to say where the commit allows it"
unlike "$(cat push.out)" 'the push needs' "of what it needs"

# ---- who may, and what may be looked at ----
make_key ada
developer_line ada keys/ada >developers
set_channel host.git prod developers "$TRASH/developers"
set_channel host.git prod requireSignedCommits true
looks 1 "commits that are not signed"
like "$(cat push.out)" 'is not signed' "are refused as by a push"
set_channel host.git prod requireSignedCommits false
looks 1 "no such channel" refs/for-review/nothing
like "$(cat push.out)" "'refs/for-review/nothing' is not for review: no channel has that name" "says so"
looks 1 "something below a channel" refs/for-review/prod/x
git -C work tag -a -m x v1
before=$(state)
not_ok "a tag" git -C work push -q origin v1:refs/for-review/prod
is "$(state)" "$before" "is nothing to look at"

# ---- killed in between; another place ----
git -C host.git update-ref refs/for-review/prod "$(git -C host.git rev-parse main)"
git -C host.git update-ref refs/for-review/other "$(git -C host.git rev-parse main)"
ok "what a killed hook left" look refs/for-review/prod --force
is "$(git -C host.git for-each-ref refs/for-review)" "" "goes with the next look"
git -C host.git config windlass.reviewRefs refs/heads/
not_ok "branches cannot be where" look
like "$(cat push.out)" "windlass.reviewRefs = 'refs/heads/': must be a folder of refs for nothing else" "says why"
git -C host.git config windlass.reviewRefs refs/heads/review/
looks 0 "another place" refs/heads/review/prod
set_channel host.git other ref refs/heads/review/x
not_ok "but not where a channel's ref is" look refs/heads/review/prod
like "$(cat push.out)" "channel 'other' follows 'refs/heads/review/x', which is a ref for review" "says which"
done_testing
