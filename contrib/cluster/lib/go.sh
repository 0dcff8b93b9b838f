# shellcheck shell=bash
# Find, or install, a Go that can build the control plane. Sets GO to the
# program; GOTOOLCHAIN is exported to go with it.
#
# In this order: a Go that is new enough; any Go from 1.21 on, which gets the
# newer toolchain by itself through the module proxy; an older one, which
# knows nothing of toolchains but is made to fetch one as the module that a
# toolchain is, checksum database and all; then the same with the newest Go
# that apt has (on Debian 12 that is 1.19).

GO=

# go_version PROGRAM: its version as digits and dots, empty when it fails.
go_version() {
	local v
	v=$(cd / && GOTOOLCHAIN=local "$1" version 2>/dev/null) || return 0
	v=${v#go version go}
	v=${v%% *}
	echo "${v%%[!0-9.]*}"
}

# version_ge A B: version A is B or newer. An empty A, no version at all,
# sorts before everything.
version_ge() {
	[[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -n 1) = "$1" ]]
}

# go_programs: every Go on this machine, the preferred one first.
go_programs() {
	if [[ -n ${WINDLASS_GO-} ]]; then
		echo "$WINDLASS_GO"
		return
	fi
	command -v go
	[[ -x /usr/local/go/bin/go ]] && echo /usr/local/go/bin/go
	printf '%s\n' /usr/lib/go-1.*/bin/go | sort -rV |
		while read -r g; do
			[[ -x $g ]] && echo "$g"
		done
}

# go_try_new WANT: one that is new enough as it is.
go_try_new() {
	local g v
	while read -r g; do
		v=$(go_version "$g")
		version_ge "$v" "$1" || continue
		GO=$g
		export GOTOOLCHAIN=local
		return 0
	done < <(go_programs)
	return 1
}

# go_try_auto WANT: one that can fetch the toolchain it needs by itself.
go_try_auto() {
	local g v
	while read -r g; do
		v=$(go_version "$g")
		version_ge "$v" 1.21 || continue
		say "using $g ($v) to fetch Go $1"
		(cd "$HERE" && GOTOOLCHAIN=auto "$g" version) \
			>/dev/null 9>&- || continue
		GO=$g
		export GOTOOLCHAIN=auto
		return 0
	done < <(go_programs)
	return 1
}

# go_try_fetch WANT: an older one fetches the toolchain as a module. Such
# files arrive without their execute bits; the copy in the cache gets them.
go_try_fetch() {
	local g v module dir to=$CACHE/go-$1
	if [[ ! -x $to/bin/go ]]; then
		g=$(go_programs | head -n 1)
		v=$(go_version "${g:-/none}")
		[[ -n $v ]] || return 1
		case $(uname -m) in
		x86_64) module=linux-amd64 ;;
		aarch64) module=linux-arm64 ;;
		*) return 1 ;;
		esac
		module=golang.org/toolchain@v0.0.1-go$1.$module
		say "using $g ($v) to fetch Go $1"
		dir=$(cd "${TMPDIR:-/tmp}" && GO111MODULE=on GOFLAGS='' \
			"$g" mod download -json "$module" 9>&- |
			sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
		[[ -n $dir && -d $dir ]] || return 1
		rm -rf "$to.tmp"
		cp -R "$dir" "$to.tmp" && chmod -R u+w "$to.tmp" || return 1
		find "$to.tmp/bin" "$to.tmp/pkg/tool" -type f \
			-exec chmod +x {} + || return 1
		mv "$to.tmp" "$to" || return 1
	fi
	[[ -n $(go_version "$to/bin/go") ]] || return 1
	GO=$to/bin/go
	export GOTOOLCHAIN=local
}

# go_install: the newest Go that apt offers, if we may install it.
go_install() {
	local sudo=() package log=$CACHE/install.log
	[[ -z ${WINDLASS_GO-} ]] || return 1
	command -v apt-get >/dev/null 2>&1 || return 1
	if [[ $(id -u) != 0 ]]; then
		sudo -n true 2>/dev/null || return 1
		sudo=(sudo -n)
	fi
	"${sudo[@]}" apt-get update -qq </dev/null >"$log" 2>&1 9>&- || :
	package=$(apt-cache search --names-only '^golang-1\.[0-9]+-go$' |
		sort -V | tail -n 1)
	package=${package%% *}
	[[ -n $package ]] || return 1
	say "installing $package"
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq \
		-y --no-install-recommends --no-upgrade \
		"$package" ca-certificates </dev/null >"$log" 2>&1 9>&- &&
		return
	tail -n 5 "$log" >&2
	return 1
}

# go_try WANT: with what is on this machine.
go_try() {
	go_try_new "$1" || go_try_auto "$1" || go_try_fetch "$1"
}

# go_find [INSTEAD]: set GO or say what to do; INSTEAD is another way out.
go_find() {
	local want instead=${1-}
	want=$(sed -n 's/^go \([0-9.]*\)$/\1/p' "$HERE/go.mod")
	go_try "$want" && return 0
	if go_install; then
		go_try "$want" && return 0
	fi
	die "no Go $want or newer was found or could be fetched: install it" \
		"from https://go.dev/dl/ into /usr/local/go${instead:+, or $instead}"
}
