#!/bin/bash
# Objects that were there before: kubectl's are taken over, with nothing left
# behind that nobody could remove later; those of another channel are refused.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace adopt
one=adopt-one-$$
two=adopt-two-$$

data() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data}'; }
managers() {
	k -n "$ns" get "$1" "$2" --show-managed-fields \
		-o 'jsonpath={range .metadata.managedFields[*]}{.manager}/{.operation}/{.subresource} {end}'
}
is_data() { [ "$(data "$1")" = "$2" ]; }
reason() { k get channel "$1" -o "jsonpath={.status.failures[0].$2}" 2>/dev/null; }
is_reason() { [ "$(reason "$1" reason)" = "$2" ]; }

config() {
	local dir=$1 path=$2 name=$3
	shift 3
	mkdir -p "$(dirname "$dir/$path")"
	{
		printf 'apiVersion: v1\nkind: ConfigMap\n'
		printf 'metadata: {name: %s, namespace: %s}\ndata:\n' "$name" "$ns"
		printf '  %s\n' "$@"
	} >"$dir/$path"
}

make_host host.git "$one" "$two"
make_clone host.git work

# ---- made by kubectl, in each of its ways ----
config before applied.yaml applied 'a: old' 'c: "1"'
config before created.yaml created 'a: old' 'c: "1"'
config before same.yaml same 'a: new' 'c: "1"'
k apply -f before/applied.yaml >/dev/null
k create -f before/created.yaml >/dev/null
k create -f before/same.yaml >/dev/null
config before edited.yaml edited 'a: new'
k apply --server-side -f before/edited.yaml >/dev/null
k -n "$ns" create deployment web --image=image:0 --replicas=1 >/dev/null

for name in applied created same edited; do
	config work "deploy/$one/$name.yaml" $name 'a: new'
done
put work "deploy/$one/web.yaml" Deployment web "$ns" 1
config work "deploy/$two/ours.yaml" second 'a: fine'
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$one" --namespaces "$ns" >/dev/null ||
	bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle with objects that are there is applied" wait_applied "$one" 1 40
is "$(data applied)" '{"a":"new"}' \
	"kubectl apply's: our value, and its other field is gone"
is "$(data created)" '{"a":"new"}' "kubectl create's: the same"
is "$(data same)" '{"a":"new"}' "with equal values: the same"
is "$(data edited)" '{"a":"new"}' "another applier's: our value"
is "$(managers configmap applied)" "windlass-$one/Apply/ " \
	"no manager but ours is left"
is "$(managers configmap created)" "windlass-$one/Apply/ " \
	"nor after kubectl create"
is "$(k -n "$ns" get configmap applied -o 'jsonpath={.metadata.annotations}')" \
	"" "kubectl's own annotation is gone"
is "$(live_differs host.git "$one")" "" "what is live is what was pushed"
like "$(cat engine.log)" 'object-adopted .*name=applied' "it is said"

# a field that is dropped later really goes
config work "deploy/$one/applied.yaml" applied 'b: other'
config work "deploy/$one/created.yaml" created 'b: other'
commit_push work second
ok "the next bundle is applied" wait_applied "$one" 2 40
is "$(data applied)" '{"b":"other"}' "a field that it drops is gone"
is "$(data created)" '{"b":"other"}' "also of what kubectl created"

# ---- what people add to an object of ours stays ----
k -n "$ns" annotate configmap applied note=mine >/dev/null
k -n "$ns" rollout restart deployment web >/dev/null
sleep 1.2
config work "deploy/$one/applied.yaml" applied 'b: third'
put work "deploy/$one/web.yaml" Deployment web "$ns" 2
commit_push work third
ok "a third bundle is applied" wait_applied "$one" 3 40
is "$(k -n "$ns" get configmap applied -o 'jsonpath={.metadata.annotations.note}')" \
	mine "a person's annotation stays"
like "$(k -n "$ns" get deployment web -o 'jsonpath={.spec.template.metadata.annotations}')" \
	restartedAt "and so does a restart"

# a restart without the state directory does not take them either
k -n "$ns" patch configmap applied -p '{"data":{"b":"edited"}}' >/dev/null
wait_for 10 is_data applied '{"b":"third"}'
engine_kill
rm -rf state
k patch channel "$one" --subresource=status --type=merge \
	-p '{"status":{"accepted":null,"applied":null}}' >/dev/null
engine_start
ok "an engine that knows nothing applies it again" wait_applied "$one" 3 40
is "$(k -n "$ns" get configmap applied -o 'jsonpath={.metadata.annotations.note}')" \
	mine "a person's annotation still stays"

# ---- another channel's ----
config work "deploy/$two/theirs.yaml" applied 'b: theirs'
commit_push work fourth
channel_install host.git "$two" --namespaces "$ns" >/dev/null
ok "an object of another channel is refused" \
	wait_for 30 is_reason "$two" OtherChannel
like "$(reason "$two" message)" "belongs to channel '$one'.*'$two'" \
	"both channels are named"
has_place() { [ "$(reason "$two" object) $(reason "$two" source)" = "$1" ]; }
ok "with the object and its place" wait_for 10 has_place \
	"ConfigMap $ns/applied deploy/$two/theirs.yaml:1"
is "$(data applied)" '{"b":"third"}' "it stays as it is"
is "$(data second)" '{"a":"fine"}' "what is nobody's is applied"
like "$(curl -s "http://$METRICS/metrics")" \
	"^windlass_apply_errors_total\{channel=\"$two\",class=\"conflict\"\} [1-9]" \
	"the metrics count a conflict"

# ---- handed over ----
git -C work rm -q "deploy/$one/applied.yaml"
commit_push work fifth
ok "the first channel lets go of it" wait_applied "$one" 4 40
ok "and the second one has it, when its time has come" \
	wait_for 60 is_data applied '{"b":"theirs"}'
ok "and is ready" wait_ready "$two" 60

# ---- a channel that is no more ----
k delete channel "$two" >/dev/null
config work "deploy/$one/second.yaml" second 'a: taken'
commit_push work sixth
ok "what a deleted channel left can be taken over" wait_applied "$one" 5 40
is "$(data second)" '{"a":"taken"}' "with its value"
is "$(managers configmap second)" "windlass-$one/Apply/ " \
	"and the old channel's entry is gone"
done_testing
