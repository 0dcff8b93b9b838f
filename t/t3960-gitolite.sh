#!/bin/bash
# gitolite3 as Debian has it, by contrib/guides/gitolite.md: one user, its own keys, umask 0077, a driver for
# the hooks of single repositories; pushes by a real sshd
. "$(dirname "$0")/lib-users.sh"
. "$TEST_DIR/lib-guide.sh"
guide gitolite

sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) ||
	skip_all "sshd is missing: apt-get install openssh-server"
command -v gitolite >/dev/null ||
	skip_all "gitolite is missing: apt-get install gitolite3"

make_user git
for name in admin ada; do
	ssh-keygen -q -t ed25519 -N '' -C $name -f $name
done
chmod 644 admin.pub
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f host_key
port=$(free_port)
cat >sshd_config <<SSHD
ListenAddress 127.0.0.1
Port $port
HostKey $TRASH/host_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv PATH=$PATH
SSHD
start sshd "$sshd" -D -e -f "$TRASH/sshd_config"
wait_line 20 sshd.log 'Server listening' || { test_show sshd.log; bail sshd; }
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 host_key.pub)" >known
# by ADMIN-OR-ADA COMMAND...
by() {
	local key=$1
	shift
	GIT_SSH_COMMAND="ssh -F none -i $TRASH/$key -o BatchMode=yes \
-o IdentitiesOnly=yes -o UserKnownHostsFile=$TRASH/known" "$@"
}
url=ssh://git@127.0.0.1:$port

as git git config --global init.defaultBranch master
as git gitolite setup -pk "$TRASH/admin.pub" >setup.log 2>&1 ||
	{ test_show setup.log; bail "gitolite setup"; }
as git sed -i 's|# LOCAL_CODE  *=>  "$ENV{HOME}/local"|LOCAL_CODE => "$ENV{HOME}/local"|
	s|# \(.repo-specific-hooks.\)|\1|' /srv/people/git/.gitolite.rc
as git mkdir -p /srv/people/git/local/hooks/{repo-specific,common}
is "$(as git gitolite query-rc UMASK)" 63 "gitolite's umask is 0077"

by admin git clone -q "$url/gitolite-admin" gitolite-admin 2>clone.log ||
	{ test_show clone.log; test_show sshd.log; bail "clone"; }
cp ada.pub gitolite-admin/keydir/
# configure TEXT: what the repository app has in gitolite.conf
configure() {
	printf 'repo gitolite-admin\n    RW+ = admin\nrepo app\n    RW+ = ada\n%s\n' "$1" \
		>gitolite-admin/conf/gitolite.conf
	git -C gitolite-admin add -A
	git -C gitolite-admin commit -q --allow-empty -m "configure"
	by admin git -C gitolite-admin push -q origin HEAD >admin.log 2>&1 ||
		{ test_show admin.log; bail "the admin's push"; }
}
configure ''
repo=/srv/people/git/repositories/app.git
ok "gitolite made the repository" test -d $repo
is "$(stat -c %a $repo)" 700 "for itself only"

init() {
	as git windlass-hook init prod --repo $repo --ref refs/heads/main \
		--path deploy
}
doctor() { as git windlass-hook doctor --repo $repo "$@"; }
git init -q work
git -C work remote add origin "$url/app"
change() {
	mkdir -p work/deploy
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: "%s"}\n' \
		"$1" >work/deploy/web.yaml
	git -C work add -A && git -C work commit -q -m "$1"
}
push() { by ada git -C work push "$@" origin HEAD:main; }
bundle() { as git git -C $repo rev-parse -q --verify refs/windlass/prod; }
is_current() {
	as git git -C $repo cat-file commit refs/windlass/prod |
		grep -q "^Source-Commit: $(git -C work rev-parse HEAD)$" &&
	grep -q "^bundle $(bundle)$" $repo/windlass/public/prod/head
}
refused() {
	local before
	before=$(bundle)
	printf 'kind: [\n' >work/deploy/bad.yaml
	git -C work add -A && git -C work commit -q -m bad
	not_ok "$1: a bad push is refused" push
	like "$(cat .output)" 'deploy/bad.yaml:[0-9]+:[0-9]+: error' "and says where"
	is "$(bundle)" "$before" "nothing is published"
	git -C work reset -q --hard HEAD^
}

# ---- gitolite leaves these hooks to whoever wants them

cp -a $repo before.git
run_block Install 1 as git bash -e
change one
ok "ada pushes by SSH" push
like "$(cat .output)" '^remote: .*prod .*published' "and sees that it is published"
ok "it is" is_current
run_block See 1 as git bash -e
like "$(cat .output)" 'Good "git" signature' "stock git takes the signature"
refused plain
is "$(stat -c %a $repo/windlass/public $repo/windlass/public/prod \
	$repo/windlass/public/prod/packs $repo/windlass/public/prod/head | xargs)" \
	"750 750 750 640" "a web server of the group can read it, whatever the umask"
configure '# compiled again'
as git gitolite setup >/dev/null 2>&1
change two
ok "after gitolite was set up again" push
ok "the hooks are still there" is_current
not_ok "the update hook is gitolite's: who may not push" \
	by admin git -C work push origin HEAD:main

# ---- gitolite's own hooks for this repository

printf '#!/bin/sh\ncat >/tmp/gitolite-other-$$; rm -f /tmp/gitolite-other-$$\nexit $(cat %s/verdict)\n' "$TRASH" \
	>other
for name in first last; do
	install -o git -g git -m 755 other /srv/people/git/local/hooks/repo-specific/$name
done
echo 0 >verdict
configure '    option hook.pre-receive = first'
out=$(doctor)
like "$out" "^FAIL  hook-pre-receive: gitolite's driver .* runs no hook of windlass" \
	"a driver that took the place of our hook is found"
ok "init" init
cp .output init.log
like "$(cat init.log)" 'option hook.pre-receive = windlass-pre-receive' \
	"says what gitolite.conf needs"
# the commands that it prints
sed -n "/^cat >/,/^chmod/p" init.log >install.sh
chmod 644 install.sh
ok "its commands" as git sh install.sh
configure '    option hook.pre-receive = first windlass-pre-receive last'
ok "doctor is content again" doctor
change three
ok "a push through three hooks" push
ok "is published" is_current
refused "between two others"
before=$(bundle)
echo 1 >verdict
change four
not_ok "another hook refuses" push
is "$(bundle)" "$before" "nothing is published"
echo 0 >verdict
ok "when it does not" push
ok "it is published" is_current
configure '    option hook.pre-receive = first windlass-pre-receive last
    option hook.post-receive = last'
out=$(doctor)
like "$out" "^FAIL  hook-post-receive: gitolite's driver" \
	"so it is with post-receive"
init >init.log
sed -n "/^cat >/,/^chmod/p" init.log >install.sh
as git sh install.sh
configure '    option hook.pre-receive = first windlass-pre-receive last
    option hook.post-receive = windlass-post-receive last'
run_block "Beside hooks of your own" 1 as git bash -e
change five
ok "a push" push
ok "is published" is_current

# ---- a hook for all of gitolite's repositories

configure ''
rm -f $repo/hooks/pre-receive $repo/hooks/post-receive $repo/hooks/*.h0*
out=$(doctor)
like "$out" "^FAIL  hook-pre-receive: .*missing" "hooks that are gone are found"
for name in pre-receive post-receive; do
	as git cp /srv/people/git/local/hooks/repo-specific/windlass-$name \
		/srv/people/git/local/hooks/common/$name
done
as git gitolite setup >/dev/null 2>&1
ok "ours among all repositories' hooks" doctor
change six
ok "a push" push
ok "is published" is_current
ok "a repository without a channel is left alone" \
	by admin git -C gitolite-admin push origin HEAD
as git rm -f /srv/people/git/local/hooks/common/pre-receive
out=$(doctor)
like "$out" "^FAIL  hook-pre-receive: .*link to nothing" \
	"a link to nothing is found"

# ---- away with it

run_block Uninstall 1 as git bash -e
ok "the settings are as they were" cmp before.git/config $repo/config
not_ok "no hook of ours is left" grep -rl windlass $repo/hooks
guide_done
stop sshd

done_testing
