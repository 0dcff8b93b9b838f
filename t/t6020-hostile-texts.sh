#!/bin/bash
# What strangers wrote is shown as text, whatever is in it: names of
# committers, messages of the API server, of admission and of Events, values
# of objects. A terminal is never sent an escape sequence, a control
# character of ASCII or C1, what turns the direction around, or broken UTF-8,
# and a line stays one line: on standard output, in an error and in a log.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace hostile
channel=hostile-$$
hostile=$'\e[31m\e]0;x\a\u202eabc\u009b2J\u2028z\x7f'
line='\u001b[31m\u001b]0;x\u0007\u202eabc\u009b2J\u2028z\u007f'
json=$line"\nb"
bad=$'\e|\a|\x7f|\r|\xe2\x80[\xa8-\xae]|\xc2[\x80-\x9f]'

# harmless DESCRIPTION STATUS COMMAND...
harmless() {
	local what=$1 want=$2
	shift 2
	"$@" >out 2>err
	is "$?" "$want" "$what: exit status $want" || test_show err
	ok "$what: something is shown" test -s out -o -s err
	only_text "$what" out err
}
only_text() {
	local what=$1
	shift
	if LC_ALL=C grep -qP "$bad" "$@"; then
		fail "$what: as text"
		LC_ALL=C grep -hP "$bad" "$@" | head -n 3 | cat -v | sed 's/^/# /'
	elif ! iconv -f UTF-8 -t UTF-8 "$@" >/dev/null 2>&1; then
		fail "$what: as UTF-8"
	else
		pass "$what: as text"
	fi
}

make_host host.git "$channel"
make_clone host.git work
mkdir -p "work/deploy/$channel"
long=$(head -c 4095 /dev/zero | tr '\0' x)
cat >"work/deploy/$channel/a.yaml" <<END
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: $ns
  annotations: {note: "$json"}
data:
  text: "$json"
  lines: "one\\n$long$line\\n"
END
push_as() { # NAME MESSAGE
	git -C work add -A
	GIT_COMMITTER_NAME=$1 git -C work commit -qm "$2" && push work
}
ok "a push by a hostile name" push_as "Eve$hostile" "text $hostile"
only_text "what it is answered" push.out
printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: %s}\n' \
	"$ns" >>"work/deploy/$channel/a.yaml"
ok "another, which is no UTF-8" push_as $'Eve\xff\xc3\x9b' $'text \xff'
harmless "log" 0 windlass log --repo host.git "$channel"
harmless "show" 0 windlass show --repo host.git "$channel@1"
cat >terminal.py <<'END'
import os, pty, sys
def read(fd):
    data = os.read(fd, 65536)
    return data.replace(b"\r\n", b"\n")
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))
END
harmless "show, an object" 0 python3 terminal.py windlass show \
	--repo host.git "$channel" "objects/$ns/core/ConfigMap/a.json" </dev/null

# ---- who refuses in admission chooses the words ----
k apply -f - >/dev/null <<END || bail "no policy"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $channel}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}
  validations:
  - expression: "object.metadata.name != 'b'"
    messageExpression: "object.metadata.name + '$line \\\\\\\\\"quoted\\\\\\\\\"'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: $channel}
spec: {policyName: $channel, validationActions: [Deny]}
END
at_exit "k delete validatingadmissionpolicy,validatingadmissionpolicybinding $channel"
refuses() { k -n "$ns" create configmap b --dry-run=server 2>&1 | grep -q "denied"; }
wait_for 20 refuses || bail "the policy does not work"
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start"
ok "an object is refused" wait_line 30 engine.log "apply-failed .*denied request"
only_text "the log" engine.log
ok "the Channel says so" wait_condition "$channel" Applied False 30 ApplyFailed
harmless "status" 1 windlass status "$channel"
like "$(cat out)" 'denied request: b\\x1b\[31m' "with the words"
harmless "events" 0 windlass events "$channel"
harmless "doctor" 1 windlass doctor

# ---- who may write Events and status writes what they like ----
stop engine
k patch channel "$channel" --subresource status --type merge -p "{\"status\": {
	\"conditions\": [{\"type\": \"Ready\", \"status\": \"False\", \"reason\": \"$line\",
		\"message\": \"$json\", \"lastTransitionTime\": \"2026-01-01T00:00:00Z\"}],
	\"applied\": {\"sourceCommit\": \"$json\", \"at\": \"$json\"},
	\"failures\": [{\"object\": \"$json\", \"source\": \"$json\",
		\"reason\": \"$json\", \"message\": \"$json\"}]}}" >/dev/null ||
	bail "no status"
k create -f - >/dev/null <<END || bail "no Event"
{"apiVersion": "v1", "kind": "Event", "metadata": {"name": "$channel.x", "namespace": "default"},
"involvedObject": {"apiVersion": "windlass.dev/v1alpha1", "kind": "Channel", "name": "$channel"},
"type": "Warning$json", "reason": "R$json", "message": "$(printf %0900000d 0)$json",
"lastTimestamp": "2026-11-29T10:00:00Z", "source": {"component": "windlassd"}}
END
at_exit "k -n default delete event $channel.x"
harmless "a hostile status" 1 windlass status "$channel"
harmless "completion" 0 windlass --complete status "$channel"
like "$(cat out)" "^$channel	" "of a live channel, at the prompt"
harmless "a hostile Event" 0 windlass events "$channel"
is "$(grep -c "  $channel  " out)" "$(wc -l <out)" "each on one line"

k -n "$ns" patch configmap a --type merge \
	-p "{\"data\": {\"text\": \"$json$json\", \"lines\": \"one\\n$long$json$json\\n\"}}" >/dev/null
harmless "diff --live" 1 windlass diff --live --repo host.git "$channel"
like "$(cat out)" '\+one|x\\x1b\[31m' "whole characters, where a line is long"

# ---- what the user typed, or another program did ----
for command in "suspend $hostile" "status $hostile" "$hostile" \
	"diff --repo host.git $channel $hostile" "explain $hostile" \
	"status --output $hostile" "show --repo host.git $channel objects/$hostile"
do
	windlass $command >out 2>err
	only_text "windlass ${command%% *} with a hostile word" out err
done
done_testing
