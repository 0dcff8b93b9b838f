# A real registry of images, Debian's docker-registry. Source it after lib.sh.
#
#   registry_start NAME [YAML...]   one of its own; $REGISTRY is its address,
#                                   NAME.log its log. Lines of YAML are added
#                                   to its settings. Skips the test where
#                                   there is none. With REGISTRY_TLS=CERT it
#                                   speaks TLS by CERT.crt and CERT.key.
#   push_image IMAGE TAG [TEXT]     a small image, by the API alone; $IMAGE_CURL
#                                   are arguments for curl
#   image_digest IMAGE TAG          what the registry says of it
#   add_policy REPO NAME IMAGE KEY VALUE...   a section windlass-image
#   image_manifest FILE POLICY IMAGE [FIELD]  a Deployment with a marker
IMAGE_CURL=()
REGISTRY_SCHEME=http

registry_start() {
	local name=$1 port
	shift
	PATH=$PATH:/usr/sbin command -v docker-registry >/dev/null ||
		skip_all "no docker-registry: contrib/packages hosts"
	port=$(free_port)
	mkdir -p "$TRASH/$name"
	{
		printf 'version: 0.1\nlog: {level: info}\n'
		printf 'storage: {filesystem: {rootdirectory: "%s"}, delete: {enabled: true}}\n' \
			"$TRASH/$name"
		printf 'http: {addr: "127.0.0.1:%s"%s}\n' "$port" \
			"${REGISTRY_TLS:+, tls: {certificate: \"$TRASH/$REGISTRY_TLS.crt\", key: \"$TRASH/$REGISTRY_TLS.key\"\}}"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$TRASH/$name.yml"
	start "$name" docker-registry serve "$TRASH/$name.yml"
	REGISTRY=127.0.0.1:$port
	REGISTRY_SCHEME=http${REGISTRY_TLS:+s}
	wait_for 20 curl -sk -o /dev/null "$REGISTRY_SCHEME://$REGISTRY/v2/" ||
		{ test_show "$name.log"; bail "docker-registry"; }
}

# put_blob IMAGE TEXT: prints its digest and its bytes
put_blob() {
	local digest place
	digest=sha256:$(printf '%s' "$2" | sha256sum | cut -d' ' -f1)
	place=$(curl -sSf "${IMAGE_CURL[@]}" -X POST -D - -o /dev/null \
		"$REGISTRY_SCHEME://$REGISTRY/v2/$1/blobs/uploads/" |
		tr -d '\r' | sed -n 's/^[Ll]ocation: //p') || return
	case $place in *\?*) place="$place&digest=$digest" ;;
	*) place="$place?digest=$digest" ;; esac
	printf '%s' "$2" | curl -sSf "${IMAGE_CURL[@]}" -X PUT -o /dev/null \
		-H 'Content-Type: application/octet-stream' \
		--data-binary @- "$place" || return
	printf '%s %s' "$digest" "${#2}"
}

push_image() {
	local config layer type=application/vnd.docker
	config=$(put_blob "$1" '{"architecture":"amd64","os":"linux"}') || return
	layer=$(put_blob "$1" "${3:-$2}") || return
	cat >"$TRASH/.image" <<-END
	{"schemaVersion": 2,
	 "mediaType": "$type.distribution.manifest.v2+json",
	 "config": {"mediaType": "$type.container.image.v1+json",
	            "digest": "${config% *}", "size": ${config#* }},
	 "layers": [{"mediaType": "$type.image.rootfs.diff.tar.gzip",
	             "digest": "${layer% *}", "size": ${layer#* }}]}
	END
	curl -sSf "${IMAGE_CURL[@]}" -X PUT -o /dev/null \
		-H "Content-Type: $type.distribution.manifest.v2+json" \
		--data-binary "@$TRASH/.image" \
		"$REGISTRY_SCHEME://$REGISTRY/v2/$1/manifests/$2"
}

image_digest() {
	curl -sSfI "${IMAGE_CURL[@]}" \
		-H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
		"$REGISTRY_SCHEME://$REGISTRY/v2/$1/manifests/$2" |
		tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
}

add_policy() {
	local repo=$1 name=$2
	git -C "$repo" config "windlass-image.$name.image" "$3"
	shift 3
	while [ $# -gt 0 ]; do
		git -C "$repo" config "windlass-image.$name.$1" "$2"
		shift 2
	done
}

image_manifest() {
	local name
	name=$(basename "$1" .yaml)
	mkdir -p "$(dirname "$1")"
	cat >"$1" <<-END
	# who looks after it: Ada
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: $name, namespace: shop}
	spec:
	  selector: {matchLabels: {app: $name}}
	  template:
	    metadata: {labels: {app: $name}}
	    spec:
	      containers:
	      -   name:  main
	          image:   $3     # {"\$imagepolicy": "$2${4:-}"}
	          args: ["--a",   '--b']   # odd spaces stay
	END
}
