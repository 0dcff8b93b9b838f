#!/bin/bash
# An engine whose watches and lists break in every way that an API server, a
# load balancer or an etcd has: what is edited meanwhile is undone, nothing is
# pruned, nothing is applied for no reason, and nobody asks all the time.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace a
channel=watching-$$
# more than a page of a watch's list (500), and several of a comparison (200)
objects=520

applies() { curl -s "http://$METRICS/metrics" | sed -n "s/^windlass_applies_total{channel=\"$channel\"} //p"; }
all_there() { is "$(live_count)" $objects "$1: all objects are live"; }

make_host host.git "$channel"
make_clone host.git work
configs $objects one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 90
ok "the channel is ready" wait_ready "$channel" 30
engine_kill
proxy_start
watching='/api/v1/configmaps?watch=1'

# through_proxy RULE...: the engine, begun anew behind the proxy
through_proxy() {
	[ -z "${pid_engine:-}" ] || engine_kill
	rules "$@"
	cost_begin_at=$(wc -l <proxy.log)
	KUBECONFIG=$PROXIED engine_start ||
		bail "windlassd does not start: $(cat engine.log)"
}
# the ConfigMaps' watch was opened without a fault
watched() {
	tail -n "+$((cost_begin_at + 1))" proxy.log |
		grep -F "$watching" | grep -qv ' # '
}

# ---- while it starts ----
through_proxy '9999 sendInitialEvents status 422'
ok "no WatchList on this server: ready" wait_ready "$channel" 40
ok "it lists" wait_line 20 proxy.log 'GET /api/v1/configmaps.*limit=500&continue='
ok "and watches" wait_for 20 watched
undone "no WatchList: an edit is undone" o-1
is "$(applies)" 1 "nothing else was applied"
unlike "$(cat engine.log)" 'watch-failed' "nothing is complained of"
all_there "no WatchList"

through_proxy '3 sendInitialEvents frame {"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"etcdserver: no leader"}}'
ok "an error 500 in a stream that began well: watched" wait_for 20 watched
undone "error 500: an edit is undone" o-2
unlike "$(cat engine.log)" 'watch-failed' "nothing is complained of"

# a list that the server forgets half-way, with and without another token, of
# the watch and of the comparison
through_proxy '9999 sendInitialEvents status 422' '1 limit=500&continue= expired' \
	'1 -v1&continue= expired'
ok "lists that expire, continued by a new token: watched" wait_for 30 watched
wait_for 20 eval '! grep "&continue= expired" rules | grep -q "^1"'
is "$(grep -c '^0 .*continue= expired' rules)" 2 "both lists expired"
undone "expired lists: an edit is undone" o-3
all_there "expired lists"

through_proxy '9999 sendInitialEvents status 422' '1 limit=500&continue= status 410' \
	'1 -v1&continue= status 410'
ok "lists that expire without another token: watched" wait_for 30 watched
is "$(grep -c '^0 .*continue= status 410' rules)" 2 "both lists expired"
undone "and an edit is undone" o-4
is "$(applies)" 1 "nothing else was applied"
all_there "expired lists"

through_proxy '2 sendInitialEvents cut 30000' '2 watch=1 status 503' '1 watch=1 drop'
ok "cut in the middle of the start, refused, dropped: watched" wait_for 30 watched
undone "cut: an edit is undone" o-5 20
all_there "cut"

# ---- while it runs ----
# break_watches ARGUMENT...: all the streams there are end at once
break_watches() { pkill -KILL -P "$pid_proxy"; }
relists() { metric windlass_watch_relists_total; }

through_proxy
wait_for 20 watched
wait_ready "$channel" 30
sleep 1
before=$(relists)
cost_begin
for i in 1 2 3 4 5; do
	break_watches
	sleep 0.7
done
undone "cut five times: an edit is undone" o-6
is "$(relists)" "$before" "cut five times: no watch begins anew"
cost_is "cut five times: some requests a watch" 300 1.5

# the server has forgotten the version, which it says in two ways; what was
# edited and deleted in between is found by the list
gone='{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}}'
n=10
for how in "status 410" "frame $gone"; do
	what="410 by ${how%% *}"
	rules "1 $watching wait $TRASH/again-$n"
	break_watches
	wait_for 20 used_up || bail "no watch came back"
	rules "1 $watching $how"
	before=$(applies)
	k -n "$ns" patch configmap "o-$n" -p '{"data":{"text":"edited"}}' >/dev/null
	k -n "$ns" delete configmap "o-$((n + 1))" >/dev/null
	k -n "$ns" label configmap "o-$((n + 2))" applyset.kubernetes.io/part-of- >/dev/null
	touch "$TRASH/again-$n"
	break_watches
	ok "$what: the list finds what was edited" wait_for 30 is_text "o-$n" one
	ok "$what: and deleted" wait_for 30 is_text "o-$((n + 1))" one
	ok "$what: and lost its label" wait_for 30 eval "[ \$(live_count) = $objects ]"
	sleep 0.5
	is $(($(applies) - before)) 3 "$what: nothing else is applied"
	n=$((n + 10))
done
unlike "$(cat engine.log)" 'watch-failed.*410' "which nobody is told of"

# time-outs: the server ends each stream in peace, far too early
rules "9999 $watching frame {\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"$(k get --raw '/api/v1/namespaces?limit=1' | jq -r .metadata.resourceVersion)\"}}}"
break_watches
cost_begin
sleep 10
cost_is "streams that end at once are not opened all the time" 40 0.5
rules
undone "afterwards an edit is undone" o-7 20

# a watch that tells of all objects in a moment, of what may be no change of ours
rules "99999 GET_/api/v1/namespaces/$ns/configmaps/ slow 3000"
kill -STOP "$pid_engine"
k -n "$ns" label configmap --all theirs=yes >/dev/null
looks() { tail -n "+$((n + 1))" proxy.log | grep -c "GET /api/v1/namespaces/$ns/configmaps/"; }
n=$(wc -l <proxy.log)
kill -CONT "$pid_engine"
sleep 2
at_once=$(looks)
ok "it looks at some, not at all of them at once ($at_once)" \
	test "$at_once" -ge 10 -a "$at_once" -le 40
rules
ok "and at all of them in the end" wait_for 60 eval "[ \$(looks) -ge $objects ]"
all_there "in the end"
is "$(live_differs host.git "$channel")" "" "nothing differs from the bundle"
done_testing
