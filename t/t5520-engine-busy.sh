#!/bin/bash
# An API server that is too busy, refuses with 5xx, answers slowly, by halves or
# not at all, for some requests and for all: the engine asks seldom meanwhile,
# says what the matter is in a condition, and is done soon after.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace a
channel=busy-$$
objects=100
storm=${WINDLASS_STORM:-6}	# seconds

lines() { tail -n "+$((mark + 1))" "$1" | grep -cE -e "$2"; }

make_host host.git "$channel"
make_clone host.git work
configs $objects text-1
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
proxy_start
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 90
ok "the channel is ready" wait_ready "$channel" 30
memory=$(rss)
sequence=1

# new_bundle: of it all
new_bundle() {
	sequence=$((sequence + 1))
	configs $objects "text-$sequence"
	commit_push work "bundle $sequence"
}
# finished WHAT SECONDS: after the storm has ended
finished() {
	local began
	began=$(date +%s%3N)
	ok "$1: the bundle is applied" wait_applied "$channel" $sequence "$2" &&
		echo "# applied $(($(date +%s%3N) - began)) ms after the storm"
	is "$(live_count)" $objects "$1: all objects are live"
	ok "$1: and the channel is ready" wait_ready "$channel" 20 ||
		echo "# $(condition "$channel" Ready)"
}

# ---- all requests, for a while ----
# storm WHAT REQUESTS RULE...
storm() {
	local what=$1 requests=$2
	shift 2
	rules "$@"
	cost_begin
	mark=$(wc -l <engine.log)
	new_bundle
	sleep "$storm"
	cost_is "$what: few requests meanwhile" "$requests" 1.5
	# unless nothing is answered at all
	[[ $1 = *" /api "* ]] || like "$(condition "$channel" Applied)" \
		"^False .*0 of $objects|by fault-proxy" "$what: the condition says so"
	ok "$what: and few lines in its log" \
		test "$(lines engine.log .)" -le 120 ||
		echo "# $(lines engine.log .) lines"
	rules
	finished "$what" 40
}
storm "429 with Retry-After" 60 '99999 /api status 429 2'
storm "429 without" 100 '99999 /api status 429'
storm "503" 250 '99999 /api status 503'
# each object is tried once, then one in some seconds
storm "504 for writes" $((objects + 30)) '99999 PATCH_/api/ status 504'
like "$(grep writes-fail engine.log)" "writes-fail channel=$channel status=504 error=\"by fault-proxy\"" \
	"one line says what the matter is"
like "$(grep writes-go-on engine.log)" "channel=$channel" "and one that it is over"
storm "dropped connections" 100 '99999 /api drop'

# ---- some requests ----
# of every tenth object the first write, so that most of it goes well
for code in "429 1" 500 503; do
	rule=()
	for i in $(seq 1 10 $objects); do
		rule+=("1 /configmaps/o-$i? status $code")
	done
	rules "${rule[@]}"
	new_bundle
	finished "${code% *} for a tenth of the objects" 90
done

# ---- answers that are slow, or halves ----
rules '99999 PATCH_/api/v1 slow 700'
new_bundle
ok "slow answers: applied" wait_applied "$channel" $sequence 60
rules '12 PATCH_/api/v1 cut 100'
new_bundle
finished "half answers" 40

grown=$(($(rss) - memory))
ok "the engine has grown by $grown KiB, less than 3 MiB" test "$grown" -lt 3072
is "$(live_differs host.git "$channel")" "" "nothing differs from the bundle"
done_testing
