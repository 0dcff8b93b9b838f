#!/bin/bash
# The engine is killed again and again while bundles come: in the end the
# cluster is what the last one says, whatever was not finished on the way.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
ns=unfinished
k create namespace "$ns" >/dev/null
channel=unfinished
dir=work/deploy/$channel

there() { k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }
gone() { ! there "$@"; }
json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
remove() { git -C work rm -q "deploy/$channel/$1.yaml"; }
config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
names() {
	k -n "$ns" get configmap -l applyset.kubernetes.io/part-of -o name | sort
}
wanted() {
	bundle_paths host.git "$channel" |
		sed -n 's,objects/.*/core/ConfigMap/\(.*\)\.json$,configmap/\1,p' | sort
}
bad() {
	cat >"$dir/bad.yaml" <<-END
	apiVersion: v1
	kind: Service
	metadata: {name: bad, namespace: $ns}
	spec: {clusterIP: 192.0.2.1, ports: [{port: 80, name: $1}]}
	END
}

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
make_clone host.git work
config a one
config b one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

# ---- an object that only a bundle between had ----
config between one
bad a
commit_push work second
ok "a bundle makes an object and cannot be finished" \
	wait_for 30 there configmap between
ok "as the status says" wait_condition "$channel" Applied False 30 ApplyFailed
remove between
remove b
commit_push work third
ok "the next drops that object, but it stays while another one fails" \
	wait_condition "$channel" PruneBlocked True 30
is "$(json '{.status.accepted.sequence}')" 3 "it is accepted"
engine_kill
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "after a restart it stays blocked" \
	wait_condition "$channel" PruneBlocked True 30 PruneBlocked
ok "as can be seen" there configmap between
remove bad
commit_push work fourth
ok "when nothing fails the bundle is applied" wait_applied "$channel" 4 60
ok "what the applied bundle had is gone" gone configmap b
ok "what only a bundle between had is gone, too" gone configmap between
is "$(json '{.status.leftovers}')" "[]" "nothing is left over"

# ---- killed at random ----
for i in $(seq 12); do config "keep-$i" one; done
commit_push work fifth
rounds=${WINDLASS_ROUNDS:-12}
highest=0
back=
for i in $(seq "$rounds"); do
	config a "$i"
	config "new-$i" "$i"
	[ "$i" -lt 3 ] || remove "new-$((i - 2))"
	[ $((i % 4)) -ne 0 ] || remove "keep-$i"
	commit_push work "round $i"
	sleep "0.$((RANDOM % 5))"
	engine_kill
	now=$(json '{.status.accepted.sequence}')
	[ "$now" -ge "$highest" ] || back="$highest to $now"
	highest=$now
	engine_start || bail "windlassd does not start: $(cat engine.log)"
done
is "$back" "" "what was accepted never goes back"
ok "after $rounds kills the last bundle is applied" \
	wait_applied "$channel" $((5 + rounds)) 90
ok "and ready" wait_ready "$channel" 60
is "$(json '{.status.leftovers}')" "[]" "nothing is left over"
is "$(names)" "$(wanted)" "the cluster has what it names, and nothing else"
is "$(live_differs host.git "$channel")" "" "with the very fields"
done_testing
