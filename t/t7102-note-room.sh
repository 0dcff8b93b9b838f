#!/bin/bash
# A note on a commit that went to very many channels is cut to what there is
# room for, and says so; and where a note cannot be written at all the status
# ref is.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host prod
make_clone $host work
new_reporter eu-1
set_channel $host prod reporters "$TRASH/reporters"
put work deploy/prod/web.yaml ConfigMap web shop
commit_push work one || bail "$(cat push.out)"
source=$(git -C work rev-parse HEAD)
notes() { git -C $host -c user.name=n -c user.email=n@example.org notes --ref windlass/eu-1 "$@"; }
status() { git -C $host log -1 --format=%s refs/windlass-status/prod/eu-1; }
record() { hook $host record-reports prod >out 2>err; }
# others BYTES FAILURES: as many channels have failed with that commit as there
# is room for in so many bytes, with so many lines each; q00017 with longer ones
others() {
	perl -e 'my ($bytes, $failures) = @ARGV;
	my $text = "";
	for (my $i = 1; $bytes - length $text > 6000; $i++) {
		$text .= sprintf "q%05d\@eu-1: failed since 2026-11-29T23:30:00Z (1.1, 0 of 9 objects ready): Failed: %s\n", $i, "m" x 300;
		$text .= sprintf "  deploy/web.yaml:%d: %s\n", $_, "x" x ($i == 17 ? 600 : 300) for 1 .. $failures;
	}
	print $text, "qz\@eu-1: failed: ", "m" x ($bytes - length($text) - 18), "\n"' "$1" "$2" >others
	notes add -f -F "$TRASH/others" "$source" 2>/dev/null
}
size() { notes show "$source" >note; wc -c <note; }

serve
r_phase=failed r_reason=Failed
failed() {
	failure "ConfigMap shop/web" deploy/prod/web.yaml:1 Forbidden "$1"
	r_since=$(now_text) report sent
	is "$(post sent prod)" 204 "prod failed: $1"
	wait_for 30 status_has "$1"
	stop serve
}
status_has() {
	git -C $host show refs/windlass-status/prod/eu-1:report | grep -q "^message $1"
}
failed first
like "$(status)" '^prod@eu-1: failed' "it is recorded"
# again MESSAGE: another report, without a serve to hear it
again() {
	failure "ConfigMap shop/web" deploy/prod/web.yaml:1 Reason "$1"
	r_since=$(date -u -d "+$2 seconds" +%Y-%m-%dT%H:%M:%SZ) report sent
	cp sent $host/windlass/prod/reports/eu-1
}

# ---- details are left out, the longest first

others 524280 5
is "$(size)" 524280 "a note that is nearly full"
channels=$(grep -c '^q' note)
again second 10
ok "another report" record
ok "it fits" [ "$(size)" -le 524288 ]
like "$(cat note)" '^  deploy/prod/web.yaml:1: ConfigMap shop/web: Reason: second$' \
	"with all that is new"
is "$(grep -c '^q' note)" "$channels" "all channels are in it"
is "$(grep -n -A1 '^q00017' note | sed -n '2s/^[0-9]*-//p')" \
	"  what fails is left out: there is no room in this note" \
	"the longest detail is left out, and it says so"
is "$(grep -c 'is left out' note)" 1 "and no other"
like "$(status)" '^prod@eu-1: failed' "the status says it"
ok "the report" status_has second

# ---- then channels, from the end

others 524280 0
is "$(size)" 524280 "a note full of channels"
again third 20
ok "another report" record
ok "it fits" [ "$(size)" -le 524288 ]
like "$(cat note)" '^  deploy/prod/web.yaml:1: ConfigMap shop/web: Reason: third$' \
	"with all that is new"
is "$(tail -n 1 note)" "~ and more channels, for which there is no room in this note" \
	"it says that some are left out"
ok "the first ones are there" grep -q '^q00001@eu-1' note
again fourth 30
ok "once more" record
size >/dev/null
is "$(grep -c '^~ and more' note)" 1 "also then"
like "$(cat note)" 'Reason: fourth$' "with what is new"

# ---- a note of somebody else's, which is too large to be read

others 600000 0
is "$(size)" 600000 "a note that is too large"
before=$(git -C $host rev-parse refs/notes/windlass/eu-1)
again fifth 40
not_ok "another report" record
like "$(cat err)" 'not recorded: prod@eu-1: ' "is told of"
ok "the status has it all the same" status_has fifth
is "$(git -C $host rev-parse refs/notes/windlass/eu-1)" "$before" "the note stays"
ok "and the next run finds nothing to do" record
done_testing
