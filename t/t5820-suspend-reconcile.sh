#!/bin/bash
# The engine by word of mouth: `windlass suspend`, `resume` and `reconcile`,
# what each waits for, and what it says when nobody answers.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace suspend
channel=suspend-$$
dir=work/deploy/$channel

config() {
	mkdir -p "$dir"
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {text: "%s"}\n' \
		"$1" "$ns" "$2" >"$dir/$1.yaml"
}
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
edit() {
	k -n "$ns" patch configmap "$1" --type merge -p "{\"data\":{\"text\":\"$2\"}}" >/dev/null
}

# ---- nobody there ----
windlass suspend "$channel" >out 2>err
is $? 1 "a channel that there is not"
like "$(cat err)" "(no Channel '$channel'|does not know the kind)" "is named"
for command in suspend resume reconcile; do
	windlass $command >out 2>err
	is $? 129 "$command wants a channel"
	windlass $command a b >out 2>err
	is $? 129 "one"
	windlass $command A_b >out 2>err
	is $? 129 "by its name"
	windlass $command --timeout 0s a >out 2>err
	is $? 129 "and a time"
	windlass $command --kubeconfig /nowhere/config a >out 2>err
	is $? 2 "and a cluster"
done
make_host host.git "$channel"
make_clone host.git work
config one first
config two first
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
for command in suspend resume reconcile; do
	windlass $command --timeout 1s "$channel" >out 2>err
	is $? 1 "$command waits for an engine"
	like "$(cat err)" 'does one run\?$' "and says that none answered"
done

# ---- suspended and resumed ----
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "the channel is ready" wait_ready "$channel" 60
not_done() { k get channel "$channel" -o yaml | grep -q 'windlass.dev/reconcile:'; }
done_with() { ! not_done; }
ok "a wish from before is granted" wait_for 20 done_with
ok "suspend" windlass suspend "$channel"
edit one mine
config two second
commit_push work second
k -n "$ns" delete configmap two >/dev/null
k annotate channel "$channel" windlass.dev/reconcile=now >/dev/null
ok "a wish to a suspended channel is taken" wait_for 20 done_with
sleep 1
is "$(text one) $(text two)" "mine " "nothing is repaired or applied"
ok "suspend again" windlass suspend "$channel"
ok "resume" windlass resume "$channel"
ok "then it is" wait_for 30 is_text one first
ok "all of it" wait_for 30 is_text two second
ok "resume again" windlass resume "$channel"
ok "and ready" wait_ready "$channel" 60

# ---- a look at everything ----
times() { grep -c " reconciled channel=$channel" engine.log; }
gets() { curl -s "http://$METRICS/metrics" | sed -n 's/^windlass_kube_answers_total{verb="get",code="2xx"} //p'; }
for i in $(seq 30); do config "more-$i" first; done
commit_push work more
ok "more objects" wait_applied "$channel" 3 30
ok "all ready" wait_ready "$channel" 30
before=$(times)
had=$(gets)
ok "reconcile" windlass reconcile "$channel"
ok "it looks at all of them by lists ($(($(gets) - had)) requests for one)" \
	test $(($(gets) - had)) -le 5
is "$(times)" $((before + 1)) "it was done, once"
ok "the wish is gone" done_with
is "$(text one) $(text two)" "first second" "nothing had to change"
# what failed for good is tried again, when the reason is gone
config three first
printf 'apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: %s}\nspec: {clusterIP: 203.0.113.7, ports: [{port: 80}]}\n' \
	"$ns" >"$dir/web.yaml"
commit_push work third
ok "an object that cannot be applied" wait_condition "$channel" Applied False 30
windlass reconcile --timeout 5s "$channel" >out 2>err
is $? 1 "then reconcile fails"
like "$(cat err)" "channel $channel is not Ready: .*Service $ns/web" "and says why"
done_testing
