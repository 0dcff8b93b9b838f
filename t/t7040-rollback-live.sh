#!/bin/bash
# Back to the old version, on a real control plane: by git revert and a push,
# by windlass-hook rollback, and by the Git host itself after a rollout that
# never came up. Deployments roll under a load of other writes; watches see
# each change, and so that a Service had a ready pod at every moment and no
# object was ever another one. How long each took is told, not judged.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-receiver.sh"
cluster_use
cluster_namespace back
channel=back-$$
apps=5

# version TEXT [NODE]: each application in that version, on such nodes only
version() {
	local i
	mkdir -p "work/deploy/$channel"
	for ((i = 0; i < apps; i++)); do
		cat >"work/deploy/$channel/app-$i.yaml" <<-END
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: app-$i, namespace: $ns}
		spec:
		  replicas: 3
		  selector: {matchLabels: {app: app-$i}}
		  template:
		    metadata: {labels: {app: app-$i}}
		    spec:
		      containers:
		      - {name: main, image: "registry.example.org/app:$1", envFrom: [{configMapRef: {name: settings}}]}
		      nodeSelector: {${2:+kubernetes.io/hostname: $2}}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: app-$i, namespace: $ns}
		spec: {selector: {app: app-$i}, ports: [{port: 80}]}
		END
	done
	put work "deploy/$channel/settings.yaml" ConfigMap settings "$ns" "$1"
}
apps_json() { k -n "$ns" get deployments -l applyset.kubernetes.io/part-of -o json; }
# all pods of all applications are of that version, and ready
is_live() {
	[ "$(apps_json | jq --arg image "registry.example.org/app:$1" '[.items[] |
		select(.spec.template.spec.containers[0].image == $image and
			.status.observedGeneration == .metadata.generation and
			.status.updatedReplicas == 3 and .status.replicas == 3 and
			.status.availableReplicas == 3)] | length')" = $apps ]
}
uids() {
	k -n "$ns" get deployments,services,configmaps \
		-l applyset.kubernetes.io/part-of -o json |
		jq -r '.items[] | .kind + " " + .metadata.name + " " + .metadata.uid' | sort
}
kept=host.git/windlass/$channel/reports/eu-1
is_kept() { # SEQUENCE PHASE
	[ "$(field $kept sequence) $(field $kept phase)" = "$1 $2" ]
}
is_told() {
	[ "$(apps_json | jq --arg image "registry.example.org/app:$1" '[.items[] |
		select(.spec.template.spec.containers[0].image == $image)] |
		length')" = $apps ]
}
back_in() { # VERSION SINCE WHAT: tells how long it took
	local told
	ok "$3: every Deployment is told the old version" wait_for 120 is_told "$1"
	told=$(($(date +%s%3N) - $2))
	ok "$3: it is live again" wait_for 120 is_live "$1"
	echo "# $3: all told after $told ms, all pods after $(($(date +%s%3N) - $2)) ms"
}
watch() { # NAME PATH
	start "watch_$1" "$KUBECTL" get --raw "$2?watch=true"
}

# ---- the first two versions ----
make_host host.git "$channel"
make_clone host.git work
version 1.0
commit_push work "version 1.0" || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
engine_start --cluster eu-1 || bail "windlassd does not start: $(cat engine.log)"
wait_ready "$channel" 120 || bail "$(condition "$channel" Ready)"
windlass status "$channel" | tail -n 1 >reporters
set_channel host.git "$channel" reporters "$TRASH/reporters"
windlass reconcile "$channel" >/dev/null 2>&1
wait_for 60 is_kept 1 healthy || bail "no report"
uids >before
is "$(wc -l <before)" $((2 * apps + 1)) "every application is there"
watch deployments "/apis/apps/v1/namespaces/$ns/deployments"
watch services "/api/v1/namespaces/$ns/services"
watch endpoints "/apis/discovery.k8s.io/v1/namespaces/$ns/endpointslices"
cat >load.sh <<'END'
i=0
while sleep 0.05; do
	i=$((i + 1))
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: load-%d}\ndata: {n: "%d"}\n' \
		$((i % 20)) $i | "$KUBECTL" -n "$1" apply --server-side -f - >/dev/null 2>&1
done
END
export KUBECTL
start load bash load.sh "$ns"
version 2.0
commit_push work "version 2.0" || bail "$(cat push.out)"
ok "a new version is live" wait_for 120 is_live 2.0
ok "and well" wait_for 60 is_kept 2 healthy

# ---- git revert ----
git -C work revert --no-edit HEAD >/dev/null
began=$(date +%s%3N)
ok "git revert and a push" push work
back_in 1.0 "$began" "git revert"
ok "and well" wait_for 60 is_kept 3 healthy
is "$(k -n "$ns" get configmap settings -o jsonpath='{.data.text}')" 1.0 "with its settings"

# ---- windlass-hook rollback ----
began=$(date +%s%3N)
ok "windlass-hook rollback" hook host.git rollback "$channel" 2
back_in 2.0 "$began" "windlass-hook rollback"
ok "and well" wait_for 60 is_kept 4 healthy

# ---- by itself ----
set_channel host.git "$channel" rollback 'on-failure for 2s'
k patch channel "$channel" --type merge -p '{"spec":{"healthTimeout":"10s"}}' >/dev/null
git -C work pull -q origin main
version 3.0 nowhere
began=$(date +%s%3N)
commit_push work "version 3.0, for a node that there is not" || bail "$(cat push.out)"
broken=$(git -C work rev-parse HEAD)
went_back() {
	[ "$(git -C host.git log -1 --format='%(trailers:key=Windlass-Rollback,valueonly)' main | head -n 1)" = \
		"$channel 1.4" ]
}
ok "a version that does not come up is taken back" wait_for 120 went_back
is "$(git -C host.git rev-parse main^)" "$broken" "by a commit on it"
back_in 2.0 "$began" "by itself, healthTimeout and 2 s with it"
ok "and well" wait_for 60 is_kept 6 healthy
message=$(git -C host.git log -1 --format=%B main)
like "$message" "^    deploy/$channel/app-[0-9]\.yaml:1: Deployment\.apps $ns/app-[0-9]: " \
	"the message says what failed, at file and line"
is "$(git -C host.git log --format=%H --grep "^Windlass-Rollback: $channel 1.4" main | wc -l)" 1 \
	"once"

# ---- what was seen meanwhile ----
ok "every object is the one that it was" diff before <(uids)
is "$(live_differs host.git "$channel")" "" "and as the newest bundle has it"
stop load
for what in deployments services endpoints; do
	stop "watch_$what"
done
seen() { jq -s "$2" "watch_$1.log"; }
at_least_seen() { [ "$(seen "$1" 'length')" -ge "$2" ]; }
ok "the watches saw it all" at_least_seen deployments $((5 * apps))
is "$(seen deployments '[.[] | select(.type == "DELETED")] | length')" 0 "no Deployment was deleted"
is "$(seen services '[.[] | select(.type == "DELETED")] | length')" 0 "no Service was"
is "$(seen deployments '[.[] | select(.type != "ADDED" and (.object.status.availableReplicas // 0) < 1)] | length')" 0 \
	"no application was without an available pod"
is "$(seen endpoints '[.[] | select(.type != "ADDED") | select(.type == "DELETED" or
	([.object.endpoints[]? | select(.conditions.ready)] | length) == 0)] | length')" 0 \
	"no Service without a ready one"
like "$(seen deployments '[.[].object.spec.template.spec.containers[0].image] | unique | join(" ")')" \
	'app:1\.0 .*app:2\.0 .*app:3\.0' "while all versions were rolled out"
done_testing
