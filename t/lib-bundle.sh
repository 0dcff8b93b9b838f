# Bundles, packs and heads made by hand, with stock git, ssh-keygen and
# sha256sum only: an independent second implementation of DESIGN.md section 2,
# and one that can lie. Source it after lib.sh.
#
#   new_key NAME [LIFE]   an Ed25519 key, NAME and NAME.pub, and its line in
#                         NAME.line (LIFE: more options, 'valid-before="..."')
#   put NAMESPACE GROUP KIND NAME [TEXT]
#                         an object in the folder tree/, with its origin
#   drop NAMESPACE GROUP KIND NAME
#   bundle                commits tree/ as the next bundle: $bundle, $seq
#   publish               packs, index and head into public/$channel
#   make_head             only the head
#   votes TAG...          the text of these approvals, among the packs; prints
#                         what a head says of it
#
# What is in these variables goes into the next bundle or head; unset ones
# are what is right. They are how a test lies.
#   of a bundle: b_epoch b_sequence b_parent b_channel b_id b_content
#                b_objects b_changes b_key b_tree b_subject b_namespace b_extra
#                b_header (one more line among the headers), b_edit (a sed
#                program for the message), b_break (one for the signed commit),
#                b_sums=keep (SHA256SUMS stay as they are in tree/),
#                b_key=none (no signature)
#   of a head:   h_channel h_id h_epoch h_sequence h_bundle h_content h_issued
#                h_expires h_index h_delta h_key h_namespace h_approvals
#                h_edit (a sed program for the text that is signed), h_spoil
#                (a command that is given the file before it is shown)
#
# $channel, $id and $key say for whom; $epoch and $seq where we are.
channel=prod
id=0123456789abcdef0123456789abcdef
key=publisher
epoch=1
seq=0
bundle=
public=$TRASH/public
lies="b_epoch b_sequence b_parent b_channel b_id b_content b_objects b_changes
b_key b_tree b_subject b_namespace b_extra b_header b_edit b_break b_sums
h_channel h_id h_epoch h_sequence h_bundle h_content h_issued h_expires h_index
h_delta h_key h_namespace h_approvals h_edit"

git init -q --bare bundles.git
export GIT_DIR=$TRASH/bundles.git GIT_NO_REPLACE_OBJECTS=1
mkdir -p tree

honest() { unset $lies; }
honest

at() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }
sha() { sha256sum "$@" | cut -d' ' -f1; }

new_key() {
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$1" </dev/null
	printf '%s@example.org namespaces="git,head-v1@windlass.dev"%s %s\n' \
		"$1" "${2:+,$2}" "$(cut -d' ' -f1-2 "$1.pub")" >"$1.line"
}

part_of() {
	printf 'applyset-%s-v1' "$(printf '%s..Channel.windlass.dev' "$1" |
		openssl dgst -sha256 -binary | base64 | tr '+/' '-_' |
		tr -d '=\n')"
}

# part: what part_of prints for $channel, made once
set_part() {
	[ "${part_for:-}" = "$channel" ] || part=$(part_of "$channel")
	part_for=$channel
}

put() {
	local dir=$1/${2:-core}/$3 version=v1 origins
	set_part
	[ -z "$2" ] || version=$2/v1
	mkdir -p "tree/objects/$dir" "tree/origins/$1/${2:-core}"
	printf '{\n  "apiVersion": "%s",\n  "kind": "%s",\n  "metadata": {\n    "labels": {\n      "applyset.kubernetes.io/part-of": "%s"\n    },\n    "name": "%s"%s\n  },\n  "text": "%s"\n}\n' \
		"$version" "$3" "$part" "$4" \
		"$([ "$1" = _cluster ] || printf ',\n    "namespace": "%s"' "$1")" \
		"${5:-}" >"tree/objects/$dir/$4.json"
	origins=tree/origins/$dir
	touch "$origins"
	grep -v "^$4 " "$origins" >"$origins.new"
	echo "$4 deploy/$4.yaml:1" >>"$origins.new"
	LC_ALL=C sort "$origins.new" >"$origins"
	rm "$origins.new"
}

drop() {
	local dir=$1/${2:-core}/$3
	rm "tree/objects/$dir/$4.json"
	sed -i "/^$4 /d" "tree/origins/$dir"
	[ -s "tree/origins/$dir" ] || rm "tree/origins/$dir"
	find tree -name SHA256SUMS -delete
	find tree -mindepth 1 -type d -empty -delete
}

# sums DIR: writes its SHA256SUMS and those below
sums() {
	find "$1" -name SHA256SUMS -delete
	sums_below "$1"
}

sums_below() {
	local name names=() last='' sorted=yes
	for name in "$1"/*/; do
		[ -d "$name" ] && sums_below "${name%/}"
	done
	for name in "$1"/*; do
		[ ! -d "$name" ] || name=$name/SHA256SUMS
		name=${name#"$1/"}
		names+=("$name")
		[[ $last < $name ]] || sorted=
		last=$name
	done
	[ -n "$sorted" ] || mapfile -t names < \
		<(printf '%s\n' "${names[@]}" | LC_ALL=C sort)
	(cd "$1" && sha256sum -- "${names[@]}" >SHA256SUMS)
}

tree_of() { git rev-parse "$1^{tree}"; }

# counts OLD NEW: "+2 ~1 -0"
counts() {
	git diff-tree -r --no-renames --name-status "${1:-$(git mktree </dev/null)}" \
		"$2" -- objects | grep -v '/SHA256SUMS$' | cut -c1 |
		awk '{ n[$1]++ } END { printf "+%d ~%d -%d", n["A"], n["M"], n["D"] }'
}

# sign_commit NAMESPACE KEY <payload: the commit with its gpgsig
sign_commit() {
	cat >.payload
	if [ "$2" = none ]; then
		cat .payload
		return
	fi
	ssh-keygen -q -Y sign -n "$1" -f "$2" <.payload >.armour 2>/dev/null
	sed '/^$/q' .payload | sed '$d'
	sed '1s/^/gpgsig /; 1!s/^/ /' .armour
	echo
	sed '1,/^$/d' .payload
}

# write_tree: tree/ as a Git tree, SHA256SUMS as they are; prints its id
write_tree() {
	(
		cd tree && rm -f "$TRASH/.index" &&
		export GIT_INDEX_FILE=$TRASH/.index GIT_WORK_TREE=. &&
		git add -f -A . && git write-tree
	)
}

bundle() {
	local tree parent objects
	if [ -z "${b_tree:-}" ]; then
		[ "${b_sums:-}" = keep ] || sums tree
		tree=$(write_tree)
	else
		tree=$b_tree
	fi
	parent=${b_parent-$bundle}
	seq=$((seq + 1))
	objects=$(git ls-tree -r --name-only "$tree" -- objects |
		grep -vc '/SHA256SUMS$')
	{
		echo "tree $tree"
		[ -z "$parent" ] || echo "parent $parent"
		echo "author Ada <ada@example.org> 1700000000 +0000"
		echo "committer windlass <windlass@example.org> 1700000000 +0000"
		[ -z "${b_header:-}" ] || echo "$b_header"
		echo
		{
			echo "${b_subject:-windlass ${b_channel:-$channel} ${b_epoch:-$epoch}.${b_sequence:-$seq}}"
			echo
			echo "Windlass-Bundle: 1"
			echo "Channel: ${b_channel:-$channel}"
			echo "Channel-Id: ${b_id:-$id}"
			echo "Epoch: ${b_epoch:-$epoch}"
			echo "Sequence: ${b_sequence:-$seq}"
			echo "Source-Ref: refs/heads/main"
			echo "Source-Commit: $(printf '%040d' 1)"
			echo "Content-SHA256: ${b_content:-$(git cat-file blob "$tree:SHA256SUMS" | sha)}"
			echo "Objects: ${b_objects:-$objects}"
			echo "Changes: ${b_changes:-$(counts "${parent:+$(tree_of "$parent")}" "$tree")}"
			echo "Renderer: plain/1"
			echo "Issued: $(at 0)"
			[ -z "${b_extra:-}" ] || echo "$b_extra"
		} | sed "${b_edit:-}"
	} | sign_commit "${b_namespace:-git}" "${b_key:-$key}" |
		sed "${b_break:-}" >.commit
	before=$parent
	bundle=$(git hash-object -t commit -w --stdin --literally <.commit)
	git update-ref refs/windlass/$channel "$bundle"
}

# add_pack <pack: puts it into packs/, prints "sha256:<hex> <bytes>"
add_pack() {
	local digest
	mkdir -p "$public/$channel/packs"
	cat >.pack
	digest=$(sha .pack)
	mv .pack "$public/$channel/packs/$digest"
	echo "sha256:$digest $(stat -c %s "$public/$channel/packs/$digest")"
}

base_pack() {
	{
		git rev-list --objects "$1^{tree}" | cut -d' ' -f1
		git rev-list "$1"
	} | git pack-objects -q --stdout --delta-base-offset
}

delta_pack() {
	printf '%s\n^%s\n' "$2" "$1" |
		git pack-objects -q --stdout --thin --revs --delta-base-offset
}

# packs: those for $bundle; lines of the index gather in index.txt
packs() {
	delta=none
	echo "base $bundle $(base_pack "$bundle" | add_pack)" >>index.txt
	if [ -n "$before" ] && git cat-file -e "$before" 2>/dev/null &&
	   [ "$(git cat-file -t "$before")" = commit ]; then
		delta="$before $(delta_pack "$before" "$bundle" | add_pack)"
		echo "delta $before $bundle ${delta#* }" >>index.txt
	fi
}

make_head() {
	local c=$channel
	mkdir -p "$public/$c/packs"
	{
		echo "windlass-head 1"
		echo "channel ${h_channel:-$channel}"
		echo "channel-id ${h_id:-$id}"
		echo "epoch ${h_epoch:-$epoch}"
		echo "sequence ${h_sequence:-$seq}"
		echo "bundle ${h_bundle:-$bundle}"
		echo "content sha256:${h_content:-$(git cat-file commit "${h_bundle:-$bundle}" | sed -n 's/^Content-SHA256: //p')}"
		echo "issued ${h_issued:-$(at 0)}"
		echo "expires ${h_expires:-$(at 3600)}"
		echo "index ${h_index:-$(add_pack <index.txt)}"
		echo "delta ${h_delta:-$delta}"
		echo "approvals ${h_approvals:-none}"
	} | sed "${h_edit:-}" >.head
	ssh-keygen -q -Y sign -n "${h_namespace:-head-v1@windlass.dev}" \
		-f "${h_key:-$key}" <.head >.head.sig 2>/dev/null
	cat .head .head.sig >"$public/$c/head.new"
	${h_spoil:-true} "$public/$c/head.new"
	mv "$public/$c/head.new" "$public/$c/head"
}

votes() {
	local tag
	for tag; do
		echo "$(git cat-file tag "$tag" | sha) $tag"
	done | LC_ALL=C sort | while read -r _ tag; do
		echo "tag $(git cat-file -s "$tag")"
		git cat-file tag "$tag"
	done | add_pack
}

publish() {
	packs
	make_head
}

# ---- the engine's side

# engine NAME [OPTION...]: t/tool/source on public/; its events in NAME.log,
# its commands by `tell NAME COMMAND`. No file of it grows beyond $small_disk
# KiB, if that is set.
engine() {
	local name=$1
	shift
	rm -f "$name.fifo"
	mkfifo "$name.fifo"
	# held open, so that neither side ever sees an end
	exec {fifo_fd}<>"$name.fifo"
	cat ./*.line >publishers 2>/dev/null
	FIFO=$name.fifo DISK=${small_disk:-unlimited} start "$name" \
		bash -c 'ulimit -S -f "$DISK"; exec "$0" "$@" <"$FIFO"' \
		"$WINDLASS_BUILD/t/tool/source" --state "$TRASH/$name.state" \
		--url "$url" --channel "$channel" --id "$id" \
		--publishers publishers "$@"
}
tell() {
	local name=$1
	shift
	echo "$*" >"$name.fifo"
}
