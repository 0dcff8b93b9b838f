# The engine on a real control plane. Source it after lib.sh, lib-git.sh and
# lib-cluster.sh, and after cluster_use or cluster_own.
#
#   serve_start REPO          `windlass-hook serve`; its address is in $URL
#   channel_install REPO CHANNEL [OPTION...]
#                             `windlass install --apply` of a channel that
#                             $URL serves; by default it may do everything
#   engine_start [OPTION...]  windlassd, log in engine.log, metrics at $METRICS;
#                             waits until no other test has one
#   engine_kill               kill -9, and its children
#   wait_applied CHANNEL SEQUENCE [SECONDS]
#   wait_ready CHANNEL [SECONDS]
#   wait_condition CHANNEL TYPE STATUS [SECONDS [REASON]]
#   condition CHANNEL TYPE    prints "STATUS REASON MESSAGE"
#   refused_service FILE [NAME]   an object of $ns that passes every check and
#                             that the API server refuses
#   live_count                how many ConfigMaps of channels $ns has
#   at_least COUNT            it has so many
#   live_differs REPO CHANNEL prints what differs between the bundle and the
#                             cluster, by kubectl diff; nothing if all is well

serve_start() {
	start serve windlass-hook serve --repo "$1" --listen "${2:-127.0.0.1:0}"
	wait_line 20 serve.log 'listening on' || return 1
	URL=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' serve.log | tail -n 1)
}

channel_install() {
	local repo=$1 channel=$2
	shift 2
	engine_lock || return 1
	[ $# -gt 0 ] || set -- --cluster-admin
	at_exit "k delete channel '$channel' --wait=false"
	windlass install "$channel" --from "$repo" --url "$URL" "$@" --apply
}

# An engine works for every Channel of its cluster: two tests that share one
# take turns. The lock is held for as long as one of the test's programs runs.
engine_lock() {
	[ -z "${engine_lock:-}" ] || return 0
	exec {engine_lock}>>"$CLUSTER/engine.lock"
	flock -w 1500 "$engine_lock"
}

engine_start() {
	engine_lock || return 1
	METRICS=127.0.0.1:$(free_port)
	start engine windlassd --kubeconfig "$KUBECONFIG" \
		--state "$TRASH/state" --metrics "$METRICS" \
		--no-leader-elect "$@"
	wait_line 20 engine.log 'ready'
}

engine_kill() { stop engine KILL; }

wait_applied() {
	wait_for "${3:-60}" is_applied "$1" "$2"
}

is_applied() {
	[ "$(k get channel "$1" -o 'jsonpath={.status.applied.sequence}')" = "$2" ]
}

wait_ready() {
	wait_condition "$1" Ready True "${2:-60}"
}

wait_condition() {
	wait_for "${4:-60}" is_condition "$1" "$2" "$3" "${5:-}"
}

is_condition() {
	[[ $(condition "$1" "$2") == "$3 $4"* ]]
}

condition() {
	k get channel "$1" -o "jsonpath={range .status.conditions[?(@.type==\"$2\")]}{.status} {.reason} {.message}{end}"
}

refused_service() {
	cat >"$1" <<-END
	apiVersion: v1
	kind: Service
	metadata: {name: ${2:-refused}, namespace: $ns}
	spec: {clusterIP: 192.0.2.1, ports: [{port: 80}]}
	END
}

live_count() {
	k -n "$ns" get configmap -l applyset.kubernetes.io/part-of -o name |
		wc -l
}

at_least() { [ "$(live_count)" -ge "$1" ]; }

live_differs() {
	local repo=$1 channel=$2 checkout
	checkout=$(mktemp -d "$TRASH/live-XXXXXX")
	git -C "$repo" archive "refs/windlass/$channel" objects |
		tar -x -C "$checkout"
	# a dry run counts some unchanged objects' generation up: no difference
	printf '#!/bin/sh\nexec diff -u -N -I "^  generation: " "$@"\n' \
		>"$TRASH/live-diff"
	chmod +x "$TRASH/live-diff"
	KUBECTL_EXTERNAL_DIFF=$TRASH/live-diff k diff --server-side --force-conflicts \
		--field-manager "windlass-$channel" -R -f "$checkout/objects" 2>&1
	rm -rf "$checkout"
}
