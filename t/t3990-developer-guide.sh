#!/bin/bash
# contrib/guides/developer.md: every command of the page, by a developer who
# has a clone and an admin in the bare repository. Two clusters report by
# stock tools, as engines do.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-notify.sh"
. "$TEST_DIR/lib-registry.sh"
. "$TEST_DIR/lib-guide.sh"
guide developer
registry_start registry

host=host.git
git init -q --bare -b main $host
for channel in staging prod; do
	windlass-hook init $channel --repo $host --ref refs/heads/main \
		--path deploy/$channel --key ~/$channel >init.log 2>&1 ||
		{ test_show init.log; bail init; }
done
make_clone $host work
new_reporter eu-1
cp reporters ~/reporters
set_channel $host prod defaultNamespace shop

# as whom the page says: a developer in the clone, the owner in the repository
run() {
	local there=work
	block "$1" "$2" || return
	[ "$who" = developer ] || there=$host
	run_block "$1" "$2" bash -ec 'cd "$0" && . "$1"' "$TRASH/$there"
}
healthy() { # [CHANNEL]
	r_channel=${1:-prod} report next
	is "$(post next "${1:-prod}")" 204 "${1:-prod}: a cluster says that all is well"
}
file=deploy/prod/web.yaml
image() { git -C $host show "main:$file" | sed -n 's/^ *image: *\(.*[^ ]\) *#.*/\1/p'; }

image_manifest work/$file flux-system:web "$REGISTRY/shop/web:1.2.0"
put work deploy/staging/web.yaml ConfigMap web shop one
commit_push work first || bail "$(cat push.out)"

# ---- the rollout; the host's part of it first

run "The rollout" 4
serve_start
run "The rollout" 2
healthy

# ---- before the merge

git -C work checkout -q -b more
sed -i 's/--a/--more/' work/$file
commit work "more of it"
before=$(git -C $host rev-parse refs/heads/main refs/windlass/prod)
run "Before the merge" 1
like "$(cat .output)" 'Deployment(\.apps)? shop/web' "it says what the merge would change"
run "Before the merge" 2
like "$(cat .output)" '^[-+] .*--more' "as does the text for a pull request"
is "$(git -C $host rev-parse refs/heads/main refs/windlass/prod)" "$before" \
	"nothing is published"

# ---- a push that waits; a cluster that reports

(
	while [ "$(trailer $host prod Sequence)" != 2 ]; do sleep 0.2; done
	report next
	post next >/dev/null
) &
cluster=$!
run "The rollout" 1
wait $cluster
like "$(cat .output)" 'prod@eu-1: healthy' "the push tells that it is healthy"
recorded() {
	git -C work fetch -q origin
	git -C work log -1 --notes='windlass/*' | grep -q 'Notes (windlass/eu-1)'
}
ok "it is recorded" wait_for 30 recorded
run "The rollout" 3
like "$(cat .output)" 'Notes \(windlass/eu-1\)' "the history says so"
run "In a pipeline" 1
like "$(cat .output)" 'prod@eu-1: healthy|^prod' "so does a pipeline"
for ci in forgejo gitlab; do
	line=$(sed -n 's/^[ -]*\(windlass wait .*\)/\1/p' "$TOP/contrib/ci/$ci.yaml")
	ok "$ci: what its file says waits for it" \
		bash -ec "cd work && CHANNEL=prod && $line"
done

# ---- back

run "Back" 1
is "$(git -C $host show main:$file)" "$(git -C $host show main~2:$file)" \
	"the revert is in"
sed -i 's/--a/--third/' work/$file
commit_push work third || bail "$(cat push.out)"
run "Back" 2
is "$(git -C $host show main:$file)" "$(git -C $host show main~1^:$file)" \
	"so is the rollback"
like "$(git -C $host log -1 --format=%B main)" 'the shop was slow' "with its reason"
run "Back" 3

# ---- newer images

push_image shop/web 1.2.0 && push_image shop/web 1.2.7 || bail "the registry"
run "Newer images" 1
git -C $host config windlass-image.flux-system:web.image "$REGISTRY/shop/web"
run "Newer images" 2
is "$(image)" "$REGISTRY/shop/web:1.2.7" "a newer image is committed"

# ---- tell others

receiver_start chat
echo "${RECEIVER%/report}/services/secret" >~/chat-url
chmod 600 ~/chat-url
run "Tell others" 1
is "$(posts chat)" 1 "the chat is told"

# ---- staging first

git -C work pull -q origin main
set_channel $host staging reporters "$HOME/reporters"
run "Staging first" 1
sed -i 's/--a/--fourth/' work/$file
commit_push work fourth
like "$(cat push.out)" 'prod waits: staging must be healthy for 10m' \
	"a push says what prod waits for"

guide_done
done_testing
