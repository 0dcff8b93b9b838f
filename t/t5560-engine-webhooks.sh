#!/bin/bash
# Admission webhooks, real ones over HTTPS: those that hang, fail, are gone or
# refuse, for some objects of a bundle: the others go on, what the matter is
# stands in the condition with file and line, and all is well soon after. Those
# that change what others write, or all that is written.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace a
channel=hooked-$$
objects=40
hooked=20		# of them have the label that the webhook looks at
dir=work/deploy/$channel

applies() { curl -s "http://$METRICS/metrics" | sed -n "s/^windlass_applies_total{channel=\"$channel\"} //p"; }
# put_all TEXT: the first ones to be applied are those that the webhook sees
put_all() {
	local i
	mkdir -p "$dir"
	for ((i = 1; i <= objects; i++)); do
		printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: o-%02d, namespace: %s, labels: {hooked: "%s"}}\ndata: {text: "%s", more: x}\n' \
			"$i" "$ns" "$([ "$i" -le $hooked ] && echo yes || echo no)" "$1"
	done >"$dir/all.yaml"
}
configuration() { # Validating|Mutating
	cat <<-END
	apiVersion: admissionregistration.k8s.io/v1
	kind: $1WebhookConfiguration
	metadata: {name: hooked-$$}
	webhooks:
	- name: hooked.example.org
	  clientConfig: {url: "$WEBHOOK/", caBundle: $WEBHOOK_CA}
	  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
	  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}
	  objectSelector: {matchLabels: {hooked: "yes"}}
	  failurePolicy: Fail
	  sideEffects: None
	  admissionReviewVersions: [v1]
	  timeoutSeconds: 2
	END
}
# the configuration is in force: a dry run is refused
in_force() {
	! k -n "$ns" create configmap probe --dry-run=client -o yaml |
		k label -f - --local --dry-run=client -o yaml hooked=yes |
		k create --dry-run=server -f - >/dev/null 2>&1
}
free_ones() {
	[ "$(k -n "$ns" get configmap -l hooked=no -o 'jsonpath={range .items[*]}{.data.text}{"\n"}{end}' | grep -cx "$1")" = $((objects - hooked)) ]
}

webhook_start
make_host host.git "$channel"
make_clone host.git work
put_all one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

# ---- for some objects nothing can be written ----
at_exit "k delete validatingwebhookconfiguration hooked-$$"
webhook fail
configuration Validating | k apply -f - >/dev/null
wait_for 30 in_force || bail "the webhook is not asked"
sequence=1
trouble() { # WHAT MODE SAYS
	sequence=$((sequence + 1))
	webhook "$2"
	put_all "text-$sequence"
	commit_push work "$1"
	began=$(date +%s%3N)
	ok "$1: the other objects are applied" wait_for 60 free_ones "text-$sequence"
	echo "# after $(($(date +%s%3N) - began)) ms"
	ok "$1: the condition counts, and says why" wait_for 40 \
		eval "condition $channel Ready | grep -q '^False'" ||
		echo "# $(condition "$channel" Ready)"
	told "$1: with file and line, and the webhook's name" "ConfigMap $ns/o-" \
		"deploy/$channel/all.yaml:[0-9]" "$3"
	applied=$(k get --raw /metrics | awk '/^apiserver_admission_webhook_request_total.*hooked.example.org/ { n += $NF } END { print n + 0 }')
	lines=$(wc -l <engine.log)
	cpu=$(metric process_cpu_seconds_total)
	sleep 6
	applied=$(($(k get --raw /metrics | awk '/^apiserver_admission_webhook_request_total.*hooked.example.org/ { n += $NF } END { print n + 0 }') - applied))
	echo "# in 6 s the webhook was asked $applied times, $(($(wc -l <engine.log) - lines)) lines were logged"
	ok "$1: not tried all the time" test "$applied" -le 60
	ok "$1: few lines in the log" test $(($(wc -l <engine.log) - lines)) -le 40
	ok "$1: no spinning" perl -e 'exit !($ARGV[0] - $ARGV[1] < 0.5)' \
		"$(metric process_cpu_seconds_total)" "$cpu"
	is "$(live_count)" $objects "$1: nothing was pruned"
	webhook allow
	began=$(date +%s%3N)
	ok "$1: when it is well again all is applied" wait_applied "$channel" $sequence 60
	echo "# after $(($(date +%s%3N) - began)) ms"
	ok "$1: ready" wait_ready "$channel" 30
}
trouble "a webhook that fails" fail 'failed calling webhook .*hooked.example.org'
trouble "a webhook that hangs" hang 'failed calling webhook .*hooked.example.org'
k delete validatingwebhookconfiguration "hooked-$$" >/dev/null

# ---- a webhook that changes objects ----
at_exit "k delete mutatingwebhookconfiguration hooked-$$"
webhook fail
configuration Mutating | k apply -f - >/dev/null
wait_for 30 in_force || bail "the webhook is not asked"

webhook "theirs /data/more mutated"
k -n "$ns" annotate configmap o-01 probe=1 >/dev/null
seen() { grep -q " drift .*ConfigMap $ns/o-01\"" engine.log; }
ok "an owned field changed on a write of others: seen" wait_for 20 seen
is_more() { [ "$(k -n "$ns" get configmap "$1" -o 'jsonpath={.data.more}')" = "$2" ]; }
ok "and undone" wait_for 20 is_more o-01 x

webhook strip
k -n "$ns" annotate configmap o-02 probe=1 >/dev/null
ours() { k -n "$ns" get configmap "$1" --show-managed-fields -o json | jq -e --arg m "windlass-$channel" \
	'[.metadata.managedFields[] | select(.manager != "kubectl-annotate")] | length == 1 and .[0].manager == $m' >/dev/null; }
ok "managedFields stripped on a write of others: ours again, and nobody's beside" \
	wait_for 20 ours o-02 || k -n "$ns" get configmap o-02 --show-managed-fields -o json | jq -c .metadata.managedFields | sed 's/^/# /'

webhook "set /data/more mutated"
k -n "$ns" annotate configmap o-03 probe=1 >/dev/null
stuck() { condition "$channel" Drifted | grep -q "ConfigMap $ns/o-03"; }
ok "an owned field changed on every write: said to be without end" wait_for 40 stuck ||
	echo "# $(condition "$channel" Drifted)"
like "$(condition "$channel" Drifted)" "another data.more than what is applied" "and where it comes from"
before=$(applies)
sleep 4
ok "and not written all the time" [ $(($(applies) - before)) -le 1 ]
webhook allow
k -n "$ns" annotate configmap o-03 probe=2 --overwrite >/dev/null
k delete mutatingwebhookconfiguration "hooked-$$" >/dev/null
ok "without it all is as the bundle says" wait_for 90 is_more o-03 x
is "$(live_differs host.git "$channel")" "" "nothing differs"
done_testing
