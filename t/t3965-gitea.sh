#!/bin/bash
# A real Gitea: pushes by HTTP and by its own SSH server, edits and merges in
# its web interface, hooks that it writes anew. The commands of the page about
# it, contrib/guides/gitea.md, are those that set it up.
. "$(dirname "$0")/lib-users.sh"
. "$TEST_DIR/lib-guide.sh"
. "$TEST_DIR/lib-report.sh"

command -v jq >/dev/null || skip_all "no jq"
built=$(XDG_CACHE_HOME=$USER_CACHE "$TEST_DIR/gitea/build" 2>build.log) ||
	skip_all "no Gitea: $(tail -n 1 build.log)"

# The cache may lie where only root can look; a link costs nothing, and what
# cannot be linked is copied.
mkdir gitea
cp -Rl "$built"/* gitea/ 2>/dev/null || cp -R "$built"/* gitea/
chmod -R a+rX gitea

make_user git
http=$(free_port)
ssh=$(free_port)
install -d -o git -g git /srv/gitea
cat >/srv/gitea/app.ini <<END
RUN_USER = git
WORK_PATH = /srv/gitea
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = $http
ROOT_URL = http://127.0.0.1:$http/
STATIC_ROOT_PATH = $TRASH/gitea
START_SSH_SERVER = true
SSH_LISTEN_HOST = 127.0.0.1
SSH_DOMAIN = 127.0.0.1
SSH_PORT = $ssh
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
[repository]
ROOT = /srv/gitea/repositories
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
[log]
MODE = console
LEVEL = warn
[cron]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
END
chown git:git /srv/gitea/app.ini
# gitea COMMAND...: Gitea's own command line
gitea() { as git "$TRASH/gitea/gitea" --config /srv/gitea/app.ini "$@"; }
gitea migrate >gitea.log 2>&1 || { test_show gitea.log; bail "gitea migrate"; }
gitea admin user create --admin --username ada --email ada@example.org \
	--password correct-horse-1 --must-change-password=false >gitea.log 2>&1 ||
	{ test_show gitea.log; bail "no user"; }
start_gitea() {
	start_as gitea git "$TRASH/gitea/gitea" --config /srv/gitea/app.ini web
	wait_for 120 curl -fsS "http://127.0.0.1:$http/api/v1/version" ||
		{ test_show gitea.log; bail "Gitea does not start"; }
}
start_gitea

# api METHOD PATH [JSON]: the answer on standard output, its code in api.code
api() {
	curl -sS -u ada:correct-horse-1 -X "$1" -o api.out -w '%{http_code}' \
		-H 'Content-Type: application/json' ${3:+-d "$3"} \
		"http://127.0.0.1:$http/api/v1/$2" >api.code
	cat api.out
}
api POST user/repos '{"name":"app","default_branch":"main"}' >/dev/null
is "$(cat api.code)" 201 "Gitea makes the repository"
ssh-keygen -q -t ed25519 -N '' -C ada -f ada
api POST user/keys "$(jq -n --arg key "$(cat ada.pub)" \
	'{title: "ada", key: $key}')" >/dev/null
is "$(cat api.code)" 201 "and takes ada's key"
repo=/srv/gitea/repositories/ada/app.git

# ---- the page's blocks, as the user that each names

guide gitea
# run SECTION N: as whom the page says
run() {
	block "$1" "$2" && run_block "$1" "$2" as "$who" bash -e
}
run Install 1
before=$(find $repo -type f -exec sha256sum {} + | sort)
run Install 1
is "$(find $repo -type f -exec sha256sum {} + | sort)" "$before" \
	"init once more changes nothing"
run Install 2
doctor() { as git windlass-hook doctor --repo $repo "$@"; }

git init -q work
change() {
	mkdir -p work/deploy/prod
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: shop}\ndata: {text: "%s"}\n' \
		"${2:-web}" "$1" >"work/deploy/prod/${2:-web}.yaml"
	git -C work add -A && git -C work commit -q -m "$1"
}
by_http() {
	git -C work push "http://ada:correct-horse-1@127.0.0.1:$http/ada/app.git" "$@"
}
by_ssh() {
	GIT_SSH_COMMAND="ssh -F none -i $TRASH/ada -o BatchMode=yes \
-o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
-o UserKnownHostsFile=$TRASH/known" \
		git -C work push "ssh://git@127.0.0.1:$ssh/ada/app.git" "$@"
}
bundle() { as git git -C $repo rev-parse -q --verify refs/windlass/prod; }
tip() { as git git -C $repo rev-parse refs/heads/main; }
is_current() {
	as git git -C $repo cat-file commit refs/windlass/prod |
		grep -q "^Source-Commit: $(tip)$" &&
	grep -q "^bundle $(bundle)$" $repo/windlass/public/prod/head
}
# refused WHAT COMMAND...: a push that must not get in
refused() {
	local what=$1 before_bundle before_tip
	shift
	before_bundle=$(bundle)
	before_tip=$(tip)
	printf 'apiVersion: v1\nkind: Servise\nmetadata: {name: bad, namespace: shop}\n' \
		>work/deploy/prod/bad.yaml
	git -C work add -A && git -C work commit -q -m bad
	not_ok "$what: a bad push is refused" "$@"
	like "$(cat .output)" 'deploy/prod/bad.yaml:2:7: error: .*Service' \
		"$what: and the pusher is told where and why"
	is "$(bundle) $(tip)" "$before_bundle $before_tip" "$what: nothing moved"
	git -C work reset -q --hard HEAD^
}

# ---- pushes

change one
ok "a push by HTTP" by_http HEAD:main
like "$(cat .output)" '^remote: .*prod .*published' "the pusher sees it published"
ok "and it is" is_current
change two
ok "a push by SSH" by_ssh HEAD:main
like "$(cat .output)" '^remote: .*prod .*published' "is told the same"
ok "it is published" is_current
refused HTTP by_http HEAD:main
refused SSH by_ssh HEAD:main
change gone extra
by_http HEAD:main >/dev/null 2>&1
git -C work rm -q -r deploy/prod/extra.yaml
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n' >work/deploy/prod/ns.yaml
git -C work add -A && git -C work commit -q -m "a namespace"
by_http HEAD:main >/dev/null 2>&1
ok "so far all is published" is_current
git -C work rm -q deploy/prod/ns.yaml && git -C work commit -q -m "no namespace"
not_ok "a Namespace is not deleted just so" by_http HEAD:main
ok "with the push option it is" by_http -o allow-deletes=1 HEAD:main
ok "and published" is_current

# ---- the web interface: edits and merges run the same hooks

contents() {
	jq -n --arg text "$1" --arg sha "${2:-}" --arg branch "${3:-main}" \
		'{content: ($text | @base64), message: "by the web", branch: $branch}
		 + if $sha == "" then {} else {sha: $sha} end'
}
before=$(bundle)
api POST repos/ada/app/contents/deploy/prod/web2.yaml \
	"$(contents 'apiVersion: v1
kind: ConfigMap
metadata: {name: web2, namespace: shop}
data: {a: 5}
')" >/dev/null
unlike "$(cat api.code)" '^2' "a bad edit in the web interface is refused"
is "$(bundle)" "$before" "and nothing is published"
api POST repos/ada/app/contents/deploy/prod/web2.yaml \
	"$(contents 'apiVersion: v1
kind: ConfigMap
metadata: {name: web2, namespace: shop}
data: {a: "5"}
')" >/dev/null
is "$(cat api.code)" 201 "a good one is taken"
ok "and published" wait_for 20 is_current

git -C work fetch -q "http://ada:correct-horse-1@127.0.0.1:$http/ada/app.git" main
git -C work reset -q --hard FETCH_HEAD
change "by a merge" merged
ok "a branch of no channel" by_http HEAD:refs/heads/topic
api POST repos/ada/app/pulls \
	'{"head":"topic","base":"main","title":"a change"}' >/dev/null
is "$(cat api.code)" 201 "a pull request"
merge() {
	api POST repos/ada/app/pulls/1/merge '{"Do":"merge"}' >/dev/null
	[ "$(cat api.code)" = 200 ]
}
ok "is merged" wait_for 30 merge
ok "and what it brought is published" wait_for 20 is_current
like "$(as git git -C $repo ls-tree -r --name-only refs/windlass/prod)" \
	'objects/shop/core/ConfigMap/merged.json' "with the new object in it"

# ---- hooks written anew; hooks switched off

ok "Gitea writes its hooks anew" gitea admin regenerate hooks
ok "ours are still there" doctor
git -C work fetch -q "http://ada:correct-horse-1@127.0.0.1:$http/ada/app.git" main
git -C work reset -q --hard FETCH_HEAD
change three
ok "a push after that" by_http HEAD:main
ok "is published" is_current
stop gitea
start_gitea
change four
ok "a push after a restart of Gitea" by_ssh HEAD:main
ok "is published" is_current
as git chmod -x $repo/hooks/pre-receive.d/zz-windlass
like "$(doctor)" '^FAIL  hook-pre-receive: .*execut' \
	"a hook that Gitea would skip is found"
as git chmod +x $repo/hooks/pre-receive.d/zz-windlass

# ---- engines fetch what Gitea's user publishes

run Serve 1
ok "stock git verifies the bundle" as git git -C $repo \
	-c gpg.ssh.allowedSignersFile=/srv/gitea/publishers \
	verify-commit refs/windlass/prod

# ---- where each commit runs, beside it

git config --system --add safe.directory $repo
host=$repo
new_reporter eu-1
install -o git -m 600 "$TRASH/reporters" /srv/gitea/reporters
api POST users/ada/tokens \
	'{"name":"windlass","scopes":["write:repository"]}' >/dev/null
is "$(cat api.code)" 201 "a token"
jq -r .sha1 api.out | install -o git -m 600 /dev/stdin /srv/gitea/status-token
run "Commit statuses" 1
as git git -C $repo config windlass-notify.forge.url \
	"http://127.0.0.1:$http/ada/app"
start_as serve git windlass-hook serve --repo $repo --listen 127.0.0.1:0
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)
# status COMMIT: what Gitea says of it
status() {
	api GET "repos/ada/app/commits/$1/status" | jq -r '.statuses[] |
		[.context, .status, .description] | join("|")'
}
status_is() { [ "$(status "$1")" = "$2" ]; }
four=$(tip)
is "$(r_phase=applying r_objects='2 1 1 0 0 0' send)" 204 "a cluster applies it"
ok "Gitea says so" wait_for 30 status_is "$four" \
	"windlass/prod/eu-1|pending|applying ($(trailer_of "$(bundle)" Epoch).$(trailer_of "$(bundle)" Sequence))"
change five
ok "one more" by_http HEAD:main
now="$(trailer_of "$(bundle)" Epoch).$(trailer_of "$(bundle)" Sequence)"
failure "ConfigMap shop/web" deploy/prod/web.yaml:1 Forbidden 'quota <exceeded>'
is "$(r_phase=failed r_objects='2 1 0 1 0 0' r_reason=Failed send)" 204 \
	"which fails"
ok "file and line are beside the commit" wait_for 30 status_is "$(tip)" \
	"windlass/prod/eu-1|failure|failed ($now): deploy/prod/web.yaml:1: ConfigMap shop/web: Forbidden: quota <exceeded>"
is "$(status "$four")" "windlass/prod/eu-1|warning|overtaken by $now" \
	"and the one before does not wait for ever"
is "$(send)" 204 "it is healthy in the end"
ok "and green" wait_for 30 status_is "$(tip)" \
	"windlass/prod/eu-1|success|healthy ($now)"
api GET "repos/ada/app/commits/$(tip)/status" >/dev/null
is "$(jq -r .state api.out)" success "as a whole"
unlike "$(cat serve.log $repo/windlass/prod/notified/*)" \
	"$(cat /srv/gitea/status-token)" "the token is nowhere"
# one that may not
api POST users/ada/tokens '{"name":"x","scopes":["read:repository"]}' >/dev/null
jq -r .sha1 api.out | install -o git -m 600 /dev/stdin /srv/gitea/status-token
change six
ok "the next" by_http HEAD:main
r_phase=applying send >/dev/null
ok "with a token that may only read" wait_line 30 serve.log \
	'not-notified .*forge answers 403: does it want another token'
is "$(status "$(tip)")" "" "there is no status"
stop serve
run "Commit statuses" 2
like "$(doctor)" '0 failed' "doctor is content"
as git git -C $repo config --unset windlass.prod.reporters
# notes stay: they are about commits, which stay too
as git git -C $repo update-ref -d refs/notes/windlass/eu-1
rmdir $repo/refs/notes/windlass 2>/dev/null

# ---- and without a trace again

run Uninstall 1
is "$(as git git -C $repo for-each-ref refs/windlass)" "" "no ref is left"
is "$(find $repo -iname '*windlass*')" "" "no file is left"
is "$(as git git -C $repo config --get-regexp '^(windlass|receive|transfer)')" \
	"" "no setting is left"
change seven
ok "Gitea goes on without" by_http HEAD:main

guide_done
done_testing
