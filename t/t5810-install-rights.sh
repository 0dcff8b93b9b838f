#!/bin/bash
# The engine with the rights that `windlass install` gives it, and no others:
# what its account may do is compared with a list, right by right, and then it
# works with that, in channels that may have everything in a namespace, some
# kinds, or what a bundle needs. The audit log has every request that was
# refused.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own --audit
image=registry.example.org/windlassd@sha256:$(printf '1%.0s' {1..64})
account=system:serviceaccount:windlass-system:windlassd
for namespace in one two three aside; do k create namespace $namespace >/dev/null; done

manifest() {
	mkdir -p "work/deploy/$1"
	cat >"work/deploy/$1/$2.yaml"
}
deployment() {
	printf -- '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: %s}\nspec:\n  selector: {matchLabels: {app: %s}}\n  template:\n    metadata: {labels: {app: %s}}\n    spec: {containers: [{name: main, image: main}]}\n' \
		"$2" "$1" "$2" "$2"
}
make_host host.git one two three
make_clone host.git work
manifest one all <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: one}
data: {text: one}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: one}
spec: {ports: [{port: 80}]}
END
for i in $(seq 60); do deployment one "web-$i"; done | manifest one web
deployment two web | manifest two web
manifest three all <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.rights.example.org}
spec:
  group: rights.example.org
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {size: {type: integer}}
---
apiVersion: rights.example.org/v1
kind: Widget
metadata: {name: first, namespace: three}
size: 3
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: three}
rules:
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: three}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: default, namespace: three}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewer, namespace: three}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: default, namespace: three}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: rights-node-reader}
rules:
- apiGroups: [""]
  resources: [nodes]
  verbs: [get]
END
commit_push work first || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start"
windlass install --image "$image" --apply >/dev/null || bail "install failed"
channel_install host.git one --namespaces one >/dev/null &&
	channel_install host.git two --namespaces two \
		--kinds Deployment.apps >/dev/null &&
	channel_install host.git three --rbac-from three >/dev/null ||
	bail "install failed"

# ---- the engine's rights ----
k config view --raw --flatten >engine.kubeconfig
k config --kubeconfig engine.kubeconfig set-credentials engine \
	--token="$(k -n windlass-system create token windlassd)" >/dev/null
k config --kubeconfig engine.kubeconfig set-context --current \
	--user=engine >/dev/null

# rules NAMESPACE: what the API server says that the engine may do there, a
# line each; but for what every account may: to ask what it may do
rules() {
	jq -n --arg ns "$1" '{apiVersion: "authorization.k8s.io/v1",
		kind: "SelfSubjectRulesReview", spec: {namespace: $ns}}' |
		k --kubeconfig engine.kubeconfig create -f - -o json |
		jq -r 'if .status.incomplete then "incomplete" else empty end,
			(.status.resourceRules[] |
			(.apiGroups[] | if . == "" then "core" else . end) as $g |
			select($g | test("^auth(entication|orization)\\.k8s\\.io$") | not) |
			"\($g) \(.resources | sort | join(",")) \(.resourceNames // ["any"] | sort | join(",")) \(.verbs | sort | join(","))")' |
		sort -u	# two roles may give the same
}
everywhere='apiextensions.k8s.io customresourcedefinitions any list,watch
core groups system:authenticated,system:serviceaccounts,system:serviceaccounts:windlass-system impersonate
rbac.authorization.k8s.io clusterroles any list,watch
windlass.dev channels any get,list,patch,watch
windlass.dev channels/status any patch'
have() {
	local want
	want=$(printf '%s\n' "$everywhere" "${@:2}" | sed '/^$/d' | sort)
	rules "$1" >rules
	is "$(cat rules)" "$want" "attack-56 the engine's rights in $1"
}
have aside
have kube-system
have default 'events.k8s.io events any create'
have windlass-system 'coordination.k8s.io leases any create' \
	'coordination.k8s.io leases windlassd get,patch' \
	'core secrets any get' \
	'core secrets windlassd-reporter patch' \
	'core serviceaccounts channel-one impersonate' \
	'core serviceaccounts channel-two impersonate' \
	'core serviceaccounts channel-three impersonate'
have one '* * any list,watch'
have two 'apps deployments any list,watch'
have three 'rbac.authorization.k8s.io rolebindings,roles any list,watch' \
	'rights.example.org widgets any list,watch'
as_engine() { k --kubeconfig engine.kubeconfig "$@"; }
is "$(as_engine auth can-i --list | grep -c '\*\.\*')" 0 "kubectl says so, too"
not_ok "it is no other account" as_engine get channels \
	--as system:serviceaccount:kube-system:default
not_ok "no user" as_engine get channels --as admin
not_ok "and in no other group" as_engine get channels \
	--as system:serviceaccount:windlass-system:channel-one --as-group system:masters

# ---- the channels' ----
channel_may() {
	k auth can-i "$2" "$3" -n "$4" \
		--as "system:serviceaccount:windlass-system:channel-$1" 2>/dev/null
}
is "$(channel_may one '*' secrets one) $(channel_may one bind clusterroles one) $(channel_may one get pods two)" \
	"no no no" "one may not do what is nobody's to give"
is "$(channel_may two patch deployments.apps two) $(channel_may two patch configmaps two) $(channel_may two list pods two)" \
	"yes no yes" "two has its one kind, and sees the pods"

# ---- it works with them ----
# one that is there already, and another's: to be looked at and taken over
k -n one create configmap settings --from-literal=text=kubectl \
	--save-config >/dev/null
start_engine() {
	start engine windlassd --kubeconfig engine.kubeconfig \
		--state "$TRASH/state" --metrics off --leader-elect \
		--namespace windlass-system
	wait_line 30 engine.log ' leading '
}
ok "the engine leads" start_engine
for channel in one two three; do
	ok "$channel is ready" wait_ready $channel 90 ||
		k get channel $channel -o 'jsonpath={.status}' | sed 's/^/# /'
done
is "$(channel_may three patch widgets.rights.example.org three) $(channel_may three patch deployments.apps three) $(channel_may three bind clusterroles/view three) $(channel_may three bind clusterroles/admin three) $(channel_may three escalate roles three)" \
	"yes no yes no no" "three has what its bundle needs"
k -n one patch configmap settings --type merge -p '{"data":{"text":"mine"}}' >/dev/null
is_text() { [ "$(k -n one get configmap settings -o 'jsonpath={.data.text}')" = "$1" ]; }
ok "a hand edit is undone" wait_for 30 is_text one
k -n three delete rolebinding viewer >/dev/null
ok "so is a delete" wait_for 30 k -n three get rolebinding viewer
git -C work rm -q deploy/one/all.yaml
manifest one all <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: one}
data: {text: two}
END
deployment two other | manifest two other
commit_push work second || bail "$(cat push.out)"
ok "a second bundle" wait_applied one 2 60
ok "of each" wait_applied two 2 60
gone() { ! k -n one get service web >/dev/null 2>&1; }
ok "what it drops is deleted" wait_for 30 gone
events() { k get events -A -o json | jq -r '.items[] | select(.involvedObject.kind == "Channel") | .reason'; }
has_event() { events | grep -q BundleApplied; }
ok "Events are written" wait_for 20 has_event

# ---- and after a start it compares, without a write ----
stop engine
is "$(k -n windlass-system get lease windlassd -o 'jsonpath={.spec.holderIdentity}')" "" \
	"the Lease is given back"
live() {
	k -n one get deployment,configmap -o json |
		jq -c '.items[].metadata | [.name, .resourceVersion]' | sort
}
k -n one rollout status deployment/web-60 --timeout=60s >/dev/null
before=$(live)
mv engine.log engine-1.log
rm -rf "$TRASH/state"
ok "another engine leads" start_engine
ok "one is ready" wait_ready one 90
unlike "$(cat engine.log)" 'compare-list-failed' "it could compare what is live"
is "$(live)" "$before" "and wrote nothing"

# ---- what was refused to it ----
# refusals: every 403 of the engine, as itself or as an account, once each
refusals() {
	jq -r --arg who "$account" 'select(.user.username == $who and
		.stage == "ResponseComplete" and .responseStatus.code == 403) |
		"\(.impersonatedUser.username // "itself") \(.verb) \(.objectRef.resource) \(.objectRef.namespace // "everywhere")"' \
		"$CLUSTER/log/audit.log" | sort -u
}
is "$(refusals | grep -vE '^itself (list|watch) [a-z]+ everywhere$')" "" \
	"nothing was refused but looking at the whole cluster"
requests() {
	jq -r --arg who "$account" 'select(.user.username == $who) | .verb' \
		"$CLUSTER/log/audit.log" | wc -l
}
ok "which it asked for" [ "$(requests)" -gt 300 ]
done_testing
