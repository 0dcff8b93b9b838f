#!/bin/bash
# Heads and bundles that are not as they should be: the engine says so in a
# condition of the Channel, accepts nothing, applies nothing, and goes on
# repairing what it has.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-forged.sh"
forged_begin heads

text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}'; }
is_text() { [ "$(text "$1")" = "$2" ]; }

settings() { config_map settings "\"$1\""; }
# say TEXT: the next bundle, with another value
say() {
	settings "$1"
	next
}

# refused WHAT TYPE REASON [STATUS]: the condition, and that nothing moved
refused() {
	local status=${4:-False}
	ok "$1: the condition says so" \
		wait_condition "$channel" "$2" "$status" 20 "$3" ||
		condition "$channel" "$2" | cut -c1-300 | sed 's/^/# /'
	is "$(json '{.status.accepted.sequence} {.status.applied.sequence}')" \
		"$good $good" "$1: it is not accepted"
	is "$(text settings)" "$value" "$1: nothing is applied"
	not_ok "$1: the channel is not ready" \
		is_condition "$channel" Ready True ""
}

# taken TEXT: a good bundle after that
taken() {
	say "$1"
	good=$seq value=$1
	ok "a good one is taken again" wait_applied "$channel" "$seq" 30
	is "$(text settings)" "$value" "with its value"
}

new_key stranger
web_start
say one
forged_open
k create clusterrolebinding "windlass-$channel" --clusterrole=cluster-admin \
	--serviceaccount="$ns:default" >/dev/null
at_exit "k delete clusterrolebinding windlass-$channel"

forged_channel
engine_start --no-leader-elect || bail "windlassd does not start"
ok "a good bundle is applied" wait_applied "$channel" 1 30
good=1 value=one
ok "the channel is ready" wait_ready "$channel" 30

# ---- heads ----
h_key=stranger say two
refused "a stranger's key" Verified KeyNotTrusted
taken three
h_namespace=git say four
refused "a signature for something else" Verified SignatureInvalid
taken five
h_id=ffffffffffffffffffffffffffffffff say six
refused "another channel's id" Verified WrongChannel
taken seven
h_channel=else say eight
refused "another channel's name" Verified WrongChannel
taken nine
h_issued=$(at 3000) h_expires=$(at 6000) say ten
refused "attack-55 a head from the future" Clock HeadFromTheFuture True
taken eleven
cp "$public/$channel/head" old-head
taken twelve
mv old-head "$public/$channel/head"
refused "an old head" Verified Rollback
publish
taken thirteen
echo nonsense >"$public/$channel/head"
refused "no head at all" Verified HeadMalformed
taken fourteen

# ---- what the head names ----
b_key=stranger say fifteen
refused "a bundle by a stranger" Verified KeyNotTrusted

# ---- a fork ----
# what stood at this place before was signed by nobody we trust, but its head
# was not: two heads for one sequence
seq=$good bundle=$(json '{.status.accepted.bundle}')
rm -f "$public/$channel/index"
say sixteen
refused "attack-05 two heads for one sequence" Forked SameSequence True
k -n "$ns" patch configmap settings -p '{"data":{"text":"edited"}}' >/dev/null
ok "what it has is still repaired" wait_for 10 is_text settings "$value"
engine_kill
engine_start --no-leader-elect
sleep 2
refused "after a restart" Forked SameSequence True
k annotate channel "$channel" windlass.dev/clear-fork=yes >/dev/null
ok "an admin clears it" wait_applied "$channel" "$seq" 30
good=$seq value=sixteen
is "$(text settings)" "$value" "and the bundle is applied"
ok "the condition is gone" wait_condition "$channel" Forked False 10
is "$(json '{.metadata.annotations.windlass\.dev/clear-fork}')" "" \
	"the word was used up"

settings seventeen
b_changes='+9 ~0 -0' bundle
publish
honest
refused "Changes that lie" Verified BundleInvalid

# ---- a spec that cannot be ----
forged_channel 'healthTimeout: 0s'
ok "a fault in the spec is said" wait_condition "$channel" Ready False 20 \
	InvalidSpec
like "$(condition "$channel" Ready)" 'healthTimeout' "with the field's name"
is "$(text settings)" "$value" "and what is live stays"
done_testing
