# shellcheck shell=bash
# Processes that outlive the script, and the ports that they listen on.

# process_start_time PID: when the kernel started it (clock ticks since
# boot); empty when there is no such process or only its corpse is left,
# which a container without an init may keep for ever.
process_start_time() {
	local stat fields
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	# The second field is the name, which may hold anything.
	read -ra fields <<<"${stat##*) }"
	case ${fields[0]-} in
	Z | X | '') ;;
	*) echo "${fields[19]}" ;;
	esac
}

# process_pid NAME: the process id of a component that runs. The pid file has
# the start time too, so that a pid which the kernel gave to somebody else
# (after a crash, after a reboot) is never taken for ours, nor signalled.
process_pid() {
	local pid start now
	read -r pid start 2>/dev/null <"$DIR/run/$1.pid" || return 1
	[[ $pid =~ ^[0-9]+$ ]] || return 1
	now=$(process_start_time "$pid")
	[[ -n $now && $now = "$start" ]] || return 1
	# Between fork and exec it is still bash; it has our files open.
	[[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") = *"$DIR/"* ||
		/proc/$pid/fd/1 -ef "$DIR/log/$1.log" ]] || return 1
	echo "$pid"
}

# process_launch NAME COMMAND...: start it in a session of its own, with
# nothing of the caller: not its terminal, not its descriptors (a test
# harness waits for the end of its pipes), not its environment (etcd reads
# ETCD_*, kwok reads ~/.kwok).
process_launch() {
	local name=$1 self fd
	shift
	(
		cd "$DIR" || exit 1
		exec </dev/null >>"$DIR/log/$name.log" 2>&1
		self=$BASHPID
		printf '%s %s\n' "$self" "$(process_start_time "$self")" \
			>"$DIR/run/$name.pid.tmp"
		mv "$DIR/run/$name.pid.tmp" "$DIR/run/$name.pid"
		for fd in "/proc/$self/fd"/*; do
			fd=${fd##*/}
			((fd <= 2)) || eval "exec $fd>&-"
		done
		exec env -i PATH=/usr/bin:/bin HOME="$DIR/etc" setsid "$@"
	) &
	disown
}

# process_stop NAME SIGNAL SECONDS: ask, wait, then kill.
process_stop() {
	local pid end
	if pid=$(process_pid "$1"); then
		kill "-$2" "$pid" 2>/dev/null || :
		end=$((SECONDS + $3))
		while [[ -n $(process_start_time "$pid") ]]; do
			if ((SECONDS > end)); then
				say "$1 does not stop, killing it"
				kill -KILL "$pid" 2>/dev/null || :
				end=$((SECONDS + 60))
			fi
			sleep 0.05
		done
	fi
	rm -f "$DIR/run/$1.pid"
}

# ports_in_use: the TCP ports in use here, one a line, in hexadecimal.
ports_in_use() {
	local file line
	for file in /proc/net/tcp /proc/net/tcp6; do
		[[ -r $file ]] || continue
		while read -r _ line _; do
			echo "${line##*:}"
		done <"$file"
	done
}

# ports_claimed: what other clusters of this user own, running or not, from
# the register, without those that are gone.
ports_claimed() {
	local port dir
	[[ -f $CACHE/ports ]] || return 0
	while read -r port dir; do
		[[ $dir != "$DIR" ]] &&
			grep -qs "^port_.*=$port\$" "$dir/cluster.conf" &&
			echo "$port $dir"
	done <"$CACHE/ports"
}

# ports_choose NAME...: set PORT[NAME] for each to a port that nobody uses or
# owns. They lie outside the range from which the kernel picks the near end
# of outgoing connections, so a component that is stopped for a while gets
# its port back. What is left to chance is another program that takes the
# port in between; then the caller sees "address already in use" and retries.
ports_choose() {
	local low high span taken claimed port name
	read -r low high </proc/sys/net/ipv4/ip_local_port_range
	if ((low > 12000)); then
		high=$((low - 1))
		low=10000
	else
		low=$((high + 1))
		high=65535
	fi
	span=$((high - low + 1))
	((span >= 1000)) || { low=10000 high=65535 span=55536; }

	exec 8>>"$CACHE/ports.lock"
	flock 8 || die "cannot lock '$CACHE/ports.lock'"
	taken=" $(ports_in_use | tr '\n' ' ')"
	claimed=$(ports_claimed)
	taken+="$(cut -d' ' -f1 <<<"$claimed" | while read -r port; do
		[[ -z $port ]] || printf '%04X ' "$port"
	done)"
	: >"$CACHE/ports.tmp"
	[[ -z $claimed ]] || echo "$claimed" >>"$CACHE/ports.tmp"
	for name in "$@"; do
		while :; do
			port=$((low + SRANDOM % span))
			[[ $taken = *" $(printf %04X "$port") "* ]] || break
		done
		taken+="$(printf %04X "$port") "
		PORT["$name"]=$port
		echo "$port $DIR" >>"$CACHE/ports.tmp"
	done
	config_write
	mv "$CACHE/ports.tmp" "$CACHE/ports"
	exec 8>&-
}

# http_get NAME PATH: the raw answer of a component, with the admin's
# certificate where it counts. openssl is needed for the certificates
# anyway, and starts faster than kubectl.
http_get() {
	http_request "$1" GET "$2"
}

# http_request NAME METHOD PATH [BODY]
http_request() {
	local ca=ca cert=admin body=${4-}
	if [[ $1 = etcd ]]; then
		ca=etcd-ca cert=etcd-client
	fi
	printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s' \
		"$2" "$3" "Content-Type: application/json"$'\r\n' \
		"Content-Length: ${#body}"$'\r\n\r\n'"$body" |
		OPENSSL_CONF=/dev/null timeout 5 openssl s_client -quiet \
			-connect "127.0.0.1:${PORT[$1]}" \
			-CAfile "$DIR/pki/$ca.crt" -verify_return_error \
			-cert "$DIR/pki/$cert.crt" -key "$DIR/pki/$cert.key" \
			2>/dev/null
}

# http_ok NAME PATH: it answers 200.
http_ok() {
	local answer
	answer=$(http_get "$1" "$2" 9>&-) || :
	[[ $answer = "HTTP/1.1 200 "* ]]
}
