#!/bin/bash
# The share of the API server that `windlass install --protect` gives the
# engine, by the API server's own metrics: each of its requests, the impersonated
# ones too, is counted there; a crowd of other clients does not hold it up, and
# what it applies holds up nobody.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
# few places, so that they are short
cluster_own --no-kwok --apiserver-arg=--max-requests-inflight=16 \
	--apiserver-arg=--max-mutating-requests-inflight=8
ns=shop
channel=prod
objects=2000
[ -z "${WINDLASS_QUICK:-}" ] || objects=400
image=registry.example.org/windlassd@sha256:$(printf '1%.0s' {1..64})
k create namespace $ns >/dev/null

# credentials NAMESPACE NAME FILE: a kubeconfig of that account
credentials() {
	k config view --raw --flatten >"$3"
	k config --kubeconfig "$3" set-credentials "$2" \
		--token="$(k -n "$1" create token "$2")" >/dev/null
	k config --kubeconfig "$3" set-context --current --user="$2" >/dev/null
}
# value FILE METRIC LABEL...: the sum of its series with all these labels
value() {
	local file=$1 metric=$2
	shift 2
	awk -v metric="$metric" -v labels="$*" '
	BEGIN { n = split(labels, want, " ") }
	index($0, metric "{") == 1 {
		for (i = 1; i <= n; i++)
			if (!index($0, want[i]))
				next
		sum += $NF
	}
	END { printf "%.6f", sum }' "$file"
}
snapshot() { k get --raw /metrics | grep '^apiserver_flowcontrol_' >"$1"; }
# grew BEFORE AFTER METRIC LABEL...
grew() {
	local before=$1 after=$2
	shift 2
	awk -v a="$(value "$before" "$@")" -v b="$(value "$after" "$@")" \
		'BEGIN { printf "%.6f", b - a }'
}
dispatched() { grew "$1" "$2" apiserver_flowcontrol_dispatched_requests_total "flow_schema=\"$3\""; }
rejected() { grew "$1" "$2" apiserver_flowcontrol_rejected_requests_total "flow_schema=\"$3\""; }
# waited BEFORE AFTER SCHEMA: seconds that one request stood in line, on average
waited() {
	local name=apiserver_flowcontrol_request_wait_duration_seconds
	awk -v s="$(grew "$1" "$2" ${name}_sum "flow_schema=\"$3\"")" \
		-v n="$(grew "$1" "$2" ${name}_count "flow_schema=\"$3\"")" \
		'BEGIN { printf "%.6f", (n > 0 ? s / n : 0) }'
}
holds() { awk "BEGIN { exit !($1) }"; }

put_all() {
	mkdir -p work/deploy/$channel
	for ((i = 0; i < objects; i++)); do
		printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%d, namespace: %s}\ndata: {text: "%s"}\n' \
			$i $ns "$1"
	done >work/deploy/$channel/all.yaml
}

make_host host.git $channel
make_clone host.git work
put work deploy/$channel/first.yaml ConfigMap first $ns one
commit_push work first || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git $channel --namespaces $ns >/dev/null ||
	bail "install failed"
windlass install --image "$image" --protect --apply >/dev/null ||
	bail "protect failed"
credentials windlass-system windlassd engine.kubeconfig
for name in crowd small; do
	k -n $ns create serviceaccount $name >/dev/null
	k -n $ns create rolebinding $name --clusterrole=view \
		--serviceaccount=$ns:$name >/dev/null
	credentials $ns $name $name.kubeconfig
done
# a FlowSchema works a moment after it was made
known() {
	snapshot now
	grep -q 'priority_level="windlass"' now
}
ok "the API server knows the share" wait_for 30 known
METRICS=127.0.0.1:$(free_port)
snapshot before
start engine windlassd --kubeconfig engine.kubeconfig --state "$TRASH/state" \
	--metrics "$METRICS"
wait_line 30 engine.log 'leading' || bail "$(cat engine.log)"
ok "a channel is applied" wait_applied $channel 1 60
snapshot after
ok "by requests of that share" holds "$(dispatched before after windlass) >= 5"
ok "which are dispatched in its level" holds \
	"$(grew before after apiserver_flowcontrol_dispatched_requests_total 'flow_schema="windlass"' 'priority_level="windlass"') >= 5"
ok "the Lease is among leaders'" holds "$(dispatched before after windlass-lease) >= 1"
is "$(dispatched before after service-accounts)" 0.000000 \
	"none is where other accounts are"

# ---- it holds up nobody ----
# small_requests: one after the other, by an account like any other
small_requests() {
	while :; do
		"$KUBECTL" --kubeconfig small.kubeconfig -n $ns get configmap first -o name
	done
}
export -f small_requests
export KUBECTL ns
put_all one
snapshot before
start small bash -c small_requests
commit_push work all || bail "$(tail -n 3 push.out)"
ok "$objects objects" wait_applied $channel 2 240
snapshot after
stop small
ok "all of them in its share" holds "$(dispatched before after windlass) >= $objects"
is "$(rejected before after windlass)" 0.000000 "none is turned away"
ok "meanwhile others are answered" holds "$(dispatched before after service-accounts) >= 3"
is "$(rejected before after service-accounts)" 0.000000 "all of them"
others=$(waited before after service-accounts) own=$(waited before after windlass)
ok "and stand in line no longer than it does: $others s, $own s" \
	holds "$others <= $own + 0.001"

# ---- and nobody it ----
cat >crowd.py <<'END'
import http.client, ssl, sys, threading
host, port, path, token = sys.argv[1:]
def ask():
    context = ssl._create_unverified_context()
    while True:
        try:
            c = http.client.HTTPSConnection(host, int(port), context=context)
            while True:
                c.request("GET", path, headers={"Authorization": "Bearer " + token})
                c.getresponse().read()
        except OSError:
            pass
        except http.client.HTTPException:
            pass
for _ in range(60):
    threading.Thread(target=ask, daemon=True).start()
threading.Event().wait()
END
server=$(k config view --raw --minify -o 'jsonpath={.clusters[0].cluster.server}')
server=${server#https://}
in_line() {
	snapshot now
	holds "$(value now apiserver_flowcontrol_current_inqueue_requests 'flow_schema="service-accounts"') >= 5"
}
start crowd python3 crowd.py "${server%:*}" "${server##*:}" \
	"/api/v1/namespaces/$ns/configmaps" "$(k -n $ns create token crowd)"
ok "a crowd stands in line" wait_for 60 in_line
snapshot before
put work deploy/$channel/first.yaml ConfigMap first $ns two
sed -i '1,400s/text: "one"/text: "two"/' work/deploy/$channel/all.yaml
commit_push work again || bail "$(tail -n 3 push.out)"
ok "the engine goes on" wait_applied $channel 3 240
snapshot after
stop crowd KILL
is "$(rejected before after windlass)" 0.000000 "none of its requests is turned away"
crowd=$(waited before after service-accounts) own=$(waited before after windlass)
ok "they stand in line for less time than the crowd's: $own s, $crowd s" \
	holds "$own < $crowd"
unlike "$(cat engine.log)" 'leading-lost' "its Lease is not lost"
done_testing
