#!/bin/bash
# The key of the engine's reports: made once, in the one Secret that the
# engine's own account may fill, whoever comes first; never overwritten, never
# told; and one reporter at a time.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-receiver.sh"
cluster_own
ns=shop
k create namespace $ns >/dev/null
own() { k -n windlass-system "$@"; }
secret_key() { own get secret windlassd-reporter -o 'jsonpath={.data.ssh-privatekey}'; }
set_key() { # FILE
	own patch secret windlassd-reporter --type merge \
		-p "{\"data\":{\"ssh-privatekey\":\"$(base64 -w0 "$1")\"}}" >/dev/null
}
push_text() {
	put work deploy/prod/web.yaml ConfigMap web $ns "$1"
	commit_push work "$1" || bail "$(cat push.out)"
}
message() { k get channel prod -o 'jsonpath={.status.reporter.message}'; }
says() { [[ $(message) == *"$1"* ]]; }
says_nothing() { [ -z "$(message)" ]; }
metric() { curl -s "http://$1/metrics" | sed -n "s/^$2{channel=\"prod\"} //p"; }
image=registry.example.org/windlassd@sha256:$(printf '0%.0s' $(seq 64))

make_host host.git prod
make_clone host.git work
push_text one
serve_start host.git || bail "serve does not start"
receiver_start || bail "the receiver does not start"
install() {
	windlass install --image "$image" --apply "$@" &&
		windlass install prod --from host.git --url "$URL" \
			--namespaces $ns --apply
}
ok "install" install
own scale deployment windlassd --replicas 0 >/dev/null	# of no process here
is "$(own get secret windlassd-reporter -o 'jsonpath={.data}')" "" "its Secret is empty"
report_to prod

# ---- what the engine's account may ----
may() { own auth can-i "$@" --as system:serviceaccount:windlass-system:windlassd; }
is "$(may patch secret/windlassd-reporter; may get secret/windlassd-reporter)" \
	"yes
yes" "the engine's account may fill this Secret"
for what in 'create secrets' 'update secret/windlassd-reporter' \
	'delete secret/windlassd-reporter' 'patch secret/another' \
	'patch secrets' 'list secrets' 'watch secrets'; do
	is "$(may $what)" no "and not $what"
done

# ---- as that account ----
k config view --raw --flatten >own.kubeconfig
k config --kubeconfig own.kubeconfig set-credentials own \
	--token="$(own create token windlassd)" >/dev/null
k config --kubeconfig own.kubeconfig set-context --current --user=own >/dev/null
engine() { # NAME [OPTION...]
	local name=$1 port
	shift
	port=$(free_port)
	printf -v "metrics_$name" '127.0.0.1:%s' "$port"
	start "$name" windlassd --kubeconfig "$TRASH/own.kubeconfig" \
		--state "$TRASH/state-$name" --metrics "127.0.0.1:$port" "$@"
	wait_line 30 "$name.log" ' ready '
}
engine engine || bail "windlassd does not start: $(cat engine.log)"
ok "it makes its key and reports" wait_report 60 phase healthy sequence 1
line=$(reporters_line engine)
ok "signed by it" stock_report "$report"
secret_key | base64 -d >key.good
chmod 600 key.good
is "$(ssh-keygen -y -f key.good | cut -d' ' -f1,2)" "${line#* * }" "the Secret has the private half"
is "$(own get secret windlassd-reporter -o jsonpath='{.data}' | jq -r 'keys[]')" \
	ssh-privatekey "and nothing else"
ok "installing again" install
is "$(secret_key | base64 -d | cmp - key.good && echo same)" same "leaves it as it is"
own scale deployment windlassd --replicas 0 >/dev/null
stop engine TERM

# ---- damaged ----
ssh-keygen -q -t ecdsa -N '' -f key.ecdsa
ssh-keygen -q -t ed25519 -N 'passphrase' -f key.locked
head -c 200 key.good >key.cut
sed 's/^b3Blbn/b3Blbm/' key.good >key.flipped
: >key.empty
head -c 20000 /dev/zero >key.large
for bad in ecdsa locked cut flipped empty large; do
	set_key key.$bad
	push_text "bad $bad"
	n=$(reports_count)
	ok "an engine with a key that is $bad" engine bad_$bad
	sequence=$(trailer host.git prod Sequence)
	ok "works" wait_applied prod "$sequence" 60
	ok "and says that it is damaged, and what to do" \
		wait_for 20 says 'is damaged: its key ssh-privatekey '
	is "$(reports_count)" "$n" "it reports nothing"
	ok "the Secret stays as it is" cmp <(secret_key | base64 -d) key.$bad
	is "$(grep -c ' reporter-key-missing ' bad_$bad.log)" 1 "the log has it once"
	{
		sed '1d;$d' key.$bad | head -c 4000
		secret_key | fold -w 60
		echo "of an empty one nothing can be told"
	} | tr -d '\0' | grep '[^ ]\{20\}\|told$' >parts
	is "$(cat bad_$bad.log <(k get channel prod -o json) | grep -cFf parts)" 0 \
		"and nothing of it"
	[ $bad = large ] || stop bad_$bad TERM
done
set_key key.good
ok "put right while it runs" wait_for 60 says_nothing
ok "it reports" wait_report 30 phase healthy sequence "$sequence"
ok "by the key that there was" stock_report "$report" "$line"
stop bad_large TERM

# ---- an older installation ----
own delete secret windlassd-reporter >/dev/null
push_text without
ok "an engine without the Secret" engine without
ok "works" wait_applied prod "$(trailer host.git prod Sequence)" 60
ok "and says what to do" wait_for 20 says 'is not there: `windlass install`'
own get role windlassd -o json | jq 'del(.rules[] | select(.resourceNames == ["windlassd-reporter"]))' |
	k apply -f - >/dev/null 2>&1
own create secret generic windlassd-reporter >/dev/null
ok "nor with one that it may not fill" wait_for 60 says 'is empty and may not be written'
ok "the channel is ready" wait_ready prod 30
own delete secret windlassd-reporter >/dev/null
ok "installing this version" install
own scale deployment windlassd --replicas 0 >/dev/null
stop without TERM
engine without || bail "windlassd does not start"
ok "makes a key" wait_report 60 phase healthy
new=$(reporters_line without)
ok "a new one" [ -n "$new" -a "$new" != "$line" ]
ok "that it reports by" stock_report "$report" "$new"
stop without TERM

# ---- two engines ----
for round in 1 2 3; do
	reporters_reset
	for name in a b; do
		start $name windlassd --kubeconfig "$TRASH/own.kubeconfig" \
			--state "$TRASH/state-$name" --metrics off --no-leader-elect
	done
	for name in a b; do
		wait_line 30 $name.log ' reporter cluster='
	done
	is "$(reporters_line a)" "$(reporters_line b)" "two at once have one key ($round)"
	secret_key | base64 -d >key.both
	chmod 600 key.both
	is "$(reporters_line a | cut -d' ' -f4)" \
		"$(ssh-keygen -y -f key.both | cut -d' ' -f2)" "the Secret's"
	stop a KILL
	stop b KILL
done
engine a --cluster eu-1
ok "the one that leads" wait_report 60 cluster eu-1 phase healthy
engine b --cluster eu-1
ok "reports" [ "$(metric "$metrics_a" windlass_reports_sent_total)" -ge 1 ]
push_text both
sequence=$(trailer host.git prod Sequence)
ok "alone" wait_report 30 phase healthy sequence "$sequence"
is "$(metric "$metrics_b" windlass_reports_sent_total)" 0 "the other one says nothing"
unlike "$(cat b.log)" ' reporter ' "nor reads the key"
last=$(newest counter)
stop a TERM
ok "until it leads" wait_report 60 phase healthy sequence "$sequence"
ok "it goes on from the counter" [ "$(field "$report" counter)" -gt "$last" ]
is "$(reporters_line b)" "$(reporters_line a)" "by the same key"
ok "which signs" stock_report "$report" "$(reporters_line b)"
done_testing
