#!/bin/bash
# The engine is killed in the middle of things, loses its state directory,
# loses the API server: it goes on where it was, and never back.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
ns=restart
k create namespace "$ns" >/dev/null
channel=restart
objects=300

text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}'; }
is_text() { [ "$(text "$1")" = "$2" ]; }
metric() { curl -s "http://$METRICS/metrics" | sed -n "s/^$1{channel=\"$channel\"} //p"; }

# put_all TEXT: every object of the channel
put_all() {
	local i file=work/deploy/$channel/all.yaml
	mkdir -p "${file%/*}"
	for i in $(seq $objects); do
		printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: o-%s, namespace: %s}\ndata: {text: "%s"}\n' \
			"$i" "$ns" "$1"
	done >"$file"
}

make_host host.git "$channel"
make_clone host.git work
put_all one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"

# ---- killed in the middle of the first bundle ----
engine_start || bail "windlassd does not start: $(cat engine.log)"
wait_for 20 at_least 10
engine_kill
n=$(live_count)
[ "$n" -lt $objects ] && pass "killed after $n of $objects objects" ||
	pass "killed too late to see a half-applied bundle ($n)"
rm -rf state
engine_start
ok "without its state directory it finishes the bundle" \
	wait_applied "$channel" 1 60
is "$(live_count)" $objects "all objects are live"
ok "and the channel is ready" wait_ready "$channel" 30
is "$(live_differs host.git "$channel")" "" "with exactly the pushed fields"

# ---- killed in the middle of a change, with its state directory ----
put_all two
commit_push work second
wait_for 20 is_text o-1 two
engine_kill
k -n "$ns" patch configmap o-7 -p '{"data":{"text":"meanwhile"}}' >/dev/null
k -n "$ns" delete configmap o-8 >/dev/null
engine_start
ok "with its state directory it finishes too" wait_applied "$channel" 2 60
ok "what was edited meanwhile is repaired" wait_for 20 is_text o-7 two
ok "what was deleted meanwhile is back" wait_for 20 is_text o-8 two
is "$(live_differs host.git "$channel")" "" "nothing differs"

# ---- a restart at rest ----
engine_kill
engine_start
ok "after a restart at rest the channel is ready" wait_ready "$channel" 30
is "$(metric windlass_applies_total)" 0 "and nothing was applied again"

# ---- deletes while it was away ----
engine_kill
sed -i '/name: o-300,/,$d' "work/deploy/$channel/all.yaml"
sed -i '$d' "work/deploy/$channel/all.yaml"
sed -i '$d' "work/deploy/$channel/all.yaml"
commit_push work third
rm -rf state
engine_start
ok "a bundle that came while it was away is applied" \
	wait_applied "$channel" 3 60
not_ok "what it deletes is deleted" k -n "$ns" get configmap o-300
is "$(live_count)" $((objects - 1)) "and nothing else"

engine_kill
is "$(k get channel "$channel" -o 'jsonpath={.status.applied.sequence}')" 3 \
	"the status knows what was applied"

# ---- the API server goes away ----
engine_start
ok "ready again" wait_ready "$channel" 30
cluster stop apiserver
put_all three
commit_push work fourth
sleep 3
cluster start apiserver
ok "a bundle that came while the API server was away is applied" \
	wait_applied "$channel" 4 90
is "$(live_count)" $objects "all objects are live"
ok "the channel is ready" wait_ready "$channel" 60
k -n "$ns" patch configmap o-7 -p '{"data":{"text":"edited"}}' >/dev/null
ok "and its watches work again" wait_for 60 is_text o-7 three
ok "it is the same process" kill -0 "$pid_engine"

# ---- the API server dies in the middle of a bundle ----
put_all four
commit_push work fifth
wait_for 20 is_text o-1 four
cluster stop apiserver --kill
sleep 1
cluster start apiserver
ok "a bundle that was cut in the middle is finished" \
	wait_applied "$channel" 5 90
is "$(live_differs host.git "$channel")" "" "nothing differs"

# ---- the fetching child dies ----
ok "there is a fetching child" kill -KILL "$(pgrep -P "$pid_engine")"
put_all five
commit_push work sixth
ok "a killed child is replaced, and the next bundle taken" \
	wait_applied "$channel" 6 60
is "$(curl -s "http://$METRICS/metrics" | sed -n 's/^windlass_fetch_restarts_total //p')" 1 \
	"the metrics count it"

# ---- another engine takes over while deletes wait ----
all=work/deploy/$channel/all.yaml
kept=$(grep -n 'name: o-299,' "$all" | cut -d: -f1)
sed -i "$((kept - 3)),\$d" "$all"
cat >"${all%/*}/bad.yaml" <<END
apiVersion: v1
kind: Service
metadata: {name: bad, namespace: $ns}
spec: {clusterIP: 192.0.2.1, ports: [{port: 80}]}
END
commit_push work seventh
ok "deletes wait while an object fails" \
	wait_condition "$channel" PruneBlocked True 60
engine_kill
rm -rf state
engine_start
ok "an engine that has nothing finds what was applied last" \
	wait_condition "$channel" PruneBlocked True 60 PruneBlocked
is "$(live_count)" $objects "nothing is deleted yet"
git -C work rm -q "deploy/$channel/bad.yaml"
commit_push work eighth
ok "when the object is gone" wait_applied "$channel" 8 60
is "$(live_count)" $((objects - 2)) "the deletes are made"
is "$(k get channel "$channel" -o 'jsonpath={.status.leftovers}')" "[]" \
	"and nothing is left over"

# ---- as if it had been killed while it moved the ref of its cache ----
engine_kill
lock=$(echo state/*/repo.git/refs/windlass)/$channel.lock
touch "$lock"
engine_start
put work "deploy/$channel/after.yaml" ConfigMap after "$ns" one
commit_push work ninth
ok "a lock that was left in its cache is nobody's" \
	wait_applied "$channel" 9 60
ok "and is gone" test ! -e "$lock"

# ---- SIGTERM ----
stop engine TERM
like "$(tail -n 1 engine.log)" ' stopped' "SIGTERM ends it in order"
done_testing
