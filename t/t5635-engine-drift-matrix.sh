#!/bin/bash
# Every way that we know in which a live object comes to differ, or only seems
# to, on a real API server, row by row of what was measured there: what must be
# undone is, exactly; what is no difference costs no write; and what cannot be
# undone is said.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace matrix
channel=matrix-$$
group=m$$.example.org
dir=work/deploy/$channel

n() { k -n "$ns" "$@"; }
applies() { curl -s "http://$METRICS/metrics" | sed -n "s/^windlass_applies_total{channel=\"$channel\"} //p"; }
live() { n get "$1" "$2" -o json; }
# what we say of an object, as the API server has it
wanted() { live "$1" "$2" | jq -cS 'del(.metadata.annotations["deployment.kubernetes.io/revision"]) | [.metadata.labels, .metadata.annotations, .spec, .data, .type]'; }
same() { [ "$(wanted "$1" "$2")" = "$3" ]; }
json_patch() { n patch "$1" "$2" --type json -p "$3" >/dev/null; }
merge() { n patch "$1" "$2" --type merge -p "$3" >/dev/null; }
theirs() { # KIND NAME JSON [MANAGER]: an apply by force of somebody else
	local api=v1
	case $1 in Deployment) api=apps/v1 ;; Widget) api=$group/v1 ;; esac
	jq -n --arg api "$api" --arg kind "$1" --arg name "$2" --arg ns "$ns" \
		--argjson rest "$3" '{apiVersion: $api, kind: $kind,
			metadata: {name: $name, namespace: $ns}} * $rest' |
		k apply --server-side --force-conflicts \
			--field-manager "${4:-rival}" -f - >/dev/null
}

# A round of one object has its limit: five a minute. So each row has objects
# of its own, by the number of the row.
row=0
new_row() { row=$((row + 1)); }

manifests() { # COUNT
	local i
	for ((i = 1; i <= $1; i++)); do
		cat <<-END
		---
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: cm$i, namespace: $ns, labels: {tier: front}}
		data: {a: "1", b: "2"}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: svc$i, namespace: $ns}
		spec: {selector: {app: a}, ports: [{name: http, port: 80}, {name: tls, port: 443}]}
		---
		apiVersion: v1
		kind: Secret
		metadata: {name: sec$i, namespace: $ns}
		type: Opaque
		stringData: {a: one}
		data: {b: dHdv}
		---
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: dep$i, namespace: $ns, annotations: {note: ours}}
		spec:
		  replicas: 0
		  selector: {matchLabels: {app: a$i}}
		  template:
		    metadata: {labels: {app: a$i}}
		    spec:
		      containers:
		      - {name: one, image: "one:1", env: [{name: A, value: "1"}, {name: B, value: "2"}], args: [p, q]}
		      - {name: two, image: "two:1", volumeMounts: [{name: v, mountPath: /v}]}
		      volumes: [{name: v, emptyDir: {}}]
		---
		apiVersion: $group/v1
		kind: Widget
		metadata: {name: cr$i, namespace: $ns}
		spec: {size: 1, list: [{name: p, v: 1}, {name: q, v: 2}], atoms: [a, b]}
		END
	done
}

crd() { # WIDGET-PROPERTIES
	cat <<-END
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
	    subresources: {status: {}}
	    schema:
	      openAPIV3Schema:
	        type: object
	        properties:
	          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
	          spec:
	            type: object
	            properties:
	              size: {type: integer}
	              $1
	              list:
	                type: array
	                x-kubernetes-list-type: map
	                x-kubernetes-list-map-keys: [name]
	                items:
	                  type: object
	                  required: [name]
	                  properties: {name: {type: string}, v: {type: integer}}
	              atoms: {type: array, items: {type: string}}
	END
}

ROWS=29
make_host host.git "$channel"
set_channel host.git "$channel" secrets allow
make_clone host.git work
at_exit "k delete crd widgets.$group --wait=false"
crd "note: {type: string}" | k apply -f - >/dev/null
k wait --for condition=Established "crd/widgets.$group" --timeout 20s >/dev/null
crd "note: {type: string}" >crd.yaml
set_channel host.git "$channel" crds "$PWD/crd.yaml"
mkdir -p "$dir"
manifests $ROWS >"$dir/all.yaml"
commit_push work first || { test_show push.out; bail "the push is refused"; }
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "five kinds of each row are applied" wait_applied "$channel" 1 60 || bail "nothing is applied"

declare -A good

for kind in configmap service secret deployment "widgets.$group"; do
	while read -r name value; do
		good[$kind/$name]=$value
	done < <(n get "$kind" -o json | jq -r '.items[] | del(.metadata.annotations["deployment.kubernetes.io/revision"]) | .metadata.name + " " +
		([.metadata.labels, .metadata.annotations, .spec, .data, .type] | tojson)' | sort)
done
good_of() { jq -cS . <<<"${good[$1/$2]}"; }

# undone ROW-NAME KIND NAME: after somebody's write
undone() {
	[ -n "${good[$2/$3]:-}" ] || bail "no $2 $3"
	local was
	was=$(good_of "$2" "$3")
	ok "$1: $2 is as it was" wait_for 10 same "$2" "$3" "$was" ||
		diff <(jq . <<<"$was") <(wanted "$2" "$3" | jq .) | sed 's/^/# /'
}

cm() { echo "cm$row"; }
svc() { echo "svc$row"; }
sec() { echo "sec$row"; }
dep() { echo "dep$row"; }
cr() { echo "cr$row"; }
W=widgets.$group

# ---- 3. ordinary writes of others: hit as DRIFT ----
new_row; what="merge patch of owned values"
merge configmap "$(cm)" '{"data":{"a":"x"}}'
merge service "$(svc)" '{"spec":{"ports":[{"name":"http","port":81}]}}'
merge secret "$(sec)" '{"data":{"a":"eA=="}}'
merge deployment "$(dep)" '{"spec":{"replicas":1}}'
merge "$W" "$(cr)" '{"spec":{"size":2}}'
for pair in "configmap $(cm)" "service $(svc)" "secret $(sec)" "deployment $(dep)" "$W $(cr)"; do
	undone "$what" $pair
done

new_row; what="strategic and JSON patches"
n patch deployment "$(dep)" -p '{"spec":{"template":{"spec":{"containers":[{"name":"one","image":"x:1"}]}}}}' >/dev/null
json_patch configmap "$(cm)" '[{"op":"replace","path":"/data/a","value":"x"}]'
json_patch "$W" "$(cr)" '[{"op":"replace","path":"/spec/list/0/v","value":9}]'
undone "$what" deployment "$(dep)"; undone "$what" configmap "$(cm)"; undone "$what" "$W" "$(cr)"

new_row; what="kubectl replace"
live configmap "$(cm)" | jq '.data.a = "x"' | k replace -f - >/dev/null
live deployment "$(dep)" | jq '.spec.template.spec.containers[1].image = "x"' | k replace -f - >/dev/null
live "$W" "$(cr)" | jq '.spec.atoms = ["x"]' | k replace -f - >/dev/null
undone "$what" configmap "$(cm)"; undone "$what" deployment "$(dep)"; undone "$what" "$W" "$(cr)"

new_row; what="kubectl set image and scale"
n set image "deployment/$(dep)" one=x:2 >/dev/null
n scale deployment "$(dep)" --replicas 1 >/dev/null
undone "$what" deployment "$(dep)"

new_row; what="Update under our name"
live configmap "$(cm)" | jq '.data.a = "x"' |
	k replace --field-manager "windlass-$channel" -f - >/dev/null
undone "$what" configmap "$(cm)"

new_row; what="another's forced apply, another value"
theirs ConfigMap "$(cm)" '{"data":{"a":"x"}}'
theirs Deployment "$(dep)" '{"spec":{"replicas":1}}'
theirs Widget "$(cr)" '{"spec":{"size":3}}'
undone "$what" configmap "$(cm)"; undone "$what" deployment "$(dep)"; undone "$what" "$W" "$(cr)"

new_row; what="an owned key, list item or whole list removed"
json_patch configmap "$(cm)" '[{"op":"remove","path":"/data/a"}]'
json_patch service "$(svc)" '[{"op":"remove","path":"/spec/ports/1"}]'
json_patch deployment "$(dep)" '[{"op":"remove","path":"/spec/template/spec/containers/0/env/1"}]'
json_patch "$W" "$(cr)" '[{"op":"remove","path":"/spec/list/1"}]'
undone "$what" configmap "$(cm)"; undone "$what" service "$(svc)"
undone "$what" deployment "$(dep)"; undone "$what" "$W" "$(cr)"

new_row; what="an atomic list appended to"
json_patch "$W" "$(cr)" '[{"op":"add","path":"/spec/atoms/-","value":"c"}]'
json_patch deployment "$(dep)" '[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"r"}]'
undone "$what" "$W" "$(cr)"; undone "$what" deployment "$(dep)"

new_row; what="a foreign key in an atomic map (a Service's selector)"
merge service "$(svc)" '{"spec":{"selector":{"more":"x"}}}'
undone "$what" service "$(svc)"

new_row; what="a duplicate env name added by another"
json_patch deployment "$(dep)" '[{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"A","value":"9"}}]'
undone "$what" deployment "$(dep)"

new_row; what="owned label and annotation changed, removed"
n label configmap "$(cm)" tier=back --overwrite >/dev/null
n annotate deployment "$(dep)" note- >/dev/null
undone "$what" configmap "$(cm)"; undone "$what" deployment "$(dep)"

new_row; what="deleted, and deleted and made again by another"
n delete configmap "$(cm)" >/dev/null
undone "deleted" configmap "$(cm)"
n delete secret "$(sec)" >/dev/null
n create secret generic "$(sec)" --from-literal=a=other >/dev/null 2>&1
undone "$what" secret "$(sec)"

new_row; what="our label taken off"
n label configmap "$(cm)" applyset.kubernetes.io/part-of- >/dev/null
n label deployment "$(dep)" applyset.kubernetes.io/part-of- >/dev/null
undone "$what" configmap "$(cm)"; undone "$what" deployment "$(dep)"

# ---- 1. what our entry does not show ----
new_row; what="our name, the same fields, another value, in the same second"
label=$(k get channel "$channel" -o 'jsonpath={.metadata.labels.applyset\.kubernetes\.io/id}')
theirs ConfigMap "$(cm)" "{\"metadata\":{\"labels\":{\"tier\":\"front\",\"applyset.kubernetes.io/part-of\":\"$label\"}},\"data\":{\"a\":\"x\",\"b\":\"2\"}}" "windlass-$channel"
theirs Widget "$(cr)" "{\"metadata\":{\"labels\":{\"applyset.kubernetes.io/part-of\":\"$label\"}},\"spec\":{\"size\":7,\"list\":[{\"name\":\"p\",\"v\":1},{\"name\":\"q\",\"v\":2}],\"atoms\":[\"a\",\"b\"]}}" "windlass-$channel"
undone "$what" configmap "$(cm)"; undone "$what" "$W" "$(cr)"

new_row; what="a forged entry: the value changed, the old managedFields put back"
forge() { # KIND NAME JQ
	local old
	old=$(n get "$1" "$2" --show-managed-fields -o json | jq -c .metadata.managedFields)
	n get "$1" "$2" --show-managed-fields -o json |
		jq --argjson m "$old" "$3 | .metadata.managedFields = \$m | del(.metadata.resourceVersion)" >forged.json
	[ "$1" = "$W" ] && { n get "$1" "$2" --show-managed-fields -o json |
		jq --argjson m "$old" "$3 | .metadata.managedFields = \$m" >forged.json; }
	k replace -f forged.json >/dev/null
	n get "$1" "$2" --show-managed-fields -o json |
		jq --argjson m "$old" '.metadata.managedFields = $m' | k replace -f - >/dev/null
}
forge configmap "$(cm)" '.data.a = "x"'
forge secret "$(sec)" '.data.a = "eA=="'
forge "$W" "$(cr)" '.spec.size = 8'
undone "$what" configmap "$(cm)"; undone "$what" secret "$(sec)"; undone "$what" "$W" "$(cr)"

new_row; what="list items in another order"
json_patch deployment "$(dep)" '[{"op":"move","from":"/spec/template/spec/containers/0","path":"/spec/template/spec/containers/1"}]'
json_patch "$W" "$(cr)" '[{"op":"move","from":"/spec/list/0","path":"/spec/list/1"}]'
undone "$what" deployment "$(dep)"; undone "$what" "$W" "$(cr)"

new_row; what="a Secret that was written as stringData"
merge secret "$(sec)" '{"stringData":{"a":"other"}}'
undone "edited by stringData" secret "$(sec)"
new_row
json_patch secret "$(sec)" '[{"op":"remove","path":"/data/a"}]'
undone "a key deleted" secret "$(sec)"

# ---- not drift, but going ----
new_row; what="a foreground delete that hangs"
merge deployment "$(dep)" '{"metadata":{"finalizers":["example.org/x"]}}'
n delete deployment "$(dep)" --cascade=foreground --wait=false >/dev/null
going() { k get channel "$channel" -o json | jq -e --arg o "Deployment.apps $ns/$(dep)" \
	'.status.conditions[] | select(.type == "Healthy") | .message | contains($o + ": somebody deleted it")' >/dev/null; }
ok "$what: is waited for, and said" wait_for 20 going
uid=$(n get deployment "$(dep)" -o 'jsonpath={.metadata.uid}')
merge deployment "$(dep)" '{"metadata":{"finalizers":null}}'
anew() { local u; u=$(n get deployment "$(dep)" -o 'jsonpath={.metadata.uid}' 2>/dev/null) && [ "$u" != "$uid" ]; }
ok "$what: then it is made again" wait_for 20 anew
undone "$what" deployment "$(dep)"

new_row; what="a mutating policy changes an owned field on a foreign write"
policy=matrix-$$
at_exit "k delete mutatingadmissionpolicies.admissionregistration.k8s.io $policy-a $policy-b"
at_exit "k delete mutatingadmissionpolicybindings.admissionregistration.k8s.io $policy-a $policy-b"
mutator() { # NAME OBJECT MATCH
	cat <<-END | k apply -f - >/dev/null
	apiVersion: admissionregistration.k8s.io/v1
	kind: MutatingAdmissionPolicy
	metadata: {name: $1}
	spec:
	  failurePolicy: Fail
	  reinvocationPolicy: Never
	  matchConstraints:
	    resourceRules:
	    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}
	  matchConditions:
	  - name: it
	    expression: >-
	      object.metadata.namespace == "$ns" && object.metadata.name == "$2" && $3
	  mutations:
	  - patchType: JSONPatch
	    jsonPatch:
	      expression: '[JSONPatch{op: "replace", path: "/data/b", value: "mutated"}]'
	---
	apiVersion: admissionregistration.k8s.io/v1
	kind: MutatingAdmissionPolicyBinding
	metadata: {name: $1}
	spec: {policyName: $1}
	END
}
acts() { n annotate configmap "$1" "probe=$RANDOM" --overwrite >/dev/null; n get configmap "$1" -o json | jq -e '.data.b == "mutated"' >/dev/null; }
if k get --raw /apis/admissionregistration.k8s.io/v1 | grep -q '"mutatingadmissionpolicies"'; then
	mutator "$policy-a" "$(cm)" '!request.userInfo.username.startsWith("system:serviceaccount:")'
	seen() { grep -q " drift .*ConfigMap $ns/$(cm)\"" engine.log; }
	wait_for 30 eval 'n annotate configmap "$(cm)" "probe=$RANDOM" --overwrite >/dev/null; sleep 0.3; seen'
	ok "$what: seen" seen
	k delete mutatingadmissionpolicies.admissionregistration.k8s.io "$policy-a" >/dev/null
	is_b() { [ "$(n get configmap "$1" -o 'jsonpath={.data.b}')" = 2 ]; }
	ok "$what: undone" wait_for 40 is_b "$(cm)"

	new_row; what="a mutating policy that changes it on every write"
	mutator "$policy-b" "$(cm)" true
	mutated=$(cm)
	wait_for 30 acts "$(cm)"
	stuck() { k get channel "$channel" -o json | jq -e --arg o "ConfigMap $ns/$(cm)" \
		'.status.conditions[] | select(.type == "Drifted") | .message | contains($o)' >/dev/null; }
	ok "$what: said to be without end" wait_for 30 stuck
	like "$(condition "$channel" Drifted)" "another data.b than what is applied" \
		"$what: and where it comes from"
	before=$(applies)
	sleep 3
	ok "$what: and not written all the time" [ $(($(applies) - before)) -le 1 ]
	k delete mutatingadmissionpolicies.admissionregistration.k8s.io "$policy-b" >/dev/null
else
	new_row
	skip 5 "this API server has no mutating policies"
fi

# ---- 2. seems to differ, and does not: no values change ----
new_row; what="managedFields reset"
for pair in "configmap $(cm)" "deployment $(dep)" "$W $(cr)"; do
	json_patch $pair '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]'
done
# fields that we own and a leftover or our own Update owns too, without "."
shared() {
	n get "$1" "$2" --show-managed-fields -o json | jq -c --arg m "windlass-$channel" '
		def leaves: [.fieldsV1 | paths(. == {}) | select(.[-1] != ".") | join("/")];
		[.metadata.managedFields[] | select(.subresource == null)] |
		(map(select(.manager == $m and .operation == "Apply") | leaves) | add // []) as $ours |
		(map(select(.manager == "before-first-apply" or (.manager == $m and .operation == "Update")) | leaves) | add // []) as $left |
		if ($ours | length) == 0 then "nothing is ours" else $ours - ($ours - $left) end'
}
ours_alone() { [ "$(shared "$1" "$2")" = "[]" ]; }
for pair in "configmap $(cm)" "deployment $(dep)" "$W $(cr)"; do
	ok "$what: ${pair% *} is ours again, and nobody's beside" wait_for 10 ours_alone $pair ||
		echo "# $(shared $pair)"
	undone "$what" $pair
done

new_row; what="changed and changed back"
merge configmap "$(cm)" '{"data":{"a":"x"}}' & merge configmap "$(cm)" '{"data":{"a":"1"}}'; wait %% 2>/dev/null
undone "$what" configmap "$(cm)"

# ---- 3. quiet, and right: nothing of ours ----
settled() { local x y; x=$(applies); sleep 1.5; y=$(applies); [ "$x" = "$y" ]; }
wait_for 40 settled
before=$(applies)
new_row
theirs ConfigMap "$(cm)" '{"data":{"a":"1"}}'
theirs Deployment "$(dep)" '{"spec":{"replicas":0}}'
n scale deployment "$(dep)" --replicas 0 >/dev/null
new_row
n label configmap "$(cm)" mine=yes >/dev/null
n annotate service "$(svc)" mine=yes >/dev/null
n annotate deployment "$(dep)" mine=yes >/dev/null
merge configmap "$(cm)" '{"data":{"extra":"x"},"metadata":{"finalizers":["example.org/x"]}}'
merge configmap "$(cm)" '{"metadata":{"finalizers":null}}'
json_patch deployment "$(dep)" '[{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"C","value":"9"}}]'
json_patch "$W" "$(cr)" '[{"op":"add","path":"/spec/list/-","value":{"name":"r"}}]'
n rollout restart deployment "$(dep)" >/dev/null
new_row
n patch deployment "$(dep)" --subresource status --type merge -p '{"status":{"collisionCount":1}}' >/dev/null
n patch "$W" "$(cr)" --subresource status --type merge -p '{"status":{"a":1}}' >/dev/null
n patch "$W" "$(cr)" --subresource status --type merge -p '{"status":{"a":2}}' >/dev/null
merge deployment "$(dep)" '{"status":{"replicas":7}}'
sleep 2
is "$(applies)" "$before" "what others own, status, and equal values cost no write"
is "$(n get configmap "cm$((row - 1))" -o 'jsonpath={.data.extra} {.metadata.labels.mine}')" \
	"x yes" "and stay"

new_row; what="a member of a union swapped (emptyDir for hostPath)"
json_patch deployment "$(dep)" '[{"op":"replace","path":"/spec/template/spec/volumes/0","value":{"name":"v","hostPath":{"path":"/tmp"}}}]'
undone "$what" deployment "$(dep)"
ok "$what: and ours alone" wait_for 10 ours_alone deployment "$(dep)" || {
	echo "# $(shared deployment "$(dep)")"
	n get deployment "$(dep)" --show-managed-fields -o json | jq -c ".metadata.managedFields[]" | sed "s,^,# ,"
}

# ---- 4. the definition of a custom resource changes ----
new_row; what="a definition that drops a field and gets it back"
widgets_are() { n get "$W" "$(cr)" -o json | jq -e "$1" >/dev/null; }
before=$(applies)
crd "note: {type: string}" | sed 's/^ *size: .*//' | k apply -f - >/dev/null
ok "the value vanishes from what is read" wait_for 10 widgets_are '.spec.size == null'
crd "note: {type: string, default: new}" | k apply -f - >/dev/null
ok "$what: all of its kind are applied again" wait_for 30 widgets_are '.spec.size == 1'

new_row; what="an atomic list that becomes granular"
crd "note: {type: string}" | sed 's/^\( *\)atoms: .*/\1atoms: {type: array, x-kubernetes-list-type: set, items: {type: string}}/' |
	k apply -f - >/dev/null
granular() { n get "$W" "$(cr)" --show-managed-fields -o json | jq -e --arg m "windlass-$channel" \
	'.metadata.managedFields[] | select(.manager == $m) | .fieldsV1["f:spec"]["f:atoms"]["v:\"a\""]' >/dev/null; }
ok "$what: our entry knows its items" wait_for 30 granular
json_patch "$W" "$(cr)" '[{"op":"replace","path":"/spec/atoms/0","value":"r"}]'
ours_in() { n get "$W" "$(cr)" -o json | jq -e '.spec.atoms | contains(["a", "b"])' >/dev/null; }
ok "$what: and a change is undone" wait_for 10 ours_in

is "$row" "$ROWS" "each row had objects of its own"
windlass diff --live --repo host.git "$channel" >out 2>&1
is "$(grep '^[~+-] objects' out | grep -v "/${mutated:-none}\.json")" "" \
	"in the end nothing differs but what was mutated"
done_testing
