#!/bin/bash
# Others are told of what clusters report: in windlass' own form and in
# Slack's, each thing once, whatever is started again; and what may stand in
# the settings
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-notify.sh"

notify_host eu-1 us-1 ap-1
receiver_start ours
ours=$RECEIVER
receiver_start chat
echo "${RECEIVER%/report}/services/T0/s3cr3t-path" >chat-url
chmod 600 chat-url
set_channel $host prod notify "$ours"
git -C $host config --add windlass.prod.notify chat
set_receiver $host chat form slack
set_receiver $host chat urlFile "$TRASH/chat-url"
serve_start

# ---- what fails, with file and line

change one
is "$(send)" 204 "a cluster is healthy"
change "two <b> & more"
failure "Deployment.apps shop/web" deploy/prod/web.yaml:1 ImagePullBackOff \
	'Back-off pulling image "web:2" <!channel> & so on'
is "$(r_phase=failed r_objects='3 1 0 2 0 0' r_reason=Failed \
	r_since=2026-11-29T23:40:00Z r_message='2 objects failed' send)" 204 \
	"and fails with the next bundle"
ok "ours is told" came ours 1
ok "so is chat" came chat 1
is "$(events ours)" "failed eu-1 1.2" "that it failed, and not that it was healthy"
is "$(jq -r '[.version, .channel, .channelId == $id, (.time | length),
	(.events | length)] | join(" ")' \
	--arg id "$(git -C $host config windlass.prod.id)" \
	"$(report_of 1 ours)")" "1 prod true 20 1" "the message is small JSON"
is "$(jq -r '.events[0] | [.event, .cluster, .phase, .since, .epoch, .sequence,
	.bundle, .sourceRef, .sourceCommit, .author, .subject, .reason,
	.message, .stale] | map(tostring) | join("|")' "$(report_of 1 ours)")" \
	"failed|eu-1|failed|2026-11-29T23:40:00Z|1|2|$(bundle $host prod)|refs/heads/main|$commit|Ada Developer|two <b> & more|Failed|2 objects failed|false" \
	"it says who, what, which commit and why"
is "$(jq -r '.events[0].failures[] | [.source, .object, .reason, .message] |
	join("|")' "$(report_of 1 ours)")" \
	'deploy/prod/web.yaml:1|Deployment.apps shop/web|ImagePullBackOff|Back-off pulling image "web:2" <!channel> & so on' \
	"with file and line"
is "$(jq -r '.events[0].id' "$(report_of 1 ours)")" \
	"$(git -C $host config windlass.prod.id).eu-1.1.failed.$(bundle $host prod | cut -c1-12)" \
	"and has an id"
is "$(jq -r .text "$(report_of 1 chat)")" \
"prod@eu-1: failed: 1.2 of ${commit:0:12} (Ada Developer: two &lt;b&gt; &amp; more): Failed: 2 objects failed
  deploy/prod/web.yaml:1: Deployment.apps shop/web: ImagePullBackOff: Back-off pulling image \"web:2\" &lt;!channel&gt; &amp; so on" \
	"Slack's form has no more than text, in which nothing is a mention"
is "$(jq -r 'keys | join(" ")' "$(report_of 1 chat)")" text "and nothing else"
like "$(cat "$TRASH/chat/0001.request")" '^POST /services/T0/s3cr3t-path' \
	"to the url of the file"
like "$(cat "$TRASH/chat/0001.request")" '^Content-Type: application/json' "as JSON"
is "$(stat -c %a $host/windlass/prod/notified/chat)" 640 "what was told is kept"

# ---- each thing once

r_phase=failed r_objects='3 1 0 2 0 0' r_reason=Failed \
	r_since=2026-11-29T23:50:00Z r_message='3 objects failed' send >/dev/null
r_phase=applying r_objects='3 1 2 0 0 0' send >/dev/null
is "$(r_since=2026-11-29T23:55:00Z send)" 204 "it is healthy at last"
ok "which is told" happened ours "recovered eu-1 1.2"
is "$(events ours)" "failed eu-1 1.2
recovered eu-1 1.2" "and nothing was in between"
is "$(jq -r '.events[0].ended | join(" ")' "$(report_of last ours)")" failed \
	"with what is over"
ok "in Slack's form too" said_in chat 'prod@eu-1: healthy again: 1\.2 of '
# what who pushes would have everybody hear
change 'see @here, <!here> @Channel (@all), a@all.example @@everyone _@all [go](https://x.example)'
r_phase=failed r_reason=Failed r_message='ask @channel, app@sha256:0' send >/dev/null
ok "a commit that calls everybody" said_in chat 'failed: 1\.3 of '
is "$(jq -r .text "$(report_of last chat)" | sed 's/^[^(]*//; s/\xe2\x80\x8b/~/g')" \
	'(Ada Developer: see @~here, &lt;!here&gt; @~Channel (@~all), a@all.example @~@~everyone _@~all [go]~(https:~//x.example)): Failed: ask @~channel, app@sha256:0' \
	"calls nobody and leads nowhere, in Slack or Mattermost"
send >/dev/null
ok "all is well again" happened ours "recovered eu-1 1.3"
long=$(printf "x%.0s" {1..99})
change "${long}äß"
is "$(r_cluster=us-1 r_phase=waiting r_reason=WaitingForApproval \
	r_message='waits for 1 of bob, carol' send)" 204 "another one waits"
ok "which is told" happened ours "waiting us-1 1.4"
ok "for whom" said_in chat \
	'prod@us-1: waits for approval: 1\.4 .*waits for 1 of bob, carol$'
is "$(bodies ours | jq -r '.events[] | select(.event == "waiting") | .subject')" \
	"$long" "a long subject is cut between two characters"
r_cluster=us-1 r_phase=applying send >/dev/null
r_cluster=us-1 r_objects='3 3 0 0 1 2' send >/dev/null
ok "somebody fights it" happened ours "fighting us-1 1.4"
ok "over how much" said_in chat 'somebody else keeps changing 2 objects back'
r_cluster=us-1 send >/dev/null
ok "and gives up" happened ours "recovered us-1 1.4"
r_cluster=us-1 r_stale=yes send >/dev/null
ok "its head expires" happened ours "stale us-1 1.4"
ok "which chat hears, too" said_in chat 'prod@us-1: the head that it has is past'
is "$(events ours | sed 1,4d)" "waiting us-1 1.4
fighting us-1 1.4
recovered us-1 1.4
stale us-1 1.4" "and that was all"

# ---- whatever is started again

before=$(posts ours)
noted '.clusters["us-1"].stale' prod || bail "what was told is not noted"
stop serve
serve_start
is "$(hook $host notify)" "" "a run by hand has nothing to do"
is "$(r_cluster=ap-1 r_phase=refused r_reason=DeniedKind r_message='no: kind' \
	send)" 204 "a third one refuses the bundle"
ok "that is a failure too" happened ours "failed ap-1 1.4"
is "$(posts ours)" $((before + 1)) "nothing was told again"
# killed after it was sent, and before that was noted
noted '.clusters["ap-1"] | .failed + .refused != ""' prod ||
	bail "what was told is not noted"
stop serve
cp $host/windlass/prod/notified/url.* kept
r_cluster=ap-1 report healthy
cp healthy $host/windlass/prod/reports/ap-1
is "$(hook $host notify 2>&1 | sed 's/^chat.*//;/^$/d')" \
	"${ours%/report}/...: prod@ap-1 recovered" "what was told is printed"
first=$(jq -c .events "$(report_of last ours)")
jq '.clusters["ap-1"].perhaps = 1 | .clusters["ap-1"].failed = ""' kept \
	>"$(echo $host/windlass/prod/notified/url.*)"
hook $host notify >/dev/null
is "$(jq -c .events "$(report_of last ours)")" "$first" \
	"what may have arrived is told once more, with the same id"
is "$(posts ours)" $((before + 3)) "and then no more"
echo 'torn {' >"$(echo $host/windlass/prod/notified/url.*)"
like "$(hook $host notify 2>&1)" "url\..*what is so is told once more|what is so is told once more: .*url\." \
	"a file that is no good is said to be"
is "$(jq -r '.events[] | .event + " " + .cluster' "$(report_of last ours)")" \
	"stale us-1" "and what is so is told once more"
is "$(hook $host notify 2>&1)" "" "once"

# ---- a message to be seen

is "$(hook $host notify --test | sed "s|$ours|URL|")" \
"prod: ${ours%/report}/... took the message
prod: chat took the message" "a test is told"
is "$(jq -r '.events[] | .event + ": " + .text' "$(report_of last ours)")" \
	"test: prod: windlass can reach you: this is a test" "and says so"
echo 404 >chat/answer
is "$(hook $host notify --test 2>&1 >/dev/null)" \
	"windlass-hook: chat answers 404" "one that is not taken is an error"
hook $host notify --test >/dev/null 2>&1
is "$?" 1 "with its status"
rm chat/answer

# ---- which events

set_receiver $host chat event failed
set_receiver $host chat link 'https://status.example.org/prod?a=1&b=2'
r_cluster=us-1 report healthy
cp healthy $host/windlass/prod/reports/us-1
before=$(posts chat)
later
hook $host notify >out
is "$(grep -c '^chat' out)$(posts chat)" "0$before" "others are not told"
r_cluster=us-1 r_phase=failed report failed
cp failed $host/windlass/prod/reports/us-1
hook $host notify >out
is "$(jq -r .text "$(report_of last chat)" | tail -n 1)" \
	'https://status.example.org/prod?a=1&amp;b=2' "with the link"

# ---- settings

ok "doctor has nothing against it" \
	bash -c 'windlass-hook doctor --repo host.git | grep -q "^ok .*notify: chat is told"'
# bad WHAT WORDS...: refused by all, in one line that says that
bad() {
	local what=$1 re=$2 command
	shift 2
	cp $host/config config.good
	"$@"
	for command in "doctor --repo $host" "notify --repo $host" \
		"init other --repo $host --ref refs/heads/main --path x" \
		"serve --repo $host --listen 127.0.0.1:0"
	do
		# shellcheck disable=SC2086
		timeout 20 windlass-hook $command >out 2>err </dev/null
		[ $? -eq 1 ] || fail "$what: ${command%% *} does not refuse it"
		cat out err | grep -qE -e "$re" || {
			fail "$what: ${command%% *} does not say why"
			cat out err | sed 's/^/# /'
		}
		! grep -q hunter2 out err || fail "$what: a secret is shown"
	done
	pass "$what"
	cp config.good $host/config
}
c() { git -C $host config "$@"; }
n=windlass-notify.chat
bad "a section that is not there" "windlass.prod.notify is 'nobody', which is neither a url nor" \
	c --add windlass.prod.notify nobody
bad "in the clear" 'windlass.prod.notify: must be https://' \
	c --add windlass.prod.notify http://ops.example.org/x
bad "a password in a url" 'windlass.prod.notify: must be https://' \
	c --add windlass.prod.notify https://ada:hunter2@ops.example.org/x
both() { c $n.url https://x.example; }
bad "two urls" "$n has both url and urlFile" both
none() { c --unset $n.urlFile; }
bad "no url" "$n has neither url nor urlFile" none
password() { none; c $n.url https://ada:hunter2@x.example/; }
bad "a password in a section" "$n.url: must be https://" password
bad "an unknown form" "$n.form = 'carrier-pigeon': must be generic, slack" \
	c $n.form carrier-pigeon
bad "an unknown event" "$n.event = 'healthy': must be failed" c --add $n.event healthy
bad "an unknown key" "unknown setting '$n.tokenfil'" c $n.tokenFil x
bad "a token for Slack" "$n.tokenFile: what is secret of slack is its url" \
	c $n.tokenFile /etc/token
forge() { none; c $n.form gitea; c $n.url https://git.example.org/ada; c --unset-all $n.event; c $n.tokenFile /x; }
bad "no repository" "$n.url: must be that of a repository" forge
token() { forge; c $n.url https://git.example.org/ada/app; c --unset $n.tokenFile; }
bad "a forge without a token" "$n has no tokenFile" token
event() { forge; c $n.event failed; }
bad "events of a forge" "$n.event: commit statuses say all" event
bad "a bad time" "windlass.prod.silentAfter = 'soon': must be a duration" \
	c windlass.prod.silentAfter soon
chmod 640 chat-url
timeout 20 windlass-hook serve --repo $host --listen 127.0.0.1:0 >out 2>err
is "$? $(cat err)" "1 windlass-hook: $n.urlFile: url file '$TRASH/chat-url' can be accessed by others (mode 0640): chmod 600 it" \
	"serve does not begin with a file that others can read"
like "$(windlass-hook doctor --repo $host)" 'FAIL  prod: notify: chat: url file' \
	"doctor says so too"
chmod 600 chat-url
echo 'http://elsewhere.example.org/hunter2' >chat-url
like "$(windlass-hook doctor --repo $host)" \
	"FAIL  prod: notify: chat: the url in '$TRASH/chat-url': must be https://" \
	"a bad url in the file too"
unlike "$(windlass-hook doctor --repo $host)" hunter2 "without showing it"
unlike "$(cat serve.log)" 's3cr3t' "no secret is in the log"
done_testing
