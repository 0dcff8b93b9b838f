#!/bin/bash
# t/attacks is the list of all attacks and their tests: it is whole, and each
# test that it names does try that attack, by its number.
. "$(dirname "$0")/lib.sh"
table=$TEST_DIR/attacks
rows=67

# each attack that a test tries, "TEST NUMBER": by a description that begins
# with its name, or by the helper of that test which makes one of a number
(
	cd "$TEST_DIR" || exit
	{
		grep -noE "[\"']attack-[0-9]+ " t[0-9]*.sh unit/u-*.c fuzz/*.c
		grep -noE "^[[:space:]]*(refused|update|entry|odd|form) [0-9]+ " \
			t63*.sh
	} | sed -E 's,^(unit/|fuzz/),,; s,^(t[0-9]{4})[^:]*,\1,
		s,^([uf][^.:]*)\.c,\1,; s,:[0-9]+:[^0-9]*0*, ,; s, $,,'
) | sort -u >tried

# fault FILE: what is wrong with the table in it
fault() {
	local n tests what more test
	while IFS=$'\t' read -r n tests what more; do
		[[ $n == \#* ]] && continue
		[[ $n =~ ^[1-9][0-9]?$ ]] && [ -n "$what" ] && [ -z "$more" ] ||
			echo "no line: $n"
		[ "$tests" = - ] && continue
		for test in ${tests//,/ }; do
			grep -qx "$test $n" tried || echo "$n: not in $test"
		done
	done <"$1"
	sed -n 's/^\([0-9]*\)\t.*/\1/p' "$1" | cmp -s - <(seq $rows) ||
		echo "not each of 1 to $rows once, in order"
}

ok "there are tests that try attacks" [ "$(wc -l <tried)" -gt 100 ]
is "$(fault "$table")" "" "each attack is listed once, and tried where it says"
# and no test tries one that is not listed for it
is "$(while read -r test n; do
	sed -n "s/^$n\t\([^\t]*\)\t.*/,\1,/p" "$table" |
		grep -q ",$test," || echo "$test tries $n"
done <tried)" "" "and what a test tries is listed"

# it can fail
sed '3,$s/^7\t.*//; /^$/d' "$table" >gap
like "$(fault gap)" "not each of 1 to $rows once" "a line that is missing is found"
sed 's/^7\tt6310/7\tt6999/' "$table" >none
is "$(fault none)" "7: not in t6999" "so is a test that is not there"
sed 's/^7\tt6310/7\tt0200/' "$table" >wrong
is "$(fault wrong)" "7: not in t0200" "or that does not try it"
done_testing
