#!/bin/bash
# What is published can be fetched: stock git indexes every pack, each way
# through the index leads to the right tree, and the shelf stays short.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

PUSHES=72	# more than two bases apart, and more than deltas are kept

make_host host.git prod
make_clone host.git work
for i in $(seq 150); do
	put work "deploy/prod/c$i.yaml" ConfigMap "c$i" "ns$((i % 7))" "text $i"
done
ok "the first push" commit_push work first
public=host.git/windlass/public/prod

like "$(index host.git prod)" "^base $(bundle host.git prod) sha256:[0-9a-f]{64} [0-9]+\$" \
	"has a base"
is "$(head_field host.git prod delta)" none "and no delta"
ls host.git/objects/pack/*.pack >packs
is "$(wc -l <packs)" 2 "new objects are one pack, beside the push's own"

# ---- many small pushes
failed=0
for i in $(seq 2 $PUSHES); do
	put work "deploy/prod/c$((i % 150 + 1)).yaml" ConfigMap \
		"c$((i % 150 + 1))" "ns$(((i % 150 + 1) % 7))" "change $i"
	commit_push work "change $i" || failed=$((failed + 1))
done
is $failed 0 "$((PUSHES - 1)) more pushes"
is "$(trailer host.git prod Sequence)" $PUSHES "make as many bundles"
quiet() { flock -n host.git/windlass/tidy.lock true; }
bases() { index host.git prod | grep -c '^base'; }
enough() { [ "$(bases)" -ge "$1" ]; }
ok "further bases are made in the background" wait_for 20 enough 2
wait_for 20 quiet
ok "published" stock_published host.git prod

[ "$(index host.git prod | grep -c '^delta')" -ge 64 ]
is $? 0 "deltas of 64 bundles are kept"
[ "$(index host.git prod | grep -c '^delta')" -lt $((PUSHES - 1)) ]
is $? 0 "but not all"
[ "$(bases)" -le 4 ]
is $? 0 "bases are few"
delta_bytes=$(head_field host.git prod delta | cut -d' ' -f3)
[ "$delta_bytes" -lt 3000 ]
is $? 0 "a delta for one object is small ($delta_bytes bytes)"

# ---- every base, and every delta from there on, by stock git
good=0 all=0
while read -r _ to file _; do
	rm -rf fetch.git
	git init -q --bare fetch.git
	all=$((all + 1))
	stock_take fetch.git "$public/packs/${file#sha256:}" &&
		stock_complete fetch.git host.git "$to" &&
		[ "$(git -C fetch.git rev-list --count "$to")" = \
		  "$(git -C host.git rev-list --count "$to")" ] &&
		good=$((good + 1))
done < <(index host.git prod | grep '^base')
is $good $all "each base has its whole bundle and all commits before it"
ok "each delta makes the next bundle" stock_fetch host.git prod
[ "$(sed 's/ .*//' .output)" -ge 32 ]
is $? 0 "from a base that is far enough back to be of use to others"
at=$(bundle host.git prod)
ok "the result can be checked out" \
	sh -c 'git -C .fetch.git archive "$1" | tar -t >/dev/null' - "$at"
from=$(git -C host.git rev-parse "$at^")
git -C host.git pack-objects --thin --revs --stdout -q >stock.pack <<END
$at
^$from
END
ours=$(index host.git prod | tail -n 1 | sed 's/.*sha256:\([0-9a-f]*\) .*/\1/')
git -C host.git rev-list --objects --no-object-names "$from" | sort >had
brought() { # PACK: the objects in it that the bundle before did not have
	rm -rf .one.git
	git init -q --bare .one.git
	echo "$TRASH/host.git/objects" >.one.git/objects/info/alternates
	stock_take .one.git "$1"
	git show-index <"$(echo .one.git/objects/pack/*.idx)" |
		cut -d' ' -f2 | sort | comm -23 - had
}
is "$(brought "$public/packs/$ours")" "$(brought stock.pack)" \
	"its objects are those that stock git packs"

# ---- what is not named any more lingers, then goes
named() {
	index host.git prod | sed 's/.*sha256:\([0-9a-f]*\) .*/\1/'
	head_field host.git prod index host.git prod | sed 's/sha256:\([0-9a-f]*\) .*/\1/'
}
unnamed() { ls "$public/packs" | grep -vxF "$(named)"; }
[ "$(unnamed | wc -l)" -gt 0 ]
is $? 0 "old files are still there, for who just read an old index"
ok "tidying does not touch them" hook host.git publish --tidy prod
[ "$(unnamed | wc -l)" -gt 0 ]
is $? 0 "before a quarter of an hour is over"
unnamed >old
named >new
count=$(ls "$public/packs" | wc -l)
(cd "$public/packs" && xargs touch -d '20 minutes ago' <"$TRASH/old")
(cd "$public/packs" && xargs touch -d '20 minutes ago' <"$TRASH/new")
touch -d '20 minutes ago' "$public/packs/tmp-0123456789abcdef"
ok "later" hook host.git publish --tidy prod
is "$(unnamed)" "" "they are gone"
is "$(ls "$public/packs" | wc -l)" $((count - $(wc -l <old))) "no others are"
ok "all that is named is there" stock_published host.git prod

# ---- the repository stays packed
count=$(ls host.git/objects/pack/*.pack | wc -l)
[ "$count" -le 26 ]
is $? 0 "small packs are put together ($count)"
ok "and nothing is lost" git -C host.git fsck --strict --no-dangling

# ---- what is lost is made again
read -r a b <<<"$(head_field host.git prod index)"
rm "$public/packs/${a#sha256:}"
ok "the index is gone" hook host.git publish prod
ok "publish makes it again" stock_published host.git prod
read -r a b c <<<"$(head_field host.git prod delta)"
rm "$public/packs/${b#sha256:}"
ok "the delta is gone" hook host.git refresh prod
ok "refresh makes it again" stock_published host.git prod
rm -r "$public"
ok "all of it is gone" hook host.git publish prod
ok "publish makes it again" stock_published host.git prod

# ---- what would fork the channel is refused
cp -r host.git backup.git
put work deploy/prod/c1.yaml ConfigMap c1 ns1 "after the backup"
ok "a push after a backup" commit_push work after
newest=$(bundle host.git prod)
rm -r backup.git/windlass/public
cp -r host.git/windlass/public backup.git/windlass/
mv host.git lost.git
mv backup.git host.git
hook host.git publish prod >push.out 2>&1
is $? 1 "a restored repository does not publish"
like "$(cat push.out)" 'restored from a backup' "it says what happened"
like "$(cat push.out)" 'windlass.prod.epoch 2' "and what to do"
is "$(head_field host.git prod bundle)" "$newest" "the head stays"
set_channel host.git prod epoch 2
ok "a new epoch" hook host.git publish prod
is "$(trailer host.git prod Epoch).$(trailer host.git prod Sequence)" 2.1 \
	"begins at one"
ok "and is good" stock_chain host.git prod

cp "$public/head" head.good
sed -i 's/^sequence 1$/sequence 2/' "$public/head"
hook host.git publish prod >push.out 2>&1
is $? 1 "a head that was tampered with"
like "$(cat push.out)" 'is not to be trusted' "stops everything"
not_ok "refresh too" hook host.git refresh --force prod
make_key stranger
sed '/^-----BEGIN/,$d' head.good >"$public/head"
ssh-keygen -q -Y sign -f keys/stranger -n head-v1@windlass.dev "$public/head" 2>/dev/null
cat "$public/head.sig" >>"$public/head"
rm "$public/head.sig"
hook host.git publish prod >push.out 2>&1
is $? 1 "a head that a stranger signed"
like "$(cat push.out)" 'a key that never signed a bundle' "is noticed"
cp head.good "$public/head"
ok "and all is well again" hook host.git publish prod

# ---- a clock that went back
sed '/^-----BEGIN/,$d' head.good |
	sed "s/^issued .*/issued $(date -u -d '+1 hour' +%FT%TZ)/" |
	sed "s/^expires .*/expires $(date -u -d '+2 hours' +%FT%TZ)/" >ahead
ssh-keygen -q -Y sign -f keys/prod -n head-v1@windlass.dev ahead 2>/dev/null
cat ahead ahead.sig >"$public/head"
hook host.git refresh --force prod >push.out 2>&1
is $? 1 "a clock an hour behind the head"
like "$(cat push.out)" 'clock of this machine' "is named"
done_testing
