#!/bin/bash
# What is said to who did something that cannot work: the thing by the name
# that they know it by, once, and what to do.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

# told REGEX COMMAND...: fails, and says that
told() {
	local regex=$1
	shift
	not_ok "$*" timeout 60 "$@"
	like "$(cat .output)" "$regex" "... says '$regex'"
}

# ---- options
told '^windlass check: unrecognized option .--nope' windlass check --nope
told '^`windlass check --help` says more' windlass check --nope
told '^windlass-hook publish: unrecognized option' windlass-hook publish --nope
told '^`windlass-hook publish --help` says more' windlass-hook publish --nope
told "^windlass: --output 'xml' must be text or json" windlass log --output xml p
told "^windlass-hook: --output 'xml' must be json" \
	windlass-hook doctor --output xml
git init -q --bare new.git
told "^windlass-hook: --serve 'X' must be an address to listen on: 127" \
	windlass-hook init prod --repo new.git --path x --key k \
	--ref refs/heads/main --serve X

# ---- repositories
make_host r.git prod
make_clone r.git mine
put mine deploy/prod/ns.yaml Namespace shop
ok "a start" commit_push mine start
git -C mine worktree add -q ../linked
told "'.*/linked' is a linked working tree: .* '$TRASH/mine/.git'" \
	windlass-hook publish --repo linked
git -C r.git worktree add -q --detach ../bare-linked main
told "is a linked working tree: .* '$TRASH/r.git'" \
	windlass-hook publish --repo bare-linked
told "is a working tree: name .*'$TRASH/mine/.git'" \
	windlass-hook publish --repo mine
mkdir -p mine/deploy/deeper
is "$(cd mine/deploy/deeper && git fetch -q origin '+refs/windlass/*:refs/windlass/*' &&
	windlass log prod | cut -d' ' -f1)" prod "windlass finds the repository above, as git does"
is "$(cd linked && windlass log prod | cut -d' ' -f1)" prod "and that of a linked working tree"
is "$(cd linked/deploy && windlass log prod | cut -d' ' -f1)" prod "from everywhere in it"
mkdir nowhere
told '^windlass: there is no Git repository here: name one with --repo' \
	env -C nowhere GIT_CEILING_DIRECTORIES="$TRASH" windlass log prod
told "r.git/config' is no Git repository" windlass log --repo r.git/config prod
told "no argument is taken: 'prod'" windlass-hook serve --repo r.git prod
told "no argument is taken: 'prod'" windlass-hook doctor --repo r.git prod
told "name one channel, or none for all" \
	windlass uninstall prod test
told "GIT_NAMESPACE is 'team', and Git namespaces are not supported" \
	env GIT_NAMESPACE=team windlass-hook publish --repo r.git
put mine deploy/prod/web.yaml ConfigMap web shop
commit mine web
before=$(git -C r.git for-each-ref)
told "GIT_NAMESPACE is 'team'" git -C mine \
	push --receive-pack 'git --namespace=team receive-pack' origin main
is "$(git -C r.git for-each-ref)" "$before" "... and nothing is taken"
ok "without it the push is taken" push mine

# ---- a manifest that is too large
head -c 16777217 /dev/zero | tr '\0' '#' >mine/deploy/prod/large.yaml
commit mine large
not_ok "a manifest of more than 16 MiB" push mine
like "$(cat push.out)" 'deploy/prod/large.yaml: error: a manifest has at most 16 MiB: split it, or name it in .windlassignore \[file-size\]' \
	"... says what to do"
head -c 16777216 /dev/zero | tr '\0' '#' >mine/deploy/prod/large.yaml
echo 'large.yaml' >mine/deploy/prod/.windlassignore
commit mine ignored
ok "one that is ignored" push mine
git -C mine rm -q deploy/prod/.windlassignore
commit mine "at the limit"
ok "one of just 16 MiB is read" push mine
unlike "$(cat push.out)" 'large.yaml' "... without a word"

# ---- two that serve
start serve windlass-hook serve --repo r.git --listen 127.0.0.1:0
wait_line 30 serve.log '^listening on ' || bail "serve does not start"
told "another program listens on '$TRASH/r.git/windlass/publish.sock'" \
	windlass-hook serve --repo r.git --listen 127.0.0.1:0
ok "the first one keeps its socket" test -S r.git/windlass/publish.sock
stop serve
touch r.git/windlass/publish.sock
told "'$TRASH/r.git/windlass/publish.sock' is there and is no socket" \
	windlass-hook serve --repo r.git --listen 127.0.0.1:0

done_testing
