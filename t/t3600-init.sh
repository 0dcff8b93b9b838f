#!/bin/bash
# windlass-hook init: from a bare repository to a channel, beside what is there
. "$(dirname "$0")/lib.sh"

new() { git init -q --bare "$1.git"; }

init() {
	local repo=$1
	shift
	windlass-hook init prod --repo "$repo.git" --key "$TRASH/keys/$repo" \
		--ref refs/heads/main --path deploy/prod "$@"
}

# everything in a repository that init may write, as one text
state_of() {
	(cd "$1.git" && cat config && find hooks windlass custom_hooks \
		-printf '%p %m %s %T@\n' 2>/dev/null | sort)
}

# ---- a new channel

new plain
ok "a plain repository" init plain
cp .output first
config() { git -C plain.git config --get-all "$1"; }
is "$(config receive.advertisePushOptions)" true "push options are on"
is "$(config transfer.fsckObjects)" true "objects are checked"
is "$(config receive.hideRefs | tr '\n' ' ')" \
	"refs/windlass refs/windlass-status refs/notes/windlass refs/replace " \
	"windlass' own refs are hidden from pushes"
like "$(config windlass.prod.id)" '^[0-9a-f]{32}$' "an id"
is "$(config windlass.prod.epoch)" 1 "epoch 1"
is "$(config windlass.prod.ref)" refs/heads/main "ref"
is "$(config windlass.prod.path)" deploy/prod "path"
is "$(config windlass.prod.signingKey)" "$TRASH/keys/plain" "key"
is "$(stat -c %a keys keys/plain plain.git/windlass/public | tr '\n' ' ')" \
	"700 600 750 " "modes of the key, its folder, the published folder"
ok "the key is one that ssh-keygen reads" ssh-keygen -y -P '' -f keys/plain
ok "pre-receive can be run" test -x plain.git/hooks/pre-receive
ok "post-receive can be run" test -x plain.git/hooks/post-receive
is "$(sed -n 's/^exec //p' plain.git/hooks/pre-receive)" \
	"'$WINDLASS_BUILD/windlass-hook' pre-receive" \
	"the hook runs this program by its absolute path"

like "$(cat first)" "^    windlass install prod " "what the cluster needs is printed"
install() {
	windlass install prod --url http://127.0.0.1:1 --from plain.git "$@"
}
ok "names of namespaces" install --namespaces a,b-1
for names in '' 'A' 'a b' 'a,,b' 'a,' ',a' $'a\nkind: Secret' '*'; do
	install --namespaces "$names" >out 2>err
	is "$?:$(wc -c <out)" 129:0 "no names: $(printf %q "$names")"
	like "$(cat err)" "--namespaces" "... which is said"
done
sed -n 's/^    \(prod namespaces=\)/\1/p' first >publishers
git init -q source
mkdir -p source/deploy/prod
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n' \
	>source/deploy/prod/a.yaml
git -C source add deploy
git -C source commit -q -m first
ok "a push" git -C source push -q "$TRASH/plain.git" HEAD:main
grep -A2 GIT_NO_REPLACE first >check
is "$(wc -l <check)" 3 "how to check it with stock git is printed"
ok "and works" sh -e check
ok "so does windlass verify" sh -ec "$(grep '^    windlass verify' first)"
like "$(cat first)" "^        --id $(config windlass.prod.id) " "with the id"
sed -n "s/^ *--publisher-key '\(.*\)'/prod namespaces=\"git\" \1/p" first >signers
echo text >text
ssh-keygen -q -Y sign -f keys/plain -n git text 2>/dev/null
verify() {
	ssh-keygen -Y verify -f signers -I "$(cut -d' ' -f1 signers)" \
		-n "$1" -s text.sig <text
}
verify_not() { ! verify "$1"; }
ok "stock ssh-keygen verifies by the printed line" verify git
ok "for no other namespace" verify_not file

# ---- again

before=$(state_of plain)
ok "a second run" init plain
is "$(state_of plain)" "$before" "changes nothing"
unlike "$(cat .output)" "written|made" "and says so"
ok "a run without options" windlass-hook init prod --repo plain.git
is "$(state_of plain)" "$before" "changes nothing either"
id=$(config windlass.prod.id)
ok "a run with other settings" init plain --delete-limit 3 --allow-secrets \
	--default-namespace shop --kubernetes 1.35 --serve 127.0.0.1:8420 \
	--path other --publish elsewhere
is "$(config windlass.prod.id)" "$id" "keeps the id"
is "$(config windlass.prod.path | tr '\n' ' ')" "deploy/prod other " \
	"replaces the paths"
is "$(config windlass.prod.deleteLimit) $(config windlass.prod.secrets) \
$(config windlass.prod.defaultNamespace) $(config windlass.prod.kubernetes) \
$(config windlass.serve) $(config windlass.publish)" \
	"3 allow shop 1.35 127.0.0.1:8420 $TRASH/elsewhere" "writes them"
is "$(stat -c %a elsewhere)" 750 "the other published folder is made"
is "$(config receive.hideRefs | wc -l)" 4 "nothing is there twice"
rm plain.git/hooks/post-receive
printf '#!/bin/sh\n# Written by `windlass-hook init`; `windlass-hook doctor` checks it.\nexec /gone/windlass-hook pre-receive\n' \
	>plain.git/hooks/pre-receive
ok "after an upgrade that moved the program" init plain
ok "both hooks are new" grep -q "^exec '$WINDLASS_BUILD" \
	plain.git/hooks/pre-receive plain.git/hooks/post-receive

# ---- a second channel, and the key's own place

ok "a second channel of the repository" windlass-hook init dev \
	--repo plain.git --ref refs/heads/dev --path deploy --key keys/dev
not_ok "one that reads the same" windlass-hook init copy --repo plain.git \
	--ref refs/heads/main --path deploy/prod --key keys/copy
like "$(cat .output)" "both read path 'deploy/prod'" "is refused"
is "$(config windlass.copy.id)" "" "and leaves no settings"
not_ok "nor a key" test -e keys/copy
if [ "$(id -u)" -ne 0 ]; then
	new home
	ok "without --key" windlass-hook init prod --repo home.git \
		--ref refs/heads/main --path x
	ok "the key is made below ~/.config" \
		test -f "$HOME/.config/windlass/prod_ed25519"
	new home2
	ok "another repository's channel of the same name" windlass-hook \
		init prod --repo home2.git --ref refs/heads/main --path x
	like "$(git -C home2.git config windlass.prod.signingKey)" \
		"prod-[0-9a-f]{8}_ed25519$" "gets a key of its own"
else
	skip 4 "root's keys are in /etc/windlass"
fi
new agent
ok "a key that an agent holds" bash -c 'eval "$(ssh-agent)" >/dev/null
	ssh-add -q keys/plain 2>/dev/null
	windlass-hook init prod --repo agent.git --ref refs/heads/main \
		--path x --key "key::$(cut -d" " -f1,2 keys/plain.pub)"
	status=$?
	ssh-agent -k >/dev/null
	exit $status'

# ---- what is refused

not_ok "no channel" windlass-hook init --repo plain.git
is "$(windlass-hook init 2>/dev/null; echo $?)" 129 "is wrong usage"
not_ok "a name that is no DNS label" windlass-hook init Prod --repo plain.git
new fresh
before=$(state_of fresh)
not_ok "a new channel without a ref" windlass-hook init prod --repo fresh.git \
	--path x
like "$(cat .output)" "--ref refs/heads/main" "says which option"
not_ok "a new channel without a path" windlass-hook init prod \
	--repo fresh.git --ref refs/heads/main
not_ok "a short ref" windlass-hook init prod --repo fresh.git --ref main \
	--path x
not_ok "a path that leaves the tree" windlass-hook init prod \
	--repo fresh.git --ref refs/heads/main --path ../x
not_ok "a key inside the repository" windlass-hook init prod \
	--repo fresh.git --ref refs/heads/main --path x --key fresh.git/key
not_ok "is not left there" test -e fresh.git/key
printf 'not a key\n' >nokey
chmod 600 nokey
not_ok "a file that is no key" windlass-hook init prod --repo fresh.git \
	--ref refs/heads/main --path x --key nokey
is "$(cat nokey)" "not a key" "is left alone"
ssh-keygen -q -t ed25519 -N '' -f loose
chmod 644 loose
not_ok "a key that others may read" windlass-hook init prod \
	--repo fresh.git --ref refs/heads/main --path x --key loose
is "$(state_of fresh)" "$before" "nothing was written by any of these"
not_ok "a folder that is no repository" windlass-hook init prod \
	--repo "$TRASH" --ref refs/heads/main --path x
git init -q --bare --object-format=sha256 sha256.git
not_ok "a SHA-256 repository" windlass-hook init prod --repo sha256.git \
	--ref refs/heads/main --path x --key keys/sha256
like "$(cat .output)" "SHA-256|sha256|objectformat" "says why"
not_ok "before a key is made" test -e keys/sha256
not_ok "a channel with the published folder's name" windlass-hook init public \
	--repo fresh.git --ref refs/heads/main --path x --key keys/public
like "$(cat .output)" "channel 'public' .* another name, or set windlass.publish" \
	"says why and what to do"
is "$(state_of fresh)" "$before" "nothing was written by that either"
not_ok "nor a key" test -e keys/public
not_ok "publishing among Git's own files" init fresh --publish fresh.git/objects
like "$(cat .output)" "among the repository's own files" "says so"
ok "it may be called so where something else is published" windlass-hook \
	init public --repo fresh.git --ref refs/heads/main --path x \
	--key keys/public --publish public
git -C fresh.git config --unset windlass.publish
not_ok "a hook whose settings say otherwise" windlass-hook publish \
	--repo fresh.git
like "$(cat .output)" "channel 'public' .* another name" "publishes nothing"
new twice
git -C twice.git config windlass.other.deleteLimt 5
cp twice.git/config twice.before
not_ok "settings that are wrong already" init twice
like "$(cat .output)" "windlass.other.deletelimt" "are named"
ok "and the file is put back" cmp twice.git/config twice.before
not_ok "without the key" test -e keys/twice

# ---- killed, and two at once

# a channel that pushes are checked for must not notice
if command -v strace >/dev/null; then
	for n in $(seq 1 60); do
		rm -rf killed.git keys/killed
		new killed
		windlass-hook init dev --repo killed.git --path d \
			--ref refs/heads/dev --key "$TRASH/keys/dev" >/dev/null
		rm -rf keys/killed
		files=$(ls killed.git)
		strace -f -qq -o /dev/null -e trace=rename,renameat,renameat2 \
			-e inject=rename,renameat,renameat2:signal=KILL:when=$n \
			"$WINDLASS_BUILD/windlass-hook" init prod \
			--repo killed.git --key "$TRASH/keys/killed" \
			--ref refs/heads/main --path deploy/prod >/dev/null 2>&1 &&
			break
		settings=$(git -C killed.git config --get-regexp '^windlass\.prod\.' |
			grep -c .)
		like "$settings" '^[06]$' "killed at rename $n: all settings or none"
		ok "the other channel is as it was" windlass-hook doctor \
			--repo killed.git
		lock=killed.git/config.lock
		if [ -e $lock ]; then
			not_ok "with the lock that Git has" init killed
			like "$(cat .output)" "config.lock' is there.*remove that" \
				"it says what to do"
			rm $lock
		fi
		ok "init again" init killed
		is "$(ls killed.git)" "$files" "nothing is left behind"
	done 2>/dev/null
	like "$n" '^([2-9]|[1-5][0-9])$' "it was killed at each step"
else
	skip 1 "no strace: contrib/packages hosts"
fi

# ---- places that cannot be meant

git init -q --bare odd.git
git -C odd.git config --add receive.advertisePushOptions false
git -C odd.git config --add receive.advertisePushOptions off
cp odd.git/config before
not_ok "a setting with several values" init odd
like "$(cat .output)" "'receive.advertisePushOptions' has 2 values in '.*odd.git/config', and only one counts; leave one: git config --file .*odd.git/config --replace-all receive.advertisePushOptions true" \
	"init says which and how"
ok "and writes nothing" cmp before odd.git/config
git config --file odd.git/config --replace-all receive.advertisePushOptions true
not_ok "a folder as the key" windlass-hook init prod --repo odd.git \
	--ref refs/heads/main --path deploy --key newkeys/
like "$(cat .output)" "the key's file, as newkeys/prod_ed25519, not its folder" \
	"is told from a file"
not_ok "and is not made" test -e newkeys
for place in /proc/x /sys/x; do
	not_ok "published below $place" init odd --publish $place
	like "$(cat .output)" "'$place' is on a file system that keeps no files" \
		"is refused with the reason"
done
tree=$(git -C odd.git commit-tree -m x "$(git -C odd.git mktree </dev/null)")
git -C odd.git worktree add -q --detach "$TRASH/linked" "$tree"
not_ok "a linked working tree's own folder" windlass-hook init prod \
	--repo odd.git/worktrees/linked --ref refs/heads/main --path deploy
like "$(cat .output)" "belongs to a linked working tree: name the repository itself, '.*odd.git/?'" \
	"init says whose it is"
init odd >/dev/null
not_ok "nor is anything published from there" windlass-hook publish \
	--repo odd.git/worktrees/linked
like "$(cat .output)" "belongs to a linked working tree" "which is said, too"

both=
for n in 1 2 3 4 5 6; do
	rm -rf both.git keys/one keys/two
	new both
	windlass-hook init one --repo both.git --ref refs/heads/one --path d \
		--key "$TRASH/keys/one" >/dev/null 2>one.log &
	windlass-hook init two --repo both.git --ref refs/heads/two --path d \
		--key "$TRASH/keys/two" >/dev/null 2>two.log
	both+=$?
	wait $!
	both+="$? $(git -C both.git config --get-regexp '^windlass\.(one|two)\.' |
		grep -c .) $(git -C both.git config --get-all receive.hideRefs |
		grep -c .) "
done
is "$both" "$(printf '00 12 4 %.0s' 1 2 3 4 5 6)" \
	"two at once wait for each other" || test_show one.log two.log
rm -rf both.git keys/one
new both
windlass-hook init one --repo both.git --ref refs/heads/one --path d \
	--key "$TRASH/keys/one" >one.log 2>&1 &
ok "of one channel" windlass-hook init one --repo both.git \
	--ref refs/heads/one --path d --key "$TRASH/keys/one"
wait $!
is "$?" 0 "both are content"
is "$(sed -n 's/^channel.*id \([0-9a-f]*\),.*/\1/p' one.log .output | sort -u)" \
	"$(git -C both.git config windlass.one.id)" "and say the same id"

# ---- hooks of others

new beside
printf '#!/bin/sh\ncat >seen\n' >beside.git/hooks/pre-receive
chmod +x beside.git/hooks/pre-receive
cp beside.git/hooks/pre-receive theirs
ok "a repository with a hook of its own" init beside
line=$(grep -F 'pre-receive.windlass' .output | grep mktemp)
ok "which is not touched" cmp beside.git/hooks/pre-receive theirs
ok "ours stands beside it" test -x beside.git/hooks/pre-receive.windlass
like "$line" "exec <" "the line to add is printed"
# ours would need a push to check; in its place goes one that can be steered
cat >beside.git/hooks/pre-receive.windlass <<'HOOK'
#!/bin/sh
cat >ours
exit "$(cat verdict)"
HOOK
{ echo '#!/bin/sh'; echo "$line"; echo 'cat >seen'; } \
	>beside.git/hooks/pre-receive
git init -q work && git -C work commit -q --allow-empty -m one
echo 0 >beside.git/verdict
ok "a push through both hooks" git -C work push -q ../beside.git main
ok "both read the whole input" cmp beside.git/ours beside.git/seen
ok "which is not empty" test -s beside.git/ours
rm beside.git/seen
echo 1 >beside.git/verdict
git -C work commit -q --allow-empty -m two
not_ok "when ours refuses" git -C work push -q ../beside.git main
not_ok "theirs is not asked" test -e beside.git/seen
ok "init again" init beside
ok "mends ours" grep -q windlass-hook beside.git/hooks/pre-receive.windlass
unlike "$(cat .output)" mktemp "and is content with the line that is there"

new gitea
for hook in pre-receive post-receive; do
	mkdir "gitea.git/hooks/$hook.d"
	printf '#!/bin/sh\nfor h in "$0.d"/*; do "$h" || exit 1; done\n' \
		>gitea.git/hooks/$hook
	printf '#!/bin/sh\nexit 0\n' >gitea.git/hooks/$hook.d/gitea
	chmod +x gitea.git/hooks/$hook gitea.git/hooks/$hook.d/gitea
done
ok "a dispatcher with folders, as Gitea has it" init gitea
is "$(cd gitea.git/hooks/pre-receive.d && echo *)" "gitea zz-windlass" \
	"ours is in the folder and comes last"
ok "and can be run" test -x gitea.git/hooks/post-receive.d/00-windlass
before=$(state_of gitea)
ok "a second run" init gitea
is "$(state_of gitea)" "$before" "changes nothing"

new gitlab
mkdir -p gitlab.git/custom_hooks
ok "GitLab's custom_hooks" init gitlab
ok "has ours" test -x gitlab.git/custom_hooks/pre-receive.d/zz-windlass
not_ok "and Git's own folder does not" test -e gitlab.git/hooks/pre-receive

new elsewhere
git -C elsewhere.git config core.hooksPath "$TRASH/shared-hooks"
ok "core.hooksPath outside of the repository" init elsewhere
like "$(cat .output)" "git runs '$TRASH/shared-hooks" "is named"
not_ok "nothing is written there" test -e shared-hooks
new linked
mkdir everybodys
rm -rf linked.git/hooks
ln -s ../everybodys linked.git/hooks
ok "a link to a folder that other repositories use too" init linked
like "$(cat .output)" "git runs '.*, outside of this repository" "is named"
is "$(ls everybodys)" "" "nothing is written there"
# and so the folder of a dispatcher
for layout in hooks/pre-receive.d custom_hooks custom_hooks/pre-receive.d; do
	rm -rf link-d.git
	new link-d
	printf '#!/bin/sh\nfor h in "$0.d"/*; do "$h" || exit 1; done\n' \
		>link-d.git/hooks/pre-receive
	chmod +x link-d.git/hooks/pre-receive
	mkdir -p "link-d.git/${layout%/*}"
	rm -rf "link-d.git/$layout"
	ln -s "$TRASH/everybodys" "link-d.git/$layout"
	ok "$layout that is a link to one for all" init link-d
	like "$(cat .output)" "git runs '.*pre-receive.d/zz-windlass', outside of" \
		"is named"
	is "$(find everybodys)" everybodys "nothing is written there"
done
new within
mv within.git/hooks within.git/own
ln -s own within.git/hooks
ok "a link that stays in the repository" init within
ok "is as good as a folder" test -x within.git/own/pre-receive
new inside
mkdir inside.git/my-hooks
git -C inside.git config core.hooksPath my-hooks
ok "core.hooksPath inside of it" init inside
ok "is where ours go" test -x inside.git/my-hooks/pre-receive

mkdir "odd 'name"
git init -q --bare "odd 'name/r.git"
cp "$WINDLASS_BUILD/windlass-hook" "odd 'name/windlass-hook"
ok "a program and a repository with odd names" "./odd 'name/windlass-hook" \
	init prod --repo "odd 'name/r.git" --ref refs/heads/main --path x \
	--key keys/odd
like "$(cat .output)" "windlass-hook doctor --repo '.*/odd '\\\\''name/r.git'$" \
	"are quoted in what is to be typed"
ok "and can be typed" bash -c "$(grep '^ *windlass-hook doctor' .output)"
is "$(sh -c "$(sed 's/exec/echo/' "odd 'name/r.git/hooks/pre-receive")")" \
	"$TRASH/odd 'name/windlass-hook pre-receive" "are quoted in the hook"

done_testing
