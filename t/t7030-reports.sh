#!/bin/bash
# What an engine reports to the Git host: each phase of a rollout, in the words
# of the Channel's status, signed so that stock ssh-keygen verifies it; and
# never a secret.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-receiver.sh"
cluster_use
cluster_namespace reports
channel=reports-$$
dir=work/deploy/$channel
make_key alice

bundle_id() { bundle host.git "$channel"; }
status() { k get channel "$channel" -o "jsonpath={.status.$1}"; }

last_says() { grep -q "$1" "$(report_of last)"; }

make_host host.git "$channel"
set_channel host.git "$channel" deleteLimit 1000
set_channel host.git "$channel" secrets allow
approver_line alice keys/alice >approvers
set_channel host.git "$channel" approvers "$TRASH/approvers"
make_clone host.git work
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" one
commit_push work first || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start"
receiver_start || bail "the receiver does not start"
channel_install host.git "$channel" --namespaces "$ns" >install.out ||
	bail "install failed"
like "$(cat install.out)" 'Secret windlass-system/windlassd-reporter (created|unchanged)' \
	"install makes a Secret for the key"
report_to "$channel"
reporters_reset

# ---- a rollout ----
engine_start --cluster eu-1 || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle that is live is reported" wait_report 60 phase healthy sequence 1
ok "stock ssh-keygen verifies it" stock_report "$report"
line=$(reporters_line engine)
like "$line" '^eu-1 namespaces="report-v1@windlass.dev" ssh-ed25519 [A-Za-z0-9+/]+$' \
	"the log says by whose key"
is "$(field "$report" cluster) $(field "$report" channel) $(field "$report" bundle)" \
	"eu-1 $channel $(bundle_id)" "for which cluster, channel and bundle"
is "$(field "$report" channel-id)" "$(git -C host.git config "windlass.$channel.id")" \
	"and channel id"
is "$(field "$report" objects) $(field "$report" applied)" \
	"1 1 0 0 0 0 1.1 $(bundle_id)" "what is live"
ok "the status says so a moment later" wait_ready "$channel" 30
is "$(field "$report" reason): $(field "$report" message)" \
	"Live: $(k get channel "$channel" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].message}')" \
	"in the words of the status"
is "$(status reporter.cluster) $(status reporter.key)" \
	"eu-1 ${line#* * }" "the status says who reports"
windlass status "$channel" >out 2>err
is "$(tail -n 1 out)" "$line" "and windlass status prints the line for the Git host"
is "$(windlass status | grep -cF "$line")" 1 "once"
like "$(cat "${report%.report}.request")" '^POST /report$' "it was posted"
like "$(cat "${report%.report}.request")" '^Content-Type: text/plain' "as text"

put work "deploy/$channel/web.yaml" ConfigMap web "$ns" two
commit_push work second
ok "the next bundle is too" wait_report 30 phase healthy sequence 2
is "$(field "$report" bundle)" "$(bundle_id)" "by its id"
rising() { [ "$(field "$1" counter)" -lt "$(field "$2" counter)" ]; }
ok "counters rise" rising "$(report_of 1)" "$report"
n=$(reports_count)
sleep 2
is "$(reports_count)" "$n" "and nothing more is said while nothing moves"
k -n "$ns" delete configmap web >/dev/null
ok "what is undone in a moment" wait_for 20 k -n "$ns" get configmap web
sleep 1
since_then() {
	local i
	for ((i = n + 1; i <= $(reports_count); i++)); do
		cat "$(report_of "$i")"
	done
}
unlike "$(since_then)" '^phase (applying|failed)' "is no other phase"

# ---- failures ----
cat >"$dir/login.yaml" <<END
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: $ns}
stringData: {password: swordfish-$$}
END
commit_push work secret
ok "a Secret" wait_report 30 phase healthy sequence 3
k -n "$ns" patch secret login --type merge -p '{"immutable":true}' >/dev/null
sed -i "s/swordfish/trouble/" "$dir/login.yaml"
refused_service "$dir/service.yaml"
commit_push work bad || bail "$(cat push.out)"
ok "what the API server refuses is failed" wait_report 30 phase failed \
	sequence 4 failures 2
ok "signed like all others" stock_report "$report"
is "$(field "$report" applied)" "1.3 $(git -C host.git rev-parse "refs/windlass/$channel^")" \
	"what was live before is still said"
like "$(cat "$report")" "^failure Service $ns/refused\$" "each failure by its object"
like "$(grep -A1 '^failure Service' "$report")" "^at deploy/$channel/service.yaml:1\$" \
	"with its file and line"
like "$(grep -A3 '^failure Service' "$report")" '^message .*spec\.clusterIP' \
	"and the API server's words"
like "$(cat "$report")" "^failure Secret $ns/login\$" "a Secret by its name"
values() {
	local v
	for v in "swordfish-$$" "trouble-$$"; do
		printf '%s\n' "$v"
		printf %s "$v" | base64 -w0
		echo
	done
}
values >values
is "$(cat reports/* engine.log | grep -cFf values)" 0 "and not by its value"
is "$(values | grep -cFf values)" 4 "which would be seen"
rm "$dir/service.yaml" "$dir/login.yaml"
commit_push work repaired || bail "$(cat push.out)"
ok "all is well again" wait_report 30 phase healthy sequence 5 failures 0

# a pod that no image can be had for: it is on no node, so that nobody else
# writes its status
cat >"$dir/app.yaml" <<END
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: $ns}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      nodeSelector: {nowhere: "yes"}
      containers: [{name: app, image: registry.example.org/app:nonsense}]
END
k patch channel "$channel" --type merge -p '{"spec":{"healthTimeout":"8s"}}' >/dev/null
commit_push work app || bail "$(cat push.out)"
pod() { k -n "$ns" get pods -l app=app -o 'jsonpath={.items[0].metadata.name}'; }
has_pod() { [ -n "$(pod)" ]; }
ok "a pod" wait_for 30 has_pod
k -n "$ns" patch pod "$(pod)" --subresource status --type merge -p '{"status":{
	"conditions":[{"type":"PodScheduled","status":"True","lastTransitionTime":null}],
	"containerStatuses":[{"name":"app","image":"registry.example.org/app:nonsense",
	"imageID":"","ready":false,"restartCount":0,"state":{"waiting":{
	"reason":"ImagePullBackOff","message":"Back-off pulling image \"registry.example.org/app:nonsense\""}}}]}}' \
	>/dev/null
ok "it is applying" wait_report 30 phase applying sequence 6
ok "and failed in the end" wait_report 60 phase failed sequence 6
like "$(cat "$report")" "^failure Deployment.apps $ns/app\$" "by the name of its Deployment"
like "$(cat "$report")" "^at deploy/$channel/app.yaml:1\$" "with file and line"
# it failed before its pods were looked at
ok "why" wait_for 30 last_says ImagePullBackOff
report=$(report_of last)
like "$(cat "$report")" 'registry.example.org/app:nonsense' "and which image"
ok "signed" stock_report "$report"
rm "$dir/app.yaml"
commit_push work gone || bail "$(cat push.out)"
ok "and gone" wait_report 30 phase healthy sequence 7

# ---- not taken ----
put work "deploy/$channel/elsewhere.yaml" ConfigMap elsewhere kube-public two
commit_push work elsewhere || bail "$(cat push.out)"
ok "what the Channel does not allow is refused" wait_report 30 phase refused sequence 8
like "$(field "$report" message)" "namespace 'kube-public' is not in spec.namespaces" "and why"
is "$(field "$report" applied | cut -d' ' -f1)" 1.7 "with what is live"
is "$(field "$report" reason)" PolicyViolation "by the reason of the status"
rm "$dir/elsewhere.yaml"
commit_push work inside || bail "$(cat push.out)"
ok "the next one is live" wait_report 30 phase healthy sequence 9

windlass suspend "$channel" >/dev/null 2>&1
ok "a suspended channel" wait_report 30 phase suspended sequence 9
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" three
commit_push work later
ok "says which bundle it does not take" wait_report 30 phase suspended sequence 10 \
	applied "1.9 $(git -C host.git rev-parse "refs/windlass/$channel^")"
windlass resume "$channel" >/dev/null 2>&1
ok "resumed, it is live" wait_report 30 phase healthy sequence 10

k patch channel "$channel" --type merge -p "$(printf \
	'{"spec":{"approvals":{"required":1,"approvers":"%s\\n"}}}' \
	"$(sed 's/"/\\"/g' approvers)")" >/dev/null
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" four
commit_push work four
ok "one that waits for approval" wait_report 30 phase waiting sequence 11
like "$(field "$report" message)" "alice can give it by .windlass approve $channel" "and whose"
is "$(field "$report" reason)" WaitingForApproval "says so"
git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
ok "approved" approve work keys/alice alice approve \
	"$(git -C work rev-parse "refs/bundles/$channel")"
ok "it is live" wait_report 30 phase healthy sequence 11

# ---- off ----
n=$(reports_count)
report_to "$channel" none
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" five
commit_push work five
put work "deploy/$channel/web.yaml" ConfigMap web "$ns" six
commit_push work six
k patch channel "$channel" --type merge -p '{"spec":{"approvals":null}}' >/dev/null
ok "a channel that reports to nobody works on" wait_applied "$channel" 13 60
is "$(reports_count)" "$n" "in silence"
report_to "$channel" "ftp://example.org/report"
ok "and to nowhere that can be meant" wait_condition "$channel" Ready False 30 InvalidSpec
like "$(condition "$channel" Ready)" 'spec.reportTo must begin with' "which is said"
report_to "$channel"
ok "until it is put right" wait_report 30 phase healthy sequence 13

bad=0
for file in reports/*.report; do
	stock_report "$file" "$line" >/dev/null 2>&1 || bad=$((bad + 1))
done
is "$bad" 0 "every report that came is signed by that key"
ordered() {
	local file last=0 counter
	for file in reports/*.report; do
		counter=$(field "$file" counter)
		[ "$counter" -gt "$last" ] || return 1
		last=$counter
	done
}
ok "each with a higher counter than the one before" ordered
key=$(k -n windlass-system get secret windlassd-reporter -o 'jsonpath={.data.ssh-privatekey}')
base64 -d <<<"$key" >private && chmod 600 private
is "$(ssh-keygen -y -f private | cut -d' ' -f1,2)" "${line#* * }" \
	"stock ssh-keygen reads the private half, too"
sed '1d;$d' private | grep -v '^-' >key.lines
{ fold -w 40 <<<"$key"; cat key.lines; } >key.parts
is "$(cat engine.log reports/* install.out out <(k get channels -o json) | grep -cFf key.parts)" 0 \
	"which is nowhere else"
done_testing
