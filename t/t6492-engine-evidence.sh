#!/bin/bash
# What contrib/runbooks say of an engine's own repository and of its state in
# a pod: the bundle that a Git host lost comes back from it, though it has no
# sources; and what is in the volume of another process can be copied by one
# of the same user, without a capability.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-guide.sh"

# ---- a host that lost its newest bundle, and an engine that has it ----
make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a demo one
commit_push work one || bail "$(cat push.out)"
cp -a host.git backup.git
put work deploy/prod/a.yaml ConfigMap a demo two
commit_push work two || bail "$(cat push.out)"
second=$(bundle host.git prod)
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0
wait_line 20 serve.log 'listening on ' || bail "serve: $(cat serve.log)"
url=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' serve.log)
printf 'host namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >publishers
mkfifo commands
exec 7<>commands
start engine sh -c 'exec "$0" "$@" <commands' "$WINDLASS_BUILD/t/tool/source" \
	--state "$TRASH/state" --url "$url" --channel prod \
	--id "$(git -C host.git config windlass.prod.id)" --publishers publishers \
	--auto
repo=$TRASH/state/$(git -C host.git config windlass.prod.id)/repo.git
has_it() { [ "$(git -C "$repo" rev-parse -q --verify refs/windlass/prod)" = "$second" ]; }
ok "an engine takes it" wait_for 30 has_it || test_show engine.log
stop engine
stop serve
is "$(git -C "$repo" for-each-ref --format='%(refname)')" refs/windlass/prod \
	"and has no sources"
rm -rf host.git
cp -a backup.git host.git

here() {
	sed "s|/srv/git/app.git|$TRASH/host.git|g
		s|^lost=.*|lost=$repo|; s|^source=.*|source=$TRASH/work|" "$1" >here.sh
	bash -e here.sh
}
runbook git-host-restored
run_block "Catch up" 1 here
is "$(bundle host.git prod)" "$second" "the bundle is back"
like "$(cat .output)" "^Source-Commit: $(git -C work rev-parse HEAD)$" \
	"its commit is named"
git -C work branch -q lost
git -C work reset -q --hard HEAD^
block "Catch up" 2
not_ok "who has not that commit cannot publish" here block.sh
is "$(bundle host.git prod)" "$second" "and nothing new is signed"
git -C work reset -q --hard lost
run_block "Catch up" 2 here
is "$(head_field host.git prod bundle)" "$second" "it is published again"
put work deploy/prod/a.yaml ConfigMap a demo three
ok "developers push on" commit_push work three
is "$(trailer host.git prod Sequence)" 3 "under the next number"

# ---- out of a pod ----
runbook forked
block "Out of the engine's pod" 1
copy=$(sed -n '/^ *tar -c/,$p' block.sh)
like "$copy" '/proc/1/root/var/lib/windlass/engine' "the page copies it"
user=(setpriv --reuid 65532 --regid 65532 --clear-groups --inh-caps=-all
	--no-new-privs)
if [ "$(id -u)" != 0 ] || ! unshare -m "${user[@]}" true 2>/dev/null; then
	skip 3 "no namespaces or no other users here"
	done_testing
fi
mkdir evidence volume
chmod 755 .
# a volume that nobody else sees, as a pod's
start pod unshare -m --propagation private sh -c '
	mount -t tmpfs none volume && cp -a state/. volume &&
	chown -R 65532:65532 volume && echo ready && exec "$@"' sh \
	"${user[@]}" sleep 600
wait_line 20 pod.log ready || bail "no volume: $(cat pod.log)"
is_user() { [ "$(stat -c %u "/proc/$pid_pod")" = 65532 ]; }
wait_for 20 is_user
is "$(ls volume)" "" "the volume is the process's own"
sed "s|/proc/1/root/var/lib/windlass/engine|/proc/$pid_pod/root$TRASH/volume|
	s|^ *tar -c|${user[*]} tar -c|" <<<"$copy" >copy.sh
ok "one of its user copies it" bash -e -o pipefail copy.sh
is "$(git -C evidence/*/repo.git rev-parse refs/windlass/prod)" "$second" \
	"with the bundle"
done_testing
