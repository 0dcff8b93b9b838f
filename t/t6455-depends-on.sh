#!/bin/bash
# config.kubernetes.io/depends-on at the push: an item that names no object,
# and objects that wait for one another in a circle, are refused where they
# stand; also where the circle is closed with what was pushed before.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
dir=work/deploy/prod
mkdir -p $dir

# config NAME [DEPENDS]: the annotation stands in line 6
config() {
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: demo\n' \
		"$1" >"$dir/$1.yaml"
	[ -z "${2:-}" ] ||
		printf '  annotations: {config.kubernetes.io/depends-on: "%s"}\n' \
			"$2" >>"$dir/$1.yaml"
	echo 'data: {a: b}' >>"$dir/$1.yaml"
}
on() { echo "/namespaces/demo/ConfigMap/$1"; }
# refused WHAT REGEX...
refused() {
	local what=$1 regex
	shift
	commit work "$what"
	not_ok "$what: the push is refused" push work
	for regex; do
		like "$(cat push.out)" "$regex" "$what: it says where, and why"
	done
	git -C work reset -q --hard "$good"
}
taken() {
	commit_push work "$1"
	is $? 0 "$1: the push is taken" || test_show push.out
	good=$(git -C work rev-parse HEAD)
}

# ---- forms ----
config base
config two "$(on base) , $(on other),,"
config other
cat >$dir/role.yaml <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: []
END
config three "rbac.authorization.k8s.io/ClusterRole/reader"
taken "objects that are there"
unlike "$(cat push.out)" 'reference-|wish-' "nothing is said of them"
for item in ConfigMap/base base "what is this" /namespaces/demo/ConfigMap \
	/namespace/demo/ConfigMap/base v1/namespaces/demo/ConfigMap/a/b \
	/namespaces//ConfigMap/base //base /ConfigMap/; do
	config bad "$(on base), $item"
	refused "'$item'" "deploy/prod/bad.yaml:6:[0-9]+: error: '${item//\//\\/}' in 'config.kubernetes.io/depends-on' names no object: .* \[wish-depends\]"
done
config missing "$(on nobody)"
taken "one that is missing"
like "$(cat push.out)" 'missing.yaml:6:[0-9]+: warning: .*ConfigMap demo/nobody.* \[reference-missing\]' \
	"a warning says so"

# ---- circles ----
circle='\[reference-circle\]'
config self "$(on self)"
refused "itself" "deploy/prod/self.yaml:6:[0-9]+: error: by depends-on it waits for itself $circle"
config a "$(on b)"
config b "$(on base), $(on c)"
config c "$(on a)"
refused "three" \
	"deploy/prod/a.yaml:6:[0-9]+: error: by depends-on it waits for itself: ConfigMap demo/a > ConfigMap demo/b > ConfigMap demo/c > ConfigMap demo/a $circle" \
	"deploy/prod/b.yaml:6:.*ConfigMap demo/b > ConfigMap demo/c > ConfigMap demo/a > ConfigMap demo/b" \
	"deploy/prod/c.yaml:6:.*$circle"
config a "$(on b)"
config b "$(on c)"
config c
taken "a chain"
config c "$(on a)"
refused "a chain of earlier pushes that is closed" \
	"deploy/prod/c.yaml:6:[0-9]+: error: .*: ConfigMap demo/c > ConfigMap demo/a > ConfigMap demo/b > ConfigMap demo/c $circle"
for i in $(seq 30); do config "long-$i" "$(on "long-$((i % 30 + 1))")"; done
refused "thirty" "long-1.yaml:6:.*ConfigMap demo/long-1 > ConfigMap demo/long-2 > .* > 19 more > ConfigMap demo/long-1 $circle"
for i in $(seq 600); do config "far-$i" "$(on "far-$((i + 1))")"; done
config far-601
taken "six hundred in a row"
for i in a b c d e f; do
	config "$i" "$(for j in a b c d e f; do
		[[ $j > $i ]] && on "$j"
	done | paste -sd,)"
done
taken "many ways to one end"

# ---- before the push ----
config self "$(on self)"
windlass check $dir >check.out 2>&1
is $? 1 "check refuses it too"
like "$(cat check.out)" "self.yaml:6:[0-9]+: error: .*$circle" "as the hook does"
done_testing
