#!/bin/bash
# git push -o wait of more channels than one: each is told of when it has
# something to say, and none waits for another one's clusters
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host alpha beta
make_clone $host work
new_reporter eu-1
for channel in alpha beta; do
	set_channel $host $channel reporters "$TRASH/reporters"
	mkdir -p $host/windlass/$channel/reports
	put work deploy/$channel/web.yaml ConfigMap web shop one
done
commit_push work one || bail "push"
for channel in alpha beta; do
	put work deploy/$channel/web.yaml ConfigMap web shop two
done
commit work two
before=$(git -C $host rev-parse refs/windlass/beta)

# what a cluster says, where serve would keep it
says() {
	r_channel=$1 report "$TRASH/next"
	mv "$TRASH/next" "$host/windlass/$1/reports/eu-1"
}
is_published() { [ "$(git -C $host rev-parse refs/windlass/beta)" != "$before" ]; }

git -C work push -o wait=120 origin HEAD:refs/heads/main >out 2>&1 &
pusher=$!
wait_for 60 is_published || bail "beta is not published"
says beta
ok "the second is told of while the first is silent" \
	wait_line 60 out 'windlass: beta@eu-1: healthy'
ok "which is waited for" kill -0 $pusher
unlike "$(cat out)" 'alpha@eu-1' "and nothing is said of it"
says alpha
wait $pusher
is $? 0 "the push ends with the last of them"
like "$(cat out)" 'windlass: alpha@eu-1: healthy' "and tells of it"

put work deploy/alpha/web.yaml ConfigMap web shop three
put work deploy/beta/web.yaml ConfigMap web shop three
commit work three
git -C work push -o wait=1 origin HEAD:refs/heads/main >out 2>&1
is $? 0 "when the time is over"
is "$(grep -c 'eu-1: has said nothing of it after [0-9]* s' out)" 2 \
	"each is told of once, at the same time"

done_testing
