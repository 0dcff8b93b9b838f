#!/bin/bash
# Objects that leave a channel without being deleted (prune: "false", another
# channel takes them, in either order), and those that must be deleted to
# become what they shall be (recreate), with finalizers and without.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace letting
one=letting-one-$$
two=letting-two-$$

there() { k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }
gone() { ! there "$@"; }
field() { k -n "$ns" get "$1" "$2" -o "jsonpath=$3"; }
is_field() { [ "$(field "$1" "$2" "$3")" = "$4" ]; }
uid() { field "$1" "$2" '{.metadata.uid}'; }
json() { k get channel "$1" -o "jsonpath=$2"; }
failure() { json "$1" "{.status.failures[0].$2}" 2>/dev/null; }
is_failure() { [ "$(failure "$1" reason)" = "$2" ]; }
set_label() { k get channel "$1" -o 'jsonpath={.metadata.labels.applyset\.kubernetes\.io/id}'; }
owners() {
	k -n "$ns" get configmap "$1" --show-managed-fields -o \
		'jsonpath={.metadata.labels.applyset\.kubernetes\.io/part-of} {range .metadata.managedFields[*]}{.manager}/{.operation} {end}'
}
event() { k get events -A -o json | jq -r --arg c "$1" '.items[] |
	select(.involvedObject.name == $c) | "\(.reason) \(.message)"' | grep -qxE "$2"; }

config() { # CHANNEL NAME ANNOTATIONS VALUE
	mkdir -p "work/deploy/$1"
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, annotations: {%s}}\ndata: {a: "%s", %s: "x"}\n' \
		"$2" "$ns" "$3" "$4" "${1//-/}" >"work/deploy/$1/$2.yaml"
}
remove() { git -C work rm -q "deploy/$1/$2.yaml"; }

make_host host.git "$one" "$two"
set_channel host.git "$one" deleteLimit 100
set_channel host.git "$two" deleteLimit 100
make_clone host.git work
config $one stays "windlass.dev/prune: 'false'" one
config $one goes "" one
for name in keep first second both left; do config $one $name "" one; done
config $two base "" two
commit_push work first
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$one" --namespaces "$ns" >/dev/null || bail "install failed"
channel_install host.git "$two" --namespaces "$ns" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "two channels are applied" wait_applied "$one" 1 40
ok "both of them" wait_applied "$two" 1 40

# ---- prune: "false" ----
remove $one stays
remove $one goes
commit_push work second
ok "a bundle that drops two objects is applied" wait_applied "$one" 2 40
ok "one is deleted" gone configmap goes
is "$(field configmap stays '{.data.a}')" one "one stays, as its author wanted"
is "$(owners stays)" " " "without our label and without our entry"
ok "an Event says so" wait_for 20 event "$one" \
	"Released ConfigMap $ns/stays stays \(windlass.dev/prune\), and is nobody's"
is "$(json "$one" '{.status.leftovers}')" '[]' "it is no leftover"
config $two stays "" two
commit_push work third
ok "another channel can take it" wait_applied "$two" 2 40
is "$(field configmap stays '{.data.a}')" two "with its own value"

# ---- from one channel to another ----
before=$(uid configmap first)
config $two first "" two
commit_push work fourth
ok "what another channel has is refused" wait_for 30 is_failure "$two" OtherChannel
like "$(failure "$two" message)" "belongs to channel '$one'; channel '$two' does not" \
	"both are named"
is "$(field configmap first '{.data.a}')" one "and left as it is"
remove $one first
commit_push work fifth
ok "dropped by the one" wait_applied "$one" 3 40
ok "it is the other's" wait_applied "$two" 3 20
is "$(uid configmap first)" "$before" "without a delete"
is "$(owners first)" "$(set_label "$two") windlass-$two/Apply " \
	"it bears the other's label, and nobody else owns anything"
is "$(field configmap first '{.data}')" "{\"a\":\"two\",\"${two//-/}\":\"x\"}" \
	"what only the first one said is gone"
ok "an Event says so" wait_for 20 event "$one" \
	"HandedOver ConfigMap $ns/first belongs to channel '$two' now"

before=$(uid configmap both)
config $two both "" two
remove $one both
commit_push work sixth
ok "moved in one push" wait_applied "$two" 4 40
ok "both channels are done" wait_applied "$one" 4 40
is "$(uid configmap both)" "$before" "it is the same object"
is "$(owners both)" "$(set_label "$two") windlass-$two/Apply " "and the other's"

# the bundle that names it comes after the one that drops it
before=$(uid configmap second)
remove $one second
commit_push work seventh
wait_for 20 sh -c "[ \"\$('$KUBECTL' get channel '$one' -o 'jsonpath={.status.accepted.sequence}')\" = 5 ]"
config $two second "" two
commit_push work eighth
ok "dropped first, named a moment later" wait_applied "$two" 5 40
ok "both channels are done" wait_applied "$one" 5 40
is "$(uid configmap second)" "$before" "it is the same object"

# left over by a channel that deletes nothing
k patch channel "$one" --type merge -p '{"spec":{"prune":false}}' >/dev/null
before=$(uid configmap left)
remove $one left
commit_push work ninth
ok "without prune it is a leftover" wait_for 20 sh -c \
	"[ \"\$('$KUBECTL' get channel '$one' -o 'jsonpath={.status.leftovers[*]}')\" = 'ConfigMap $ns/left' ]"
config $two left "" two
commit_push work tenth
ok "another channel takes it" wait_applied "$two" 6 40
is "$(uid configmap left) $(field configmap left '{.data.a}')" "$before two" \
	"the same object"
ok "then it is none any more" wait_for 20 sh -c \
	"[ \"\$('$KUBECTL' get channel '$one' -o 'jsonpath={.status.leftovers[*]}')\" = '' ]"
k patch channel "$one" --type merge -p '{"spec":{"prune":true}}' >/dev/null

# ---- made again ----
deployment() { # ANNOTATIONS LABEL
	mkdir -p "work/deploy/$one"
	cat >"work/deploy/$one/web.yaml" <<-END
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web, namespace: $ns, annotations: {$1}}
	spec:
	  selector: {matchLabels: {app: $2}}
	  template:
	    metadata: {labels: {app: $2}}
	    spec: {containers: [{name: main, image: "image:1"}]}
	END
}
deployment "" a
commit_push work eleventh
ok "a Deployment" wait_ready "$one" 60
first=$(uid deployment web)
deployment "" b
commit work twelfth
not_ok "another selector is refused at the push" push work
like "$(cat push.out)" 'annotate it with windlass.dev/recreate' "which says what to do"
deployment 'windlass.dev/recreate: "true"' b
commit_push work thirteenth
like "$(cat push.out)" 'warning: .*will be deleted and made again' "so annotated it is pushed"
seq=$(git -C host.git log -1 --format=%s "refs/windlass/$one" | sed 's/.*\.//')
ok "and applied" wait_applied "$one" "$seq" 60
isnt() { [ "$1" != "$2" ]; }
ok "as another object" isnt "$(uid deployment web)" "$first"
is "$(field deployment web '{.spec.selector.matchLabels.app}')" b "with the new selector"
ok "an Event says so" wait_for 20 event "$one" \
	"Recreated Deployment.apps $ns/web was deleted to be made again"
like "$(cat engine.log)" "object-recreated .*Deployment.apps $ns/web" "and the log"
second=$(uid deployment web)
sed -i 's/image:1/image:2/' "work/deploy/$one/web.yaml"
commit_push work fourteenth
ok "what can be changed in place" wait_applied "$one" $((seq + 1)) 40
is "$(uid deployment web)" "$second" "is"

# what holds it is waited for
k -n "$ns" patch deployment web --type merge \
	-p '{"metadata":{"finalizers":["example.org/wait"]}}' >/dev/null
deployment 'windlass.dev/recreate: "true"' c
commit_push work fifteenth
ok "with a finalizer" wait_for 30 is_failure "$one" Recreating
like "$(failure "$one" message)" 'it was deleted to be made again, and is still there: finalizers example.org/wait' \
	"it is waited for, and that is said"
is "$(uid deployment web)" "$second" "as can be seen"
k -n "$ns" patch deployment web --type merge -p '{"metadata":{"finalizers":null}}' >/dev/null
ok "when it is gone the new one is made" wait_applied "$one" $((seq + 2)) 30
is "$(field deployment web '{.spec.selector.matchLabels.app}')" c "as it shall be"

# an object that somebody else made is never deleted for that
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: foreign, namespace: %s}\ndata: {a: theirs}\nimmutable: true\n' "$ns" |
	k create -f - >/dev/null
before=$(uid configmap foreign)
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: foreign, namespace: %s, annotations: {windlass.dev/recreate: "true"}}\ndata: {a: ours}\n' "$ns" \
	>"work/deploy/$one/foreign.yaml"
commit_push work sixteenth
ok "what somebody else made" wait_for 30 is_failure "$one" NotOurs
like "$(failure "$one" message)" 'did not make it: delete it by hand' "is not deleted"
is "$(uid configmap foreign) $(field configmap foreign '{.data.a}')" "$before theirs" \
	"as can be seen"
sed -i 's/, annotations: {[^}]*}//' "work/deploy/$one/foreign.yaml"
commit_push work seventeenth
ok "without the annotation" wait_for 30 is_failure "$one" Invalid
like "$(failure "$one" message)" 'immutable.*annotate it with windlass.dev/recreate: "true"' \
	"it says how"
done_testing
