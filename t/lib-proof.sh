# contrib/guides/proof.md in the folder clone, by stock tools alone. Source it
# after lib.sh and lib-guide.sh. Each block follows the page's first one.
#
#   as_script FILE     by bash -e -o pipefail, as in somebody's script
#   as_typed FILE      as in a shell where somebody pastes it
#   proves SECTION N   both find nothing wrong, and say what is good
#   finds WHAT PATTERN SECTION N
#                      both say BAD: and PATTERN, and nothing is good; the
#                      script fails
#   fetched            the clone has what its origin has
guide proof
stock=
for dir in ${PATH//:/ }; do
	[ -e "$dir/windlass" ] || stock+=${stock:+:}$dir
done

fetched() {
	block Begin 1
	cp block.sh begin.sh
	no_checkout
	blocks_seen[Begin/1]=yes
	(cd clone && env -u GIT_DIR PATH="$stock" bash ../begin.sh) >fetched.out 2>&1
	grep -q '^good: fetched$' fetched.out
}

# without the fetch: what is in the clone is judged
in_clone() {
	sed '/^faults=0$/,$d' begin.sh | cat - "$1" >both.sh
	shift
	(cd clone && env -u GIT_DIR PATH="$stock" "$@" <../both.sh)
}
as_script() { in_clone "$1" bash -e -o pipefail /dev/stdin; }
as_typed() { in_clone "$1" bash; }

no_checkout() {
	rm -rf clone/bundle
	env -u GIT_DIR git -C clone worktree prune
}
again() { [ "$1" != 'What is in it 1' ] || no_checkout; }

proves() {
	run_block "$1" "$2" as_script
	cp .output script.out
	again "$1 $2"
	ok "$1, block $2, typed" as_typed "$TRASH/block.sh"
	unlike "$(cat script.out .output)" '^BAD' "and nothing is bad"
}

finds() {
	local what=$1 pattern=$2 fault=
	shift 2
	block "$@"
	again "$*"
	as_script "$TRASH/block.sh" >script.out 2>&1 && fault='a script goes on'
	again "$*"
	as_typed "$TRASH/block.sh" >typed.out 2>&1
	for how in script typed; do
		grep -qE "^BAD: .*$pattern" $how.out || fault="$how: nothing is bad"
		! grep -q '^good' $how.out || fault="$how: it is good"
	done
	[ -z "$fault" ]
	judge $? "$what is found" || { echo "# $fault"; test_show typed.out; }
}
