#!/bin/bash
# An engine that starts compares what is live with the bundle, kind after
# kind. Kinds that the API server cannot list, as those whose conversion webhook
# is away, do not keep the others waiting.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace unlisted
channel=unlisted-$$
broken="limitranges secrets serviceaccounts services"
others="configmap/o-1 poddisruptionbudget/other networkpolicy/other role/other lease/other"

tries() { grep -c compare-list-failed engine.log; }
made_again() { # what was tried by then is in $tried
	tried=$(tries)
	k -n "$ns" get $others
}

make_host host.git "$channel"
set_channel host.git "$channel" secrets allow
make_clone host.git work
configs 2 one
cat >"work/deploy/$channel/others.yaml" <<END
apiVersion: v1
kind: LimitRange
metadata: {name: other, namespace: $ns}
spec: {limits: []}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: other, namespace: $ns}
spec: {minAvailable: 1, selector: {matchLabels: {app: other}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: other, namespace: $ns}
spec: {podSelector: {}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: other, namespace: $ns}
rules: []
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: other, namespace: $ns}
spec: {holderIdentity: nobody}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: $ns}
stringData: {text: "one"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: other, namespace: $ns}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: $ns}
spec: {ports: [{port: 80}]}
END
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
proxy_start
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start --kubeconfig "$PROXIED" || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_ready "$channel" 60
engine_kill
k -n "$ns" delete secret/other $others >/dev/null
failing=()
for plural in $broken; do
	failing+=("9999 GET_/api/v1/$plural?limit=200 status 503")
done
rules "${failing[@]}"
engine_start --kubeconfig "$PROXIED" || bail "windlassd does not start: $(cat engine.log)"
ok "what is missing of other kinds is made" wait_for 120 made_again
tried=$(tries)
# each of them is tried once, and some again while we look
ok "while those are still tried ($tried failed)" [ "$tried" -le 9 ]
rules
ok "when all can be listed again, the rest is" wait_for 60 k -n "$ns" get secret other
ok "all is well" wait_ready "$channel" 60
undone "what is edited is undone" o-2 20
done_testing
