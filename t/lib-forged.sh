# A Channel of the real cluster whose bundles no Git host made: lib-bundle.sh
# forges them, and a web server shows them. Source it after lib.sh,
# lib-cluster.sh, lib-engine.sh and lib-bundle.sh.
#
#   forged_begin NAME      the cluster, a namespace $ns, and a channel $channel
#                          with its $id and the key `publisher`
#   config_map NAME JSON [NAMESPACE]   an object whose data.text is that value,
#                          in $ns
#   next                   what tree/ has is published, and who lied is honest
#   web_start              what is published, at $URL
#   forged_open [WHAT]     once a bundle is published: the web server is waited
#                          for, by what is below its address (nothing); there
#                          are Channels, and the account that this one's is may
#                          do everything in $ns
#   forged_channel [LINE...]   the Channel, with these lines in its spec; it
#                          takes $ns if none says `namespaces`
#   json PATH, is_json PATH TEXT       of the Channel

forged_begin() {
	cluster_use
	cluster_namespace "$1"
	channel=$1-$$
	id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	new_key publisher
	mkdir -p "$public"
}

config_map() {
	local there=${3:-$ns}
	put "$there" '' ConfigMap "$1"
	cat >"tree/objects/$there/core/ConfigMap/$1.json" <<-END
	{
	  "apiVersion": "v1",
	  "data": {
	    "text": $2
	  },
	  "kind": "ConfigMap",
	  "metadata": {
	    "labels": {
	      "applyset.kubernetes.io/part-of": "$(part_of "$channel")"
	    },
	    "name": "$1",
	    "namespace": "$there"
	  }
	}
	END
}

next() {
	bundle
	publish
	honest
}

web_start() {
	local port
	port=$(free_port)
	start web python3 -m http.server --bind 127.0.0.1 -d "$public" "$port"
	URL=http://127.0.0.1:$port
}

forged_open() {
	wait_for 10 curl -sf "${1:-$URL}/$channel/head" || bail "no server"
	k apply --server-side -f "$TOP/engine/install/channels-crd.yaml" \
		>/dev/null
	k wait --for=condition=Established crd/channels.windlass.dev >/dev/null
	at_exit "k delete channel $channel --wait=false"
	k -n "$ns" create rolebinding forged --clusterrole=cluster-admin \
		--serviceaccount="$ns:default" >/dev/null
}

forged_channel() {
	local line
	{
		cat <<-END
		apiVersion: windlass.dev/v1alpha1
		kind: Channel
		metadata: {name: $channel}
		spec:
		  url: $URL
		  interval: 1s
		  channelID: $id
		  publishers: |
		    $(cat publisher.line)
		  serviceAccount: {namespace: $ns, name: default}
		END
		[[ " $* " == *" namespaces: "* ]] || echo "  namespaces: [$ns]"
		for line; do echo "  $line"; done
	} | k apply --server-side --force-conflicts -f - >/dev/null
}

json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
is_json() { [ "$(json "$1")" = "$2" ]; }
