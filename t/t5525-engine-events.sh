#!/bin/bash
# Kubernetes Events while the API server is busy: one that it did not take, or
# whose answer was lost, is there soon after, once.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace events
channel=events-$$
posts=POST_/apis/events.k8s.io

make_host host.git "$channel"
make_clone host.git work
put work "deploy/$channel/o.yaml" ConfigMap o "$ns" one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
proxy_start
rules "1 $posts status 503" "1 $posts cut 0"
KUBECONFIG=$PROXIED engine_start || bail "windlassd does not start: $(cat engine.log)"

# told REASON TEXT: how many Events there are of it
told() {
	k -n default get events --field-selector \
		"involvedObject.name=$channel,reason=$1" \
		-o 'jsonpath={range .items[*]}{.message}{"\n"}{end}' |
		grep -c -- "$2"
}
is_told() { [ "$(told "$1" "$2")" = 1 ]; }
ok "a bundle is applied" wait_applied "$channel" 1 60
ok "that it was accepted is told" wait_for 30 is_told BundleAccepted '1\.1'
ok "and that it is applied" wait_for 30 is_told BundleApplied '1\.1'
ok "after two faults" used_up
sleep 2
is "$(told BundleAccepted '1\.1') $(told BundleApplied '1\.1')" "1 1" \
	"each once, though an answer was lost"
unlike "$(cat engine.log)" 'event-failed' "nothing was given up"

rules "100 $posts status 403"
put work "deploy/$channel/o.yaml" ConfigMap o "$ns" two
commit_push work second
ok "one that may not be written" wait_line 30 engine.log 'event-failed .*tries=1'
ok "is given up, and nothing waits for it" wait_applied "$channel" 2 30
rules "100 $posts status 500"
put work "deploy/$channel/o.yaml" ConfigMap o "$ns" three
commit_push work third
ok "one that cannot be for long is given up, too" \
	wait_line 60 engine.log 'event-failed .*tries=4'
is "$(told BundleApplied '1\.3')" 0 "it is not there"
done_testing
