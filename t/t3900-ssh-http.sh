#!/bin/bash
# Pushes by SSH and by smart HTTP: a real sshd, and git http-backend behind
# nginx; and the published files through a web server in front
. "$(dirname "$0")/lib.sh"

sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) ||
	skip_all "sshd is missing: apt-get install openssh-server"
nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) ||
	skip_all "nginx is missing: apt-get install nginx-light"
fcgiwrap=$(PATH=$PATH:/usr/sbin:/sbin command -v fcgiwrap) ||
	skip_all "fcgiwrap is missing: apt-get install fcgiwrap"

mkdir repos
git init -q --bare repos/r.git
git -C repos/r.git config http.receivepack true
windlass-hook init prod --repo repos/r.git --key "$TRASH/keys/prod" \
	--path deploy --ref refs/heads/main --delete-limit 0 >init.log ||
	bail "init"
sed -n "s|^ *--publisher-key '\(.*\)'|prod namespaces=\"git\" \1|p" init.log >signers
# who signs their pushes, which HTTP gives to another process than offered it
ssh-keygen -q -t ed25519 -N '' -f ada
printf 'ada namespaces="git" %s\n' "$(cut -d' ' -f1,2 ada.pub)" >developers
windlass-hook init prod --repo repos/r.git --developers developers \
	--require-signed-push >init.log || bail "init"
git -C repos/r.git config windlass.prod.requireSignedPush false
git init -q work
git -C work config gpg.format ssh
git -C work config user.signingKey "$TRASH/ada"

# manifest NAME TEXT
manifest() {
	mkdir -p work/deploy
	cat >"work/deploy/$1.yaml" <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: $1, namespace: shop}
data: {text: "$2"}
YAML
	git -C work add -A
	git -C work commit -q -m "$1: $2"
}
push() { git -C work push "$@" HEAD:main; }
tip() { git -C repos/r.git rev-parse -q --verify refs/windlass/prod; }
published() { sed -n 's/^bundle //p' repos/r.git/windlass/public/prod/head; }

# pushes WHAT URL: a good push, a bad one, one that needs an option
pushes() {
	local what=$1 url=$2 before
	manifest web "by $what"
	manifest "extra" "by $what"
	ok "$what: a push" push "$url"
	cp .output out
	like "$(cat out)" '^remote: .*ConfigMap shop/web' \
		"$what: the pusher sees the plan"
	like "$(cat out)" '^remote: windlass: prod' "$what: and the outcome"
	is "$(published)" "$(tip)" "$what: the head names the new bundle"
	like "$(git -C repos/r.git cat-file commit "$(tip)")" \
		"^Source-Commit: $(git -C work rev-parse HEAD)$" \
		"$what: which was made from that commit"
	ok "$what: stock git verifies it" env GIT_NO_REPLACE_OBJECTS=1 \
		git -C repos/r.git -c gpg.format=ssh \
		-c gpg.ssh.allowedSignersFile="$TRASH/signers" \
		verify-commit "$(tip)"
	before=$(tip)
	printf 'kind: [\n' >work/deploy/web.yaml
	git -C work commit -q -a -m bad
	not_ok "$what: a broken manifest" push "$url"
	like "$(cat .output)" '^remote: deploy/web.yaml:[0-9]+:[0-9]+: error: ' \
		"$what: the pusher sees where"
	is "$(tip)" "$before" "$what: nothing was published"
	git -C work reset -q --hard HEAD^
	git -C work rm -q deploy/extra.yaml
	git -C work commit -q -m "without extra"
	not_ok "$what: a deletion" push "$url"
	like "$(cat .output)" '^remote: .*allow-deletes=(prod:)?1' \
		"$what: the pusher sees how to allow it"
	ok "$what: the deletion with its option" push -o allow-deletes=1 "$url"
	like "$(git -C repos/r.git cat-file commit "$(tip)")" \
		'^Changes: \+0 ~0 -1$' "$what: is published"
	before=$(tip)
	not_ok "$what: a push to windlass' own refs" git -C work push "$url" \
		"+HEAD:refs/windlass/prod"
	is "$(tip)" "$before" "$what: does not touch them"
	git -C repos/r.git config windlass.prod.requireSignedPush true
	manifest web "signed by $what"
	not_ok "$what: a push that is not signed, where it must be" push "$url"
	ok "$what: a signed one" push --signed "$url"
	like "$(git -C repos/r.git cat-file commit "$(tip)")" '^Pushed-By: ada$' \
		"$what: its pusher stands in the bundle"
	git -C repos/r.git config windlass.prod.requireSignedPush false
	ok "$what: but they can be fetched" git -C work fetch -q "$url" \
		"+refs/windlass/prod:refs/bundles/prod"
}

# ---- SSH

ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f user_key
# the account's own settings stay outside, as for every other test
cat >login <<LOGIN
#!/bin/sh
export HOME="$HOME" PATH="$PATH" GIT_CONFIG_NOSYSTEM=1
export GIT_CONFIG_GLOBAL="$GIT_CONFIG_GLOBAL"
exec sh -c "\$SSH_ORIGINAL_COMMAND"
LOGIN
chmod +x login
printf 'command="%s/login",restrict %s\n' "$TRASH" "$(cat user_key.pub)" \
	>authorized_keys
chmod 600 authorized_keys
port=$(free_port)
cat >sshd_config <<SSHD
ListenAddress 127.0.0.1
Port $port
HostKey $TRASH/host_key
AuthorizedKeysFile $TRASH/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SSHD
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
start sshd "$sshd" -D -e -f "$TRASH/sshd_config"
wait_line 5 sshd.log 'Server listening' || { test_show sshd.log; bail "sshd"; }
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 host_key.pub)" >known
export GIT_SSH_COMMAND="ssh -F none -i $TRASH/user_key -o BatchMode=yes \
-o IdentitiesOnly=yes -o UserKnownHostsFile=$TRASH/known"
pushes ssh "ssh://$(id -un)@127.0.0.1:$port$TRASH/repos/r.git"

# a client that is killed while its push is under way loses nothing
manifest web "then gone"
push "ssh://$(id -un)@127.0.0.1:$port$TRASH/repos/r.git" >/dev/null 2>&1 &
pusher=$!
moved() {
	[ "$(git -C repos/r.git rev-parse main)" = \
		"$(git -C work rev-parse HEAD)" ]
}
wait_for 10 moved
kill -KILL "$pusher" 2>/dev/null
wait "$pusher" 2>/dev/null
current() {
	git -C repos/r.git cat-file commit refs/windlass/prod |
		grep -q "^Source-Commit: $(git -C work rev-parse HEAD)$" &&
		[ "$(published)" = "$(tip)" ]
}
ok "ssh: a push whose client is killed is published all the same" \
	wait_for 10 current
stop sshd

# ---- smart HTTP, and the published files behind a proxy

start serve windlass-hook serve --repo repos/r.git --listen 127.0.0.1:0 \
	--behind-proxy
wait_line 5 serve.log '^listening' || bail "serve"
serve=$(sed -n 's/^listening on //p' serve.log)
start fcgi "$fcgiwrap" -s "unix:$TRASH/fcgi.sock"
wait_for 5 test -S fcgi.sock || { test_show fcgi.log; bail "fcgiwrap"; }
mkdir nginx
port=$(free_port)
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
		listen 127.0.0.1:$port;
		client_max_body_size 0;
		location /git/ {
			fastcgi_pass unix:$TRASH/fcgi.sock;
			fastcgi_param SCRIPT_FILENAME $(git --exec-path)/git-http-backend;
			fastcgi_param GIT_PROJECT_ROOT $TRASH/repos;
			fastcgi_param GIT_HTTP_EXPORT_ALL "";
			fastcgi_param GIT_CONFIG_NOSYSTEM 1;
			fastcgi_param GIT_CONFIG_GLOBAL $GIT_CONFIG_GLOBAL;
			fastcgi_param HOME $HOME;
			fastcgi_param PATH $PATH;
			fastcgi_param PATH_INFO \$git_path;
			fastcgi_param QUERY_STRING \$query_string;
			fastcgi_param REQUEST_METHOD \$request_method;
			fastcgi_param CONTENT_TYPE \$content_type;
			fastcgi_param CONTENT_LENGTH \$content_length;
			fastcgi_param HTTP_CONTENT_ENCODING \$http_content_encoding;
			fastcgi_param HTTP_GIT_PROTOCOL \$http_git_protocol;
			fastcgi_param REMOTE_ADDR \$remote_addr;
		}
		location /windlass/ {
			proxy_pass $serve/;
			proxy_http_version 1.1;
			proxy_buffering off;
		}
		location /files/ {
			alias $TRASH/repos/r.git/windlass/public/;
		}
	}
	map \$uri \$git_path { ~^/git(?<rest>/.*)\$ \$rest; }
}
NGINX
start nginx "$nginx" -p "$TRASH/nginx" -c "$TRASH/nginx.conf"
web=http://127.0.0.1:$port
answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$web/")" != 000 ]; }
wait_for 5 answers || { test_show nginx.log; bail "nginx"; }
pushes http "$web/git/r.git"

get() { curl -sS -m 20 "$@"; }
head=repos/r.git/windlass/public/prod/head
get -o got "$web/windlass/prod/head"
ok "the head by way of a proxy" cmp got "$head"
get -o got "$web/files/prod/head"
ok "the head by a plain web server" cmp got "$head"
index=$(sed -n 's/^index sha256:\([0-9a-f]*\) .*/\1/p' "$head")
for from in windlass files; do
	is "$(get "$web/$from/prod/packs/$index" | sha256sum | cut -c1-64)" \
		"$index" "the index by /$from/ has the digest of its name"
done
etag=$(get -o got -D - "$web/windlass/prod/head" | tr -d '\r' |
	sed -n 's/^E[Tt]ag: //p')
(get -o told -D told.headers -H "If-None-Match: $etag" \
	-H 'Prefer: wait=30' "$web/windlass/prod/head"
 date +%s%3N >told.at) &
waiter=$!
sleep 0.5
manifest web "news"
push "$web/git/r.git" >/dev/null 2>&1
pushed=$(date +%s%3N)
wait "$waiter"
ok "a push by HTTP wakes who waits behind the proxy" cmp told "$head"
like "$(tr -d '\r' <told.headers)" '^Preference-Applied: wait=30$' \
	"the proxy passes on that it waited"
ok "before the push has returned, or at once ($(($(cat told.at) - pushed)) ms)" \
	test $(($(cat told.at) - pushed)) -lt 500
stop nginx
stop fcgi
stop serve

done_testing
