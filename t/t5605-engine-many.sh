#!/bin/bash
# Many channels of one Git host: one request waits for all of them, on one
# connection, and there is one watch for each kind. Each is told at once of a
# push, and some that fail delay no other. A host that cannot be asked so is
# asked for each by itself.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own --audit
ns=many
k create namespace $ns >/dev/null
count=60
channels=$(seq -f 'c-%02.0f' 1 $count)
spoilt=c-07
stranger=c-08
late=c-99

make_host host.git
for channel in $channels; do
	add_channel host.git "$channel" deploy/"$channel" refs/heads/main
done
make_clone host.git work
# put_all TEXT [CHANNEL...]
put_all() {
	local text=$1
	shift
	for channel in ${*:-$channels}; do
		mkdir -p work/deploy/"$channel"
		put work deploy/"$channel"/o.yaml ConfigMap "$channel" $ns "$text"
		more work deploy/"$channel"/o.yaml ServiceAccount "$channel" $ns
	done
}
put_all one
commit_push work one || bail "push failed: $(tail -n 3 push.out)"
public=host.git/windlass/public
for file in $public/$spoilt/packs/*; do
	chmod u+w "$file"
	printf 'spoilt' | dd of="$file" bs=1 seek=40 conv=notrunc status=none
done
# serve on one port, whoever speaks there
port=0
serve_many() {
	start serve windlass-hook serve --repo host.git --verbose \
		--listen "127.0.0.1:$port"
	wait_line 60 serve.log 'listening on' ||
		bail "serve does not start: $(tail -n 3 serve.log)"
}
serve_many
URL=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' serve.log)
port=${URL##*:}
channel_install host.git c-01 >/dev/null || bail "install failed"
{
	cat <<-'END'
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRoleBinding
	metadata: {name: many-channels}
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
	subjects:
	- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:windlass-system"}
	END
	make_key $late
	for channel in $channels $late; do
		key=$channel
		[ $channel != $stranger ] || key=c-01
		id=$(git -C host.git config "windlass.$channel.id")
		cat <<-END
		---
		apiVersion: windlass.dev/v1alpha1
		kind: Channel
		metadata: {name: $channel}
		spec:
		  url: $URL
		  interval: 2s
		  channelID: ${id:-00112233445566778899aabbccddeeff}
		  publishers: |
		    $channel namespaces="git,head-v1@windlass.dev" $(cut -d' ' -f1,2 "keys/$key.pub")
		  serviceAccount: {namespace: windlass-system, name: channel-$channel}
		  namespaces: [$ns]
		END
	done
} >channels.yaml
k apply --server-side --force-conflicts -f channels.yaml >/dev/null ||
	bail "no channels"

applied() { grep -c "bundle-applied .* sequence=$1 " engine.log; }
all_applied() { [ "$(applied "$1")" -ge "$2" ]; }
# asked PATTERN: requests that serve was sent
asked() { grep -c "debug request method=$1" serve.log; }
is_text() { [ "$(k -n $ns get configmap "$1" -o 'jsonpath={.data.text}')" = "$2" ]; }
ready() { k get channels -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True; }
all_ready() { [ "$(ready)" -ge "$1" ]; }

engine_start || bail "windlassd does not start: $(cat engine.log)"
good=$((count - 2))
ok "all are applied but those that are in no state to be" \
	wait_for 120 all_applied 1 $good
like "$(condition $spoilt Ready)" '^False ' "one has a pack that is spoilt"
like "$(condition $stranger Verified)" '^False KeyNotTrusted' \
	"one is signed by somebody else"
like "$(condition $late Fetched)" '^False .*answered 404' "one is not published"
ok "the others are ready" wait_for 60 all_ready $good
# what is written of a Channel is of its version that the engine wrote last
conflicts=$(grep '"stage":"ResponseComplete"' "$CLUSTER/log/audit.log" |
	grep '"resource":"channels"' | grep -c '"code":409')
ok "few writes of Channels are stale: $conflicts" [ "$conflicts" -le $((5 * count)) ]
polls=$(asked 'POST path=/heads')
is "$((polls > 0 && polls < 20))" 1 "they are asked for together: $polls times"
# where the host's first answer takes a second, each is asked for once
alone=$(asked 'GET path=/c-[0-9]*/head')
ok "and not by themselves: $alone times" test "$alone" -le $((count + 3))

# ---- a push is told at once, to one and to all ----
put_all two c-42
commit_push work two
ok "a push to one of them" wait_for 8 is_text c-42 two
add_channel host.git $late deploy/$late refs/heads/main
set_channel host.git $late id 00112233445566778899aabbccddeeff
put_all late $late
commit_push work late
ok "a channel that is made now" wait_for 8 is_text $late late
put_all three
commit_push work three
ok "a push to all" wait_for 120 all_applied 2 $good
ok "to the last of them" wait_for 30 is_text c-$count three
ok "and to the one whose pack was spoilt" wait_for 30 is_text $spoilt three

# ---- at rest ----
stop engine
mv engine.log engine.first
now=$(wc -l <"$CLUSTER/log/audit.log")
engine_start || bail "windlassd does not start again"
ok "all that can be are ready" wait_for 60 all_ready $count
connections() {
	ss -Htn state established "( dport = :$port )" | wc -l
}
# one that waits; those for reports, two at most, are closed when they were idle
# for a minute
few_connections() { [ "$(connections)" -ge 1 ] && [ "$(connections)" -le 3 ]; }
ok "an engine that has all is one connection, and two for reports" \
	wait_for 20 few_connections
polls=$(grep -c 'debug request' serve.log)
sleep 3
ok "and stays so" few_connections
is "$(($(grep -c 'debug request' serve.log) - polls <= 1))" 1 \
	"with a request that waits"
# watches KIND: those that the engine has begun and that go on; an API server ends
# one that it finds slow, as with so many Channels that all change
watched() {
	tail -n +$((now + 1)) "$CLUSTER/log/audit.log" |
		grep '"verb":"watch"' | grep '"userAgent":"windlass/' |
		grep "/$1?"
}
watches() {
	watched "$1" | jq -s 'map(select(.stage == "ResponseStarted").auditID) -
		map(select(.stage == "ResponseComplete").auditID) | length'
}
one_watch() { [ "$(watches "$1")" = 1 ]; }
ok "one watch of ConfigMaps for all channels" wait_for 30 one_watch configmaps
ok "and one of ServiceAccounts" wait_for 30 one_watch serviceaccounts
ok "and one of the Channels" wait_for 30 one_watch channels || {
	watched channels | jq -c '[.stageTimestamp, .stage, .requestURI,
		.responseStatus]' | sed 's/^/# /'
	grep -E 'channels|watch' engine.log | tail -n 5 | sed 's/^/# /'
}

# ---- a host that cannot be asked so ----
stop serve
start static python3 -m http.server --bind 127.0.0.1 \
	--directory $public "$port"
put_all four c-50
ok "a host of static files" wait_for 30 curl -sS -o /dev/null "$URL/c-50/head"
commit_push work four
ok "is polled" wait_for 60 is_text c-50 four
like "$(cat engine.log)" 'heads-refused' "after it refused"
like "$(cat static.log)" 'GET /c-51/head' "for each by itself"
stop static
serve_many
put_all five c-51
commit_push work five
ok "serve again" wait_for 60 is_text c-51 five
done_testing
