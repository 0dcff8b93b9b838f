# The engine's image. Source it after lib.sh.
#
#   image_needs COMMAND...    skips the test without one of these, which are
#                             those of `contrib/packages image pods`
#   image_source DIR          makes a checkout of these sources, with changes
#                             that are not committed yet
#   image_build DIR OUT       the image of that checkout
#   image_blob LAYOUT DIGEST  the file that has it
#   image_manifest LAYOUT, image_config LAYOUT    print JSON
#   image_layer LAYOUT        the file name of its one layer

image_needs() {
	local command
	[ -e /etc/debian_version ] || skip_all "this is no Debian"
	for command; do
		[ -n "$(PATH=$PATH:/usr/sbin command -v "$command")" ] ||
			skip_all "no $command: contrib/packages image pods"
	done
}

image_source() {
	mkdir -p "$1"
	if [ -e "$TOP/.git" ]; then
		git -C "$TOP" ls-files -z
	else
		# what is built is ignored, and not asked for
		(cd "$TOP" && find configure.ac Makefile.am README README.md \
			.gitignore m4 contrib schema hooks engine t ! -type d -print0)
	fi | tar -C "$TOP" --null --ignore-failed-read --files-from - -c 2>/dev/null |
		tar -C "$1" -x
	git -C "$1" init -q
	git -C "$1" add -A
	GIT_COMMITTER_DATE='1795000000 +0000' GIT_AUTHOR_DATE='1795000000 +0000' \
		git -C "$1" commit -q -m "the sources"
}

image_build() {
	"$1/contrib/image/build" -o "$2" >"$TRASH/image.log" 2>&1 || {
		test_show "$TRASH/image.log"
		return 1
	}
}

image_blob() { echo "$1/blobs/sha256/${2#sha256:}"; }

image_manifest() {
	cat "$(image_blob "$1" "$(jq -r '.manifests[0].digest' "$1/index.json")")"
}

image_config() {
	cat "$(image_blob "$1" "$(image_manifest "$1" | jq -r .config.digest)")"
}

image_layer() {
	image_blob "$1" "$(image_manifest "$1" | jq -r '.layers[0].digest')"
}
