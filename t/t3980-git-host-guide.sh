#!/bin/bash
# contrib/guides/git-host.md: every command of the page, on a machine of its
# own, with the real nginx and logrotate in front and behind
. "$(dirname "$0")/lib-users.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-nginx.sh"
guide git-host

nginx_use
command -v logrotate >/dev/null ||
	skip_all "logrotate is missing: apt-get install logrotate"
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
umask 022

# ---- from nothing

ssh-keygen -q -t ed25519 -N '' -C ada -f ~/ada
run "From nothing" 1
mkdir -p /srv/people/git
chown git:git /srv/people/git
repo=/srv/git/app.git
run "From nothing" 2
if sshd=$(command -v sshd); then
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f host_key
	ssh_port=$(free_port)
	printf '%s\n' "ListenAddress 127.0.0.1" "Port $ssh_port" \
		"HostKey $TRASH/host_key" "PidFile none" "UsePAM no" \
		"PasswordAuthentication no" "KbdInteractiveAuthentication no" \
		"SetEnv PATH=$PATH" >sshd_config
	start sshd "$sshd" -D -e -f "$TRASH/sshd_config"
	wait_line 20 sshd.log 'Server listening' || bail sshd
	printf '[127.0.0.1]:%s %s\n' "$ssh_port" \
		"$(cut -d' ' -f1,2 host_key.pub)" >known
	export GIT_SSH_COMMAND="ssh -F none -i $HOME/ada -o BatchMode=yes \
-o IdentitiesOnly=yes -o UserKnownHostsFile=$TRASH/known"
	ok "ada clones by SSH" git clone "ssh://git@127.0.0.1:$ssh_port/~/app.git" by-ssh
	not_ok "and gets no shell" $GIT_SSH_COMMAND -p "$ssh_port" git@127.0.0.1 true
	stop sshd
fi
make_user ada git
as git git -C $repo config core.sharedRepository group
chmod -R g+w $repo
chmod 2775 $repo
state_before=$(sha256sum <$repo/config)

# ---- install

run Install 1
run Install 2
run "What the channel may have" 1
as ada git clone -q $repo /srv/people/ada/work 2>/dev/null
change() {
	as ada bash -c 'cd ~/work && mkdir -p deploy/prod &&
		printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: \"%s\"}\n" "$1" >deploy/prod/web.yaml &&
		git add -A && git commit -q -m "$1"' - "$1"
}
push() { as ada git -C /srv/people/ada/work push origin HEAD:main; }
field() { sed -n "s/^$1 //p" $repo/windlass/public/prod/head; }
bundle() { as git git -C $repo rev-parse refs/windlass/prod; }

# ---- serve, by what the page's drop-ins say

run "Serve, behind nginx" 1
block "Serve, behind nginx" 2
skip_block "Serve, behind nginx" 2
is "$who" systemd "what needs systemd is not run here"
socket=$(sed -n 's/^ListenStream=\(.\)/\1/p' block.sh)
command=$(sed -n 's/^ExecStart=\(.\)/\1/p' block.sh | sed "s|\$(command -v \(.*\))|\1|; s|%f|$repo|")
mkdir -p "$(dirname "$socket")"
chown git:www-data "$(dirname "$socket")"
chmod 2755 "$(dirname "$socket")"
serve() {
	start_as serve git bash -c 'exec "$@" 2>>/var/log/windlass/app.log' - \
		$command --listen "unix:$socket"
	wait_line 20 serve.log '^listening' || { test_show serve.log; bail serve; }
}
install -d -o git -g git -m 750 /var/log/windlass
serve
chgrp www-data "$socket"
stock=$(stat -c '%a %G' "$socket")
is "$stock" "660 www-data" "serve listens where nginx may connect"

mkdir -p /var/log/nginx /etc/nginx/conf.d
nginx_certificate /etc/windlass/tls git git.example.org DNS:git.example.org
# the host's nginx, with nothing but what the page adds
port=$(free_port)
nginx_config /etc/nginx/nginx.conf 'user www-data;' \
	<<<'include /etc/nginx/conf.d/*.conf;'
rm -f /etc/nginx/conf.d/*
run "Serve, behind nginx" 3
sed -i "s/listen 8443 ssl/listen 127.0.0.1:$port ssl/" /etc/nginx/conf.d/windlass.conf
start nginx nginx
token=$(cat /etc/windlass/tokens)
get() {
	curl -sS -m 60 --path-as-is --cacert /etc/windlass/tls/git.crt \
		--resolve "git.example.org:$port:127.0.0.1" "$@"
}
url=https://git.example.org:$port
code() { get -o body -w '%{http_code}' "$@"; }
bearer() { code -H "Authorization: Bearer $token" "$@"; }
answers() { [ "$(bearer $url/prod/head)" = 404 ]; }
wait_for 20 answers || { test_show nginx.log; bail nginx; }

change one
ok "ada pushes, and serve publishes for her" push
is "$(bearer $url/prod/head)" 200 "an engine with the token gets the head"
ok "as it is" cmp body $repo/windlass/public/prod/head
index=$(sed -n 's/^index sha256:\([0-9a-f]*\) .*/\1/p' body)
is "$(bearer "$url/prod/packs/$index")" 200 "and what it names"
is "$(sha256sum <body | cut -d' ' -f1)" "$index" "whole"
is "$(code $url/prod/head)" 401 "without a token it gets nothing"
is "$(code -H 'Authorization: Bearer wrong-wrong-wrong-wrong' $url/prod/head)" 401 \
	"nor with another"
is "$(bearer $url/prod/config)" 404 "nothing else is there"
is "$(code $url/)$(code $url/prod/)$(code $url/prod/index.html)" 401401401 \
	"people are asked for a password"
is "$(code -u "ada:$token" $url/)" 200 "with a token they get the channels"
like "$(cat body)" '<a href="prod/">prod</a>' "and their pages"
people() { [ "$(code -u "ada:$token" $url/prod/)" = 200 ]; }
ok "and the page" wait_for 20 people
like "$(cat body)" '<th scope="row">1\.1</th>' "with the push"
is "$(bearer -X POST -d x $url/prod/)" 403 "which takes nothing"
is "$(bearer -X POST -d x $url/prod/head)" 403 "and nothing is taken"
is "$(printf 'windlass-heads 1\nprod none\n' | bearer --data-binary @- $url/heads)" 200 \
	"the heads of many channels are asked for at once"
like "$(cat body)" '^head prod [0-9]+$' "and come"
not_ok "in the clear it speaks to nobody" bash -c \
	'[ "$(curl -s -o /dev/null -w "%{http_code}" "$1")" = 200 ]' - "http://127.0.0.1:$port/prod/head"

# long poll: told while it waits; and an idle wait ends by serve, not by nginx
get -o told -D told.headers -H "Authorization: Bearer $token" \
	-H "If-None-Match: $(get -H "Authorization: Bearer $token" -o /dev/null -D - $url/prod/head |
		tr -d '\r' | sed -n 's/^E[Tt]ag: //p')" \
	-H 'Prefer: wait=50' $url/prod/head &
waiter=$!
change two
push >/dev/null 2>&1
wait $waiter
ok "who waits is told of a push" cmp told $repo/windlass/public/prod/head
like "$(tr -d '\r' <told.headers)" '^Preference-Applied: wait=50$' \
	"and knows that it may wait"
# a client that goes while it waits leaves nothing behind in serve
waiting() { ls "/proc/$pid_serve/fd" | wc -l; }
idle=$(waiting)
etag=$(get -H "Authorization: Bearer $token" -o /dev/null -D - $url/prod/head |
	tr -d '\r' | sed -n 's/^E[Tt]ag: //p')
for i in 1 2 3 4 5 6 7 8; do
	# not the function: what is killed must be curl itself
	curl -sS -m 60 --cacert /etc/windlass/tls/git.crt \
		--resolve "git.example.org:$port:127.0.0.1" -o /dev/null \
		-H "Authorization: Bearer $token" -H "If-None-Match: $etag" \
		-H 'Prefer: wait=50' $url/prod/head 2>/dev/null &
	clients[i]=$!
done
busy() { [ "$(waiting)" -gt $((idle + 4)) ]; }
ok "eight engines wait" wait_for 20 busy
kill "${clients[@]}"
wait "${clients[@]}" 2>/dev/null
quiet() { [ "$(waiting)" -le $((idle + 2)) ]; }
ok "when they vanish, serve lets them go" wait_for 30 quiet
unlike "$(cat /var/log/nginx/windlass.log /var/log/windlass/app.log serve.log)" \
	"$token" "the token is in no log"

# ---- signed commits and pushes: ada cannot read the publisher's key, and
# serve, which can, did not hear of her push but by what the hook has kept

run "Signed commits and pushes" 1
run "Signed commits and pushes" 2
install -d -o ada -m 700 /srv/people/ada/.ssh
install -o ada -m 600 ~/ada /srv/people/ada/.ssh/id_ed25519
change unsigned
not_ok "a commit that is not signed is refused" push
as ada git -C /srv/people/ada/work reset -q --hard origin/main
run "Signed commits and pushes" 3
change signed
ok "with what the page says it is signed, and the push" push
pushed_by() {
	as git git -C $repo show -s --format='%(trailers:key=Pushed-By,valueonly,separator=)' \
		refs/windlass/prod
}
is "$(pushed_by)" ada "the bundle says who pushed"
like "$(as git windlass log --repo $repo -n 1 prod)" 'pushed by ada' "as log does"
is "$(ls $repo/windlass/prod/pushed)" "" "and what was kept for that is gone"
as ada git -C /srv/people/ada/work -c commit.gpgSign=false commit -q --allow-empty \
	-m "by hand"
as ada git -C /srv/people/ada/work push -q origin HEAD:draft
as git git -C $repo update-ref refs/heads/main refs/heads/draft
not_ok "what nobody signed is not published" \
	as git windlass-hook publish --repo $repo prod
run "Signed commits and pushes" 4
ok "but by an admin who lets it in" as git windlass-hook publish --repo $repo prod

# ---- logs

run Logs 1
head -c 300000 /dev/zero | tr '\0' 'x' >>/var/log/windlass/app.log
echo >>/var/log/windlass/app.log
ok "logrotate turns the log" logrotate --force --state "$TRASH/logrotate.state" \
	/etc/logrotate.d/windlass
ok "the old one is kept" test -s /var/log/windlass/app.log.1
not_ok "the new one is empty" test -s /var/log/windlass/app.log
change three
push >/dev/null 2>&1
ok "and serve goes on writing to it" wait_line 20 /var/log/windlass/app.log \
	'info asked'
is "$(head -c 1 /var/log/windlass/app.log | tr -d '\0' | wc -c)" 1 \
	"from its beginning"

# ---- backup, and loss

skip_block Upgrade 1
run Upgrade 2
run Backup 1
change four
push >/dev/null 2>&1
run Backup 2
kept=$(bundle)
stop serve
lose() {
	rm -rf $repo /etc/windlass/tokens
	rm -rf "$(dirname "$key")"
}
key=$(git -C $repo config windlass.prod.signingKey)
cp $repo/windlass/public/prod/head head.before
lose
not_ok "all of it is lost" test -e "$key"

# ---- restored, and nothing was pushed since

run Restore 1
run Restore 3
is "$(bundle)" "$kept" "the same bundle is current"
is "$(field sequence)" "$(sed -n 's/^sequence //p' head.before)" \
	"and the head says so"
public=$(cut -d' ' -f1,2 "$key.pub" 2>/dev/null || ssh-keygen -y -f "$key")
printf 'host namespaces="git" %s\n' "$public" >signers
chmod 644 signers
ok "stock git verifies it" as git env GIT_NO_REPLACE_OBJECTS=1 git -C $repo \
	-c gpg.format=ssh -c gpg.ssh.allowedSignersFile="$TRASH/signers" \
	verify-commit refs/windlass/prod
serve
chgrp www-data "$socket"
change five
ok "pushes go on" push
is "$(field sequence)" $(($(sed -n 's/^sequence //p' head.before) + 1)) \
	"with the next number"
is "$(bearer $url/prod/head)" 200 "engines with the old token get the head"
ok "as it is" cmp body $repo/windlass/public/prod/head

# ---- restored, and a push is missing

lost=$(bundle)
stop serve
lose
run Restore 1
run Restore 2
run Restore 3
is "$(field epoch)" 2 "a new epoch"
is "$(as git git -C $repo cat-file -t "$lost" 2>/dev/null)" "" \
	"the bundle that was lost is not there"
serve
ok "what was lost is pushed once more" push
like "$(as git git -C $repo cat-file commit refs/windlass/prod)" \
	"^Source-Commit: $(as ada git -C /srv/people/ada/work rev-parse HEAD)$" \
	"and published"
stop serve

# ---- uninstall

run Uninstall 1
git config --file $repo/config --list >config.after
is "$(sha256sum <$repo/config)" "$state_before" "the settings are as they were"
not_ok "no hook is left" test -e $repo/hooks/pre-receive
stop nginx

guide_done
done_testing
