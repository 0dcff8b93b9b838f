#!/bin/bash
# windlass-hook serve: what it answers, whom, and when
. "$(dirname "$0")/lib.sh"

git init -q --bare r.git
windlass-hook init prod --repo r.git --key "$TRASH/key" --path deploy \
	--ref refs/heads/main >/dev/null || bail "init"
public=r.git/windlass/public

# publish TEXT [CHANNEL]: replaces the head as publishing does
publish() {
	printf '%s\n' "$1" >"$public/${2:-prod}/head.new" &&
	mv "$public/${2:-prod}/head.new" "$public/${2:-prod}/head"
}

# serve NAME ARGUMENT...: starts it on a free port; $url is where
serve() {
	local name=$1
	shift
	start "$name" windlass-hook serve --repo r.git --verbose \
		--listen 127.0.0.1:0 "$@"
	wait_line 30 "$name.log" '^listening on ' || {
		test_show "$name.log"
		bail "serve does not start"
	}
	url=$(sed -n 's/^listening on //p' "$name.log")
}

get() { curl -sS -m 20 --path-as-is "$@"; }
code() { get -o body -w '%{http_code}' "$@"; }
etag_of() { get -o body -D - "$1" | tr -d '\r' | sed -n 's/^ETag: //p'; }
now() { date +%s%3N; }

# ---- before anything is published

rm -rf "$public"
serve main
like "$(cat main.log)" '^listening on http://127\.0\.0\.1:[0-9]+$' \
	"one line when it is ready"
is "$(code "$url/prod/head")" 404 "no head yet"
(code -H 'Prefer: wait=20' "$url/prod/head" >early; now >early.at) &
early=$!
sleep 0.3
mkdir -p "$public/prod/packs"
publish one
wait "$early"
is "$(cat early)" 200 "who waits for a first head gets it"

# ---- head

get -D headers -o body "$url/prod/head"
is "$(cat body)" one "the head"
tr -d '\r' <headers >headers.txt
etag=$(sed -n 's/^ETag: //p' headers.txt)
is "$etag" "\"$(sha256sum "$public/prod/head" | cut -c1-64)\"" \
	"its ETag is its SHA-256"
like "$(cat headers.txt)" '^Content-Length: 4$' "its length"
like "$(cat headers.txt)" '^Cache-Control: no-cache$' "not to be cached"
unlike "$(cat headers.txt)" '^Preference-Applied' "nobody asked to wait"
is "$(code -H "If-None-Match: $etag" "$url/prod/head")" 304 "not modified"
is "$(code -H 'If-None-Match: "x", '"$etag" "$url/prod/head")" 304 "a list"
is "$(code -H 'If-None-Match: "x"' "$url/prod/head")" 200 "another tag"
get -I "$url/prod/head" | tr -d '\r' >headers.txt
like "$(cat headers.txt)" '^HTTP/1.1 200' "HEAD"
like "$(cat headers.txt)" '^Content-Length: 4$' "tells the length"

# ---- packs

pack=$(printf 'pack\n' | sha256sum | cut -c1-64)
printf 'pack\n' >"$public/prod/packs/$pack"
get -D headers -o body "$url/prod/packs/$pack"
tr -d '\r' <headers >headers.txt
is "$(cat body)" pack "a pack"
like "$(cat headers.txt)" '^Cache-Control: private, max-age=31536000, immutable$' \
	"is cached for good"
like "$(cat headers.txt)" "^ETag: \"$pack\"$" "its name is its ETag"
is "$(code -H "If-None-Match: \"$pack\"" "$url/prod/packs/$pack")" 304 \
	"not modified"
head -c 3000000 /dev/urandom >big
big=$(sha256sum big | cut -c1-64)
cp big "$public/prod/packs/$big"
get -o body "$url/prod/packs/$big"
ok "a larger pack comes whole" cmp body big

# ---- what is not there

ln -s "$TRASH/key" "$public/prod/packs/$(printf link | sha256sum | cut -c1-64)"
mkdir "$public/prod/packs/$(printf dir | sha256sum | cut -c1-64)"
mkdir -p "$public/unconfigured"
publish other unconfigured
for path in /prod/head/ /prod/heads //prod/head /prod//head \
	/prod/../prod/head /prod/packs/../head /prod/packs/ \
	/prod/./head /unconfigured /unconfigured/ /unconfigured/index.html \
	/prod/index.htm /prod//index.html /prod/index.html/ // \
	/%70rod/head /prod%2fhead /prod/packs/../../../config \
	/../r.git/config /prod/packs/"${pack:0:63}" /prod/packs/"${pack}0" \
	/prod/packs/"${pack^^}" /unconfigured/head /prod/head%00 \
	"/prod/packs/$(printf link | sha256sum | cut -c1-64)" \
	"/prod/packs/$(printf dir | sha256sum | cut -c1-64)" \
	"/$(printf '%03000d' 0)"
do
	is "$(code "$url$path")" 404 "not there: ${path:0:60}"
done
is "$(code -X POST -d x "$url/prod/head")" 405 "POST"
is "$(code -X PUT -d x "$url/prod/head")" 405 "PUT"
is "$(code -X DELETE "$url/prod/head")" 405 "DELETE"
is "$(code -X OPTIONS "$url/prod/head")" 405 "OPTIONS"
is "$(code -H "Long: $(printf '%010000d' 0)" "$url/prod/head")" 431 \
	"headers beyond all measure"
is "$(code "$url/prod/head")" 200 "it still answers"

# ---- waiting

begin=$(now)
is "$(get -D headers -o body -w '%{http_code}' -H "If-None-Match: $etag" \
	-H 'Prefer: wait=1' "$url/prod/head")" 304 "waiting in vain"
took=$(($(now) - begin))
ok "takes as long as was asked for" \
	test "$took" -ge 1000 -a "$took" -lt 3000
like "$(tr -d '\r' <headers)" '^Preference-Applied: wait=1$' "and says so"
begin=$(now)
is "$(get -D headers -o body -w '%{http_code}' -H 'If-None-Match: "old"' \
	-H 'Prefer: respond-async, wait=9' "$url/prod/head")" 200 \
	"who has an old head"
ok "is answered at once" test $(($(now) - begin)) -lt 2000
like "$(tr -d '\r' <headers)" '^Preference-Applied: wait=9$' \
	"and hears that waiting works"
get -D headers -o body -H 'If-None-Match: "old"' -H 'Prefer: wait=999' \
	"$url/prod/head"
like "$(tr -d '\r' <headers)" '^Preference-Applied: wait=60$' \
	"a minute is the most"
begin=$(now)
is "$(code -I -H "If-None-Match: $etag" -H 'Prefer: wait=9' \
	"$url/prod/head")" 304 "HEAD"
ok "never waits" test $(($(now) - begin)) -lt 2000

# a waiting client told by publishing: the best of five shows what it takes
best=100000
for i in 1 2 3 4 5; do
	etag=$(etag_of "$url/prod/head")
	(code -H "If-None-Match: $etag" -H 'Prefer: wait=20' \
		"$url/prod/head" >told; now >told.at) &
	waiter=$!
	sleep 0.3
	begin=$(now)
	publish "news $i"
	wait "$waiter"
	took=$(($(cat told.at) - begin))
	[ "$took" -ge "$best" ] || best=$took
done
is "$(cat told)" 200 "a waiting client is told of a new head"
ok "within milliseconds ($best)" test "$best" -lt 100

# clients COUNT: opens them, all waiting for another head than $etag; prints
# "waiting", then for a "go" on stdin the number that was told and the ms
cat >clients.pl <<'PERL'
use IO::Socket::INET; use IO::Select; use Time::HiRes qw(time);
my ($count, $url, $etag) = @ARGV;
my ($where) = $url =~ m{//(.*)};
my $all = IO::Select->new;
$| = 1;
for (1 .. $count) {
	my $s = IO::Socket::INET->new(PeerAddr => $where) or die "connect: $!";
	print $s "GET /prod/head HTTP/1.1\r\nHost: x\r\nPrefer: wait=60\r\n" .
		"If-None-Match: $etag\r\n\r\n";
	$s->flush;
	$all->add($s);
}
print "waiting\n";
<STDIN>;
my ($begin, $told) = (time, 0);
while ($told < $count && time - $begin < 20) {
	for my $s ($all->can_read(1)) {
		sysread($s, my $answer, 4096) or die "closed";
		$told++ if $answer =~ m{^HTTP/1.1 200 };
		$all->remove($s);
	}
}
printf "%d %d\n", $told, 1000 * (time - $begin);
PERL
etag=$(etag_of "$url/prod/head")
coproc CLIENTS { exec perl clients.pl 500 "$url" "$etag" 2>&1; }
clients_pid=$CLIENTS_PID
read -r line <&"${CLIENTS[0]}"
is "$line" waiting "500 clients wait"
descriptors() { ls "/proc/$pid_main/fd" | wc -l; }
all() { [ "$(descriptors)" -gt 500 ]; }
ok "500 connections" wait_for 5 all
publish "news for all"
echo go >&"${CLIENTS[1]}"
read -r told took <&"${CLIENTS[0]}"
wait "$clients_pid"
is "$told" 500 "all are told"
ok "within a second ($took ms)" test "$took" -lt 1000
wait_few() { [ "$(descriptors)" -lt 100 ]; }
ok "and their connections end with them" wait_for 5 wait_few

etag=$(etag_of "$url/prod/head")
coproc CLIENTS { exec perl clients.pl 300 "$url" "$etag" 2>&1; }
clients_pid=$CLIENTS_PID
read -r line <&"${CLIENTS[0]}"
many() { [ "$(descriptors)" -gt 300 ]; }
ok "300 clients wait" wait_for 5 many
kill -KILL "$clients_pid"
wait "$clients_pid" 2>/dev/null
ok "those that vanish are dropped" wait_for 5 wait_few
ticks() { cut -d' ' -f14,15 "/proc/$pid_main/stat" | tr ' ' '+'; }
etag=$(etag_of "$url/prod/head")
code -H "If-None-Match: $etag" -H 'Prefer: wait=2' "$url/prod/head" >/dev/null &
waiter=$!
before=$(($(ticks)))
wait "$waiter"
ok "waiting costs no time" test $(($(ticks) - before)) -lt 20

# ---- the folder goes and comes

mv "$public" away
is "$(code "$url/prod/head")" 404 "the folder went"
(code -H 'Prefer: wait=20' "$url/prod/head" >back) &
waiter=$!
sleep 0.2
mkdir -p "$public/prod/packs"
publish back
wait "$waiter"
is "$(cat back)" 200 "and came back"
is "$(get "$url/prod/head")" back "with a new head"
printf 'x%.0s' {1..5000} >"$public/prod/head.new"
mv "$public/prod/head.new" "$public/prod/head"
is "$(code "$url/prod/head")" 404 "a head that cannot be one is not served"
publish again

# ---- settings

windlass-hook init dev --repo r.git --key "$TRASH/key2" --path dev \
	--ref refs/heads/main >/dev/null
mkdir -p "$public/dev"
publish dev dev
is "$(code "$url/dev/head")" 200 "a channel that is new is served at once"
is "$(get "$url/dev/head")" dev "by its own head"
git -C r.git config windlass.dev.wrong x
kill -HUP "$pid_main"
ok "settings that are wrong are reported" wait_line 5 main.log \
	settings-refused
is "$(code "$url/dev/head")" 200 "and the old ones stay"
looks() { grep -c settings-read-again main.log; }
before=$(looks)
for ((i = 0; i < 200; i++)); do
	printf 'url = %s/nowhere-%d/head\noutput = /dev/null\n' "$url" "$i"
done >urls
begin=$(now)
get --config urls
took=$(($(now) - begin))
ok "for names that are none they are read" test "$(looks)" -gt "$before"
ok "but not for each" test $(($(looks) - before)) -le $((5 + took / 1000 + 1))
before=$(looks)
for path in favicon.ico A "$(printf 'a%.0s' {1..64})" -a a.b; do
	code "$url/$path/head" >/dev/null
done
is "$(looks)" "$before" "nor for what cannot be a channel"
git -C r.git config --unset windlass.dev.wrong

# ---- the end

not_ok "a second one for the repository" timeout 10 windlass-hook serve \
	--repo r.git --listen 127.0.0.1:0
like "$(cat .output)" "already" "says why"
(code -H "If-None-Match: $(etag_of "$url/prod/head")" \
	-H 'Prefer: wait=20' "$url/prod/head" >last) &
waiter=$!
sleep 0.3
kill -TERM "$pid_main"
wait "$pid_main"
is "$?" 0 "SIGTERM ends it, well"
wait "$waiter"
is "$(cat last)" 304 "and who waits is answered before"
not_ok "its socket is gone" test -e r.git/windlass/publish.sock
serve killed
kill -KILL "$pid_killed"
wait "$pid_killed" 2>/dev/null
serve after
is "$(code "$url/prod/head")" 200 "after a SIGKILL it starts again"
stop after

# ---- tokens

printf '# one a line\n%s\n' "secret-token-number-one" >tokens
chmod 600 tokens
serve tokens --tokens tokens
is "$(code "$url/prod/head")" 401 "without a token"
like "$(get -I "$url/prod/head" | tr -d '\r')" '^WWW-Authenticate: Bearer' \
	"it says what is missing"
is "$(code -H 'Authorization: Bearer secret-token-number-two' \
	"$url/prod/head")" 401 "with a wrong one"
is "$(code -H 'Authorization: Bearer secret-token-number-one' \
	"$url/prod/head")" 200 "with the right one"
is "$(code "$url/nowhere")" 401 "what is not there is not told either"
echo secret-token-number-two >tokens
kill -HUP "$pid_tokens"
ok "SIGHUP" wait_line 5 tokens.log tokens-read
is "$(code -H 'Authorization: Bearer secret-token-number-two' \
	"$url/prod/head")" 200 "brings the new tokens"
is "$(code -H 'Authorization: Bearer secret-token-number-one' \
	"$url/prod/head")" 401 "and takes the old"
unlike "$(cat tokens.log)" secret-token "no token is logged"
stop tokens
chmod 644 tokens
not_ok "tokens that others may read" timeout 10 windlass-hook serve \
	--repo r.git --listen 127.0.0.1:0 --tokens tokens
chmod 600 tokens

# ---- TLS

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-keyout tls.key -out tls.crt -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
serve tls --tls-cert tls.crt --tls-key tls.key
like "$url" '^https://' "with TLS"
is "$(code --cacert tls.crt "$url/prod/head")" 200 "it answers by https"
etag=$(get --cacert tls.crt -o body -D - "$url/prod/head" | tr -d '\r' |
	sed -n 's/^ETag: //p')
(code --cacert tls.crt -H "If-None-Match: $etag" -H 'Prefer: wait=20' \
	"$url/prod/head" >told) &
waiter=$!
sleep 0.5
publish "over TLS"
wait "$waiter"
is "$(cat told)" 200 "waiting works over TLS too"

# renewed: first the certificate, then its key
issued() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -keyout next.key -out next.crt -days "$1" \
		-subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' \
		2>/dev/null
}
by() { [ "$(code --cacert "$1" "$url/prod/head")" = 200 ]; }
stop tls
mkfifo pipe.key
timeout 10 windlass-hook serve --repo r.git --listen 127.0.0.1:0 \
	--tls-cert tls.crt --tls-key pipe.key >out 2>err
like "$(cat err)" "'pipe.key' is not a regular file" \
	"a FIFO as the key is refused, not waited for"
serve tls --tls-cert tls.crt --tls-key tls.key --check-interval 1s
cp tls.crt first.crt
etag=$(get --cacert first.crt -o body -D - "$url/prod/head" | tr -d '\r' |
	sed -n 's/^ETag: //p')
(code -m 90 --cacert first.crt -H "If-None-Match: $etag" -H 'Prefer: wait=60' \
	"$url/prod/head" >told) &
waiter=$!
sleep 0.5
issued 3
mv next.crt tls.crt
ok "a certificate whose key has not come" wait_line 30 tls.log \
	'certificate-refused.*do not belong together'
ok "changes nothing" by first.crt
mv next.key tls.key
ok "with its key it is taken" wait_for 30 by tls.crt
not_ok "and the old one is not shown any more" by first.crt
like "$(cat tls.log)" "certificate-read .*expires=$(date -u -d \
	"$(openssl x509 -noout -enddate -in tls.crt | cut -d= -f2)" \
	+%FT%TZ)" "the log says until when"
publish "while it was renewed"
wait "$waiter"
is "$(cat told)" 200 "a connection of before goes on"
cp tls.crt second.crt
issued 4
mv next.crt tls.crt
mv next.key tls.key
kill -HUP "$pid_tls"
ok "SIGHUP makes it look" wait_for 30 by tls.crt
echo garbage >next.crt
mv next.crt tls.crt
ok "a certificate that is none" wait_line 30 tls.log \
	"certificate-refused.*'tls.crt' is no chain"
rm tls.key
ok "nor a key" wait_line 30 tls.log "certificate-refused.*open 'tls.key'"
sleep 3
is "$(grep -cE "certificate-refused.*(no chain|tls.key':)" tls.log)" 2 \
	"each change is refused once"
stop tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-keyout tls.key -out tls.crt -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
openssl pkcs8 -topk8 -in tls.key -out locked.key -passout pass:chain
not_ok "a key that is encrypted" timeout 10 windlass-hook serve \
	--repo r.git --listen 127.0.0.1:0 --tls-cert tls.crt --tls-key locked.key
like "$(cat .output)" "'locked.key' is no unencrypted PEM key" "is named"
not_ok "a key that does not belong to the certificate" timeout 10 \
	windlass-hook serve --repo r.git --listen 127.0.0.1:0 \
	--tls-cert tls.crt --tls-key key

# ---- a unix socket

start unix windlass-hook serve --repo r.git --listen "unix:$TRASH/http"
ok "on a unix socket" wait_line 30 unix.log "^listening on unix:$TRASH/http$"
is "$(code --unix-socket http http://x/prod/head)" 200 "it answers"
stop unix
not_ok "which is removed" test -e http

# ---- what it refuses to do

refuses() {
	local what=$1 why=$2 status
	shift 2
	timeout 10 windlass-hook serve --repo r.git "$@" >out 2>&1
	status=$?
	is "$status" 1 "refused: $what"
	like "$(cat out)" "$why" "says what it needs"
}
wrong() {
	timeout 10 windlass-hook serve --repo r.git "$@" >out 2>&1
	is "$?" 129 "wrong usage: $*"
}
any=0.0.0.0:0
refuses "in the clear" "tls-cert" --listen $any
refuses "in the clear, public" "tls-cert" --listen $any --public
refuses "in the clear, with tokens" "tls-cert" --listen $any --tokens tokens
refuses "to everybody" "tokens" --listen $any --behind-proxy
refuses "to everybody by TLS" "tokens" --listen $any --tls-cert tls.crt \
	--tls-key tls.key
refuses "IPv6 in the clear" "tls-cert" --listen "[::]:0"
not_ok "a tokens file that is missing" timeout 10 windlass-hook serve \
	--repo r.git --listen 127.0.0.1:0 --tokens tokens.missing
like "$(cat .output)" "tokens.missing" "is named"
wrong --tls-cert tls.crt
wrong --tls-key tls.key
wrong --tokens tokens --public
wrong --check-interval never
wrong more
start proxy windlass-hook serve --repo r.git --listen $any --behind-proxy \
	--tokens tokens
ok "behind a proxy, with tokens" wait_line 30 proxy.log "^listening"
stop proxy
start public windlass-hook serve --repo r.git --listen $any --public \
	--tls-cert tls.crt --tls-key tls.key
ok "public, with TLS" wait_line 30 public.log "^listening"
git -C r.git config windlass.dev.secrets allow
kill -HUP "$pid_public"
wait "$pid_public"
is "$?" 1 "Secrets that become public end it"
unset pid_public
refuses "Secrets in public" "holds Secrets" --listen 127.0.0.1:0 --public
git -C r.git config --unset windlass.dev.secrets

git -C r.git config windlass.serve "127.0.0.1:0"
start config windlass-hook serve --repo r.git
ok "windlass.serve says where" wait_line 5 config.log \
	"^listening on http://127.0.0.1:"
stop config

# ---- more downloads than there are descriptors
big=$(printf 'a%.0s' $(seq 64))
head -c 20000000 /dev/zero >"$public/prod/packs/$big"
cat >few <<'END'
#!/bin/sh
ulimit -n 256
exec windlass-hook serve --repo r.git --listen 127.0.0.1:0
END
chmod +x few
start few ./few
wait_line 20 few.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' few.log)
cat >hold.pl <<'END'
use IO::Socket::INET;
my ($port, $path, $n) = @ARGV;
my @all;
my %count;
for (1 .. $n) {
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
	print $s "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";
	my $line = <$s>;
	$count{(split / /, $line)[1]}++;
	push @all, $s;
}
print join(",", map { "$_:$count{$_}" } sort keys %count), "\n";
$| = 1;
sleep 60;
END
start hold perl -e '$| = 1; do "./hold.pl"' "${url##*:}" "/prod/packs/$big" 80
wait_line 30 hold.log '^200'
is "$(cat hold.log)" 200:22,503:58 "some are told to come again, none that it is gone"
is "$(code "$url/prod/head")" 200 "the head is there for others"
stop hold KILL
again() { [ "$(code -r 0-9 "$url/prod/packs/$big")" = 200 ]; }
ok "and the pack, when they are gone" wait_for 30 again
stop few

# ---- a program of its own ----

mkdir alone
cp "$WINDLASS_BUILD/windlass-hook" alone
said=$(alone/windlass-hook serve --repo r.git 2>&1)
is $? 2 "without its program it does not serve"
like "$said" "cannot start '/.*/windlass-serve', which .serve. is and" \
	"and says what is missing"

# ---- no inotify instance left ----

# few: a user namespace may have less than the user
few() {
	unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_instances &&
		exec "$@"' sh "$@"
}
if few true 2>/dev/null; then
	said=$(few windlass-hook serve --repo r.git --listen 127.0.0.1:0 2>&1)
	is $? 2 "without an inotify instance it does not serve"
	like "$said" 'no inotify instance left.*max_user_instances' \
		"and says what to raise"
else
	skip 2 "no user namespaces"
fi
done_testing
