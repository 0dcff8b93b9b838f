#!/bin/bash
# Rules in definitions: windlass refuses what a real API server refuses for
# their texts, their names and the fields that they ask for, and no other.
# Nothing is stored in the cluster.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"
cluster_use

# a rule a line, as YAML: what is refused, then what is not
cat >bad <<'EOF'
{rule: self.a >}
{rule: ' '}
{rule: self.nope > 1}
{rule: has(self.nope)}
{rule: self.o.nope == 1}
{rule: 'self.l.all(x, x.nope == 1)'}
{rule: 'self.l[0].nope == 1'}
{rule: 'self.l.filter(x, x.num > 1).all(x, x.m > 1)'}
{rule: 'self.l.exists(x, x.num > self.nope)'}
{rule: 'self.l.all(i, x, x.m > i)'}
{rule: 'self.m.all(k, self.m[k].nope > 1)'}
{rule: 'self.m.x.nope > 1'}
{rule: oldSelf.nope == self.a}
{rule: 'self.a > 0 ? self.o.b > 1 : self.o.c > 1'}
{rule: foo > 1}
{rule: a > 1}
{rule: self.metadata.name == 'x'}
{rule: "'x'"}
{rule: '1'}
{rule: self.a > 1, message: ' '}
{rule: self.a > 1, message: "a\nb"}
{rule: "self.a >\n 1"}
{rule: "self.a >\n 1", messageExpression: "'x'"}
{rule: self.a > 1, messageExpression: ' '}
{rule: self.a > 1, messageExpression: "'a' +"}
{rule: self.a > 1, messageExpression: self.nope}
{rule: self.a > 1, messageExpression: "1"}
{rule: self.a > 1, reason: Other}
{rule: self.a > 1, fieldPath: .nope}
{rule: self.a > 1, fieldPath: a}
{rule: self.a > 1, fieldPath: ' '}
{rule: self.a > 1, fieldPath: ".a\n"}
{rule: self.a > 1, fieldPath: '.l[0]'}
{rule: self.a > 1, fieldPath: .o.nope}
{rule: self.a > 1, fieldPath: .a.b}
{rule: self.a > 1, fieldPath: .}
{rule: self.a > 1, optionalOldSelf: true}
{rule: self.a > 1, optionalOldSelf: false}
EOF
cat >good <<'EOF'
{rule: self.a > 1}
{rule: has(self.o.b) && self.o.b > 1}
{rule: 'self.l.all(x, x.num > 1)'}
{rule: 'self.l.all(self, self.num > 1)'}
{rule: 'self.l.filter(x, x.num > 1).all(x, x.num > 2)'}
{rule: 'self.l.all(i, x, x.num > i)'}
{rule: 'self.l.map(x, x.num).exists(y, y > 1)'}
{rule: 'self.m.all(k, self.m[k].num > 1)'}
{rule: 'self.m.all(k, v, v.num > 1)'}
{rule: self.m.x.num > 1}
{rule: 'self.?o.b.orValue(1) > 1'}
{rule: 'self.o.?b.optMap(v, v > 1).orValue(true)'}
{rule: oldSelf.a <= self.a}
{rule: 'oldSelf.hasValue() && oldSelf.value().a > 1', optionalOldSelf: true}
{rule: self.x__dash__y > 1 && self.__in__ > 1}
{rule: 'self.p.q == 1', note: preserved}
{rule: self.e.kind == 'A' && self.e.metadata.name == 'b'}
{rule: type(timestamp('2020-01-01T00:00:00Z')) == google.protobuf.Timestamp}
{rule: self.a > 1, message: " a\n"}
{rule: "self.a >\n 1", message: x}
{rule: "\nself.a > 1\n"}
{rule: self.a > 1, messageExpression: "'a' + self.s"}
{rule: self.a > 1, messageExpression: ''}
{rule: self.a > 1, reason: FieldValueForbidden}
{rule: self.a > 1, fieldPath: .a}
{rule: self.a > 1, fieldPath: .o.b}
{rule: self.a > 1, fieldPath: ".o['b']"}
{rule: self.a > 1, fieldPath: .m.anything}
{rule: self.a > 1, fieldPath: ".m['a.b'].num"}
EOF
sed -i 's/, note: preserved//' good

# definition NUMBER RULE
definition() {
	cat <<EOF
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.r$1.example}
spec:
  group: r$1.example
  scope: Namespaced
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
            - $2
            properties:
              a: {type: integer}
              s: {type: string, maxLength: 10}
              x-y: {type: integer}
              in: {type: integer}
              o: {type: object, properties: {b: {type: integer}}}
              e: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              p: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {q: {type: integer}}}
              l:
                type: array
                maxItems: 5
                items: {type: object, properties: {num: {type: integer}}}
              m:
                type: object
                maxProperties: 5
                additionalProperties: {type: object, properties: {num: {type: integer}}}
EOF
}
n=1000
while IFS= read -r rule; do
	definition $((++n)) "$rule"
done < <(cat bad good) >all.yaml
first_good=$((1000 + $(wc -l <bad) + 1))

k apply --server-side --dry-run=server -f all.yaml >answer 2>&1
grep -oE 'r1[0-9]{3}\.example" is invalid' answer | grep -oE '1[0-9]{3}' |
	sort -u >server
windlass check all.yaml >checked
awk -F: 'FNR == NR { if (/^metadata: .*things\.r/) { match($0, /r1[0-9][0-9][0-9]/)
		name = substr($0, RSTART + 1, 4) } of[FNR] = name; next }
	/ error: / { print of[$2] }' all.yaml checked | sort -u >ours
is "$(cat server)" "$(seq 1001 $((first_good - 1)))" \
	"the API server refuses the bad ones, and no good one"
is "$(cat ours)" "$(cat server)" "and so does windlass"
# shellcheck disable=SC2016
is "$(grep ' error: ' checked | grep -vE '\[(crd-schema|field-enum)\]$')" "" \
	"for that reason"

# the root has more fields than are written
cat >root.yaml <<'EOF'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.root.example}
spec:
  group: root.example
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object}}
        x-kubernetes-validations:
        - rule: self.metadata.name == 'x' && self.kind == 'Thing' && self.apiVersion != ''
EOF
ok "metadata.name is known at the root" windlass check root.yaml
ok "to the server too" k apply --server-side --dry-run=server -f root.yaml
sed -i 's/metadata.name/metadata.labels/' root.yaml
not_ok "metadata.labels is not" windlass check root.yaml
not_ok "nor to the server" k apply --server-side --dry-run=server -f root.yaml

# below items the server knows of no lists that are merged
cat >twice.yaml <<'EOF'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.twice.example}
spec:
  group: twice.example
  scope: Namespaced
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
            type: array
            items:
              type: string
              maxLength: 10
              x-kubernetes-validations:
              - {rule: self != '', message: a}
              - {rule: self != '', message: b}
EOF
ok "a rule twice below items" windlass check twice.yaml
ok "is nothing to the server" k apply --server-side --dry-run=server -f twice.yaml

# ---- what makes it no definition at all is said where it is ----

# at LINE:COLUMN SED-COMMAND
at() {
	definition 1 '{rule: self.a > 1}' | sed "$2" >malformed.yaml
	windlass check malformed.yaml >checked
	like "$(cat checked)" "^malformed.yaml:$1: error: .*\[crd-malformed\]" \
		"$2 is a fault at $1"
}
at 6:10 's/group: .*/group: 1/'
at 7:10 's/Namespaced/Nowhere/'
at 8:17 's/kind: Thing/kind: [a]/'
at 8:10 's/kind: Thing, //'
at 6:3 /scope:/d
at 10:11 's/name: v1/name: 1/'
at 11:13 's/served: true/served: "yes"/'

done_testing
