#!/bin/bash
# Writing reports down costs nobody else: a disk that is slow holds up who
# reports, and no head; what was answered as taken is on the disk; what could
# not be written is not taken. The record of several channels is one run.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
command -v strace >/dev/null || skip_all "strace is missing: apt-get install strace"
host=host.git

make_host $host c1 c2 c3 c4
make_clone $host work
new_reporter eu-1
new_reporter us-1
for channel in c1 c2 c3 c4; do
	set_channel $host $channel reporters "$TRASH/reporters"
	put work deploy/$channel/web.yaml ConfigMap web shop $channel
done
commit_push work one || bail "$(cat push.out)"

# serve [STRACE-ARGUMENT...]: of each of its threads and children
serve() {
	local tracer=()
	[ $# -eq 0 ] || tracer=(strace -f -q -y -o "$TRASH/trace" "$@")
	start serve "${tracer[@]}" windlass-hook serve --repo $host \
		--listen 127.0.0.1:0 --verbose
	wait_line 30 serve.log '^listening on ' || bail "serve does not start"
	url=$(sed -n 's/^listening on //p' serve.log)
}
# in_background NAME: posts the report NAME of c1
in_background() {
	curl -sS -m 120 -o "$1.said" -w '%{http_code}' -H 'Content-Type: text/plain' \
		--data-binary "@$1" "$url/c1/report" >"$1.status" 2>&1 &
}
is_answered() { [ -s "$1.status" ]; }
head_comes() { [ "$(curl -sS -m 60 -o head -w '%{http_code}' "$url/c1/head")" = 200 ]; }
kept=$host/windlass/c1/reports

# ---- a disk that is slow

if ! strace -f -q -o trace -e trace=fsync true 2>/dev/null; then
	skip 18 "strace may not trace here"
else
	serve -e trace=fsync -e inject=fsync:delay_enter=4000000
	r_channel=c1 report first
	in_background first
	writing() { ls $kept/eu-1.tmp-* >/dev/null 2>&1; }
	ok "a report is being written" wait_for 30 writing
	ok "a head comes meanwhile" head_comes
	ok "and another one" head_comes
	not_ok "while the report waits for the disk" is_answered first
	r_channel=c1 report second
	is "$(post second c1)" 503 "of the same cluster one at a time is taken"
	like "$(cat said.headers)" '^Retry-After: 1' "the next one in a second"
	r_channel=c1 r_cluster=us-1 report other
	in_background other
	ok "then it is answered" wait_for 60 is_answered first
	is "$(cat first.status)" 204 "as taken"
	ok "and it is there" cmp first $kept/eu-1
	like "$(cat trace)" 'fsync\([0-9]+<.*/eu-1\.since\.tmp-' "as is since when it is so"
	ok "another cluster's is written at the same time" wait_for 60 is_answered other
	is "$(cat other.status)" 204 "and taken"

	# ---- the end of serve meanwhile
	r_channel=c1 report last
	in_background last
	ok "one more" wait_for 30 writing
	pid=$(pgrep -P "$pid_serve" -f 'windlass-hook serve')
	ok "serve is to end" kill -TERM "$pid"
	r_channel=c1 r_cluster=us-1 report late
	in_background late
	ok "what is being written is answered" wait_for 60 is_answered last
	is "$(cat last.status)" 204 "as taken"
	ok "and it is there" cmp last $kept/eu-1
	ok "one that comes now is answered, too" wait_for 60 is_answered late
	is "$(cat late.status)" 503 "as not taken"
	ended() { ! kill -0 "$pid"; }
	wait_for 60 ended
	unlike "$(cat serve.log)" 'Fatal error' "and serve ends well"
	stop serve

	# ---- a disk that fails
	cp $kept/eu-1 before
	serve -e trace=fsync -e inject=fsync:error=EIO
	r_channel=c1 report lost
	is "$(post lost c1)" 503 "what cannot be written is not taken"
	like "$(cat said.headers)" '^Retry-After: 5' "for now"
	ok "its log says why" grep -q 'report-not-kept channel=c1 cluster=eu-1 .*Input/output error' serve.log
	ok "the one before is there" cmp before $kept/eu-1
	is "$(ls $kept | grep -c tmp)" 0 "and nothing else"
	is "$(post lost c1)" 503 "it is no report that was seen before"
	stop serve KILL
	serve
	is "$(post lost c1)" 204 "later it is taken"
	stop serve
fi

# ---- one run for several channels

start lock flock $host/windlass/record.lock sleep 600
held() { ! flock -n $host/windlass/record.lock true; }
wait_for 10 held || bail "no lock"
serve
started() { grep -q "job-started command=record-reports channel=$1" serve.log; }
is "$(r_channel=c1 send c1)" 204 "a report"
ok "is recorded" wait_for 30 started c1
for channel in c2 c3 c4; do
	is "$(r_channel=$channel send $channel)" 204 "reports of other channels"
done
mkdir -p $host/refs/windlass-status/c3
touch $host/refs/windlass-status/c3/eu-1.lock
stop lock
for channel in c1 c2 c4; do
	there() { git -C $host rev-parse -q --verify refs/windlass-status/$channel/eu-1; }
	ok "$channel is recorded" wait_for 60 there
done
for channel in c2 c3 c4; do started $channel || break; done
runs=$(sed -n '/command=record-reports/s/.* job-\([a-z]*\) .* channel=\(c.\).*/\1 \2/p' serve.log |
	sed -n '/started c2/,$p' | head -n 3)
is "$runs" "started c2
started c3
started c4" "by one run for all that is due"
failed() { grep -q 'job-failed command=record-reports.* c3@eu-1: cannot lock' serve.log; }
ok "one that cannot be recorded is told of" wait_for 60 failed
like "$(grep 'job-failed command=record-reports.* c3@eu-1: cannot lock' serve.log | head -n 1)" \
	' (channels=[2-4]|channel=c3) ' "as what went wrong of no other channel"
rm $host/refs/windlass-status/c3/eu-1.lock
channel=c3
ok "and recorded as soon as it can be" wait_for 60 there
done_testing
