#!/bin/bash
# What stays while another object cannot be applied goes as soon as that one is
# applied, however long it has waited.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace unblocked
channel=unblocked-$$

has_quota() { [ -n "$(k -n "$ns" get quota maps -o 'jsonpath={.status.used}')" ]; }
full() {
	k -n "$ns" create quota maps --hard="count/configmaps=$(k -n "$ns" get configmaps -o name | wc -l)" \
		>/dev/null
	wait_for 60 has_quota || bail "the quota is not counted"
}
there() { k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
# the pauses between tries are longer by then than what is waited for below
long_ago() {
	[ "$(k get channel "$channel" -o json | jq '.status.conditions[] |
		select(.type == "PruneBlocked") | now -
		(.lastTransitionTime | fromdate) | floor')" -gt 35 ]
}

make_host host.git "$channel"
make_clone host.git work
configs 3 one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

full
configs 2 one
put work "deploy/$channel/more.yaml" ConfigMap more "$ns" one
commit_push work second || bail "push failed: $(cat push.out)"
ok "what the next one drops stays while another one has no room" \
	wait_condition "$channel" PruneBlocked True 60 PruneBlocked
ok "for long" wait_for 60 long_ago
ok "it is there" there o-3
k -n "$ns" delete quota maps >/dev/null
k annotate channel "$channel" windlass.dev/reconcile=now >/dev/null
ok "with room for all it is gone at once" wait_applied "$channel" 2 10
done_testing
