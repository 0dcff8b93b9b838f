#!/bin/bash
# The Lease lost in the middle of a step, as the API server's audit log has it:
# the leader is stopped, for longer than the Lease lasts, while it deletes, and
# the next one while it writes down what it accepts. That write reaches the API
# server when the other one leads, and is refused; nobody else writes in another
# one's time, nothing is deleted twice, and the other one finishes.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
proxy=$WINDLASS_BUILD/t/tool/fault-proxy
[ -x "$proxy" ] || skip_all "not built: make check TESTS="
cluster_own --no-kwok --audit
ns=work
own=lease
channel=steps
objects=400
kept=20
k create namespace "$ns" >/dev/null
k create namespace "$own" >/dev/null

# engine NAME: with a token of its own account, through a proxy of its own
engine() {
	k -n "$own" create serviceaccount "$1" >/dev/null
	k create clusterrolebinding "lease-$1" --clusterrole=cluster-admin \
		--serviceaccount="$own:$1" >/dev/null
	k config view --raw --flatten >"$1.kubeconfig"
	k config --kubeconfig "$1.kubeconfig" set-credentials "$1" \
		--token="$(k -n "$own" create token "$1")" >/dev/null
	k config --kubeconfig "$1.kubeconfig" set-context --current --user="$1" >/dev/null
	: >"$1.rules"
	start "proxy_$1" "$proxy" "$TRASH/$1.kubeconfig" "$TRASH/$1.rules"
	wait_line 10 "proxy_$1.log" '^port' || bail "no proxy"
	sed "s|@PORT@|$(sed -n 's/^port //p' "proxy_$1.log")|" >"$1.proxied" <<-END
	apiVersion: v1
	kind: Config
	current-context: p
	contexts: [{name: p, context: {cluster: p, user: p}}]
	clusters: [{name: p, cluster: {server: "http://127.0.0.1:@PORT@"}}]
	users: [{name: p, user: {}}]
	END
	start "$1" windlassd --kubeconfig "$TRASH/$1.proxied" \
		--state "$TRASH/state-$1" --metrics off --namespace "$own" --leader-elect
	wait_line 30 "$1.log" ' ready '
}
# the engines' requests: "who verb resource/subresource name code began ended"
requests() {
	jq -r 'select(.stage == "ResponseComplete" and
		(.user.username | startswith("system:serviceaccount:'"$own"':"))) |
		[(.user.username | split(":")[3]), .verb,
		.objectRef.resource + (if .objectRef.subresource then "/" + .objectRef.subresource else "" end),
		.objectRef.name // "-", .responseStatus.code,
		.requestReceivedTimestamp, .stageTimestamp] | @tsv' \
		"$CLUSTER/log/audit.log" | sort -k6
}
turns() {
	requests | awk '
		$3 != "configmaps" || $2 !~ /^(patch|create|delete)$/ { next }
		$1 != last { printf "%s%s", last == "" ? "" : ($6 < ended ? "+" : " "), $1; last = $1 }
		$7 > ended { ended = $7 }
		END { print "" }'
}
# statuses of the Channel that counted, while the name led
accepts() { requests | awk -v who="$1" -v code="$2" '
	$1 == who && $3 == "channels/status" && $5 ~ code { n++ } END { print n + 0 }'; }
live() { k -n "$ns" get configmap -l applyset.kubernetes.io/part-of -o name | wc -l; }
fewer() { [ "$(live)" -lt "$1" ]; }
sequence() { k get channel "$channel" -o 'jsonpath={.status.accepted.sequence}'; }

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
make_clone host.git work
configs $objects one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine one || bail "windlassd does not start: $(cat one.log)"
wait_line 30 one.log ' leading ' || bail "nobody leads"
engine two || bail "windlassd does not start: $(cat two.log)"
ok "a bundle is applied" wait_applied "$channel" 1 90

# ---- while it deletes ----
echo '100000 DELETE_/api/v1/namespaces slow 20' >one.rules
configs $kept one
commit_push work second || bail "push failed: $(cat push.out)"
wait_for 30 fewer $((objects - 50))
kill -STOP "$pid_one"
stopped=$(date +%s%3N)
n=$(live)
ok "the leader is stopped when $n of $objects objects are left" [ "$n" -gt $kept ]
ok "the other one leads" wait_line 60 two.log ' leading '
took=$(($(date +%s%3N) - stopped))
ok "not before the lease was over ($took ms)" test "$took" -ge 10000
ok "and finishes" wait_applied "$channel" 2 60
is "$(live)" $kept "all that was to go is gone, and no more"
kill -CONT "$pid_one"
ok "the stopped one sees that it leads no more" wait_line 30 one.log ' leading-lost '
requests | awk '$2 == "delete" && $3 == "configmaps" && $5 == 200 { print $4 }' >deleted
is "$(wc -l <deleted) $(sort -u deleted | wc -l)" "$((objects - kept)) $((objects - kept))" \
	"each was deleted once"

# ---- while it accepts ----
: >one.rules
echo "1000 PATCH_/apis/windlass.dev/v1alpha1/channels/$channel/status wait $TRASH/let-go" >two.rules
configs $kept two
commit_push work third || bail "push failed: $(cat push.out)"
ok "the new leader is about to write down what it accepts" \
	wait_line 20 proxy_two.log "PATCH /apis/windlass.dev/v1alpha1/channels/$channel/status"
held() { grep -c "^PATCH .*/channels/$channel/status" proxy_two.log; }
wait_line 10 two.log "bundle-verified .*sequence=3"
sleep 0.5
kill -STOP "$pid_two"
is "$(sequence)" 2 "it is stopped before that is done"
lines=$(grep -c ' leading ' one.log)
led_again() { [ "$(grep -c ' leading ' one.log)" -gt "$lines" ]; }
ok "the first one leads again" wait_for 60 led_again
ok "accepts, and applies" wait_applied "$channel" 3 30
accepted=$(k get channel "$channel" -o 'jsonpath={.status.accepted}')
touch let-go
late() { [ "$(accepts two '^409$')" -gt 0 ]; }
ok "what the stopped one had sent is refused" wait_for 40 late ||
	requests | grep channels/status | sed 's/^/# /'
kill -CONT "$pid_two"
ok "it sees that it leads no more" wait_line 30 two.log ' leading-lost '
configs $kept three
commit_push work fourth || bail "push failed: $(cat push.out)"
ok "the next bundle is applied" wait_applied "$channel" 4 60
sleep 2
is "$(jq -r .sequence <<<"$accepted")" 3 "the one it accepted was the third"
is "$(turns)" "one two one" "by the API server's own log the two never wrote in one another's time"
is "$(live_differs host.git "$channel")" "" "nothing differs from the bundle"
done_testing
