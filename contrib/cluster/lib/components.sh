# shellcheck shell=bash
# The five components: how each is started, asked for its health, stopped.

# In the order of starting; the other way round for stopping.
readonly COMPONENTS=(etcd apiserver controller-manager scheduler kwok)

# Every port of a cluster.
readonly PORTS=(etcd etcd-peer apiserver controller-manager scheduler kwok)

# How long a component may take to get healthy, and to stop: generous, since
# a machine may be busy with other things, say building C.
readonly START_SECONDS=120
readonly STOP_SECONDS=30

# The controllers' own client limits (20 requests a second) are for clusters
# that people share; here they would only make tests wait.
readonly CLIENT_QPS=1000

# component_known NAME
component_known() {
	local c
	for c in "${COMPONENTS[@]}"; do
		[[ $c = "$1" ]] && return 0
	done
	return 1
}

# component_enabled NAME
component_enabled() {
	[[ $1 != kwok || $OPT_KWOK = yes ]]
}

# Each argv_NAME sets ARGV to the command line.

argv_etcd() {
	# shellcheck disable=SC2153 # PORT and PORTS are two things
	local client=https://127.0.0.1:${PORT[etcd]}
	local peer=https://127.0.0.1:${PORT[etcd-peer]}
	local pki=$DIR/pki
	ARGV=(
		"$BIN/etcd"
		--name=default
		--data-dir="$DIR/etcd"
		--listen-client-urls="$client"
		--advertise-client-urls="$client"
		--listen-peer-urls="$peer"
		--initial-advertise-peer-urls="$peer"
		--initial-cluster="default=$peer"
		--cert-file="$pki/etcd.crt"
		--key-file="$pki/etcd.key"
		--client-cert-auth
		--trusted-ca-file="$pki/etcd-ca.crt"
		--peer-cert-file="$pki/etcd.crt"
		--peer-key-file="$pki/etcd.key"
		--peer-client-cert-auth
		--peer-trusted-ca-file="$pki/etcd-ca.crt"
		# Room for benchmarks that write faster than old revisions
		# are compacted away (every 5 minutes).
		--quota-backend-bytes=8589934592
	)
	[[ $OPT_FSYNC = yes ]] || ARGV+=(--unsafe-no-fsync)
}

argv_apiserver() {
	local pki=$DIR/pki
	ARGV=(
		"${WINDLASS_APISERVER:-$BIN/kube-apiserver}"
		--bind-address=127.0.0.1
		# The kubernetes service cannot have a loopback endpoint, and
		# this cluster has no network for it to be reached from.
		--advertise-address=127.0.0.1
		--endpoint-reconciler-type=none
		--secure-port="${PORT[apiserver]}"
		--tls-cert-file="$pki/apiserver.crt"
		--tls-private-key-file="$pki/apiserver.key"
		--etcd-servers="https://127.0.0.1:${PORT[etcd]}"
		--etcd-cafile="$pki/etcd-ca.crt"
		--etcd-certfile="$pki/etcd-client.crt"
		--etcd-keyfile="$pki/etcd-client.key"
		--client-ca-file="$pki/ca.crt"
		--token-auth-file="$pki/tokens.csv"
		--authorization-mode='Node,RBAC'
		--allow-privileged=true
		--service-account-issuer=https://kubernetes.default.svc.cluster.local
		--service-account-key-file="$pki/sa.pub"
		--service-account-signing-key-file="$pki/sa.key"
		--service-cluster-ip-range="$SERVICE_CIDR"
		--kubelet-certificate-authority="$pki/ca.crt"
		--kubelet-client-certificate="$pki/kubelet-client.crt"
		--kubelet-client-key="$pki/kubelet-client.key"
		--kubelet-preferred-address-types=InternalIP
		--proxy-client-cert-file="$pki/front-proxy.crt"
		--proxy-client-key-file="$pki/front-proxy.key"
		--requestheader-client-ca-file="$pki/front-proxy-ca.crt"
		--requestheader-allowed-names=front-proxy-client
		--requestheader-extra-headers-prefix=X-Remote-Extra-
		--requestheader-group-headers=X-Remote-Group
		--requestheader-username-headers=X-Remote-User
		# Without it a stop waits up to a minute for open watches.
		--shutdown-watch-termination-grace-period=1s
	)
	[[ $OPT_AUDIT = no ]] || ARGV+=(
		--audit-policy-file="$DIR/etc/audit-policy.yaml"
		--audit-log-path="$DIR/log/audit.log"
	)
	ARGV+=("${APISERVER_ARGS[@]}")
}

# No leader election: there is one of each, and a leader that cannot renew
# its lease exits, so stopping the API server for a while would end it.
argv_controller-manager() {
	local pki=$DIR/pki config=$DIR/etc/controller-manager.kubeconfig
	ARGV=(
		"$BIN/kube-controller-manager"
		--bind-address=127.0.0.1
		--secure-port="${PORT[controller-manager]}"
		--tls-cert-file="$pki/component.crt"
		--tls-private-key-file="$pki/component.key"
		--kubeconfig="$config"
		--authentication-kubeconfig="$config"
		--authorization-kubeconfig="$config"
		--leader-elect=false
		--use-service-account-credentials=true
		--service-account-private-key-file="$pki/sa.key"
		--root-ca-file="$pki/ca.crt"
		--cluster-signing-cert-file="$pki/ca.crt"
		--cluster-signing-key-file="$pki/ca.key"
		--service-cluster-ip-range="$SERVICE_CIDR"
		--kube-api-qps="$CLIENT_QPS"
		--kube-api-burst="$CLIENT_QPS"
	)
}

argv_scheduler() {
	local pki=$DIR/pki config=$DIR/etc/scheduler.kubeconfig
	ARGV=(
		"$BIN/kube-scheduler"
		--config="$DIR/etc/scheduler.yaml"
		--bind-address=127.0.0.1
		--secure-port="${PORT[scheduler]}"
		--tls-cert-file="$pki/component.crt"
		--tls-private-key-file="$pki/component.key"
		--authentication-kubeconfig="$config"
		--authorization-kubeconfig="$config"
	)
}

argv_kwok() {
	ARGV=(
		"$BIN/kwok"
		--kubeconfig="$DIR/etc/kwok.kubeconfig"
		--config="$DIR/etc/kwok.yaml"
		--manage-all-nodes=true
		--cidr=10.244.0.0/16
		--node-ip=127.0.0.1
		--node-port="${PORT[kwok]}"
		--server-address="127.0.0.1:${PORT[kwok]}"
		--tls-cert-file="$DIR/pki/component.crt"
		--tls-private-key-file="$DIR/pki/component.key"
		--node-lease-duration-seconds=40
	)
}

# settings_make: the files that the command lines name.
settings_make() {
	local set file
	mkdir -p "$DIR/etc"
	cat >"$DIR/etc/scheduler.yaml" <<-EOF
		apiVersion: kubescheduler.config.k8s.io/v1
		kind: KubeSchedulerConfiguration
		leaderElection:
		  leaderElect: false
		clientConnection:
		  kubeconfig: $DIR/etc/scheduler.kubeconfig
		  qps: $CLIENT_QPS
		  burst: $CLIENT_QPS
	EOF
	cat >"$DIR/etc/audit-policy.yaml" <<-EOF
		apiVersion: audit.k8s.io/v1
		kind: Policy
		omitStages: [RequestReceived]
		rules:
		- level: Metadata
	EOF
	for set in $(kwok_stage_sets); do
		for file in "$STAGES/$set"/*.yaml; do
			grep -q '^kind: Stage$' "$file" || continue
			echo "---"
			cat "$file"
		done
	done >"$DIR/etc/kwok.yaml"
}

kwok_stage_sets() {
	echo node/fast node/heartbeat-with-lease pod/fast volume/fast
	[[ $OPT_CHAOS = no ]] || echo node/chaos pod/chaos
}

# component_healthy NAME
component_healthy() {
	case $1 in
	etcd | apiserver | scheduler) http_ok "$1" /readyz ;;
	controller-manager | kwok) http_ok "$1" /healthz ;;
	esac
}

# component_start NAME: launch it, and remember where its log began.
component_start() {
	mkdir -p "$DIR/run" "$DIR/log"
	touch "$DIR/log/$1.log"
	LOG_START[$1]=$(stat -c %s "$DIR/log/$1.log")
	"argv_$1"
	process_launch "$1" "${ARGV[@]}"
	# Its pid file appears in milliseconds; nobody must take the old one.
	until [[ -s $DIR/run/$1.pid ]]; do
		sleep 0.005
	done
}

# component_log NAME: what it has said since component_start.
component_log() {
	tail -c "+$((LOG_START[$1] + 1))" "$DIR/log/$1.log"
}

# component_await NAME: wait until it is healthy. Returns 2 when it ended
# because its port was taken; any other failure ends the script.
component_await() {
	local end=$((SECONDS + START_SECONDS))
	until component_healthy "$1"; do
		if ! process_pid "$1" >/dev/null; then
			component_log "$1" |
				grep -q 'address already in use' && return 2
			component_log "$1" | tail -n 15 >&2
			die "$1 ended right after its start, its last words" \
				"are above (all: $DIR/log/$1.log)"
		fi
		if ((SECONDS > end)); then
			component_log "$1" | tail -n 15 >&2
			die "$1 is not healthy after $START_SECONDS s, the" \
				"end of its log is above (all: $DIR/log/$1.log)"
		fi
		sleep 0.05
	done
}

# components_stop: all, the last one first.
components_stop() {
	local i
	for ((i = ${#COMPONENTS[@]} - 1; i >= 0; i--)); do
		process_stop "${COMPONENTS[i]}" TERM "$STOP_SECONDS"
	done
}

# components_start: those that do not run yet. Returns 2 like
# component_await. What needs the API server is started together.
components_start() {
	local c started=()
	for c in etcd apiserver; do
		process_pid "$c" >/dev/null && continue
		component_start "$c"
		component_await "$c" || return
	done
	for c in controller-manager scheduler kwok; do
		component_enabled "$c" || continue
		process_pid "$c" >/dev/null && continue
		component_start "$c"
		started+=("$c")
	done
	[[ $OPT_KWOK = no ]] || nodes_make
	for c in "${started[@]}"; do
		component_await "$c" || return
	done
	cluster_settle
}

# nodes_make: the simulated nodes, and a default storage class so that
# claims are bound. What is there already stays as it is.
nodes_make() {
	local i
	for ((i = 0; i < OPT_NODES; i++)); do
		object_make /api/v1/nodes "$(node_json "node-$i")"
	done
	object_make /apis/storage.k8s.io/v1/storageclasses '{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata": {"name": "kwok-volume", "annotations": {
		"storageclass.kubernetes.io/is-default-class": "true"}},
		"provisioner": "kwok.x-k8s.io/volume"}'
}

# node_json NAME: large enough for a benchmark, small enough that the
# scheduler's arithmetic means something.
node_json() {
	cat <<-EOF
		{"apiVersion": "v1", "kind": "Node",
		"metadata": {"name": "$1",
		"annotations": {"kwok.x-k8s.io/node": "fake"},
		"labels": {"kubernetes.io/hostname": "$1",
		"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
		"beta.kubernetes.io/os": "linux", "type": "kwok"}},
		"status": {
		"allocatable": {"cpu": "512", "memory": "4Ti",
		"ephemeral-storage": "16Ti", "pods": "5000"},
		"capacity": {"cpu": "512", "memory": "4Ti",
		"ephemeral-storage": "16Ti", "pods": "5000"}}}
	EOF
}

# object_make PATH JSON: create it unless it is there.
object_make() {
	local answer
	answer=$(http_request apiserver POST "$1" "$2") || :
	case $answer in
	"HTTP/1.1 201 "* | "HTTP/1.1 409 "*) ;;
	*) die "cannot create an object at $1: ${answer##*$'\n'}" ;;
	esac
}

# cluster_settle: what the controllers do in the first second, without which
# the first pod of a test would be refused or left waiting.
cluster_settle() {
	local end=$((SECONDS + START_SECONDS)) i
	until http_ok apiserver /api/v1/namespaces/default/serviceaccounts/default
	do
		((SECONDS <= end)) ||
			die "the controller manager has made no service" \
				"account (see $DIR/log/controller-manager.log)"
		sleep 0.05
	done
	[[ $OPT_KWOK = yes ]] || return 0
	for ((i = 0; i < OPT_NODES; i++)); do
		until node_ready "node-$i"; do
			((SECONDS <= end)) || die "node-$i does not get" \
				"ready (see $DIR/log/kwok.log)"
			sleep 0.05
		done
	done
}

# node_ready NAME: it says so, and its not-ready taint is gone.
node_ready() {
	local answer
	answer=$(http_get apiserver "/api/v1/nodes/$1") || return 1
	[[ $answer = *'"type":"Ready","status":"True"'* &&
		$answer != *'"node.kubernetes.io/not-ready"'* ]]
}
