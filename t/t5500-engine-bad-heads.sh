#!/bin/bash
# Heads and bundles that are not as they should be: the engine says so in a
# condition of the Channel, accepts nothing, applies nothing, and goes on
# repairing what it has.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
cluster_use
cluster_namespace heads
channel=heads-$$
id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}'; }
is_text() { [ "$(text "$1")" = "$2" ]; }

# settings TEXT: the object of this channel
settings() {
	put "$ns" '' ConfigMap settings
	cat >"tree/objects/$ns/core/ConfigMap/settings.json" <<-END
	{
	  "apiVersion": "v1",
	  "data": {
	    "text": "$1"
	  },
	  "kind": "ConfigMap",
	  "metadata": {
	    "labels": {
	      "applyset.kubernetes.io/part-of": "$(part_of "$channel")"
	    },
	    "name": "settings",
	    "namespace": "$ns"
	  }
	}
	END
}

# next TEXT: the next bundle, with another value
next() {
	settings "$1"
	bundle
	publish
	honest
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
	next "$1"
	good=$seq value=$1
	ok "a good one is taken again" wait_applied "$channel" "$seq" 30
	is "$(text settings)" "$value" "with its value"
}

new_key publisher
new_key stranger
mkdir -p "$public"
port=$(free_port)
start web python3 -m http.server --bind 127.0.0.1 -d "$public" "$port"
next one
URL=http://127.0.0.1:$port
wait_for 10 curl -sf "$URL/$channel/head" || bail "no server"
k apply --server-side -f "$TOP/engine/install/channels-crd.yaml" >/dev/null
k wait --for=condition=Established crd/channels.windlass.dev >/dev/null
at_exit "k delete channel $channel --wait=false"
k create clusterrolebinding "windlass-$channel" --clusterrole=cluster-admin \
	--serviceaccount="$ns:default" >/dev/null
at_exit "k delete clusterrolebinding windlass-$channel"

# write_channel LINE...: more lines of its spec
write_channel() {
	{
		cat <<-END
		apiVersion: windlass.dev/v1alpha1
		kind: Channel
		metadata: {name: $channel}
		spec:
		  url: $URL
		  interval: 1s
		  channelID: $id
		  publishers: |
		    $(cat publisher.line)
		  namespaces: [$ns]
		  serviceAccount: {namespace: $ns, name: default}
		END
		for line in "$@"; do echo "  $line"; done
	} | k apply --server-side --force-conflicts -f - >/dev/null
}
write_channel
engine_start --no-leader-elect || bail "windlassd does not start"
ok "a good bundle is applied" wait_applied "$channel" 1 30
good=1 value=one
ok "the channel is ready" wait_ready "$channel" 30

# ---- heads ----
h_key=stranger next two
refused "a stranger's key" Verified KeyNotTrusted
taken three
h_namespace=git next four
refused "a signature for something else" Verified SignatureInvalid
taken five
h_id=ffffffffffffffffffffffffffffffff next six
refused "another channel's id" Verified WrongChannel
taken seven
h_channel=else next eight
refused "another channel's name" Verified WrongChannel
taken nine
h_issued=$(at 3000) h_expires=$(at 6000) next ten
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
b_key=stranger next fifteen
refused "a bundle by a stranger" Verified KeyNotTrusted

# ---- a fork ----
# what stood at this place before was signed by nobody we trust, but its head
# was not: two heads for one sequence
seq=$good bundle=$(json '{.status.accepted.bundle}')
rm -f "$public/$channel/index"
next sixteen
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
write_channel 'healthTimeout: 0s'
ok "a fault in the spec is said" wait_condition "$channel" Ready False 20 \
	InvalidSpec
like "$(condition "$channel" Ready)" 'healthTimeout' "with the field's name"
is "$(text settings)" "$value" "and what is live stays"
done_testing
