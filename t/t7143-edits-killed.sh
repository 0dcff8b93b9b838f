#!/bin/bash
# windlass-hook images and rollback are killed at bad moments, alone or with
# all that they started, and run several at a time: the next one finds the
# work done or does it, in one commit, and nothing is left behind.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-registry.sh"
registry_start registry
make_host host.git prod
make_clone host.git work
file=deploy/prod/web.yaml
tip() { git -C host.git rev-parse refs/heads/main; }
tree() { git -C host.git rev-parse "$1:deploy/prod"; }
image() { git -C host.git show "main:$file" | sed -n 's/^ *image: *\([^ ]*\) *#.*/\1/p'; }
clean() { [ -z "$(find host.git -name '*.lock' -not -path '*/windlass/*')" ]; }
published() { [ "$(trailer host.git prod Source-Commit)" = "$(tip)" ]; }

# killer HOOK WHAT: that hook kills `command` (the pid is in the file command),
# or `all` from itself up to that, once
killer() {
	cat >"host.git/hooks/$1" <<-END
	#!/bin/bash
	top=\$(cat "$TRASH/command") pids=() p=\$\$
	if mv "$TRASH/armed" "$TRASH/fired" 2>/dev/null; then
		while [ "\$p" -gt 1 ] && [ "\$p" != "\$top" ]; do
			[ $2 != all ] || pids=("\$p" "\${pids[@]}")
			p=\$(ps -o ppid= -p "\$p" | tr -d ' ')
		done
		kill -KILL "\$top" "\${pids[@]}"
	fi
	exec "$WINDLASS_BUILD/windlass-hook" $1
	END
}
# killed HOOK WHAT COMMAND...: runs it, and it is killed there
killed() {
	local status
	killer "$1" "$2"
	rm -f fired
	>armed
	bash -c 'echo $$ >command && exec "$@"' - \
		"$WINDLASS_BUILD/windlass-hook" "$3" --repo host.git "${@:4}" \
		>killed.out 2>&1 &
	wait $! 2>/dev/null
	status=$?
	is "$status $(test -e fired && echo fired)" "137 fired" \
		"$3 is killed in $1, $2"
}
# once BEFORE: one commit since then, all is published and whole
once() {
	hook host.git publish prod >publish.out 2>&1
	is "$(git -C host.git rev-list --count "$1..main")" 1 "one commit"
	ok "published" wait_for 60 published
	ok "in good bundles" stock_published host.git prod
	ok "no lock is left" wait_for 30 clean
	write_hook host.git pre-receive
	write_hook host.git post-receive
}

push_image shop/web 1.0.0 || bail "cannot push an image"
add_policy host.git shop:web "$REGISTRY/shop/web" semver 1.x
image_manifest "work/$file" shop:web "$REGISTRY/shop/web:1.0.0"
commit_push work first || bail "$(cat push.out)"
first=$(tip) n=0

for moment in "pre-receive command" "pre-receive all" \
	"post-receive command" "post-receive all"; do
	n=$((n + 1))
	push_image shop/web "1.$n.0"
	before=$(tip)
	killed $moment images --once
	ok "images once more" wait_for 60 hook host.git images --once
	is "$(image)" "$REGISTRY/shop/web:1.$n.0" "it is the newest"
	once "$before"
	before=$(tip)
	killed $moment rollback prod 1
	ok "rollback once more" wait_for 60 hook host.git rollback prod 1
	is "$(tree main)" "$(tree "$first")" "it is what it was"
	once "$before"
done

# ---- inside of publishing

if grep -q '^#define ENABLE_FAULTS 1' "$WINDLASS_BUILD/config.h"; then
	for step in stored ref_moved; do
		n=$((n + 1))
		push_image shop/web "1.$n.0"
		before=$(tip)
		WINDLASS_CRASH_AT=$step hook host.git images --once >out 2>&1
		ok "images after a hook that was killed at $step" \
			wait_for 60 hook host.git images --once
		is "$(image)" "$REGISTRY/shop/web:1.$n.0" "it is the newest"
		once "$before"
		before=$(tip)
		WINDLASS_CRASH_AT=$step hook host.git rollback prod 1 >out 2>&1
		ok "rollback" wait_for 60 hook host.git rollback prod 1
		is "$(tree main)" "$(tree "$first")" "it is what it was"
		once "$before"
	done
	for step in undo_made undo_pushed; do
		n=$((n + 1))
		push_image shop/web "1.$n.0"
		ok "images" hook host.git images --once
		before=$(tip)
		WINDLASS_CRASH_AT=$step hook host.git rollback prod 1 >out 2>&1
		ok "rollback after one that was killed at $step" \
			wait_for 60 hook host.git rollback prod 1
		once "$before"
	done
fi

# ---- several at once

crowd() { # COMMAND...
	local i pids=()
	for i in 1 2 3 4 5; do
		hook host.git "$@" >"crowd.$i" 2>&1 &
		pids+=($!)
	done
	done_well=0
	for i in "${pids[@]}"; do
		! wait "$i" || done_well=$((done_well + 1))
	done
}
push_image shop/web "1.$((n + 1)).0"
before=$(tip)
crowd images --once
ok "five times images at once" test "$done_well" -gt 0
once "$before"
before=$(tip)
crowd rollback prod 1
ok "five times rollback at once" test "$done_well" -gt 0
is "$(tree main)" "$(tree "$first")" "it is what it was"
once "$before"
ok "stock git finds nothing wrong" git -C host.git fsck --strict --no-dangling
done_testing
