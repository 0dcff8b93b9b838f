# Somebody who takes the reports of a real engine, or what a Git host tells of
# them: report-receiver.py. Source it after lib-engine.sh, for what asks a
# cluster. Reports that a test writes itself are in lib-report.sh.
#
#   receiver_start [NAME]      one on a port of its own, in the folder NAME
#                              (reports); its address is in $RECEIVER
#   receiver_answers [ANSWER...]   what it answers from here on; nothing: 204
#   receiver_answers_once ANSWER...
#   report_to CHANNEL [URL]    the Channel's spec.reportTo ($RECEIVER)
#   reporters_reset            the Secret of the engine's key is empty again
#   reports_count [FOLDER]     how many came
#   report_of N [FOLDER]       the file of the Nth; of "last", the last one
#   field FILE NAME            the value of a line
#   newest NAME                the same of the last one that came
#   wait_report SECONDS NAME VALUE...   until a report, one that came later
#                              than the last that was waited for, has them
#                              all; $report is its file
#   reporters_line ENGINE      what the log of an engine says of its key
#   stock_report FILE [LINE]   ssh-keygen finds that it is signed by who the
#                              engine says it is, and nothing else in it

receiver_start() {
	local name=${1:-reports} port
	port=$(free_port)
	mkdir -p "$TRASH/$name"
	start "$name" python3 "$TEST_DIR/report-receiver.py" "$port" \
		"$TRASH/$name"
	RECEIVER=http://127.0.0.1:$port/report
	wait_for 20 curl -s -o /dev/null "http://127.0.0.1:$port/"
}

receiver_answers() {
	if [ $# -eq 0 ]; then
		rm -f "$TRASH/reports/answer"
	else
		echo "$*" >"$TRASH/reports/answer.new"
		mv "$TRASH/reports/answer.new" "$TRASH/reports/answer"
	fi
}

receiver_answers_once() {
	echo "$*" >"$TRASH/reports/answer.new"
	mv "$TRASH/reports/answer.new" "$TRASH/reports/answer-once"
}

report_to() {
	k patch channel "$1" --type merge \
		-p "{\"spec\":{\"reportTo\":\"${2:-$RECEIVER}\"}}" >/dev/null
}

reporters_reset() {
	k -n windlass-system patch secret windlassd-reporter --type merge \
		-p '{"data":null}' >/dev/null
}

reports_count() {
	find "$TRASH/${1:-reports}" -name '*.report' | wc -l
}

report_of() {
	local folder=$TRASH/${2:-reports}
	if [ "$1" = last ]; then
		find "$folder" -name '*.report' | sort | tail -n 1
	else
		printf '%s/%04d.report\n' "$folder" "$1"
	fi
}

field() { sed -n "/^-----BEGIN/q; s/^$2 //p" "$1" | head -n 1; }
newest() { field "$(report_of last)" "$1"; }

report_waited=0
wait_report() {
	local seconds=$1
	shift
	wait_for "$seconds" report_has "$@" || {
		report=$(report_of last)
		return 1
	}
	report=$(cat "$TRASH/.report")
	report_waited=$(basename "$report" .report)
	report_waited=$((10#$report_waited))
}

report_has() {
	local n=$report_waited file i
	while file=$(report_of $((n + 1))) && [ -e "$file" ]; do
		for ((i = 1; i < $#; i += 2)); do
			[ "$(field "$file" "${!i}")" = "${@:i+1:1}" ] || break
		done
		[ $i -lt $# ] || {
			echo "$file" >"$TRASH/.report"
			return 0
		}
		n=$((n + 1))
	done
	return 1
}

reporters_line() {
	wait_for 20 grep -q ' reporter cluster=' "$1.log"
	sed -n 's/.* reporter cluster=[^ ]* reporters="\(.*\)"$/\1/p' "$1.log" |
		tail -n 1 | sed 's/\\"/"/g'
}

stock_report() {
	local file=$1 line=${2:-$(reporters_line engine)}
	sed '/^-----BEGIN SSH SIGNATURE-----$/,$d' "$file" >"$file.text"
	sed -n '/^-----BEGIN SSH SIGNATURE-----$/,$p' "$file" >"$file.sig"
	echo "$line" >"$file.signers"
	ssh-keygen -Y verify -f "$file.signers" -I "${line%% *}" \
		-n report-v1@windlass.dev -s "$file.sig" <"$file.text" &&
		[ "$(field "$file" cluster)" = "${line%% *}" ] &&
		cat "$file.text" "$file.sig" | cmp - "$file"
}
