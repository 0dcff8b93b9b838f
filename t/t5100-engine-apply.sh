#!/bin/bash
# One channel end to end: a push to a real repository is live in a real
# cluster with exactly the pushed fields; then changes, hand edits, deletes.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace apply
channel=apply-$$

field() { k -n "$ns" get "$1" "$2" -o "jsonpath=$3"; }
is_field() { [ "$(field "$1" "$2" "$3")" = "$4" ]; }
gone() { ! k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }

make_host host.git "$channel"
make_clone host.git work
put work "deploy/$channel/settings.yaml" ConfigMap settings "$ns" one
more work "deploy/$channel/settings.yaml" ConfigMap others "$ns" two
put work "deploy/$channel/web.yaml" Deployment web "$ns" 1
commit_push work first
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"

# ---- the first bundle ----
ok "the first bundle is applied" wait_applied "$channel" 1 30
ok "the channel is ready" wait_ready "$channel" 30
is "$(live_differs host.git "$channel")" "" "what is live is what was pushed"
is "$(field configmap settings '{.metadata.labels.applyset\.kubernetes\.io/part-of}')" \
	"$(k get channel "$channel" -o 'jsonpath={.metadata.labels.applyset\.kubernetes\.io/id}')" \
	"objects bear the label of their set"
is "$(field configmap settings '{.metadata.managedFields[*].manager}')" \
	"windlass-$channel" "one field manager a channel"
is "$(k get channel "$channel" -o 'jsonpath={.metadata.annotations.applyset\.kubernetes\.io/contains-group-kinds}')" \
	"ConfigMap,Deployment.apps" "the parent names the kinds in its set"
is "$(k get channel "$channel" -o 'jsonpath={.status.accepted.sequence} {.status.objects.total} {.status.objects.ready}')" \
	"1 3 3" "the status counts"
is "$(k get channel "$channel" -o 'jsonpath={.status.accepted.bundle}')" \
	"$(bundle host.git "$channel")" "the status names the bundle"
is "$(k get channel "$channel" -o 'jsonpath={.status.accepted.sourceCommit}')" \
	"$(git -C work rev-parse HEAD)" "and the commit that it came from"
ok "the engine says what it did" grep -q ' bundle-applied ' engine.log

# ---- changes ----
put work "deploy/$channel/web.yaml" Deployment web "$ns" 2
commit_push work second
ok "a changed object is applied" wait_applied "$channel" 2 30
is "$(field deployment web '{.spec.template.spec.containers[0].image}')" \
	image:2 "with the new value"
is "$(live_differs host.git "$channel")" "" "and nothing else differs"
applies=$(curl -s "http://$METRICS/metrics" |
	sed -n "s/^windlass_applies_total{channel=\"$channel\"} //p")
is "$applies" 4 "only the changed object cost a request"

# a field that is dropped goes away, one that others own stays
k -n "$ns" label configmap others mine=yes >/dev/null
sed -i 's/  text: "two"/  other: "three"/' "work/deploy/$channel/settings.yaml"
commit_push work third
ok "a dropped field is applied" wait_applied "$channel" 3 30
is "$(field configmap others '{.data}')" '{"other":"three"}' \
	"the field that was dropped is gone"
is "$(field configmap others '{.metadata.labels.mine}')" yes \
	"the label of somebody else is not"

# ---- drift ----
k -n "$ns" patch configmap settings -p '{"data":{"text":"edited"}}' >/dev/null
ok "a hand edit is undone" wait_for 10 is_field configmap settings \
	'{.data.text}' one
k -n "$ns" delete configmap settings >/dev/null
ok "a deleted object comes back" wait_for 10 is_field configmap settings \
	'{.data.text}' one
ok "the status says what drifted" wait_for 10 sh -c \
	"[ \"\$('$KUBECTL' get channel '$channel' -o 'jsonpath={.status.lastDrift.object}')\" = 'ConfigMap $ns/settings' ]"

# ---- deleting ----
rm "work/deploy/$channel/web.yaml"
commit_push work fourth
ok "a bundle that deletes is applied" wait_applied "$channel" 4 30
ok "what it no longer names is gone" gone deployment web
is "$(field configmap settings '{.data.text}')" one "all else is still there"
ok "the channel is ready again" wait_ready "$channel" 30
is "$(k get channel "$channel" -o 'jsonpath={.metadata.annotations.applyset\.kubernetes\.io/contains-group-kinds}')" \
	"ConfigMap" "the parent names a kind no more" ||
	k get channel "$channel" -o yaml | sed 's/^/# /'

# ---- failures ----
mkdir -p "work/deploy/$channel"
cat >"work/deploy/$channel/bad.yaml" <<END
apiVersion: v1
kind: ConfigMap
metadata:
  name: fine
  namespace: $ns
data:
  a: b
---
apiVersion: v1
kind: Service
metadata:
  name: bad
  namespace: $ns
spec:
  # in no range of addresses: that only this cluster knows
  clusterIP: 192.0.2.1
  ports:
  - port: 80
END
commit_push work fifth
ok "a refused object shows in the status" wait_condition "$channel" Applied \
	False 30 ApplyFailed
is "$(field configmap fine '{.data.a}')" b "the others of its bundle are live"
ok "the failure names its file and line" wait_for 10 sh -c \
	"[ \"\$('$KUBECTL' get channel '$channel' -o 'jsonpath={.status.failures[0].source}')\" = 'deploy/$channel/bad.yaml:9' ]" ||
	k get channel "$channel" -o 'jsonpath={.status.failures}' | sed 's/^/# /'
like "$(k get channel "$channel" -o 'jsonpath={.status.failures[0].object} {.status.failures[0].message}')" \
	"^Service $ns/bad .*192\.0\.2\.1: the provided" "and says why, in the API server's words"
is "$(k get channel "$channel" -o 'jsonpath={.status.applied.sequence}')" 4 \
	"a bundle with a failure is not called applied"
like "$(curl -s "http://$METRICS/metrics")" \
	"^windlass_apply_errors_total\{channel=\"$channel\",class=\"permanent\"\} [1-9]" \
	"the metrics count it as its author's"
rm "work/deploy/$channel/bad.yaml"
commit_push work sixth
ok "the bundle that repairs it is applied" wait_applied "$channel" 6 30
ok "and what the failed one had brought is gone" wait_for 10 gone configmap fine
ok "no failure is left in the status" wait_for 10 sh -c \
	"[ \"\$('$KUBECTL' get channel '$channel' -o 'jsonpath={.status.failures}')\" = '[]' ]"

# ---- policy ----
cat >"work/deploy/$channel/other.yaml" <<END
apiVersion: v1
kind: ConfigMap
metadata: {name: elsewhere, namespace: default}
END
commit_push work seventh
ok "a namespace that the Channel has not is refused" \
	wait_condition "$channel" Verified False 30 PolicyViolation
like "$(condition "$channel" Verified)" "ConfigMap default/elsewhere" \
	"and the object is named"
is "$(k get channel "$channel" -o 'jsonpath={.status.accepted.sequence}')" 6 \
	"such a bundle is not accepted"
not_ok "and nothing of it is applied" k -n default get configmap elsewhere
git -C work rm -q "deploy/$channel/other.yaml"
commit_push work eighth
ok "the next bundle is taken again" wait_applied "$channel" 8 30

# ---- the Channel goes ----
k delete channel "$channel" >/dev/null
ok "the engine lets it go" wait_line 10 engine.log 'channel-gone'
is "$(field configmap settings '{.data.text}')" one \
	"deleting a Channel deletes nothing else"
left() {
	k -n default get events.events.k8s.io -o \
		'jsonpath={range .items[*]}{.regarding.name} {.reason} {.note}{"\n"}{end}' |
		grep "^$channel ObjectsLeft .* [1-9][0-9]* objects stay"
}
ok "and an Event says so" wait_for 20 left
done_testing
