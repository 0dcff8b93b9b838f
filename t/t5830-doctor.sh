#!/bin/bash
# `windlass doctor` on a cluster where everything is right, and with one thing
# wrong at a time: each is found, by name, and nothing else is complained of.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
image=registry.example.org/windlassd@sha256:$(printf '1%.0s' {1..64})
system() { k -n windlass-system "$@"; }

# examine STATUS DESCRIPTION [ARGUMENT...]
examine() {
	local want=$1 what=$2
	shift 2
	windlass doctor "$@" >out 2>err
	is $? "$want" "$what" || sed 's/^/# /' out err
}
# complains REGEX DESCRIPTION: of that, and of nothing else
complains() {
	local all
	all=$(grep -E '^(warn|FAIL) ' out)
	like "$all" "$1" "$2"
	is "$(grep -vE "$1" <<<"$all")" "" "and of nothing else"
}

# ---- nothing there ----
windlass doctor --kubeconfig /nowhere/config >out 2>err
is $? 2 "no cluster"
examine 129 "two channels" a b
examine 129 "no name" A_b
examine 1 "an empty cluster"
complains '^FAIL  kind: .*`windlass install`' "Channels are not known"
like "$(cat out)" '^ok    api: https://127.0.0.1:[0-9]+ answers: Kubernetes v1' "it answers"
like "$(cat out)" '^ok    clock: ' "its clock is right"
make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a shop one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git prod --namespaces shop >/dev/null || bail "install failed"
examine 0 "a channel, and no engine"
complains '^warn  (engine: there is no Deployment|lease: nobody leads|prod: seen: |prod: head: no bundle)' \
	"that is all said"
examine 1 "another channel" other
like "$(cat out)" "^FAIL  other: channel: the cluster has no Channel 'other'" "is not there"

# ---- all is right ----
windlass install --image "$image" --apply >/dev/null || bail "install failed"
system rollout status deployment/windlassd --timeout=60s >/dev/null
k config view --raw --flatten >engine.kubeconfig
k config --kubeconfig engine.kubeconfig set-credentials engine \
	--token="$(system create token windlassd)" >/dev/null
k config --kubeconfig engine.kubeconfig set-context --current \
	--user=engine >/dev/null
start engine windlassd --kubeconfig engine.kubeconfig --state "$TRASH/state" \
	--metrics off --namespace windlass-system
wait_ready prod 60 || bail "$(cat engine.log)"
has_kinds() { [ -n "$(k get channel prod -o 'jsonpath={.metadata.annotations.applyset\.kubernetes\.io/contains-group-kinds}')" ]; }
wait_for 20 has_kinds
examine 0 "all is right"
is "$(grep -vE '^ok  ' out)" "$(grep -c . out | awk '{ print $1 - 1 }') checks, 0 failed, 0 warnings" \
	"nothing is complained of"
for line in 'engine: 2 of 2 pods' 'lease: .* leads' 'rights: the engine has' \
	'prod: account: windlass-system/channel-prod' 'prod: rights: its account' \
	'prod: head: bundle 1.1 was accepted by a head that is 0 h' 'prod: ready: '; do
	like "$(cat out)" "^ok    $line" "it looked at ${line%%:*}${line#*:}"
done
examine 0 "as JSON" --output json
is "$(jq -c '[.failed, .warnings, (.checks | map(.result) | unique)]' out)" '[0,0,["ok"]]' \
	"the same"
is "$(jq -r '.checks[] | select(.channel == "prod" and .check == "account") | .message' out)" \
	"windlass-system/channel-prod is there" "by channel and check"
examine 0 "one channel" prod

# ---- one thing wrong ----
k create -f - >/dev/null <<'END'
apiVersion: windlass.dev/v1alpha1
kind: Channel
metadata: {name: odd}
spec: {url: "http://h", channelID: "00000000000000000000000000000000", publishers: none, serviceAccount: {namespace: a, name: b}}
END
examine 1 "a spec that makes no sense"
complains '^FAIL  odd: spec: ' "is told"
k delete channel odd >/dev/null
k delete rolebinding -n shop windlass-channel-prod >/dev/null
examine 1 "an account without its rights"
complains '^FAIL  prod: rights: account windlass-system/channel-prod may not (get|create|patch|delete) configmaps there' \
	"is told, right by right"
is "$(grep -c ' may not ' out)" 4 "four of them"
channel_install host.git prod --namespaces shop >/dev/null
system delete role windlass-engine-prod >/dev/null
examine 1 "an engine that may not be the account"
complains '^(FAIL  prod: rights: account windlass-system/windlassd may not impersonate serviceaccounts channel-prod|FAIL  prod: (ready|condition): )' "is told"
channel_install host.git prod --namespaces shop >/dev/null
k delete clusterrole windlassd >/dev/null
examine 1 "an engine without rights"
like "$(cat out)" '^FAIL  rights: account windlass-system/windlassd may not patch channels/status' \
	"is told"
windlass install --image "$image" --apply >/dev/null
wait_ready prod 60
k patch channel prod --type merge -p '{"spec":{"secretRef":{"name":"token"}}}' >/dev/null
examine 1 "a Secret that is not there"
like "$(cat out)" '^FAIL  prod: secret: windlass-system/token is not there' "is told"
k patch channel prod --type merge -p '{"spec":{"secretRef":null}}' >/dev/null
wait_ready prod 60
windlass suspend prod >/dev/null
examine 0 "a channel that is suspended"
like "$(cat out)" '^warn  prod: condition: Suspended=True' "is told"
windlass resume prod >/dev/null
wait_ready prod 60
k create clusterrole looks --verb=get,list --resource=channels.windlass.dev >/dev/null
k create clusterrolebinding looks --clusterrole=looks --user=someone >/dev/null
k config view --raw --flatten >someone.kubeconfig
k config --kubeconfig someone.kubeconfig set-credentials someone \
	--token="$(k -n default create token default)" >/dev/null
k create clusterrolebinding looks-too --clusterrole=looks \
	--serviceaccount=default:default >/dev/null
k config --kubeconfig someone.kubeconfig set-context --current \
	--user=someone >/dev/null
examine 0 "somebody who may only look at Channels" --kubeconfig someone.kubeconfig
like "$(cat out)" '^warn  engine: cannot look: ' "is told what was not looked at"
like "$(cat out)" '^ok    prod: ready: ' "and what was"

# ---- an installation of long ago ----
cat >work/deploy/prod/web.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: main}]}
END
commit_push work web
wait_applied prod 2 60 && wait_ready prod 60 ||
	bail "$(condition prod Ready)"
examine 0 "a channel with a workload"
complains '^$' "has all rights"
k patch clusterrole windlass-channel-prod --type json -p '[{"op": "replace",
	"path": "/rules", "value": [{"apiGroups": ["", "apps"],
	"resources": ["configmaps", "deployments", "pods"],
	"verbs": ["get", "list", "create", "patch", "delete"]}]}]' >/dev/null
examine 0 "an account that may not list events"
complains '^warn  prod: rights: account windlass-system/channel-prod may not list events in shop, .*`windlass install` for the channel again' \
	"is told, with what to do"
is "$(grep -c ' may not ' out)" 1 "in one line"
in_namespaces() {
	k annotate channel prod --overwrite \
		"applyset.kubernetes.io/additional-namespaces=$1" >/dev/null
}
in_namespaces "$(seq -s, -f ns-%g 400)"
examine 1 "one of very many namespaces"
like "$(cat out)" '^warn  prod: rights: not all of its kinds and namespaces were looked at' \
	"of which not all are looked at"
is "$(grep -c '^ok .*prod: rights' out)" 0 "is not called good"
in_namespaces shop
channel_install host.git prod --namespaces shop >/dev/null
examine 0 "which helps"
complains '^$' "and then nothing is complained of"
stop engine KILL
is_old() { windlass doctor >out; grep -q '^FAIL  lease: .* led until [0-9]* s ago' out; }
ok "an engine that is gone is told, when its lease is over" wait_for 60 is_old
system scale deployment windlassd --replicas=0 >/dev/null
no_pods() { windlass doctor >out; grep -q '^FAIL  engine: 0 of 0 pods' out; }
ok "so is one that has no pods" wait_for 30 no_pods
done_testing
