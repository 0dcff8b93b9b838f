#!/bin/bash
# windlass verify --source: a bundle is what its source commit comes to, or
# is found out.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
set_channel host.git prod defaultNamespace demo
set_channel host.git prod secrets allow
set_channel host.git prod crds crds
git -C host.git config --add windlass.prod.crds "$TRASH/on-the-host"
mkdir on-the-host
manifest CustomResourceDefinition gadgets.example.org >on-the-host/gadgets.yaml
put work crds/widgets.yaml CustomResourceDefinition widgets.example.org
put work deploy/prod/a.yaml ConfigMap a
more work deploy/prod/a.yaml ConfigMap b other
put work deploy/prod/sub/w.yaml Widget w
put work deploy/prod/sub/g.yml Gadget g
put work deploy/prod/ignored/x.yaml ConfigMap x
echo 'ignored/' >work/deploy/prod/.windlassignore
cat >work/deploy/prod/secret.json <<'END'
{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
 "stringData": {"password": "hunter22"}}
END
put work elsewhere/why.yaml ConfigMap why
ok "a first bundle" commit_push work first
put work deploy/prod/a.yaml ConfigMap a '' changed
more work deploy/prod/a.yaml ConfigMap b other
ok "a second" commit_push work second
printf 'publisher namespaces="git,head-v1@windlass.dev" %s\n' \
	"$(cut -d' ' -f1,2 keys/prod.pub)" >publishers
verify() { windlass verify --publishers publishers "$@" >out 2>&1; }

# ---- at the Git host
verify --repo host.git --source prod
is $? 0 "a bundle is what its source commit says" || test_show out
like "$(cat out)" \
	"^ok .*prod 1.2 +source +$(git -C work rev-parse HEAD)" "the commit is there"
like "$(cat out)" \
	"^ok .*prod 1.2 +rendered +5 objects of $(git -C work rev-parse --short=12 HEAD), as plain/1" \
	"and comes to it"
like "$(tail -n 1 out)" 'prod is good: 8 checks' "all is good"
ok "so is an older one" verify --repo host.git --source prod@1
like "$(cat out)" \
	"rendered +5 objects of $(git -C work rev-parse --short=12 HEAD~1)" "of its own commit"
ok "as JSON" verify --repo host.git --last 1 --source --output json prod
is "$(jq -r 'select(.check=="rendered" or .check=="source") | .result' out | xargs)" \
	"ok ok" "two results"

# ---- in a clone
git -C work fetch -q origin '+refs/windlass/*:refs/windlass/*'
verify --repo work --source prod
is $? 1 "a clone does not know what the channel reads"
like "$(cat out)" "nothing here says what channel 'prod' reads: say it by --path" \
	"which is said"
ok "with all of its settings" verify --repo work --source --path deploy/prod \
	--namespace demo --crds crds --crds "$TRASH/on-the-host" prod ||
	test_show out
sed -n '/^\[windlass "prod"\]/,/^\[/p' host.git/config | sed '$!b; /^\[/d' \
	>copy.conf
ok "with a copy of its section" verify --repo work --source --config copy.conf prod ||
	test_show out
# WHAT REGEX STATUS OPTION...
differs() {
	local what=$1 regex=$2 status=$3
	shift 3
	verify --repo work --last 1 --source "$@" prod
	is $? "$status" "$what: status $status"
	like "$(cat out)" "$regex" "... and why"
}
differs "another namespace" \
	'^FAIL .*rendered .* objects are not what .* comes to: [+~-]objects/' 1 \
	--path deploy/prod --namespace demo2 --crds crds --crds "$TRASH/on-the-host"
unlike "$(cat out)" 'hunter22|aHVudGVyMjI' "no value of a Secret is shown"
differs "no namespace" '^FAIL .*rendered .*comes to no bundle: deploy/prod/a.yaml:' 1 \
	--path deploy/prod --crds crds --crds "$TRASH/on-the-host"
differs "another path" '^FAIL .*rendered .*objects are not what' 1 \
	--path elsewhere --namespace demo
differs "a path that is not there" '^FAIL .*comes to no bundle: nowhere: ' 1 \
	--path nowhere --namespace demo
differs "definitions that are not there" '^FAIL .*comes to no bundle: .*Gadget|Widget' 1 \
	--path deploy/prod --namespace demo --crds crds
differs "definitions at a path that is not there" 'no .nodir|nodir' 2 \
	--path deploy/prod --namespace demo --crds nodir
for wrong in "--source --url http://127.0.0.1:1" "--path deploy/prod" \
	"--namespace x" "--crds x" "--config copy.conf" "--unknown-kinds allow" \
	"--source --path a --config copy.conf" "--source --path ../a"; do
	verify $wrong prod
	is $? 129 "wrong usage: $wrong"
done

# ---- a clone without the commit
git init -q --bare bare.git
git -C bare.git fetch -q "$TRASH/host.git" '+refs/windlass/*:refs/windlass/*'
verify --repo bare.git --source --path deploy/prod --namespace demo prod
is $? 2 "without the commit nothing is known: status 2"
like "$(cat out)" \
	'^\? .*source +commit [0-9a-f]{12} of refs/heads/main is not in this repository: fetch it' \
	"and it is said what to fetch"

# ---- a publisher who lies: all is well signed, and not what was written
git -C host.git config --unset-all windlass.prod.secrets
git clone -q --mirror host.git honest.git
git -C honest.git config --remove-section remote.origin
for key in id path ref signingKey publisher; do
	set_channel honest.git prod $key "$(git -C host.git config windlass.prod.$key)"
done
set_channel honest.git prod defaultNamespace demo
set_channel honest.git prod secrets allow
set_channel honest.git prod crds crds
git -C honest.git config --add windlass.prod.crds "$TRASH/on-the-host"
main=$(git -C honest.git rev-parse main)
# resign SED: the commit of stdin, its message changed, signed once more
resign() {
	sed '/^gpgsig /,/^ -----END/d' | sed "$1" >payload
	ssh-keygen -q -Y sign -n git -f keys/prod <payload >armour 2>/dev/null
	sed '/^$/,$d' payload
	sed '1s/^/gpgsig /; 1!s/^/ /' armour
	echo
	sed '1,/^$/d' payload
}
# lie COMMAND...: what it makes of the files is published as if it were main
lie() {
	rm -rf lies.git evil
	cp -r honest.git lies.git
	git -C lies.git worktree add -q --detach "$TRASH/evil" main || return
	"$@" || return
	git -C evil add -A && git -C evil commit -q -m evil
	git -C lies.git update-ref refs/heads/main "$(git -C evil rev-parse HEAD)"
	hook lies.git publish prod >/dev/null || return
	git -C lies.git cat-file commit refs/windlass/prod |
		resign "s/^Source-Commit: .*/Source-Commit: $main/" >commit
	git -C lies.git update-ref refs/windlass/prod \
		"$(git -C lies.git hash-object -t commit -w --stdin <commit)"
	git -C lies.git update-ref refs/heads/main "$main"
	verify --repo lies.git --last 1 prod
}
# found REGEX
found() {
	verify --repo lies.git --last 1 --source prod
	is $? 1 "... is found out"
	like "$(cat out)" "^FAIL .*rendered +$1" "... and how"
}
change() {
	put evil deploy/prod/a.yaml ConfigMap a '' "something else"
	more evil deploy/prod/a.yaml ConfigMap b other
}
ok "a bundle of other content, well signed," lie change
found "1 object is not what ${main:0:12} comes to: ~objects/demo/core/ConfigMap/a.json"
ok "one with an object more" lie put evil deploy/prod/z.yaml ConfigMap z
found "1 object is not what ${main:0:12} comes to: -objects/demo/core/ConfigMap/z.json"
ok "one with an object less" lie rm evil/deploy/prod/sub/g.yml
found "1 object is not what ${main:0:12} comes to: [+]objects/demo/example.org/Gadget/g.json"
ok "one that lies about a place" lie git -C evil mv deploy/prod/a.yaml \
	deploy/prod/aa.yaml
found "the objects are what ${main:0:12} comes to, but it says of others where"

# ---- a source commit that a few kilobytes make larger than any push may be
limit=$(sed -n 's/^#define LIMIT_SOURCE_BYTES (\([0-9]*\)ull \* 1024 \* 1024)$/\1/p' \
	"$TOP/schema/limits.h")
# many COUNT: so many names of one file of 16 MiB, as a source commit
many() {
	local large prod deploy
	large=$(head -c $((16 * 1024 * 1024)) /dev/zero | tr '\0' '#' |
		git -C lies.git hash-object -w --stdin) &&
	prod=$(for ((i = 0; i < $1; i++)); do
		printf '100644 blob %s\tf%03d.yaml\n' "$large" "$i"
	done | git -C lies.git mktree) &&
	deploy=$(printf '040000 tree %s\tprod\n' "$prod" |
		git -C lies.git mktree) &&
	printf '040000 tree %s\tdeploy\n' "$deploy" |
		git -C lies.git mktree >root &&
	source=$(git -C lies.git commit-tree -m many "$(cat root)") &&
	git -C lies.git cat-file commit refs/windlass/prod |
		resign "s/^Source-Commit: .*/Source-Commit: $source/" >commit &&
	git -C lies.git update-ref refs/windlass/prod \
		"$(git -C lies.git hash-object -t commit -w --stdin <commit)"
}
ok "a source commit of more than a GiB" many $((limit / 16 + 1))
verify --repo lies.git --last 1 --source --path deploy/prod prod
is $? 2 "... is not rendered"
like "$(cat out)" "with 'deploy/prod/f0$((limit / 16)).yaml' .* more than $limit MiB" \
	"... which is said"

# ---- another renderer
git -C host.git cat-file commit refs/windlass/prod |
	resign 's,^Renderer: plain/1,Renderer: plain/7,' |
	git -C host.git hash-object -t commit -w --stdin >id
git -C host.git update-ref refs/windlass/prod "$(cat id)"
verify --repo host.git --last 1 --source prod
is $? 2 "of another renderer nothing is known"
like "$(cat out)" "^\? .*source +it was made by renderer 'plain/7', and this windlass has" \
	"which is said"
done_testing
