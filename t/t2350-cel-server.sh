#!/bin/bash
# The verdicts in the tables of rules (t/fixtures/cel) are those of a real API
# server: each rule is put into a definition, and the object sent as a dry run.
# u-cel asks our evaluator the same.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
cluster_own --no-kwok

rules=$WINDLASS_BUILD/t/tool/cel-rules
tables=()
for table in values collections libraries changes; do
	tables+=("$TOP/t/fixtures/cel/$table.yaml")
done

"$rules" definitions "${tables[@]}" >definitions.yaml
"$rules" objects "${tables[@]}" >objects.yaml
"$rules" before "${tables[@]}" >before.yaml
"$rules" list "${tables[@]}" >list
ok "there are hundreds of rules" [ "$(wc -l <list)" -gt 500 ]

k apply --server-side -f definitions.yaml >applied 2>&1
is "$(grep 'is invalid' applied)" "" "the API server takes all of them"
wait_for 60 k create --dry-run=server -f before.yaml ||
	bail "the definitions are not served"
k create -f before.yaml >/dev/null
# those that were there before are changed, the others are new; of some kinds
# the server may not know yet
answers() {
	k create --dry-run=server -f objects.yaml >answer 2>&1
	k replace --dry-run=server -f objects.yaml >>answer 2>&1
	! grep -qE 'no matches for kind|could not find the requested' answer
}
wait_for 60 answers || { test_show answer; bail "no answer of all kinds"; }

# A rule is named by its message, in another sentence if it was an error.
grep -oE '(evaluating rule|signature for rule): r[0-9]{4}' answer |
	grep -oE 'r[0-9]{4}' | sort -u >errors
grep -oE '\br[0-9]{4}\b' answer | sort -u | comm -23 - errors >false
ok "some are false" [ "$(wc -l <false)" -gt 50 ]
ok "some are errors" [ "$(wc -l <errors)" -gt 50 ]
awk 'FILENAME == "errors" { said[$1] = "error"; next }
	FILENAME == "false" { said[$1] = "false"; next }
	$2 == "unknown" { next }
	{
		verdict = $1 in said ? said[$1] : "true"
		if (verdict != $2)
			print "the server says " verdict ": " $0
	}' errors false list >wrong
is "$(cat wrong)" "" "each has the verdict of the API server"
done_testing
