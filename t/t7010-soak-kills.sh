#!/bin/bash
# 30 kills of the engine in the middle of pushes, by t/soak. The thousand are
# made by hand.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-soak.sh"
cluster_built
soak --kills 30
ok "it was killed so often" [ "$(figure 'kills: engine')" -ge 30 ]
done_testing
