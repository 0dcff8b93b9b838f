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
	began=$(now)
	git -C "$dir/many-work" push -q "$dir/many-plain.git" HEAD:main
	echo $((($(now) - began) / 1000)) >>"$dir/without"
	began=$(now)
	git -C "$dir/many-work" push -q "$dir/many.git" HEAD:main 2>/dev/null ||
		die "push $i"
	echo $((($(now) - began) / 1000)) >>"$dir/with"
done
if wanted hook-cost; then
	with=$(percentile 50 "$dir/with")
	without=$(percentile 50 "$dir/without")
	cost=$((with - without))
	result hook-cost "$cost" ms "< 50" "$(met "$cost" '<' 50)" \
		"median of 20 pushes: $with ms with, $without ms without hooks; $many objects"
fi
if wanted delta-bytes; then
	published=$dir/many.git/windlass/public/many
	head=$(wc -c <"$published/head")
	delta=$(awk '$1 == "delta" { print $4 }' "$published/head")
	bytes=$((head + delta))
	result delta-bytes "$bytes" bytes "<= 3072" "$(met "$bytes" '<=' 3072)" \
		"head $head + delta $delta; $many objects"
fi
