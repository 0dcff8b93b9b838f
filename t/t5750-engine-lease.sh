#!/bin/bash
# Two engines and one Lease: only one writes at any time, as the API server's
# audit log has it. One that ends hands over in a moment, one that is killed
# when its lease is over; who takes over in the middle of a rollout goes on
# with what is missing.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own --audit
ns=work
own=lease
channel=lease
objects=600
k create namespace "$ns" >/dev/null
k create namespace "$own" >/dev/null

# account NAME: an engine's own account, so that the audit log tells them apart
account() {
	k -n "$own" create serviceaccount "$1" >/dev/null
	k create clusterrolebinding "lease-$1" --clusterrole=cluster-admin \
		--serviceaccount="$own:$1" >/dev/null
	k config view --raw --flatten >"$1.kubeconfig"
	k config --kubeconfig "$1.kubeconfig" set-credentials "$1" \
		--token="$(k -n "$own" create token "$1")" >/dev/null
	k config --kubeconfig "$1.kubeconfig" set-context --current \
		--user="$1" >/dev/null
}

# engine NAME: it runs as its account, whatever it was before
engine() {
	local port
	port=$(free_port)
	printf -v "metrics_$1" '127.0.0.1:%s' "$port"
	start "$1" windlassd --kubeconfig "$TRASH/$1.kubeconfig" \
		--state "$TRASH/state-$1" --metrics "127.0.0.1:$port" \
		--namespace "$own" --leader-elect
	wait_line 30 "$1.log" ' ready '
}

metric() {
	local address=metrics_$1
	curl -s "http://${!address}/metrics" | sed -n "s/^$2 //p"
}
leads() { grep -q ' leading ' "$1.log" && [ "$(metric "$1" windlass_leading)" = 1 ]; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
ready_code() {
	local address=metrics_$1
	curl -s -o /dev/null -w '%{http_code}' "http://${!address}/readyz"
}

put_all() {
	local i file=work/deploy/$channel/all.yaml
	mkdir -p "${file%/*}"
	for i in $(seq $objects); do
		printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: o-%s, namespace: %s}\ndata: {text: "%s"}\n' \
			"$i" "$ns" "$1"
	done >"$file"
}

# writes: what the engines wrote, from the audit log: "who began ended verb
# resource", a line each; all but the Lease itself
writes() {
	python3 - "$CLUSTER/log/audit.log" "$own" <<-'END'
	import json, sys
	found = {}
	for line in open(sys.argv[1]):
	    try:
	        e = json.loads(line)
	    except ValueError:
	        continue
	    who = e['user']['username'].split(':')
	    ref = e.get('objectRef') or {}
	    if who[:2] != ['system', 'serviceaccount'] or who[2] != sys.argv[2]:
	        continue
	    if e['verb'] not in ('create', 'update', 'patch', 'delete'):
	        continue
	    if ref.get('resource') == 'leases' or e['stage'] != 'ResponseComplete':
	        continue
	    found[e['auditID']] = (e['requestReceivedTimestamp'],
	        e['stageTimestamp'], who[3], e['verb'], ref.get('resource'))
	for began, ended, who, verb, what in sorted(found.values()):
	    print(who, began, ended, verb, what)
	END
}

# turns: who wrote, in turn; "A+B" if a write of B began while A's ran
turns() {
	writes | awk '
		$1 != last {
			printf "%s%s", last == "" ? "" : ($2 < ended ? "+" : " "), $1
			last = $1
		}
		$3 > ended { ended = $3 }
		END { print "" }'
}

account one
account two
make_host host.git "$channel"
make_clone host.git work
put_all first
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"

# ---- one leads, the other stands by ----
k patch channel "$channel" --type merge -p '{"spec":{"suspend":true}}' >/dev/null
engine one || bail "windlassd does not start: $(cat one.log)"
ok "an engine alone leads" wait_for 30 leads one
engine two || bail "windlassd does not start: $(cat two.log)"
is "$(metric two windlass_leading)" 0 "another one stands by"
is "$(ready_code two)" 200 "and is ready to"
is "$(k -n "$own" get lease windlassd -o 'jsonpath={.spec.holderIdentity}')" \
	"$(sed -n 's/.* leading instance=//p' one.log)" "the Lease names who leads"

# ---- it ends in the middle of the first rollout ----
k patch channel "$channel" --type merge -p '{"spec":{"suspend":false}}' >/dev/null
wait_for 30 at_least 100
stop one TERM
like "$(tail -n 1 one.log)" ' stopped' "SIGTERM ends it in order"
n=$(live_count)
echo "# it had applied $n of $objects objects"
# a lease that was not given back would last 15 s, less the 2 s between renewals
ok "the other one leads within less than a lease" wait_for 10 leads two
ok "and finishes the rollout" wait_applied "$channel" 1 60
is "$(live_count)" $objects "all objects are live"
patches=$(writes | grep -c ' patch configmaps$')
ok "what was live was compared, not applied again" \
	[ "$patches" -le $((objects + 40)) ] || echo "# $patches writes"
ok "the channel is ready" wait_ready "$channel" 30
is "$(turns)" "one two" "the two never wrote at the same time"

# ---- it is killed in the middle of the second ----
engine one || bail "windlassd does not start: $(cat one.log)"
is "$(metric one windlass_leading)" 0 "the one that came back stands by"
put_all second
commit_push work second
wait_for 30 is_text o-1 second
wait_for 30 is_text o-200 second
killed=$(date +%s%3N)
stop two KILL
ok "when the leader is killed the other one leads" wait_for 60 leads one
took=$(($(date +%s%3N) - killed))
# not before the lease is over: 15 s after it was renewed, at most 2 s before
ok "not before its lease is over" [ "$took" -ge 12000 ] ||
	echo "# it took $took ms"
ok "and finishes the rollout" wait_applied "$channel" 2 60
patches=$(writes | grep -c ' patch configmaps$')
ok "again without applying what was live" \
	[ "$patches" -le $((2 * objects + 80)) ] || echo "# $patches writes"
is "$(turns)" "one two one" "the two never wrote at the same time"
is "$(live_differs host.git "$channel")" "" "nothing differs from the bundle"
ok "the channel is ready" wait_ready "$channel" 30

# ---- at rest nobody writes ----
n=$(writes | wc -l)
sleep 3
is "$(writes | wc -l)" "$n" "at rest nobody writes anything but the Lease"
done_testing
