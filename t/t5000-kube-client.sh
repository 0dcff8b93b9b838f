#!/bin/bash
# The engine's client against a real API server: credentials, requests and
# what their answers mean, impersonation, discovery, lists, HTTP/2.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
cluster_use

kube=$WINDLASS_BUILD/t/tool/kube
[ -x "$kube" ] || bail "'$kube' is not built: make check TESTS="
cluster_namespace a
server=$(sed -n 's/^ *server: //p' "$KUBECONFIG")

# kube ARGUMENT...: what it prints is in $out
kube() { out=$("$kube" "$@" 2>&1); }
cm() { # NAME VALUE
	echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"'"$1"'"},"data":{"a":"'"$2"'"}}'
}

# --- credentials --------------------------------------------------------
kube config
like "$out" "^source=.* server=$server namespace=default token=0 .* cert=1 key=1 ca=1 insecure=0" \
	"KUBECONFIG with a client certificate"
kube --kubeconfig "$KUBECONFIG-token" config
like "$out" ' token=1 .* cert=0 key=0 ca=1 ' "--kubeconfig with a token"
unlike "$out" "$(sed -n 's/^ *token: //p' "$KUBECONFIG-token")" \
	"the token is not shown"
whoami=authentication.k8s.io/v1/selfsubjectreviews
review='{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
kube POST $whoami <<<"$review"
like "$out" '^201 done ok ' "the certificate is accepted"
kube --kubeconfig "$KUBECONFIG-token" POST $whoami <<<"$review"
like "$out" '^201 done ok ' "the token is accepted"

# config CLUSTER-FIELDS USER-FIELDS: makes the file "config"
config() {
	cat >config <<-END
	apiVersion: v1
	kind: Config
	current-context: here
	clusters: [{name: c, cluster: {server: "$server", $1}}]
	users: [{name: u, user: {$2}}]
	contexts: [{name: here, context: {cluster: c, user: u, namespace: here-ns}}]
	END
}
k config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' |
	base64 -d >ca.crt
sed -n 's/^ *token: //p' "$KUBECONFIG-token" >token
config 'certificate-authority: ca.crt' 'tokenFile: token'
mkdir elsewhere
out=$(cd elsewhere && "$kube" --kubeconfig ../config POST $whoami <<<"$review" 2>&1)
like "$out" '^201 done ok ' "paths are relative to the kubeconfig"
kube --kubeconfig config config
like "$out" ' namespace=here-ns ' "the context's namespace"

config 'certificate-authority: ca.crt, tls-server-name: kubernetes.default.svc' \
	'tokenFile: token'
kube --kubeconfig config GET "core/v1/namespaces/-/$ns"
like "$out" '^200 done ok ' "tls-server-name: the certificate's other name"
config 'certificate-authority: ca.crt, tls-server-name: example.com' \
	'tokenFile: token'
kube --kubeconfig config GET "core/v1/namespaces/-/$ns"
like "$out" '^0 no-answer denied ' "tls-server-name that it does not have"
config '' 'tokenFile: token'
kube --kubeconfig config GET "core/v1/namespaces/-/$ns"
like "$out" '^0 no-answer denied ' "a certificate of an unknown authority"
config 'insecure-skip-tls-verify: true' 'tokenFile: token'
kube --kubeconfig config GET "core/v1/namespaces/-/$ns"
like "$out" '^200 done ok ' "insecure-skip-tls-verify"
config 'certificate-authority: ca.crt' \
	"tokenFile: token, as: jane, as-groups: [a, system:masters], as-user-extra: {example.org/x: [why]}"
kube --kubeconfig config POST $whoami <<<"$review"
like "$out" '"extra":{"example.org/x":\["why"\]},"groups":\["a","system:masters","system:authenticated"\],"username":"jane"' \
	"as, as-groups, as-user-extra"
# a token that is replaced: the 401 makes us read it again
good=$(cat token)
echo wrong-token-1 >token
config 'certificate-authority: ca.crt' 'tokenFile: token'
"$kube" --kubeconfig config repeat 3 GET "core/v1/namespaces/-/$ns" >repeat 2>&1 &
wait_line 10 repeat '^401'
echo "$good" >token
wait
is "$(grep -cE '^401 unauthorized denied ' repeat)" 1 \
	"401 with the token that the file has: denied"
is "$(grep -cE '^401 unauthorized transient ' repeat)" 1 \
	"401 when the file has another: to be tried again"
is "$(grep -cE '^200 done ' repeat)" 1 "which is then accepted"
unlike "$(cat repeat)" 'wrong-token' "no token in a message"

# in a pod
mkdir pod
k -n "$ns" create serviceaccount robot >/dev/null
k -n "$ns" create token robot >pod/..token
ln -s ..token pod/token
cp ca.crt pod/ca.crt
echo "$ns" >pod/namespace
host=${server#https://}
in_pod() {
	out=$(env -u KUBECONFIG WINDLASS_SERVICE_ACCOUNT_DIR="$TRASH/pod" \
		KUBERNETES_SERVICE_HOST="${host%:*}" \
		KUBERNETES_SERVICE_PORT="${host#*:}" "$kube" "$@" 2>&1)
}
in_pod config
like "$out" "^source=in-cluster server=$server namespace=$ns token=1 token-file=1" \
	"the service account of a pod"
in_pod POST $whoami <<<"$review"
like "$out" "\"username\":\"system:serviceaccount:$ns:robot\"" \
	"its token is accepted"
# the kubelet puts new links in place, in a folder that is swapped whole
mkdir pod/..1 pod/..2
echo wrong-token-2 >pod/..1/token
cp pod/..token pod/..2/token
ln -s ..1 pod/..data
ln -sf ..data/token pod/token
env -u KUBECONFIG WINDLASS_SERVICE_ACCOUNT_DIR="$TRASH/pod" KUBERNETES_SERVICE_HOST="${host%:*}" \
	KUBERNETES_SERVICE_PORT="${host#*:}" "$kube" repeat 4 POST $whoami <<<"$review" >repeat 2>&1 &
wait_line 10 repeat '^401'
ln -s ..2 pod/..data_tmp
mv -T pod/..data_tmp pod/..data
wait
like "$(cat repeat)" '^401 unauthorized ' "a pod's token that ended"
like "$(cat repeat)" "^201 done ok " "is read again when the kubelet has put another there"
rm pod/token
in_pod config
like "$out" "service account: cannot open '$TRASH/pod/token'" \
	"no token: says which file"

# --- requests -----------------------------------------------------------
kube GET "core/v1/namespaces/-/$ns"
like "$out" '^200 done ok ' "GET"
like "$out" '"kind":"Namespace"' "the whole object"
kube META "core/v1/namespaces/-/$ns"
like "$out" '"kind":"PartialObjectMetadata"' "metadata alone"
cm one b | kube APPLY "core/v1/configmaps/$ns/one" fieldManager=a
cm one b >body
kube APPLY "core/v1/configmaps/$ns/one" fieldManager=a <body
like "$out" '^20[01] done ok ' "apply"
like "$out" '"kind":"PartialObjectMetadata"' "its answer as metadata"
like "$out" '"manager":"a","operation":"Apply"' "with managedFields"
kube APPLY "core/v1/configmaps/$ns/two" fieldManager=a < <(cm two b)
like "$out" '^201 done ok ' "an apply that creates"
kube APPLY "core/v1/configmaps/$ns/two" fieldManager=a < <(cm two b)
like "$out" '^200 done ok ' "and one that does not"
name=windlass:t5000:$$
at_exit "k delete clusterrole '$name'"
kube APPLY "rbac.authorization.k8s.io/v1/clusterroles/-/$name" fieldManager=a \
	<<<'{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"'"$name"'"},"rules":[]}'
like "$out" '^201 done ok ' "a name with colons"
kube GET "rbac.authorization.k8s.io/v1/clusterroles/-/$name"
like "$out" "\"name\":\"$name\"" "is found again"
kube MERGE "core/v1/configmaps/$ns/two" <<<'{"data":{"c":"d"}}'
like "$out" '"data":{"a":"b","c":"d"}' "a merge patch"
kube DELETE "core/v1/configmaps/$ns/two" \
	<<<'{"preconditions":{"uid":"00000000-0000-0000-0000-000000000000"}}'
like "$out" '^409 stale transient ' "DELETE of another uid: stale"
kube DELETE "core/v1/configmaps/$ns/two" <<<'{"propagationPolicy":"Background"}'
like "$out" '^200 done ok ' "DELETE"
head -c 2500000 /dev/zero | tr '\0' x >big
{ printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big"},"data":{"a":"'
  cat big; printf '"}}'; } >body
kube APPLY "core/v1/configmaps/$ns/big" fieldManager=a <body
like "$out" '^422 invalid invalid reason=Invalid' "2.5 MB of upload: refused as a whole"
cat big big >bigger
{ printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big"},"data":{"a":"'
  cat bigger; printf '"}}'; } >body
kube APPLY "core/v1/configmaps/$ns/big" fieldManager=a <body
like "$out" '^413 invalid invalid ' "5 MB: too large"

# --- what refusals mean -------------------------------------------------
kube APPLY "core/v1/configmaps/$ns/one" fieldManager=b < <(cm one c)
like "$out" '^409 conflict invalid reason=Conflict' "another manager's field"
like "$out" '^cause FieldManagerConflict \.data\.a conflict with "a"' \
	"who, and which"
kube MERGE "core/v1/configmaps/$ns/one" \
	<<<'{"metadata":{"resourceVersion":"1"},"data":{"a":"x"}}'
like "$out" '^409 stale transient ' "an old resourceVersion"
kube POST "core/v1/configmaps/$ns" < <(cm one b)
like "$out" '^409 exists invalid reason=AlreadyExists' "it exists"
deployment() { # SPEC CONTAINER
	echo '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"'"${2:-}"'}]}}'"$1"'}}'
}
d=apps/v1/deployments/$ns/d
kube APPLY "$d" 'fieldManager=a&fieldValidation=Strict' \
	< <(deployment ',"foo":1')
like "$out" '^500 undeclared invalid ' "a field that the schema does not have"
kube APPLY "$d" fieldManager=a < <(deployment ',"replicas":"three"')
like "$out" '^500 invalid invalid ' "a value of the wrong type: no retry cures it"
kube APPLY "$d" fieldManager=a < <(deployment ',"replicas":-1')
like "$out" '^422 invalid invalid reason=Invalid' "an invalid value"
like "$out" '^cause FieldValueInvalid spec.replicas ' "which field"
kube APPLY "$d" fieldManager=a \
	< <(deployment '' ',"ports":[{"containerPort":1},{"containerPort":1}]')
like "$out" '^500 invalid invalid ' "a duplicate item"
kube APPLY "core/v1/configmaps/$ns/other" fieldManager=a < <(cm one b)
like "$out" '^400 invalid invalid ' "another name than the URL's"
kube GET "core/v1/configmaps/$ns/none"
like "$out" '^404 not-found invalid reason=NotFound' "no such object"
kube GET "example.com/v1/things/$ns/none"
like "$out" '^404 no-resource invalid ' "no such API"
kube APPLY "core/v1/configmaps/no-such-namespace/one" fieldManager=a < <(cm one b)
like "$out" '^404 not-found invalid reason=NotFound .*kind=namespaces' \
	"no such namespace"
kube APPLY "core/v1/secrets/$ns/s" fieldManager=a \
	<<<'{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a b":"aHVudGVyMg==","c":"not base64 hunter2"}}'
like "$out" '^[45][0-9][0-9] invalid invalid ' "a Secret that is refused"
unlike "$out" 'hunter2|aHVudGVyMg' "its values are in no message"
kube GET core/v1/secrets/no-such-namespace/s
like "$out" '^404 not-found ' "a Secret that is not there: says so"

ns_before=$ns
cluster_namespace b
k -n "$ns" create configmap held --from-literal=a=b >/dev/null
k -n "$ns" patch configmap held --type merge \
	-p '{"metadata":{"finalizers":["example.com/hold"]}}' >/dev/null
k delete namespace "$ns" --wait=false >/dev/null
kube APPLY "core/v1/configmaps/$ns/new" fieldManager=a < <(cm new b)
like "$out" '^403 terminating transient ' "a namespace that is going"
k -n "$ns" patch configmap held --type merge \
	-p '{"metadata":{"finalizers":null}}' >/dev/null
ns=$ns_before

# --- impersonation ------------------------------------------------------
kube --as "$ns/robot" POST $whoami <<<"$review"
like "$out" "\"groups\":\[\"system:serviceaccounts\",\"system:serviceaccounts:$ns\",\"system:authenticated\"\],\"username\":\"system:serviceaccount:$ns:robot\"" \
	"as a service account, with its groups"
kube --as "$ns/robot" APPLY "core/v1/configmaps/$ns/one" \
	'fieldManager=a&force=true' < <(cm one c)
like "$out" '^403 forbidden denied reason=Forbidden' "which may not write"
k -n "$ns" create role writer --verb=get,create,patch \
	--resource=configmaps >/dev/null
k -n "$ns" create rolebinding writer --role=writer \
	--serviceaccount="$ns:robot" >/dev/null
may_write() {
	kube --as "$ns/robot" APPLY "core/v1/configmaps/$ns/one" \
		'fieldManager=a&force=true' < <(cm one c)
}
ok "until a role says so" wait_for 10 may_write

# --- discovery ----------------------------------------------------------
kube discovery apps Deployment
like "$out" '^apps v1 Deployment deployments namespaced status verbs=7f$' \
	"discovery: a kind"
like "$out" '^again cheap$' "asked again: no change, few bytes"
unlike "$out" 'disagrees' "by its plural, too"
kube discovery core Namespace
like "$out" '^core v1 Namespace namespaces cluster status ' "the core group"
kube discovery apps Nonsense
like "$out" '^none$' "a kind that is not there"
group=t5000-$$.example.com
at_exit "k delete crd widgets.$group --wait=false"
k apply -f - >/dev/null <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.$group}
spec:
  group: $group
  scope: Cluster
  names: {kind: Widget, plural: widgets}
  versions:
  - &v {name: v1beta1, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}
  - {<<: *v, name: v1, storage: true}
END
sees_widget() { kube discovery "$group" Widget; [[ $out = *" Widget "* ]]; }
ok "a CRD appears" wait_for 20 sees_widget
like "$out" "^$group v1 Widget widgets cluster verbs=7f$" \
	"in its preferred version"
kube discovery
ok "the whole table" test "$(grep -c verbs= <<<"$out")" -gt 60

# --- lists and many streams ---------------------------------------------
for i in 1 2 3 4 5 6 7; do
	k -n "$ns" create configmap "l$i" --from-literal=a=b >/dev/null
	k -n "$ns" label configmap "l$i" list=yes >/dev/null
done
kube list "core/v1/configmaps/$ns" list=yes 3
like "$out" '^listed 7$' "a list of three pages"
is "$(grep '^item' <<<"$out" | sort -u | wc -l)" 7 "each object once"
kube list "core/v1/configmaps/$ns" list=no
like "$out" '^listed 0$' "a list of nothing"
kube list "core/v1/nonsense/$ns"
like "$out" '^error .*could not find the requested resource' \
	"a list of what is not there"
kube many 120 "core/v1/configmaps/$ns"
is "$out" "synced 120 connections 2 http2 120 of 120" \
	"120 watches: HTTP/2, two connections"
kube burst 300 "core/v1/configmaps/$ns/burst"
like "$out" '^burst 300 good 300 connections 1$' \
	"300 writes, 32 at once: one connection"
done_testing
