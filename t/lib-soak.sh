# A slice of t/soak as a test. Source it after lib.sh and lib-cluster.sh.
#
#   soak OPTION...    runs it, and checks what it says of each promise; a
#                     random seed, which is told
#   soak_run OPTION...   runs it; its exit status is in the file status
#   figure NAME       prints a number of its report

soak_run() {
	XDG_CACHE_HOME=$USER_CACHE "$TEST_DIR/soak" "$@" \
		--report "$TRASH/report.txt" >soak.out 2>&1
	echo $? >status
}

soak() {
	local promise
	soak_run "$@"
	grep -q '^0$' status ||
		{ grep BROKEN soak.out | head -n 20; tail -n 20 soak.out; } |
			cut -c1-500 | sed 's/^/# /'
	sed -n 's/^.* \(seed [0-9]*\)$/# \1/p' soak.out | head -n 1
	is "$(sed -n 's/^held *\|^broken *//p' report.txt | wc -l)" \
		"$(sed -n '/^PROMISES/,/)/p' "$TEST_DIR/soaking/report.py" |
			grep -o "'[^']*'" | wc -l)" "all promises were judged"
	while read -r promise; do
		pass "held: $promise"
	done < <(sed -n 's/^held *//p' report.txt)
	while read -r promise; do
		fail "broken: $promise"
	done < <(sed -n 's/^broken *//p' report.txt)
	ok "there were rounds" [ "$(figure rounds)" -ge 2 ]
	ok "and pushes" [ "$(figure 'pushes accepted')" -ge 2 ]
}

figure() {
	sed -n "s/^ *\([0-9]*\) $1\$/\1/p" "$TRASH/report.txt"
}
