#!/bin/bash
# init --remove takes the record of a channel's clusters away with the channel,
# and leaves the notes, which are about commits: it says so, and how to drop
# them.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

git init -q --bare $host
for channel in prod staging; do
	windlass-hook init $channel --repo $host --ref refs/heads/main \
		--path deploy/$channel --key "$TRASH/key-$channel" >/dev/null ||
		bail "init failed"
done
make_clone $host work
new_reporter eu-1
for channel in prod staging; do
	set_channel $host $channel reporters "$TRASH/reporters"
	put work deploy/$channel/web.yaml ConfigMap web shop
done
commit_push work one || bail "$(cat push.out)"
start serve windlass-hook serve --repo $host --listen 127.0.0.1:0
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)
refs() { git -C $host for-each-ref --format='%(refname)' "$@"; }
noted() { git -C $host notes --ref windlass/eu-1 show main; }
recorded() {
	[ "$(refs refs/windlass-status | grep -c '/eu-1$')" = 2 ] &&
		[ "$(noted | grep -c ': healthy')" = 2 ]
}
for channel in prod staging; do
	is "$(r_channel=$channel send $channel)" 204 "a report of $channel"
done
ok "both are recorded" wait_for 60 recorded
stop serve
note=$(noted)
like "$note" '^staging@eu-1: healthy' "and in a note"

remove() { windlass-hook init --remove --force "$1" --repo $host; }
ok "one channel is taken out" remove staging
unlike "$(cat .output)" '^notes' "nothing is said of the notes"
unlike "$(refs refs/windlass-status)" staging "its own records are gone"
like "$(refs refs/windlass-status)" '/prod/eu-1$' "the other's are there"
ok "the last one" remove prod
like "$(cat .output)" '^notes +refs/notes/windlass/\* are left: what ran where' \
	"it says that notes are left"
is "$(noted)" "$note" "they are, as they were"
is "$(refs refs/windlass-status refs/windlass)" "" "all else is gone"
sed -n '/^notes/,/^key/s/^    //p' .output >drop
ok "the command that it names" grep -q 'git update-ref --stdin' drop
ok "drops them" env GIT_DIR=$host bash -e drop
is "$(refs)" refs/heads/main "and only them"
done_testing
