# Reports of clusters, written by printf and signed by stock ssh-keygen.
# Source it after lib.sh and lib-git.sh.
#
#   new_reporter CLUSTER   a key keys/CLUSTER, listed in the file `reporters`
#   report FILE            writes a signed report of the newest bundle
#   failure OBJECT SOURCE REASON MESSAGE   one more in the next report
#   post FILE [CHANNEL]    to $url; prints the status, the answer is in `said`
#   send [CHANNEL]         makes and posts one, in `sent`; the same
#   counter FILE           of that report
#   report_kept CLUSTER    its next one of prod stands at the Git host as if serve
#                          had taken it, and is recorded
#   serve [OPTION...]      $host is served, at $url
#
# $host is the repository. What is in these variables goes into the next
# report; unset ones are what is right. They are how a test lies.
#   r_channel r_id r_cluster r_counter r_issued r_epoch r_sequence r_bundle
#   r_phase r_since r_applied (the whole value) r_objects r_stale r_reason
#   r_message r_key r_namespace r_edit (a sed program for the signed text)
#   r_break (one for the file)
r_number=0
truth() {
	unset r_channel r_id r_cluster r_counter r_issued r_epoch r_sequence \
		r_bundle r_phase r_since r_applied r_objects r_stale r_reason \
		r_message r_key r_namespace r_edit r_break
	r_failures=
	r_number=0
}
truth

new_reporter() {
	mkdir -p "$TRASH/keys"
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$TRASH/keys/$1"
	printf '%s namespaces="report-v1@windlass.dev" %s\n' "$1" \
		"$(cut -d' ' -f1,2 "$TRASH/keys/$1.pub")" >>"$TRASH/reporters"
}

now_text() { date -u +%Y-%m-%dT%H:%M:%SZ; }

failure() {
	r_failures+=$(printf 'failure %s\nat %s\nreason %s\nmessage %s' "$@")$'\n'
	r_number=$((r_number + 1))
}

report() {
	local channel=${r_channel:-prod} bundle epoch sequence
	local cluster=${r_cluster:-eu-1}
	bundle=${r_bundle:-$(git -C "$host" rev-parse "refs/windlass/$channel")}
	epoch=${r_epoch:-$(trailer_of "$bundle" Epoch)}
	sequence=${r_sequence:-$(trailer_of "$bundle" Sequence)}
	{
		printf 'windlass-report 1\nchannel %s\nchannel-id %s\n' \
			"$channel" "${r_id:-$(git -C "$host" config \
				"windlass.$channel.id")}"
		printf 'cluster %s\ncounter %s\nissued %s\n' "$cluster" \
			"${r_counter:-$(date +%s%6N)}" "${r_issued:-$(now_text)}"
		printf 'epoch %s\nsequence %s\nbundle %s\n' "$epoch" \
			"$sequence" "$bundle"
		printf 'phase %s\nsince %s\napplied %s\n' \
			"${r_phase:-healthy}" "${r_since:-$(now_text)}" \
			"${r_applied:-$epoch.$sequence $bundle}"
		printf 'objects %s\nstale %s\nreason %s\nmessage %s\n' \
			"${r_objects:-1 1 0 0 0 0}" "${r_stale:-no}" \
			"${r_reason:-Ready}" "${r_message:--}"
		printf 'failures %s\n%s' "$r_number" "$r_failures"
	} | sed "${r_edit:-}" >"$1.text"
	rm -f "$1.text.sig"
	ssh-keygen -q -Y sign -n "${r_namespace:-report-v1@windlass.dev}" \
		-f "$TRASH/keys/${r_key:-$cluster}" "$1.text" 2>/dev/null
	cat "$1.text" "$1.text.sig" | sed "${r_break:-}" >"$1"
	r_failures=
	r_number=0
}

trailer_of() {
	git -C "$host" log -1 --format="%(trailers:key=$2,valueonly)" "$1" \
		2>/dev/null | head -n 1
}

post() {
	curl -sS -m 20 -o said -D said.headers -w '%{http_code}' \
		-H 'Content-Type: text/plain' --data-binary "@$1" \
		"$url/${2:-prod}/report"
}

counter() { sed -n 's/^counter //p' "$1"; }

send() {
	report sent
	post sent "${1:-}"
}

report_kept() {
	mkdir -p "$host/windlass/prod/reports"
	r_cluster=$1 report "$TRASH/next"
	mv "$TRASH/next" "$host/windlass/prod/reports/$1"
	hook "$host" record-reports >/dev/null || bail "record-reports"
}

serve() {
	start serve windlass-hook serve --repo "$host" --listen 127.0.0.1:0 \
		--verbose "$@"
	wait_line 30 serve.log '^listening on ' || bail "serve does not start"
	url=$(sed -n 's/^listening on //p' serve.log)
}
