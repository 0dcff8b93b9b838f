#!/bin/bash
# Many commits in one push, where each must be signed: bounded time and
# memory, and one line, however many there are and whatever they look like.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-developers.sh"

make_host host.git prod
make_clone host.git work
make_key ada
developer_line ada keys/ada >developers
change work one
ok "a push before it is asked for" push work
set_channel host.git prod developers "$TRASH/developers"
set_channel host.git prod requireSignedCommits true
# 20 seconds of work and 512 MiB of addresses, no more
printf '#!/bin/bash\nulimit -t 20 -v 524288\nexec "%s/windlass-hook" pre-receive\n' \
	"$WINDLASS_BUILD" >host.git/hooks/pre-receive

# history N [FORM]: N commits on top of main, as branch many. wide: each of
# them on main, and all merged; odd: dates that run backwards
history() {
	awk -v n="$1" -v form="${2:-}" -v base="$(git -C work rev-parse origin/main)" '
	function commit(i, when, text) {
		print "commit refs/heads/many"
		print "mark :" i
		print "committer A <a@example.org> " when " +0000"
		print "data " length(text)
		print text
	}
	BEGIN {
		for (i = 1; i <= n; i++) {
			commit(i, form == "odd" ? 2000000000 - i : 1700000000 + i, "commit " i)
			print "from " (form == "wide" || i == 1 ? base : ":" i - 1)
		}
		for (i = n + 1; form == "wide" && i <= n + n / 100; i++) {
			commit(i, 1800000000 + i, "merge " i)
			print "from :" (i == n + 1 ? 1 : i - 1)
			for (k = (i - n - 1) * 100 + 1; k <= (i - n) * 100; k++)
				print "merge :" k
		}
	}' | git -C work fast-import --quiet --force
}
tries() {
	local what=$1 regex=$2 began=$SECONDS
	not_ok "$what" git -C work push -q origin many:main
	cp .output push.out
	like "$(cat push.out)" "prod: refused, .*$regex" "... it is said why"
	is "$(grep -c "^remote: windlass" push.out)" 1 "... in one line"
	ok "... within a minute ($((SECONDS - began)) s)" \
		test $((SECONDS - began)) -lt 60
}
history 20000
tries "20,000 commits" '"commit 1", is not signed, nor are 19999 more;'
history 20000 wide
tries "20,000 commits beside each other, and merges of a hundred each" \
	'is not signed, nor are 20199 more;'
history 20000 odd
tries "20,000 commits whose dates run backwards" \
	'is not signed, nor are 19999 more;'
history 100001
tries "100,001 commits" 'it brings more than 100000 commits: push them in parts'

git -C work checkout -q -B many origin/main
head -c 1100000 /dev/zero | tr '\0' 'x' | fold -w 70 >long
git -C work commit -q --allow-empty -F "$TRASH/long"
tries "a commit of a megabyte" 'commit [0-9a-f]* is larger than 1 MiB'
git -C work checkout -q -B many origin/main
git -C work commit -q --allow-empty -m \
	"$(printf 'colours \033[31m and %0200d' 1)" --author "$(printf '\033[31mA%0200d <a@b>' 1)"
tries "a long name and a long subject" '.*, is not signed; sign them'
unlike "$(cat push.out)" $'\033' "no control byte is passed on"

# all of these again, where they came without the hook
history 20000
git -C work push -q origin many:draft
git -C host.git update-ref refs/heads/main refs/heads/draft
not_ok "publishing them takes no longer" \
	bash -c 'ulimit -t 20 -v 524288; exec windlass-hook publish --repo host.git'
done_testing
