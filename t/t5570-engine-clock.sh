#!/bin/bash
# The wall clock of the engine jumps: hours, a year, backwards. Its Lease, its
# pauses, its watches and what it tries again are not timed by that: drift is
# repaired all the while, bundles are applied, and nothing spins or hangs. (What
# a wrong clock says of heads and keys is t4000's.)
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
[ -n "$library" ] || skip_all "faketime is missing: apt-get install faketime"
cluster_use
cluster_namespace a
cluster_namespace b
own=$ns
ns=${ns/-b-/-a-}
channel=clock-$$

# jump OFFSET: as faketime has it, from now on
jump() { echo "$1" >"$TRASH/offset.new" && mv "$TRASH/offset.new" "$TRASH/offset"; }
config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
leads() { [ "$(metric windlass_leading)" = 1 ]; }
works_as_ever() { # WHAT
	local cpu
	name=$((name + 1))
	undone "$1: an edit is undone" "n-$name"
	cpu=$(metric process_cpu_seconds_total)
	sleep 4
	ok "$1: it does not spin" perl -e 'exit !($ARGV[0] - $ARGV[1] < 0.4)' \
		"$(metric process_cpu_seconds_total)" "$cpu"
	ok "$1: it leads" leads
}

make_host host.git "$channel"
make_clone host.git work
name=0
config a one
for i in 1 2 3 4 5 6 7; do
	config "n-$i" one
done
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
jump +0
METRICS=127.0.0.1:$(free_port)
LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$TRASH/offset FAKETIME_NO_CACHE=1 \
	FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 \
	start engine windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state" \
	--metrics "$METRICS" --namespace "$own" --leader-elect
wait_line 30 engine.log ' leading ' || bail "windlassd does not lead: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60
works_as_ever "before"

# ---- forward, within the head's life ----
jump +3h
config a two
commit_push work second
ok "three hours ahead: the next bundle is applied" wait_applied "$channel" 2 60
like "$(tail -n 1 engine.log)" "^$(date -u -d '+3 hours' +%Y-%m-%dT%H)|^$(date -u -d '+3 hours +5 minutes' +%Y-%m-%dT%H)" \
	"its clock is ahead"
works_as_ever "three hours ahead"

# ---- far away, and back ----
for offset in +400d -30d +0; do
	jump "$offset"
	works_as_ever "attack-55 a jump to $offset"
done
config a three
commit_push work third
ok "back: the next bundle is applied" wait_applied "$channel" 3 60
ok "back: the channel is ready" wait_ready "$channel" 30

# ---- while something is to be tried again later ----
refused_service "work/deploy/$channel/refused.yaml"
commit_push work fourth
ok "an object fails" wait_line 30 engine.log 'apply-failed .*refused'
jump -1d
git -C work rm -q "deploy/$channel/refused.yaml"
config c one
commit_push work fifth
jump +2h
ok "to and fro: the next bundle is applied" wait_applied "$channel" 5 60
works_as_ever "to and fro"
is "$(grep -c leading-lost engine.log)" 0 "the lease was never lost"
done_testing
