#!/bin/bash
# What people do to a Channel and its objects while the engine works: a key
# is taken out, the policy is narrowed, prune is turned off in the middle, the
# status is wiped, what could not be applied is deleted by hand.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
ns=edits
other=edits-other
k create namespace "$ns" >/dev/null
k create namespace "$other" >/dev/null
channel=edits
dir=work/deploy/$channel

there() { k -n "${3:-$ns}" get "$1" "$2" >/dev/null 2>&1; }
gone() { ! there "$@"; }
json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
is_json() { [ "$(json "$1")" = "$2" ]; }
edit() { k patch channel "$channel" --type merge -p "$1" >/dev/null; }
text() { k -n "${2:-$ns}" get configmap "$1" -o 'jsonpath={.data.text}'; }
is_text() { [ "$(text "$1" "${3:-$ns}")" = "$2" ]; }
remove() { git -C work rm -q "deploy/$channel/$1.yaml"; }
config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "${3:-$ns}" "$2"; }

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
ok "and ready" wait_ready "$channel" 30

# ---- a key is taken out while its bundle waits ----
edit '{"spec":{"suspend":true}}'
ok "suspended" wait_condition "$channel" Suspended True 20
config a two
commit_push work second
ok "a bundle waits" wait_line 20 engine.log 'bundle-verified .*sequence=2 '
publishers=$(json '{.spec.publishers}')
make_key another
edit "$(printf '{"spec":{"suspend":false,"publishers":"another namespaces=\\"git,head-v1@windlass.dev\\" %s\\n"}}' \
	"$(cut -d' ' -f1,2 keys/another.pub)")"
ok "the edit is seen" wait_condition "$channel" Verified False 20
ok "and no longer suspended" wait_condition "$channel" Suspended False 20
sleep 1
is "$(json '{.status.accepted.sequence}')" 1 \
	"attack-31 what waited is not accepted by a key that is no publisher any more"
is "$(text a)" one "and nothing of it is applied"
edit "$(jq -cn --arg p "$publishers" '{spec:{publishers:$p}}' 2>/dev/null ||
	printf '{"spec":{"publishers":"%s"}}' \
	"$(sed 's/"/\\"/g; s/$/\\n/' <<<"$publishers" | tr -d '\n')")"
ok "with the key back it is applied" wait_applied "$channel" 2 30

# ---- the status is wiped by hand ----
sleep 2.5	# at rest: nothing else is to be written
k patch channel "$channel" --subresource status --type merge -p \
	'{"status":{"accepted":null,"applied":null,"conditions":null}}' >/dev/null
ok "attack-53 a status that was wiped comes back" wait_applied "$channel" 2 20
is "$(json '{.status.accepted.sequence}')" 2 "with what was accepted"
ok "and its conditions" wait_ready "$channel" 20

# ---- edits while suspended are no repairs ----
repairs=$(json '{.status.lastDrift.repairs}')
edit '{"spec":{"suspend":true}}'
ok "suspended again" wait_condition "$channel" Suspended True 20
for i in 1 2 3 4 5 6 7; do
	k -n "$ns" patch configmap a -p "{\"data\":{\"text\":\"$i\"}}" >/dev/null
done
sleep 1
is "$(text a)" 7 "a suspended channel repairs nothing"
is "$(json '{.status.lastDrift.repairs}')" "$repairs" "and counts no repair"
unlike "$(cat engine.log)" 'DriftFight' "and fights nobody"
edit '{"spec":{"suspend":false}}'
ok "when it goes on it is repaired" wait_for 20 is_text a two

# ---- what failed is deleted by hand ----
put work "deploy/$channel/d.yaml" ConfigMap d "$ns"
commit_push work third
ok "so far all is applied" wait_applied "$channel" 3 60
manifest Deployment web "$ns" | sed 's/app: web/app: other/' |
	k apply -f - >/dev/null || bail "no Deployment"
# it bears our label, so that the engine sees what becomes of it
k -n "$ns" label deployment web "applyset.kubernetes.io/part-of=$(
	k -n "$ns" get configmap a -o \
	'jsonpath={.metadata.labels.applyset\.kubernetes\.io/part-of}')" >/dev/null
put work "deploy/$channel/web.yaml" Deployment web "$ns"
commit_push work fourth
ok "somebody's Deployment has a selector that cannot be changed" \
	wait_line 40 engine.log 'apply-failed .*web.* tries=2'
k -n "$ns" delete deployment web >/dev/null
ok "when somebody deletes the old one the new one is made at once" \
	wait_for 7 there deployment web
ok "and the bundle is applied" wait_applied "$channel" 4 30

# ---- prune is turned off while something is to be deleted ----
config c one
commit_push work fifth
wait_applied "$channel" 5 30
remove c
cat >"$dir/bad.yaml" <<END
apiVersion: v1
kind: Service
metadata: {name: bad, namespace: $ns}
spec: {clusterIP: 192.0.2.1, ports: [{port: 80}]}
END
commit_push work sixth
ok "a deletion waits" wait_condition "$channel" PruneBlocked True 30 PruneBlocked
edit '{"spec":{"prune":false}}'
ok "without prune it is a leftover" wait_for 20 \
	is_json '{.status.leftovers[*]}' "ConfigMap $ns/c"
remove bad
commit_push work seventh
ok "and the next bundle is applied" wait_applied "$channel" 7 40
ok "nothing was deleted" there configmap c
k annotate channel "$channel" windlass.dev/prune-leftovers=1 >/dev/null
ok "confirming it without prune" wait_for 10 is_json \
	'{.metadata.annotations.windlass\.dev/prune-leftovers}' ''
sleep 0.5
ok "deletes nothing" there configmap c
edit '{"spec":{"prune":true}}'
k annotate channel "$channel" windlass.dev/prune-leftovers=1 >/dev/null
ok "with it, it does" wait_for 20 gone configmap c

# ---- what waits for a finalizer is not there any more ----
k -n "$ns" patch configmap b --type merge \
	-p '{"metadata":{"finalizers":["example.org/wait"]}}' >/dev/null
k -n "$ns" delete configmap b --wait=false >/dev/null
ok "an object that somebody deletes is not healthy" \
	wait_condition "$channel" Healthy False 20
like "$(condition "$channel" Healthy)" "ConfigMap $ns/b: .*finalizers" \
	"and is named"
k -n "$ns" patch configmap b --type merge \
	-p '{"metadata":{"finalizers":null}}' >/dev/null
ok "when it is gone it is made again" wait_ready "$channel" 30
is "$(text b)" one "as it was"

# ---- the policy is narrowed ----
config far one "$other"
commit_push work eighth
wait_applied "$channel" 8 30
edit "{\"spec\":{\"namespaces\":[\"$ns\"]}}"
ok "what is not allowed any more says so" \
	wait_condition "$channel" Applied False 20 ApplyFailed
like "$(condition "$channel" Applied)" "ConfigMap $other/far: .*spec.namespaces" \
	"by name"
k -n "$other" patch configmap far -p '{"data":{"text":"mine"}}' >/dev/null
k -n "$ns" patch configmap a -p '{"data":{"text":"mine"}}' >/dev/null
ok "all else is repaired" wait_for 20 is_text a two
is "$(text far "$other")" mine "but not that"
engine_kill
engine_start || bail "windlassd does not start: $(cat engine.log)"
k -n "$ns" patch configmap a -p '{"data":{"text":"mine"}}' >/dev/null
ok "so it is after a restart" wait_for 30 is_text a two
is "$(text far "$other")" mine "still not that"
config b two
commit_push work ninth
ok "a bundle that does not touch it is taken" wait_for 30 is_text b two
edit "{\"spec\":{\"namespaces\":[\"*\"]}}"
ok "when it is allowed again it is repaired" wait_for 20 is_text far one "$other"
ok "and all is applied" wait_applied "$channel" 9 30
ok "and ready" wait_ready "$channel" 30
is "$(live_differs host.git "$channel")" "" "nothing differs"

stop engine TERM
unlike "$(cat engine.log)" 'AddressSanitizer|runtime error' "no sanitizer complains"
done_testing
