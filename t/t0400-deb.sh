#!/bin/bash
# Packages of Debian: `make deb` makes them, the same bytes whoever does it;
# lintian finds nothing; in a fresh Debian of its own they are installed, do
# the main job, are upgraded and purged, and nothing of them is left.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-links.sh"

[ -z "${WINDLASS_QUICK:-}" ] || skip_all "not in a quick run"
[ -x "$TOP/configure" ] || skip_all "no configure; run autoreconf -i first"
for tool in dh lintian debootstrap; do
	command -v $tool >/dev/null ||
		skip_all "no $tool: contrib/packages deb"
done
# tests are for those who build to use it; here they run on their own
export DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)"
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$TOP/contrib/debian/changelog")
packages="windlass windlass-common windlass-hook windlassd"

# ---- building them ----

mkdir build && cd build || exit 1
"$TOP/configure" >configure.log 2>&1 || bail "configure"
upstream=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" config.log)
is "${version%-*}" "$upstream" "the changelog is of this version"
ok "make deb" make -s deb || bail "there is nothing to look at"
cd "$TRASH" || exit 1
debs=$TRASH/build/deb
is "$(cd "$debs" && ls ./*.deb | grep -v dbgsym | sed 's/_.*//; s/..//' |
	sort | xargs)" "$packages" "it makes the four packages"

# lintian ends with 2 for its --fail-on, and prints what it found
ok "lintian finds nothing" lintian --fail-on error,warning \
	--allow-root "$debs"/*.changes

# Once more, in another folder by somebody with other habits.
again=$TRASH/somewhere-else
mkdir -p "$again"
(
	umask 077
	export TZ=Asia/Kathmandu LC_ALL=C
	tar -C "$again" -xf "$debs"/*.orig.tar.xz && cd "$again"/windlass-* &&
		./configure && make deb
) >again.log 2>&1 || test_show again.log
again=$(echo "$again"/windlass-*/deb)
same() {
	local file different=
	for file in "$debs"/$1; do
		cmp "$file" "$again/${file##*/}" || different=yes
	done
	[ -z "$different" ]
}
ok "the tarball makes itself again" same '*.orig.tar.xz'
ok "their source is the same bytes again" same '*.debian.tar.xz'
ok "and so are they" same '*.deb'

# The next version: the same programs, but dpkg sees a number.
next=${version}+next1
(
	cd "$again"/windlass-*/ &&
		sed -i "1s/(.*)/($next)/" debian/changelog &&
		dpkg-buildpackage -nc -b -us -uc
) >next.log 2>&1 || test_show next.log
ok "a version after this one" test -e "$again/windlass-common_${next}_all.deb"

# ---- a fresh Debian ----

if [ "$(id -u)" -ne 0 ] || ! unshare --mount --pid --fork true 2>/dev/null
then
	skip 20 "only root can install packages"
	done_testing
fi

# site: where this machine has its Debian from
. /etc/os-release
site() {
	apt-get indextargets \
		--format '$(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI)' |
		awk -v code="$VERSION_CODENAME" '$1 == "Packages" &&
			$2 == code && $3 == "main" { print $4; exit }'
}
# depends: what these packages stand on, without each other
depends() {
	for package in $packages; do
		dpkg-deb -f "$debs/${package}"_*.deb Depends
	done | tr ',' '\n' | sed 's/^ *//; s/[ (|].*//' |
		grep -vxF "$(printf '%s\n' $packages)" | grep . |
		LC_ALL=C sort -u | paste -sd,
}
# fresh DIR: a minimal Debian with what they stand on. It is kept, so that
# the next run has it at once; another one is made when that list changes.
fresh() {
	local include cache=$USER_CACHE/windlass/debootstrap tar
	include=$(depends)
	tar=$cache/$VERSION_CODENAME-$(printf '%s' "$include" |
		sha256sum | cut -c 1-16).tar
	mkdir -p "$cache" "$1"
	(
		flock 9
		[ ! -e "$tar" ] || exit 0
		[ -n "$(site)" ] || apt-get -q update
		rm -f "$cache"/*.tar*
		debootstrap --variant=minbase --include="$include" \
			"$VERSION_CODENAME" "$TRASH/bootstrap" "$(site)" &&
			rm -rf "$TRASH"/bootstrap/var/cache/apt/archives/*.deb &&
			tar -C "$TRASH/bootstrap" -cf "$tar.new" . &&
			mv "$tar.new" "$tar"
		rm -rf "$TRASH/bootstrap"
	) 9>"$cache/lock" >fresh.log 2>&1
	[ -e "$tar" ] || { test_show fresh.log; return 1; }
	tar -C "$1" -xf "$tar"
}

root=$TRASH/root
fresh "$root" || bail "no fresh Debian can be made"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# inside COMMAND...: as root of that system; without a network, so that what
# is missing cannot be fetched
inside() {
	unshare --mount --pid --net --fork --mount-proc="$root/proc" \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		chroot "$root" "$@"
}
# state: every file of it, with owner, mode and content, and what dpkg knows;
# not what dpkg and apt note of what they did
state() {
	(
		cd "$root" || exit 1
		find . \( -path ./proc -o -path ./srv -o -path ./tmp \
			-o -path ./var/cache/apt -o -path ./var/log \
			-o -path ./var/lib/apt -o -path ./var/lib/dpkg \
			-o -path ./var/cache/ldconfig \) -prune -o \
			-print0 >"$TRASH/names"
		xargs -0 stat -c '%N %f %u:%g %t:%T' <"$TRASH/names"
		while IFS= read -r -d '' name; do
			[ ! -f "$name" ] || [ -L "$name" ] ||
				printf '%s\0' "$name"
		done <"$TRASH/names" | xargs -0 sha256sum
		ls var/lib/dpkg/info
		grep '^Package:' var/lib/dpkg/status
	) | LC_ALL=C sort
}
put() { # FILE: from stdin
	mkdir -p "$root/${1%/*}" && cat >"$root/$1"
}
state >"$TRASH/before"
ok "the state of it has files, with their content" \
	grep -qE '^[0-9a-f]{64}  \./etc/passwd$' "$TRASH/before"
mkdir "$root/srv/packages"
cp "$debs"/windlass*.deb "$again"/*"${next}"*.deb "$root/srv/packages"
rm "$root"/srv/packages/*dbgsym*

# files VERSION: of the packages, as apt wants them
files() {
	local package
	for package in $packages; do
		(cd "$root" && ls "./srv/packages/${package}_$1"_*.deb)
	done
}
ok "they install" inside apt-get install -q -y --no-install-recommends \
	$(files "$version") || bail "they do not"
installed() {
	inside dpkg-query -W -f '${db:Status-Abbrev} ${Version}\n' $packages |
		sort -u
}
is "$(installed)" "ii  $version" "all of them, entirely"
is "$(inside dpkg --verify $packages)" "" "as they were made"
is "$(find "$root/etc" -name '*windlass*')" "" \
	"nothing is configured, enabled or started"
for program in windlass windlass-hook windlassd; do
	is "$(inside setpriv --reuid nobody --clear-groups $program --version)" \
		"$program $upstream" "$program --version"
done
is "$(inside sh -c 'ldd /usr/bin/windlass* /usr/sbin/windlassd' |
	grep 'not found')" "" "no library is missing"
is "$(inside sh -c 'for unit in /lib/systemd/system/windlass-*; do
	sed -n "s/^ExecStart=[-+]*\([^ ]*\).*/\1/p" $unit
done | sort -u | xargs ls -d')" "/usr/bin/ssh-agent
/usr/bin/windlass-hook" "what the units start is there"

is "$(dead_links "$root/usr/share/doc/windlass-common")" "" \
	"no link between pages leads nowhere"
ok "and the pages are there" test -f \
	"$root/usr/share/doc/windlass-common/contrib/runbooks/forked.md"

# ---- the main job, with what was installed ----

put srv/app/deploy/web.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
END
ok "windlass check" inside windlass check /srv/app/deploy
sed 's/image/imagge/' "$root/srv/app/deploy/web.yaml" | put srv/bad/web.yaml
inside windlass check /srv/bad >check.out 2>&1
is "$?" 1 "it knows the fields of Kubernetes' kinds"
like "$(cat check.out)" "imagge" "and says which one is none"
put srv/push <<'END'
set -e
git config --global user.name Ada
git config --global user.email ada@example.org
git config --global init.defaultBranch main
if ! [ -d /srv/app.git ]; then
	git init -q --bare /srv/app.git
	windlass-hook init prod --repo /srv/app.git --ref refs/heads/main \
		--path deploy --key /srv/keys/prod
	git init -q /srv/app
fi
cd /srv/app
echo "# $1" >>deploy/web.yaml
sed -i "s/image: [a-z0-9:.]*/image: nginx:$1/" deploy/web.yaml
git add -A
git commit -q -m "$1"
git push -q /srv/app.git main
windlass log prod --repo /srv/app.git
END
install -d -m 700 "$root/srv/keys"
inside sh /srv/push 1.28 >push.log 2>&1
like "$(cat push.log)" "prod@1|1\.1" "a push is published" || test_show push.log

# ---- the next version, and away with it ----

ok "they upgrade" inside apt-get install -q -y --no-install-recommends \
	$(files "$next")
is "$(installed)" "ii  $next" "all of them, entirely"
inside sh /srv/push 1.29 >push.log 2>&1
is "$(git -c safe.directory='*' --git-dir "$root/srv/app.git" rev-list --count \
	refs/windlass/prod)" 2 "the hook that was installed goes on publishing" ||
	test_show push.log
rm "$root/root/.gitconfig"

ok "one of them can go alone" inside apt-get purge -q -y windlassd
ok "windlass is still there" inside windlass --version
packages="windlass windlass-common windlass-hook"
# as `systemctl enable` does, where systemd runs
system=etc/systemd/system
mkdir -p "$root/$system/sockets.target.wants" "$root/$system/timers.target.wants"
ln -s /lib/systemd/system/windlass-serve@.socket \
	"$root/$system/sockets.target.wants/windlass-serve@srv-app.git.socket"
ln -s /lib/systemd/system/windlass-publish@.timer \
	"$root/$system/timers.target.wants/windlass-publish@srv-app.git.timer"
mkdir -p "$root/$system/multi-user.target.wants"
ln -s /lib/systemd/system/windlass-images@.service \
	"$root/$system/multi-user.target.wants/windlass-images@srv-app.git.service"
ln -s /lib/systemd/system/other@.timer \
	"$root/$system/timers.target.wants/other@windlass.timer"
ok "they can be removed" inside apt-get remove -q -y $packages
like "$(cat .output)" "windlass-hook init CHANNEL --repo REPOSITORY --remove" \
	"with a word on the hooks that are left"
ok "what was enabled stays, as of any package" test -L \
	"$root/$system/sockets.target.wants/windlass-serve@srv-app.git.socket"
inside sh /srv/push 1.30 >push.log 2>&1
like "$(cat push.log)" "remote: windlass: /usr/bin/windlass-hook is gone from this Git host, so no push is taken" \
	"a push is refused and told why"
like "$(cat push.log)" "admin installs windlass-hook again, or removes the hook hooks/pre-receive" \
	"and what to do"
rm "$root/root/.gitconfig"
ok "and purged" inside dpkg --purge $packages
is "$(cd "$root/$system" && find . -name '*windlass*' | sort)" \
	./timers.target.wants/other@windlass.timer "nothing enabled leads nowhere"
rm "$root/$system/timers.target.wants/other@windlass.timer"
rmdir "$root/$system"/{sockets,multi-user}.target.wants 2>/dev/null
state >"$TRASH/purged"
is "$(diff "$TRASH/before" "$TRASH/purged")" "" "nothing at all then"
ok "what they published is the admin's, and stays" \
	test -e "$root/srv/app.git/windlass/public/prod/head"

done_testing
