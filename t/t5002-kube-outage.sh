#!/bin/bash
# The API server goes away and comes back: watches lose nothing, a leader
# stops writing in time, connections that are told to go are replaced. Then
# the Lease: one leads, another takes over.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
# one request in fifty is answered with a GOAWAY
cluster_own --no-kwok --apiserver-arg=--goaway-chance=0.02

kube=$WINDLASS_BUILD/t/tool/kube
[ -x "$kube" ] || bail "'$kube' is not built: make check TESTS="
cluster_namespace a
maps=core/v1/configmaps/$ns

# run NAME ARGUMENT...: in the background; its input is $to_NAME
run() {
	local name=$1 fd
	shift
	rm -f "$name.in"
	mkfifo "$name.in"
	start "$name" bash -c 'exec "$@" <"$0"' "$name.in" "$kube" "$@"
	exec {fd}>"$name.in"
	printf -v "to_$name" '%s' "$fd"
}
tell() { local to=to_$1; echo "${2:-x}" >&"${!to}"; }
state() {
	local before
	before=$(grep -c '^END' "$1.log")
	tell "$1"
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

# --- GOAWAY -------------------------------------------------------------
out=$("$kube" burst 2000 "$maps/burst" 2>&1)
like "$out" '^burst 2000 good 2000 ' "2000 writes through some 40 GOAWAYs: none fails"
connections=$(sed -n 's/^burst.*connections //p' <<<"$out")
ok "new connections were made ($connections)" test "$connections" -gt 1
ok "about one for each GOAWAY" test "$connections" -lt 300
out=$("$kube" many 120 "core/v1/serviceaccounts/$ns" 2>&1)
like "$out" '^synced 120 connections ' "120 watches through GOAWAYs"

# --- the API server is away ---------------------------------------------
run watch watch "$maps"
ok "a watch is synced" wait_line 20 watch.log '^SYNCED'
run lead lease "$ns/outage" me 5 3 1
ok "a leader" wait_line 10 lead.log '^LEAD can-write=1'
k -n "$ns" create configmap before --from-literal=a=b >/dev/null
cluster stop apiserver || bail "the API server does not stop"
# a server that is told to end may take some seconds, and renew until then
stopped=$(date +%s%3N)
ok "leading ends while the API server is away" \
	wait_line 10 lead.log '^LOST can-write=0'
lost=$(stat -c %.3Y lead.log)	# the line that was just written
took=$((${lost/./} - stopped))
ok "at its deadline, before the lease is over ($took ms)" \
	test "$took" -lt 5000
ok "the loss is told" wait_line 10 watch.log '^ERROR no-answer '
cluster start apiserver || bail "the API server does not start"
wait_for 30 k -n "$ns" create configmap after --from-literal=a=b
k -n "$ns" delete configmap burst-7 >/dev/null
ok "the watch goes on" wait_line 20 watch.log "^ADDED $ns/after$"
# a server that has just started has no history: the watch may begin anew
ok "and tells what happens" \
	wait_line 5 watch.log "^(DELETED|SWEPT) $ns/burst-7$"
ok "it knows what the server has" wait_for 10 agrees watch
ok "leading again" \
	wait_for 20 eval "[ \$(grep -c '^LEAD can-write=1' lead.log) = 2 ]"

# the hard way
cluster stop apiserver --kill
cluster start apiserver || bail "the API server does not start"
wait_for 30 k -n "$ns" delete configmap after
ok "killed and started: the watch goes on" \
	wait_line 30 watch.log "^(DELETED|SWEPT) $ns/after$"
ok "it knows what the server has" wait_for 10 agrees watch
stop watch
tell lead quit
ok "released" wait_line 10 lead.log '^RELEASED can-write=0'

# --- an API server behind the API server --------------------------------
k apply -f - >/dev/null <<'END'
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.away.example.com}
spec:
  group: away.example.com
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {namespace: default, name: nobody}
END
sees_stale() {
	out=$("$kube" discovery away.example.com Thing 2>&1)
	[[ $out = *"group is stale"* ]]
}
ok "a group whose server is away is stale" wait_for 20 sees_stale
like "$("$kube" discovery apps Deployment)" '^apps v1 Deployment .*status verbs' \
	"others are not"
k delete apiservice v1.away.example.com >/dev/null

# --- the Lease ----------------------------------------------------------
holder() { k -n "$ns" get lease pair -o 'jsonpath={.spec.holderIdentity}'; }
run first lease "$ns/pair" first 5 3 1
wait_line 10 first.log '^LEAD'
k -n "$ns" label lease pair team=blue >/dev/null
run second lease "$ns/pair" second 5 3 1
sleep 2
tell second
ok "a candidate waits, and knows who leads" \
	wait_line 5 second.log '^HOLDER first can-write=0'
tell first quit
ok "given back" wait_line 5 first.log '^RELEASED'
ok "the other leads at once" wait_line 4 second.log '^LEAD can-write=1'
is "$(holder)" second "so says the Lease"
is "$(k -n "$ns" get lease pair -o 'jsonpath={.spec.leaseTransitions}')" 1 \
	"the transition is counted"
is "$(k -n "$ns" get lease pair -o 'jsonpath={.metadata.labels.team}')" blue \
	"labels of others stay"
run first lease "$ns/pair" third 5 3 1
stop second KILL
began=$(date +%s%3N)
ok "killed: the other leads" wait_line 15 first.log '^LEAD'
took=$(($(date +%s%3N) - began))
ok "not before the lease was over ($took ms)" test "$took" -gt 3500
k -n "$ns" patch lease pair --type merge \
	-p '{"spec":{"holderIdentity":"thief"}}' >/dev/null
ok "taken away: no longer a leader" \
	wait_line 5 first.log '^LOST can-write=0 holder=thief'
k -n "$ns" delete lease pair >/dev/null
ok "deleted: made again" \
	wait_for 10 eval "[ \$(grep -c '^LEAD can-write=1' first.log) = 2 ]"
tell first quit
ok "released" wait_line 5 first.log '^RELEASED'
is "$(holder)" "" "nobody holds it"
out=$("$kube" lease "$ns/x" y 5 5 1 2>&1 </dev/null)
like "$out" 'each must be clearly longer than the next' \
	"times that make no sense are refused"
done_testing
