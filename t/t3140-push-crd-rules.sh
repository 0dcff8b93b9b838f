#!/bin/bash
# Custom resources are judged by the rules of their definitions at a push:
# those about changes by the current bundle; what was so before is left alone.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
mkdir -p work/deploy/prod
# definition RULE MESSAGE
definition() {
	cat >work/deploy/prod/things.yaml <<-END
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: things.example.org}
	spec:
	  group: example.org
	  scope: Cluster
	  names: {kind: Thing, plural: things}
	  versions:
	  - name: v1
	    served: true
	    storage: true
	    schema:
	      openAPIV3Schema:
	        type: object
	        properties:
	          spec:
	            type: object
	            x-kubernetes-validations:
	            - {rule: "$1", message: $2}
	            properties:
	              size: {type: integer}
	              name: {type: string}
	END
}
# thing NAME SIZE TEXT
thing() {
	printf '%s\n' "apiVersion: example.org/v1" "kind: Thing" \
		"metadata: {name: $1}" "spec:" "  size: $2" "  name: $3" \
		>"work/deploy/prod/$1.yaml"
}

definition 'self.size >= oldSelf.size' 'it cannot shrink'
thing one 3 a
ok "a new object is not compared" commit_push work new
thing one 4 a
ok "it may grow" commit_push work grow
thing one 2 a
not_ok "it may not shrink" commit_push work shrink
like "$(cat push.out)" 'one.yaml:5:3: error: spec breaks a rule of its definition: it cannot shrink \[crd-rule\]' \
	"and says so"
git -C work reset -q --hard HEAD~
definition 'self.size >= 10' 'too small'
ok "what is there stays, whatever a new rule says" commit_push work rule
thing two 1 a
not_ok "but not what is new" commit_push work two
like "$(cat push.out)" 'two.yaml:5:3: error: spec breaks .*: too small' \
	"which is refused"
unlike "$(cat push.out)" 'one.yaml' "by itself"
git -C work reset -q --hard HEAD~
rm -f work/deploy/prod/two.yaml
thing one 4 b
not_ok "nor what is changed" commit_push work changed
git -C work reset -q --hard HEAD~

definition "self.name.find('[a-z]+') == 'a'" odd
thing one 4 b
ok "a rule that is not evaluated here refuses nothing" commit_push work odd
like "$(cat push.out)" 'warning: 1 rule of definitions is not evaluated here: .*Thing: self.name.find' \
	"and is told of"
git -C work rev-parse HEAD >good

# ---- rules that are none ----

definition 'self.size >' broken
not_ok "a rule that is no expression" commit_push work broken
like "$(cat push.out)" 'things.yaml:[0-9]*:[0-9]*: error: .*x-kubernetes-validations\[0\].rule is no expression of CEL: column 12: .*\[crd-schema\]' \
	"is refused with its definition"
git -C work reset -q --hard "$(cat good)"
definition ' ' empty
not_ok "nor can it be empty" commit_push work empty
like "$(cat push.out)" 'rule must not be empty' "which is said"
done_testing
