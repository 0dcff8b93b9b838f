#!/bin/bash
# The whole restore. A cluster with 3,000 objects is destroyed, data and all; an
# empty one, `windlass install` and the repository give every object back as it
# was. Then the Git host is lost: a mirror of the repository and the key are a
# Git host again, and the cluster goes on with it as if nothing had been.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_own --no-kwok
channel=prod
objects=3000

# 3,000 objects of a dozen kinds in five namespaces
manifests() {
	perl -e '
	my @ns = map { "team-$_" } 0 .. 4;
	my ($n, $want) = (0, shift);
	sub object { $n++; print "---\n", @_, "\n" }
	sub named { my ($version, $kind, $name, $ns) = @_;
		"apiVersion: $version\nkind: $kind\nmetadata: {name: $name" . ($ns ? ", namespace: $ns}" : "}") . "\n" }
	object(named("v1", "Namespace", $_)) for @ns;
	object(named("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.org"),
		"spec: {group: example.org, scope: Namespaced, names: {plural: widgets, kind: Widget}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}]}");
	object(named("rbac.authorization.k8s.io/v1", "ClusterRole", "reader-$_"),
		"rules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]") for 0 .. 9;
	object(named("scheduling.k8s.io/v1", "PriorityClass", "important"), "value: 1000");
	for my $ns (@ns) {
		for my $i (0 .. 9) {
			object(named("v1", "ServiceAccount", "robot-$i", $ns));
			object(named("rbac.authorization.k8s.io/v1", "RoleBinding", "robot-$i", $ns),
				"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader-$i}\nsubjects: [{kind: ServiceAccount, name: robot-$i, namespace: $ns}]");
			object(named("batch/v1", "CronJob", "nightly-$i", $ns),
				"spec: {suspend: true, schedule: \"0 3 * * *\", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: \"job:$i\"}]}}}}}");
			object(named("networking.k8s.io/v1", "NetworkPolicy", "only-$i", $ns),
				"spec: {podSelector: {matchLabels: {app: web-$i}}, policyTypes: [Ingress]}");
		}
		for my $i (0 .. 29) {
			object(named("apps/v1", "Deployment", "web-$i", $ns),
				"spec: {replicas: 0, selector: {matchLabels: {app: web-$i}}, template: {metadata: {labels: {app: web-$i}}, spec: {containers: [{name: main, image: \"web:$i\", ports: [{containerPort: 80}]}]}}}");
			object(named("v1", "Service", "web-$i", $ns),
				"spec: {selector: {app: web-$i}, ports: [{port: 80}]}");
			object(named("example.org/v1", "Widget", "thing-$i", $ns), "spec: {size: $i}");
			object(named("v1", "Secret", "login-$i", $ns), "stringData: {password: \"secret-$ns-$i\"}");
		}
	}
	for (my $i = 0; $n < $want; $i++) {
		object(named("v1", "ConfigMap", "settings-$i", $ns[$i % 5]), "data: {text: \"value $i\"}");
	}' "$objects"
}
kinds=namespaces,customresourcedefinitions,clusterroles,priorityclasses,serviceaccounts,rolebindings,cronjobs,networkpolicies,deployments,services,widgets.example.org,secrets,configmaps
# every managed object, without what a server makes up for each
everything() {
	k get "$kinds" -A -l applyset.kubernetes.io/part-of -o json | jq -S '
		[.items[] | del(.metadata.uid, .metadata.resourceVersion,
			.metadata.creationTimestamp, .metadata.generation,
			.metadata.managedFields, .status, .spec.clusterIP,
			.spec.clusterIPs, .metadata.annotations."deployment.kubernetes.io/revision",
			.metadata.annotations."windlass.dev/hash") |
			if .kind == "Namespace" then del(.spec) else . end |
			if .metadata.annotations == {} then del(.metadata.annotations) else . end] |
		sort_by(.kind, .metadata.namespace, .metadata.name)'
}

make_host host.git "$channel"
set_channel host.git "$channel" secrets allow
set_channel host.git "$channel" deleteLimit 1000
make_clone host.git work
mkdir -p work/deploy/prod
manifests >work/deploy/prod/all.yaml
commit_push work "all of it" || bail "push failed: $(head -c 2000 push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "$objects objects are live" wait_applied "$channel" 1 240
sed -i 's/value 7"/other 7"/' work/deploy/prod/all.yaml
commit_push work "one is changed" || bail "push failed: $(head -c 2000 push.out)"
ok "and a change" wait_applied "$channel" 2 60
ok "all is ready" wait_ready "$channel" 120
everything >before
is "$(jq length before)" "$objects" "so many were looked at"

# ---- the cluster is gone, with its data, and the engine's disk ----
engine_kill
rm -rf state
cluster down --kill >/dev/null || bail "the cluster does not end"
ok "nothing is left of it" test ! -e "$CLUSTER/etcd"
rm -rf "$CLUSTER"
cluster_up --no-kwok
is "$(k get "${kinds/widgets.example.org,/}" -A -l applyset.kubernetes.io/part-of -o name)" "" \
	"the new one is empty"
began=$(date +%s%3N)
ok "windlass install" windlass install "$channel" --from host.git --url "$URL" \
	--cluster-admin --apply
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "everything is applied again" wait_applied "$channel" 2 240
echo "# $objects objects after $(($(date +%s%3N) - began)) ms, from windlass install on"
ok "and ready" wait_ready "$channel" 120
everything >after
ok "every object is as it was" cmp before after || diff before after | head -n 20
ok "as windlass sees it, too" windlass diff --live --repo host.git "$channel"

# ---- the Git host is gone; somebody has a mirror, and the key ----
git clone -q --mirror host.git mirror.git
stop serve
port=${URL##*:}
uids() { k get "$kinds" -A -l applyset.kubernetes.io/part-of -o json | jq -r '.items[].metadata.uid' | sort; }
uids >uids.before
rm -rf host.git
git clone -q --mirror mirror.git host.git
windlass-hook init "$channel" --repo host.git --ref refs/heads/main --path deploy/prod \
	--key "$TRASH/keys/prod" --allow-secrets >init.out 2>&1
is $? 0 "windlass-hook init on a mirror" || test_show init.out
like "$(cat init.out)" '^bundles  are here up to 1\.2, and it goes on with them' \
	"finds the bundles"
unlike "$(cat init.out)" 'not the one that signed' "and the key is theirs"
ok "publish brings them out" hook host.git publish "$channel"
is "$(head_field host.git prod sequence)" 2 "by the numbers they have"
ok "doctor finds nothing wrong but that serve is down" test "$(hook host.git doctor |
	grep -c '^FAIL')" -le 1
serve_start host.git "127.0.0.1:$port" || bail "serve does not start: $(cat serve.log)"
sed -i 's/value 8"/other 8"/' work/deploy/prod/all.yaml
commit_push work "after the loss" || bail "push failed: $(head -c 2000 push.out)"
ok "a push to it is live" wait_applied "$channel" 3 60
ok "ready" wait_ready "$channel" 60
uids >uids.after
ok "and no object was made again" cmp uids.before uids.after
ok "the chain is whole" stock_chain host.git prod
make_key thief
rm -rf other.git && git clone -q --mirror mirror.git other.git
like "$(windlass-hook init "$channel" --repo other.git --ref refs/heads/main --path deploy/prod \
	--key "$TRASH/keys/thief" --allow-secrets 2>&1)" 'The key is not the one that signed the last' \
	"another key is told apart"
done_testing
