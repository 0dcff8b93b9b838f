#!/bin/bash
# Others are told of what happens to a channel as a whole: that something waits
# for another channel that failed, or for long, and waits no more; and of
# rollbacks that the Git host makes by itself or does not. Each once.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-notify.sh"
. "$TEST_DIR/lib-clock.sh"
clock_use

make_host $host prod staging web
make_clone $host work
new_reporter eu-1
for channel in prod staging web; do
	set_channel $host $channel reporters "$TRASH/reporters"
done
set_channel $host prod after 'staging for 1s'
set_channel $host web rollback 'on-failure for 1s'
receiver_start ours
for channel in prod web; do
	set_channel $host $channel notify "$RECEIVER"
	git -C $host config --add windlass.$channel.notify chat
done
receiver_start chat
set_receiver $host chat form slack
set_receiver $host chat url "$RECEIVER"

files() { # TEXT CHANNEL...
	local channel
	for channel in "${@:2}"; do
		put work "deploy/$channel/web.yaml" ConfigMap web shop "$1"
	done
	commit_push work "$1" || bail "$(cat push.out)"
	commit=$(git -C work rev-parse HEAD)
}
says() { # CHANNEL PHASE [MESSAGE]
	is "$(r_channel=$1 r_phase=$2 r_reason=Reason r_message=${3:--} send "$1")" \
		204 "$1 says $2"
}
# told FIELDS: of each event of $of (prod) that is no cluster's
of=prod
told() {
	bodies ours | jq -r ".events[] | select(.cluster == null and
		.channel == \"$of\") | [$1] | map(tostring) | join(\" \")"
}
told_now() { [ "$(told "$1")" = "$2" ]; }
is_told() { wait_for 60 told_now "$@"; }
last() { bodies ours | jq -c '.events[] | select(.cluster == null)' | tail -n 1; }
published() { [ "$(trailer $host "$1" Source-Commit)" = "$2" ]; }

serve_start
files one staging prod web
says staging healthy
ok "prod is published" wait_for 60 published prod "$commit"
says prod healthy
is "$(told .event)" "" "what waits a moment is not told of"

# ---- held ----
files two staging prod
two=$commit
says staging failed 'no such image @here'
ok "what waits for a channel that failed is" is_told .event held
is "$(last | jq -r '[.channel, .after, .sourceCommit, .author, .subject] | join(" ")')" \
	"prod staging $two Ada Developer two" "which, and for whom"
is "$(last | jq -r .text)" \
	"prod: ${two:0:12} (Ada Developer: two) waits for staging: staging@eu-1 failed with 1.2: Reason: no such image @here" \
	"and why"
ok "in Slack's form too" said_in chat "^prod: ${two:0:12} .* waits for staging: staging@eu-1 failed with 1\.2"
is "$(bodies chat | jq -r .text | grep -c '@here')" 0 "calling nobody"
says staging applying
says staging failed 'no such image again'
noted '.held != ""' prod || bail "what was told is not noted"
stop serve
is "$(hook $host notify)" "" "that is told once"
serve_start
says staging healthy
ok "staging is mended, and prod goes on" wait_for 60 published prod "$two"
ok "which is told" is_told '.event, (.ended // [] | join(","))' 'held 
recovered held'
is "$(last | jq -r .text)" "prod: nothing waits for staging any more" "in words"
noted '.held == "" and .waitsSince == 0' prod || bail "what was told is not noted"
stop serve

# ---- for long ----
files three staging prod
three=$commit
# unheard: what is told arrives and is not answered, $first is its id; and then
# some time goes by
unheard() {
	echo close >ours/answer
	notify >/dev/null 2>&1
	rm ours/answer
	first=$(last | jq -r .id)
	clock_jump 10
}
notify() { on_clock windlass-hook notify --repo $host prod; }
notify >/dev/null
is "$(told .event | wc -l)" 2 "what waits is given time"
clock_jump 1500
notify >/dev/null
is "$(told .event | wc -l)" 2 "as long as a cluster may be silent"
clock_jump 600
unheard
like "$(notify)" ': prod held$' "then it is told of"
is "$(last | jq -r .id)" "$first" "under the same id where it may have arrived"
like "$(last | jq -r .text)" \
	"^prod: ${three:0:12} \(Ada Developer: three\) has waited for staging since 20[0-9-]*T[0-9:]*Z: staging must be healthy for 1s with ${three:0:12}" \
	"since when, and for what"
unlike "$(notify)" held "once"
since=$(jq .waitsSince $host/windlass/prod/notified/chat)
staging=$(bundle $host staging)
git -C $host update-ref refs/windlass/staging main
not_ok "where nobody can tell what waits, as when staging is damaged" notify
like "$(cat .output)" "^windlass-hook: prod: not all is told: what waits for channel 'staging': " \
	"that is said"
ok "a run of serve does not fail of it" \
	on_clock windlass-hook notify --repo $host --background prod
like "$(cat .output)" '^again ([1-9]|[1-5][0-9]|60)$' \
	"and looks again soon: what clusters say does not wait"
git -C $host update-ref refs/windlass/staging "$staging"
is "$(notify)" "" "and no receiver is told that nothing does"
is "$(told .event | wc -l)" 4 "then or later"
noted ".held != \"\" and .waitsSince == $since" prod || bail "it is forgotten"
git -C work revert --no-edit HEAD >/dev/null
push work || bail "$(cat push.out)"
unheard
like "$(notify)" ': prod recovered$' "what goes on is told too"
is "$(last | jq -r .id)" "$first" "under the same id, too"
is "$(told '.event, .id' | uniq | cut -d ' ' -f 1 | xargs)" \
	"held recovered held recovered" "so much was told"
is "$(told .id | uniq | sort | uniq -d)" "" "and each has an id of its own"
later

# ---- rollbacks ----
of=web
serve_start
files bad web
bad=$(bundle $host web)
says web failed
ok "what failed is rolled back" is_told .event rollback
back=$(git -C $host rev-parse main)
is "$(last | jq -r '[.channel, .bundle, .epoch, .sequence, .made, .sourceCommit] | map(tostring) | join(" ")')" \
	"web $bad 1 2 true $back" "which is told, by its commit"
is "$(last | jq -r .text)" \
	"web: rolled back: 1.2 failed, refs/heads/main is ${back:0:12}: the source of 1.1" "in words"
is "$(git -C $host log -1 --format='%(trailers:key=Windlass-Rollback,valueonly)' "$back" | head -n 1)" \
	"web 1.1" "and is so"
ok "the old files are published" wait_for 60 published web "$back"
noted '.rolled != ""' web || bail "what was told is not noted"
rolled=$(jq -r .rolled $host/windlass/web/notified/chat)
says web failed
ok "when they fail too" is_told '.event, .made' 'rollback true
rollback false'
is "$(last | jq -r .text)" \
	"web: not rolled back: 1.3 failed, and came by a rollback itself" \
	"it is told that nobody goes back any further"
noted ".rolled != \"$rolled\"" web || bail "what was told is not noted"
noted '[.clusters[].failed] | all(. != "")' web || bail "what failed is not noted"
stop serve
is "$(hook $host notify web)" "" "once"

# ---- one that is killed, one that cannot be, one that is overtaken
rollbacks() { told '.event, .made' | grep -c "^rollback $1\$"; }
set_channel $host web rollback 'on-failure for 2h'
serve_start
git -C work pull -q origin main
files good web
good=$commit
says web healthy
files worse web
says web failed
ok "the failure is told" wait_for 60 noted_now \
	".clusters[\"eu-1\"].failed == \"$(bundle $host web)\"" web
stop serve
undo() { on_clock windlass-hook rollback-failed --repo $host web; }
notify() { on_clock windlass-hook notify --repo $host web; }
# it failed for so long that the first trouble would be told if it were counted
# from the failure
clock_jump $((9000 - clock_at))
git -C $host config windlass.pushUrl https://127.0.0.1:1/x.git
not_ok "where it cannot be pushed" undo
like "$(cat .output)" 'main could not be pushed to$' "it is tried again"
is "$(notify)" "" "and nobody is told"
clock_jump 901
not_ok "after a quarter of an hour" undo
like "$(notify)" ': web rollback$' "they are"
like "$(last | jq -r '"\(.made) \(.text)"')" \
	'^false web: not rolled back: 1\.[0-9]+ failed, and could not be rolled back so far: refs/heads/main could not be pushed to$' \
	"why"
not_ok "and it is tried" undo
is "$(notify)" "" "which is no news"
git -C $host config --unset windlass.pushUrl
set_channel $host web requiredLabels team
not_ok "where it is refused then" undo
like "$(notify)" ': web rollback$' "that is"
like "$(last | jq -r '"\(.made) \(.text)"')" \
	'^false web: not rolled back: 1\.[0-9]+ failed, and could not be rolled back: the push to refs/heads/main was refused$' \
	"why"
not_ok "and it is tried" undo
is "$(notify)" "" "once"
git -C $host config --unset windlass.web.requiredLabels

put work docs/read.yaml ConfigMap read shop
git -C work add docs && git -C work commit -qm 'of other paths'
git -C work push -q origin HEAD:refs/heads/other
mv $host/hooks/pre-receive pre-receive
cat >$host/hooks/pre-receive <<END
#!/bin/bash
[ ! -e "$TRASH/overtake" ] || env -u GIT_QUARANTINE_PATH \
	git update-ref refs/heads/main refs/heads/other
rm -f "$TRASH/overtake"
exec "$TRASH/pre-receive"
END
chmod +x $host/hooks/pre-receive
: >overtake
before=$(rollbacks false)
undo >out 2>err
is $? 2 "somebody pushes meanwhile"
like "$(cat err)" 'refs/heads/main was moved meanwhile$' "so it is tried again"
ok "that was so" test ! -e overtake
is "$(notify; rollbacks false)" "$before" "and nothing is called refused"

if grep -q '^#define ENABLE_FAULTS 1' "$WINDLASS_BUILD/config.h"; then
	before=$(rollbacks true)
	WINDLASS_CRASH_AT=undo_made undo >/dev/null 2>&1
	is "$(notify)" "" "one that is killed before the push is no rollback"
	WINDLASS_CRASH_AT=undo_pushed undo >/dev/null 2>&1
	ok "killed behind it" git -C $host diff --quiet main "$good" -- deploy/web
	like "$(notify)" ': web rollback$' "it is told of"
	is "$(last | jq -r '"\(.made) \(.sourceCommit)"')" \
		"true $(git -C $host rev-parse main)" "by its commit"
	undo >/dev/null
	is "$(notify; rollbacks true)" $((before + 1)) "once"
fi
# ---- what came in though nobody heard so, here or from where it was pushed to

# cut REPO: the push that has moved a ref there is killed
cut() {
	mv "$1/hooks/post-receive" "$1/hooks/ours"
	cat >"$1/hooks/post-receive" <<'END'
#!/bin/bash
for ((p = PPID; p > 1; p = $(ps -o ppid= -p "$p"))); do
	[[ $(tr '\0' ' ' <"/proc/$p/cmdline") != git*' push '* ]] ||
		{ kill -KILL "$p"; break; }
done
END
	chmod +x "$1/hooks/post-receive"
}
# fails TEXT: what is pushed fails for hours
fails() {
	git -C work pull -q origin main
	serve_start
	files "$1" web
	# the hook of the push was on another clock
	on_clock windlass-hook publish --repo $host web >published 2>&1 ||
		bail "$(cat published)"
	says web failed
	stop serve
	notify >/dev/null
	clock_jump 9000
}
fails lost
cut $host
before=$(rollbacks true)
ok "where the answer to the push is lost" undo
like "$(cat .output)" '^web: 1\.[0-9]+ failed, refs/heads/main is ' "it went back"
like "$(notify)" ': web rollback$' "which is told"
is "$(rollbacks true)" $((before + 1)) "as one that was made"
mv $host/hooks/ours $host/hooks/post-receive
on_clock windlass-hook publish --repo $host web >/dev/null ||
	bail "publish"
fails elsewhere
git clone -q --bare $host forge.git
git -C $host config windlass.pushUrl "$TRASH/forge.git"
mv forge.git/hooks forge.git/none
mkdir forge.git/hooks
: >forge.git/hooks/post-receive
cut forge.git
before="$(rollbacks true) $(rollbacks false)"
not_ok "where it is lost on the way from elsewhere" undo
is "$(notify; rollbacks true) $(rollbacks false)" "$before" "nobody is told"
clock_jump 901
git -C $host fetch -q "$TRASH/forge.git" main:main
notify >/dev/null
is "$(rollbacks true) $(rollbacks false)" \
	"$((${before% *} + 1)) ${before#* }" "but what was made, once it is here"
git -C $host config --unset windlass.pushUrl
set_receiver $host chat event rollback
ok "either can be what is told alone" bash -c "windlass-hook notify --repo $host"
done_testing
