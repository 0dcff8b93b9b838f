#!/bin/bash
# An aggregated API, served by another real API server behind the first, that
# goes down: its objects are neither pruned nor given up, and keep nothing else
# waiting; when it is back all is as the bundle says.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_own --no-kwok
CLUSTER_BEHIND=$TRASH/behind
at_exit 'cluster_run down --kill --dir "$CLUSTER_BEHIND"'
behind() { "$KUBECTL" --kubeconfig "$CLUSTER_BEHIND/kubeconfig" "$@"; }
cluster_run up --dir "$CLUSTER_BEHIND" --no-kwok \
	--apiserver-arg="--requestheader-client-ca-file=$CLUSTER/pki/front-proxy-ca.crt" \
	>behind.log 2>&1 || { test_show behind.log; bail "no second control plane"; }
port=$(sed -n 's/^port_apiserver=//p' "$CLUSTER_BEHIND/cluster.conf")
cluster_namespace a
channel=aggregated
dir=work/deploy/$channel
group=behind.example.org

definition() {
	cat <<-END
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: things.$group}
	spec:
	  group: $group
	  scope: Namespaced
	  names: {plural: things, kind: Thing}
	  versions:
	  - name: v1
	    served: true
	    storage: true
	    schema:
	      openAPIV3Schema:
	        type: object
	        properties: {spec: {type: object, properties: {text: {type: string}}}}
	END
}
thing() { # NAME TEXT
	printf 'apiVersion: %s/v1\nkind: Thing\nmetadata: {name: %s, namespace: %s}\nspec: {text: "%s"}\n' \
		"$group" "$1" "$ns" "$2" >"$dir/$1.yaml"
}
spec() { behind -n "$ns" get "things.$group" "$1" -o 'jsonpath={.spec.text}' 2>/dev/null; }
is_spec() { [ "$(spec "$1")" = "$2" ]; }
config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
available() { [ "$(k get apiservice "v1.$group" -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}')" = "$1" ]; }

# the second server has the kind, and lets the engine's account in
definition | behind apply -f - >/dev/null
behind wait --for condition=Established "crd/things.$group" --timeout 20s >/dev/null
behind create namespace "$ns" >/dev/null
behind create clusterrolebinding all --clusterrole=cluster-admin \
	--group=system:serviceaccounts --group=system:masters >/dev/null
k -n "$ns" create service externalname behind --external-name localhost --tcp "$port" >/dev/null
k apply -f - >/dev/null <<END
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.$group}
spec:
  group: $group
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {namespace: $ns, name: behind, port: $port}
END
wait_for 60 available True || { k get apiservice "v1.$group" -o yaml; bail "the aggregated API is not there"; }
wait_for 30 k -n "$ns" get "things.$group" || bail "its kind is not there"

definition >definition.yaml
make_host host.git "$channel"
set_channel host.git "$channel" crds "$PWD/definition.yaml"
make_clone host.git work
config a one
config b one
thing here one
thing there one
commit_push work first || { test_show push.out; bail "the push is refused"; }
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle with objects of an aggregated API is applied" wait_applied "$channel" 1 60
is "$(spec here) $(spec there)" "one one" "they are where they belong"
behind -n "$ns" patch "things.$group" here --type merge -p '{"spec":{"text":"edited"}}' >/dev/null
ok "an edit there is undone" wait_for 20 is_spec here one

# ---- it is down ----
cluster_run stop --dir "$CLUSTER_BEHIND" --kill apiserver
ok "it goes down" wait_for 60 available False
config a two
thing here two
git -C work rm -q "deploy/$channel/there.yaml" "deploy/$channel/b.yaml"
commit_push work second
ok "the other objects of a bundle are applied" wait_for 20 is_text a two
k -n "$ns" patch configmap a -p '{"data":{"text":"edited"}}' >/dev/null
ok "and repaired" wait_for 20 is_text a two
ok "the condition names what waits, and where it was written" \
	wait_for 30 eval 'condition "$channel" Applied | grep -q "Thing.*here"' ||
	echo "# $(condition "$channel" Applied)"
told "with its file and line" "Thing.$group $ns/here" "^deploy/$channel/here.yaml:1$" unavailable
lines=$(wc -l <engine.log)
cpu=$(metric process_cpu_seconds_total)
sleep 8
lines=$(($(wc -l <engine.log) - lines))
ok "meanwhile its log has few lines ($lines in 8 s)" test "$lines" -le 12
ok "and it does not spin" perl -e 'exit !($ARGV[0] - $ARGV[1] < 0.5)' \
	"$(metric process_cpu_seconds_total)" "$cpu"

# ---- an engine that begins while it is down ----
engine_kill
rm -rf state
engine_start || bail "windlassd does not start: $(cat engine.log)"
config a three
commit_push work third
ok "an engine that begins anew applies the others, too" wait_for 40 is_text a three
sleep 2

# ---- and back ----
cluster_run start --dir "$CLUSTER_BEHIND" apiserver || bail "it does not come back"
began=$(date +%s%3N)
ok "it is back: the bundle is applied" wait_applied "$channel" 3 90 ||
	echo "# $(condition "$channel" Applied)"
echo "# after $(($(date +%s%3N) - began)) ms"
is "$(spec here)" two "its object is as the bundle says"
gone() { ! behind -n "$ns" get "things.$group" there; }
ok "what was to be deleted is" wait_for 20 gone
not_ok "the other one, too" k -n "$ns" get configmap b
behind -n "$ns" patch "things.$group" here --type merge -p '{"spec":{"text":"edited"}}' >/dev/null
began=$(date +%s%3N)
ok "an edit there is undone" wait_for 60 is_spec here two
echo "# after $(($(date +%s%3N) - began)) ms"
ok "the channel is ready" wait_ready "$channel" 30
is "$(k get channel "$channel" -o 'jsonpath={.status.leftovers}')" "[]" "nothing is left over"
done_testing
