#!/bin/bash
# Custom resources at the gate: judged by definitions of the push and of the
# bundle, against what they were before; and kinds that nobody defines.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
set_channel host.git prod defaultNamespace demo
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo

# define MAXIMUM [SCOPE [VERSION]]: the definition of Gadgets and Boxes
define() {
	local kind
	for kind in Gadget Box; do
		cat <<-END
		---
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: ${kind,,}$([ $kind = Box ] && echo e)s.windlass.test}
		spec:
		  group: windlass.test
		  scope: ${2:-Namespaced}
		  names: {kind: $kind, plural: ${kind,,}$([ $kind = Box ] && echo e)s, singular: ${kind,,}}
		  versions:
		  - name: ${3:-v1}
		    served: true
		    storage: true
		    schema:
		      openAPIV3Schema:
		        type: object
		        properties:
		          spec:
		            type: object
		            properties: {size: {type: integer, maximum: $1}, color: {type: string}}
		END
	done >work/deploy/prod/crd.yaml
}
# gadget NAME SPEC [KIND]
gadget() {
	printf 'apiVersion: windlass.test/v1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n' \
		"${3:-Gadget}" "$1" "$2" >"work/deploy/prod/$1.yaml"
}

define 9
gadget a '{size: 10}'
not_ok "an object is judged by a definition of the same push" \
	commit_push work bad
like "$(cat push.out)" 'a.yaml:4:14: error: spec.size must be at most 9 \[field-range\]' \
	"and it says where"
gadget a '{size: 9}'
gadget box '{size: 9}' Box
ok "a good one" commit_push work good
gadget b '{sise: 1}'
gadget box2 '{size: x}' Box
not_ok "another one is judged by the definition in the bundle" \
	commit_push work bad
like "$(cat push.out)" "b.yaml:4:8: error: spec has no field 'sise': did you mean 'size'\?" \
	"field by field"
like "$(cat push.out)" 'box2.yaml:4:14: error: spec.size must be an integer' \
	"whatever its plural is"
git -C work reset -q --hard HEAD^ && rm -f work/deploy/prod/{b,box2}.yaml

# ---- what was so before

define 5
ok "a definition gets narrower" commit_push work narrow
gadget a '{size: 9, color: red}'
ok "what was wrong before and stays is let through" commit_push work color
like "$(cat push.out)" 'a.yaml:4:14: warning: spec.size .*\(it was so before\)' \
	"with a warning"
gadget a '{size: 8, color: red}'
not_ok "but not another wrong value" commit_push work wrong
git -C work reset -q --hard HEAD^
define 5 Cluster
not_ok "the scope cannot change" commit_push work scope
like "$(cat push.out)" 'error: spec.scope was Namespaced and cannot change.*\[crd-change\]' \
	"and it says so"
git -C work reset -q --hard HEAD^
git -C work rm -q deploy/prod/a.yaml deploy/prod/box.yaml
define 5 Namespaced v2
ok "another stored version" commit_push work stored \
	-o allow-deletes=2
like "$(cat push.out)" "warning: spec.versions has no 'v1', in which objects are stored" \
	"is warned of"
define 5
sed -i 's/size: {type: integer/size: {type: integr/' work/deploy/prod/crd.yaml
not_ok "a definition that no server takes" commit_push work crd
like "$(cat push.out)" "did you mean integer\?.*\[crd-schema\]" "and why"
git -C work reset -q --hard HEAD^

# ---- kinds that nobody defines

printf 'apiVersion: other.test/v1\nkind: Thing\nmetadata: {name: t, namespace: demo}\nspec: {a: 1}\n---\napiVersion: other.test/v1\nkind: Whole\nmetadata: {name: w}\n' \
	>work/deploy/prod/other.yaml
not_ok "a kind that nobody defines" commit_push work other
like "$(cat push.out)" '\[scope-unknown\]' "is refused"
set_channel host.git prod unknownKinds allow
ok "unless the channel takes them" push work
like "$(bundle_paths host.git prod)" 'objects/demo/other.test/Thing/t.json' \
	"a namespace makes it namespaced"
like "$(bundle_paths host.git prod)" 'objects/_cluster/other.test/Whole/w.json' \
	"none makes it cluster-scoped"
like "$(cat push.out)" 'not checked here: 2 rules' "it says what was not judged"
printf 'apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: d, namespace: demo}\n' \
	>work/deploy/prod/typo.yaml
not_ok "a kind of Kubernetes that is spelt wrong" commit_push work typo
like "$(cat push.out)" "did you mean 'Deployment'" "is refused all the same"
set_channel host.git prod unknownKinds some
not_ok "any other word" push work
like "$(cat push.out)" 'unknownKinds.*must be allow or refuse' "is refused"

# ---- the command line

ok "windlass check takes them when told" \
	windlass check --unknown-kinds allow work/deploy/prod/other.yaml
not_ok "and not by itself" windlass check work/deploy/prod/other.yaml

done_testing
