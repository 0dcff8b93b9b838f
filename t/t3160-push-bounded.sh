#!/bin/bash
# A push of a few kilobytes can stand for any amount of work: one blob with
# many names, a definition whose rules every object pays for. It ends soon,
# with one clear error, or says what was not judged.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
ok "a good start" commit_push work start
limit=$(sed -n 's/^#define LIMIT_SOURCE_BYTES (\([0-9]*\)ull \* 1024 \* 1024)$/\1/p' \
	"$TOP/schema/limits.h")

# named N BLOB [LINE]: N names of a blob in the channel's path, and a line as
# git-mktree has it; makes it the branch's tip
named() {
	local deploy prod root
	prod=$({
		for ((i = 0; i < $1; i++)); do
			printf '100644 blob %s\tf%07d.yaml\n' "$2" "$i"
		done
		[ -z "${3:-}" ] || printf '%s\n' "$3"
	} | git -C work mktree) &&
	deploy=$(printf '040000 tree %s\tprod\n' "$prod" | git -C work mktree) &&
	root=$(printf '040000 tree %s\tdeploy\n' "$deploy" |
		git -C work mktree) &&
	git -C work reset -q --soft "$(git -C work commit-tree -p \
		refs/remotes/origin/main -m named "$root")"
}
blob() { git -C work hash-object -w --stdin; }

# ---- LIMIT_SOURCE_BYTES ----
# 16 MiB that are no YAML from the first byte, so that reading is all it costs
large=$({ printf '\377\376'; command head -c $((16 * 1024 * 1024 - 2)) \
	/dev/zero; } | blob)
named $((limit / 16)) "$large"
not_ok "many names of one large file" push work
like "$(cat push.out)" "f0*$((limit / 16 - 1)).yaml:1:1: error: .*UTF-16" \
	"each is read, as many as a push may have"
unlike "$(cat push.out)" 'MiB in all' "which is not beyond the limit"
one=$(printf '#' | blob)
named $((limit / 16)) "$large" "$(printf '100644 blob %s\tg.yaml' "$one")"
not_ok "a byte more" push work
like "$(cat push.out)" "with 'deploy/prod/g.yaml' .* more than $limit MiB in" \
	"is refused where it is beyond"
unlike "$(cat push.out)" ': error:' "by one error"

# ---- LIMIT_IGNORE_STEPS ----
# patterns are compared with each of many names
small=$(printf 'a: 1\n' | blob)
patterns=$(seq -f '*a*b%g' 1 6000 | blob)
named 100000 "$small" \
	"$(printf '100644 blob %s\t.windlassignore' "$patterns")"
not_ok "many patterns and many names" push work
like "$(cat push.out)" "patterns of .windlassignore takes more than" \
	"end with one error"
unlike "$(cat push.out)" ': error:' "and no other"

# what aliases stand for is counted: 100 KB that are 100 MB of memory
text=$(printf '%0100000d' 0)
aliases=$(printf '*a,%.0s' {1..1000})
bomb=$(printf 'a: &a "%s"\nb: [%s]\n' "$text" "$aliases" | blob)
named 1000 "$bomb"
not_ok "attack-22 many names of a file that is all aliases" push work
like "$(cat push.out)" "with 'deploy/prod/f00000[12].\.yaml' .* MiB in all" \
	"what they stand for counts"

git -C work reset -q --hard refs/remotes/origin/main

# ---- errors are shown ----
# warnings alone would fill what a pusher is told
for ((i = 0; i < 1200; i++)); do
	printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: demo}\nspec:\n  containers:\n  - {name: c, image: c:1, envFrom: [{configMapRef: {name: missing}}]}\n' $i
done >work/deploy/prod/a.yaml
ok "many warnings" commit_push work warnings
set_channel host.git prod strict true
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad, namespace: demo}\n' \
	>work/deploy/prod/z.yaml
not_ok "an error behind as many findings" commit_push work error
like "$(cat push.out)" 'z.yaml:3:[0-9]+: error: ' "is shown"

done_testing
