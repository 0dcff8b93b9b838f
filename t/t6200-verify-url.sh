#!/bin/bash
# verify --url: what a host publishes, and every way in which that can be
# other than what its publisher signed.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a demo one
put work deploy/prod/b.yaml ConfigMap b demo
commit_push work one || bail "no push: $(cat push.out)"
put work deploy/prod/a.yaml ConfigMap a demo two
commit_push work two
put work deploy/prod/c.yaml ConfigMap c demo
commit_push work three
is "$(trailer host.git prod Sequence)" 3 "three bundles are published"
{
	printf 'publisher namespaces="git,head-v1@windlass.dev" '
	cut -d' ' -f1,2 keys/prod.pub
} >publishers
mkdir tmp
verify() {
	TMPDIR=$TRASH/tmp windlass verify --publishers publishers --url "$@"
}

# ---- the truth, by serve and by a static server ----

port=$(free_port)
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:"$port"
wait_line 10 serve.log "listening on" || bail "serve does not start"
verify http://127.0.0.1:"$port" prod >out 2>&1
is $? 0 "what serve hands out is good" || test_show out
out=$(tr -s ' ' <out)
like "$out" "^ok head signature by publisher, names bundle 1\.3$" "its head"
like "$out" "^ok head freshness good until 20" "which is fresh"
like "$out" "^ok index digest [0-9]+ packs$" "its index"
is "$(grep -c '^ok *pack ' out)" "$(tr -s ' ' <out |
	sed -n 's/^ok index digest \([0-9]*\) packs$/\1/p')" "each of its packs"
like "$out" "^ok head bundle $(bundle host.git prod)$" "the bundle that it names"
is "$(grep -c '^ok *prod 1\.[123]' out)" 9 "and all bundles"
is "$(verify http://127.0.0.1:"$port" --output json prod |
	jq -r 'select(.result != "ok")')" "" "--output json parses"
is "$(verify http://127.0.0.1:"$port" --last 1 prod | grep -c '^ok *prod')" 3 \
	"--last 1"
is "$(verify http://127.0.0.1:"$port" prod@2 | grep '^ok *prod' | tail -n 1 |
	tr -s ' ' | cut -d' ' -f3)" 1.2 "an older bundle"
not_ok "one that is not there" verify http://127.0.0.1:"$port" prod@4
like "$(cat .output)" "bundle 1\.4 is not in the chain" "which is said"
stop serve

cp -r host.git/windlass/public/prod good
mkdir -p web
port=$(free_port)
start static python3 -m http.server --bind 127.0.0.1 --directory web "$port"
url=http://127.0.0.1:$port
cp -r good web/prod
wait_for 10 curl -sf "$url/prod/head" || bail "the static server does not start"
ok "a static server is as good" verify "$url" prod
ok "with a slash behind the URL" verify "$url/" prod

# ---- lies ----

# resign SED [KEY]: web/prod/head is good/head, changed and signed
resign() {
	sed '/^-----BEGIN/,$d' good/head | sed "$1" >head-text
	rm -f head-text.sig
	ssh-keygen -q -Y sign -n head-v1@windlass.dev \
		-f "keys/${2:-prod}" head-text 2>/dev/null
	cat head-text head-text.sig >web/prod/head
}
begin() {
	rm -rf web/prod
	cp -r good web/prod
}
# found DESCRIPTION STATUS REGEX
found() {
	verify "$url" prod >out 2>&1
	is $? "$2" "$1"
	like "$(tr -s ' ' <out)" "$3" "which is said"
	begin
}
field() { head_field host.git prod "$1"; }
index_file=$(field index | sed 's/sha256:\([0-9a-f]*\) .*/\1/')
# with_index SED: another index, and a head that names it
with_index() {
	local digest
	sed "$1" "good/packs/$index_file" >new-index
	digest=$(sha256sum <new-index | cut -d' ' -f1)
	cp new-index "web/prod/packs/$digest"
	resign "s/^index .*/index sha256:$digest $(stat -c %s new-index)/"
}
make_key stranger

begin
sed -i 's/^sequence 3/sequence 4/' web/prod/head
found "a head that was changed" 1 "^FAIL head signature .*signature"
is "$(grep -c . out)" 2 "nothing that it says is asked for"
resign '' stranger
found "a head that a stranger signed" 1 "^FAIL head signature .*not in the list"
resign 's/^channel prod/channel other/'
found "another channel's head" 1 "^FAIL head signature .*channel 'other'"
echo '<html>' >web/prod/head
found "what is no head" 1 "^FAIL head signature .*no SSH signature"
resign 's/^issued .*/issued 2026-01-01T00:00:00Z/
	s/^expires .*/expires 2026-01-02T00:00:00Z/'
found "a head that expired" 1 "^FAIL head freshness it was good until 2026-01-02"
resign "s/^issued .*/issued $(date -ud '+1 hour' +%FT%TZ)/
	s/^expires .*/expires $(date -ud '+2 hours' +%FT%TZ)/"
found "a head from the future" 1 "^FAIL head signature .*our clock"
resign 's/^sequence 3/sequence 4/'
found "a head that lies about its bundle" 1 "^FAIL head bundle .*says it is 1\.3"
resign "s/^content .*/content sha256:$(printf x | sha256sum | cut -d' ' -f1)/"
found "a head that lies about its content" 1 "^FAIL head bundle .*other content"
resign "s/^bundle .*/bundle $(git -C host.git rev-parse refs/heads/main)/"
found "a head that names what no pack has" 1 "^FAIL head bundle no pack brings"

echo >>"web/prod/packs/$index_file"
found "an index that is longer" 1 "^FAIL index digest .*longer than"
sed -i '1s/sha256:./sha256:x/' "web/prod/packs/$index_file"
found "an index that was changed" 1 "^FAIL index digest .*SHA-256"
with_index 's/^base/Base/'
found "an index that is none" 1 "^FAIL index digest index of packs: line 1"
with_index "s/^\\(base [0-9a-f]* sha256:\\)\\([0-9a-f]*\\) .*/\\1\\2 77/"
found "an index that lies about lengths" 1 "^FAIL pack .*longer than the 77 bytes"

pack=$(sed -n 's/^delta .*sha256:\([0-9a-f]*\) .*/\1/p' \
	"good/packs/$index_file" | head -n 1)
printf '\377' | dd of="web/prod/packs/$pack" bs=1 seek=30 conv=notrunc \
	2>/dev/null
found "a pack with another byte" 1 "^FAIL pack ${pack:0:10} "
rm "web/prod/packs/$pack"
found "a pack that is not there" 2 "^\? pack ${pack:0:10} pack .*404"
head -c 40 /dev/urandom >noise
noise=$(sha256sum <noise | cut -d' ' -f1)
cp noise "web/prod/packs/$noise"
with_index "s/sha256:$pack .*/sha256:$noise 40/"
found "a pack that is none" 1 "^FAIL pack ${noise:0:10} pack .*pack"
cp noise "web/prod/packs/$noise"
with_index "\$adelta $(git -C host.git rev-parse main) $(git -C host.git \
	rev-parse refs/windlass/prod) sha256:$noise 40"
verify "$url" prod >out 2>&1
is $? 0 "packs that begin nowhere are no fault" || test_show out
like "$(tr -s ' ' <out)" "^- pack .* no pack brings the bundle" "but shown"
begin

# a bundle that another key signed, under a head that the publisher signed
set_channel host.git prod signingKey "$TRASH/keys/stranger"
put work deploy/prod/a.yaml ConfigMap a demo evil
commit_push work evil
is "$(trailer host.git prod Sequence)" 4 "a stranger's bundle is published"
rm -rf web/prod
cp -r host.git/windlass/public/prod web/prod
verify "$url" prod >out 2>&1
like "$(cat out)" "^FAIL *head *signature" "with a stranger's head"
mv good first-good
cp -r web/prod good
resign ''
rm -rf good
mv first-good good
found "a bundle that a stranger signed" 1 "^FAIL prod 1\.4 signature .*not in the list"
is "$(grep -c '^FAIL' out)" 1 "all else of it is good"

# ---- what cannot be asked ----

verify http://127.0.0.1:1 prod >out 2>&1
is $? 2 "no server"
like "$(cat out)" "^windlass: .*127.0.0.1:1/prod/head" "is named"
verify "$url" staging >out 2>&1
is $? 2 "a channel that is not there"
like "$(cat out)" "answered 404" "says so"
for bad in ftp://127.0.0.1/ "$url/?x" http://u:p@127.0.0.1/ nowhere; do
	verify "$bad" prod >out 2>&1
	is $? 2 "no URL to ask: $bad"
done
windlass verify --publishers publishers --repo host.git --token-file x prod \
	>/dev/null 2>&1
is $? 129 "--token-file without --url"

set_channel host.git prod signingKey "$TRASH/keys/prod"
hook host.git publish >/dev/null
port=$(free_port)
echo 0123456789abcdef0123456789abcdef >token
chmod 600 token
start guarded windlass-hook serve --repo host.git --tokens token \
	--listen 127.0.0.1:"$port"
wait_line 10 guarded.log "listening on" || bail "serve does not start"
verify http://127.0.0.1:"$port" prod >out 2>&1
is $? 2 "a server that wants a token"
like "$(cat out)" "answered 401" "says so"
ok "with its token" verify http://127.0.0.1:"$port" --token-file token \
	--last 1 prod
ln -s token mounted-token
ln -s publishers mounted-publishers
ok "by links, as Kubernetes mounts them" windlass verify --last 1 \
	--publishers mounted-publishers --url http://127.0.0.1:"$port" \
	--token-file mounted-token prod
unlike "$(cat out .output)" "$(cat token)" "which is never shown"
is "$(ls -A tmp)" "" "nothing stays in the temporary folder"

done_testing
