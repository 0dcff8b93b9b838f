#!/bin/bash
# serve of many channels that follow one ref: to find out after a push which of
# them are published takes no time to speak of, and answers wait for it; and no
# child is started for those that the push has nothing for. The limit is of
# processor time, so that a busy machine changes nothing.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
host=host.git
channels=1000

make_host $host prod
make_clone $host work
put work deploy/prod/web.yaml ConfigMap web shop one
commit_push work one || bail "$(cat push.out)"
# the others are as the first, as far as serve looks
for i in $(seq $channels); do
	printf '[windlass "c-%d"]\n\tid = %032x\n\tref = refs/heads/main\n\tpath = deploy/c-%d\n\tsigningKey = %s\n\tpage = off\n' \
		"$i" "$i" "$i" "$TRASH/keys/prod"
	mkdir -p "$host/windlass/public/c-$i"
	sed "s/^channel prod/channel c-$i/" $host/windlass/public/prod/head \
		>"$host/windlass/public/c-$i/head"
done >more
cat more >>$host/config

(ulimit -t 4 && start serve windlass-hook serve --repo $host --listen 127.0.0.1:0 --verbose
	echo "$pid_serve" >pid)
at_exit "kill -KILL -- -$(cat pid)"
wait_line 60 serve.log '^listening on ' || bail "serve does not start: $(cat serve.log)"
url=$(sed -n 's/^listening on //p' serve.log)
is "$(curl -sS -m 120 -o head -w '%{http_code}' "$url/c-$channels/head")" 200 \
	"an answer after all were looked at"
ok "of that channel" grep -q "^channel c-$channels\$" head
is "$(grep -c 'job-started command=publish' serve.log)" 0 "none was to be published"
kill -KILL -- "-$(cat pid)"

# ---- a push that has something for one of them

host=few.git
make_host $host prod
for i in $(seq 21); do
	printf '[windlass "c-%d"]\n\tid = %032x\n\tref = refs/heads/main\n\tpath = deploy/c-%d\n\tsigningKey = %s\n' \
		"$i" "$i" "$i" "$TRASH/keys/prod"
	put other "deploy/c-$i/web.yaml" ConfigMap web shop one
done >>$host/config
make_clone $host few
cp -r other/deploy few/
put few deploy/prod/web.yaml ConfigMap web shop one
commit_push few one || bail "$(cat push.out)"
start serve windlass-hook serve --repo $host --listen 127.0.0.1:0 --verbose
recorded() { [ "$(grep -c 'job-done command=record-reports channel=prod' serve.log)" -ge "$1" ]; }
wait_for 60 recorded 1 || bail "serve does not look: $(cat serve.log)"
put few deploy/prod/web.yaml ConfigMap web shop two
commit_push few two || bail "$(cat push.out)"
ok "serve looks at what was pushed" wait_for 60 recorded 2
is "$(grep -c 'job-started command=publish' serve.log)" 0 "and leaves the others alone"
# ---- what waits for another channel and is taken back waits no more, though it
# leaves the channel as it is

. "$TEST_DIR/lib-report.sh"
host=few.git
new_reporter eu-1
set_channel $host prod reporters "$TRASH/reporters"
set_channel $host c-1 after 'prod for 1h'
waiting() { windlass status --repo $host --output json c-1 | jq -r .waiting.commit; }
waits() { [ "$(waiting)" = "$1" ]; }
put few deploy/c-1/web.yaml ConfigMap web shop two
commit_push few "waits" || bail "$(cat push.out)"
ok "a change waits" wait_for 60 waits "$(git -C few rev-parse HEAD)"
git -C few revert --no-edit HEAD >/dev/null
ok "it is taken back" push few
ok "and does not" wait_for 10 waits null
mv $host/hooks/post-receive post-receive
git -C few revert --no-edit HEAD >/dev/null
push few || bail "$(cat push.out)"
ok "a change that serve alone sees waits" \
	wait_for 60 waits "$(git -C few rev-parse HEAD)"
git -C few revert --no-edit HEAD >/dev/null
ok "it is taken back" push few
ok "and does not wait either" wait_for 60 waits null
done_testing
