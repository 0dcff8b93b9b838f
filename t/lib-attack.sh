# Many channels at once, each the victim of one attack, in one engine. Source
# it after lib.sh, lib-cluster.sh, lib-engine.sh and lib-bundle.sh.
#
#   victim NAME [LINE...]   a channel with one ConfigMap, NAME, and its first
#                           bundle published; more LINEs of its spec. Made by
#                           attack_begin.
#   attack_begin            all Channels, an engine, and every first bundle
#                           applied; what is live then is remembered
#   of NAME                 that victim is the one that the variables of
#                           lib-bundle.sh are about
#   next [TEXT]             its next bundle, with what lib-bundle.sh's
#                           variables say of lies; and honest again
#   move NAME HOW           its URL is HOW/ of odd-server.py
#   respec NAME SED         its Channel, edited
#   moved                   makes what move and respec said so
#   expect NAME TYPE PATTERN WHAT
#                           the victim's condition TYPE comes to match the
#                           regular expression "STATUS REASON MESSAGE"
#   attack_end              all that is expected, and that nothing that is
#                           live has changed for any of these victims
#   repairs NAME...         what they have is still kept as it was signed
#   small                   no process of the engine has grown beyond
#                           $attack_memory MiB
#
# The ConfigMaps are in $ns, the Channels have the label $attack_label.
attack_label=attack=a$$
attack_memory=96
expected=()
victims=()
declare -A victim_at
mkdir -p channels victims

attack_server() {
	mkdir -p "$public"
	port=$(free_port)
	start odd "$TEST_DIR/odd-server.py" "$port" "$public" "$@"
	wait_for 10 curl -s "http://127.0.0.1:$port/plain/x" || bail "no server"
	host=http://127.0.0.1:$port
	URL=$host/plain
}

settings() {
	set_part
	mkdir -p "tree/objects/$ns/core/ConfigMap" "tree/origins/$ns/core"
	echo "$victim deploy/$victim.yaml:1" >"tree/origins/$ns/core/ConfigMap"
	cat >"tree/objects/$ns/core/ConfigMap/$victim.json" <<-END
	{
	  "apiVersion": "v1",
	  "data": {
	    "text": "$1"
	  },
	  "kind": "ConfigMap",
	  "metadata": {
	    "labels": {
	      "applyset.kubernetes.io/part-of": "$part"
	    },
	    "name": "$victim",
	    "namespace": "$ns"
	  }
	}
	END
}

keep_victim() {
	victim_at[$victim]="$channel $id $epoch $seq $bundle"
	rm -rf "victims/$victim"
	mkdir "victims/$victim"
	cp -r tree index.txt "victims/$victim"
}

of() {
	victim=$1
	read -r channel id epoch seq bundle <<<"${victim_at[$1]}"
	key=publisher delta=none before=
	rm -rf tree index.txt
	cp -r "victims/$victim/tree" "victims/$victim/index.txt" .
}

next() {
	settings "${1:-two}"
	bundle
	publish
	honest
	keep_victim
}

# spec of a Channel in channels/
channel_spec() {
	local line
	cat <<-END
	apiVersion: windlass.dev/v1alpha1
	kind: Channel
	metadata: {name: $channel, labels: {${attack_label/=/: }}}
	spec:
	  url: $URL
	  interval: 1s
	  channelID: $id
	END
	for line in "publishers: |" "  $(cat publisher.line)" \
		"namespaces: [$ns]" \
		"serviceAccount: {namespace: $ns, name: default}" "$@"; do
		echo "  $line"
	done
}

victim() {
	victim=$1 channel=$1-$$
	shift
	id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	key=publisher epoch=1 seq=0 bundle='' before=''
	rm -rf tree index.txt
	mkdir tree
	victims+=("$victim")
	settings one
	bundle
	[ -z "${approved_by:-}" ] || h_approvals=$(votes $($approved_by))
	publish
	honest
	keep_victim
	channel_spec "$@" >"channels/$victim"
}

respec() { sed -i "$2" "channels/$1"; }
move() { respec "$1" "s,^  url: .*,  url: $host/$2,"; }
moved() {
	cat channels/* | sed 's/^apiVersion: /---\n&/' |
		k apply --server-side --force-conflicts -f - >/dev/null
}

all_applied() {
	[ "$(k get channel -l "$attack_label" -o \
		'jsonpath={range .items[*]}{.status.applied.sequence}{"\n"}{end}' |
		grep -cx 1)" -eq "${#victims[@]}" ]
}

# what is live, a line each that begins with a victim's name
live() {
	k -n "$ns" get configmap -l applyset.kubernetes.io/part-of -o \
		'jsonpath={range .items[*]}{.metadata.name} is {.metadata.uid} {.metadata.resourceVersion} {.data.text}{"\n"}{end}'
	k get channel -l "$attack_label" -o \
		'jsonpath={range .items[*]}{.metadata.name} accepted {.status.accepted} applied {.status.applied}{"\n"}{end}' |
		sed "s/-$$ / /"
}

attack_begin() {
	k apply --server-side -f "$TOP/engine/install/channels-crd.yaml" \
		>/dev/null
	k wait --for=condition=Established crd/channels.windlass.dev \
		>/dev/null
	k -n "$ns" create rolebinding attack --clusterrole=cluster-admin \
		--serviceaccount="$ns:default" >/dev/null
	at_exit 'k delete channel -l "$attack_label" --wait=false'
	engine_lock || bail "another engine"
	moved
	engine_start || bail "windlassd does not start: $(cat engine.log)"
	ok "each of ${#victims[@]} channels has its bundle" \
		wait_for 60 all_applied ||
		k get channel -l "$attack_label" | sed 's/^/# /'
	sleep 1.5	# their status is written at most once a second
	live >live.before
}

expect() { expected+=("$1" "$2" "$3" "$4"); }

is_said() { [[ $(condition "$1" "$2") =~ ^$3 ]]; }

attack_end() {
	local i
	for ((i = 0; i < ${#expected[@]}; i += 4)); do
		wait_for "${attack_seconds:-20}" is_said "${expected[i]}-$$" \
			"${expected[i + 1]}" "${expected[i + 2]}"
		like "$(condition "${expected[i]}-$$" "${expected[i + 1]}")" \
			"^${expected[i + 2]}" "${expected[i + 3]}"
	done
	live >live.after
	for ((i = 0; i < ${#expected[@]}; i += 4)); do
		is "$(grep "^${expected[i]} " live.after)" \
			"$(grep "^${expected[i]} " live.before)" \
			"${expected[i + 3]}: nothing changes"
	done
	expected=()
}

is_text() {
	[ "$(k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}')" = "$2" ]
}

repairs() {
	local name
	for name; do
		k -n "$ns" patch configmap "$name" \
			-p '{"data":{"text":"edited"}}' >/dev/null
	done
	for name; do
		ok "$name: what it has is still repaired" \
			wait_for 20 is_text "$name" one
	done
}

small() {
	local pid
	for pid in $pid_engine $(pgrep -P "$pid_engine"); do
		sed -n 's/^VmHWM:[ \t]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
	done | sort -n | tail -n 1 >most
	ok "no process of the engine has grown beyond $attack_memory MiB: $(($(cat most) / 1024)) MiB" \
		[ "$(cat most)" -lt $((attack_memory * 1024)) ]
}
