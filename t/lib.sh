# What every numbered test stands on. Source it first:
#
#	. "$(dirname "$0")/lib.sh"
#
# It puts the test into a trash directory of its own ($TRASH, removed at the
# end, kept with WINDLASS_KEEP=yes or when the script is run with --keep),
# gives it a Git and a HOME without the user's settings, finds the built
# programs, and prints TAP.
#
#   ok DESCRIPTION COMMAND...      passes if the command exits with 0
#   not_ok DESCRIPTION COMMAND...  passes if it fails, but not by a crash
#   is GOT WANT DESCRIPTION        passes if the two strings are equal
#   like TEXT REGEX DESCRIPTION    passes if grep -E finds it
#   unlike TEXT REGEX DESCRIPTION  passes if grep -E does not
#   pass DESCRIPTION, fail DESCRIPTION
#   judge STATUS DESCRIPTION       passes if the status is 0: of what is more
#                                  than one command
#   skip COUNT REASON              that many checks cannot be made here
#   skip_all REASON                nothing can be checked; ends the test
#   bail REASON                    the test cannot go on; ends it, failed
#   done_testing                   the last line of every test
#
#   at_exit COMMAND                runs at the end, the last one first
#   start NAME COMMAND...          in the background, output in NAME.log,
#                                  pid in $pid_NAME; stopped at the end
#   stop NAME [SIGNAL]             stops it and waits
#   wait_for SECONDS COMMAND...    until the command succeeds
#   wait_line SECONDS FILE REGEX   until a line of the file matches
#   free_port                      prints a port that was free just now
#
# A crash is never a pass: `not_ok` looks at the exit status (a signal) and
# at the output (a sanitizer's report).
set -u
unset CDPATH
TEST_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(dirname "$TEST_DIR")
if [ -z "${WINDLASS_BUILD:-}" ]; then
	for build in "$PWD" "$TOP" "$TOP/build" "$TOP/build-check"; do
		[ ! -x "$build/windlass" ] || break
	done
	WINDLASS_BUILD=$build
fi
export WINDLASS_BUILD
SHARED=$TOP/../shared

test_number=0
test_failures=0
test_exits=()

for argument in "$@"; do
	case $argument in
	-k|--keep) WINDLASS_KEEP=yes ;;
	*) echo "unknown option '$argument': --keep" >&2; exit 129 ;;
	esac
done

# the user's Git settings, locale and credentials stay outside
unset "${!GIT_@}" SSH_AUTH_SOCK KUBECONFIG
USER_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}	# for what is built only once
TRASH=$(mktemp -d "${TMPDIR:-/tmp}/windlass-test-XXXXXX") || exit 1
export TRASH HOME=$TRASH/home XDG_CONFIG_HOME=$TRASH/home/.config
export GIT_CONFIG_GLOBAL=$TRASH/gitconfig GIT_CONFIG_NOSYSTEM=1
export GIT_TERMINAL_PROMPT=0 LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1
export PATH=$WINDLASS_BUILD:$PATH
mkdir "$HOME"
cd "$TRASH" || exit 1
git config --global user.name "Ada Developer"
git config --global user.email ada@example.org
git config --global init.defaultBranch main
git config --global advice.detachedHead false

at_exit() { test_exits=("$1" "${test_exits[@]}"); }

test_clean_up() {
	local status=$? command
	trap - EXIT
	cd /
	for command in "${test_exits[@]}"; do
		eval "$command" >/dev/null 2>&1
	done
	if [ -n "${WINDLASS_KEEP:-}" ]; then
		echo "# kept: $TRASH"
	else
		rm -rf "$TRASH"
	fi
	exit "$status"
}
trap test_clean_up EXIT
trap 'exit 130' INT TERM HUP

pass() {
	test_number=$((test_number + 1))
	echo "ok $test_number - $1"
}

fail() {
	test_number=$((test_number + 1))
	test_failures=$((test_failures + 1))
	echo "not ok $test_number - $1"
	echo "# at ${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]}"
}

judge() {
	if [ "$1" -eq 0 ]; then
		pass "$2"
		return 0
	fi
	fail "$2"
	return 1
}

# test_show FILE: what a failed check saw, as TAP comments
test_show() {
	head -n 40 "$1" | sed 's/^/# /'
}

ok() {
	local what=$1 status
	shift
	"$@" >"$TRASH/.output" 2>&1
	status=$?
	if [ "$status" -eq 0 ]; then
		pass "$what"
		return 0
	fi
	fail "$what"
	echo "# exit status $status of: $*"
	test_show "$TRASH/.output"
	return 1
}

not_ok() {
	local what=$1 status
	shift
	"$@" >"$TRASH/.output" 2>&1
	status=$?
	if [ "$status" -eq 0 ]; then
		fail "$what"
		echo "# succeeded: $*"
	elif [ "$status" -gt 128 ] && [ "$status" -ne 129 ]; then
		fail "$what"
		echo "# crashed with status $status: $*"
	elif grep -qE 'AddressSanitizer|runtime error:|^BUG: ' "$TRASH/.output"
	then
		fail "$what"
		echo "# crashed: $*"
	else
		pass "$what"
		return 0
	fi
	test_show "$TRASH/.output"
	return 1
}

is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
		return 0
	fi
	fail "$3"
	printf '%s\n' "$1" | sed 's/^/#   got: /'
	printf '%s\n' "$2" | sed 's/^/#  want: /'
	return 1
}

like() {
	if printf '%s\n' "$1" | grep -qE -e "$2"; then
		pass "$3"
		return 0
	fi
	fail "$3"
	echo "# nothing matches: $2"
	printf '%s\n' "$1" | head -n 40 | sed 's/^/# /'
	return 1
}

unlike() {
	if ! printf '%s\n' "$1" | grep -qE -e "$2"; then
		pass "$3"
		return 0
	fi
	fail "$3"
	echo "# something matches: $2"
	printf '%s\n' "$1" | grep -E -e "$2" | head -n 5 | sed 's/^/# /'
	return 1
}

skip() {
	local i
	for ((i = 0; i < $1; i++)); do
		test_number=$((test_number + 1))
		echo "ok $test_number # SKIP $2"
	done
}

skip_all() {
	[ "$test_number" -eq 0 ] || bail "skip_all after a check"
	echo "1..0 # SKIP $1"
	exit 0
}

bail() {
	echo "Bail out! $1"
	exit 1
}

done_testing() {
	echo "1..$test_number"
	[ "$test_failures" -eq 0 ] || exit 1
	exit 0
}

start() {
	local name=$1
	shift
	# here, or a wait would see what one of this name said before
	: >"$TRASH/$name.log"
	setsid "$@" >"$TRASH/$name.log" 2>&1 </dev/null &
	printf -v "pid_$name" '%s' $!
	at_exit "kill -KILL -- -$! $!"
}

stop() {
	local variable=pid_$1 pid
	pid=${!variable:-}
	[ -n "$pid" ] || return 0
	kill -"${2:-TERM}" -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	unset "$variable"
}

wait_for() {
	local end=$(($(date +%s%3N) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%3N)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

wait_line() {
	wait_for "$1" grep -qE -e "$3" "$2"
}

free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
		LocalAddr => "127.0.0.1", Listen => 1)->sockport, "\n"'
}
