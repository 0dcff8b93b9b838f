#!/bin/bash
# The disk of the state directory is full: said in the condition, repairs go on,
# nothing is applied or deleted that was not recorded, and it goes on as soon as
# there is room.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
# as root in a mount namespace of its own, else in a user namespace as well
for apart in "unshare -m" "unshare -rm"; do
	$apart mount -t tmpfs none /mnt 2>/dev/null && break
	apart=
done
[ -n "$apart" ] || skip_all "no file system can be mounted here"
cluster_use
cluster_namespace a
channel=full-$$

config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
inside() { echo "/proc/$pid_engine/root$TRASH/state"; }
# nothing that a pack could make small
large() {
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: large, namespace: %s}\ndata: {text: "%s"}\n' \
		"$ns" "$(head -c 300000 /dev/urandom | base64 -w0)" >"work/deploy/$channel/large.yaml"
}

make_host host.git "$channel"
make_clone host.git work
config a one
config b one
config c one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
mkdir state
METRICS=127.0.0.1:$(free_port)
start engine $apart bash -c 'mount -t tmpfs -o size=4m none "$0" && exec "$@"' "$TRASH/state" \
	windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state" \
	--metrics "$METRICS" --no-leader-elect
wait_line 20 engine.log ready || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

# ---- full ----
head -c 8000000 /dev/zero >"$(inside)/fill" 2>/dev/null
large
config a two
git -C work rm -q "deploy/$channel/c.yaml"
commit_push work second
ok "a full disk is said" wait_condition "$channel" Fetched False 60
echo "# $(condition "$channel" Fetched)"
like "$(condition "$channel" Fetched)" 'No space left on device|Disk quota' "and why"
is "$(text a) $(text c)" "one one" "nothing is applied, nothing deleted"
undone "an edit is undone all the same" b
lines=$(wc -l <engine.log)
cpu=$(metric process_cpu_seconds_total)
sleep 5
lines=$(($(wc -l <engine.log) - lines))
ok "few lines in its log ($lines in 5 s)" test "$lines" -le 20
ok "no spinning" perl -e 'exit !($ARGV[0] - $ARGV[1] < 0.5)' \
	"$(metric process_cpu_seconds_total)" "$cpu"
rm "$(inside)/fill"
began=$(date +%s%3N)
ok "there is room again: the bundle is applied" wait_applied "$channel" 2 90
echo "# after $(($(date +%s%3N) - began)) ms"
is "$(text a)" two "as it says"
not_ok "with its delete" k -n "$ns" get configmap c

ok "the channel is ready" wait_ready "$channel" 30
done_testing
