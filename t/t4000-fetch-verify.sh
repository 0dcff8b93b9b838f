#!/bin/bash
# From a push to a verified bundle in the engine's hands: by `windlass-hook
# serve` and by plain static servers, with restarts, lost caches and gaps
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"

last_state() { grep '^state' "$1.log" | tail -n 1; }
state_has() { last_state "$1" | grep -qE " $2( |\$)"; }
candidates() { grep -c '^candidate' "$1.log"; }
now() { date +%s%3N; }

# ---- a plain static server, for a minute, while the rest is tested

new_key publisher
put demo "" ConfigMap web one
put demo apps Deployment web one
bundle
publish
if command -v nginx >/dev/null || [ -x /usr/sbin/nginx ]; then
	nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
	port=$(free_port)
	mkdir -p nginx
	cat >nginx.conf <<-EOF
	daemon off;
	pid $TRASH/nginx/pid;
	error_log $TRASH/nginx/error.log;
	events { }
	http {
		access_log $TRASH/nginx/access.log;
		client_body_temp_path $TRASH/nginx/body;
		proxy_temp_path $TRASH/nginx/proxy;
		fastcgi_temp_path $TRASH/nginx/fastcgi;
		uwsgi_temp_path $TRASH/nginx/uwsgi;
		scgi_temp_path $TRASH/nginx/scgi;
		server { listen 127.0.0.1:$port; root $public; }
	}
	EOF
	chmod 755 "$TRASH" "$public"
	start nginx "$nginx" -p "$TRASH/nginx" -c "$TRASH/nginx.conf"
	url=http://127.0.0.1:$port
	wait_for 5 curl -sf "$url/prod/head" || bail "nginx"
	: >nginx/access.log
	slow_begin=$(now)
	engine slow --auto --interval 5
	wait_line 10 slow.log "^accepted $bundle"
	is $? 0 "a bundle from nginx"
	like "$(last_state slow)" 'long=no' "which does not wait"
fi
slow_bundle=$bundle

# ---- pushes, hooks, and serve

unset GIT_DIR
git init -q --bare r.git
windlass-hook init prod --repo r.git --key "$TRASH/hookkey" \
	--ref refs/heads/main --path deploy >init.out || bail "init"
printf 'host@example.org namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(ssh-keygen -y -f hookkey | cut -d' ' -f1-2)" >hook.line
mv publisher.line publisher.kept
id=$(git -C r.git config windlass.prod.id)
start serve windlass-hook serve --repo r.git --listen 127.0.0.1:0
wait_line 5 serve.log '^listening on ' || bail "serve"
url=$(sed -n 's/^listening on //p' serve.log)

git init -q work
mkdir -p work/deploy
config_map() {
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: demo\ndata:\n  text: "%s"\n' \
		"$1" "$2" >"work/deploy/$1.yaml"
}
push() {
	git -C work add -A && git -C work commit -qm "$1" &&
		git -C work push -q ../r.git HEAD:refs/heads/main 2>push.log ||
		{ test_show push.log; bail "push: $1"; }
	tip=$(git -C r.git rev-parse refs/windlass/prod)
}

engine e --auto
ok "before anything is published" wait_for 5 state_has e fetched=Unreachable
like "$(grep because e.log)" 'not published there' "says so"
config_map web one
config_map more one
push first
ok "the first bundle" wait_line 5 e.log "^candidate 1.1 $tip "
ok "is at hand" grep -q "^at-hand $tip" e.log
ok "is recorded" wait_line 5 e.log "^accepted $tip"
like "$(grep '^candidate' e.log)" "since=none .* crossed=no publisher=host@example.org ref=refs/heads/main source=$(git -C work rev-parse HEAD)" \
	"with what it came from"
ok "the server waits" state_has e 'long=yes'
grep -q "^bundle $tip" "e.state/$id/accepted"
is $? 0 "the record is on disk"

config_map web two
config_map new one
rm work/deploy/more.yaml
push second
ok "the next one comes by itself" wait_line 5 e.log "^candidate 1.2 $tip "
like "$(grep '^candidate 1.2' e.log)" 'objects=2 commits=1 since=[0-9a-f]+ \+1 ~1 -1 at-hand=yes' \
	"with its sums"

# ---- what the parent may ask

parent=$(git -C r.git rev-parse "$tip^")
tell e diff "$parent" "$tip"
ok "a diff" wait_line 5 e.log '^done 3'
is "$(grep '^item' e.log | cut -d' ' -f2,3)" \
"delete objects/demo/core/ConfigMap/more.json
create objects/demo/core/ConfigMap/new.json
change objects/demo/core/ConfigMap/web.json" "says what changed, in order"
want=$(git -C r.git cat-file blob "$tip:objects/demo/core/ConfigMap/web.json" | sha)
size=$(git -C r.git cat-file -s "$tip:objects/demo/core/ConfigMap/web.json")
is "$(grep '^item change' e.log)" \
	"item change objects/demo/core/ConfigMap/web.json $want $size" \
	"with digest and size"
tell e list "$tip"
ok "a list" wait_line 5 e.log '^done 2'
tell e diff "$tip" "$tip"
ok "nothing differs from itself" wait_line 5 e.log '^done 0'
tell e object "$tip" objects/demo/core/ConfigMap/web.json "$want" body
ok "a body" wait_line 5 e.log "^body $size"
is "$(sha body)" "$want" "is what the list said"
tell e object "$tip" objects/demo/core/ConfigMap/web.json "$(printf '%064d' 1)" body
ok "a body of another digest is not given" wait_line 5 e.log '^failed denied '
tell e object "$tip" objects/demo/core/ConfigMap/none.json "$want" body
ok "nor one that is not there" wait_line 5 e.log '^failed invalid the bundle has no '
tell e list "$(printf '%040d' 1)"
ok "nor a bundle that nobody has" wait_line 5 e.log '^failed transient bundle 000000000000 is not at hand'
tell e origins "$tip" objects/demo/core/ConfigMap/web.json objects/demo/core/ConfigMap/none.json
ok "where it came from" wait_line 5 e.log '^place objects/demo/core/ConfigMap/web.json deploy/web.yaml:1$'
ok "and nothing where nobody knows" wait_line 5 e.log '^place objects/demo/core/ConfigMap/none.json $'

# ---- the child

tell e pid
wait_line 5 e.log '^pid [1-9]'
child=$(sed -n 's/^pid //p' e.log | tail -n 1)
like "$(tr '\0' ' ' <"/proc/$child/cmdline")" 'fetch-child $' "the child plays its role"
unlike "$(tr '\0' '\n' <"/proc/$child/environ")" '^(HOME|GIT_|KUBE|WINDLASS)' \
	"without our environment"
is "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$child/status")" 1 "and without new privileges"
is "$(readlink "/proc/$child/fd/0")" /dev/null "or our stdin"
before=$(grep -c "^at-hand $tip" e.log)
tell e kill
more_at_hand() { [ "$(grep -c "^at-hand $tip" e.log)" -gt "$before" ]; }
ok "killed, it is started again and has all at hand" wait_for 5 more_at_hand
is "$(candidates e)" 2 "with nothing new to tell"

# ---- a server that goes, and comes back

stop serve
ok "the server is down" wait_for 10 state_has e fetched=Unreachable
is "$(last_state e | grep -c verified=Verified)" 1 "what is verified stays so"
config_map web three
git -C r.git config windlass.serve "${url#http://}"
push third
start serve windlass-hook serve --repo r.git --listen "${url#http://}"
ok "the server is back, with news" wait_line 15 e.log "^candidate 1.3 $tip "

# ---- gaps and losses

stop e
for n in 4 5 6; do
	config_map "web$n" "$n"
	push "push $n"
done
engine e --auto
ok "three pushes while nobody looked" wait_line 10 e.log "^candidate 1.6 $tip "
is "$(candidates e)" 1 "are one candidate"
like "$(grep '^candidate' e.log)" 'commits=3 since=none \+0 ~0 -0' \
	"without a budget: nothing was applied as far as it knows"
stop e
pin() {
	git -C r.git cat-file commit "$1" | sed -n \
		's/^Epoch: //p; s/^Sequence: //p; s/^Content-SHA256: //p; s/^Issued: //p' |
		xargs | sed "s/^\(\S* \S*\) /\1 $1 /"
}
six=$tip
three=$(git -C r.git rev-parse "$six~3")
config_map web seven
rm work/deploy/web4.yaml
push seventh
engine e --accepted "$(pin "$six")" --applied "$(pin "$three")"
ok "applied is older than accepted" wait_line 10 e.log "^candidate 1.7 $tip "
like "$(grep '^candidate' e.log)" \
	"commits=1 since=$three \+3 ~1 -1 at-hand=yes" \
	"the budget counts from what was applied, skipped bundles included"
ok "both are at hand" grep -q "^at-hand $three" e.log
ok "both are at hand" grep -q "^at-hand $six" e.log
tell e diff "$three" "$tip"
ok "and can be compared" wait_line 5 e.log '^done 3'
tell e accept
ok "accepted" wait_line 5 e.log "^accepted $tip"
stop e
rm -rf "e.state/$id/repo.git"
engine e --accepted "$(pin "$six")" --applied "$(pin "$six")"
ok "without its cache it fetches what was accepted" wait_line 10 e.log "^at-hand $tip"
is "$(candidates e)" 0 "and that is nothing new"
like "$(grep '^opened' e.log)" "^opened 1 7 $tip " "the record is later than the status"
stop e
for object in "e.state/$id/repo.git/objects/pack"/*.pack; do
	chmod u+w "$object"
	perl -e 'open F, "+<", $ARGV[0]; seek F, (-s $ARGV[0]) / 2, 0;
		print F "damaged" x 9' "$object"
done
engine e
ok "a damaged cache is found and made anew" wait_line 10 e.log "^at-hand $tip"
like "$(cat e.log)" 'cache-reset' "and that is logged"
stop e

# ---- many bundles: the cache does not grow with them

if [ -z "${WINDLASS_QUICK:-}" ]; then
	# a burst outruns what the engine may ask at once: that must not make
	# it wait for the next interval
	engine e --auto --interval 300
	for n in $(seq 55); do
		config_map web "many $n"
		push "many $n"
	done
	accepted_last() { grep -q "^accepted $tip" e.log; }
	ok "55 pushes" wait_for 20 accepted_last
	few_packs() {
		[ "$(find "e.state/$id/repo.git/objects/pack" -name '*.pack' |
			wc -l)" -lt 20 ]
	}
	ok "the cache is written anew" wait_for 20 few_packs
	ok "stock git finds all of it there" \
		git -C "e.state/$id/repo.git" log --format=%H -1 refs/windlass/prod
	tell e list "$tip"
	ok "and the bundle is at hand" wait_line 5 e.log '^done [1-9]'
	tell e kill
	sleep 0.5
	config_map web last
	push last
	ok "the next one follows" wait_line 5 e.log "^candidate [0-9.]* $tip "
	stop e
else
	skip 5 "quick"
fi
stop serve

# ---- TLS, and a token from the Channel's Secret

openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt \
	-days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
	2>/dev/null
chmod 600 tls.key
echo secret-token-number-one >tokens
chmod 600 tokens
start tls windlass-hook serve --repo r.git --listen 127.0.0.1:0 \
	--tls-cert tls.crt --tls-key tls.key --tokens tokens
wait_line 5 tls.log '^listening on ' || bail "serve by TLS"
url=$(sed -n 's/^listening on //p' tls.log)
rm -rf s.state
engine s --auto
ok "a server whose certificate nobody knows" \
	wait_for 5 state_has s fetched=Unreachable
like "$(grep because s.log)" certificate "says so"
stop s
engine s --auto --ca tls.crt
ok "a server that wants a token" wait_for 5 state_has s fetched=Unreachable
like "$(grep because s.log)" 'answered 401: .*token' "says so"
stop s
engine s --auto --ca tls.crt \
	--header "Authorization: Bearer secret-token-number-one"
ok "with both it works" wait_line 10 s.log "^accepted $tip"
tell s pid
wait_line 5 s.log '^pid [1-9]'
child=$(sed -n 's/^pid //p' s.log)
unlike "$(tr '\0' ' ' <"/proc/$child/environ"; tr '\0' ' ' <"/proc/$child/cmdline"
	cat s.log; grep -rs . "s.state/$id/accepted")" secret-token \
	"the token is in no environment, argument, log or file"
stop s
rm -rf s.state
SSL_CERT_FILE=$TRASH/tls.crt engine s --auto \
	--header "Authorization: Bearer secret-token-number-one"
ok "an authority that the environment names" \
	wait_line 10 s.log "^accepted $tip"
stop s
stop tls

# ---- epochs, by hand

mv publisher.kept publisher.line
rm hook.line
export GIT_DIR=$TRASH/bundles.git
id=0123456789abcdef0123456789abcdef
port=$(free_port)
start web python3 -m http.server --bind 127.0.0.1 -d "$public" "$port"
url=http://127.0.0.1:$port
wait_for 5 curl -sf "$url/prod/head" || bail "no server"
bundle=$slow_bundle
engine p --auto --floor 1
ok "a bundle from python's server" wait_line 10 p.log "^accepted $bundle"
old=$bundle
cp "$public/prod/head" old.head
epoch=2 seq=0 bundle=
put demo "" ConfigMap web epoch
bundle
: >index.txt
publish
tell p poll
ok "a new epoch waits for the admin" wait_for 5 state_has p verified=EpochRefused
tell p floor 2
ok "who raises epochFloor" wait_line 5 p.log "^candidate 2.1 $bundle "
like "$(grep '^candidate 2.1' p.log)" 'commits=0 since=none \+0 ~0 -0 .*crossed=yes' \
	"it need not descend, and nothing may be pruned for it"
ok "it is accepted" wait_line 5 p.log "^accepted $bundle"
cp old.head "$public/prod/head"
tell p poll
ok "the old epoch is over" wait_for 5 state_has p verified=Rollback
stop p
stop web

# ---- servers are not hammered

port=$(free_port)
start odd "$TEST_DIR/odd-server.py" "$port" "$public"
url=http://127.0.0.1:$port/liar
cp old.head "$public/prod/head"
wait_for 5 curl -sf "$url/prod/head"
: >odd.log
rm -rf p.state
engine p --auto
sleep 5
asked=$(grep -c /prod/head odd.log)
ok "one that only says it waits is polled each interval ($asked in 5 s)" \
	[ "$asked" -le 7 ]
stop p
# with pauses that double it would be asked seven times in 20 s
url=http://127.0.0.1:$port/plain
mv "$public/prod/head" "$public/prod/head.away"
: >odd.log
engine p --auto
asked_often() { [ "$(grep -c /prod/head odd.log)" -ge 9 ]; }
ok "one that has nothing yet is asked each interval" wait_for 18 asked_often
stop p
mv "$public/prod/head.away" "$public/prod/head"
url=http://127.0.0.1:$port/error
: >odd.log
engine p --auto
sleep 5
asked=$(grep -c /prod/head odd.log)
ok "one that fails is asked less and less ($asked in 5 s)" [ "$asked" -le 7 ]
stop p

if [ -n "${slow_begin:-}" ] && [ -z "${WINDLASS_QUICK:-}" ]; then
	left=$((60000 - $(now) + slow_begin))
	[ "$left" -le 0 ] || sleep "$((left / 1000 + 1))"
	last=$(date -u -d "@$((slow_begin / 1000 + 60))" +%s)
	asked=$(awk '{ print $4 }' nginx/access.log | tr -d '[' |
		sed 's|/| |; s|/| |; s|:| |' |
		while read -r when; do date -d "$when UTC" +%s; done |
		awk -v last="$last" '$1 < last' | wc -l)
	ok "nginx was asked $asked times in 60 s at interval 5" [ "$asked" -le 20 ]
	ok "but it was asked" [ "$asked" -ge 8 ]
	like "$(cat nginx/access.log)" '" 304 ' "with its ETag"
else
	skip 3 "quick, or no nginx"
fi

done_testing
