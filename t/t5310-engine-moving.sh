#!/bin/bash
# contrib/guides/moving.md, every block of it: objects that are live as Flux and
# Argo CD leave them become a channel's, and no Pod is another one afterwards.
# The API server and its controllers are real; what Flux and Argo CD wrote is
# written by their field managers, with their labels and annotations, and their
# own objects are of kinds that let anything pass.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
cluster_own
guide moving
mkdir bin
ln -s "$KUBECTL" bin/kubectl
PATH=$TRASH/bin:$PATH
URL=http://127.0.0.1:1 # until serve listens
repo=$TRASH/srv/shop.git
shop() { k -n shop "$@"; }

# here FILE: a block in the clone, with this test's places for the page's
here() {
	sed "s|/srv/git|$TRASH/srv|g; s|http://127.0.0.1:8420|$URL|g" "$1" >here.sh
	(cd "$TRASH/work" && bash -e "$TRASH/here.sh")
}

# ---- what Flux and Argo CD deployed ----

crd() { # KIND GROUP VERSION
	cat <<-END
	---
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata:
	  name: ${1,,}s.$2
	  annotations: {api-approved.kubernetes.io: "unapproved, for a test"}
	spec:
	  group: $2
	  scope: Namespaced
	  names: {plural: ${1,,}s, kind: $1}
	  versions:
	  - name: $3
	    served: true
	    storage: true
	    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
	END
}
{
	crd Kustomization kustomize.toolkit.fluxcd.io v1
	crd Application argoproj.io v1alpha1
} | k apply -f - >/dev/null || bail "no kinds"
for name in shop argocd flux-system; do
	k create namespace $name >/dev/null
done
k wait --for condition=Established crd/kustomizations.kustomize.toolkit.fluxcd.io \
	crd/applications.argoproj.io >/dev/null
cat >controllers.yaml <<'END'
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec: {interval: 10m, path: ./apps/shop, prune: true, sourceRef: {kind: GitRepository, name: shop}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: default
  source: {repoURL: "https://git.example.org/shop.git", path: apps/shop}
  destination: {server: "https://kubernetes.default.svc", namespace: shop}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
END
wait_for 10 k apply -f controllers.yaml || bail "no Kustomization"

mkdir -p srv
git init -q --bare -b main "$repo"
make_clone srv/shop.git work
mkdir -p work/apps/shop
cat >work/apps/shop/kustomization.yaml <<'END'
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: shop
resources: [flux.yaml, argo.yaml, applied.yaml]
END
cat >work/apps/shop/flux.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, labels: {tier: front}}
data: {a: "1", b: "2"}
END
# its number of Pods is somebody else's, and its selector has Argo CD's label
cat >work/apps/shop/argo.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app.kubernetes.io/instance: shop}}
  template:
    metadata: {labels: {app.kubernetes.io/instance: shop}}
    spec: {containers: [{name: api, image: "api:1", env: [{name: A, value: "1"}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: api}
data: {a: "1", b: "2"}
END
cat >work/apps/shop/applied.yaml <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: applied}
data: {a: "1", b: "2"}
END
# before FILE: as it is rendered, with a datum that is not in the repository
before() {
	sed 's|^data: {|data: {dropped: "yes", |; s|^metadata: {|&namespace: shop, |' \
		"work/apps/shop/$1.yaml"
}
flux_labels=(kustomize.toolkit.fluxcd.io/name=shop
	kustomize.toolkit.fluxcd.io/namespace=flux-system)
before flux | k label --local -f - -o json "${flux_labels[@]}" |
	k apply --server-side --field-manager kustomize-controller -f - >/dev/null ||
	bail "Flux's objects"
tracked() {
	k label --local -f - -o json app.kubernetes.io/instance=shop |
		k annotate --local -f - -o json argocd.argoproj.io/tracking-id=shop:x:shop/x
}
before argo | tracked | k apply --field-manager argocd-controller -f - >/dev/null ||
	bail "Argo CD's objects"
before applied | tracked |
	k apply --server-side --field-manager argocd-controller -f - >/dev/null ||
	bail "Argo CD's applied object"
# and what people and other controllers did since
shop rollout restart deployment web >/dev/null
shop scale deployment api --replicas 3 >/dev/null
shop annotate configmap web note=mine >/dev/null
for name in web api; do
	shop rollout status deployment $name --timeout 60s >/dev/null || bail "$name"
done
no_more_pods() { [ "$(shop get pods -o name | wc -l)" = 5 ]; }
wait_for 30 no_more_pods || bail "old Pods stay"
# Of what was applied on the client the API server takes the defaults out and
# fills them in anew, and counts that as a generation of the same spec.
runs() {
	shop get pods,replicasets,deployments,services -o json |
		jq -c '.items[] | [.kind, .metadata.name, .metadata.uid, .spec,
			if .kind == "Deployment" and .metadata.name == "api"
			then "" else .metadata.generation end]'
}
runs >runs-before
managers() {
	shop get "$1" "$2" --show-managed-fields -o json |
		jq -r '[.metadata.managedFields[] | select(.subresource == null) |
			"\(.manager)/\(.operation)"] | sort | join(" ")'
}
is "$(managers configmap web)" \
	"kubectl-annotate/Update kustomize-controller/Apply" "Flux applied it"
is "$(managers configmap api) $(managers configmap applied)" \
	"argocd-controller/Update argocd-controller/Apply" \
	"Argo CD updated one and applied the other"

# ---- the page ----

git -C work add -A
git -C work commit -q -m "as Flux and Argo CD have it"
git -C work push -q origin HEAD:main 2>/dev/null
run_block Render 1 here
run_block Publish 1 here
run_block Publish 2 here
like "$(cat .output)" 'prod .*published' "the push makes the first bundle"
serve_start "$repo" || bail "serve does not start"
run_block Look 1 here
run_block "Stop Flux" 1 here
is "$(k -n flux-system get kustomization shop -o 'jsonpath={.spec.suspend} {.spec.prune}')" \
	"true false" "Flux is suspended, and would delete nothing"
run_block "Stop Argo CD" 1 here
is "$(k -n argocd get application shop -o 'jsonpath={.spec.syncPolicy} {.metadata.finalizers}')" \
	" " "Argo CD neither syncs nor cleans up"
start engine windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state" \
	--metrics off --no-leader-elect
run_block "Take over" 1 here
run_block "Take over" 2 here
is "$(wc -l <work/pods-after)" 5 "five of them"

# ---- what is live now ----

runs >runs-after
ok "Pods, ReplicaSets, generations and specs are the same" \
	diff runs-before runs-after
data() { shop get configmap "$1" -o 'jsonpath={.data}'; }
meta() { shop get "$1" "$2" -o json | jq -cS '[.metadata.labels, .metadata.annotations]'; }
for name in web api applied; do
	is "$(managers configmap $name | sed 's/kubectl-annotate.Update //')" \
		"windlass-prod/Apply" "$name: nobody else is left"
	is "$(data $name)" '{"a":"1","b":"2"}' \
		"$name: what only the old one said is gone"
	like "$(cat engine.log)" "object-adopted .*kind=ConfigMap .*name=$name" \
		"$name: it is said"
done
unlike "$(shop get deployments,services,configmaps -o json |
	jq '.items[].metadata | .labels, .annotations')" \
	'fluxcd|argocd|kubernetes.io/instance|last-applied' \
	"no label or annotation of theirs is left"
is "$(shop get deployment api -o 'jsonpath={.spec.template.metadata.labels}')" \
	'{"app.kubernetes.io/instance":"shop"}' "but where Pods have it"
like "$(shop get configmap web -o 'jsonpath={.metadata.labels.tier} {.metadata.annotations.note}')" \
	'^front mine$' "a label that the files have stays, and a person's annotation"
is "$(live_differs "$repo" prod)" "" "what is live is what was pushed"

# a field that is dropped later is removed
sed -i '/^  b: "2"$/d' work/deploy/prod/shop.yaml
commit_push work "drop b" || test_show push.out
ok "the next push is applied" wait_applied prod 2 60
is "$(data web) $(data api) $(data applied)" \
	'{"a":"1"} {"a":"1"} {"a":"1"}' "a field that it drops is gone from each"
runs >runs-after
ok "and no Pod was touched" diff runs-before runs-after

# a controller that was not stopped: who it is is said, and it ends
fight() {
	for i in 1 2 3 4 5 6 7 8; do
		printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {a: "flux"}\n' |
			k apply --server-side --force-conflicts \
				--field-manager kustomize-controller -f - >/dev/null
		[ "$i" -gt 5 ] || wait_for 5 is_ours
	done
}
is_ours() { [ "$(shop get configmap web -o 'jsonpath={.data.a}')" = 1 ]; }
fight
ok "one that goes on is named" wait_line 20 engine.log \
	'drift-unenforceable .*DriftFight.*kustomize-controller'
says_fight() { windlass status prod | grep -q DriftFight; }
ok "also by status" wait_for 20 says_fight

# ---- the end of theirs ----

run_block "Remove Flux" 1 here
run_block "Remove Argo CD" 1 here
is "$(k get kustomizations.kustomize.toolkit.fluxcd.io,applications.argoproj.io -A -o name)" \
	"" "both are gone"
run_block "The way back" 1 here
runs >runs-after
ok "the shop is not" diff runs-before runs-after
guide_done
done_testing
