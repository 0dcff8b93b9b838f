#!/bin/bash
# A process of ours that is killed while it moves a ref leaves git's lock file
# beside it. The next one goes on: it holds our own lock, so nobody is at work.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
make_host host.git prod
make_clone host.git work
config() { put work deploy/prod/a.yaml ConfigMap a shop "$1"; }
lock=host.git/refs/windlass/prod.lock

config one
commit_push work one || bail "$(cat push.out)"
touch $lock
config two
ok "a lock that may be somebody's: the push is taken" commit_push work two
like "$(cat push.out)" "not published: cannot lock ref 'refs/windlass/prod'" \
	"and is not published"
like "$(cat push.out)" 'the push itself is in; at the Git host, .windlass-hook publish prod. publishes it' \
	"which it says"
not_ok "nor by hand" hook host.git publish prod
ok "the lock is left alone" test -e $lock
touch -d '11 seconds ago' $lock
ok "one that has stood for 10 s does not count" hook host.git publish prod
is "$(head_field host.git prod sequence)" 2 "what was pushed is published"
ok "and it is gone" test ! -e $lock
touch -d '1 hour ago' $lock
config three
ok "nor at a push" commit_push work three
is "$(head_field host.git prod sequence)" 3 "that is published at once"
mkdir -p host.git/refs/windlass/_epochs/prod
touch -d '1 hour ago' host.git/refs/windlass/_epochs/prod/1.lock
set_channel host.git prod epoch 2
ok "nor at a new epoch" hook host.git publish prod
is "$(head_field host.git prod epoch)" 2 "which begins"
mkdir $lock
config four
ok "what is no file of git's" commit_push work four
ok "is nothing to remove" test -d $lock
rmdir $lock
ok "and when it is gone all goes on" hook host.git publish prod
ok "the chain is whole" stock_chain host.git prod

# ---- really killed, at each rename ----
left=
killed_at() { # NUMBER: published by one that is killed there, and by the next
	config "five $1"
	commit work "five $1"
	git -C work push -q "file://$TRASH/host.git" HEAD:refs/heads/later 2>/dev/null
	git -C host.git update-ref refs/heads/main refs/heads/later
	strace -f -qq -o /dev/null -e trace=rename,renameat,renameat2 \
		-e inject=rename,renameat,renameat2:signal=SIGKILL:when="$1" \
		windlass-hook publish --repo host.git prod >/dev/null 2>&1
	if [ -e $lock ]; then
		left=yes
		touch -d '11 seconds ago' $lock
	fi
	hook host.git publish prod &&
		[ "$(trailer host.git prod Source-Commit)" = "$(git -C host.git rev-parse main)" ]
}
if command -v strace >/dev/null; then
	for n in {1..8}; do
		ok "killed at rename $n, and the next one goes on" killed_at "$n"
	done
	is "$left" yes "one of them left a lock"
	ok "the chain is whole still" stock_chain host.git prod
else
	skip 10 "no strace: contrib/packages hosts"
fi
done_testing
