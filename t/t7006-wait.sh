#!/bin/bash
# windlass wait: a pipeline that has a clone and no cluster waits until what
# it pushed is live, or hears what failed
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host prod
make_clone $host work
new_reporter eu-1
new_reporter us-1
set_channel $host prod reporters "$TRASH/reporters"

change() {
	put work deploy/prod/web.yaml ConfigMap web shop "$1"
	commit_push work "$1" || bail "push"
}
waits() { windlass wait --repo work "$@" >out 2>err; echo $?; }
waiting() {
	windlass wait --repo work --timeout 2m prod >out 2>err &
	waiter=$!
}

change one
is "$(waits --timeout 1s prod)" 1 "nobody reports"
like "$(cat out)" '^  eu-1  has not reported yet$' "and that is said"
like "$(cat err)" 'the time is over' "when the time is over"
is "$(waits other)" 2 "a channel that is not there"
like "$(cat err)" "no channel 'other' has published anything there, but prod; .*--new" \
	"is told at once, with those that are"
is "$(windlass wait --repo $host --timeout 1m other >out 2>err; echo $?)" 2 \
	"at the Git host, too"
like "$(cat err)" "no channel 'other' has published anything there, but prod; " \
	"and there, too"
is "$(waits --new other --timeout 1s)" 1 "unless it is new"
is "$(waits --remote nowhere prod)" 2 "a remote that is not there"
printf '#!/bin/sh\ntouch %s/ran\n' "$TRASH" >program && chmod +x program
is "$(waits --remote "--upload-pack=$TRASH/program" prod)" 2 \
	"no remote is an option of git"
printf 'publisher namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >signers
git -C work config gpg.format ssh
git -C work config user.signingKey "$TRASH/keys/prod"
(cd work && windlass approve --remote "--upload-pack=$TRASH/program" \
	--publishers "$TRASH/signers" --yes prod) >out 2>&1
like "$(cat out)" "'--upload-pack=.*program'|does not appear to be a git repository" \
	"nor for approve"
not_ok "nothing was run" test -e "$TRASH/ran"
is "$(windlass wait --repo nowhere prod >out 2>err; echo $?)" 2 "no repository"
is "$(waits --timeout 0s prod)" 129 "no time"

# ---- it goes well

report_kept eu-1
is "$(waits --timeout 1s prod)" 1 "one that is listed has never reported"
like "$(cat out)" '^  us-1  has not reported yet$' "that is said"
like "$(cat out)" '^prod: waiting for eu-1, us-1$' "and who is waited for"
like "$(cat err)" 'the time is over for us-1$' "and for whom in vain"
report_kept us-1
is "$(waits prod)" 0 "all is well already"
change two
waiting
r_phase=applying r_applied=none r_objects='118 3 115 0 0 0' report_kept eu-1
wait_line 60 out '^prod@eu-1: applying 1\.2, 3 of 118 objects ready$'
judge $? "each step is told"
report_kept eu-1
wait_line 60 out '^prod@eu-1: healthy 1\.2,'
judge $? "that one is healthy, too"
ok "it waits for the other one" kill -0 "$waiter"
report_kept us-1
wait "$waiter"
is $? 0 "until all are"
like "$(cat out)" '^prod  newest 1\.2' "and shows what is so now"
is "$(grep -c '^prod@eu-1: applying' out)" 1 "nothing is told twice"

# ---- it does not

change three
waiting
failure "Deployment.apps shop/web" deploy/prod/web.yaml:1 ImagePullBackOff \
	'Back-off pulling image "web:2"'
r_phase=failed r_objects='2 1 0 1 0 0' r_reason=Failed \
	r_message='1 object failed' report_kept us-1
wait "$waiter"
is $? 1 "one fails"
like "$(cat out)" \
'^    deploy/prod/web.yaml:1: Deployment.apps shop/web: ImagePullBackOff: Back-off' \
	"with file and line"
# what failed before does not count when there is a newer one
change four
waiting
report_kept eu-1
report_kept us-1
wait "$waiter"
is $? 0 "an older failure does not count"

# ---- in the Git host's own repository, and without a network

is "$(windlass wait --repo $host prod >out 2>err; echo $?)" 0 \
	"the Git host need not fetch"
mv $host away.git
is "$(waits prod)" 2 "a Git host that is not there"
mv away.git $host
change five
waiting
wait_for 60 git -C work cat-file -e "$(git -C $host rev-parse \
	refs/windlass/prod)" || bail "nothing was fetched"
mv $host away.git
sleep 3
ok "one that goes away meanwhile is waited for" kill -0 "$waiter"
mv away.git $host
report_kept eu-1
report_kept us-1
wait "$waiter"
is $? 0 "and comes back"
is "$(grep -c 'fetch failed: .*; it is tried again$' err) $(grep -c '^fatal' err)" "1 0" \
	"which is said once, and not by git at each look"

# ---- a certain commit

is "$(waits --commit HEAD prod)" 0 "the commit that is live"
mv $host/hooks/post-receive post-receive
change six
is "$(waits prod)" 0 "one that was not published is not waited for"
is "$(waits --commit HEAD --timeout 1s prod)" 1 "unless it is named"
six=$(git -C work rev-parse HEAD)
like "$(cat err)" "the time is over, and no bundle of ${six:0:12} or what came after it was published" \
	"which is said"
windlass wait --repo work --commit "$six" --timeout 2m prod >out 2>err &
waiter=$!
sleep 1
ok "it waits" kill -0 "$waiter"
ok "until that is done" hook $host publish prod
mv post-receive $host/hooks/post-receive
report_kept eu-1
report_kept us-1
wait "$waiter"
is $? 0 "and is live"
like "$(cat out)" '^prod  newest 1\.6' "with it"
git clone -q "file://$TRASH/$host" other
put other deploy/prod/web.yaml ConfigMap web shop seven
commit_push other seven || bail "push"
report_kept eu-1
report_kept us-1
is "$(waits --commit "$six" prod)" 0 "what somebody else pushed after it has it too"
git -C work commit -q --allow-empty -m side
is "$(waits --commit HEAD --timeout 1s prod)" 1 "what nobody has pushed is not there"
is "$(waits --commit nothing prod)" 2 "a commit that there is not"
like "$(cat err)" "'nothing' names no commit of this repository" "is told of"

# ---- a bundle of a commit that no ref of the Git host leads to any more, and
# that it does not hand out

git -C $host update-ref refs/heads/main "$six"
git clone -q "file://$TRASH/$host" lost
cat >upload-pack <<END
#!/bin/sh
echo connected >>$TRASH/connections
exec git-upload-pack "\$@"
END
chmod +x upload-pack
git -C lost config remote.origin.uploadpack "$TRASH/upload-pack"
git -C lost config protocol.version 0
is "$(windlass wait --repo lost --commit HEAD --timeout 1s prod >out 2>err; echo $?)" \
	1 "it cannot be told what came after it"
is "$(wc -l <connections)" 7 \
	"in two looks: what is new, its ref's tip; once the ref, and that commit, and why not"
unlike "$(cat err)" '^(fatal|error)' "and git says nothing at each of them"

# ---- a channel that follows another ref by now, for which the host has no
# bundle yet, nor the one before: a shallow clone has nothing of that

change eight
git -C $host branch trunk main
git -C $host symbolic-ref HEAD refs/heads/trunk
git -C $host update-ref -d refs/heads/main
set_channel $host prod ref refs/heads/trunk
readme() {
	echo "$1" >>work/README
	git -C work add README && git -C work commit -qm "$1" &&
		git -C work push -q origin HEAD:refs/heads/trunk 2>push.out
}
readme nine || bail "push"
git clone -q --depth 1 "file://$TRASH/$host" shallow
readme ten || bail "push"
report_kept eu-1
report_kept us-1
is "$(windlass wait --repo shallow --commit HEAD --timeout 10s prod >out 2>err; echo $?)" \
	0 "a ref that is gone is no host that is away"
like "$(cat out)" '^prod: [0-9a-f]{12} changes nothing of the channel' \
	"what came after the commit is found all the same"

done_testing
