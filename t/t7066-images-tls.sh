#!/bin/bash
# windlass-hook images and a registry that speaks TLS: trusted by the authority
# of the policy, and by none other; what is wrong with a certificate is said,
# with what to do, and no credentials are shown to who cannot be trusted.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-registry.sh"
secret=S3cret-of-robots
hash=$(perl -e 'print crypt($ARGV[0], q($2y$05$windlasswindlasswindle))' "$secret")
case $hash in \$2y*) ;; *) skip_all "this machine's crypt knows no bcrypt" ;; esac
printf 'robot:%s\n' "$hash" >htpasswd

authority() { # NAME
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" \
		-days 2 -subj "/CN=$1" -addext basicConstraints=critical,CA:true \
		2>/dev/null || bail openssl
}
certificate() { # NAME AUTHORITY SUBJECTALTNAME [DAYS]
	openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" \
		-subj "/CN=$1" 2>/dev/null
	printf 'subjectAltName=%s\n' "$3" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" \
		-CAcreateserial -days "${4:-2}" -extfile "$1.ext" \
		-out "$1.crt" 2>/dev/null || bail openssl
}
authority ours
authority theirs
certificate good ours IP:127.0.0.1,DNS:localhost
certificate named ours DNS:registry.example.org
certificate old ours IP:127.0.0.1 -1

tls_registry() { # NAME CERTIFICATE
	REGISTRY_TLS=$2 registry_start "$1" \
		'auth:' "  htpasswd: {realm: basic, path: $TRASH/htpasswd}"
}
tls_registry named named && NAMED=$REGISTRY
tls_registry old old && OLD=$REGISTRY
token_port=$(free_port)
start tokens python3 "$TEST_DIR/odd-registry.py" token "$token_port" \
	"$TRASH/ours.crt" "$TRASH/ours.key" "robot:$secret"
REGISTRY_TLS=good registry_start sends 'auth:' \
	"  token: {realm: \"http://127.0.0.1:$token_port/token\", service: shop, issuer: issuer, rootcertbundle: $TRASH/ours.crt}"
SENDS=$REGISTRY
wait_for 20 curl -s -o /dev/null "http://127.0.0.1:$token_port/token" ||
	bail "no server of tokens"
tls_registry good good && GOOD=$REGISTRY
IMAGE_CURL=(--user "robot:$secret" --cacert ours.crt)
push_image shop/web 1.0.0 || bail "cannot push"
push_image shop/web 1.1.0

make_host host.git prod
make_clone host.git work
file=deploy/prod/web.yaml
image() { git -C host.git show "main:$file" | sed -n 's/^ *image: *\(.*[^ ]\) *#.*/\1/p'; }
policy() { git -C host.git config "windlass-image.flux-system:web.$1" "$2"; }
images() { hook host.git images --once >out 2>err; }
# refused REGISTRY STATUS PATTERN WHAT
refused() {
	local before
	policy image "$1/shop/web"
	before=$(git -C host.git for-each-ref)
	images
	is "$? $(git -C host.git for-each-ref)" "$2 $before" "$4"
	like "$(cat err)" "$3" "and it is said"
}
(umask 077
 for r in "$GOOD" "$NAMED" "$OLD"; do
	printf '"%s": {"username": "robot", "password": "%s"}\n' "$r" "$secret"
 done | paste -sd, | sed 's/.*/{"auths": {&}}/' >login)
add_policy host.git flux-system:web "$GOOD/shop/web" semver '*' \
	credentials "$TRASH/login" caFile "$TRASH/ours.crt" pinDigest true
image_manifest "work/$file" flux-system:web "$GOOD/shop/web:1.0.0"
commit_push work first || bail "$(cat push.out)"
ok "a registry whose certificate is of the policy's authority" images
is "$(image)" "$GOOD/shop/web:1.1.0@$(image_digest shop/web 1.1.0)" "tells tags and digests"
push_image shop/web 1.2.0

policy caFile "$TRASH/theirs.crt"
asked=$(grep -c 'GET /v2/shop' good.log)
refused "$GOOD" 1 "cannot ask $GOOD, because its certificate is not good: .*; authorities that count are those in windlass-image\.flux-system:web\.caFile, '$TRASH/theirs.crt'" \
	"another authority"
is "$(grep -c 'GET /v2/shop' good.log)" "$asked" "nothing was asked"
policy caFile "$TRASH/ours.crt"
refused "$NAMED" 1 "cannot ask $NAMED, because its certificate is not good: .*name" "a certificate of another name"
refused "$OLD" 1 "cannot ask $OLD, because its certificate is not good: .*expired" "one that has expired"
refused "$SENDS" 1 "$SENDS wants a token of 'http://127\.0\.0\.1:$token_port/token', and has no say in what is asked of this machine$" \
	"one that would have us ask what listens here"
is "$(grep -c scope tokens.log)" 0 "which is not asked"
policy caFile "$TRASH/nowhere.crt"
refused "$GOOD" 1 "caFile.*'$TRASH/nowhere.crt'" "an authority that is not there"
echo nonsense >bad.crt
policy caFile "$TRASH/bad.crt"
refused "$GOOD" 1 "caFile.*'$TRASH/bad.crt'" "a file that has none"
hook host.git doctor >doctor.out
like "$(cat doctor.out)" "^FAIL  images: 'flux-system:web': .*caFile.*'$TRASH/bad.crt'" \
	"doctor says so, too"
git -C host.git config --unset windlass-image.flux-system:web.caFile
refused "$GOOD" 1 "$GOOD answers 400" "TLS where the clear is spoken"
cat ours.crt >>theirs.crt
policy caFile "$TRASH/theirs.crt"
policy image "$GOOD/shop/web"
ok "a file of several authorities" images
is "$(image)" "$GOOD/shop/web:1.2.0@$(image_digest shop/web 1.2.0)" "has the right one"
is "$(cat named.log old.log | grep -c 'GET /v2/shop')" 0 "the others were asked nothing"
unlike "$(cat out err doctor.out)" "$secret" "the password is nowhere"
done_testing
