#!/bin/bash
# What windlass-hook refuses before it writes anything, and what doctor says of
# it: repositories that libgit2 cannot read, other users' ones, keys and modes
# that let strangers in, a full disk, a clock that was lost
. "$(dirname "$0")/lib-users.sh"

make_user git
make_user ada
mkdir /srv/git
chown git:git /srv/git
umask 022

init() {
	as git windlass-hook init prod --repo "$1" --ref refs/heads/main \
		--path deploy "${@:2}"
}
# all there is, with what is in it
state_of() { find "$@" -printf '%p %m %u %T@ %l\n' 2>/dev/null | sort; }

# refuses WHAT REPO REGEX [ARGUMENT...]: init and doctor say why and what to
# do, and init leaves no file, not even a key
refuses() {
	local what=$1 repo=$2 regex=$3 before out
	shift 3
	rm -rf /srv/people/git/.config
	before=$(state_of "$repo" /srv/people/git)
	not_ok "$what: init refuses" init "$repo" "$@"
	like "$(cat .output)" "$regex" "$what: and says what to do"
	is "$(state_of "$repo" /srv/people/git)" "$before" "$what: nothing is written"
}
# sick CHECK REGEX: doctor of $repo fails by that check, in both forms
sick() {
	local out
	out=$(as git windlass-hook doctor --repo "$repo")
	is "$?" 1 "doctor fails: $1"
	like "$out" "^FAIL  (prod: )?$1: .*$2" "$1: with the repair"
	as git windlass-hook doctor --repo "$repo" --output json >report.json
	is "$(python3 -c 'import json, sys
r = json.load(open("report.json"))
print(*sorted({c["check"] for c in r["checks"] if c["result"] == "fail"}))' |
		tr ' ' '\n' | grep -cx -e "$1")" 1 "$1: in JSON too"
}
new() {
	repo=/srv/git/$1.git
	as git git init -q --bare "$repo" "${@:2}"
}

# ---- what libgit2 cannot read

new sha256 --object-format=sha256
refuses "SHA-256" $repo "SHA-256 .*--object-format=sha1"
sick repository "SHA-256"
# what a newer git writes; this one may not know it
new reftable
as git git -C $repo config core.repositoryformatversion 1
as git git -C $repo config extensions.refStorage reftable
refuses "reftables" $repo "refs migrate .*--ref-format=files"
sick repository "refs migrate"
for extension in worktreeConfig preciousObjects partialClone unheardOf; do
	new "ext-$extension"
	as git git -C $repo config core.repositoryformatversion 1
	as git git -C $repo config extensions.$extension true
	refuses "$extension" $repo \
		"extensions.${extension,,} = true'.*--unset extensions.${extension,,}"
	sick repository "--unset extensions.${extension,,}"
	# the repair that it names
	as git windlass-hook doctor --repo $repo |
		sed -n "s/.*run '\(git config .*\)' if.*/\1/p" >repair
	chmod 644 repair
	ok "$extension: the repair" as git sh "$TRASH/repair"
	git config --file $repo/config core.repositoryformatversion 0
	ok "$extension: mends it" init $repo
done
mkdir /srv/git/plain
chown git:git /srv/git/plain
refuses "no repository" /srv/git/plain "no Git repository"
as git git init -q /srv/git/tree
refuses "a working tree" /srv/git/tree "working tree: name .*/\.git"

# ---- whose it is

new foreign
chown -R ada:ada $repo
refuses "another user's repository" $repo \
	"belongs to user .*run it as the owner.*safe.directory $repo"
sick repository "safe.directory"
as git git config --global --add safe.directory $repo
not_ok "even one that is known to be safe" init $repo
like "$(cat .output)" "belongs to user ada.*sudo -u 'ada'" "who owns it must do it"
not_ok "nor may root leave files that the hooks cannot replace" env \
	HOME=/srv/people/root bash -c 'git config --global --add safe.directory "$1"
	windlass-hook init prod --repo "$1" --ref refs/heads/main --path x' - $repo
like "$(cat .output)" "sudo -u 'ada'" "it says as whom"
as ada windlass-hook init prod --repo $repo --ref refs/heads/main --path x \
	>/dev/null
ok "as the owner it works" test -x $repo/hooks/pre-receive

# ---- keys

new key
refuses "attack-50 a key inside the repository" $repo "inside the Git repository" \
	--key $repo/windlass/key
refuses "in a folder of it that is not there yet" $repo \
	"inside the Git repository" --key $repo/a/b/c/key
as git git init -q /srv/people/git/dotfiles
refuses "inside another repository" $repo "inside the Git repository" \
	--key /srv/people/git/dotfiles/keys/prod
rm -rf /srv/people/git/dotfiles
as git ssh-keygen -q -t ed25519 -N '' -f /srv/git/loose
as git chmod 640 /srv/git/loose
refuses "attack-50 a key that the group can read" $repo "chmod 600" --key /srv/git/loose
as git ssh-keygen -q -t rsa -b 2048 -N '' -f /srv/git/rsa
refuses "another kind of key" $repo "ed25519|Ed25519" --key /srv/git/rsa
init $repo >/dev/null || bail "init"
key=$(git config --file $repo/config windlass.prod.signingKey)
chmod 644 "$key"
sick key "chmod 600"
chmod 600 "$key"
chown ada "$key"
sick key "signingKey|key file|Permission"
chown git "$key"
ok "well" as git windlass-hook doctor --repo $repo

# ---- modes that let strangers in

for path in "" config hooks refs objects; do
	new "mode-$path"
	chmod o+w "$repo/$path"
	refuses "a writable ${path:-folder}" $repo "'$repo${path:+/$path}' can be written by every user.*chmod o-w"
	chmod o-w "$repo/$path"
done
init $repo >/dev/null
for path in hooks/pre-receive hooks windlass config; do
	chmod o+w $repo/$path
	sick modes "$repo/$path' can be written .*chmod o-w"
	chmod o-w $repo/$path
done

# ---- hooks that git would skip

sed -i '2i exit 0' $repo/hooks/pre-receive
sick hook-pre-receive "not as it was written"
init $repo >/dev/null
ok "init mends it" as git windlass-hook doctor --repo $repo
mv $repo/hooks/post-receive $repo/hooks/away
ln -s nowhere $repo/hooks/post-receive
sick hook-post-receive "link to nothing"
mv $repo/hooks/away $repo/hooks/post-receive
cp -a $repo/hooks noexec.hooks
if mount -t tmpfs -o noexec,mode=755 none $repo/hooks; then
	cp -a noexec.hooks/. $repo/hooks/
	chown git:git $repo/hooks
	sick hook-pre-receive "noexec"
	umount $repo/hooks
else
	skip 3 "no file system can be mounted"
fi
git config --file $repo/config core.sharedRepository group
chmod g-x $repo/hooks/pre-receive
sick hook-pre-receive "all who push .*chmod g\+rx"
chmod g+x $repo/hooks/pre-receive
git config --file $repo/config --unset core.sharedRepository
# what stock git reads and libgit2 1.5 does not
printf '[core]\n\thooksPath = %s\n' /srv/git/plain >/srv/git/other
chmod 644 /srv/git/other
git config --file $repo/config 'includeIf.hasconfig:remote.*.url:**.path' /srv/git/other
git config --file $repo/config remote.origin.url /srv/git/x.git
if [ "$(as git git -C $repo rev-parse --git-path hooks)" = /srv/git/plain ]; then
	sick hooks-folder "git looks for hooks in '/srv/git/plain'"
else
	skip 3 "this git knows no hasconfig"
fi
git config --file $repo/config --remove-section 'includeIf.hasconfig:remote.*.url:**'
git config --file $repo/config --remove-section remote.origin
ok "well" as git windlass-hook doctor --repo $repo

# ---- no space

as git git clone -q $repo /srv/people/git/work 2>/dev/null
change() {
	as git bash -c 'cd ~/work && mkdir -p deploy && printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: \"%s\"}\n" "$1" >deploy/web.yaml && git add -A && git commit -q -m "$1"' - "$1"
}
push() { as git git -C /srv/people/git/work push "$@" origin HEAD:main; }
change one
ok "a push while there is room" push
mkdir /srv/full
if mount -t tmpfs -o size=32m,mode=755 none /srv/full; then
	chown git:git /srv/full
	new full
	mv $repo /srv/full/
	refuses "a full file system" /srv/full/full.git "only [0-9]+ MiB are free .*make room"
	repo=/srv/git/key.git
	new room
	refuses "a full one to publish to" $repo "only [0-9]+ MiB are free at '/srv/full" \
		--publish /srv/full/public
	repo=/srv/git/mode-objects.git
	as git cp -a $repo/windlass/public /srv/full/
	git config --file $repo/config windlass.publish /srv/full/public
	sick publish-space "MiB are free .*make room"
	change two
	before=$(git -C $repo -c safe.directory='*' rev-parse main 2>/dev/null)
	not_ok "a push that could not be published is refused" push
	like "$(cat .output)" "refused, only [0-9]+ MiB are free" "and says why"
	is "$(git -C $repo -c safe.directory='*' rev-parse main 2>/dev/null)" "$before" \
		"the ref is where it was"
	ok "another branch is taken: it needs no room" as git \
		git -C /srv/people/git/work push origin HEAD:aside
	git config --file $repo/config --unset windlass.publish
	umount /srv/full
	ok "with room again" push
else
	skip 15 "no file system can be mounted"
fi

# ---- a disk that the kernel, or an admin, made read-only

repo=/srv/git/mode-objects.git
mkdir /srv/ro
if mount --bind $repo /srv/ro && mount -o remount,ro,bind /srv/ro; then
	not_ok "init on a read-only file system" as git windlass-hook init dev \
		--repo /srv/ro --ref refs/heads/dev --path dev
	like "$(cat .output)" "'/srv/ro' is on a file system that is mounted read-only; mount it writable" \
		"says what to do"
	not_ok "publish" as git windlass-hook publish --repo /srv/ro
	like "$(cat .output)" "mounted read-only; mount it writable" "does, too"
	out=$(as git windlass-hook doctor --repo /srv/ro)
	like "$out" "^FAIL  space: .*mounted read-only" "and doctor"
	like "$out" "^FAIL  publish-folder: .*mounted read-only" "of what is published"
	umount /srv/ro
else
	skip 6 "no file system can be mounted"
fi

# ---- a clock that was lost

if faketime=$(command -v faketime); then
	# as a machine without a battery: 1 January 1970, or 2000
	for then in "1970-01-02 00:00:00" "2000-01-01 00:00:00"; do
		new "clock-${then:0:4}"
		rm -rf /srv/people/git/.config
		before=$(state_of $repo /srv/people/git)
		not_ok "${then:0:4}: init refuses" as git "$faketime" "$then" \
			windlass-hook init prod --repo $repo \
			--ref refs/heads/main --path deploy
		like "$(cat .output)" "clock of this machine says ${then:0:4}.*set it" \
			"and says what to do"
		is "$(state_of $repo /srv/people/git)" "$before" "nothing is written"
	done
	repo=/srv/git/mode-objects.git
	out=$(as git "$faketime" "1970-01-02 00:00:00" windlass-hook doctor --repo $repo)
	like "$out" "^FAIL  machine-clock: .*says 1970-01-02.*set it" "doctor sees it"
	change three
	not_ok "a push is refused" as git "$faketime" "1970-01-02 00:00:00" \
		git -C /srv/people/git/work push origin HEAD:main
	like "$(cat .output)" "refused, the clock of this machine" "and says why"
	not_ok "nothing is signed" as git "$faketime" "1970-01-02 00:00:00" \
		windlass-hook refresh --repo $repo --force
	like "$(cat .output)" "clock of this machine" "by it"
	# a day behind what was signed
	out=$(as git "$faketime" -f -1d windlass-hook doctor --repo $repo)
	like "$out" "^FAIL  prod: clock: .*behind" "a clock that is behind, too"
	not_ok "it signs nothing" as git "$faketime" -f -1d windlass-hook refresh \
		--repo $repo --force
	ok "the right clock" push
else
	skip 14 "faketime is missing: apt-get install faketime"
fi

done_testing
