#!/bin/bash
# The gate reads what changed and knows the rest: kinds from CRDs wherever
# they are, settings that change, sources that are rewritten. Whatever way a
# tip came about, its bundle is the one that reading everything gives.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
ok "a start" commit_push work start

# same DESCRIPTION: the current bundle is what a fresh look at it gives
same() {
	local before
	before=$(bundle host.git prod)
	ok "$1: reading everything" hook host.git publish --rerender prod
	is "$(bundle host.git prod)" "$before" "$1: gives the same bundle"
}

# ---- kinds
put work deploy/prod/a-widget.yaml Widget early demo
put work deploy/prod/crd.yaml CustomResourceDefinition widgets.example.org
put work deploy/prod/z-widget.yaml Widget late demo
ok "objects before and after their definition" commit_push work crd
like "$(cat push.out)" 'published \(\+3 ~0 -0\)' "are taken"
put work deploy/prod/more.yaml Widget more demo
ok "a definition of the bundle" commit_push work more
put work deploy/prod/x.yaml Widget x
commit work x
not_ok "tells the scope" push work
like "$(cat push.out)" 'x.yaml:.*\[namespace-missing\]' "too"
git -C work reset -q --hard HEAD^

git -C work rm -q deploy/prod/crd.yaml
commit work remove
not_ok "a definition cannot go alone" push work -o allow-deletes=1
like "$(cat push.out)" 'deploy/prod/a-widget.yaml:2:1: error: Widget.example.org demo/early stays, but the definition of its kind goes' \
	"each object that stays is named"
like "$(cat push.out)" 'more.yaml:2:1: error: .*\[crd-in-use\]' "at its place"
git -C work reset -q --hard HEAD^
put work deploy/prod/crd.yaml CustomResourceDefinition widgets.example.org "" Cluster
commit work scope
not_ok "nor get another scope" push work
like "$(cat push.out)" 'spec.scope was Namespaced and cannot change.*\[crd-change\]' "says so"
git -C work reset -q --hard HEAD^
sed -i 's/name: v1$/name: v2/' work/deploy/prod/crd.yaml
commit work version
not_ok "nor another version" push work
like "$(cat push.out)" 'its version is not served any more' "says so"
git -C work reset -q --hard HEAD^
sed -i 's/^  versions:$/&\n  - name: v2\n    served: true\n    storage: false\n    schema: {openAPIV3Schema: {type: object}}/' \
	work/deploy/prod/crd.yaml
ok "one version more is fine" commit_push work version-more
same "after that"
git -C work mv deploy/prod/crd.yaml deploy/prod/moved-crd.yaml
ok "a definition moves" commit_push work move
like "$(cat push.out)" 'no object changes' "nothing goes"
git -C work rm -q deploy/prod/moved-crd.yaml deploy/prod/*widget.yaml \
	deploy/prod/more.yaml
ok "all of it goes" commit_push work all -o allow-deletes=4
same "after that"

# ---- crds = PATH
manifest CustomResourceDefinition gadgets.example.org >gadget-crd.yaml
put work deploy/prod/gadget.yaml Gadget g demo
commit work gadget
not_ok "a kind of nowhere" push work
mkdir -p work/crds
cp gadget-crd.yaml work/crds/
set_channel host.git prod crds crds
ok "crds in the repository" commit_push work gadget
mkdir host-crds
mv gadget-crd.yaml host-crds/
set_channel host.git prod crds "$TRASH/host-crds"
put work deploy/prod/gadget2.yaml Gadget g2 demo
ok "crds on the host" commit_push work gadget2
rm -r host-crds
put work deploy/prod/gadget3.yaml Gadget g3 demo
commit work gadget3
not_ok "that are there no more" push work
like "$(cat push.out)" 'host-crds: error: .*\[crds-path\]' "are named"
git -C work rm -q -r deploy/prod/gadget*.yaml
ok "no gadgets, no need" commit_push work no-gadgets
git -C host.git config --unset windlass.prod.crds

# ---- the ignore file
put work deploy/prod/skip/unseen.yaml ConfigMap unseen demo
echo 'not: a manifest' >work/deploy/prod/skip/values.yaml
echo 'skip/' >work/deploy/prod/.windlassignore
put work deploy/prod/seen.yaml ConfigMap seen demo
ok "ignored files" commit_push work ignore
like "$(bundle_paths host.git prod | tr '\n' ' ')" 'seen.json $' "are not there"
rm work/deploy/prod/skip/values.yaml
: >work/deploy/prod/.windlassignore
ok "ignored no more" commit_push work ignore-no-more
like "$(cat push.out)" '  \+ ConfigMap demo/unseen' "they are"
echo 'unseen.yaml' >work/deploy/prod/skip/.windlassignore
ok "an ignore file further down" commit_push work ignore-down
like "$(cat push.out)" '  - ConfigMap demo/unseen' "takes them away"
same "after that"

# ---- settings
put work deploy/prod/plain.yaml ConfigMap plain
commit work plain
not_ok "no namespace and no default" push work
set_channel host.git prod defaultNamespace team
ok "a default namespace" push work
like "$(cat push.out)" '  \+ ConfigMap team/plain' "fills it in"
set_channel host.git prod defaultNamespace other
ok "another default, nothing pushed" hook host.git publish prod
is "$(trailer host.git prod Changes)" "+1 ~0 -1" "moves the object"
same "after that"
git -C work mv deploy/prod/plain.yaml deploy/prod/plain2.yaml
ok "a file without a namespace moves" commit_push work plain2
like "$(cat push.out)" 'no object changes' "its object does not"
git -C work rm -q deploy/prod/plain2.yaml
ok "and goes" commit_push work plain-gone
like "$(cat push.out)" '  - ConfigMap other/plain' "with its object"

# ---- history that is rewritten
put work deploy/prod/old.yaml ConfigMap old demo
ok "a commit" commit_push work old
git -C work reset -q --hard HEAD^
put work deploy/prod/new.yaml ConfigMap new demo
ok "is replaced by force" commit_push work new --force
like "$(cat push.out)" 'published \(\+1 ~0 -1\)' "the difference is published"
same "after that"
put work deploy/prod/old.yaml ConfigMap old demo
ok "once more" commit_push work old
git -C work reset -q --hard HEAD^
put work deploy/prod/new2.yaml ConfigMap new2 demo
commit work new2
git -C host.git update-ref -d refs/heads/main
git -C host.git reflog expire --expire=now --all
git -C host.git gc -q --prune=now
not_ok "the source of the bundle is lost" \
	git -C host.git cat-file -e "$(trailer host.git prod Source-Commit)"
ok "a push" push work
like "$(cat push.out)" 'published \(\+1 ~0 -1\)' "finds the difference all the same"
same "after that"

# ---- objects that move between files and change in one push
put work deploy/prod/one.yaml ConfigMap a demo
more work deploy/prod/one.yaml ConfigMap b demo
put work deploy/prod/two.yaml ConfigMap c demo
ok "three objects in two files" commit_push work three
put work deploy/prod/one.yaml ConfigMap c demo changed
put work deploy/prod/two.yaml ConfigMap b demo
more work deploy/prod/two.yaml ConfigMap d demo
ok "trade places" commit_push work trade
like "$(cat push.out)" 'published \(\+1 ~1 -1\)' "one new, one changed, one gone"
is "$(git -C host.git show refs/windlass/prod:origins/demo/core/ConfigMap |
	grep -E '^[bcd] ' | tr '\n' ' ')" \
	"b deploy/prod/two.yaml:2 c deploy/prod/one.yaml:2 d deploy/prod/two.yaml:10 " \
	"and are where they are"
same "after that"

# ---- a List, JSON, several paths, the whole tree
cat >work/deploy/prod/list.json <<'END'
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "l1", "namespace": "demo"}},
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "l2", "namespace": "demo"}}]}
END
ok "a List in JSON" commit_push work list
is "$(git -C host.git show refs/windlass/prod:origins/demo/core/ConfigMap |
	grep '^l' | tr '\n' ' ')" \
	"l1 deploy/prod/list.json:2 l2 deploy/prod/list.json:3 " "is unrolled"
put work shared/extra.yaml ConfigMap extra demo
git -C host.git config --add windlass.prod.path shared
ok "a second path" commit_push work shared
like "$(cat push.out)" '  \+ ConfigMap demo/extra' "is read too"
git -C host.git config --unset-all windlass.prod.path
set_channel host.git prod path .
rm -r work/crds
ok "the whole tree" commit_push work whole
like "$(cat push.out)" 'no object changes' "has the same objects"
same "after that"

# ---- at random
RANDOM=7
for round in $(seq 12); do
	for change in $(seq $((RANDOM % 4 + 1))); do
		file=deploy/prod/r$((RANDOM % 5)).yaml
		case $((RANDOM % 4)) in
		0) rm -f "work/$file" ;;
		1) put work "$file" ConfigMap "r$((RANDOM % 4))-${file//[^0-9]/}" demo $RANDOM ;;
		*) more work "$file" ConfigMap "m$RANDOM" "ns$((RANDOM % 3))" ;;
		esac
	done
	commit work "random $round" >/dev/null || continue
	push work || test_show push.out
	[ "$(trailer host.git prod Source-Commit)" = "$(git -C work rev-parse HEAD)" ] ||
		git -C work diff --quiet HEAD^ || { fail "round $round is not published"; test_show push.out; git -C work show --stat | sed "s,^,# ,"; }
	before=$(bundle host.git prod)
	hook host.git publish --rerender prod >/dev/null 2>&1
	[ "$(bundle host.git prod)" = "$before" ] || fail "round $round differs"
done
pass "random changes"
ok "and the chain is good" stock_chain host.git prod
ok "an engine can follow all of it" stock_fetch host.git prod
# ---- names that look like a manifest's
put work deploy/prod/UPPER.Yml ConfigMap upper demo
ok "one that does not end as manifests do" commit_push work upper
like "$(cat push.out)" 'prod/UPPER.Yml: warning: not read: .*\[source-ending\]' \
	"is not passed over in silence"
put work deploy/prod/after.yaml ConfigMap after demo
ok "until a bundle is made" commit_push work after
put work deploy/prod/later.yaml ConfigMap later demo
ok "the push after that" commit_push work later
unlike "$(cat push.out)" 'UPPER' "says nothing of it any more"
git -C work rm -q deploy/prod/UPPER.Yml
ok "nor does one that removes it" commit_push work gone
unlike "$(cat push.out)" 'UPPER' "..."

done_testing
