# The row of those who wait: $crowd engines at one `serve`, and how soon each
# has the head that a push published. Sourced by t/perf/run.

say "$crowd waiting engines"
git init -q --bare "$dir/crowd.git"
windlass-hook init crowd --repo "$dir/crowd.git" --ref refs/heads/main \
	--path deploy --key "$dir/crowd-key" >/dev/null || die "init failed"
git init -q "$dir/crowd-work"
config_maps "$dir/crowd-work/deploy" 10
git -C "$dir/crowd-work" add deploy
git -C "$dir/crowd-work" commit -q -m "all objects"
git -C "$dir/crowd-work" push -q "$dir/crowd.git" HEAD:main \
	2>"$dir/crowd-push.log" || die "push: $(tail -n 3 "$dir/crowd-push.log")"
background crowd-serve windlass-hook serve --repo "$dir/crowd.git" \
	--listen 127.0.0.1:0
serve=$pid
until_true 10 grep -q 'listening on' "$dir/crowd-serve.log" || die "serve"
url=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$dir/crowd-serve.log")
etag=$(curl -sS -o "$dir/crowd-head" -D - "$url/crowd/head" | tr -d '\r' |
	sed -n 's/^ETag: //p')
background crowd waiters "$crowd" "${url##*:}" /crowd/head "$etag" \
	"$dir/crowd.git/windlass/public/crowd/head"
until_true 60 grep -q waiting "$dir/crowd.log" ||
	die "waiters: $(tail -n 1 "$dir/crowd.log")"
# the last of them is asked, but perhaps not yet heard
sleep 2
memory=$(awk '/VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$serve/status")
sed -i 's/value: .*/value: "told"/' "$dir/crowd-work/deploy/0/cm-0.yaml"
git -C "$dir/crowd-work" commit -q -a -m "change"
git -C "$dir/crowd-work" push -q "$dir/crowd.git" HEAD:main 2>/dev/null ||
	die "push"
until_true 60 grep -q '^[0-9]' "$dir/crowd.log" ||
	die "waiters: $(tail -n 1 "$dir/crowd.log")"
read -r p50 p99 last <<<"$(grep '^[0-9]' "$dir/crowd.log")"
result waiters "$last" ms "<= 1000" "$(met "$last" '<=' 1000)" \
	"until the last of $crowd has the head; p50 $p50, p99 $p99; serve: $memory MB"
