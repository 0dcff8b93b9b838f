# shellcheck shell=bash
# Build the six programs once, into a cache shared by all clusters of a user.
#
# The cache's key covers go.mod, go.sum, the machine and the recipe below, so
# that it never has to be invalidated: other inputs make another folder. A
# folder appears by rename when all in it is complete; a build that is killed
# leaves only a temporary folder, which the next build removes.

# Raise this when the recipe below changes what comes out.
readonly BUILD_RECIPE=1

CACHE=${XDG_CACHE_HOME:-${HOME:?is not set}/.cache}/windlass/cluster

# What is built, in order: NAME PACKAGE.
readonly PROGRAMS=(
	"etcd go.etcd.io/etcd/server/v3"
	"kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver"
	"kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager"
	"kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler"
	"kubectl k8s.io/kubernetes/cmd/kubectl"
	"kwok sigs.k8s.io/kwok/cmd/kwok"
)

# build_dir: where the programs for this go.mod are, or will be.
build_dir() {
	local key
	key=$({
		echo "$BUILD_RECIPE $(uname -sm)"
		cat "$HERE/go.mod" "$HERE/go.sum"
	} | sha256sum) || die "cannot read '$HERE/go.mod'"
	echo "$CACHE/${key:0:16}"
}

# module_version MODULE: the version that go.mod requires.
module_version() {
	sed -n "s|^\t$1 \(v[0-9][^ ]*\).*|\1|p" "$HERE/go.mod" | head -n 1
}

# build_ldflags: as Kubernetes' own release does, so that /version, the
# feature gates' versions and kubectl tell the truth.
build_ldflags() {
	local version flags="-s -w" minor p
	version=$(module_version k8s.io/kubernetes)
	minor=${version#v1.}
	minor=${minor%%.*}
	for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags+=" -X $p.gitVersion=$version -X $p.gitMajor=1"
		flags+=" -X $p.gitMinor=$minor -X $p.gitTreeState=clean"
	done
	echo "$flags"
}

# run_with_progress LABEL LOG COMMAND...: run it, telling every 30 s (on a
# terminal every second) that it still runs. Sets SECONDS_TAKEN.
run_with_progress() {
	local label=$1 log=$2 pid start=$SECONDS s next=30 tty=
	shift 2
	[[ -t 2 ]] && tty=yes
	say "$label ..."
	"$@" </dev/null >>"$log" 2>&1 9>&- &
	pid=$!
	BUILD_PID=$pid
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
		s=$((SECONDS - start))
		if [[ -n $tty ]]; then
			printf '\r%s ... %d s ' "$label" "$s" >&2
		elif ((s >= next)); then
			say "$label ... $s s"
			next=$((next + 30))
		fi
	done
	[[ -z $tty ]] || printf '\r\033[K' >&2
	BUILD_PID=
	SECONDS_TAKEN=$((SECONDS - start))
	wait "$pid"
}

build_cleanup() {
	[[ -z ${BUILD_PID-} ]] || kill "$BUILD_PID" 2>/dev/null || :
	[[ -z ${BUILD_TMP-} ]] || rm -rf "$BUILD_TMP"
}

# build_programs DIR: all six, into DIR/bin.
build_programs() {
	local dir=$1 n=0 entry name label ldflags
	ldflags=$(build_ldflags)
	mkdir -p "$dir/bin"
	for entry in "${PROGRAMS[@]}"; do
		name=${entry%% *}
		n=$((n + 1))
		label="building $name ($n of ${#PROGRAMS[@]})"
		run_with_progress "$label" "$dir/build.log" \
			env -C "$HERE" CGO_ENABLED=0 GOFLAGS='' GOWORK=off \
			"$GO" build -trimpath -buildvcs=false \
			-ldflags "$ldflags" -o "$dir/bin/$name" \
			"${entry#* }" || {
			tail -n 20 "$dir/build.log" >&2
			die "building '$name' failed (see above); the Go" \
				"module proxy must be reachable the first time"
		}
		say "$label: $SECONDS_TAKEN s"
	done
}

# build_stages DIR: kwok's rules of how simulated nodes and pods behave come
# with its module; a copy beside the programs makes the cache complete.
build_stages() {
	local module set
	module=$(env -C "$HERE" GOFLAGS='' GOWORK=off \
		"$GO" list -m -f '{{.Dir}}' sigs.k8s.io/kwok 9>&-) ||
		die "cannot find the module sigs.k8s.io/kwok"
	for set in node/fast node/heartbeat-with-lease node/chaos \
		pod/fast pod/general pod/chaos volume/fast; do
		mkdir -p "$1/stages/$set"
		cp "$module/kustomize/stage/$set"/*.yaml "$1/stages/$set" ||
			die "the module sigs.k8s.io/kwok has no stages '$set'"
		rm -f "$1/stages/$set/kustomization.yaml"
	done
	chmod -R u+w "$1/stages"
}

# build: make sure that the programs are there. Sets BIN and STAGES.
build() {
	local dir start=$SECONDS
	dir=$(build_dir) || exit 1
	BIN=$dir/bin
	STAGES=$dir/stages
	[[ -d $dir ]] && return 0

	lock "$CACHE/build.lock" "another build of the control plane is running"
	if [[ -d $dir ]]; then
		unlock
		return 0
	fi
	go_find "use a cluster that you have by passing its --kubeconfig to\
 what called this"
	say "building a control plane, Kubernetes" \
		"$(module_version k8s.io/kubernetes), once for all clusters:" \
		"about 7 minutes on two cores"
	rm -rf "$CACHE"/build.tmp.*
	BUILD_TMP=$(mktemp -d "$CACHE/build.tmp.XXXXXX") ||
		die "cannot make a directory in '$CACHE'"
	build_programs "$BUILD_TMP"
	build_stages "$BUILD_TMP"
	mv "$BUILD_TMP" "$dir" || die "cannot make '$dir'"
	BUILD_TMP=
	chmod 0755 "$dir"
	unlock
	say "control plane built in $((SECONDS - start)) s: $dir"
}
