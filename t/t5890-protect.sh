#!/bin/bash
# `windlass install --protect` on a real API server: who may change what a channel applied,
# and whose share of the API server the engine uses.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
image=registry.example.org/windlassd@sha256:$(printf '1%.0s' {1..64})
ours() { k get validatingadmissionpolicy,validatingadmissionpolicybinding,flowschema,prioritylevelconfiguration -o name | grep windlass; }
ns=shop
k create namespace $ns >/dev/null
field() { k -n $ns get "$1" "$2" -o "jsonpath=$3"; }
is_field() { [ "$(field "$1" "$2" "$3")" = "$4" ]; }
glass() { k --as ada --as-group windlass:break-glass --as-group system:masters "$@"; }
operator() { k --as system:serviceaccount:shop:operator --as-group system:serviceaccounts --as-group system:masters "$@"; }

make_host host.git prod
make_clone host.git work
put work deploy/prod/settings.yaml ConfigMap settings $ns one
cat >work/deploy/prod/web.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "image:1"}]}
END
commit_push work first || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git prod --namespaces $ns >/dev/null ||
	bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a channel is applied" wait_applied prod 1 30
ok "it can be protected" windlass install --image "$image" --protect --apply

# a policy works a moment after it was made
refused() { ! k -n $ns annotate --overwrite configmap settings try="$RANDOM" >said 2>&1; }
ok "a change by an admin is refused" wait_for 30 refused
like "$(cat said)" 'managed from Git by channel prod: change it there and push' \
	"and told where to make it"
not_ok "so is another field" k -n $ns patch configmap settings -p '{"data":{"text":"edited"}}'
not_ok "a delete" k -n $ns delete configmap settings
not_ok "taking the label off" k -n $ns label configmap settings applyset.kubernetes.io/part-of-
not_ok "a change by another service account" operator -n $ns patch deployment web \
	-p '{"spec":{"paused":true}}'
is "$(field configmap settings '{.data.text}')" one "nothing moved"

# ---- what goes on ----
put work deploy/prod/settings.yaml ConfigMap settings $ns two
commit_push work second
ok "the engine changes it" wait_applied prod 2 30
is "$(field configmap settings '{.data.text}')" two "as Git says"
ok "the Deployment's controller works" wait_for 30 is_field deployment web \
	'{.status.observedGeneration}' 1
ok "and made its ReplicaSet" wait_for 30 sh -c \
	"'$KUBECTL' -n $ns get replicaset -o name | grep -q ."
ok "a scale is allowed, as an autoscaler does it" k --as \
	system:serviceaccount:kube-system:horizontal-pod-autoscaler \
	--as-group system:serviceaccounts:kube-system --as-group system:masters \
	-n $ns scale deployment web --replicas 3
is "$(field deployment web '{.spec.replicas}')" 3 "and holds"
ok "also by an autoscaler that is not of Kubernetes" operator -n $ns scale \
	deployment web --replicas 2
ok "others' objects are free" k -n $ns create configmap mine
ok "to be changed" k -n $ns label configmap mine mine=yes
label=$(field configmap settings '{.metadata.labels.applyset\.kubernetes\.io/part-of}')
k -n $ns label configmap mine "applyset.kubernetes.io/part-of=$label" >/dev/null
ok "even with a copied label" k -n $ns annotate configmap mine some=thing
ok "and deleted" k -n $ns delete configmap mine
ok "break-glass works" glass -n $ns patch configmap settings -p '{"data":{"by":"hand"}}'
ok "for deletes, too" glass -n $ns delete configmap settings
ok "the engine repairs that" wait_for 20 is_field configmap settings '{.data.text}' two
git -C work rm -q deploy/prod/web.yaml
commit_push work third
ok "the engine prunes" wait_applied prod 3 60
ok "and the garbage collector follows" wait_for 60 sh -c \
	"! '$KUBECTL' -n $ns get replicaset -o name | grep -q ."
# ---- the share of the API server ----
uid() { k get "$1" "$2" -o 'jsonpath={.metadata.uid}'; }
# flow PATH ACCOUNT: the FlowSchema of a request, by the answer's header
flow() {
	k get --raw "$1" -v=8 --as "system:serviceaccount:$2" \
		--as-group system:serviceaccounts \
		--as-group "system:serviceaccounts:${2%:*}" 2>&1 |
		sed -n 's/.*X-Kubernetes-Pf-Flowschema-Uid: *//Ip' | tr -d '" ' | head -n 1
}
is_flow() { [ "$(flow "$1" "$2")" = "$(uid flowschema "$3")" ]; }
leases=/apis/coordination.k8s.io/v1/namespaces/windlass-system/leases/windlassd
ok "that of a channel's account" wait_for 30 is_flow /api/v1/namespaces/$ns/configmaps/settings \
	windlass-system:channel-prod windlass
ok "and of the engine's" is_flow /apis/windlass.dev/v1alpha1/channels windlass-system:windlassd windlass
ok "its Lease is among leaders'" is_flow $leases windlass-system:windlassd windlass-lease
ok "others are where they were" is_flow /api/v1/namespaces/$ns/configmaps/settings \
	shop:operator service-accounts
for schema in windlass windlass-lease; do
	is "$(k get flowschema $schema -o 'jsonpath={.status.conditions[?(@.type=="Dangling")].status}')" \
		False "the API server takes $schema"
done

# ---- and out again ----
is "$(ours | wc -l)" 5 "five objects do it"
# its status may be written between a look at the policy and the apply
again() { windlass install --image "$image" --protect --apply >out && ! grep -v unchanged out; }
ok "again, nothing changes" wait_for 20 again
ok "without the option" windlass install --image "$image" --apply
is "$(ours)" "" "they go"
free() { k -n $ns annotate --overwrite configmap settings try="$RANDOM" >said 2>&1; }
ok "then an admin may again" wait_for 30 free

windlass install --image "$image" --protect --apply >/dev/null
stop engine
ok "uninstall" windlass uninstall --apply
is "$(ours)" "" "takes them out, too"
done_testing
