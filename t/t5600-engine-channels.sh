#!/bin/bash
# Many channels in one engine. One that fails, whose Git host is away or says
# nothing, whose bundle is damaged, that is suspended or that has thousands of
# objects to apply delays no other; of two that claim one object one gets it.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace channels
good=chn-good-$$
fails=chn-fails-$$
down=chn-down-$$
silent=chn-silent-$$
bad=chn-bad-$$
asleep=chn-asleep-$$
bulk=chn-bulk-$$
one=chn-one-$$
two=chn-two-$$
loser=
objects=800

text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
gone() { ! k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
json() { k get channel "$1" -o "jsonpath=$2" 2>/dev/null; }
is_json() { [ "$(json "$1" "$2")" = "$3" ]; }
version() { k -n "$ns" get configmap "$1" -o 'jsonpath={.metadata.resourceVersion}'; }
suspend() {
	local value=$1
	shift
	k patch channel "$@" --type merge -p "{\"spec\":{\"suspend\":$value}}" >/dev/null
}

all="$good $fails $down $silent $bad $asleep $bulk"
make_host host.git $all
make_clone host.git work
for channel in $all; do
	put work "deploy/$channel/o.yaml" ConfigMap "${channel%-*}" "$ns" first
done
refused_service "work/deploy/$fails/refused.yaml"
commit_push work first || bail "push failed: $(cat push.out)"
for file in host.git/windlass/public/"$bad"/packs/*; do
	chmod u+w "$file"
	printf 'spoilt' | dd of="$file" bs=1 seek=40 conv=notrunc status=none
done
serve_start host.git || bail "serve does not start"
port=$(free_port)
start odd python3 "$TEST_DIR/odd-server.py" "$port" "$TRASH"
wait_for 20 curl -s "http://127.0.0.1:$port/plain/none" || bail "no odd server"
host=$URL
for channel in $all; do
	URL=$host
	[ "$channel" != "$down" ] || URL=http://127.0.0.1:$(free_port)
	[ "$channel" != "$silent" ] || URL=http://127.0.0.1:$port/silent
	channel_install host.git "$channel" >/dev/null || bail "install failed"
done
URL=$host
suspend true "$asleep"
engine_start || bail "windlassd does not start: $(cat engine.log)"

# ---- each has its own fate ----
ok "a channel among six with troubles is applied" wait_applied "$good" 1 30
ok "and ready" wait_ready "$good" 30
ok "one with an object that is refused says so" \
	wait_condition "$fails" Applied False 30 ApplyFailed
told() { k get events -A --field-selector "involvedObject.name=$fails" \
	-o 'jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}' |
	grep '^ApplyFailed: 1 of [0-9]* objects cannot be applied: '; }
ok "as does an Event" wait_for 20 told
ok "one whose host is down says so" wait_condition "$down" Fetched False 30
ok "one with spoilt packs is not ready" wait_condition "$bad" Ready False 30
ok "and says what is wrong with them" wait_for 30 sh -c \
	"'$KUBECTL' get channel '$bad' -o 'jsonpath={.status.conditions[*].message}' | grep -q 'pack\|SHA-256'" ||
	k get channel "$bad" -o 'jsonpath={.status.conditions}' | sed 's/^/# /'
ok "a suspended one says so" wait_condition "$asleep" Suspended True 30
ok "one with an object that is refused applies the others" \
	wait_for 20 is_text "${fails%-*}" first
for channel in $down $silent $bad $asleep; do
	ok "nothing of ${channel%-*} is applied" gone "${channel%-*}"
done

# ---- and goes on having it while others work ----
put work "deploy/$good/o.yaml" ConfigMap "${good%-*}" "$ns" second
put work "deploy/$asleep/o.yaml" ConfigMap "${asleep%-*}" "$ns" second
commit_push work second
ok "the next bundle of the good one is applied" wait_applied "$good" 2 20
is "$(text "${good%-*}")" second "with its value"
k -n "$ns" patch configmap "${good%-*}" -p '{"data":{"text":"edited"}}' >/dev/null
ok "its drift is repaired" wait_for 20 is_text "${good%-*}" second
ok "the suspended one has still nothing" gone "${asleep%-*}"

# ---- thousands of objects ----
suspend true "$bulk" "$good"
wait_condition "$bulk" Suspended True 20
wait_condition "$good" Suspended True 20
for i in $(seq $objects); do
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: bulk-%s, namespace: %s}\ndata: {text: bulk}\n' \
		"$i" "$ns"
done >"work/deploy/$bulk/many.yaml"
put work "deploy/$good/o.yaml" ConfigMap "${good%-*}" "$ns" third
commit_push work third || bail "push failed: $(cat push.out)"
suspend false "$bulk" "$good"
ok "beside one with $objects objects the good one is applied" \
	wait_applied "$good" 3 60
ok "which is applied too" wait_applied "$bulk" 2 90
last=$(k -n "$ns" get configmap -l \
	"applyset.kubernetes.io/part-of=$(json "$bulk" '{.metadata.labels.applyset\.kubernetes\.io/id}')" \
	-o 'jsonpath={range .items[*]}{.metadata.resourceVersion}{"\n"}{end}' |
	sort -n | tail -n 1)
mine=$(version "${good%-*}")
ok "the good one did not wait for the end of it" [ "$mine" -lt "$last" ]

# ---- all of them recover, each by itself ----
rm "work/deploy/$fails/refused.yaml"
put work "deploy/$bad/o.yaml" ConfigMap "${bad%-*}" "$ns" second
rm -rf host.git/windlass/public/"$bad"
suspend false "$asleep"
commit_push work fourth
k patch channel "$down" "$silent" --type merge -p "{\"spec\":{\"url\":\"$URL\"}}" >/dev/null
ok "without the object that is refused it is applied" wait_applied "$fails" 2 30
ok "one that wakes has the newest bundle" wait_applied "$asleep" 2 30
ok "with its value" is_text "${asleep%-*}" second
ok "the host came back" wait_applied "$down" 1 60
ok "the host says something again" wait_applied "$silent" 1 60
ok "packs that are whole are taken" wait_applied "$bad" 2 60
for channel in $all; do
	ok "${channel%-*} is ready in the end" wait_ready "$channel" 60 ||
		condition "$channel" Ready | sed 's/^/# /'
done

# ---- two claim one object, in their first bundles ----
add_channel host.git "$one"
add_channel host.git "$two"
kill -HUP "$pid_serve"
for channel in $one $two; do
	put work "deploy/$channel/own.yaml" ConfigMap "${channel%-*}" "$ns" own
	put work "deploy/$channel/shared.yaml" ConfigMap shared "$ns" "${channel%-*}"
done
commit_push work fifth || bail "push failed: $(cat push.out)"
for channel in $one $two; do
	channel_install host.git "$channel" >/dev/null || bail "install failed"
done
refused_one() {
	local channel
	for channel in $one $two; do
		is_json "$channel" '{.status.failures[0].reason}' OtherChannel &&
			loser=$channel && return
	done
	return 1
}
ok "one of two that claim an object is refused" wait_for 30 refused_one
[ "$loser" = "$one" ] && winner=$two || winner=$one
like "$(json "$loser" '{.status.failures[0].object} {.status.failures[0].message}')" \
	"^ConfigMap $ns/shared it belongs to channel '$winner'; channel '$loser'" \
	"both are named, and the object"
ok "the other one has it, and is ready" wait_ready "$winner" 30
is "$(text shared)" "${winner%-*}" "with its own value"
ok "what only the loser has is live" wait_for 20 is_text "${loser%-*}" own
rm "work/deploy/$winner/shared.yaml"
commit_push work sixth
ok "when its owner lets go the other one gets it" \
	wait_for 60 is_text shared "${loser%-*}"
ok "and is ready" wait_ready "$loser" 60
is "$(k -n "$ns" get configmap shared -o 'jsonpath={.metadata.managedFields[*].manager}')" \
	"windlass-$loser" "nothing of the other one is left on it"
ok "it was one engine all the time" kill -0 "$pid_engine"
done_testing
