#!/bin/bash
# What was accepted is in the status and on the disk before the first object
# is touched: an engine that is killed in between has changed nothing, and
# goes on from there.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
ns=record
k create namespace "$ns" >/dev/null
channel=record

json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
accepted() { [ "$(json '{.status.accepted.sequence}')" = "$1" ]; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}'; }
there() { k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
recorded() { grep -q "^sequence $1\$" "state/$id/accepted"; }
# the next record cannot be written: something stands in its place
block() { rm "state/$id/accepted"; mkdir -p "state/$id/accepted/in-the-way"; }
unblock() { rm -r "state/$id/accepted"; }

make_host host.git "$channel"
id=$(git -C host.git config "windlass.$channel.id")
make_clone host.git work
config a one
config first x
config second x
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60
ok "and recorded" wait_for 20 recorded 1

# ---- between the status and the disk ----
block
config a two
git -C work rm -q "deploy/$channel/first.yaml"
commit_push work second
ok "a bundle that cannot be recorded is accepted in the status" \
	wait_for 60 accepted 2
ok "and the fault is said" wait_condition "$channel" Fetched False 60 \
	StateDirectoryFails
sleep 3
is "$(text a)" one "nothing is applied"
ok "and nothing deleted" there first

# ---- killed there ----
engine_kill
unblock
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "after a kill -9 there it goes on" wait_applied "$channel" 2 60
is "$(text a)" two "what changed is applied"
not_ok "what was dropped is gone" there first
ok "and all of it recorded" wait_for 20 recorded 2

# ---- mended while it runs ----
cp "state/$id/accepted" two.record
block
config a three
git -C work rm -q "deploy/$channel/second.yaml"
commit_push work third
ok "once more" wait_for 60 accepted 3
ok "the fault is said" wait_condition "$channel" Fetched False 60 \
	StateDirectoryFails
ok "nothing is deleted" there second
unblock
ok "when the disk takes it, it goes on" wait_applied "$channel" 3 60
ok "and has it" recorded 3
not_ok "now it is deleted" there second

# ---- a record that is behind the status ----
engine_kill
cp two.record "state/$id/accepted"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "attack-54 a record that is behind catches up at the start" wait_for 60 recorded 3
ok "the channel is ready" wait_ready "$channel" 60
ok "Fetched is true" wait_condition "$channel" Fetched True 60
done_testing
