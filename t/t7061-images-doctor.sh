#!/bin/bash
# windlass-hook doctor and images: what registries say, and what of policies
# and markers nothing would ever come of. And init --remove takes the policies
# with the last channel.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-registry.sh"
make_host host.git prod other
make_clone host.git work

doctor() {
	hook host.git doctor >out 2>err
	status=$?
	grep -E '^[a-zA-Z]+ +([a-z]+: )?images: ' out >images.out
	failures=$(grep -c '^FAIL' images.out)
}
# says PATTERN WHAT
says() { like "$(cat images.out)" "$1" "$2"; }
policy() { git -C host.git config "windlass-image.$1" "$2"; }

registry_start registry
push_image shop/web 1.2.0 || bail "cannot push"
push_image shop/web 1.3.0
push_image shop/web latest
image_manifest work/deploy/prod/web.yaml flux-system:web "$REGISTRY/shop/web:1.2.0"
image_manifest work/deploy/other/web.yaml flux-system:web "$REGISTRY/shop/web:1.2.0"
commit_push work first || bail "$(cat push.out)"
doctor
is "$(wc -l <images.out)" 0 "without a policy nothing is said of images"
add_policy host.git flux-system:web "$REGISTRY/shop/web" semver 1.x
doctor
is "$(cat images.out)" "ok    images: 'flux-system:web': $REGISTRY/shop/web has 3 tags, the newest is 1.3.0
ok    other: images: 1 marker in its source
ok    prod: images: 1 marker in its source" "one that works"
hook host.git doctor --output json >json 2>/dev/null
is "$(jq -c '[.checks[] | select(.check == "images") | .result]' json)" \
	'["ok","ok","ok"]' "for programs, too"

# ---- markers ----
image_manifest work/deploy/prod/typo.yaml flux-system:wbe x:1
image_manifest work/deploy/prod/again.yaml flux-system:wbe x:1
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\ndata:\n  a: |\n    image: x:1 # {"$imagepolicy": "flux-system:web"}\n' \
	>work/deploy/prod/c.yaml
commit_push work typos || bail "$(cat push.out)"
doctor
says "^warn  prod: images: deploy/prod/again\.yaml:12: no policy 'flux-system:wbe' is configured: add \[windlass-image \"flux-system:wbe\"\]" \
	"a marker that names no policy, with its line"
is "$(grep -c wbe images.out)" 1 "once"
says '^warn  prod: images: deploy/prod/c\.yaml:6: the marker follows no value' \
	"one that sets nothing"
add_policy host.git flux-system:idle "$REGISTRY/shop/web" semver 2.x
doctor
says "^warn  images: no marker in a channel's source names 'flux-system:idle'" "a policy that no marker names"
says "^warn  images: 'flux-system:idle': $REGISTRY/shop/web has 3 tags, and none of which the policy says that it is one" \
	"and one that allows no tag"
is "$failures" 0 "are no failure"
policy flux-system:idle.suspend true
doctor
says "^ok    images: 'flux-system:idle' is suspended" "a suspended one is not asked for"
git -C host.git config windlass.other.suspendImages true
doctor
says '^ok    other: images: suspended' "nor a suspended channel"
for i in {1..25}; do
	image_manifest "work/deploy/other/m-$i.yaml" "flux-system:none-$i" x:1
done
commit_push work many || bail "$(cat push.out)"
doctor
is "$(grep -c '^warn  other: images: deploy' images.out)" 20 "many are told of in part"
says '^warn  other: images: and 5 more markers like these' "with how many more there are"

# ---- registries ----
policy flux-system:web.image "$REGISTRY/shop/none"
doctor
says "^FAIL  images: 'flux-system:web': $REGISTRY has no such image or tag of 'shop/none'" \
	"an image that there is not"
is "$failures $status" "1 1" "is a failure"
policy flux-system:web.image "$REGISTRY/shop/web"
(umask 077; echo '{"auths": {}}' >login)
chmod 644 login
policy flux-system:web.credentials "$TRASH/login"
doctor
says "^FAIL  images: 'flux-system:web': credentials file '$TRASH/login'.*chmod" \
	"a credentials file that others can read"
chmod 600 login
policy flux-system:web.pinDigest true
doctor
says "^ok    images: 'flux-system:web'.* newest is 1\.3\.0" "closed, it is well"
git -C host.git config windlass.prod.editorKey "$TRASH/nokey"
doctor
says "^FAIL  prod: images: no update can be committed: windlass\.prod\.editorKey: .*nokey" \
	"a key that is not there"
git -C host.git config --unset windlass.prod.editorKey
stop registry
doctor
says "^warn  images: 'flux-system:web': cannot ask $REGISTRY: " \
	"a registry that is not there is a warning"
is "$failures" 0 "for it may be back"
before=$(git -C host.git for-each-ref)
hook host.git images --check >out 2>err
is "$? $(git -C host.git for-each-ref)" "0 $before" "images --check changes nothing"
like "$(cat out)" "^warn		'flux-system:web': " "and says the same"
not_ok "it goes with nothing else" hook host.git images --check --once
policy flux-system:web.semver nonsense
doctor
says '^FAIL  images: .*windlass-image\.flux-system:web\.semver' "a section that makes no sense"
is "$failures $status" "1 1" "is a failure"

# ---- away with it ----
ok "one of two channels is removed" hook host.git init other --remove --force
is "$(git -C host.git config --get-regexp '^windlass-image' | wc -l)" 7 "policies stay"
git -C host.git config windlass-s3.eu.url https://s3.example.org/bucket
git -C host.git config windlass-s3.eu.credentials /etc/windlass/s3
git -C host.git config windlass-notify.team.url https://chat.example.org/hook
git -C host.git config windlass-images.own kept
ok "the last one" hook host.git init prod --remove --force
like "$(cat .output)" 'settings .*/config: 2 image policies, 1 bucket, 1 receiver \(removed\)' "says what went with it"
is "$(git -C host.git config --name-only --get-regexp '^windlass')" windlass-images.own \
	"and nothing of windlass is left in the settings"
done_testing
