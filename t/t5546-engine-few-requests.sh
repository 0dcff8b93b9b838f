#!/bin/bash
# An API server that takes two writes at a time and answers all others with
# 429, as a small control plane does that others keep busy: everything is
# applied, nothing counts as failed, and refusals stay few.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
# the engine's writes are a service account's: administrators are exempt
cluster_own --no-kwok --apiserver-arg=--enable-priority-and-fairness=false \
	--apiserver-arg=--max-mutating-requests-inflight=2
cluster_namespace few
channel=few
objects=150

refusals() {	# how many requests the API server has answered with 429
	k get --raw /metrics | awk '/^apiserver_request_total[{].*code="429"/ { n += $2 }
		END { print n + 0 }'
}
all_are() { [ "$(k -n "$ns" get configmaps -o json | jq --arg t "$1" \
	'[.items[] | select(.data.text == $t)] | length')" = $objects ]; }

make_host host.git "$channel"
make_clone host.git work
configs $objects one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"

ok "all objects are applied" wait_applied "$channel" 1 120
ok "and the channel is ready" wait_ready "$channel" 60
ok "each of them" all_are one
first=$(refusals)
ok "the API server did refuse ($first times)" test "$first" -gt 0
# at 32 in flight, tried again at once, it would be some fifteen each
ok "but not most requests" test "$first" -lt $objects

configs $objects two
commit_push work second || bail "push failed: $(cat push.out)"
ok "the next bundle is applied" wait_applied "$channel" 2 120
ok "each of them, too" all_are two
again=$(($(refusals) - first))
ok "with few refusals ($again)" test "$again" -lt $objects
undone "an edit" o-7
is "$(k get channel "$channel" -o json | jq -c '.status.failures // []')" "[]" \
	"nothing was ever said to fail"
like "$(cat engine.log)" '^[^ ]+Z info bundle-applied ' "the log says what was done"
unlike "$(cat engine.log)" '^[^ ]+Z error ' "and of no error"
done_testing
