#!/bin/bash
# Real applications of other people, pushed to a real control plane: every
# object is live with exactly the fields that were pushed; then changed,
# deleted and reverted. Without the corpus: our own example.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"

corpus=$SHARED/corpus
cluster_own

make_host host.git all
set_channel host.git all defaultNamespace demo
set_channel host.git all secrets allow
make_clone host.git work

# ---- the manifests ---------------------------------------------------------
deploy=work/deploy/all
mkdir -p $deploy
put work deploy/all/demo.yaml Namespace demo
if [ -d "$corpus" ]; then
	tenants=$corpus/moj-tenants-af/namespaces/live.cloud-platform.service.justice.gov.uk
	cp "$corpus/microservices-demo/release/kubernetes-manifests.yaml" $deploy/
	cp -r "$corpus/kube-prometheus/manifests" $deploy/prometheus
	mkdir $deploy/rook $deploy/tenants
	# these clash with nothing and need nothing that is not there
	for name in crds common operator csi-operator cluster-test filesystem \
		object storageclass-bucket-delete toolbox; do
		[ ! -e "$corpus/rook-examples/deploy/examples/$name.yaml" ] ||
			cp "$corpus/rook-examples/deploy/examples/$name.yaml" \
				$deploy/rook/
	done
	# 100 namespaces with their quotas, limits, policies and roles
	for folder in $(ls "$tenants" | sort | head -n 100); do
		mkdir "$deploy/tenants/$folder"
		for file in "$tenants/$folder"/0[0-4]-*.yaml; do
			[ -e "$file" ] || continue
			grep -q '^kind: Certificate' "$file" ||
				cp "$file" "$deploy/tenants/$folder/"
		done
	done
	image='s|\(/productcatalogservice\):v[0-9.]*|\1:v9.9.9|'
	changed=kubernetes-manifests.yaml
	victim=rook/filesystem.yaml
else
	echo "# the corpus is not here: our own example"
	cp -r "$TOP/contrib/example/deploy/prod" $deploy/shop
	image='s|nginx:1.27.3|nginx:1.27.4|'
	changed=shop/web.yaml
	victim=shop/settings.yaml
fi

ok "the push is accepted" commit_push work "everything"
test_show push.out | tail -n 15
objects=$(trailer host.git all Objects)
echo "# $objects objects"
ok "all of it is signed and whole" stock_chain host.git all

# ---- to the cluster --------------------------------------------------------
serve_start host.git
ok "the channel is installed" channel_install host.git all
# some of these never get healthy here; on a busy machine the first minutes of
# this test are enough for them to count as failed
k patch channel all --type merge -p '{"spec": {"healthTimeout": "2h"}}' >/dev/null
engine_start
began=$(date +%s%3N)
ok "the first bundle is applied" wait_applied all 1 300
echo "# applied in $(($(date +%s%3N) - began)) ms"
is "$(k get channel all -o 'jsonpath={.status.objects.total}')" "$objects" \
	"every object is tracked"
is "$(k get channel all -o 'jsonpath={.status.failures}')" "[]" \
	"nothing failed"
is "$(live_differs host.git all)" "" "every pushed field is live"
is "$(k get deployments,statefulsets,configmaps,networkpolicies -A \
	-l applyset.kubernetes.io/part-of --no-headers 2>/dev/null | wc -l)" \
   "$(bundle_paths host.git all |
	grep -cE '/(Deployment|StatefulSet|ConfigMap|NetworkPolicy)/')" \
   "and bears the label"

# ---- change, delete, revert ------------------------------------------------
sed -i "$image" "$deploy/$changed"
ok "an image is changed" commit_push work "change"
ok "it is applied" wait_applied all 2
is "$(live_differs host.git all)" "" "and nothing else differs"

doomed=$(windlass yaml "$deploy/$victim" | wc -l)
git -C work rm -q "deploy/all/$victim"
ok "a file is deleted" commit_push work "delete" -o "allow-deletes=$doomed"
ok "it is applied" wait_applied all 3
is "$(trailer host.git all Changes)" "+0 ~0 -$doomed" "the bundle says so"
is "$(live_differs host.git all)" "" "what is left is as it was"
is "$(k get channel all -o 'jsonpath={.status.objects.total}')" \
	"$((objects - doomed))" "the deleted objects are no longer tracked"

git -C work revert --no-edit HEAD >/dev/null
ok "the deletion is reverted" push work
ok "it is applied" wait_applied all 4
git -C work revert --no-edit HEAD~2 >/dev/null
ok "the change is reverted" push work
ok "it is applied" wait_applied all 5
is "$(git -C host.git rev-parse refs/windlass/all^{tree})" \
	"$(git -C host.git rev-parse refs/windlass/all~4^{tree})" \
	"the bundle is the first one again"
is "$(live_differs host.git all)" "" "and so is the cluster"
is "$(k get channel all -o 'jsonpath={.status.objects.failed}')" 0 \
	"with nothing failed"

done_testing
