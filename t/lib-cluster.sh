# A real control plane for the tests that need one. Source it after lib.sh:
#
#	. "$(dirname "$0")/lib.sh"
#	. "$TEST_DIR/lib-cluster.sh"
#	cluster_use
#
#   cluster_use            a control plane that tests share: one of those in
#                          $WINDLASS_TEST_CLUSTER, with a : between them, else
#                          one of this test's own that goes with it. Work in
#                          namespaces of your own, and leave all else as it
#                          was. Source lib-engine.sh before, if at all: a test
#                          with an engine takes one that has none.
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

# cluster_choose: which of the shared ones this test works on, to its end. An
# engine works for every Channel of its cluster: who may start one takes the
# first where no other test has an engine, and waits until there is one. The
# lock is what engine_lock (lib-engine.sh) would take, and is held like it.
cluster_choose() {
	local all dir deadline=$((SECONDS + 1500))
	IFS=: read -ra all <<<"${WINDLASS_TEST_CLUSTER:-}"
	[ ${#all[@]} -gt 0 ] || return 0
	CLUSTER=${all[$$ % ${#all[@]}]}
	[ ${#all[@]} -gt 1 ] && declare -F engine_lock >/dev/null || return 0
	until [ $SECONDS -ge $deadline ]; do
		for dir in "${all[@]}"; do
			[ -e "$dir/cluster.conf" ] ||
				bail "there is no control plane in '$dir'"
			exec {engine_lock}>>"$dir/engine.lock"
			if flock -n "$engine_lock"; then
				CLUSTER=$dir
				return
			fi
			exec {engine_lock}>&-
		done
		sleep 0.3
	done
	bail "other tests have had engines on each of '$WINDLASS_TEST_CLUSTER' for 25 minutes"
}

cluster_use() {
	cluster_built
	CLUSTER=
	cluster_choose
	if [ -z "$CLUSTER" ]; then
		CLUSTER=$TRASH/cluster
		at_exit 'cluster down --kill'
	else
		echo "# control plane: $CLUSTER"
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
