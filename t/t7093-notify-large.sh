#!/bin/bash
# Clusters that have much to say at once: what does not fit into one message is
# told in several.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-notify.sh"

notify_host c{01..10}
change one
receiver_start ours
set_channel $host prod notify "$RECEIVER"

# each byte of them is two in JSON
quotes=$(printf '%01000d' 0 | tr 0 '"')
mkdir -p $host/windlass/prod/reports
for cluster in c{01..10}; do
	for i in {1..20}; do
		failure "Kind.group ${quotes:0:900}" "a.yaml:$i" Reason "$quotes"
	done
	r_cluster=$cluster r_phase=failed r_reason=Failed r_message=$quotes \
		r_objects='20 0 0 20 0 5' report sent
	cp sent "$host/windlass/prod/reports/$cluster"
done
ok "ten clusters fail, and fight, at length" hook $host notify
is "$(events ours | sort -u | grep -cE '^(failed|fighting) c(0.|10) 1\.1$')" 20 \
	"all of it is told"
is "$(events ours | wc -l)" 20 "each once"
ok "in more than one message" test "$(posts ours)" -gt 1
is "$(find ours -name '*.report' -size +1024k)" "" "none of which is too large"
is "$(hook $host notify)" "" "and nothing is left"
done_testing
