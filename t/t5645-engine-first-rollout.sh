#!/bin/bash
# What others do to objects while a channel's first bundle is being applied,
# when nobody watches their kinds yet: it is seen as soon as the rollout is
# done, and not much later where it never is.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
ns=first
k create namespace "$ns" >/dev/null

# account CHANNEL NAME [WAITS-FOR], and a role: a kind for each channel
metadata() {
	mkdir -p "work/deploy/$1"
	cat <<-END
	metadata:
	  name: $2
	  namespace: $ns
	  annotations: {example.org/text: "ours"${3:+, config.kubernetes.io/depends-on: /namespaces/$ns/$3}}
	END
}
account() {
	{
		printf 'apiVersion: v1\nkind: ServiceAccount\n'
		metadata "$@"
	} >account
	mv account "work/deploy/$1/$2.yaml"
}
role() {
	{
		printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n'
		metadata "$@"
		echo 'rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]'
	} >role
	mv role "work/deploy/$1/$2.yaml"
}
there() { k -n "$ns" get "$1" "$2" >/dev/null 2>&1; }
says() { [ "$(k -n "$ns" get "$1" "$2" \
	-o 'jsonpath={.metadata.annotations.example\.org/text}' 2>/dev/null)" = "$3" ]; }
edit() { k -n "$ns" annotate --overwrite "$1" "$2" example.org/text=theirs >/dev/null; }

make_host host.git soon never
make_clone host.git work
role soon a
role soon b
role soon waits ConfigMap/later
account never a
account never b
account never waits-on ConfigMap/missing
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git soon >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"

ok "what waits for nothing is applied" wait_for 30 says role b ours
not_ok "what waits is not" there role waits
ok "others change an object meanwhile" edit role a
ok "and delete one" k -n "$ns" delete role b
put work deploy/soon/later.yaml ConfigMap later "$ns" here
commit_push work second
ok "the bundle with what was waited for is applied" wait_applied soon 2 30
ok "then the change is undone" wait_for 15 says role a ours
ok "and the object is there again" wait_for 15 says role b ours
edit role a
ok "from now on drift is seen when it is made" wait_for 5 says role a ours

channel_install host.git never >/dev/null || bail "install failed"
ok "the other channel is applied as far as it can be" \
	wait_for 30 says serviceaccount b ours
edit serviceaccount a
k -n "$ns" delete serviceaccount b >/dev/null
ok "a change is undone though the rollout does not end" \
	wait_for 60 says serviceaccount a ours
ok "and what was deleted is back" wait_for 15 says serviceaccount b ours
not_ok "what waits waits on" there serviceaccount waits-on
done_testing
