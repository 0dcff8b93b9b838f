#!/bin/bash
# A push is told what its objects say of others that are not there, and what
# the admin does not allow; what it did not touch is not read.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

make_host host.git prod
make_clone host.git work
# config NAME KEY...
config() {
	local name=$1 key
	shift
	printf '%s\n' "apiVersion: v1" "kind: ConfigMap" \
		"metadata: {name: $name, namespace: demo}" "data:"
	for key; do echo "  $key: x"; done
}
# workload NAME CONFIGMAP [KEY]
workload() {
	printf '%s\n' "apiVersion: apps/v1" "kind: Deployment" \
		"metadata: {name: $1, namespace: demo}" "spec:" \
		"  selector: {matchLabels: {app: $1}}" "  template:" \
		"    metadata: {labels: {app: $1}}" "    spec:" \
		"      containers:" "      - name: c" "        image: i:1" \
		"        env:" "        - name: A" \
		"          valueFrom: {configMapKeyRef: {name: $2, key: ${3-a}}}"
}
service() {
	printf '%s\n' "apiVersion: v1" "kind: Service" \
		"metadata: {name: $1, namespace: demo}" \
		"spec: {selector: {app: $1}, ports: [{port: 80}]}"
}
mkdir -p work/deploy/prod
put work deploy/prod/ns.yaml Namespace demo
config one a >work/deploy/prod/one.yaml
workload web one >work/deploy/prod/web.yaml
service web >work/deploy/prod/service.yaml
ok "a start" commit_push work start
unlike "$(cat push.out)" warning "without a warning"

# ---- against what the bundle has ----

workload api one b >work/deploy/prod/api.yaml
ok "a key of an object that the push does not touch" commit_push work api
like "$(cat push.out)" "deploy/prod/api.yaml:14:.* warning: ConfigMap 'one' has no key 'b'.*\[reference-key\]" \
	"is looked for in the bundle"
is "$(grep -c warning: push.out)" 1 "and told once"
service wbe >work/deploy/prod/other.yaml
ok "a Service for nobody" commit_push work service
like "$(cat push.out)" 'other.yaml:4:.*\[reference-selector\]' "is told of"
unlike "$(cat push.out)" 'api.yaml' "what is older is not repeated"
service api >work/deploy/prod/other.yaml
ok "one for a workload of the bundle" commit_push work service2
unlike "$(cat push.out)" warning "is fine"
echo '# a comment' >>work/deploy/prod/api.yaml
ok "an object that does not change" commit_push work comment
unlike "$(cat push.out)" warning "is not touched"

# ---- with what the push brings, and takes ----

config two z >work/deploy/prod/two.yaml
workload api two z >work/deploy/prod/api.yaml
ok "both ends in one push" commit_push work both
unlike "$(cat push.out)" warning "are fine"
git -C work rm -q deploy/prod/one.yaml
sed -i 's/image: i:1/image: i:2/' work/deploy/prod/web.yaml
ok "a ConfigMap goes, its user changes" commit_push work gone
like "$(cat push.out)" "web.yaml:14:.* warning: this channel has no ConfigMap demo/one.*\[reference-missing\]" \
	"it is missing already"
git -C work rm -q deploy/prod/two.yaml
ok "one goes and its user stays as it was" commit_push work gone2
unlike "$(cat push.out)" warning "that is out of reach"
ok "reading everything" hook host.git publish --rerender prod
is "$(hook host.git doctor 2>&1 | grep -c reference)" 0 "does not speak of it"

config three a >work/deploy/prod/three.yaml
workload c three >work/deploy/prod/c.yaml
ok "more" commit_push work more
workload d three >work/deploy/prod/d.yaml
ok "and more" commit_push work d

# ---- with the lines in question ----

printf '%s\n' 'apiVersion: v1' 'kind: ConfigMap' \
	'metadata: {name: f, labels: {a: "äx中", b: 1}}' \
	>work/deploy/prod/f.yaml
printf '%s\n' 'apiVersion: v1' 'kind: Secret' 'metadata: {name: s}' \
	'stringData: {a: [hunter2]}' >work/deploy/prod/s.yaml
printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: a_b}' \
	>"work/deploy/prod/g.yaml"
commit work lines
not_ok "a push that is refused" push work
unlike "$(cat push.out)" '\^' "has no lines"
not_ok "with -o lines" push work -o lines
like "$(cat push.out)" '^remote:     metadata: .name: a_b. *$' "has them"
like "$(cat push.out)" '^remote:                      \^ *$' "and carets"
is "$(grep -A 1 'a: "?x??", b: 1' push.out | sed -n '$s/ *$//p')" \
	"remote: $(printf '%48s' '^')" "which stand right"
is "$(grep -c '^remote:     ' push.out) $(grep -cP '[^\x00-\x7f]' push.out)" \
	"$(($(grep -c '\^ *$' push.out) * 2)) 0" "in ASCII"
unlike "$(cat push.out)" hunter2 "but none that may hold a secret"
git -C work reset -q --hard HEAD^

# ---- strict ----

set_channel host.git prod strict true
workload e none >work/deploy/prod/e.yaml
commit work e
not_ok "strict: it is refused" push work
like "$(cat push.out)" 'e.yaml:14:.* error: .*\[reference-missing\]' "as an error"
git -C work reset -q --hard HEAD^
sed -i 's/image: i:1/image: i:2/' work/deploy/prod/d.yaml
ok "strict: what was not touched does not hinder others" \
	commit_push work d2
git -C host.git config --unset windlass.prod.strict

# ---- policy ----

# policy KEY VALUE: set it, and nothing else of the policy
policy() {
	local key
	for key in namespaces kinds clusterScoped imagePolicy requiredLabels; do
		git -C host.git config --unset-all "windlass.prod.$key"
	done
	[ $# -eq 0 ] || git -C host.git config "windlass.prod.$1" "$2"
}
config p a >work/deploy/prod/p.yaml
commit work p
policy namespaces other
not_ok "a namespace that is not allowed" push work
like "$(cat push.out)" '\[policy-namespace\]' "is refused"
like "$(cat push.out)" 'web.yaml:3:.*\[policy-namespace\]' \
	"all files are read when the policy changes"
policy kinds ConfigMap
not_ok "a kind that is not allowed" push work
like "$(cat push.out)" '\[policy-kind\]' "is refused"
policy imagePolicy digest
not_ok "an image without a digest" push work
like "$(cat push.out)" "image 'i:2' has no digest.*\[policy-image\]" "is refused"
policy requiredLabels owner
not_ok "a label that is missing" push work
like "$(cat push.out)" '\[policy-label\]' "is refused"
policy imagePolicy latest
not_ok "a policy that is none" push work
like "$(cat push.out)" "windlass.prod.imagePolicy = 'latest': must be any, tag or digest" \
	"refuses every push"
hook host.git doctor >doctor.out 2>&1
not_ok "doctor" hook host.git doctor
like "$(cat doctor.out)" "windlass.prod.imagePolicy = 'latest'" "shows it"
policy clusterScoped Namespace
ok "what is allowed" push work
policy imagePolicy tag
workload latest p >work/deploy/prod/latest.yaml
sed -i 's/image: i:1/image: i/' work/deploy/prod/latest.yaml
commit work latest
not_ok "latest" push work
like "$(cat push.out)" "latest.yaml:11:.*\[policy-image\]" "is refused"

done_testing
