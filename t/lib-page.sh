# Pages for people, as a browser or a reader of HTML sees them. Source it after
# lib.sh, lib-git.sh, lib-report.sh and lib-approve.sh.
#
#   page_host              host.git with the channel prod: three bundles, of
#                          which the last is approved by alice; clusters eu-1
#                          and us-1 may report; work is a clone
#   page_serve [OPTION...] serve on it; its address is in $url
#   page_get [PATH [CURL-OPTION...]]  into `page`; prints the status
#   page_text [FILE]       the words of `page`, in lines, by an HTML parser
#                          that knows no style; fails if it is not well formed
#   page_says REGEX        gets the page of prod; a line of it matches
#   browser_start [NAME:PASSWORD]   a browser; browser.py has its steps
#   browse STEP...         what they print is in `seen`; fails if one does
#   seen N                 the Nth line of that
#   complaints             what the browser complained of meanwhile

page_host() {
	host=host.git
	make_host $host prod
	make_clone $host work
	put work deploy/prod/web.yaml ConfigMap web shop
	commit_push work 'Begin with a shop' || return
	put work deploy/prod/web.yaml ConfigMap web shop two
	commit_push work 'Sell more' || return
	put work deploy/prod/api.yaml ConfigMap api shop
	commit_push work 'Add an API' || return
	make_key alice
	make_key bob
	{
		approver_line alice keys/alice
		approver_line bob keys/bob
	} >approvers
	set_channel $host prod approvers "$TRASH/approvers"
	git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
	approve work keys/alice alice approve "$(bundle $host prod)" || return
	new_reporter eu-1
	new_reporter us-1
	set_channel $host prod reporters "$TRASH/reporters"
}

page_serve() {
	start serve windlass-hook serve --repo $host --listen 127.0.0.1:0 \
		--verbose "$@"
	wait_line 30 serve.log '^listening on ' || bail "serve does not start"
	url=$(sed -n 's/^listening on //p' serve.log)
}

page_get() {
	local path=${1:-/prod/}
	[ $# -eq 0 ] || shift
	curl -sS -m 20 -o page -D page.headers -w '%{http_code}' "$@" \
		"$url$path"
}

page_text() { python3 "$TEST_DIR/page-text.py" "${1:-page}"; }

page_says() {
	[ "$(page_get)" = 200 ] && page_text >page.text &&
		grep -qE -- "$1" page.text
}

browser_start() {
	coproc BROWSER { exec python3 "$TEST_DIR/browser.py" "$@" 2>browser.err; }
	# shellcheck disable=SC2154 # bash sets it
	at_exit "kill $BROWSER_PID; wait $BROWSER_PID"
}

browse() {
	local line
	: >seen
	printf '%s\0' "$@" '' >&"${BROWSER[1]}"
	while read -r line <&"${BROWSER[0]}"; do
		[[ $line != "done "* ]] || return "${line#done }"
		printf '%s\n' "$line" >>seen
	done
	cat browser.err
	return 1
}

complaints() { grep '^browser: ' seen; }
seen() { sed -n "$1p" seen; }
