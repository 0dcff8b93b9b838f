#!/bin/bash
# Somebody who has taken over the process that reads what strangers serve:
# t/tool/puppet lets it do what he would do. It reaches nothing of the cluster
# or the machine, where the kernel has Landlock; where the kernel has none the
# engine works too, and says so; and what its walls shut out, because a file
# was replaced, is let in again.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
tool=$WINDLASS_BUILD/t/tool
start sleeper sleep 600
"$tool/puppet" "$pid_sleeper" kill $$ >/dev/null 2>puppet.log ||
	skip_all "no debugging here: $(cat puppet.log)"
stop sleeper
cluster_use
cluster_namespace walls
channel=walls-$$

child() { pgrep -P "$pid_engine"; }
# as_child WHAT...: what the fetching child gets when it does that
as_child() { "$tool/puppet" "$(child)" "$@" 2>&1; }
landlock() {
	curl -s "http://$METRICS/metrics" |
		sed -n 's/^windlass_fetch_landlock //p'
}
text() { k -n "$ns" get configmap a -o 'jsonpath={.data.text}'; }
# change TEXT SEQUENCE DESCRIPTION
change() {
	put work "deploy/$channel/a.yaml" ConfigMap a "$ns" "$1"
	commit_push work "$1"
	ok "$3" wait_applied "$channel" "$2" 60 || test_show engine.log
	is "$(text)" "$1" "and it is live"
}
abstract_start() {
	start abstract python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + "windlass-'$$'")
s.listen(5)
print("listening", flush=True)
time.sleep(600)'
	wait_line 10 abstract.log listening || bail "no socket"
}

make_host host.git "$channel"
id=$(git -C host.git config "windlass.$channel.id")
make_clone host.git work
put work "deploy/$channel/a.yaml" ConfigMap a "$ns" zero
commit_push work zero
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
abstract_start
token=$TRASH/token
echo secret >"$token"
cp /bin/true "$TRASH/true"

# ---- without Landlock ----
mkdir bin
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$tool/old-kernel" \
	"$WINDLASS_BUILD/windlassd" >bin/windlassd
chmod +x bin/windlassd
PATH=$TRASH/bin:$PATH engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a kernel without Landlock: a bundle is applied" \
	wait_applied "$channel" 1 60
like "$(grep -c 'warn not-confined ' engine.log) $(cat engine.log)" \
	'^1 .*' "which is said once"
like "$(grep 'not-confined' engine.log)" 'because=.*no Landlock' "and why"
is "$(landlock)" 0 "also by the metrics"
# so what is refused below is refused by the walls
for what in "read $token" "read $KUBECONFIG" "write $TRASH/out" \
	"mkdir $TRASH/made" listen "abstract windlass-$$" "kill $pid_engine"; do
	# shellcheck disable=SC2086 # what, and with what
	is "$(as_child $what)" 0 "without walls: ${what%% *}"
done
was=$(child)
is "$(as_child run "$TRASH/true")" 0 "without walls: run"
another() { [ -n "$(child)" ] && [ "$(child)" != "$was" ]; }
ok "its end is no end of the engine" wait_for 30 another
stop engine
rm -rf out made

# ---- with it ----
engine_start --log-level debug || bail "windlassd does not start: $(cat engine.log)"
wait_line 20 engine.log '(not-)?confined ' || bail "$(cat engine.log)"
if ! grep -q ' confined ' engine.log; then
	skip 1 "$(grep -o 'not-confined .*' engine.log)"
	done_testing
fi
abi=$(sed -n 's/.* confined .*landlock=\([0-9]*\).*/\1/p' engine.log)
is "$(landlock)" "$abi" "with Landlock $abi: the metrics say so"
change one 2 "a bundle is fetched, indexed and applied"

# the sanitizers' run-time reads /proc
grep -q fsanitize "$WINDLASS_BUILD/config.status" && skip 1 "sanitizers" ||
	is "$(as_child read "/proc/$pid_engine/environ")" EACCES \
		"attack-56 it cannot read the engine's environment"
for what in "read $token" "read $KUBECONFIG" "read /etc/shadow" \
	"read $TRASH/host.git/config" \
	"write $TRASH/out" "write /tmp/walls-$$" "mkdir $TRASH/made" \
	"run /bin/true" "run $TRASH/true"; do
	# shellcheck disable=SC2086 # what, and with what
	is "$(as_child $what)" EACCES "attack-56 it cannot ${what/$TRASH/...}"
done
cp /bin/true "state/true"
is "$(as_child run "$TRASH/state/true")" EACCES \
	"attack-56 it cannot run what it could have written"
is "$(as_child write "$TRASH/state/new") $(ls state/new)" "0 state/new" \
	"the state directory it writes"
rm state/new state/true
if [ "$abi" -ge 4 ]; then
	is "$(as_child listen)" EACCES "attack-56 it cannot listen"
fi
if [ "$abi" -ge 6 ]; then
	is "$(as_child abstract "windlass-$$")" EPERM \
		"attack-56 it cannot speak to abstract sockets"
	is "$(as_child kill "$pid_engine")" EPERM \
		"attack-56 it cannot signal the engine"
fi
is "$(ls -d out made /tmp/walls-$$ 2>/dev/null)" "" "nothing was made"
unlike "$(cat engine.log)" 'fetch-child-ended' "all of this ends nothing"
change two 3 "it goes on"

# ---- what is replaced under it ----
# at once: what is half deleted is mended where it is
mv state gone
rm -rf gone
change three 4 "the state directory is deleted: the next bundle is taken"
like "$(grep 'shut-out' engine.log)" "path=.*$TRASH/state" "the log says why"
is "$(grep -c 'fetch-child-ended' engine.log)" 1 "one child ended"
is "$(landlock)" "$abi" "the next is confined"
ok "and what is accepted is recorded" wait_for 20 grep -q '^sequence 4$' \
	"state/$id/accepted"
mv state moved
mkdir -m 700 state
change four 5 "another state directory takes its place"
is "$(as_child read "$token")" EACCES "attack-56 the walls are there"
stop engine

# ---- where it cannot be made ----
rm -rf state
echo in the way >state
start engine windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state/below" \
	--metrics "$METRICS" --no-leader-elect
wait "$pid_engine"
is $? 2 "a state directory that cannot be made: the engine does not start"
like "$(cat engine.log)" 'state' "and says so"
done_testing
