#!/bin/bash
# An engine with nothing new to say says so every ten minutes, and a host that
# takes no reports is asked again after ten minutes, or after one when there is
# news. The clocks of the engine and its Git host jump, the monotonic one too,
# so that nobody has to wait; drift is repaired all the while. In the
# repository a heartbeat is no new commit.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
. "$TEST_DIR/lib-receiver.sh"
. "$TEST_DIR/lib-clock.sh"
clock_use
cluster_use
cluster_namespace beats
channel=beats-$$

# jump SECONDS: onward, for the engine and its Git host
jump() {
	clock_jump "$1"
	# it may sleep, and finds out when it is asked something
	[ -z "${METRICS:-}" ] || curl -s -o /dev/null "http://$METRICS/metrics"
}
# settled: the engine has gone round its loop since the jump, which its metrics
# tell, and has nothing on its way
settled() {
	local i
	for i in 1 2 3; do
		curl -sf -o /dev/null "http://$METRICS/metrics" || return 1
	done
	wait_for 30 quiet
}
# quiet: a second without a report
quiet() {
	local n
	n=$(reports_count)
	sleep 1
	[ "$(reports_count)" = "$n" ]
}
message() { k get channel "$channel" -o 'jsonpath={.status.reporter.message}'; }
says() { [[ $(message) == *"$1"* ]]; }
push_text() {
	put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"
	commit_push work "$2" || bail "$(cat push.out)"
}

make_host host.git "$channel"
make_clone host.git work
push_text web one
serve_start host.git || bail "serve does not start"
receiver_start || bail "the receiver does not start"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
report_to "$channel"
METRICS=127.0.0.1:$(free_port)
engine_lock || bail "no lock"
on_clock start engine windlassd --kubeconfig "$KUBECONFIG" --no-leader-elect \
	--state "$TRASH/state" --metrics "$METRICS" --cluster eu-1
ok "a report is taken" wait_report 60 phase healthy sequence 1
first=$report
ok "at first it says no more" settled

# ---- nothing new ----
n=$(reports_count)
jump 300
ok "five minutes later it is at work" settled
is "$(reports_count)" "$n" "and says nothing"
report_waited=$(reports_count)
jump 601
ok "ten minutes after the last one a report comes" wait_report 60 phase healthy sequence 1
is "$(grep -v '^counter\|^issued' "$report" | sed '/^-----BEGIN/q')" \
	"$(grep -v '^counter\|^issued' "$first" | sed '/^-----BEGIN/q')" \
	"which says the same"
ok "later" [ "$(field "$report" counter)" -gt $(($(field "$first" counter) + 900000)) ]
settled

# ---- a host that takes none ----
receiver_answers 403 - "not a listed reporter"
report_waited=$(reports_count)
push_text new two
ok "the host refuses" wait_for 60 says "it answered 403"
# that may have been of an object on its way
ok "the bundle is live all the same" wait_applied "$channel" 2 60
wait_ready "$channel" 30
jump 61
settled
n=$(reports_count)
jump 300
settled
is "$(reports_count)" "$n" "it is not asked again within ten minutes"
jump 301
more_than() { [ "$(reports_count)" -gt "$1" ]; }
ok "but then it is" wait_for 60 more_than "$n"
settled
n=$(reports_count)
push_text new three
ok "news" wait_applied "$channel" 3 60
settled
is "$(reports_count)" "$n" "does not hurry within a minute"
receiver_answers
report_waited=$(reports_count)
jump 61
ok "but after one it is told" wait_report 60 phase healthy sequence 3
says_nothing() { [ -z "$(message)" ]; }
ok "and all is well" wait_for 30 says_nothing

# ---- lost on the way, and a host that is down ----
receiver_answers 503
push_text new four
n=$(reports_count)
ok "an answer 503" wait_for 60 more_than "$n"
jump 301
undone "while it is in trouble drift is repaired" new
receiver_answers
report_waited=$(reports_count)
jump 301
ok "what was lost is told again" wait_report 60 phase healthy sequence 4

# ---- the record at a real host ----
stop serve
windlass status "$channel" | tail -n 1 >reporters
set_channel host.git "$channel" reporters "$TRASH/reporters"
on_clock serve_start host.git "${URL#http://}" || bail "serve does not start"
k patch channel "$channel" --type merge -p '{"spec":{"reportTo":null}}' >/dev/null
kept=host.git/windlass/$channel/reports/eu-1
ref=refs/windlass-status/$channel/eu-1
is_kept() { [ "$(field $kept sequence) $(field $kept phase)" = "$1 $2" ]; }
ok "a real host is told" wait_for 120 is_kept 4 healthy
recorded() { [ -n "$(git -C host.git for-each-ref "$ref")" ]; }
ok "and records it" wait_for 60 recorded
commits=$(git -C host.git rev-list --count "$ref")
tip=$(git -C host.git rev-parse "$ref")
beat() {
	local last
	last=$(field $kept counter)
	jump 601
	later() { [ "$(field $kept counter)" -gt "$last" ]; }
	wait_for 90 later
}
ok "ten minutes later it hears the same" beat
is "$(git -C host.git rev-parse "$ref")" "$tip" "which is no commit"
for i in 2 3 4 5 6; do
	beat || break
done
is "$i" 6 "so it goes on, for an hour"
moved() { [ "$(git -C host.git rev-parse "$ref")" != "$tip" ]; }
ok "once in an hour the record says when it was heard" wait_for 60 moved
is "$(git -C host.git rev-list --count "$ref")" "$commits" \
	"in place of the commit that was there"
undone "an hour later drift is repaired" web
ok "and all is well" wait_ready "$channel" 30
done_testing
