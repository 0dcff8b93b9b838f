#!/bin/bash
# A push becomes a bundle: what is printed, what is signed, what comes next.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
put work deploy/prod/web.yaml ConfigMap web demo one
more work deploy/prod/web.yaml Deployment web demo 1
echo "# not a manifest" >work/deploy/prod/README.md
put work elsewhere/other.yaml ConfigMap other demo

ok "the first push" commit_push work first
out=$(cat push.out)
like "$out" 'windlass: prod: \+3 ~0 -0' "the plan is counted"
like "$out" '  \+ Namespace demo' "and listed"
like "$out" '  \+ Deployment.apps demo/web' "with group and namespace"
like "$out" 'windlass: prod 1.1 published \(\+3 ~0 -0\), bundle [0-9a-f]{12}, 3 objects' \
	"it is published"
is "$(bundle_paths host.git prod)" \
"objects/_cluster/core/Namespace/demo.json
objects/demo/apps/Deployment/web.json
objects/demo/core/ConfigMap/web.json" "the objects of the path, no others"
is "$(git -C host.git show refs/windlass/prod:origins/demo/apps/Deployment)" \
	"web deploy/prod/web.yaml:10" "where each came from"
is "$(git -C host.git show refs/windlass/prod:objects/demo/core/ConfigMap/web.json)" \
"{
  \"apiVersion\": \"v1\",
  \"data\": {
    \"text\": \"one\"
  },
  \"kind\": \"ConfigMap\",
  \"metadata\": {
    \"labels\": {
      \"applyset.kubernetes.io/part-of\": \"applyset-$(
	printf 'prod..Channel.windlass.dev' | openssl dgst -sha256 -binary |
	base64 | tr '+/' '-_' | tr -d '=')-v1\"
    },
    \"name\": \"web\",
    \"namespace\": \"demo\"
  }
}" "canonical, with the part-of label"
ok "all of it by stock tools" stock_chain host.git prod
is "$(trailer host.git prod Source-Commit)" "$(git -C work rev-parse HEAD)" \
	"it names its source"
is "$(git -C host.git log -1 --format='%an <%ae>|%cn <%ce>' refs/windlass/prod)" \
	"Ada Developer <ada@example.org>|windlass prod <prod@host.example>" \
	"author and committer"

# a change, a creation, a deletion, a move
put work deploy/prod/web.yaml ConfigMap web demo two
more work deploy/prod/web.yaml Deployment web demo 1
put work deploy/prod/sub/new.yml ConfigMap new demo
ok "the second push" commit_push work second
out=$(cat push.out)
like "$out" 'prod 1.2 published \(\+1 ~1 -0\)' "one created, one changed"
like "$out" '  ~ ConfigMap demo/web' "the changed one"
unlike "$out" 'Deployment' "the one that is the same is not named"
ok "still good" stock_chain host.git prod

git -C work mv deploy/prod/sub/new.yml deploy/prod/moved.yaml
ok "a file moves" commit_push work move
like "$(cat push.out)" 'prod: no object changes' "no object changes"
like "$(cat push.out)" 'prod 1.3 published \(\+0 ~0 -0\)' "but places do"
is "$(git -C host.git show refs/windlass/prod:origins/demo/core/ConfigMap)" \
"new deploy/prod/moved.yaml:2
web deploy/prod/web.yaml:2" "as origins say"

git -C work rm -q deploy/prod/moved.yaml
ok "a file goes" commit_push work remove
like "$(cat push.out)" '  - ConfigMap demo/new' "and its object with it"
ok "still good" stock_chain host.git prod

# what does not change the bundle
before=$(bundle host.git prod)
put work elsewhere/other.yaml ConfigMap other demo more
ok "a push that is not about the channel" commit_push work other
is "$(bundle host.git prod)" "$before" "makes no bundle"
like "$(cat push.out)" 'prod 1.4 is published already' "and says so"

# A, B, A gives three
put work deploy/prod/web.yaml ConfigMap web demo one
more work deploy/prod/web.yaml Deployment web demo 1
ok "back" commit_push work back
like "$(cat push.out)" 'prod 1.5 published \(\+0 ~1 -0\)' "is a bundle of its own"
ok "git revert" git -C work revert --no-edit HEAD
ok "rolls back" push work
like "$(cat push.out)" 'prod 1.6 published \(\+0 ~1 -0\)' "by a new bundle"
is "$(git -C host.git rev-parse "refs/windlass/prod^{tree}")" \
	"$(git -C host.git rev-parse "refs/windlass/prod~2^{tree}")" \
	"with the tree of the one before"
ok "still good" stock_chain host.git prod

# publish and refresh by hand have nothing to do, and do it
before=$(cat host.git/windlass/public/prod/head)
ok "publish" hook host.git publish prod
is "$(cat host.git/windlass/public/prod/head)" "$before" "changes nothing"
ok "refresh" hook host.git refresh
is "$(cat host.git/windlass/public/prod/head)" "$before" "nor this early"
sleep 1
ok "refresh --force" hook host.git refresh --force prod
[ "$(head_field host.git prod issued)" != "$(sed -n 's/^issued //p' <<<"$before")" ]
is $? 0 "signs new times"
ok "for the same bundle" stock_published host.git prod

ok "an engine can follow all of it" stock_fetch host.git prod

# a new key signs the same tree as the next bundle
make_key second
set_channel host.git prod signingKey "$TRASH/keys/second"
ok "publish with another key" hook host.git publish prod
is "$(trailer host.git prod Sequence)" 7 "is one bundle more"
is "$(trailer host.git prod Changes)" "+0 ~0 -0" "with nothing else new"
ok "still good" stock_chain host.git prod

# a new epoch begins a new chain
old=$(bundle host.git prod)
set_channel host.git prod epoch 2
ok "publish in a new epoch" hook host.git publish prod
is "$(trailer host.git prod Epoch).$(trailer host.git prod Sequence)" 2.1 \
	"starts at 1"
is "$(git -C host.git rev-parse refs/windlass/_epochs/prod/1)" "$old" \
	"the old one keeps its last bundle"
is "$(trailer host.git prod Changes)" "+3 ~0 -0" "all is new in it"
is "$(git -C host.git rev-list --count refs/windlass/prod)" 1 "no parent"
ok "still good" stock_chain host.git prod
put work deploy/prod/web.yaml ConfigMap web demo three
ok "a push in it" commit_push work epoch -o allow-deletes=1
is "$(trailer host.git prod Epoch).$(trailer host.git prod Sequence)" 2.2 \
	"goes on"

# several channels of one repository, one ref each or one for both
add_channel host.git stage deploy/stage
put work deploy/stage/web.yaml ConfigMap web demo
put work deploy/prod/ns.yaml Namespace demo
more work deploy/prod/ns.yaml ConfigMap extra demo
ok "a push for two channels" commit_push work two
like "$(cat push.out)" 'windlass: prod 2.3 published \(\+1 ~0 -0\)' "one"
like "$(cat push.out)" 'windlass: stage 1.1 published \(\+1 ~0 -0\)' "other"
ok "both good" stock_chain host.git prod
ok "both" stock_chain host.git stage
is "$(git -C work ls-remote origin 'refs/windlass/*' | wc -l)" 3 \
	"everybody can fetch bundles"
done_testing
