#!/bin/bash
# An API server that is too busy, refuses with 5xx, answers slowly, by halves or
# not at all, for some requests and for all: the engine asks seldom meanwhile,
# says what the matter is in a condition, and is done soon after.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace a
channel=busy-$$
objects=100
storm=${WINDLASS_STORM:-6}	# seconds

lines() { tail -n "+$((mark + 1))" "$1" | grep -cE -e "$2"; }

make_host host.git "$channel"
make_clone host.git work
configs $objects text-1
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
proxy_start
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 90
ok "the channel is ready" wait_ready "$channel" 30
memory=$(rss)
sequence=1

# new_bundle: of it all
new_bundle() {
	sequence=$((sequence + 1))
	configs $objects "text-$sequence"
	commit_push work "bundle $sequence"
}
# finished WHAT SECONDS: after the storm has ended
finished() {
	local began
	began=$(date +%s%3N)
	ok "$1: the bundle is applied" wait_applied "$channel" $sequence "$2" &&
		echo "# applied $(($(date +%s%3N) - began)) ms after the storm"
	is "$(live_count)" $objects "$1: all objects are live"
	ok "$1: and the channel is ready" wait_ready "$channel" 20 ||
		echo "# $(condition "$channel" Ready)"
}

# ---- all requests, for a while ----
# storm WHAT REQUESTS RULE...
storm() {
	local what=$1 requests=$2
	shift 2
	rules "$@"
	cost_begin
	mark=$(wc -l <engine.log)
	new_bundle
	sleep "$storm"
	cost_is "$what: few requests meanwhile" "$requests" 1.5
	# unless nothing is answered at all
	[[ $1 = *" /api "* ]] || like "$(condition "$channel" Applied)" \
		"^False .*0 of $objects|by fault-proxy" "$what: the condition says so"
	ok "$what: and few lines in its log" \
		test "$(lines engine.log .)" -le 120 ||
		echo "# $(lines engine.log .) lines"
	rules
	finished "$what" 40
}
storm "429 with Retry-After" 60 '99999 /api status 429 2'
storm "429 without" 100 '99999 /api status 429'
storm "503" 250 '99999 /api status 503'
# each object is tried once, then one in some seconds
storm "504 for writes" $((objects + 30)) '99999 PATCH_/api/ status 504'
like "$(grep writes-fail engine.log)" "writes-fail channel=$channel status=504 error=\"by fault-proxy\"" \
	"one line says what the matter is"
like "$(grep writes-go-on engine.log)" "channel=$channel" "and one that it is over"
storm "dropped connections" 100 '99999 /api drop'

# ---- some requests ----
# of every tenth object the first write, so that most of it goes well
for code in "429 1" 500 503; do
	rule=()
	for i in $(seq 1 10 $objects); do
		rule+=("1 /configmaps/o-$i? status $code")
	done
	rules "${rule[@]}"
	new_bundle
	finished "${code% *} for a tenth of the objects" 90
done

# ---- what waits to be sent again, and is outdated when it could be ----
start seen "$KUBECTL" -n "$ns" get configmap o-1 -w -o 'jsonpath={.data.text}{"\n"}'
rules '99999 /configmaps/o-1? status 429 4'
n=$(wc -l <proxy.log)
new_bundle
refused() { tail -n "+$((n + 1))" proxy.log | grep -q 'PATCH .*/configmaps/o-1?.* # status'; }
ok "one is put off" wait_for 20 refused
new_bundle
accepted() { [ "$(k get channel "$channel" -o 'jsonpath={.status.accepted.sequence}')" = "$sequence" ]; }
ok "a newer bundle comes meanwhile" wait_for 20 accepted
rules
finished "of the two" 40
ok "the newer one is written" wait_line 20 seen.log "^text-$sequence$"
unlike "$(cat seen.log)" "^text-$((sequence - 1))$" "and not the older one first"
stop seen

# ---- answers that are slow, or halves ----
rules '99999 PATCH_/api/v1 slow 700'
new_bundle
ok "slow answers: applied" wait_applied "$channel" $sequence 60
rules '12 PATCH_/api/v1 cut 100'
new_bundle
finished "half answers" 40

grown=$(($(rss) - memory))
ok "the engine has grown by $grown KiB, less than 3 MiB" test "$grown" -lt 3072

# ---- answers that come behind what they bring about ----
# services FROM TO TYPE
services() {
	local i
	for ((i = $1; i <= $2; i++)); do
		printf -- '---\napiVersion: v1\nkind: Service\nmetadata: {name: s-%02d, namespace: %s}\nspec: {type: %s, selector: {app: x}, ports: [{port: 80}]}\n' \
			"$i" "$ns" "$3"
	done
}
objects_ready() { [ "$(k get channel "$channel" -o 'jsonpath={.status.objects.ready}')" = "$1" ]; }
# so many that are not ready that all of their kind are watched; and some that
# are as soon as they are made, before the engine has the answer
{
	services 1 60 LoadBalancer
	services 61 69 ClusterIP
} >"work/deploy/$channel/late.yaml"
rules '99999 /services/ late 700'
sequence=$((sequence + 1))
commit_push work late
ok "late answers: applied" wait_applied "$channel" $sequence 60
ok "what was ready before its answer came is found ready" \
	wait_for 20 objects_ready $((objects + 9)) ||
	echo "# $(k get channel "$channel" -o 'jsonpath={.status.objects}')"
deployment() {
	cat <<-END
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: d, namespace: $ns}
	spec:
	  replicas: 0
	  selector: {matchLabels: {app: $1}}
	  template:
	    metadata: {labels: {app: $1}}
	    spec: {containers: [{name: main, image: "example/main"}]}
	END
}
# somebody's, of which a field that cannot be changed is another one; with our
# label, so that the engine sees what becomes of it
deployment other | k create -f - >/dev/null
k -n "$ns" label deployment d "applyset.kubernetes.io/part-of=$(
	k -n "$ns" get configmap o-1 -o \
	'jsonpath={.metadata.labels.applyset\.kubernetes\.io/part-of}')" >/dev/null
deployment main >"work/deploy/$channel/late.yaml"
rules
set_channel host.git "$channel" deleteLimit 1000
sequence=$((sequence + 1))
commit_push work fewer
ok "one that cannot be made so" wait_condition "$channel" Applied False 30 ApplyFailed
rules '1 /deployments/d? late 3000'
k annotate channel "$channel" windlass.dev/reconcile=now >/dev/null
wait_line 20 proxy.log 'PATCH .*/deployments/d?.* # late' || echo "# not tried again"
k -n "$ns" delete deployment d >/dev/null
made_anew() {
	[ "$(k -n "$ns" get deployment d \
		-o 'jsonpath={.spec.selector.matchLabels.app}')" = main ]
}
ok "is deleted while it is tried again: made anew at once" wait_for 9 made_anew
ok "and the bundle is applied" wait_applied "$channel" $sequence 60
rules

is "$(live_differs host.git "$channel")" "" "nothing differs from the bundle"
done_testing
