#!/bin/bash
# The verdicts in the tables of rules (t/fixtures/cel) are those of a real API
# server: each rule is put into a definition, and the object sent as a dry run.
# windlass check says the same of them; of changes it knows nothing, and u-cel
# asks our evaluator.
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

# ---- the same by windlass check ----

"$rules" definitions "${tables[@]:0:3}" >definitions.yaml
"$rules" objects "${tables[@]:0:3}" >objects.yaml
"$rules" list "${tables[@]:0:3}" >list
windlass check --crds definitions.yaml objects.yaml >checked 2>&1
is $? 1 "windlass check refuses the objects"
unknown=$(grep -c '^r[0-9]* unknown ' list)
ok "and says how many rules it could not judge" \
	grep -q "not checked here: $unknown rules" checked
sed -nE 's/.*: (r[0-9]{4}) \[crd-rule\]$/\1/p' checked | sort -u >false.ours
sed -nE 's/.* makes a rule .*: (r[0-9]{4}) \[crd-rule\]$/\1/p' checked |
	sort -u >errors.ours
comm -23 false.ours errors.ours >false.only
last=$(tail -n 1 list | cut -c 1-5)
# what is not judged here cannot be wrong
judged() { grep -vwFf <(awk '$2 == "unknown" { print $1 }' list) "$1" |
	awk -v last="$last" '$1 <= last'; }
is "$(diff <(judged false) false.only)" "" "it finds the same rules broken"
is "$(diff <(judged errors) errors.ours)" "" "and the same that fail"
done_testing
