#!/bin/bash
# What becomes of a report that is not taken: the newest is sent again, and
# nothing else; a host that wants time gets it, one that takes none is left
# alone, and the engine does its work meanwhile.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-receiver.sh"
cluster_use
cluster_namespace answers
channel=answers-$$

push_text() {
	put work "deploy/$channel/web.yaml" ConfigMap web "$ns" "$1"
	commit_push work "$1" || bail "$(cat push.out)"
}
metric() { curl -s "http://$METRICS/metrics" | sed -n "s/^$1{channel=\"$channel\"$2} //p"; }
at_least() { [ "$(metric "$1" "$2")" -ge "$3" ]; }
message() { k get channel "$channel" -o 'jsonpath={.status.reporter.message}'; }
says() { [[ $(message) == *"$1"* ]]; }
says_nothing() { [ -z "$(message)" ]; }
more_than() { [ "$(reports_count)" -gt "$1" ]; }

make_host host.git "$channel"
make_clone host.git work
push_text one
serve_start host.git || bail "serve does not start"
receiver_start || bail "the receiver does not start"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
report_to "$channel"
engine_start || bail "windlassd does not start: $(cat engine.log)"
line=$(reporters_line engine)
ok "a report is taken" wait_report 60 phase healthy sequence 1
like "$line" '^cluster-[0-9a-f]{8} ' "by a name that is made of the key"
key=$(cut -d' ' -f4 <<<"$line" | base64 -d | sha256sum | cut -c1-8)
is "${line%% *}" "cluster-$key" "its fingerprint's beginning"
is "$(field "$report" cluster)" "cluster-$key" "in the report, too"
ok "the metrics count it" wait_for 10 at_least windlass_reports_sent_total '' 1
is "$(metric windlass_reports_failed_total ',reason="unsent"') $(metric windlass_reports_failed_total ',reason="refused"')" \
	"0 0" "and no failure"

# ---- not there ----
stop reports
n=$(reports_count)
push_text two
ok "the engine works on without its host of reports" wait_applied "$channel" 2 60
ok "each try is counted" wait_for 30 at_least windlass_reports_failed_total ',reason="unsent"' 2
push_text three
ok "again" wait_applied "$channel" 3 60
ok "nothing of that is a fault of the channel" wait_ready "$channel" 30
is "$(reports_count)" "$n" "nothing came"
port=${RECEIVER##*:} port=${port%/report}
mkdir back
start reports python3 "$TEST_DIR/report-receiver.py" "$port" "$TRASH/back"
report_waited=0
ok "when it is back" wait_for 150 sh -c "ls back/*.report"
is "$(field "$(report_of 1 back)" sequence) $(field "$(report_of 1 back)" phase)" \
	"3 healthy" "the newest comes, and nothing of before"
ok "signed" stock_report "$(report_of 1 back)"
ok "with a counter that is higher" [ "$(field "$(report_of 1 back)" counter)" -gt \
	"$(field "$(report_of last)" counter)" ]
sleep 3
is "$(reports_count back)" 1 "once"
stop reports
start reports python3 "$TEST_DIR/report-receiver.py" "$port" "$TRASH/reports"
rm -f reports/*.report reports/*.request
wait_for 20 curl -s -o /dev/null "http://127.0.0.1:$port/"

# ---- counters ----
seen=$(($(date +%s%3N) + 86400000))
receiver_answers_once 409 - "counter $seen"
push_text four
ok "a counter that the host has seen" wait_for 30 more_than 0
ok "is counted on from" wait_report 30 phase healthy sequence 4 counter $((seen + 1))
last=$(reports_count)
receiver_answers 409 - "counter 9007199254740991"
push_text five
ok "one that is out of reach" wait_for 30 more_than "$last"
sleep 3
ok "is not reached for in a loop" [ "$(reports_count)" -le $((last + 5)) ]
receiver_answers
ok "a year ahead is as far as it goes" wait_report 60 phase healthy sequence 5
ok "for this one" [ "$(field "$report" counter)" -le \
	$((($(date +%s) + 367 * 86400) * 1000)) ]
# what is lost with the process is found again by the host's answer

# ---- a host that wants time ----
for status in 429 503; do
	receiver_answers_once $status 4
	n=$(reports_count)
	push_text "busy $status"
	ok "an answer $status" wait_for 30 more_than "$n"
	before=$(date +%s%3N)
	ok "is obeyed" wait_for 30 more_than $((n + 1))
	ok "for as long as it says" [ $(($(date +%s%3N) - before)) -ge 2000 ]
	says_nothing
	judge $? "and needs nobody"
done
receiver_answers 429 999999999
push_text patience
ok "who wants to be left alone for years" wait_for 30 at_least windlass_reports_failed_total ',reason="unsent"' 5
receiver_answers
windlass reconcile "$channel" >/dev/null 2>&1
sequence=$(trailer host.git "$channel" Sequence)
ok "is asked again when an admin wants it" wait_report 60 phase healthy sequence "$sequence"

# ---- one that takes none ----
for answer in '400 - unknown bundle' '403 - not a listed reporter' \
	'404 - reports are not taken' 405 501; do
	receiver_answers "$answer"
	n=$(reports_count)
	push_text "refused ${answer%% *}"
	ok "an answer ${answer%% *}" wait_for 30 says "it answered ${answer%% *}"
	[ "$answer" = "${answer#* - }" ] ||
		like "$(message)" ", ${answer#* - }\$" "in the host's words"
	is "$(reports_count)" $((n + 1)) "is an answer"
	is "$(grep -c " reports-refused .*answered ${answer%% *}" engine.log)" 1 \
		"and told once"
	windlass status "$channel" >out
	like "$(cat out)" "reports: the Git host takes no reports of cluster '.*it answered ${answer%% *}" \
		"windlass status says so"
	is "$(tail -n 1 out)" "$line" "and by whom they are signed"
	# what is new waits for a minute; the admin does not
	receiver_answers
	windlass reconcile "$channel" >/dev/null 2>&1
	ok "it is asked again when an admin wants it" wait_for 30 says_nothing
done
ok "these are counted" at_least windlass_reports_failed_total ',reason="refused"' 5
ok "the channel is ready all the same" wait_ready "$channel" 30
printf '204 - \033[31m%s\n' "$(printf 'x%.0s' $(seq 5000))" >reports/answer
push_text odd
sequence=$(trailer host.git "$channel" Sequence)
ok "an answer of odd bytes" wait_report 30 phase healthy sequence "$sequence"
receiver_answers 400 - "$(printf '\033[31m\\%s' "$(printf 'x%.0s' $(seq 5000))")"
push_text odder
ok "and one that refuses by them" wait_for 30 says 'it answered 400'
unlike "$(message)" '[^ -~]' "is shown as plain text"
ok "and briefly" [ "$(message | wc -c)" -lt 400 ]
receiver_answers
windlass reconcile "$channel" >/dev/null 2>&1
ok "taken once more" wait_for 30 says_nothing

# ---- the engine starts again ----
last=$(newest counter)
report_waited=$(reports_count)
engine_kill
ok "started again" engine_start
ok "it reports" wait_report 60 phase healthy
is "$(reporters_line engine)" "$line" "by the same key"
ok "with a higher counter" [ "$(field "$report" counter)" -gt \
	$((last > $(date +%s%3N) ? 0 : last)) ]
is "$(field "$report" phase) $(reports_count)" \
	"healthy $((10#$(basename "$report" .report)))" "and says nothing in between"

# ---- credentials ----
cat >secret.yaml <<END
apiVersion: v1
kind: Secret
metadata: {name: $channel, namespace: windlass-system}
stringData: {url: "${RECEIVER%/report}", token: t0ken-$$}
END
at_exit "k -n windlass-system delete secret '$channel'"
k apply -f secret.yaml >/dev/null
k patch channel "$channel" --type merge \
	-p "{\"spec\":{\"secretRef\":{\"name\":\"$channel\"}}}" >/dev/null
windlass status "$channel" >/dev/null
ok "what is for another address is not used at the Git host's" \
	wait_condition "$channel" Fetched False 30 SecretUnusable
k -n windlass-system patch secret "$channel" --type merge \
	-p "{\"stringData\":{\"url\":\"$URL\"}}" >/dev/null
push_text token
sequence=$(trailer host.git "$channel" Sequence)
ok "with its own it goes on" wait_report 60 phase healthy sequence "$sequence"
unlike "$(cat "${report%.report}.request")" "t0ken" \
	"and another host of reports is not shown the token"
done_testing
