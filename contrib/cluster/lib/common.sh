# shellcheck shell=bash
# What every part of the cluster script uses: messages and locks.
# Progress goes to standard error, so that standard output carries only
# what was asked for (a path, a status line) and can be captured.

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf 'cluster: error: %s\n' "$*" >&2
	exit 1
}

usage_error() {
	printf 'cluster: error: %s (see cluster --help)\n' "$*" >&2
	exit 2
}

need_program() {
	command -v "$1" >/dev/null 2>&1 ||
		die "'$1' is not installed: apt-get install $2"
}

# now_ms: milliseconds since the epoch, without starting a process.
now_ms() {
	local t=$EPOCHREALTIME
	t=${t/[.,]/}
	echo "${t:0:-3}"
}

# lock FILE WHAT: hold an exclusive lock on FILE until unlock or the end of the
# script, on descriptor 9. FILE may be removed by whoever holds the lock, so
# a lock on a file that is no longer there is dropped and taken again.
# Every program started meanwhile must be given 9>&-, or it keeps the lock.
lock() {
	local file=$1 what=$2
	while :; do
		mkdir -p "${file%/*}" ||
			die "cannot make directory '${file%/*}'"
		exec 9>>"$file" || die "cannot open lock file '$file'"
		if ! flock -n 9; then
			say "$what, waiting for it to finish"
			until flock -w 30 9; do
				say "$what, still waiting"
			done
		fi
		[[ /proc/$$/fd/9 -ef $file ]] && return 0
	done
}

unlock() {
	exec 9>&-
}
