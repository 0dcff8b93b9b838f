#!/bin/bash
# Going back depends on nothing that a pusher writes: subjects of any length
# and encoding, with windlass-hook rollback and by itself. The kinds that a
# bundle was made with come back with it. A push that could not be made is
# tried again soon, one that was refused is not.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git
make_host $host prod
make_clone $host work
new_reporter eu-1
set_channel $host prod reporters "$TRASH/reporters"

config() { put work deploy/prod/web.yaml ConfigMap web shop "$1"; }
tip() { git -C "${1:-$host}" rev-parse refs/heads/main; }
tree() { git -C $host rev-parse "$1:deploy/prod"; }
back() { hook $host rollback "$@" >out 2>err; }
message() { git -C $host cat-file commit main >message; }
whole() { message && iconv -f UTF-8 -t UTF-8 -o /dev/null message; }
pull() { git -C work fetch -q && git -C work reset -q --hard origin/main; }
repeat() { printf "$1%.0s" $(seq "$2"); }
# the subject is of these bytes
commit_bytes() { # BYTES
	printf '%b\n' "$1" >subject
	git -C work add -A && git -C work -c i18n.commitEncoding=ISO-8859-1 commit -q -F "$TRASH/subject" \
		2>/dev/null && push work || bail "$(cat push.out)"
}

# ---- by hand

config one
commit_push work first || bail "$(cat push.out)"
first=$(tip)
config two
commit_bytes "$(repeat x 20000)"
ok "back over a subject of 20,000 bytes" back prod 1
is "$(tree main)" "$(tree "$first")" "the files are those of then"
message
like "$(cat message)" "^  [0-9a-f]{12} x{200}\.\.\.\$" "the message has the beginning of it"
pull
for i in {1..25}; do
	config "many $i"
	git -C work commit -q -a -m "$i $(repeat ä 1000)"
done
push work || bail "$(cat push.out)"
ok "back over 25 subjects of 2,000 bytes" back prod 1
ok "in whole characters" whole
is "$(grep -cE '^  [0-9a-f]{12} [0-9]+ ä+\.\.\.$' message)" 20 "20 are named"
like "$(cat message)" '^  and more$' "and that there are more"
pull
config four
commit_bytes 'Pr\xe9paration \x1b[31mrouge\x7f'
ok "back over a subject in another encoding" \
	back --reason "$(printf 'caf\xe9 \xff\nl\303\240')" prod 1
ok "the message is UTF-8" whole
like "$(cat message)" '^  [0-9a-f]{12} Pr\\xe9paration  \[31mrouge\\x7f$' \
	"what is none is visible"
like "$(cat message)" '^caf\\xe9 \\xff là$' "also in the reason"
pull
config five
commit_push work five || bail "$(cat push.out)"
ok "with the longest reason, of bytes that are no characters" \
	back --reason "$(repeat '\xff' 4096)" prod 1
message
like "$(cat message)" '^(\\xff){4096}$' "it is all there"
is "$(git -C $host log -1 --format='%(trailers:only)' main | grep .)" \
	"Windlass-Rollback: prod 1.1" "and the trailer"
pull

# ---- the kinds of then

set_channel $host prod crds crds
put work crds/w.yaml CustomResourceDefinition widgets.example.org
put work deploy/prod/w.yaml Widget w shop 1
commit_push work "with widgets" || bail "$(cat push.out)"
with=$(trailer $host prod Sequence) then=$(tip)
git -C work rm -q deploy/prod/w.yaml crds/w.yaml
put work crds/g.yaml CustomResourceDefinition gadgets.example.org
put work deploy/prod/g.yaml Gadget g shop 1
put work docs/new.yaml ConfigMap new shop
commit_push work "with gadgets" || bail "$(cat push.out)"
ok "back over a push that took a kind from below crds" back prod "$with"
is "$(git -C $host rev-parse main:deploy main:crds)" \
	"$(git -C $host rev-parse "$then:deploy" "$then:crds")" "both are those of then"
ok "other files stay" git -C $host cat-file -e main:docs/new.yaml
back --dry-run prod "$with"
like "$(cat out)" 'nothing to do$' "once"
pull
put work late/g.yaml CustomResourceDefinition gadgets.example.org
git -C $host config --add windlass.prod.crds late
put work deploy/prod/g.yaml Gadget g shop 2
commit_push work "more crds" || bail "$(cat push.out)"
ok "back to when one of the paths was not there" back prod "$with"
is "$(git -C $host rev-parse main:deploy main:crds)" \
	"$(git -C $host rev-parse "$then:deploy" "$then:crds")" "the others are those of then"
ok "and it stays, since the setting names it" git -C $host cat-file -e main:late/g.yaml
git -C $host config --unset-all windlass.prod.crds
pull

# ---- kinds that another channel brings to the cluster

add_channel $host kinds kinds
set_channel $host prod crds kinds
put work kinds/w.yaml CustomResourceDefinition widgets.example.org
put work deploy/prod/w.yaml Widget w shop 3
git -C work rm -q deploy/prod/g.yaml 2>/dev/null
commit_push work "with kinds" || bail "$(cat push.out)"
with=$(trailer $host prod Sequence) then=$(tip)
sed -i 's/^metadata:$/&\n  annotations: { note: newer }/' work/kinds/w.yaml
put work deploy/prod/w.yaml Widget w shop 4
commit_push work "newer kinds" || bail "$(cat push.out)"
kinds=$(bundle $host kinds) newer=$(tip)
ok "back over a push of both" back prod "$with"
is "$(git -C $host rev-parse main:deploy main:kinds)" \
	"$(git -C $host rev-parse "$then:deploy" "$newer:kinds")" "the other's files stay"
is "$(bundle $host kinds)" "$kinds" "and so does what it has"
back --dry-run prod "$with"
like "$(cat out)" 'nothing to do$' "once"
git -C $host config --unset-all windlass.prod.crds
git -C $host config --remove-section windlass.kinds
pull

# ---- by itself

set_channel $host prod rollback 'on-failure for 1s'
serve
git -C work rm -q deploy/prod/w.yaml
config good
commit_push work good || bail "$(cat push.out)"
good=$(tip)
config bad
commit_bytes "\xe9$(repeat x 20000)"
is "$(r_phase=failed r_reason=Failed send)" 204 "it fails"
restored() { [ "$(tip)" != "$bad" ] && [ "$(tree main)" = "$(tree "$good")" ]; }
bad=$(tip)
ok "it goes back over a long subject by itself" wait_for 60 restored
ok "with a message of characters" whole
like "$(cat message)" "^  [0-9a-f]{12} .xe9x{196}\.\.\.\$" "which has the beginning"
published() { [ "$(trailer $host prod Source-Commit)" = "$(tip)" ]; }
ok "and is published" wait_for 60 published
pull

# ---- a host that is down

git -C $host config windlass.pushUrl https://127.0.0.1:1/x.git
back prod 1
is $? 2 "where the host of pushUrl is down, it could not be done"
like "$(cat err)" '^windlass-hook: refs/heads/main could not be pushed to$' "and that is said"
git -C $host config windlass.pushUrl "$TRASH/forge.git"
config "bad again"
commit_push work "bad again" || bail "$(cat push.out)"
is "$(r_phase=failed r_reason=Failed send)" 204 "it fails again"
ok "serve cannot push" wait_for 60 grep -q \
	'job-failed command=rollback-failed .*could not be pushed to' serve.log
not_ok "nothing was called refused" grep -q 'was refused' serve.log
git clone -q --bare $host forge.git
went() { [ "$(git -C forge.git rev-parse main^)" = "$(tip)" ]; }
ok "and tries again soon" wait_for 120 went
done_testing
