#!/bin/bash
# What approvers say about a bundle, as the fetching child hears it: nothing
# that came while something else was judged is lost, and what was judged by
# another list is not believed.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-approve.sh"

new_key publisher
mkdir keys
for name in alice alice2 bob carol carol2; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "keys/$name" </dev/null
done
{ approver_line alice keys/alice; approver_line bob keys/bob; } >approvers
approver_line bob keys/bob >bob-only
port=$(free_port)
start web "$TEST_DIR/odd-server.py" "$port" "$public"
url=http://127.0.0.1:$port/held-packs

hears() { wait_line 10 e.log "^votes $1"; }
last_votes() { grep '^votes' e.log | tail -n 1; }
is_last() { [[ $(last_votes) == $1 ]]; }

put demo "" ConfigMap web one
bundle
publish
touch "$public/release"
wait_for 5 curl -sf "$url/prod/head" || bail "no server"
engine e --approvers approvers
ok "a bundle that nobody approved" hears '0 by= missing=alice, bob rejected=$'

# ---- a head that changes while what the last one named is fetched ----
alice=$(approval bundles.git keys/alice approve "$bundle")
bob=$(approval bundles.git keys/bob approve "$bundle")
rm "$public/release"
h_approvals=$(votes "$alice")
make_head
first=${h_approvals#sha256:}
ok "one approves" wait_line 10 web.log "^HELD .*/${first% *}"
h_approvals=$(votes "$alice" "$bob")
make_head
heads=$(grep -c ' /held-packs/prod/head 200' web.log)
more_heads() {
	[ "$(grep -c ' /held-packs/prod/head 200' web.log)" -gt \
		$((heads + 1)) ]
}
ok "another does while that is on its way" wait_for 10 more_heads
touch "$public/release"
ok "and both are heard" wait_for 10 is_last \
	'votes 2 by=*bob* missing= rejected='

# ---- what was judged by another list ----
tell e pid
wait_line 10 e.log '^pid [1-9]'
parent=$(sed -n 's/^PPid:\t//p' "/proc/$(sed -n 's/^pid //p' e.log)/status")
put demo "" ConfigMap web two
bundle
alice=$(approval bundles.git keys/alice approve "$bundle")
h_approvals=$(votes "$alice")
kill -STOP "$parent"
tell e approvers bob-only
# the child tells of it before it hears of the other list
publish
second=${h_approvals#sha256:}
ok "the bundle is judged" wait_line 10 web.log "/${second% *} 200"
sleep 1
kill -CONT "$parent"
ok "it is judged by the new list" hears '0 by= missing=bob '
unlike "$(grep -A 1 '^candidate 1.2' e.log)" '^votes 1' \
	"and what the old one said is not told"

# ---- who is missing ----
{
	approver_line alice keys/alice 'valid-before="20260101Z"'
	approver_line alice keys/alice2
	approver_line bob keys/bob 'valid-after="20990101Z"'
	approver_line carol keys/carol
	approver_line carol keys/carol2
} >rotated
tell e approvers rotated
ok "whoever has one key that is good now, each once" \
	hears '0 by= missing=alice, carol rejected='
tell e touch yes
ok "nobody, where none of them is of the kind that counts" \
	hears '0 by= missing= rejected='
tell e touch no

# ---- who consents to what is accepted already ----
tell e approvers approvers
ok "the one that was approved" wait_for 10 is_last \
	'votes 1 by=alice missing=bob rejected='
by_key() { echo "$1 $(ssh-keygen -l -f "keys/$1.pub" | cut -d' ' -f2)"; }
consents_are() { [ "$(grep '^consents' e.log | tail -n 1)" = "consents $*" ]; }
ok "by her key" consents_are "$bundle" "$(by_key alice)"
tell e accept
ok "it is accepted" wait_line 10 e.log "^accepted $bundle"
bob=$(approval bundles.git keys/bob approve "$bundle")
h_approvals=$(votes "$alice" "$bob")
make_head
both() {
	consents_are "$bundle" "$(by_key alice)" "$(by_key bob)" ||
		consents_are "$bundle" "$(by_key bob)" "$(by_key alice)"
}
ok "who consents then is told too" wait_for 10 both
candidates=$(grep -c '^candidate' e.log)
tell e approvers bob-only
ok "and who is left when the list becomes another" wait_for 10 \
	consents_are "$bundle" "$(by_key bob)"
is "$(grep -c '^candidate' e.log)" "$candidates" "it is no candidate again"

# ---- those that cannot be had ----
stop e
engine e --auto --approvers approvers
state_is() { [[ $(grep '^state' e.log | tail -n 1) == *" fetched=$1 "* ]]; }
put demo "" ConfigMap web three
bundle
h_approvals="sha256:$(printf '%064d' 1) 100"
publish
ok "a bundle whose approvals are not there is told of" \
	wait_line 10 e.log "^accepted $bundle"
like "$(last_votes)" '^votes 0 by= missing=alice, bob rejected= unread because .*404' \
	"and that nobody knows what they say"
ok "and nothing is said to be amiss for good" wait_for 10 state_is Fetched

done_testing
