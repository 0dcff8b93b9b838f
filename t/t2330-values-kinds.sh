#!/bin/bash
# The values of kinds without Pods: what is said of what the API server would
# refuse, to the letter, and nothing of what it takes. t/fixtures/values/bad/
# has manifests with what is said of them beside; after a change of messages
# make the texts again (UPDATE=yes) and read the difference.
. "$(dirname "$0")/lib.sh"

fixtures=$TEST_DIR/fixtures/values
check() { windlass check --allow-secrets --namespace demo "$@"; }

cd "$fixtures/good" || bail "no fixtures"
for file in *.yaml; do
	is "$(check "$file" | grep -v ': warning: \|^1 file,')" "" \
		"good/$file is taken"
done

cd "$fixtures/bad" || bail "no fixtures"
for file in *.yaml; do
	said=$(check "$file")
	is "$?" 1 "bad/$file is refused"
	[ -z "${UPDATE:-}" ] || printf '%s\n' "$said" >"${file%.yaml}.txt"
	is "$said" "$(cat "${file%.yaml}.txt")" "and why"
	unlike "$said" 'hunter2|aHVudGVyMg' "no secret is shown"
done

# An older server takes what a newer one does not.
cd "$TRASH" || bail "no directory"
cat >service.yaml <<'END'
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {clusterIP: 010.0.0.1, externalIPs: ["::ffff:192.0.2.1"], ports: [{port: 80}]}
END
ok "leading zeros, and IPv4 in IPv6, in 1.35" \
	check --kubernetes 1.35 service.yaml
not_ok "not in 1.36" check service.yaml
cat >ingress.yaml <<'END'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a}
spec: {defaultBackend: {service: {name: 1a, port: {number: 80}}}}
END
ok "a Service whose name begins with a digit, in 1.36" check ingress.yaml
not_ok "not in 1.35" check --kubernetes 1.35 ingress.yaml

done_testing
