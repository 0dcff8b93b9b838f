#!/bin/bash
# contrib/guides/static.md: every command of the page, with the real nginx on
# the published folder, and a bucket of a real S3 server
. "$(dirname "$0")/lib-users.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-nginx.sh"
. "$TEST_DIR/lib-s3.sh"
guide static

nginx_use
s3_build
# run SECTION N: as whom the page says
run() {
	block "$1" "$2" || return
	case $who in
	root) run_block "$1" "$2" as_root ;;
	*) run_block "$1" "$2" as "$who" bash -e ;;
	esac
}
as_root() { bash -ec "cd '$TOP' && . '$1'"; }

getent group www-data >/dev/null || groupadd www-data
make_user git
umask 022
repo=/srv/git/app.git
install -d -o git -g git /srv/git
as git git init -q --bare $repo
as git windlass-hook init prod --repo $repo --ref refs/heads/main \
	--path deploy/prod >init.out || bail "init: $(cat init.out)"
as git git clone -q $repo /srv/git/work 2>/dev/null
# change TEXT: a commit, pushed
change() {
	as git bash -c 'cd /srv/git/work && mkdir -p deploy/prod &&
		printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: \"%s\"}\n" "$1" >deploy/prod/web.yaml &&
		git add -A && git commit -q -m "$1" &&
		git push origin HEAD:main 2>&1' - "$1" >push.out
}
ok "a push" change one

# ---- nginx

mkdir -p /srv/www /var/www
mount --bind /srv/www /var/www || bail "/var/www cannot be bound"
run nginx 1
run nginx 2
run nginx 3
mkdir -p /var/log/nginx /etc/nginx/conf.d
nginx_certificate /etc/windlass/tls git git.example.org DNS:git.example.org
port=$(free_port)
nginx_config /etc/nginx/nginx.conf 'user www-data;' \
	<<<'include /etc/nginx/conf.d/*.conf;'
rm -f /etc/nginx/conf.d/*
run nginx 4
block nginx 5
skip_block nginx 5
is "$who" systemd "what needs systemd is not run here"
sed -i "s/listen 8443 ssl/listen 127.0.0.1:$port ssl/" /etc/nginx/conf.d/windlass.conf
start nginx nginx
token=$(sed -n 's/^"Bearer \(.*\)" 1;$/\1/p' /etc/windlass/readers.conf)
url=https://git.example.org:$port
get() {
	curl -sS -m 60 --path-as-is --cacert /etc/windlass/tls/git.crt \
		--resolve "git.example.org:$port:127.0.0.1" "$@"
}
code() { get -o body -D headers -w '%{http_code}' "$@"; }
bearer() { code -H "Authorization: Bearer $token" "$@"; }
answers() { [ "$(bearer $url/prod/head)" = 200 ]; }
wait_for 20 answers || { test_show nginx.log; bail nginx; }
ok "an engine with the token gets the head" cmp body /var/www/windlass/prod/head
like "$(tr -d '\r' <headers)" '^Cache-Control: no-cache$' "which no cache may keep"
like "$(tr -d '\r' <headers)" '^Content-Type: text/plain; charset=us-ascii$' "a text"
etag=$(tr -d '\r' <headers | sed -n 's/^ETag: //p')
is "$(bearer -H "If-None-Match: $etag" $url/prod/head)" 304 "asked again, 304"
index=$(sed -n 's/^index sha256:\([0-9a-f]*\) .*/\1/p' /var/www/windlass/prod/head)
is "$(bearer "$url/prod/packs/$index")" 200 "what it names"
is "$(sha256sum <body | cut -d' ' -f1)" "$index" "is whole"
like "$(tr -d '\r' <headers)" '^Cache-Control: private, max-age=31536000, immutable$' \
	"and for ever"
is "$(code $url/prod/head)" 401 "without a token it gets nothing"
is "$(code "$url/prod/packs/$index")" 401 "no pack either"
is "$(code -H 'Authorization: Bearer wrong-wrong-wrong-wrong' $url/prod/head)" 401 \
	"nor with another"
is "$(bearer $url/prod/packs/)$(bearer $url/prod)$(bearer $url/)" 404404404 \
	"no folder is listed"
is "$(bearer -X POST -d x $url/prod/head)" 403 "and nothing is taken"
ok "the next push" change two
is "$(bearer -H "If-None-Match: $etag" $url/prod/head)" 200 "is there"
ok "as it is" cmp body /var/www/windlass/prod/head

# ---- its page, for people
is "$(code $url/prod/)" 401 "a browser is asked"
like "$(tr -d '\r' <headers)" '^WWW-Authenticate: Basic realm="windlass", charset="UTF-8"$' \
	"for a password"
run nginx 6
password=$(sed -n 's/^ops, //p' .output)
people() { code -u "ops:$password" "$@"; }
welcome() { [ "$(people $url/prod/)" = 200 ]; }
ok "with that of the page it gets" wait_for 20 welcome
ok "the page of the channel" cmp body /var/www/windlass/prod/index.html
like "$(tr -d '\r' <headers)" '^Content-Type: text/html; charset=utf-8$' "as HTML"
for header in "Content-Security-Policy: frame-ancestors 'none'" \
	"X-Content-Type-Options: nosniff" "Referrer-Policy: no-referrer"; do
	like "$(tr -d '\r' <headers)" "^$header\$" "${header%%:*}"
done
etag=$(tr -d '\r' <headers | sed -n 's/^ETag: //p')
is "$(people -H "If-None-Match: $etag" $url/prod/index.html)" 304 "once"
ok "the timer" as git windlass-hook publish --repo $repo
is "$(people -H "If-None-Match: $etag" $url/prod/)" 200 "renews it"
like "$(cat body)" '<th scope="row">1\.2</th>' "with the second push"
is "$(code -u "ops:${password}0" $url/prod/)" 401 "another password is none"
unlike "$(cat /var/log/nginx/windlass.log nginx.log)" "$token|$password" \
	"the token and the password are in no log"
stop nginx

# ---- a bucket

s3_start store --region eu-central-1
mkdir store/acme-deploy
run_with_keys() { S3_KEY=$S3_KEY S3_SECRET=$S3_SECRET as_root "$1"; }
run_block "A bucket" 1 run_with_keys
block "A bucket" 2
sed -i "s|https://s3.eu-central-1.amazonaws.com|$S3|" block.sh
blocks_seen["A bucket/2"]=yes
ok "A bucket, block 2, as $who" as git bash -e "$TRASH/block.sh"
like "$(cat .output)" "prod 1.2 is in 'eu'" "the bucket has it"
like "$(cat .output)" "ok    prod: s3: 'eu' has 1.2" "and doctor says so"
is "$(curl -s -o body -w '%{http_code}' "$S3/acme-deploy/prod/head")" 403 \
	"nobody can read it"
awk '/^    {"Version"/ { on = 1 } /^$/ { on = 0 } on' "$page" |
	sed 's/^    //' >policy.json
ok "the policy of the page" curl -sS --fail-with-body --aws-sigv4 aws:amz:eu-central-1:s3 \
	--user "$S3_KEY:$S3_SECRET" -X PUT --data-binary @policy.json \
	-H "content-type: application/json" \
	-H "x-amz-content-sha256: $(sha256sum <policy.json | cut -d' ' -f1)" \
	"$S3/acme-deploy?policy="
is "$(curl -s -o body -w '%{http_code}' "$S3/acme-deploy/prod/head")" 200 \
	"lets everybody"
ok "the same head" cmp body /var/www/windlass/prod/head
ok "a push" change three
like "$(cat push.out)" "windlass: prod 1.3 is in 'eu'" "tells that it arrived"
block "A bucket" 3
skip_block "A bucket" 3
is "$who" systemd "what needs systemd is not run here"
guide_done
done_testing
