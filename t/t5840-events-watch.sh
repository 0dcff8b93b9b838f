#!/bin/bash
# What a terminal can follow: `windlass events` and `windlass status --watch`,
# from the past on into what comes, across an API server that is away for a
# while.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
k create namespace shop >/dev/null
time='^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'

windlass events a b >out 2>err
is $? 129 "two channels are too many"
windlass events A_b >out 2>err
is $? 129 "and no name is none"
windlass events --kubeconfig /nowhere/config >out 2>err
is $? 2 "no cluster"
windlass status --watch prod >out 2>err
is $? 1 "a channel that there is not is not waited for"
make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a shop one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git prod --namespaces shop >/dev/null || bail "install failed"
is "$(windlass events)" "" "no events yet"
start status windlass status --watch prod
ok "what is not applied yet" wait_line 20 status.log "$time  prod  nothing applied yet"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "the channel is ready" wait_ready prod 60
ok "status --watch shows it" wait_line 20 status.log "$time  prod  1\.1  source "
ok "until it is" wait_line 20 status.log '^  Ready=True'

# ---- the past ----
has_applied() { windlass events prod >out && grep -qE "$time  Normal   prod  BundleApplied: " out; }
ok "events" wait_for 20 has_applied || test_show out
is "$(cut -c1-20 out | sort -c 2>&1)" "" "are in order"
is "$(windlass events other)" "" "another channel has none"
# of another channel, which nobody works for, by another maker
k create -f - >/dev/null <<'END'
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: odd, namespace: default}
eventTime: "2020-01-01T00:00:00.000000Z"
reportingController: example.org/test
reportingInstance: test
action: Odd
reason: Odd
type: Warning
note: "one\e[31m two"
regarding: {apiVersion: windlass.dev/v1alpha1, kind: Channel, name: other}
END
windlass events >out
is "$(head -n 1 out)" "2020-01-01T00:00:00Z  Warning  other  Odd: one\\x1b[31m two" \
	"the oldest is first, and nobody paints the terminal"
like "$(cat out)" "$time  Normal   prod  " "all channels are there"
unlike "$(windlass events prod)" 'Odd' "but where one is named"
is "$(windlass events --output json other | jq -r .note)" $'one\e[31m two' "as JSON"

# ---- what comes ----
start events windlass events --follow prod
ok "the past first" wait_line 20 events.log 'BundleApplied'
before=$(grep -c BundleApplied events.log)
put work deploy/prod/a.yaml ConfigMap a shop two
commit_push work second
more() { [ "$(grep -c BundleApplied events.log)" = $((before + $1)) ]; }
ok "then the new" wait_for 30 more 1
ok "status --watch goes on, too" wait_line 20 status.log "$time  prod  1\.2  source "
cluster stop apiserver >/dev/null 2>&1
ok "an API server that is away is told" wait_line 60 events.log '; again in [0-9]+ s$'
cluster start apiserver >/dev/null 2>&1
put work deploy/prod/a.yaml ConfigMap a shop three
commit_push work third
ok "and they go on when it is back" wait_for 90 more 2
ok "with the status" wait_line 60 status.log "$time  prod  1\.3  source "
is "$(grep BundleApplied events.log | sort | uniq -d)" "" "nothing is told twice"
k delete channel prod >/dev/null
ok "a Channel that is deleted" wait_line 30 status.log "$time  prod  is deleted"

# ---- an end ----
stop events
stop status
timeout 20 windlass events --follow >/dev/full 2>err
is $? 2 "what cannot be written is not followed"
k create clusterrole nothing --verb=get --resource=channels.windlass.dev >/dev/null
k config view --raw --flatten >nobody.kubeconfig
k config --kubeconfig nobody.kubeconfig set-credentials nobody \
	--token="$(k -n default create token default)" >/dev/null
k config --kubeconfig nobody.kubeconfig set-context --current --user=nobody >/dev/null
windlass events --follow --kubeconfig nobody.kubeconfig >out 2>err
is $? 1 "who may not see them is told at once"
like "$(cat err)" 'cannot list resource "events"' "what is forbidden"
windlass status --watch --kubeconfig nobody.kubeconfig >out 2>err
is $? 2 "so is who may not see Channels"
done_testing
