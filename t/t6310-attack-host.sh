#!/bin/bash
# A Git host, or whoever stands between it and the cluster, that lies: one
# engine, a channel for each lie, all at once. None is believed, each is told
# of in one condition, nothing in the cluster changes, and channels that nobody
# lies to go on. (What a head, a bundle and their signatures may look like is
# t6315's, approvals are t6320's.)
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-bundle.sh"
. "$TEST_DIR/lib-attack.sh"
cluster_use
cluster_namespace host

new_key publisher
new_key stranger
rm stranger.line
elsewhere=$(free_port)
start elsewhere "$TEST_DIR/odd-server.py" "$elsewhere" "$public"
attack_server "http://127.0.0.1:$elsewhere/plain"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout tls.key -out tls.crt -days 2 -subj /CN=localhost \
	-addext subjectAltName=IP:127.0.0.1 2>/dev/null
tls_port=$(free_port)
start tls "$TEST_DIR/odd-server.py" "$tls_port" "$public" none tls.crt tls.key
tls=https://127.0.0.1:$tls_port/plain

for name in free-1 free-2 bit-first bit-middle bit-last signature stripped \
	blank unsigned older fork skips hole frozen frozen-new drip chunked \
	endless-head endless-pack armours bomb deltas head-mix payload-mix \
	signer-mix staging prod cluster git-head file-bundle redirect \
	redirect-http redirect-file redirect-ftp half tls-forged tls-unknown
do
	victim "$name"
done
attack_begin

# ---- other servers, and what takes its time ----

k create namespace windlass-system >/dev/null 2>&1
k -n windlass-system create secret generic "attack-$$" \
	--from-literal=url="$tls" --from-file=ca.crt=tls.crt >/dev/null
at_exit 'k -n windlass-system delete secret attack-$$'
move drip drip-packs
move endless-head endless
move endless-pack endless-packs
move half half-packs
for name in chunked redirect redirect-http redirect-file redirect-ftp; do
	move $name $name
done
respec tls-forged "s,^  url: .*,  url: $tls\\n  secretRef: {name: attack-$$},"
respec tls-unknown "s,^  url: .*,  url: $tls,"
moved
sleep 1
of drip
next
expect drip Fetched "False Unreachable .*came slower than 1024 bytes a second" \
	"attack-09 a pack that comes a byte a second"
of frozen
h_expires=$(at 3) make_head
honest
expect frozen Stale "True HeadExpired .*expired at" \
	"attack-07 an old head that is shown for ever"

# ---- what was signed is another thing than what comes ----

# flip FILE BYTE: a bit of it
flip() {
	chmod u+w "$1"
	perl -e 'open F, "+<", $ARGV[0]; seek F, $ARGV[1], 0; read F, $c, 1;
		seek F, $ARGV[1], 0; print F chr(ord($c) ^ 4)' "$1" "$2"
}
delta_file() {
	echo "$public/$channel/packs/$(sed -n \
		's/^delta [0-9a-f]* sha256:\([0-9a-f]*\) .*/\1/p' \
		"$public/$channel/head")"
}
for place in first middle last; do
	of "bit-$place"
	# the head is what the engine sees first: all else stands before it
	settings two
	bundle
	packs
	file=$public/$channel/packs/$(sed 's/.*sha256:\([0-9a-f]*\) .*/\1/' \
		<<<"$delta")
	size=$(stat -c %s "$file")
	case $place in
	first) flip "$file" 0 ;;
	middle) flip "$file" $((size / 2)) ;;
	last) flip "$file" $((size - 1)) ;;
	esac
	make_head
	expect "bit-$place" Verified "False PackInvalid pack [0-9a-f]+: " \
		"attack-01 a bit of the $place byte of what comes"
done
# before it is shown: an engine that sees the good one first takes it
one_character() {	# of the last ones of the signature
	perl -0pi -e 's/(.)(.{8}\n-----END)/($1 eq "A" ? "B" : "A") . $2/se' "$1"
}
no_signature() { sed -i '/^-----BEGIN/,$d' "$1"; }
white_space() {
	no_signature "$1"
	printf ' \n \n' >>"$1"
}
of signature
h_spoil=one_character next
expect signature Verified "False (SignatureInvalid|HeadMalformed) head" \
	"attack-02 a signature with one character changed"
of stripped
h_spoil=no_signature next
expect stripped Verified "False HeadMalformed head" \
	"attack-03 a head without its signature"
of blank
h_spoil=white_space next
expect blank Verified "False HeadMalformed head" \
	"attack-03 a head with white space for a signature"
of unsigned
b_key=none next
expect unsigned Verified "False BundleInvalid bundle .*gpgsig" \
	"attack-03 a bundle that nobody signed"

# ---- other times ----

of fork
seq=0 bundle=
next
expect fork Forked "True SameSequence .*was accepted as that" \
	"attack-05 two bundles of one sequence"
of skips
seq=3
next
expect skips Verified "False BundleInvalid bundle 1\.4 has 1\.1 as its parent" \
	"attack-06 a sequence that leaves two out"
of hole
for text in two three; do
	settings $text
	bundle
	packs
done
: >index.txt
settings four
bundle
packs
sed -i '/^base/d' index.txt
h_delta=none make_head
expect hole Fetched "False NoPackLeadsThere " \
	"attack-06 history that is kept back"
of frozen-new
issued=$(sed -n 's/^issued //p' "$public/$channel/head")
h_issued=$issued h_expires=$(date -u -d "$issued + 1 second" \
	+%Y-%m-%dT%H:%M:%SZ) next
expect frozen-new Stale "True HeadExpired .*expired at" \
	"attack-07 a new bundle under a head that is over"

# ---- bombs ----

expect endless-head Fetched "False Unreachable .*larger than 4096" \
	"attack-10 a head without an end"
expect chunked Fetched "False Unreachable .*larger than 4096" \
	"attack-10 the same in chunks"
of endless-pack
next
expect endless-pack Verified "False PackInvalid .*is longer than the [0-9]+ bytes" \
	"attack-10 a pack without an end"
of armours
perl -e 'local $/; my $h = <STDIN>; my ($a) = $h =~ /(-----BEGIN.*)/s;
	print $h, $a x 1000000' <"$public/$channel/head" >"$public/$channel/many"
mv "$public/$channel/many" "$public/$channel/head"
expect armours Fetched "False Unreachable .*larger than 4096" \
	"attack-11 a million signatures"
# bomb KIND: a pack that is small and stands for gigabytes
bomb() {
	python3 - "$1" <<-'END'
	import hashlib, struct, sys, zlib
	size = 64 << 20
	def head(kind, n):
	    c, n, out = kind << 4 | n & 15, n >> 4, b''
	    while n:
	        out, c, n = out + bytes([c | 128]), n & 127, n >> 7
	    return out + bytes([c])
	def varint(n):
	    out = b''
	    while n > 127:
	        out, n = out + bytes([n & 127 | 128]), n >> 7
	    return out + bytes([n])
	def offset(n):
	    out = [n & 127]
	    while n >> 7:
	        n = (n >> 7) - 1
	        out.insert(0, n & 127 | 128)
	    return bytes(out)
	zeros = zlib.compress(bytes(size), 9)
	if sys.argv[1] == 'blob':
	    objects = [head(3, 1000) + zeros]
	else:
	    objects, at = [head(3, size) + zeros], 12
	    copy = varint(size) + varint(size) + \
	        b'\xf0\xff\xff\xff' * 4 + b'\x90\x04'
	    packed = zlib.compress(copy)
	    here = at + len(objects[0])
	    for i in range(160):
	        one = head(6, len(copy)) + offset(here - at) + packed
	        objects.append(one)
	        here += len(one)
	pack = b'PACK' + struct.pack('>II', 2, len(objects)) + b''.join(objects)
	sys.stdout.buffer.write(pack + hashlib.sha1(pack).digest())
	END
}
for kind in bomb deltas; do
	of $kind
	settings two
	bundle
	[ $kind = bomb ] && form=blob || form=deltas
	h_delta="$before $(bomb $form | add_pack)" make_head
	honest
done
expect bomb Verified "False PackInvalid .*inflates to more than the 1000" \
	"attack-12 64 KiB that inflate to 64 MiB"
expect deltas Verified "False PackInvalid .*inflates to more than" \
	"attack-12 64 KiB of deltas that make 10 GiB"

# ---- parts of other things ----

of head-mix
h_bundle=$bundle h_sequence=2 make_head
honest
expect head-mix Verified "False BundleInvalid .*its head says 1\.2" \
	"attack-13 a new head over an old bundle"
of payload-mix
b_tree=$(tree_of "$bundle") b_content=$(printf '%064d' 7) b_changes='+0 ~1 -0' \
	next
expect payload-mix Verified "False BundleInvalid .*SHA256SUMS has not the digest" \
	"attack-13 a new bundle over an old tree"
of signer-mix
b_key=stranger next
expect signer-mix Verified "False KeyNotTrusted bundle .*is not in the list" \
	"attack-13 a head of today over a bundle of yesterday's key"
of staging
for text in two three; do next $text; done
staging=$channel
of prod
cp -r "$public/$staging/." "$public/$channel"
expect prod Verified "False WrongChannel .*channel 'staging-" \
	"attack-14 a later bundle of another channel"
of cluster
h_id=$(printf '%032d' 5) b_id=$h_id next
expect cluster Verified "False WrongChannel .*channel id 0+5, spec.channelID" \
	"attack-15 the bundle for another cluster's channel of this name and key"
of git-head
h_namespace=git next
expect git-head Verified "False SignatureInvalid head: .*namespace 'git'" \
	"attack-16 a head signed as a commit"
of file-bundle
b_namespace=file next
expect file-bundle Verified "False SignatureInvalid bundle .*namespace 'file'" \
	"attack-16 a bundle signed as a file"

# ---- other places ----

for name in redirect redirect-http redirect-file redirect-ftp; do
	of $name
	next
	expect $name Fetched "False Unreachable .*answered 302: redirects are not followed" \
		"attack-17 a $name"
done
of half
next
expect half Fetched "False Unreachable " \
	"attack-18 a server that dies in the middle of a pack"
of tls-forged
h_key=stranger next
expect tls-forged Verified "False KeyNotTrusted head" \
	"attack-19 a lie by a server whose certificate is good"
of tls-unknown
next
expect tls-unknown Fetched "False Unreachable .*certificate" \
	"attack-19 the truth by a server that nobody knows"

# ---- a first installation, from a copy of last year ----

victim=fresh channel=fresh-$$
id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
epoch=1 seq=0 bundle='' before=''
rm -rf tree index.txt
mkdir tree
h_issued=$(at -31536000) h_expires=$(at -31449600) \
	b_edit="s/^Issued: .*/Issued: $(at -31536000)/" next
channel_spec >channels/fresh
moved
expect fresh Stale "True HeadExpired .*expired at" \
	"attack-61 a whole and honest copy of last year"
live | grep '^fresh ' >>live.before

# ---- back, at last ----

of older
cp "$public/$channel/head" old.head
next
wait_applied "$channel" 2 30
sleep 1.5
live | grep '^older ' >older
sed -i '/^older /d' live.before
cat older >>live.before
cp old.head "$public/$channel/head"
expect older Verified "False Rollback .*1\.1, and 1\.2 was accepted" \
	"attack-04 an older bundle"

# ---- meanwhile others go on ----

for name in free-1 free-2; do
	of $name
	next
	ok "attack-08 $name, which nobody freezes, goes on" \
		wait_applied "$channel" 2 20
done

attack_seconds=45
attack_end
attack_seconds=20
is "$(grep -c /head elsewhere.log)" 0 "attack-17 nobody is asked elsewhere"
small

# ---- what was there before it died is no better than what is there ----

of half
sed -i '/^-----BEGIN/,$d' "$public/$channel/head"
rm -r "$public/$channel/packs"	# what was signed cannot be had any more
move half plain
moved
expect half Verified "False HeadMalformed head" \
	"attack-18 and then says something that nobody signed"
attack_end

# ---- what they have is kept ----

repairs frozen fork bit-middle redirect-http tls-unknown

# ---- and not forgotten ----

live | grep -E '^(older|fork) ' >before
fork_id=$(cut -d' ' -f2 <<<"${victim_at[fork]}")
find "state/$fork_id" -name 'forked-1-*' -printf '%f\n' | sort >evidence
is "$(cut -d- -f1-3 evidence | sort -u) $(wc -l <evidence)" "forked-1-1 2" \
	"attack-05 both heads are kept as evidence" || sed 's/^/# /' evidence
engine_kill
engine_start || bail "windlassd does not start again"
ok "attack-04 an older bundle, after a restart" wait_condition "older-$$" \
	Verified False 30 Rollback
ok "attack-05 a fork, after a restart" wait_condition "fork-$$" Forked True 30 \
	SameSequence
engine_kill
rm -rf state
engine_start || bail "windlassd does not start again"
ok "attack-04 an older bundle, after all that is on the disk is gone" \
	wait_condition "older-$$" Verified False 30 Rollback
ok "attack-05 a fork, after that" wait_condition "fork-$$" Forked True 30 \
	SameSequence
sleep 1
is "$(live | grep -E '^(older|fork) ')" "$(cat before)" \
	"attack-04 nothing went back"
of free-1
next three
ok "and who tells the truth is believed" wait_applied "$channel" 3 30
done_testing
