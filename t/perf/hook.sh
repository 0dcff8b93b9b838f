# The hook's rows, on a repository with $many objects. Sourced by t/perf/run.

say "repository with $many objects"
git init -q --bare "$dir/many.git"
git init -q --bare "$dir/many-plain.git"
windlass-hook init many --repo "$dir/many.git" --ref refs/heads/main \
	--path deploy --key "$dir/many-key" >/dev/null || die "init failed"
git init -q "$dir/many-work"
config_maps "$dir/many-work/deploy" "$many"
git -C "$dir/many-work" add deploy
git -C "$dir/many-work" commit -q -m "all objects"
git -C "$dir/many-work" push -q "$dir/many-plain.git" HEAD:main
began=$(now)
git -C "$dir/many-work" push -q "$dir/many.git" HEAD:main \
	2>"$dir/many-push.log" || die "push: $(tail -n 3 "$dir/many-push.log")"
say "first push: $((($(now) - began) / 1000)) ms"

: >"$dir/with" && : >"$dir/without"
for ((i = 1; i <= 20; i++)); do
	sed -i "s/value: .*/value: \"p$i\"/" "$dir/many-work/deploy/7/cm-7007.yaml" \
		2>/dev/null ||
		sed -i "s/value: .*/value: \"p$i\"/" "$dir/many-work/deploy/0/cm-0.yaml"
	git -C "$dir/many-work" commit -q -a -m "change $i"
	timed "$dir/without" git -C "$dir/many-work" push -q \
		"$dir/many-plain.git" HEAD:main || die "plain push $i"
	timed "$dir/with" git -C "$dir/many-work" push -q "$dir/many.git" \
		HEAD:main || die "push $i: $(tail -n 3 "$dir/timed.log")"
done
if wanted hook-cost; then
	with=$(percentile 50 "$dir/with")
	without=$(percentile 50 "$dir/without")
	cost=$((with - without))
	cpu=$(($(percentile 50 "$dir/with" 2) -
		$(percentile 50 "$dir/without" 2)))
	result hook-cost "$cost" ms "< 50" "$(met "$cost" '<' 50)" \
		"median of 20 pushes: $with ms with, $without ms without hooks; $cpu ms of processor; $many objects"
fi
if wanted delta-bytes; then
	published=$dir/many.git/windlass/public/many
	head=$(wc -c <"$published/head")
	delta=$(awk '$1 == "delta" { print $4 }' "$published/head")
	bytes=$((head + delta))
	result delta-bytes "$bytes" bytes "<= 3072" "$(met "$bytes" '<=' 3072)" \
		"head $head + delta $delta; $many objects"
fi
