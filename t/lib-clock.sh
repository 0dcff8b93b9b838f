# A machine whose clock jumps, for what takes hours. Source it after lib.sh.
#
#   clock_use              its clock can jump from here on; skips all tests
#                          where faketime is not there
#   clock_everywhere       all programs that the test starts run on it, this
#                          shell's `date` too
#   clock_jump SECONDS     onward, both the wall clock and the monotonic one
#   on_clock COMMAND...    runs on it
#   off_clock COMMAND...   does not
#
# Times of files jump along, so that what was written stays as young as it is.
# Who sleeps finds out at its next wake.
clock_use() {
	clock_library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null |
		head -n 1)
	[ -n "$clock_library" ] ||
		skip_all "faketime is missing: apt-get install faketime"
	clock_at=0
	clock_jump 0
}

clock_jump() {
	clock_at=$((clock_at + $1))
	echo "+$clock_at" >"$TRASH/clock.new" && mv "$TRASH/clock.new" "$TRASH/clock"
}

# Who is ended while it asks for a file's time leaves libfaketime's lock behind,
# and whoever it shares that with then waits for ever: no fault of theirs.
clock_stop() {
	local variable=pid_$1 pid
	pid=${!variable:-}
	[ -n "$pid" ] || return 0
	kill -"${2:-TERM}" -- "-$pid" 2>/dev/null
	clock_ended() { ! kill -0 "$pid" 2>/dev/null; }
	wait_for 30 clock_ended || kill -KILL -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	unset "$variable"
}

clock_everywhere() {
	stop() { clock_stop "$@"; }
	export LD_PRELOAD=$clock_library FAKETIME_NO_CACHE=1 \
		FAKETIME_TIMESTAMP_FILE=$TRASH/clock
}

on_clock() {
	LD_PRELOAD=$clock_library FAKETIME_TIMESTAMP_FILE=$TRASH/clock \
		FAKETIME_NO_CACHE=1 "$@"
}

off_clock() { env -u LD_PRELOAD "$@"; }
