#!/bin/bash
# Keys come and go while the engine runs: a publisher and an approver change
# theirs, and nothing is unverified, stale or waits for it; a key that is taken
# out, or whose time is over by our own clock, brings nothing more, deletes
# nothing, and what is live is kept.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace keys
channel=keys-$$
for name in "$channel" b c d alice alice2; do
	make_key "$name"
done

config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
utc() { date -u -d "$1" +%Y%m%d%H%M%SZ; }
# line KEY [OPTION]: of publishers
line() {
	printf '%s namespaces="git,head-v1@windlass.dev"%s %s\n' "$1" \
		"${2:+,$2}" "$(cut -d' ' -f1,2 "keys/$1.pub")"
}
seen() { [ "$(json '{.metadata.generation}')" = "$(json '{.status.observedGeneration}')" ]; }
# spec FIELD <TEXT: the Channel has it, and the engine has seen it
spec() {
	k patch channel "$channel" --type merge -p "$(jq -Rsc --arg f "$1" \
		'{spec: (if $f == "publishers" then {publishers: .}
			else {approvals: {required: 1, approvers: .}} end)}')" \
		>/dev/null &&
		wait_for 20 seen
}
signs_with() {
	set_channel host.git "$channel" signingKey "$TRASH/keys/$1"
	hook host.git publish "$channel" >/dev/null
}
signed_by() {
	printf 'x %s\n' "$(cut -d' ' -f1,2 "keys/$1.pub")" >only
	git -C host.git -c gpg.format=ssh \
		-c gpg.ssh.allowedSignersFile="$TRASH/only" \
		verify-commit "refs/windlass/$channel"
}
watch_begin() {
	start watch "$KUBECTL" get channel "$channel" -w -o \
		'jsonpath={range .status.conditions[*]}{.type}={.status}({.reason}) {end}{"\n"}'
	wait_line 10 watch.log 'Verified=True'
}
# undisturbed WHAT: what the Channel said since then
undisturbed() {
	stop watch
	unlike "$(cat watch.log)" \
		'Verified=(False|Unknown)|Fetched=(False|Unknown)|Stale=True|Forked=True|Ready=False\((Invalid|Not)' \
		"$1: it was never unverified, unreachable or stale"
}
drift() {
	k -n "$ns" patch configmap a -p '{"data":{"text":"edited"}}' >/dev/null
	ok "$1: drift is repaired" wait_for 20 is_text a "$2"
}

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 100
make_clone host.git work
config a one
config b one
commit_push work first
port=$(free_port)
start static python3 -m http.server --bind 127.0.0.1 \
	-d host.git/windlass/public "$port"
URL=http://127.0.0.1:$port
wait_for 10 curl -sf "$URL/$channel/head" || bail "no server"
channel_install host.git "$channel" >/dev/null || bail "install failed"
k patch channel "$channel" --type merge -p '{"spec":{"interval":"1s"}}' \
	>/dev/null
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 40
ok "and ready" wait_ready "$channel" 20

# ---- the publisher's key, with overlap and without a gap ----
watch_begin || bail "nothing to watch"
{ line "$channel"; line b; } | spec publishers
drift "two keys" one
ok "the host signs with the new one" signs_with b
ok "the bundle is signed by it" signed_by b
ok "and applied" wait_applied "$channel" 2 20
line b | spec publishers
sleep 2.5	# two polls
drift "the new key alone" one
config a two
commit_push work second
ok "what it signs is applied" wait_applied "$channel" 3 20
undisturbed "a rotation"
is "$(grep -c 'apply-failed\|bundle-refused' engine.log)" 0 \
	"and nothing failed"

# ---- with times that overlap, as they pass ----
over=$(utc '10 seconds')
{ line b "valid-before=\"$over\""; line c "valid-after=\"$(utc '1 hour ago')\""
} | spec publishers
watch_begin || bail "nothing to watch"
signs_with c
ok "while both are valid the host changes" wait_applied "$channel" 4 20
wait_for 30 eval '[ "$(utc now)" \> "$over" ]'
sleep 2.5
config a three
commit_push work third
ok "when the old one is over all goes on" wait_applied "$channel" 5 20
undisturbed "times that pass"

# ---- an engine that was away meanwhile ----
engine_kill
signs_with d
config a four
commit_push work fourth
signs_with b
signs_with c
{ line "$channel" 'valid-before="20260101Z"'; line b "valid-before=\"$over\""
	line d "valid-before=\"$over\""; line c; } >publishers
jq -Rsc '{spec: {publishers: .}}' publishers >patch
k patch channel "$channel" --type merge --patch-file patch >/dev/null
engine_start || bail "windlassd does not start again"
ok "bundles by keys that are over by now are gone through" \
	wait_applied "$channel" 9 30
is "$(text a)" four "to the newest"
line c | spec publishers
engine_kill
rm -rf state
engine_start
ok "one that has only the new key and no disk is ready" \
	wait_ready "$channel" 30

# ---- a cluster that begins now ----
engine_kill
k delete channel "$channel" >/dev/null
ssh-keygen -y -f keys/c >keys/c.now
channel_install host.git "$channel" --cluster-admin >/dev/null ||
	bail "install failed"
line c >publishers
jq -Rsc '{spec: {interval: "1s", publishers: .}}' publishers >patch
k patch channel "$channel" --type merge --patch-file patch >/dev/null
engine_start
ok "a new Channel with only the new key has the newest bundle" \
	wait_applied "$channel" 9 30

# ---- a bundle that waits while its key ends, by a host that waits, too ----
static=$URL
serve_start host.git || bail "serve does not start"
at_url() {
	k patch channel "$channel" --type merge -p "{\"spec\":{\"url\":\"$1\"}}" \
		>/dev/null
}
at_url "$URL"
k patch channel "$channel" --type merge -p '{"spec":{"suspend":true}}' >/dev/null
ok "suspended" wait_condition "$channel" Suspended True 20
line c "valid-before=\"$(utc '12 seconds')\"" | spec publishers
config a five
commit_push work fifth
ok "a bundle waits" wait_line 20 engine.log 'bundle-verified .*sequence=10 '
ok "its key ends: that shows" wait_condition "$channel" Verified False 25 \
	KeyNotTrusted
like "$(condition "$channel" Verified)" "the key of 'c' is not valid after" \
	"by our own clock"
k patch channel "$channel" --type merge -p '{"spec":{"suspend":false}}' >/dev/null
ok "it goes on" wait_condition "$channel" Suspended False 20
sleep 2
is "$(json '{.status.accepted.sequence}') $(text a)" "9 four" \
	"attack-31 what waited is not accepted any more"
drift "a key that is over" four
line c | spec publishers
ok "with time it is" wait_applied "$channel" 10 20

stop serve
at_url "$static"

# ---- taken out ----
begin=$(date +%s%3N)
line d | spec publishers
ok "attack-31 a key that is taken out shows" \
	wait_condition "$channel" Verified False 10 KeyNotTrusted
took=$(($(date +%s%3N) - begin))
ok "at once: $took ms" [ "$took" -lt 3000 ]
git -C work rm -q "deploy/$channel/b.yaml"
config a stolen
commit_push work stolen
sleep 3
is "$(json '{.status.accepted.sequence}') $(text a)" "10 five" \
	"attack-31 nothing that it signs is applied"
is "$(text b)" one "attack-31 nothing is deleted"
drift "attack-31 a key that was taken out" five
k -n "$ns" delete configmap b >/dev/null
ok "what is deleted by hand comes back" wait_for 20 is_text b one
engine_kill
engine_start
ok "attack-31 after a restart too" wait_condition "$channel" Verified False 30 \
	KeyNotTrusted
drift "after a restart" five
is "$(json '{.status.accepted.sequence}')" 10 "nothing was taken"
git -C work revert --no-edit HEAD >/dev/null
push work
signs_with d
line d >publishers
ok "another key must be let over the history of the one before" \
	wait_condition "$channel" Verified False 20 KeyNotTrusted
{ line d; line c "valid-before=\"$(utc now)\""; } | spec publishers
ok "when it is listed as over, that history is gone through" \
	wait_applied "$channel" 13 20
is "$(text a) $(text b)" "five one" "to its end"

# ---- an approver's key ----
{ approver_line alice keys/alice; approver_line alice keys/alice2; } >approvers
set_channel host.git "$channel" approvers "$TRASH/approvers"
new_bundle() {
	config a "$1"
	commit_push work "$1" || return
	git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
	bundle=$(git -C work rev-parse "refs/bundles/$channel")
	sequence=$(approval_field work "$bundle" Sequence)
}
waits() { wait_condition "$channel" Applied False 20 WaitingForApproval; }
by() { approve work "keys/$1" alice approve "$bundle"; }
approver_line alice keys/alice | spec approvers
watch_begin || bail "nothing to watch"
new_bundle six
ok "a bundle waits for alice" waits
ok "who approves by her old key" by alice
ok "and it is applied" wait_applied "$channel" "$sequence" 20
{ approver_line alice keys/alice; approver_line alice keys/alice2; } |
	spec approvers
new_bundle seven
ok "the next one waits" waits
ok "for her new one" by alice2
ok "and is applied" wait_applied "$channel" "$sequence" 20
approver_line alice keys/alice2 | spec approvers
sleep 1
is "$(json '{.status.accepted.sequence}') $(text a)" "$sequence seven" \
	"without the old one what was accepted stays"
new_bundle eight
ok "the next one waits" waits
ok "the Git host takes the old key still" by alice
sleep 2
is "$(text a)" seven "the cluster does not"
approve work keys/alice2 alice approve "$bundle" \
	Not-After="$(approval_time 90000)"
ok "but the new one" wait_applied "$channel" "$sequence" 20
undisturbed "an approver's rotation"
done_testing
