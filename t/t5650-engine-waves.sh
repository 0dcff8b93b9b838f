#!/bin/bash
# The order of a rollout: by kind, by the author's wave numbers, by
# depends-on. What is applied after something else has a later
# resourceVersion; what waits says for what, and a newer bundle ends a wait.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace waves
channel=waves-$$
made=waves-made-$$
group=w$$.example.org
dir=work/deploy/$channel
at_exit "k delete namespace $made --wait=false"
at_exit "k delete crd widgets.$group --wait=false"
at_exit "k delete validatingwebhookconfiguration waves-$$"

there() { k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
version() { k -n "${3:-$ns}" get "$1" "$2" -o 'jsonpath={.metadata.resourceVersion}'; }
pods() {
	k -n "$ns" get pods -l "app=$1" \
		-o 'jsonpath={range .items[*]}{.metadata.resourceVersion}{"\n"}{end}'
}

# says REGEX: the condition Applied waits for that
says() {
	condition "$channel" Applied | grep -qE -e "^False Progressing .*$1"
}

# in_order WHAT VERSION...: each is later than the one before
in_order() {
	local what=$1 last=0 v
	shift
	for v in "$@"; do
		if ! [ "${v:-0}" -gt "$last" ]; then
			fail "$what"
			echo "# not in order: $*"
			return 1
		fi
		last=$v
	done
	pass "$what"
}

# config NAME [TEXT [ANNOTATION VALUE]...]
config() {
	local name=$1 value=${2:-x}
	mkdir -p "$dir"
	{
		printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n'
		printf '  name: %s\n  namespace: %s\n' "$name" "$ns"
		shift
		[ $# -lt 2 ] || printf '  annotations:\n'
		while [ $# -ge 3 ]; do
			printf '    %s: "%s"\n' "$2" "$3"
			shift 2
		done
		printf 'data: {text: "%s"}\n' "$value"
	} >"$dir/$name.yaml"
}

# deployment NAME WAVE [NODE]: with a NODE that is not there it never comes up
deployment() {
	mkdir -p "$dir"
	cat >"$dir/$1.yaml" <<-END
	apiVersion: apps/v1
	kind: Deployment
	metadata:
	  name: $1
	  namespace: $ns
	  annotations: {windlass.dev/wave: "$2"}
	spec:
	  selector: {matchLabels: {app: $1}}
	  template:
	    metadata: {labels: {app: $1}}
	    spec:
	      containers: [{name: main, image: image}]
	      nodeSelector: {${3:+kubernetes.io/hostname: $3}}
	END
}

wave=windlass.dev/wave
sync=argocd.argoproj.io/sync-wave
depends=config.kubernetes.io/depends-on

# ---- one bundle with everything ----
config z-first x $sync -5
config y-second x
deployment web 3
config b-after-web x $wave 4
config a-last x $sync 7 $wave 100
config a-child x $depends "/namespaces/$ns/ConfigMap/y-second, $group/namespaces/$ns/Widget/w"
cat >"$dir/kinds.yaml" <<END
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: waves-$$}
webhooks: []
---
apiVersion: $group/v1
kind: Widget
metadata: {name: w, namespace: $ns}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: inside, namespace: $made}
---
apiVersion: v1
kind: Namespace
metadata: {name: $made}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.$group}
spec:
  group: $group
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
END
make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 100
make_clone host.git clone
mv clone/.git work/.git
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle with all kinds of order is applied" wait_applied "$channel" 1 60 ||
	condition "$channel" Applied | sed 's/^/# /'
in_order "namespaces, what others stand on, all the rest, webhooks" \
	"$(version namespace "$made")" "$(version configmap inside "$made")" \
	"$(version "widgets.$group" w)" \
	"$(version validatingwebhookconfiguration "waves-$$")"
unlike "$(cat engine.log)" 'apply-failed' \
	"nothing came before its namespace or definition"
in_order "wave numbers, of both kinds" \
	"$(version configmap z-first)" "$(version configmap y-second)" \
	"$(version configmap b-after-web)" "$(version configmap a-last)"
in_order "a wave waits until the one before is healthy" \
	"$(version configmap y-second)" $(pods web) \
	"$(version configmap b-after-web)"
in_order "what depends on others comes after them" \
	"$(version configmap y-second)" "$(version "widgets.$group" w)" \
	"$(version configmap a-child)"
in_order "and in its own wave" "$(version configmap a-child)" $(pods web)
ok "the channel is ready" wait_ready "$channel" 30

# ---- a wave that never becomes ready ----
config y-second two
config z-first two $sync -5
deployment stuck 5 no-such-node
config c-next one $wave 6
config a-last two $sync 7 $wave 100
commit_push work second
ok "the waves before it are applied" wait_for 20 is_text y-second two
ok "the one after it waits, and says for what" wait_for 20 says \
	"wave 6 waits for Deployment.apps $ns/stuck" ||
	condition "$channel" Applied | sed 's/^/# /'
not_ok "and is not applied" there configmap c-next
is "$(text a-last)" x "nor the ones after that"
is "$(k get channel "$channel" -o 'jsonpath={.status.applied.sequence}')" 1 \
	"the bundle is not called applied"

# ---- a newer bundle, while it waits ----
config y-second three
config c-next two $wave 6
commit_push work third
ok "a newer bundle is taken at once" wait_for 20 is_text y-second three
ok "what is not ready still holds what comes after it" wait_for 20 says \
	"wave 6 waits for Deployment.apps $ns/stuck"
not_ok "as can be seen" there configmap c-next

# ---- a restart, while it waits ----
engine_kill
engine_start
ok "after a restart it waits again" wait_for 30 says \
	"wave 6 waits for Deployment.apps $ns/stuck" ||
	condition "$channel" Applied | sed 's/^/# /'
not_ok "and has applied nothing that waits" there configmap c-next
is "$(text a-last)" x "nor the ones after that"

# ---- without it ----
rm "$dir/stuck.yaml"
commit_push work fourth
ok "a bundle without it ends the wait" wait_applied "$channel" 4 30 ||
	condition "$channel" Applied | sed 's/^/# /'
is "$(text c-next)" two "what had waited is as the newest bundle wants it"
in_order "in order" "$(version configmap c-next)" "$(version configmap a-last)"
not_ok "and the deployment is gone" there deployment stuck
ok "the channel is ready again" wait_ready "$channel" 30

# ---- dependencies that fail, or are not there ----
refused_service "$dir/refused.yaml"
config d-orphan x $depends "/namespaces/$ns/Service/refused"
config d-nobody x $depends "apps/namespaces/$ns/Deployment/nobody"
config d-after x $depends "/namespaces/$ns/ConfigMap/d-nobody"
config d-free x
commit_push work fifth
ok "what depends on none of them is applied" wait_for 20 there configmap d-free
ok "the failure is named" wait_condition "$channel" Applied False 20 ApplyFailed
for name in d-orphan d-nobody d-after; do
	not_ok "$name waits" there configmap $name
done
rm "$dir/refused.yaml"
cat >"$dir/refused.yaml" <<END
apiVersion: v1
kind: Service
metadata: {name: refused, namespace: $ns}
spec: {ports: [{port: 80, name: a}]}
END
config d-nobody x
commit_push work sixth
ok "a bundle without these faults is applied" wait_applied "$channel" 6 30
in_order "in order again" "$(version service refused)" \
	"$(version configmap d-orphan)"
in_order "that of what was not there too" "$(version configmap d-nobody)" \
	"$(version configmap d-after)"
ok "and the channel is ready" wait_ready "$channel" 30
done_testing
