#!/bin/bash
# A ref that many channels follow: a push goes the long way only for those
# that it is about, and says of the rest how many they are.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

names=()
for ((i = 0; i < 24; i++)); do
	names+=("c-$i")
done
git init -q --bare host.git
for name in "${names[@]}"; do
	hook host.git init "$name" --ref refs/heads/main --path "deploy/$name" \
		--key "$TRASH/keys-$name" >/dev/null || bail "init $name"
done
make_clone host.git work
for name in "${names[@]}"; do
	put work "deploy/$name/o.yaml" ConfigMap o "$name" one
done
commit_push work first
is "$(grep -c ' 1\.1 published ' push.out)" 24 "each channel is published"

# push_of CHANNEL TEXT: what is said of a push that is about it
push_of() {
	put work "deploy/$1/o.yaml" ConfigMap o "$1" "$2"
	commit_push work "$1 $2"
	sed -n 's/^remote: windlass: //p' push.out | sed 's/ *$//; s/, bundle .*//'
}
is "$(push_of c-7 two)" "c-7: +0 ~1 -0
23 other channels: no object changes
c-7 1.2 published (+0 ~1 -0)" "a push is about one of them"

touch work/README
commit_push work "no manifest"
is "$(sed -n 's/^remote: windlass: //p' push.out | sed 's/ *$//')" \
	"24 other channels: no object changes" "or about none"

# ---- what was left undone is done, whatever the push is about ----
rm host.git/windlass/public/c-3/head
like "$(push_of c-7 three)" '^c-3 1\.1 ' "a head that is gone is noticed"
ok "and is there again" [ -s host.git/windlass/public/c-3/head ]
set_channel host.git c-4 defaultNamespace other
like "$(push_of c-7 four)" '^c-4: ' "as are other settings"
like "$(cat push.out)" '22 other channels' "of that one alone"

# ---- another push is just being published ----
flock host.git/windlass/c-9/lock sleep 2 &
sleep 0.3
like "$(push_of c-8 two)" '^c-9 1\.1 is published already' \
	"a channel that somebody publishes is waited for"
wait
is "$(push_of c-9 two | tail -n 1)" "c-9 1.2 published (+0 ~1 -0)" \
	"and is published as ever"
done_testing
