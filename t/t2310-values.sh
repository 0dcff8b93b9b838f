#!/bin/bash
# Values of pods and of the kinds that make them: whatever field of full
# objects is broken, windlass refuses what a real API server refuses, and
# nothing else. A part of the changes, always the same; for all of them run
# contrib/openapi/mutate without --sample.
# Nothing is stored in the cluster.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"

command -v python3 >/dev/null || skip_all "no python3"
cluster_use
mutate=$TOP/contrib/openapi/mutate
fixtures=$TEST_DIR/fixtures/values/good

for file in pod workload job; do
	ok "$file.yaml is good" \
		windlass check --namespace default "$fixtures/$file.yaml"
done
kubeconfig=$(cluster kubeconfig --token)
"$mutate" --windlass "$WINDLASS_BUILD/windlass" --kubeconfig "$kubeconfig" \
	--sample 1000 --least 95 --differ differ \
	"$fixtures"/{pod,workload,job}.yaml >table 2>left-out
is "$?" 0 "at least 95% of what the server refuses is refused, and no more"
test_show table
is "$(cat left-out)" "" "the server takes each of the objects as it is"
is "$(grep ^wrong differ)" "" "what the server takes is not refused"
ok "many were tried" [ "$(awk '$1 == "all" { print $2 }' table)" -gt 500 ]

# the tables of fields are searched by halves
# shellcheck disable=SC2016
is "$(LC_ALL=C awk '/struct field [a-z_]+\[\] = \{/ { inside = 1; last = "" }
	/^\t*\};/ { inside = 0 }
	inside && split($0, part, "\"") > 1 && /^\t+\{/ {
		if (last > part[2])
			print FILENAME ": " part[2]
		last = part[2]
	}' "$TOP"/schema/values/*.c)" "" "tables of fields are sorted"

done_testing
