#!/bin/bash
# windlass-hook rollback: the source is again what an earlier bundle was made
# of, by a commit that comes in through the hooks as any push. Other paths and
# other channels stay; what the gate refuses is refused here too, and nothing
# moves.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-developers.sh"
make_host host.git prod other
make_clone host.git work
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org

config() { put work "deploy/prod/$1.yaml" ConfigMap "$1" shop "$2"; }
tip() { git -C host.git rev-parse refs/heads/main; }
tree() { git -C host.git rev-parse "$1:deploy/prod"; }
content() { head_field host.git "${1:-prod}" content; }
back() { # ARGUMENT...: words in out and err
	hook host.git rollback "$@" >out 2>err
}
# unmoved STATUS DESCRIPTION ARGUMENT...: fails so, and nothing moves
unmoved() {
	local status=$1 what=$2 before
	shift 2
	before=$(git -C host.git for-each-ref)
	back "$@"
	is "$? $(git -C host.git for-each-ref)" "$status $before" "$what"
}

# ---- three bundles, and back to the first ----
config web one
config db one
put work deploy/other/thing.yaml ConfigMap thing shop one
commit_push work first || bail "$(cat push.out)"
first=$(tip) content=$(content)
config web two
put work deploy/prod/more/new.yaml ConfigMap new shop two
put work deploy/other/thing.yaml ConfigMap thing shop two
commit_push work "second, of both" || bail "$(cat push.out)"
git -C work rm -q deploy/prod/db.yaml
config web three
commit_push work third || bail "$(cat push.out)"
third=$(tip) other=$(bundle host.git other)

unmoved 0 "--dry-run pushes nothing" --dry-run prod 1
is "$(cat out)" "$(printf '%s\n' $'A\tdeploy/prod/db.yaml' \
	$'D\tdeploy/prod/more/new.yaml' $'M\tdeploy/prod/web.yaml')" \
	"and says which files"
ok "rollback to the first bundle" back --reason "web did not start" prod 1
like "$(cat out)" "^prod refs/heads/main is $(tip | cut -c1-12): the source of 1\.1$" \
	"says what it did"
like "$(cat err)" '^windlass: prod 1\.4 published \(\+1 ~1 -1\)' \
	"and the hooks what came of it"
is "$(tree main)" "$(tree "$first")" "the files are those of then"
is "$(git -C host.git rev-parse main^)" "$third" "by one commit on the tip"
is "$(content)" "$content" "the bundle is the same content, by a number of its own"
ok "signed as any other" stock_chain host.git prod
is "$(git -C host.git show main:deploy/other/thing.yaml | tail -n 1)" '  text: "two"' \
	"paths of others stay"
is "$(bundle host.git other)" "$other" "and their bundle"
is "$(git -C host.git log -1 --format='%an <%ae> %cn' main)" \
	"windlass prod <prod@host.example> windlass prod" "committed by the host"
message=$(git -C host.git log -1 --format=%B main)
like "$message" '^Roll prod back to 1\.1$' "the subject says it"
like "$message" "^  ${third:0:12} third$" "which commits are taken back"
like "$message" '^web did not start$' "and the reason"
is "$(git -C host.git log -1 --format='%(trailers:key=Windlass-Rollback,valueonly)' main | head -n 1)" \
	"prod 1.1" "a trailer is for programs"
ok "stock git finds nothing wrong" git -C host.git fsck --strict --no-dangling
unmoved 0 "once more: nothing to do" prod 1
like "$(cat out)" '^prod is what it was at 1\.1 already: nothing to do$' "and says so"
ok "forward again is the same" back prod 1.3
is "$(tree main)" "$(tree "$third")" "the files of the third"

# ---- what there is not ----
unmoved 1 "a bundle that there is not" prod 9
like "$(cat err)" "^windlass-hook: channel 'prod' has no bundle 1\.9; .windlass log --repo .*host\.git prod. lists" \
	"says what lists them"
unmoved 1 "an epoch that there is not" prod 7.1
unmoved 1 "a channel that there is not" nothing 1
unmoved 129 "no number" prod HEAD
unmoved 129 "no channel" 1
unmoved 129 "0" prod 0

# ---- the gate ----
git -C work pull -q
for i in {1..12}; do config "late-$i" x; done
commit_push work "twelve more" || bail "$(cat push.out)"
unmoved 1 "what deletes too much is refused" prod 3
like "$(cat err)" 'allow-deletes=prod:12$' "with the number"
like "$(cat err)" '^windlass-hook: the push to refs/heads/main was refused$' "as a push"
unmoved 1 "another number does not do" --allow-deletes=11 prod 3
ok "with the number it goes" back --allow-deletes=12 prod 3
is "$(tree main)" "$(tree "$third")" "as it was then"
set_channel host.git prod requiredLabels team
git -C work pull -q
unmoved 1 "what today's rules refuse is refused" prod 1
like "$(cat err)" '^deploy/prod/web\.yaml:[0-9:]+ error: .*team' "at file and line"
git -C host.git config --unset windlass.prod.requiredLabels

# ---- signatures ----
make_key ada
make_key robot
{
	developer_line ada keys/ada
	developer_line robot keys/robot
} >developers
set_channel host.git prod developers "$TRASH/developers"
set_channel host.git prod requireSignedCommits true
unmoved 1 "a channel that wants signatures" prod 1
like "$(cat err)" "set windlass\.prod\.editorKey to a key that '.*developers' lists" \
	"says which key"
set_channel host.git prod editorKey "$TRASH/keys/prod"
unmoved 1 "the publisher's key signs no source" prod 1
like "$(cat err)" 'windlass\.prod\.editorKey is the signingKey' "and it is said why"
set_channel host.git prod editorKey "$TRASH/keys/robot"
set_channel host.git prod editor "Robot <robot@example.org>"
ok "with a developer's key" back prod 1
sed 's/^\([^ ]*\) /\1 namespaces="git" /' <(printf 'robot %s\n' "$(cut -d' ' -f1,2 keys/robot.pub)") >stock
like "$(git -C host.git -c gpg.ssh.allowedSignersFile="$TRASH/stock" verify-commit main 2>&1)" \
	'^Good "git" signature for robot ' "stock git verifies it"
is "$(git -C host.git log -1 --format='%an <%ae>' main)" "Robot <robot@example.org>" \
	"by its editor"
set_channel host.git prod requireSignedPush true
git -C host.git config receive.certNonceSeed seed
ok "a channel that wants signed pushes" back prod 3
like "$(git -C host.git log -1 --format=%B "$(bundle host.git prod)")" '^Pushed-By: robot$' \
	"the bundle says who pushed"
set_channel host.git prod requireSignedPush false
set_channel host.git prod requireSignedCommits false
git -C host.git config --unset windlass.prod.developers

# ---- another place to push to, as under a forge ----
git clone -q --bare host.git forge.git
git -C host.git config windlass.pushUrl "$TRASH/forge.git"
before=$(tip)
ok "with pushUrl it is pushed there" back prod 1
is "$(tip)" "$before" "the ref here is the forge's to move"
is "$(git -C forge.git rev-parse main:deploy/prod)" "$(tree "$first")" "the files of then"
git -C forge.git update-ref refs/heads/main \
	"$(git -C forge.git commit-tree -p main -m other 'main^{tree}')"
unmoved 1 "where the ref is another by now" prod 1
like "$(cat err)" 'refused$' "it is refused"
git -C host.git config windlass.pushUrl --upload-pack=evil
unmoved 1 "a url that is an option" prod 1
git -C host.git config --unset windlass.pushUrl

# ---- a new epoch, and a commit that is gone ----
set_channel host.git prod epoch 2
ok "a new epoch" hook host.git publish prod
ok "a bundle of the old one" back prod 1.1
is "$(tree main)" "$(tree "$first")" "gives its files"
is "$(head_field host.git prod epoch)" 2 "in the new one"
git -C work fetch -q
git -C work reset -q --hard "$(git -C work commit-tree -m anew 'origin/main^{tree}')"
config web anew
commit work anew
git -C host.git config receive.denyNonFastForwards false
ok "history is made anew" push work --force
git -C host.git reflog expire --expire=now --all
git -C host.git gc -q --prune=now
unmoved 1 "a source that is gone" prod 1.2
like "$(cat err)" "of which bundle 1\.2 was made, cannot be read: bring it back by a push" \
	"says how it comes back"
done_testing
