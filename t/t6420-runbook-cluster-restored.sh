#!/bin/bash
# contrib/runbooks/cluster-restored.md: the API server comes back with
# yesterday's etcd, with and without the engine's state directory, and together
# with a Git host from a backup. Each time the cluster ends where the signed
# bundles lead, and goes back to nothing older.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-runbook.sh"
runbook_begin
# the page restarts the engine's Deployment; the engine that works is beside it
windlass install --image "registry.example.org/windlassd@sha256:$(printf '%064d' 1)" \
	--apply >/dev/null || bail "install failed"
engine_again() {
	engine_kill
	engine_start || bail "windlassd does not start: $(cat engine.log)"
}
stop_cluster() {
	for component in scheduler controller-manager kwok apiserver etcd; do
		cluster stop --kill $component >/dev/null || bail "stop $component"
	done
}
start_cluster() {
	for component in etcd apiserver controller-manager scheduler kwok; do
		cluster start $component >/dev/null || bail "start $component"
	done
}
etcd_restore() {
	stop_cluster
	rm -rf "$CLUSTER/etcd"
	cp -a etcd.yesterday "$CLUSTER/etcd"
	start_cluster
}
content() {
	k -n shop get configmap -l applyset.kubernetes.io/part-of -o \
		'jsonpath={range .items[*]}{.metadata.name} {.data.text}{"\n"}{end}'
}
k -n shop create configmap foreign --from-literal=text=mine >/dev/null
stop_cluster
cp -a "$CLUSTER/etcd" etcd.yesterday
start_cluster
cp -a host.git backup.git
wait_ready prod 60 || bail "not ready after the snapshot: $(tail engine.log)"
second_push
today=$(content)
yesterday=$(printf 'changed one\ngoing one\nsame one')
same=$(uids | grep '^same ')

runbook cluster-restored
# ---- the state directory is kept; the Git host cannot be reached ----
stop serve
engine_kill
etcd_restore
run_block "What you see" 1 here
is "$(cat .output)" 1.1 "the status is yesterday's"
run_block Before 1 here
run_block "Start the engine again" 1 here
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "the record on disk wins" wait_for 40 accepted 1.2
like "$(cat engine.log)" 'accepted-restored .*sequence=2' "and the log says so"
ok "what was accepted is applied, without the host" wait_for 40 is_text later two
ok "what was changed, too" wait_for 20 is_text changed two
ok "nothing is deleted before the host says that it is so" there going
serve_again
run_block "It is over" 1 here
ok "with it, what left Git is deleted" wait_for 20 gone going
is "$(content)" "$today" "what is live is the newest bundle"
is "$(uids | grep '^same ')" "$same" "what did not change is as it was"
is "$(text foreign)" mine "and so is what is somebody else's"
is "$(json '{.status.leftovers[*]}')" "" "nothing is left over"

# ---- the state directory is gone, too: the Git host leads on ----
engine_kill
etcd_restore
is "$(content)" "$yesterday" "the cluster is yesterday's again"
rm -rf state
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "the engine catches up" wait_for 60 applied 1.2
ok "it is ready" wait_ready prod 30
is "$(content)" "$today" "what is live is the newest bundle"
is "$(uids | grep '^same ')" "$same" "what did not change is as it was"
is "$(json '{.status.leftovers[*]}')" "" "nothing is left over"
is "$(live_differs host.git prod)" "" "nothing differs"

# ---- the Git host is yesterday's, too; the state directory is kept ----
stop serve
mv host.git lost.git
cp -a backup.git host.git
engine_kill
etcd_restore
serve_again
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "both restored: nothing older is taken" \
	wait_condition prod Verified False 60 Rollback
said Verified Rollback
ok "what was accepted last comes back" \
	wait_for 30 is_text later two
edits_undone changed two
guide_done
runbook new-epoch
run_block "On the Git host" 1 here
config going one
commit work "what 1.2 deleted shall live"
ok "what was lost is pushed again, and more" push work
uids >before
run_block "In each cluster" 1 here
ok "the new epoch is live" wait_for 20 applied 2.2
is "$(content)" "$(sort <<<"$today"$'\ngoing one')" "with what was pushed"
is "$(uids)" "$(cat before)" \
	"an old epoch's deletion that did not happen yet never does"

# ---- and gone, while an engine runs on ----
runbook cluster-restored
stop serve
rm -rf host.git
cp -a backup.git host.git
etcd_restore
serve_again
engine_kill
rm -rf state
engine_start || bail "windlassd does not start: $(cat engine.log)"
run_block "It is over" 1 here
ok "both restored, and no record: as it was yesterday" accepted 1.1
is "$(content)" "$yesterday" "with yesterday's objects"
git -C work reset -q --hard HEAD^
ok "what was lost is pushed again" git -C work push -q origin main
run_block "It is over" 1 here
is "$(content)" "$today" "and live, all of it"
stop engine TERM
unlike "$(cat engine.log)" 'AddressSanitizer|runtime error' "no sanitizer complains"
done_testing
