#!/bin/bash
# `windlass install --rbac-from` and a bundle that asks for everything: what
# amounts to --cluster-admin is not given unless an admin says that, whatever
# way leads to it; what is wide but bounded is given as it is written.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
make_host host.git prod
make_clone host.git work
install_from() {
	windlass install prod --from host.git --url http://git.example.org/ \
		"$@" >out 2>err
}
# bundle KIND [NAMESPACE] <REST: a role or binding, the bundle's only object
bundle() {
	mkdir -p work/deploy/prod
	{
		printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: {name: odd%s}\n' \
			"$1" "${2:+, namespace: $2}"
		cat
	} >work/deploy/prod/a.yaml
	commit_push work "another $((++n))" -o allow-deletes=1 ||
		bail "$(cat push.out)"
}
n=0
refused() { # WHAT KIND
	bundle "${2:-ClusterRole}"
	install_from --rbac-from prod
	is "$? $(wc -c <out)" "1 0" "refused: $1"
	like "$(cat err)" "^windlass: .*${2:-ClusterRole} 'odd' .*--cluster-admin" "and says how, if it is meant"
}
given() { # WHAT REGEX [KIND NAMESPACE]
	bundle "${3:-ClusterRole}" "${4:-}"
	ok "given: $1" install_from --rbac-from prod
	like "$(cat out)" "$2" "as it is written"
}
rule() {
	printf 'rules:\n- {apiGroups: [%s], resources: [%s], verbs: [%s]%s}\n' \
		"$1" "$2" "$3" "${4:-}"
}
rbac=rbac.authorization.k8s.io

refused "everything" \
	< <(rule '"*"' '"*"' '"*"')
refused "everything of the core group, to be anybody too" \
	< <(rule '""' '"*"' '"*"')
refused "everything of RBAC" \
	< <(rule $rbac '"*"' '"*"')
refused "escalate" \
	< <(rule $rbac clusterroles 'get, escalate')
refused "bind" \
	< <(rule $rbac 'secrets, roles' bind)
refused "bind of cluster-admin" \
	< <(rule '"*"' clusterroles bind ', resourceNames: [view, cluster-admin]')
refused "any group" \
	< <(rule '""' 'groups' impersonate)
refused "any account" \
	< <(rule '""' 'serviceaccounts' 'impersonate')
refused "any user" \
	< <(rule '""' 'users' '"*"' ', resourceNames: ["*"]')
refused "the group that may everything" \
	< <(rule '""' 'groups' impersonate ', resourceNames: [system:masters]')
refused "what only a cluster-admin may write" \
	< <(printf 'aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\nrules: []\n')
refused "a binding to cluster-admin" ClusterRoleBinding \
	< <(printf 'roleRef: {apiGroup: %s, kind: ClusterRole, name: cluster-admin}\nsubjects: []\n' $rbac)
ok "all of it by --cluster-admin" install_from --cluster-admin

given "reading everything" '"verbs":\["get","list","watch"\]' \
	< <(rule '"*"' '"*"' 'get, list, watch')
given "bind of one role" '"resourceNames":\["view"\]' \
	< <(rule $rbac clusterroles bind ', resourceNames: [view]')
given "to be one user" '"resourceNames":\["ada"\]' \
	< <(rule '""' users impersonate ', resourceNames: [ada]')
given "everything in a namespace" '^- \{"apiGroups":\["\*"\]' Role shop \
	< <(rule '"*"' '"*"' '"*"')
unlike "$(sed -n '/windlass-channel-prod\.cluster/,/^---/p' out)" '\*' \
	"and not in the cluster"
done_testing
