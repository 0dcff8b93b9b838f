#!/bin/bash
# post-receive is killed at each step; publish then finishes the work: the
# tip is published once, no place in the sequence is given to two bundles,
# and no lock is left behind.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

grep -q '^#define ENABLE_FAULTS 1' "$WINDLASS_BUILD/config.h" 2>/dev/null ||
	skip_all "needs a build with --enable-faults"
steps=$(sed -n 's/^\tSTEP(\([a-z_]*\)).*/\1/p' "$TOP/hooks/faults.h")
is "$(wc -w <<<"$steps")" 14 "the list of steps is read"

# The steps that a push does not come by in one of the three situations.
passes_by() {
	case $1-$2 in
	first-epoch_kept|first-delta_stored) ;;
	next-epoch_kept|next-base_stored) ;;
	epoch-delta_stored) ;;
	*) return 1 ;;
	esac
}

# crash_push STEP [ARGUMENT...]
crash_push() {
	local step=$1
	shift
	WINDLASS_CRASH_AT=$step push work "$@"
}

# recovered STEP SITUATION SEQUENCE
recovered() {
	local ref head allow what="$2, killed at $1"
	if passes_by "$2" "$1"; then
		like "$(cat push.out)" ' published ' "$what: does not come by"
	else
		unlike "$(cat push.out)" ' published ' "$what: is not told"
	fi
	ref=$(bundle host.git prod)
	head=$(head_field host.git prod bundle 2>/dev/null)
	ok "attack-44 ... publish finishes" timeout 20 windlass-hook publish --repo host.git prod
	is "$(trailer host.git prod Epoch).$(trailer host.git prod Sequence)" \
		"$3" "... as the next bundle"
	is "$(trailer host.git prod Source-Commit)" \
		"$(git -C host.git rev-parse main)" "... of the tip"
	if [ -n "$ref" ] && [ "$ref" != "$last" ]; then
		is "$(bundle host.git prod)" "$ref" "... the one that was there"
	fi
	if [ -n "$head" ] && [ "$head" != "$last" ]; then
		is "$(bundle host.git prod)" "$head" "... that was announced"
	fi
	ok "... and good" stock_chain host.git prod
	allow=$(ls host.git/windlass/prod/allow 2>/dev/null)
	is "$allow" "" "... no allowance is left"
}

for step in $steps; do
	rm -rf host.git work
	make_host host.git prod
	make_clone host.git work
	for i in $(seq 40); do
		put work "deploy/prod/c$i.yaml" ConfigMap "c$i" demo
	done
	put work deploy/prod/ns.yaml Namespace demo
	commit work first
	last=
	crash_push "$step"
	recovered "$step" first 1.1
	last=$(bundle host.git prod)

	put work deploy/prod/c1.yaml ConfigMap c1 demo changed
	git -C work rm -q deploy/prod/ns.yaml
	commit work next
	crash_push "$step" -o allow-deletes=1
	recovered "$step" next 1.2
	last=$(bundle host.git prod)

	set_channel host.git prod epoch 2
	put work deploy/prod/c1.yaml ConfigMap c1 demo again
	commit work epoch
	crash_push "$step"
	recovered "$step" epoch 2.1
	last=$(bundle host.git prod)

	# and life goes on
	put work deploy/prod/c2.yaml ConfigMap c2 demo changed
	ok "the push after $step" commit_push work after
	like "$(cat push.out)" 'prod 2.2 published' "... is published"
done

# killed again and again
put work deploy/prod/c3.yaml ConfigMap c3 demo changed
commit work stubborn
crash_push rendered
for step in $steps; do
	WINDLASS_CRASH_AT=$step windlass-hook publish --repo host.git prod
done >killed 2>&1
ok "attack-44 publish after a kill at every step in a row" \
	windlass-hook publish --repo host.git prod
is "$(trailer host.git prod Sequence)" 3 "one bundle came of it"
ok "and it is good" stock_chain host.git prod
done_testing
