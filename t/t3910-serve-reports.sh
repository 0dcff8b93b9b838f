#!/bin/bash
# windlass-hook serve takes what clusters report: from whom, of what, how much
# of it, and what becomes of it when serve is killed
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host prod dev
make_clone $host work
put work deploy/prod/web.yaml ConfigMap web shop
put work deploy/dev/web.yaml ConfigMap web shop
commit_push work 'one' || bail "push"
put work deploy/prod/web.yaml ConfigMap web shop two
commit_push work 'two' || bail "push"
new_reporter eu-1
new_reporter us-1
ssh-keygen -q -t ed25519 -N '' -f keys/stranger

kept=$host/windlass/prod/reports

# ---- who takes none

serve
is "$(send)" 404 "a channel without reporters"
is "$(cat said)" "reports are not taken" "says so"
set_channel $host prod reporters "$TRASH/reporters"
is "$(r_channel=dev send dev)" 404 "while another one takes them"
is "$(send)" 204 "once the setting is there, serve need not be told"
is "$(post sent none)" 404 "a channel that is not there"
is "$(curl -s -m 9 -o said -w '%{http_code}' "$url/prod/report")" 405 \
	"GET of it"
is "$(send)" 204 "a report is taken"
ok "and is kept as it came" cmp sent $kept/eu-1
like "$(tr -d '\r' <said.headers)" '^HTTP/1.1 204' "with an empty answer"

# kept, it can be checked by stock tools
sed '/^-----BEGIN/,$d' $kept/eu-1 >text
sed -n '/^-----BEGIN/,$p' $kept/eu-1 >signature
ok "ssh-keygen verifies what is kept" ssh-keygen -Y verify -f reporters \
	-I eu-1 -n report-v1@windlass.dev -s signature <text

# ---- again, and out of order

report first
is "$(post first)" 204 "a report"
is "$(post first)" 409 "attack-63 the same report once more"
is "$(cat said)" "counter $(counter first)" "hears the counter"
is "$(r_counter=1 send)" 409 "attack-63 an older counter"
is "$(r_counter=9007199254740991 r_cluster=us-1 send)" 204 \
	"the highest counter that there is"
is "$(r_cluster=us-1 r_counter=5 send)" 409 "and nothing comes after it"
is "$(send)" 204 "each cluster has a counter of its own"
last=$(counter sent)
stop serve KILL
serve
is "$(post first)" 409 "attack-63 also when serve was killed and started again"
is "$(cat said)" "counter $last" "with the counter that it had"
is "$(send)" 204 "and reports go on"

# ---- lies. Each row: the status, what it hears, what it is, the variables

good=$(sha256sum <$kept/eu-1)
refused() {
	local want=$1 text=$2 what=$3
	shift 3
	is "$( (for each; do declare "$each"; done; send) )" "$want" "$what"
	like "$(cat said)" "$text" "and hears why"
}
two=$(git -C $host rev-parse refs/windlass/prod)
one=$(git -C $host rev-parse refs/windlass/prod^)
refused 403 "signed by the key of 'us-1'" "attack-64 another cluster's name" r_key=us-1
refused 403 "" "attack-64 a key that is not listed" r_key=stranger
refused 403 "" "attack-64 the publisher's key" r_key=prod
refused 403 "namespace 'git'" "attack-64 a signature for something else" r_namespace=git
refused 403 "does not match" "attack-64 a text changed after it was signed" \
	'r_break=s/^phase .*/phase failed/'
refused 403 "" "attack-64 a signature that was changed" 'r_break=/^AAAA/!s/[A-Z]$/a/'
refused 403 "of another channel" "attack-64 another channel's id" \
	r_id=0123456789abcdef0123456789abcdef
refused 403 "channel 'dev' came for 'prod'" "attack-64 another channel" r_channel=dev
refused 400 "unknown bundle" "attack-64 a bundle that nobody made" r_epoch=1 \
	r_sequence=3 r_bundle=0123456789abcdef0123456789abcdef01234567
refused 400 "unknown bundle" "attack-64 another channel's" r_epoch=1 r_sequence=1 \
	"r_bundle=$(git -C $host rev-parse refs/windlass/dev)"
refused 400 "unknown bundle" "attack-64 a bundle with another number" \
	"r_bundle=$one" r_sequence=2
refused 400 "unknown bundle" "the newest with another number" r_sequence=1
refused 400 "unknown bundle" "attack-64 a commit that is no bundle" r_epoch=1 \
	r_sequence=1 "r_bundle=$(git -C work rev-parse HEAD)"
refused 400 "line 10" "no phase of ours" r_phase=fine
refused 400 "line 1:" "another version" 'r_edit=1s/1/2/'
refused 400 "control byte" "a control byte" $'r_message=red \033[31m'
refused 400 "" "a message beyond its limit" \
	"r_message=$(printf '%01025d' 0)"
# one that looks like a bundle and was signed by somebody else
git -C $host cat-file commit $two | sed '/^gpgsig/,/^ -----END/d' |
	sed 's/^Sequence: .*/Sequence: 9/; s/^windlass prod .*/windlass prod 1.9/' \
	>forged
cp forged forged.signed
rm -f forged.sig
ssh-keygen -q -Y sign -n git -f keys/stranger forged 2>/dev/null
awk 'NR == FNR { sig[++n] = $0; next }
	/^$/ && !done { printf "gpgsig %s\n", sig[1]
		for (i = 2; i <= n; i++) print " " sig[i]; done = 1 }
	{ print }' forged.sig forged >forged.signed
forged=$(git -C $host hash-object -t commit -w --literally ../forged.signed)
refused 400 "unknown bundle" "attack-64 a bundle by another key" \
	"r_bundle=$forged" r_epoch=1 r_sequence=9
is "$(sha256sum <$kept/eu-1)" "$good" "none of these is kept"

like "$(cat serve.log)" \
	'warn report-ahead channel=prod cluster=eu-1 epoch=1 sequence=3 bundle=0123' \
	"but a bundle that would come later is told of"

# ---- not reports at all

: >empty
is "$(post empty)" 400 "attack-65 nothing"
head -c 3000 /dev/urandom >noise
is "$(post noise)" 400 "attack-65 noise"
head -c 65537 /dev/zero >large
is "$(post large)" 413 "attack-65 more than a report can have"
head -c 65536 /dev/zero >large
is "$(post large)" 400 "as much as it can have"
is "$(curl -sS -m 9 -o said -w '%{http_code}' -H 'Transfer-Encoding: chunked' \
	--data-binary @sent "$url/prod/report")" 411 "no length"
report sent
length=$(wc -c <sent)
{
	printf 'POST /prod/report HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n' \
		"$length"
	head -c 100 sent
	sleep 0.3
} | timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/${1##*:}"; cat >&3' \
	_ "$url"
is "$(sha256sum <$kept/eu-1)" "$good" "attack-65 a client that vanishes is not heard"
is "$(post sent)" 204 "and hinders nobody"

# ---- who was taken out, and lists that cannot be

sed -i.all '/^us-1/d' reporters
is "$(r_cluster=us-1 r_counter=9007199254740991 send)" 403 \
	"a cluster that was taken out of the list"
mv reporters.all reporters
printf 'x\n' >>reporters
is "$(send)" 503 "a list with a bad line"
like "$(tr -d '\r' <said.headers)" '^Retry-After: 60' "and when to come again"
like "$(cat serve.log)" 'error reporters-refused .*line 3' "says which line"
sed -i '$d' reporters
cp reporters reporters.all
printf 'host namespaces="report-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >>reporters
is "$(send)" 503 "a list with the publisher's key"
like "$(cat serve.log)" 'reporters-refused .*key of the publisher' "says so"
cp reporters.all reporters
printf 'ada namespaces="git" %s\n' "$(cut -d' ' -f1,2 keys/eu-1.pub)" \
	>approvers
set_channel $host prod approvers "$TRASH/approvers"
stop serve
serve
is "$(send)" 503 "a list with an approver's key"
like "$(cat serve.log)" 'reporters-refused .*a key has one role' "says so"
like "$(windlass-hook doctor --repo $host)" 'reporters.*a key has one role' \
	"and so does doctor"
git -C $host config --unset windlass.prod.approvers
stop serve
serve
is "$(send)" 204 "and all is well again"

# ---- a disk that takes nothing

mv $kept $kept.away
: >$kept
is "$(send)" 503 "what cannot be kept is not taken"
like "$(cat serve.log)" 'error report-not-kept .*cluster=eu-1' "and is told of"
rm $kept
mv $kept.away $kept
is "$(post sent)" 204 "the same report is taken later"

# ---- a flood

stop serve
serve
# signed before, and sent by one process: signing takes longer than that
flood=()
for i in $(seq 60); do
	report "flood.$i"
	[ "$i" = 1 ] || flood+=(--next)
	flood+=(-sS -m 60 -o /dev/null -D "flood.$i.headers"
		-w '%{http_code}\n' --data-binary "@flood.$i" "$url/prod/report")
done
curl "${flood[@]}" >codes
is "$(head -n 20 codes | sort -u)" 204 "twenty at once"
like "$(cat codes)" 429 "attack-65 and not sixty"
first=$(grep -n -m 1 429 codes | cut -d: -f1)
like "$(tr -d '\r' <"flood.$first.headers")" '^Retry-After: [1-9]' \
	"it hears when to come again"
is "$(r_cluster=us-1 r_counter=9007199254740991 send)" 409 \
	"another cluster is heard meanwhile"
is "$(curl -s -m 9 -o said -w '%{http_code}' "$url/prod/head")" 200 \
	"and the head is served"
taken() { [ "$(send)" = 204 ]; }
ok "the next one is taken when its time has come" wait_for 20 taken

# ---- tokens

printf 'abcdefghijklmnopqrstuvwxyz0123456789\n' >tokens
chmod 600 tokens
stop serve
serve --tokens tokens
is "$(send)" 401 "who bears no token reports nothing"
report sent
is "$(curl -sS -m 9 -o said -w '%{http_code}' --data-binary @sent \
	-H 'Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789' \
	"$url/prod/report")" 204 "who bears one does"

# ---- doctor

like "$(windlass-hook doctor --repo $host)" \
	"reporters.*'eu-1' said healthy of 1.2 at 20" \
	"doctor tells what was heard last"
new_reporter asia-1
like "$(windlass-hook doctor --repo $host)" \
	"reporters.*'asia-1' has not reported yet" "and who was not heard"


# ---- a repository that was restored from a backup

stop serve
newest=$(git -C $host rev-parse refs/windlass/prod)
git -C $host update-ref refs/windlass/prod "$newest^"
rm -r $host/windlass/public/prod
not_ok "no number is signed twice that a cluster has reported" \
	windlass-hook publish --repo $host prod
like "$(cat .output)" "cluster 'eu-1' has bundle 1\.2 .* start a new epoch" \
	"it says who has it, and what to do"
is "$(git -C $host rev-parse refs/windlass/prod)" \
	"$(git -C $host rev-parse "$newest^")" "nothing was signed"
set_channel $host prod epoch 2
ok "a new epoch is what helps" windlass-hook publish --repo $host prod
is "$(trailer $host prod Epoch).$(trailer $host prod Sequence)" 2.1 \
	"and begins again"

done_testing
