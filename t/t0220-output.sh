#!/bin/bash
# What is printed is part of a command's work: where it cannot be written the
# command has failed. And a program that is started without stdin, stdout or
# stderr does not take one of its own files for them.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

# full STATUS COMMAND...: works, and fails when its disk is full
full() {
	local want=$1
	shift
	"$@" >out 2>err
	is "$?" "$want" "$* ends with $want"
	ok "and prints" test -s out
	"$@" >/dev/full 2>err
	is "$?" 2 "but a full disk is trouble"
	like "$(tail -n 1 err)" ": cannot write the output" "and it says so"
}

for program in windlass windlass-hook windlassd; do
	full 0 "$program" --help
	full 0 "$program" --version
done
for program in windlass windlass-hook; do
	for command in $("$program" --help |
		sed -n '/^commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p')
	do
		full 0 "$program" "$command" --help
	done
done

make_host r.git prod
make_clone r.git work
put work deploy/prod/web.yaml ConfigMap web shop one
commit_push work one || bail "push"
put work deploy/prod/web.yaml ConfigMap web shop two
commit_push work two || bail "push"
web=work/deploy/prod/web.yaml
trust() {
	printf 'windlass@host namespaces="git,head-v1@windlass.dev" %s\n' \
		"$(cut -d' ' -f1,2 keys/prod.pub)"
}
trust >trusted
printf 'kind: [\n' >wrong.yaml
full 0 windlass check --output json "$web"
full 1 windlass check wrong.yaml
full 1 windlass check --output json wrong.yaml
full 0 windlass render "$web"
full 0 windlass yaml "$web"
full 0 windlass log --repo r.git prod
full 0 windlass log --repo r.git --output json prod
full 0 windlass show --repo r.git prod
full 0 windlass diff --repo r.git prod@1 prod@2
full 0 windlass verify --repo r.git --publishers trusted prod
full 0 windlass verify --repo r.git --publishers trusted --output json prod
full 0 windlass install prod --url http://127.0.0.1:1 --from r.git \
	--namespaces shop
full 0 windlass-hook publish --repo r.git
full 0 windlass-hook refresh --repo r.git --force
full 1 windlass-hook doctor --repo "$TRASH"
full 1 windlass-hook doctor --repo "$TRASH" --output json
full 0 windlass-hook init dev --repo r.git --key keys/dev --path deploy/dev \
	--ref refs/heads/dev

windlass log --repo r.git prod >&- 2>err
is "$?" 2 "stdout that is closed is one that cannot be written"
set -o pipefail
windlass log --repo r.git prod | true
status=$?
set +o pipefail
ok "a reader that has enough is no trouble" test $status -ne 2

# ---- without stdin, stdout and stderr

# untouched: nothing but what belongs there
untouched() {
	[ -e r.git/windlass/prod/lock ] && [ ! -s r.git/windlass/prod/lock ] &&
		stock_chain r.git prod && git -C r.git fsck --strict
}
silently() {
	git -C r.git config core.hooksPath /dev/null
	push work
	git -C r.git config --unset core.hooksPath
}
ok "before" untouched
n=0
for closed in '<&-' '>&-' '2>&-' '<&- >&-' '<&- >&- 2>&-' '>&- 2>&-'; do
	n=$((n + 1))
	put work deploy/prod/web.yaml ConfigMap web shop "closed $n"
	commit work "closed $n" && silently
	# neither a message of ours nor a line of the result
	{ eval "windlass-hook publish --repo r.git nothing prod $closed"; } \
		>out 2>err
	is "$(git -C r.git rev-parse main)" "$(trailer r.git prod Source-Commit)" \
		"publish $closed publishes"
	ok "and writes into no file" untouched
done
# what is said while the lock is held
printf 'kind: [\n' >work/deploy/prod/web.yaml
commit work broken && silently
for closed in '2>&-' '<&- 2>&-' '<&- >&- 2>&-'; do
	{ eval "windlass-hook publish --repo r.git prod $closed"; } \
		>out 2>err
	is "$?" 1 "publish $closed refuses a tip that is wrong"
	ok "and writes into no file" untouched
done
put work deploy/prod/web.yaml ConfigMap web shop hook
commit work hook && silently
printf '%s %s refs/heads/main\n' "$(git -C r.git rev-parse main^)" \
	"$(git -C r.git rev-parse main)" >lines
(cd r.git && windlass-hook post-receive <../lines >&- 2>&-)
is "$(git -C r.git rev-parse main)" "$(trailer r.git prod Source-Commit)" \
	"so does a hook"
ok "which writes into no file either" untouched
(cd r.git && windlass-hook pre-receive <&- >/dev/null 2>&1)
ok "a gate that is told nothing does not open" test $? -ne 0

# ---- no core file, which would have tokens and Secrets in it
no_core() { grep -q '^Max core file size  *0  *0 ' "/proc/$1/limits"; }
cat >away.conf <<'END'
{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
"contexts": [{"name": "c", "context": {"cluster": "c"}}]}
END
mkfifo fifo
exec 8<>fifo
ulimit -c unlimited
start windlass sh -c 'exec windlass yaml <fifo'
start hook windlass-hook serve --repo r.git --listen 127.0.0.1:0
start engine windlassd --kubeconfig away.conf --state state --no-leader-elect
for name in windlass hook engine; do
	pid=pid_$name
	ok "$name leaves no core file" wait_for 10 no_core "${!pid}"
	ok "and runs" test -e "/proc/${!pid}"
done

done_testing
