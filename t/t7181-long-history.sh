#!/bin/bash
# A long history behind and before a channel that waits: what is promoted is
# right, and takes about as long as reading the commits, not the square of that.
# The limit is of processor time, so that a busy machine changes nothing.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
commits=5000
make_host host.git prod staging
make_clone host.git work
printf 'eu-1 namespaces="report-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >reporters
set_channel host.git staging reporters "$TRASH/reporters"
put work deploy/staging/web.yaml ConfigMap web shop one
put work deploy/prod/web.yaml ConfigMap web shop one
commit_push work first || bail "$(cat push.out)"
first=$(git -C work rev-parse HEAD)
set_channel host.git prod after 'staging for 1h'

publish() { (ulimit -t 10 && exec windlass-hook publish --repo host.git "$1") >out 2>&1; }
# grow PATTERN: so many commits more, each with that text for both channels, %d
# is its number; none of them goes through a hook
grow() {
	local from
	from=$(git -C host.git rev-parse refs/heads/main)
	perl -e '
	my ($n, $from, $pattern) = @ARGV;
	for my $i (1 .. $n) {
		printf "commit refs/heads/main\ncommitter A <a\@example.org> %d +0000\ndata 2\nx\n", 1700000000 + $i;
		print "from $from\n" if $i == 1;
		for my $c (qw(staging prod)) {
			my $t = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: shop}, data: {text: \"" . sprintf($pattern, $i) . "\"}}\n";
			printf "M 100644 inline deploy/$c/web.yaml\ndata %d\n%s\n", length $t, $t;
		}
	}' $commits "$from" "$1" | git -C host.git fast-import --quiet
}
proves() { # the newest bundle of staging was healthy for long enough
	printf '%s 3600\n' "$(bundle host.git staging)" >>host.git/windlass/prod/proven
}
proves

grow 'one %d'
ok "a channel whose predecessor is $commits commits behind" publish prod
like "$(cat out)" "^prod waits: staging must be healthy for 1h with .* does not have it" \
	"waits"
is "$(trailer host.git prod Source-Commit)" "$first" "at what it has"
git -C host.git commit-graph write --reachable
ok "with a commit-graph, too" publish prod
like "$(cat out)" "^prod waits: " "it waits"
middle=$(git -C host.git rev-parse "main~$((commits / 2))")
tip=$(git -C host.git rev-parse main)
git -C host.git update-ref refs/heads/main "$middle"
ok "the one before takes half of them" publish staging
proves
git -C host.git update-ref refs/heads/main "$tip"
ok "which is found among them" publish prod
is "$(trailer host.git prod Source-Commit)" "$middle" "and no later one is taken"

# all of them have what is proven
grow 'two'
ok "the one before takes all of them" publish staging
proves
ok "the newest of what is proven" publish prod
is "$(trailer host.git prod Source-Commit)" "$(git -C host.git rev-parse main)" \
	"is the last one"

# history that is made anew, by which nothing of the one before was made
old=$(git -C host.git rev-parse main)
git -C host.git update-ref refs/heads/main "$middle"
grow 'two'
git clone -q host.git anew
put anew deploy/staging/web.yaml ConfigMap web shop last
put anew deploy/prod/web.yaml ConfigMap web shop last
commit anew last
git -C host.git fetch -q ../anew HEAD
git -C host.git update-ref refs/heads/main "$(git -C anew rev-parse HEAD)"
not_ok "does not lead there" git -C host.git merge-base --is-ancestor "$old" main
ok "history that was made anew" publish prod
like "$(cat out)" "^prod waits: .*; staging does not have it" "waits as before"
is "$(trailer host.git prod Source-Commit)" "$old" "with what is live"
done_testing
