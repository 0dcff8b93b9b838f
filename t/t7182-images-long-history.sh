#!/bin/bash
# Updates of images where a long history came after one that was taken back:
# it stays so, and the history is read once, not for each file.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-registry.sh"
registry_start registry
commits=60000
files=30
make_host host.git prod
make_clone host.git work
for tag in 1.0.0 1.1.0; do
	push_image shop/web $tag || bail "cannot push $tag"
done
add_policy host.git flux-system:web "$REGISTRY/shop/web" semver 1.x
images() { (ulimit -t 10 && exec windlass-hook images --once --repo host.git "$@") >out 2>err; }
tags() { git -C host.git grep -ho 'web:[0-9.]*' main -- deploy/prod | sort | uniq -c | tr -s ' '; }

for i in $(seq $files); do
	image_manifest "work/deploy/prod/web-$i.yaml" flux-system:web "$REGISTRY/shop/web:1.0.0"
done
commit_push work first || bail "$(cat push.out)"
ok "an update" images
is "$(tags)" " $files web:1.1.0" "of many files"
git -C work pull -q
git -C work revert --no-edit HEAD >/dev/null
push work || bail "$(cat push.out)"
perl -e '
	my ($n, $from) = @ARGV;
	for my $i (1 .. $n) {
		printf "commit refs/heads/main\ncommitter A <a\@example.org> %d +0000\ndata 2\nx\n", time + $i;
		print "from $from\n" if $i == 1;
		print "M 100644 inline README\ndata ", length $i, "\n$i\n";
	}' $commits "$(git -C host.git rev-parse main)" |
	git -C host.git fast-import --quiet
before=$(git -C host.git rev-parse main)
ok "after $commits commits more" images
is "$(tags)" " $files web:1.0.0" "what was taken back stays so"
is "$(git -C host.git rev-parse main)" "$before" "nothing was committed"
push_image shop/web 1.2.0 || bail "cannot push 1.2.0"
ok "until there is a newer one" images
is "$(tags)" " $files web:1.2.0" "which comes"

# ---- updates that changed very many files, which are gone by now: any of them
# may be a file of today by an older name

late() { image_manifest "work/deploy/prod/$1.yaml" flux-system:web "$REGISTRY/shop/web:1.0.0"; }
# wide DIR: such an update of files below it
wide() {
	perl -e '
	my ($dir, $from) = @ARGV;
	print "blob\nmark :1\ndata 2\nx\n";
	print "commit refs/heads/main\nmark :2\ncommitter A <a\@example.org> ", time, " +0000\n";
	my $m = "all of it\n\nWindlass-Image: flux-system:web 1.2.0\n";
	printf "data %d\n%sfrom %s\n", length $m, $m, $from;
	print "M 100644 :1 $dir/$_.yaml\n" for 1 .. 60000;
	print "commit refs/heads/main\ncommitter A <a\@example.org> ", time, " +0000\n";
	print "data 2\nx\nfrom :2\nD $dir\n";' "$1" "$(git -C host.git rev-parse main)" |
		git -C host.git fast-import --quiet
	git -C work pull -q
}
wide elsewhere
late one
commit_push work one || bail "$(cat push.out)"
ok "none of the channel's" images
is "$(git -C host.git show main:deploy/prod/one.yaml | grep -o 'web:[0-9.]*')" \
	web:1.2.0 "is in no file's way"
wide deploy/prod/many
late two
commit_push work two || bail "$(cat push.out)"
before=$(git -C host.git rev-parse main)
ok "too many of the channel's" images
is "$(git -C host.git rev-parse main)" "$before" "the file stays as it is"
like "$(cat err)" '^deploy/prod/two\.yaml: .*/shop/web stays without 1\.2\.0: .* too many files$' \
	"and why is said"
push_image shop/web 1.3.0 || bail "cannot push 1.3.0"
ok "until there is a newer one" images
is "$(tags)" " $((files + 2)) web:1.3.0" "which comes"
done_testing
