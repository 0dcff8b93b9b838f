#!/bin/bash
# contrib/cluster: the programs are built once, whole or not at all, by
# whatever Go there is. The compiler is a stand-in here, since the real one
# takes minutes and cannot be made to fail when wanted; t9000 runs what the
# real one makes.
. "$(dirname "$0")/lib.sh"
cluster=$TOP/contrib/cluster/cluster
tmp=$TRASH
export XDG_CACHE_HOME=$tmp/cache TMPDIR=$tmp
programs=$tmp/cache/windlass/cluster

# The stand-in: notes each build in the file builds, fails or waits when the
# files fail or wait name the program, and has a kwok module with stages.
stages=$tmp/kwok/kustomize/stage
for set in node/fast node/heartbeat-with-lease node/chaos pod/fast \
	pod/general pod/chaos volume/fast; do
	mkdir -p "$stages/$set"
	echo "kind: Stage" >"$stages/$set/stage.yaml"
	echo "kind: Kustomization" >"$stages/$set/kustomization.yaml"
done
cat >"$tmp/go" <<EOF
#!/bin/bash
tmp=$tmp
EOF
cat >>"$tmp/go" <<'EOF'
case $1 in
version) echo "go version go$(cat "$tmp/version") linux/amd64" ;;
list) echo "$tmp/kwok" ;;
mod)
	printf '{\n\t"Path": "%s",\n\t"Dir": "%s"\n}\n' "$4" "$tmp/toolchain" ;;
build)
	while [ "$1" != -o ]; do shift; done
	name=${2##*/}
	echo "$name" >>"$tmp/builds"
	if grep -qsx "$name" "$tmp/fail"; then
		echo "$name.go:1:1: this does not compile" >&2
		exit 1
	fi
	while grep -qsx "$name" "$tmp/wait"; do sleep 0.1; done
	echo "program" >"$2" ;;
esac
EOF
chmod +x "$tmp/go"
export WINDLASS_GO=$tmp/go
echo 1.99.0 >"$tmp/version"

built() { [ ! -e "$tmp/builds" ] || tr "\n" " " <"$tmp/builds"; }
all="etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kwok "

# --- a build that fails, one that is killed -----------------------------
echo kube-scheduler >"$tmp/fail"
out=$("$cluster" build 2>&1)
[[ $? = 1 && $out = *"kube-scheduler.go:1:1: this does not compile"* &&
	$out = *"cluster: error: building 'kube-scheduler' failed"* ]]
judge $? "a build that fails shows the compiler's message"
[ -z "$(find "$programs" -mindepth 1 -type d)" ]
judge $? "and leaves nothing that could be taken for programs"
out=$("$cluster" path kubectl 2>&1)
[[ $? = 1 && $out = *"not built yet: run cluster build"* ]]
judge $? "path says that there is none"

rm -f "$tmp/fail" "$tmp/builds"
echo kubectl >"$tmp/wait"
"$cluster" build >/dev/null 2>&1 &
build=$!
wait_for 60 grep -qs kubectl "$tmp/builds"
kill -9 "$build"
wait "$build" 2>/dev/null
! "$cluster" path kubectl >/dev/null 2>&1
judge $? "a build that is killed is never half used"
rm -f "$tmp/wait" "$tmp/builds"

# --- two at once --------------------------------------------------------
echo kube-apiserver >"$tmp/wait"
"$cluster" build >"$tmp/out1" 2>"$tmp/err1" &
one=$!
wait_for 60 grep -qs kube-apiserver "$tmp/builds"
"$cluster" build >"$tmp/out2" 2>"$tmp/err2" &
two=$!
wait_for 60 grep -qs waiting "$tmp/err2"
judge $? "the second of two says that it waits for the first"
rm "$tmp/wait"
wait "$one"
judge $? "the first succeeds" || test_show "$tmp/err1"
wait "$two"
judge $? "so does the second" || test_show "$tmp/err2"
[ "$(built)" = "$all" ]
judge $? "each program was built once, in order (built: $(built))"
[ "$(sed -n 's/^building .* (\([0-9] of 6\)): .*/\1/p' "$tmp/err1" |
	tr '\n' ' ')" = "1 of 6 2 of 6 3 of 6 4 of 6 5 of 6 6 of 6 " ]
judge $? "with progress" || test_show "$tmp/err1"
cmp -s "$tmp/out1" "$tmp/out2" &&
	[ "$("$cluster" path kwok)" = "$(cat "$tmp/out1")/kwok" ]
judge $? "both print where the programs are, and path does"
[ -z "$(find "$programs" -name 'build.tmp*')" ]
judge $? "no temporary folder is left, not even the killed build's"
[ "$(find "$programs" -name stage.yaml | wc -l)" = 7 ] &&
	[ -z "$(find "$programs" -name kustomization.yaml)" ]
judge $? "kwok's stages are beside them"

"$cluster" build >/dev/null 2>"$tmp/err1"
[ "$(built)" = "$all" ] && [ ! -s "$tmp/err1" ]
judge $? "a third build does nothing and says nothing"

# --- which Go -----------------------------------------------------------
rm -rf "$programs"
echo 1.19.8 >"$tmp/version"
out=$("$cluster" build 2>&1)
[[ $? = 1 && $out = *"no Go 1.26.0 or newer was found"*"--kubeconfig"* ]]
judge $? "a Go too old that can fetch nothing: one clear message" ||
	test_show - <<<"$out"

# The files of a module are read-only and not executable.
mkdir -p "$tmp/toolchain/bin" "$tmp/toolchain/pkg/tool/linux"
# shellcheck disable=SC2016 # the stand-in expands it
sed 's|cat "$tmp/version"|echo 1.26.0|; s|"$tmp/builds"|"$tmp/builds-new"|' \
	"$tmp/go" >"$tmp/toolchain/bin/go"
echo tool >"$tmp/toolchain/pkg/tool/linux/compile"
chmod -R a-w,a-x+X "$tmp/toolchain"
rm -f "$tmp/builds"
"$cluster" build >/dev/null 2>"$tmp/err1"
judge $? "a Go too old fetches a newer one" || test_show "$tmp/err1"
chmod -R u+w "$tmp/toolchain"
[ ! -e "$tmp/builds" ] && [ "$(tr '\n' ' ' <"$tmp/builds-new")" = "$all" ]
judge $? "and that one builds"

done_testing
