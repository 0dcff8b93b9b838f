# A real control plane for the tests that need one. Source it after lib.sh:
#
#	. "$(dirname "$0")/lib.sh"
#	. "$TEST_DIR/lib-cluster.sh"
#	cluster_use
#
#   cluster_use            the control plane that all tests share: the one in
#                          $WINDLASS_TEST_CLUSTER, else one of this test's
#                          own that goes with it. Work in namespaces of your
#                          own, and leave all else as it was.
#   cluster_own [OPTION...]   one that the test may break; options are those
#                          of `cluster up`
#   cluster COMMAND [ARGUMENT...]   contrib/cluster/cluster on it
#   k ARGUMENT...          kubectl on it
#   cluster_namespace NAME    makes a namespace, removed at the end; its name
#                          is in $ns afterwards
#
# Both set $CLUSTER (its directory), $KUBECTL (the program) and export
# KUBECONFIG. A test is skipped if the control plane cannot be built.

cluster_program=$TOP/contrib/cluster/cluster

# cluster_run ARGUMENT...: with the user's own cache, whatever HOME is now
cluster_run() {
	XDG_CACHE_HOME=$USER_CACHE "$cluster_program" "$@"
}

cluster() {
	local command=$1
	shift
	cluster_run "$command" --dir "$CLUSTER" "$@"
}

k() { "$KUBECTL" "$@"; }

cluster_built() {
	cluster_run build >"$TRASH/cluster.log" 2>&1 ||
		skip_all "no control plane: $(tail -n 1 "$TRASH/cluster.log")"
	KUBECTL=$(cluster_run path kubectl)
}

cluster_up() {
	cluster up "$@" >"$TRASH/cluster.log" 2>&1 || {
		test_show "$TRASH/cluster.log"
		bail "the control plane does not start"
	}
	export KUBECONFIG=$CLUSTER/kubeconfig
}

cluster_use() {
	cluster_built
	CLUSTER=${WINDLASS_TEST_CLUSTER:-}
	if [ -z "$CLUSTER" ]; then
		CLUSTER=$TRASH/cluster
		at_exit 'cluster down --kill'
	fi
	cluster_up
}

cluster_own() {
	cluster_built
	CLUSTER=$TRASH/own-cluster
	at_exit 'cluster down --kill'
	cluster_up "$@"
}

cluster_namespace() {
	local test=${0##*/}
	ns=${test%%-*}-$1-$$
	k create namespace "$ns" >/dev/null || bail "no namespace '$ns'"
	at_exit "k delete namespace '$ns' --wait=false"
	# what every namespace gets, so that tests see no more changes
	wait_for 20 k -n "$ns" get serviceaccount/default \
		configmap/kube-root-ca.crt || bail "'$ns' is not ready"
}
