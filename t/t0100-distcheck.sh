#!/bin/bash
# What a packager gets: the tarball builds outside its own folder, from
# read-only sources, passes its own tests, installs and uninstalls cleanly.
. "$(dirname "$0")/lib.sh"

[ -z "${WINDLASS_QUICK:-}" ] || skip_all "not in a quick run"
[ -e "$WINDLASS_BUILD/config.status" ] || skip_all "no build to make it from"

ok "make distcheck" make -C "$WINDLASS_BUILD" distcheck \
	distdir="windlass-check-$$" \
	DISTCHECK_CONFIGURE_FLAGS=--enable-werror
rm -rf "$WINDLASS_BUILD"/windlass-check-*

done_testing
