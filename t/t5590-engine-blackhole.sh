#!/bin/bash
# All connections to the API server fall silent at once, as when a firewall or a
# load balancer forgets them: nobody says that they have ended. The engine
# notices by itself, and what was edited meanwhile is undone within two minutes.
# Bookmarks that never come are no harm, nor are answers that end nowhere.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace a
channel=silent-$$
objects=12

make_host host.git "$channel"
make_clone host.git work
configs $objects one
{
	printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: %s}\ndata: {a: b25l}\n' "$ns"
	printf -- '---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: u, namespace: %s}\n' "$ns"
	printf -- '---\napiVersion: v1\nkind: Service\nmetadata: {name: w, namespace: %s}\nspec: {ports: [{port: 80}]}\n' "$ns"
} >"work/deploy/$channel/others.yaml"
set_channel host.git "$channel" secrets allow
commit_push work first || { test_show push.out; bail "the push is refused"; }
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
proxy_start
rules '99999 watch=1 mute'
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60
ok "the channel is ready" wait_ready "$channel" 30
sleep 1
undone "an edit is undone" o-1
relists=$(metric windlass_watch_relists_total)

# ---- answers that begin and go on for ever, meanwhile ----
rules '99999 watch=1 mute' '3 PATCH_/api/v1 stall 50'
configs $objects two
commit_push work second
two() { [ "$(k -n "$ns" get configmap -o json | jq '[.items[] | select(.data.text == "two")] | length')" = $objects ]; }
ok "three answers that never end keep no other object waiting" wait_for 20 two
cost_begin

# ---- silence ----
pkill -STOP -P "$pid_proxy"
began=$(date +%s)
k -n "$ns" patch configmap o-2 -p '{"data":{"text":"edited"}}' >/dev/null
k -n "$ns" patch secret s -p '{"data":{"a":"dHdv"}}' >/dev/null
k -n "$ns" delete serviceaccount u >/dev/null
back() {
	is_text o-2 two && [ "$(k -n "$ns" get secret s -o 'jsonpath={.data.a}')" = b25l ] &&
		k -n "$ns" get serviceaccount u
}
ok "all connections fall silent: edits of three kinds are undone within two minutes" \
	wait_for 120 back
echo "# after $(($(date +%s) - began)) s"
like "$(cat engine.log)" 'watch-failed .*was silent for 90 s' "the silence is told"
cost_is "and costs a request or two for each watch" 40 1
is "$(metric windlass_watch_relists_total)" "$relists" "no watch began from the start"
ok "the bundle is applied" wait_applied "$channel" 2 60
pkill -CONT -P "$pid_proxy"
undone "afterwards an edit is undone" o-3
is "$(live_count)" $objects "all objects are live"
done_testing
