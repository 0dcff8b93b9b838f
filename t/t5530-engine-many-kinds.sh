#!/bin/bash
# More kinds than one connection has streams: on an API server that allows few
# of these and sends GOAWAY every now and then, 120 kinds are watched and
# repaired; when it is killed, or ends in order, in the middle of an apply and
# at rest, and when etcd is away, all of it goes on.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_own --no-kwok --audit --apiserver-arg=--http2-max-streams-per-connection=20 \
	--apiserver-arg=--goaway-chance=0.01
cluster_namespace a
channel=many
kinds=120
dir=work/deploy/$channel

definition() { # NUMBER
	cat <<-END
	---
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: k$1s.many.example.org}
	spec:
	  group: many.example.org
	  scope: Namespaced
	  names: {plural: k$1s, kind: K$1}
	  versions:
	  - name: v1
	    served: true
	    storage: true
	    schema:
	      openAPIV3Schema:
	        type: object
	        properties: {spec: {type: object, properties: {text: {type: string}}}}
	END
}
customs() { # TEXT
	local i
	for ((i = 1; i <= kinds; i++)); do
		printf -- '---\napiVersion: many.example.org/v1\nkind: K%s\nmetadata: {name: it, namespace: %s}\nspec: {text: "%s"}\n' \
			"$i" "$ns" "$1"
	done >"$dir/customs.yaml"
}
of() { k -n "$ns" get "k$1s.many.example.org" it -o 'jsonpath={.spec.text}' 2>/dev/null; }
is_of() { [ "$(of "$1")" = "$2" ]; }
edit() { k -n "$ns" patch "k$1s.many.example.org" it --type merge -p '{"spec":{"text":"edited"}}' >/dev/null; }
edit_every() { # HOW-MANYTH
	local i
	for ((i = 1; i <= kinds; i += $1)); do
		edit "$i"
	done
}
all_are() { # TEXT: one request for each kind is too much: one in ten
	local i
	for ((i = 1; i <= kinds; i += 10)); do
		is_of "$i" "$1" || return 1
	done
}
connections() { ss -tnp 2>/dev/null | grep -c "pid=$pid_engine,"; }
calls() { # what the engine asked of the API server, from its audit log
	grep -c '"userAgent":"windlass/' "$CLUSTER/log/audit.log"
}

make_host host.git "$channel"
make_clone host.git work
mkdir -p "$dir"
for ((i = 1; i <= kinds; i++)); do
	definition "$i"
done >"$dir/definitions.yaml"
customs one
commit_push work first || { test_show push.out; bail "the push is refused"; }
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
began=$(date +%s%3N)
ok "$kinds kinds of one bundle are applied" wait_applied "$channel" 1 90
echo "# after $(($(date +%s%3N) - began)) ms"
ok "the channel is ready" wait_ready "$channel" 30
all_watched() { [ "$(metric windlass_watches)" -ge $((kinds + 2)) ]; }
ok "all kinds are watched" wait_for 40 all_watched
echo "# $(metric windlass_watches) watches on $(connections) connections"
ok "on connections of 20 streams, not on one each" test "$(connections)" -le 30

began=$(date +%s%3N)
edit_every 10
ok "edits of many kinds are undone" wait_for 20 all_are one
ok "the last kind's, too" wait_for 10 is_of $kinds one
edit $kinds
ok "an edit of the last kind is undone" wait_for 10 is_of $kinds one

rests() { # is it at rest in these five seconds?
	local before
	before=$(calls)
	cpu=$(metric process_cpu_seconds_total)
	sleep 5
	n=$(($(calls) - before))
	cpu=$(perl -e 'print $ARGV[0] - $ARGV[1]' \
		"$(metric process_cpu_seconds_total)" "$cpu")
	[ "$n" -le 10 ] && perl -e 'exit !($ARGV[0] < 0.3)' "$cpu"
}
ok "it comes to rest: asks nothing, works nothing" wait_for 60 rests
echo "# $n requests and $cpu s of processor in 5 s"

# ---- the API server ends and begins again ----
memory=$(rss)
sequence=1
for how in "" --kill; do
	what="API server ends${how:+ by kill -9}"
	k -n "$ns" get k1s.many.example.org it -o name >/dev/null
	cluster stop apiserver $how
	sleep 2
	cluster start apiserver || bail "the API server does not start"
	began=$(date +%s%3N)
	edit 7
	edit 77
	ok "$what at rest: edits are undone" wait_for 60 eval 'is_of 7 "$(of 8)" && is_of 77 "$(of 8)"'
	echo "# after $(($(date +%s%3N) - began)) ms"
	ok "$what: all kinds are watched" wait_for 40 all_watched

	sequence=$((sequence + 1))
	customs "text-$sequence"
	commit_push work "bundle $sequence"
	wait_for 20 is_of 1 "text-$sequence"
	cluster stop apiserver $how
	cluster start apiserver || bail "the API server does not start"
	began=$(date +%s%3N)
	ok "$what in the middle of an apply: it is finished" wait_applied "$channel" $sequence 60
	echo "# after $(($(date +%s%3N) - began)) ms"
	ok "all is applied" wait_for 10 all_are "text-$sequence"
done

# ---- etcd is away ----
cluster stop etcd --kill
sequence=$((sequence + 1))
customs "text-$sequence"
commit_push work "bundle $sequence"
before=$(calls)
lines=$(wc -l <engine.log)
cpu=$(metric process_cpu_seconds_total)
sleep 8
echo "# while etcd is away: $(($(calls) - before)) requests, $(($(wc -l <engine.log) - lines)) lines in 8 s"
ok "while etcd is away it asks seldom" test $(($(calls) - before)) -le 600
ok "and does not spin" perl -e 'exit !($ARGV[0] - $ARGV[1] < 1.5)' \
	"$(metric process_cpu_seconds_total)" "$cpu"
ok "it is the same process" kill -0 "$pid_engine"
cluster start etcd || bail "etcd does not start"
began=$(date +%s%3N)
ok "etcd is back: the bundle is applied" wait_applied "$channel" $sequence 90
echo "# after $(($(date +%s%3N) - began)) ms"
edit 55
ok "and an edit is undone" wait_for 60 is_of 55 "text-$sequence"
is "$(k get crd -o name | grep -c many.example.org)" $kinds "nothing was pruned"
ok "the channel is ready" wait_ready "$channel" 60
grown=$(($(rss) - memory))
ok "the engine has grown by $grown KiB, less than 12 MiB" test "$grown" -lt 12288
is "$(live_differs host.git "$channel")" "" "nothing differs from the bundle"
done_testing
