#!/bin/bash
# git push -o wait and windlass wait with everything real: what a developer
# who has a clone and no cluster reads of a rollout that goes well, and of each
# way in which one does not, at file and line and in the cluster's own words.
# Only the kubelets are the test's: of pods that no scheduler looks at.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace wait
channel=wait-$$
dir=work/deploy/$channel
make_key alice

# workload KIND NAME [SPEC-OF-POD [SPEC-OF-CONTAINER]]: its pods run on nodes
# that kwok plays, unless a scheduler is named that there is not
workload() {
	local kind=$1 name=$2 pod=${3:-} container=${4:-}
	cat >"$dir/$name.yaml" <<-END
	# $name
	apiVersion: apps/v1
	kind: $kind
	metadata: {name: $name, namespace: $ns}
	spec:
	  selector: {matchLabels: {app: $name}}
	  template:
	    metadata: {labels: {app: $name}}
	    spec:
	      $pod
	      containers: [{name: main, image: "registry.example.org/$name:1" $container}]
	END
}
nobody='schedulerName: nobody'
probe() { echo ", readinessProbe: {$1}"; }

# pushing COMMIT OPTION...: in the background, as from a terminal, where
# Ctrl-C reaches git and all that it started; what it says is in push.out
pushing() {
	commit work "$1"
	shift
	env --default-signal=INT,QUIT setsid git -C work push "$@" origin \
		HEAD:refs/heads/main >push.out 2>&1 &
	pusher=$!
}
pushed() { wait "$pusher"; }
is_told() { grep -qE -e "$1" push.out; }
waits() { windlass wait --repo work "$@" "$channel" >wait.out 2>wait.err; }
waited() {
	waits "$@"
	is $? "${status:-0}" "windlass wait says the same"
}
health_timeout() {
	k patch channel "$channel" --type merge \
		-p "{\"spec\":{\"healthTimeout\":\"$1\"}}" >/dev/null
}
pod_of() { k -n "$ns" get pods -l "app=$1" -o 'jsonpath={.items[0].metadata.name}'; }
has_pod() { [ -n "$(pod_of "$1" 2>/dev/null)" ]; }

# kubelet APP STATUS: what a kubelet would write of its pod
kubelet() {
	wait_for 60 has_pod "$1" || return 1
	k -n "$ns" patch pod "$(pod_of "$1")" --subresource status \
		--type merge -p "{\"status\":$2}" >/dev/null
}
container() {
	printf '"containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":%d,%s}]' \
		"${2:-0}" "$1"
}
unready() {
	kubelet "$1" "{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"ContainersNotReady\",\"message\":\"containers with unready status: [main]\",\"lastTransitionTime\":\"$(date -u +%FT%TZ)\"}],$(container "\"state\":{\"running\":{\"startedAt\":\"$(date -u +%FT%TZ)\"}}")}"
}
# event APP REASON MESSAGE: as a kubelet tells of its pod's container
event() {
	local pod now
	pod=$(pod_of "$1")
	now=$(date -u +%FT%TZ)
	k create -f - >/dev/null <<-END
	apiVersion: v1
	kind: Event
	metadata: {generateName: $pod., namespace: $ns}
	type: Warning
	reason: $2
	message: "$3"
	count: 3
	firstTimestamp: $now
	lastTimestamp: $now
	source: {component: kubelet, host: somewhere}
	involvedObject:
	  apiVersion: v1
	  kind: Pod
	  namespace: $ns
	  name: $pod
	  uid: $(k -n "$ns" get pod "$pod" -o 'jsonpath={.metadata.uid}')
	  fieldPath: "spec.containers{main}"
	END
}

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
approver_line alice keys/alice >approvers
set_channel host.git "$channel" approvers "$TRASH/approvers"
make_clone host.git work
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" one
commit_push work first || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
engine_start --cluster eu-1 || bail "windlassd does not start: $(cat engine.log)"
wait_ready "$channel" 60 || bail "$(condition "$channel" Ready)"
windlass status "$channel" | tail -n 1 >reporters
set_channel host.git "$channel" reporters "$TRASH/reporters"
windlass reconcile "$channel" >/dev/null 2>&1

# ---- all is well ----
workload Deployment app
pushing app -o wait
ok "a push that waits returns" pushed
like "$(cat push.out)" "$channel@eu-1: healthy after [0-9]+\.[0-9] s" \
	"when its pods are ready"
ok "windlass wait" waits
like "$(cat wait.out)" "^$channel@eu-1: healthy 1\.2, 2 of 2 objects ready" \
	"says the same"

# ---- pods that do not come up ----
# an amount that pods can do without, so that it keeps nobody else out
k -n "$ns" create quota small --hard=requests.ephemeral-storage=1Gi >/dev/null
policy() { # NAME RESOURCES EXPRESSION MESSAGE
	k apply -f - >/dev/null <<-END
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingAdmissionPolicy
	metadata: {name: $1-$$}
	spec:
	  matchConstraints:
	    resourceRules:
	    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [$2]}
	  validations:
	  - expression: "$3"
	    message: "$4"
	---
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingAdmissionPolicyBinding
	metadata: {name: $1-$$}
	spec:
	  policyName: $1-$$
	  validationActions: [Deny]
	  matchResources:
	    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}
	END
	at_exit "k delete validatingadmissionpolicybinding,validatingadmissionpolicy $1-$$"
}
policy pods pods "!has(object.metadata.labels) || !('app' in object.metadata.labels) || object.metadata.labels.app != 'owned'" \
	'a pod says who owns it'
policy texts configmaps "!has(object.data) || !('text' in object.data) || object.data.text != 'forbidden'" \
	'no such text, says the policy'
denies() { ! k -n "$ns" create "${@:2}" --dry-run=server >/dev/null 2>denied && grep -q "$1" denied; }
ok "policies are in force" wait_for 60 denies 'says the policy' \
	configmap x --from-literal=text=forbidden
pod_denied() {
	! k -n "$ns" run x --image x -l app=owned --dry-run=server \
		>/dev/null 2>denied && grep -q 'says who owns' denied
}
ok "both of them" wait_for 60 pod_denied
has_quota() { [ -n "$(k -n "$ns" get quota small -o 'jsonpath={.status.hard}')" ]; }
ok "and a quota" wait_for 60 has_quota

health_timeout 20s
big=', resources: {requests: {ephemeral-storage: 5Gi}}'
workload Deployment image "$nobody"
workload Deployment crash "$nobody"
workload Deployment http "$nobody" "$(probe 'httpGet: {path: /ready, port: 80}')"
workload Deployment command "$nobody" "$(probe 'exec: {command: [ask]}')"
workload Deployment mount "$nobody"
workload Deployment large '' "$big"
workload StatefulSet member '' "$big"
workload Deployment owned
cat >"$dir/bare.yaml" <<END
# bare
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: $ns, labels: {app: bare}}
spec:
  $nobody
  containers: [{name: main, image: "registry.example.org/bare:1"}]
END
pushing broken -o wait=120
ok "an image that cannot be pulled" kubelet image "{\"phase\":\"Pending\",$(container '"state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"registry.example.org/image:1\": not found"}}')}"
ok "a container that ends" kubelet crash "{\"phase\":\"Running\",$(container '"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 20s restarting failed container"}},"lastState":{"terminated":{"exitCode":3,"reason":"Error","message":"swordfish-1"}}' 3)}"
ok "a probe that fails" unready http
event http Unhealthy 'Readiness probe failed: HTTP probe failed with statuscode: 503'
ok "a command that does" unready command
event command Unhealthy 'Readiness probe failed: the password swordfish-2 is wrong'
ok "a volume that is not there" kubelet mount "{\"phase\":\"Pending\",$(container '"state":{"waiting":{"reason":"ContainerCreating"}}')}"
event mount FailedMount 'MountVolume.SetUp failed for volume settings : configmap settings not found'
ok "nor for a pod that nobody made but the bundle" kubelet bare "{\"phase\":\"Pending\",$(container '"state":{"waiting":{"reason":"ContainerCreating"}}')}"
event bare FailedMount 'MountVolume.SetUp failed for volume token : secret token not found'
at() { echo "deploy/$channel/$1.yaml:2: "; }
says() { # of WHAT in FILE: KIND NAME WORDS
	like "$(cat "$1")" "$(at "$3")$2 $ns/$3: (Progressing|HealthTimeout): $4" "$3: $5"
}
say_all() {
	says "$1" Deployment.apps image 'pod image-.*: container main: ImagePullBackOff: Back-off pulling image "registry\.example\.org/image:1": not found' "which image"
	says "$1" Deployment.apps crash 'pod crash-.*: container main: CrashLoopBackOff: back-off 20s .*; it ended with exit code 3, Error' "how it ended"
	says "$1" Deployment.apps http 'pod http-.*: running, not ready: .*\[main\]; Readiness probe failed: HTTP probe failed with statuscode: 503' "which probe"
	says "$1" Deployment.apps command 'pod command-.*: running, not ready: .*\[main\]; Readiness probe failed *$' "which probe, too"
	says "$1" Deployment.apps mount 'pod mount-.*; FailedMount: .*configmap settings not found' "which volume"
	says "$1" Pod bare 'FailedMount: .*secret token not found' "which volume, too"
	says "$1" Deployment.apps large 'pods "large-.*" is forbidden: exceeded quota: small, requested: requests\.ephemeral-storage=5Gi' "which quota"
	says "$1" StatefulSet.apps member '(FailedCreate: )?.*exceeded quota: small, requested: requests\.ephemeral-storage=5Gi' "which quota, too"
	says "$1" Deployment.apps owned 'pods "owned-.*" is forbidden: ValidatingAdmissionPolicy .*a pod says who owns it' "which policy"
}
ok "the push returns" pushed
progress=$(sed '/: failed after/,$d' push.out)
like "$progress" "$(at large)Deployment.apps $ns/large: Progressing: .*exceeded quota" \
	"a quota is told before the time is over"
like "$progress" "$(at image)Deployment.apps $ns/image: Progressing: .*ImagePullBackOff" \
	"and an image"
like "$(cat push.out)" "$channel@eu-1: failed after [0-9.]+ s: Failed: " "then it failed"
say_all push.out
status=1 waited
say_all wait.out
git -C work fetch -q origin "+refs/notes/windlass/*:refs/notes/windlass/*"
k get channel "$channel" -o json >channel.json
is "$(cat push.out wait.out channel.json host.git/windlass/*/reports/* \
	<(git -C work log --notes='windlass/*' 2>&1) engine.log serve.log | grep -c swordfish)" 0 \
	"what a container said is told nowhere"

# ---- interrupted ----
health_timeout 5m
rm "$dir"/{bare,crash,http,command,mount,large,member,owned}.yaml
sed -i 's/image:1/image:2/' "$dir/image.yaml"
pushing 'another image' -o wait
ok "it is applied" wait_for 60 is_told "$channel@eu-1: applying"
other_pod() {
	[ "$(k -n "$ns" get pods -l app=image -o 'jsonpath={range .items[*]}{.spec.containers[0].image} {end}' | grep -c 'image:2')" = 1 ]
}
wait_for 60 other_pod || bail "no pod of the other image"
pod_of() {
	k -n "$ns" get pods -l "app=$1" -o json |
		jq -r '[.items[] | select(.spec.containers[0].image | endswith(":2"))][0].metadata.name'
}
kubelet image "{\"phase\":\"Pending\",$(container '"state":{"waiting":{"reason":"ErrImagePull","message":"image:2 not found"}}')}"
ok "minutes before its time is over the reason is told" wait_for 60 \
	is_told "$(at image)Deployment.apps $ns/image: Progressing: pod .*: container main: ErrImagePull: image:2 not found"
kill -INT -- "-$pusher"
pushed
is $? 130 "Ctrl-C ends the push"
gone() { ! kill -0 -- "-$pusher" 2>/dev/null; }
ok "and all that it started" wait_for 20 gone
is "$(git -C host.git rev-parse main)" "$(git -C work rev-parse HEAD)" "the push is in"
is "$(trailer host.git "$channel" Source-Commit)" "$(git -C work rev-parse HEAD)" \
	"and published"
is "$(find host.git -name '*.lock' -not -path 'host.git/windlass/*')" "" \
	"no lock of git is left"
windlass_is_free() { flock -n host.git/windlass/record.lock true; }
ok "nor one of windlass" wait_for 20 windlass_is_free
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" two
sed -i "s/  template:/  replicas: 0\n  template:/" "$dir/image.yaml"
pushing repaired -o wait
ok "the next push" pushed
like "$(cat push.out)" "$channel@eu-1: healthy" "is live"
waited

# ---- what the API server does not take ----
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" forbidden
pushing forbidden -o wait
ok "what a policy refuses" pushed
refused="deploy/$channel/web.yaml:2: ConfigMap $ns/web: [A-Za-z]+: .*no such text, says the policy"
like "$(cat push.out)" "$refused" "is told at file and line, in its words"
status=1 waited
like "$(cat wait.out)" "$refused" "with the same words"
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" three
n=$(k -n "$ns" get configmaps -o name | wc -l)
k -n "$ns" create quota maps --hard="count/configmaps=$n" >/dev/null
has_quota() { [ -n "$(k -n "$ns" get quota maps -o 'jsonpath={.status.used}')" ]; }
wait_for 60 has_quota || bail "the quota is not counted"
put work "deploy/$channel/more.yaml" ConfigMap more "$ns" one
pushing 'one more' -o wait
ok "what a quota refuses" pushed
refused="deploy/$channel/more.yaml:2: ConfigMap $ns/more: [A-Za-z]+: .*exceeded quota: maps, requested: count/configmaps=1"
like "$(cat push.out)" "$refused" "is told at file and line, in its words"
status=1 waited
like "$(cat wait.out)" "$refused" "with the same words"
k -n "$ns" delete quota maps >/dev/null
windlass reconcile "$channel" >/dev/null 2>&1
ok "with room for it all is well" wait_for 60 waits

# ---- an approval ----
k patch channel "$channel" --type merge -p "$(printf \
	'{"spec":{"approvals":{"required":1,"approvers":"%s\\n"}}}' \
	"$(sed 's/"/\\"/g' approvers)")" >/dev/null
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" four
pushing four -o wait
ok "what waits for approval" wait_for 60 is_told \
	"$channel@eu-1: waiting: .*alice can give it by .windlass approve $channel"
ok "waits" kill -0 "$pusher"
is_recorded() {
	! waits --timeout 1s && grep -q "^$channel@eu-1: waiting 1\..*alice can give it" wait.out
}
ok "windlass wait says for whom, too" wait_for 60 is_recorded
git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
ok "approved" approve work keys/alice alice approve \
	"$(git -C work rev-parse "refs/bundles/$channel")"
ok "the push returns" pushed
like "$(cat push.out)" "$channel@eu-1: healthy" "and it is live"
waited
done_testing
