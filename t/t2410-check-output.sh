#!/bin/bash
# What windlass check prints: the lines in question, and the formats that
# other programs read, with hostile text in each.
. "$(dirname "$0")/lib.sh"

# check ARGUMENT...: runs it, output in out, messages in err
check() {
	windlass check "$@" >out 2>err
	echo "$?" >status
}
exits() { is "$(cat status)" "$1" "$2"; }
# object KIND [LINE...]: a small one
object() {
	printf 'apiVersion: v1\nkind: %s\nmetadata: {name: a, namespace: demo}\n' \
		"$1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@"
}

# a Python that sees what Debian's packages bring
python=python3
python3 -c 'import jsonschema, junitparser' 2>/dev/null ||
	python=/usr/bin/python3

# ---- lines and carets ----

object ConfigMap $'data: {a: \xc3\xa4, x: 1}' >narrow.yaml
object ConfigMap 'data: {a: 中文, x: 1}' >wide.yaml
object ConfigMap $'data: {a: e\xcc\x81, x: 1}' >combined.yaml
object ConfigMap $'data: {a: "\t", x: 1}' >tab.yaml
object ConfigMap $'data: {\xff: 1, x: 1}' >invalid.yaml
for name in narrow wide combined tab invalid; do
	check --lines $name.yaml
	sed -n "s/^    //p" out
done >lines
is "$(cat lines)" $'data: {a: \xc3\xa4, x: 1}
                ^
data: {a: 中文, x: 1}
                   ^
data: {a: e\xcc\x81, x: 1}
                ^
data: {a: "     ", x: 1}
                      ^
data: {?: 1, x: 1}
       ^' "a caret stands below what is meant, whatever is before it"
{ object ConfigMap; printf 'data: {%s: x, zzz: 1, %s: x}\n' \
	"$(printf 'a%.0s' $(seq 150))" "$(printf 'b%.0s' $(seq 150))"; } >long.yaml
check --lines long.yaml
like "$(cat out)" '^    \.\.\.a*: x, zzz: 1, b*\.\.\.$' "a long line is cut on both sides"
is "$(sed -n '/^    \.\.\./{s/^\(.*zzz: \)1.*/\1/;p;n;p}' out | awk '{ print length }' |
	uniq -c | awk '{ print $1 }')" "1
1" "caret and line"
is "$(sed -n '/^    \.\.\./{s/zzz: 1.*/zzz: /;p;n;s/\^.*//;p}' out |
	awk '{ print length }' | uniq | wc -l)" 1 "agree"
object ConfigMap $'data: {a: \x1b[31m\xc2\x9b1mred\xe2\x80\xae, b: 1}' >esc.yaml
check --lines esc.yaml
is "$(grep -cP '\x1b|\xc2\x9b|\xe2\x80\xae' out)" 0 "no control character is shown"
printf 'apiVersion: v1\rkind: ConfigMap\rmetadata: {name: A, namespace: b}\r' >cr.yaml
check --lines cr.yaml
like "$(cat out)" '^    metadata: .name: A, namespace: b.$' \
	"a lone CR ends a line, too"
check --lines - <cr.yaml
like "$(cat out)" '^    metadata: .name: A' "standard input has lines as well"

terminal() {
	TERM=xterm script -qec "windlass check $*" /dev/null | tr -d '\r'
}
if command -v script >/dev/null; then
	unset NO_COLOR
	like "$(terminal wide.yaml)" $'\x1b\\[1;31merror' "a terminal gets colours"
	like "$(terminal wide.yaml)" '^    data: .a: 中文, x: 1.$' "and lines"
	export NO_COLOR=1
	unlike "$(terminal wide.yaml)" $'\x1b' "no colours with NO_COLOR"
	like "$(terminal wide.yaml)" '^    data: .a: 中文, x: 1.$' "but lines"
	unset NO_COLOR
else
	skip 4 "no script(1)"
fi
check wide.yaml
unlike "$(cat out)" '中文' "a file or pipe gets no lines unasked"

# ---- secrets ----

# hidden NAME: no output of NAME.yaml has hunter2, which is at fault
hidden() {
	check --allow-secrets --lines "$1.yaml"
	exits 1 "$1: is at fault"
	unlike "$(cat out err)" hunter2 "$1: stays hidden"
	local format
	for format in text json sarif junit github; do
		check --allow-secrets --output $format "$1.yaml"
		grep -q hunter2 out && fail "$1: $format"
	done
}
object Secret 'stringData: {a: [hunter2]}' >plain.yaml
object '"Sec\u0072et"' 'stringData: {a: [hunter2]}' >escaped.yaml
object Secret 'stringData:' '  a: "hunter2' >broken.yaml
{ object ConfigMap; echo ---; object Secret 'data: {a: hunter2 }'; } >second.yaml
pod() {
	cat <<-END
	apiVersion: v1
	kind: Pod
	metadata: {name: a, namespace: demo}
	spec:
	  containers:
	  - name: a
	    image: a
	END
	printf '    %s\n' "$@"
}
pod 'env:' '- {name: A, value: [hunter2]}' >env.yaml
pod 'env:' '- {name: A, valeu: hunter2}' >misspelt.yaml
pod 'env: {PASSWORD: hunter2}' >map.yaml
pod 'env:' '  PASSWORD: hunter2' >blockmap.yaml
pod 'env:' '- name: A' '  value: "hunter2' >envbroken.yaml
pod 'env:' '- name: A' '  value: |' '   hunter2' '  valeu: 1' >block.yaml
pod 'args: [&a [hunter2]]' 'env: [{name: A, value: *a}]' >alias.yaml
{ printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"},'
	printf '"spec":{"containers":[{"name":"a","image":"a","env":[\n'
	printf '{"name":"A","value":"hunter2","x":1}]}]}}\n'; } >json.yaml
object ConfigMap 'data: {db_password: [hunter2]}' >config.yaml
for name in plain escaped broken second env misspelt map blockmap envbroken \
	block alias json config; do
	hidden $name
done
pod 'env:' '- name: A' '  value: x' '  valueFrom: {secretKeyRef: {nmae: a}}' >shown.yaml
check --lines shown.yaml
like "$(cat out)" '^ *valueFrom: .secretKeyRef: .nmae: a..$' \
	"where a value is from is no secret"
{ object Secret; echo ---; object ConfigMap 'data: {a: 1}'; } >other.yaml
check --allow-secrets --lines other.yaml
like "$(cat out)" '^    data: .a: 1.$' "nor is the document beside one"

# ---- hostile text ----

mkdir hostile
hostile=$'hostile/a]]>"\'<&%0A,:b.yaml'
object "\"x]]><b>&amp;%0A::error::\\\"'\\e\"" >"$hostile"
object ConfigMap 'data: {"a%25<]]>": x}' >"hostile/::error::x.yaml"
bytes=$'hostile/\xff\xfe\x1b[1m\n::error::new.yaml'
object ConfigMap 'data: {a: 1}' >"$bytes"

check --output json hostile/* nowhere.yaml
exits 2 "what is not there is status 2, whatever else"
is "$($python -c 'import json, sys; d = json.load(open("out", encoding="utf-8"))
print(d["errors"], len(d["problems"]))')" "3 3" "json: it is JSON, and UTF-8"

check --output github hostile/* nowhere.yaml
is "$(grep -c '^::error ' out) $(grep -vc '^::' out) $(wc -l <out)" "4 1 5" \
	"github: a line each, and none that a stranger began"
like "$(cat out)" "^::error file=hostile/a]]>\"'<&%250A%2C%3Ab.yaml,line=2,col=7,title=object-kind::" \
	"github: properties are escaped"
like "$(cat out)" '::kind .*x\]\]><b>&amp;%250A::error::' \
	"github: messages, too"
like "$(cat out)" '^::error title=could not be checked::.*nowhere.yaml' \
	"github: what could not be looked at is told"
is "$(grep -cP '[\x00-\x08\x0b-\x1f\x7f]' out)" 0 "github: no control bytes"

check --output junit hostile/* wide.yaml nowhere.yaml shown.yaml
exits 2 "junit"
object ConfigMap >good.yaml
object Endpoints >warned.yaml
if $python -c 'import junitparser' 2>/dev/null; then
	cat >read.py <<-'END'
	import sys
	from junitparser import JUnitXml, Failure, Error
	for suite in JUnitXml.fromfile(sys.argv[1]):
	    print(suite.tests, suite.failures, suite.errors)
	    for case in suite:
	        kind = [type(r).__name__ for r in case.result]
	        kind += [case.system_out.strip()] if case.system_out else []
	        print(ascii(case.classname), case.name, kind)
	END
	$python read.py out >cases
	is "$?" 0 "junit: is read"
	is "$(head -n 1 cases)" \
		"$(($(wc -l <cases) - 1)) $(grep -c Failure cases) 1" \
		"junit: the numbers are right"
	like "$(cat cases)" "^'hostile/a]]>..'<&%0A,:b.yaml' object-kind 2:7 .*Failure" \
		"junit: names come through"
	check --output junit good.yaml warned.yaml
	exits 0 "junit: valid"
	is "$($python read.py out)" "2 0 0
'good.yaml' valid []
'warned.yaml' valid ['$(windlass check warned.yaml | head -n 1)']" "junit: a good file is a test that passed"
else
	skip 5 "no python3-junitparser"
fi
check --output junit hostile/*
ok "junit: is XML" $python -c \
	'import xml.dom.minidom as m; m.parse("out")'

# ---- SARIF ----

check --output sarif hostile/* wide.yaml warned.yaml nowhere.yaml
exits 2 "sarif"
cat >sarif.py <<'END'
import json, sys
run = json.load(open(sys.argv[1], encoding="utf-8"))["runs"][0]
rules = run["tool"]["driver"]["rules"]
for r in run["results"]:
    assert rules[r["ruleIndex"]]["id"] == r["ruleId"]
for r in rules:
    assert r["help"]["text"] and "```yaml" in r["help"]["markdown"], r
prints = [r["partialFingerprints"]["windlass/v1"] for r in run["results"]]
assert len(set(prints)) == len(prints)
print(run["columnKind"], run["invocations"][0]["executionSuccessful"],
      run["invocations"][0]["exitCode"], len(run["results"]))
END
is "$($python sarif.py out)" "unicodeCodePoints False 2 $(
	windlass check hostile/* wide.yaml warned.yaml 2>/dev/null |
		grep -cE ' (error|warning): .*\]$')" "sarif: rules and results agree"
like "$(grep '"uri"' out)" \
	'"hostile/a%5D%5D%3E%22%27%3C%26%250A%2C%3Ab.yaml"' "sarif: paths are URIs"
is "$(grep -c 'nowhere.yaml' out)" 1 "sarif: what could not be looked at is told"

# fingerprints FILE: those of its findings
fingerprints() { grep -o '"windlass/v1": "[0-9a-f]*"' "$1" | sort; }
check --output sarif wide.yaml
fingerprints out >before
sed -i '1i # a comment\n' wide.yaml
check --output sarif wide.yaml
fingerprints out >after
is "$(cat after)" "$(cat before)" "sarif: a finding that moves stays the same"
ok "sarif: and there are some" [ -s before ]

# The schema that OASIS publishes, out of a Go module that has it.
module=github.com/owenrumney/go-sarif/v3@v3.3.1
schema_sum=c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e
dir=
if command -v go >/dev/null && $python -c 'import jsonschema' 2>/dev/null; then
	GOFLAGS="-mod=mod -modcacherw" timeout 60 go mod download -json $module >module 2>&1
	dir=$(sed -n 's/^.*"Dir": "\(.*\)",\{0,1\}$/\1/p' module)
fi
if [ -n "$dir" ]; then
	perl -0777 -ne 'print $1 if /const schema = `(.*?)`/s' \
		"$dir/pkg/report/v210/sarif/schema.go" >schema.json
	is "$(sha256sum <schema.json | cut -d' ' -f1)" $schema_sum \
		"it is the schema that is meant"
	cat >valid.py <<-'END'
	import json, jsonschema, sys
	schema = json.load(open("schema.json"))
	validator = jsonschema.Draft4Validator(schema,
	    format_checker=jsonschema.FormatChecker())
	for path in sys.argv[1:]:
	    for e in validator.iter_errors(json.load(open(path))):
	        print(path, list(e.absolute_path), e.message[:200])
	END
	check --output sarif hostile/* wide.yaml warned.yaml nowhere.yaml
	cp out bad.sarif
	check --output sarif good.yaml
	cp out good.sarif
	is "$($python valid.py bad.sarif good.sarif)" "" \
		"sarif: passes the schema of SARIF 2.1.0"
	sed 's/"startLine": /"startLine": -/' bad.sarif >wrong.sarif
	like "$($python valid.py wrong.sarif)" "minimum" "which refuses others"
else
	skip 3 "no Go, no python3-jsonschema, or no module proxy"
fi

# ---- more than is kept ----

{ printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n'
  echo 'data:'; seq 1001 | sed 's/.*/  k&: 1/'; } >many.yaml
check --output sarif many.yaml
is "$(grep -c '"1 more findings are not shown"' out)" 1 \
	"sarif: how many are left out"
check --output junit many.yaml
is "$(grep -c '<failure' out) $(grep -c '<error message="there are more' out)" \
	"1000 1" "junit: that some are"
check --output github many.yaml
is "$(tail -n 1 out)" "1 file, 1001 errors, 0 warnings" "github: all are counted"

# ---- status ----

for format in text json sarif junit github; do
	check --output $format good.yaml
	exits 0 "$format: valid"
	check --output $format esc.yaml
	exits 1 "$format: invalid"
	check --output $format esc.yaml nowhere.yaml
	exits 2 "$format: could not be checked"
done
check --output checkstyle good.yaml
exits 129 "a format that there is not"

done_testing
