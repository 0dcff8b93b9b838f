#!/bin/bash
# t/soak finds what it is there to find: promises that are broken on purpose.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-soak.sh"
cluster_built
soak_run --sabotage
not_ok "it fails" grep -q '^0$' status
for promise in deletes uids 'older writes' sequence 'one writer' \
	'foreign objects' programs logs secrets; do
	like "$(cat report.txt)" "^broken *$promise" "found: $promise"
done
for promise in converges push publish; do
	like "$(cat report.txt)" "^held *$promise" "and nothing else: $promise"
done
done_testing
