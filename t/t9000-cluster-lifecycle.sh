#!/bin/bash
# contrib/cluster: a real control plane comes up, two of them side by side,
# survives what the fault tests do to it, and goes without a trace.
# It starts clusters of its own, since it breaks them.
. "$(dirname "$0")/lib.sh"
cluster=$TOP/contrib/cluster/cluster
tmp=$TRASH a=$tmp/a b=$tmp/b c=$tmp/c
for dir in "$a" "$b" "$c"; do
	at_exit "'$cluster' down --kill --dir '$dir'"
done
# the built programs are in the user's own cache
export XDG_CACHE_HOME=$USER_CACHE

# What has DIR on its command line: the components, should any be left.
processes_of() { # DIR
	local p
	for p in /proc/[0-9]*; do
		tr '\0' '\n' 2>/dev/null <"$p/cmdline" |
			grep -q -- "$1/" && echo "${p##*/}"
	done
}
ka() { "$cluster" kubectl --dir "$a" "$@"; }
kb() { "$cluster" kubectl --dir "$b" "$@"; }
pid_of() { # DIR COMPONENT
	"$cluster" status --dir "$1" |
		sed -n "s/^$2 *running *pid \([0-9]*\) .*/\1/p"
}
server_of() { # DIR
	sed -n 's/^ *server: //p' "$1/kubeconfig"
}

# --- starting -----------------------------------------------------------
"$cluster" build >/dev/null 2>"$tmp/build" || test_show "$tmp/build"
exec 7>"$tmp/inherited"
"$cluster" up --dir "$b" --name beta --nodes 1 --chaos --audit --fsync \
	--apiserver-arg=--max-requests-inflight=399 >"$tmp/up-b" 2>&1 &
up_b=$!
# The substitution ends only when nobody holds its pipe any more.
out=$(timeout 100 "$cluster" up --dir "$a" 2>"$tmp/err")
judge $? "up, and nothing holds the caller's standard output"
wait "$up_b"
judge $? "a second cluster comes up at the same time" || test_show "$tmp/up-b"
exec 7>&-
[[ $out = *"export KUBECONFIG=$a/kubeconfig"* ]]
judge $? "up says how to use it"
test_show "$tmp/err"

"$cluster" status --dir "$a" >"$tmp/status"
judge $? "status: all run and the API server is ready"
test_show "$tmp/status"
[ "$(grep -c ' running ' "$tmp/status")" = 5 ]
judge $? "status: a line for each of the five components"

held=
for p in $(processes_of "$a"); do
	for fd in /proc/"$p"/fd/*; do
		[[ $fd -ef $tmp/inherited ]] && held+=" $p"
	done
	[ "$(cut -d' ' -f6 "/proc/$p/stat")" = "$p" ] || held+=" session:$p"
	tr '\0' '\n' <"/proc/$p/environ" |
		grep -qvE "^(PATH=|HOME=$a/)" && held+=" environment:$p"
done
[ -z "$held" ]
judge $? "components inherit nothing of the caller${held:+ (but:$held)}"

out=$(timeout 20 "$cluster" up --dir "$a" 2>&1)
[[ $? = 0 && $out = *"runs already"* ]]
judge $? "up where it runs: says so and succeeds"
[ "$("$cluster" kubeconfig --dir "$a")" = "$a/kubeconfig" ] &&
	[ "$(stat -c %a "$a/kubeconfig" "$a/kubeconfig-token" | sort -u)" = 600 ]
judge $? "kubeconfigs are for their owner only"
kubectl=$("$cluster" path kubectl)
token=$("$cluster" kubeconfig --dir "$a" --token)
"$kubectl" --kubeconfig "$token" auth whoami -o name >"$tmp/who" 2>&1 &&
	"$kubectl" --kubeconfig "$token" auth can-i delete nodes >>"$tmp/who" 2>&1
judge $? "the bearer token works" || test_show "$tmp/who"
! grep -q client-certificate "$token"
judge $? "and its kubeconfig has no certificate"

# --- real behaviour -----------------------------------------------------
ka apply -f - >/dev/null <<'EOF'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.com/web:1}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: once, image: example.com/once:1}]
EOF
judge $? "apply to a new cluster"
ka wait --for=condition=Available deployment/web --timeout=20s >/dev/null
judge $? "a Deployment becomes Available"
ka wait --for=jsonpath='{.status.phase}'=Bound pvc/data --timeout=20s >/dev/null
judge $? "a claim is bound"
ka wait --for=condition=Complete job/once --timeout=20s >/dev/null
judge $? "a Job completes"
[ "$(ka get nodes -o name | wc -l):$(kb get nodes -o name | wc -l)" = 2:1 ]
judge $? "as many nodes as asked for"
[ "$(server_of "$a")" != "$(server_of "$b")" ] &&
	[ -z "$(kb get deployments -A -o name)" ]
judge $? "the two clusters are two"
! "$kubectl" --kubeconfig "$a/kubeconfig" -s "$(server_of "$b")" \
	get nodes >"$tmp/wrong" 2>&1 &&
	grep -q 'unknown authority' "$tmp/wrong"
judge $? "one does not pass for the other" || test_show "$tmp/wrong"

want=$(sed -n "s|^\tk8s.io/kubernetes \(v[0-9.]*\).*|\1|p" \
	"$TOP/contrib/cluster/go.mod")
ka version >"$tmp/version"
[ -n "$want" ] && [ "$(grep -c "^[CS].* Version: $want\$" "$tmp/version")" = 2 ]
judge $? "client and server tell their version" || test_show "$tmp/version"

# --- options (cluster b) ------------------------------------------------
kb run fails --image=example.com/x:1 \
	-l pod-container-running-failed.stage.kwok.x-k8s.io=true >/dev/null &&
	kb wait --for=jsonpath='{.status.phase}'=Failed pod/fails \
		--timeout=30s >/dev/null
judge $? "--chaos: a pod fails when its label asks for it"
grep -q '"level":"Metadata".*"resource":"pods".*"name":"fails"' "$b/log/audit.log"
judge $? "--audit: the request is in the audit log"
[ ! -e "$a/log/audit.log" ]
judge $? "no audit log without it"
etcd_b=$(tr '\0' ' ' <"/proc/$(pid_of "$b" etcd)/cmdline")
etcd_a=$(tr '\0' ' ' <"/proc/$(pid_of "$a" etcd)/cmdline")
[[ $etcd_b != *unsafe-no-fsync* && $etcd_a = *unsafe-no-fsync* ]]
judge $? "--fsync: etcd waits for the disk, and else it does not"
grep -qz -- '^--max-requests-inflight=399$' \
	"/proc/$(pid_of "$b" apiserver)/cmdline"
judge $? "--apiserver-arg reaches the API server"
kb config current-context | grep -qx windlass-beta
judge $? "--name names the context"

# --- faults -------------------------------------------------------------
server=$(server_of "$a")
"$cluster" stop-apiserver --dir "$a"
judge $? "stop-apiserver"
out=$("$cluster" status --dir "$a")
[[ $? != 0 && $out =~ apiserver\ +stopped ]]
judge $? "status notices"
! ka get --raw /readyz >/dev/null 2>&1
judge $? "it does not answer"
"$cluster" start apiserver --dir "$a" && "$cluster" status --dir "$a" >/dev/null
judge $? "start apiserver: all is up again"
[ "$(server_of "$a")" = "$server" ] && ka get deployment web >/dev/null
judge $? "on the same port, with the same data"

kill -9 "$(pid_of "$a" etcd)"
out=$("$cluster" status --dir "$a")
[[ $? != 0 && $out =~ etcd\ +stopped ]]
judge $? "status notices an etcd that was killed" || test_show - <<<"$out"
timeout 100 "$cluster" up --dir "$a" >/dev/null 2>"$tmp/err" &&
	"$cluster" status --dir "$a" >/dev/null
judge $? "up starts what is missing" || test_show "$tmp/err"
ka get deployment web >/dev/null
judge $? "nothing was lost"

# --- down and up again --------------------------------------------------
cp "$a/kubeconfig-token" "$tmp/token-before"
"$cluster" down --keep-data --dir "$a"
judge $? "down --keep-data"
left=$(processes_of "$a")
[ -z "$left" ]
judge $? "no process is left${left:+ (but $left)}"
# A pid that the kernel has given to somebody else since: this shell.
echo "$$ 1" >"$a/run/etcd.pid"
out=$("$cluster" status --dir "$a")
[[ $out =~ etcd\ +stopped ]]
judge $? "a pid file that names somebody else's process is not believed"
timeout 100 "$cluster" up --dir "$a" >/dev/null 2>"$tmp/err"
judge $? "up after down --keep-data" || test_show "$tmp/err"
ka get deployment web >/dev/null &&
	cmp -s "$a/kubeconfig-token" "$tmp/token-before" &&
	[ "$(server_of "$a")" = "$server" ]
judge $? "with the same data, credentials and port"
"$cluster" stop scheduler --dir "$a"
"$cluster" down --dir "$a" && [ ! -e "$a" ]
judge $? "down removes the directory"
left=$(processes_of "$a")
[ -z "$left" ]
judge $? "no process is left${left:+ (but $left)}"
"$cluster" down --dir "$a" 2>/dev/null
judge $? "down where nothing is succeeds"
"$cluster" status --dir "$b" >/dev/null
judge $? "the other cluster did not notice"
"$cluster" down --kill --dir "$b" && [ ! -e "$b" ]
judge $? "down --kill"

# --- what goes wrong at the start ---------------------------------------
out=$(timeout 100 "$cluster" up --dir "$c" --no-kwok \
	--apiserver-arg=--no-such-flag=1 2>&1)
[[ $? = 1 && $out = *"unknown flag: --no-such-flag"* &&
	$out = *"cluster: error: apiserver ended"* ]]
judge $? "a component that cannot start: its last words are shown"
left=$(processes_of "$c")
[ -z "$left" ]
judge $? "no process is left${left:+ (but $left)}"

"$cluster" down --dir "$c"

# Somebody takes etcd's port between the choice and the bind.
perl -MIO::Socket::INET -e '
	my ($conf, $port) = @ARGV;
	until ($port) {
		if (open my $f, "<", $conf) {
			/^port_etcd=(\d+)/ and $port = $1 while <$f>;
		}
		select undef, undef, undef, 0.001;
	}
	my $held = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
		LocalPort => $port, Listen => 1) or exit 1;
	sleep 100;
' "$c/cluster.conf" &
thief=$!
timeout 100 "$cluster" up --dir "$c" --no-kwok >/dev/null 2>"$tmp/err"
judge $? "up although another program takes a port in between" ||
	test_show "$tmp/err"
if kill "$thief" 2>/dev/null; then
	grep -q 'a port was taken by another program' "$tmp/err"
	judge $? "and it says so"
else
	skip 1 "the other program came too late"
fi
out=$("$cluster" status --dir "$c")
[[ $? = 0 && $out =~ kwok\ +off ]]
judge $? "--no-kwok: status counts it as off"
"$cluster" down --dir "$c" 2>/dev/null

# An up that is killed in the middle, then two at once.
"$cluster" up --dir "$c" --no-kwok >/dev/null 2>&1 &
killed=$!
until [ -s "$c/run/etcd.pid" ]; do sleep 0.01; done
kill -9 "$killed"
wait "$killed" 2>/dev/null
timeout 100 "$cluster" up --dir "$c" --no-kwok >"$tmp/one" 2>&1 &
one=$!
timeout 100 "$cluster" up --dir "$c" --no-kwok >"$tmp/two" 2>&1
judge $? "up after one that was killed" || test_show "$tmp/two"
wait "$one"
judge $? "and another at the same time" || test_show "$tmp/one"
[ "$(cat "$tmp/one" "$tmp/two" | grep -c 'runs already')" = 1 ]
judge $? "one started it, the other found it running"
[ "$(processes_of "$c" | wc -l)" = 4 ]
judge $? "and of each component there is one"
"$cluster" down --kill --dir "$c"
left=$(processes_of "$c")
[ -z "$left" ]
judge $? "no process is left${left:+ (but $left)}"

mkdir -p "$c" && echo precious >"$c/file"
out=$("$cluster" up --dir "$c" 2>&1)
[[ $? = 1 && $out = *"is not empty"* ]]
judge $? "up refuses a directory that holds something else"
"$cluster" down --dir "$c" 2>/dev/null
[ "$(cat "$c/file")" = precious ] && [ "$(ls -A "$c")" = file ]
judge $? "down leaves it alone"

# --- the command line ---------------------------------------------------
"$cluster" --help | grep -q -- '--keep-data'
judge $? "--help"
for bad in "" "sideways" "up --nodes 0" "up --name Not_A_Label" "up --dir" \
	"stop" "stop kubelet" "up extra" "status --nodes 3" "path nonsense"; do
	# shellcheck disable=SC2086 # words
	out=$("$cluster" $bad 2>&1)
	[[ $? = 2 && $out = "cluster: error: "*"see cluster --help"* ]]
	judge $? "refused: cluster $bad"
done
out=$("$cluster" status --dir "$tmp/none" 2>&1)
[[ $? = 1 && $out = *"there is no cluster in"* ]]
judge $? "status where nothing is"

done_testing
