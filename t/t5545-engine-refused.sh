#!/bin/bash
# Objects that others refuse: a quota, a LimitRange, Pod Security admission. Each
# failure has its file and line and the API server's own words, all others are
# applied, names that differ only in case and a ConfigMap of nearly 1 MB too; and
# all of it heals when an admin allows it, without a push.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace refused
channel=refused-$$
dir=work/deploy/$channel

there() { k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }
pod() { # NAME CPU
	mkdir -p "$dir"
	cat >"$dir/$1.yaml" <<-END
	apiVersion: v1
	kind: Pod
	metadata: {name: $1, namespace: $ns}
	spec:
	  ${3:-}
	  containers: [{name: main, image: image, resources: {limits: {cpu: "$2"}}}]
	END
}

k create -f - >/dev/null <<END
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: $ns}
spec: {hard: {count/services: "0"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: small, namespace: $ns}
spec: {limits: [{type: Container, max: {cpu: "1"}}]}
END
k label namespace "$ns" pod-security.kubernetes.io/enforce=baseline >/dev/null
make_host host.git "$channel"
make_clone host.git work
mkdir -p "$dir"
printf 'apiVersion: v1\nkind: Service\nmetadata: {name: many, namespace: %s}\nspec: {ports: [{port: 80}]}\n' "$ns" >"$dir/many.yaml"
pod large 2
pod host 500m 'hostNetwork: true'
pod fine 500m
put work "deploy/$channel/other.yaml" ConfigMap other "$ns" one
put work "deploy/$channel/big.yaml" ConfigMap big "$ns" "$(head -c 1000000 /dev/zero | tr '\0' x)"
for name in Reader reader; do
	printf -- '---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: %s, namespace: %s}\nrules: []\n' "$name" "$ns"
done >"$dir/roles.yaml"
sleep 1
commit_push work first || bail "push failed: $(head -c 2000 push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
told "a quota" "Service $ns/many" "deploy/$channel/many.yaml:1" \
	'exceeded quota: few, requested: count/services=1, used: count/services=0, limited: count/services=0'
told "a LimitRange" "Pod $ns/large" "deploy/$channel/large.yaml:1" \
	'maximum cpu usage per Container is 1, but limit is 2'
told "Pod Security" "Pod $ns/host" "deploy/$channel/host.yaml:1" \
	'violates PodSecurity "baseline:latest": host namespaces \(hostNetwork=true\)'
ok "the others are applied: a pod" wait_for 20 there pod fine
ok "a ConfigMap" there configmap other
is "$(text big | wc -c)" 1000000 "one of 1 MB, whole"
is "$(k -n "$ns" get role Reader reader -o name | wc -l)" 2 "two that differ only in case"
undone "drift beside them" other

# ---- allowed ----
k -n "$ns" patch resourcequota few --type merge -p '{"spec":{"hard":{"count/services":"5"}}}' >/dev/null
k -n "$ns" delete limitrange small >/dev/null
k label namespace "$ns" pod-security.kubernetes.io/enforce- >/dev/null
ok "when an admin allows it the Service is made" wait_for 60 there service many
ok "and the pods" wait_for 60 there pod large
ok "both of them" wait_for 60 there pod host
ok "the bundle is applied, without a push" wait_applied "$channel" 1 30
done_testing
