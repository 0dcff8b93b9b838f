#!/bin/bash
# An engine that takes over has to see what the one before it accepted: its
# own watch of Channels may have been broken since. What a bundle dropped that
# it never heard of must not be made again.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
proxy=$WINDLASS_BUILD/t/tool/fault-proxy
[ -x "$proxy" ] || skip_all "not built: make check TESTS="
cluster_use
cluster_namespace stale
channel=stale-$$

made() { grep -c '^ADDED .* dropped$' watch.log; }
engine() {
	start "$1" windlassd --kubeconfig "$2" --metrics off \
		--state "$TRASH/state-$1" --leader-elect
	wait_line 30 "$1.log" ' ready '
}

start proxy "$proxy" "$KUBECONFIG" "$TRASH/rules"
wait_line 10 proxy.log '^port' || bail "no proxy"
cat >proxied <<END
apiVersion: v1
kind: Config
current-context: p
contexts: [{name: p, context: {cluster: p, user: p}}]
clusters: [{name: p, cluster: {server: "http://127.0.0.1:$(sed -n 's/^port //p' proxy.log)"}}]
users: [{name: p, user: {token: none}}]
END

make_host host.git "$channel"
make_clone host.git work
put work "deploy/$channel/kept.yaml" ConfigMap kept "$ns" one
put work "deploy/$channel/dropped.yaml" ConfigMap dropped "$ns" one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine one "$KUBECONFIG" || bail "windlassd does not start: $(cat one.log)"
ok "an engine applies the first bundle" wait_applied "$channel" 1 60
engine two proxied || bail "windlassd does not start: $(cat two.log)"
start watch "$KUBECTL" -n "$ns" get configmap --watch --output-watch-events \
	-o 'jsonpath={.type} {.object.kind} {.object.metadata.name}{"\n"}'
ok "what it drops is there" wait_for 20 eval '[ "$(made)" = 1 ]'

# ---- the other one's watch breaks, and the bundle comes ----
echo '1000 /channels? status 500' >rules
pkill -KILL -P "$pid_proxy"
ok "the one that stands by sees no Channels any more" \
	wait_line 60 two.log 'channels-watch-failed'
git -C work rm -q "deploy/$channel/dropped.yaml"
commit_push work second
ok "the second bundle is applied" wait_applied "$channel" 2 60
ok "and what it drops is deleted" wait_line 20 watch.log \
	'^DELETED .* dropped$'
stop one TERM
ok "the other one takes over" wait_line 60 two.log ' leading '
sleep 5
: >rules
put work "deploy/$channel/kept.yaml" ConfigMap kept "$ns" two
commit_push work third
ok "and applies the third, when it sees Channels again" \
	wait_applied "$channel" 3 120
is "$(made)" 1 "what the second dropped was never made again"
unlike "$(cat two.log)" ' channel-open .* sequence=1$' \
	"it did not begin with what it had seen last"
stop two TERM
done_testing
