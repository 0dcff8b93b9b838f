#!/bin/bash
# A minute of t/soak: two engines, and whatever may happen to them and around
# them. The hour is run by hand.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-soak.sh"
cluster_built
soak --seconds 60
is "$(figure 'comparisons by kubectl diff' | awk '{ print ($1 > 0) }')" 1 \
	"the cluster was compared with the bundles"
done_testing
