#!/bin/bash
# A tenant of the cluster, admin of a namespace and no more: Channels, what was
# accepted, keys and accounts are out of reach; a label makes nothing the
# channel's, for keeping or for deleting; and who lowers what was accepted, by
# whatever right, brings nothing older back.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace tenant
channel=tenant-$$

config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
gone() { ! k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
accepted_is() { [ "$(json '{.status.accepted.sequence}')" = "$1" ]; }

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 100
make_clone host.git work
config a one
config b one
config c one
commit_push work first
port=$(free_port)
mkdir web
cp -r host.git/windlass/public/. web
start static python3 -m http.server --bind 127.0.0.1 -d web "$port"
URL=http://127.0.0.1:$port
wait_for 10 curl -sf "$URL/$channel/head" || bail "no server"
publish() { rm -rf web/*; cp -r host.git/windlass/public/. web; }
channel_install host.git "$channel" >/dev/null || bail "install failed"
k patch channel "$channel" --type merge -p '{"spec":{"interval":"1s"}}' \
	>/dev/null
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 40
cp -r web old
sleep 1.5
k get channel "$channel" -o json |
	jq -c '{status: {accepted: .status.accepted, applied: .status.applied}}' \
	>old.json
config a two
commit_push work second
publish
ok "and another" wait_applied "$channel" 2 20
ok "ready" wait_ready "$channel" 20

# ---- what the tenant may ----

k -n "$ns" create serviceaccount mallory >/dev/null
k -n "$ns" create rolebinding mallory --clusterrole=admin \
	--serviceaccount="$ns:mallory" >/dev/null
cp "$KUBECONFIG" tenant.conf
k config --kubeconfig tenant.conf set-credentials mallory \
	--token="$(k -n "$ns" create token mallory)" >/dev/null
k config --kubeconfig tenant.conf set-context --current --user=mallory \
	>/dev/null
tenant() { k --kubeconfig tenant.conf "$@"; }
ok "the tenant rules in the namespace" \
	tenant -n "$ns" create configmap mine --from-literal=text=mine
sleep 1.5
before=$(k get channel "$channel" -o json | jq -cS '[.metadata.uid, .spec, .status]')
jq -cS '{apiVersion, kind, metadata: {name: .metadata.name}, spec: (.spec + {publishers: "x"})}' \
	<(k get channel "$channel" -o json) >mine.json
jq -c '.metadata.name = "mine"' mine.json >other.json

# forbidden WHAT COMMAND...
forbidden() {
	local what=$1
	shift
	tenant "$@" >out 2>&1
	like "$? $(tr '\n' ' ' <out)" '^1 .*(Forbidden|forbidden)' \
		"attack-51 a tenant may not $what"
}
forbidden "get a Channel" get channel "$channel"
forbidden "list Channels" get channels
forbidden "watch them" get --raw '/apis/windlass.dev/v1alpha1/channels?watch=true&timeoutSeconds=1'
forbidden "create one" create -f other.json
forbidden "replace one" replace --raw "/apis/windlass.dev/v1alpha1/channels/$channel" -f mine.json
forbidden "patch one" patch channel "$channel" --type merge -p '{"spec":{"publishers":"x"}}'
forbidden "apply one" apply --server-side --force-conflicts -f mine.json
forbidden "annotate one" annotate channel "$channel" windlass.dev/clear-fork=yes
forbidden "patch its status" patch channel "$channel" --subresource status \
	--type merge -p '{"status":{"accepted":null}}'
forbidden "delete one" delete channel "$channel"
forbidden "delete all" delete channels --all
forbidden "change the kind" patch crd channels.windlass.dev --type merge -p '{}'
forbidden "read the engine's Secrets" -n windlass-system get secrets
forbidden "make one" -n windlass-system create secret generic mine
forbidden "take its Lease" -n windlass-system get leases
forbidden "be the channel's account" get configmaps -n "$ns" \
	--as "system:serviceaccount:windlass-system:channel-$channel"
forbidden "get its token" -n windlass-system create token "channel-$channel"
is "$(k get channel "$channel" -o json | jq -cS '[.metadata.uid, .spec, .status]')" \
	"$before" "attack-51 and the Channel is as it was"

# ---- labels ----

label=applyset.kubernetes.io/part-of=$(k -n "$ns" get configmap a -o \
	'jsonpath={.metadata.labels.applyset\.kubernetes\.io/part-of}')
ok "attack-52 a tenant puts the channel's label on their own" \
	tenant -n "$ns" label configmap mine "$label"
git -C work rm -q "deploy/$channel/b.yaml" "deploy/$channel/c.yaml"
commit_push work third
publish
ok "attack-52 what a bundle drops" wait_applied "$channel" 3 30
ok "attack-52 is deleted where it is the channel's" wait_for 20 gone c
sleep 1
is "$(k -n "$ns" get configmap mine -o 'jsonpath={.data.text}')" mine \
	"attack-52 what only has the label is not"
tenant -n "$ns" create configmap b --from-literal=text=theirs >/dev/null
tenant -n "$ns" label configmap b "$label" >/dev/null
config d one
commit_push work fourth
publish
ok "attack-52 when the next one came" wait_applied "$channel" 4 20
is "$(text b)" theirs "attack-52 what took the name of what was is not"

# ---- counters ----

# lower: somebody with every right writes the status back to what it was
lower() {
	k patch channel "$channel" --subresource status --type merge \
		--patch-file old.json >/dev/null
}
rm -rf web/*
cp -r old/. web
ok "attack-53 a host that goes back" wait_condition "$channel" Verified False \
	20 Rollback
lower
ok "attack-53 what was accepted is written again" wait_for 20 accepted_is 4
is "$(condition "$channel" Verified | cut -d' ' -f1,2)" "False Rollback" \
	"attack-53 and the old bundle is not taken"
is "$(text a)" two "attack-53 nothing goes back"
engine_kill
lower
engine_start || bail "windlassd does not start again"
ok "attack-53 lowered while nobody looked, it is told from the disk" \
	wait_for 20 accepted_is 4
ok "attack-53 and the old bundle is not taken" wait_condition "$channel" \
	Verified False 20 Rollback
is "$(text a)" two "attack-53 nothing goes back"
publish
ok "the truth is taken again" wait_condition "$channel" Verified True 20 ||
	k get channel "$channel" -o yaml | sed 's/^/# /'
done_testing
