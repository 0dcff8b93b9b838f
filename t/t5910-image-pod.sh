#!/bin/bash
# The engine's image as the Deployment of `windlass install` runs it, but for
# the kubelet: unpacked, under runc, with the Deployment's user, arguments,
# limits, seccomp profile and volumes, a read-only root, no capability, and a
# service account where pods have theirs. The API server is real, and so is
# the Git host, by a TLS whose authority only the image's bundle could know.
# Its second pod, and both where runc cannot work, run under bubblewrap.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-image.sh"
image_needs gcc jq umoci autoreconf openssl
PATH=$PATH:/usr/sbin
profile=/usr/share/containers/seccomp.json

# ---- the image ----
image_source src
image_build src layout || bail "no image"
image_config layout >config
rootless=
[ "$(id -u)" = 0 ] || rootless=--rootless
umoci unpack $rootless --image layout:0.1.0 bundle >unpack.log 2>&1 ||
	bail "umoci: $(tail -n 1 unpack.log)"
root=$TRASH/bundle/rootfs
# where something will be mounted, as a runtime makes it
mkdir -p "$root/run/secrets/kubernetes.io/serviceaccount"
touch "$root/etc/hosts" "$root/etc/resolv.conf"
find "$root" -ls | sort -k 11 >unpacked

# ---- what can run it here ----
run_true() {
	mkdir -p try
	jq '.process.args = ["/usr/bin/windlass", "--version"] |
		.process.terminal = false | .root.path = "'"$root"'"' \
		bundle/config.json >try/config.json
	runc --root "$TRASH/runc" run -b try "windlass-try-$$"
}
sandbox=(bwrap --unshare-user --unshare-pid --unshare-ipc --unshare-uts
	--as-pid-1 --uid 65532 --gid 65532 --cap-drop ALL --clearenv
	--ro-bind "$root" / --proc /proc --dev /dev --tmpfs /run)
runtimes=()
[ -n "$rootless" ] || ! run_true >runc.log 2>&1 || runtimes+=(runc)
! "${sandbox[@]}" /usr/bin/windlass --version >bwrap.log 2>&1 || runtimes+=(bwrap)
[ ${#runtimes[@]} -gt 0 ] ||
	skip_all "no container here: $(tail -qn 1 runc.log bwrap.log | xargs)"
echo "# under ${runtimes[*]}"

# ---- a cluster, and what the Deployment says ----
cluster_own
digest=$(jq -r '.manifests[0].digest' layout/index.json)
windlass install --image "registry.example.org/windlassd@$digest" --apply \
	>/dev/null || bail "install failed"
k -n windlass-system get deployment windlassd -o json >deployment.json
spec() { jq -r ".spec.template.spec$1" deployment.json; }
container() { spec ".containers[0]$1"; }
is "$(container .image)" "registry.example.org/windlassd@$digest" \
	"the Deployment has the image"
api_port=$(k config view -o 'jsonpath={.clusters[0].cluster.server}')
api_port=${api_port##*:}

# account DIR OWNER: as a kubelet lays it out, for one user only
account() {
	local dir=$1 data=$1/..2026_11_29
	mkdir -p "$data"
	k -n windlass-system create token windlassd --duration 1h >"$data/token"
	k config view --raw --flatten \
		-o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' |
		base64 -d >"$data/ca.crt"
	printf windlass-system >"$data/namespace"
	ln -s "${data##*/}" "$dir/..data"
	for file in token ca.crt namespace; do
		ln -s "..data/$file" "$dir/$file"
	done
	chmod 755 "$dir" "$data"
	chmod 644 "$data"/*
	chmod 600 "$data/token"
	chown "$2" "$data/token"
}

# ---- a Git host whose authority the bundle of the image has to name ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
	-keyout ca.key -out ca.crt -subj '/CN=an authority' 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout git.key -out git.csr -subj '/CN=git' 2>/dev/null
openssl x509 -req -in git.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
	-days 1 -out git.crt -extfile <(echo subjectAltName=DNS:localhost) 2>/dev/null
chmod 600 git.key
make_host host.git prod
make_clone host.git work
mkdir -p work/deploy/prod
cluster_namespace shop
cat >work/deploy/prod/all.yaml <<END_YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: $ns}
data: {text: one}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: $ns}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
END_YAML
commit_push work first || bail "$(cat push.out)"
start serve windlass-hook serve --repo host.git --listen 127.0.0.1:0 \
	--tls-cert git.crt --tls-key git.key
wait_line 20 serve.log 'listening on ' || bail "serve does not start"
URL=$(sed -n 's/.*listening on https:.*:\([0-9]*\).*/https:\/\/localhost:\1/p' serve.log)
channel_install host.git prod --namespaces "$ns" >/dev/null ||
	bail "install failed"

# ---- pods ----
# The one thing that is another than the Deployment's is the port: here both
# pods have the machine's addresses, and so have other tests.
cat >pod.jq <<'END_JQ'
# a quantity of bytes
def bytes: capture("(?<n>[0-9]+)(?<u>[MG]i)") |
	(.n | tonumber) * {Mi: 1048576, Gi: 1073741824}[.u];
# the profile that engines have by default, without capabilities
def seccomp: {
	defaultAction, defaultErrnoRet,
	architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64"],
	syscalls: [.syscalls[] |
		select((.includes.caps // []) == []) |
		select((.includes.arches // [$arch]) | index($arch)) |
		{names, action, errnoRet, args: (.args // [])} |
		with_entries(select(.value != null))]
};
$deployment[0].spec.template.spec as $pod | $pod.containers[0] as $c |
.process.terminal = false |
.process.args += [$c.args[] | sub(":8421"; ":" + $port)] |
.process.env += ["HOSTNAME=" + $name, "KUBERNETES_SERVICE_HOST=127.0.0.1",
	"KUBERNETES_SERVICE_PORT=" + $api] |
.process.user = {uid: $pod.securityContext.runAsUser,
	gid: $pod.securityContext.runAsGroup,
	additionalGids: [$pod.securityContext.fsGroup]} |
(if $c.securityContext.capabilities.drop == ["ALL"] then
	.process.capabilities = {} else . end) |
.process.noNewPrivileges = ($c.securityContext.allowPrivilegeEscalation | not) |
.root = {path: $root, readonly: $c.securityContext.readOnlyRootFilesystem} |
.hostname = $name |
.linux.namespaces |= map(select(.type != "network")) |
.linux.resources.memory.limit = ($c.resources.limits.memory | bytes) |
.linux.seccomp = ($profile[0] | if . == null then . else seccomp end) |
.mounts += [
	{destination: $c.volumeMounts[0].mountPath, type: "bind", source: $state,
	 options: ["rbind", "rw", "nosuid", "nodev"]},
	(["/var/run/secrets/kubernetes.io/serviceaccount", $account],
	 ["/etc/ssl/certs/ca-certificates.crt", $ca],
	 ["/etc/hosts", "/etc/hosts"], ["/etc/resolv.conf", "/etc/resolv.conf"] |
	 {destination: .[0], source: .[1], type: "bind",
	  options: ["rbind", "ro", "nosuid", "nodev"]})]
END_JQ
[ -e $profile ] || profile=/dev/null
cat "$root/etc/ssl/certs/ca-certificates.crt" ca.crt >authorities.crt

declare -A runtime port
# pod_start NAME RUNTIME: its log is in NAME.log
pod_start() {
	runtime[$1]=$2
	port[$1]=$(free_port)
	mkdir "$1"
	"start_by_$2" "$1"
}

start_by_runc() {
	account "$1/account" 65532:65532
	# an emptyDir for an fsGroup
	mkdir "$1/state"
	chgrp "$(spec .securityContext.fsGroup)" "$1/state"
	chmod 2770 "$1/state"
	jq --slurpfile deployment deployment.json --arg name "$1" \
		--slurpfile profile "$profile" \
		--arg arch "$(jq -r .architecture config)" \
		--arg port "${port[$1]}" --arg api "$api_port" \
		--arg root "$root" --arg account "$TRASH/$1/account" \
		--arg state "$TRASH/$1/state" \
		--arg ca "$TRASH/authorities.crt" \
		-f pod.jq bundle/config.json >"$1/config.json" || return
	start "$1" runc --root "$TRASH/runc" run -b "$1" "$1-$$"
	at_exit "runc --root '$TRASH/runc' delete -f $1-$$"
}

start_by_bwrap() {
	local arguments info
	account "$1/account" "$(id -u)"
	mapfile -t arguments < <(container '.args[]' |
		sed "s/:8421/:${port[$1]}/")
	exec {info}>"$1/info"
	start "$1" "${sandbox[@]}" --info-fd "$info" --hostname "$1" \
		--setenv PATH /usr/sbin:/usr/bin \
		--setenv KUBERNETES_SERVICE_HOST 127.0.0.1 \
		--setenv KUBERNETES_SERVICE_PORT "$api_port" \
		--tmpfs "$(container '.volumeMounts[0].mountPath')" \
		--ro-bind "$1/account" \
		/run/secrets/kubernetes.io/serviceaccount \
		--ro-bind authorities.crt /etc/ssl/certs/ca-certificates.crt \
		--ro-bind /etc/hosts /etc/hosts \
		--ro-bind /etc/resolv.conf /etc/resolv.conf \
		"$(jq -r '.config.Entrypoint[0]' config)" "${arguments[@]}"
	exec {info}>&-
}

# pod_pid NAME: of its first process, as seen from here
pod_pid() {
	case ${runtime[$1]} in
	runc) runc --root "$TRASH/runc" state "$1-$$" | jq .pid ;;
	bwrap) jq '."child-pid"' "$1/info" ;;
	esac
}

# pod_processes NAME: all of them
pod_processes() {
	local here process
	here=$(readlink "/proc/$(pod_pid "$1")/ns/pid") && [ -n "$here" ] ||
		bail "no pod $1"
	for process in /proc/[0-9]*; do
		[ "$(readlink "$process/ns/pid" 2>/dev/null)" != "$here" ] ||
			echo "${process#/proc/}"
	done
}

# probe NAME KIND: as the Deployment has it
probe() {
	curl -sf -m "$(container ".${2}Probe.timeoutSeconds // 1")" \
		"http://127.0.0.1:${port[$1]}$(container ".${2}Probe.httpGet.path")"
}

# field NAME FIELD: a field of /proc/PID/status
field() { sed -n "s/^$2:[ \t]*//p" "/proc/$(pod_pid "$1")/status" | xargs; }

milliseconds() { echo $(($(date +%s%3N) - $1)); }

holder() { k -n windlass-system get lease windlassd -o 'jsonpath={.spec.holderIdentity}'; }

# what must hold of a pod, whatever runs it
check_pod() {
	local pid
	pid=$(pod_pid "$1")
	is "$(field $1 CapEff) $(field $1 CapPrm) $(field $1 CapBnd) $(field $1 NoNewPrivs)" \
		"$(printf '%016d %016d %016d' 0 0 0) 1" \
		"pod $1 has no capability, and gets none"
	like "$(awk '$5 == "/" { print $6 }' "/proc/$pid/mountinfo")" '^ro(,|$)' \
		"its root cannot be written"
	is "$(field $1 NSpid | awk '{ print $NF }')" 1 "it is the first process"
	unlike "$(tr '\0' '\n' <"/proc/$pid/environ")" '^(KUBECONFIG|HOME=/[^n])' \
		"nothing of this machine is in its environment"
}

# ---- one pod ----
first=${runtimes[0]} second=${runtimes[-1]}
begin=$(date +%s%3N)
pod_start one "$first" || bail "no pod"
ok "a pod under $first starts" wait_for \
	"$(container '.startupProbe | .periodSeconds * .failureThreshold')" \
	probe one startup || test_show one.log
echo "# started after $(milliseconds "$begin") ms"
ok "is ready" wait_for 30 probe one readiness
echo "# ready after $(milliseconds "$begin") ms"
ok "is alive" probe one liveness
ok "and leads" wait_line 30 one.log ' leading '
ok "the channel is ready" wait_ready prod 60 || test_show one.log
echo "# live after $(milliseconds "$begin") ms"
is "$(k -n "$ns" get configmap settings -o 'jsonpath={.data.text}')" one \
	"what was pushed is live"
check_pod one
if [ "$first" = runc ]; then
	is "$(field one Uid) $(field one Gid) $(field one Groups)" \
		"65532 65532 65532 65532 65532 65532 65532 65532 65532" \
		"it is the Deployment's user"
	[ "$profile" = /dev/null ] && skip 1 "no $profile" ||
		is "$(field one Seccomp)" 2 "with the profile RuntimeDefault"
	in_pod() { runc --root "$TRASH/runc" exec "one-$$" "$@"; }
	in_pod windlass status prod >out 2>&1
	like "$(cat out)" 'prod' "windlass looks at it from inside, as the engine may" ||
		test_show out
fi
state=/proc/$(pod_pid one)/root$(container '.volumeMounts[0].mountPath')
is "$(ls "$state")" engine "the state is in its volume"
inside=/proc/$(pod_pid one)/root
is "$(grep -rlI -e '-----BEGIN [A-Z ]*PRIVATE KEY' "$state" "$inside/run" \
	"$inside/tmp" 2>/dev/null)" \
	"" "attack-56 nothing that is mounted has a key that signs"
echo "# $(du -sh "$state" | cut -f 1) of state"

memory() { awk '/^Rss:/ { n += $2 } END { print int(n / 1024) }' \
	$(pod_processes one | sed 's,.*,/proc/&/smaps_rollup,'); }
used=$(memory)
ok "$used MiB of memory are less than the Deployment asks for" \
	[ "$used" -lt "$(container '.resources.requests.memory | rtrimstr("Mi")')" ]

# ---- what reads hostile bytes, taken over ----
token=/var/run/secrets/kubernetes.io/serviceaccount/token
puppet() { "$WINDLASS_BUILD/t/tool/puppet" "$@" 2>&1; }
reader=$(pgrep -P "$(pod_pid one)" | head -n 1)
if ! puppet "$(pod_pid one)" read / >out; then
	skip 5 "no debugging here: $(cat out)"
elif ! grep -q ' confined ' one.log; then
	skip 5 "$(grep -o 'not-confined .*' one.log)"
else
	is "$(puppet "$(pod_pid one)" read $token)" 0 \
		"the engine reads its account's token"
	is "$(puppet "$reader" read $token)" EACCES \
		"attack-56 what reads hostile bytes cannot"
	is "$(puppet "$reader" run /usr/bin/windlass)" EACCES \
		"attack-56 nor run a program of the image"
	is "$(puppet "$reader" write /var/lib/windlass/x)" EACCES \
		"attack-56 nor write beside the state"
	like "$(curl -s "http://127.0.0.1:${port[one]}/metrics" |
		grep '^windlass_fetch_landlock ')" ' [1-9]' "its metrics say so"
fi

# ---- as the first process of a container ----
pid=$(pod_pid one)
children=$(pod_processes one | grep -vx "$pid")
ok "there are children" [ -n "$children" ]
# shellcheck disable=SC2086 # several
kill -KILL $children
sed -i 's/text: one/text: two/' work/deploy/prod/all.yaml
commit_push work second || bail "$(cat push.out)"
ok "killed children are started again" wait_applied prod 2 60
is "$(for process in $(pod_processes one); do
	sed -n 's/^State:\t//p' "/proc/$process/status"
done | grep -c Z)" 0 "and leave nothing behind"
is "$(pod_pid one)" "$pid" "the engine itself went on"

# ---- two, and an end ----
pod_start two "$second" || bail "no second pod"
ok "a second pod, under $second, is ready" wait_for 30 probe two readiness ||
	test_show two.log
check_pod two
not_ok "and stands by" grep -q ' leading ' two.log
begin=$(date +%s%3N)
kill -TERM "$pid"
wait "$pid_one"
is "$?" 0 "told to end, as before a Pod goes, the first one does"
ended=$(milliseconds "$begin")
ok "in less than its grace period" \
	[ "$ended" -lt "$(spec '.terminationGracePeriodSeconds * 1000')" ]
ok "the second takes over" wait_line 10 two.log ' leading '
echo "# ended after $ended ms; the second leads after $(milliseconds "$begin") ms"
ok "by a Lease that was given back" [ "$(milliseconds "$begin")" -lt 10000 ]
sed -i 's/text: two/text: three/' work/deploy/prod/all.yaml
commit_push work third || bail "$(cat push.out)"
ok "and applies what is pushed" wait_applied prod 3 60
is "$(find "$root" -ls | sort -k 11 | diff unpacked -)" "" \
	"nothing was written but to volumes"
kill -TERM "$(pod_pid two)"
given_back() { [ -z "$(holder)" ]; }
ok "at the end nobody leads" wait_for 20 given_back
done_testing
