#!/bin/bash
# Lint of our own sources: what a reader relies on and no compiler checks.
# Each check prints what breaks its rule, and wants to print nothing.
. "$(dirname "$0")/lib.sh"
cd "$TOP" || bail "no sources"

# sources NAME...: our files of these names; builds beside them are not ours
sources() {
	local name first=yes names=()
	for name in "$@"; do
		[ -n "$first" ] || names+=(-o)
		names+=(-name "$name")
		first=
	done
	find schema hooks engine t contrib -type f \( "${names[@]}" \) |
		LC_ALL=C sort
}
# texts: all of them, whatever they are called, but for foreign data
texts() {
	find schema hooks engine t contrib m4 .ci -type f \
		! -path 't/fixtures/*' ! -path 't/fuzz/corpus/*' ! -name '*.sum'
	ls configure.ac Makefile.am README.md
}

mapfile -t code < <(sources '*.c' '*.h')
mapfile -t headers < <(sources '*.h')
mapfile -t all < <(texts)
ok "there is something to look at" [ ${#code[@]} -gt 100 ]

# ---- sizes ----

is "$(wc -l "${code[@]}" $(sources '*.sh' '*.mk' '*.pl') |
	awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }')" "" \
	"no file is longer than 800 lines"

# A function's body stands between braces of their own in the first column.
long_functions() {
	awk -v max="$1" '
		FNR == 1 { start = 0 }
		/^[a-zA-Z_].*\(/ { head = FNR; name = $0 }
		/^\{$/ { start = head }
		/^\}$/ && start {
			if (FNR - start + 1 > max) {
				sub(/\(.*/, "", name)
				sub(/.*[ *]/, "", name)
				print FILENAME ":" start ": " name " has " \
					FNR - start + 1 " lines"
			}
			start = 0
		}' "${@:2}"
}
{
	printf 'static int f(int a,\n\t     int b)\n{\n'
	seq 96 | sed 's/.*/\tg(&);/'
	printf '}\n'
} >"$TRASH/at.c"
sed 's/g(1);/&\n\tg(0);/' "$TRASH/at.c" >"$TRASH/beyond.c"
is "$(long_functions 100 "$TRASH/at.c")" "" "100 lines are no long function"
is "$(long_functions 100 "$TRASH/beyond.c")" \
	"$TRASH/beyond.c:1: f has 101 lines" "101 lines are"
is "$(long_functions 100 "${code[@]}")" "" \
	"no function is longer than 100 lines"

# ---- what is made is not kept ----

# built: tracked files that a compiler or configure wrote; of a tarball, which
# has no history, there is nothing to ask
built() {
	git -C "$1" ls-files -z 2>/dev/null | (cd "$1" && xargs -0 -r \
		grep -lE --binary-files=text \
		$'^\x7fELF|^# Generated (automatically )?by configure') 2>/dev/null
}
git init -q "$TRASH/kept"
cp "$WINDLASS_BUILD/windlass" "$WINDLASS_BUILD/config.status" "$TRASH/kept/"
git -C "$TRASH/kept" add -f .
is "$(built "$TRASH/kept" | xargs)" "config.status windlass" \
	"a program and what configure wrote are known"
is "$(built .)" "" "neither is among our files"

# ---- who may include whom ----

is "$(grep -nE '^#[ \t]*include "(hooks|engine|t|contrib)/' $(
	find schema -name '*.[ch]'))" "" \
	"schema/ includes neither hooks/ nor engine/"
is "$(grep -nE '^#[ \t]*include "(engine|t|contrib)/' $(
	find hooks -name '*.[ch]'))" "" "hooks/ does not include engine/"
is "$(grep -nE '^#[ \t]*include "(hooks|t|contrib)/' $(
	find engine -name '*.[ch]'))" "" "engine/ does not include hooks/"
is "$(grep -nE '^#[ \t]*include "' "${code[@]}" |
	grep -vE 'include "(config.h|(schema|hooks|engine|t)/[^"]*)"')" "" \
	"our headers are named by their path from the top"
is "$(grep -lE '#[ \t]*include <jansson.h>' "${code[@]}" |
	grep -v '^schema/json-')" "" "jansson stays behind schema/json.h"

# ---- headers ----

flags=$(pkg-config --cflags libgit2 libcurl libsodium libmicrohttpd gnutls zlib \
	2>/dev/null)
if command -v gcc >/dev/null && [ -n "$flags$(pkg-config --version)" ]; then
	# shellcheck disable=SC2086 # several words
	ok "each header compiles alone" gcc -std=gnu11 -D_GNU_SOURCE -I. \
		$flags -fsyntax-only -Wall -Wextra -Werror -x c \
		"${headers[@]}"
else
	skip 1 "no gcc and pkg-config"
fi

# guard FILE: its include guard, or for a header of tests any
bad_guards() {
	local h want
	for h in "$@"; do
		want=$(echo "$h" | tr 'a-z/.-' 'A-Z___')
		grep -qx "#ifndef $want" "$h" && grep -qx "#define $want" "$h" ||
			echo "$h: has no guard $want"
	done
}
is "$(bad_guards $(find schema hooks engine -name '*.h'))" "" \
	"each has a guard of its own name"
is "$(for h in "${headers[@]}"; do
	read -r line <"$h"
	[[ $line == '/*'* ]] || echo "$h: does not begin with a comment"
done)" "" "each begins with its contract"

# ---- limits ----

# Each is named where it is tested. These are not yet, or by their number in
# a test of the whole: who tests one takes it off the list.
known="LIMIT_APPROVALS LIMIT_APPROVALS_BYTES LIMIT_APPROVAL_BYTES \
LIMIT_CLOCK_FLOOR LIMIT_EPOCH_BUNDLES LIMIT_EXEC_CREDENTIAL_BYTES \
LIMIT_HEAD_AHEAD LIMIT_OPENAPI_DOCUMENT LIMIT_PATTERN_HEAP \
LIMIT_PATTERN_STEPS"
is "$(sed -n 's/^#define \(LIMIT_[A-Z_]*\) .*/\1/p' schema/limits.h |
	LC_ALL=C sort | while read -r name; do
		grep -rqw --include='*.[ch]' --include='*.sh' \
			--exclude=t0300-source.sh -- "$name" t || echo "$name"
	done)" "$(printf '%s\n' $known)" "every limit but these is in a test"

# ---- what each file has ----

is "$(for c in "${code[@]}"; do
	[[ $c == *.h ]] && continue
	read -r line <"$c"
	[[ $line == '/*'* ]] || echo "$c: does not begin with a comment"
done)" "" "each .c begins with a comment"
is "$(for c in $(find schema hooks engine -name '*.c'); do
	grep -m 1 '^#[ \t]*include' "$c" | grep -qx '#include "config.h"' ||
		echo "$c: does not include config.h first"
done)" "" "each .c includes config.h first"
is "$(for s in t/t[0-9]*.sh; do
	[ -x "$s" ] || echo "$s: cannot be executed"
	! grep -q '/lib.sh"' "$s" || tail -n 1 "$s" | grep -qx done_testing ||
		echo "$s: does not end in done_testing"
done)" "" "each numbered test can be run, and says when it is done"

# ---- the rules that findings name ----

# explained: those that the table has
explained() {
	cat schema/explain/*.inc | sed -nE 's/^RULE(_OUTSIDE)?\("([^"]*)".*/\2/p'
}
# named FILE...: those that sources report: what stands before a message, and
# whatever begins as a rule of the table does
named() {
	families=$(explained | sed -n 's/-.*//p' | sort -u | paste -sd '|') \
	perl -0777 -ne '
		s{/\*.*?\*/}{}gs;
		s/^#[ \t]*include.*$//mg;
		while (/"([a-z]+(?:-[a-z0-9]+)+)"(?=(\s*,\s*"(?!-)[^"]*[ %]|))/g) {
			my ($name, $message) = ($1, $2);

			print "$name\n" if $message ||
				$name =~ /^(?:$ENV{families})-/;
		}
		print "duplicate\n" if /"duplicate"/' "$@" | sort -u
}
reporters() {
	find schema hooks engine/cli -name '*.[ch]' ! -name 'doctor*' \
		! -name 'cmd-doctor.c' ! -name 'explain.[ch]' ! -name quote.c
}
printf 'f(p, "yaml-syntax",\n  "a b");\ng("x-y", 1);\nh("b-c",\n "%%s", s);\n' \
	>"$TRASH/rules.c"
is "$(named "$TRASH/rules.c" | paste -sd ' ')" "b-c yaml-syntax" \
	"names of rules are found"
# options are not
# shellcheck disable=SC2046
named $(reporters) | grep -vxE 'name-only|api-port' >"$TRASH/named"
explained | sort >"$TRASH/explained"
is "$(uniq -d "$TRASH/explained")" "" "no rule is explained twice"
is "$(comm -23 "$TRASH/named" "$TRASH/explained")" "" \
	"each rule that a finding names is explained (schema/explain/)"
is "$(comm -13 "$TRASH/named" "$TRASH/explained")" "" \
	"each that is explained can be found"

# ---- what the build needs, in all three places ----

is "$(sed -n 's/^WL_LIBRARY(.*\[\([a-z0-9-]*\)\])$/\1/p' configure.ac |
	while read -r package; do
		grep -q "^ $package\b" contrib/debian/control ||
			echo "contrib/debian/control: no $package"
		grep -q "\b$package\b" contrib/packages ||
			echo "contrib/packages: no $package"
	done)" "" "packagers and contrib/packages know each library"

# ---- words and bytes ----

is "$(grep -nE '\b(TO[D]O|FIX[M]E|XX[X])\b' "${all[@]}" |
	grep -v 'XXXXXX')" "" "nothing is left to do"
is "$(grep -nE '(^|[^A-Za-z0-9_.$}/-])/(roo[t]|hom[e]|wor[k]|User[s])/' \
	"${all[@]}")" "" "no path of somebody's machine"
is "$(grep -nE '[ 	]+$' "${code[@]}")" "" "no white space at the end of lines"
is "$(grep -nE '^ +[^ *]' "${code[@]}")" "" "tabs indent"
is "$(grep -nE '(^|[ 	;{}])//' "${code[@]}")" "" "comments are /* */"
is "$(grep -nE '\btypedef struct\b' "${code[@]}")" "" "structs keep their name"
is "$(expand "${code[@]}" | awk 'length > 100')" "" "lines are not too long"

done_testing
