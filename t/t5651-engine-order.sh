#!/bin/bash
# The ends of order: webhook configurations and API services come last and go
# first, by resourceVersions of the API server. What can never go, because
# depends-on leads to nowhere, fails with its file and line while all else goes
# on, deletes too; a bundle that heals it is applied. A wave that is none is
# refused at the push.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace beside
beside=$ns
cluster_namespace order
channel=order-$$
group=o$$.example.org
dir=work/deploy/$channel
for kind in validatingwebhookconfiguration mutatingwebhookconfiguration; do
	at_exit "k delete $kind order-$$ --ignore-not-found"
done
at_exit "k delete apiservice v9.$group --ignore-not-found"

there() { k -n "${2:-$ns}" get configmap "$1" >/dev/null 2>&1; }
gone() { ! there "$@"; }
version() { k -n "$ns" get "$1" "$2" -o 'jsonpath={.metadata.resourceVersion}'; }
# config NAME [DEPENDS [NAMESPACE]]
config() {
	mkdir -p "$dir"
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: %s\n%sdata: {a: b}\n' \
		"$1" "${3:-$ns}" "${2:+  annotations: {config.kubernetes.io/depends-on: \"$2\"\}
}" >"$dir/$1.yaml"
}
on() { echo "/namespaces/$ns/ConfigMap/$1"; }
# the resourceVersions of making and deleting, as a watch has them
watch() {
	start "watch_$1" "$KUBECTL" -n "$ns" get "$1" --field-selector "metadata.name=$2" \
		-w --output-watch-events \
		-o 'jsonpath={.type} {.object.metadata.resourceVersion}{"\n"}'
}
made() { sed -n 's/^ADDED //p' "watch_$1.log"; }
deleted() { sed -n 's/^DELETED //p' "watch_$1.log"; }
order() {
	local what=$1 last=0 v
	shift
	for v; do
		if ! [ "${v:-0}" -gt "$last" ]; then
			fail "$what"
			echo "# not in order: $*"
			return
		fi
		last=$v
	done
	pass "$what"
}
most() { printf '%s\n' "$@" | sort -n | tail -n 1; }
least() { printf '%s\n' "$@" | sort -n | head -n 1; }

# ---- last, and first ----
config base
config elsewhere "" "$beside"
cat >"$dir/hooks.yaml" <<END
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: order-$$}
webhooks: []
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: order-$$}
webhooks: []
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v9.$group}
spec: {group: $group, version: v9, groupPriorityMinimum: 100, versionPriority: 10}
END
cat >"$dir/others.yaml" <<END
apiVersion: v1
kind: ServiceAccount
metadata: {name: others, namespace: $ns}
---
apiVersion: v1
kind: Service
metadata: {name: others, namespace: $ns}
spec: {ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: others, namespace: $ns}
spec:
  selector: {matchLabels: {app: others}}
  template:
    metadata: {labels: {app: others}}
    spec: {containers: [{name: main, image: image}]}
END
make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 100
make_clone host.git clone
mv clone/.git work/.git
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
hooks="validatingwebhookconfiguration mutatingwebhookconfiguration apiservice"
stands="service serviceaccount"
for kind in ${hooks% *}; do watch "$kind" "order-$$"; done
watch apiservice "v9.$group"
for kind in $stands deployment; do watch "$kind" others; done
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle with hooks and an API service is applied" wait_applied "$channel" 1 40
ok "the channel is ready" wait_ready "$channel" 30
each() { for kind in $2; do "$1" "$kind"; done; }
order "they come last" "$(most $(each made "$stands"))" "$(made deployment)" \
	"$(least $(each made "$hooks"))"
is "$(grep -l ADDED watch_*.log | wc -l)" 6 "all six were seen to come"
rm "$dir/hooks.yaml" "$dir/others.yaml"
commit_push work second || bail "push failed: $(cat push.out)"
ok "a bundle without all of it is applied" wait_applied "$channel" 2 40
for kind in $hooks $stands deployment; do
	wait_line 20 "watch_$kind.log" DELETED
done
order "they go first" "$(most $(each deleted "$hooks"))" "$(deleted deployment)" \
	"$(least $(each deleted "$stands"))"
is "$(grep -l DELETED watch_*.log | wc -l)" 6 "all six were seen to go"

# ---- to nowhere ----
config beyond "$(on nowhere)"
config further "$(on beyond)"
config nowhere "apps/namespaces/$ns/Deployment/nobody"
config free "$(on base)"
rm "$dir/elsewhere.yaml"
commit_push work third || bail "push failed: $(cat push.out)"
ok "what has nothing to do with it is applied" wait_for 20 there free
ok "and deleted, in another namespace" wait_for 20 gone elsewhere "$beside"
fails() { # NAME REASON MESSAGE
	k get channel "$channel" -o json | jq -e --arg o "ConfigMap $ns/$1" --arg r "$2" --arg m "$3" \
		--arg s "deploy/$channel/$1.yaml:1" '.status.failures[] |
		select(.object == $o and .reason == $r and .source == $s and (.message | test($m)))' >/dev/null
}
shown() {
	ok "$1: $2" wait_for 20 fails "$1" "$2" "$3" ||
		k get channel "$channel" -o jsonpath='{.status.failures}' | sed 's/^/# /'
}
shown beyond DependencyFailed "^it depends on /namespaces/$ns/ConfigMap/nowhere, which cannot be applied"
shown further DependencyFailed "ConfigMap/beyond, which cannot be applied"
shown nowhere DependencyMissing "^it depends on apps/namespaces/$ns/Deployment/nobody, which this channel has not"
like "$(condition "$channel" Applied)" "^False ApplyFailed 3 of 5 objects cannot be applied: " \
	"the condition counts them"
for name in beyond further nowhere; do
	not_ok "$name is not there" there "$name"
done
engine_kill
engine_start || bail "windlassd does not start: $(cat engine.log)"
shown further DependencyFailed "ConfigMap/beyond, which cannot be applied"

# ---- healed by one of them ----
config nowhere "$(on base)"
commit_push work fourth || bail "push failed: $(cat push.out)"
ok "a bundle in which it is there is applied" wait_applied "$channel" 4 30 ||
	condition "$channel" Applied | sed 's/^/# /'
order "in its order, what did not change too" "$(version configmap nowhere)" \
	"$(version configmap beyond)" "$(version configmap further)"
ok "and the channel is ready" wait_ready "$channel" 30

# ---- one that loses what it depends on ----
config nowhere "$(on free), $(on base)"
rm "$dir/free.yaml"
commit_push work fifth || bail "push failed: $(cat push.out)"
shown nowhere DependencyMissing "ConfigMap/free, which this channel has not"
config nowhere "$(on base)"
commit_push work sixth || bail "push failed: $(cat push.out)"
ok "without that it is applied" wait_applied "$channel" 6 30
ok "and what it had depended on is gone" gone free

# ---- waves that are none ----
for wave in 1001 -1001 first 1.5 "" 99999999999999999999; do
	sed "s/^data:/  annotations: {windlass.dev\/wave: \"$wave\"}\n&/" "$dir/base.yaml" >"$dir/wave.yaml"
	sed -i 's/name: base/name: wave/' "$dir/wave.yaml"
	commit work "wave $wave"
	not_ok "wave '$wave' is refused at the push" push work
	like "$(cat push.out)" "deploy/$channel/wave.yaml:6:[0-9]+: error: annotation 'windlass.dev/wave' is \"$wave\"; it must be a whole number from -1000 to 1000" \
		"with its place"
	git -C work reset -q --hard HEAD~1
done
done_testing
