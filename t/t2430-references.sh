#!/bin/bash
# windlass check: what objects say of each other, and when nothing is said.
. "$(dirname "$0")/lib.sh"

# found FILE... [OPTION...]: places and rules of what is found
found() {
	windlass check --allow-secrets --namespace shop "$@" >out 2>err
	sed -n 's/^[^:]*:\([0-9]*:[0-9]*\): \(error\|warning\): .*\[\(.*\)\]$/\1 \3/p' out
}
# workload NAME APP [LINE...]: a Deployment; lines go on behind its container
workload() {
	printf '%s\n' --- "apiVersion: apps/v1" "kind: Deployment" \
		"metadata: {name: $1}" "spec:" \
		"  selector: {matchLabels: {app: $2}}" "  template:" \
		"    metadata: {labels: {app: $2}}" "    spec:" \
		"      containers:" "      - name: c" "        image: i:1"
	shift 2
	[ $# -eq 0 ] || printf '      %s\n' "$@"
}
# object APIVERSION KIND NAME [LINE...]
object() {
	printf '%s\n' --- "apiVersion: $1" "kind: $2" "metadata: {name: $3}"
	shift 3
	[ $# -eq 0 ] || printf '%s\n' "$@"
}
# crd GROUP KIND PLURAL
crd() {
	object apiextensions.k8s.io/v1 CustomResourceDefinition "$3.$1" \
		"spec:" "  group: $1" "  names: {kind: $2, plural: $3}" \
		"  scope: Namespaced" "  versions:" "  - name: v1" \
		"    served: true" "    storage: true" \
		"    schema: {openAPIV3Schema: {type: object," \
		"      x-kubernetes-preserve-unknown-fields: true}}"
}
config() { object v1 ConfigMap "$1" "data: {mode: fast, other: x}"; }

# ---- pods need ----

workload web web "volumes:" \
	"- {name: a, configMap: {name: none}}" \
	"- {name: b, secret: {secretName: none}}" \
	"- {name: c, persistentVolumeClaim: {claimName: none}}" \
	"- {name: d, projected: {sources: [{configMap: {name: nix}}," \
	"    {secret: {name: nix}}]}}" \
	"- {name: e, configMap: {name: none2, optional: true}}" \
	"- {name: f, secret: {secretName: none2, optional: true}}" \
	"- {name: g, configMap: {name: conf, items: [{key: x, path: x}]}}" \
	"serviceAccountName: none" "imagePullSecrets: [{name: none}]" \
	"initContainers:" "- name: i" "  image: i:1" \
	"  envFrom: [{configMapRef: {name: none}}, {secretRef: {name: none}}]" \
	"  env:" \
	"  - {name: A, valueFrom: {configMapKeyRef: {name: conf, key: mdoe}}}" \
	"  - {name: B, valueFrom: {secretKeyRef: {name: sec, key: k}}}" \
	"  - {name: C, valueFrom: {configMapKeyRef: {name: conf, key: z," \
	"      optional: true}}}" \
	"  - {name: D, valueFrom: {fieldRef: {fieldPath: metadata.name}}}" \
	>pods.yaml
found pods.yaml >alone
is "$(cat alone)" "14:37 reference-missing
16:54 reference-missing
17:60 reference-missing
21:37 reference-missing
27:41 reference-missing
29:57 reference-missing" \
	"missing: but no Secret or account where the channel has none of these"
{ config conf; object v1 Secret sec "stringData: {a: b}"
  object v1 ServiceAccount other; } >others.yaml
is "$(found pods.yaml others.yaml)" "14:37 reference-missing
15:40 reference-missing
16:54 reference-missing
17:60 reference-missing
18:27 reference-missing
21:57 reference-key
22:27 reference-missing
23:33 reference-missing
27:41 reference-missing
27:68 reference-missing
29:68 reference-key
30:64 reference-key" "with some of each, all are; and keys are looked at"
like "$(cat out)" "ConfigMap 'conf' has no key 'mdoe': did you mean 'mode'\?" \
	"the nearest key is named"
like "$(tail -n 1 out)" ', 0 errors, 12 warnings$' "as warnings"
found pods.yaml others.yaml --strict >strict
like "$(tail -n 1 out)" ', 12 errors, 0 warnings$' "--strict: as errors"
windlass check --namespace shop pods.yaml --strict >/dev/null
is "$?" 1 "with that exit status"
{ config conf; object v1 Secret sec "stringData: {k: b}"
  workload web web "serviceAccountName: default" "volumes:" \
	"- {name: a, configMap: {name: kube-root-ca.crt}}"
  object v1 ConfigMap empty
  workload w2 w2 "volumes:" \
	"- {name: a, configMap: {name: empty, items: [{key: q, path: q}]}}"
} >fine.yaml
is "$(found fine.yaml)" "" "what Kubernetes makes, or others fill, is there"
{ workload web web "serviceAccountName: none" "volumes:" \
	"- {name: a, configMap: {name: none}}"; echo '---'
  echo 'nothing: here'; } >broken.yaml
unlike "$(found broken.yaml)" reference \
	"nothing is missing while a file is at fault"

# ---- Secrets that are made elsewhere ----

crd external-secrets.io ExternalSecret externalsecrets >crds.yaml
crd cert-manager.io Certificate certificates >>crds.yaml
crd example.org Shop shops >>crds.yaml
{ object external-secrets.io/v1 ExternalSecret db \
	"spec: {target: {name: db-credentials}}"
  object cert-manager.io/v1 Certificate tls "spec: {secretName: web-tls}"
  workload web web "volumes:" \
	"- {name: a, secret: {secretName: db-credentials}}" \
	"- {name: b, secret: {secretName: web-tls}}" \
	"- {name: c, secret: {secretName: db-credentails}}" \
	"- {name: d, secret: {secretName: unheard-of}}"; } >made.yaml
windlass check --namespace shop --crds crds.yaml made.yaml >out
is "$(grep -c 'reference' out)" 1 "where Secrets are refused, one thing is said"
like "$(cat out)" "no Secret shop/db-credentails: did you mean 'db-credentials'" \
	"of a name that nearly is one that is made"
is "$(found --crds crds.yaml made.yaml | wc -l)" 2 \
	"where they are allowed, of any"

# ---- custom resources that may make anything ----

{ cat made.yaml; object example.org/v1 Shop x; } >open.yaml
is "$(found --crds crds.yaml open.yaml)" "" \
	"beside an unknown controller's objects nothing is missing"

# ---- selectors ----

service() { object v1 Service "$1" "spec:" "  selector: {app: $2}" \
	"  ports: [{name: http, port: 80, targetPort: 8080}]"; }
budget() { object policy/v1 PodDisruptionBudget "$1" "spec:" \
	"  minAvailable: 1" "  selector:" \
	"    matchExpressions: [{key: app, operator: In, values: [$2]}]"; }
{ workload web web; service web web; service bad wbe; budget a web
  budget b wbe; } >select.yaml
is "$(found select.yaml)" "25:13 reference-selector
42:5 reference-selector" "a Service and a budget that select nothing"
like "$(cat out)" "namespace 'shop' is selected: none has the labels app=wbe" \
	"say what"
service bad wbe >select.yaml
is "$(found select.yaml)" "" "without any pods in the channel nothing is said"
{ service bad wbe; workload web web; object v1 Service ext "spec:" \
	"  type: ExternalName" "  externalName: example.org" \
	"  selector: {a: b}"; object v1 Service none "spec:" \
	"  ports: [{port: 80}]"; } >select.yaml
is "$(found select.yaml)" "6:13 reference-selector" \
	"nor of Services that select nothing by intent"
{ object batch/v1 CronJob c "spec:" "  schedule: '* * * * *'" \
	"  jobTemplate:" "    spec:" "      template:" \
	"        metadata: {labels: {app: c}}" "        spec:" \
	"          restartPolicy: Never" \
	"          containers: [{name: c, image: i:1}]"
  service c c; } >select.yaml
is "$(found select.yaml)" "" "pods of a CronJob count"

# ---- how far it looks ----

{ service bad wbe; for i in $(seq 200); do workload "w$i" "w$i"; done; } \
	>many.yaml
is "$(found many.yaml)" "6:13 reference-selector" "200 workloads are looked at"
workload w201 w201 >>many.yaml
is "$(found many.yaml)" "" "with one more nothing is said"
{ cat many.yaml; service w7 w7; } >named.yaml
is "$(found named.yaml)" "" "nor of one whose workload has its name"
{ for i in $(seq 1001); do workload "w$i" "w$i" "volumes:" \
	"- {name: a, configMap: {name: none}}"; done; } >many.yaml
found many.yaml >/dev/null
is "$(tail -n 1 out)" "1 file, 1001 good objects, 0 errors, 1000 warnings" \
	"when the list is full it looks no further"

# ---- the other kinds ----

ingress() { object networking.k8s.io/v1 Ingress "i-$1-$2" "spec:" \
	"  defaultBackend: {service: {name: $1, port: {$2}}}"; }
{ workload web web; service web web
  object networking.k8s.io/v1 Ingress a "spec:" "  rules:" "  - http:" \
	"      paths:" "      - path: /" "        pathType: Prefix" \
	"        backend: {service: {name: web, port: {number: 8080}}}" \
	"      - path: /b" "        pathType: Prefix" \
	"        backend: {service: {name: wbe, port: {name: http}}}"
  object autoscaling/v2 HorizontalPodAutoscaler h "spec:" \
	"  maxReplicas: 3" \
	"  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: wbe}"
  object autoscaling/v2 HorizontalPodAutoscaler h2 "spec:" \
	"  maxReplicas: 3" \
	"  scaleTargetRef: {apiVersion: example.org/v1, kind: Web, name: x}"
  object rbac.authorization.k8s.io/v1 RoleBinding r \
	"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: x}" \
	"subjects: [{kind: ServiceAccount, name: other}," \
	"  {kind: ServiceAccount, name: wrong}," \
	"  {kind: ServiceAccount, name: x, namespace: elsewhere}]"
  object rbac.authorization.k8s.io/v1 RoleBinding r2 \
	"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}"
  object v1 ServiceAccount other; } >kinds.yaml
is "$(found kinds.yaml)" "30:55 reference-port
33:35 reference-missing
40:65 reference-missing
52:66 reference-missing
54:32 reference-missing" "Ingress, autoscaler, binding"
like "$(cat out)" "has no port 8080, but 80 \(http\) " "ports are listed"
hook() { object admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration \
	"$1" "webhooks:" "- name: a.example.org" \
	"  admissionReviewVersions: [v1]" "  sideEffects: None" \
	"  clientConfig: {service: {namespace: shop, name: $2}}"; }
{ workload web web; service web web; hook a web; hook b wbe; } >hooks.yaml
is "$(found hooks.yaml | cut -d' ' -f2)" "reference-port
reference-missing" "webhooks: 443 is the port if none is named"
{ object apps/v1 StatefulSet s "spec:" "  serviceName: none" \
	"  selector: {matchLabels: {app: s}}" \
	"  template: {metadata: {labels: {app: s}}, spec: {containers:" \
	"    [{name: c, image: i:1}]}}"; } >set.yaml
is "$(found set.yaml)" "6:16 reference-missing" "a StatefulSet's Service"

# ---- real sets ----

if [ -d "$SHARED/corpus/kube-prometheus" ]; then
	windlass check --allow-secrets "$SHARED/corpus/kube-prometheus" >out
	is "$(grep -c reference- out)" 0 "kube-prometheus: nothing"
	windlass check --namespace default \
		"$SHARED/corpus/microservices-demo/release/kubernetes-manifests.yaml" \
		>out
	is "$(grep -c reference- out)" 0 "microservices-demo: nothing"
	sed '/^kind: Service$/,/^---/s/app: cartservice$/app: cardservice/' \
		"$SHARED/corpus/microservices-demo/release/kubernetes-manifests.yaml" \
		>broken.yaml
	windlass check --namespace default broken.yaml >out
	is "$(grep -c reference-selector out)" 1 "but not if it is broken"
else
	skip 3 "the corpus is not here"
fi

done_testing
