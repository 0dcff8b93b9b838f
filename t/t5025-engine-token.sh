#!/bin/bash
# The token in the engine's file is taken back while it runs, and another one is
# put there later: it says so, does not ask all the time, and goes on at once.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace a
channel=token-$$

config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
# token NAME: of the account, good for as long as Secret NAME is there
token() {
	k -n "$ns" create secret generic "$1" >/dev/null
	k -n "$ns" create token robot --bound-object-kind Secret \
		--bound-object-name "$1" >token.new && mv token.new token
}

k -n "$ns" create serviceaccount robot >/dev/null
k create clusterrolebinding "token-$$" --clusterrole=cluster-admin \
	--serviceaccount="$ns:robot" >/dev/null
at_exit "k delete clusterrolebinding token-$$"
token first
k config view --raw --flatten -o json |
	jq --arg f "$TRASH/token" '.users[0].user = {tokenFile: $f}' >robot.kubeconfig

make_host host.git "$channel"
make_clone host.git work
for i in 1 2 3 4 5 6; do
	config "o-$i" one
done
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
KUBECONFIG=$TRASH/robot.kubeconfig engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60
undone "an edit is undone" o-1

k -n "$ns" delete secret first >/dev/null
refused() { k --kubeconfig robot.kubeconfig auth whoami 2>&1 | grep -q 'Unauthorized\|must be logged in'; }
ok "the token is taken back" wait_for 30 refused
lines=$(wc -l <engine.log)
cpu=$(metric process_cpu_seconds_total)
for i in 1 2 3; do
	k -n "$ns" patch configmap "o-$i" -p '{"data":{"text":"edited"}}' >/dev/null
done
sleep 12
echo "# $(($(wc -l <engine.log) - lines)) lines in 12 s"
ok "few lines in its log" test $(($(wc -l <engine.log) - lines)) -le 40
like "$(tail -n "+$((lines + 1))" engine.log)" "does not take the credentials of .*401" "they say why"
unlike "$(cat engine.log)" "$(cut -c1-30 token)" "and not the token"
ok "it does not spin" perl -e 'exit !($ARGV[0] - $ARGV[1] < 0.5)' \
	"$(metric process_cpu_seconds_total)" "$cpu"

token second
began=$(date +%s%3N)
all() { is_text o-1 one && is_text o-2 one && is_text o-3 one; }
ok "another token is put there: the edits are undone" wait_for 60 all
echo "# after $(($(date +%s%3N) - began)) ms"
for i in 1 2 3 4 5 6; do
	config "o-$i" two
done
commit_push work second
ok "the next bundle is applied" wait_applied "$channel" 2 30
ok "the channel is ready" wait_ready "$channel" 30
undone "an edit is undone" o-5
done_testing
