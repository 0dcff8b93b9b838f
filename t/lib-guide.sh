# The pages of contrib/guides and contrib/runbooks, whose commands tests run.
# Source it after lib.sh or lib-users.sh.
#
#   guide NAME             contrib/guides/NAME.md is the page from now on
#   runbook NAME           contrib/runbooks/NAME.md is
#   block SECTION N        the Nth block of commands of a section: its text in
#                          block.sh, and who runs it, the word behind ```sh, in
#                          $who
#   run_block SECTION N [COMMAND...]   runs it by COMMAND... FILE (default:
#                          bash -e), and shows what it printed if it fails; what
#                          it printed is in .output
#   skip_block SECTION N   it is known that the test cannot run one
#   guide_done             every block of the page was run, or skipped

guide() {
	page=$TOP/contrib/guides/$1.md
	declare -gA blocks_seen=()
}

runbook() {
	page=$TOP/contrib/runbooks/$1.md
	declare -gA blocks_seen=()
}

block() {
	awk -v section="## $1" -v n="$2" '
		/^## / { in_section = $0 == section }
		in_section && /^```sh/ { count++; if (count == n) { print $2; on = 1; next } }
		/^```$/ { on = 0 }
		on' "$page" >"$TRASH/block.all"
	who=$(head -n 1 "$TRASH/block.all")
	tail -n +2 "$TRASH/block.all" >"$TRASH/block.sh"
	[ -n "$who" ] || { fail "$1, block $2: is on the page"; return 1; }
	chmod 644 "$TRASH/block.sh"
}

run_block() {
	local section=$1 n=$2
	shift 2
	[ $# -gt 0 ] || set -- bash -e
	block "$section" "$n" || return
	blocks_seen[$section/$n]=yes
	ok "$section, block $n, as $who" "$@" "$TRASH/block.sh"
}

skip_block() { blocks_seen[$1/$2]=yes; }

guide_done() {
	is "$(grep -c '^```sh ' "$page")" "${#blocks_seen[@]}" \
		"every block of the page was looked at"
}
