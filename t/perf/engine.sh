# The engine's rows, against a real control plane with $objects ConfigMaps.
# Sourced by t/perf/run.

kubectl() { "$kubectl" "$@"; }

applied_sequence() {
	kubectl get channel bench -o 'jsonpath={.status.applied.sequence}'
}


say "control plane"
"$TOP/contrib/cluster/cluster" up --dir "$dir/cluster" --audit --no-kwok \
	>/dev/null 2>"$dir/cluster.log" || die "$(tail -n 3 "$dir/cluster.log")"
set_apart "$dir/cluster"
export KUBECONFIG=$dir/cluster/kubeconfig
kubectl=$("$TOP/contrib/cluster/cluster" path kubectl)

say "repository with $objects objects"
git init -q --bare "$dir/bench.git"
windlass-hook init bench --repo "$dir/bench.git" --ref refs/heads/main \
	--path deploy --key "$dir/key" >/dev/null || die "init failed"
background serve windlass-hook serve --repo "$dir/bench.git" --listen 127.0.0.1:0
until_true 10 grep -q 'listening on' "$dir/serve.log" || die "serve"
url=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$dir/serve.log")
git clone -q "$dir/bench.git" "$dir/work" 2>/dev/null
config_maps "$dir/work/deploy" "$objects"
git -C "$dir/work" add deploy
git -C "$dir/work" commit -q -m "all objects"
git -C "$dir/work" push -q origin HEAD:main 2>"$dir/push.log" ||
	die "push: $(tail -n 3 "$dir/push.log")"

# ---- first-apply: between two raw ones into namespaces of their own, since
# what a machine gives changes from one quarter of a minute to the next ------
raw_rate() {	# PREFIX
	local i

	say "raw apply rate"
	for ((i = 0; i < 10; i++)); do
		kubectl create namespace "$1-$i" >/dev/null
	done
	raw-apply "$objects" 10 800 32 "$1" || die "raw-apply failed"
}
wanted first-apply && before=$(raw_rate bench-before)

say "first apply"
windlass install bench --from "$dir/bench.git" --url "$url" --cluster-admin \
	--apply >/dev/null || die "install failed"
began=$(now)
background windlassd windlassd --kubeconfig "$KUBECONFIG" \
	--state "$dir/state" --metrics 127.0.0.1:0
engine=$pid
# Asking the API server all the time, and looking at the log twenty times a
# second (a tenth of two cores), would cost it what is measured.
wait_log 300 "$dir/windlassd.log" bundle-applied 1 ||
	die "first apply: $(tail -n 5 "$dir/windlassd.log")"
took=$(($(now) - began))
rate=$(awk -v n="$objects" -v us="$took" 'BEGIN { printf "%.0f", n * 1e6 / us }')
sleep 5
if wanted first-apply; then
	after=$(raw_rate bench-after)
	# of the time that both took together
	ratio=$(awk -v e="$rate" -v a="$before" -v b="$after" \
		'BEGIN { printf "%.2f", e * (1 / a + 1 / b) / 2 }')
	result first-apply "$ratio" ratio ">= 0.9" "$(met "$ratio" '>=' 0.9)" \
		"$rate applies/s; raw $before/s before, $after/s after; $objects objects in $((took / 1000)) ms from the start of the engine"
fi

# ---- a watch that stamps every value in one namespace ---------------------
stamp() {
	kubectl -n bench-0 get configmaps --watch-only \
		-o 'jsonpath={.metadata.name} {.data.value}{"\n"}' |
		while read -r name value; do
			echo "${EPOCHREALTIME/./} $name $value"
		done
}
# one that is not the engine's shows that the watch is there
is_watched() {
	kubectl -n bench-0 patch configmap seen --type merge \
		-p "{\"data\":{\"value\":\"$(now)\"}}" >/dev/null
	grep -q ' seen ' "$dir/stamp.log"
}
kubectl -n bench-0 create configmap seen >/dev/null || die "bench-0"
background stamp stamp
until_true 60 is_watched || die "watch: $(tail -n 3 "$dir/stamp.log")"

if wanted push-to-live; then
	say "push-to-live"
	git init -q --bare "$dir/plain.git"
	git -C "$dir/work" push -q "$dir/plain.git" HEAD:main
	: >"$dir/live" && : >"$dir/plain"
	for ((i = 1; i <= 50; i++)); do
		sed -i "s/value: .*/value: \"p$i\"/" "$dir/work/deploy/0/cm-0.yaml"
		git -C "$dir/work" commit -q -a -m "change $i"
		began=$(now)
		git -C "$dir/work" push -q origin HEAD:main 2>/dev/null ||
			die "push $i"
		until_true 20 grep -q " cm-0 p$i\$" "$dir/stamp.log" ||
			die "change $i did not become live"
		at=$(awk -v v="p$i" '$3 == v { print $1; exit }' "$dir/stamp.log")
		echo $(((at - began) / 1000)) >>"$dir/live"
		began=$(now)
		git -C "$dir/work" push -q "$dir/plain.git" HEAD:main
		echo $((($(now) - began) / 1000)) >>"$dir/plain"
	done
	plain=$(percentile 50 "$dir/plain")
	p50=$(percentile 50 "$dir/live")
	p99=$(percentile 99 "$dir/live")
	result push-to-live-p50 "$p50" ms "<= 100" "$(met "$p50" '<=' 100)" \
		"git push without hooks: $plain ms; $objects objects"
	result push-to-live-p99 "$p99" ms "<= 300" "$(met "$p99" '<=' 300)" \
		"50 pushes"
fi

if wanted drift-repair; then
	say "drift-repair"
	: >"$dir/repair"
	# 50 objects: the same one over and over would be a fight
	edits=50
	[ "$objects" -gt 500 ] || edits=$((objects / 10 - 1))
	for ((i = 1; i <= edits; i++)); do
		name=cm-$((i * 10))
		kubectl -n bench-0 patch configmap "$name" --type merge \
			-p "{\"data\":{\"value\":\"edit-$i\"}}" >/dev/null
		sleep 0.5
		awk -v v="edit-$i" -v name="$name" '
			$2 == name && $3 == v { edited = $1 }
			$2 == name && edited && $3 == "0" {
				print ($1 - edited) / 1000; exit
			}' "$dir/stamp.log" >>"$dir/repair"
		[ "$(wc -l <"$dir/repair")" -eq "$i" ] || die "edit $i was not undone"
	done
	p50=$(percentile 50 "$dir/repair")
	p99=$(percentile 99 "$dir/repair")
	result drift-repair-p50 "$p50" ms "<= 10" "$(met "$p50" '<=' 10)" \
		"from the watch's event of the edit to that of the repair"
	result drift-repair-p99 "$p99" ms "<= 50" "$(met "$p99" '<=' 50)" \
		"$edits edits"
fi

if wanted engine-memory; then
	child=$(pgrep -P "$engine" | head -n 1)
	rss() { awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
	memory=$(rss "$engine")
	result engine-memory "$memory" MB "<= 20" "$(met "$memory" '<=' 20)" \
		"windlassd at $objects objects; its fetching child: $(rss "$child") MB"
fi

if wanted rest-requests; then
	say "rest-requests: 60 s"
	audit=$dir/cluster/log/audit.log
	# those of the engine: a watch when it begins, all else when it ends
	requests() {
		grep '"stage":"ResponseComplete"\|"stage":"ResponseStarted"' |
			grep -c '"userAgent":"windlass/'
	}
	[ "$(requests <"$audit")" -ge "$objects" ] ||
		die "the audit log does not show the engine's requests"
	sleep 30
	before=$(wc -l <"$audit")
	sleep 60
	count=$(tail -n +"$((before + 1))" "$audit" | requests)
	rate=$(awk -v n="$count" 'BEGIN { printf "%.2f", n / 60 }')
	result rest-requests "$rate" "req/s" "< 1" "$(met "$rate" '<' 1)" \
		"$objects objects, 60 s, by the API server's audit log"
fi
