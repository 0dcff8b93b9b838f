#!/bin/bash
# Two engines and one Lease. The leader is stopped as a laptop or a starved
# node stops it, the other takes over and applies a later bundle; what the
# first one had on its way must not be written when it wakes up.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
ns=stopped
k create namespace "$ns" >/dev/null
channel=stopped
objects=300

put_all() {
	local i file=work/deploy/$channel/all.yaml
	mkdir -p "${file%/*}"
	for i in $(seq $objects); do
		printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: o-%s, namespace: %s}\ndata: {text: "%s"}\n' \
			"$i" "$ns" "$1"
	done >"$file"
}

engine() {
	start "$1" windlassd --kubeconfig "$KUBECONFIG" \
		--state "$TRASH/state-$1" --metrics off --leader-elect
}

leads() {
	local holder
	holder=$(k -n windlass-system get lease windlassd \
		-o 'jsonpath={.spec.holderIdentity}')
	grep -q "leading instance=$holder" "$1.log"
}

# how often an object had a smaller number than before
backwards() {
	awk 'NF == 2 { if ($2 < last[$1]) n++; last[$1] = $2 } END { print n + 0 }' \
		watch.log
}

make_host host.git "$channel"
make_clone host.git work
put_all 101
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine one
wait_line 30 one.log 'leading' || bail "nobody leads: $(cat one.log)"
engine two
ok "a bundle is applied" wait_applied "$channel" 1 60
start watch "$KUBECTL" -n "$ns" get configmap -w \
	-l applyset.kubernetes.io/part-of \
	-o 'jsonpath={.metadata.name} {.data.text}{"\n"}'
wait_line 20 watch.log 'o-1 101'

sequence=1
for round in first second; do
	leader=one
	leads two && leader=two
	pid=pid_$leader
	sequence=$((sequence + 1))
	put_all $((100 + sequence))
	commit_push work "the $round leader's"
	wait_line 30 watch.log " $((100 + sequence))\$"
	kill -STOP "${!pid}"
	sequence=$((sequence + 1))
	put_all $((100 + sequence))
	commit_push work "the next leader's"
	ok "when the $round leader is stopped the other takes over" \
		wait_applied "$channel" $sequence 90
	lost=$(grep -c leading-lost "$leader.log")
	kill -CONT "${!pid}"
	ok "it sees that it leads no more when it wakes up" wait_for 30 \
		eval "[ \$(grep -c leading-lost '$leader.log') -gt $lost ]"
	sleep 1
done
is "$(backwards)" 0 "no object was ever set back to an older bundle"
is "$(live_differs host.git "$channel")" "" "nothing differs from the last one"
done_testing
