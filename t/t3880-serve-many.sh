#!/bin/bash
# windlass-hook serve: one question for the heads of many channels
. "$(dirname "$0")/lib.sh"

git init -q --bare r.git
channel() {
	windlass-hook init "$1" --repo r.git --key "$TRASH/key-$1" \
		--path "deploy/$1" --ref refs/heads/main >/dev/null || bail "init"
}
for name in heads prod test; do
	channel $name
done
public=r.git/windlass/public

# publish TEXT CHANNEL: replaces the head as publishing does
publish() {
	mkdir -p "$public/$2/packs"
	printf '%s\n' "$1" >"$public/$2/head.new" &&
	mv "$public/$2/head.new" "$public/$2/head"
}
serve() {
	start serve windlass-hook serve --repo r.git --verbose \
		--listen 127.0.0.1:0 "$@"
	wait_line 30 serve.log '^listening on ' || bail "serve does not start"
	url=$(sed -n 's/^listening on //p' serve.log)
}
sum() { printf '%s\n' "$1" | sha256sum | cut -c1-64; }
post() { curl -sS -m 20 --data-binary @- "$@" "$url/heads"; }
code() { post -o body -w '%{http_code}' "$@"; }
# ask LINE...: a question
ask() { printf '%s\n' "windlass-heads 1" "$@"; }
now() { date +%s%3N; }

publish one heads
publish one prod
publish one test
serve
curl -sS -D - -o body "$url/prod/head" >headers
like "$(cat headers)" '^Windlass-Heads: 1' "a head says what else can be asked"
curl -sS -D - -o body "$url/heads/head" >headers
is "$(cat body)" one "a channel may be called heads"

# ---- answers

ask 'prod none' 'test none' | post -D headers -o body
is "$(cat body)" "windlass-heads 1
head prod 4
one
head test 4
one" "both heads"
like "$(cat headers)" '^Cache-Control: no-store' "not to be kept"
is "$(ask "prod $(sum one)" "test $(sum one)" | code)" 204 \
	"nothing is new, and nobody wants to wait"
is "$(wc -c <body)" 0 "nothing is said"
ask "prod $(sum two)" "test $(sum one)" | post -o body
is "$(cat body)" "windlass-heads 1
head prod 4
one" "one is another"
is "$(ask "absent none" "prod $(sum one)" | code)" 204 "one that is not there"
ask "absent $(sum one)" "prod $(sum one)" | post -o body
is "$(cat body)" "windlass-heads 1
none absent" "any more"

# ---- waiting

# wait_for_heads NAME LINE...: in the background; its answer in NAME, its
# header in NAME.h, when it came in NAME.at
wait_for_heads() {
	local name=$1
	shift
	ask "$@" >"$name.q"
	(post -H 'Prefer: wait=20' -D "$name.h" -o "$name" <"$name.q"
	now >"$name.at") &
}
both="prod $(sum one)"
before=$(now)
ask "$both" "test $(sum one)" | post -H 'Prefer: wait=1' -D headers -o body
took=$(($(now) - before))
like "$(cat headers)" '^HTTP/1.1 204' "a wait that is over"
like "$(cat headers)" '^Preference-Applied: wait=1' "is one"
is "$((took >= 900 && took < 10000))" 1 "as long as was asked for"
for i in 1 2 3; do
	wait_for_heads w$i "prod $(sum one)" "test $(sum one)"
done
wait_for_heads other "heads $(sum one)" "prod $(sum one)"
sleep 0.5
publish two test
at=$(now)
wait_for 10 test -s w1.at -a -s w2.at -a -s w3.at
is "$(cat w1 w2 w3)" "$(for i in 1 2 3; do
	printf 'windlass-heads 1\nhead test 4\ntwo\n'
done)" "all that wait have the new head"
is "$(($(cat w3.at) - at < 5000))" 1 "at once"
not_ok "others wait on" test -s other.at
publish two prod
wait_for 10 test -s other.at
is "$(cat other)" "windlass-heads 1
head prod 4
two" "for theirs"

wait_for_heads late "late none" "prod $(sum two)"
sleep 0.3
channel late
publish one late
wait_for 10 test -s late.at
is "$(cat late)" "windlass-heads 1
head late 4
one" "a channel that is made meanwhile"
wait_for_heads gone "late $(sum one)" "prod $(sum two)"
sleep 0.3
windlass-hook init late --remove --force --repo r.git >/dev/null || bail "remove"
kill -HUP "$pid_serve"
wait_for 10 test -s gone.at
is "$(cat gone)" "windlass-heads 1
none late" "one that is taken out"

# ---- what is no question

is "$(ask 'test none' 'prod none' | code)" 400 "not sorted"
is "$(ask 'prod none' 'prod none' | code)" 400 "twice"
is "$(ask 'prod 123' | code)" 400 "no digest"
is "$(printf 'windlass-heads 1\nprod none' | code)" 400 "cut off"
is "$(printf 'windlass-heads 2\nprod none\n' | code)" 400 "another version"
is "$(head -c 5000 /dev/zero | code)" 400 "no text"
is "$(code </dev/null)" 400 "nothing"
like "$(cat body)" '^it is no question for heads$' "and says so"
many() { printf 'windlass-heads 1\n'; seq -f 'a%05.0f none' 1 "$1"; }
is "$(many 1024 | code)" 204 "1024 channels"
is "$(many 1025 | code)" 400 "and one more"
# who sends them all may find the connection closed before the answer
is "$(many 12000 | code -H 'Expect: 100-continue')" 413 \
	"more bytes than those can have"
is "$(ask 'prod none' | code -H 'Transfer-Encoding: chunked')" 411 \
	"no length"
is "$(curl -sS -o body -w '%{http_code}' "$url/heads")" 405 "no question at all"

# ---- who may not ask, and who goes away

descriptors() { ls "/proc/$pid_serve/fd" | wc -l; }
fewer() { [ "$(descriptors)" -le "$1" ]; }
quiet=$(descriptors)
for i in 1 2 3 4 5 6 7 8; do
	ask "prod $(sum two)" >q
	curl -sS -m 0.5 --data-binary @q -H 'Prefer: wait=60' "$url/heads" \
		>/dev/null 2>&1 &
done
sleep 0.2
wait_for 10 fewer "$quiet"
ok "those who go are not waited with" fewer "$quiet"
wait_for_heads last "prod $(sum two)"
sleep 0.3
stop serve
wait_for 10 test -s last.at
like "$(cat last.h)" '^HTTP/1.1 204' "at the end all get an answer"

printf 'secret-token-of-some-length\n' >tokens
chmod 600 tokens
serve --tokens tokens
is "$(ask 'prod none' | code)" 401 "no token"
is "$(ask 'prod none' | code -H 'Authorization: Bearer secret-token-of-some-length')" \
	200 "a token"
done_testing
