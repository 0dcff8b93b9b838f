#!/bin/bash
# contrib/systemd: the units are hardened, and what they run works so: sockets
# that are passed, no network, no capability, no system call but those that
# the units allow; the key in an agent that its user cannot read
. "$(dirname "$0")/lib-users.sh"
. "$TEST_DIR/lib-registry.sh"

units=$TOP/contrib/systemd
make_user git
make_user ada git
mkdir /srv/git
chown git:git /srv/git
repo=/srv/git/app.git
instance=srv-git-app.git

# the units as they would be installed for this repository and channel
mkdir unit
for file in "$units"/*; do
	name=$(basename "$file")
	case $name in
	windlass-agent*) name=${name/@./@prod.} ;;
	*) name=${name/@./@$instance.} ;;
	esac
	sed "s|/usr/bin/windlass-hook|$BIN/windlass-hook|" "$file" >"unit/$name"
done
# setting UNIT NAME: its values, with the specifiers of this instance
setting() {
	sed -n "s/^$2=//p" "unit/$1" | sed "s|%f|$repo|g; s|%t|/srv/run|g; s|%i|prod|g"
}

if analyze=$(command -v systemd-analyze) &&
	"$analyze" security --help 2>&1 | grep -q -- --offline
then
	for unit in windlass-serve@$instance windlass-publish@$instance \
		windlass-images@$instance windlass-agent@prod
	do
		ok "$unit: exposure is below 2.0" "$analyze" security \
			--offline=true --threshold=20 "./unit/$unit.service"
	done
	"$analyze" verify --man=no --recursive-errors=one ./unit/* >verify.log 2>&1
	unlike "$(grep -E 'windlass' verify.log)" . \
		"systemd finds no fault in any of them"
else
	skip 5 "systemd-analyze security --offline is missing: apt-get install systemd"
fi

# ---- sockets

as git git init -q --bare --shared=group $repo
as git windlass-hook init prod --repo $repo --ref refs/heads/main \
	--path deploy >/dev/null || bail init
as git git clone -q $repo /srv/people/git/work 2>/dev/null
change() {
	as "${2:-git}" bash -c 'cd ~/work && mkdir -p deploy &&
		printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: \"%s\"}\n" "$1" >deploy/web.yaml &&
		git add -A && git commit -q -m "$1"' - "$1"
}
field() { sed -n "s/^$1 //p" $repo/windlass/public/prod/head; }
is_current() {
	as git git -C $repo cat-file commit "$(field bundle)" 2>/dev/null |
		grep -q "^Source-Commit: $(as git git -C $repo rev-parse main)$"
}
change one
as git git -C /srv/people/git/work push -q origin HEAD:main 2>/dev/null

# sandboxed COMMAND...: as the unit has it, as far as stock tools can do it;
# execs all the way, so that the process is the one that gets the sockets
sandbox="unshare --net --ipc setpriv --reuid=git --regid=git --init-groups
--no-new-privs --bounding-set=-all --inh-caps=-all
env -i PATH=$PATH HOME=/srv/people/git"
exec_start=$(setting windlass-serve@$instance.service ExecStart)
if activate=$(command -v systemd-socket-activate); then
	port=$(free_port)
	# the trace tells the system calls, of all children too
	cat >run <<-RUN
	#!/bin/bash
	export LISTEN_PID=\$\$
	exec $(echo $sandbox) LISTEN_PID=\$\$ LISTEN_FDS=\$LISTEN_FDS $exec_start --check-interval 1s
	RUN
	chmod +x run
	trace=
	! command -v strace >/dev/null || trace=yes
	start serve "$activate" --listen "127.0.0.1:$port" "$TRASH/run"
	wait_line 20 serve.log Listening || { test_show serve.log; bail activate; }
	url=http://127.0.0.1:$port
	like "$(curl -sS -m 20 $url/prod/head)" "^windlass-head 1$" \
		"the first request starts it, and is answered"
	like "$(cat serve.log)" "^listening on http://127.0.0.1:$port$" \
		"on the socket that it was given"
	change two
	as git git -C $repo config core.hooksPath /dev/null
	as git git -C /srv/people/git/work push -q origin HEAD:main 2>/dev/null
	as git git -C $repo config --unset core.hooksPath
	ok "without network or capability it publishes" wait_for 30 is_current
	etag=$(curl -sS -m 20 -D - -o /dev/null $url/prod/head | tr -d '\r' |
		sed -n 's/^ETag: //p')
	curl -sS -m 40 -o told -H "If-None-Match: $etag" -H 'Prefer: wait=30' \
		$url/prod/head &
	waiter=$!
	change three
	as git git -C /srv/people/git/work push -q origin HEAD:main 2>/dev/null
	wait $waiter
	ok "and who waits is told" cmp told $repo/windlass/public/prod/head
	# an upgrade: as dpkg does it, a new file takes the name of the old
	for file in "$BIN"/windlass*; do
		cp -R "$file" "$file.new" && rm -rf "$file" && mv "$file.new" "$file"
	done
	change replaced
	as git git -C $repo config core.hooksPath /dev/null
	as git git -C /srv/people/git/work push -q origin HEAD:main 2>/dev/null
	as git git -C $repo config --unset core.hooksPath
	ok "one whose program was replaced goes on" wait_for 30 is_current
	stop serve
else
	trace=
	skip 5 "systemd-socket-activate is missing: apt-get install systemd"
fi

# whoever asks while it starts again waits: the socket is systemd's
cat >holder.py <<'END'
import os, socket, sys
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
while True:
    if not os.path.exists('/srv/git/wait'):
        pid = os.fork()
        if pid == 0:
            os.environ['LISTEN_FDS'] = '1'
            os.execv('/bin/sh', ['sh', '-c', 'export LISTEN_PID=$$; exec "$@"',
                                 'sh', *sys.argv[2:]])
        print('pid', pid, flush=True)
        os.waitpid(pid, 0)
        print('ended', flush=True)
END
port=$(free_port)
start_as holder git python3 "$PWD/holder.py" $port $exec_start
url=http://127.0.0.1:$port
ok "serve starts" wait_line 20 holder.log 'listening on'
touch /srv/git/wait
kill "$(sed -n 's/^pid //p' holder.log)"
ok "and ends when it is told to" wait_line 20 holder.log '^ended'
curl -sS -m 30 -o told $url/prod/head &
waiter=$!
sleep 0.3
rm /srv/git/wait
wait $waiter
ok "who asked meanwhile is answered by the next" cmp told $repo/windlass/public/prod/head
stop holder
not_ok "what is no socket" as git bash -c "exec 3</dev/null
	LISTEN_PID=\$\$ LISTEN_FDS=1 exec $exec_start"
like "$(cat .output)" "descriptor 3.*no listening stream socket" "is refused"
start_as other git env LISTEN_PID=1 LISTEN_FDS=7 $exec_start --listen 127.0.0.1:0
ok "variables that are for another process" wait_line 20 other.log '^listening'
stop other

# ---- newer images

# traced, too, so that the list below has what it calls
images=$(setting windlass-images@$instance.service ExecStart)
traced=
if PATH=$PATH:/usr/sbin command -v docker-registry >/dev/null; then
	[ -z "$trace" ] || {
		as git touch /srv/git/trace4
		traced="strace -f -qq -o /srv/git/trace4"
	}
	registry_start registry
	push_image shop/web 1.0.0 && push_image shop/web 1.1.0 || bail "push"
	image_manifest app.yaml flux-system:web "$REGISTRY/shop/web:1.0.0"
	install -o git -g git -m 644 app.yaml /srv/people/git/work/deploy/app.yaml
	change image
	as git git -C /srv/people/git/work push -q origin HEAD:main 2>/dev/null
	as git git -C $repo config windlass-image.flux-system:web.image "$REGISTRY/shop/web"
	as git git -C $repo config windlass-image.flux-system:web.semver '1.x'
	start_as images git setpriv --no-new-privs --bounding-set=-all \
		--inh-caps=-all $traced $images
	updated() {
		as git git -C $repo show main:deploy/app.yaml | grep -q 'web:1\.1\.0' &&
			is_current
	}
	ok "windlass-images@ follows a policy, and publishes" wait_for 60 updated ||
		test_show images.log
	stop images
	as git git -C $repo config --remove-section windlass-image.flux-system:web
	as git git -C /srv/people/git/work pull -q --rebase origin main
else
	skip 1 "docker-registry is missing: contrib/packages hosts"
fi

# ---- system calls

# filter: the names that SystemCallFilter= of serve allows
expand() {
	local name
	systemd-analyze syscall-filter "$1" | sed -n 's/^    //p' |
		grep -v '^#' | while read -r name; do
		case $name in
		@*) expand "$name" ;;
		*) echo "$name" ;;
		esac
	done
}
if [ -n "$trace" ] && [ -n "${analyze:-}" ]; then
	expand @system-service | sort -u >allowed.all
	{ expand @privileged; expand @resources; } | sort -u >denied
	# @default is always allowed, and what the unit adds by name
	{ comm -23 allowed.all denied; expand @default
	  setting windlass-serve@$instance.service SystemCallFilter |
		grep -v @; } | sort -u >allowed
	as git touch /srv/git/trace
	start_as traced git strace -f -qq -o /srv/git/trace \
		windlass-hook serve --repo $repo --listen 127.0.0.1:0 \
		--check-interval 1s
	wait_line 40 traced.log '^listening' || test_show traced.log
	change four
	as git git -C $repo config core.hooksPath /dev/null
	as git git -C /srv/people/git/work push -q origin HEAD:main 2>/dev/null
	as git git -C $repo config --unset core.hooksPath
	ok "traced, it publishes" wait_for 60 is_current
	as git strace -f -qq -o /srv/git/trace2 windlass-hook publish --repo $repo --tidy \
		>/dev/null 2>&1
	as git strace -f -qq -o /srv/git/trace3 windlass-hook refresh --repo $repo --force \
		>/dev/null 2>&1
	stop traced
	sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' /srv/git/trace* | sort -u >used
	ok "the trace saw what serving takes" grep -qx epoll_wait used
	is "$(comm -23 used allowed)" "" "it calls nothing that its unit forbids"
else
	skip 3 "strace or systemd-analyze is missing"
fi

# ---- the timer's service

while read -r line; do
	ok "the timer runs: ${line##*windlass-hook }" as git ${line#-}
done <<<"$(setting windlass-publish@$instance.service ExecStart)"

# ---- the key in an agent

install -d -m 700 /etc/windlass/agent
ssh-keygen -q -t ed25519 -N '' -f /etc/windlass/agent/prod
not_ok "the key is not for the Git host's user" as git cat /etc/windlass/agent/prod
install -d -o git -g git -m 700 /srv/run/windlass-agent-prod
socket=/srv/run/windlass-agent-prod/agent
is "SSH_AUTH_SOCK=$socket" "$(setting windlass-agent@prod.service Environment)" \
	"the agent's socket"
start_as agent git $(setting windlass-agent@prod.service ExecStart)
post=$(setting windlass-agent@prod.service ExecStartPost | sed 's/^+//')
ok "root hands it the key" env SSH_AUTH_SOCK=$socket timeout 30 \
	bash -c "$post"
like "$(as git env SSH_AUTH_SOCK=$socket ssh-add -l)" ED25519 "which it has"
not_ok "and which no other user may use" as ada env SSH_AUTH_SOCK=$socket ssh-add -l
public=$(cut -d' ' -f1,2 /etc/windlass/agent/prod.pub)
as git git -C $repo config windlass.prod.signingKey "key::$public"
ok "publish signs with it" as git env SSH_AUTH_SOCK=$socket windlass-hook \
	publish --repo $repo
like "$(as git git -C $repo cat-file commit refs/windlass/prod)" \
	"BEGIN SSH SIGNATURE" "a bundle"
ok "doctor is content" as git env SSH_AUTH_SOCK=$socket windlass-hook doctor \
	--repo $repo
start_as serve git env SSH_AUTH_SOCK=$socket windlass-hook serve --repo $repo \
	--listen 127.0.0.1:0 --check-interval 1d
wait_line 20 serve.log '^listening' || test_show serve.log
change five
ok "a push whose hook has no agent" as git git -C /srv/people/git/work push \
	origin HEAD:main
like "$(cat .output)" 'prod .*published' "is published by serve, which has"
ok "it is" is_current
stop serve
change six
ok "without serve" as git git -C /srv/people/git/work push origin HEAD:main
like "$(cat .output)" 'not published: .*SSH_AUTH_SOCK' "what is missing is said"
stop agent

done_testing
