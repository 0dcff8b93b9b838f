# A Git host in a few lines. Source it after lib.sh.
#
#   make_host REPO [CHANNEL...]   a bare repository with our hooks; each
#                                 channel reads deploy/CHANNEL of main
#   add_channel REPO CHANNEL [PATH [REF]]
#   set_channel REPO CHANNEL KEY VALUE    git config windlass.CHANNEL.KEY
#   make_clone REPO DIR           a clone to work in, on branch main
#   make_key NAME                 an Ed25519 key pair keys/NAME, keys/NAME.pub
#
#   put DIR PATH KIND NAME [NAMESPACE [TEXT]]   writes a small manifest
#   more DIR PATH KIND NAME [NAMESPACE [TEXT]]  adds a document to it
#   commit DIR MESSAGE            all changes of the work tree
#   push DIR [ARGUMENT...]        pushes HEAD to main; the output is in
#                                 push.out and the exit status is git's
#   commit_push DIR MESSAGE [ARGUMENT...]
#   hook REPO COMMAND...          windlass-hook on that repository
#
#   bundle REPO CHANNEL           the id of the current bundle
#   trailer REPO CHANNEL NAME     a trailer of its message
#   head_field REPO CHANNEL NAME  a line of the published head
#   bundle_paths REPO CHANNEL     the objects in it, one a line
#
# Checks by stock tools only, quiet when all is well:
#
#   stock_commit REPO ID CHANNEL      git verify-commit, and its chain
#   stock_tree REPO ID                checkout, status, sha256sum -c
#   stock_published REPO CHANNEL      head, its signature, index, packs
#   stock_chain REPO CHANNEL          all of it, for each bundle of the epoch
#   stock_fetch REPO CHANNEL          the way of a new engine: the oldest base
#                                     from which deltas lead on, and all of
#                                     them; each must make its whole bundle
#   index REPO CHANNEL                the published index
export GIT_NO_REPLACE_OBJECTS=1

make_key() {
	[ ! -e "$TRASH/keys/$1" ] || return 0
	mkdir -p "$TRASH/keys"
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$TRASH/keys/$1"
	printf 'publisher %s\n' "$(cut -d' ' -f1,2 "$TRASH/keys/$1.pub")" \
		>>"$TRASH/keys/signers"
}

write_hook() {
	printf '#!/bin/sh\nexec "%s/windlass-hook" %s\n' "$WINDLASS_BUILD" "$2" \
		>"$1/hooks/$2"
	chmod +x "$1/hooks/$2"
}

make_host() {
	local repo=$1 channel ref
	shift
	git init -q --bare "$repo" || return
	git -C "$repo" config receive.advertisePushOptions true
	git -C "$repo" config transfer.fsckObjects true
	git -C "$repo" config gc.auto 0
	for ref in refs/windlass refs/windlass-status refs/notes/windlass \
		refs/replace; do
		git -C "$repo" config --add receive.hideRefs "$ref"
	done
	write_hook "$repo" pre-receive
	write_hook "$repo" post-receive
	for channel in "$@"; do
		add_channel "$repo" "$channel"
	done
}

add_channel() {
	make_key "$2"
	set_channel "$1" "$2" id "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
	set_channel "$1" "$2" path "${3:-deploy/$2}"
	set_channel "$1" "$2" ref "${4:-refs/heads/main}"
	set_channel "$1" "$2" signingKey "$TRASH/keys/$2"
	set_channel "$1" "$2" publisher "windlass $2 <$2@host.example>"
}

set_channel() {
	git -C "$1" config "windlass.$2.$3" "$4"
}

make_clone() {
	git clone -q "file://$TRASH/$1" "$2" 2>/dev/null &&
		git -C "$2" symbolic-ref HEAD refs/heads/main
}

manifest() {
	local kind=$1 name=$2 namespace=${3:-} text=${4:-x} version=v1
	case $kind in
	Deployment) version=apps/v1 ;;
	CustomResourceDefinition) version=apiextensions.k8s.io/v1 ;;
	Widget|Gadget) version=example.org/v1 ;;
	esac
	printf -- '---\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n' \
		"$version" "$kind" "$name"
	[ -z "$namespace" ] || printf '  namespace: %s\n' "$namespace"
	case $kind in
	ConfigMap) printf 'data:\n  text: "%s"\n' "$text" ;;
	CustomResourceDefinition)
		local plural=${name%%.*} singular
		singular=${plural%s}
		cat <<-END
		spec:
		  group: ${name#*.}
		  scope: ${text/#x/Namespaced}
		  names: {plural: $plural, kind: ${singular^}}
		  versions:
		  - name: v1
		    served: true
		    storage: true
		    schema:
		      openAPIV3Schema:
		        type: object
		        x-kubernetes-preserve-unknown-fields: true
		END
		;;
	Deployment)
		cat <<-END
		spec:
		  selector: {matchLabels: {app: $name}}
		  template:
		    metadata: {labels: {app: $name}}
		    spec: {containers: [{name: main, image: "image:$text"}]}
		END
		;;
	PersistentVolumeClaim)
		printf 'spec:\n  accessModes: [ReadWriteOnce]\n'
		printf '  resources: {requests: {storage: 1Gi}}\n'
		;;
	Widget|Gadget) printf 'spec:\n  text: "%s"\n' "$text" ;;
	esac
}

put() {
	local dir=$1 path=$2
	shift 2
	mkdir -p "$(dirname "$dir/$path")"
	manifest "$@" >"$dir/$path"
}

more() {
	local dir=$1 path=$2
	shift 2
	manifest "$@" >>"$dir/$path"
}

commit() {
	git -C "$1" add -A && git -C "$1" commit -q -m "$2"
}

push() {
	local dir=$1
	shift
	git -C "$dir" push "$@" origin HEAD:refs/heads/main \
		>"$TRASH/push.out" 2>&1
}

commit_push() {
	local dir=$1 message=$2
	shift 2
	commit "$dir" "$message" && push "$dir" "$@"
}

hook() {
	local repo=$1 command=$2
	shift 2
	windlass-hook "$command" --repo "$repo" "$@"
}

bundle() {
	git -C "$1" rev-parse -q --verify "refs/windlass/$2"
}

trailer() {
	git -C "$1" log -1 --format="%(trailers:key=$3,valueonly,separator=%x2C)" \
		"refs/windlass/$2"
}

head_field() {
	sed -n "/^-----BEGIN/q; s/^$3 //p" "$1/windlass/public/$2/head"
}

bundle_paths() {
	git -C "$1" ls-tree -r --name-only "refs/windlass/$2" -- objects/ |
		grep -v SHA256SUMS
}

stock_commit() {
	local repo=$1 id=$2
	git -C "$repo" -c gpg.format=ssh \
		-c gpg.ssh.allowedSignersFile="$TRASH/keys/signers" \
		verify-commit "$id" >"$TRASH/.verify" 2>&1 ||
		{ cat "$TRASH/.verify"; return 1; }
}

stock_tree() {
	local repo=$1 id=$2 dir
	dir=$(mktemp -d "$TRASH/checkout-XXXXXX")
	git -C "$repo" worktree add -q --detach "$dir/tree" "$id" || return 1
	(
		cd "$dir/tree" || exit 1
		[ -z "$(git status --porcelain)" ] || { git status; exit 1; }
		find . -name SHA256SUMS -execdir \
			sha256sum -c --strict --quiet {} + || exit 1
		[ "$(git log -1 --format='%(trailers:key=Content-SHA256,valueonly,separator=)')" = \
		  "$(sha256sum <SHA256SUMS | cut -d' ' -f1)" ] ||
			{ echo "Content-SHA256 is not the root's"; exit 1; }
		[ "$(git log -1 --format='%(trailers:key=Objects,valueonly,separator=)')" = \
		  "$(find objects -name '*.json' | wc -l)" ] ||
			{ echo "Objects does not count them"; exit 1; }
	)
	local status=$?
	git -C "$repo" worktree remove --force "$dir/tree"
	return $status
}

stock_file() {
	local file=$1/$2 bytes=$3
	[ -f "$file" ] || { echo "no file $file"; return 1; }
	[ "$(sha256sum <"$file" | cut -d' ' -f1)" = "$2" ] ||
		{ echo "digest of $file"; return 1; }
	[ "$(stat -c %s "$file")" = "$bytes" ] || { echo "size of $file"; return 1; }
}

stock_published() {
	local repo=$1 channel=$2 public=$1/windlass/public/$2 kind a b c
	sed '/^-----BEGIN/,$d' "$public/head" >"$TRASH/.head"
	sed -n '/^-----BEGIN/,$p' "$public/head" >"$TRASH/.head.sig"
	ssh-keygen -Y verify -f "$TRASH/keys/signers" -I publisher \
		-n head-v1@windlass.dev -s "$TRASH/.head.sig" \
		<"$TRASH/.head" >/dev/null || return 1
	[ "$(head_field "$repo" "$channel" bundle)" = "$(bundle "$repo" "$channel")" ] ||
		{ echo "head is not of the ref's bundle"; return 1; }
	read -r a b <<<"$(head_field "$repo" "$channel" index)"
	stock_file "$public/packs" "${a#sha256:}" "$b" || return 1
	while read -r kind a b c rest; do
		case $kind in
		base) stock_file "$public/packs" "${b#sha256:}" "$c" ;;
		delta) stock_file "$public/packs" "${c#sha256:}" "$rest" ;;
		*) echo "index line '$kind'"; false ;;
		esac || return 1
	done <"$public/packs/${a#sha256:}"
	[ "$(head_field "$repo" "$channel" delta)" = none ] || {
		read -r a b c <<<"$(head_field "$repo" "$channel" delta)"
		[ "$a" = "$(git -C "$repo" rev-parse "refs/windlass/$channel^")" ] ||
			{ echo "delta is not from the parent"; return 1; }
		stock_file "$public/packs" "${b#sha256:}" "$c"
	}
}

stock_chain() {
	local repo=$1 channel=$2 id n=0
	for id in $(git -C "$repo" rev-list --reverse "refs/windlass/$channel"); do
		n=$((n + 1))
		stock_commit "$repo" "$id" || return 1
		[ "$(git -C "$repo" log -1 --format='%(trailers:key=Sequence,valueonly,separator=)' "$id")" = $n ] ||
			{ echo "sequence of $id is not $n"; return 1; }
	done
	stock_tree "$repo" "$(bundle "$repo" "$channel")" &&
		stock_published "$repo" "$channel"
}

index() {
	local a b
	read -r a b <<<"$(head_field "$1" "$2" index)"
	cat "$1/windlass/public/$2/packs/${a#sha256:}"
}

# the bundle with all of its tree, as it is in the repository
stock_complete() {
	git -C "$1" rev-list --objects --no-walk "$3^{tree}" >/dev/null &&
		[ "$(git -C "$1" rev-parse "$3^{tree}")" = \
		  "$(git -C "$2" rev-parse "$3^{tree}")" ]
}

stock_take() {
	git -C "$1" index-pack --fix-thin --stdin <"$2" >/dev/null
}

stock_fetch() {
	local repo=$1 channel=$2 packs=$1/windlass/public/$2/packs
	local to from at='' file n=0
	rm -rf "$TRASH/.fetch.git"
	git init -q --bare "$TRASH/.fetch.git"
	index "$repo" "$channel" >"$TRASH/.index"
	while read -r kind to file _; do
		[ "$kind" = base ] || continue
		[ "$to" = "$(bundle "$repo" "$channel")" ] ||
			grep -q "^delta $to " "$TRASH/.index" || continue
		at=$to
		break
	done <"$TRASH/.index"
	[ -n "$at" ] || { echo "no base leads on"; return 1; }
	stock_take "$TRASH/.fetch.git" "$packs/${file#sha256:}" &&
		stock_complete "$TRASH/.fetch.git" "$repo" "$at" || return 1
	while read -r kind from to file _; do
		[ "$kind" = delta ] && [ "$from" = "$at" ] || continue
		stock_take "$TRASH/.fetch.git" "$packs/${file#sha256:}" &&
			stock_complete "$TRASH/.fetch.git" "$repo" "$to" || {
				echo "the delta to $to does not make it"
				return 1
			}
		at=$to
		n=$((n + 1))
	done <"$TRASH/.index"
	[ "$at" = "$(bundle "$repo" "$channel")" ] ||
		{ echo "the way ends at $at"; return 1; }
	echo "$n deltas"
}
