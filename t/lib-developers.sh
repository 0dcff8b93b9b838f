# Signed commits and signed pushes by stock git. Source it after lib.sh and
# lib-git.sh.
#
#   developer_line NAME KEY [OPTIONS]   a line for an allowed_signers file
#   sign_as DIR KEY         from now on commits and pushes of the clone are
#                           signed with keys/KEY; no KEY: commits are not
#   change DIR TEXT [ARG...]   the ConfigMap of channel prod gets this text,
#                           committed under it by `git commit ARG...`
#   refused WHAT REGEX [ARG...]   the push of work fails, says so, and the host
#                           is as it was
#   taken WHAT [ARG...]     the push of work is published
#
# Both push HEAD of work to main; an ARG is one of git push's.

developer_line() {
	printf '%s namespaces="git"%s %s\n' "$1" "${3:+,$3}" \
		"$(cut -d' ' -f1,2 "$2.pub")"
}

sign_as() {
	git -C "$1" config gpg.format ssh
	if [ -n "${2:-}" ]; then
		git -C "$1" config user.signingKey "$TRASH/keys/$2"
		git -C "$1" config commit.gpgSign true
	else
		git -C "$1" config commit.gpgSign false
	fi
}

change() {
	local dir=$1 text=$2
	shift 2
	put "$dir" deploy/prod/a.yaml ConfigMap a demo "$text"
	git -C "$dir" add -A && git -C "$dir" commit -q -m "$text" "$@"
}

host_state() {
	git -C host.git for-each-ref
	cat host.git/windlass/public/*/head
	find host.git/windlass -path '*/allow/*' -o -path '*/pushed/*' | sort
}

refused() {
	local what=$1 regex=$2 before
	shift 2
	before=$(host_state)
	not_ok "$what is refused" push work "$@"
	like "$(tr '\n' ' ' <push.out)" "$regex" "... and it is said why"
	is "$(host_state)" "$before" "... and nothing is left of it"
}

taken() {
	local what=$1
	shift
	ok "$what is taken" push work "$@"
	is "$(trailer host.git prod Source-Commit)" \
		"$(git -C work rev-parse HEAD)" "... and published" ||
		test_show push.out
}
