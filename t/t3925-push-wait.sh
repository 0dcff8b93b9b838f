#!/bin/bash
# git push -o wait: what clusters report of a push, told to who made it
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host prod
make_clone $host work
put work deploy/prod/web.yaml ConfigMap web shop
commit_push work one || bail "push"

change() { put work deploy/prod/web.yaml ConfigMap web shop "$1" && commit work "$1"; }
# pushing OPTION...: in the background; its output is in push.out
pushing() {
	git -C work push "$@" origin HEAD:refs/heads/main >push.out 2>&1 &
	pusher=$!
}
published() { grep -q "prod 1\.$1 published" push.out; }
is_told() { grep -qE -e "$1" push.out; }

# ---- nobody to wait for

change two
ok "without reporters a push that waits returns" timeout 60 \
	git -C work push -q -o wait origin HEAD:refs/heads/main
like "$(cat .output)" 'prod: there is nobody to wait for: .*reporters is not set' \
	"and says so"
for bad in wait=0 wait=601 wait=soon wait=-1; do
	change "$bad"
	not_ok "-o $bad is refused" git -C work push -o $bad origin \
		HEAD:refs/heads/main
done
not_ok "and says what it can be" git -C work push -o wait=x origin \
	HEAD:refs/heads/main
like "$(cat .output)" 'seconds from 1 to 600' "in the refusal"
push work || bail "push"

new_reporter eu-1
new_reporter us-1
set_channel $host prod reporters "$TRASH/reporters"
start serve windlass-hook serve --repo $host --listen 127.0.0.1:0
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)

# ---- progress, and the verdict of each

seq=$(trailer $host prod Sequence)
change three
pushing -o wait=60
wait_for 30 published $((seq + 1)) || bail "$(cat push.out)"
r_phase=applying r_applied=none r_objects='118 3 115 0 0 0' send >/dev/null
ok "progress is told" wait_for 20 is_told \
	'prod@eu-1: applying, 3 of 118 objects ready'
r_objects='118 118 0 0 0 0' send >/dev/null
ok "and that it is healthy" wait_for 20 is_told \
	'prod@eu-1: healthy (after [0-9]+\.[0-9] s|since 20)'
ok "while it waits for the other one" kill -0 "$pusher"
failure "Deployment.apps shop/web" deploy/prod/web.yaml:1 ImagePullBackOff \
	'Back-off pulling image "web:2"'
r_cluster=us-1 r_phase=failed r_objects='118 117 0 1 0 0' r_reason=Failed \
	r_message='1 object failed' send >/dev/null
wait "$pusher"
is $? 0 "the push returns when all have come to an end"
like "$(cat push.out)" 'prod@us-1: failed .*: Failed: 1 object failed' \
	"with what failed"
like "$(cat push.out)" 'deploy/prod/web.yaml:1: Deployment.apps shop/web: ImagePullBackOff: Back-off pulling image "web:2"' \
	"with file and line"

# ---- overtaken, without a lock

change four
pushing -o wait=60
wait_for 30 published $((seq + 2)) || bail "$(cat push.out)"
git clone -q "file://$TRASH/$host" other
put other deploy/prod/web.yaml ConfigMap web shop five
commit other five
ok "another push is not kept out" timeout 60 git -C other push -q origin \
	HEAD:refs/heads/main
wait "$pusher"
is $? 0 "the first one returns"
like "$(cat push.out)" "prod: 1\.$((seq + 2)) was overtaken by 1\.$((seq + 3))" \
	"and says that it was overtaken"

# ---- time, and a client that goes

git -C work pull -q --rebase origin main 2>/dev/null ||
	git -C work fetch -q origin && git -C work reset -q --hard origin/main
change six
ok "a push that waits in vain returns" timeout 60 \
	git -C work push -o wait=2 origin HEAD:refs/heads/main
like "$(cat .output)" 'prod@eu-1: has said nothing of it after 2 s' \
	"and says for whom it waited"
change seven
pushing -o wait=300
wait_for 30 published $((seq + 5)) || bail "$(cat push.out)"
kill -INT "$pusher"
kill -9 "$pusher" 2>/dev/null
wait "$pusher" 2>/dev/null
is "$(send)" 204 "a client that went leaves reports alone"
change eight
ok "and the next push" timeout 60 git -C work push -q -o wait=1 origin \
	HEAD:refs/heads/main
is "$(trailer $host prod Sequence)" $((seq + 6)) "all of them are published"

# ---- a flood of words

change nine
pushing -o wait=60
wait_for 30 published $((seq + 7)) || bail "$(cat push.out)"
for i in $(seq 15); do
	r_phase=applying r_applied=none r_objects="118 $i 3 0 0 0" send
done >/dev/null
for cluster in eu-1 us-1; do
	for i in $(seq 20); do
		failure "ConfigMap shop/$i" deploy/prod/web.yaml:1 Bad \
			"$(printf '%01000d' 0)"
	done
	r_cluster=$cluster r_phase=failed r_reason=Bad \
		r_objects='118 15 0 99 0 0' report sent
	while [ "$(post sent)" = 429 ]; do sleep 0.5; done
done
wait "$pusher"
is $? 0 "many words end, too"
ok "and are bounded" test "$(wc -c <push.out)" -lt 20000
is "$(grep -cE 'prod@(eu|us)-1: failed' push.out)" 2 "with both verdicts"
is "$(grep -c 'and 89 more' push.out)" 2 "and how much is not shown"

done_testing
