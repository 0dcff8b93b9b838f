#!/bin/bash
# How much of the current bundle is read for what a push's objects say of it.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
put work deploy/prod/ns.yaml Namespace demo
ok "a start" commit_push work start
# config NAME KEY...
config() {
	local name=$1 key
	shift
	printf '%s\n' "apiVersion: v1" "kind: ConfigMap" \
		"metadata: {name: $name, namespace: demo}" "data:"
	for key; do echo "  $key: x"; done
}

# LIMIT_REFERENCES_READ objects: a wrong key of the last is told, of one
# beyond it is not. pod NAME PREFIX N BAD...: asks each of N for its key a;
# from those BAD for another
pod() {
	local name=$1 prefix=$2 n=$3 i
	shift 3
	printf '%s\n' "apiVersion: v1" "kind: Pod" \
		"metadata: {name: $name, namespace: demo}" "spec:" \
		"  containers:" "  - name: c" "    image: i:1" "    env:"
	for ((i = 1; i <= n; i++)); do
		[[ " $* " == *" $i "* ]] && key=b || key=a
		printf '    - {name: E%d, valueFrom: {configMapKeyRef: {name: %s%d, key: %s}}}\n' \
			"$i" "$prefix" "$i" "$key"
	done
}
read_max=$(sed -n 's/^#define LIMIT_REFERENCES_READ //p' "$TOP/schema/limits.h")
for ((i = 1; i <= read_max + 1; i++)); do
	echo ---
	config "many$i" a
done >work/deploy/prod/many.yaml
ok "many objects" commit_push work many
pod asks many $((read_max + 1)) "$read_max" $((read_max + 1)) \
	>work/deploy/prod/asks.yaml
ok "and one that asks for them all" commit_push work asks
like "$(cat push.out)" "ConfigMap 'many$read_max' has no key" \
	"as many are read as may be"
is "$(grep -c warning: push.out)" 1 "and no more"

# LIMIT_REFERENCES_BYTES: reading begins as long as it is not beyond
mib=$(sed -n 's/^#define LIMIT_REFERENCES_BYTES (\([0-9]*\)u \* 1024 \* 1024)/\1/p' \
	"$TOP/schema/limits.h")
text=$(printf '%0900000d' 0)
for ((i = 1; i <= mib * 12 / 10; i++)); do
	config "large$i" "a: \"$text\" #" >"work/deploy/prod/large$i.yaml"
done
ok "large objects" commit_push work large
size=$(git -C host.git cat-file -s \
	refs/windlass/prod:objects/demo/core/ConfigMap/large1.json)
last=$((mib * 1024 * 1024 / size + 1))
rm work/deploy/prod/asks.yaml
pod look large $((last + 1)) "$last" $((last + 1)) >work/deploy/prod/look.yaml
ok "and one that asks for these" commit_push work look -o allow-deletes=1
like "$(cat push.out)" "ConfigMap 'large$last' has no key" \
	"as many bytes are read as may be"
is "$(grep -c warning: push.out)" 1 "and no more"

done_testing
