#!/bin/bash
# What an admin allows in a channel: windlass check --config, with the
# section that the Git host has.
. "$(dirname "$0")/lib.sh"

# object APIVERSION KIND NAME [LINE...]
object() {
	printf '%s\n' --- "apiVersion: $1" "kind: $2" "metadata:" "  name: $3"
	shift 3
	[ $# -eq 0 ] || printf '%s\n' "$@"
}
# config LINE...: the section of prod
config() { { echo '[windlass "prod"]'; printf '\t%s\n' "$@"; } >config; }
# found FILE...: name of the object's line, and rule
found() {
	windlass check --channel prod --config config "$@" >out 2>err
	echo "$?" >status
	sed -n 's/^[^:]*:\([0-9]*\):.*error: .*\[\(.*\)\]$/\1 \2/p' out
}
exits() { is "$(cat status)" "$1" "$2"; }

# ---- namespaces ----

for ns in team-a team-a-test team-b; do
	object v1 ConfigMap a "  namespace: $ns"
done >ns.yaml
object v1 Namespace team-b >>ns.yaml
object v1 Namespace team-a >>ns.yaml
config 'namespaces = team-a'
is "$(found ns.yaml)" "12 policy-namespace
18 policy-namespace
23 policy-namespace" "other namespaces, and these themselves"
exits 1 "are refused"
like "$(cat out)" "namespace 'team-b' is not one of this channel's: team-a " \
	"with those that are allowed"
config 'namespaces = team-a' 'namespaces = team-a-*'
is "$(found ns.yaml)" "18 policy-namespace
23 policy-namespace" "a beginning and *"
object v1 ConfigMap a >none.yaml
config 'namespaces = team-a' 'defaultNamespace = team-b'
is "$(found none.yaml)" "5 policy-namespace" "the default one counts"
config 'namespaces = team-a' 'defaultNamespace = team-a'
is "$(found none.yaml)" "" "if it is another one"

# ---- kinds ----

{ object v1 Service a "  namespace: x" "spec: {ports: [{port: 1}]}"
  object networking.k8s.io/v1 NetworkPolicy a "  namespace: x" \
	"spec: {podSelector: {}}"
  object rbac.authorization.k8s.io/v1 ClusterRole a "rules: []"
  object v1 Namespace x; } >kinds.yaml
config 'kinds = Service'
is "$(found kinds.yaml)" "10 policy-kind" "a kind that is not in the list"
config 'kinds = *.networking.k8s.io'
is "$(found kinds.yaml)" "3 policy-kind" "all of a group"
config 'kinds = NetworkPolicy.networking.k8s.io' 'kinds = Service'
is "$(found kinds.yaml)" "" "kinds and groups"
config 'kinds = Networkpolicy.networking.k8s.io'
is "$(found kinds.yaml)" "3 policy-kind
10 policy-kind" "by their exact name"
config 'clusterScoped = Namespace'
is "$(found kinds.yaml)" "17 policy-kind" "cluster-scoped ones are another list"
like "$(cat out)" "ClusterRole.rbac.authorization.k8s.io is no kind that this channel may have: of those without a namespace it may have Namespace " \
	"named in the message"
config 'clusterScoped = none'
is "$(found kinds.yaml | wc -l)" 2 "none"
config 'clusterScoped = *' 'kinds = *'
is "$(found kinds.yaml)" "" "all"

# ---- images ----

digest=sha256:$(printf 'a%.0s' $(seq 64))
pod() { object v1 Pod "$1" "  namespace: x" "spec:" "  containers:" \
	"  - name: c" "    image: \"$2\""; }
images=(web web:latest web:1.2 "web@$digest" host.example:5000/web
	host.example:5000/web:2 "host.example:5000/web:latest@$digest"
	web@sha256:12 web:)
for i in "${!images[@]}"; do
	pod "p$i" "${images[$i]}"
done >images.yaml
config 'imagePolicy = tag'
# which images were refused
refused() {
	for i in "${!images[@]}"; do
		grep -qF "image '${images[$i]}' " out && printf '%s ' "$i"
	done
}
found images.yaml >/dev/null
is "$(refused)" "0 1 4 7 8 " "no tag, or latest"
config 'imagePolicy = digest'
found images.yaml >/dev/null
is "$(refused)" "0 1 2 4 5 7 8 " "no digest"
config 'imagePolicy = any'
is "$(found images.yaml)" "" "any"
{ object batch/v1 CronJob c "  namespace: x" "spec:" \
	"  schedule: '* * * * *'" "  jobTemplate:" "    spec:" \
	"      template:" "        spec:" "          restartPolicy: Never" \
	"          initContainers: [{name: i, image: a}]" \
	"          containers: [{name: c, image: b}]" \
	"          volumes: [{name: v, image: {reference: c}}]"
} >where.yaml
config 'imagePolicy = tag'
is "$(found where.yaml | grep -c policy-image)" 3 \
	"in all containers of all workloads, and in volumes"

# ---- labels ----

{ object v1 ConfigMap a "  namespace: x" "  labels: {example.org/owner: me}"
  object v1 ConfigMap b "  namespace: x" "  labels: {example.org/owner: \"\"}"
  object v1 ConfigMap c "  namespace: x"; } >labels.yaml
config 'requiredLabels = example.org/owner'
is "$(found labels.yaml)" "14 policy-label
19 policy-label" "a label that is missing or empty"
config 'requiredLabels = example.org/owner' 'requiredLabels = tier'
is "$(found labels.yaml | wc -l)" 5 "each of them"

# ---- the rest of the section ----

object v1 Secret s "stringData: {a: b}" >secret.yaml
config 'secrets = allow' 'defaultNamespace = x' 'kubernetes = 1.34' \
	'id = 0123' 'signingKey = /nowhere' 'deleteLimit = 10'
is "$(found secret.yaml)" "" "what says nothing of validity is left alone"
exits 0 "and the others count"
config 'kubernetes = 1.34' 'defaultNamespace = x'
windlass check --channel prod --config config --kubernetes 1.7 none.yaml \
	>out 2>err
is "$?" 2 "an option comes before the file"
like "$(cat err)" "does not know Kubernetes 1.7" "whatever it says"
{ object apps/v1 StatefulSet s "  namespace: x" "spec:" "  serviceName: none" \
	"  selector: {matchLabels: {app: s}}" \
	"  template: {metadata: {labels: {app: s}}, spec: {containers:" \
	"    [{name: c, image: i:1}]}}"; } >set.yaml
config 'strict = true'
is "$(found set.yaml)" "8 reference-missing" "strict"
config strict
is "$(found set.yaml)" "8 reference-missing" "as git writes it, too"

for bad in 'namespaces = A_b' 'namespaces = *-a' 'namespaces =' 'kinds = a b' \
	'kinds = .apps' 'imagePolicy = latest' 'requiredLabels = a b' \
	'strict = perhaps' 'secrets = maybe' 'kinds' 'kubernetes = newest'; do
	config "$bad"
	found none.yaml >/dev/null
	[ "$(cat status)" -ge 1 ] && grep -q "windlass.prod" err ||
		fail "$bad: $(cat out err)"
done
pass "settings that are none are refused, by their name"
config 'clusterScoped = none' 'clusterScoped = Namespace'
found none.yaml >/dev/null
like "$(cat err)" "is none and a kind" "as is what contradicts itself"
is "$(cat status)" 2 "as what could not be checked"
windlass check --channel test --config config none.yaml >out 2>err
is "$?" 2 "a file without the channel"
like "$(cat err)" "nothing of channel 'test'" "is said to be so"
windlass check --config nowhere none.yaml >out 2>err
is "$?" 2 "as is none"

done_testing
