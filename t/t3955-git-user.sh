#!/bin/bash
# Plain git under one user, as an admin sets it up: the repository is for the
# user git alone; people come by SSH, with git-shell, and by smart HTTP, where
# nginx is another user and asks for a password
. "$(dirname "$0")/lib-users.sh"

PATH=$PATH:/usr/sbin:/sbin
for tool in sshd:openssh-server nginx:nginx-light fcgiwrap:fcgiwrap; do
	command -v ${tool%:*} >/dev/null ||
		skip_all "${tool%:*} is missing: apt-get install ${tool#*:}"
done

make_user git
getent group www-data >/dev/null || useradd --system --user-group www-data
usermod --shell "$(command -v git-shell)" git
mkdir /srv/git
chown git:git /srv/git
chmod 700 /srv/git
repo=/srv/git/app.git
as git git init -q --bare $repo
as git windlass-hook init prod --repo $repo --ref refs/heads/main \
	--path deploy >/dev/null || bail init
as git git -C $repo config http.receivepack true
is "$(stat -c %U "$(as git git -C $repo config windlass.prod.signingKey)")" git \
	"the key is the user's"

git init -q work
change() {
	mkdir -p work/deploy
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: "%s"}\n' \
		"$1" >work/deploy/web.yaml
	git -C work add -A && git -C work commit -q -m "$1"
}
bundle() { as git git -C $repo rev-parse -q --verify refs/windlass/prod; }
is_current() {
	as git git -C $repo cat-file commit refs/windlass/prod |
		grep -q "^Source-Commit: $(git -C work rev-parse HEAD)$" &&
	as git grep -q "^bundle $(bundle)$" $repo/windlass/public/prod/head
}
# pushes WHAT URL
pushes() {
	local before
	change "$1 one"
	ok "$1: a push" git -C work push "$2" HEAD:main
	like "$(cat .output)" '^remote: .*prod .*published' "$1: says what it did"
	ok "$1: it is published" is_current
	before=$(bundle)
	printf 'kind: [\n' >work/deploy/bad.yaml
	git -C work add -A && git -C work commit -q -m bad
	not_ok "$1: a bad push" git -C work push "$2" HEAD:main
	like "$(cat .output)" '^remote: deploy/bad.yaml:[0-9]+:[0-9]+: error' \
		"$1: says where"
	is "$(bundle)" "$before" "$1: and publishes nothing"
	git -C work reset -q --hard HEAD^
	change "$1 two"
	ok "$1: with an option" git -C work push -o allow-deletes=7 "$2" HEAD:main
	ok "$1: it is published" is_current
	is "$(find $repo ! -user git)" "" "$1: all files are the user's"
}

# ---- SSH

ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f user_key
as git mkdir -m 700 /srv/people/git/.ssh
printf 'restrict %s\n' "$(cat user_key.pub)" >/srv/people/git/.ssh/authorized_keys
chown git:git /srv/people/git/.ssh/authorized_keys
mkdir -p /run/sshd
port=$(free_port)
cat >sshd_config <<SSHD
ListenAddress 127.0.0.1
Port $port
HostKey $TRASH/host_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
SSHD
start sshd "$(command -v sshd)" -D -e -f "$TRASH/sshd_config"
wait_line 20 sshd.log 'Server listening' || { test_show sshd.log; bail sshd; }
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 host_key.pub)" >known
export GIT_SSH_COMMAND="ssh -F none -i $TRASH/user_key -o BatchMode=yes \
-o IdentitiesOnly=yes -o UserKnownHostsFile=$TRASH/known"
pushes SSH "ssh://git@127.0.0.1:$port$repo"
not_ok "SSH: git-shell lets nobody run the hook by hand" ssh -F none \
	-i user_key -o BatchMode=yes -o IdentitiesOnly=yes \
	-o UserKnownHostsFile="$TRASH/known" -p "$port" git@127.0.0.1 \
	"windlass-hook publish --repo $repo"
stop sshd

# ---- smart HTTP

install -d -o git -g www-data -m 2750 /run/fcgiwrap
start_as fcgi git fcgiwrap -s unix:/run/fcgiwrap/socket
wait_for 20 test -S /run/fcgiwrap/socket || { test_show fcgi.log; bail fcgiwrap; }
chgrp www-data /run/fcgiwrap/socket
chmod 660 /run/fcgiwrap/socket
mkdir -p nginx
port=$(free_port)
printf 'ada:%s\n' "$(openssl passwd -apr1 secret)" >/etc/nginx-users
cat >nginx.conf <<NGINX
user www-data;
daemon off;
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
	map \$uri \$git_path { ~^/git(?<rest>/.*)\$ \$rest; }
	server {
		listen 127.0.0.1:$port;
		client_max_body_size 0;
		location /git/ {
			auth_basic "git";
			auth_basic_user_file /etc/nginx-users;
			fastcgi_pass unix:/run/fcgiwrap/socket;
			fastcgi_param SCRIPT_FILENAME $(git --exec-path)/git-http-backend;
			fastcgi_param GIT_PROJECT_ROOT /srv/git;
			fastcgi_param GIT_HTTP_EXPORT_ALL "";
			fastcgi_param PATH_INFO \$git_path;
			fastcgi_param REMOTE_USER \$remote_user;
			fastcgi_param QUERY_STRING \$query_string;
			fastcgi_param REQUEST_METHOD \$request_method;
			fastcgi_param CONTENT_TYPE \$content_type;
			fastcgi_param CONTENT_LENGTH \$content_length;
			fastcgi_param HTTP_CONTENT_ENCODING \$http_content_encoding;
			fastcgi_param HTTP_GIT_PROTOCOL \$http_git_protocol;
		}
	}
}
NGINX
start nginx nginx -p "$TRASH/nginx" -c "$TRASH/nginx.conf"
answers() {
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/git/")" = 401 ]
}
wait_for 20 answers || { test_show nginx.log; bail nginx; }
pushes HTTP "http://ada:secret@127.0.0.1:$port/git/app.git"
change "no password"
not_ok "HTTP: without the password" git -C work push \
	"http://127.0.0.1:$port/git/app.git" HEAD:main
not_ok "HTTP: nobody saw that" is_current
ok "doctor is content" as git windlass-hook doctor --repo $repo
stop nginx
stop fcgi

done_testing
