#!/bin/bash
# contrib/runbooks/lost-key.md: a key that is lost is replaced without a gap; one
# that is stolen signs nothing more from the moment it is taken out, and a new
# epoch goes on without it.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-runbook.sh"
runbook_begin
mkdir -p etc/keys
runbook lost-key
live >before
signed_by() {
	printf 'x %s\n' "$(cut -d' ' -f1,2 "$1.pub")" >only
	git -C host.git -c gpg.format=ssh \
		-c gpg.ssh.allowedSignersFile="$TRASH/only" \
		verify-commit refs/windlass/prod
}
publishers() { json '{.spec.publishers}' | grep -c .; }

# ---- lost ----
mv "$(git -C host.git config windlass.prod.signingKey)" lost
not_ok "without its key the host signs nothing" \
	windlass-hook publish --repo host.git prod
windlass-hook doctor --repo host.git >doctor.out
like "$(cat doctor.out)" '^FAIL .*key: cannot open key file' "doctor says so"
run_block "A new key" 1 here
start watch "$KUBECTL" get channel prod -w -o \
	'jsonpath={range .status.conditions[*]}{.type}={.status}({.reason}) {end}{"\n"}'
wait_line 10 watch.log 'Verified=True' || bail "nothing to watch"
run_block "Lost: both keys for a while" 1 here
is "$(publishers)" 2 "both count"
run_block "Lost: both keys for a while" 2 here
ok "the host signs with the new one" signed_by etc/keys/prod-2
newest=$(head_field host.git prod sequence)
ok "the cluster accepts it" wait_applied prod "$newest" 30
run_block "Lost: both keys for a while" 3 here
is "$(publishers)" 1 "then only the new one counts"
sleep 1
config changed two
ok "developers push on" commit_push work second
ok "and it is applied" wait_applied prod $((newest + 1)) 30
stop watch
unlike "$(cat watch.log)" 'Verified=(False|Unknown)|Stale=True|Fetched=(False|Unknown)' \
	"the cluster was never unverified or stale"
is "$(live | grep -v ^changed)" "$(grep -v ^changed before)" \
	"what was not pushed was not touched"

# ---- stolen: the thief has the key and an own repository, and serves it ----
run_block "It is over" 1 here
live >before
cp -a host.git thief.git
sed -i "s|$TRASH/etc/keys/prod-2|$TRASH/stolen|" thief.git/config
cp etc/keys/prod-2 stolen
rm etc/keys/prod-2 etc/keys/prod-2.pub
run_block "A new key" 1 here
stop serve
mv host.git good.git
mv thief.git host.git
serve_again
run_block "Stolen: out at once" 1 here
said Verified KeyNotTrusted
was=$(json '{.status.accepted.sequence}')
git clone -q "file://$TRASH/host.git" thief 2>/dev/null
put thief deploy/prod/changed.yaml ConfigMap changed shop stolen
git -C thief rm -q deploy/prod/same.yaml
ok "the thief signs" commit_push thief stolen
sleep 3
ok "and nothing of it is accepted" accepted "1.$was"
is "$(live)" "$(cat before)" "nothing is changed or deleted"
edits_undone changed two
stop serve
rm -rf host.git
mv good.git host.git
head -n 1 publishers >>publishers.old
run_block "Stolen: out at once" 2 here
run_block "Stolen: out at once" 3 here
live >before
runbook_blocks=$(declare -p blocks_seen)
runbook new-epoch
run_block "On the Git host" 1 here
serve_again
ok "the new epoch is signed by the new key" signed_by etc/keys/prod-2
run_block "In each cluster" 1 here
ok "and live" wait_for 30 applied 2.1
is "$(live)" "$(cat before)" "and no object was touched"
is "$(json '{.status.leftovers[*]}')" "" "nor left over"
config changed three
ok "developers push on" commit_push work third
ok "and it is applied" wait_for 30 applied 2.2
runbook lost-key
eval "${runbook_blocks/declare -A/declare -gA}"
guide_done
stop engine TERM
unlike "$(cat engine.log)" 'AddressSanitizer|runtime error' "no sanitizer complains"
done_testing
