#!/bin/bash
# `windlass install` and `windlass uninstall`: the engine's Deployment under
# the strictest Pod rules, an upgrade that changes nothing else, rights that
# shrink when they are installed smaller, and an end that leaves every
# workload as it is.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
ones=$(printf '1%.0s' {1..64})
twos=$(printf '2%.0s' {1..64})
id=$(printf 'a%.0s' {1..32})
image=registry.example.org/windlass/windlassd@sha256
ssh-keygen -q -t ed25519 -N '' -f publisher
key=$(cut -d' ' -f1,2 publisher.pub)
channel() {
	windlass install prod --id "$id" --publisher-key "$key" \
		--url "${url:-https://git.example.org/windlass}" "$@"
}

# to FILE COMMAND...: its output there
to() {
	local file=$1
	shift
	"$@" >"$file"
}

# ---- nothing of it may come by a push ----
channel --image "$image:$ones" --protect --namespaces a --cluster-scoped Namespace \
	>all.yaml || fail "no manifests"
windlass check --channel prod all.yaml >out 2>&1
# but the channel's own namespace
is "$(grep -c '\[own-[a-z]*\]' out)" "$(($(grep -c '^kind: ' all.yaml) - 1))" \
	"a channel may manage nothing that windlass consists of" || test_show out

# ---- who approves ----
ssh-keygen -q -t ed25519 -N '' -f alice
printf 'alice namespaces="git" %s\n' "$(cut -d' ' -f1,2 alice.pub)" >approvers
# warned WHAT PATTERN OPTION...: it prints the manifests, and that
warned() {
	local what=$1 pattern=$2
	shift 2
	ok "$what" to out channel "$@"
	like "$(cat .output)" "$pattern" "and what it says of approvals"
}
warned "a channel of a namespace" '^$' --namespaces a
warned "one of kinds of the cluster, that nobody approves" \
	"^windlass: warning: 'prod' may have objects without a namespace, and nobody approves its bundles: .*--approvers FILE" \
	--namespaces a --cluster-scoped Namespace
is "$(sed -n '/^  approvals:/,$p' out)" "" "nobody is asked for who is not there"
warned "one that may everything" "^windlass: warning: 'prod' may have everything in the cluster" \
	--cluster-admin
warned "with approvers" '^$' --namespaces a --cluster-scoped Namespace --approvers approvers
like "$(cat out)" '^    required: 1$' "one of them is asked by default"
warned "where nobody is to be asked" \
	"^windlass: warning: 'prod' may have everything in the cluster, and nobody approves .*--approvals 1 makes a person" \
	--cluster-admin --approvers approvers --approvals 0
warned "in a namespace, too" \
	"^windlass: warning: nobody must approve a bundle of 'prod' \(--approvals 0\)" \
	--namespaces a --approvers approvers --approvals 0
like "$(cat out)" '^    required: 0$' "it is so"

# ---- pods, for why a workload does not come up ----
# sees KINDS: how many rules let it list pods
sees() {
	channel --namespaces a --kinds "$1" | grep -c 'resources: \[events, pods\]'
}
is "$(sees ConfigMap,Secret,Ingress.networking.k8s.io) $(sees ConfigMap,Pod) $(sees Deployment.apps) $(sees Job.batch)" \
	"0 1 1 1" "a channel whose kinds have no pods sees none"

# ---- options ----
refused() {
	local what=$1 regex=$2 status
	shift 2
	"$@" >out 2>err
	status=$?
	[ "$status" = 129 ] && [ ! -s out ] && grep -qE -- "$regex" err
	judge $? "refused: $what" || sed 's/^/# /' err
}
for bad in windlassd "$image:latest" "$image:${ones%1}" "$image:${ones}1" \
	"@sha256:$ones" "a b@sha256:$ones" "a
b@sha256:$ones" "a@sha256:${ones%1}A" "https://registry.example.org/a@sha256:$ones" \
	"/a@sha256:$ones" "a/@sha256:$ones" "a//b@sha256:$ones" "a:@sha256:$ones" "-@sha256:$ones" \
	"registry.example.org/Windlass/windlassd@sha256:$ones" "Windlassd@sha256:$ones" \
	"Registry/windlassd@sha256:$ones" "registry:5000/A:b@sha256:$ones"; do
	refused "image '${bad//[^ -~]/?}'" 'by its digest' windlass install --image "$bad"
done
for good in "a@sha256:$ones" "Registry.example.org/a:Tag-1@sha256:$ones" \
	"registry:5000/a/b:V1@sha256:$ones" "localhost/a:B@sha256:$ones" "a:Tag@sha256:$ones"; do
	ok "image '$good'" windlass install --image "$good"
done
refused "nothing to install" 'name one channel, or give --image' windlass install
refused "rights without a channel" 'name one channel' \
	windlass install --image "$image:$ones" --namespaces a
refused "pods without an engine" 'go with --image' channel --namespaces a --replicas 3
refused "no pod" 'from 1 to 100' windlass install --image "$image:$ones" --replicas 0
refused "too many pods" 'from 1 to 100' windlass install --image "$image:$ones" --replicas 101
refused "no port" 'from 1 to 65535' windlass install --image "$image:$ones" --api-port 65536
refused "no rights" '--namespaces, --rbac-from or --cluster-admin' channel
refused "kinds nowhere" '--kinds goes with --namespaces' channel --kinds ConfigMap
refused "all and some" '--cluster-admin is everything' channel --cluster-admin --kinds ConfigMap
refused "all kinds of the cluster without saying so" 'goes with --cluster-admin' \
	channel --namespaces a --cluster-scoped '*'
refused "a bundle of nowhere" '--rbac-from goes with --from' channel --rbac-from prod
for kinds in ConfigMap,,Secret ConfigMap, ,ConfigMap ,; do
	refused "kinds $kinds" '--kinds has a comma too many' \
		channel --namespaces a --kinds "$kinds"
	refused "kinds of the cluster $kinds" '--cluster-scoped has a comma too many' \
		channel --namespaces a --cluster-scoped "$kinds"
done
refused "no kinds at all" '--kinds names none' channel --namespaces a --kinds ''
refused "windlass's own namespace" "windlass's own" channel --namespaces a,windlass-system
for bad in http://h:99999/ http://h:0/ https://; do
	url=$bad channel --namespaces a >out 2>err
	is "$? $(wc -c <out)" "1 0" "no place to fetch from: $bad"
	like "$(cat err)" 'spec.url: must be a URL with a host' "which is said"
done
# names that YAML would take for a number, true or nothing
for odd in 123 1e3 on null; do
	ok "a namespace '$odd'" to out channel --namespaces "$odd"
	ok "a channel '$odd'" to out windlass install "$odd" --id "$id" \
		--publisher-key "$key" --url https://h/x --namespaces a
done
ok "an id of nothing but digits" to out windlass install prod --namespaces a \
	--id "${ones:0:32}" --publisher-key "$key" --url https://h/x
not_ok "a kind that there is not" channel --namespaces a --kinds Deployment
like "$(channel --namespaces a --kinds Deployment 2>&1)" 'no kind Deployment; Deployment.apps may be meant' \
	"what may be meant is said"
like "$(channel --namespaces a --kinds Widget.example.org 2>&1)" '--crds' \
	"a kind that nobody knows: how to tell"
cat >crd.yaml <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Cluster
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
END
ok "its manifest tells" to out channel --namespaces a --kinds ConfigMap,Widget.example.org --crds crd.yaml
like "$(cat out)" 'resources: \[widgets\]' "its rights"
like "$(tail -n 2 out)" '"Widget.example.org"' "and that the channel may have it"
ports() { channel --namespaces a | sed -n 's/.*protocol: TCP, port: \([0-9]*\).*/\1/p'; }
is "$(ports) $(url=http://h/x ports) $(url=http://h:8420/x ports) $(url='https://[fd00::1]:99' ports) $(url='https://[fd00::1]/' ports)" \
	"443 80 8420 99 443" "the way out is to the host's port"

# ---- the engine ----
cluster_own
system() { k -n windlass-system "$@"; }
ok "install --image" to first windlass install --image "$image:$ones" --apply
unlike "$(cat first)" 'changed$' "all of it is new"
ok "the engine's pods run, under the rule 'restricted'" \
	system rollout status deployment/windlassd --timeout=60s
is "$(k get namespace windlass-system -o 'jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}')" \
	restricted "which its namespace has"
pod() { system get deployment windlassd -o "jsonpath={.spec.template.spec$1}"; }
is "$(pod .securityContext.runAsNonRoot) $(pod '.containers[0].securityContext.readOnlyRootFilesystem') $(pod '.containers[0].securityContext.capabilities.drop')" \
	'true true ["ALL"]' "no root, nothing to write to, no capability"
is "$(pod '.volumes[0].emptyDir.sizeLimit') $(pod '.containers[0].volumeMounts[0].mountPath')" \
	"1Gi /var/lib/windlass" "but a folder of limited size"
for probe in startup liveness readiness; do
	like "$(pod ".containers[0].${probe}Probe.httpGet.path")" '^/(healthz|readyz)$' "a $probe probe"
done
is "$(system get pods -o name | wc -l)" 2 "two pods"
allowed() { [ "$(system get pdb windlassd -o 'jsonpath={.status.disruptionsAllowed}')" = 1 ]; }
ok "of which one may be evicted" wait_for 20 allowed

# ---- again ----
ok "install again" to out windlass install --image "$image:$ones" --apply
unlike "$(cat out)" ' (created|changed|removed)$' "changes nothing"
windlass install --image "$image:$ones" >engine.yaml
version() { system get deployment windlassd -o 'jsonpath={.metadata.generation}'; }
before=$(version)
ok "kubectl takes what is printed" k apply --server-side \
	--field-manager windlass-install -f engine.yaml
is "$(version)" "$before" "and that is what was applied"
system scale deployment windlassd --replicas=3 >/dev/null
system annotate deployment windlassd example.org/mine=yes >/dev/null
ok "another image" to out windlass install --image "$image:$twos" --apply
is "$(grep -v ' unchanged$' out)" "Deployment.apps windlass-system/windlassd changed" \
	"changes the Deployment alone"
is "$(system get deployment windlassd -o 'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image} {.metadata.annotations.example\.org/mine}')" \
	"3 $image:$twos yes" "and of it the image alone"
windlass install --image "$image:$twos" --replicas 2 --apply >/dev/null
is "$(system get deployment windlassd -o 'jsonpath={.spec.replicas}')" 2 "unless more is said"

# ---- a channel, with less and less ----
ok "a channel with kinds in two namespaces" to out channel --namespaces a,b \
	--kinds ConfigMap,Deployment.apps,ClusterRole.rbac.authorization.k8s.io --apply
may() {
	k auth can-i "$1" "$2" -n "$3" --as system:serviceaccount:windlass-system:channel-prod 2>/dev/null
}
is "$(may patch deployments.apps b) $(may delete configmaps a) $(may create clusterroles default)" \
	"yes yes yes" "its account may have them"
is "$(may patch secrets a) $(may patch configmaps default) $(may bind clusterroles default)" \
	"no no no" "and nothing else"
k label namespace a example.org/mine=yes >/dev/null
k patch channel prod --type merge -p '{"spec":{"suspend":true}}' >/dev/null
ok "the same again" to out channel --namespaces a,b \
	--kinds ConfigMap,Deployment.apps,ClusterRole.rbac.authorization.k8s.io --apply
unlike "$(cat out)" ' (created|changed|removed)$' "changes nothing"
is "$(k get channel prod -o 'jsonpath={.spec.suspend}')" true "not what an admin set, either"
ok "with one namespace less" to out channel --namespaces a --kinds ConfigMap --apply
is "$(may patch deployments.apps a) $(may delete configmaps b) $(may create clusterroles default) $(may patch configmaps a)" \
	"no no no yes" "what it no longer has is taken away"
ok "the namespace stays" k get namespace b
ok "cluster-admin, said aloud" to out channel --cluster-admin --apply
is "$(may '*' '*' kube-system)" yes "may everything"
ok "and no more" to out channel --namespaces a --kinds ConfigMap --apply
is "$(may patch secrets a) $(may patch configmaps a)" "no yes" "may little again"
is "$(system get deployment windlassd -o 'jsonpath={.spec.template.spec.containers[0].image}')" \
	"$image:$twos" "the engine is left alone by all that"
# ---- what others wrote into a status ----
cat >status.json <<'END'
{"status": {"applied": {"epoch": 1, "sequence": 1, "sourceCommit": "\u001b[2J", "at": "\u001b[3m"},
 "failures": [{"object": "a", "source": "b:1", "reason": "\u001b[4m\nwell", "message": "c"}],
 "conditions": [{"type": "Ready", "status": "True", "reason": "\u001b[31m", "message": "d",
                 "lastTransitionTime": "2020-01-01T00:00:00Z"}]}}
END
k patch channel prod --subresource=status --type=merge --patch-file status.json >/dev/null
windlass status prod >out
is "$(tr -d '\n -~' <out | od -An -c)" "" "a status does not paint the terminal"
is "$(wc -l <out)" 3 "and adds no lines"
k patch channel prod --subresource=status --type=merge -p '{"status": null}' >/dev/null
k delete channel prod >/dev/null

# ---- the end ----
make_host host.git prod
make_clone host.git work
mkdir -p work/deploy/prod
cat >work/deploy/prod/all.yaml <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: a}
data: {text: one}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
END
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git prod --namespaces a >/dev/null || bail "install failed"
k patch channel prod --type merge -p '{"spec":{"deletionPolicy":"Prune"}}' >/dev/null
start engine windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state" \
	--metrics off --leader-elect
ok "workloads are live" wait_ready prod 60
has_finalizer() { [ -n "$(k get channel prod -o 'jsonpath={.metadata.finalizers}')" ]; }
ok "and would be deleted with their Channel" wait_for 20 has_finalizer
live() {
	k -n a get deployment,configmap -l applyset.kubernetes.io/part-of -o json |
		jq -c '.items[] | [.kind, .metadata.name, .metadata.uid, .metadata.generation]'
}
before=$(live)
is "$(wc -l <<<"$before")" 2 "two of them"
windlass uninstall >out
like "$(cat out)" '^Channel.windlass.dev prod would be removed$' "uninstall alone lists"
like "$(cat out)" '^Namespace windlass-system would be removed$' "all of it"
ok "and does nothing" k get channel prod
windlass uninstall --apply >out 2>err
is $? 1 "an engine that works elsewhere is in the way"
like "$(cat err)" 'an engine still works: ' "and is named"
stop engine
system create secret generic git-token --from-literal=token=x >/dev/null
system create quota others --hard=pods=100 >/dev/null
system create role others --verb=get --resource=secrets >/dev/null
k apply -f - >/dev/null <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.t5800.example.org}
spec:
  group: t5800.example.org
  names: {plural: things, kind: Thing}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
  - name: v1beta1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object}}
END
thing() {
	printf 'apiVersion: t5800.example.org/v1\nkind: Thing\nmetadata: {name: x}\n' |
		system apply -f -
}
ok "a custom resource beside the engine" wait_for 60 thing
windlass install --image "$image:$ones" --apply >/dev/null
ok "--keep-channels" to out windlass uninstall --keep-channels --apply
ok "keeps them" k get channel prod
ok "and their accounts" system get serviceaccount channel-prod
not_ok "but no engine" system get deployment windlassd
not_ok "nor its rights" k get clusterrole windlassd
ok "uninstall" to out windlass uninstall --apply
like "$(cat out)" '^secrets windlass-system/git-token stays$' "what an admin put there stays"
is "$(grep -E '(quotas|roles.*|things.*) windlass-system/.* stays$' out)" \
	"resourcequotas windlass-system/others stays
roles.rbac.authorization.k8s.io windlass-system/others stays
things.t5800.example.org windlass-system/x stays" "of whatever kind, told once"
not_ok "the kind is gone" k get crd channels.windlass.dev
is "$(k get clusterrole,clusterrolebinding,role,rolebinding,networkpolicy,serviceaccount -A -o name |
	grep windlass)" "" "and every right"
is "$(live)" "$before" "every workload is as it was"
system delete secret/git-token quota/others role/others thing/x >/dev/null
k delete crd things.t5800.example.org >/dev/null
ok "uninstall again" to out windlass uninstall --apply
not_ok "takes the namespace, too" k get namespace windlass-system
is "$(windlass uninstall --apply)" "" "and then has nothing to do"
channel_install host.git prod --namespaces a >/dev/null || bail "install failed"
start engine windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state-2" \
	--metrics off --leader-elect
ok "a later engine takes the workloads over" wait_ready prod 60
is "$(live)" "$before" "without touching them"
done_testing
