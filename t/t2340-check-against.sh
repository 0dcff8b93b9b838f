#!/bin/bash
# windlass check --against: what cannot be changed in an object that is there.
# Each change is made to objects of a real API server, too, as an engine would
# apply it, and both say the same.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"

cluster_use
cluster_namespace against
own=against-$$		# in the names of what has no namespace
at_exit 'k delete --wait=false -f "$TRASH/now" >/dev/null'

command -v python3 >/dev/null || skip_all "no python3"
apply() {
	k apply --server-side --force-conflicts --field-manager windlass-t "$@"
}

mkdir now new
pod='{metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}'
job='{spec: {restartPolicy: Never, nodeSelector: {none: here}, containers: [{name: c, image: i}]}}'
meta="metadata: {name: a, namespace: $ns}"
cat >now/all.yaml <<END
apiVersion: apps/v1
kind: Deployment
$meta
spec: {replicas: 0, selector: {matchLabels: {app: a}}, template: $pod}
---
apiVersion: apps/v1
kind: StatefulSet
$meta
spec:
  replicas: 0
  serviceName: a
  selector: {matchLabels: {app: a}}
  template: $pod
  volumeClaimTemplates:
  - metadata: {name: v}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
$meta
spec: {completions: 2, parallelism: 2, template: $job}
---
apiVersion: v1
kind: Service
$meta
spec: {clusterIP: None, selector: {app: a}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Secret
$meta
type: Opaque
immutable: true
stringData: {a: b}
---
apiVersion: v1
kind: ConfigMap
$meta
immutable: true
data: {a: b}
---
apiVersion: v1
kind: PersistentVolumeClaim
$meta
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: nowhere
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: ResourceQuota
$meta
spec: {hard: {pods: 10}, scopes: [NotBestEffort, NotTerminating]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
$meta
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}
subjects: [{kind: User, name: a}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: $own}
provisioner: example.org/disk
parameters: {type: a}
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: $own}
spec: {podInfoOnMount: true}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: $own}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  nfs: {server: a, path: /a}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: $own}
value: 5
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: $own}
spec: {controller: example.org/a}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: $own}
handler: a
END
ok "the objects are there" apply -f now/all.yaml

# one change a line: the kind, then sed's script for that document
cat >changes <<'END'
Deployment s/app: a/app: b/g
Deployment s/replicas: 0/replicas: 1/
Deployment s/matchLabels: {app: a}/&, matchExpressions: []/
Deployment s/image: i/image: k/
StatefulSet s/serviceName: a/serviceName: b/
StatefulSet s/serviceName: a/&\n  podManagementPolicy: OrderedReady/
StatefulSet s/serviceName: a/&\n  podManagementPolicy: Parallel/
StatefulSet s/serviceName: a/&\n  minReadySeconds: 3/
StatefulSet s/1Gi/2Gi/
StatefulSet s/1Gi/1024Mi/
StatefulSet s/\[ReadWriteOnce\]/&, volumeMode: Filesystem/
StatefulSet s/\[ReadWriteOnce\]/&, volumeMode: Block/
StatefulSet s/{name: v}/{name: v, labels: {x: z}}/
Job s/image: i/image: k/
Job s/image: i/image: i, imagePullPolicy: Always/
Job s/image: i/image: i, terminationMessagePolicy: File/
Job s/image: i/image: i, ports: [{containerPort: 80}]/
Job s/completions: 2/completions: 3/
Job s/completions: 2, //
Job s/parallelism: 2/parallelism: 3/
Job s/completions/completionMode: Indexed, completions/
Job s/completions/suspend: true, completions/
Job s/Never/OnFailure/
Service s/clusterIP: None, //
Service s/clusterIP: None/type: ClusterIP, clusterIP: None/
Service s/clusterIP: None/type: ExternalName, externalName: a.b/
Service s/port: 80/port: 81/
Secret s/a: b/a: c/
Secret s/immutable: true/immutable: false/
Secret s/type: Opaque/type: example.org\/a/
Secret s/^type: Opaque//
Secret s/stringData: {a: b}/data: {a: Yg==}/
Secret s/a: b/a: b, c: d/
ConfigMap s/a: b/a: c/
ConfigMap s/^immutable.*//
ConfigMap s/a: b/a: b, c: d/
ConfigMap s/^data.*/&\nbinaryData: {x: YQ==}/
PersistentVolumeClaim s/ReadWriteOnce/ReadWriteMany/
PersistentVolumeClaim s/nowhere/elsewhere/
PersistentVolumeClaim s/storageClassName: nowhere/&\n  volumeMode: Filesystem/
PersistentVolumeClaim s/storageClassName: nowhere/&\n  volumeMode: Block/
PersistentVolumeClaim s/storageClassName: nowhere/&\n  selector: {matchLabels: {a: b}}/
PersistentVolumeClaim s/1Gi/1024Mi/
ResourceQuota s/NotBestEffort, NotTerminating/NotTerminating, NotBestEffort/
ResourceQuota s/, NotTerminating//
ResourceQuota s/pods: 10/pods: 11/
RoleBinding s/name: a}$/name: b}/
RoleBinding s/apiGroup: rbac.authorization.k8s.io, //
RoleBinding s/User/Group/
StorageClass s/type: a/type: b/
StorageClass s/disk/disc/
StorageClass s/^parameters/reclaimPolicy: Delete\n&/
StorageClass s/^parameters/reclaimPolicy: Retain\n&/
StorageClass s/^parameters/allowVolumeExpansion: true\n&/
CSIDriver s/true/true, attachRequired: true/
CSIDriver s/true/true, attachRequired: false/
CSIDriver s/true/true, volumeLifecycleModes: [Persistent]/
CSIDriver s/true/true, volumeLifecycleModes: [Ephemeral]/
CSIDriver s/true/false/
PersistentVolume s/path: \/a/path: \/b/
PersistentVolume s/path: \/a/path: \/a, readOnly: false/
PersistentVolume s/path: \/a/path: \/a, readOnly: true/
PersistentVolume s/nfs.*/hostPath: {path: \/a}/
PersistentVolume s/1Gi/2Gi/
PriorityClass s/5/6/
PriorityClass s/value/preemptionPolicy: PreemptLowerPriority\n&/
PriorityClass s/value/preemptionPolicy: Never\n&/
PriorityClass s/value/description: x\n&/
IngressClass s/org.a/org\/b/
IngressClass s/^spec/# &/;s/^# spec/spec/
RuntimeClass s/handler: a/handler: b/
END
document() {
	awk -v kind="$1" 'BEGIN { RS = "---\n"; ORS = "" }
		$0 ~ "kind: " kind "\n" { print }' now/all.yaml
}
number=0
while read -r kind script; do
	number=$((number + 1))
	file=new/$(printf %02d "$number").yaml
	document "$kind" | sed "$script" >"$file"
done <changes

# all of them at once, and over one connection: kubectl would take a minute
windlass yaml new/*.yaml >new.json
windlass check --allow-secrets --against now --output json new/*.yaml >said
cluster kubeconfig --token >token
python3 - "$(cat token)" new.json changes said <<'END' >verdicts
import base64, http.client, json, re, ssl, sys, urllib.parse

config = open(sys.argv[1]).read()
def setting(name):
    return re.search(name + r": (\S+)", config).group(1)
authority = base64.b64decode(setting("certificate-authority-data")).decode()
url = urllib.parse.urlparse(setting("server"))
server = http.client.HTTPSConnection(
    url.hostname, url.port, context=ssl.create_default_context(cadata=authority))
headers = {"Authorization": "Bearer " + setting("token"),
           "Content-Type": "application/apply-patch+yaml"}
plurals = {"PersistentVolumeClaim": "persistentvolumeclaims",
           "StorageClass": "storageclasses", "IngressClass": "ingressclasses",
           "PriorityClass": "priorityclasses",
           "RuntimeClass": "runtimeclasses"}
said = [p for p in json.load(open(sys.argv[4]))["problems"]
        if p["severity"] == "error" and p["rule"] != "duplicate"]
for i, (text, change) in enumerate(zip(open(sys.argv[2]), open(sys.argv[3]))):
    o = json.loads(text)
    api, kind, meta = o["apiVersion"], o["kind"], o["metadata"]
    path = ("/apis/" if "/" in api else "/api/") + api
    if "namespace" in meta:
        path += "/namespaces/" + meta["namespace"]
    path += f"/{plurals.get(kind, kind.lower() + 's')}/{meta['name']}"
    server.request("PATCH", path + "?fieldManager=windlass-t&force=true"
                   "&dryRun=All&fieldValidation=Strict", text, headers)
    answer = server.getresponse()
    why = json.loads(answer.read())
    if answer.status >= 400 and answer.status != 422 and \
            answer.status != 403:
        sys.exit(f"{kind}: {why}")
    ours = {p["rule"] for p in said if p["path"] == f"new/{i + 1:02}.yaml"}
    print("bad" if answer.status >= 400 else "good",
          "bad" if ours else "good", " ".join(ours - {"value-immutable"}),
          change.strip(), sep="\t")
END
is "$?" 0 "the server was asked"
is "$(awk -F'\t' '$1 != $2' verdicts)" "" "it and windlass say the same"
ok "which is of both sorts" test "$(grep -c ^bad verdicts)" -gt 20 -a \
	"$(grep -c ^good verdicts)" -gt 20
is "$(awk -F'\t' '$3 != ""' verdicts)" "" "by no other rule"

# ---- where the objects may come from
windlass render --allow-secrets -o rendered now >/dev/null 2>&1
not_ok "what was rendered" \
	windlass check --allow-secrets --against rendered new/01.yaml
not_ok "one file" windlass check --against now/all.yaml new/01.yaml
mkdir none
windlass check --against none new/01.yaml >out 2>&1
is "$?" 1 "a directory without manifests"
like "$(cat out)" '^none: error: .*\[source-empty\]' "is named"
windlass check --against nowhere new/01.yaml >out 2>&1
is "$?" 2 "nor one that is not there"
like "$(cat out)" nowhere "is named, too"

done_testing
