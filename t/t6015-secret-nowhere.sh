#!/bin/bash
# A Secret's values, text or binary, through all that can go wrong with one: a
# file that is refused, an object that the API server refuses, drift, a fight,
# an immutable one that changes. They are in the bundle and in the cluster, and
# in no log, status, Event, metric, diff or answer to the pusher.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace nowhere
channel=nowhere-$$
dir=work/deploy/$channel

# what nobody may see, in each form that it might have
plain=Xq7-plain-nobody-sees
head -c 48 /dev/urandom >binary
b64=$(base64 -w0 binary)
forms() {
	local s
	for s in "$plain" "$(base64 -w0 <<<"$plain" | head -c 24)" \
		"${b64:0:24}" "${b64:30:24}" "$(od -An -tx1 binary | tr -d ' \n' | head -c 24)"; do
		printf '%s\n' "$s"
	done
}
forms >forms
# hidden WHAT FILE...: none of the forms, nor the raw bytes, is in them
hidden() {
	local what=$1
	shift
	cat "$@" >seen
	ok "there are words of $what" test -s seen
	not_ok "none of them says a value" grep -qaF -f forms seen
	not_ok "nor its bytes" grep -qaF -f <(head -c 12 binary | tr -d '\n\0') seen
}
secret() { # NAME [LINE...]
	local name=$1
	shift
	mkdir -p "$dir"
	{
		printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\n' "$name" "$ns"
		printf '%s\n' "$@"
	} >"$dir/$name.yaml"
}
data_of() { k -n "$ns" get secret "$1" -o "jsonpath={.data.$2}" 2>/dev/null; }
is_data() { [ "$(data_of "$1" "$2")" = "$3" ]; }

make_host host.git "$channel"
set_channel host.git "$channel" secrets allow
make_clone host.git work
secret bytes "type: Opaque" "data: {blob: $b64}" "stringData: {word: $plain}"
secret fixed "immutable: true" "data: {blob: $b64}"
put work "deploy/$channel/other.yaml" ConfigMap other "$ns" one
commit_push work first || bail "push failed: $(cat push.out)"
cat push.out >pushes
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "Secrets are applied" wait_applied "$channel" 1
is "$(data_of bytes blob)" "$b64" "byte by byte"

# ---- refused at the push ----
refused() { # LINE...
	secret bad "$@"
	not_ok "refused: ${1%%:*}" commit_push work bad
	cat push.out >>pushes
	windlass check "$dir/bad.yaml" >>pushes 2>&1
	git -C work reset -q --hard HEAD~1
}
refused "data: {blob: $b64, 'not a key': $b64}"
refused "data: {blob: '*$b64'}"
refused "stringData: {word: [$plain]}"
refused "stringData: {word: $plain, word: $plain}"
refused "data: {blob: $b64" "  word: $plain"
refused "stringDate: {word: $plain}"
hidden "the hook" pushes

# ---- drift, and a fight ----
edit() { k -n "$ns" patch secret bytes -p "{\"data\":{\"blob\":\"$(base64 -w0 <<<"$plain-$1")\"}}" >/dev/null; }
windlass diff --live --repo host.git "$channel" >live 2>&1
for i in {1..8}; do
	edit "$i"
	[ "$i" != 1 ] || windlass diff --live --repo host.git "$channel" >>live 2>&1
	wait_for 3 is_data bytes blob "$b64"
done
edit last
windlass diff --live --repo host.git "$channel" >>live 2>&1
hidden "the live diff" live

# ---- refused by the API server: what is there by hand keeps its type and data ----
refused_fixed() {
	secret fixed "immutable: true" "data: {blob: $(base64 -w0 <<<"$plain")}"
	not_ok "refused: what may not change" commit_push work fixed
	cat push.out >>pushes
	git -C work reset -q --hard HEAD~1
}
refused_fixed
k -n "$ns" create -f - >/dev/null <<-END
	{apiVersion: v1, kind: Secret, metadata: {name: late}, immutable: true, data: {blob: aaaa}}
	---
	{apiVersion: v1, kind: Secret, metadata: {name: typed}, type: example.org/one, data: {blob: aaaa}}
END
secret late "immutable: true" "data: {blob: $b64}" "stringData: {word: $plain}"
secret typed "type: example.org/two" "data: {blob: $b64}" "stringData: {word: $plain}"
commit_push work changes || bail "push failed: $(cat push.out)"
cat push.out >>pushes
fails() { k get channel "$channel" -o json | jq -e '[.status.failures[]? | select(.object | contains("Secret"))] | length == 2' >/dev/null; }
ok "both Secrets fail" wait_for 60 fails || test_show push.out
sleep 2		# Events come a little later
hidden "the hook, again" pushes
k get channel "$channel" -o yaml >status
hidden "the Channel" status
k get events -A -o yaml >events
hidden "Events" events
curl -s "http://$METRICS/metrics" >metrics
hidden "the metrics" metrics
{
	windlass log --repo host.git "$channel"
	windlass show --repo host.git "$channel"
	windlass diff --repo host.git "$channel@1" "$channel@2"
	windlass status "$channel"
	windlass events "$channel"
} >words 2>&1
hidden "log, show, diff, status and events" words
hidden "the engine's log" engine.log
hidden "serve's log" serve.log
git -C host.git show "refs/windlass/$channel:objects/$ns/core/Secret/bytes.json" >seen
ok "the bundle has them, of course" grep -qF "$b64" seen
done_testing
