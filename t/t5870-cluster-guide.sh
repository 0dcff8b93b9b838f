#!/bin/bash
# contrib/guides/cluster.md, every block of it, on a real API server. The
# engine of the page's Deployment is an image that only a registry has; the one
# that works here runs beside the cluster.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
cluster_own
engine_lock
guide cluster
mkdir bin
ln -s "$KUBECTL" bin/kubectl
PATH=$TRASH/bin:$PATH
system() { k -n windlass-system "$@"; }

# ---- the Git host ----
make_host host.git prod
make_clone host.git work
put work deploy/prod/web.yaml Deployment web shop 1
commit_push work first || { test_show push.out; bail "the push"; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-keyout host.key -out git-ca.crt -days 2 -subj /CN=host \
	-addext subjectAltName=IP:127.0.0.1 2>/dev/null
chmod 600 host.key
token() { echo "secret-token-number-$1" >git-token; cp git-token tokens; chmod 600 tokens; }
token one
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0 \
	--tokens tokens --tls-cert git-ca.crt --tls-key host.key
wait_line 20 serve.log 'listening on' || bail "serve: $(cat serve.log)"
URL=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' serve.log | tail -n 1)
git -C host.git config windlass.prod.id >channel-id
cut -d' ' -f1,2 keys/prod.pub >channel-key.pub
# here FILE: a block, with this test's Git host for the page's
here() {
	sed "s|https://git.example.org:8443|$URL|g" "$1" >here.sh
	bash -e here.sh
}
image() { system get deployment windlassd -o 'jsonpath={.spec.template.spec.containers[0].image}'; }

# ---- the page ----
run_block "Install the engine" 1 here
like "$(image)" '@sha256:1{64}$' "the engine's Deployment is there"
run_block "Add a channel" 1 here
run_block "Add a channel" 2 here
start engine windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state" \
	--metrics off --leader-elect
run_block See 1 here
like "$(cat .output)" '^prod ' "status shows the channel"
run_block "Stop for a while" 1 here
run_block Upgrade 1 here
like "$(image)" '@sha256:2{64}$' "the new image"
live() {
	k -n shop get deployments,pods -o json |
		jq -c '.items[] | [.kind, .metadata.name, .metadata.uid]'
}
live >before
is "$(wc -l <before)" 2 "a Deployment and its Pod are live"
token two
kill -HUP "$pid_serve"
run_block "Change the token" 1 here
put work deploy/prod/other.yaml ConfigMap other shop one
commit_push work second
ok "with the new token the next bundle is fetched" wait_applied prod 2 60
stop engine
run_block Uninstall 1 here
like "$(cat .output)" '^Channel.windlass.dev prod would be removed$' "lists one channel"
run_block Uninstall 2 here
not_ok "the namespace is gone" k get namespace windlass-system
not_ok "and the kind" k get crd channels.windlass.dev
live >after
ok "the workload is as it was" diff before after
guide_done
done_testing
