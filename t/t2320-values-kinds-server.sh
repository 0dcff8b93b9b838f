#!/bin/bash
# Values of kinds without Pods, against a real API server: whatever field of
# full objects is broken, windlass refuses what the server refuses, and
# nothing else. A part of the changes, always the same; for all of them run
# contrib/openapi/mutate without --sample.
# Nothing is stored in the cluster.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"

command -v python3 >/dev/null || skip_all "no python3"
cluster_use
fixtures=$TEST_DIR/fixtures/values/good
files=()
for kind in admission autoscaling flowcontrol ingress quota rbac service \
	storage; do
	files+=("$fixtures/$kind.yaml")
done

kubeconfig=$(cluster kubeconfig --token)
"$TOP/contrib/openapi/mutate" --windlass "$WINDLASS_BUILD/windlass" \
	--kubeconfig "$kubeconfig" --sample 1500 --least 90 --differ differ \
	"${files[@]}" >table 2>left-out
# of all changes it is 95% for each kind; a kind has but few in a sample
is "$?" 0 "nearly all that the server refuses is refused, and no more"
test_show table
is "$(cat left-out)" "" "the server takes each of the objects as it is"
is "$(grep ^wrong differ)" "" "what the server takes is not refused"
ok "many were tried" [ "$(awk '$1 == "all" { print $2 }' table)" -gt 1000 ]

done_testing
