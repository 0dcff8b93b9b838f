#!/bin/bash
# A bundle is checked with git, ssh-keygen and sha256sum, and nothing of
# ours: what README promises to somebody who has none of windlass.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
set_channel host.git prod secrets allow
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
for i in $(seq 30); do
	put work "deploy/prod/c$i.yaml" ConfigMap "c$i" demo "text $i"
done
put work deploy/prod/crd.yaml CustomResourceDefinition widgets.example.org
put work deploy/prod/widget.yaml Widget w demo
printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: "system:view"\nrules: []\n' \
	>work/deploy/prod/role.yaml
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: demo}\nstringData: {a: b}\n' \
	>work/deploy/prod/secret.yaml
ok "a push" commit_push work one
put work deploy/prod/c1.yaml ConfigMap c1 demo changed
git -C work rm -q deploy/prod/c2.yaml
put work deploy/prod/new.yaml ConfigMap new other
ok "and another" commit_push work two

# ---- from here on: stock tools, in somebody's clone. The public key is what
# this person was given; it is the only thing that is trusted.
printf 'prod namespaces="git" %s\n' "$(cut -d' ' -f1,2 keys/prod.pub)" >prod.signers
git clone -q host.git clone
cd clone || bail "no clone"
git config gpg.format ssh
git config gpg.ssh.allowedSignersFile "$TRASH/prod.signers"
git fetch -q origin '+refs/windlass/*:refs/windlass/*'
export GIT_NO_REPLACE_OBJECTS=1
ok "git verify-commit, the newest" git verify-commit refs/windlass/prod
ok "git verify-commit, the one before" git verify-commit refs/windlass/prod^
like "$(git verify-commit refs/windlass/prod 2>&1)" \
	'Good "git" signature for prod with ED25519 key' "names the signer"
git checkout -q --detach refs/windlass/prod
is "$(git status --porcelain)" "" "git status is clean"
ok "sha256sum -c in every directory" \
	find . -name SHA256SUMS -execdir sha256sum -c --strict --quiet {} +
is "$(git log -1 --format=%B | git interpret-trailers --parse |
	sed -n 's/^Content-SHA256: //p')" \
	"$(sha256sum SHA256SUMS | cut -d' ' -f1)" \
	"the signed digest is the root's"
is "$(find . -name .git -prune -o -type d -print | while read -r d; do
	(cd "$d" && diff <(
		for f in *; do
			[ "$f" = SHA256SUMS ] && continue
			[ -d "$f" ] && f=$f/SHA256SUMS
			echo "$(sha256sum "$f" | cut -d' ' -f1)  $f"
		done | LC_ALL=C sort -k2) <(LC_ALL=C sort -k2 SHA256SUMS))
done)" "" "each SHA256SUMS names all that is there, and no more"
ok "git fsck --strict" git fsck --strict --no-dangling
is "$(git fsck --strict --no-dangling 2>&1)" "" "has nothing to say"
is "$(git cat-file commit refs/windlass/prod | sed '/^$/q' |
	sed -n 's/^\([a-z][a-z]*\) .*/\1/p' | tr '\n' ' ')" \
	"tree parent author committer gpgsig " "the headers, in this order"
is "$(git log -1 --format=%s refs/windlass/prod)" "windlass prod 1.2" "subject"
is "$(git log -1 --format=%B refs/windlass/prod | git interpret-trailers --parse |
	sed 's/: .*//' | tr '\n' ' ')" \
	"Windlass-Bundle Channel Channel-Id Epoch Sequence Source-Ref Source-Commit Content-SHA256 Objects Changes Renderer Issued " \
	"the trailers, in this order"
is "$(git log -1 --format='%(trailers:key=Objects,valueonly,separator=)' refs/windlass/prod)" \
	"$(find objects -name '*.json' | wc -l)" "Objects counts them"
is "$(git log -1 --format='%(trailers:key=Changes,valueonly,separator=)' refs/windlass/prod)" \
	"$(git diff --no-renames --name-status refs/windlass/prod^ refs/windlass/prod -- 'objects/**.json' |
	awk '{n[$1]++} END {printf "+%d ~%d -%d", n["A"], n["M"], n["D"]}')" \
	"Changes is git's diff"
is "$(git ls-tree -r -t refs/windlass/prod | awk '{print $1}' | sort -u | tr '\n' ' ')" \
	"040000 100644 " "plain files and directories, nothing else"
is "$(git merge-base --is-ancestor \
	"$(git log -1 --format='%(trailers:key=Source-Commit,valueonly,separator=)' refs/windlass/prod)" \
	origin/main && echo yes)" yes "the source commit is in the history"
ok "every object is JSON" sh -c 'find objects -name "*.json" -exec python3 -c "
import json, sys
for f in sys.argv[1:]:
    o = json.load(open(f))
    assert f.endswith(\"/\" + o[\"kind\"] + \"/\" + o[\"metadata\"][\"name\"] + \".json\"), f
" {} +'
is "$(git diff --stat refs/windlass/prod^ refs/windlass/prod -- objects/demo/core/ConfigMap/c1.json |
	tail -1)" " 1 file changed, 1 insertion(+), 1 deletion(-)" \
	"a diff of bundles reads like one of manifests"

# ---- and each of these checks can fail
printf x >>objects/demo/core/ConfigMap/c3.json
not_ok "a changed object" sha256sum -c --strict --quiet \
	objects/demo/core/ConfigMap/SHA256SUMS
git checkout -q -f --detach refs/windlass/prod
printf 'other namespaces="git" %s\n' "$(
	ssh-keygen -q -t ed25519 -N '' -f "$TRASH/other" &&
	cut -d' ' -f1,2 "$TRASH/other.pub")" >"$TRASH/prod.signers"
not_ok "another key" git verify-commit refs/windlass/prod
printf 'prod namespaces="file" %s\n' "$(cut -d' ' -f1,2 "$TRASH/keys/prod.pub")" \
	>"$TRASH/prod.signers"
not_ok "another namespace" git verify-commit refs/windlass/prod
printf 'prod namespaces="git" %s\n' "$(cut -d' ' -f1,2 "$TRASH/keys/prod.pub")" \
	>"$TRASH/prod.signers"
forged=$(git cat-file commit refs/windlass/prod | sed 's/^Objects: .*/Objects: 1/' |
	git hash-object -w -t commit --stdin)
not_ok "a changed message" git verify-commit "$forged"
git replace "$forged" refs/windlass/prod
not_ok "a replace ref does not help it" git verify-commit "$forged"

# ---- the head, by ssh-keygen
cd "$TRASH/host.git/windlass/public/prod" || bail "nothing published"
printf 'prod namespaces="head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 "$TRASH/keys/prod.pub")" >"$TRASH/head.signers"
sed '/^-----BEGIN/,$d' head >"$TRASH/head.text"
sed -n '/^-----BEGIN/,$p' head >"$TRASH/head.sig"
ok "ssh-keygen -Y verify of the head" sh -c 'ssh-keygen -Y verify \
	-f "$TRASH/head.signers" -I prod -n head-v1@windlass.dev \
	-s "$TRASH/head.sig" <"$TRASH/head.text"'
is "$(sed 's/ .*//' "$TRASH/head.text" | tr '\n' ' ')" \
	"windlass-head channel channel-id epoch sequence bundle content issued expires index delta approvals " \
	"its fields, in this order"
is "$(stat -c %a .)" 750 "the folder is not for everybody"
cd "$TRASH" || bail "no trash"
done_testing
