#!/bin/bash
# What every command that asks a cluster says when there is none, when it is
# not let in, and when it may not: one line that names what, where and what to
# do, and the exit status of the manual.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-cluster.sh"
cluster_use
cluster_namespace a
server=$(sed -n 's/^ *server: //p' "$KUBECONFIG")

new_key publisher
put _cluster "" Namespace demo
bundle || bail "no bundle could be made"
unset GIT_DIR

sed 's,server: .*,server: https://127.0.0.1:1,' "$KUBECONFIG" >dead
sed 's,server: .*,server: https://no-such-host.invalid:6443,' "$KUBECONFIG" >nohost
sed '/certificate-authority-data/d' "$KUBECONFIG" >noca
sed 's/^ *token: .*/    token: not-a-token/' "$KUBECONFIG-token" >stranger
k -n "$ns" create serviceaccount nobody >/dev/null
sed "s/^ *token: .*/    token: $(k -n "$ns" create token nobody)/" "$KUBECONFIG-token" >nobody
echo 'a: [' >broken
echo 'kind: Deployment' >other

commands=(status "status --watch" doctor events "events --follow" suspend reconcile
	"diff --live --repo bundles.git" uninstall)
# each FILE STATUS REGEX DESCRIPTION: of every command with that kubeconfig.
# status and diff have no 1 for a refusal: it says something else there.
each() {
	local command want channel
	for command in "${commands[@]}"; do
		channel=prod want=$2
		[ "$command" != uninstall ] || channel=
		[[ $command != status* && $command != diff* ]] || want=2
		# shellcheck disable=SC2086
		timeout 60 windlass $command --kubeconfig "$1" $channel >out 2>err
		is $? "$want" "windlass $command: $4"
		like "$(cat err out)" "$3" "which is said"
		is "$(cat err out | grep -vE '^(ok|warn|FAIL)  |^[0-9]+ checks?, ' | wc -l)" \
			"$([ "$command" = doctor ] && echo 0 || echo 1)" "in a line" ||
			test_show <(cat err out)
	done
}
each /nowhere 2 "kubeconfig: cannot open '/nowhere': No such file" "no such kubeconfig"
each broken 2 "kubeconfig: 'broken' line [0-9]+ column [0-9]+ is not what Kubernetes reads as YAML" "one that is no YAML"
each other 2 "kubeconfig: 'other' is a Deployment, not a kubeconfig" "one that is something else"
each dead 2 "no answer from 'https://127\.0\.0\.1:1/" "nobody listens there"
each nohost 2 "Could not resolve host: no-such-host\.invalid" "no such host"
each noca 2 "certificate.*; the authority for it comes from noca" "an authority that is not known"
each stranger 2 "the API server does not take the credentials of stranger \(401 Unauthorized\)" "a token that is none"
each nobody 1 "User \"system:serviceaccount:$ns:nobody\" cannot [a-z]+ resource" "no rights"

# ---- a doctor is asked because of such things: all checks, also as JSON ----
windlass doctor --kubeconfig stranger --output json >out 2>err
is $? 2 "doctor --output json, not let in"
is "$(jq -r '.checks[] | "\(.check) \(.result)"' out)" "api fail" "is JSON, too"
windlass doctor --kubeconfig /nowhere --output json >out 2>err
is "$? $(jq -r '.checks[] | "\(.check) \(.result)"' out)" "2 kubeconfig fail" "and without a kubeconfig"
windlass doctor --kubeconfig nobody prod >out 2>err
like "$(cat out)" "^ok    api: $server answers" "with no rights: what can be seen"

# ---- the engine goes on trying, and says the same ----
for file in dead noca stranger nobody; do
	start "engine_$file" windlassd --kubeconfig "$file" --state "$TRASH/state-$file" \
		--metrics off --no-leader-elect
done
ok "windlassd: nobody listens" wait_line 20 engine_dead.log "channels-watch-failed .*no answer from"
ok "windlassd: an unknown authority" wait_line 20 engine_noca.log "the authority for it comes from noca"
ok "windlassd: not let in" wait_line 20 engine_stranger.log "does not take the credentials of stranger"
ok "windlassd: no rights" wait_line 20 engine_nobody.log "cannot (watch|list) resource"
for file in dead noca stranger nobody; do
	variable=pid_engine_$file
	kill -0 "${!variable}" 2>/dev/null
	judge $? "it goes on ($file)"
done
windlassd --kubeconfig /nowhere >out 2>err
is "$? $(cat err)" "2 windlassd: kubeconfig: cannot open '/nowhere': No such file or directory" \
	"windlassd: no such kubeconfig"
for wrong in nonsense 127.0.0.1 127.0.0.1:99999 example.org:80; do
	windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state" --metrics "$wrong" >out 2>err
	is "$?" 129 "windlassd --metrics $wrong: wrong usage"
	like "$(cat err)" "^windlassd: --metrics '$wrong' must be an address" "which names it"
	like "$(cat err)" '`windlassd --help` says more' "and where to read more"
done
windlassd --nope >out 2>err
is $? 129 "windlassd --nope"
like "$(cat err)" '`windlassd --help` says more' "where to read more"
done_testing
