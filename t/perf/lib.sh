# What the benchmarks share. Sourced by t/perf/run.

WINDLASS_BUILD=${WINDLASS_BUILD:-$TOP/build}
PATH=$WINDLASS_BUILD:$WINDLASS_BUILD/t/perf:$PATH
results=()

die() { echo "t/perf/run: $*" >&2; exit 1; }
say() { [ -t 2 ] && echo "... $*" >&2; return 0; }

# now: microseconds, without a process
now() { local t=${EPOCHREALTIME/,/.}; printf '%s' "${t/./}"; }

prepare() {
	command -v windlassd >/dev/null ||
		die "build first: no windlassd in $WINDLASS_BUILD"
	dir=$(mktemp -d "${TMPDIR:-/tmp}/windlass-perf-XXXXXX") || exit 1
	pids=()
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	unset "${!GIT_@}"
	export GIT_CONFIG_GLOBAL=$dir/gitconfig GIT_CONFIG_NOSYSTEM=1
	git config --global user.name Bench
	git config --global user.email bench@example.org
	git config --global init.defaultBranch main
	git config --global gc.auto 0
}

clean_up() {
	local pid cluster
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for cluster in "$dir/cluster" "$dir/many-cluster"; do
		[ ! -d "$cluster" ] ||
			"$TOP/contrib/cluster/cluster" down --dir "$cluster" \
				>/dev/null 2>&1
	done
	rm -rf "$dir"
}

# set_apart FOLDER: with --apart, the control plane there on the first core,
# this script and all that it starts from now on on the others
set_apart() {
	local file pid

	[ -n "$apart" ] || return 0
	for file in "$1"/run/*.pid; do
		read -r pid _ <"$file"
		taskset -apc 0 "$pid" >/dev/null || die "--apart: $file"
	done
	taskset -pc "1-$(($(nproc --all) - 1))" $$ >/dev/null ||
		die "--apart wants two cores"
}

# background NAME COMMAND...: its output in NAME.log, its pid in $pid
background() {
	local name=$1
	shift
	"$@" >"$dir/$name.log" 2>&1 </dev/null &
	pid=$!
	pids+=("$pid")
}

# until_true SECONDS COMMAND...
until_true() {
	local end=$(($(now) + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# wait_log SECONDS FILE TEXT COUNT: until so many lines of it have the text;
# unlike until_true it costs next to nothing
wait_log() {
	local lines tail status

	exec {lines}< <(exec tail -n +1 -f "$2")
	tail=$!
	timeout "$1" perl -ne 'BEGIN { $text = shift; $left = shift }
		/$text/ and --$left == 0 and exit' "$3" "$4" <&"$lines"
	status=$?
	kill "$tail"
	exec {lines}<&-
	return $status
}

# config_maps FOLDER COUNT: COUNT ConfigMaps of 1 KB in 10 namespaces, one
# file each, in folders of at most 1,000
config_maps() {
	perl -e '
		my ($folder, $count) = @ARGV;
		my $filler = "x" x 800;
		mkdir $folder;
		for my $n (0 .. 9) {
			open(my $f, ">", "$folder/ns-$n.yaml") or die;
			print $f "apiVersion: v1\nkind: Namespace\n" .
				"metadata:\n  name: bench-$n\n";
		}
		for my $i (0 .. $count - 1) {
			my $sub = "$folder/" . int($i / 1000);
			mkdir $sub if $i % 1000 == 0;
			open(my $f, ">", "$sub/cm-$i.yaml") or die;
			printf $f "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
				. "  name: cm-%d\n  namespace: bench-%d\ndata:\n"
				. "  filler: %s\n  value: \"0\"\n",
				$i, $i % 10, $filler;
		}' "$1" "$2"
}

# timed FILE COMMAND...: adds a line, its milliseconds on the clock and those
# of processors, its own and its children's; the command's status
timed() {
	local TIMEFORMAT='%R %U %S' file=$1 once status
	shift
	once=$({ time "$@" >"$dir/timed.log" 2>&1; } 2>&1)
	status=$?
	awk '{ printf "%.0f %.0f\n", $1 * 1000, ($2 + $3) * 1000 }' \
		<<<"$once" >>"$file"
	return $status
}

# percentile P FILE [COLUMN]: of numbers, one a line
percentile() {
	sort -n -k "${3:-1},${3:-1}" "$2" |
		awk -v p="$1" -v c="${3:-1}" '{ v[NR] = $c }
		END { i = int(NR * p / 100 + 0.9999); if (i < 1) i = 1;
		      print v[i] }'
}

# result NAME VALUE UNIT GOAL MET AGAINST
result() {
	results+=("$1	$2	$3	$4	$5	$6")
	say "$1: $2 $3 (goal $4)"
}

# met A OP B: yes or no
met() { awk -v a="$1" -v b="$3" "BEGIN { print (a $2 b) ? \"yes\" : \"no\" }"; }

report() {
	local row
	[ -n "$json" ] ||
		printf '%-22s %12s %-10s %-12s %-4s %s\n' name value unit goal met against
	for row in "${results[@]}"; do
		IFS=$'\t' read -r name value unit goal ok against <<<"$row"
		if [ -n "$json" ]; then
			printf '{"name":"%s","value":%s,"unit":"%s","goal":"%s","met":%s,"against":"%s"}\n' \
				"$name" "$value" "$unit" "$goal" \
				"$([ "$ok" = yes ] && echo true || echo false)" "$against"
		else
			printf '%-22s %12s %-10s %-12s %-4s %s\n' \
				"$name" "$value" "$unit" "$goal" "$ok" "$against"
		fi
	done
}

# more_channels REPO KEY: beside c-0, which init has made with KEY-0, the others
# up to $channels, as init writes them, without looking at all once more each
more_channels() {
	local i
	for ((i = 1; i < channels; i++)); do
		ssh-keygen -q -t ed25519 -N '' -C "c-$i" -f "$2-$i"
		git -C "$1" config --get-regexp '^windlass\.c-0\.' |
			sed -n 's/^windlass\.c-0\.//p' |
			grep -v '^id\|^path\|^signingkey' |
			awk -v name="c-$i" -v key="$2-$i" \
				-v id="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" '
			BEGIN {
				print "[windlass \"" name "\"]\n\tid = " id
				print "\tpath = deploy/" name "\n\tsigningKey = " key
			}
			{ k = $1; sub(/^[^ ]+ /, ""); print "\t" k " = \"" $0 "\"" }
			'
	done >"$dir/more"
	cat "$dir/more" >>"$1/config"
}

# channel_maps FOLDER COUNT: so many ConfigMaps of each of $channels channels
channel_maps() {
	perl -e '
		my ($folder, $channels, $count) = @ARGV;
		my $filler = "x" x 800;
		mkdir $folder;
		for my $i (0 .. $channels - 1) {
			mkdir "$folder/c-$i";
			open(my $f, ">", "$folder/c-$i/all.yaml") or die;
			printf $f "---\napiVersion: v1\nkind: ConfigMap\n" .
				"metadata:\n  name: cm-%d-%d\n" .
				"  namespace: bench-%d\ndata:\n  filler: %s\n" .
				"  value: \"0\"\n", $i, $_, $i % 10, $filler
				for 0 .. $count - 1;
		}' "$1" "$channels" "$2"
}
