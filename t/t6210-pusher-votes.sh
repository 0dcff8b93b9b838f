#!/bin/bash
# notByPusher as the fetching child judges it: who pushed anything that is
# newer than the accepted bundle cannot approve it, and where that is not
# known nobody can.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-approve.sh"

new_key publisher
mkdir keys
for name in alice bob carol; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "keys/$name" </dev/null
done
for name in alice bob carol; do
	approver_line $name keys/$name
done >approvers
port=$(free_port)
start web python3 -m http.server "$port" --bind 127.0.0.1 --directory "$public"
url=http://127.0.0.1:$port

votes() {
	local tag
	for tag; do
		echo "$(git cat-file tag "$tag" | sha) $tag"
	done | LC_ALL=C sort | while read -r _ tag; do
		echo "tag $(git cat-file -s "$tag")"
		git cat-file tag "$tag"
	done | add_pack
}
last_votes() { grep '^votes' e.log | tail -n 1; }
# of the newest bundle
is_last() {
	[[ $(grep '^candidate' e.log | tail -n 1) == "candidate 1.$seq "* ]] &&
		[[ $(last_votes) == $1 ]]
}
heard() {
	ok "$1" wait_for 10 is_last "$2" || test_show e.log
}
# pushed [NAME...]: the next bundle says so
pushed() {
	local name
	b_edit='s/^Windlass-Bundle: 1$/Windlass-Bundle: 2/'
	b_extra=$(for name; do echo "Pushed-By: $name"; done)
	[ $# -gt 0 ] || unset b_edit b_extra
}
approved() {
	local name tags=
	for name; do
		tags="$tags $(approval bundles.git "keys/$name" approve "$bundle")"
	done
	h_approvals=$(votes $tags)
}

put demo "" ConfigMap web one
bundle
publish
wait_for 5 curl -sf "$url/prod/head" || bail "no server"
engine e --approvers approvers --interval 1
ok "a first bundle" wait_line 10 e.log "^candidate 1.1"
tell e accept
tell e pusher no

put demo "" ConfigMap web two
pushed alice
bundle
approved alice bob
publish
heard "a consent of who pushed does not count" \
	'votes 1 by=bob missing=carol rejected=*'
ok "and it is said why" wait_line 10 e.log \
	"^votes .* because 'alice' pushed what is new, and so cannot approve it"
tell e pusher yes
heard "but where the Channel does not ask that" \
	'votes 2 by=* missing=carol rejected=*'
tell e pusher no

# one between them that was not accepted
put demo "" ConfigMap web three
pushed bob
bundle
approved alice bob carol
publish
heard "who pushed one between it and the accepted cannot either" \
	'votes 1 by=carol missing= rejected=*'

# nobody named
put demo "" ConfigMap web four
pushed
bundle
approved alice bob carol
publish
heard "where nobody is named nobody can" 'votes 0 by= missing= rejected=*'
ok "and it is said what to do" wait_line 10 e.log \
	'^votes .* because it does not say who pushed all that is new.*git push --signed'
put demo "" ConfigMap web five
pushed alice
bundle
approved bob carol
publish
heard "nor of what stands on it" 'votes 0 by= missing= rejected=*'
tell e accept

# one that changes nothing needs nobody
pushed
bundle
put demo "" ConfigMap web six
pushed carol
bundle
approved alice carol
publish
heard "one that changes nothing needs nobody who pushed it" \
	'votes 1 by=alice missing=bob rejected=*'

# a reject is one, whoever pushed
h_approvals=$(votes "$(approval bundles.git keys/carol reject "$bundle")")
make_head
heard "who pushed may reject" 'votes 0 by= missing=alice, bob rejected=carol*'
stop e

# ---- the form of it; u-bundle has all the others
engine f --auto --interval 1
unset h_approvals
put demo "" ConfigMap web seven
pushed alice bob
bundle
publish
ok "two names are taken" wait_line 10 f.log "^accepted $bundle"
put demo "" ConfigMap web eight
pushed $(seq -f 'p%02g' 1 16)
bundle
publish
ok "as many as there may be are taken" wait_line 10 f.log "^accepted $bundle"
put demo "" ConfigMap web nine
pushed $(seq -f 'p%02g' 1 17)
bundle
publish
ok "one more is refused" wait_line 10 f.log \
	"^because verified: .*is beyond 16 people who pushed"
not_ok "and not accepted" grep -q "^accepted $bundle" f.log
done_testing
