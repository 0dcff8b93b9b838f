# Approvals by stock git alone. Source it after lib.sh and lib-git.sh.
#
#   approver_line NAME KEY [OPTIONS]    a line for an allowed_signers file
#   approval WORK KEY VERDICT BUNDLE [NAME=VALUE...]
#                       makes the signed tag in WORK and prints its id; NAME
#                       is of a trailer (Sequence=43) or tag, subject, object
#                       and says what is to differ
#   approval_ref REPO TAG PRINCIPAL     where it must be pushed to
#   approve WORK KEY PRINCIPAL VERDICT BUNDLE [NAME=VALUE...]
#                       both, and pushes it; what is said is in approve.out

approver_line() {
	printf '%s namespaces="git"%s %s\n' "$1" "${3:+,$3}" \
		"$(cut -d' ' -f1,2 "$2.pub")"
}

# a day, the same for all: a later one would be another approval
approval_until=$(date -u -d '1 day' +%Y-%m-%dT%H:%M:%SZ)
approval_time() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }

# of BUNDLE in the repository $1: the value of a trailer
approval_field() {
	git -C "$1" show -s --format="%(trailers:key=$3,valueonly)" "$2" |
		head -n 1
}

approval() {
	local work=$1 key verdict=$3 bundle=$4 arg
	key=$(realpath "$2") || return 1
	local -A f=([object]=$4 [Verdict]=$3)
	f[Channel-Id]=$(approval_field "$work" "$bundle" Channel-Id)
	f[Epoch]=$(approval_field "$work" "$bundle" Epoch)
	f[Sequence]=$(approval_field "$work" "$bundle" Sequence)
	f[Content-SHA256]=$(approval_field "$work" "$bundle" Content-SHA256)
	f[Not-After]=$approval_until
	f[tag]=windlass/$(approval_field "$work" "$bundle" Channel)
	f[tag]+=/${f[Epoch]}/${f[Sequence]}/$verdict
	f[subject]="$verdict it"
	shift 4
	for arg; do
		f[${arg%%=*}]=${arg#*=}
	done
	git -C "$work" -c gpg.format=ssh -c user.signingKey="$key" tag -f -s \
		-F - "${f[tag]}" "${f[object]}" >/dev/null <<-END || return 1
	${f[subject]}

	Windlass-Approval: 1
	Channel-Id: ${f[Channel-Id]}
	Epoch: ${f[Epoch]}
	Sequence: ${f[Sequence]}
	Content-SHA256: ${f[Content-SHA256]}
	Verdict: ${f[Verdict]}
	Not-After: ${f[Not-After]}
	END
	git -C "$work" rev-parse "refs/tags/${f[tag]}"
	git -C "$work" update-ref -d "refs/tags/${f[tag]}"
}

approval_ref() {
	local name
	name=$(git -C "$1" cat-file tag "$2" | sed -n 's/^tag windlass\///p')
	printf 'refs/windlass-approvals/%s/%s/%s\n' "${name%/*}" "$3" \
		"$(git -C "$1" cat-file tag "$2" | sha256sum | cut -c1-16)"
}

approve() {
	local work=$1 key=$2 principal=$3 tag
	shift 3
	tag=$(approval "$work" "$key" "$@") || return 1
	git -C "$work" push -q origin \
		"$tag:$(approval_ref "$work" "$tag" "$principal")" \
		>approve.out 2>&1
}
