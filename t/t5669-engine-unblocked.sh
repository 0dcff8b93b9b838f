#!/bin/bash
# What stays while another object cannot be applied goes as soon as that one is
# applied, however long it has waited. What the API server does not delete is
# not asked for anew by each bundle.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace unblocked
channel=unblocked-$$

there() { k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
# long_ago: what stays is looked at by itself 31, 63 and 123 seconds after it was
# held up: not in what is waited for below
long_ago() {
	local age
	age=$(k get channel "$channel" -o json | jq '.status.conditions[] |
		select(.type == "PruneBlocked") | now -
		(.lastTransitionTime | fromdate) | floor')
	((age > 35 && age < 50 || age > 68 && age < 108))
}
deletes() { grep -c "^DELETE .*/$1" proxy.log; }
asked() { [ "$(deletes "$1")" -ge "$2" ]; }

make_host host.git "$channel"
make_clone host.git work
configs 3 one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
proxy_start
KUBECONFIG=$PROXIED engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

rules "1000 PATCH_/api/v1/namespaces/$ns/configmaps/more status 403"
configs 2 one
put work "deploy/$channel/more.yaml" ConfigMap more "$ns" one
commit_push work second || bail "push failed: $(cat push.out)"
ok "what the next one drops stays while another one is refused" \
	wait_condition "$channel" PruneBlocked True 60 PruneBlocked
ok "for long" wait_for 120 long_ago
ok "it is there" there o-3
rules
# another spec has what failed tried again, and not what stays
k patch channel "$channel" --type merge -p '{"spec":{"healthTimeout":"4m"}}' \
	>/dev/null
ok "with all applied it is gone at once" wait_applied "$channel" 2 10

# ---- what the API server does not delete ----
rules "1000 DELETE_/api/v1/namespaces/$ns/configmaps/o-2 status 403"
configs 1 one
commit_push work third || bail "push failed: $(cat push.out)"
ok "what may not be deleted is tried, ever more seldom" \
	wait_for 60 asked o-2 5
before=$(deletes o-2)
for i in 1 2 3 4 5; do
	configs 1 "text $i"
	commit_push work "text $i" || bail "push failed: $(cat push.out)"
	wait_for 40 is_text o-1 "text $i"
done
ok "with bundles in between" is_text o-1 "text 5"
# the last one has begun to delete, too: it does what is new
rm "work/deploy/$channel/more.yaml"
commit_push work last || bail "push failed: $(cat push.out)"
gone() { ! there more; }
ok "of which one deletes another one" wait_for 40 gone
again=$(($(deletes o-2) - before))
ok "they do not have it tried ($again times)" [ "$again" -lt 5 ]
rules
k annotate channel "$channel" windlass.dev/reconcile=now >/dev/null
ok "an admin has" wait_applied "$channel" 9 10
done_testing
