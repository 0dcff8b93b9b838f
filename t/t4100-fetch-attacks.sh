#!/bin/bash
# What a hostile host, network or key thief can serve: each lie is refused
# with a clear reason, nothing of it is accepted, and the truth is taken again
# right after (attacks.md, section 1)
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"

new_key publisher
new_key stranger
rm stranger.line
port=$(free_port)
start web "$TEST_DIR/odd-server.py" "$port" "$public"
url=http://127.0.0.1:$port/plain

# ---- the truth: 1.1 and 1.2, accepted

put demo "" ConfigMap web one
put demo apps Deployment web one
put _cluster "" Namespace demo
bundle
publish
first_bundle=$bundle
cp "$public/prod/head" first.head
put demo "" ConfigMap web two
bundle
publish
wait_for 5 curl -sf "$url/prod/head" || bail "no server"
engine e --auto
wait_line 10 e.log "^accepted $bundle" || { test_show e.log; bail "1.2"; }
pass "the truth is accepted"

url=http://127.0.0.1:$port/drip-packs
engine drip --auto
url=http://127.0.0.1:$port/plain

good_bundle=$bundle good_seq=$seq good_before=$before
cp index.txt index.good
cp -r tree tree.good
record=$TRASH/e.state/$id/accepted
cp "$record" record.good
stop e

# begin: back to the truth, for the next lie
begin() {
	honest
	channel=prod key=publisher epoch=1
	bundle=$good_bundle seq=$good_seq before=$good_before
	delta=none
	cp index.good index.txt
	rm -rf tree
	cp -r tree.good tree
}

last_state() { grep '^state' e.log | tail -n 1; }
state_has() { last_state | grep -qE " $1 "; }

# refused DESCRIPTION CONDITION=REASON REGEX: an engine that accepted 1.2
# meets what public/ says now
refused() {
	engine e --auto
	if ! wait_for 5 state_has "$2"; then
		fail "$1"
		test_show e.log
	elif ! grep -qE "^because ${2%%=*}: .*$3" e.log; then
		fail "$1: the message"
		test_show e.log
	elif grep -qE '^(candidate|accepted)' e.log; then
		fail "$1: accepted"
		test_show e.log
	elif ! cmp -s "$record" record.good; then
		fail "$1: the record moved"
	else
		pass "$1"
	fi
	stop e
}

# recovers: the truth is taken again, whatever was served
recovers() {
	begin
	make_head
	engine e --auto
	ok "the truth is taken again" wait_for 5 state_has \
		'fetched=Fetched verified=Verified stale=Fresh forked=OneHistory clock=ClockGood head=1.2'
	stop e
}

# next TEXT: an honest change to lie about
next() { put demo "" ConfigMap web "${1:-three}"; }

# ---- heads

begin; h_key=stranger make_head
refused "a head by nobody we know" verified=KeyNotTrusted 'head: '
begin; make_head; sed -i 's/^sequence 2$/sequence 3/' "$public/prod/head"
refused "a head that was changed" verified=SignatureInvalid 'head: '
begin; make_head; sed -i '/^-----BEGIN/,$d' "$public/prod/head"
refused "attack-03 a head without a signature" verified=HeadMalformed head
begin; : >"$public/prod/head"
refused "attack-03 an empty head" verified=HeadMalformed head
begin; make_head; echo "more" >>"$public/prod/head"
refused "text behind the signature" verified=HeadMalformed 'does not end with its SSH signature'
begin; make_head; sed -i 's/$/\r/' "$public/prod/head"
refused "CR LF" verified=HeadMalformed head
begin; h_namespace=git make_head
refused "a head signed as a commit" verified=SignatureInvalid 'head: '
begin; h_id=fedcba9876543210fedcba9876543210 make_head
refused "another channel id" verified=WrongChannel 'channel id fedc'
begin; h_channel=staging make_head
refused "attack-14 another channel" verified=WrongChannel staging
begin; cp first.head "$public/prod/head"
refused "attack-04 an older head, as it was" verified=Rollback '1\.1, and 1\.2 was accepted'
begin; h_sequence=1 h_bundle=$first_bundle make_head
refused "attack-04 an older bundle by a new head" verified=Rollback '1\.1, and 1\.2 was accepted'
begin; h_issued=$(at -600) make_head
refused "a head from before the accepted one" verified=Rollback 'was issued at'
begin; h_issued=$(at 900) h_expires=$(at 1800) make_head
refused "attack-55 a head from the future" clock=HeadFromTheFuture 'our clock says'
begin; h_expires=$(at 700000) make_head
refused "a head that lives too long" verified=HeadMalformed head
begin; h_expires=$(at -3600) make_head
refused "a head that ends before it begins" verified=HeadMalformed head
begin; h_epoch=2 make_head
refused "an epoch that nobody asked for" verified=EpochRefused 'spec.epochFloor'
begin; h_bundle=$first_bundle make_head
refused "another bundle for the same sequence" forked=SameSequence 'was accepted as that'
is "$(find e.state/$id -name 'forked-*' | wc -l)" 2 \
	"both heads are kept as evidence"
begin; cp first.head "$public/prod/head"
engine e --auto
ok "an older head" wait_for 10 state_has verified=Rollback
ok "says which runbook helps" wait_line 10 e.log '^because verified: .*git-host-restored\.md'
h_bundle=$first_bundle make_head
ok "then another bundle for the same sequence" wait_for 20 state_has forked=SameSequence
ok "is a fork, and no rollback any more" wait_for 10 \
	state_has 'verified=(Verified|NotYetKnown)'
stop e
begin; h_content=$(printf '%064d' 7) make_head
refused "the same bundle with other content" forked=SameSequence 'was accepted as that'
begin; yes x | command head -c 5000 >"$public/prod/head"
refused "a head of 5000 bytes" fetched=Unreachable 'larger than 4096'
begin; rm "$public/prod/head"
refused "no head" fetched=Unreachable 404

recovers

# ---- bundles

begin; next; b_key=stranger bundle; publish
refused "a bundle by nobody we know" verified=KeyNotTrusted 'bundle [0-9a-f]+: '
begin; next; b_namespace=file bundle; publish
refused "a bundle signed as a file" verified=SignatureInvalid 'bundle [0-9a-f]+: '
begin; next; b_id=fedcba9876543210fedcba9876543210 bundle; publish
refused "attack-14 a bundle of another channel id" verified=WrongChannel fedc
begin; next; seq=3; bundle; publish
refused "attack-06 a sequence that is left out" verified=BundleInvalid '1\.4 has 1\.2 as its parent'
begin; next; b_changes='+1 ~1 -0' b_objects=4 bundle; publish
refused "Changes that lie" verified=BundleInvalid 'they are \+0 ~1 -0|has 3'
begin; next; b_changes='+1 ~0 -1' bundle; publish
refused "Changes that lie and add up" verified=BundleInvalid 'they are \+0 ~1 -0'
begin; next; b_objects=4 bundle; publish
refused "Objects that lie" verified=BundleInvalid "1\\.3 has 4 objects: its parent's 3 and"
begin; next; b_content=$(printf '%064d' 7) bundle; publish
refused "a Content-SHA256 that lies" verified=BundleInvalid 'SHA256SUMS has not the digest'
begin; next; bundle; h_content=$(printf '%064d' 7) publish
refused "attack-13 a head with another content than its bundle" verified=BundleInvalid 'other content'
begin; next; bundle; h_sequence=4 publish
refused "attack-13 a head with another sequence than its bundle" verified=BundleInvalid 'its head says 1\.4'
begin; next; b_extra='Signed-off-by: me' bundle; publish
refused "a trailer too many" verified=BundleInvalid 'bundle'
begin; next; b_subject='windlass prod 1.9' bundle; publish
refused "a subject of another bundle" verified=BundleInvalid 'bundle'
begin; next; b_parent=$first_bundle bundle; seq=3; publish
refused "a history without the accepted bundle" forked=NotDescending 'was accepted as that'
begin; next; bundle; publish
cp -r e.state f.state
engine f
ok "a bundle waits to be accepted" wait_line 10 f.log "^candidate 1.3 $bundle"
seq=2 b_parent=$good_bundle; next other; bundle; packs
unset b_parent; next four; bundle; publish
ok "a later one comes" wait_line 10 f.log "^candidate 1.4 $bundle"
tell f accept-before
ok "which is judged anew when the first is accepted: two histories" \
	wait_line 10 f.log '^state .* forked=NotDescending '
is "$(grep -c '^candidate 1.4' f.log)" 1 "and is told no more"
stop f
begin; next lie; b_changes='+1 ~0 -1' bundle; packs
next four; bundle; publish
refused "a lie in the middle of a history" verified=BundleInvalid '1\.3: it says Changes'
# of these two only the newest's tree is ever shown
begin; drop demo apps Deployment web; b_changes='+0 ~1 -0' bundle
next four; bundle; publish
refused "a lie in the oldest that is new, whose tree is kept back" \
	verified=BundleInvalid "1\\.3 has 2 objects: its parent's 3 and its Changes"
begin; drop demo apps Deployment web; b_changes='+0 ~1 -0' b_objects=3 bundle
next four; bundle; publish
refused "a lie that the next one would have to go on with" \
	verified=BundleInvalid "1\\.4 has 2 objects: its parent's 3 and its Changes"
begin; drop demo apps Deployment web; bundle
next four; bundle; publish
cp -r e.state o.state
engine o --auto
ok "what is kept back is no fault where nobody lies" \
	wait_line 10 o.log "^accepted $bundle"
stop o
begin; put _cluster windlass.dev Channel prod; b_changes='+1 ~1 -0' bundle; packs
next four; bundle; publish
refused "a lie about what no bundle may have" verified=BundleInvalid '1\.3: it says Changes'
begin; put _cluster windlass.dev Channel prod; bundle; packs
next four; bundle; publish
refused "what no bundle may have, brought in the middle" verified=BundleInvalid \
	'1\.4: .*its own Channel'
begin; put _cluster windlass.dev Channel prod; bundle; packs
next four; bundle; packs
drop _cluster windlass.dev Channel prod; bundle; publish
cp -r e.state m.state
engine m --auto
ok "what no bundle may have, and is gone again, is in nobody's way" \
	wait_for 10 grep -q '^accepted' m.log
like "$(grep ^candidate m.log)" ' 1\.5 ' "the bundle that it is not in is taken"
stop m
engine n --auto
ok "by a new engine, too" wait_for 10 grep -q '^accepted' n.log
stop n

recovers

# ---- trees

# tree_with SED: the honest tree with its `git ls-tree` lines edited, its
# SHA256SUMS untouched; of the folder $1
edit_tree() {
	local top=$1 path=$2 edit=$3 new
	if [ -z "$path" ]; then
		git ls-tree "$top" | sed "$edit" | git mktree --missing
		return
	fi
	new=$(edit_tree "$(git rev-parse "$top:${path%%/*}")" \
		"$(case $path in */*) echo "${path#*/}" ;; esac)" "$edit")
	git ls-tree "$top" |
		sed "s/ tree [0-9a-f]*\t${path%%/*}\$/ tree $new\t${path%%/*}/" |
		git mktree --missing
}
folder=objects/demo/core/ConfigMap
blob=$(git rev-parse "$good_bundle:$folder/web.json")
other=$(echo '{}' | git hash-object -w --stdin)

# lying_tree FOLDER SED [CHANGES]: an honest change, and then its tree edited
# behind the back of its SHA256SUMS
lying_tree() {
	next
	bundle
	blob=$(git rev-parse "$bundle:$folder/web.json")
	seq=$good_seq
	b_tree=$(edit_tree "$(tree_of "$bundle")" "$1" "${2//BLOB/$blob}")
	bundle=$good_bundle
	b_changes=${3:-'+0 ~1 -0'} bundle
	publish
}
begin
b_tree=$(edit_tree "$(tree_of "$good_bundle")" $folder "s/$blob/$other/") \
	b_changes='+0 ~1 -0' bundle
publish
refused "attack-13 a tree that changed where SHA256SUMS did not" verified=BundleInvalid "'objects': SHA256SUMS states the same digest"
begin; lying_tree $folder "s/BLOB/$other/"
refused "a blob that SHA256SUMS does not know" verified=BundleInvalid "'$folder/web.json': its bytes have not the digest"
begin; lying_tree $folder "\$a100644 blob $other\tzero.json" '+1 ~1 -0'
refused "a file that SHA256SUMS does not name" verified=BundleInvalid "'zero.json' is not named"
begin; lying_tree $folder "/web.json/d" '+0 ~0 -1'
refused "a file that only SHA256SUMS names" verified=BundleInvalid 'and not there'
begin; lying_tree $folder "/SHA256SUMS/d"
refused "a folder without SHA256SUMS" verified=BundleInvalid 'no SHA256SUMS'
begin; lying_tree $folder "s/^100644 blob BLOB/120000 blob BLOB/"
refused "attack-21 a symbolic link" verified=BundleInvalid "'web.json' has mode 120000"
begin; lying_tree $folder "s/^100644 blob BLOB/100755 blob BLOB/"
refused "a program" verified=BundleInvalid "'web.json' has mode 100755"
begin; lying_tree $folder "s/^100644 blob BLOB\t/160000 commit $good_bundle\t/"
refused "attack-21 a submodule" verified=BundleInvalid "'web.json' has mode 160000"
begin; lying_tree $folder "s/\tweb.json/\tweb%2e.json/"
refused "a name that no bundle may have" verified=BundleInvalid 'no name that a bundle may have'
begin; lying_tree "" "s/\torigins/\tnothing/"
refused "another folder at the top" verified=BundleInvalid 'not named in SHA256SUMS'

begin; next; mkdir -p tree/objects/demo/core/ConfigMap/deep
echo '{}' >tree/objects/demo/core/ConfigMap/deep/x.json
bundle; publish
refused "a folder where files are" verified=BundleInvalid 'folder where a bundle has files'
begin; next; echo '{}' >tree/objects/demo/x.json; bundle; publish
refused "a file where folders are" verified=BundleInvalid 'file where a bundle has folders'
begin; next; mkdir tree/more; echo hi >tree/more/x; bundle; publish
refused "a third folder" verified=BundleInvalid "exactly the folders"

recovers

# ---- objects

begin; put demo "" ConfigMap more
sed -i 's/"kind": "ConfigMap"/"kind": "Secret"/' tree/$folder/more.json
bundle; publish
refused "a body of another kind than its path" verified=BundleInvalid "more.json': the body is another object"
begin; put demo "" ConfigMap more
sed -i 's/"namespace": "demo"/"namespace": "kube-system"/' tree/$folder/more.json
bundle; publish
refused "a body of another namespace" verified=BundleInvalid 'the body is another object'
begin; put demo "" ConfigMap more; sed -i 's/part-of/part-off/' tree/$folder/more.json
bundle; publish
refused "an object without the channel's label" verified=BundleInvalid 'part-of'
begin; channel=other; put demo "" ConfigMap more; channel=prod
bundle; publish
refused "an object with another channel's label" verified=BundleInvalid 'part-of'
begin; put demo "" ConfigMap more; echo '{' >tree/$folder/more.json
bundle; publish
refused "a body that is no JSON" verified=BundleInvalid "more.json'"
begin; put _cluster windlass.dev Channel prod; bundle; publish
refused "the channel's own Channel" verified=BundleInvalid 'its own Channel'
begin; put _cluster apiextensions.k8s.io CustomResourceDefinition channels.windlass.dev
bundle; publish
refused "the definition of Channels" verified=BundleInvalid 'definition of Channels'
begin; put demo "" ConfigMap more "$(yes x | command head -c 3200000 | tr -d '\n'; yes x | command head -c 3200000 | tr -d '\n')"
bundle; publish
refused "an object of more than 3 MiB" verified=BundleInvalid 'are accepted'

recovers

# ---- packs and the index

pack_of() { echo "$public/prod/packs/$(sed -n 's/^delta [0-9a-f]* sha256:\([0-9a-f]*\) .*/\1/p' "$public/prod/head")"; }
begin; next; bundle; publish; file=$(pack_of)
size=$(stat -c %s "$file")
for byte in 0 $((size / 2)) $((size - 1)); do
	begin; next; bundle; publish; file=$(pack_of)
	perl -e 'open F, "+<", $ARGV[0]; seek F, $ARGV[1], 0; read F, $c, 1;
		seek F, $ARGV[1], 0; print F chr(ord($c) ^ 4)' "$file" "$byte"
	refused "attack-01 a pack with a bit flipped in byte $byte" verified=PackInvalid pack
	rm "$file"
done
begin; next; bundle; publish; file=$(pack_of); echo >>"$file"
refused "a pack that is longer than stated" verified=PackInvalid 'pack'
rm "$file"
begin; next; bundle; publish; file=$(pack_of); truncate -s -1 "$file"
refused "a pack that is shorter than stated" verified=PackInvalid 'pack'
rm "$file"
begin; next; bundle; publish; file=$(pack_of); rm "$file"
refused "a pack that is not there" fetched=Unreachable '404'
begin
long=$(seq 300 | tr '\n' ' ')
for n in 1 2 3; do put demo "" ConfigMap "long$n" "$n $long"; done
bundle; packs
h_delta="$before $(git pack-objects -q --stdout --thin --revs <<<"$bundle
^$before" | add_pack)" make_head
refused "a pack with deltas by id inside" verified=PackInvalid 'delta-base-offset'
begin; next; bundle; packs
h_delta="$before $(base_pack "$first_bundle" | sed 's/PACK/JUNK/' | add_pack)" make_head
refused "a pack that is none" verified=PackInvalid 'no pack of version 2'
begin; next; bundle; packs
h_delta="$before $(delta_pack "$before" "$bundle" | perl -0777 -pe 'substr($_, -1) ^= "x"' | add_pack)" make_head
refused "a pack with a wrong trailer" verified=PackInvalid 'cannot index'
begin; next; bundle; packs
h_delta="$before $(base_pack "$first_bundle" | add_pack)" make_head
engine e --auto
ok "a delta that does not lead there is made up for by a base" \
	wait_line 5 e.log "^candidate 1.3 $bundle"

# fresh: an engine that accepted 1.2 and nothing after it
fresh() {
	stop e
	rm -rf e.state
	begin
	make_head
	engine e --auto "$@"
	wait_line 10 e.log "^accepted $good_bundle" || bail "fresh"
	record=$TRASH/e.state/$id/accepted
	cp "$record" record.good
}
fresh
stop e
begin; next; bundle; packs; echo "nonsense" >index.txt
h_delta=none make_head
refused "an index that is none" verified=PackInvalid 'index of packs'
begin; next; bundle; packs; h_delta=none make_head
file=$public/prod/packs/$(sed -n 's/^index sha256:\([0-9a-f]*\) .*/\1/p' "$public/prod/head")
echo >>"$file"
refused "an index that is longer than stated" verified=PackInvalid 'index of packs'
rm "$file"
begin; next; bundle; packs; cp index.good index.txt; h_delta=none make_head
refused "attack-06 an index that does not lead there" fetched=NoPackLeadsThere '.'
begin; next; bundle; packs; h_delta=none h_index="$(add_pack <index.txt | sed 's/ .*/ 1048577/')" make_head
refused "an index of more than 1 MiB" verified=HeadMalformed '1048576'
begin; next; bundle; packs; h_delta="$before sha256:$(printf '%064d' 7) 2147483649" make_head
refused "a pack of more than 2 GiB" verified=HeadMalformed '2147483648'

# ---- an old head: Stale, and nothing new

begin; next; bundle; packs
h_expires=$(at 3) make_head
sleep 3.5
refused "a head past its life brings nothing new" stale=HeadExpired 'expired at'

# ---- what is remembered, and where

stop e
rm -rf "e.state/$id/repo.git"
cp first.head "$public/prod/head"
engine e --auto
ok "attack-04 no rollback after the cache is gone" wait_for 10 state_has verified=Rollback
unlike "$(cat e.log)" '^(candidate|accepted)' "and nothing is accepted"
stop e
pin="1 2 $good_bundle $(sed -n 's/^content sha256://p' record.good) $(sed -n 's/^head-issued //p' record.good)"
rm -rf e.state
engine e --auto --accepted "$pin"
ok "attack-54 no rollback after the whole state is gone: the status knows" \
	wait_for 10 state_has verified=Rollback
unlike "$(cat e.log)" '^(candidate|accepted)' "and nothing is accepted"
stop e
mkdir -p "e.state/$id"
sed 's/^sequence 2$/sequence 3/' record.good >"e.state/$id/accepted"
begin; make_head
engine e --auto --accepted "$pin"
ok "attack-54 no rollback when the status is older than the state" \
	wait_for 10 state_has verified=Rollback
stop e
sed "s/^clock .*/clock $(at 86400)/" record.good >"e.state/$id/accepted"
engine e --auto --accepted "$pin"
ok "attack-55 a clock that went backwards is noticed" \
	wait_for 10 state_has clock=ClockWentBack
stop e
echo "nonsense" >"e.state/$id/accepted"
engine e --auto
ok "a damaged record is not passed over" \
	wait_for 10 state_has fetched=StateDirectoryFails
like "$(cat e.log)" "accepted' is damaged" "and it is said what to do"
unlike "$(cat e.log)" '^(opened|candidate)' "and nothing is done"

# ---- keys

fresh
new_key later
cp later.line publishers2; tell e "publishers publishers2"
ok "a publisher who was taken out shows" wait_for 5 state_has verified=KeyNotTrusted
cat publisher.line later.line >publishers2
tell e "publishers publishers2"
ok "and is taken again when he is back" wait_for 5 state_has verified=Verified
sed 's/ssh-ed25519/ssh-rsa/' publisher.line >publishers2
tell e "publishers publishers2"
ok "a trust file that makes no sense trusts nobody" \
	wait_for 5 state_has verified=SettingsInvalid
new_key old "valid-before=\"$(date -u -d '1 hour ago' +%Y%m%d%H%M%SZ)\""
cat publisher.line old.line >publishers2
tell e "publishers publishers2"
ok "an old key does no harm" wait_for 5 state_has verified=Verified
begin; next; b_key=old bundle; publish
tell e poll
ok "a bundle by a key whose time is over" wait_for 5 state_has verified=KeyNotTrusted
rm old.line later.line

# ---- the disk

fresh
stop e
begin
put demo "" ConfigMap big "$(head -c 90000 /dev/urandom | base64 -w 0)"
bundle; publish
small_disk=64
engine e --auto
small_disk=unlimited
ok "a disk without room for a pack" wait_for 5 state_has fetched=StateDirectoryFails
like "$(grep because e.log)" "cannot write .*/tmp/pack.*too large" "is named"
stop e
engine e --auto
ok "with room it goes on" wait_line 5 e.log "^accepted $bundle"

# ---- servers

for how in redirect error; do
	stop e
	url=http://127.0.0.1:$port/$how
	engine e --auto
	ok "attack-17 a server that answers with $how" \
		wait_for 5 state_has fetched=Unreachable
done
like "$(grep because e.log)" 'answered 500' "says so"
stop e
url=http://127.0.0.1:$port/endless
engine e --auto
ok "attack-10 a head that never ends" wait_for 5 state_has fetched=Unreachable
like "$(grep because e.log)" 'larger than 4096' "is cut off"
stop e
rm -rf e.state
url=http://127.0.0.1:$port/endless-packs
engine e --auto
ok "attack-10 a pack that never ends" wait_for 5 state_has verified=PackInvalid
like "$(grep because e.log)" 'is longer than the [0-9]* bytes' "is cut off"
stop e
url=file://$public
engine e --auto
ok "a URL that is no http" wait_for 5 state_has verified=SettingsInvalid
stop e
url=http://user:secret@127.0.0.1:$port/plain
engine e --auto
ok "a URL with a password in it" wait_for 5 state_has verified=SettingsInvalid
unlike "$(cat e.log)" secret "which is not repeated"

ok "attack-09 a pack that comes a byte a second is given up" \
	wait_line 60 drip.log 'came slower than 1024 bytes a second'
unlike "$(cat drip.log)" '^(candidate|at-hand)' "and brought nothing"

done_testing
