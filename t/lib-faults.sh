# An engine under faults. Source it after lib-engine.sh.
#
#   proxy_start               the fault proxy in front of the API server; its
#                             kubeconfig is $PROXIED, its log proxy.log
#   rules [RULE...]           what it does from now on; nothing without any
#   configs COUNT TEXT        writes COUNT ConfigMaps o-N of $ns with that text
#                             into the channel's folder of work/
#   text NAME                 prints a ConfigMap's text
#   is_text NAME TEXT
#   undone WHAT NAME [SECONDS]   edits that ConfigMap; passes if the engine
#                             undoes it, and prints how long that took
#   told WHAT OBJECT SOURCE TEXT   passes if the Channel's status says of that
#                             object that it fails, in these words (jq's test),
#                             with that file:line
#   metric NAME               a metric without labels
#   cost_begin                counts from here on:
#   cost_is DESCRIPTION REQUESTS SECONDS   passes if the engine has sent at
#                             most so many requests through the proxy and used
#                             at most so much CPU time
#   rss                       the engine's memory, KiB
#   webhook_start             t/webhook.py at $WEBHOOK, whose authority is
#                             $WEBHOOK_CA (base64)
#   webhook MODE              what it does from now on

proxy_start() {
	touch "$TRASH/rules"
	start proxy "$WINDLASS_BUILD/t/tool/fault-proxy" "$KUBECONFIG" \
		"$TRASH/rules"
	wait_line 20 proxy.log '^port ' || bail "no proxy: $(cat proxy.log)"
	PROXIED=$TRASH/proxied.conf
	cat >"$PROXIED" <<-END
	apiVersion: v1
	kind: Config
	current-context: c
	clusters: [{name: c, cluster: {server: "http://127.0.0.1:$(sed -n 's/^port //p' proxy.log)"}}]
	users: [{name: u, user: {}}]
	contexts: [{name: c, context: {cluster: c, user: u}}]
	END
}

# as the proxy reads and rewrites it: under its lock
rules() {
	(
		flock 9
		[ $# -eq 0 ] || printf '%s\n' "$@"
	) 9>>"$TRASH/rules" >"$TRASH/rules.new"
	flock "$TRASH/rules" cp "$TRASH/rules.new" "$TRASH/rules"
}
# not a rule is left that still waits to be used
used_up() { ! grep -q '^[1-9]' "$TRASH/rules"; }

configs() {
	local i file=work/deploy/$channel/all.yaml
	mkdir -p "${file%/*}"
	for ((i = 1; i <= $1; i++)); do
		printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: o-%s, namespace: %s}\ndata: {text: "%s"}\n' \
			"$i" "$ns" "$2"
	done >"$file"
}

text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }

undone() {
	local was began
	was=$(text "$2")
	k -n "$ns" patch configmap "$2" -p '{"data":{"text":"edited"}}' >/dev/null
	began=$(date +%s%3N)
	ok "$1" wait_for "${3:-10}" is_text "$2" "$was" &&
		echo "# undone after $(($(date +%s%3N) - began)) ms"
}

is_told() {
	k get channel "$channel" -o json | jq -e --arg o "$1" --arg s "$2" \
		--arg t "$3" '.status.failures[] | select((.object | contains($o))
		and (.source // "" | test($s)) and (.message | test($t)))' >/dev/null
}
told() {
	ok "$1" wait_for 40 is_told "$2" "$3" "$4" ||
		k get channel "$channel" -o json | jq -c '.status.failures' |
		head -c 2000 | sed 's/^/# /'
}

metric() { curl -s "http://$METRICS/metrics" | sed -n "s/^$1 //p"; }
rss() { echo $(($(metric process_resident_memory_bytes | cut -d. -f1) / 1024)); }

cost_begin() {
	cost_lines=$(wc -l <proxy.log)
	cost_cpu=$(metric process_cpu_seconds_total)
	cost_time=$(date +%s%3N)
}

cost_is() {
	local requests cpu
	requests=$(($(wc -l <proxy.log) - cost_lines))
	cpu=$(perl -e 'printf "%.2f", $ARGV[0] - $ARGV[1]' \
		"$(metric process_cpu_seconds_total)" "$cost_cpu")
	echo "# in $(($(date +%s%3N) - cost_time)) ms: $requests requests, $cpu s of CPU"
	ok "$1" perl -e 'exit !($ARGV[0] <= $ARGV[1] && $ARGV[2] <= $ARGV[3])' \
		"$requests" "$2" "$cpu" "$3"
}

webhook_start() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout webhook.key -out webhook.crt -days 2 -subj /CN=webhook \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	webhook allow
	start webhook python3 "$TEST_DIR/webhook.py" webhook.crt webhook.key \
		webhook.mode
	wait_line 20 webhook.log '^port ' || bail "no webhook: $(cat webhook.log)"
	WEBHOOK=https://127.0.0.1:$(sed -n 's/^port //p' webhook.log)
	WEBHOOK_CA=$(base64 -w0 webhook.crt)
}
webhook() { echo "$1" >"$TRASH/webhook.new" && mv "$TRASH/webhook.new" "$TRASH/webhook.mode"; }
