#!/bin/bash
# contrib/image: an OCI image that follows the specification, small, with
# nothing in it but what the engine needs, and the same wherever it is built;
# by the script, and by a container engine from the Containerfile.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-image.sh"
image_needs gcc jq skopeo umoci python3 autoreconf
schemas=/usr/share/gocode/src/github.com/opencontainers/image-spec/schema
[ -d $schemas ] || skip_all "no OCI schemas: contrib/packages image pods"

# ---- options ----
build() { "$TOP/contrib/image/build" "$@"; }
is "$(build --help | head -n 1 | cut -d: -f 1)" \
	"contrib/image/build [-o FILE.tar|DIR]" "--help"
mkdir there
for bad in -o -x here; do
	build $bad >out 2>err
	is "$?" 129 "wrong usage: $bad"
done
not_ok "no folder is overwritten" build -o there
like "$(cat .output)" "'there' is there already" "and that is said"
mkdir there.tar
not_ok "nor by an archive" build -o there.tar
like "$(cat .output)" "'there.tar' is a folder" "and that is said"
ln -s nowhere link
not_ok "nor a link" build -o link
build -o "" >out 2>err
is "$?" 129 "no name is wrong usage"
not_ok "nor by contents" "$TOP/contrib/image/contents" there
"$TOP/contrib/image/contents" >out 2>err
is "$?" 129 "contents says how it is used"

# ---- twice, under other circumstances ----
image_source one
image_source "another place/with a long name/two"
echo mine >layout.new
ok "the image is built" image_build one layout || bail "no image"
sed 's/^/# /' image.log
like "$(cat image.log)" "^digest sha256:[0-9a-f]{64}\$" "its digest is told"
echo '# a comment' >>one/configure.ac
(
	umask 077
	export TZ=Asia/Kolkata LANG=de_DE.UTF-8 CFLAGS=-O0 CCACHE_DISABLE=1
	export GZIP=-1 TAR_OPTIONS=--owner=nobody
	image_build "another place/with a long name/two" two.tar
)
judge $? "and again"
mkdir two
tar -xf two.tar -C two || fail "an archive"
digest=$(jq -r '.manifests[0].digest' layout/index.json)
is "$(jq -r '.manifests[0].digest' two/index.json)" "$digest" \
	"elsewhere, by another user, the same digest"
is "$(diff -r layout two)" "" "and the same bytes"
is "$(find . -maxdepth 1 -name '*.new' -o -name '.windlass*')$(cat layout.new)" \
	"./layout.newmine" "nothing is left beside them, and nothing taken away"
ok "an install by that digest" windlass install \
	--image "registry.example.org/windlassd@$digest"

# ---- what the specification says ----
cat >validate.py <<'END_PYTHON'
import json, os, sys
from jsonschema import Draft4Validator, RefResolver
folder, name, file = sys.argv[1:]
def load(uri):
    with open(os.path.join(folder, os.path.basename(uri))) as f:
        return json.load(f)
schema = load(name + "-schema.json")
Draft4Validator(schema, resolver=RefResolver(
    schema["id"], schema, handlers={"https": load})).validate(
        json.load(open(file)))
END_PYTHON
valid() { python3 validate.py $schemas "$1" "$2"; }
image_manifest layout >manifest
image_config layout >config
ok "oci-layout" valid image-layout layout/oci-layout
ok "index.json" valid image-index layout/index.json
ok "the manifest" valid image-manifest manifest
ok "the config" valid config config
jq 'del(.layers)' manifest >bad
not_ok "which would find a fault" valid image-manifest bad
is "$(for blob in layout/blobs/sha256/*; do
	[ "$(sha256sum <"$blob")" = "${blob##*/}  -" ] || echo "$blob"
done)" "" "each blob has its digest as its name"
is "$(jq -r '.config, .layers[] | "\(.digest) \(.size)"' manifest |
	while read -r blob size; do
	[ "$(stat -c %s "$(image_blob layout "$blob")")" = "$size" ] || echo "$blob"
done)" "" "and the size that is told"
is "$(jq -r '.rootfs.diff_ids[0]' config)" \
	"sha256:$(gunzip <"$(image_layer layout)" | sha256sum | cut -d' ' -f 1)" \
	"the layer unpacked has its own digest"
is "$(skopeo inspect --format '{{.Digest}}' oci:layout)" "$digest" \
	"skopeo reads it"
ok "and copies it" skopeo --insecure-policy copy -q oci-archive:two.tar dir:copy
is "sha256:$(sha256sum <copy/manifest.json | cut -d' ' -f 1)" "$digest" \
	"under the same digest, as into a registry"
ok "umoci unpacks it" umoci unpack --rootless --image layout:0.1.0 bundle
root=bundle/rootfs

# ---- how it is run ----
is "$(jq -c '[.config.User, .config.Entrypoint, .config.Env, .os]' config)" \
	'["65532:65532",["/usr/sbin/windlassd"],["PATH=/usr/sbin:/usr/bin"],"linux"]' \
	"user, entry point, environment"
is "$(jq -r '.config.Labels | .["org.opencontainers.image.version"] + " " +
	.["org.opencontainers.image.revision"]' config)" \
	"$("$WINDLASS_BUILD/windlassd" --version | cut -d' ' -f 2) $(git -C one rev-parse HEAD)" \
	"labels: version and commit"
windlass install --image "registry.example.org/windlassd@$digest" >engine.yaml
is "$(jq -r .config.User config)" \
	"$(sed -n 's/.*runAsUser: //p' engine.yaml):$(sed -n 's/.*runAsGroup: //p' engine.yaml)" \
	"the Deployment's user is the image's"
is "$(grep -rlI -e '-----BEGIN [A-Z ]*PRIVATE KEY' "$root")" "" \
	"attack-56 no key is in it"
like "$(cat $root/etc/passwd)" '^windlass:x:65532:65532:' "who is known there"
ok "there is a place for its volume" [ -d "$root$(sed -n \
	's/.*name: state, mountPath: \([^}]*\)}.*/\1/p' engine.yaml)" ]

# ---- what is in it ----
tar --numeric-owner --utc --full-time -tvzf "$(image_layer layout)" >list
is "$(awk '{ print $6 }' list | sed 's,/$,,' | LC_ALL=C sort -c 2>&1)" "" \
	"names in order"
is "$(awk '{ print $2, $4, $5 }' list | sort -u)" \
	"0/0 $(date -u -d @1795000000 '+%F %T')" "nobody's, of the commit's time"
is "$(grep -vE '^(drwxr-xr-x|-rw[-x]r-[-x]r-[-x]|lrwxrwxrwx) ' list)" "" \
	"none that runs as somebody else, or that others may write"
is "$(awk '/^-..x/ { print $6 }' list | grep -vE '(/|^)lib[^/]*\.so|/ld-')" \
	"$(printf 'usr/bin/windlass\nusr/sbin/windlassd')" \
	"two programs, no shell, no package manager"
is "$(find $root/usr/share/doc -name copyright | wc -l)" \
	"$(find $root/var/lib/dpkg/status.d -type f | wc -l)" \
	"each package's copyright, and its version"
is "$(for name in $(grep -ohE '/usr/share/common-licenses/[A-Za-z0-9.-]*[A-Za-z0-9]' \
	$root/usr/share/doc/*/copyright); do
	[ -f "$root$name" ] || [ ! -f "$name" ] || echo "$name"
done)" "" "the texts of their licences"
for package in libc6 libcurl4 libgit2-1 ca-certificates; do
	like "$(cat $root/var/lib/dpkg/status.d/$package*)" '^Version: ' \
		"a scanner sees $package"
done
is "$(grep -c 'BEGIN CERT' $root/etc/ssl/certs/ca-certificates.crt)" \
	"$(dpkg -L ca-certificates | grep -c '^/usr/share/ca-certificates/.*crt$')" \
	"the authorities that Debian trusts, and no others"
is "$(strings -a $root/usr/sbin/windlassd $root/usr/bin/windlass |
	grep -F "$TRASH")" "" "no trace of where it was built"
size=$(gunzip <"$(image_layer layout)" | wc -c)
ok "$((size / 1000000)) MB unpacked are under 60" [ "$size" -lt 60000000 ]
echo "# $(stat -c %s "$(image_layer layout)") bytes compressed, $size unpacked"

# ---- by a container engine ----
if [ -n "${WINDLASS_QUICK:-}" ]; then
	skip 3 "not in a quick run"
	done_testing
fi
# No registry is asked for a base: one of this machine's own files stands in,
# which has the same packages, so what comes out must be the same.
engine() {
	buildah --root "$TRASH/engine" --runroot "$TRASH/engine-run" \
		--storage-driver vfs "$@"
}
make_base() {
	local base
	mkdir -p base/{etc,tmp,proc,sys,dev,run,usr,var/lib/dpkg}
	cp -P /bin /sbin /lib* base/
	base=$(engine from scratch) && engine copy "$base" base / &&
		engine commit "$base" localhost/base
}
from_containerfile() {
	engine bud --isolation chroot --pull-never \
		--build-arg BASE=localhost/base \
		--build-arg VERSION=0.1.0 \
		--build-arg REVISION="$(git -C one rev-parse HEAD)" \
		--volume /usr:/usr:ro --volume /etc:/etc:ro \
		--volume /var/lib/dpkg:/var/lib/dpkg:ro \
		--timestamp 1795000000 -t localhost/windlassd \
		-f "$1/contrib/image/Containerfile" "$1" &&
		engine push localhost/windlassd oci:three:0.1.0
}
if ! command -v buildah >/dev/null || [ ! -L /bin ] ||
	! make_base >out 2>&1; then
	skip 3 "buildah cannot work here"
	done_testing
fi
ok "the Containerfile" from_containerfile "another place/with a long name/two"
is "$(image_config three | jq -S '.config | del(.Labels["io.buildah.version"])')" \
	"$(jq -S .config config)" "is run the same way"
contents() {
	gunzip <"$(image_layer "$1")" >layer.tar
	tar --numeric-owner --utc --full-time -tvf layer.tar | sed 's,/$,,' | sort -k 6
	mkdir "$1.root"
	tar -xf layer.tar -C "$1.root"
	(cd "$1.root" && find . -type f -exec sha256sum {} + | sort)
}
is "$(contents three)" "$(contents layout)" "and has the same in it"
done_testing
