#!/bin/bash
# What a packager gets: the tarball builds outside its own folder, from
# read-only sources, passes its own tests, installs and uninstalls cleanly.
. "$(dirname "$0")/lib.sh"

[ -z "${WINDLASS_QUICK:-}" ] || skip_all "not in a quick run"
[ -x "$TOP/configure" ] || skip_all "no configure; run autoreconf -i first"

# in a folder of its own: other tests use the build that is there
mkdir build && cd build || exit 1
ok "configure" "$TOP/configure"
# the unit tests in it bring their own Git settings
ok "make distcheck" env -u GIT_CONFIG_GLOBAL -u GIT_CONFIG_NOSYSTEM \
	make distcheck DISTCHECK_CONFIGURE_FLAGS=--enable-werror

done_testing
