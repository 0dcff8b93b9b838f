#!/bin/bash
# What becomes of changes by others: undone, left and told, or ignored, by the
# Channel's word or the object's; single fields that belong to others; who
# keeps changing something back; and what the status remembers of it all.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace drift
channel=drift-$$
dir=work/deploy/$channel

field() { k -n "$ns" get "$1" "$2" -o "jsonpath=$3"; }
is_field() { [ "$(field "$1" "$2" "$3")" = "$4" ]; }
json() { k get channel "$channel" -o "jsonpath=$1"; }
is_json() { [ "$(json "$1")" = "$2" ]; }
value() { curl -s "http://$METRICS/metrics" | sed -n "s/^$1{channel=\"$channel\"[^}]*} //p" | awk '{ n += $1 } END { print n }'; }
is_value() { [ "$(value "$1")" = "$2" ]; }
applies() { value windlass_applies_total; }
# drifts OBJECT: what the history has of it, one line each, newest first
drifts() {
	k get channel "$channel" -o json | jq -r --arg o "$1" '.status.drifts[] |
		select(.object | endswith($o)) |
		"\(.action) \(.fields | join(",")) by \(.manager) x\(.times)"'
}
has_drift() { drifts "$1" | grep -qxE "$2"; }
owned() { # KIND NAME: the fields that the channel's manager owns
	k -n "$ns" get "$1" "$2" --show-managed-fields -o json | jq -c --arg m \
		"windlass-$channel" '.metadata.managedFields[] |
		select(.manager == $m and .subresource == null) | .fieldsV1'
}

config() { # NAME ANNOTATIONS VALUE
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, annotations: {%s}}\ndata: {a: "%s", b: "%s"}\n' \
		"$1" "$ns" "$2" "$3" "$3"
}
web() { # IMAGE: with an autoscaler
	cat <<-END
	---
	apiVersion: apps/v1
	kind: Deployment
	metadata:
	  name: web
	  namespace: $ns
	  annotations: {windlass.dev/ignore-fields: /spec/replicas}
	spec:
	  replicas: 3
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      containers: [{name: main, image: "$1"}]
	END
}
write() { # VALUE
	mkdir -p "$dir"
	{
		config plain "" "$1"
		config mark "" "$1"
		config told "windlass.dev/drift: report" "$1"
		config free "windlass.dev/drift: ignore" "$1"
		config tuned "windlass.dev/ignore-fields: /data/b" "$1"
		config fixed "windlass.dev/drift: correct" "$1"
		web "image:$1"
	} >"$dir/all.yaml"
}

make_host host.git "$channel"
make_clone host.git work
write one
commit_push work first
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 40
is "$(json '{.spec.drift.mode}')" Correct "a Channel that says nothing"
is "$(condition "$channel" Drifted)" "False NoDrift " "nothing drifted"

# ---- undone: the default ----
k -n "$ns" patch configmap plain --type merge -p '{"data":{"a":"edited"}}' >/dev/null
ok "an edit is undone" wait_for 10 is_field configmap plain '{.data.a}' one
ok "the history says field, manager and what was done" wait_for 10 \
	has_drift /plain 'Corrected data\.a by kubectl-patch x1'
k -n "$ns" patch configmap plain --type merge -p '{"data":{"a":"again"}}' >/dev/null
ok "the same again" wait_for 10 has_drift /plain 'Corrected data\.a by kubectl-patch x2'
k -n "$ns" patch configmap plain --type json \
	-p '[{"op": "remove", "path": "/data/b"}]' >/dev/null
ok "a removed field" wait_for 10 has_drift /plain 'Corrected data\.b by .*'
k -n "$ns" delete configmap plain >/dev/null
ok "a deleted object" wait_for 10 has_drift /plain 'Corrected  by null x1'
is "$(json '{.status.drifts[0].object}')" "$(json '{.status.lastDrift.object}')" \
	"the last one is the first"
is "$(condition "$channel" Drifted)" "False NoDrift " "what was undone is no more"
like "$(cat engine.log)" ' drift .*manager=kubectl-patch fields=data\.a' "the log has it"
uid=$(field configmap plain '{.metadata.uid}')

# ---- left, and told ----
before=$(applies)
k -n "$ns" patch configmap told --type merge -p '{"data":{"a":"edited"}}' >/dev/null
ok "a change that is to stay is told" wait_condition "$channel" Drifted True 20 DriftReported
is "$(condition "$channel" Drifted)" \
	"True DriftReported ConfigMap $ns/told: data.a changed by kubectl-patch" \
	"with field and manager"
ok "and in the history" wait_for 10 has_drift /told 'Reported data\.a by kubectl-patch x1'
ok "and counted" wait_for 10 is_json '{.status.objects.drifted}' 1
ok "in the metrics too" wait_for 10 is_value windlass_drift_reports_total 1
told() { k get events -A --field-selector \
	reason=DriftReported,involvedObject.name="$channel" -o name | grep -q .; }
ok "and by an Event" wait_for 20 told
is "$(field configmap told '{.data.a}')" edited "it stays"
is "$(applies)" "$before" "nothing was applied"
ok "the channel is Ready all the same" wait_ready "$channel" 10
suspend() { k patch channel "$channel" --type merge -p "{\"spec\":{\"suspend\":$1}}" >/dev/null; }
suspend true
ok "suspended" wait_condition "$channel" Suspended True 20
k -n "$ns" patch configmap told --type merge -p '{"data":{"a":"one"}}' >/dev/null
suspend false
ok "taken back meanwhile, it is no drift" wait_condition "$channel" Drifted False 20 NoDrift
is "$(json '{.status.objects.drifted}')" 0 "nor is it counted"
k -n "$ns" patch configmap told --type merge -p '{"data":{"a":"edited"}}' >/dev/null
ok "told again" wait_condition "$channel" Drifted True 20 DriftReported
k -n "$ns" patch configmap told --type merge -p '{"data":{"a":"one"}}' >/dev/null
ok "taken back, it is no drift" wait_condition "$channel" Drifted False 20 NoDrift
k -n "$ns" delete configmap told >/dev/null
ok "a deleted one is told" wait_for 10 has_drift /told 'Reported  by null x1'
sleep 1
not_ok "and is not made again" k -n "$ns" get configmap told

# ---- nobody's business ----
k -n "$ns" patch configmap free --type merge -p '{"data":{"a":"edited"}}' >/dev/null
k -n "$ns" patch configmap mark --type merge -p '{"data":{"a":"1"}}' >/dev/null
ok "a mark" wait_for 10 is_field configmap mark '{.data.a}' one
is "$(field configmap free '{.data.a}')" edited "what is ignored stays"
is "$(drifts /free)" "" "and is not told"

# ---- fields of others ----
is "$(field deployment web '{.spec.replicas}')" 3 "what is ignored is made with its value"
unlike "$(owned deployment web)" 'f:replicas' "and is not ours from then on"
like "$(owned deployment web)" 'f:image' "unlike the rest"
before=$(applies)
k -n "$ns" scale deployment web --replicas 5 >/dev/null
k -n "$ns" patch configmap tuned --type merge -p '{"data":{"b":"theirs"}}' >/dev/null
k -n "$ns" patch configmap mark --type merge -p '{"data":{"a":"2"}}' >/dev/null
ok "a mark" wait_for 10 is_field configmap mark '{.data.a}' one
is "$(field deployment web '{.spec.replicas}') $(field configmap tuned '{.data.b}')" \
	"5 theirs" "they are left alone"
is "$(drifts /web)$(drifts /tuned)" "" "and not told"
is "$(applies)" $((before + 1)) "nothing but the mark was applied"
# also of what the autoscaler does it is known when it is done
pods() { [ "$(field deployment web '{.status.readyReplicas}')" = "$1" ]; }
ok "the pods are there" wait_for 30 pods 5
ok "and the channel is Ready again" wait_ready "$channel" 10 ||
	echo "# $(condition "$channel" Healthy)"
k -n "$ns" rollout restart deployment/web >/dev/null
k -n "$ns" rollout status deployment/web --timeout 30s >/dev/null
ok "after a rollout restart, too" wait_ready "$channel" 10 ||
	echo "# $(condition "$channel" Healthy)"
k -n "$ns" set image deployment/web main=image:hand >/dev/null
ok "other fields are undone" wait_for 10 is_field deployment web \
	'{.spec.template.spec.containers[0].image}' image:one
ok "and named" wait_for 10 has_drift /web \
	'Corrected spec.template.spec.containers\[name="main"\].image by kubectl-set x1'
is "$(field deployment web '{.spec.replicas}')" 5 "the ignored one is not touched by that"
k -n "$ns" delete deployment web >/dev/null
ok "a deleted one is made again with its own value" wait_for 20 is_field \
	deployment web '{.spec.replicas}' 3

# ---- a new bundle ----
k -n "$ns" scale deployment web --replicas 4 >/dev/null
write two
commit_push work second
ok "the next bundle is applied" wait_applied "$channel" 2 40
for name in plain told free fixed; do
	is "$(field configmap $name '{.data.a} {.data.b}')" "two two" "$name: as it says"
done
is "$(field configmap tuned '{.data.a} {.data.b}')" "two theirs" \
	"but the fields of others"
is "$(field deployment web '{.spec.replicas} {.spec.template.spec.containers[0].image}')" \
	"4 image:two" "in the Deployment too"
ok "what was told is no drift any more" wait_condition "$channel" Drifted False 20 NoDrift
windlass diff --live --repo host.git "$channel" >out
is "$? $(cat out)" "0 $channel 1.2: 7 objects as in the cluster" \
	"diff --live agrees: they are no difference" || test_show out

# nobody had taken it yet: left out, it would have gone back to its default
sed -i '/^metadata:$/,/^spec/s/^  replicas: 3$/  replicas: 3/; s/windlass.dev\/ignore-fields: \/data\/b/windlass.dev\/ignore-fields: "\/data\/a"/' "$dir/all.yaml"
commit_push work third
ok "other fields are ignored" wait_applied "$channel" 3 40
is "$(field configmap tuned '{.data.a} {.data.b}')" "two two" \
	"what was ignored is applied again, and the other one keeps its value"
unlike "$(owned configmap tuned)" 'f:a"' "without an owner"

# ---- an engine that begins anew ----
k -n "$ns" scale deployment web --replicas 6 >/dev/null
k -n "$ns" patch configmap tuned --type merge -p '{"data":{"a":"theirs"}}' >/dev/null
engine_kill
k -n "$ns" patch configmap told --type merge -p '{"data":{"b":"edited"}}' >/dev/null
k -n "$ns" patch configmap free --type merge -p '{"data":{"b":"edited"}}' >/dev/null
k -n "$ns" patch configmap fixed --type merge -p '{"data":{"b":"edited"}}' >/dev/null
engine_start
ok "what is to be undone is" wait_for 20 is_field configmap fixed '{.data.b}' two
ok "what is to be told is" wait_condition "$channel" Drifted True 20 DriftReported
ok "with what there was before" wait_for 10 has_drift /told 'Reported data\.b by kubectl-patch x1'
ok "the history of before is still there" has_drift /plain 'Corrected data\.b by .*'
is "$(field configmap told '{.data.b}') $(field configmap free '{.data.b}')" \
	"edited edited" "and stays"
is "$(field configmap tuned '{.data.a}') $(field deployment web '{.spec.replicas}')" \
	"theirs 6" "so do the fields of others"
is "$(applies)" 1 "one object was applied"

# ---- the Channel's word ----
k patch channel "$channel" --type merge -p '{"spec":{"drift":{"mode":"Report"}}}' >/dev/null
sleep 1
k -n "$ns" patch configmap plain --type merge -p '{"data":{"a":"edited"}}' >/dev/null
ok "a Channel that reports" wait_for 10 has_drift /plain 'Reported data\.a by kubectl-patch x1'
is "$(field configmap plain '{.data.a}')" edited "undoes nothing"
k -n "$ns" patch configmap fixed --type merge -p '{"data":{"a":"edited"}}' >/dev/null
ok "but for an object that says so" wait_for 10 is_field configmap fixed '{.data.a}' two
k patch channel "$channel" --type merge -p '{"spec":{"drift":{"mode":"Correct"}}}' >/dev/null
ok "one that corrects again makes up for it" wait_for 20 is_field configmap plain '{.data.a}' two
is "$(field configmap told '{.data.b}')" edited "but for an object that says so"
k patch channel "$channel" --type merge \
	-p '{"spec":{"drift":{"mode":"Ignore"}}}' >out 2>&1
is $? 1 "there is no other word"
like "$(cat out)" 'Unsupported value: "Ignore": supported values: "Correct", "Report"' \
	"and the API server says which"
status_says() { windlass status "$channel" | grep -q "$1"; }
ok "windlass status has it" wait_for 10 status_says \
	"Drifted=True  DriftReported: ConfigMap $ns/told: data.b changed by kubectl-patch"

# ---- a fight ----
for _ in 1 2 3 4 5 6 7 8; do
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixed, namespace: %s}\ndata: {a: "rival"}\n' "$ns" |
		k apply --server-side --force-conflicts --field-manager rival -f - >/dev/null
	wait_for 5 is_field configmap fixed '{.data.a}' two || break
done
ok "who changes it back again and again is named, and what" \
	wait_condition "$channel" Drifted True 20 DriftFight
like "$(condition "$channel" Drifted)" \
	"ConfigMap $ns/fixed: rival keeps changing data.a back; next try in 30 s" "in the condition"
ok "in the history" wait_for 10 has_drift /fixed 'PutOff data\.a by rival x1'
ok "in the metrics" wait_for 10 is_value windlass_drift_fighting 1
fight_told() { k get events -A -o json | jq -r '.items[].message' |
	grep -q "^ConfigMap $ns/fixed: rival keeps changing data.a back"; }
ok "and in an Event" wait_for 20 fight_told
n=$(applies)
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixed, namespace: %s}\ndata: {a: "rival 2"}\n' "$ns" |
	k apply --server-side --force-conflicts --field-manager rival -f - >/dev/null
sleep 1
is "$(applies)" "$n" "meanwhile nothing is written"
is "$(field configmap fixed '{.data.a}')" "rival 2" "and the other one has it"

# ---- what cannot be ----
cat >"$dir/service.yaml" <<END
apiVersion: v1
kind: Service
metadata:
  name: svc
  namespace: $ns
  annotations: {windlass.dev/ignore-fields: /spec/selector/app}
spec: {selector: {app: web, tier: front}, ports: [{port: 80}]}
END
commit_push work fourth
ok "a part of what Kubernetes takes as a whole" \
	wait_condition "$channel" Applied False 30 ApplyFailed
like "$(condition "$channel" Applied)" \
	'spec.selector.app cannot be ignored: Kubernetes applies spec.selector as a whole; name that' \
	"is refused, and says what to name"
sed -i 's#/spec/selector/app#/spec/selector#' "$dir/service.yaml"
commit_push work fifth
ok "the whole" wait_applied "$channel" 5 40
is "$(field service svc '{.spec.selector}')" '{"app":"web","tier":"front"}' "stays as it was made"
unlike "$(owned service svc)" 'selector' "without an owner"
done_testing
