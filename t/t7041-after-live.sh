#!/bin/bash
# A channel that waits for another one, with a real engine that rolls both out
# on a real control plane: what staging brings up comes to prod by itself, and
# what it does not never does.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-receiver.sh"
cluster_use
cluster_namespace stage
stage_ns=$ns stage=stage-$$
cluster_namespace prod
prod_ns=$ns prod=prod-$$

# version TEXT [NODE]: of both, in one commit
version() {
	local channel
	for channel in "$stage" "$prod"; do
		ns=$stage_ns
		[ "$channel" = "$stage" ] || ns=$prod_ns
		mkdir -p "work/deploy/$channel"
		cat >"work/deploy/$channel/app.yaml" <<-END
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: app, namespace: $ns}
		spec:
		  replicas: 2
		  selector: {matchLabels: {app: app}}
		  template:
		    metadata: {labels: {app: app}}
		    spec:
		      nodeSelector: {${2:+kubernetes.io/hostname: $2}}
		      containers: [{name: main, image: "registry.example.org/app:$1"}]
		END
	done
	commit work "$1"
}
source_is() { [ "$(trailer host.git "$prod" Source-Commit)" = "$1" ]; }
runs() { # NAMESPACE VERSION
	[ "$(k -n "$1" get deployment app -o jsonpath='{.spec.template.spec.containers[0].image} {.status.updatedReplicas} {.status.availableReplicas}' 2>/dev/null)" = \
		"registry.example.org/app:$2 2 2" ]
}
phase() { field "host.git/windlass/$stage/reports/eu-1" phase; }
is_at() { # SEQUENCE PHASE
	[ "$(field "host.git/windlass/$stage/reports/eu-1" sequence) $(phase)" = "$1 $2" ]
}

make_host host.git "$stage" "$prod"
make_clone host.git work
version 1.0
push work || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start"
for channel in "$stage" "$prod"; do
	ns=$stage_ns
	[ "$channel" = "$stage" ] || ns=$prod_ns
	channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
		bail "install failed"
done
engine_start --cluster eu-1 || bail "windlassd does not start: $(cat engine.log)"
wait_ready "$stage" 120 || bail "$(condition "$stage" Ready)"
wait_ready "$prod" 120 || bail "$(condition "$prod" Ready)"
windlass status "$stage" | tail -n 1 >reporters
set_channel host.git "$stage" reporters "$TRASH/reporters"
set_channel host.git "$prod" after "$stage for 2s"
windlass reconcile "$stage" >/dev/null 2>&1
wait_for 60 is_at 1 healthy || bail "no report"

version 2.0
ok "a push" push work
like "$(cat push.out)" "windlass: $prod waits: $stage must be healthy for 2s with" "waits"
two=$(git -C work rev-parse HEAD)
ok "what staging brings up comes to prod" wait_for 120 source_is "$two"
ok "as soon as it has" runs "$stage_ns" 2.0
ok "and is live there" wait_for 120 runs "$prod_ns" 2.0

version 3.0 nowhere
push work || bail "$(cat push.out)"
ok "what cannot come up" wait_for 60 is_at 3 applying
hook host.git publish "$prod" >out
like "$(cat out)" "^$prod waits: $stage must be healthy .*; $stage@eu-1 says applying of 1\.3$" \
	"is waited for"
version 4.0
push work || bail "$(cat push.out)"
four=$(git -C work rev-parse HEAD)
ok "what repairs it comes to prod" wait_for 120 source_is "$four"
ok "and is live there" wait_for 120 runs "$prod_ns" 4.0
is "$(trailer host.git "$prod" Sequence)" 3 "what did not come up was never published"
is "$(k -n "$prod_ns" get replicasets -o jsonpath='{.items[*].spec.template.spec.containers[0].image}' |
	tr ' ' '\n' | sort -u | grep -c ':3\.0$')" 0 "nor seen by prod"
done_testing
