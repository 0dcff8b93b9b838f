#!/bin/bash
# What an accepted bundle drops is still there, because another object of it
# cannot be applied: then the head expires, comes from the future, is signed
# twice, its key or who approved it is taken out. What can be applied by then
# is; nothing is deleted as long as that lasts, and all of it afterwards.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-attack.sh"
cluster_use
cluster_namespace gates

new_key publisher
new_key other
mkdir keys
mv other.line keys
for name in alice bob; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "keys/$name" </dev/null
done
attack_server

# object KIND NAME SPEC: one more of the victim's, with its origin
object() {
	local dir=$ns/core/$1
	mkdir -p "tree/objects/$dir"
	echo "$2 deploy/$2.yaml:1" >>"tree/origins/$dir"
	cat >"tree/objects/$dir/$2.json" <<-END
	{
	  "apiVersion": "v1",
	  "kind": "$1",
	  "metadata": {
	    "labels": {
	      "applyset.kubernetes.io/part-of": "$part"
	    },
	    "name": "$2",
	    "namespace": "$ns"
	  }$3
	}
	END
	LC_ALL=C sort -o "tree/origins/$dir" "tree/origins/$dir"
}
# the first bundle of each has one that the second one drops, and that has one
# in its place that a quota keeps out
eval "plain_$(declare -f settings)"
settings() {
	rm -rf tree/objects tree/origins
	plain_settings "$1"
	if [ "$1" = one ]; then
		object ConfigMap "dropped-$victim" ''
	else
		object Service "late-$victim" ',
	  "spec": {
	    "clusterIP": "None",
	    "ports": [
	      {
	        "port": 80
	      }
	    ]
	  }'
	fi
}
states="stale clock key forked latched approver"
for name in free stale clock key forked latched; do
	victim $name
done
by_alice() { approval bundles.git keys/alice approve "$bundle"; }
approved_by=by_alice
victim approver "approvals:" "  required: 1" "  approvers: |" \
	"    $(approver_line alice keys/alice)"
attack_begin

# says LINES: of each NAME TYPE=STATUS,REASON; in one look, for what waits is
# tried again less and less often
says() {
	local name what
	k get channel -l "$attack_label" -o 'jsonpath={range .items[*]}{.metadata.name} {.status.accepted.sequence}{range .status.conditions[*]} {.type}={.status},{.reason}{end}{"\n"}{end}' \
		>said
	while read -r name what; do
		grep -q "^$name-$$ .*$what" said || return 1
	done <<<"$1"
}
# each WHAT: a line of says for all, or all that are held
each() { printf "%s $1\n" $states; }
objects() { k -n "$ns" get configmap,service -o name >objects; }
has() { grep -qx ".*/$1" objects; }
late() {
	objects
	[ "$(grep -c /late- objects)" = 7 ]
}
# deleted NAME...
deleted() {
	local name
	objects
	for name; do
		! has "dropped-$name" || return 1
	done
}

# ---- each has a deletion outstanding ----

k -n "$ns" create quota few --hard=count/services=0 >/dev/null
wait_for 20 eval '[ "$(k -n "$ns" get quota few -o \
	"jsonpath={.status.hard.count/services}")" = 0 ]' || bail "no quota"
# made before they are shown, so that they are accepted at one time
h_spoil=mv_later
mv_later() { mv "$1" "$1.later" && cp "$public/$channel/head" "$1"; }
for name in free $states; do
	of $name
	settings two
	bundle
	[ $name != approver ] || h_approvals=$(votes "$(by_alice)")
	publish
	honest
	keep_victim
done
h_spoil=
began=$SECONDS
for name in free $states; do
	mv "$public/$name-$$/head.new.later" "$public/$name-$$/head"
done
ok "what is dropped waits for what cannot be applied" wait_for 60 says \
	"$(each 2.*PruneBlocked=True,PruneBlocked)" || sed 's/^/# /' said

# ---- and then something is wrong ----

# forge NAME: another bundle of the number that was accepted
forge() {
	of "$1"
	cp "$public/$channel/head" "$1.head"
	seq=1 bundle=$(git rev-parse "$bundle^")
	next three
}
approver_is() { respec approver "s|^      [a-z]* namespaces=\"git\" .*|      $(
	approver_line "$1" "keys/$1")|"; }
key_is() { respec key "s|^    [a-z]*@.*|    $(cat "$1.line")|"; }
of stale
h_expires=$(at 3) make_head
of clock
h_issued=$(at 3000) h_expires=$(at 6000) make_head
honest
forge forked
forge latched
key_is keys/other
approver_is bob
moved
wrong="stale Stale=True,HeadExpired
clock Clock=True,HeadFromTheFuture
key Verified=False,KeyNotTrusted
forked Forked=True,SameSequence
latched Forked=True,SameSequence
approver Verified=False,ApproverNotTrusted"
ok "each says what is wrong" wait_for 60 says "$wrong" || sed 's/^/# /' said
# the host is honest again, but nobody has looked at what it did
mv latched.head "$public/latched-$$/head"

# ---- what was in the way goes ----

k -n "$ns" delete quota few >/dev/null
# a deletion is tried again when it has waited for as long again
tried=$((SECONDS + SECONDS - began + 5))
k annotate channel -l "$attack_label" --overwrite \
	windlass.dev/reconcile=again >/dev/null
ok "what was kept out is applied, by all of them" wait_for 60 late
ok "with nothing wrong, what was dropped is deleted" wait_for 120 deleted free
while [ $SECONDS -lt $tried ]; do sleep 1; done
ok "the others still say what is wrong" says "$wrong" || sed 's/^/# /' said
objects
ok "attack-07 under a head that expired nothing is deleted" has dropped-stale
ok "attack-55 nor under one from the future" has dropped-clock
ok "attack-31 nor by a key that was taken out" has dropped-key
ok "attack-05 nor by one of two bundles of a number" has dropped-forked
ok "attack-05 nor before somebody has looked at it" has dropped-latched
ok "attack-34 nor by the consent of somebody who was taken out" \
	has dropped-approver

# ---- and all is well again ----

for name in stale clock; do
	of $name
	make_head
done
mv forked.head "$public/forked-$$/head"
key_is publisher
approver_is alice
moved
for name in forked latched; do
	k annotate channel "$name-$$" windlass.dev/clear-fork=yes >/dev/null
done
ok "then it is, of all" wait_for 120 deleted $states || sed 's/^/# /' objects
ok "and each channel is ready" wait_for 60 says "$(each Ready=True)" ||
	sed 's/^/# /' said
is "$(grep -c ' object-pruned ' engine.log)" 7 "one object of each"
done_testing
