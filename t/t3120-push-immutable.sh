#!/bin/bash
# Changes of what Kubernetes never changes in an object are refused at the
# push, at the line, with what it was and what it would be: no file by itself
# shows them.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
set_channel host.git prod secrets allow
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
cat >work/deploy/prod/web.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: demo
spec:
  replicas: 1
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: example.org/web:1
END
cat >work/deploy/prod/rest.yaml <<'END'
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: demo}
type: Opaque
immutable: true
stringData:
  password: hunter2
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec:
  clusterIP: None
  selector: {app: web}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: example.org/disk
parameters: {type: ssd}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: demo}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  resources: {requests: {storage: 1Gi}}
END
ok "a start" commit_push work start
good=$(git -C work rev-parse HEAD)
before=$(bundle host.git prod)
web=work/deploy/prod/web.yaml
rest=work/deploy/prod/rest.yaml

# refused DESCRIPTION REGEX: the work tree as it is
refused() {
	commit work "$1"
	not_ok "$1" push work
	like "$(cat push.out)" "$2" "... and says where, and what"
	is "$(bundle host.git prod)" "$before" "... and publishes nothing"
	git -C work reset -q --hard "$good"
}

# ---- refused, each in its words
sed -i 's/app: web/app: shop/' $web
refused "another selector" 'deploy/prod/web.yaml:10:12: error: spec.selector.matchLabels.app cannot be changed: it was "web" and would be "shop"; a Deployment keeps this for life, so undo that, give it another name, or let it be deleted and made again: annotate it with windlass.dev\/recreate: "true" \[value-immutable\]'
sed -i 's/^  selector:/&\n    matchExpressions: [{key: app, operator: Exists}]/' $web
refused "a selector that grows" 'web.yaml:9:23: error: spec.selector.matchExpressions cannot be changed: it was not there and would be \['
sed -i 's/clusterIP: None/ports: [{port: 80}]\n  clusterIP: 10.96.0.77/' $rest
refused "an address for a Service without" 'rest.yaml:14:14: error: spec.clusterIP cannot be changed: it was "None" and would be "10.96.0.77"; a Service'
sed -i 's/type: ssd/type: hdd/' $rest
refused "another parameter of a class" 'parameters.type cannot be changed: it was "ssd" and would be "hdd"'
sed -i '/^parameters/d' $rest
refused "none any more" 'rest.yaml:16:1: error: parameters cannot be changed: it was \{"type":"ssd"\} and would be gone'
sed -i 's/ReadWriteOnce/ReadWriteMany/' $rest
refused "another mode of a claim" 'spec.accessModes\[0\] cannot be changed: it was "ReadWriteOnce"'

# ---- a Secret's values are never shown
sed -i 's/hunter2/correct horse/' $rest
commit work "another password"
not_ok "another password in an immutable Secret" push work
like "$(cat push.out)" 'rest.yaml:7:13: error: data.password cannot be changed: it would be another one; a Secret' \
	"... and says where"
unlike "$(cat push.out)" 'hunter2|aHVudGVyMg|correct|Y29ycmVjdA' \
	"... and neither the old one nor the new"
git -C work reset -q --hard "$good"
sed -i 's/type: Opaque/type: example.org\/login/' $rest
refused "another type of a Secret" 'error: type cannot be changed: it would be another one'

# ---- wherever it stands, and however it came
git -C work mv deploy/prod/web.yaml deploy/prod/moved.yaml
sed -i 's/app: web/app: shop/' work/deploy/prod/moved.yaml
refused "in another file" 'deploy/prod/moved.yaml:10:12: error: .*\[value-immutable\]'
sed -i 's/app: web/app: shop/' $web
commit work around
git -C work push -q origin HEAD:refs/heads/side
git -C host.git update-ref refs/heads/main refs/heads/side
hook host.git publish prod >publish.out 2>&1
like "$(cat publish.out)" 'web.yaml:10:12: error: .*\[value-immutable\]' \
	"a ref that was moved without the hook is not published"
is "$(bundle host.git prod)" "$before" "nothing is"
git -C host.git update-ref refs/heads/main "$good"
git -C work reset -q --hard "$good"

# ---- what is no change
sed -i 's/type: ssd}/&\nreclaimPolicy: Delete\nvolumeBindingMode: Immediate/; s/1Gi/1024Mi/; s/storageClassName: fast/&\n  volumeMode: Filesystem/' $rest
sed -i 's/replicas: 1/replicas: 2/; s/web:1/web:2/' $web
ok "defaults, other units, and what may change" commit_push work same
sed -i 's/1024Mi/2Gi/' $rest
ok "a claim grows" commit_push work grow
sed -i 's/2Gi/1Gi/' $rest
ok "and is not kept from shrinking" commit_push work shrink
like "$(cat push.out)" 'rest.yaml:31:35: warning: spec.resources.requests.storage would shrink from 2Gi to 1Gi' \
	"but that is said"

# ---- the ways out
sed -i 's/app: web/app: shop/; s/name: web$/name: shop/' $web
ok "another name" commit_push work rename
like "$(cat push.out)" '  \+ Deployment.apps demo/shop' "makes a new one"
ok "a revert" git -C work revert --no-edit HEAD
ok "brings the old one back" push work
like "$(cat push.out)" '  \+ Deployment.apps demo/web' "as it was"
git -C work mv deploy/prod/web.yaml web.yaml
ok "it goes" commit_push work gone
git -C work mv web.yaml deploy/prod/web.yaml
sed -i 's/app: web/app: shop/' $web
ok "and comes back as another one" commit_push work back

# ---- deleted and made again, where its author says so
sed -i 's/app: shop/app: third/; s/^  name: web$/&\n  annotations: {windlass.dev\/recreate: "true"}/' $web
ok "an object that may be made again" commit_push work again
like "$(cat push.out)" 'deploy/prod/web.yaml:11:12: warning: spec.selector.matchLabels.app cannot be changed in place: it was "shop" and would be "third"; the Deployment will be deleted and made again \(windlass.dev/recreate\) \[value-immutable\]' \
	"is pushed, and that is said"
sed -i 's/recreate: "true"/recreate: "yes"/' $web
commit work typo
not_ok "another word" push work
like "$(cat push.out)" 'deploy/prod/web.yaml:5:40: error: annotation .windlass.dev/recreate. is "yes"; it must be "true" or "false" \[wish-value\]' \
	"is refused, at its place"

done_testing
