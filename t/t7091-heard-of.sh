#!/bin/bash
# What clusters said counts as long as they are heard of: one that went silent
# lets nothing through that another channel waits for, and has nothing rolled
# back; nor does what was said before somebody listened.
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
	set_channel $host $channel silentAfter 30m
done
set_channel $host prod after 'staging for 1h'
set_channel $host web rollback 'on-failure for 1h'

# said CHANNEL PHASE: three hours ago, and so on since
said() {
	serve
	is "$(r_channel=$1 r_phase=$2 send "$1")" 204 "$1 is $2"
	stop serve
	began[$1]=$(sed -n 's/^since //p' sent)
	clock_jump 10800
}
declare -A began
# last CHANNEL MINUTES: it was heard of so many minutes ago, by a serve that
# had begun before
last() {
	off_clock touch -d '4 hours ago' $host/windlass/serve.start
	off_clock touch -d "$2 minutes ago" "$host/windlass/$1/reports/eu-1"
}
config() { put work "deploy/$1/web.yaml" ConfigMap web shop "$2"; }
publish() { hook $host publish prod >out 2>err; }
undo() { hook $host rollback-failed web >out 2>err; }
prod_has() { [ "$(trailer $host prod Source-Commit)" = "$1" ]; }
web_is_back() {
	git -C $host log -1 --format='%(trailers:key=Windlass-Rollback,valueonly)' \
		main | grep -qx 'web 1\.1'
}

for channel in prod staging web; do config $channel one; done
commit_push work one || bail "$(cat push.out)"

# ---- silent

for channel in staging web; do
	set_channel $host $channel silentAfter 5m
	like "$(hook $host doctor)" "^warn  $channel: notify: silentAfter is shorter than the ten minutes" \
		"doctor warns of less than engines take, of $channel"
	set_channel $host $channel silentAfter 30m
done
said staging healthy
last staging 31
ok "a cluster that was healthy for long, and is silent" publish
like "$(cat out)" '^prod waits: .*; staging@eu-1 has not been heard of for 31m' \
	"lets nothing through"
last staging 28
ok "as long as it is not silent yet" publish
ok "it does" prod_has "$(git -C work rev-parse HEAD)"
config web two
commit_push work two || bail "$(cat push.out)"
two=$(git -C $host rev-parse main)
said web failed
last web 31
ok "one that failed for long, and is silent" undo
like "$(cat out)" '^web: nothing to roll back: web@eu-1 has not been heard of for 31m' \
	"has nothing rolled back"
is "$(git -C $host rev-parse main)" "$two" "and nothing moves"

# ---- nobody listened

config prod three
config staging three
commit_push work three || bail "$(cat push.out)"
three=$(git -C $host rev-parse main)
said staging healthy
last staging 20
said web failed
last web 20
serve
ok "serve starts" wait_line 30 serve.log 'job-started command=record-reports'
unlike "$(cat serve.log)" 'command=rollback-failed' \
	"and goes back by nothing that was said before"
ok "nor does publish" publish
like "$(cat out)" '^prod waits: .*; staging@eu-1 has not been heard of since serve was started$' \
	"which says why"
ok "nor rollback-failed" undo
like "$(cat out)" 'web@eu-1 has not been heard of since serve was started$' "the same"
is "$(git -C $host rev-parse main)" "$three" "nothing moves"
is "$(r_channel=staging r_since=${began[staging]} send staging)" 204 "staging is heard of"
ok "and prod goes on" wait_for 30 prod_has "$three"
is "$(r_channel=web r_phase=failed r_since=${began[web]} r_reason=Failed send web)" \
	204 "web is heard of"
ok "and goes back" wait_for 60 web_is_back
stop serve

# ---- when that cannot be noted

rm $host/windlass/serve.start
mkdir $host/windlass/serve.start
serve
ok "it starts all the same" grep -q 'start-not-noted.*serve\.start' serve.log
done_testing
