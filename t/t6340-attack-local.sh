#!/bin/bash
# Somebody else on the Git host's machine: a key file that others could have
# read or replaced is not used, by any of windlass-hook's commands; an agent
# that lies, floods or is silent signs nothing and holds nothing up; a hook
# that is turned off shows, and lets nothing through.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a demo
commit_push work start || bail "$(cat push.out)"
good=$(bundle host.git prod)
head=$(cat host.git/windlass/public/prod/head)
put work deploy/prod/a.yaml ConfigMap a demo two
commit work two
git -C host.git config core.hooksPath "$TRASH/no-hooks"
mkdir no-hooks

# ---- hooks that are turned off ----

ok "attack-48 a push past the hooks" push work
is "$(bundle host.git prod)" "$good" "attack-48 publishes nothing"
hook host.git doctor >doctor.out 2>&1
is $? 1 "attack-48 doctor is red"
like "$(cat doctor.out)" "^FAIL  hook-pre-receive: .*core.hooksPath" \
	"attack-48 and says what was done"
like "$(cat doctor.out)" "^FAIL  prod: source: .*windlass-hook publish prod" \
	"attack-48 and that the tip is not published"
echo 'kind: [' >work/deploy/prod/bad.yaml
commit_push work bad
not_ok "attack-48 publish repeats the whole gate" hook host.git publish prod
like "$(cat .output)" 'deploy/prod/bad.yaml:[0-9]+:[0-9]+: error: ' \
	"attack-48 and says where"
is "$(bundle host.git prod)" "$good" "attack-48 nothing is signed"
git -C work rm -q deploy/prod/bad.yaml
git -C work commit -qm "no bad"
push work
git -C host.git config --unset core.hooksPath

# ---- key files ----

# unusable WHAT REGEX: none of what signs does, and all say why
unusable() {
	local command
	for command in "publish prod" "refresh --force prod" \
		"publish --rerender prod"; do
		# shellcheck disable=SC2086 # a command and its arguments
		not_ok "attack-50 $1: $command refuses" hook host.git $command
		like "$(cat .output)" "$2" "attack-50 $1: $command says why"
	done
	hook host.git doctor >doctor.out 2>&1
	like "$(cat doctor.out)" "^FAIL  prod: key: .*" \
		"attack-50 $1: doctor is red"
	timeout 60 windlass-hook serve --repo host.git --listen 127.0.0.1:0 \
		--check-interval 1s >serve.log 2>&1
	is $? 1 "attack-50 $1: serve does not start"
	like "$(cat serve.log)" "^[^ ]*: windlass.prod.signingKey: .*$2" \
		"attack-50 $1: and says why"
	is "$(bundle host.git prod) $(cat host.git/windlass/public/prod/head)" \
		"$good $head" "attack-50 $1: nothing is signed"
}
key=keys/prod
for mode in 644 640 604 620 601; do
	chmod $mode $key
	not_ok "attack-50 mode $mode: publish refuses" hook host.git publish prod
	like "$(cat .output)" "chmod 600" "attack-50 mode $mode: and says how"
done
unusable "a loose mode" "chmod 600"
chmod 600 $key
mv $key keys/real
ln -s real $key
unusable "a symbolic link" "symbolic link: name the file itself"
rm $key
cp keys/real host.git/key
chmod 600 host.git/key
set_channel host.git prod signingKey "$TRASH/host.git/key"
unusable "a key inside the repository" "inside the Git repository"
mkdir -p work/keys
cp keys/real work/keys/key
chmod 600 work/keys/key
set_channel host.git prod signingKey "$TRASH/work/keys/key"
unusable "a key inside a work tree" "inside the Git repository"
rm -r work/keys host.git/key
mkfifo -m 600 keys/fifo
set_channel host.git prod signingKey "$TRASH/keys/fifo"
unusable "a pipe" "not a regular file"
mv keys/real $key
set_channel host.git prod signingKey "$TRASH/$key"

# where it is used it is nowhere to be seen
# a key that is missing is no danger: the other channel goes on
make_key spare
add_channel host.git spare
set_channel host.git spare signingKey "$TRASH/keys/spare"
mv keys/spare keys/away
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0 \
	--check-interval 1s
ok "attack-50 a key that is missing: serve starts" \
	wait_line 20 serve.log '^listening'
published() { [ "$(bundle host.git prod)" != "$good" ]; }
ok "attack-50 and signs for other channels" wait_for 20 published
# nor does one that gets loose stop what runs
mv keys/away keys/spare
chmod 644 keys/spare
put work deploy/spare/a.yaml ConfigMap a demo
commit work spare
git -C host.git config core.hooksPath "$TRASH/no-hooks"
push work
git -C host.git config --unset core.hooksPath
ok "attack-50 a key that becomes loose: serve says so" \
	wait_line 20 serve.log 'chmod 600'
ok "attack-50 and still serves" kill -0 "$pid_serve"
stop serve
is "$(bundle host.git spare)" "" "attack-50 and signs nothing with it"
rm keys/spare
git -C host.git config --remove-section windlass.spare
good=$(bundle host.git prod)
put work deploy/prod/a.yaml ConfigMap a demo between
commit work between
git -C host.git config core.hooksPath "$TRASH/no-hooks"
push work
git -C host.git config --unset core.hooksPath

secret=$(sed -n '3,5p' $key | head -c 60)
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0 \
	--check-interval 1s --verbose
wait_line 20 serve.log '^listening' || bail "serve does not start"
ok "attack-50 with its mode back the key signs" wait_for 20 published
unlike "$(tr '\0' '\n' <"/proc/$pid_serve/environ"
	tr '\0' '\n' <"/proc/$pid_serve/cmdline"
	cat serve.log push.out)" "$secret|PRIVATE KEY" \
	"attack-50 which is in no environment, argument or log"
like "$(grep '^Max core file size' "/proc/$pid_serve/limits")" ' 0  ' \
	"attack-50 nor would it be in a core file"
stop serve

# ---- agents ----

start agent ssh-agent -D -a "$TRASH/real"
wait_for 5 test -S "$TRASH/real" || bail "ssh-agent does not start"
make_key other
SSH_AUTH_SOCK=$TRASH/real ssh-add -q keys/prod keys/other
SSH_AUTH_SOCK=$TRASH/real ssh-keygen -q -t rsa -b 2048 -N '' -f keys/rsa
SSH_AUTH_SOCK=$TRASH/real ssh-add -q keys/rsa
cat >agent.py <<'END'
# agent.py SOCKET HOW REAL-SOCKET [KEY]: between a client and the real agent
import base64, os, socket, struct, sys, time
path, how, real = sys.argv[1:4]
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen(5)
def string(b): return struct.pack('>I', len(b)) + b
def take(b):
    n = struct.unpack('>I', b[:4])[0]
    return b[4:4 + n], b[4 + n:]
def read(c):
    head = c.recv(4)
    data = b''
    while len(data) < struct.unpack('>I', head)[0]:
        data += c.recv(65536)
    return data
while True:
    c, _ = s.accept()
    try:
        m = read(c)
        if how == 'silent':
            time.sleep(600)
        if how == 'endless':
            c.sendall(b'\xff\xff\xff\xff')
            while True:
                c.sendall(b'x' * 65536)
        key, rest = take(m[1:])
        data, rest = take(rest)
        if how == 'key':
            key = base64.b64decode(open(sys.argv[4]).read().split()[1])
        if how == 'preimage':
            data = data[:-1] + bytes([data[-1] ^ 1])
        if how == 'bare':
            data = data[-64:]
        if how != 'short':
            a = socket.socket(socket.AF_UNIX)
            a.connect(real)
            a.sendall(string(m[:1] + string(key) + string(data) + rest))
            answer = read(a)
        else:
            answer = b'\x0e' + string(string(b'ssh-ed25519') + string(b'x' * 63))
        c.sendall(string(answer))
    except OSError:
        pass
    c.close()
END
good=$(bundle host.git prod)
put work deploy/prod/a.yaml ConfigMap a demo three
commit work three
git -C host.git config core.hooksPath "$TRASH/no-hooks"
push work
git -C host.git config --unset core.hooksPath
set_channel host.git prod signingKey "key::$(cut -d' ' -f1,2 keys/prod.pub)"

# lies HOW REGEX WHAT [KEY]
lies() {
	local begin took
	rm -f lying
	start lying python3 agent.py "$TRASH/lying" "$1" "$TRASH/real" ${4:-}
	wait_for 5 test -S lying
	begin=$(date +%s%3N)
	SSH_AUTH_SOCK=$TRASH/lying timeout 30 windlass-hook publish \
		--repo host.git prod >publish.out 2>&1
	like $? '^[12]$' "attack-60 $3: publish fails"
	took=$(($(date +%s%3N) - begin))
	like "$(cat publish.out)" "$2" "attack-60 $3: it says why"
	ok "attack-60 $3: soon" [ $took -lt 9000 ]
	is "$(bundle host.git prod)" "$good" "attack-60 $3: no bundle"
	stop lying
}
lies key "does not match" "a signature by another key" keys/other.pub
lies key "another type" "one by an RSA key" keys/rsa.pub
lies preimage "does not match" "one of other bytes"
lies bare "does not match" "one of the bare digest"
lies short "length of its type" "63 bytes"
lies endless "length of 4294967295" "an answer without an end"
lies silent "did not answer within 5000 ms" "no answer"
rm -f lying
start lying python3 agent.py "$TRASH/lying" silent "$TRASH/real"
wait_for 5 test -S lying
put work deploy/prod/a.yaml ConfigMap a demo four
commit work four
ok "attack-60 a push beside an agent that is silent is in" env \
	SSH_AUTH_SOCK="$TRASH/lying" git -C work push origin HEAD:main
like "$(cat .output)" 'prod: not published: .*did not answer' \
	"attack-60 and its author is told"
stop lying
SSH_AUTH_SOCK=$TRASH/real hook host.git publish prod >/dev/null 2>&1
is "$(trailer host.git prod Source-Commit)" "$(git -C work rev-parse HEAD)" \
	"the real agent signs"
ok "and stock git says so" stock_chain host.git prod
done_testing
