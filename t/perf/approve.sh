# The row of approvals: a bundle that waits, from the push of the approval that
# it lacks until its change is live. Sourced by t/perf/run, after engine.sh.

. "$TOP/t/lib-approve.sh"
say "approve-to-live"
ssh-keygen -q -t ed25519 -N '' -C ann -f "$dir/ann"
approver_line ann "$dir/ann" >"$dir/approvers"
git -C "$dir/bench.git" config windlass.bench.approvers "$dir/approvers"
windlass install bench --from "$dir/bench.git" --url "$url" --cluster-admin \
	--approvers "$dir/approvers" --approvals 1 --apply >/dev/null ||
	die "install with approvals failed"
: >"$dir/approved"
for ((i = 1; i <= 20; i++)); do
	sed -i "s/value: .*/value: \"a$i\"/" "$dir/work/deploy/0/cm-0.yaml"
	git -C "$dir/work" commit -q -a -m "to be approved $i"
	git -C "$dir/work" push -q origin HEAD:main 2>/dev/null || die "push a$i"
	git -C "$dir/work" fetch -q origin refs/windlass/bench
	bundle=$(git -C "$dir/work" rev-parse FETCH_HEAD)
	tag=$(approval "$dir/work" "$dir/ann" approve "$bundle") || die "tag $i"
	ref=$(approval_ref "$dir/work" "$tag" ann)
	sequence=$(approval_field "$dir/work" "$bundle" Sequence)
	until_true 20 grep -q "bundle-verified .*sequence=$sequence " \
		"$dir/windlassd.log" || die "bundle $sequence does not come"
	sleep 0.5
	! grep -q " cm-0 a$i\$" "$dir/stamp.log" || die "$i needed no approval"
	began=$(now)
	git -C "$dir/work" push -q origin "$tag:$ref" 2>"$dir/push.log" ||
		die "approval $i: $(tail -n 3 "$dir/push.log")"
	pushed=$(now)
	until_true 20 grep -q " cm-0 a$i\$" "$dir/stamp.log" ||
		die "approved change $i did not become live"
	at=$(awk -v v="a$i" '$3 == v { print $1; exit }' "$dir/stamp.log")
	echo "$(((at - began) / 1000)) $(((pushed - began) / 1000))" \
		>>"$dir/approved"
done
longest=$(percentile 100 "$dir/approved")
result approve-to-live "$longest" ms "<= 1000" "$(met "$longest" '<=' 1000)" \
	"longest of 20, p50 $(percentile 50 "$dir/approved") ms; the push of the approval takes $(percentile 50 "$dir/approved" 2) ms of it; $objects objects"
