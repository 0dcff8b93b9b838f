#!/bin/bash
# When publishing cannot be done: the push is in, its author is told what to
# do, and doing it helps.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
ok "a start" commit_push work start
good=$(bundle host.git prod)

# in_but_not_published DESCRIPTION REGEX: of a push of one more object
count=0
in_but_not_published() {
	count=$((count + 1))
	put work "deploy/prod/c$count.yaml" ConfigMap "c$count" demo
	ok "$1: the push is in" commit_push work "$1"
	like "$(cat push.out)" "prod: not published: .*$2" "... it says why"
	like "$(cat push.out)" 'windlass-hook publish prod' "... and what to do"
	is "$(bundle host.git prod)" "$good" "... nothing is signed"
	not_ok "... publish fails too" hook host.git publish prod
}
works_again() {
	ok "... and works again" hook host.git publish prod
	is "$(trailer host.git prod Source-Commit)" \
		"$(git -C host.git rev-parse main)" "... for the tip"
	good=$(bundle host.git prod)
}

# ---- the key
chmod 644 keys/prod
in_but_not_published "a key that others may read" "signingKey.*keys/prod"
chmod 600 keys/prod
works_again
mv keys/prod keys/away
in_but_not_published "no key" "signingKey.*keys/prod"
ln -s away keys/prod
not_ok "... nor by a symbolic link" hook host.git publish prod
rm keys/prod
mv keys/away keys/prod
works_again
set_channel host.git prod signingKey "key::$(cut -d' ' -f1,2 keys/prod.pub)"
in_but_not_published "an agent that is not there" "SSH_AUTH_SOCK"
eval "$(ssh-agent -a "$TRASH/agent")" >/dev/null
at_exit "kill $SSH_AGENT_PID"
ssh-add -q keys/prod
works_again
ok "... by the agent's signature" stock_chain host.git prod
unset SSH_AUTH_SOCK
set_channel host.git prod signingKey "$TRASH/keys/prod"

# ---- folders
mv host.git/windlass/public away
touch host.git/windlass/public
in_but_not_published_later() {
	count=$((count + 1))
	put work "deploy/prod/c$count.yaml" ConfigMap "c$count" demo
	ok "$1: the push is in" commit_push work "$1"
	like "$(cat push.out)" "prod: not published: .*$2" "... it says why"
}
in_but_not_published_later "no folder to publish to" "windlass/public"
rm host.git/windlass/public
mv away host.git/windlass/public
works_again
ok "... as a whole" stock_chain host.git prod

# ---- the configuration
set_channel host.git prod deleteLimit many
put work deploy/prod/config.yaml ConfigMap config demo
commit work config
not_ok "a bad setting refuses every push" push work
like "$(cat push.out)" "windlass.prod.deleteLimit = 'many'" "and is named"
git -C host.git config --unset windlass.prod.deleteLimit
set_channel host.git prod epoch 2
ok "a new epoch" push work
set_channel host.git prod epoch 1
put work deploy/prod/config.yaml ConfigMap config demo two
commit work epoch
not_ok "an epoch never goes back" push work
like "$(cat push.out)" 'an epoch never goes back' "says so"
set_channel host.git prod epoch 2
id=$(git -C host.git config windlass.prod.id)
set_channel host.git prod id 00000000000000000000000000000000
not_ok "nor does a channel get another id" push work
like "$(cat push.out)" "put the id back" "says so"
set_channel host.git prod id "$id"
ok "all is well again" push work

# ---- a tip that came without the hook
echo 'no: object' >work/deploy/prod/bad.yaml
commit work bad
git -C work push -q origin HEAD:refs/heads/side
git -C host.git update-ref refs/heads/main refs/heads/side
good=$(bundle host.git prod)
hook host.git publish prod >push.out 2>&1
is $? 1 "a bad tip is not published"
like "$(cat push.out)" 'deploy/prod/bad.yaml:1:1: error: ' "its problems are shown"
is "$(bundle host.git prod)" "$good" "nothing is signed"
ok "the head stays fresh" hook host.git refresh --force prod
ok "and what was published is good" stock_published host.git prod
git -C work rm -q deploy/prod/bad.yaml
ok "a good push on top" commit_push work good
like "$(cat push.out)" 'is published already|published \(' "is fine"

# ---- somebody moved the bundle's ref
good=$(bundle host.git prod)
git -C host.git update-ref refs/windlass/prod refs/heads/main
put work deploy/prod/config.yaml ConfigMap config demo three
commit work moved-ref
not_ok "a ref that is no bundle" push work
like "$(cat push.out)" 'the bundle at refs/windlass/prod' "is named"
forged=$(git -C host.git cat-file commit "$good" |
	sed 's/^Objects: .*/Objects: 1/' | git -C host.git hash-object -w -t commit --stdin)
git -C host.git update-ref refs/windlass/prod "$forged"
not_ok "a bundle with another text than was signed" push work
git -C host.git update-ref refs/windlass/prod "$good"
ok "put back, all is well" push work

# ---- long answers
set_channel host.git prod deleteLimit 1000000
for i in $(seq 1500); do
	manifest ConfigMap "many$i" demo
done >work/deploy/prod/many.yaml
ok "1500 objects" commit_push work many
like "$(cat push.out)" '\+ \.\.\. and 1400 more' "are not all listed"
[ "$(wc -c <push.out)" -lt 65536 ]
is $? 0 "attack-45 what is said fits a pipe"
for i in $(seq 1500); do
	manifest ConfigMap "Bad$i" demo
done >work/deploy/prod/many.yaml
commit work many-bad
not_ok "1500 mistakes" push work
like "$(cat push.out)" '1500 errors' "are counted"
[ "$(wc -c <push.out)" -lt 80000 ]
is $? 0 "and fit a pipe (with git's own prefix on each line)"
like "$(cat push.out)" 'prod: refused' "the last word is heard"

# ---- a pusher's umask (gitolite's is 077) hides nothing from a web server
(
	umask 077
	make_host closed.git prod
	make_clone closed.git closed
	for i in 1 2; do
		put closed deploy/prod/$i.yaml ConfigMap "c$i" demo
		commit_push closed "c$i" || exit
	done
) >/dev/null
is "$(find closed.git/windlass -type d -printf '%m\n' | sort -u)" 750 \
	"folders are the group's under any umask"
is "$(find closed.git/windlass/public -type f -printf '%m\n' | sort -u)" 640 \
	"so is all that is published"

# ---- usage
windlass-hook publish --allow-deletes=0 prod >push.out 2>&1
is $? 129 "a wrong number"
windlass-hook publish --allow-deletes=1 >push.out 2>&1
is $? 129 "a number for no channel"
hook host.git publish nothere >push.out 2>&1
is $? 1 "a channel that is not configured"
like "$(cat push.out)" "no channel 'nothere'" "is named"
hook nowhere.git publish >push.out 2>&1
[ $? -eq 0 ]
is $? 1 "a repository that is not there"
ok "help" windlass-hook help publish
ok "help" windlass-hook help pre-receive
done_testing
