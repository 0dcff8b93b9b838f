#!/bin/bash
# windlass check: what a push would be told, of files.
. "$(dirname "$0")/lib.sh"

# manifest KIND NAME [NAMESPACE]: a small object
manifest() {
	case $1 in
	Web) echo "apiVersion: example.org/v1" ;;
	*) echo "apiVersion: v1" ;;
	esac
	printf 'kind: %s\nmetadata:\n  name: %s\n' "$1" "$2"
	[ -z "${3-}" ] || printf '  namespace: %s\n' "$3"
}
crd() {
	cat <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: webs.example.org
spec:
  group: example.org
  names: {kind: Web, plural: webs}
  scope: ${1:-Namespaced}
  versions:
  - {name: v1, served: true, storage: true,
     schema: {openAPIV3Schema: {type: object}}}
END
}
# check ARGUMENT...: runs it, output in out, messages in err
check() {
	windlass check "$@" >out 2>err
	echo "$?" >status
}
exits() { is "$(cat status)" "$1" "$2"; }

# ---- good and bad ----

mkdir good
manifest ConfigMap a demo >good/a.yaml
{ manifest Namespace demo; echo ---; manifest ConfigMap b demo; } >good/b.yml
echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"demo"}}' \
	>good/c.json
echo 'not: [a manifest' >good/notes.txt
check good
exits 0 "a good directory"
is "$(cat out)" "3 files, 4 good objects, 0 errors, 0 warnings" "is counted"

mkdir bad
manifest ConfigMap A_b demo >bad/name.yaml
manifest ConfigMap a >bad/namespace.yaml
manifest Namespace a b >bad/scope.yaml
manifest Secret a demo >bad/secret.yaml
manifest Web a demo >bad/unknown.yaml
printf 'a: b\n c: d\n' >bad/yaml.yaml
{ manifest ConfigMap same demo; echo ---; manifest ConfigMap same demo; } \
	>bad/twice.yaml
{ manifest ConfigMap l demo; printf '  labels:\n    on-call: yes\n'; } \
	>bad/label.yaml
check bad
exits 1 "a bad one"
is "$(sed 's/: error: .* \[/ [/' out)" "bad/label.yaml:7:14 [label-malformed]
bad/name.yaml:4:9 [name-malformed]
bad/namespace.yaml:4:3 [namespace-missing]
bad/scope.yaml:5:14 [namespace-forbidden]
bad/secret.yaml:2:7 [secret-refused]
bad/twice.yaml:7:1 [duplicate]
bad/unknown.yaml:2:7 [scope-unknown]
bad/yaml.yaml:2:3 [yaml-syntax]
8 files, 2 good objects, 8 errors, 0 warnings" \
	"every fault of every file, with its place and rule"
like "$(cat out)" "defined at bad/twice.yaml:1 already" \
	"a duplicate names the first place"
like "$(cat out)" 'YAML reads yes as a boolean; write "yes"' \
	"what YAML makes of a word is said"

# ---- options ----

check --namespace demo bad/namespace.yaml
exits 0 "--namespace is for those without"
check --allow-secrets bad/secret.yaml
exits 0 "--allow-secrets"
crd >crd.yaml
check --crds crd.yaml bad/unknown.yaml
exits 0 "--crds FILE"
mkdir crds
cp crd.yaml crds/web.yaml
check --crds crds bad/unknown.yaml
exits 0 "--crds DIRECTORY"
crd Cluster >cluster.yaml
check --crds cluster.yaml crd.yaml bad/unknown.yaml
exits 0 "a definition among the files comes before --crds"
check bad/unknown.yaml crd.yaml
exits 0 "whatever the order of the files"
check --channel prod bad/secret.yaml
like "$(cat out)" "windlass.prod.secrets allow" "--channel names the settings"
printf 'apiVersion: windlass.dev/v1alpha1\nkind: Channel\nmetadata: {name: prod}\n' \
	>channel.yaml
check channel.yaml
exits 0 "another channel's Channel"
check --channel prod channel.yaml
like "$(cat out)" '\[own-channel\]' "but not its own"
for bad in "--channel A_b" "--namespace A" "--output xml" "--nothing"; do
	# shellcheck disable=SC2086
	check $bad good
	exits 129 "usage: $bad"
done
check
exits 129 "usage: no file"

# ---- which files ----

check - <good/b.yml
exits 0 "standard input"
check - <bad/name.yaml
like "$(cat out)" "^-:4:9: error" "its place"
check good good/a.yaml ./good/
like "$(cat out)" "^3 files, 4 good" "a file named twice is read once"
(cd good && check .)
like "$(cat good/out)" "^3 files, 4 good" "the current directory"
rm good/out good/err good/status
check nowhere good
exits 2 "what is not there"
like "$(cat err)" "nowhere" "is named"
like "$(cat out)" "^3 files" "and the rest is checked"
mkdir empty
touch empty/README
check empty
exits 1 "a directory without manifests"
like "$(cat out)" 'empty: error: .*\[source-empty\]' "is no empty success"
ln -s a.yaml good/link.yaml
check good
like "$(cat out)" 'good/link.yaml: error: .*\[source-symlink\]' \
	"symbolic links are refused"
echo link.yaml >good/.windlassignore
check good
exits 0 "but not if they are ignored"
git init -q good/module
manifest ConfigMap m demo >good/module/m.yaml
check good
like "$(cat out)" 'good/module: error: .*\[source-submodule\]' \
	"so are repositories in it"
rm -rf good/module
mkdir -p good/k/below
echo 'resources: []' >good/k/kustomization.yaml
cp bad/name.yaml good/k/below
check good
is "$(grep -c error: out)" 1 "a directory for kustomize is not half-read"
like "$(cat out)" 'good/k/kustomization.yaml: error: this directory is for kustomize.*\[source-renderer\]' \
	"but refused"
echo k/ >>good/.windlassignore
check good
exits 0 "unless it is ignored"
mkdir good/chart
echo 'name: x' >good/chart/Chart.yaml
check good
like "$(cat out)" 'is for helm' "as is one for helm"
rm -r good/chart
mkdir good/sub
cp bad/name.yaml bad/scope.yaml good/sub
printf '*.yaml\n!scope.yaml\n' >good/sub/.windlassignore
check good
is "$(grep error: out | cut -d: -f1)" good/sub/scope.yaml \
	"a nested .windlassignore is for what is below it"
printf 'a\0b' >good/sub/.windlassignore
check good
like "$(cat out)" 'sub/.windlassignore: error: .*\[source-ignore\]' \
	"and refused where it is none"
rm -r good/sub
printf 'x' >"good/a"$'\n'"b.yaml"
check good
like "$(cat out)" 'good/a.x0ab.yaml: error: .*\[source-name\]' \
	"control characters in a name are refused, and not printed"
rm good/a*b.yaml

mkdir upper
manifest ConfigMap a demo >upper/a.yaml
manifest ConfigMap b demo >upper/B.YAML
check upper
exits 0 "a name that looks like a manifest's"
like "$(cat out)" 'upper/B.YAML: warning: not read: .*\[source-ending\]' \
	"is warned of"
echo '*.YAML' >upper/.windlassignore
check upper
unlike "$(cat out)" B.YAML "unless it is ignored"

deep=deep$(printf '/d%.0s' $(seq 100))
mkdir -p "$deep"
manifest ConfigMap a demo >"$deep/a.yaml"
check deep
exits 0 "a hundred directories deep"
mkdir "$deep/d"
check deep
exits 2 "one more is too deep"
like "$(cat err)" "more than 100 directories deep" "and said so"

# ---- output ----

check --output json bad/name.yaml bad/yaml.yaml
is "$(perl -MJSON::PP -0777 -ne '
	my $d = decode_json($_);
	my ($p) = grep { $_->{rule} eq "name-malformed" } @{$d->{problems}};
	print "$d->{files} $d->{objects} $d->{errors} $d->{warnings} " .
		"$p->{path} $p->{line} $p->{column} $p->{severity}\n"' out)" \
	"2 0 2 0 bad/name.yaml 4 9 error" "--output json"
exits 1 "with the same exit status"

{ manifest Secret s demo; printf 'stringData: {a: [hunter2], b: 12345}\n'; } \
	>secret.yaml
check --allow-secrets secret.yaml
like "$(cat out)" '\[data-malformed\]' "a malformed Secret"
unlike "$(cat out err)" 'hunter2|12345' "is refused without its values"
# passwords that YAML takes for something else: without quotes, or a space
n=0
while IFS= read -r line; do
	{ manifest Secret s demo; printf 'stringData:\n%b\n' "$line"; } \
		>secret-$((++n)).yaml
done <<'END'
  a: *hunter2
  a: !hunter2 x
  a: !hunter2 {b: c}
  {a: x, password:hunter2}
  password:hunter2: x\n  password:hunter2: x
  a: @hunter2
  a: %hunter2
  a: `hunter2
  a: "hunter2\\q"
  a: hunter2: x
  a: 'x'hunter2
  a: [hunter2
END
check --allow-secrets secret-*.yaml
is "$(grep -o '^secret-[0-9]*\.yaml:[0-9]*:[0-9]*: error' out | cut -d: -f1 | sort -u | wc -l)" \
	$n "$n ways to write a password that is none"
unlike "$(cat out err)" hunter2 "are refused without it, too"

# ---- the corpus: no crash, and nothing refused that is plausible ----

if [ -d "$SHARED/corpus/kube-prometheus" ]; then
	check --allow-secrets "$SHARED/corpus/kube-prometheus"
	exits 0 "kube-prometheus"
	check --output json "$SHARED/corpus/moj-tenants-af"
	is "$(grep '"rule"' out | sort -u | tr -d ' ,')" '"rule":"namespace-missing"
"rule":"scope-unknown"
"rule":"yaml-surprising-key"' "tenants: only what must be refused"
	for dir in "$SHARED"/corpus/*; do
		check "$dir"
		[ "$(cat status)" -le 1 ] ||
			fail "${dir##*/}: exit $(cat status)"
	done
	pass "every corpus is read to its end"
else
	skip 3 "the corpus is not here"
fi

# ---- built-in kinds, field by field ----

mkdir fields
cat >fields/web.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: demo}
spec:
  replicsa: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web
        args: [010]
END
check fields
exits 1 "a misspelt field"
is "$(sed '$d' out)" "fields/web.yaml:5:3: error: spec has no field 'replicsa': did you mean 'replicas'? [field-unknown]
fields/web.yaml:13:16: error: spec.template.spec.containers[0].args[0] must be a string, but YAML reads 010 as the integer 8: write \"010\" [string-unquoted]" \
	"is told with the right one, an unquoted number with its quotes"
for minor in 1.34 1.35 1.36; do
	check --kubernetes $minor fields
	exits 1 "so it is of Kubernetes $minor"
done
check --kubernetes 1.7 fields
exits 2 "of one that is not known nothing is said"
like "$(cat err)" "does not know Kubernetes 1.7, but 1.34, 1.35, 1.36" \
	"but which ones are"
check --kubernetes ../1.36 fields
exits 129 "a path is no version"
WINDLASS_OPENAPI=$TRASH/none check fields
exits 2 "without tables"
like "$(cat err)" "no schema tables are in '.*/none'" "it says where it looked"
mkdir cut
head -c 50000 "$TOP/schema/openapi/1.36" >cut/1.36
WINDLASS_OPENAPI=$TRASH/cut check fields
exits 2 "a damaged table"
like "$(cat err)" "damaged" "is refused"
manifest ConfigMap a demo | sed 's|^apiVersion.*|apiVersion: policy/v1beta1|
	s|ConfigMap|PodDisruptionBudget|' >fields/web.yaml
check fields
exits 1 "a version that is gone"
like "$(cat out)" "was removed in Kubernetes 1.25: use policy/v1 Pod.*api-removed" \
	"is told with the one to use"

done_testing
