#!/bin/bash
# Ways to the API server beyond a certificate or a token in one file: files,
# lists and contexts as kubectl reads them, proxies with and without a
# password, what the environment says of proxies; and certificates that are
# replaced while we run, the client's and the server's authority.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
command -v tinyproxy >/dev/null ||
	skip_all "tinyproxy is missing: apt-get install tinyproxy-bin"
cluster_own --no-kwok

kube=$WINDLASS_BUILD/t/tool/kube
[ -x "$kube" ] || bail "'$kube' is not built: make check TESTS="
server=$(sed -n 's/^ *server: //p' "$KUBECONFIG")
pki=$CLUSTER/pki
whoami=authentication.k8s.io/v1/selfsubjectreviews
review='{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
ask() { out=$("$kube" "$@" POST $whoami <<<"$review" 2>&1); }

# ---- files ----
mkdir -p files/certs
cp "$pki/ca.crt" "$pki/admin.crt" "$pki/admin.key" files/certs
# config FILE CLUSTER-FIELDS USER-FIELDS
config() {
	cat >"$1" <<-END
	apiVersion: v1
	kind: Config
	current-context: here
	clusters: [{name: c, cluster: {server: "$server", $2}}]
	users: [{name: u, user: {$3}}]
	contexts: [{name: here, context: {cluster: c, user: u}}]
	END
}
ca='certificate-authority: certs/ca.crt'
cert='client-certificate: certs/admin.crt, client-key: certs/admin.key'
config files/config "$ca" "$cert"
ask --kubeconfig files/config
like "$out" '^201 done ok .*' "a certificate, its key and an authority in files"
like "$out" '"username":"admin"' "beside the kubeconfig"
config files/config "$ca" "$cert, as: jane, as-uid: '7', as-groups: [dev]"
ask --kubeconfig files/config
like "$out" '"uid":"7","username":"jane"' "as, as-uid"
config files/config "$ca" "username: ada, password: hunter2"
ask --kubeconfig files/config
like "$out" "files/config' line 5: user 'u' logs in by a user name and password, which no API server takes" \
	"a user name and a password"
unlike "$out" hunter2 "no password in the message"

# what a program opens by itself is never waited for; a kubeconfig that
# comes in a pipe is
mkfifo files/certs/pipe
for fields in "tokenFile: certs/pipe" \
	"client-certificate: certs/pipe, client-key: certs/admin.key" \
	"client-certificate: certs/admin.crt, client-key: certs/pipe"; do
	config files/config "$ca" "$fields"
	timeout 20 windlass status --kubeconfig files/config >out 2>err
	is "$?" 2 "a FIFO: $fields"
	like "$(cat err)" "^windlass: files/config: .*'files/certs/pipe' is not a regular file" \
		"is named"
done
windlass doctor --kubeconfig <(cat "$KUBECONFIG") >out 2>err
like "$(cat out)" '^ok +api: ' "a kubeconfig by <(...)"

config files/config "insecure-skip-tls-verify: true" "$cert"
windlass status --kubeconfig files/config >out 2>err
like "$(cat err)" "^windlass: warning: 'files/config' says insecure-skip-tls-verify: anybody could answer for $server" \
	"a server that is not verified is warned of"
windlass doctor --kubeconfig files/config >out 2>err
like "$(cat out)" '^warn  api: its certificate is not verified; put' "doctor does, too"
start careless windlassd --kubeconfig files/config --state "$TRASH/careless" --metrics off --no-leader-elect
ok "and the engine's log" wait_line 20 careless.log 'server-not-verified.*insecure-skip-tls-verify'
stop careless

# ---- lists and contexts, beside kubectl ----
mkdir a b
cat >a/config <<END
clusters:
- {name: c, cluster: {server: "https://first:1"}}
users:
- {name: u, user: {token: first}}
contexts:
- {name: one, context: {cluster: c, user: u}}
- {name: mixed, context: {cluster: d, user: v, namespace: other}}
END
cat >b/config <<END
current-context: mixed
clusters:
- {name: c, cluster: {server: "https://second:2", tls-server-name: x}}
- {name: d, cluster: {server: "https://third:3", certificate-authority: ca.crt}}
users:
- {name: u, user: {token: second}}
- {name: v, user: {token: third}}
contexts:
- {name: one, context: {cluster: d, user: v}}
- {name: two, context: {cluster: c, user: u}}
END
cp "$pki/ca.crt" b/ca.crt
saved=$KUBECONFIG
export KUBECONFIG=$TRASH/a/config:$TRASH/missing:$TRASH/b/config
for context in "" one two mixed; do
	want=$(k config view --raw --minify ${context:+--context "$context"} -o \
		json | jq -r '"\(.clusters[0].cluster.server) \(.contexts[0].context.namespace // "default") \(.users[0].user.token)"')
	out=$("$kube" ${context:+--context "$context"} config 2>&1)
	is "$(sed -n 's/.* server=\([^ ]*\) namespace=\([^ ]*\) .*/\1 \2/p' <<<"$out")" \
		"${want% *}" "the same as kubectl: context '${context:-current}'" ||
		test_show <(printf '%s\n' "$out")
done
export KUBECONFIG=$saved

# ---- proxies ----
tinyproxy_start() { # NAME [LINE]
	proxy=$(free_port)
	printf '%s\n' "Port $proxy" "Listen 127.0.0.1" "Timeout 600" \
		"LogLevel Connect" "MaxClients 50" "${@:2}" >"$1.conf"
	start "$1" tinyproxy -d -c "$TRASH/$1.conf"
	listens() { curl -s -o /dev/null "http://127.0.0.1:$proxy/"; }
	wait_for 20 listens || { test_show "$1.log"; bail "tinyproxy"; }
}
connects() { grep -c 'Request .*CONNECT ' "$1.log"; }
tinyproxy_start guarded "BasicAuth ada hunter2"
guarded=$proxy
config files/config "$ca, proxy-url: \"http://ada:hunter2@127.0.0.1:$guarded\"" "$cert"
ask --kubeconfig files/config
like "$out" '^201 done ok ' "a proxy that wants a password"
is "$(connects guarded)" 1 "it was used"
out=$(no_proxy=127.0.0.1,localhost NO_PROXY='*' "$kube" --kubeconfig files/config POST $whoami <<<"$review" 2>&1)
is "$(connects guarded)" 2 "whatever no_proxy says: that is of other proxies"
config files/config "$ca, tls-server-name: kubernetes.default.svc, proxy-url: \"http://ada:hunter2@127.0.0.1:$guarded\"" "$cert"
ask --kubeconfig files/config
like "$out" '^201 done ok ' "with tls-server-name, too"
like "$(grep 'Request.*CONNECT' guarded.log | tail -n 1)" "CONNECT ${server#https://} " \
	"which the proxy is not asked for"
for wrong in ada:horse@ ada@ ""; do
	config files/config "$ca, proxy-url: \"http://${wrong/horse/wrong-horse}127.0.0.1:$guarded\"" "$cert"
	ask --kubeconfig files/config
	like "$out" '^0 no-answer .*' "not with '${wrong%@}'"
	like "$out" "response 40[17]" "which is why"
	unlike "$out" 'wrong-horse' "no password in the message"
done
config files/config "$ca, proxy-url: \"http://ada:hunter2@127.0.0.1:$(free_port)\"" "$cert"
ask --kubeconfig files/config
like "$out" '^0 no-answer transient .*' "no proxy there"
unlike "$out" 'hunter2' "no password in this message, either"
config files/config "$ca, proxy-url: \"http://ada:hunter2@no-such-host.invalid:1\"" "$cert"
ask --kubeconfig files/config
unlike "$out" 'hunter2' "nor for a host that there is not"
config files/config "$ca, proxy-url: \"gopher://ada:hunter2@127.0.0.1:1\"" "$cert"
ask --kubeconfig files/config
like "$out" 'files/config: proxy-url: the proxy must be http://HOST:PORT' "a proxy of no such kind"
unlike "$out" 'hunter2' "nor here"

# The environment's proxy is for others: this machine's own are asked as by
# kubectl, which uses none for them.
tinyproxy_start environment
config files/config "$ca" "$cert"
out=$(https_proxy=http://127.0.0.1:$proxy "$kube" --kubeconfig files/config POST $whoami <<<"$review" 2>&1)
like "$out" '^201 done ok ' "https_proxy and a server on this machine"
is "$(connects environment)" 0 "no proxy is asked for that"
out=$(https_proxy=http://127.0.0.1:$proxy k --kubeconfig files/config auth whoami 2>&1)
is "$(connects environment)" 0 "as by kubectl"

# ---- a client's certificate that is replaced ----
# ends_in SECONDS NAME SUBJECT: NAME.crt, valid for so long
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
mkdir authority
: >authority/index
echo 01 >authority/serial
cat >authority/conf <<END
[ca]
default_ca = a
[a]
database = $TRASH/authority/index
serial = $TRASH/authority/serial
new_certs_dir = $TRASH/authority
certificate = $pki/ca.crt
private_key = $pki/ca.key
default_md = sha256
policy = p
unique_subject = no
x509_extensions = x
[p]
organizationName = optional
commonName = supplied
[x]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
END
ends_in() {
	new_key "$2.key.new"
	openssl req -new -key "$2.key.new" -subj "$3" -out "$2.csr" 2>/dev/null
	openssl ca -batch -notext -config authority/conf -in "$2.csr" -out "$2.crt.new" \
		-startdate "$(date -u -d '-1 hour' +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d "+$1 seconds" +%Y%m%d%H%M%SZ)" 2>ca.err ||
		bail "no certificate: $(cat ca.err)"
	mv "$2.key.new" "$2.key"
	mv "$2.crt.new" "$2.crt"
}
ends_in 6 files/certs/robot /O=system:masters/CN=robot-one
config files/config "$ca" "client-certificate: certs/robot.crt, client-key: certs/robot.key"
"$kube" --kubeconfig files/config repeat 40 GET core/v1/namespaces/-/default >repeat 2>&1 &
repeat=$!
ok "a certificate that ends soon" wait_line 10 repeat '^200 '
ok "is refused when it has ended, on the connection that it made" \
	wait_line 30 repeat '^401 unauthorized denied'
ends_in 3600 files/certs/robot /O=system:masters/CN=robot-two
at=$(wc -l <repeat)
again() { tail -n "+$((at + 1))" repeat | grep -q '^200 '; }
ok "another one in the same files is taken at once" wait_for 10 again
kill $repeat
wait $repeat 2>/dev/null

# ---- both under a running engine: first its certificate ----
k create namespace shop >/dev/null
make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a shop one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git prod >/dev/null || bail "install failed"
ends_in 12 files/certs/robot /O=system:masters/CN=robot-three
ends=$((SECONDS + 13))
KUBECONFIG=$TRASH/files/config engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
ok "an engine with its credentials in files applies" wait_applied prod 1 60
while [ $SECONDS -lt $ends ]; do sleep 0.5; done
k -n shop delete configmap a >/dev/null
ok "its certificate ends while it runs: it says so" \
	wait_line 20 engine.log '401 Unauthorized'
ends_in 3600 files/certs/robot /O=system:masters/CN=robot-four
ok "with another one it goes on: what was deleted is back" \
	wait_for 20 k -n shop get configmap a

# ---- then the server's authority ----

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new-ca.key \
	-out new-ca.crt -days 2 -subj "/CN=new authority" 2>/dev/null
new_key apiserver.key
openssl req -new -key apiserver.key -subj /CN=kube-apiserver -out apiserver.csr 2>/dev/null
openssl x509 -req -in apiserver.csr -CA new-ca.crt -CAkey new-ca.key -CAcreateserial -days 2 \
	-extfile <(echo "subjectAltName=IP:127.0.0.1") -out apiserver.crt 2>/dev/null
cp apiserver.crt "$pki/apiserver.crt"
cp apiserver.key "$pki/apiserver.key"
# connections that are there stay; these are cut
cluster stop apiserver --kill >/dev/null || bail "the API server does not stop"
# its own health check knows the old authority only
start apiserver "$cluster_program" start --dir "$CLUSTER" apiserver
trusts() { curl -fs --cacert "$1" -o /dev/null "$server/version"; }
ok "the API server has a certificate of another authority" wait_for 60 trusts new-ca.crt
stop apiserver KILL
not_ok "which the old one has not signed" trusts files/certs/ca.crt
denied() { "$kube" --kubeconfig files/config GET core/v1/namespaces/-/default 2>&1 | grep -q 'no-answer denied .*'; }
ok "so we refuse it" denied
put work deploy/prod/a.yaml ConfigMap a shop two
commit_push work second
sleep 3
now() { "$KUBECTL" --kubeconfig /dev/null --server "$server" --certificate-authority new-ca.crt \
	--client-certificate "$pki/admin.crt" --client-key "$pki/admin.key" -n shop get configmap a -o 'jsonpath={.data.text}'; }
is "$(now)" one "the engine does, too: nothing is applied"
kill -0 "$pid_engine" || fail "the engine has ended"
cat files/certs/ca.crt new-ca.crt >files/certs/both.crt
mv files/certs/both.crt files/certs/ca.crt
two() { [ "$(now)" = two ]; }
ok "the file gets the new authority: the engine goes on" wait_for 40 two ||
	test_show engine.log
unlike "$(cat engine.log)" 'hunter2|BEGIN' "no key and no password in its log"
done_testing
