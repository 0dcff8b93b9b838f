#!/bin/bash
# windlass-hook serve: clients that take every connection there is do not keep
# engines out
. "$(dirname "$0")/lib.sh"

git init -q --bare r.git
windlass-hook init prod --repo r.git --key "$TRASH/key" --path deploy \
	--ref refs/heads/main >/dev/null || bail "init"
public=r.git/windlass/public
mkdir -p "$public/prod/packs"

# publish TEXT: replaces the head as publishing does
publish() {
	printf '%s\n' "$1" >"$public/prod/head.new" &&
	mv "$public/prod/head.new" "$public/prod/head"
}

# 96 connections
cat >few <<'END'
#!/bin/sh
ulimit -n 256
exec windlass-hook serve --repo r.git --listen 127.0.0.1:0 "$@"
END
chmod +x few
serve() {
	start serve ./few "$@"
	wait_line 30 serve.log '^listening on ' || bail "serve does not start"
	url=$(sed -n 's/^listening on //p' serve.log)
}
get() { curl -sS -m 20 "$@"; }
code() { get -o body -w '%{http_code}' "$@"; }
etag() { get -o body -D - "$url/prod/head" | tr -d '\r' |
	sed -n 's/^ETag: //p'; }
descriptors() { ls "/proc/$pid_serve/fd" | wc -l; }
fewer() { [ "$(descriptors)" -lt "$1" ]; }

# crowd NAME COUNT TEXT [ADDRESS [trickle]]: so many connections that say TEXT
# (\r and \n are escaped) and stay; prints again and again what came back
cat >crowd.pl <<'PERL'
use IO::Socket::INET; use IO::Select;
my ($where, $count, $text, $from, $trickle) = @ARGV;
my (@all, %got);
$SIG{PIPE} = "IGNORE";
$| = 1;
$text =~ s/\\r/\r/g; $text =~ s/\\n/\n/g;
for (1 .. $count) {
	my $s = IO::Socket::INET->new(PeerAddr => $where,
		$from ? (LocalAddr => $from) : ()) or die "connect: $!";
	$s->blocking(0);
	syswrite($s, $text);
	push @all, $s;
}
print "there\n";
for my $turn (1 .. 600) {
	for my $s (IO::Select->new(@all)->can_read(0.1)) {
		my $n = sysread($s, my $answer, 65536);
		if ($n) {
			$got{$1}++ while $answer =~ m{^HTTP/1.1 (\d+)}mg;
			$got{applied}++ while $answer =~ m{^Preference-Applied}mg;
		} elsif (defined $n || !$!{EAGAIN}) {
			$got{closed}++;
			@all = grep { $_ != $s } @all;
		}
	}
	syswrite($_, "x") for $trickle ? @all : ();
	print join(" ", map { "$_:$got{$_}" } sort keys %got), "\n";
	select undef, undef, undef, 0.1;
}
PERL
crowd() {
	local name=$1
	shift
	start "$name" perl crowd.pl "${url##*/}" "$@"
	wait_line 30 "$name.log" there || bail "no crowd"
}
get_head='GET /prod/head HTTP/1.1\r\nHost: x\r\n'

# served WHAT: an engine comes in, whatever there is
served() {
	local begin
	begin=$(date +%s%3N)
	is "$(code "$url/prod/head")" 200 "an engine is answered: $1"
	ok "and soon" test $(($(date +%s%3N) - begin)) -lt 10000
}

publish one
serve
known=$(etag)
(get -m 70 -o body.told -w '%{http_code}' -H "If-None-Match: $known" \
	-H 'Prefer: wait=60' "$url/prod/head" >told) &
waiter=$!
sleep 0.5

# ---- more connections than there are

crowd silent 300 ''
served "300 connections that say nothing"
stop silent KILL
crowd idle 300 "$get_head\\r\\n"
served "300 that were answered and stay"
stop idle KILL
crowd body 300 "${get_head}Content-Length: 100\\r\\n\\r\\n"
served "300 that announce more than they send"
stop body KILL
crowd half 300 "$get_head" 127.0.0.1 trickle
served "300 that never end their request"
stop half KILL
ok "they are forgotten" wait_for 30 fewer 30

# ---- slow ones, without any need for their places

crowd slow 20 "$get_head" 127.0.0.1 trickle
not_ok "20 that say a little, again and again" fewer 30
ok "are dropped, though they are not idle" wait_line 60 slow.log 'closed:20'
stop slow KILL

# ---- those that wait

waits() {
	printf '%s' "${get_head}If-None-Match: $(etag)" \
		'\r\nPrefer: wait=60\r\n\r\n'
}
crowd waiting 300 "$(waits)"
ok "of 300 that want to wait" wait_line 30 waiting.log '304:'
served "while as many as may wait"
(get -D headers -o body.other -w '%{http_code}' --interface 127.0.0.2 \
	-H "If-None-Match: $known" -H 'Prefer: wait=20' "$url/prod/head" \
	>other) &
other=$!
sleep 1
ok "who comes from elsewhere waits too" kill -0 "$other"
ok "and who waited before does so still" kill -0 "$waiter"
publish two
wait "$other"
is "$(cat other)" 200 "and is told"
like "$(tr -d '\r' <headers)" '^Preference-Applied: wait=20$' \
	"that waiting works"
wait "$waiter"
is "$(cat told)" 200 "as is the first"
applied() { tail -n 1 waiting.log | sed 's/.*applied:\([0-9]*\).*/\1/'; }
ok "some of the 300 too" wait_line 30 waiting.log 'applied'
sleep 0.5
ok "the others were answered at once, as if there was no waiting" \
	test "$(applied)" -gt 10 -a "$(applied)" -lt 42
stop waiting KILL

# ---- packs

pack=$(printf 'a%.0s' {1..64})
head -c 20000000 /dev/zero >"$public/prod/packs/$pack"
crowd packs 80 "GET /prod/packs/$pack HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
kill -STOP -- "-$pid_packs"
is "$(code -r 0-9 --interface 127.0.0.2 "$url/prod/packs/$pack")" 200 \
	"one address that takes packs leaves some to others"
stop packs KILL
stop serve

# ---- behind a proxy all come from one address

serve --behind-proxy
crowd silent 300 ''
served "behind a proxy"
stop silent KILL
crowd waiting 300 "$(waits)"
served "while all places to wait are taken"
stop waiting KILL
kill -TERM "$pid_serve"
wait "$pid_serve"
is "$?" 0 "it ends well"
unset pid_serve

done_testing
