# The validator's rows: objects checked per CPU second, beside kubeconform on
# the same files in the same run, with schemas of the same API server; and one
# file, as an editor or a commit has it checked. Sourced by t/perf/run.

say "manifests: $objects objects of ten kinds"
python3 "$TOP/t/perf/manifests.py" "$TOP/t/fixtures/openapi/good.json" \
	"$dir/manifests" "$objects" || die "no manifests"

if wanted check-one; then
	for ((i = 1; i <= 50; i++)); do
		timed "$dir/one" windlass check "$dir/manifests/0.yaml" ||
			die "windlass check: $(tail -n 1 "$dir/timed.log")"
	done
	one=$(awk '{ sum += $2 } END { printf "%.1f", sum / NR }' "$dir/one")
	result check-one "$one" ms "<= 10" "$(met "$one" '<=' 10)" \
		"of processor, mean of 50; median on the clock $(percentile 50 "$dir/one") ms"
fi
wanted validate || return 0

say "kubeconform, and schemas for it"
env -C "$TOP/t/perf/kubeconform" GOFLAGS='' GOWORK=off CGO_ENABLED=0 \
	go build -o "$dir/kubeconform" \
	github.com/yannh/kubeconform/cmd/kubeconform 2>"$dir/go.log" ||
	die "kubeconform: $(tail -n 1 "$dir/go.log")"
"$TOP/contrib/openapi/tables" --documents "$dir/documents" --out "$dir/tables" \
	--compiler "$WINDLASS_BUILD/contrib/openapi/openapi-compile" \
	"$(basename "$(ls -dv "$TOP"/schema/openapi/1.* | tail -n 1)")" \
	>"$dir/tables.log" 2>&1 || die "tables: $(tail -n 1 "$dir/tables.log")"
python3 "$TOP/t/perf/json-schemas.py" "$dir/documents" "$dir/schemas" ||
	die "no schemas"

# cpu COMMAND...: its user and system seconds, in $cpu; the least of three
cpu() {
	local TIMEFORMAT='%U %S' i once
	cpu=
	for i in 1 2 3; do
		once=$({ time "$@" >"$dir/validate.log" 2>&1; } 2>&1 |
			awk '{ print $1 + $2 }')
		[ -n "$cpu" ] && [ "$(met "$cpu" '<' "$once")" = yes ] ||
			cpu=$once
	done
}
cpu windlass check "$dir/manifests"
ours=$cpu
grep -q "$objects good objects, 0 errors" "$dir/validate.log" ||
	die "windlass check: $(tail -n 1 "$dir/validate.log")"
cpu "$dir/kubeconform" -strict -summary -schema-location \
	"$dir/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$dir/manifests"
grep -q "Valid: $objects, Invalid: 0, Errors: 0, Skipped: 0" \
	"$dir/validate.log" ||
	die "kubeconform: $(tail -n 1 "$dir/validate.log")"
rate=$(awk -v n="$objects" -v s="$ours" 'BEGIN { printf "%.0f", n / s }')
times=$(awk -v a="$ours" -v b="$cpu" 'BEGIN { printf "%.1f", b / a }')
result validate "$times" times ">= 5" "$(met "$times" '>=' 5)" \
	"kubeconform in CPU seconds: $ours s and $cpu s for $objects objects, $rate a CPU second"
