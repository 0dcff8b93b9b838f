# Bundles made by hand, with stock git, jq, sha256sum and ssh-keygen and
# nothing of ours: what DESIGN.md section 2 says, a second time, so that our
# readers are tested against another writer, and against bundles that no
# writer of ours would make. Source it after lib.sh.
#
#   forge_host REPO CHANNEL       a bare repository with one channel to be;
#                                 its publisher's key is keys/CHANNEL, and
#                                 keys/signers trusts it
#   forge_key NAME                a key pair keys/NAME, keys/NAME.pub
#   forge_trust NAME [OPTION]     prints a line that trusts it as publisher
#   forge_put DIR NAMESPACE APIVERSION KIND NAME [JQ]
#                                 puts an object into the tree DIR, changed
#                                 by a jq program; NAMESPACE may be _cluster
#   forge_del DIR NAMESPACE APIVERSION KIND NAME
#   forge REPO DIR                the next bundle, of the tree DIR: sets
#                                 $forged to its id and moves the ref to it
#
# What is forged is as it must be, but for variables that say otherwise, such
# as `F_SEQUENCE=7 forge repo tree`:
#
#   F_CHANNEL F_ID F_EPOCH F_SEQUENCE F_CONTENT F_OBJECTS F_CHANGES
#   F_RENDERER F_ISSUED F_SOURCE F_REF     trailers of the message
#   F_EDIT       a sed program for the message
#   F_PARENT     the parent, or none
#   F_KEY        the name of the key that signs, or none
#   F_PURPOSE    the namespace of the signature
#   F_HEADER     a further header line of the commit
#   F_BREAK      a sed program for the signed commit
#   F_SUMS=keep  SHA256SUMS as they are in DIR
#   F_TREE       this tree instead of that of DIR
#   F_NOREF      the ref stays
export GIT_NO_REPLACE_OBJECTS=1
forged=
forge_channel=prod
forge_ids=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

forge_key() {
	mkdir -p "$TRASH/keys"
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$TRASH/keys/$1"
}

forge_trust() {
	printf 'publisher namespaces="git,head-v1@windlass.dev"%s %s\n' \
		"${2:+,$2}" "$(cut -d' ' -f1,2 "$TRASH/keys/$1.pub")"
}

forge_host() {
	git init -q --bare "$1" || return
	git -C "$1" config gc.auto 0
	forge_channel=$2
	forge_key "$2"
	forge_trust "$2" >>"$TRASH/keys/signers"
}

# forge_place DIR NAMESPACE APIVERSION KIND: sets $group and $place
forge_place() {
	group=core
	case $3 in */*) group=${3%/*} ;; esac
	place=$2/$group/$4
}

forge_put() {
	local dir=$1 namespace=$2 version=$3 kind=$4 name=$5 filter=${6:-.}
	local group place set
	forge_place "$@"
	set=applyset-$(printf %s "${F_CHANNEL:-$forge_channel}..Channel.windlass.dev" |
		openssl dgst -sha256 -binary | base64 | tr '+/' '-_' |
		tr -d '=')-v1
	mkdir -p "$dir/objects/$place" "$dir/origins/${place%/*}"
	jq -nS --indent 2 --arg version "$version" --arg kind "$kind" \
		--arg name "$name" --arg namespace "$namespace" --arg set "$set" '
		{apiVersion: $version, kind: $kind, metadata: ({name: $name,
		 labels: {"applyset.kubernetes.io/part-of": $set}} +
		 if $namespace == "_cluster" then {} else
		 {namespace: $namespace} end)} | '"$filter" \
		>"$dir/objects/$place/$name.json" || return
	touch "$dir/origins/$place"
	{
		grep -v "^$name " "$dir/origins/$place"
		echo "$name deploy/$name.yaml:1"
	} | LC_ALL=C sort >"$dir/.line"
	mv "$dir/.line" "$dir/origins/$place"
}

forge_del() {
	local dir=$1 name=$5 group place
	forge_place "$@"
	rm "$dir/objects/$place/$name.json" || return
	sed -i "/^$name /d" "$dir/origins/$place"
	[ -s "$dir/origins/$place" ] || rm "$dir/origins/$place"
	find "$dir" -name SHA256SUMS -delete
	find "$dir" -mindepth 1 -type d -empty -delete
}

# forge_sums DIR: SHA256SUMS of every folder, the deepest first
forge_sums() {
	local folder
	find "$1" -name SHA256SUMS -delete
	find "$1" -depth -type d | while read -r folder; do
		(
			cd "$folder" || exit 1
			for entry in *; do
				[ ! -d "$entry" ] || entry=$entry/SHA256SUMS
				sha256sum "$entry"
			done | LC_ALL=C sort -k 2 >"$TRASH/.sums"
			mv "$TRASH/.sums" SHA256SUMS
		)
	done
}

# forge_tree REPO DIR: writes it, prints its id
forge_tree() {
	local index=$TRASH/.forge-index
	rm -f "$index"
	GIT_INDEX_FILE=$index git --git-dir="$1" --work-tree="$2" \
		-c core.autocrlf=false -c core.excludesFile= add -A . &&
		GIT_INDEX_FILE=$index git --git-dir="$1" write-tree
}

# forge_count REPO FROM TO: "+1 ~2 -3" of the objects
forge_count() {
	git -C "$1" diff-tree -r --no-renames --name-status "$2" "$3" -- objects |
		awk '!/SHA256SUMS$/ { n[$1]++ }
			END { printf "+%d ~%d -%d", n["A"], n["M"], n["D"] }'
}

forge_message() {
	local text="windlass ${F_CHANNEL:-$forge_channel} ${F_EPOCH:-1}.$sequence

Windlass-Bundle: 1
Channel: ${F_CHANNEL:-$forge_channel}
Channel-Id: ${F_ID:-$forge_ids}
Epoch: ${F_EPOCH:-1}
Sequence: $sequence
Source-Ref: ${F_REF:-refs/heads/main}
Source-Commit: ${F_SOURCE:-$(printf %s "source $sequence" | sha1sum | cut -c1-40)}
Content-SHA256: $content
Objects: $objects
Changes: $changes
Renderer: ${F_RENDERER:-plain/1}
Issued: ${F_ISSUED:-2026-01-01T00:00:00Z}"
	printf '%s\n' "$text" | sed "${F_EDIT:-}"
}

# the header lines of the payload on stdin, then the signature, then the rest
forge_armour() {
	local key=${F_KEY:-$forge_channel}
	if [ "$key" = none ]; then
		cat
		return
	fi
	cat >"$TRASH/.payload"
	rm -f "$TRASH/.payload.sig"
	ssh-keygen -q -Y sign -n "${F_PURPOSE:-git}" -f "$TRASH/keys/$key" \
		"$TRASH/.payload" 2>/dev/null || return
	awk 'NR == FNR { armour = armour (FNR == 1 ? "gpgsig " : " ") $0 "\n"
			next }
		!done && $0 == "" { printf "%s", armour; done = 1 }
		{ print }' "$TRASH/.payload.sig" "$TRASH/.payload"
}

forge() {
	local repo=$1 dir=$2 ref parent sequence=1 tree content objects changes
	ref=refs/windlass/${F_CHANNEL:-$forge_channel}
	parent=${F_PARENT:-$(git -C "$repo" rev-parse -q --verify "$ref")}
	[ "$parent" != none ] || parent=
	[ "${F_SUMS:-}" = keep ] || forge_sums "$dir"
	tree=${F_TREE:-$(forge_tree "$repo" "$dir")} || return
	changes=$(forge_count "$repo" "${parent:-$(git -C "$repo" mktree \
		</dev/null)}" "$tree")
	[ -z "$parent" ] || sequence=$(($(git -C "$repo" cat-file commit \
		"$parent" | sed -n 's/^Sequence: //p') + 1))
	sequence=${F_SEQUENCE:-$sequence}
	changes=${F_CHANGES:-$changes}
	objects=${F_OBJECTS:-$(git -C "$repo" ls-tree -r --name-only "$tree" \
		objects/ | grep -vc SHA256SUMS)}
	content=${F_CONTENT:-$(git -C "$repo" cat-file blob \
		"$tree:SHA256SUMS" 2>/dev/null | sha256sum | cut -d' ' -f1)}
	{
		echo "tree $tree"
		[ -z "$parent" ] || echo "parent $parent"
		echo "author Ada Developer <ada@example.org> 1767225600 +0000"
		echo "committer windlass <windlass@example.org> 1767225600 +0000"
		[ -z "${F_HEADER:-}" ] || echo "$F_HEADER"
		echo
		forge_message
	} | forge_armour | sed "${F_BREAK:-}" >"$TRASH/.commit" || return
	forged=$(git -C "$repo" hash-object -t commit -w --literally \
		"$TRASH/.commit") || return
	[ -n "${F_NOREF:-}" ] || git -C "$repo" update-ref "$ref" "$forged"
}
