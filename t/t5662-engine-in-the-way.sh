#!/bin/bash
# Objects that are refused because of others: of policies and quotas that a
# bundle drops, of a Service whose port the new one wants, of a quota that is
# raised. What is to be deleted goes when it is the reason, and else stays,
# also while what fails is being tried once more.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace way
a=way-a-$$ b=way-b-$$ c=way-c-$$
port=$((30000 + $$ % 2700))

there() { k -n "$ns" get "$@" >/dev/null 2>&1; }
value() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}'; }
is_value() { [ "$(value "$1")" = "$2" ]; }
fails() { k get channel "$1" -o 'jsonpath={.status.failures[*].message}' | grep -qE "$2"; }
applies() { curl -s "http://$METRICS/metrics" | sed -n "s/^windlass_apply_errors_total{channel=\"$1\",class=\"transient\"} //p"; }
service() { # NAME
	cat <<-END
	apiVersion: v1
	kind: Service
	metadata: {name: $1, namespace: $ns}
	spec: {type: NodePort, selector: {app: x}, ports: [{port: 80, nodePort: $port}]}
	END
}
quota() { # NAME RESOURCE MOST
	cat <<-END
	apiVersion: v1
	kind: ResourceQuota
	metadata: {name: $1, namespace: $ns}
	spec: {hard: {$2: "$3"}}
	END
}
policy() {
	cat <<-END
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingAdmissionPolicy
	metadata: {name: way-$$}
	spec:
	  matchConstraints:
	    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}
	    objectSelector: {matchLabels: {way: policy}}
	    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
	  validations: [{expression: "object.data.text == 'one'"}]
	---
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingAdmissionPolicyBinding
	metadata: {name: way-$$}
	spec: {policyName: way-$$, validationActions: [Deny]}
	END
}
text() { # CHANNEL NAME TEXT LABEL
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, labels: {way: %s}}\ndata: {text: "%s"}\n' \
		"$2" "$ns" "$4" "$3" >"work/deploy/$1/$2.yaml"
}

webhook_start
make_host host.git "$a" "$b" "$c"
make_clone host.git work
mkdir -p "work/deploy/$a" "work/deploy/$b" "work/deploy/$c"
text "$a" guarded one policy
service one >"work/deploy/$a/service.yaml"
text "$b" old one old
text "$c" base one base
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
for channel in $a $b $c; do
	channel_install host.git "$channel" >/dev/null || bail "install failed"
done
engine_start || bail "windlassd does not start: $(cat engine.log)"
for channel in $a $b $c; do
	ok "a bundle is applied" wait_applied "$channel" 1 60
done

# ---- a quota of somebody else, which keeps an object out for a while ----
k -n "$ns" create quota probe --hard=count/leases.coordination.k8s.io=0 >/dev/null
wait_for 20 k -n "$ns" get quota probe -o 'jsonpath={.status.hard}'
cat >"work/deploy/$c/lease.yaml" <<END
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: kept-out, namespace: $ns}
spec: {holderIdentity: nobody}
END
# ---- what is tried for long: a webhook hangs whenever it is made ----
cat >hook.yaml <<END
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: way-$$}
webhooks:
- name: way.example.org
  clientConfig: {url: "$WEBHOOK/", caBundle: $WEBHOOK_CA}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}
  objectSelector: {matchLabels: {way: new}}
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 4
END
at_exit "k delete validatingwebhookconfiguration way-$$"
webhook hang
k apply -f hook.yaml >/dev/null
in_force() {
	! k -n "$ns" create configmap probe --dry-run=client -o yaml |
		k label -f - --local --dry-run=client -o yaml way=new |
		k create --dry-run=server -f - >/dev/null 2>&1
}
wait_for 30 in_force || bail "the webhook is not asked"
git -C work mv "deploy/$b/old.yaml" "deploy/$b/new.yaml"
text "$b" new one new
commit_push work second
ok "an object that a quota keeps out fails" \
	wait_for 30 fails "$c" 'exceeded quota: probe'
ok "one under a new name cannot be made" \
	wait_condition "$b" PruneBlocked True 60 PruneBlocked

# ---- policies that the next bundle drops ----
policy >"work/deploy/$a/policy.yaml"
quota ours services 1 >"work/deploy/$a/quota.yaml"
commit_push work third
ok "a policy and a quota are applied" wait_applied "$a" 2 60
text "$a" guarded two policy
commit_push work fourth
ok "the policy refuses a change" wait_for 40 fails "$a" "ValidatingAdmissionPolicy 'way-$$'"
git -C work rm -q "deploy/$a/policy.yaml" "deploy/$a/quota.yaml"
text "$a" guarded three policy
sed 's/, nodePort: [0-9]*//; s/name: one/name: second/' \
	"work/deploy/$a/service.yaml" >"work/deploy/$a/second.yaml"
commit_push work fifth
ok "a bundle without them is applied" wait_applied "$a" 4 60
is "$(value guarded)" three "what they refused is as it shall be"
not_ok "and they are gone" k get validatingadmissionpolicy "way-$$"

# ---- a Service by another name, with the same port ----
service two >"work/deploy/$a/service.yaml"
commit_push work sixth
ok "a Service whose port the old one has is applied" wait_applied "$a" 5 60
ok "it is there" there service two
not_ok "the old one is not" there service one

# ---- meanwhile ----
n=$(applies "$b")
more() { [ "$(applies "$b")" -ge $((n + 2)) ]; }
ok "what hangs is tried again and again" wait_for 60 more
ok "the one with the old name has stayed" there configmap old
webhook allow
ok "when the new one can be made" wait_applied "$b" 2 60
not_ok "the old one goes" there configmap old
k -n "$ns" delete quota probe >/dev/null
ok "when the quota is gone what it kept out is made soon" \
	wait_for 40 there lease kept-out
ok "and the bundle is applied" wait_applied "$c" 2 20
done_testing
