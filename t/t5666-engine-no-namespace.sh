#!/bin/bash
# Many objects of a namespace that is not there: each is tried and told, then
# one asks for all of them, and all are applied when the namespace comes. Who
# is refused for something else holds up no other.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace here
here=$ns
ns=$here-late never=$here-never
channel=late-$$
count=150

# requests NAMESPACE KIND: that were sent to write some of it
requests() { grep -c "PATCH [^ ]*/namespaces/$1/$2/" proxy.log; }
failures() { grep -c 'apply-failed' engine.log; }
# who asked last had waited for so many tries
has_tried() { grep -qE "apply-failed.*$1/.* tries=([$2-9]|[0-9]{2,})$" engine.log; }
failing() {
	k get channel "$channel" -o json |
		jq -r '.status.conditions[] | select(.type == "Ready") | .message'
}
all_there() { [ "$(live_count)" -eq "$count" ]; }

make_host host.git "$channel"
make_clone host.git work
configs "$count" one
# the API server would take the one, and never the other
sed 's/o-1,/lonely,/; /name: o-/d' "work/deploy/$channel/all.yaml" |
	sed "s/$ns/$never/; 5q" >"work/deploy/$channel/never.yaml"
refused_service "work/deploy/$channel/service.yaml" bad
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
proxy_start
KUBECONFIG=$PROXIED engine_start ||
	bail "windlassd does not start: $(cat engine.log)"

# who may not write there just now learns nothing of the namespace, either
all_tried() { [ "$(requests "$ns" configmaps)" -ge "$count" ]; }
wait_for 60 all_tried
rules "1 PATCH_/api/v1/namespaces/$ns/configmaps/ forbidden"
ok "one of them is forbidden" wait_for 60 used_up
ok "it is tried, ever more seldom" wait_for 90 has_tried "$ns" 7
ok "each object once, then one of them" \
	[ "$(requests "$ns" configmaps)" -le $((count + 20)) ] ||
	echo "# $(requests "$ns" configmaps) requests"
ok "the log has as few lines" [ "$(failures)" -le $((count + 40)) ] ||
	echo "# $(failures) lines"
told "what is missing is told" "ConfigMap $ns/o-" all.yaml \
	"^namespaces \"$ns\" not found\$"
like "$(failing)" "\\b$((count + 2))\\b" "of all of them"

k create namespace "$ns" >/dev/null
at_exit "k delete namespace '$ns' --wait=false"
ok "when it comes, all are applied" wait_for 120 all_there ||
	echo "# $(live_count)"
told "what is refused then is told" "Service $ns/bad" service.yaml 192.0.2.1
# ... which came with all others, not when each of them had asked
tries=$(sed -n '/status=422/s/.* tries=//p' engine.log | head -n 1)
ok "it was tried with all others" [ "${tries:-$count}" -lt 50 ] ||
	echo "# after $tries tries"
told "what lacks another one, still" "ConfigMap $never/lonely" never.yaml \
	"^namespaces \"$never\" not found\$"
k create namespace "$never" >/dev/null
at_exit "k delete namespace '$never' --wait=false"
ok "which comes, too" wait_for 120 k -n "$never" get configmap lonely

# ---- gone again ----

k delete namespace "$ns" --wait=false >/dev/null
gone() { ! k get namespace "$ns" >/dev/null 2>&1; }
ok "it is deleted" wait_for 240 gone
k create namespace "$ns" >/dev/null
ok "and all are there again when it is" wait_for 120 all_there ||
	echo "# $(live_count)"
done_testing
