#!/bin/bash
# Receivers that are away, slow, busy or refuse: what they are told then, that
# nothing waits for them, that none is flooded, and what is never shown
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-notify.sh"

notify_host c{01..30}
change one
receiver_start ours
set_receiver $host ours url "${RECEIVER%/report}/path-s3cr3t"
echo t0ken-s3cr3t >token
chmod 600 token
set_receiver $host ours tokenFile "$TRASH/token"
set_channel $host prod notify ours
serve_start
state=$host/windlass/prod/notified/ours

# says CLUSTER [PHASE]: it reports that, of the newest bundle
says() {
	local code
	code=$(r_cluster=$1 r_phase=${2:-healthy} send)
	[ "$code" = 204 ] || fail "a report of $1 is not taken: $code"
}
logged() { grep -c "not-notified.*$1" serve.log; }
has_logged() { [ "$(logged "$1")" -ge "$2" ]; }
kept() { jq -r "$1" $state 2>/dev/null; }
kept_is() { [ "$(kept "$1")" = "$2" ]; }

# ---- with a token

says c01 failed
ok "a failure is told" happened ours "failed c01 1.1"
like "$(cat ours/0001.request)" '^Authorization: Bearer t0ken-s3cr3t' \
	"with the token"

# ---- busy

echo 503 >ours/answer
says c02 failed
ok "one that answers 503 is logged" wait_for 20 has_logged 'ours answers 503' 1
ok "and asked again" came ours 3
rm ours/answer
ok "until it takes it" wait_for 60 kept_is '.clusters.c02.failed != ""' true
ok "which is remembered" wait_for 20 kept_is .failures 0
is "$(logged 'ours answers 503')" 1 "it was said once"
echo 429 60 >ours/answer
before=$(date +%s)
says c03 failed
ok "one that answers 429 is asked again" wait_for 20 kept_is '.failures' 1
ok "when it says" test "$(kept .retryAt)" -ge $((before + 60))
ok "and no later" test "$(kept .retryAt)" -le $(($(date +%s) + 60))
like "$(windlass-hook doctor --repo $host)" \
	'^warn +prod: notify: ours was not told last: ours answers 429' \
	"doctor tells of it"
hook $host notify >out 2>&1
is "$?" 2 "by hand it is asked at once"
rm ours/answer
is "$(hook $host notify)" "ours: prod@c03 failed" "and told"
is "$(events ours | sort -u | xargs)" \
	"failed c01 1.1 failed c02 1.1 failed c03 1.1" "all of it"

# ---- refuses

echo 400 >ours/answer
later
count=$(posts ours)
says c04 failed
ok "one that refuses is logged" wait_for 20 has_logged 'ours answers 400' 1
kill -HUP "$pid_serve"
hook $host notify >/dev/null 2>&1
hook $host notify >/dev/null 2>&1
is "$(posts ours)" $((count + 1)) "it is not asked the same again"
says c05 failed
ok "but when there is more" came ours $((count + 2))
echo 302 >ours/answer
touch token
hook $host notify >out 2>&1
is "$(cat out)" \
	"prod: ours answers 302: redirects are not followed, name where that leads" \
	"or another token: and no redirect is followed"
rm ours/answer
touch token
is "$(hook $host notify | sort | xargs)" \
	"ours: prod@c04 failed ours: prod@c05 failed" "then it is told all of it"

# one that a receiver cannot stand keeps nobody back
later
echo 400 >ours/answer-once
r_cluster=c05 report kept.report
stop serve
cp kept.report $host/windlass/prod/reports/c05
hook $host notify >/dev/null 2>&1
r_cluster=c04 report kept.report
cp kept.report $host/windlass/prod/reports/c04
is "$(hook $host notify 2>&1)" "ours: prod@c04 recovered" \
	"what was refused of one cluster does not keep back another"

# ---- killed in between

later
r_cluster=c04 r_phase=failed report kept.report
cp kept.report $host/windlass/prod/reports/c04
count=$(posts ours)
echo hang >ours/answer
start killed windlass-hook notify --repo $host
ok "a run that is killed" came ours $((count + 1))
stop killed KILL
rm ours/answer
first=$(jq -r '.events[].id' "$(report_of last ours)")
is "$(hook $host notify)" "ours: prod@c04 failed" "is followed by one that tells it"
is "$(jq -r '.events[].id' "$(report_of last ours)")" "$first" "with the same id"
is "$(hook $host notify)" "" "and no more"
mv $host/windlass/prod/notified kept.notified
: >$host/windlass/prod/notified
count=$(posts ours)
like "$(hook $host notify 2>&1)" '^prod: cannot keep what is told: ' \
	"where it cannot be kept"
is "$(posts ours)" "$count" "nothing is sent"
rm $host/windlass/prod/notified
mv kept.notified $host/windlass/prod/notified
serve_start

# ---- away: the newest only

later
stop ours
says c06 failed
says c07 failed
ok "one that is away is logged" wait_for 20 has_logged 'cannot reach ours' 1
says c07 healthy
port=${RECEIVER%/report}
port=${port##*:}
start ours python3 "$TEST_DIR/report-receiver.py" "$port" "$TRASH/ours"
mkdir old && mv ours/*.report old
ok "when it is back it is told" happened ours "failed c06 1.1"
is "$(events ours)" "failed c06 1.1" "and not of what is over"

# ---- hangs, and hangs up

later
echo hang >ours/answer
says c08 failed
ok "one that hangs" came ours 2
ok "holds up nothing that is served" \
	curl -fsS -m 5 -o /dev/null "$url/prod/head"
says c09 healthy
ok "nor a push" bash -c 'cd work && git commit -q --allow-empty -m x && timeout 20 git push -q origin HEAD:main'
ok "and is given up" wait_for 60 has_logged 'cannot reach ours.*imed out' 1
is "$(kept .clusters.c08.perhaps)" 1 "it may have arrived"
says c08 healthy
echo close >ours/answer
hook $host notify >/dev/null 2>&1
rm ours/answer
ok "so that the end is told" bash -c 'windlass-hook notify --repo host.git | grep -x "ours: prod@c08 recovered"'
is "$(bodies ours | jq -r '.events[] | select(.cluster == "c08") | .event + " " + .id' |
	sort -u | awk 'seen[$2]++')" "" "under another id than what may have arrived"

# ---- no flood

later
before=$(posts ours)
for cluster in $(seq -f c%02g 10 30); do
	says "$cluster" failed
done
all_failed() {
	[ "$(events ours | grep -cE '^failed c(1.|2.|30) ')" = 21 ]
}
enough() { all_failed || came_now ours $((before + 10)); }
ok "many fail at once" wait_for 60 enough
ok "there are few messages" test $(($(posts ours) - before)) -le 12
later
hook $host notify >/dev/null
ok "by which all are told" all_failed
ok "of no more than ten clusters each" test -z "$(bodies ours | jq 'select((.events | map(.cluster) | unique | length) > 10)')"
later
before=$(posts ours)
for i in 1 2 3 4 5 6 7 8 9; do
	says c10 healthy
	hook $host notify >/dev/null
	says c10 failed
	hook $host notify >/dev/null
done
ok "one that goes up and down" test $(($(posts ours) - before)) -le 7
says c10 healthy
hook $host notify >/dev/null
later
hook $host notify >/dev/null
is "$(events ours | grep ' c10 ' | tail -n 1)" "recovered c10 1.1" \
	"is told of as it is in the end"

# ---- silence

later
# both are this process' work: its children are told since when it listens
set_channel $host prod silentAfter 3s
kill -HUP "$pid_serve"
ok "who does not report is silent" happened ours "stale c01 1.1"
like "$(jq -r '.events[] | select(.event == "stale") | .text' \
	"$(report_of last ours)")" 'prod@c[0-9]*: has not reported since 20..-' \
	"since when"
later
set_channel $host prod silentAfter 1h
says c02 failed
ok "until it does" happened ours "recovered c02 1.1"
later
stop serve
touch -d '2 hours ago' $host/windlass/prod/reports/c03
is "$(hook $host notify)" "ours: prod@c03 stale" "by hand the time of the report counts"
before=$(events ours)
later
serve_start
says c29 healthy
ok "after a start" happened ours "recovered c29 1.1"
is "$(events ours | grep -c ' c03 ')" "$(grep -c ' c03 ' <<<"$before")" \
	"nobody is heard of who was not, nor silent before it listened"

# ---- what is never shown

unlike "$(cat serve.log out $host/windlass/prod/notified/*)" 's3cr3t' \
	"neither token nor url is in a log or kept"
unlike "$(bodies ours)" 's3cr3t' "or sent in a message"
done_testing
