#!/bin/bash
# Approvals in the cluster: a bundle waits for enough people, who are told
# apart by the Channel's own list, and the one before it is kept meanwhile.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace approve
channel=approve-$$
dir=work/deploy/$channel
for name in alice alice2 bob carol mallory; do
	make_key "$name"
done

config() {
	mkdir -p "$dir"
	printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {a: "%s"}\n' \
		"$1" "$ns" "${2:-b}" >"$dir/$1.yaml"
}
value() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.a}' 2>/dev/null; }
is_value() { [ "$(value "$1")" = "$2" ]; }
# the list of the Channel, and what else is said of approvals
approvals() {
	local list=$1 more=$2
	k patch channel "$channel" --type merge -p "$(printf \
		'{"spec":{"approvals":{"approvers":"%s"%s}}}' \
		"$(sed 's/"/\\"/g; s/$/\\n/' <<<"$list" | tr -d '\n')" \
		"${more:+,$more}")" >/dev/null
}
new_bundle() {
	commit_push work "$1" || return
	git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
	bundle=$(git -C work rev-parse "refs/bundles/$channel")
	sequence=$(approval_field work "$bundle" Sequence)
}
waits() {
	wait_for 40 is_waiting "$1"
}
is_waiting() {
	local text
	text=$(condition "$channel" Applied)
	[[ $text == "False ${reason:-WaitingForApproval} bundle 1.$sequence: "* ]] &&
		[[ $text == *"$1"* ]]
}
applied() { wait_applied "$channel" "$sequence" 40; }
by() { approve work "keys/$1" "${2:-$1}" approve "$bundle" "${@:3}"; }

list=$(approver_line alice keys/alice; approver_line bob keys/bob
	approver_line carol keys/carol)
# the Git host takes more than the cluster counts
{
	echo "$list"
	approver_line alice2 keys/alice2
	approver_line mallory keys/mallory
} >approvers
make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
set_channel host.git "$channel" approvers "$TRASH/approvers"
make_clone host.git work
for name in one two three four five; do config $name; done
serve_start host.git || bail "serve does not start"
echo "$list" >list
channel_install host.git "$channel" --cluster-admin --approvers list \
	--approvals 2 >/dev/null || bail "install failed"
again() {
	windlass install "$channel" --from host.git --url "$URL" \
		--cluster-admin "$@" 2>&1
}
not_ok "to install it again without them" again --apply
like "$(again --apply)" "a list of approvers, which this would take away, with the approvals" \
	"is refused"
not_ok "nor with fewer of them, unsaid" again --apply --approvers list
like "$(again --apply --approvers list)" 'need 2 approvals' "is refused"
ok "but with as many" again --apply --approvers list --approvals 2
# who approves does not wait for the next poll: there is none
k patch channel "$channel" --type merge -p '{"spec":{"interval":"1h"}}' >/dev/null
echo nonsense >list.bad
like "$(again --approvers list.bad)" 'list.bad: line 1' "is refused with its line"
new_bundle first
engine_start || bail "windlassd does not start: $(cat engine.log)"

# ---- two of three ----
ok "a bundle waits for two people" waits \
	"it needs the approval of 2 people, and has none; alice, bob, carol can give it"
is "$(live_count)" 0 "and nothing of it is applied"
like "$(windlass status "$channel")" 'Applied=[A-Za-z]*  WaitingForApproval: .*alice, bob, carol can give it' \
	"windlass status says who is missing"
ok "one approves" by alice
ok "which is one too few" waits \
	"and has that of alice; bob, carol can give it by \`windlass approve $channel\`"
is "$(live_count)" 0 "and nothing is applied"
ok "a second approves" by carol
pushed=$(date +%s%3N)
ok "then it is applied" applied
echo "# seen $(($(date +%s%3N) - pushed)) ms after that push had returned"
status_of() { k get channel "$channel" -o "jsonpath={.status.$1}"; }
is "$(status_of 'accepted.approvals[*].principal' | tr ' ' '\n' | sort | xargs)" \
	"alice carol" "who approved is in the status"
is "$(status_of 'accepted.approvals[?(@.principal=="carol")].key')" \
	"$(ssh-keygen -l -f keys/carol.pub | cut -d' ' -f2)" "with the key"
live=$(windlass status "$channel")
like "$live" '  approved by (alice, carol|carol, alice)' "windlass status says it"
like "$live" '  approvals end at 20.*: an engine that begins from nothing' \
	"and that it is for less than 14 days"
ok "who approved is in the log" grep -q \
	'bundle-accepted .*approvers=.alice, carol\|bundle-accepted .*approvers=.carol, alice' \
	engine.log
like "$(k get events -A --field-selector "involvedObject.name=$channel" \
	-o 'jsonpath={range .items[*]}{.message}{"\n"}{end}')" \
	'approved by .*carol' "and in an Event"

# ---- what is accepted is kept while the next waits ----
config one new
new_bundle second
ok "the next bundle needs its own" waits 'and has none'
k -n "$ns" delete configmap two >/dev/null
k -n "$ns" patch configmap three --type merge -p '{"data":{"a":"hand"}}' \
	>/dev/null
ok "what is deleted by hand comes back" wait_for 20 is_value two b
ok "what is changed by hand too" wait_for 20 is_value three b
is "$(value one)" b "and the bundle that waits has not begun"

# ---- those who do not count ----
ok "a stranger to the cluster, whom the Git host knows" by mallory
ok "does not count" waits '(the approval: '
ok "one person" by alice
ok "counts" waits 'has that of alice;'
ok "by two keys, whom the Git host takes for two" by alice2
sleep 3
ok "is not in the list of the Channel" waits 'has that of alice;'
approvals "$(echo "$list"; approver_line alice keys/alice2)" '"required":2'
ok "attack-33 and as one person with two keys refuses them all" waits \
	"'alice' approves the bundle twice"
approvals "$list" '"required":2'
ok "until the list is as it was" waits 'has that of alice;'
is "$(value one)" b "nothing was applied"
approvals "$(approver_line bob keys/bob; approver_line carol keys/carol)" \
	'"required":2'
ok "whoever was taken out counts no more" waits 'and has none; bob, carol'
approvals "$list" '"required":2,"requireTouch":true'
ok "nor does a key that wants no touch, where that is asked for" waits \
	"(the key of 'alice' wants no touch)"
approvals "$list" '"required":2,"requireTouch":false'
ok "bob approves" by bob
ok "and it goes on" applied
is "$(value one)" new "with what is new"

# ---- consents end ----
config one newer
new_bundle third
ok "a consent for some seconds" by alice alice Not-After="$(approval_time 8)"
ok "counts" waits 'has that of alice;'
sleep 9
ok "and ends" waits 'and has none'
ok "a later one is too late for both" by bob
ok "so it waits on" waits 'has that of bob;'
ok "until she renews it" by alice
ok "then it goes on" applied
sleep 1
is "$(value one)" newer "and what was accepted stays"

# ---- one reject ----
config one bad
new_bundle fourth
ok "somebody rejects" approve work keys/carol carol reject "$bundle"
by alice
by bob
reason=Rejected
ok "that stops it" waits "'carol' rejected it, for good"
ok "it stands in the status" wait_for 10 eval \
	'[ "$(status_of "rejected[*].principal")" = carol ]'
engine_kill
rm -rf "$TRASH"/state
ref=$(git -C host.git for-each-ref --format='%(refname)' \
	"refs/windlass-approvals/$channel/1/$sequence/carol")
git -C host.git update-ref -d "$ref"
hook host.git publish "$channel" >/dev/null 2>&1
engine_start || bail "windlassd does not start again"
ok "for good, though the Git host takes it away" waits "'carol' rejected it"
is "$(value one)" newer "and it is not applied"
reason=
config one good
new_bundle fifth
ok "the next one needs its own" waits 'and has none'
by alice
git -C work config gpg.format ssh
git -C work config user.signingKey "$TRASH/keys/carol"
printf 'host namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 "keys/$channel.pub")" >publishers
windlass approve --live --yes --repo work --publishers publishers \
	--as carol "$channel" >approve.out 2>&1
is "$?" 0 "carol by windlass approve"
like "$(cat approve.out)" '1 of 5 objects other than in 1.3, which the cluster has accepted' \
	"who sees what is other than in the cluster"
ok "and is taken" applied
is "$(value one)" good "as it is"

# ---- somebody is taken out who approved what runs ----
is "$(status_of rejected)" "" "a reject of an older bundle is not kept"
approvals "$(approver_line bob keys/bob; approver_line carol keys/carol)" \
	'"required":2'
ok "who approved and is listed no more is named" wait_for 20 eval \
	'[[ $(condition "$channel" Verified) == "False ApproverNotTrusted "*"alice"* ]]'
like "$(condition "$channel" Ready)" '^False ApproverNotTrusted' "for Ready, too"
k -n "$ns" delete configmap three >/dev/null
ok "drift repair goes on" wait_for 20 is_value three b
engine_kill
engine_start || bail "windlassd does not start again"
ok "it is so after a restart" wait_for 30 eval \
	'[[ $(condition "$channel" Verified) == "False ApproverNotTrusted "*"alice"* ]]'
ok "somebody else approves what is accepted" by bob
ok "then all is well" wait_condition "$channel" Verified True 30
approvals "$list" '"required":2'

# ---- deletions ----
approvals "$list" '"required":0'
k patch channel "$channel" --type merge -p '{"spec":{"deleteLimit":1}}' >/dev/null
git -C work rm -q "deploy/$channel/four.yaml" "deploy/$channel/five.yaml"
new_bundle sixth
ok "too many deletions wait for one person" waits \
	"it deletes 2 objects, more than spec.deleteLimit (1): it needs the approval of 1 person"
is "$(value five)" b "and nothing is deleted"
ok "who approves" by bob
ok "then it goes on" applied
ok "and they are gone" wait_for 20 is_value five ''

# ---- settings that make no sense ----
approvals "$(approver_line alice keys/alice; approver_line alice keys/alice2)" \
	'"required":2'
ok "more people than there are" wait_condition "$channel" Ready False 20
like "$(condition "$channel" Ready)" \
	'spec.approvals.required is 2, but approvers names 1 people' "is said"
approvals "$(approver_line alice "keys/$channel")" '"required":1'
ok "attack-30 a publisher who approves is found out" wait_for 20 eval \
	'[[ $(condition "$channel" Ready) == "False "*"a key has one role"* ]]'

done_testing
