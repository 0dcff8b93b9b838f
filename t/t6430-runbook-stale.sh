#!/bin/bash
# contrib/runbooks/stale.md: a cache that keeps an old head, and a host that
# does not refresh it. Nothing new is taken and nothing deleted until it is
# repaired, and what is live is kept.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-runbook.sh"
runbook_begin
stop serve
runbook stale

# what clusters fetch from: the host's own folder, or a copy that is kept
ln -s host.git/windlass/public front
port=$(free_port)
start front python3 -m http.server --bind 127.0.0.1 -d front "$port"
wait_for 10 curl -sf "http://127.0.0.1:$port/prod/head" || bail "no server"
k patch channel prod --type merge \
	-p "{\"spec\":{\"url\":\"http://127.0.0.1:$port\",\"interval\":\"1s\"}}" >/dev/null
# short: a head that ends soon is out
short() {
	set_channel host.git prod headLifetime 6s
	hook host.git refresh --force prod >/dev/null
	git -C host.git config --unset windlass.prod.headLifetime
	sleep 2		# two polls
}
file() { sed -n "s/^$1 //p" "$2" | head -n 1; }

# ---- something in between keeps an old one ----
short
cp -r host.git/windlass/public kept
ln -sfn kept front
config changed two
git -C work rm -q deploy/prod/going.yaml
commit_push work second || bail "$(cat push.out)"
ok "the cluster gets no newer head: Stale" wait_condition prod Stale True 30 \
	HeadExpired
said Stale HeadExpired
run_block Look 1 here
like "$(cat .output)" '^sequence 2$' "the host has a newer one"
run_block Look 2 here
like "$(cat .output)" '^sequence 1$' "what comes out is old"
# the second in which it expires is the first without
is "$([ "$(file expires .output)" \> "$(tail -n 1 .output)" ] || echo over)" over \
	"and its time is over"
edits_undone changed one
ok "nothing is deleted" there going
ok "nothing is accepted" accepted 1.1
ln -sfn host.git/windlass/public front
run_block "It is over" 1 here
ok "purged: the newest is applied" wait_applied prod 2 30
is "$(text changed)" two "all of it"
ok "and what left Git is gone" gone going

# ---- the host does not refresh ----
uids >before
short
ok "nobody refreshes: Stale" wait_condition prod Stale True 30 HeadExpired
run_block Look 1 here
file expires .output >at-host
run_block Look 2 here
is "$(file expires .output)" "$(cat at-host)" "both have the same old head"
edits_undone changed two
key=$(git -C host.git config windlass.prod.signingKey)
mv "$key" "$key.away"
not_ok "without its key the host says what fails" \
	windlass-hook refresh --force --repo host.git
mv "$key.away" "$key"
run_block "The host does not refresh" 1 here
run_block "It is over" 1 here
ok "the same bundle is live" applied 1.2
is "$(uids)" "$(cat before)" "of the same objects"
guide_done
stop engine TERM
unlike "$(cat engine.log)" 'AddressSanitizer|runtime error' "no sanitizer complains"
done_testing
