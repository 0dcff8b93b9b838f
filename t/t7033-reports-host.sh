#!/bin/bash
# Reports from a real engine to a real Git host, by the line that `windlass
# status` prints: taken, kept, and taken up again after either of the two was
# away.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-receiver.sh"
cluster_use
cluster_namespace tells
channel=tells-$$

push_text() {
	put work "deploy/$channel/web.yaml" ConfigMap web "$ns" "$1"
	commit_push work "$1" || bail "$(cat push.out)"
}
message() { k get channel "$channel" -o 'jsonpath={.status.reporter.message}'; }
says() { [[ $(message) == *"$1"* ]]; }
says_nothing() { [ -z "$(message)" ]; }
kept=host.git/windlass/$channel/reports/eu-1
# a copy: the next report may come while it is looked at
kept_is_signed() { cp $kept kept.report && stock_report kept.report "$(cat reporters)"; }
is_kept() { # SEQUENCE PHASE
	[ "$(field $kept sequence) $(field $kept phase)" = "$1 $2" ]
}
post() { curl -s -o out -w '%{http_code}' --data-binary "@$1" "$URL/$channel/report"; }

make_host host.git "$channel"
make_clone host.git work
push_text one
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
engine_start --cluster eu-1 || bail "windlassd does not start: $(cat engine.log)"
ok "a host that takes no reports is no reason not to work" wait_ready "$channel" 60
ok "but is told of" wait_for 30 says "takes no reports of cluster 'eu-1': it answered 404"

windlass status "$channel" >status.out
tail -n 1 status.out >reporters
like "$(cat reporters)" '^eu-1 namespaces="report-v1@windlass.dev" ssh-ed25519 ' \
	"windlass status prints the line for the host"
set_channel host.git "$channel" reporters "$TRASH/reporters"
stop serve
serve_start host.git "${URL#http://}" || bail "serve does not start"
windlass reconcile "$channel" >/dev/null 2>&1
ok "with it reports are taken" wait_for 60 is_kept 1 healthy
ok "and kept as they were signed" kept_is_signed
ok "the status has nothing to say" wait_for 30 says_nothing
push_text two
ok "the next bundle" wait_for 30 is_kept 2 healthy
cp $kept old
refused_service "work/deploy/$channel/service.yaml"
commit_push work bad || bail "$(cat push.out)"
ok "one that fails" wait_for 60 is_kept 3 failed
like "$(cat $kept)" "^at deploy/$channel/service.yaml:1\$" "with file and line"
git -C work push origin "HEAD:refs/for-review/$channel" >look.out 2>&1
judge $? "a look at what comes next"
like "$(cat look.out)" "$channel@eu-1: failed since [0-9TZ:-]*: 1\.3 of .*, before it 1\.2 of " \
	"tells what is so in the cluster"
like "$(cat look.out)" "  deploy/$channel/service\.yaml:1: Service $ns/refused: " "and what fails there"

# ---- by others ----
is "$(post old)" 409 "an old report is not taken again"
is "$(cat out)" "counter $(field $kept counter)" "the host says what it has seen"
make_key mallory
sed "s/^counter .*/counter $(($(date +%s%3N) + 1000))/; /^-----BEGIN/,\$d" $kept >forged
ssh-keygen -q -Y sign -f keys/mallory -n report-v1@windlass.dev forged 2>/dev/null
cat forged forged.sig >forged.report
is "$(post forged.report)" 403 "nor one that somebody else signed"
ok "what is kept is the engine's" is_kept 3 failed

# ---- away for a while ----
stop serve
rm "work/deploy/$channel/service.yaml"
commit_push work repaired || bail "$(cat push.out)"
serve_start host.git "${URL#http://}" || bail "serve does not start"
ok "a host that was away" wait_for 90 is_kept 4 healthy
stop serve
ok "is seen to be away" wait_condition "$channel" Fetched False 60 Unreachable
k -n "$ns" delete configmap web >/dev/null
ok "drift is repaired all the same" wait_for 20 k -n "$ns" get configmap web
push_text five
push_text six
serve_start host.git "${URL#http://}" || bail "serve does not start"
ok "when it is back the newest is told" wait_for 120 is_kept 6 healthy
last=$(field $kept counter)
engine_kill
ok "an engine that was killed" engine_start --cluster eu-1
later() { [ "$(field $kept counter)" -gt "$last" ]; }
ok "goes on with its counter" wait_for 60 later
ok "by the same key" kept_is_signed
ok "which nobody had to be told again" says_nothing
done_testing
