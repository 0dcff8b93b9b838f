#!/bin/bash
# `windlass diff --live` against a real API server: what is other in the
# cluster than in a bundle, field by field, who changed it, what is missing
# and what is left over; never a Secret's value; with few rights; and how
# many requests many objects cost.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace live
channel=live-$$
dir=work/deploy/$channel

live() { # ARGUMENT...: output in out and err, exit status in $status
	windlass diff --live --repo host.git "$@" >out 2>err
	status=$?
}
# value PATH: the lines below the field of this path
value() {
	awk -v p="  $1" 'index($0, p) == 1 { on = 1; next }
		/^(  |[~+-] objects)/ { on = 0 } on' out | grep '^[-+]'
}
make_host host.git "$channel"
set_channel host.git "$channel" secrets allow
set_channel host.git "$channel" deleteLimit 1000
make_clone host.git work
mkdir -p "$dir"
cat >"$dir/app.yaml" <<END
apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: $ns, labels: {tier: front}}
data:
  text: |
    one
    two
    three
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: $ns}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "web:1", args: [a, b], ports: [{containerPort: 80}], resources: {requests: {cpu: 1000m}}}
      - {name: side, image: "side:1", env: [{name: A, value: "1"}, {name: B, value: "2"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: $ns}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: $ns, labels: {tier: front}, annotations: {kapp.k14s.io/original: hunter2, mine: front}}
data: {password: aHVudGVyMg==, user: YWRh}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: gone, namespace: $ns}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: strange, namespace: $ns}
data: {a: "1"}
END
commit_push work first

# ---- before there is a Channel ----
k -n "$ns" create configmap strange --from-literal=a=2 >/dev/null
live "$channel"
is $status 1 "a cluster that has nothing of it differs"
like "$(cat out)" "^--- $channel 1\.1$" "the newest bundle is compared"
like "$(cat out)" "^- objects/$ns/core/ConfigMap/gone\.json  deploy/$channel/app\.yaml:[0-9]+  not in the cluster$" \
	"what is missing, and where it is written"
like "$(cat out)" "^~ objects/$ns/core/ConfigMap/strange\.json " \
	"what somebody made before us"
like "$(cat out)" '^  data\.a  by kubectl-create \(Update\) 20[0-9TZ:-]+$' \
	"its field, and who made it"
is "$(value data.a)" '-"1"
+"2"' "- is the bundle's value, + the cluster's"
like "$(tail -n 1 out)" "^$channel 1\.1: 6 objects; 1 changed, 5 missing, 0 left over, 0 being deleted$" \
	"and a line for all"

# ---- as it was applied ----
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "the channel is ready" wait_ready "$channel" 60
live "$channel"
is $status 0 "nothing differs" || test_show out
is "$(cat out)" "$channel 1.1: 6 objects as in the cluster" "and it says so"
live --output json "$channel"
is "$status $(cat out)" "0 " "JSON: no line"

# ---- other hands, while the engine's are off ----
windlass suspend "$channel" >/dev/null || bail "no suspend"
k -n "$ns" set image deployment/web main=web:2 side=side:2 >/dev/null
k -n "$ns" scale deployment web --replicas 3 >/dev/null
k -n "$ns" patch configmap notes --type merge \
	-p '{"data": {"text": "one\n2\nthree\n"}}' >/dev/null
k -n "$ns" label configmap notes tier- extra=mine >/dev/null
k -n "$ns" patch secret login --type merge \
	-p '{"data": {"password": "Y29ycmVjdC1ob3JzZQ=="}, "metadata": {"labels": {"tier": "back"}, "annotations": {"kapp.k14s.io/original": "hunter2b", "mine": "back"}}}' >/dev/null
k -n "$ns" patch service web --type merge \
	-p '{"spec": {"selector": {"extra": "yes"}}}' >/dev/null
k -n "$ns" delete configmap gone >/dev/null
k -n "$ns" label configmap strange applyset.kubernetes.io/part-of- >/dev/null
live "$channel"
is $status 1 "now it does differ"
is "$(value 'spec.template.spec.containers[name="main"].image')" '-"web:1"
+"web:2"' "an image"
like "$(cat out)" 'containers\[name="side"\]\.image  by kubectl-set \(Update\) 20' "of each container"
is "$(value spec.replicas)" '-1
+3' "a number"
like "$(cat out)" '^  spec\.replicas  by kubectl \(Update of scale\)' \
	"changed by way of a subresource"
is "$(value data.text)" '-two
+2' "a text of several lines, as its lines"
is "$(value metadata.labels.tier | head -n 1)" '-"front"' "a label that was removed"
is "$(value spec.selector.extra)" '+"yes"' \
	"a key that nobody may add, for the selector is ours as a whole"
unlike "$(cat out)" 'extra.*mine|terminationGrace|clusterIP' \
	"what others may add is no difference, and defaults are none"
like "$(cat out)" "^- objects/$ns/core/ConfigMap/gone\.json .*not in the cluster" \
	"an object that was deleted"
like "$(value metadata.labels)" '^-  "applyset.kubernetes.io/part-of": ' \
	"an object that lost our label is found"
like "$(cat out)" '^  data\.password: another value \(hidden\)  by kubectl-patch \(Update\)' \
	"a Secret: which key, and who"
unlike "$(cat out)" 'hunter2|aHVudGVyMg|Y29ycmVjd|correct-horse|data\.user' "no value"
like "$(cat out)" '^  metadata\.annotations\["kapp.k14s.io/original"\]: another value \(hidden\)' \
	"nor of a copy in an annotation"
is "$(grep -A9 -F 'Secret/login.json' out | grep -c '^[-+]"\(front\|back\)"$')" 4 \
	"its label and another annotation are no secrets" || test_show out
like "$(tail -n 1 out)" ': 6 objects; 5 changed, 1 missing' "the sum"
is "$(windlass diff --live --repo host.git --name-only "$channel")" \
	"$(grep -E '^[~+-] objects/' out | cut -d' ' -f1,2)" "--name-only"

live --output json "$channel"
is $status 1 "JSON: 1, too"
is "$(jq -r .difference out | sort | uniq -c | tr -s ' \n' ' ')" \
	" 5 changed 1 missing " "a line for each object"
is "$(jq -c "select(.object | endswith(\"Deployment/web.json\")).fields[] |
	select(.path == \"spec.replicas\") | [.bundle, .cluster, .difference, .owners[0].subresource]" out)" \
	'[1,3,"value","scale"]' "with its fields"
like "$(jq -r .source out)" "^deploy/$channel/app\.yaml:[0-9]+$" "and its source"
is "$(jq -c 'select(.object | endswith("Secret/login.json")).fields[] |
	select(.path == "data.password") | [.hidden, .bundle, .cluster]' out)" \
	'[true,null,null]' "and no value of a Secret"
unlike "$(cat out)" 'hunter2|aHVudGVyMg|Y29ycmVjd' "nowhere"

# ---- another bundle than the accepted one ----
rm "$dir/app.yaml"
put work "deploy/$channel/b.yaml" ConfigMap strange "$ns" x
commit_push work second
live "$channel@2"
is $status 1 "a bundle that is not applied yet"
like "$(cat out)" "^\+ objects/$ns/apps/Deployment/web\.json  not in the bundle$" \
	"what it leaves over"
like "$(tail -n 1 out)" "^$channel 1\.2: 1 object; 1 changed, 0 missing, 4 left over" \
	"the sum"
unlike "$(cat out)" 'EndpointSlice|ReplicaSet|kube-root-ca' \
	"nothing of controllers, which copy labels"
live "$channel@1"
is $status 1 "by its number"
like "$(cat out)" "^--- $channel 1\.1$" "the older one"

# ---- rights ----
k -n "$ns" create serviceaccount reader >/dev/null
account() {
	"$KUBECTL" config view --raw --minify -o json | jq --arg t \
		"$(k -n "$ns" create token reader)" '.users[0].user = {token: $t}' >reader.conf
}
account
live --kubeconfig reader.conf "$channel@1"
is $status 2 "no rights: trouble, and no difference"
like "$(cat err)" '^windlass: .*forbidden' "says what is forbidden"
k create clusterrole "live-$$" --verb get --resource channels.windlass.dev >/dev/null
at_exit "k delete clusterrole live-$$"
k create clusterrolebinding "live-$$" --clusterrole "live-$$" --serviceaccount "$ns:reader" >/dev/null
at_exit "k delete clusterrolebinding live-$$"
k -n "$ns" create role reader --verb get,list --resource configmaps,services >/dev/null
k -n "$ns" create rolebinding reader --role reader --serviceaccount "$ns:reader" >/dev/null
half() { live --kubeconfig reader.conf "$channel@1"; grep -q 'ConfigMap/gone' out; }
ok "what a namespace's reader may see is compared" wait_for 20 half
is $status 2 "the rest is trouble"
like "$(cat err)" '^windlass: cannot compare Secret: .*forbidden' "which is named"
unlike "$(cat out)" '^- .*(Deployment|Secret)' "and not called missing"

# ---- many objects: pages of a list, and no request for each ----
many=many-$$
add_channel host.git "$many"
mkdir -p "work/deploy/$many"
for ((i = 0; i < 1100; i++)); do
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: many-%d, namespace: %s}\ndata: {a: "1"}\n' $i "$ns"
done >"work/deploy/$many/all.yaml"
commit_push work many
channel_install host.git "$many" >/dev/null || bail "install failed"
ok "1,100 objects are applied" wait_applied "$many" 1 60
windlass suspend "$many" >/dev/null
: >rules
start proxy "$WINDLASS_BUILD/t/tool/fault-proxy" "$KUBECONFIG" rules
wait_line 20 proxy.log '^port ' || bail "no proxy"
cat >proxied.conf <<-END
	apiVersion: v1
	kind: Config
	current-context: c
	clusters: [{name: c, cluster: {server: "http://127.0.0.1:$(sed -n 's/^port //p' proxy.log)"}}]
	contexts: [{name: c, context: {cluster: c}}]
END
requests() { grep -c '^[A-Z]* /' proxy.log; }
live --kubeconfig proxied.conf "$many"
is "$status $(cat out)" "0 $many 1.1: 1100 objects as in the cluster" "compared"
ok "by $(requests) requests" test "$(requests)" -le 7
k -n "$ns" patch configmap many-7 --type merge -p '{"data": {"a": "2"}}' >/dev/null
k -n "$ns" label configmap many-{100..140} applyset.kubernetes.io/part-of- >/dev/null
before=$(requests)
live --kubeconfig proxied.conf "$many"
like "$(tail -n 1 out)" ': 1100 objects; 42 changed, 0 missing' "41 without our label, one edited"
ok "by $(($(requests) - before)) requests" test $(($(requests) - before)) -le 30
not_ok "none of which writes" grep -E '^(POST|PUT|PATCH|DELETE) ' proxy.log
echo '1 continue= status 500' >rules
live --kubeconfig proxied.conf "$many"
is $status 2 "a page that fails is trouble"
like "$(cat err)" '^windlass: cannot compare ConfigMap: ' "which is named"
unlike "$(cat out)" '^- objects' "and what is on it is not called missing"

# ---- mistakes ----
live nope
is $status 2 "a channel that there is not"
like "$(cat err)" "^windlass: there is no 'refs/windlass/nope' here" "is named"
live "$channel@9"
is $status 2 "a bundle that there is not"
windlass diff --live --repo /nowhere "$channel" >out 2>err
is $? 2 "no repository"
windlass diff --live --repo host.git --kubeconfig /nowhere "$channel" >out 2>err
is $? 2 "no kubeconfig"
for wrong in "--live a b" "--live" "--output json a" "--kubeconfig x a" "--context x a"; do
	windlass diff $wrong >out 2>err
	is $? 129 "wrong usage: diff $wrong"
done
git init -q --bare other.git
live_other() { windlass diff --live --repo other.git "$channel" >out 2>err; }
live_other
is $? 2 "a repository that has not fetched"
like "$(cat err)" "^windlass: the cluster has accepted $channel 1\.1: .*git fetch" \
	"is told what to do"
done_testing
