#!/bin/bash
# Every link between pages leads to a file: in the sources, and where `make
# install` puts them.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-links.sh"
mkdir -p odd/sub
printf 'a [link](sub/b.md#there), [another](nowhere.md), [one](https://example.org/x)\n' \
	>odd/a.md
printf '[up](../a.md) [out](../../none)\n' >odd/sub/b.md
is "$(dead_links odd)" "a.md: nowhere.md
sub/b.md: ../../none" "links that lead nowhere are seen"
is "$(dead_links "$TOP")" "" "there is none in the sources"
if [ -f "$WINDLASS_BUILD/Makefile" ]; then
	ok "installed" make -s -C "$WINDLASS_BUILD" \
		install-nobase_dist_docDATA DESTDIR="$TRASH/root" docdir=/doc
	is "$(dead_links root/doc)" "" "nor where they are installed"
	is "$(cd root/doc && find . -name '*.md' | wc -l)" \
		"$(cd "$TOP" && ls README.md contrib/*.md contrib/guides/*.md \
			contrib/runbooks/*.md contrib/image/README.md | wc -l)" \
		"and all pages are"
else
	skip 3 "no Makefile in $WINDLASS_BUILD"
fi
done_testing
