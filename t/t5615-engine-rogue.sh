#!/bin/bash
# A publisher with the right key who signs what no hook would let through: the
# engine enforces what the Channel allows by itself, namespaces, cluster-scoped
# kinds and windlass's own objects, and what the spec allows is still written as
# the channel's account, with no more rights than that has.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-forged.sh"
forged_begin rogue
mine=$ns
cluster_namespace victim
victim=$ns ns=$mine
other=rogue-other-$$
rbac=rbac.authorization.k8s.io

text() { k -n "$ns" get configmap settings -o 'jsonpath={.data.text}'; }
is_text() { [ "$(text)" = "$1" ]; }

# say TEXT: the next bundle, in which the object that is allowed has TEXT, too
say() {
	config_map settings "\"$1\""
	next
}

web_start
say one
forged_open
forged_channel
engine_start || bail "windlassd does not start"
ok "a bundle of what is allowed is applied" wait_applied "$channel" 1 30
good=1

says() { [[ $(condition "$channel" Verified) =~ (PolicyViolation|BundleInvalid).*$1 ]]; }
# refused WHAT PATTERN NAMESPACE GROUP KIND NAME: with that object in a bundle,
# nothing of that bundle is applied
refused() {
	local what=$1 pattern=$2
	shift 2
	put "$@"
	say "$what"
	wait_for 30 says "$pattern"
	like "$(condition "$channel" Verified)" "^False (PolicyViolation|BundleInvalid) .*$pattern" \
		"$what: refused, and named"
	is "$(json '{.status.accepted.sequence} {.status.applied.sequence}')" \
		"$good $good" "$what: not accepted"
	is "$(text)" one "$what: nothing of it is applied"
	drop "$@"
}
# allowed: and without it the channel goes on
allowed() {
	say one
	good=$seq
	ok "without it all is well" wait_applied "$channel" "$seq" 30
}

refused "attack-52 another namespace" "$victim" "$victim" '' ConfigMap elsewhere
refused "attack-52 a role for the whole cluster" ClusterRole _cluster $rbac ClusterRole \
	"root-$channel"
refused "a Namespace" Namespace _cluster '' Namespace "new-$channel"
refused "a definition" CustomResourceDefinition _cluster \
	apiextensions.k8s.io CustomResourceDefinition "things.$channel.example.org"
allowed
refused "the engine's namespace" windlass-system windlass-system '' ConfigMap x
allowed

# everything is allowed, which does not mean windlass itself
forged_channel 'namespaces: ["*"]' 'clusterScoped: ["*"]'
refused "another Channel" "Channel.windlass.dev $other" _cluster windlass.dev Channel "$other"
refused "the engine's namespace, by all" windlass-system windlass-system '' \
	ConfigMap x
allowed
not_ok "no other Channel was made" k get channel "$other"

# what the spec allows is written as the account, which may not
config_map elsewhere '"stolen"' "$victim"
say two
ok "an object that the account may not write" \
	wait_condition "$channel" Applied False 60
ok "attack-52 fails by its own" wait_for 30 is_text two
denied() {
	[[ $(json '{.status.failures}') == *"system:serviceaccount:$ns:default"*" cannot patch"* ]]
}
ok "the API server refused the account" wait_for 30 denied
not_ok "and is not there" k -n "$victim" get configmap elsewhere
done_testing
