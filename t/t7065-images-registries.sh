#!/bin/bash
# windlass-hook images and its registries: those that want a password, those
# that want a token, and those that answer whatever they like. Credentials go
# to the registry that they are of, and to nobody else; no answer costs much.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-registry.sh"
secret=S3cret-of-robots
hash=$(perl -e 'print crypt($ARGV[0], q($2y$05$windlasswindlasswindle))' "$secret")
case $hash in \$2y*) ;; *) skip_all "this machine's crypt knows no bcrypt" ;; esac
printf 'robot:%s\n' "$hash" >htpasswd
registry_start basic 'auth:' "  htpasswd: {realm: basic, path: $TRASH/htpasswd}"
BASIC=$REGISTRY

openssl req -x509 -newkey rsa:2048 -nodes -keyout token.key -out token.crt \
	-days 2 -subj /CN=issuer 2>/dev/null || bail "openssl"
token_port=$(free_port)
start tokens python3 "$TEST_DIR/odd-registry.py" token "$token_port" \
	"$TRASH/token.crt" "$TRASH/token.key" "robot:$secret"
registry_start token 'auth:' "  token: {realm: \"http://127.0.0.1:$token_port/token\", service: shop, issuer: issuer, rootcertbundle: $TRASH/token.crt}"
TOKEN=$REGISTRY
odd_port=$(free_port) elsewhere_port=$(free_port)
start odd python3 "$TEST_DIR/odd-registry.py" odd "$odd_port" "127.0.0.1:$elsewhere_port"
start elsewhere python3 "$TEST_DIR/odd-registry.py" odd "$elsewhere_port" nowhere
for port in $token_port $odd_port $elsewhere_port; do
	wait_for 20 curl -s -o /dev/null "http://127.0.0.1:$port/v2/x/tags/list" ||
		bail "no server on $port"
done

make_host host.git prod
make_clone host.git work
file=deploy/prod/web.yaml
image() { git -C host.git show "main:$file" | sed -n 's/^ *image: *\(.*[^ ]\) *#.*/\1/p'; }
images() { hook host.git images --once "$@" >out 2>err; }
failed() { # DESCRIPTION STATUS PATTERN
	local before
	before=$(git -C host.git for-each-ref)
	images
	is "$? $(git -C host.git for-each-ref)" "$2 $before" "$1"
	like "$(cat err)" "$3" "and it is said"
}
# follows IMAGE [VALUE]: what the manifest says, and the policy follows
follows() {
	git -C work pull -q 2>/dev/null
	add_policy host.git flux-system:web "$1"
	image_manifest "work/$file" flux-system:web "${2:-$1:0.9.0}"
	commit_push work "$1 $RANDOM" || bail "$(cat push.out)"
}
add_policy host.git flux-system:web x semver '*'

# ---- a password ----
(umask 077
 printf '{"auths": {"%s": {"auth": "%s"}, "%s": {"username": "robot", "password": "%s"}}}\n' \
	"$BASIC" "$(printf 'robot:%s' "$secret" | base64)" "$TOKEN" "$secret" >login
 printf '{"auths": {"%s": {"auth": "%s"}, "%s": {"username": "robot", "password": "no"}}}\n' \
	"$BASIC" "$(printf 'robot:no' | base64)" "$TOKEN" >wrong)
credentials() { git -C host.git config windlass-image.flux-system:web.credentials "$TRASH/$1"; }
IMAGE_CURL=(--user "robot:$secret") REGISTRY=$BASIC
push_image shop/web 1.0.0 || bail "cannot push with a password"
push_image shop/web 1.1.0
follows "$BASIC/shop/web"
failed "no password" 1 "wants a user and a password: set windlass-image\.flux-system:web\.credentials"
credentials wrong
failed "a wrong one" 1 "the credentials are not those it wants"
credentials login
git -C host.git config windlass-image.flux-system:web.pinDigest true
ok "the right one" images
is "$(image)" "$BASIC/shop/web:1.1.0@$(image_digest shop/web 1.1.0)" "tags and digests"
chmod 644 login
failed "a file that others can read" 1 "login.*chmod"
chmod 600 login

# ---- a token ----
REGISTRY=$TOKEN
bearer() {
	curl -sS --user "robot:$secret" \
		"http://127.0.0.1:$token_port/token?service=shop&scope=repository:$1:pull,push" |
		jq -r .token
}
IMAGE_CURL=(-H "Authorization: Bearer $(bearer shop/web)")
push_image shop/web 1.0.0 || bail "cannot push with a token: $(tail -n 5 token.log)"
push_image shop/web 2.0.0
follows "$TOKEN/shop/web"
ok "a registry that wants a token" images
is "$(image)" "$TOKEN/shop/web:2.0.0@$(image_digest shop/web 2.0.0)" "gets one"
like "$(cat tokens.log)" 'scope=repository%3Ashop%2Fweb%3Apull .*with credentials' \
	"that is good for pulling, no more"
push_image shop/web 2.1.0
credentials wrong
failed "a wrong password" 1 'no token: .*the credentials are not those it wants'
git -C host.git config --unset windlass-image.flux-system:web.credentials
failed "none" 1 'no token: .*it may want credentials'
git -C host.git config windlass-image.flux-system:web.pinDigest false
credentials login

# ---- pages ----
odd=127.0.0.1:$odd_port
(umask 077
 printf '{"auths": {"%s": {"username": "robot", "password": "%s"}}}\n' \
	"$odd" "$secret" >login)
follows "$odd/pages"
ok "several pages" images
is "$(image)" "$odd/pages:1.0.5" "are all read"
is "$(grep -c 'GET /v2/pages/tags/list' odd.log)" 6 "each once"

# ---- registries that answer what they like ----
follows "$odd/endless"
failed "pages without end" 1 "$odd has no end of pages of tags of 'endless'"
follows "$odd/nowhere"
ok "a page on another host" images
is "$(image)" "$odd/nowhere:1.0.0" "is none"
is "$(grep -c warning: err)" 1 "one warning"
like "$(cat err)" "^flux-system:web: warning: only some of the tags of 'nowhere' are known: $odd says that more are at <http://127\.0\.0\.1:$elsewhere_port/v2/nowhere/.*>, which is not below http://$odd/v2/nowhere/:" \
	"says where the others are"
hook host.git doctor >doctor.out 2>&1
like "$(cat doctor.out)" "^warn  images: .*only some of the tags of 'nowhere' are known" "doctor too"
follows "$odd/moved"
failed "a redirect" 1 "$odd redirects \(307\), which is not followed"
follows "$odd/huge"
failed "an answer without end" 1 "answers with more than 8388608 bytes"
follows "$odd/text"
failed "no JSON" 1 "does not answer with tags"
follows "$odd/names"
ok "tags that are none" images
is "$(image)" "$odd/names:1.0.0" "are passed over"
follows "$odd/busy"
ok "one that wants a pause" images
is "$(image)" "$odd/busy:1.0.0" "gets it"
follows "$odd/late"
failed "a long one" 2 "$odd wants fewer requests"
is "$(grep -c 'GET /v2/late' odd.log)" 1 "is not asked again now"
follows "$odd/broken"
failed "one that is broken" 2 "$odd answers 500"
is "$(grep -c 'GET /v2/broken' odd.log)" 3 "was asked some times"
follows "$odd/asks"
failed "tokens without TLS" 1 "wants a token of 'http://registry\.example\.org/token', and without TLS only this machine is spoken to"
follows "$odd/trick"
failed "a name that looks like this machine" 1 "without TLS only this machine"
follows "$odd/loop"
failed "a token that is never good" 1 "does not let us read 'loop' \(401\)"
is "$(grep -c 'GET /v2/loop' odd.log)" 2 "is tried once"
git -C host.git config windlass-image.flux-system:web.pinDigest true
follows "$odd/digest"
failed "a digest that is none" 1 "does not say which digest"
is "$(grep -v '/v2/x/' elsewhere.log)" "" "and nobody else was asked anything"
unlike "$(cat out err; git -C host.git log --format=%B main)" "$secret" \
	"the password is nowhere"
done_testing
