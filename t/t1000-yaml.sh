#!/bin/bash
# YAML as Kubernetes reads it: the golden vectors, and what `windlass yaml`
# prints.
. "$(dirname "$0")/lib.sh"

vectors=$SHARED/vectors/yaml-kubernetes.jsonl
if [ -e "$vectors" ]; then
	"$WINDLASS_BUILD/t/unit/u-yaml-vectors" "$vectors" >vectors.log
	is "$(grep -c '^not ok' vectors.log)" 0 "no golden vector fails"
	is "$(grep -c '^ok' vectors.log)" "$(wc -l <"$vectors")" \
		"every golden vector was tried"
else
	skip 2 "the golden vectors are not here"
fi

printf 'a: yes\nb: [1, 010]\n---\nx: 1.0\n' >good.yaml
is "$(windlass yaml good.yaml)" '{"a":true,"b":[1,8]}
{"x":1}' "one compact document a line"
is "$(windlass yaml <good.yaml | wc -l)" 2 "standard input"

printf 'a: 1\n---\nx: 1\nx: 2\nz: *no\n' >bad.yaml
windlass yaml bad.yaml >out 2>err
is "$?" 1 "exit 1 for what must be refused"
is "$(cat out)" "" "and nothing is printed of it"
is "$(cat err)" "bad.yaml:4:1: error: duplicate key \"x\", first at line 3 column 1: remove one of the two [yaml-duplicate-key]
bad.yaml:5:4: error: the alias has no anchor before it: put a text that begins with * in quotes [yaml-alias]" \
	"every fault with its place"
printf '1.10: x\n' >odd.yaml
is "$(windlass yaml odd.yaml 2>err)" '{"1.1":"x"}' "a warning refuses nothing"
like "$(cat err)" "odd.yaml:1:1: warning: .* \[yaml-surprising-key\]" \
	"but is said"
windlass yaml nothing.yaml >out 2>err
is "$?" 2 "exit 2 for a file that cannot be read"
like "$(cat err)" "nothing.yaml" "which is named"

deep() { printf 'a: '; printf '[%.0s' $(seq "$1"); printf ']%.0s' $(seq "$1"); }
deep 255 >limit.yaml
ok "256 levels are read" windlass yaml limit.yaml
deep 256 >beyond.yaml
not_ok "257 are not" windlass yaml beyond.yaml
{ echo 'a: &a [x,x,x,x,x,x,x,x,x,x]'
  for i in b c d e f g h i j; do
	prev=$(echo "$i" | tr b-j a-i)
	echo "$i$i: &$i [*$prev,*$prev,*$prev,*$prev,*$prev,*$prev,*$prev,*$prev]"
  done; } >bomb.yaml
not_ok "an alias bomb is refused" windlass yaml bomb.yaml

done_testing
