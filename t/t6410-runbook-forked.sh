#!/bin/bash
# contrib/runbooks/forked.md: a Git host that was restored and pushed to signs
# a number twice. The clusters see it, keep what they have, and go on only when
# an admin says so and the right history is back, or a new epoch is begun.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-runbook.sh"
runbook_begin
cp -a host.git wrong.git
second_push
uids >before

# show REPO: the host serves that one
shown=right.git
show() {
	stop serve
	mv host.git "$shown"
	mv "$1" host.git
	shown=$1
	serve_again
}
clear_word() { json '{.metadata.annotations.windlass\.dev/clear-fork}'; }

# ---- the restored host is pushed to ----
show wrong.git
git clone -q "file://$TRASH/host.git" other 2>/dev/null
put other deploy/prod/changed.yaml ConfigMap changed shop wrong
git -C other rm -q deploy/prod/same.yaml
ok "the host signs a number again" commit_push other wrong
is "$(head_field host.git prod sequence)" 2 "with another bundle"
ok "the engine sees it" wait_condition prod Forked True 30 SameSequence

runbook forked
said Forked SameSequence
run_block Look 1 here
like "$(cat .output)" 'Warning +prod +Forked' "events tell it"
is "$(tail -n 1 .output)" "$(bundle right.git prod)" "what was accepted is shown"
run_block Look 2 here
is "$(sed -n 's/^bundle //p' .output | sort)" \
	"$({ bundle host.git prod; bundle right.git prod; } | sort)" \
	"both heads are there"
is "$(grep -c '^Good ' .output) $(grep -c '^sequence 2$' .output)" "2 2" \
	"each well signed, for one number"
run_block Look 3 here
like "$(cat .output)" '1\.2' "the host tells what it has"
edits_undone changed two
live >versions
k annotate channel prod windlass.dev/clear-fork=too-early >/dev/null
ok "who clears it too early" wait_for 20 eval '[ -z "$(clear_word)" ]'
ok "has it again" wait_condition prod Forked True 20 SameSequence

# ---- the right history comes back ----
show right.git
sleep 2
ok "it stays, as long as nobody looked" is_condition prod Forked True SameSequence
engine_kill
engine_start || bail "windlassd: $(cat engine.log)"
ok "after a restart too" wait_condition prod Forked True 30 SameSequence
run_block "The accepted history is the right one" 1 here
run_block "It is over" 1 here
ok "nothing else was accepted" accepted 1.2
is "$(live)" "$(cat versions)" "and no object was touched or deleted"
config changed three
commit_push work third
ok "the next push is applied" wait_applied prod 3 40
# the rest needs containers: t6492
windlass install --apply --image \
	"registry.example.org/windlassd@sha256:$(printf %064d 0)" >/dev/null ||
	bail "install failed"
pod_there() {
	pod=$(k -n windlass-system get pods -o 'jsonpath={.items[0].metadata.name}')
	[ -n "$pod" ]
}
ok "an engine has a pod" wait_for 30 pod_there
block "Out of the engine's pod" 1
sed -i "1,2d; /sleep 3600/q; s/\${pod%_\*}/${pod}_0123abcd; pod=&/" block.sh
run_debug() { here block.sh; }
ok "a debugging container is let in beside it" run_debug
is "$(k -n windlass-system get pod "$pod" -o \
	'jsonpath={.spec.ephemeralContainers[0].targetContainerName}')" windlassd \
	"which sees its processes"
skip_block "Out of the engine's pod" 1
guide_done

# ---- the other history went further: a new epoch clears it, too ----
for text in more and-more; do
	put other deploy/prod/changed.yaml ConfigMap changed shop $text
	commit other $text
	git -C other push -q "$TRASH/wrong.git" HEAD:main 2>push.out ||
		bail "$(cat push.out)"
done
show wrong.git
ok "another history is seen" wait_condition prod Forked True 30 NotDescending
like "$(condition prod Forked)" 'bundle 1\.4 descends from .* as 1\.3, and .* was accepted' \
	"and said"
is "$(text changed)" three "nothing of it is applied"
runbook new-epoch
run_block "On the Git host" 1 here
printf 'host namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >publishers
git -C other config gpg.format ssh
git -C other config user.signingKey "$TRASH/keys/prod"
approving() {
	windlass approve --repo other --publishers publishers "$@" prod \
		>approve.out 2>&1 </dev/null
}
not_ok "who approves by what is live" approving --live
like "$(cat approve.out)" \
	"prod@1.3 is $(git -C host.git rev-parse refs/windlass/_epochs/prod/1~1 | cut -c1-12), and the cluster has accepted $(json '{.status.accepted.bundle}' | cut -c1-12): do not approve" \
	"is told that the closed epoch has another history"
unlike "$(cat approve.out)" 'Approve prod' "and is asked nothing"
not_ok "without it, with nobody to ask" approving
like "$(cat approve.out)" 'Approve prod 2\.1 until' "they are asked"
run_block "In each cluster" 1 here
ok "the new epoch is live" wait_for 20 applied 2.1
ok "and the fork is cleared" is_condition prod Forked False ""
is "$(text changed)" and-more "with what the host has"
is "$(uids | sort)" "$({ cat before; uids | grep '^going '; } | sort)" \
	"nothing that was live is deleted"
stop engine TERM
unlike "$(cat engine.log)" 'AddressSanitizer|runtime error' "no sanitizer complains"
done_testing
