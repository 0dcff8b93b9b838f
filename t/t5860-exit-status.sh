#!/bin/bash
# EXIT STATUS of the manuals: every one that a manual speaks of is seen here,
# and none that it does not.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own

# page COMMAND...: the manual of this command line
page() {
	case $1 in
	windlass)
		if [ -e "$TOP/engine/cli/windlass-${2:-}.1" ]; then
			echo "engine/cli/windlass-$2.1"
		else
			echo engine/cli/windlass.1
		fi ;;
	windlassd) echo engine/windlassd.8 ;;
	*) echo hooks/windlass-hook.8 ;;
	esac
}
# documented PAGE: the statuses that it speaks of
documented() {
	sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It \([0-9]*\)$/\1/p' "$TOP/$1"
}
# exits STATUS WHAT COMMAND...
exits() {
	local want=$1 what=$2 page
	shift 2
	page=$(page "$@")
	timeout 120 "$@" >out 2>err </dev/null
	is "$?" "$want" "$1 ${2:-}: $want, $what" || sed 's/^/# /' out err
	echo "$page $want" >>seen
	# windlass(1) speaks of all its commands
	[ "$1" != windlass ] || echo "engine/cli/windlass.1 $want" >>seen
	documented "$page" | grep -qx "$want" ||
		fail "$page does not speak of $want"
	# whatever is no success is said, and where
	[ "$want" = 0 ] || [ -s err ] || [ -s out ] ||
		fail "it does not say why"
}

# ---- every command: what is no command line ----

for program in windlass windlass-hook; do
	exits 0 "its version" $program --version
	exits 129 "no such command" $program nothing
	for command in $($program --help |
		sed -n '/^commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p')
	do
		exits 0 "help" $program "$command" --help
		exits 129 "no such option" $program "$command" --nothing
	done
done
exits 0 "its version" windlassd --version
exits 129 "no such option" windlassd --nothing
is "$(for program in windlass windlass-hook windlassd; do
	$program --version | sed "s/^$program [0-9]\+\.[0-9]\+\.[0-9]\+$/good/"
done | sort -u)" good "--version is one line, in one form"

# ---- files and repositories ----

make_host host.git prod
make_clone host.git work
put work deploy/prod/a.yaml ConfigMap a shop one
mkdir bad
printf 'kind: [\n' >bad/a.yaml
for command in check render yaml; do
	exits 0 "good" windlass $command work/deploy/prod/a.yaml
	exits 1 "refused" windlass $command bad/a.yaml
	exits 2 "no such file" windlass $command nowhere.yaml
done
exits 0 "a rule" windlass explain yaml-syntax
exits 1 "no rule" windlass explain no-such-rule

commit_push work first || test_show push.out
put work deploy/prod/a.yaml ConfigMap a shop two
commit_push work second
# signers NAME: a file that trusts this key
signers() {
	printf '%s namespaces="git,head-v1@windlass.dev" %s\n' "$1" \
		"$(cut -d' ' -f1,2 "keys/$1.pub")" >"signers.$1"
}
signers prod
make_key stranger
signers stranger
for command in log show diff "verify --publishers signers.prod"; do
	# shellcheck disable=SC2086 # an option with its argument
	exits 0 "a bundle" windlass $command --repo host.git prod
	exits 1 "no such bundle" windlass $command --repo host.git prod@9
	exits 2 "no repository" windlass $command --repo nowhere prod
done
exits 1 "no cluster has reported" windlass wait --timeout 1s --repo host.git prod
exits 2 "no repository" windlass wait --repo nowhere prod
set_channel host.git prod reporters "$TRASH/reporters"
new_reporter eu-1
mkdir -p host.git/windlass/prod/reports
host=host.git report reported
cp reported host.git/windlass/prod/reports/eu-1
windlass-hook record-reports --repo host.git >record.out
exits 0 "it is healthy" windlass wait --repo host.git prod
exits 0 "all is recorded" windlass-hook record-reports --repo host.git
exits 1 "another one" windlass diff --exit-code --repo host.git prod
exits 1 "whose bundles are they?" windlass approve --repo work prod
exits 2 "no such clone" windlass approve --repo nowhere prod
exits 1 "a stranger's signature" windlass verify --publishers signers.stranger \
	--repo host.git prod
exits 1 "no such bundle" windlass log --repo host.git other
exits 2 "no repository" windlass log --repo nowhere prod

exits 0 "all is published" windlass-hook publish --repo host.git
exits 1 "no such channel" windlass-hook publish --repo host.git other
exits 2 "no repository" windlass-hook publish --repo nowhere
exits 1 "a check fails" windlass-hook doctor --repo host.git

# ---- the cluster ----

exits 0 "to be read" windlass install prod --from host.git \
	--url http://127.0.0.1:1 --cluster-admin
exits 1 "no such kind" windlass install prod --from host.git \
	--url http://127.0.0.1:1 --namespaces shop --kinds NoSuchKind
exits 2 "no repository" windlass install prod --from nowhere \
	--url http://127.0.0.1:1 --cluster-admin
asking="status doctor events uninstall suspend@ resume@ reconcile@"
for command in $asking; do
	channel=${command//[^@]/}
	# shellcheck disable=SC2086 # perhaps none
	exits 2 "no cluster" windlass "${command%@}" \
		--kubeconfig nowhere/config ${channel:+prod}
done
exits 2 "no cluster" windlassd --kubeconfig nowhere/config --state state.none

serve_start host.git || bail "serve does not start"
k create namespace shop >/dev/null
channel_install host.git prod >/dev/null || bail "install failed"
for command in status "status --watch" events "events --follow" doctor suspend \
	resume reconcile; do
	# shellcheck disable=SC2086 # an option of it
	exits 1 "no such channel" windlass $command other
	like "$(cat out err)" "Channel 'other'|other: " "it says so"
done
exits 1 "not there yet" windlass status prod
exits 0 "no events" windlass events
exits 1 "nobody answers" windlass reconcile --timeout 1s prod

engine_start || bail "windlassd does not start: $(cat engine.log)"
wait_ready prod 60 || bail "$(cat engine.log)"
exits 0 "all is Ready" windlass status
exits 0 "nothing failed" windlass doctor
exits 0 "some events" windlass events prod
exits 0 "the engine has heard" windlass suspend prod
exits 0 "again" windlass resume prod
exits 0 "all was compared" windlass reconcile prod
stop engine
exits 0 "it says what it would do" windlass uninstall

# somebody who may do nothing
k create serviceaccount nobody >/dev/null
k config view --raw --flatten >nobody.kubeconfig
k config --kubeconfig nobody.kubeconfig set-credentials nobody \
	--token="$(k create token nobody)" >/dev/null
k config --kubeconfig nobody.kubeconfig set-context --current \
	--user=nobody >/dev/null
exits 1 "refused" windlass events --kubeconfig nobody.kubeconfig
exits 1 "refused" windlass install prod --from host.git --apply \
	--url http://127.0.0.1:1 --cluster-admin --kubeconfig nobody.kubeconfig

exits 1 "refused" windlass uninstall --apply --kubeconfig nobody.kubeconfig

# told to end
start gentle windlassd --kubeconfig "$KUBECONFIG" --state "$TRASH/state" \
	--metrics off --no-leader-elect
wait_line 20 gentle.log ready
# shellcheck disable=SC2154 # start sets it
kill -TERM "$pid_gentle"
wait "$pid_gentle"
is "$?" 0 "windlassd: 0, it was told to end"
echo "engine/windlassd.8 0" >>seen

# ---- all that the manuals speak of ----

for page in $(cd "$TOP" && ls engine/cli/*.1 engine/*.8 hooks/*.8); do
	is "$(documented "$page" | while read -r status; do
		grep -qx "$page $status" seen ||
			echo "$status is never seen"
	done)" "" "$page: every exit status is true"
	like "$(documented "$page" | xargs)" '^0 .*129$' "$page: from 0 to 129"
done
# and those in the help are the manual's
is "$(for command in $(windlass --help |
	sed -n '/^commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p')
do
	windlass "$command" --help | sed -n '/^Exit status:/,$p' |
		grep -oE '(^|[ :])[0-9]+( |,|$)' | tr -dc '0-9\n' |
		while read -r status; do
			documented "engine/cli/windlass-$command.1" |
				grep -qx "$status" || echo "$command: $status"
		done
done)" "" "--help says nothing else"

done_testing
