#!/bin/bash
# Reports of many channels are recorded one channel after the other: one of
# which there is news again and again does not keep the others waiting. Nor do
# very many reports at once keep those waiting who ask for a head.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host prod other
make_clone $host work
new_reporter eu-1
for channel in prod other; do
	set_channel $host $channel reporters "$TRASH/reporters"
	put work "deploy/$channel/web.yaml" ConfigMap web shop
done
commit_push work one || bail "$(cat push.out)"
start serve windlass-hook serve --repo $host --listen 127.0.0.1:0 --verbose
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)
record='command=record-reports channel'
for channel in prod other; do
	wait_line 30 serve.log "job-done $record=$channel" || bail "no record"
done

# the one that serve begins with would be the one that is always due
first=$(sed -n "s/.*job-started $record=//p" serve.log | head -n 1)
second=prod
[ "$first" != prod ] || second=other
# each is news: there, not there, there
phases=(healthy applying)
for i in {1..18}; do
	r_channel=$first r_counter=$((4000000000000000 + i)) \
		r_phase=${phases[i % 2]} report "flood.$i"
done
r_channel=$second report other
flood() {
	local i
	for i in {1..18}; do
		curl -sS -m 20 -o /dev/null -H 'Content-Type: text/plain' \
			--data-binary "@flood.$i" "$url/$first/report"
	done
}
flood &
pid=$!
wait_line 30 serve.log "report-taken channel=$first" || bail "no flood"
is "$(post other "$second")" 204 "one of another channel"
# how often the first one's were recorded between that and the record of it; a run that
# was going on when it came is none of these
turns() {
	awk -v r="job-started $record" -v a="$first" -v b="$second" '
		index($0, "report-taken channel=" b) { on = 1 }
		on && index($0, r "=" a) { n++ }
		on && index($0, r "=" b) { print n + 0; exit }' serve.log
}
has_turn() { [ -n "$(turns)" ]; }
ok "is recorded" wait_for 30 has_turn
wait "$pid"
ok "as soon as it is its turn" test "$(turns)" -le 1
ok "and all of the flood was taken" test \
	"$(grep -c "report-taken channel=$first" serve.log)" = 18

# ---- many at once, on connections that were there: what comes while serve is
# stopped it sees in one turn

port=${url##*:}
start crowd perl -MIO::Socket::INET -e '
	my ($port, $serve, $n) = @ARGV;
	my $end = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
	my @s;
	for (0 .. $n + 1) {
		push @s, IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port) or die;
		syswrite $s[-1], "HEAD /prod/head HTTP/1.1\r\nHost: x\r\n\r\n";
		sysread $s[-1], my $answer, 8192;
	}
	kill STOP => $serve;
	syswrite $s[0], "GET /prod/head $end\r\n";
	syswrite $_, "POST /prod/report ${end}Content-Length: 2\r\n\r\nx\n" for @s[1 .. $n];
	syswrite $s[-1], "GET /prod/head $end\r\n";
	kill CONT => $serve;
	for my $s (@s) {
		local $/;
		print "answer ", substr(<$s>, 9, 3), "\n";
	}' "$port" "$pid_serve" 60
wait "$pid_crowd"
is "$(grep -c '^answer 400$' crowd.log) $(grep -c '^answer 200$' crowd.log)" "60 2" \
	"60 reports, of which none is one, and the first and the last asks for a head"
left=$(awk '/ path=\/prod\/head/ { n = 0 } /report-refused/ { n++ } END { print n }' serve.log)
ok "when both have asked most reports are still to be judged" test "$left" -ge 40
done_testing
