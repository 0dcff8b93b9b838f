#!/bin/bash
# Somebody who may push and means harm: manifests that blow up, objects that
# hide, names that are commands, updates, options and histories that are odd.
# Each push is refused by one clear answer, in bounded time and memory, and
# leaves nothing: no ref, no bundle, no object; or it does no harm.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
put work deploy/prod/a.yaml ConfigMap a demo
commit_push work start || bail "$(cat push.out)"
good=$(git -C work rev-parse HEAD)

# all that a push might have changed; an object, too, that it brought
state() {
	git -C host.git for-each-ref
	cat host.git/windlass/public/prod/head
	find host.git/windlass host.git/objects -type f ! -name lock | sort
}
before=$(state)

# limited COMMAND...: with a bound on memory for what git starts, and on time
limited() {
	(
		ulimit -v 2000000
		timeout 30 "$@"
	)
}
limited_push() {
	limited git -C work push "$@" origin HEAD:refs/heads/main \
		>push.out 2>&1
}
# refused ROW WHAT REGEX [ARGUMENT...]: of the work tree as it is
refused() {
	local what="attack-$1 $2" regex=$3
	shift 3
	commit work "$what" 2>/dev/null
	not_ok "$what" limited_push "$@"
	like "$(cat push.out)" "$regex" "$what: it says why"
	is "$(state)" "$before" "$what: no trace"
	git -C work reset -q --hard "$good"
	git -C work clean -q -ffdx
}
bad=work/deploy/prod/bad.yaml
error='deploy/prod/bad.yaml:[0-9]+:[0-9]+: error: .*\['

# ---- YAML ----

{
	echo 'a0: &a0 "xxxxxxxxxx"'
	for i in $(seq 30); do
		echo "a$i: &a$i [*a$((i - 1)), *a$((i - 1))]"
	done
} >$bad
refused 22 "aliases that make 2^30" "${error}yaml-alias\\]"
{ printf 'a: '; printf '[%.0s' {1..10000}; printf ']%.0s' {1..10000}; } >$bad
refused 22 "10,000 levels" "${error}yaml-limit\\]"
# of null, about which there is nothing else to say
yes -- $'---\n~' | head -n 2000000 >$bad
refused 22 "a million documents" "${error}yaml-limit\\]"
manifest ConfigMap bad demo >$bad
sed -i 's/^  name: bad/&\n  name: other/' $bad
refused 22 "a key twice" "$error"
manifest ConfigMap bad demo $'\xff\xfe' >$bad
refused 22 "no UTF-8" "$error"
manifest ConfigMap bad demo | sed 's/"x"/!!python\/object:os.system x/' >$bad
refused 22 "a tag of a language" "$error"
manifest ConfigMap bad demo | sed 's/"x"/!own x/' >$bad
refused 22 "a tag of one's own" "$error"
{ echo 'a: &a'; echo '  b: *a'; } >$bad
refused 22 "an alias of itself" "${error}yaml-alias\\]"

# ---- objects that hide ----

inner() { printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, namespace: demo}}' "$1"; }
printf 'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: [%s, %s]\n' \
	"$(inner b)" "$(inner a)" >$bad
refused 23 "a list in a list" "$error.*object-list"
printf 'apiVersion: v1\nkind: List\nitems: [%s]\n' "$(inner a)" >$bad
refused 23 "an object twice, once in a list" "$error.*duplicate"
printf 'apiVersion: v1\nkind: ConfigMapList\nitems: [%s]\n' "$(inner a)" >$bad
refused 23 "one in a list of its kind" "$error"
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-, namespace: demo}\n' \
	>$bad
refused 23 "a name that the API server is to make" "$error"
manifest ConfigMap bad >$bad
refused 23 "no namespace" "$error"
manifest ConfigMap bad demo | sed 's/^metadata:/&\n  labels: {applyset.kubernetes.io\/part-of: applyset-x-v1}/' \
	>$bad
refused 23 "the label of another set" "$error"
printf '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "demo"}, "kind": "Secret"}' \
	>work/deploy/prod/bad.json
refused 23 "a kind twice, in JSON" "deploy/prod/bad.json:[0-9]+:[0-9]+: error: "

# ---- trees that no `git add` makes ----

blob=$(manifest ConfigMap bad demo | git -C work hash-object -w --stdin)
# odd_tree LINE: deploy/prod with one more entry, as git ls-tree has it
odd_tree() {
	local prod deploy root
	prod=$({ git -C work ls-tree "$good:deploy/prod"; printf '%b\n' "$1"; } |
		git -C work mktree --missing) &&
	deploy=$(printf '040000 tree %s\tprod\n' "$prod" | git -C work mktree) &&
	root=$(printf '040000 tree %s\tdeploy\n' "$deploy" |
		git -C work mktree) &&
	git -C work update-ref refs/heads/main \
		"$(git -C work commit-tree -p "$good" -m odd "$root")"
}
# odd ROW WHAT REGEX
odd() {
	not_ok "attack-$1 $2" limited_push
	like "$(cat push.out)" "$3" "attack-$1 $2: it says why"
	is "$(state)" "$before" "attack-$1 $2: no trace"
	git -C work reset -q --hard "$good"
}
# git's own fsck would refuse some of them first: it is not what is relied on
git -C host.git config transfer.fsckObjects false
odd_tree "120000 blob $blob\tlink.yaml"
odd 21 "a symbolic link" 'link.yaml: error: a symbolic link .*\[source-symlink\]'
odd_tree "160000 commit $good\tmodule"
odd 21 "a submodule" 'module: error: a submodule .*\[source-submodule\]'
# raw_tree NAME: the same with a name that git-mktree does not write
raw_tree() {
	local prod deploy root
	prod=$({
		git -C work cat-file tree "$good:deploy/prod"
		printf '100644 %s\0' "$1"
		perl -e 'print pack "H*", $ARGV[0]' "$blob"
	} | git -C work hash-object -t tree -w --stdin --literally) &&
	deploy=$(printf '040000 tree %s\tprod\n' "$prod" |
		git -C work mktree --missing) &&
	root=$(printf '040000 tree %s\tdeploy\n' "$deploy" |
		git -C work mktree --missing) &&
	git -C work update-ref refs/heads/main \
		"$(git -C work commit-tree -p "$good" -m odd "$root")"
}
for name in ../../../x.yaml .. /etc/x.yaml ns.yaml; do
	raw_tree "$name"
	odd 20 "a file '$name' in a tree" \
		"'deploy/prod' has an entry '${name//./\\.}' that no Git tree may have"
done
git -C host.git config transfer.fsckObjects true

# ---- refs ----

git -C work update-ref refs/heads/main "$good"
mkdir "$TRASH/empty"
for ref in 'a$(touch${IFS}ran)' 'a;touch ran' '`touch ran`' '-x' "it's" \
	'a"b' 'grün' 'a|b&c' '%s%n'; do
	git -C host.git check-ref-format "refs/heads/$ref" 2>/dev/null || {
		ref=${ref// /}
	}
	git check-ref-format "refs/heads/$ref" || continue
	add_channel host.git named deploy/prod "refs/heads/$ref"
	limited git -C work push origin "HEAD:refs/heads/$ref" >push.out 2>&1
	if [ "$ref" = grün ]; then
		like "$(cat push.out)" "refused, .*must be a ref name in printable ASCII" \
			"attack-39 a channel on the branch $ref is refused"
	else
		is "$(trailer host.git named Source-Ref) $(head_field host.git named bundle)" \
			"refs/heads/$ref $(bundle host.git named)" \
			"attack-39 a channel on the branch $ref is one as any other"
	fi
	git -C work push -q origin "HEAD:refs/heads/other-$ref" 2>/dev/null
	git -C host.git update-ref -d "refs/heads/other-$ref"
	git -C host.git update-ref -d "refs/heads/$ref"
	git -C host.git update-ref -d refs/windlass/named
	git -C host.git config --remove-section windlass.named
	rm -rf host.git/windlass/named host.git/windlass/public/named
done
is "$(find . -name 'ran*')" "" "attack-39 and nothing was run"
before=$(state)

# update ROW WHAT REGEX REFSPEC...
update() {
	local row=$1 what=$2 regex=$3
	shift 3
	limited git -C work push origin "$@" >push.out 2>&1
	like "$(cat push.out)" "$regex" "attack-$row $what is refused"
	is "$(state)" "$before" "attack-$row $what: no trace"
}
update 40 "deleting the channel's branch" 'cannot be deleted' :refs/heads/main
git -C work tag -a -m tag annotated
update 40 "a tag for a branch" \
	"refused|must be a commit|cannot update ref|non-commit" \
	+refs/tags/annotated:refs/heads/main
update 40 "a file for a branch" \
	"refused|must be a commit|cannot update ref|non-commit" \
	"+$blob:refs/heads/main"
orphan=$(git -C work commit-tree -m orphan "$good^{tree}")
empty=$(git -C work commit-tree -m empty "$(git -C work mktree </dev/null)")
update 40 "a history without the channel's files, by force" \
	'never means "delete all"' "+$empty:refs/heads/main"
update 38 "the channel's bundle" 'cannot be pushed|hidden' \
	"+$orphan:refs/windlass/prod"
update 62 "a replace ref" 'cannot be pushed|hidden' \
	"$orphan:refs/replace/$good"
# two refs of two channels, of which one may not be
add_channel host.git stage deploy/stage refs/heads/stage
before=$(state)
update 40 "one of two branches that is wrong, with the other" \
	"stage: refused|deploy/stage" HEAD:refs/heads/main2 HEAD:refs/heads/stage \
	:refs/heads/main
git -C host.git config --remove-section windlass.stage

# ---- options ----

options() { yes -- "-o" | head -n "$1" | sed "s/\$/\\n$2/"; }
mapfile -t many < <(options 10000 allow-deletes=1)
put work deploy/prod/b.yaml ConfigMap b demo
refused 41 "10,000 push options" 'more than 64|push options' "${many[@]}"
put work deploy/prod/b.yaml ConfigMap b demo
refused 41 "a push option of 60 KiB" 'push option.* longer than 1024 bytes' \
	-o "allow-deletes=$(printf '%061440d' 0)"
git -C work rm -q deploy/prod/ns.yaml
refused 41 "a push option that paints" 'push option .*number' \
	-o $'allow-deletes=\e[31mred\e[0m'
unlike "$(cat push.out)" $'\e' "attack-41 whose colours are not shown"
for n in 0 -1 1e3 0x1 ' 1' '1 ' 18446744073709551617 2; do
	git -C work rm -q deploy/prod/ns.yaml
	refused 41 "a deletion allowed by '$n'" 'push option|would delete|take more' \
		-o "allow-deletes=$n"
done

# ---- what only the quarantine has ----

put work deploy/prod/c.yaml ConfigMap c demo
printf 'kind: [\n' >$bad
commit work quarantine
new=$(git -C work rev-parse HEAD:deploy/prod/c.yaml)
not_ok "attack-47 a push whose objects are only in the quarantine" limited_push
like "$(cat push.out)" "$error" "attack-47 is read there"
not_ok "attack-47 of which nothing is left" \
	git -C host.git cat-file -e "$new"
is "$(state)" "$before" "attack-47 and nothing written"
git -C work reset -q --hard "$good"
ok "attack-47 a branch beside it" git -C work push -q origin HEAD:refs/heads/side
ok "attack-47 a push that only deletes has no quarantine" \
	git -C work push -q origin :refs/heads/side
is "$(bundle_paths host.git prod | wc -l)" 2 "attack-47 and no bundle is changed"

# ---- histories that are not whole ----

for i in 1 2 3; do
	put work deploy/prod/a.yaml ConfigMap a demo "$i"
	commit_push work "$i"
done
git clone -q --depth 1 "file://$TRASH/host.git" shallow
put shallow deploy/prod/a.yaml ConfigMap a demo shallow
commit shallow shallow
git -C shallow push -q origin HEAD:main >push.out 2>&1
is "$(trailer host.git prod Source-Commit)" "$(git -C shallow rev-parse HEAD)" \
	"attack-62 what a shallow clone adds is published"
ok "attack-62 as a chain that is whole" stock_chain host.git prod
git -C work fetch -q origin
git -C work reset -q --hard origin/main
good=$(git -C work rev-parse HEAD)
before=$(state)
# a clone that has less than the host wants to begin anew
git init -q cut
git -C cut fetch -q --depth 1 "file://$TRASH/host.git" main
git -C cut checkout -q FETCH_HEAD
put cut deploy/prod/a.yaml ConfigMap a demo cut
commit cut cut
git init -q --bare fresh.git
cp host.git/config fresh.git/config
cp -r host.git/hooks fresh.git/
git -C fresh.git config windlass.prod.id "$(printf '%032d' 7)"
git -C cut push "file://$TRASH/fresh.git" HEAD:refs/heads/main >push.out 2>&1
like "$(cat push.out)" 'shallow update not allowed' \
	"attack-62 a history that is cut off is not taken"
not_ok "attack-62 nor published" bundle fresh.git prod
# a local replace ref does not change what is read
other=$(git -C host.git rev-parse "main~2")
GIT_NO_REPLACE_OBJECTS='' git -C host.git replace -f "$good" "$other"
put work deploy/prod/d.yaml ConfigMap d demo
ok "attack-62 a push over a commit that is replaced" commit_push work replaced
like "$(git -C host.git show refs/windlass/prod:objects/demo/core/ConfigMap/a.json)" \
	'"shallow"' "attack-62 takes what is really there"
like "$(cat push.out)" '\(\+1 ~0 -0\)' "attack-62 and no more"
mkdir -p host.git/info
git -C host.git rev-parse main >host.git/info/grafts
put work deploy/prod/e.yaml ConfigMap e demo
ok "attack-62 a graft changes nothing, too" commit_push work grafted
ok "attack-62 all of it is one chain" stock_chain host.git prod

# ---- renderers ----

before=$(state)
good=$(git -C work rev-parse HEAD)
printf 'resources: [.]\n' >work/deploy/prod/kustomization.yaml
refused 57 "an overlay of itself" 'kustomization.yaml: error: .*\[source-renderer\]'
printf 'apiVersion: v2\nname: x\n' >work/deploy/prod/Chart.yaml
mkdir work/deploy/prod/templates
printf '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}\n' \
	>work/deploy/prod/templates/a.yaml
refused 57 "a template of itself" 'Chart.yaml: error: .*\[source-renderer\]'
done_testing
