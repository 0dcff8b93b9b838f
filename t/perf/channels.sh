# The rows of many channels in one engine: $channels of ten objects each, all of
# one Git host. Sourced by t/perf/run.

kubectl() { "$kubectl" "$@"; }
say "control plane"
"$TOP/contrib/cluster/cluster" up --dir "$dir/many-cluster" --audit --no-kwok \
	>/dev/null 2>"$dir/cluster.log" || die "$(tail -n 3 "$dir/cluster.log")"
export KUBECONFIG=$dir/many-cluster/kubeconfig
kubectl=$("$TOP/contrib/cluster/cluster" path kubectl)

say "repository with $channels channels"
git init -q --bare "$dir/many.git"
windlass-hook init c-0 --repo "$dir/many.git" --ref refs/heads/main \
	--path deploy/c-0 --key "$dir/key-0" >/dev/null || die "init failed"
more_channels "$dir/many.git" "$dir/key"
git init -q "$dir/many-work"
channel_maps "$dir/many-work/deploy" 10
git -C "$dir/many-work" add deploy
git -C "$dir/many-work" commit -q -m "all objects"
git -C "$dir/many-work" push -q "$dir/many.git" HEAD:main \
	2>"$dir/many-push.log" || die "push: $(tail -n 3 "$dir/many-push.log")"
background many-serve windlass-hook serve --repo "$dir/many.git" --verbose \
	--listen 127.0.0.1:0
until_true 60 grep -q 'listening on' "$dir/many-serve.log" || die "serve"
url=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$dir/many-serve.log")

# an account each, which all may do everything
windlass install c-0 --from "$dir/many.git" --url "$url" --cluster-admin \
	--apply >/dev/null || die "install failed"
{
	cat <<-'END'
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRoleBinding
	metadata: {name: many-channels}
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
	subjects:
	- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:windlass-system"}
	END
	for ((i = 0; i < 10; i++)); do
		printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: bench-%d}\n' $i
	done
	for ((i = 1; i < channels; i++)); do
		cat <<-END
		---
		apiVersion: windlass.dev/v1alpha1
		kind: Channel
		metadata: {name: c-$i}
		spec:
		  url: $url
		  channelID: $(git -C "$dir/many.git" config "windlass.c-$i.id")
		  publishers: |
		    c-$i namespaces="git,head-v1@windlass.dev" $(cut -d' ' -f1,2 "$dir/key-$i.pub")
		  serviceAccount: {namespace: windlass-system, name: channel-c-$i}
		  namespaces: ["*"]
		END
	done
} >"$dir/channels.yaml"
kubectl apply --server-side -f "$dir/channels.yaml" >"$dir/apply.log" 2>&1 ||
	die "channels: $(tail -n 1 "$dir/apply.log")"

say "raw apply rate"
for ((i = 0; i < 10; i++)); do
	kubectl create namespace "bench-raw-$i" >/dev/null
done
raw=$(raw-apply $((channels * 10)) 10 800 32 bench-raw) || die "raw-apply failed"

say "start"
ready_channels() {
	kubectl get channels -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
		grep -c True
}
all_ready() { [ "$(ready_channels)" -ge "$channels" ]; }
began=$(now)
background many-windlassd windlassd --kubeconfig "$KUBECONFIG" \
	--state "$dir/many-state" --metrics 127.0.0.1:0 --no-leader-elect
engine=$pid
wait_log 900 "$dir/many-windlassd.log" bundle-applied "$channels" ||
	die "first apply: $(tail -n 3 "$dir/many-windlassd.log")"
until_true 120 all_ready || die "not all are ready"
took=$((($(now) - began) / 1000))
ideal=$(awk -v n="$channels" -v raw="$raw" 'BEGIN { printf "%.0f", n * 10000 / raw }')
ratio=$(awk -v a="$ideal" -v b="$took" 'BEGIN { printf "%.2f", a / b }')
result channels-start "$ratio" ratio ">= 0.4" "$(met "$ratio" '>=' 0.4)" \
	"$channels channels of 10 objects are Ready after $took ms; $raw/s raw applies take $ideal ms"

say "at rest: 60 s"
child=$(pgrep -P "$engine" | head -n 1)
rss() { awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
sleep 90
audit=$dir/many-cluster/log/audit.log
requests() {
	grep '"stage":"ResponseComplete"\|"stage":"ResponseStarted"' |
		grep -c '"userAgent":"windlass/'
}
before=$(wc -l <"$audit")
asked=$(grep -c 'debug request' "$dir/many-serve.log")
sleep 60
count=$(tail -n +"$((before + 1))" "$audit" | requests)
asked=$(($(grep -c 'debug request' "$dir/many-serve.log") - asked))
rate=$(awk -v n="$count" 'BEGIN { printf "%.2f", n / 60 }')
result channels-rest-kube "$rate" "req/s" "< 1" "$(met "$rate" '<' 1)" \
	"$channels channels, 60 s, by the API server's audit log"
rate=$(awk -v n="$asked" 'BEGIN { printf "%.2f", n / 60 }')
result channels-rest-host "$rate" "req/s" "< 0.1" "$(met "$rate" '<' 0.1)" \
	"at the Git host, on $(ss -Htn state established "( dport = :${url##*:} )" | wc -l) connections"
memory=$(rss "$engine")
result channels-memory "$memory" MB "<= 60" "$(met "$memory" '<=' 60)" \
	"windlassd; its fetching child: $(rss "$child") MB"

say "push to one of them"
: >"$dir/many-live"
for ((i = 1; i <= 20; i++)); do
	sed -i "s/value: .*/value: \"p$i\"/" "$dir/many-work/deploy/c-$i/all.yaml"
	git -C "$dir/many-work" commit -q -a -m "change $i"
	began=$(now)
	git -C "$dir/many-work" push -q "$dir/many.git" HEAD:main 2>/dev/null ||
		die "push $i"
	pushed=$(now)
	until_true 60 grep -q "bundle-applied channel=c-$i .*sequence=2 " \
		"$dir/many-windlassd.log" || die "change $i did not become live"
	echo "$((($(now) - began) / 1000)) $(((pushed - began) / 1000))" \
		>>"$dir/many-live"
done
p50=$(percentile 50 "$dir/many-live")
result channels-push-to-live "$p50" ms "<= 500" "$(met "$p50" '<=' 500)" \
	"10 objects of one of $channels channels, p50 of 20; git push with its hooks: $(percentile 50 "$dir/many-live" 2) ms"
