#!/bin/bash
# Custom resources and their definitions against a real API server: what it
# says of objects that were broken in one place each is what we say. It starts
# a cluster of its own: definitions of other tests would be served.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-cluster.sh"

command -v python3 >/dev/null || skip_all "no python3"
fixtures=$TEST_DIR/fixtures/custom
cluster_own --no-kwok
kubeconfig=$(cluster kubeconfig --token)

# agree WHAT OPTION... SEED...: nothing is refused that the server takes, and
# 19 of 20 that it refuses are
agree() {
	local what=$1
	shift
	python3 "$TOP/contrib/openapi/mutate" --kubeconfig "$kubeconfig" \
		--windlass "$(command -v windlass)" --differ differ "$@" >table
	test_show table | tail -n 2
	is "$(grep '^wrong' differ)" "" "$what: none that the server takes"
	read -r _ changes refused caught _ <<<"$(grep '^all ' table)"
	ok "$what: there are many" [ "${changes:-0}" -gt 200 ]
	ok "$what: those that it refuses are refused" \
		[ $((${caught:-0} * 20)) -ge $((${refused:-1} * 19)) ]
	test_show differ | cut -c 1-150 | head -n 20
}

# ---- definitions

agree definitions --sample 600 "$fixtures/definition.json"

# ---- their objects

python3 -c 'import json, sys
json.dump(json.load(sys.stdin)[0]["object"], sys.stdout)' \
	<"$fixtures/definition.json" >definition.json
is "$(windlass check definition.json)" \
	"1 file, 1 good object, 0 errors, 0 warnings" "the definition is good"
ok "and the server takes it" k apply --server-side -f definition.json
ok "its kind is served" wait_for 20 k get gadgets.windlass.test
agree objects --crds definition.json --sample 1200 "$fixtures/objects.json"

# ---- what the definition says of real ones, where they are there

corpus=$SHARED/corpus/kube-prometheus/manifests
if [ -d "$corpus/setup" ]; then
	for file in podmonitor servicemonitor prometheusrule; do
		cp "$corpus/setup/0${file}CustomResourceDefinition.yaml" .
		k apply --server-side -f "0${file}CustomResourceDefinition.yaml"
	done >/dev/null
	mkdir seeds crds
	mv 0*.yaml crds
	find "$corpus" -name '*serviceMonitor*.yaml' -o \
		-name '*podMonitor*.yaml' -o -name '*prometheusRule.yaml' |
		while read -r file; do
			k create --dry-run=client -o json -f "$file" \
				>"seeds/${file##*/}.json" 2>/dev/null ||
				rm -f "seeds/${file##*/}.json"
		done
	ok "definitions of other people are served" \
		wait_for 20 k get prometheusrules,servicemonitors,podmonitors
	agree monitors --crds crds --sample 500 seeds
fi

done_testing
