#!/bin/bash
# Deletes that hang: an object that somebody deletes in the foreground stays
# while one that it owns has a finalizer. It is said which object it is and what
# holds it, whether the channel wants it back or rid of it; the others, repairs
# and later bundles go on, and it ends when the finalizer is gone.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace hang
channel=hang-$$
dir=work/deploy/$channel

there() { k -n "$ns" get configmap "$1" >/dev/null 2>&1; }
gone() { ! there "$1"; }
uid() { k -n "$ns" get configmap "$1" -o 'jsonpath={.metadata.uid}' 2>/dev/null; }
going() { [ -n "$(k -n "$ns" get configmap "$1" -o 'jsonpath={.metadata.deletionTimestamp}' 2>/dev/null)" ]; }
anew() { local now; now=$(uid owner) && [ "$now" != "$1" ] && ! going owner; }
says() { condition "$channel" "$1" | grep -qE -e "$2"; }
config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
# owned NAME: an object that the owner waits for
owned() {
	k create -f - >/dev/null <<-END
	apiVersion: v1
	kind: ConfigMap
	metadata:
	  name: $1
	  namespace: $ns
	  finalizers: [example.org/slow]
	  ownerReferences:
	  - {apiVersion: v1, kind: ConfigMap, name: owner, uid: $(uid owner), blockOwnerDeletion: true}
	END
}
let_go() { k -n "$ns" patch configmap "$1" --type merge -p '{"metadata":{"finalizers":null}}' >/dev/null; }

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 100
make_clone host.git work
for name in owner other drops; do config $name one; done
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 40

# ---- wanted ----
before=$(uid owner)
owned first
# the garbage collector has to know of it, or nothing is in the way
sleep 2
k -n "$ns" delete configmap owner --cascade=foreground --wait=false >/dev/null
ok "deleted in the foreground it hangs" wait_for 20 going first
is "$(uid owner)" "$before" "it is still there"
ok "and is named" wait_for 20 says Healthy \
	"ConfigMap $ns/owner: somebody deleted it, and its finalizers are not done"
undone "beside it" other 10
config other two
rm "$dir/drops.yaml"
config new two
commit_push work second || bail "push failed: $(cat push.out)"
ok "the next bundle goes on" wait_for 20 is_text other two
ok "what is new is made" wait_for 20 there new
is "$(uid owner)" "$before" "meanwhile it hangs"
let_go first
ok "when the finalizer is gone it is made again" wait_for 30 anew "$before"
ok "what the bundle drops is deleted" wait_for 20 gone drops
ok "and the bundle is applied" wait_applied "$channel" 2 30
ok "the channel is ready" wait_ready "$channel" 30

# ---- not wanted any more ----
before=$(uid owner)
owned second
sleep 2
k -n "$ns" delete configmap owner --cascade=foreground --wait=false >/dev/null
wait_for 20 going second
rm "$dir/owner.yaml" "$dir/new.yaml"
commit_push work third || bail "push failed: $(cat push.out)"
ok "the others that the bundle drops are deleted" wait_for 20 gone new
ok "what hangs is named, and what holds it" wait_for 20 says PruneBlocked \
	"^True PruneBlocked ConfigMap $ns/owner: it is being deleted, and waits for its finalizers: foregroundDeletion" ||
	condition "$channel" PruneBlocked | sed 's/^/# /'
config other three
config late three
rm -f "$dir/drops.yaml"
commit_push work fourth || bail "push failed: $(cat push.out)"
ok "the next bundle goes on" wait_for 20 is_text other three
ok "what is new in it is made" wait_for 20 there late
undone "beside it" other 10
is "$(uid owner)" "$before" "meanwhile it hangs"
let_go second
ok "when the finalizer is gone it goes" wait_for 30 gone owner
ok "and the bundle is applied" wait_applied "$channel" 4 40
ok "nothing blocks any more" wait_condition "$channel" PruneBlocked False 20
ok "and the channel is ready" wait_ready "$channel" 30

# ---- one that the engine deletes itself, with a finalizer of its own ----
k -n "$ns" patch configmap late --type merge -p '{"metadata":{"finalizers":["example.org/mine","example.org/yours"]}}' >/dev/null
rm "$dir/late.yaml"
commit_push work fifth || bail "push failed: $(cat push.out)"
ok "so is one that the channel deletes" wait_for 20 says PruneBlocked \
	"ConfigMap $ns/late: it is being deleted, and waits for its finalizers: example.org/mine, example.org/yours"
# wanted again while it goes
config late five
commit_push work sixth || bail "push failed: $(cat push.out)"
ok "wanted again it is waited for" wait_for 20 says Healthy "ConfigMap $ns/late: "
let_go late
ok "and made again" wait_applied "$channel" 6 40
ok "with its value" wait_for 20 is_text late five
done_testing
