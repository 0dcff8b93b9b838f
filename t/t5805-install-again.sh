#!/bin/bash
# An installation that is cut short: by missing rights, by kill -9 in the
# middle, in both directions. The next run finishes it. And an end that
# leaves the workloads, whatever the Channels' deletionPolicy is, also where
# an engine works that is not known to.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
image=registry.example.org/windlassd@sha256:$(printf '1%.0s' {1..64})
make_host host.git a b c
make_clone host.git work
k create namespace shop >/dev/null

# ---- an account that may do a part of it ----
k -n default create serviceaccount part >/dev/null
"$KUBECTL" config view --raw --minify -o json | jq --arg t \
	"$(k -n default create token part)" '.users[0].user = {token: $t}' >part.conf
grant() { # NAME VERBS RESOURCES
	k create clusterrole "$1" --verb="$2" --resource="$3" >/dev/null
	k create clusterrolebinding "$1" --clusterrole "$1" --serviceaccount default:part >/dev/null
	wait_for 10 k --kubeconfig part.conf auth can-i "${2%%,*}" "${3%%,*}"
}
as_part() {
	windlass install a --image "$image" --from host.git \
		--url http://git.example.org/ --namespaces shop \
		--kubeconfig part.conf --apply >out 2>err
}
# stops TEXT: and says at what, what to do, and what stays
stops() {
	as_part
	is $? 1 "may not: $1"
	like "$(grep forbidden err)" "^windlass: .*$1" "says at what"
	like "$(cat err)" '^windlass: .*cluster-admin' "who may"
	[ ! -s out ] || like "$(cat err)" '^windlass: .*again' "and that it can go on"
}
stops CustomResourceDefinition
is "$(cat out)" "" "nothing was made"
grant first get,create,patch customresourcedefinitions.apiextensions.k8s.io,namespaces,serviceaccounts,secrets
stops 'ClusterRole'
like "$(cat out)" '^ServiceAccount windlass-system/windlassd created$' \
	"what was made until then is told"
rbac=roles,rolebindings,clusterroles,clusterrolebindings
grant second get,create,patch "${rbac//,/.rbac.authorization.k8s.io,}.rbac.authorization.k8s.io"
stops 'grant RBAC permissions not currently held: '
grant third escalate,bind clusterroles.rbac.authorization.k8s.io,roles.rbac.authorization.k8s.io
grant fourth get,create,patch deployments.apps,networkpolicies.networking.k8s.io,poddisruptionbudgets.policy,channels.windlass.dev
stops 'all is applied; what an installation before had more cannot be removed'
like "$(tail -n 1 out)" '^Channel.windlass.dev a created$' "all is there"
windlass install a --image "$image" --from host.git \
	--url http://git.example.org/ --namespaces shop --apply >out 2>err
is "$? $(grep -vc ' unchanged$' out)" "0 0" "an admin finds nothing left to do" ||
	test_show out

# ---- one channel of several ----
windlass install b --id "$(printf 'b%.0s' {1..32})" --publisher-key "$(cut -d' ' -f1,2 keys/b.pub)" \
	--url http://git.example.org/ --cluster-admin --apply >out 2>err ||
	bail "install failed"
k patch channel b --type merge -p '{"metadata":{"finalizers":["windlass.dev/prune"]},
	"spec":{"deletionPolicy":"Prune"}}' >/dev/null
ok "uninstall of one lists it" windlass uninstall b
like "$(cat .output)" '^Channel.windlass.dev b would be removed$' "by its name"
like "$(cat .output)" '^ClusterRoleBinding.* windlass-channel-b would be removed$' \
	"with its rights"
unlike "$(cat .output)" 'windlassd |channel-a|CustomResource|Namespace' \
	"and nothing of the engine and of others"
ok "with --apply" windlass uninstall b --apply
is "$(k get sa,clusterrole,clusterrolebinding,role,rolebinding,networkpolicy,channel -A \
	-l windlass.dev/channel=b -o name)" "" "it goes"
windlass install a --image "$image" --from host.git \
	--url http://git.example.org/ --namespaces shop --apply >out 2>err
is "$? $(grep -vc ' unchanged$' out)" "0 0" "all else is as it was"
windlass uninstall b --apply >out 2>err
is "$? $(cat err)" "1 windlass: there is no channel 'b', and nothing that was installed for one" \
	"what is gone is not there"

# ---- killed in the middle ----
ours() {
	k get crd,namespace,sa,clusterrole,clusterrolebinding,role,rolebinding,networkpolicy,pdb,deployment,validatingadmissionpolicy,validatingadmissionpolicybinding,channel -A -o name 2>/dev/null |
		grep -E 'windlass|channel' | sort
}
ours >all
ok "there is much of it" test "$(wc -l <all)" -gt 15
# killed COMMAND...: after each line that it prints, until it ends by itself
killed() {
	local lines=0 runs=0 pid line i
	rm -f lines && mkfifo lines
	while [ $runs -lt 60 ]; do
		runs=$((runs + 1))
		stdbuf -oL "$@" >lines 2>err &
		pid=$!
		exec {said}<lines
		for ((i = 0; i <= lines; i++)); do
			read -r line <&$said || break
		done
		kill -KILL $pid 2>/dev/null
		exec {said}<&-
		wait $pid 2>/dev/null && break
		lines=$((lines + 3))
	done
	echo "# killed $((runs - 1)) times"
	[ $runs -gt 1 ] && "$@" >out 2>err
}
ok "uninstall, killed again and again, ends" killed windlass uninstall --apply
is "$(ours)" "" "with nothing left"
ok "and again removes nothing" windlass uninstall --apply
ok "install, killed again and again, ends" killed windlass install a \
	--image "$image" --from host.git --url http://git.example.org/ \
	--namespaces shop --apply
is "$(ours)" "$(cat all)" "with all of it" || test_show err
ok "uninstall" windlass uninstall --apply

# ---- Channels that would take all along, and an engine without a Lease ----
for channel in a b c; do
	for i in {1..15}; do
		put work "deploy/$channel/$i.yaml" ConfigMap "$channel-$i" shop x
	done
done
commit_push work first || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start"
for channel in a b c; do
	windlass install $channel --from host.git --url "$URL" \
		--cluster-admin --apply >/dev/null || bail "install failed"
	k patch channel $channel --type merge \
		-p '{"spec":{"deletionPolicy":"Prune"}}' >/dev/null
done
engine_start || bail "windlassd does not start"
for channel in a b c; do
	ok "$channel is ready" wait_ready $channel 60
done
is "$(k get channels -o 'jsonpath={.items[*].metadata.finalizers[*]}')" \
	"windlass.dev/prune windlass.dev/prune windlass.dev/prune" \
	"all would be pruned with their Channels"
ok "uninstall, while an engine works that has no Lease" \
	windlass uninstall --apply
ok "the engine sees them go" wait_line 20 engine.log 'channel-gone channel=c'
ns=shop
is "$(live_count)" 45 "and leaves what they deployed"
stop engine

# the same without an engine: nobody takes the finalizers away
windlass install a --from host.git --url "$URL" --cluster-admin --apply >/dev/null
k patch channel a --type merge -p '{"metadata":{"finalizers":["windlass.dev/prune"]},
	"spec":{"deletionPolicy":"Prune"}}' >/dev/null
k delete channel a --wait=false >/dev/null
ok "uninstall of a Channel that waits for an engine" windlass uninstall --apply
is "$(live_count) $(ours)" "45 " "leaves what was deployed, and nothing of its own"
done_testing
