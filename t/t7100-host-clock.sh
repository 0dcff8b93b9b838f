#!/bin/bash
# How long a cluster has been healthy, or has failed, is counted by the clock of
# the Git host, from when it heard so first: whatever the cluster says of times,
# through restarts of serve, lost reports and heartbeats.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-clock.sh"
clock_use
clock_everywhere
host=host.git

make_host $host prod staging web
make_clone $host work
new_reporter eu-1
for channel in staging web; do
	set_channel $host $channel reporters "$TRASH/reporters"
done
set_channel $host prod after 'staging for 1h'
set_channel $host web rollback 'on-failure for 1h'

config() { put work "deploy/$1/web.yaml" ConfigMap web shop "$2"; }
both() { config staging "$1"; config prod "$1"; commit_push work "$1" || bail "$(cat push.out)"; }
from_now() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }
# says PHASE SINCE [ISSUED]: of staging
says() {
	is "$(r_channel=staging r_phase=$1 r_since=$2 r_issued=${3:-$(now_text)} \
		r_counter=$(rising) send staging)" 204 "it says $1 since $2"
}
web_says() {
	is "$(r_channel=web r_phase=$1 r_since=$2 r_reason=R \
		r_counter=$(rising) send web)" 204 "web says $1 since $2"
}
# whatever the clock does
rising() { off_clock date +%s%6N; }
publish() { hook $host publish prod >out 2>err; }
undo() { hook $host rollback-failed web >out 2>err; }
prod_has() { [ "$(trailer $host prod Source-Commit)" = "$1" ]; }
tip() { git -C work rev-parse HEAD; }
# young DESCRIPTION: it has been so for less than a minute
young() {
	ok "$1" publish
	like "$(cat out)" '^prod waits: .*; staging has been so for [0-9]{1,2}s$' \
		"counts from now"
}
since_file=$host/windlass/staging/reports/eu-1.since

config web one
both one
serve

# ---- clocks that lie

says healthy "$(from_now -172800)"
young "since two days ago"
says healthy 1970-01-01T00:00:00Z "$(from_now 172800)"
young "since ever, said in two days"
says healthy "$(from_now 172800)"
young "since a day to come"
web_says failed "$(from_now -172800)"
ok "a failure since two days ago" undo
like "$(cat out)" '^web: nothing to roll back: 1\.1 has failed for [0-9]{1,2}s so far$' \
	"counts from now"

# ---- clocks that jump

began=$(now_text)
says healthy "$began"
clock_jump 600
says healthy "$began" "$(from_now 7200)"
ok "a heartbeat by a clock that has jumped ahead" publish
like "$(cat out)" '; staging has been so for 10m[0-9s]*$' "counts for no more than it was here"
clock_jump 600
says healthy "$began" "$(from_now -7200)"
ok "one by a clock that was put back" publish
like "$(cat out)" '; staging has been so for 20m[0-9s]*$' "for no less"

# ---- nobody listens, and reports get lost

stop serve
clock_jump 1200
off_clock touch -d '1 minute ago' $host/windlass/staging/reports/eu-1
serve
ok "after a restart" publish
like "$(cat out)" '; staging@eu-1 has not been heard of since serve was started$' \
	"it is waited for"
says healthy "$began"
ok "when it is heard of again" publish
like "$(cat out)" '; staging has been so for 40m[0-9s]*$' "its time goes on"
clock_jump 1201
says healthy "$began"
ok "and is over in an hour" wait_for 30 prod_has "$(tip)"

# ---- what was broken off begins anew

both two
began=$(now_text)
says healthy "$began"
clock_jump 3000
says healthy "$(now_text)"
young "another beginning, what was between is lost"
began=$(now_text)
says healthy "$began"
clock_jump 3000
says applying "$(now_text)"
says healthy "$began"
young "the same one, when something else was between"
clock_jump 3000
rm $since_file
touch $host/windlass/staging/reports/eu-1
young "when the host lost its note"
says healthy "$began"
clock_jump 3000
printf '%s healthy x\n' "$(bundle $host staging)" >$since_file
touch $host/windlass/staging/reports/eu-1
young "when that is no note"
if [ "$(id -u)" = 0 ]; then
	says healthy "$began"
	clock_jump 3000
	chown 12345 $since_file
	touch $host/windlass/staging/reports/eu-1
	young "when it is somebody else's"
	chown 0 $since_file
else
	skip 3 "this is not root"
fi

# ---- the host's own clock was ahead

says healthy "$(now_text)"
stop serve
clock_jump -7200
serve
began=$(now_text)
says healthy "$began"
clock_jump 3601
says healthy "$began"
ok "one that was put back holds nothing back" wait_for 30 prod_has "$(tip)"

# ---- the record

config web three
commit_push work three || bail "$(cat push.out)"
ref=refs/windlass-status/web/eu-1
recorded() { # FORMAT PATTERN
	git -C $host log -1 --format="$1" $ref | grep -Eq "$2"
}
first=$(date +%s)
began=$(from_now -172800)
web_says healthy "$began"
ok "what is healthy is recorded" wait_for 30 recorded %s 'web@eu-1: healthy \(1\.2'
dated=$(git -C $host log -1 --format=%at $ref)
ok "by when it was heard first" [ $((dated - first)) -ge 0 -a $((dated - first)) -le 60 ]
clock_jump 3400
rm $host/windlass/web/reports/eu-1.since
web_says healthy "$began"
clock_jump 3400
web_says healthy "$began"
# the author's date is that of then
later() { [ "$(git -C $host log -1 --format=%ct $ref)" -ge $((dated + 3000)) ]; }
ok "an hour later it says that it was heard again" wait_for 30 later
is "$(git -C $host log -1 --format=%at $ref)" "$dated" \
	"and still since when, though the host lost its note of that"
began=$(now_text)
web_says failed "$began"
ok "a failure" wait_for 30 recorded %s 'web@eu-1: failed \(1\.2'
clock_jump 3601
web_says failed "$began"
ok "of what was well for long by this clock" undo
like "$(cat out)" '^web: nothing to roll back: 1\.2 failed, after web@eu-1 had been healthy with it for 1h53m' \
	"is left alone"
config web four
commit_push work four || bail "$(cat push.out)"
web_says healthy "$(from_now -172800)"
ok "what is healthy" wait_for 30 recorded %s 'web@eu-1: healthy \(1\.3'
began=$(now_text)
web_says failed "$began"
ok "and fails" wait_for 30 recorded %s 'web@eu-1: failed \(1\.3'
clock_jump 3601
web_says failed "$began"
back() { git -C $host log -1 --format=%s main | grep -qx 'Roll web back to 1\.2'; }
ok "was well for two days by the cluster's clock alone" wait_for 60 back
done_testing
