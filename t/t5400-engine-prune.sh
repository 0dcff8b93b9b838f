#!/bin/bash
# Deleting: only what a bundle named and what is still ours, custom resources
# before what their finalizers need, Namespaces and CRDs after a look inside;
# and all of it when the Channel says so.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace prune
channel=prune-$$
other=prune-ns-$$
group=g$$.example.org
dir=work/deploy/$channel
at_exit "k delete namespace $other --wait=false"
at_exit "k delete crd widgets.$group"

there() { k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }
gone() { ! there "$@"; }
ns_gone() { ! k get namespace "$other" >/dev/null 2>&1; }
json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
is_json() { [ "$(json "$1")" = "$2" ]; }
start_line() { grep -n "object-pruned .*$1" engine.log | head -n 1 | cut -d: -f1; }

config() {
	mkdir -p "$dir"
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {a: b}\n' \
		"$1" "${2:-$ns}" >"$dir/$1.yaml"
}

remove() { git -C work rm -q "deploy/$channel/$1.yaml"; }

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
make_clone host.git work
for name in keep one two three four five; do config $name; done
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 40

# ---- suspended ----
k patch channel "$channel" --type merge -p '{"spec":{"suspend":true}}' >/dev/null
ok "a suspended channel says so" wait_condition "$channel" Suspended True 20
remove one
remove two
commit_push work second
k -n "$ns" delete configmap three >/dev/null
sleep 1
ok "a suspended channel deletes nothing" there configmap one
is "$(json '{.status.accepted.sequence}')" 1 "nor takes a bundle"
ok "nor repairs" gone configmap three
k patch channel "$channel" --type merge -p '{"spec":{"suspend":false}}' >/dev/null
ok "when it goes on the bundle is applied" wait_applied "$channel" 2 40
ok "what it drops is gone" gone configmap one
ok "what was deleted meanwhile is back" wait_for 10 there configmap three
ok "and the rest is there" there configmap keep

# ---- spec.prune: false ----
k patch channel "$channel" --type merge -p '{"spec":{"prune":false}}' >/dev/null
remove four
commit_push work third
ok "without prune a bundle that deletes is applied" \
	wait_applied "$channel" 3 40
ok "and deletes nothing" there configmap four
ok "the status lists what is left" wait_for 10 \
	is_json '{.status.leftovers[*]}' "ConfigMap $ns/four"
like "$(condition "$channel" PruneBlocked)" '^True Leftovers .*"1"' \
	"and says how to delete it"
k annotate channel "$channel" windlass.dev/prune-leftovers=7 >/dev/null
ok "a wrong number deletes nothing" wait_for 10 sh -c \
	"[ -z \"\$('$KUBECTL' get channel '$channel' -o 'jsonpath={.metadata.annotations.windlass\.dev/prune-leftovers}')\" ]"
ok "as can be seen" there configmap four
k patch channel "$channel" --type merge -p '{"spec":{"prune":true}}' >/dev/null
k annotate channel "$channel" windlass.dev/prune-leftovers=1 >/dev/null
ok "the right number deletes them" wait_for 20 gone configmap four
ok "and none is left" wait_for 10 is_json '{.status.leftovers}' '[]'

# ---- a newer bundle wants it again ----
remove five
commit_push work fourth
config five
commit_push work fifth
ok "deleted and brought back" wait_applied "$channel" 5 40
ok "it is there" there configmap five

# ---- spec.deleteLimit ----
k patch channel "$channel" --type merge -p '{"spec":{"deleteLimit":1}}' >/dev/null
config six
config seven
commit_push work sixth
wait_applied "$channel" 6 40
remove six
remove seven
commit_push work seventh
ok "more deletes than spec.deleteLimit wait for an approval" \
	wait_condition "$channel" Applied False 20 WaitingForApproval
is "$(json '{.status.accepted.sequence}')" 6 "the bundle is not accepted"
ok "nothing is deleted" there configmap six
k patch channel "$channel" --type merge -p '{"spec":{"deleteLimit":null}}' >/dev/null
ok "without the limit it is applied" wait_applied "$channel" 7 40
ok "and they are gone" gone configmap six

# ---- custom resources, their finalizers, their CRD ----
cat >"$dir/crd.yaml" <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.$group}
spec:
  group: $group
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-preserve-unknown-fields: true
---
apiVersion: $group/v1
kind: Widget
metadata: {name: w, namespace: $ns}
spec: {a: b}
END
cat >"$dir/controller.yaml" <<END
apiVersion: v1
kind: ServiceAccount
metadata: {name: controller, namespace: $ns}
END
commit_push work eighth
ok "a CRD and its resource in one bundle are applied" \
	wait_applied "$channel" 8 40
is "$(k -n "$ns" get "widgets.$group" w -o 'jsonpath={.spec.a}')" b \
	"the resource is there"
k -n "$ns" patch "widgets.$group" w --type merge \
	-p '{"metadata":{"finalizers":["example.org/wait"]}}' >/dev/null
k -n "$ns" create -f - >/dev/null <<END
apiVersion: $group/v1
kind: Widget
metadata: {name: foreign, namespace: $ns}
END
remove crd
remove controller
commit_push work ninth -o allow-deletes=3
terminating() {
	[ -n "$(k -n "$ns" get "widgets.$group" w -o 'jsonpath={.metadata.deletionTimestamp}')" ]
}
ok "the resource is deleted first" wait_for 20 terminating
sleep 1
ok "what its finalizer may need is still there" there serviceaccount controller
k -n "$ns" patch "widgets.$group" w --type merge \
	-p '{"metadata":{"finalizers":null}}' >/dev/null
ok "then that goes" wait_for 20 gone serviceaccount controller
ok "a CRD with resources of others stays" \
	wait_condition "$channel" PruneBlocked True 20
like "$(condition "$channel" PruneBlocked)" "widgets.$group: .*Widget.$group $ns/foreign" \
	"and they are named"
ok "as can be seen" k get crd "widgets.$group"
k -n "$ns" delete "widgets.$group" foreign >/dev/null
ok "without them it goes" wait_applied "$channel" 9 60
not_ok "as can be seen" k get crd "widgets.$group"

# ---- Namespaces ----
cat >"$dir/other.yaml" <<END
apiVersion: v1
kind: Namespace
metadata: {name: $other}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: $other}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: image}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: $other}
spec: {selector: {app: web}, ports: [{port: 80}]}
END
commit_push work tenth
ok "a namespace and what is in it is applied" wait_applied "$channel" 10 40
ok "and ready" wait_ready "$channel" 40
k -n "$other" create configmap foreign >/dev/null
remove other
commit_push work eleventh -o allow-deletes=3
ok "a namespace with objects of others stays" \
	wait_condition "$channel" PruneBlocked True 30
like "$(condition "$channel" PruneBlocked)" \
	"Namespace $other: ConfigMap $other/foreign; they are not" \
	"only they are named, not what Kubernetes made"
ok "as can be seen" k get namespace "$other"
not_ok "what was ours in it is gone" k -n "$other" get deployment web
k -n "$other" delete configmap foreign >/dev/null
ok "without them it goes" wait_for 90 ns_gone
ok "and the bundle is applied" wait_applied "$channel" 11 60

# ---- an old name stays until the new one works ----
config renamed
config taken
config replaced
commit_push work twelfth
wait_applied "$channel" 12 40
remove renamed
remove taken
remove replaced
refused_service "$dir/bad.yaml" renamed
commit_push work thirteenth
ok "while an object of its namespace fails" \
	wait_condition "$channel" Applied False 20 ApplyFailed
sleep 1
ok "nothing is deleted there" there configmap renamed
ok "the status says why" wait_condition "$channel" PruneBlocked True 20
# meanwhile two of them become somebody else's
k -n "$ns" label configmap taken applyset.kubernetes.io/part-of- >/dev/null
k -n "$ns" delete configmap replaced >/dev/null
k -n "$ns" create configmap replaced --from-literal=mine=yes >/dev/null
remove bad
commit_push work fourteenth
ok "when it does not, it is" wait_applied "$channel" 14 40
ok "as can be seen" gone configmap renamed
ok "attack-52 but not what does not bear our label any more" there configmap taken
ok "nor what somebody made under its name" there configmap replaced

# ---- deletionPolicy: Prune ----
k patch channel "$channel" --type merge \
	-p '{"spec":{"deletionPolicy":"Prune"}}' >/dev/null
ok "a Channel that takes its objects along has our finalizer" wait_for 10 \
	is_json '{.metadata.finalizers}' '["windlass.dev/prune"]'
k patch channel "$channel" --type merge -p '{"spec":{"suspend":true}}' >/dev/null
ok "while it is suspended" wait_condition "$channel" Suspended True 60
k delete channel "$channel" --wait=false >/dev/null
ok "it does not go" wait_condition "$channel" Suspended True 60 DeletionSuspended
like "$(condition "$channel" Ready)" 'spec.suspend to false .*to Orphan' \
	"and says what to do, in Ready too"
told() { k get events -A --field-selector \
	reason=DeletionSuspended,involvedObject.name="$channel" -o name | grep -q .; }
ok "and in an Event" wait_for 60 told
ok "nothing is deleted" there configmap keep
k patch channel "$channel" --type merge -p '{"spec":{"suspend":false}}' >/dev/null
ok "when it goes on it goes" wait_for 60 sh -c "! '$KUBECTL' get channel '$channel'"
ok "and its objects are gone" gone configmap keep
ok "also the last one" gone configmap three
ok "those of others are not" there configmap replaced

# the other way out
channel_install host.git "$channel" >/dev/null
ok "the Channel is made again" wait_applied "$channel" 14 60
k patch channel "$channel" --type merge \
	-p '{"spec":{"suspend":true,"deletionPolicy":"Prune"}}' >/dev/null
ok "with our finalizer" wait_for 60 \
	is_json '{.metadata.finalizers}' '["windlass.dev/prune"]'
k delete channel "$channel" --wait=false >/dev/null
ok "it waits" wait_condition "$channel" Suspended True 60 DeletionSuspended
k patch channel "$channel" --type merge \
	-p '{"spec":{"deletionPolicy":"Orphan"}}' >/dev/null
ok "one that is to leave its objects goes" wait_for 60 \
	sh -c "! '$KUBECTL' get channel '$channel'"
ok "and leaves them" there configmap keep
done_testing
