# A machine with users of its own, for tests of what depends on who runs it.
# Source it instead of lib.sh, and nothing before it:
#
#	. "$(dirname "$0")/lib-users.sh"
#
# As root it runs the test again in a mount namespace, where /etc is a copy
# and /srv, /run and /var/log are empty: users are made by useradd, system settings are written
# where an admin writes them, and all of it is gone when the test ends. Who is
# not root, or may not make a namespace, skips the whole test.
#
#   make_user NAME [GROUP]   a user with a home and bash, and more groups
#   as NAME COMMAND...       that user runs it: its uid, its groups, its HOME,
#                            its Git settings and nothing of ours
#   start_as NAME USER COMMAND...   start of lib.sh, as that user
#
# $BIN, first in everybody's PATH, has the built programs where all users
# can run them.
if [ -z "${WINDLASS_TEST_USERS:-}" ]; then
	if [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
		WINDLASS_TEST_USERS=yes exec unshare --mount \
			--propagation private "$BASH" "$0" "$@"
	fi
	echo "1..0 # SKIP only root can be several users"
	exit 0
fi
unset WINDLASS_TEST_USERS
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

chmod 755 "$TRASH"
mkdir "$TRASH/machine" "$TRASH/bin"
cp -a /etc "$TRASH/machine/etc"
mkdir -p "$TRASH/machine/srv" "$TRASH/machine/run" "$TRASH/machine/var/log"
for folder in etc srv run var/log; do
	mount --bind "$TRASH/machine/$folder" "/$folder" ||
		skip_all "no folder can be bound here"
done
: >/etc/gitconfig
BIN=$TRASH/bin
cp -R "$WINDLASS_BUILD/windlass-hook" "$WINDLASS_BUILD/windlass-serve" \
	"$WINDLASS_BUILD/windlass-upload" \
	"$WINDLASS_BUILD/windlass" \
	"$WINDLASS_BUILD/windlass-openapi" "$BIN"
export PATH=$BIN:${PATH#*:}
# what an admin and the users set is what counts here
unset GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL XDG_CONFIG_HOME
export HOME=/srv/people/root
mkdir -p "$HOME"
git config --system user.name "Ada Developer"
git config --system user.email ada@example.org
git config --system init.defaultBranch main
git config --system advice.detachedHead false

make_user() {
	useradd --create-home --base-dir /srv/people --user-group \
		--shell /bin/bash --password '*' \
		${2:+--groups "$2"} "$1" 2>"$TRASH/.useradd" ||
		{ test_show "$TRASH/.useradd"; bail "user $1 cannot be made"; }
}

as() {
	local user=$1
	shift
	setpriv --reuid="$user" --regid="$user" --init-groups \
		env -i HOME="/srv/people/$user" USER="$user" LOGNAME="$user" \
		PATH="$PATH" LC_ALL=C.UTF-8 TZ=UTC TRASH="$TRASH" "$@"
}

start_as() {
	local name=$1 user=$2
	shift 2
	start "$name" setpriv --reuid="$user" --regid="$user" --init-groups \
		env -i HOME="/srv/people/$user" USER="$user" PATH="$PATH" \
		LC_ALL=C.UTF-8 TZ=UTC "$@"
}
