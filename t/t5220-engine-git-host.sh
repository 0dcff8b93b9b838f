#!/bin/bash
# An engine and a Git host that does not let everybody in: a private
# authority, a client certificate and a token behind a real nginx, an HTTP
# proxy on the way to the host and another on the way to the API server; a
# token that is replaced while the engine runs.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
PATH=$PATH:/usr/sbin:/sbin
for tool in nginx:nginx-light tinyproxy:tinyproxy-bin; do
	command -v "${tool%:*}" >/dev/null ||
		skip_all "${tool%:*} is missing: apt-get install ${tool#*:}"
done
cluster_use
cluster_namespace live
channel=host-$$

# ---- the host: nginx wants a certificate, serve behind it a token ----
authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$1-ca.key" -out "$1-ca.crt" -days 2 \
		-subj "/CN=$1 authority" 2>/dev/null
}
certificate() { # NAME AUTHORITY SUBJECT-ALT-NAME
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA "$2-ca.crt" -CAkey "$2-ca.key" \
		-CAcreateserial -days 2 -out "$1.crt" \
		-extfile <(echo "subjectAltName=$3") 2>/dev/null
}
authority host
authority engines
authority other
certificate server host IP:127.0.0.1
certificate engine engines DNS:engine
certificate stranger other DNS:engine

make_host host.git "$channel"
make_clone host.git work
dir=work/deploy/$channel
put work "deploy/$channel/a.yaml" ConfigMap a "$ns" one
commit_push work first
echo secret-token-number-one >tokens
chmod 600 tokens
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0 \
	--behind-proxy --tokens tokens
wait_line 20 serve.log 'listening on' || bail "serve does not start: $(cat serve.log)"
behind=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' serve.log | tail -n 1)
port=$(free_port)
mkdir nginx
[ "$(id -u)" -ne 0 ] || user="user root;"
cat >nginx.conf <<NGINX
${user:-}
daemon off;
worker_processes 1;
pid $TRASH/nginx/pid;
error_log stderr;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path $TRASH/nginx/body;
	proxy_temp_path $TRASH/nginx/proxy;
	fastcgi_temp_path $TRASH/nginx/fastcgi;
	uwsgi_temp_path $TRASH/nginx/uwsgi;
	scgi_temp_path $TRASH/nginx/scgi;
	server {
		listen 127.0.0.1:$port ssl;
		ssl_certificate $TRASH/server.crt;
		ssl_certificate_key $TRASH/server.key;
		ssl_client_certificate $TRASH/engines-ca.crt;
		ssl_verify_client on;
		location / {
			proxy_pass $behind;
			proxy_http_version 1.1;
			proxy_buffering off;
		}
	}
}
NGINX
start nginx nginx -p "$TRASH/nginx" -c "$TRASH/nginx.conf"
URL=https://127.0.0.1:$port
answers() { [ "$(curl -sk -o /dev/null -w '%{http_code}' "$URL/")" != 000 ]; }
wait_for 20 answers || { test_show nginx.log; bail "nginx"; }

# tinyproxy NAME [LINE]: its port is in $proxy, what it did in NAME.log
tinyproxy_start() {
	proxy=$(free_port)
	printf '%s\n' "Port $proxy" "Listen 127.0.0.1" "Timeout 600" \
		"LogLevel Connect" "MaxClients 50" "${@:2}" >"$1.conf"
	start "$1" tinyproxy -d -c "$TRASH/$1.conf"
	answers_as_proxy() { curl -s -o /dev/null "http://127.0.0.1:$proxy/"; }
	wait_for 20 answers_as_proxy || { test_show "$1.log"; bail "tinyproxy"; }
}

# ---- what the engine shows ----
channel_install host.git "$channel" >/dev/null || bail "install failed"
secret() { # FILE...: what the Secret has, KEY=FILE each
	k -n windlass-system create secret generic "$channel" "${@/#/--from-file=}" \
		--dry-run=client -o yaml | k apply --server-side --force-conflicts -f - >/dev/null
}
at_exit "k -n windlass-system delete secret '$channel'"
k patch channel "$channel" --type merge \
	-p "{\"spec\": {\"interval\": \"1s\", \"secretRef\": {\"name\": \"$channel\"}}}" >/dev/null

# the API server by a proxy of its own
tinyproxy_start api_proxy
sed "s,^\( *\)server: .*,&\n\1proxy-url: http://127.0.0.1:$proxy," "$KUBECONFIG" >by-proxy.conf
grep -q proxy-url by-proxy.conf || bail "no proxy-url"
saved=$KUBECONFIG
KUBECONFIG=$TRASH/by-proxy.conf engine_start ||
	bail "windlassd does not start: $(cat engine.log)"
KUBECONFIG=$saved
like "$(cat api_proxy.log)" "CONNECT" "proxy-url: the API server by a proxy"

fetched() { condition "$channel" Fetched; }
says() { [[ $(fetched) =~ $1 ]]; }
is_says() { # PATTERN DESCRIPTION
	wait_for 60 says "$1"
	like "$(fetched)" "$1" "$2"
}
is_ready_says() { [[ $(condition "$channel" Ready) =~ $1 ]]; }
ok "no Secret yet: the channel says which one it waits for" \
	wait_for 60 is_ready_says "windlass-system/$channel"
echo secret-token-number-one >token
secret token=token ca.crt=host-ca.crt tls.crt=engine.crt tls.key=engine.key
is_says "^False SecretUnusable Secret 'windlass-system/$channel' does not say where it may be sent: add the key url" \
	"a Secret that is for no host in particular"
echo "$URL" >url
secret() {
	k -n windlass-system create secret generic "$channel" --from-file=url \
		"${@/#/--from-file=}" --dry-run=client -o yaml |
		k apply --server-side --force-conflicts -f - >/dev/null
}
secret token=token
is_says '^False Unreachable .*certificate' "a certificate of an unknown authority"
secret token=token ca.crt=host-ca.crt
is_says '^False Unreachable .*answered 400' "no client certificate"
secret token=token ca.crt=host-ca.crt tls.crt=stranger.crt tls.key=stranger.key
is_says '^False Unreachable ' "a client certificate of another authority"
secret token=token ca.crt=host-ca.crt tls.crt=engine.crt tls.key=engine.key
ok "all of it: applied" wait_applied "$channel" 1 60

# ---- a token that is replaced ----
echo secret-token-number-two >tokens
kill -HUP "$pid_serve"
is_says '^False Unreachable .*answered 401' "the host takes another token"
echo secret-token-number-two >token
tinyproxy_start git_proxy
echo "http://127.0.0.1:$proxy" >proxy
secret token=token ca.crt=host-ca.crt tls.crt=engine.crt tls.key=engine.key \
	proxy=proxy
put work "deploy/$channel/a.yaml" ConfigMap a "$ns" two
commit_push work second
ok "soon after the Secret has it, it is used" wait_applied "$channel" 2 60
like "$(cat git_proxy.log)" "CONNECT 127.0.0.1:$port" "by the proxy that the Secret names"

# ---- a Channel that somebody points elsewhere ----
thief_port=$(free_port)
cat >thief.pl <<'PERL'
use IO::Socket::INET;
$| = 1;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', ReuseAddr => 1,
	LocalPort => $ARGV[0], Listen => 5) or die;
while (my $c = $s->accept) {
	while (my $line = <$c>) { print $line; last if $line eq "\r\n" }
	print $c "HTTP/1.1 404 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	close $c;
}
PERL
start thief perl thief.pl "$thief_port"
spec() { k patch channel "$channel" --type merge -p "{\"spec\": $1}" >/dev/null; }
spec "{\"url\": \"http://127.0.0.1:$thief_port\"}"
ok "another host is asked" wait_line 60 thief.log "GET /$channel/head"
is_says "^False SecretUnusable Secret 'windlass-system/$channel' is for another address than spec.url" \
	"without the Secret, which is for another one"
unlike "$(cat thief.log)" '[Aa]uthorization|secret-token' "it gets no token"
spec "{\"url\": \"$URL\", \"secretRef\": {\"name\": \"$channel-account\"}}"
k -n windlass-system apply -f - >/dev/null <<END
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata: {name: $channel-account, annotations: {kubernetes.io/service-account.name: channel-$channel}}
stringData: {url: "$URL"}
END
at_exit "k -n windlass-system delete secret '$channel-account'"
is_says "SecretUnusable Secret .*-account' is a service account's token" \
	"a service account's token is nobody's to send"
spec "{\"secretRef\": {\"name\": \"$channel\"}}"
wait_for 60 says '^True ' || test_show engine.log
stop thief
for account in "channel-$channel-x" windlassd; do
	spec "{\"serviceAccount\": {\"name\": \"$account\"}}"
	wait_for 30 is_ready_says 'spec.serviceAccount'
	like "$(condition "$channel" Ready)" "in windlass-system this channel's account is 'channel-$channel'" \
		"nor is account $account the channel's to name"
done
spec "{\"serviceAccount\": {\"name\": \"channel-$channel\"}}"

# ---- a proxy that wants a password, and mistakes in it ----
tinyproxy_start guarded "BasicAuth ada proxy-pass-word"
put work "deploy/$channel/a.yaml" ConfigMap a "$ns" three
commit_push work third
with_proxy() {
	echo "$1" >proxy
	secret token=token ca.crt=host-ca.crt tls.crt=engine.crt tls.key=engine.key \
		proxy=proxy
}
with_proxy "gopher://ada:proxy-pass-word@127.0.0.1:$proxy"
stop git_proxy
wait_for 60 is_condition "$channel" Verified False SettingsInvalid
like "$(condition "$channel" Verified)" 'the proxy must be http://HOST:PORT' \
	"a proxy of no such kind is named"
with_proxy "http://ada:wrong-pass-word@127.0.0.1:$proxy"
is_says '^False Unreachable .*response 40[17]' "the proxy's password is wrong"
with_proxy "http://ada:proxy-pass-word@127.0.0.1:$proxy"
ok "the right one: applied" wait_applied "$channel" 3 60
like "$(cat guarded.log)" "CONNECT 127.0.0.1:$port" "by the proxy with a password"
unlike "$(cat engine.log; k get channel "$channel" -o yaml; k get events -A -o yaml)" \
	'pass-word' "which is nowhere to be seen"
unlike "$(cat engine.log; k get channel "$channel" -o yaml; k get events -A -o yaml)" \
	'secret-token|BEGIN EC|BEGIN PRIVATE' "no token and no key in log, status or Events"
done_testing
