#!/bin/bash
# A kubeconfig whose user logs in by an exec plugin, against a real API
# server: what the plugin is told, what counts of what it prints, how a
# plugin that fails is named, and that an engine asks it again.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use

kube=$WINDLASS_BUILD/t/tool/kube
[ -x "$kube" ] || bail "'$kube' is not built: make check TESTS="
server=$(sed -n 's/^ *server: //p' "$KUBECONFIG")
view() { k config view --raw -o "jsonpath=$1"; }
view '{.clusters[0].cluster.certificate-authority-data}' | base64 -d >ca.crt
view '{.users[0].user.client-certificate-data}' | base64 -d >client.crt
view '{.users[0].user.client-key-data}' | base64 -d >client.key
sed -n 's/^ *token: //p' "$KUBECONFIG-token" >token
whoami=authentication.k8s.io/v1/selfsubjectreviews
review='{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'

# config EXEC-FIELDS [USER-FIELDS [CLUSTER-FIELDS]]: makes the file "config"
config() {
	cat >config <<-END
	apiVersion: v1
	kind: Config
	current-context: here
	clusters: [{name: c, cluster: {server: "$server", certificate-authority: ca.crt, ${3:-}}}]
	users: [{name: ada, user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, $1}, ${2:-}}}]
	contexts: [{name: here, context: {cluster: c, user: ada}}]
	END
}

# plugin NAME: a script from stdin, which counts its runs in NAME.runs
plugin() {
	{ printf '#!/bin/sh\necho run >>"%s"\n' "$TRASH/$1.runs"; cat; } >"$1"
	chmod +x "$1"
}
runs() { wc -l <"$1.runs"; }
# credential STATUS-FIELDS: an ExecCredential
credential() {
	printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{%s}}' "$1"
}
quoted() { jq -Rs . <"$1"; }
ask() { out=$("$kube" --kubeconfig config POST $whoami <<<"$review" 2>&1); }

# one that never ends is looked at when everything else is done
cp "$(type -P sleep)" "$TRASH/sleep-of-slow"
plugin slow <<END
"$TRASH/sleep-of-slow" 600 &
wait
END
config 'command: ./slow'
cp config slow-config
"$kube" --kubeconfig slow-config config >slow.log 2>&1 &
slow=$!

# --- what it may give ---------------------------------------------------
plugin token-plugin <<END
printf '%s' "\$KUBERNETES_EXEC_INFO" >"$TRASH/info"
printf '%s %s %s' "\$1" "\$2" "\$COLOUR" >"$TRASH/told"
cat "$TRASH/answer"
END
credential "\"token\":\"$(cat token)\"" >answer
config 'command: ./token-plugin, args: [one, "two words"], env: [{name: COLOUR, value: green}]'
ask
like "$out" '^201 done ok ' "a plugin beside the kubeconfig gives a token"
is "$(cat told)" "one two words green" "it gets its arguments and variables"
is "$(jq -c . info)" \
	'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}' \
	"and is told what is wanted"
is "$(runs token-plugin)" 1 "once"
PATH=$TRASH:$PATH
config 'command: token-plugin, provideClusterInfo: true' '' \
	'extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: [x]}}]'
ask
like "$out" '^201 done ok ' "a plugin in PATH"
is "$(jq -c '.spec.cluster | [.server, .config, (.["certificate-authority-data"] | @base64d)]' info)" \
	"$(jq -nc --arg s "$server" --arg ca "$(cat ca.crt; echo x)" '[$s, {audience: ["x"]}, ($ca | rtrimstr("x"))]')" \
	"provideClusterInfo: server, CA and the extension"
config 'command: token-plugin' "token: $(cat token)"
: >token-plugin.runs
ask
like "$out" '^201 done ok ' "a token beside it"
is "$(runs token-plugin)" 0 "beats the plugin, as in kubectl"

credential "\"clientCertificateData\":$(quoted client.crt),\"clientKeyData\":$(quoted client.key),\"expirationTimestamp\":\"2100-01-01T02:00:00.5+02:00\"" >answer
config 'command: token-plugin'
ask
like "$out" '^201 done ok ' "a plugin gives a client certificate"
like "$out" 'system:masters' "which the API server knows"
sed -i 's,/v1,/v1beta1,' answer config
ask
like "$out" '^201 done ok ' "v1beta1"

# what it leaves behind holds its stdout, and is nobody's business
plugin leaving <<END
sleep 50 &
echo \$! >"$TRASH/left"
cat "$TRASH/answer"
END
credential "\"token\":\"$(cat token)\"" >answer
config 'command: leaving'
SECONDS=0
ask
like "$out" '^201 done ok ' "a plugin that leaves a program behind"
ok "is not waited for longer than it takes itself" test $SECONDS -lt 25
ok "nor is that ended" kill -0 "$(cat left)"
kill "$(cat left)"

# --- what is refused ----------------------------------------------------
# bad WANT DESCRIPTION: of the answer
bad() {
	config 'command: token-plugin'
	ask
	like "$out" "config: the exec plugin 'token-plugin' of user 'ada' $1" "$2"
	unlike "$out" hunter2 "no secret in the message"
}
echo 'token: hunter2' >answer
bad 'printed what is no JSON text' "no JSON"
echo '{"kind":"Secret","token":"hunter2"}' >answer
bad 'printed no ExecCredential' "another kind"
credential '"token":"hunter2"' | sed 's,/v1,/v1alpha1,' >answer
bad 'printed no ExecCredential of client.authentication.k8s.io/v1' "another version"
credential '"expirationTimestamp":"2100-01-01T00:00:00Z"' >answer
bad 'gave neither a token nor a certificate' "nothing"
credential "\"clientKeyData\":\"hunter2\"" >answer
bad 'gave a certificate without its key' "half of a pair"
credential '"clientKeyData":"hunter2","clientCertificateData":"hunter2"' >answer
bad 'gave a certificate or key that is no PEM' "no PEM"
credential '"token":"hunter2\r\nX-Remote-User: admin"' >answer
bad 'gave a token of more than one line' "a header smuggled in"
for t in yesterday 2100-01-01 2100-13-01T00:00:00Z 2100-01-01T00:00:00+25:00 \
	2100-01-01T00:00:00; do
	credential "\"token\":\"hunter2\",\"expirationTimestamp\":\"$t\"" >answer
	bad 'gave an expirationTimestamp that is not RFC 3339' "'$t'"
done
# LIMIT_EXEC_CREDENTIAL_BYTES, by white space behind it
most=$((1024 * 1024))
credential "\"token\":\"$(cat token)\"" >short
{ cat short; head -c $((most - $(wc -c <short))) /dev/zero | tr '\0' ' '; } \
	>answer
config 'command: token-plugin'
ask
like "$out" "^201" "a credential may be a megabyte"
printf ' ' >>answer
config 'command: token-plugin'
ask
like "$out" "exec plugin of user 'ada': 'token-plugin' printed more than is accepted" \
	"more than a credential can be"

plugin failing <<'END'
echo hunter2
echo 'no session: run "login" first' >&2
echo 'hint' >&2
exit 3
END
config 'command: failing'
ask
like "$out" "the exec plugin 'failing' of user 'ada' failed \\(3\\): no session: run \"login\" first \\(denied\\)\$" \
	"a plugin that fails is quoted"
config 'command: not-there, installHint: "get it from the shop"'
ask
like "$out" "failed \\(127\\): cannot run 'not-there': No such file or directory; get it from the shop" \
	"one that is missing: how to get it"
refused() { # FIELDS WANT
	config "$1"
	ask
	like "$out" "'config' line 5: exec of user 'ada': $2" "refused: $2"
}
refused 'args: [x]' 'it has no command'
refused 'command: [x]' 'command must be a string'
refused 'command: x, args: x' 'args must be a list of strings'
refused 'command: x, args: [1]' 'args must be a list of strings'
refused 'command: x, env: {a: b}' 'env must be a list'
refused 'command: x, env: [{value: hunter2}]' "env needs a name, without '='"
refused 'command: x, provideClusterInfo: maybe' 'provideClusterInfo must be'

# --- an engine that runs ------------------------------------------------
# its account is deleted: a 401, and the plugin knows another one
k create namespace exec-engine >/dev/null
at_exit 'k delete namespace exec-engine --wait=false'
for robot in one two; do
	k -n exec-engine create serviceaccount $robot >/dev/null
	k create clusterrolebinding "exec-$robot" --clusterrole cluster-admin \
		--serviceaccount exec-engine:$robot >/dev/null
	at_exit "k delete clusterrolebinding exec-$robot"
done
now_as() { # ACCOUNT SECONDS
	credential "\"token\":\"$(k -n exec-engine create token "$1")\",\"expirationTimestamp\":\"$(date -u -d "+$2 seconds" +%FT%TZ)\"" >answer.new
	mv answer.new answer
}
now_as one 3600
config 'command: ./token-plugin'
: >token-plugin.runs
make_host host.git exec
make_clone host.git work
put work deploy/exec/a.yaml ConfigMap exec-a exec-engine one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git exec >/dev/null || bail "install failed"
saved=$KUBECONFIG
KUBECONFIG=$TRASH/config engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
KUBECONFIG=$saved
ok "an engine that logs in by a plugin applies" wait_applied exec 1 60
is "$(runs token-plugin)" 1 "the plugin ran once"
cp answer first-answer
now_as two 20
expires=$(jq -r .status.expirationTimestamp answer)
k -n exec-engine delete serviceaccount one >/dev/null
# the API server remembers for some seconds that a token was good
rejected() {
	! "$KUBECTL" --kubeconfig /dev/null --server "$server" \
		--certificate-authority ca.crt \
		--token "$(jq -r .status.token first-answer)" get --raw /api \
		>/dev/null 2>&1
}
ok "its account is deleted" wait_for 60 rejected
put work deploy/exec/a.yaml ConfigMap exec-a exec-engine two
commit_push work second
ok "it goes on as another one" wait_applied exec 2 90
again=$(runs token-plugin)
is "$again" 2 "for the plugin was asked again"
now_as two 3600
cat >token-plugin.new <<END
#!/bin/sh
echo run >>"$TRASH/token-plugin.runs"
sleep 600 &
echo \$! >>"$TRASH/left"
cat "$TRASH/answer"
END
chmod +x token-plugin.new
mv token-plugin.new token-plugin
: >left
at_exit 'kill $(cat left)'
late() { [ "$(date +%s)" -ge "$(date -d "$expires" +%s)" ]; }
wait_for 60 late || bail "the clock stands"
put work deploy/exec/a.yaml ConfigMap exec-a exec-engine three
commit_push work third
ok "a third bundle, after the credential expired" wait_applied exec 3 90
more_runs() { [ "$(runs token-plugin)" -gt "$again" ]; }
ok "was applied with a new one, of a plugin that left something behind" \
	wait_for 60 more_runs
ok "which runs" kill -0 "$(tail -n 1 left)"
unlike "$(cat engine.log)" "$(jq -r .status.token answer)" \
	"no token in the log"
# a plugin that fails says why, here as when it is run by hand
cat >token-plugin.new <<'END'
#!/bin/sh
head -c 200000 /dev/zero | tr '\0' x
echo 'no session: log in first' >&2
head -c 200000 /dev/zero | tr '\0' 'x' >&2
exit 7
END
chmod +x token-plugin.new
mv token-plugin.new token-plugin
cp answer first-answer
k -n exec-engine delete serviceaccount two >/dev/null
wait_for 60 rejected || bail "the account's token is still taken"
put work deploy/exec/a.yaml ConfigMap exec-a exec-engine four
commit_push work fourth
ok "a plugin that fails while the engine runs is quoted" wait_line 60 engine.log \
	"the exec plugin '[^']*token-plugin' of user 'ada' failed \\(7\\): no session: log in first"
unlike "$(cat engine.log)" 'partial file' \
	"a 401 that cuts the request short is a 401 all the same"

# one that writes without end is ended; its name tells it from all others
cp "$(type -P yes)" flood-plugin
printf '#!/bin/sh\n%s/flood-plugin\nexit 1\n' "$TRASH" >token-plugin.new
chmod +x token-plugin.new
mv token-plugin.new token-plugin
ok "a plugin that floods is told" wait_line 90 engine.log \
	"the exec plugin's output is larger than [0-9]+ bytes"
not_ok "and runs no more" pgrep -f "^$TRASH/flood-plugin"

# --- the one that never ends --------------------------------------------
not_ok "a plugin that never ends fails" wait $slow
like "$(cat slow.log)" "exec plugin of user 'ada': './slow' took more than 30000 ms" \
	"after 30 s"
not_ok "and nothing of it runs any more" pgrep -f "^$TRASH/sleep-of-slow"
done_testing
