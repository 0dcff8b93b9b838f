#!/bin/bash
# windlass-hook images: newer images of a real registry come into the source,
# in the marked bytes and no others, by commits that go through the hooks as
# any push. Never an older one, and not again what somebody took back.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-developers.sh"
. "$TEST_DIR/lib-registry.sh"
registry_start registry
make_host host.git prod other
make_clone host.git work
file=deploy/prod/web.yaml

tip() { git -C host.git rev-parse refs/heads/main; }
image() { # [FILE]: what the source says
	git -C host.git show "main:${1:-$file}" | sed -n 's/^ *image: *\(.*[^ ]\) *#.*/\1/p'
}
images() { hook host.git images --once "$@" >out 2>err; }
# unmoved STATUS DESCRIPTION [ARGUMENT...]
unmoved() {
	local status=$1 what=$2 before
	shift 2
	before=$(git -C host.git for-each-ref)
	images "$@"
	is "$? $(git -C host.git for-each-ref)" "$status $before" "$what"
}
push_tags() { # IMAGE TAG...
	local image=$1 tag
	shift
	for tag in "$@"; do
		push_image "$image" "$tag" || bail "cannot push $image:$tag"
	done
}

push_tags shop/web 1.2.0 1.3.0-rc.1 latest 2.0.0
push_tags shop/db b9 b10 b11x
add_policy host.git flux-system:web "$REGISTRY/shop/web" semver 1.x
add_policy host.git flux-system:db "$REGISTRY/shop/db" numeric asc \
	filter '^b(?P<n>[0-9]+)$' extract '$n'
image_manifest "work/$file" flux-system:web "$REGISTRY/shop/web:1.2.0"
image_manifest work/deploy/prod/db.yaml flux-system:db "\"$REGISTRY/shop/db:b9\""
image_manifest work/deploy/other/web.yaml flux-system:web:tag 1.1.0
sed -i 's/image: .*#/image: "x:1"  #/' work/deploy/other/web.yaml
image_manifest work/deploy/prod/plain.yaml flux-system:web x:1
sed -i 's/ *# {.*//' work/deploy/prod/plain.yaml
commit_push work first || bail "$(cat push.out)"

# ---- an update ----
unmoved 0 "--dry-run changes nothing" --dry-run prod
is "$(cat out)" "prod deploy/prod/db.yaml:12: $REGISTRY/shop/db:b9 -> $REGISTRY/shop/db:b10" \
	"and says what would change"
before=$(tip)
ok "an update" images prod
is "$(git -C host.git rev-parse main^)" "$before" "is one commit"
is "$(image deploy/prod/db.yaml)" "\"$REGISTRY/shop/db:b10\"" "to the newest by its policy"
is "$(git -C host.git diff --numstat main^ main)" "1	1	deploy/prod/db.yaml" "of one line"
is "$(git -C host.git show main:deploy/prod/db.yaml | sed 's/b10/b9/')" \
	"$(git -C host.git show main^:deploy/prod/db.yaml)" "and no other byte"
is "$(git -C host.git log -1 --format=%B main)" "Update $REGISTRY/shop/db to b10

deploy/prod/db.yaml:12: $REGISTRY/shop/db:b9 -> $REGISTRY/shop/db:b10

Windlass-Image: flux-system:db b10" "the message says what"
is "$(git -C host.git log -1 --format='%an <%ae>' main)" "windlass prod <prod@host.example>" \
	"by the editor"
like "$(cat err)" '^windlass: prod 1\.2 published \(\+0 ~1 -0\)' "published as any push"
ok "signed as any bundle" stock_chain host.git prod
unmoved 0 "nothing newer, nothing done" prod
is "$(cat out err)" "" "and nothing said"

# ---- several in one commit; which are newer ----
push_tags shop/web 1.10.0 1.9.0
push_tags shop/db b12
ok "two images" images prod
is "$(image) $(image deploy/prod/db.yaml)" \
	"$REGISTRY/shop/web:1.10.0 \"$REGISTRY/shop/db:b12\"" "both are there"
is "$(git -C host.git log -1 --format=%s main)" "Update 2 images of prod" "in one commit"
is "$(git -C host.git log -1 --format='%(trailers:key=Windlass-Image,valueonly)' main)" \
	"flux-system:db b12
flux-system:web 1.10.0" "with a trailer for each"
is "$(image deploy/prod/plain.yaml)" "" "without a marker nothing is touched"

# ---- taken back ----
git -C work pull -q
git -C work -c user.name=Ada revert --no-edit HEAD >/dev/null
ok "git revert" push work
unmoved 0 "an update that was taken back stays so" prod
push_tags shop/web 1.10.1
ok "until there is a newer one" images prod
is "$(image)" "$REGISTRY/shop/web:1.10.1" "which comes"
is "$(image deploy/prod/db.yaml)" "\"$REGISTRY/shop/db:b10\"" "and the other stays"
git -C work pull -q
image_manifest work/deploy/prod/late.yaml flux-system:db "$REGISTRY/shop/db:b9"
commit_push work late || bail "$(cat push.out)"
ok "a file that never had it" images prod
is "$(image deploy/prod/late.yaml)" "$REGISTRY/shop/db:b12" "gets it"

# ---- taken back, and the file has another name by now ----
git -C work pull -q
image_manifest work/deploy/prod/old.yaml flux-system:db "$REGISTRY/shop/db:b9"
commit_push work old || bail "$(cat push.out)"
ok "an update of a file" images prod
is "$(image deploy/prod/old.yaml)" "$REGISTRY/shop/db:b12" "comes"
git -C work pull -q
git -C work revert --no-edit HEAD >/dev/null
push work || bail "$(cat push.out)"
mkdir -p work/deploy/prod/moved
git -C work mv deploy/prod/old.yaml deploy/prod/moved/new.yaml
commit_push work "renamed" || bail "$(cat push.out)"
unmoved 0 "an update that was taken back stays so under another name" prod
git -C work mv deploy/prod/moved/new.yaml deploy/prod/moved/newer.yaml
sed -i 's/name: old/name: newer/; s/Ada/Eve/' work/deploy/prod/moved/newer.yaml
commit_push work "renamed again, and edited" || bail "$(cat push.out)"
unmoved 0 "also after two renames and an edit" prod
mkdir -p work/deploy/prod/moved
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\ndata:\n  image: "%s" # {"$imagepolicy": "flux-system:db"}\n' \
	"$REGISTRY/shop/db:b9" >work/deploy/prod/moved/other.yaml
commit_push work other || bail "$(cat push.out)"
ok "another file, of other text" images prod
like "$(git -C host.git show main:deploy/prod/moved/other.yaml)" 'shop/db:b12"' "gets it"
is "$(image deploy/prod/moved/newer.yaml)" "$REGISTRY/shop/db:b9" "and the renamed one does not"
git -C work pull -q
git -C work rm -qr deploy/prod/moved
commit_push work "gone" || bail "$(cat push.out)"

# ---- never an older one ----
git -C work pull -q
sed -i 's|web:1.10.1|web:2.0.0|' "work/$file"
commit_push work "a major one, by hand" || bail "$(cat push.out)"
unmoved 0 "what is newer than the range stays" prod
sed -i 's|web:2.0.0|web:latest|' "work/$file"
commit_push work "no version" || bail "$(cat push.out)"
ok "what has no place in the order" images prod
is "$(image)" "$REGISTRY/shop/web:latest" "was taken back, it seems"
push_tags shop/web 1.11.0
ok "and goes with the next one" images prod
is "$(image)" "$REGISTRY/shop/web:1.11.0" "as any other"

# ---- suspended ----
push_tags shop/web 1.12.0
push_tags shop/db b13
set_channel host.git prod suspendImages true
unmoved 0 "a channel that is suspended" prod
set_channel host.git prod suspendImages false
git -C host.git config windlass-image.flux-system:web.suspend true
ok "an image that is suspended" images prod
is "$(image) $(image deploy/prod/db.yaml)" \
	"$REGISTRY/shop/web:1.11.0 \"$REGISTRY/shop/db:b13\"" "keeps no other"
git -C host.git config --unset windlass-image.flux-system:web.suspend
ok "and goes on afterwards" images prod
is "$(image)" "$REGISTRY/shop/web:1.12.0" "where it was"

# ---- the gate ----
push_tags shop/web 1.13.0
set_channel host.git prod requiredLabels team
unmoved 1 "what the gate refuses" prod
like "$(cat err)" "^deploy/prod/web\.yaml:[0-9:]+ error: .*team" "is refused with its reason"
like "$(cat err)" '^windlass-hook: prod: the push to refs/heads/main was refused$' "as a push"
git -C host.git config --unset windlass.prod.requiredLabels
# a pre-receive before ours moves the ref: somebody else was faster, once
cat >host.git/hooks/pre-receive <<END
#!/bin/sh
if [ -e "$TRASH/race" ]; then
	rm "$TRASH/race"
	unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
	git update-ref refs/heads/main \$(git commit-tree -p main -m faster main^{tree}) &&
		exec "$WINDLASS_BUILD/windlass-hook" pre-receive
fi
exec "$WINDLASS_BUILD/windlass-hook" pre-receive
END
>race
ok "when the ref moves meanwhile" images prod
is "$(git -C host.git log -2 --format=%s main)" "Update $REGISTRY/shop/web to 1.13.0
faster" "it is done over again, on what there is"
write_hook host.git pre-receive

# ---- signed ----
make_key ada
make_key robot
{ developer_line ada keys/ada; developer_line robot keys/robot; } >developers
set_channel host.git prod developers "$TRASH/developers"
set_channel host.git prod requireSignedCommits true
push_tags shop/web 1.14.0
unmoved 1 "a channel that wants signatures" prod
like "$(cat err)" 'set windlass\.prod\.editorKey' "says which key"
set_channel host.git prod editorKey "$TRASH/keys/robot"
ok "with the editor's key" images prod
like "$(git -C host.git cat-file commit main)" '^gpgsig -----BEGIN SSH SIGNATURE' "it is signed"
git -C host.git config --unset windlass.prod.developers
set_channel host.git prod requireSignedCommits false

# ---- digests ----
git -C host.git config windlass-image.flux-system:web.pinDigest true
ok "a digest comes to the tag that is there" images prod
digest=$(image_digest shop/web 1.14.0)
is "$(image)" "$REGISTRY/shop/web:1.14.0@$digest" "as the registry says it"
push_image shop/web 1.14.0 "another content" || bail "cannot push"
isnt() { [ "$1" != "$2" ]; judge $? "$3"; }
isnt "$(image_digest shop/web 1.14.0)" "$digest" "the tag is another image now"
unmoved 0 "what is pinned stays" prod
push_tags shop/web 1.15.0
ok "with a newer tag" images prod
is "$(image)" "$REGISTRY/shop/web:1.15.0@$(image_digest shop/web 1.15.0)" "comes its digest"

# ---- fields ----
git -C work pull -q
cat >work/deploy/prod/fields.yaml <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: fields, namespace: shop}
data:
  name: old/web # {"$imagepolicy": "flux-system:web:name"}
  tag: v1.0.0   # {"$imagepolicy": "flux-system:web:tag"}
  digest: none  # {"$imagepolicy": "flux-system:web:digest"}
  text: |
    tag: v1.0.0   # {"$imagepolicy": "flux-system:web:tag"}
  other: x:1    # {"$imagepolicy": "flux-system:nobody"}
END
commit_push work fields || bail "$(cat push.out)"
ok "fields of their own" images prod
is "$(git -C host.git show main:deploy/prod/fields.yaml | sed -n '5,9s/ *#.*//p')" \
	"  name: $REGISTRY/shop/web
  tag: 1.15.0
  digest: $(image_digest shop/web 1.15.0)
    tag: v1.0.0" "each its own, and a text is no field"
like "$(cat err)" "^deploy/prod/fields\.yaml:9: the marker follows no value" "which is said"
like "$(cat err)" "^deploy/prod/fields\.yaml:10: no policy 'flux-system:nobody' is configured" \
	"as is a policy that there is not"

cat >work/deploy/prod/digest.yaml <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: digest, namespace: shop}
data:
  digest: none  # {"$imagepolicy": "flux-system:web:digest"}
END
git -C work pull -q
commit_push work "a digest alone" || bail "$(cat push.out)"
ok "a digest without its tag" images prod
push_tags shop/web 1.15.1
ok "a newer tag" images prod
is "$(git -C host.git show main:deploy/prod/digest.yaml | sed -n 's/ *digest: *\(sha[^ ]*\) .*/\1/p')" \
	"$(image_digest shop/web 1.15.1)" "gives it another one"

# ---- other channels ----
ok "all channels" images
is "$(git -C host.git show main:deploy/other/web.yaml | sed -n 's/^ *image: *"\([^"]*\)".*/\1/p')" \
	"1.15.1" "each has its own"

# ---- another place to push to, as under a forge ----
git clone -q --bare host.git forge.git
git -C host.git config windlass.pushUrl "$TRASH/forge.git"
push_tags shop/web 1.15.2
before=$(tip)
ok "with pushUrl it is pushed there" images prod
is "$(tip)" "$before" "the ref here is the forge's to move"
like "$(git -C forge.git log -1 --format=%s main)" '^Update .*/shop/web to 1\.15\.2$' \
	"which has it"
git -C host.git config --unset windlass.pushUrl

# ---- trouble ----
push_tags shop/db b14
add_policy host.git flux-system:web "$REGISTRY/shop/nothing" semver 1.x
images prod
is "$?" 1 "an image that there is not"
like "$(cat err)" "^windlass-hook: flux-system:web: $REGISTRY has no such image or tag of 'shop/nothing'$" \
	"is said"
is "$(image deploy/prod/db.yaml)" "\"$REGISTRY/shop/db:b14\"" "and keeps no other"
add_policy host.git flux-system:web "127.0.0.1:1/shop/web" semver 1.x
images prod
is "$?" 2 "a registry that is down is trouble"
add_policy host.git flux-system:web "127.0.0.1:1/shop/web" mirror "$REGISTRY/shop/web"
push_tags shop/web 1.16.0
ok "a mirror answers for it" images prod
is "$(image)" "127.0.0.1:1/shop/web:1.16.0@$(image_digest shop/web 1.16.0)" \
	"and the name stays that of the image"
unmoved 1 "a channel that there is not" nothing
unmoved 129 "an option that there is not" --twice
git -C host.git config windlass-image.flux-system:db.semver 1.x
unmoved 1 "settings that say two things"
like "$(cat err)" 'windlass-image\.flux-system:db\.' "are named"
git -C host.git config --unset windlass-image.flux-system:db.semver

# ---- again and again ----
git -C host.git config windlass.imageInterval 1s
start images windlass-hook images --repo host.git prod
push_tags shop/db b15
comes() { [ "$(image deploy/prod/db.yaml)" = "\"$REGISTRY/shop/db:$1\"" ]; }
ok "it looks every interval" wait_for 30 comes b15
push_tags shop/db b16
ok "and again" wait_for 30 comes b16
stop images
ok "stock git finds nothing wrong" git -C host.git fsck --strict --no-dangling
done_testing
