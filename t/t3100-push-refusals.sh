#!/bin/bash
# What a push may not do: each refusal says where, and leaves no trace.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
for i in 01 02 03 04 05 06 07 08 09 10 11 12; do
	put work "deploy/prod/c$i.yaml" ConfigMap "c$i" demo
done
ok "a good start" commit_push work start

# everything that a push might have changed
state() {
	git -C host.git for-each-ref
	cat host.git/windlass/public/prod/head
	find host.git/windlass -type f ! -name lock | sort
	git -C host.git count-objects -v | grep -v size
}
good=$(git -C work rev-parse HEAD)
before=$(state)

# refused DESCRIPTION REGEX [PUSH-ARGUMENT...]: of the work tree as it is
refused() {
	local what=$1 regex=$2
	shift 2
	commit work "$what" 2>/dev/null
	not_ok "$what" push work "$@"
	like "$(cat push.out)" "$regex" "... and says why"
	is "$(state)" "$before" "... and leaves no trace"
	git -C work reset -q --hard "$good" 2>/dev/null
	git -C work clean -q -ffdx
}

# ---- files
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: demo}\ndata:\n\ttab: x\n' \
	>work/deploy/prod/bad.yaml
refused "malformed YAML" 'deploy/prod/bad.yaml:5:[0-9]+: error: .*\[yaml-'
printf '{"apiVersion": "v1"\n' >work/deploy/prod/bad.json
refused "malformed JSON" 'deploy/prod/bad.json:[12]:[0-9]+: error: .*\[(yaml|json)-'
printf 'a: 1\n' >work/deploy/prod/none.yaml
refused "no object" 'deploy/prod/none.yaml:1:1: error: .*\[object-'
put work deploy/prod/one.yaml ConfigMap "Bad Name" demo
put work deploy/prod/two.yaml ConfigMap "bad_name" demo
refused "all files are checked" 'deploy/prod/two.yaml:'
ln -s c01.yaml work/deploy/prod/link.yaml
refused "attack-21 a symbolic link" 'deploy/prod/link.yaml: error: a symbolic link .*\[source-symlink\]'

git init -q work/deploy/prod/module
git -C work/deploy/prod/module commit -q --allow-empty -m module
refused "attack-21 a submodule" 'deploy/prod/module: error: a submodule .*\[source-submodule\]'
printf 'resources: []\n' >work/deploy/prod/kustomization.yaml
refused "a kustomization" 'kustomization.yaml: error: .*kustomize.*\[source-renderer\]'
put work deploy/prod/chart/Chart.yaml ConfigMap no demo
printf '{{ not yaml }}\n' >work/deploy/prod/chart/values.yaml
refused "a chart" 'chart/Chart.yaml: error: .*helm.*\[source-renderer\]'
unlike "$(cat push.out)" 'values.yaml' "and nothing of it is read"

# ---- objects
put work deploy/prod/c13.yaml ConfigMap c01 demo
refused "an object of another file" \
	'c13.yaml:2:1: error: ConfigMap demo/c01 is defined at deploy/prod/c01.yaml:2 already \[duplicate\]'
put work deploy/prod/c13.yaml ConfigMap c13 demo
more work deploy/prod/c13.yaml ConfigMap c13 demo
refused "attack-23 an object twice in a push" \
	'c13.yaml:10:1: error: ConfigMap demo/c13 is defined at deploy/prod/c13.yaml:2 already \[duplicate\]'
put work deploy/prod/s.yaml Secret s demo
refused "a Secret" 's.yaml:.*error: .*Secret.*\[secret-refused\]'
put work deploy/prod/w.yaml Widget w demo
refused "a kind of unknown scope" 'w.yaml:.*error: .*Widget.*\[scope-unknown\]'
put work deploy/prod/n.yaml ConfigMap nowhere
refused "attack-23 no namespace" 'n.yaml:.*error: .*\[namespace-'
put work deploy/prod/n.yaml Namespace inside demo
refused "a namespace too many" 'n.yaml:.*error: .*\[namespace-'

# ---- an empty source is not "delete all"
git -C work rm -q -r deploy
refused "the path is gone" 'deploy/prod: error: .*never means "delete all"' \
	-o allow-deletes=13
git -C work rm -q -r deploy
mkdir -p work/deploy/prod && touch work/deploy/prod/README
refused "the path has no manifests" 'error: .*no object at all' \
	-o allow-deletes=13

# ---- the guard of deletions
git -C work rm -q deploy/prod/c0[1-9].yaml deploy/prod/c1[01].yaml
refused "more than deleteLimit" 'refused, this would delete 11 objects'
like "$(cat push.out)" '  - ConfigMap demo/c07' "each is named"
like "$(cat push.out)" 'git push -o allow-deletes=prod:11' "one way out"
like "$(cat push.out)" 'Windlass-Allow-Deletes: 11' "and the other"
git -C work rm -q deploy/prod/c0[1-9].yaml deploy/prod/c1[01].yaml
refused "by the wrong number" 'would delete 11 objects' -o allow-deletes=12
git -C work rm -q deploy/prod/c0[1-9].yaml deploy/prod/c1[01].yaml
refused "for another channel" 'would delete 11 objects' -o allow-deletes=stage:11
git -C work rm -q deploy/prod/c01.yaml
refused "by a malformed number" "push option 'allow-deletes'" -o allow-deletes=all
git -C work rm -q deploy/prod/ns.yaml
refused "a Namespace, whatever the limit" 'take more with them'

# ---- refs
for ref in refs/windlass/prod refs/windlass/new refs/windlass-status/x \
	refs/notes/windlass/x refs/windlass-approvals/x "refs/replace/$good"; do
	not_ok "attack-38 push to $ref" git -C work push -q origin "HEAD:$ref"
	is "$(state)" "$before" "... is refused"
done
git -C host.git config --unset-all receive.hideRefs
for ref in refs/windlass/prod refs/windlass/new refs/windlass-status/x \
	refs/notes/windlass/x refs/windlass-approvals/x "refs/replace/$good"; do
	git -C work push -q origin "+HEAD:$ref" >push.out 2>&1
	like "$(cat push.out)" "refused, '$ref' cannot be pushed" \
		"attack-38 and by the hook alone, $ref"
done
git -C work push -q origin :refs/windlass/prod >push.out 2>&1
like "$(cat push.out)" 'cannot be pushed' "nor be deleted"
git -C work push -q origin :refs/heads/main >push.out 2>&1
like "$(cat push.out)" "prod: refused, 'refs/heads/main' .* cannot be deleted" \
	"attack-40 nor the ref that the channel follows"
git -C work push -q origin HEAD:refs/heads/fine HEAD:refs/windlass/x \
	>push.out 2>&1
is "$(state)" "$before" "attack-40 a push is refused as a whole"
ok "another branch is nobody's business" \
	git -C work push -q origin HEAD:refs/heads/other
git -C work push -q origin :refs/heads/other

git -C host.git config windlass.tagged.path deploy/prod
add_channel host.git tags deploy/prod refs/tags/live
git -C host.git config --remove-section windlass.tagged
git -C work tag -a -m tag live
git -C work push -q origin refs/tags/live >push.out 2>&1
like "$(cat push.out)" "must be a commit, not a tag" "a channel's ref is a commit"
git -C host.git config --remove-section windlass.tags

# ---- two channels: both or none
add_channel host.git stage deploy/stage
put work deploy/prod/c13.yaml ConfigMap c13 demo
put work deploy/stage/bad.yaml ConfigMap "Bad Name" demo
refused "one of two channels is wrong" 'deploy/stage/bad.yaml:'
unlike "$(cat push.out)" 'published' "neither is published"
git -C host.git config --remove-section windlass.stage

# ---- input that no git sends
cd host.git || bail "no host"
printf 'x\n' | windlass-hook pre-receive >../push.out 2>&1
is $? 1 "a line that is none"
like "$(cat ../push.out)" "not '<old> <new> <ref>'" "says so"
sha=$(printf '%064d' 1)
printf '%s %s refs/heads/main\n' "$sha" "$sha" |
	windlass-hook pre-receive >../push.out 2>&1
is $? 1 "attack-40 ids of a SHA-256 repository"
like "$(cat ../push.out)" "SHA-256" "says so"
printf '\n%s %s refs/heads/x\n\n%s %s refs/heads/main' "$good" "$good" \
	"$good" "$good" | windlass-hook pre-receive >../push.out 2>&1
is $? 0 "attack-40 blank lines and no last LF are taken"
printf '%s %s refs/heads/main\n' "$good" "${good//[0-9]/e}" |
	windlass-hook pre-receive >../push.out 2>&1
is $? 1 "an object that is not there"
cd .. || bail "no way back"

# ---- and now what was refused, allowed
git -C work rm -q deploy/prod/c0[1-9].yaml deploy/prod/c1[01].yaml
ok "allowed by a push option" commit_push work option -o allow-deletes=11
like "$(cat push.out)" 'published \(\+0 ~0 -11\)' "deletes 11"
ok "nothing is left over" test -z "$(ls host.git/windlass/prod/allow)"
git -C work rm -q deploy/prod/ns.yaml
ok "allowed by a trailer" commit_push work "remove

Windlass-Allow-Deletes: 1"
like "$(cat push.out)" 'published \(\+0 ~0 -1\)' "deletes 1"

# a ref that moved without the hook is judged by publish
good=$(git -C work rev-parse HEAD)
for i in 1 2; do
	put work "deploy/prod/d$i.yaml" PersistentVolumeClaim "d$i" demo
done
ok "two claims" commit_push work claims
git -C work rm -q deploy/prod/d1.yaml deploy/prod/d2.yaml
put work deploy/prod/fine.yaml ConfigMap fine demo
commit work moved
git -C work push -q origin HEAD:refs/heads/side
git -C host.git update-ref refs/heads/main refs/heads/side
before=$(bundle host.git prod)
hook host.git publish prod >push.out 2>&1
is $? 1 "a tip that nobody checked is refused by publish"
like "$(cat push.out)" 'publish --allow-deletes=2 prod' "which says how"
is "$(bundle host.git prod)" "$before" "nothing is signed"
not_ok "another number does not do" hook host.git publish --allow-deletes=1 prod
ok "the number does" hook host.git publish --allow-deletes=2 prod
is "$(trailer host.git prod Changes)" "+1 ~0 -2" "it is published"
ok "good to the end" stock_chain host.git prod
done_testing
