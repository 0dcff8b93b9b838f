#!/bin/bash
# Two engines and one Lease, as the API server's audit log has it: the leader is
# killed, and the next one stopped as a starved node stops it, each in the middle
# of an apply of some hundred objects. Nobody else writes before the lease is
# over, the stopped one writes nothing more when it wakes up, and the other one
# finishes.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_own --no-kwok --audit
ns=work
own=lease
channel=lease
objects=400
k create namespace "$ns" >/dev/null
k create namespace "$own" >/dev/null

# engine NAME: with a token of its own account, so that the log tells them apart
engine() {
	k -n "$own" create serviceaccount "$1" >/dev/null 2>&1
	k create clusterrolebinding "lease-$1" --clusterrole=cluster-admin \
		--serviceaccount="$own:$1" >/dev/null 2>&1
	k config view --raw --flatten >"$1.kubeconfig"
	k config --kubeconfig "$1.kubeconfig" set-credentials "$1" \
		--token="$(k -n "$own" create token "$1")" >/dev/null
	k config --kubeconfig "$1.kubeconfig" set-context --current --user="$1" >/dev/null
	start "$1" windlassd --kubeconfig "$TRASH/$1.kubeconfig" \
		--state "$TRASH/state-$1" --metrics off --namespace "$own" --leader-elect
	wait_line 30 "$1.log" ' ready '
}
# writes of objects: "who began ended"
writes() {
	jq -r 'select(.stage == "ResponseComplete" and .objectRef.resource == "configmaps"
		and (.verb == "patch" or .verb == "create" or .verb == "delete")
		and (.user.username | startswith("system:serviceaccount:'"$own"':"))) |
		[(.user.username | split(":")[3]), .requestReceivedTimestamp, .stageTimestamp] | @tsv' \
		"$CLUSTER/log/audit.log" | sort -k2
}
# who wrote, in turn; "A+B" if a write of B began while one of A ran
turns() {
	writes | awk '
		$1 != last { printf "%s%s", last == "" ? "" : ($2 < ended ? "+" : " "), $1; last = $1 }
		$3 > ended { ended = $3 }
		END { print "" }'
}
count_of() { k -n "$ns" get configmap -o json | jq --arg t "$1" '[.items[] | select(.data.text == $t)] | length'; }
has_of() { [ "$(count_of "$1")" -ge "$2" ]; }

make_host host.git "$channel"
make_clone host.git work
configs $objects text-1
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine one || bail "windlassd does not start: $(cat one.log)"
wait_line 30 one.log ' leading ' || bail "nobody leads"
engine two || bail "windlassd does not start: $(cat two.log)"
ok "a bundle is applied" wait_applied "$channel" 1 90

# ---- killed ----
configs $objects text-2
commit_push work second
wait_for 30 has_of text-2 50
killed=$(date +%s%3N)
stop one KILL
n=$(count_of text-2)
ok "the leader is killed after $n of $objects objects: the other one leads" \
	wait_line 60 two.log ' leading '
took=$(($(date +%s%3N) - killed))
ok "not before the lease was over ($took ms)" test "$took" -ge 12000
ok "and finishes" wait_applied "$channel" 2 60
echo "# $(($(date +%s%3N) - killed)) ms after the kill"
is "$(count_of text-2)" $objects "all objects are of the bundle"

# ---- stopped ----
engine one || bail "windlassd does not start: $(cat one.log)"
configs $objects text-3
commit_push work third
wait_for 30 has_of text-3 50
kill -STOP "$pid_two"
stopped=$(date +%s%3N)
n=$(count_of text-3)
ok "the leader is stopped after $n of $objects objects: the other one leads" \
	wait_line 60 one.log ' leading '
ok "and finishes" wait_applied "$channel" 3 60
echo "# $(($(date +%s%3N) - stopped)) ms after the stop"
kill -CONT "$pid_two"
ok "the stopped one sees that it leads no more" wait_line 30 two.log ' leading-lost '
configs $objects text-4
commit_push work fourth
ok "the next bundle is applied" wait_applied "$channel" 4 60
sleep 3
is "$(turns)" "one two one" "by the API server's own log the two never wrote in one another's time"
is "$(live_differs host.git "$channel")" "" "nothing differs from the bundle"
done_testing
