#!/bin/bash
# A claim that its StorageClass does not let grow: the API server's own words,
# at file and line, the rest of the bundle is applied, and neither the claim
# nor what is on it is ever touched; going back in Git is the way out.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace resize
channel=resize-$$
dir=work/deploy/$channel
class=fixed-$$

claim() { # SIZE
	mkdir -p "$dir"
	cat >"$dir/claim.yaml" <<-END
	apiVersion: v1
	kind: PersistentVolumeClaim
	metadata: {name: data, namespace: $ns}
	spec:
	  accessModes: [ReadWriteOnce]
	  storageClassName: $class
	  volumeName: $class
	  resources: {requests: {storage: $1}}
	END
}
bound() { [ "$(k -n "$ns" get pvc data -o 'jsonpath={.status.phase}')" = Bound ]; }
claim_is() { k -n "$ns" get pvc data -o 'jsonpath={.metadata.uid} {.spec.resources.requests.storage}'; }

at_exit "k delete pv,storageclass '$class' --wait=false --ignore-not-found"
k create -f - >/dev/null <<END
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: $class}
provisioner: storage.example.org
allowVolumeExpansion: false
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: $class}
spec:
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: $class
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /data}
END
make_host host.git "$channel"
make_clone host.git work
claim 1Gi
put work "deploy/$channel/other.yaml" ConfigMap other "$ns" one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a claim is applied" wait_applied "$channel" 1
ok "and bound" wait_for 60 bound
ok "the channel is ready" wait_ready "$channel"
was=$(claim_is)

claim 5Gi
put work "deploy/$channel/other.yaml" ConfigMap other "$ns" two
commit_push work "more room" || bail "push failed: $(cat push.out)"
told "a resize that the class refuses" "PersistentVolumeClaim $ns/data" \
	"deploy/$channel/claim.yaml:1" 'only dynamically provisioned pvc can be resized'
ok "the rest is applied" wait_for 20 is_text other two
is "$(claim_is)" "$was" "the claim is as it was"
undone "drift beside it" other

git -C work revert --no-edit HEAD >/dev/null
push work || bail "push failed: $(cat push.out)"
ok "reverted: ready again" wait_ready "$channel"
ok "with the rest as before" is_text other one
is "$(claim_is)" "$was" "it is still the same claim"
unlike "$(cat engine.log)" 'object-(pruned|recreated)' "nobody deleted it"
done_testing
