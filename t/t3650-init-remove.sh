#!/bin/bash
# windlass-hook init --remove: what init wrote is gone, and nothing else
. "$(dirname "$0")/lib.sh"

init() {
	local repo=$1
	shift
	windlass-hook init prod --repo "$repo.git" --key "$TRASH/keys/$repo" \
		--ref refs/heads/main --path deploy "$@"
}
remove() {
	local repo=$1
	shift
	windlass-hook init prod --repo "$repo.git" --remove "$@"
}
# all of a repository but its objects and what pushes move, as one text
state_of() {
	(cd "$1.git" && cat config && find . \( -path ./objects -o \
		-path ./refs/heads \) -prune -o -printf '%p %m %l\n' | sort &&
	 find . -path ./objects -prune -o -path ./refs -prune -o -type f \
		-exec sha256sum {} + | sort)
}
manifest() {
	mkdir -p work/deploy
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: "%s"}\n' \
		"$1" >work/deploy/web.yaml
	git -C work add -A && git -C work commit -q -m "$1"
}
git init -q work
manifest first

# ---- each layout, back and forth

layouts=(plain bare set said gitea gitlab fullpath inside)
for name in "${layouts[@]}"; do
	git init -q --bare "$name.git"
	repo=$name.git
	case $name in
	bare) rm -rf "$repo/hooks"/* "$repo/info" "$repo/description" ;;
	set)
		git -C "$repo" config receive.advertisePushOptions false
		git -C "$repo" config transfer.fsckObjects true
		git -C "$repo" config --add receive.hideRefs refs/secret
		git -C "$repo" config --add receive.hideRefs refs/replace
		printf '# a comment\n[shop]\n\topen = always\n' >>"$repo/config" ;;
	said) printf '[transfer]\n\tfsckObjects\n[receive]\n\tadvertisePushOptions = yes\n' \
		>>"$repo/config" ;;
	gitea)
		for hook in pre-receive post-receive; do
			mkdir "$repo/hooks/$hook.d"
			printf '#!/bin/sh\ndata=$(cat)\nfor h in "$0.d"/*; do echo "$data" | "$h" || exit 1; done\n' \
				>"$repo/hooks/$hook"
			printf '#!/bin/sh\ncat >/dev/null\n' >"$repo/hooks/$hook.d/gitea"
			chmod +x "$repo/hooks/$hook" "$repo/hooks/$hook.d/gitea"
		done ;;
	gitlab) mkdir "$repo/custom_hooks" ;;
	fullpath)
		git -C "$repo" config gitlab.fullpath group/app
		mkdir -p "$repo/custom_hooks/pre-receive.d"
		printf '#!/bin/sh\n' >"$repo/custom_hooks/pre-receive.d/other" ;;
	inside)
		mkdir "$repo/our-hooks"
		git -C "$repo" config core.hooksPath our-hooks ;;
	esac
	state_of "$name" >"before.$name"
	ok "$name: init" init "$name" --serve 127.0.0.1:8420
	not_ok "$name: it left something" cmp "before.$name" <(state_of "$name")
	ok "$name: removed" remove "$name"
	like "$(cat .output)" "rm '$TRASH/keys/$name' " "$name: says where the key is"
	state_of "$name" >after
	ok "$name: no trace" diff "before.$name" after
	ok "$name: the key is left" test -f "keys/$name"
	ok "$name: init once more" init "$name"
	git -C "$name.git" config windlass.prod.kubernetes 1.36
	ok "$name: a push" git -C work push "../$name.git" HEAD:main
	case $name in
	gitlab|fullpath)	# only Gitaly runs these
		windlass-hook publish --repo "$name.git" >/dev/null ;;
	esac
	ok "$name: makes a bundle" git -C "$name.git" rev-parse -q --verify \
		refs/windlass/prod
	state_of "$name" >with
	not_ok "$name: bundles are not thrown away unasked" remove "$name"
	like "$(cat .output)" "refs/windlass.*--force" "$name: says how"
	ok "$name: and nothing was touched" diff with <(state_of "$name")
	ok "$name: with --force" remove "$name" --force
	rm -f "$name.git"/packed-refs "$name.git"/logs
	state_of "$name" >after
	ok "$name: no trace" diff "before.$name" after
	ok "$name: pushes go on" git -C work push "../$name.git" HEAD:refs/heads/more
	ok "$name: the repository is whole" git -C "$name.git" fsck
done

# ---- one of two channels

git init -q --bare two.git
init two >/dev/null
windlass-hook init dev --repo two.git --key keys/two-dev --path dev \
	--ref refs/heads/dev >/dev/null
git -C work push -q ../two.git HEAD:main 2>/dev/null
ok "one of two channels" remove two --force
is "$(git -C two.git config --get-regexp '^windlass\.prod')" "" \
	"its settings are gone"
is "$(git -C two.git for-each-ref refs/windlass)" "" "its bundles are gone"
not_ok "and what was published of it" test -e two.git/windlass/public/prod
ok "the other one is well" windlass-hook doctor --repo two.git
ok "hooks stay for it" test -x two.git/hooks/pre-receive
ok "and settings" git -C two.git config receive.advertisePushOptions
not_ok "its refs stay closed" git -C work push ../two.git HEAD:refs/windlass/dev
not_ok "what is not there cannot be removed" remove two
like "$(cat .output)" "no channel 'prod'" "and that is said"

# ---- epochs that are over go too

git init -q --bare epochs.git
init epochs >/dev/null
git -C work push -q ../epochs.git HEAD:main 2>/dev/null
git -C epochs.git config windlass.prod.epoch 2
manifest second
git -C work push -q ../epochs.git HEAD:main 2>/dev/null
is "$(git -C epochs.git for-each-ref refs/windlass | wc -l)" 2 "two epochs"
ok "are removed" remove epochs --force
is "$(git -C epochs.git for-each-ref refs/windlass)" "" "both"

# ---- what was changed since is somebody else's

git init -q --bare since.git
init since >/dev/null
git -C since.git config --unset receive.advertisePushOptions
git -C since.git config transfer.fsckObjects false
ok "settings that were changed since" remove since
is "$(git -C since.git config transfer.fsckObjects)" false "are left"
like "$(cat .output)" "transfer.fsckObjects was changed" "and named"

# ---- published elsewhere

git init -q --bare else.git
mkdir web
touch web/index.html
init else --publish web >/dev/null
git -C work push -q ../else.git HEAD:main 2>/dev/null
ok "published elsewhere" test -f web/prod/head
ok "is removed there" remove else --force
is "$(ls web)" index.html "and only that"

# ---- what still needs it

git init -q --bare needed.git
printf '#!/bin/sh\ncat >/dev/null\n' >needed.git/hooks/pre-receive
chmod +x needed.git/hooks/pre-receive
state_of needed >before
init needed >init.log
line=$(grep -F "pre-receive.windlass" init.log | grep mktemp)
sed -i "2i $line" needed.git/hooks/pre-receive 2>/dev/null ||
	{ printf '#!/bin/sh\n%s\ncat >/dev/null\n' "$line" \
		>needed.git/hooks/pre-receive; }
not_ok "while another hook calls ours" remove needed
like "$(cat .output)" "'.*/hooks/pre-receive' still runs" "it is not removed"
ok "nothing was done" test -x needed.git/hooks/post-receive
printf '#!/bin/sh\ncat >/dev/null\n' >needed.git/hooks/pre-receive
ok "when it does not any more, it is" remove needed
ok "without a trace" diff before <(state_of needed)
# however it is written there, without ours every push would fail
mkdir "it's"
for call in 'hooks/pre-receive.windlass || exit 1' \
	'"$GIT_DIR"/hooks/pre-receive.windlass || exit 1' \
	"'$TRASH/it'\\''s/call.git/hooks/pre-receive.windlass' || exit 1"; do
	rm -rf "it's/call.git"
	git init -q --bare "it's/call.git"
	printf '#!/bin/sh\n%s\n' "$call" >"it's/call.git/hooks/pre-receive"
	chmod +x "it's/call.git/hooks/pre-receive"
	windlass-hook init prod --repo "it's/call.git" --path deploy \
		--ref refs/heads/main --key keys/call >/dev/null
	not_ok "called by $call" remove "it's/call"
	like "$(cat .output)" "pre-receive' still runs" "it is not removed"
done
# a hook for all repositories runs the program itself, and goes on with it
mkdir all
for hook in pre-receive post-receive; do
	printf '#!/bin/sh\nexec windlass-hook %s\n' $hook >all/$hook
	chmod +x all/$hook
done
git init -q --bare one-of-all.git
git -C one-of-all.git config core.hooksPath "$TRASH/all"
state_of one-of-all >before
init one-of-all >/dev/null
ok "doctor is content" windlass-hook doctor --repo one-of-all.git
ok "one of the repositories of a hook for all" remove one-of-all
ok "without a trace" diff before <(state_of one-of-all)
ok "pushes to it go on" git -C work push -q ../one-of-all.git HEAD:main
init needed >/dev/null
start serve windlass-hook serve --repo needed.git --listen 127.0.0.1:0
wait_line 20 serve.log '^listening'
not_ok "while serve runs" remove needed
like "$(cat .output)" "serve.* runs .*stop it" "it is not removed"
stop serve
ok "when it does not any more, it is" remove needed

# ---- interrupted half way, it can be run again

git init -q --bare half.git
state_of half >before
init half >/dev/null
rm half.git/hooks/post-receive
rm -rf half.git/windlass/public
ok "with parts missing" remove half
ok "no trace" diff before <(state_of half)

# a git that kills who called it, once it has taken the channel's settings out
mkdir killer
cat >killer/git <<END
#!/bin/sh
"$(type -P git)" "\$@"
status=\$?
case "\$*" in *'--remove-section windlass.prod') kill -9 \$PPID ;; esac
exit \$status
END
chmod +x killer/git
for others in '' dev; do
	git init -q --bare late.git
	[ -z "$others" ] || windlass-hook init dev --repo late.git --path dev \
		--key keys/late-dev --ref refs/heads/dev >/dev/null
	state_of late >before
	init late >/dev/null
	(PATH=$TRASH/killer:$PATH remove late) >/dev/null 2>&1
	is "$?" 137 "killed when the settings are gone${others:+, of one of two}"
	ok "something is left" test -d late.git/windlass/prod
	ok "again" remove late
	ok "no trace" diff before <(state_of late)
	not_ok "and once more there is nothing" remove late
	like "$(cat .output)" "there is no channel 'prod'" "which is said"
	rm -rf late.git
done

is "$(remove half --path x >/dev/null 2>&1; echo $?)" 129 \
	"--remove with settings is wrong usage"
is "$(init half --force >/dev/null 2>&1; echo $?)" 129 \
	"--force without --remove, too"

done_testing
