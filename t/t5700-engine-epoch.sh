#!/bin/bash
# A new epoch: the Git host was restored from a backup and cannot go on where
# the clusters are. Nothing is taken before an admin raised spec.epochFloor,
# and nothing is deleted by it: what is left over is listed until somebody
# confirms the number.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace epoch
channel=epoch-$$
dir=work/deploy/$channel

there() { k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }
gone() { ! there "$@"; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
is_json() { [ "$(json "$1")" = "$2" ]; }
no_annotation() { is_json '{.metadata.annotations.windlass\.dev/prune-leftovers}' ''; }
floor() {
	k patch channel "$channel" --type merge -p "{\"spec\":{\"epochFloor\":$1}}" >/dev/null
}
applied_is() { is_json '{.status.applied.epoch}.{.status.applied.sequence}' "$1"; }
uids() {
	k -n "$ns" get configmap,serviceaccount -l applyset.kubernetes.io/part-of \
		-o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}'
}
versions() {
	k -n "$ns" get configmap same-1 same-2 \
		-o 'jsonpath={.items[*].metadata.resourceVersion}'
}

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 100
make_clone host.git work
for name in same-1 same-2 changed dropped-1 dropped-2; do
	put work "deploy/$channel/$name.yaml" ConfigMap "$name" "$ns" first
done
commit_push work first
cp -a host.git backup.git
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 40

# what the backup does not know
put work "deploy/$channel/changed.yaml" ConfigMap changed "$ns" second
put work "deploy/$channel/later.yaml" ConfigMap later "$ns" second
cat >"$dir/account.yaml" <<END
apiVersion: v1
kind: ServiceAccount
metadata: {name: later, namespace: $ns}
END
commit_push work second
ok "and one more" wait_applied "$channel" 2 40
ok "the channel is ready" wait_ready "$channel" 30

# ---- the Git host comes back from its backup, published files and all ----
stop serve
mv host.git lost.git
cp -a backup.git host.git
rm -rf work
git clone -q "file://$TRASH/host.git" work
git -C work rm -q "deploy/$channel/dropped-1.yaml" "deploy/$channel/dropped-2.yaml"
put work "deploy/$channel/new.yaml" ConfigMap new "$ns" third
# ... with the published files of today: those it must not contradict
rm -rf host.git/windlass/public
cp -a lost.git/windlass/public host.git/windlass/public
before=$(uids)
commit_push work third || true
not_ok "the host does not publish over what is out" \
	windlass-hook publish --repo host.git "$channel"
like "$(windlass-hook publish --repo host.git "$channel" 2>&1)" \
	"git config windlass.$channel.epoch 2" "and says what to do"
like "$(windlass-hook doctor --repo host.git 2>&1)" \
	"git config windlass.$channel.epoch 2" "so does doctor"
git -C host.git config "windlass.$channel.epoch" 2
ok "in a new epoch it does" windlass-hook publish --repo host.git "$channel"
is "$(head_field host.git "$channel" epoch).$(head_field host.git "$channel" sequence)" \
	2.1 "it begins with bundle 1"
is "$(git -C host.git for-each-ref --format='%(refname)' refs/windlass/_epochs)" \
	"refs/windlass/_epochs/$channel/1" "the old epoch has a ref of its own"
serve_start host.git "${URL#http://}" || bail "serve does not start"

# ---- nobody told the cluster ----
ok "the engine does not take it" \
	wait_condition "$channel" Verified False 60 EpochRefused ||
	k get channel "$channel" -o 'jsonpath={.status.conditions}' | sed 's/^/# /'
like "$(condition "$channel" Verified)" 'spec.epochFloor' "and says what would do"
is "$(json '{.status.accepted.epoch}.{.status.accepted.sequence}')" 1.2 \
	"nothing is accepted"
ok "nothing of it is applied" gone configmap new
k -n "$ns" patch configmap changed -p '{"data":{"text":"edited"}}' >/dev/null
ok "what is live is still repaired" wait_for 20 is_text changed second

# ---- an admin raises the floor; deleteLimit does not count what stays ----
same=$(versions)
k patch channel "$channel" --type merge \
	-p '{"spec":{"epochFloor":2,"deleteLimit":0}}' >/dev/null
ok "with spec.epochFloor it is taken" wait_for 40 applied_is 2.1 ||
	k get channel "$channel" -o 'jsonpath={.status.conditions}' | sed 's/^/# /'
is "$(text new)" third "what is new is live"
is "$(text changed)" first "what differs is as the new epoch has it"
is "$(versions)" "$same" "what does not is not touched"
left="ConfigMap $ns/dropped-1
ConfigMap $ns/dropped-2
ConfigMap $ns/later
ServiceAccount $ns/later"
leftovers() { json '{range .status.leftovers[*]}{@}{"\n"}{end}' | sort; }
is_left() { [ "$(leftovers)" = "$1" ]; }
ok "what it does not name is listed" wait_for 20 is_left "$left" ||
	leftovers | sed 's/^/# /'
is "$(uids | grep -v ^new)" "$before" "nothing was deleted, nor made again"
like "$(condition "$channel" PruneBlocked)" '^True Leftovers .*prune-leftovers: "4"' \
	"the condition says how to delete it"
ok "the channel is ready all the same" wait_ready "$channel" 30

# ---- after a restart that lost everything ----
engine_kill
rm -rf state
engine_start
ok "after a restart the list is the same" wait_for 40 is_left "$left" ||
	leftovers | sed 's/^/# /'
is "$(json '{.status.accepted.epoch}.{.status.accepted.sequence}')" 2.1 \
	"and so is what is accepted"
is "$(uids | grep -v ^new)" "$before" "nothing was deleted"

# ---- the old epoch is shown again ----
cp host.git/windlass/public/"$channel"/head new-head
cp lost.git/windlass/public/"$channel"/head \
	host.git/windlass/public/"$channel"/head.new
mv host.git/windlass/public/"$channel"/head.new \
	host.git/windlass/public/"$channel"/head
ok "attack-28 the old epoch's head is refused" \
	wait_condition "$channel" Verified False 40 Rollback
is "$(text changed)" first "and changes nothing"
mv new-head host.git/windlass/public/"$channel"/head
ok "the new one is good again" wait_condition "$channel" Verified True 40

# ---- leftovers: named again, deleted by hand, confirmed ----
put work "deploy/$channel/dropped-1.yaml" ConfigMap dropped-1 "$ns" again
commit_push work fourth || bail "push failed: $(cat push.out)"
ok "the next bundle of the epoch is applied" wait_for 40 applied_is 2.2
is "$(text dropped-1)" again "one that it names again is its own again"
k -n "$ns" delete configmap later >/dev/null
left="ConfigMap $ns/dropped-2
ServiceAccount $ns/later"
ok "and listed no more, nor one that somebody deleted" \
	wait_for 20 is_left "$left" || leftovers | sed 's/^/# /'
k annotate channel "$channel" windlass.dev/prune-leftovers=4 >/dev/null
ok "the number of before is used up" wait_for 20 no_annotation
ok "and deletes nothing" there configmap dropped-2
k annotate channel "$channel" windlass.dev/prune-leftovers=2 >/dev/null
ok "the right number deletes them" wait_for 20 gone configmap dropped-2
ok "of all kinds" wait_for 20 gone serviceaccount later
ok "none is listed" wait_for 20 is_left ""
ok "and the rest is there" there configmap same-1
ok "the parent names their kind no more" wait_for 20 is_json \
	'{.metadata.annotations.applyset\.kubernetes\.io/contains-group-kinds}' ConfigMap

# ---- within the new epoch bundles delete as ever ----
k patch channel "$channel" --type merge -p '{"spec":{"deleteLimit":10}}' >/dev/null
git -C work rm -q "deploy/$channel/same-2.yaml"
commit_push work fifth
ok "a bundle that deletes is applied" wait_for 40 applied_is 2.3
ok "and deletes" gone configmap same-2

# ---- a floor that nobody has reached yet ----
floor 3
ok "a floor above the host's epoch: nothing is taken" \
	wait_condition "$channel" Verified False 40 EpochRefused
put work "deploy/$channel/new.yaml" ConfigMap new "$ns" fourth
commit_push work sixth
k -n "$ns" patch configmap changed -p '{"data":{"text":"edited"}}' >/dev/null
ok "what is live is still repaired" wait_for 20 is_text changed first
is "$(text new)" third "nothing new is applied"
git -C host.git config "windlass.$channel.epoch" 3
windlass-hook publish --repo host.git "$channel" >/dev/null 2>&1
ok "when the host reaches it all is well" wait_for 60 applied_is 3.1
is "$(text new)" fourth "with the newest bundle"
ok "and nothing is left over" wait_for 20 is_left ""
ok "the channel is ready" wait_ready "$channel" 30
done_testing
