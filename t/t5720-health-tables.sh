#!/bin/bash
# Health of custom resources against Argo CD's tables of expected health:
# where we agree, and each case where we do not (t/fixtures/health/differences
# lists them, and why). Without the tables: nothing to compare.
. "$(dirname "$0")/lib.sh"

tables=$SHARED/corpus/argocd-health/resource_customizations
differences=$TOP/t/fixtures/health/differences
judge=$WINDLASS_BUILD/t/tool/health
[ -d "$tables" ] || skip_all "the tables are not here"
[ -x "$judge" ] || bail "t/tool/health is not built"

(cd "$tables" && find . -name health_test.yaml -printf '%P\n') |
	sed 's,/health_test.yaml$,,' | LC_ALL=C sort >names
xargs "$judge" "$tables" <names >verdicts 2>errors
is "$?" 0 "every table is judged"
is "$(cat errors)" "" "and read"

ok "there are tables" [ "$(wc -l <names)" -ge 241 ]
agree=$(awk -F'\t' '$2 == $3' verdicts | wc -l)
echo "# $agree of $(wc -l <verdicts) cases agree"
whole=$(awk -F'\t' '
	{ table = $1; sub(/\/testdata\/.*/, "", table); all[table] }
	$2 != $3 { differs[table] }
	END { print length(all) - length(differs) }' verdicts)
echo "# $whole of $(wc -l <names) tables agree wholly"
ok "no fewer cases agree than did" [ "$agree" -ge 955 ]
ok "no fewer tables agree wholly" [ "$whole" -ge 141 ]

is "$(awk -F'\t' '$2 == "Healthy" && $3 == "Failed" { print $1 }' verdicts)" \
	"projectcontour.io/HTTPProxy/testdata/parent_child.yaml" \
	"what is healthy is no failure, but for a proxy that says so"

awk -F'\t' '$2 != $3 { print $1, $2, $3 }' verdicts | LC_ALL=C sort >ours
grep -v '^#' "$differences" | grep . | LC_ALL=C sort >known
is "$(diff known ours)" "" "differences are those that are known"

done_testing
