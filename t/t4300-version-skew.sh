#!/bin/bash
# Hook and engine of different versions. t/fixtures/published-0.1 is what the
# hook 0.1 left: the repository, and the folder that it published, signed by a
# key that nobody has any more. Today's programs must read it, and today's
# hook must carry it on. What a newer hook may do differently is made by hand:
# another version of the renderer; and what it may not do unnoticed.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"
unset GIT_DIR
old=$TEST_DIR/fixtures/published-0.1
old_id=$(cat "$old/channel-id")

# ---- an older hook, read ----

# what it published is out of date by now; all else is as good as ever
port=$(free_port)
cp -r "$old/public" old-public
start old python3 -m http.server "$port" --bind 127.0.0.1 --directory old-public
wait_for 20 curl -sf "http://127.0.0.1:$port/prod/head" >/dev/null ||
	bail "no server"
windlass verify --publishers "$old/publishers" --url "http://127.0.0.1:$port" \
	prod 2>&1 | tr -s ' ' | grep -v '^[a-z]* head freshness' >out
unlike "$(cat out)" '^(bad|fail|not)' "what the hook 0.1 published is good"
like "$(cat out)" '^ok head signature' "its head"
is "$(grep -c '^ok pack ' out)" 3 "its packs"
is "$(grep -c '^ok prod 1\.[123]' out)" 9 "its bundles"
stop old

# ---- and carried on by today's ----

git clone -q --mirror "$old/repo.bundle" app.git
git -C app.git config --remove-section remote.origin
git -C app.git config windlass.prod.id "$old_id"
windlass-hook init prod --repo app.git --key "$TRASH/hookkey" \
	--ref refs/heads/main --path deploy/prod --default-namespace demo \
	>init.out 2>&1 || { test_show init.out; bail "init"; }
before=$(git -C app.git rev-parse refs/windlass/prod)
ok "today's hook publishes on" windlass-hook publish --repo app.git
is "$(git -C app.git rev-parse refs/windlass/prod^)" "$before" \
	"one bundle more, on the old ones"
is "$(git -C app.git diff --stat refs/windlass/prod^ refs/windlass/prod)" "" \
	"the same objects, under the new key"
{
	cat "$old/publishers"
	printf 'new namespaces="git,head-v1@windlass.dev" '
	cut -d' ' -f1,2 hookkey.pub
} >host.line
ok "the whole chain is good" windlass verify --repo app.git \
	--publishers host.line prod
start serve windlass-hook serve --repo app.git --listen 127.0.0.1:0
wait_line 20 serve.log '^listening on ' || bail "serve"
url=$(sed -n 's/^listening on //p' serve.log)
id=$old_id
engine mixed --auto --interval 5
ok "an engine takes it" wait_line 30 mixed.log \
	"^accepted $(git -C app.git rev-parse refs/windlass/prod)"
stop mixed
stop serve
rm host.line

# ---- a newer hook ----

export GIT_DIR=$TRASH/bundles.git
id=0123456789abcdef0123456789abcdef
new_key publisher
put demo "" ConfigMap web one
bundle
put demo "" ConfigMap web two
b_edit='s,^Renderer: plain/1$,Renderer: plain/2,' bundle
newer=$bundle
publish
like "$(git cat-file commit "$newer")" '^Renderer: plain/2$' \
	"a bundle by the next renderer"
port=$(free_port)
start static python3 -m http.server "$port" --bind 127.0.0.1 --directory "$public"
url=http://127.0.0.1:$port
wait_for 20 curl -sf "$url/prod/head" >/dev/null || bail "no server"
engine newer --auto --interval 1
ok "an engine takes it" wait_line 30 newer.log "^accepted $newer"
# another form of what is signed is not: who knows what it means
refused() {
	ok "another form of a $1 is not" wait_line 30 newer.log \
		"^state .* verified=$2 .*"
	ok "and it is said why" wait_line 30 newer.log \
		"^because verified: $1.*of another version of windlass"
	not_ok "it is not applied" grep -q "^accepted $bundle" newer.log
}
put demo "" ConfigMap web three
bundle
publish
sed -i '1s/ 1$/ 2/' .head
rm .head.sig
ssh-keygen -q -Y sign -n head-v1@windlass.dev -f "$key" .head 2>/dev/null
cat .head .head.sig >"$public/prod/head"
refused head HeadMalformed
b_edit='s/^Windlass-Bundle: 1$/Windlass-Bundle: 3/' bundle
publish
refused bundle BundleInvalid
done_testing
