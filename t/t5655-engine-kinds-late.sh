#!/bin/bash
# Kinds that the API server did not have when the engine asked what it has:
# of a definition that somebody makes later, and of one that was made while
# the engine stood by.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace late
channel=late-$$
group=late$$.example.org

# beside TEXT: a ConfigMap beside the custom resource
beside() { put work "deploy/$channel/c.yaml" ConfigMap beside "$ns" "$1"; }
widget() {
	mkdir -p "work/deploy/$channel"
	printf 'apiVersion: %s/v1\nkind: Late\nmetadata: {name: one, namespace: %s}\nspec: {text: first}\n' \
		"$group" "$ns" >"work/deploy/$channel/late.yaml"
}
text() { k -n "$ns" get "lates.$group" one -o 'jsonpath={.spec.text}'; }
is_text() { [ "$(text)" = "$1" ]; }
engine() {
	start "$1" windlassd --kubeconfig "$KUBECONFIG" --metrics off \
		--state "$TRASH/state-$1" --leader-elect
	wait_line 30 "$1.log" ' ready '
}

make_host host.git "$channel"
set_channel host.git "$channel" unknownKinds allow
make_clone host.git work
widget
beside first
commit_push work first || bail "push: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"

# ---- its definition comes later ----
engine one || bail "windlassd does not start: $(cat one.log)"
engine two || bail "windlassd does not start: $(cat two.log)"
ok "a kind that the API server does not have is told" wait_condition \
	"$channel" Applied False 60
ok "in these words" wait_for 30 eval 'condition "$channel" Applied |
	grep -q "the API server has no kind .Late. of group .$group."' ||
	echo "# $(condition "$channel" Applied)"
ok "what is beside it is applied" wait_for 60 \
	k -n "$ns" get configmap beside
manifest CustomResourceDefinition "lates.$group" >crd.yaml
at_exit "k delete crd 'lates.$group' --wait=false"
k create -f crd.yaml >/dev/null
ok "when its definition is made, it is made too" wait_for 60 is_text first
ok "and all is well" wait_ready "$channel" 60

# ---- it was made while the engine stood by ----
leader=one other=two
! grep -q ' leading ' two.log || { leader=two other=one; }
stop "$leader" TERM
beside second
commit_push work second
ok "who stood by meanwhile takes over" wait_line 60 "$other.log" ' leading '
ok "applies the next bundle" wait_applied "$channel" 2 60
ok "and knows the kind: all is well" wait_ready "$channel" 60
is "$(text)" first "the object is as it was"
unlike "$(cat "$other.log")" 'is not namespaced' "it never thought otherwise"
stop "$other" TERM
done_testing
