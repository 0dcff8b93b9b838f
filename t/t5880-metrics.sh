#!/bin/bash
# /metrics of a live engine, read by Prometheus' own parsers; the alerts and
# the dashboard of contrib, which must speak of nothing else.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
command -v jq >/dev/null || skip_all "no jq"
promtool=$(XDG_CACHE_HOME=$USER_CACHE "$TEST_DIR/promtool/build" 2>build.log) ||
	skip_all "no promtool: $(tail -n 1 build.log)"
contrib=$TEST_DIR/../contrib
alerts=$contrib/prometheus/windlass-alerts.yaml
alerts_test=$contrib/prometheus/windlass-alerts-test.yaml
dashboard=$contrib/grafana/windlass-dashboard.json

# ---- alerts and dashboard, by themselves ----
ok "Prometheus takes the alerts" "$promtool" check rules --lint=all \
	--lint-fatal "$alerts"
ok "each fires when it should" "$promtool" test rules "$alerts_test"
# what is expected to fire, by name
fires=$(awk '/alertname:/ { name = $3 } /exp_labels:/ { print name }' \
	"$alerts_test" | sort -u)
is "$fires" "$(sed -n 's/^ *- alert: //p' "$alerts" | sort)" \
	"and each is tried"
# an alert that is no longer what its test thinks is noticed
sed 's/condition="Stale"} == 1/condition="Stale"} == 2/' "$alerts" \
	>windlass-alerts.yaml
cp "$alerts_test" .
not_ok "a broken one is noticed" "$promtool" test rules \
	windlass-alerts-test.yaml

jq -r '.panels[].targets[].expr' "$dashboard" >expressions
ok "the dashboard has panels" test "$(wc -l <expressions)" -ge 20
is "$(jq -r '[.panels[].id] | length - (unique | length)' "$dashboard")" 0 \
	"each with an id of its own"
is "$(jq -r '[.panels[].targets[].datasource.uid] | unique[]' "$dashboard")" \
	"\${datasource}" "and the data source that is chosen"
# its expressions as rules, with values for Grafana's variables
sed -e 's/\$__rate_interval/5m/g' -e 's/\$channel/.*/g' expressions |
	jq -Rn '{groups: [{name: "dashboard", rules: [inputs | {record: "a:b:c", expr: .}]}]}' \
		>dashboard-rules.json
ok "Prometheus takes its expressions" "$promtool" check rules --lint=none \
	dashboard-rules.json

# ---- a live engine ----
cluster_use
cluster_namespace metrics
channel=metrics-$$
value() {
	curl -s "http://$METRICS/metrics" | sed -n "s/^$1 //p"
}
is_value() { [ "$(value "$1")" = "$2" ]; }
make_host host.git "$channel"
make_clone host.git work
put work "deploy/$channel/settings.yaml" ConfigMap settings "$ns" one
more work "deploy/$channel/settings.yaml" ConfigMap others "$ns" two
refused_service "work/deploy/$channel/service.yaml"
commit_push work first
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" --namespaces "$ns" >/dev/null ||
	bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
of="{channel=\"$channel\"}"
ok "a channel that fails" wait_for 30 is_value \
	"windlass_objects{channel=\"$channel\",state=\"failed\"}" 1
ok "its error has a class" [ "$(value "windlass_apply_errors_total{channel=\"$channel\",class=\"permanent\"}")" -ge 1 ]
is "$(value "windlass_channel_condition{channel=\"$channel\",condition=\"Applied\"}")" \
	0 "its conditions are there"
rm "work/deploy/$channel/service.yaml"
commit_push work second
ok "the next bundle is applied" wait_applied "$channel" 2 30
ok "the sequences say so" wait_for 10 is_value "windlass_applied_sequence$of" 2
is "$(value "windlass_head_sequence$of") $(value "windlass_accepted_sequence$of")" \
	"2 2" "of head, accepted and applied"
age=$(($(date +%s) - $(value "windlass_head_issued_timestamp_seconds$of")))
ok "the age of the head ($age s)" [ "$age" -ge 0 -a "$age" -lt 120 ]
is $(($(value "windlass_head_expires_timestamp_seconds$of") - \
	$(value "windlass_head_issued_timestamp_seconds$of"))) 86400 \
	"and its life"

k -n "$ns" patch configmap settings -p '{"data":{"text":"edited"}}' >/dev/null
k -n "$ns" delete configmap others >/dev/null
ok "a repair of what was changed" wait_for 20 is_value \
	"windlass_drift_repairs_total{channel=\"$channel\",cause=\"changed\"}" 1
ok "and of what was deleted" wait_for 20 is_value \
	"windlass_drift_repairs_total{channel=\"$channel\",cause=\"deleted\"}" 1
is "$(value "windlass_drift_fights_total$of")" 0 "no fight yet"
for _ in 1 2 3 4 5 6 7 8; do
	k -n "$ns" patch configmap settings -p '{"data":{"text":"mine"}}' \
		>/dev/null
	wait_for 5 sh -c "[ \"\$('$KUBECTL' -n '$ns' get configmap settings -o 'jsonpath={.data.text}')\" = one ]" ||
		break
done
ok "a fight is counted" wait_for 20 is_value \
	"windlass_drift_fights_total$of" 1

# ---- the page ----
curl -s -D head.old "http://$METRICS/metrics" >page.old
like "$(cat head.old)" 'text/plain; version=0.0.4' "the format that all know"
ok "it has nothing to complain about" sh -c \
	"'$promtool' check metrics <page.old >complaints 2>&1"
is "$(cat complaints)" "" "not even of style"
curl -s -D head.new -H 'Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5' \
	"http://$METRICS/metrics" >page.new
like "$(cat head.new)" 'application/openmetrics-text; version=1.0.0' \
	"OpenMetrics for those who prefer it"
is "$(tail -n 1 page.new)" "# EOF" "with its end"
# Prometheus' parser of OpenMetrics wants times for this
sed "/^#/!s/\$/ $(date +%s)/" page.new >page.timed
ok "Prometheus reads that, too" "$promtool" tsdb create-blocks-from \
	openmetrics page.timed blocks
sed 's/^# EOF/# END/' page.timed >page.bad
not_ok "and would not read anything" "$promtool" tsdb create-blocks-from \
	openmetrics page.bad blocks.bad
is "$(grep -v "^#" page.new | grep -c "settings\|others")" 0 \
	"no series names an object"
like "$(cat page.new)" 'windlass_build_info\{version="[0-9]' "the version"
like "$(cat page.new)" 'windlass_kube_answers_total\{verb="patch",code="4xx"\} [1-9]' \
	"answers by verb and code"
like "$(cat page.new)" 'windlass_kube_request_seconds_count\{verb="patch"\} [1-9]' \
	"and how long they took"
ok "watches are counted" [ "$(value windlass_watches)" -ge 2 -a \
	"$(value windlass_watch_starts_total)" -ge 2 ]
is "$(value windlass_leading)" 1 "it leads"

# ---- what alerts and dashboard name is there ----
names() { grep -ohE '\b(windlass|process)_[a-z_]+' "$@" | sort -u; }
sed -n 's/^\([a-z_]*\)[{ ].*/\1/p' page.old | sort -u >there
{
	grep -v '^ *description:\|^ *summary:\|^#' "$alerts"
	cat expressions
	jq -r '.templating.list[].definition // empty' "$dashboard"
} >named
is "$(names named | comm -23 - there)" "" \
	"alerts and dashboard name metrics that there are"
grep -ohE '(condition|state)=~?"[^"]*"' named | sed 's/.*=~\?"//; s/"//' |
	tr '|' '\n' | sort -u >values
is "$(while read -r v; do grep -q "\"$v\"" page.old || echo "$v"; done <values)" \
	"" "and values of labels that there are"

is "$(grep '^# TYPE' page.old | cut -d' ' -f3 | while read -r name; do
	grep -q "^\.It Ic.*\b$name\b" "$TOP/engine/windlassd.8" || echo "$name"
done)" "" "the manual explains each"

k delete channel "$channel" --wait=false >/dev/null
ok "a channel that is gone has no series" wait_for 30 sh -c \
	"! curl -s 'http://$METRICS/metrics' | grep -q 'channel=\"$channel\"'"
done_testing
