#!/bin/bash
# Deletions that were let through bundle by bundle are not counted in one after
# a restart: only what is not known to have been counted is.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace other
other=$ns
cluster_namespace counted
channel=counted-$$
held=DELETE_/api/v1/namespaces/$ns/configmaps/

json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
is_json() { [ "$(json "$1")" = "$2" ]; }
accepted() { is_json '{.status.accepted.sequence}' "$1"; }
count_is() { [ "$(live_count)" = "$1" ]; }
left_is() { [ "$(json "{.status.leftovers}" | jq length)" = "$1" ]; }
# keep FIRST TEXT: from now on only these objects are pushed
keep() {
	configs 20 one
	sed -i -n "/name: o-$1,/,\$p" "work/deploy/$channel/all.yaml"
	sed -i '1i apiVersion: v1\nkind: ConfigMap' "work/deploy/$channel/all.yaml"
	commit_push work "$2" || bail "push failed: $(cat push.out)"
}
again() {
	engine_kill
	rules
	KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start again"
}
# held_back SEQUENCE: that bundle was accepted, and a deletion was tried
held_back() {
	accepted "$1" && grep -q "^${held/_/ }.* # status" proxy.log
}

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
make_clone host.git work
configs 20 one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
k patch channel "$channel" --type merge -p '{"spec":{"deleteLimit":10}}' \
	>/dev/null
proxy_start
KUBECONFIG=$PROXIED engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

# ---- bundles that are skipped: each object is counted once ----
engine_kill
keep 2 second
keep 3 third
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start again"
ok "two that delete, read at once, delete no more than they say" \
	wait_applied "$channel" 3 60 || condition "$channel" Applied
is "$(live_count)" 18 "and that much"

# ---- step by step, with one object elsewhere that cannot be applied ----
(ns=$other; refused_service "work/deploy/$channel/bad.yaml" bad)
keep 9 fourth
ok "what the next one drops goes" wait_for 40 count_is 12
ok "though it is not applied" wait_condition "$channel" Applied False 30 \
	ApplyFailed
is "$(json '{.status.applied.sequence}')" 3 "which the status says"
rules "1000 $held status 500"
keep 15 fifth
ok "as many more are accepted" wait_for 40 held_back 5 || tail proxy.log
is "$(live_count)" 12 "and not gone yet"
again
ok "when the engine was killed they go" wait_for 40 count_is 6 ||
	grep -E 'deletes-left|leftover' engine.log
ok "and none is left" left_is 0

# ---- what is not known to have been counted ----
rules "1000 $held status 500"
keep 21 sixth
ok "the rest is accepted" wait_for 40 accepted 6
engine_kill
is "$(json '{.status.accepted.counted.from} {.status.accepted.counted.bundle}')" \
	"1 $(json '{.status.accepted.bundle}')" "and was counted, which is kept"
k patch channel "$channel" --subresource=status --type merge \
	-p "{\"status\":{\"accepted\":{\"counted\":{\"bundle\":\"$(json '{.status.applied.bundle}')\"}}}}" >/dev/null
again
ok "if that is of another one all are counted, and left" \
	wait_line 40 engine.log 'deletes-left .*objects=18 limit=10'
ok "as the status says" wait_for 20 left_is 18
is "$(live_count)" 6 "and none is gone"
k annotate channel "$channel" windlass.dev/prune-leftovers=18 >/dev/null
ok "until an admin says so" wait_for 40 count_is 0

# ---- what was counted, and then left ----

git -C work rm -q "deploy/$channel/bad.yaml"
configs 20 one
commit_push work seventh || bail "push failed: $(cat push.out)"
again
ok "without what fails all is applied" wait_applied "$channel" 7 60
(ns=$other; refused_service "work/deploy/$channel/bad.yaml" bad)
rules "1000 $held status 500"
keep 9 eighth
ok "deletions are accepted" wait_for 40 accepted 8
engine_kill
prune() {
	k patch channel "$channel" --type merge -p "{\"spec\":{\"prune\":$1}}" \
		>/dev/null
}
prune false
again
ok "with spec.prune off they are left" wait_for 40 left_is 8
prune true
seen() { [ "$(json '{.metadata.generation}')" = "$(json '{.status.observedGeneration}')" ]; }
wait_for 40 seen
rules "1000 $held status 500"
keep 17 ninth
ok "as many more are accepted when it is on" wait_for 40 accepted 9
is "$(live_count)" 20 "and not gone yet"
again
ok "what was left is not let through by that" \
	wait_line 40 engine.log 'deletes-left .*objects=16 limit=10'
ok "as the status says" wait_for 20 left_is 16
is "$(live_count)" 20 "and all is there"
done_testing
