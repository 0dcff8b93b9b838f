#!/bin/bash
# Pushes that overlap: the chain stays one chain, and its end is the tip.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
for i in $(seq 20); do
	put work "deploy/prod/c$i.yaml" ConfigMap "c$i" demo
done
ok "a start" commit_push work start

# ---- two people who push all the time
racer() {
	local dir=$1 i
	for i in $(seq 8); do
		put "$dir" "deploy/prod/$dir$i.yaml" ConfigMap "$dir$i" demo
		commit "$dir" "$dir $i"
		until git -C "$dir" push -q origin HEAD:main 2>>"$dir.log"; do
			git -C "$dir" pull -q --rebase origin main 2>>"$dir.log" ||
				return 1
		done
	done
}
git clone -q host.git left
git clone -q host.git right
racer left & one=$!
racer right & two=$!
wait $one
is $? 0 "one gets all in"
wait $two
is $? 0 "so does the other"
is "$(trailer host.git prod Source-Commit)" "$(git -C host.git rev-parse main)" \
	"the last bundle is of the tip"
is "$(trailer host.git prod Objects)" 36 "nothing was lost"
ok "one chain" stock_chain host.git prod

# ---- a push while another one is being published
git -C work pull -q origin main
put work deploy/prod/c1.yaml ConfigMap c1 demo two
commit work waits
flock host.git/windlass/prod/lock sleep 2 &
sleep 0.2
start=$(date +%s%3N)
ok "a push waits for the lock" push work
[ $(($(date +%s%3N) - start)) -ge 1500 ]
is $? 0 "as long as it is held"
wait
like "$(cat push.out)" 'published' "and is published"

put work deploy/prod/c1.yaml ConfigMap c1 demo three
commit work refused
before=$(git -C host.git for-each-ref)
flock host.git/windlass/prod/lock sleep 8 &
sleep 0.2
not_ok "but not for ever" push work
like "$(cat push.out)" 'another push is still being published after 5 s' \
	"it is refused"
is "$(git -C host.git for-each-ref)" "$before" "nothing has changed"
wait
ok "and can be pushed again" push work

# ---- two quick pushes cannot each delete half: the second is planned
# against what is signed, not against the first one's tip
chmod -x host.git/hooks/post-receive
git -C work rm -q deploy/prod/c{1,2,3,4,5,6}.yaml
ok "six objects go" commit_push work half
git -C work rm -q deploy/prod/c{7,8,9,10,11,12}.yaml
not_ok "six more are too many" commit_push work other-half
like "$(cat push.out)" 'would delete 12 objects' "twelve in all"
like "$(cat push.out)" 'what was pushed since is in it' "it says how it counts"
chmod +x host.git/hooks/post-receive
ok "publish catches up" hook host.git publish prod
ok "then the second half may go" push work
like "$(cat push.out)" 'published \(\+0 ~0 -6\)' "by itself"

# ---- a newer push that is done before an older one: what counts is the tip
cat >host.git/hooks/post-receive <<'END'
#!/bin/sh
[ ! -e slow ] || { rm slow; sleep 2; }
exec windlass-hook post-receive
END
put work deploy/prod/c13.yaml ConfigMap c13 demo older
commit work older
touch host.git/slow
push work & older=$!
wait_for 10 test ! -e host.git/slow
put work deploy/prod/c13.yaml ConfigMap c13 demo newer
commit work newer
ok "the newer push" push work
newest=$(bundle host.git prod)
wait $older
is "$(bundle host.git prod)" "$newest" "attack-43 the older one changes nothing after it"
like "$(git -C host.git show refs/windlass/prod:objects/demo/core/ConfigMap/c13.json)" \
	'"newer"' "attack-43 the tip is what is published"

# ---- a client that is gone
put work deploy/prod/c13.yaml ConfigMap c13 demo vanished
commit work vanished
touch host.git/slow
setsid git -C work push -q origin HEAD:main >/dev/null 2>&1 & client=$!
wait_for 10 test ! -e host.git/slow
kill -KILL $client
wait $client 2>/dev/null
published() {
	[ "$(trailer host.git prod Source-Commit)" = \
	  "$(git -C work rev-parse HEAD)" ]
}
ok "attack-45 its push is published all the same" wait_for 10 published
ok "one chain to the end" wait_for 10 stock_chain host.git prod
done_testing
