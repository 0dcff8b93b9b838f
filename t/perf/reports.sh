# The rows of reports: $channels channels of one Git host, of which each is
# reported of at once, by a real key: what a head costs others meanwhile, and how
# soon all that was said is in Git. Sourced by t/perf/run.

say "repository with $channels channels"
git init -q --bare "$dir/told.git"
windlass-hook init c-0 --repo "$dir/told.git" --ref refs/heads/main \
	--path deploy/c-0 --key "$dir/told-key-0" >/dev/null || die "init failed"
more_channels "$dir/told.git" "$dir/told-key"
ssh-keygen -q -t ed25519 -N '' -C eu-1 -f "$dir/reporter"
printf 'eu-1 namespaces="report-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 "$dir/reporter.pub")" >"$dir/reporters"
for ((i = 0; i < channels; i++)); do
	printf '[windlass "c-%d"]\n\treporters = %s\n' "$i" "$dir/reporters"
done >>"$dir/told.git/config"
git init -q "$dir/told-work"
channel_maps "$dir/told-work/deploy" 1
git -C "$dir/told-work" add deploy
git -C "$dir/told-work" commit -q -m "all objects"
git -C "$dir/told-work" push -q "$dir/told.git" HEAD:main \
	2>"$dir/told-push.log" || die "push: $(tail -n 3 "$dir/told-push.log")"
background told-serve windlass-hook serve --repo "$dir/told.git" \
	--listen 127.0.0.1:0
serve=$pid
until_true 60 grep -q 'listening on' "$dir/told-serve.log" || die "serve"
url=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$dir/told-serve.log")

say "reports"
mkdir "$dir/told"
while read -r ref bundle; do
	channel=${ref#refs/windlass/}
	time=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	cat >"$dir/told/$channel" <<-END
	windlass-report 1
	channel $channel
	channel-id $(git config --file "$dir/told.git/config" "windlass.$channel.id")
	cluster eu-1
	counter 1
	issued $time
	epoch 1
	sequence 1
	bundle $bundle
	phase healthy
	since $time
	applied 1.1 $bundle
	objects 1 1 0 0 0 0
	stale no
	reason Ready
	message -
	failures 0
	END
done < <(git -C "$dir/told.git" for-each-ref 'refs/windlass/c-*' \
	--format='%(refname) %(objectname)')
[ "$(ls "$dir/told" | wc -l)" = "$channels" ] || die "not all are published"
find "$dir/told" -type f -print0 | xargs -0 -n 100 ssh-keygen -q -Y sign \
	-n report-v1@windlass.dev -f "$dir/reporter" 2>/dev/null
for file in "$dir"/told/*.sig; do
	cat "$file" >>"${file%.sig}" && rm "$file"
done
# it may have work of its start left: pages
until_true 300 test "$(ls "$dir/told.git/windlass" | wc -l)" -ge "$channels"
sleep 2
began=$(now)
read -r p50 p99 last during50 during99 during taken refused \
	<<<"$(reporters "${url##*:}" /c-0/head "$dir/told")"
[ -n "${refused:-}" ] || die "reporters failed"
recorded() {
	[ "$(git -C "$dir/told.git" for-each-ref --format=x \
		'refs/windlass-status/*/eu-1' | wc -l)" = "$channels" ]
}
until_true 900 recorded || die "not all are recorded"
all=$((($(now) - began) / 1000 - 1000))
result reports-head "$during99" ms "<= 20" "$(met "$during99" '<=' 20)" \
	"p99 of a head while $channels reports come; p50 $during50, longest $during; quiet: p50 $p50, p99 $p99; the last is taken after $taken ms, $refused times \"not now\""
result reports-recorded "$all" ms "<= 30000" "$(met "$all" '<=' 30000)" \
	"until all $channels are in Git; serve: $(awk '/VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$serve/status") MB"
