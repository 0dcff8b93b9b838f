#!/bin/bash
# What is published goes to a bucket of a real S3 server: packs first and the
# head last, whatever is killed, down, hanging, full or wrong; and what nothing
# names is removed from there later.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-s3.sh"

s3_build
make_host host.git prod
make_clone host.git work
s3_credentials credentials
s3_start store
s3_public
store=$S3
add_bucket host.git eu "$store/pub/clusters"
there=store/pub/clusters/prod

# change TEXT: a commit, pushed
change() {
	put work deploy/prod/a.yaml ConfigMap a demo "$1"
	commit_push work "$1"
}
# What the bucket has is what is published, to the byte, and the head that is
# there leads to nothing that is not.
same_as_local() {
	cmp "host.git/windlass/public/prod/head" "$there/head" &&
		leads_somewhere
}
leads_somewhere() {
	local digest
	[ -e "$there/head" ] || return 0
	for digest in $(sed -n 's/^\(index\|delta\) .*sha256:\([0-9a-f]*\) .*/\2/p' "$there/head"); do
		[ "$(sha256sum <"$there/packs/$digest")" = "$digest  -" ] ||
			return
	done
	digest=$(sed -n 's/^index sha256:\([0-9a-f]*\) .*/\1/p' "$there/head")
	for digest in $(sed 's/.*sha256:\([0-9a-f]*\) .*/\1/' "$there/packs/$digest"); do
		[ "$(sha256sum <"$there/packs/$digest")" = "$digest  -" ] ||
			return
	done
}
no_secret() {
	unlike "$(cat -- *.out *.log host.git/windlass/prod/s3/* host.git/config)" \
		"$S3_SECRET" "$1"
}

# --- a push -------------------------------------------------------------
ok "a push" change one
like "$(cat push.out)" "windlass: prod 1.1 is in 'eu', 2 files sent" "says so"
ok "the bucket has all of it" same_as_local
s3_logged store 'Put clusters/prod/head'
is "$(s3_asked store | sed -n '/^Put/{s/[0-9a-f]\{64\}/ID/;p}')" \
"Put clusters/prod/packs/ID 200
Put clusters/prod/packs/ID 200
Put clusters/prod/head 200" "the head came last"
curl -si "$store/pub/clusters/prod/head" | tr -d '\r' >head.out
like "$(cat head.out)" '^Cache-Control: no-cache$' "which no cache may keep"
like "$(cat head.out)" '^Content-Type: text/plain; charset=us-ascii$' "of a type"
pack=$(sed -n 's/^index sha256:\([0-9a-f]*\) .*/\1/p' "$there/head")
curl -si "$store/pub/clusters/prod/packs/$pack" -o /dev/null -D - |
	tr -d '\r' >head.out
like "$(cat head.out)" '^Cache-Control: max-age=31536000, immutable$' \
	"and packs for ever"
: >store.access
ok "the next push" change two
s3_logged store 'Put clusters/prod/head'
is "$(s3_asked store | sed 's/[0-9a-f]\{64\}/ID/')" \
"Get clusters/prod/head 200
Put clusters/prod/packs/ID 200
Put clusters/prod/packs/ID 200
Put clusters/prod/head 200" "asks and sends no more than it must"
ok "and all is there" same_as_local
: >store.access
is "$(hook host.git upload)" "prod 1.2 is in 'eu' already" "once is enough"
s3_logged store 'Get clusters/prod/head'
is "$(s3_asked store)" "Get clusters/prod/head 200" "one question is asked"
is "$(hook host.git upload --verify)" "prod 1.2 is in 'eu' already" \
	"--verify sends nothing either"
pack=$(sed -n 's/^delta .*sha256:\([0-9a-f]*\) .*/\1/p' "$there/head")
rm "$there/packs/$pack"
like "$(hook host.git doctor)" "FAIL  prod: s3: 'eu' lacks 1 of the files" \
	"doctor sees what is missing"
is "$(hook host.git upload --verify)" "prod 1.2 is in 'eu', 1 file sent" \
	"and --verify brings it back"
ok "whole" same_as_local
like "$(hook host.git doctor)" "ok    prod: s3: 'eu' has 1.2 and all that it" \
	"doctor is content"
ok "refresh" hook host.git refresh --force
ok "the head that was signed again is there" same_as_local

for i in 1 2 3 4; do
	hook host.git upload --verify >together.$i.out 2>&1 &
	together[i]=$!
done
failed=0
for i in 1 2 3 4; do wait "${together[i]}" || failed=$i; done
is "$failed" 0 "four at once take turns"

# --- killed -------------------------------------------------------------
if grep -q '^#define ENABLE_FAULTS 1' "$WINDLASS_BUILD/config.h"; then
	git -C host.git config windlass-s3.eu.keep 1s
	hook host.git upload >/dev/null
	for step in $(sed -n 's/^\tAT(\([a-z_]*\)).*/\1/p' "$TOP/hooks/faults.h")
	do
		sleep 1.1	# so that something is to be removed
		export WINDLASS_CRASH_AT=$step
		ok "a push whose upload is killed at $step" change "at $step"
		[ "$step" != file_removed ] ||
			hook host.git upload >killed.out 2>&1
		unset WINDLASS_CRASH_AT
		ok "... the head there leads somewhere" leads_somewhere
		ok "... publish finishes" hook host.git publish
		ok "... and all is there" same_as_local
		like "$(hook host.git upload --verify)" \
			"is in 'eu'( already|, [0-9]* removed)\$" \
			"... noted as it is"
	done
	is "$(sed -n 's/^\tAT(\([a-z_]*\)).*/\1/p' "$TOP/hooks/faults.h" | wc -l)" \
		5 "the list of steps was read"
fi

# --- what nothing names -------------------------------------------------
git -C host.git config windlass-s3.eu.keep 1h
sleep 1.1
change kept
old=$(sed -n 's/^there \([0-9a-f]*\) [1-9].*/\1/p' host.git/windlass/prod/s3/eu)
ok "what nothing names stays" test -n "$old"
for digest in $old; do
	[ -e "$there/packs/$digest" ] || fail "$digest is not there"
done
git -C host.git config windlass-s3.eu.keep 1s
sleep 1.1
like "$(hook host.git upload)" "is in 'eu', [0-9]+ removed" "for a while"
gone=0
for digest in $old; do
	[ ! -e "$there/packs/$digest" ] || gone=1
done
is "$gone" 0 "not longer"
ok "and nothing else went" same_as_local
is "$(ls "$there/packs" | sort)" \
	"$(sed -n 's/^there \([0-9a-f]*\) 0$/\1/p' host.git/windlass/prod/s3/eu | sort)" \
	"the bucket has no other file"
git -C host.git config windlass-s3.eu.keep 1h

# --- what we know of it is lost -----------------------------------------
for text in '' 'windlass-upload 1' 'windlass-upload 2
url x' "$(head -c 300 host.git/windlass/prod/s3/eu)" "$(head -c 200 /dev/urandom | tr '\0' x)"
do
	printf '%s' "$text" >host.git/windlass/prod/s3/eu
	like "$(hook host.git upload)" "is in 'eu' already" \
		"a record that is lost or damaged sends nothing again"
done
sed -i 's/ 0$/ 1/' host.git/windlass/prod/s3/eu
hook host.git upload >/dev/null
ok "nor removes what is needed" same_as_local

# --- a store that is down, that hangs -----------------------------------
stop store KILL
port=${store##*:}
begin=$(date +%s%3N)
ok "a push while the store is down" change down
took=$(($(date +%s%3N) - begin))
ok "takes $took ms" [ "$took" -lt 9000 ]
like "$(cat push.out)" "windlass: prod: not in 'eu': .*[Cc]onnect" "and says so"
hook host.git publish >publish.out 2>&1
is "$?" 2 "publish fails as what may work later does"
like "$(hook host.git doctor)" "FAIL  prod: s3: 'eu' at http.*[Cc]onnect" \
	"so does doctor"
S3_PORT=$port s3_start store
ok "when it is up, publish catches up" hook host.git publish
ok "with all of it" same_as_local
kill -STOP -- "-$pid_store"
begin=$(date +%s%3N)
ok "a push while the store hangs" change hangs
took=$(($(date +%s%3N) - begin))
ok "takes $took ms" [ "$took" -lt 9000 ]
like "$(cat push.out)" "prod: is still being uploaded" "and says so"
kill -CONT -- "-$pid_store"
ok "it goes on by itself" wait_for 30 same_as_local

# --- serve tries again --------------------------------------------------
stop store KILL
change again
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0
wait_line 20 serve.log 'listening on'
S3_PORT=$port s3_start store
stop serve
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0
ok "serve uploads what is not there" wait_for 30 same_as_local
git -C work commit -q --allow-empty -m x
put work deploy/prod/a.yaml ConfigMap a demo "by serve"
commit work "by serve"
git -C host.git fetch -q "$TRASH/work" main:main
kill -HUP "$pid_serve"
ok "and what it publishes itself" wait_for 30 eval \
	'[ "$(trailer host.git prod Source-Commit)" = "$(git -C host.git rev-parse main)" ] && same_as_local'
stop serve
no_secret "no secret was told"

# --- what is ahead of us ------------------------------------------------
cp -R host.git backup.git
ok "a push" change three
rm -rf host.git && cp -R backup.git host.git
cp "$there/head" ahead
hook host.git publish >refused.out 2>&1
is "$?" 1 "a repository out of a backup publishes nothing over it"
like "$(cat refused.out)" "not in 'eu': the head in the bucket is .*, ahead of what is published here: was this repository restored" \
	"and says why"
put work deploy/prod/a.yaml ConfigMap a demo other
git -C work commit -q -a --amend -m other
push work --force
like "$(cat push.out)" "the head in the bucket is .*same number is another bundle" \
	"nor another bundle in its place"
ok "nothing changed it" cmp ahead "$there/head"
like "$(hook host.git doctor)" "FAIL  prod: s3: 'eu' has another head" \
	"doctor says it too"

# Somebody else's head comes while ours is on its way: a proxy that only passes
# bytes on puts it there when it sees ours.
cat >between.py <<'END'
import socket, subprocess, sys, threading
def pump(a, b, look):
    try:
        while data := a.recv(65536):
            if look and b"PUT /pub/clusters/prod/head" in data:
                subprocess.run(sys.argv[3:], check=True)
            b.sendall(data)
    except OSError:
        pass
    for s in a, b:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    client = listener.accept()[0]
    server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    threading.Thread(target=pump, args=(client, server, True)).start()
    threading.Thread(target=pump, args=(server, client, False)).start()
END
put_head() {
	s3_curl pub/clusters/prod/head -f -T "$1" -H \
		"x-amz-content-sha256: $(sha256sum <"$1" | cut -d' ' -f1)"
}
rm -rf host.git && cp -R backup.git host.git
ok "the bucket is as it was" put_head host.git/windlass/public/prod/head
between=$(free_port)
export -f put_head s3_curl
export S3 S3_KEY S3_SECRET
start between python3 between.py "$between" "$port" bash -c 'put_head ahead'
wait_line 20 between.log listening
git -C host.git config windlass-s3.eu.url "http://127.0.0.1:$between/pub/clusters"
hook host.git refresh --force >refused.out 2>&1
is "$?" 1 "a head that comes while ours is sent"
like "$(cat refused.out)" "the head in the bucket is .*, ahead of" "is seen"
ok "and stays" cmp ahead "$there/head"
stop between
git -C host.git config windlass-s3.eu.url "$store/pub/clusters"
push work --force

set_channel host.git prod epoch 2
ok "a new epoch" hook host.git publish
ok "may" same_as_local
make_host stranger.git prod
add_bucket stranger.git eu "$store/pub/clusters"
git -C stranger.git fetch -q "$TRASH/work" main:main
hook stranger.git publish >refused.out 2>&1
is "$?" 1 "another repository with a channel of that name may not"
like "$(cat refused.out)" "the head in the bucket is not to be trusted.*with id" \
	"and is told why"
cp "$there/head" good
echo rubbish >"$there/head"
ok "a push over rubbish" change rubbish
like "$(cat push.out)" "the head in the bucket is not to be trusted" \
	"leaves it to a person"
cp good "$there/head"
ok "who repairs it" hook host.git upload
ok "and all is well" same_as_local

# --- credentials, regions, buckets --------------------------------------
# refused PATTERN DESCRIPTION
refused() {
	hook host.git upload --verify >refused.out 2>&1
	is "$?" 1 "$2"
	like "$(cat refused.out)" "$1" "... says what to do"
	like "$(hook host.git doctor | grep -a 's3:')" "FAIL.*$1" "... so does doctor"
}
chmod 644 credentials
refused "credentials file .* can be accessed by others .mode 0644.: chmod 600" \
	"a file that others can read"
s3_credentials credentials wrong
refused "SignatureDoesNotMatch.*look at the credentials" "a wrong secret"
sed -i 's/windlass$/nobody/' credentials
refused "(InvalidAccessKeyId|XAdminUserNotFound).*look at the credentials" "an unknown key"
echo 'aws_session_token =' >>credentials
refused "line 4: the value of aws_session_token must be" "half a file"
sed -i 's/default/other/' credentials
refused "has no section .default." "no such profile"
git -C host.git config windlass-s3.eu.profile other
s3_credentials credentials
sed -i 's/default/other/' credentials
ok "another profile" hook host.git upload --verify
git -C host.git config --unset windlass-s3.eu.profile
git -C host.git config --unset windlass-s3.eu.credentials
refused "no credentials for it: set windlass-s3.eu.credentials" "none at all"
ok "from the environment" env AWS_ACCESS_KEY_ID=$S3_KEY \
	AWS_SECRET_ACCESS_KEY=$S3_SECRET \
	windlass-hook upload --repo host.git --verify
s3_credentials credentials
git -C host.git config windlass-s3.eu.credentials "$TRASH/credentials"
git -C host.git config windlass-s3.eu.region eu-north-1
refused "AuthorizationHeaderMalformed.*correct the region" "a wrong region"
git -C host.git config --unset windlass-s3.eu.region
git -C host.git config windlass-s3.eu.url "$store/nowhere/clusters"
refused "NoSuchBucket.*make the bucket, or correct the url" "no bucket"
git -C host.git config windlass-s3.eu.url "$store/pub/clusters"
ok "all is well again" hook host.git upload --verify
if command -v faketime >/dev/null; then
	timeout 60 faketime -f '+40m' windlass-hook upload --verify --repo host.git \
		>refused.out 2>&1
	is "$?" 1 "a clock that is wrong"
	like "$(cat refused.out)" "clock of this machine is 2[34][0-9][0-9] s ahead of that of the store: set it" \
		"... says what to do"
else
	skip 2 "no faketime"
fi
no_secret "no secret was told"

# --- refused, full, big -------------------------------------------------
s3_start readonly --readonly
add_bucket host.git eu "$S3/pub"
hook host.git upload >refused.out 2>&1
is "$?" 1 "a store that takes nothing"
like "$(cat refused.out)" "PUT of prod/packs/[0-9a-f]*: 403 AccessDenied.*s3:PutObject" \
	"... says what to do"
stop readonly
if unshare -rm true 2>/dev/null; then
	mkdir full side
	fullport=$(free_port)
	ROOT_ACCESS_KEY_ID=$S3_KEY ROOT_SECRET_ACCESS_KEY=$S3_SECRET \
		start full unshare -rm sh -c \
		"mount -t tmpfs -o size=64k tmpfs full && mkdir full/pub &&
		 exec '$VERSITYGW' --port 127.0.0.1:$fullport --quiet posix \
			--sidecar '$TRASH/side' full"
	S3=http://127.0.0.1:$fullport
	wait_for 20 s3_answers
	add_bucket host.git eu "$S3/pub"
	for i in 1 2 3 4; do
		put work deploy/prod/b$i.yaml ConfigMap "b$i" demo \
			"$(head -c 30000 /dev/urandom | base64 -w0)"
	done
	ok "a push that the store has no room for" commit_push work big
	like "$(cat push.out)" "not in 'eu': PUT of .*: 507 .*make room" \
		"is published, and not there"
	stop full
else
	skip 2 "no user namespaces"
fi
for i in $(seq 15); do
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big%s, namespace: demo}\ndata:\n  text: %s\n' \
		"$i" "$(head -c 500000 /dev/urandom | base64 -w0)" \
		>"work/deploy/prod/big$i.yaml"
done
S3=$store
add_bucket host.git eu "$store/pub/clusters"
ok "a big push" commit_push work bigger
ok "is there" wait_for 60 same_as_local
rm "$there"/packs/*
cat >peak.py <<'END'
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(status)
END
peak=$(python3 peak.py windlass-hook upload --verify --repo host.git |
	tail -n 1)
size=$(du -sm "$there/packs" | cut -f1)
ok "all of it again, $size MiB, in $peak MiB of memory" \
	[ "$size" -ge 7 -a "$peak" -lt 18 ]
ok "whole" same_as_local

# --- two of them, TLS, the bucket's own host, Secrets -------------------
LC_ALL=C openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-subj /CN=store -addext subjectAltName=IP:127.0.0.1 -days 2 \
	-keyout tls.key -out tls.crt 2>tls.out || { test_show tls.out; bail openssl; }
s3_start second --cert "$TRASH/tls.crt" --key "$TRASH/tls.key"
there2=second/pub/prod
add_bucket host.git backup "https://$S3_HOST/pub"
hook host.git upload >refused.out 2>&1
is "$?" 1 "a certificate of nobody"
like "$(cat refused.out)" "not in 'backup': .*certificate" "... is not believed"
SSL_CERT_FILE=$TRASH/nowhere.crt hook host.git upload >refused.out 2>&1
is "$?" 1 "nor where the environment names an authority that is not there"
like "$(cat refused.out)" "not in 'backup': .*nowhere\.crt" "... which is said"
not_ok "nothing is there" test -e "$there2/head"
mkdir certs
cp tls.crt "certs/$(openssl x509 -noout -hash -in tls.crt).0"
SSL_CERT_DIR=$TRASH/certs hook host.git upload --verify >refused.out 2>&1
ok "one of the folder that the environment names" cmp "$there/head" "$there2/head"
rm -r second/pub/*
SSL_CERT_FILE=$TRASH/tls.crt hook host.git upload --verify >refused.out 2>&1
ok "or the one that it names" cmp "$there/head" "$there2/head"
rm -r second/pub/*
LC_ALL=C openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-subj /CN=other -days 2 -keyout other.key -out other.crt 2>tls.out
git -C host.git config windlass-s3.backup.caFile "$TRASH/other.crt"
SSL_CERT_FILE=$TRASH/tls.crt hook host.git upload --verify >refused.out 2>&1
like "$? $(cat refused.out)" "'backup'.*certificate" \
	"an authority of the bucket's own is the only one"
not_ok "nothing is there" test -e "$there2/head"
git -C host.git config windlass-s3.backup.caFile "$TRASH/tls.crt"
git -C host.git config windlass-s3.eu.url "http://pub.localhost:$port/clusters"
ok "two buckets" hook host.git upload
ok "both have it" cmp "$there/head" "$there2/head"
stop store KILL
ok "a push while one is down" change twice
like "$(cat push.out)" "not in 'eu'" "is not there"
ok "and in the other" cmp "$there2/head" host.git/windlass/public/prod/head
S3_PORT=$port s3_start store
ok "then in both" hook host.git upload
ok "the same" cmp "$there/head" "$there2/head"
set_channel host.git prod secrets allow
like "$(hook host.git doctor)" "warn  prod: s3: is in no bucket, because it takes Secrets" \
	"a channel that takes Secrets is in none"
ok "a push" change secret
not_ok "stays at home" cmp "$there/head" host.git/windlass/public/prod/head
git -C host.git config --add windlass-s3.eu.channel prod
git -C host.git config --add windlass-s3.eu.channel prdo
ok "until somebody says so" hook host.git upload
ok "there" same_as_local
like "$(hook host.git doctor)" "FAIL  prod: s3: anybody can read 'eu', and the channel takes" \
	"and doctor looks who can read it"
like "$(hook host.git doctor)" "warn  s3: windlass-s3.eu.channel names 'prdo'" \
	"and at what means nothing"

# --- settings -----------------------------------------------------------
# setting KEY VALUE PATTERN
setting() {
	local old
	old=$(git -C host.git config "windlass-s3.$1" | tail -n 1)
	git -C host.git config --replace-all "windlass-s3.$1" "$2"
	like "$(hook host.git upload 2>&1)" "$3" "windlass-s3.$1 = $2"
	git -C host.git config --unset-all "windlass-s3.$1"
	[ -z "$old" ] || git -C host.git config "windlass-s3.$1" "$old"
}
setting eu.url ftp://x/y "windlass-s3.eu.url = 'ftp://x/y': must be https"
setting eu.url http://s3.example.org/pub "without TLS only this machine"
setting eu.url http://localhost.example.org/pub "without TLS only this machine"
for url in 'https://s3.example.org/a b' 'https://s3.example.org/a//b' \
	'https://s3.example.org/../b' 'https://s3.example.org/b?x' \
	'https://user:secret@s3.example.org/b' 'https:///b'; do
	setting eu.url "$url" "must be https://HOST/BUCKET"
done
setting eu.region 'a:b' "must be a region's name"
setting eu.keep never "must be a duration from 1s to 30d"
setting eu.regon x "unknown setting 'windlass-s3.eu.regon'; the nearest known one is 'windlass-s3.eu.region'"
setting new.region x "windlass-s3.new has no url"
setting Big.url https://x/y "cannot be the name of a section windlass-s3"
setting other.url "https://$S3_HOST/pub" "have one url|is in"
not_ok "an unknown channel" hook host.git upload nothere
add_channel host.git extra
like "$(hook host.git init extra --remove)" \
	"^bucket   what is below http.*/extra stays there" \
	"a channel that is removed stays in the bucket, and that is said"
git -C host.git config --remove-section windlass-s3.eu
git -C host.git config --remove-section windlass-s3.backup
like "$(hook host.git upload 2>&1)" "no bucket is configured" "nothing to do is said"
ok "and a push without buckets starts nothing" change alone
unlike "$(cat push.out)" "is in '|not in '" "quietly"
done_testing
