#!/bin/bash
# Things that happen while a request is on its way: a Namespace that is about
# to be deleted is wanted again, the fetching child dies while a bundle is
# being accepted. And a Channel that is a copy of another one.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_own
ns=windows
other=windows-other
k create namespace "$ns" >/dev/null
channel=windows
dir=work/deploy/windows

json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
config() { put work "deploy/windows/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
uid() { k get namespace "$other" -o 'jsonpath={.metadata.uid}'; }

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
make_clone host.git work
config a one
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$other" \
	>"$dir/other.yaml"
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"

# ---- a Namespace is looked into when it is wanted again ----
proxy_start
KUBECONFIG=$PROXIED engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60
before=$(uid)
rules "1 GET_/api/v1/namespaces/$other/secrets wait $TRASH/go"
cp "$dir/other.yaml" other.yaml
git -C work rm -q "deploy/windows/other.yaml"
commit_push work second -o allow-deletes=1
ok "a Namespace that is dropped is looked into" \
	wait_line 30 proxy.log "GET /api/v1/namespaces/$other/secrets"
cp other.yaml "$dir/other.yaml"
commit_push work third
ok "meanwhile a bundle wants it again" \
	wait_line 20 engine.log 'bundle-accepted .*sequence=3 '
sleep 0.5
touch go
ok "that is applied" wait_applied "$channel" 3 60
is "$(uid)" "$before" "and the Namespace was never deleted"
is "$(k get namespace "$other" -o 'jsonpath={.status.phase}')" Active \
	"nor is it going to be"
engine_kill
stop proxy

# ---- the child dies while a bundle is being accepted ----
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "ready" wait_ready "$channel" 30
# whoever writes the status waits for this for some seconds
start deaf perl -MIO::Socket::INET -e '
	$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 50);
	$| = 1; print "port ", $s->sockport, "\n";
	push @open, $s->accept while 1'
wait_line 10 deaf.log '^port '
k apply -f - >/dev/null <<END
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: slow}
webhooks:
- name: slow.example.org
  clientConfig: {url: "https://127.0.0.1:$(sed -n 's/^port //p' deaf.log)/"}
  rules: [{apiGroups: ["windlass.dev"], apiVersions: ["*"], operations: ["*"], resources: ["channels/status"]}]
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 3
END
sleep 2
start watch "$KUBECTL" get channel "$channel" -w \
	-o 'jsonpath={.status.accepted.sequence}{"\n"}'
config a two
config b two
commit_push work fourth
wait_line 30 engine.log 'bundle-verified .*sequence=4 '
sleep 1
ok "the child dies" kill -KILL "$(pgrep -P "$pid_engine")"
ok "the bundle is accepted and applied" wait_applied "$channel" 4 60
is "$(sort -nc watch.log 2>&1)" "" "what was accepted never goes back"
unlike "$(cat engine.log)" 'overtaken' "and nobody seems to have been quicker"
k delete validatingwebhookconfiguration slow >/dev/null
stop watch

# ---- a copy of a Channel ----
k get channel "$channel" -o json |
	perl -0pe "s/\"name\": \"((?:channel-)?)$channel\"/\"name\": \"\$1a-copy\"/g;
		s/\"(uid|resourceVersion)\": \"[^\"]*\",?//g;
		s/,\s*\"status\": \{.*\}\s*\}\s*\$/}/s" >copy.json
ok "a copy under another name" k create -f copy.json
channel=a-copy
ok "is told that there is one already" \
	wait_condition a-copy Fetched False 20 ChannelIDTaken
engine_kill
rm -rf state
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "after a restart the right one works" wait_ready windows 30
ok "and the copy does not" \
	wait_condition a-copy Fetched False 20 ChannelIDTaken
config a three
commit_push work fifth
ok "the next bundle is taken" wait_applied windows 5 60
done_testing
