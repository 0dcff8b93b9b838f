#!/bin/bash
# A watch and everything that happens to one: what is known at the end is
# always what the API server has. Faults are made by a proxy in front of the
# real server.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
cluster_use

kube=$WINDLASS_BUILD/t/tool/kube
proxy=$WINDLASS_BUILD/t/tool/fault-proxy
[ -x "$kube" ] && [ -x "$proxy" ] ||
	bail "the tools are not built: make check TESTS="
cluster_namespace a
maps=core/v1/configmaps/$ns

start proxy "$proxy" "$KUBECONFIG" "$TRASH/rules"
wait_line 10 proxy.log '^port' || bail "no proxy"
cat >proxied <<END
current-context: p
clusters: [{name: p, cluster: {server: "http://127.0.0.1:$(sed -n 's/^port //p' proxy.log)"}}]
contexts: [{name: p, context: {cluster: p}}]
END

# watch NAME ARGUMENT...: in the background; its input is $to_NAME
watch() {
	local name=$1 fd
	shift
	mkfifo "$name.in"
	start "$name" bash -c 'exec "$@" <"$0"' "$name.in" "$kube" "$@"
	exec {fd}>"$name.in"
	printf -v "to_$name" '%s' "$fd"
}
# state NAME: asks for what it knows; sorted lines "namespace/name version"
state() {
	local to=to_$1 before
	before=$(grep -c '^END' "$1.log")
	echo state >&"${!to}"
	wait_for 10 eval "[ \$(grep -c '^END' '$1.log') -gt $before ]"
	tac "$1.log" | awk '/^END/ && seen++ { exit } /^STATE/ { print $2, $3 }' |
		sort
}
really() {
	k -n "$ns" get configmaps --no-headers -o \
		custom-columns='a:.metadata.namespace,b:.metadata.name,c:.metadata.resourceVersion' |
		awk '{ print $1 "/" $2, $3 }' | sort
}
agrees() {
	local known
	known=$(state "$1")
	[ -n "$known" ] && [ "$known" = "$(really)" ]
}
make() { k -n "$ns" create configmap "$1" --from-literal=a=b >/dev/null; }
change() {
	k -n "$ns" patch configmap "$1" --type merge \
		-p '{"data":{"now":"'"$(date +%N)"'"}}' >/dev/null
}
rules() { printf '%s\n' "$@" >"$TRASH/rules"; }
used_up() { ! grep -q '^[1-9]' "$TRASH/rules"; }
synced() { wait_line 20 "$1.log" '^SYNCED'; }

# --- what a watch tells -------------------------------------------------
make one
watch plain watch "$maps"
ok "synced" synced plain
like "$(cat plain.log)" "^ADDED $ns/one$" "what was there is ADDED"
make two
ok "ADDED" wait_line 5 plain.log "^ADDED $ns/two$"
change two
ok "MODIFIED" wait_line 5 plain.log "^MODIFIED $ns/two$"
k -n "$ns" delete configmap two >/dev/null
ok "DELETED" wait_line 5 plain.log "^DELETED $ns/two$"
ok "it knows what the server has" agrees plain

watch chosen watch "$maps" mine
synced chosen
unlike "$(cat chosen.log)" "^ADDED" "a selector: nothing of others"
k -n "$ns" label configmap one mine=yes >/dev/null
ok "ADDED when the label is put on" wait_line 5 chosen.log "^ADDED $ns/one$"
k -n "$ns" label configmap one mine- >/dev/null
ok "DELETED when it is taken off" wait_line 5 chosen.log "^DELETED $ns/one$"

watch wide watch core/v1/configmaps
synced wide
like "$(cat wide.log)" "^ADDED kube-system/" "all namespaces"
stop wide
stop chosen

# --- faults while it starts ---------------------------------------------
for i in 1 2 3 4 5 6; do make "many$i"; done
watch whole --kubeconfig proxied watch "$maps"
synced whole
ok "through the proxy" agrees whole
stop whole

rules '1 sendInitialEvents status 422'
watch listed --kubeconfig proxied watch "$maps"
ok "no WatchList on this server: synced all the same" synced listed
like "$(cat proxy.log)" "^GET .*limit=500" "by a list"
unlike "$(cat listed.log)" '^ERROR' "which is no error"
change one
ok "and a watch" wait_line 5 listed.log "^MODIFIED $ns/one$"
ok "it knows what the server has" agrees listed
stop listed

rules '1 sendInitialEvents frame {"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"storage"}}'
watch broken --kubeconfig proxied watch "$maps"
ok "an error in the stream (etcd 3.4): synced by a list" synced broken
ok "it knows what the server has" agrees broken
stop broken

rules '1 sendInitialEvents cut 700' '1 sendInitialEvents cut 1500'
watch cutshort --kubeconfig proxied watch "$maps"
ok "cut twice before it is synced" synced cutshort
like "$(cat cutshort.log)" '^ERROR no-answer' "the cuts are told"
is "$(grep -c '^BEGIN' cutshort.log)" 3 "each start is marked"
ok "it knows what the server has" agrees cutshort
stop cutshort

rules '2 watch=1 status 503' '1 watch=1 drop' '1 watch=1 status 429 1'
began=$(date +%s%3N)
watch refused --kubeconfig proxied watch "$maps"
ok "refused four times" synced refused
ok "Retry-After is obeyed" test $(($(date +%s%3N) - began)) -gt 1000
like "$(cat refused.log)" '^ERROR busy .*\(429 Fault\)' "429 is told"
ok "it knows what the server has" agrees refused
stop refused

rules '1 watch=1 frame {"type":"ADDED","object":[]}' \
	'1 watch=1 frame {"type":"ADDED","object":{' \
	'1 watch=1 frame <html>login please</html>' \
	'1 watch=1 frame {"type":"WHAT","object":{"metadata":{"resourceVersion":"1"}}}'
watch nonsense --kubeconfig proxied watch "$maps"
ok "nonsense four times" synced nonsense
ok "it knows what the server has" agrees nonsense
stop nonsense

# --- faults later on ----------------------------------------------------
# The stream is cut by what the proxy forwards beyond so many bytes; what
# happens until the next try is missed, and found.
rules '1 sendInitialEvents cut 20000'
watch resumed --kubeconfig proxied watch "$maps"
synced resumed
rules '1 resourceVersion= wait missed'
for i in $(seq 40); do change one; done
wait_line 20 proxy.log '# wait$' || bail "the stream was not cut"
k -n "$ns" delete configmap many1 >/dev/null
make later
touch missed
ok "cut while it runs: what was missed comes" \
	wait_line 20 resumed.log "^ADDED $ns/later$"
ok "deletions, too" wait_line 5 resumed.log "^DELETED $ns/many1$"
is "$(grep -c '^BEGIN' resumed.log)" 1 "without a new start"
ok "it knows what the server has" agrees resumed
stop resumed

gone='{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}}'
for how in "frame $gone" "status 410"; do
	name=expired${how%% *}
	make "swept-${how%% *}"
	rules '1 sendInitialEvents cut 20000'
	watch "$name" --kubeconfig proxied watch "$maps"
	synced "$name"
	rules "1 resourceVersion= $how" "1 sendInitialEvents wait gone-$name"
	for i in $(seq 40); do change one; done
	wait_for 20 used_up || bail "the stream was not cut"
	k -n "$ns" delete configmap "swept-${how%% *}" >/dev/null
	touch "gone-$name"
	ok "410 (${how%% *}): from the start" \
		wait_for 20 eval "[ \$(grep -c '^SYNCED' $name.log) = 2 ]"
	like "$(cat "$name.log")" "^SWEPT $ns/swept-${how%% *}$" \
		"what went unseen is found"
	unlike "$(cat "$name.log")" '^ERROR expired' "which is no error"
	ok "it knows what the server has" agrees "$name"
	stop "$name"
done

rules '1 sendInitialEvents stall 20000'
watch silent --kubeconfig proxied --silent 1500 watch "$maps"
synced silent
for i in $(seq 40); do change one; done
ok "silence: the stream is given up" \
	wait_for 20 eval "state silent >/dev/null; grep -q 'silent=[1-9]' silent.log"
change one
ok "it knows what the server has" wait_for 10 agrees silent
stop silent

kinds=apiextensions.k8s.io/v1/customresourcedefinitions
watch away --kubeconfig proxied watch example.com/v1/things
ok "a kind that is not there is told" \
	wait_line 10 away.log '^ERROR no-resource '
stop away
watch denied --as "$ns/nobody" watch "$maps"
ok "so is a watch that is forbidden" \
	wait_line 10 denied.log '^ERROR forbidden '
k -n "$ns" create role reader --verb=list,watch --resource=configmaps >/dev/null
k -n "$ns" create rolebinding reader --role=reader \
	--serviceaccount="$ns:nobody" >/dev/null
ok "it tries again, and succeeds" wait_line 30 denied.log '^SYNCED'
stop denied
watch crds watch "$kinds"
ok "cluster-scoped kinds" synced crds
stop crds
ok "the first watch still knows what the server has" agrees plain
stop plain
done_testing
