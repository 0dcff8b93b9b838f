#!/bin/bash
# Many workloads that do not come up are too late in one moment: their pods are
# asked why for a few at a time, and in the end for each of them. One that had
# failed and goes on is asked again.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace late
channel=late-$$
count=80

workload() {
	cat <<-END
	---
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: $1, namespace: $ns}
	spec:
	  selector: {matchLabels: {app: $1}}
	  template:
	    metadata: {labels: {app: $1}}
	    spec:
	      schedulerName: nobody
	      containers: [{name: main, image: main}]
	END
}
lists() { sed -n "s,^\(GET /api/v1/namespaces/$ns/pods?labelSelector=.*\) # stamp ,\1 ,p" proxy.log; }
all_failed() {
	[ "$(k get channel "$channel" -o 'jsonpath={.status.objects.failed}')" = "$count" ]
}
each_asked() { [ "$(lists | cut -d' ' -f2 | sort -u | wc -l)" = "$count" ]; }
# in_ten: how many were asked in some ten seconds, at most
in_ten() {
	lists | awk '{ print $NF }' | sort -n | awk '{
		at[NR] = $1
		while (at[NR] - at[first + 1] > 10000)
			first++
		if (NR - first > most)
			most = NR - first
	} END { print most + 0 }'
}

make_host host.git "$channel"
make_clone host.git work
configs 1 one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
k patch channel "$channel" --type merge -p '{"spec":{"healthTimeout":"5s"}}' \
	>/dev/null
proxy_start
rules "10000 GET_/api/v1/namespaces/$ns/pods?labelSelector= stamp"
KUBECONFIG=$PROXIED engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60
for ((i = 0; i < count; i++)); do workload "web-$i"; done \
	>"work/deploy/$channel/web.yaml"
commit_push work second || bail "push failed: $(cat push.out)"
ok "all of many fail when their time is up" wait_for 120 all_failed
ok "each is asked why in the end" wait_for 180 each_asked ||
	echo "# $(lists | cut -d' ' -f2 | sort -u | wc -l)"
# four each two seconds, and some that were under way for long
asked=$(in_ten)
ok "a few of them at a time ($asked in ten seconds)" \
	[ "$asked" -gt 0 -a "$asked" -le 32 ]
rules

# ---- one that had failed and goes on ----
k patch channel "$channel" --type merge -p '{"spec":{"healthTimeout":"5m"}}' \
	>/dev/null
rm "work/deploy/$channel/web.yaml"
cat >"work/deploy/$channel/bare.yaml" <<END
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: $ns}
spec:
  schedulerName: nobody
  containers: [{name: main, image: main}]
END
set_channel host.git "$channel" deleteLimit 1000
commit_push work third || bail "push failed: $(cat push.out)"
ok "a pod is applied" wait_applied "$channel" 3 90
phase() {
	k -n "$ns" patch pod bare --subresource status --type merge \
		-p "{\"status\":{\"phase\":\"$1\"}}" >/dev/null
}
count=1
phase Failed
ok "it fails" wait_for 60 all_failed
# when it would have been asked for the first time, had it not failed
is_old() {
	[ "$(k -n "$ns" get pod bare -o json | jq 'now -
		(.metadata.creationTimestamp | fromdate) | floor')" -gt 13 ]
}
wait_for 60 is_old
k create -f - >/dev/null <<END
apiVersion: v1
kind: Event
metadata: {generateName: bare., namespace: $ns}
type: Warning
reason: FailedMount
message: there is no such volume
lastTimestamp: $(date -u +%FT%TZ)
source: {component: kubelet}
involvedObject:
  apiVersion: v1
  kind: Pod
  namespace: $ns
  name: bare
  uid: $(k -n "$ns" get pod bare -o 'jsonpath={.metadata.uid}')
END
phase Pending
told "it goes on, and is asked" "Pod $ns/bare" bare.yaml \
	'^FailedMount: there is no such volume'
done_testing
