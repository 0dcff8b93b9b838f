#!/bin/bash
# A bundle of a hook that did not look: objects that by depends-on wait for
# themselves, in a circle and alone, and items that name nobody. The engine
# fails those with the circle and their file and line, before and after a
# restart; all else goes on; a bundle that breaks the circle is applied.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-forged.sh"
forged_begin circles

there() { k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
version() { k -n "$ns" get configmap "$1" -o 'jsonpath={.metadata.resourceVersion}'; }
on() { echo "/namespaces/$ns/ConfigMap/$1"; }
# config NAME [DEPENDS]
config() {
	put "$ns" '' ConfigMap "$1"
	jq -n --arg name "$1" --arg ns "$ns" --arg part "$(part_of "$channel")" \
		--arg on "${2:-}" -S '{apiVersion: "v1", data: {a: "b"},
		kind: "ConfigMap", metadata: ({labels:
		{"applyset.kubernetes.io/part-of": $part}, name: $name,
		namespace: $ns} + (if $on == "" then {} else {annotations:
		{"config.kubernetes.io/depends-on": $on}} end))}' \
		>"tree/objects/$ns/core/ConfigMap/$1.json"
}
web_start
config base
config elsewhere
next
forged_open
engine_lock
forged_channel
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle without circles is applied" wait_applied "$channel" 1 40

# ---- round and round, and to nobody ----
config round-1 "$(on round-2)"
config round-2 "$(on base), $(on round-3)"
config round-3 "$(on round-1)"
config round-self "$(on round-self)"
config beyond "$(on round-1)"
config nonsense "what is this"
config free "$(on base)"
drop "$ns" '' ConfigMap elsewhere
next
ok "what has nothing to do with it is applied" wait_for 30 there free
fails() { # NAME REASON MESSAGE
	k get channel "$channel" -o json | jq -e --arg o "ConfigMap $ns/$1" --arg r "$2" --arg m "$3" \
		--arg s "deploy/$1.yaml:1" '.status.failures[] |
		select(.object == $o and .reason == $r and .source == $s and (.message | test($m)))' >/dev/null
}
shown() {
	ok "$1: $2" wait_for 30 fails "$1" "$2" "$3" ||
		k get channel "$channel" -o jsonpath='{.status.failures}' | sed 's/^/# /'
}
cm="ConfigMap $ns"
shown round-1 DependencyCycle "^by depends-on it waits for itself: $cm/round-1 > $cm/round-2 > $cm/round-3 > $cm/round-1\$"
shown round-2 DependencyCycle "itself: $cm/round-2 > $cm/round-3 > $cm/round-1 > $cm/round-2\$"
shown round-3 DependencyCycle "itself: $cm/round-3 > "
shown round-self DependencyCycle "itself: $cm/round-self > $cm/round-self\$"
shown beyond DependencyFailed "^it depends on /namespaces/$ns/ConfigMap/round-1, which cannot be applied"
shown nonsense DependencyMissing "^it depends on what is this, which this channel has not"
for name in round-1 round-2 round-3 round-self beyond nonsense; do
	not_ok "$name is not there" there "$name"
done
engine_kill
engine_start || bail "windlassd does not start: $(cat engine.log)"
shown round-1 DependencyCycle "itself: $cm/round-1 > $cm/round-2 > $cm/round-3 > $cm/round-1\$"

# ---- healed by one of them ----
config round-2 "$(on base)"
config round-self
config nonsense
next
ok "a bundle that breaks the circle is applied" wait_applied "$channel" 3 40 ||
	condition "$channel" Applied | sed 's/^/# /'
ok "in its order, what did not change too" \
	[ "$(version round-2)" -lt "$(version round-1)" ]
ok "to the end" [ "$(version round-1)" -lt "$(version beyond)" ]
gone() { ! there "$@"; }
ok "what left the bundle is deleted" wait_for 30 gone elsewhere
ok "and the channel is ready" wait_ready "$channel" 30
done_testing
