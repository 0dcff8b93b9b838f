#!/bin/bash
# README's way by hand, every command of it, in its order, on a real API
# server: what somebody who follows it sees. Only the build was made already,
# and a port that may be taken is another one.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
engine_lock
mkdir -p "$HOME/.kube" clone/build
cp "$KUBECONFIG" "$HOME/.kube/config"
unset KUBECONFIG
ln -s "$TOP/contrib" clone/contrib
cd clone/build || exit 1
# what a user of Debian's git has
git config --global --unset init.defaultBranch
port=$(free_port)

# block N: the Nth block of commands of the section, in block.sh
block() {
	awk -v n="$1" '
		/^## / { on = $0 == "## What the quickstart does, by hand" }
		!on { next }
		/^    / { if (!in_block) count++; in_block = 1
			if (count == n) print substr($0, 5); next }
		/^$/ { next }
		{ in_block = 0 }' "$TOP/README.md" |
		sed "s/127\.0\.0\.1:8420/127.0.0.1:$port/" >"$TRASH/block.sh"
}
# run N REGEX: it works, and has this line among the others
run() {
	block "$1"
	like "$(cat "$TRASH/block.sh")" "$2" "block $1 is the one with $2"
	# what is to go on after the block is the test's to end
	sed '/^windlass-hook serve\|^windlassd /d' "$TRASH/block.sh" >"$TRASH/run.sh"
	ok "block $1 works" bash -e "$TRASH/run.sh"
	cp "$TRASH/.output" "$TRASH/said"
}
# goes_on NAME REGEX: the command of the block that does
goes_on() {
	local line
	line=$(grep -E "$2.* &$" "$TRASH/block.sh")
	ok "$2 is to go on" test -n "$line"
	start "$1" bash -c "exec ${line% &}$3"
}

block 1
like "$(cat "$TRASH/block.sh")" '^autoreconf -i && .*make$' "block 1 builds"
run 2 '^windlass-hook init'
grep -o 'prod namespaces=.*' "$TRASH/said" >publishers
goes_on serve 'windlass-hook serve' " --listen 127.0.0.1:$port"
wait_line 20 "$TRASH/serve.log" 'listening on' || bail "serve does not start"
run 3 '^windlass install prod'
goes_on engine windlassd ' --metrics off'
wait_line 20 "$TRASH/engine.log" ' leading ' || bail "windlassd does not start"
run 4 '^git push origin main'
like "$(cat "$TRASH/said")" 'prod 1\.2 published \(\+0 ~1 -0\)' "two bundles"
export KUBECONFIG=$HOME/.kube/config
ok "they go live" wait_applied prod 2 60
ok "and healthy" wait_ready prod 60
unset KUBECONFIG
run 5 '^windlass status'
for line in '^  Ready=True ' '^prod 1\.1 ' '^\+.*nginx:1\.27\.4' 'as in the cluster$' \
	'^Good "git" signature for prod '
do
	like "$(cat "$TRASH/said")" "$line" "which says $line"
done
run 6 'git revert'
export KUBECONFIG=$HOME/.kube/config
ok "it goes back" wait_applied prod 3 60
is "$(k -n shop get deployment web -o 'jsonpath={.spec.template.spec.containers[0].image}')" \
	nginx:1.27.3 "to what was before"
block 7
is "$(cat "$TRASH/block.sh")" "" "that is all of it"
done_testing
