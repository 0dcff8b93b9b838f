#!/bin/bash
# Definitions of custom resources that come and go under a running engine:
# deleted by hand and made again, versions that are not served any more or are
# gone, another storage version, a conversion webhook that is down, a list that
# becomes atomic. Nothing is pruned, nothing is asked all the time, and in the
# end all is as the bundle says.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace a
channel=defined-$$
group=d$$.example.org
dir=work/deploy/$channel

# definition PLURAL KIND OLD-SERVED NEW-SERVED STORAGE [CONVERSION [LIST-TYPE]]
# with versions v1alpha1 and v1; "-" for a version that is not there
definition() {
	local version served
	cat <<-END
	---
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: $1.$group}
	spec:
	  group: $group
	  scope: Namespaced
	  names: {plural: $1, kind: $2}
	  conversion: ${6:-{strategy: None\}}
	  versions:
	END
	for version in "v1alpha1 $3" "v1 $4"; do
		served=${version#* }
		version=${version% *}
		[ "$served" != - ] || continue
		cat <<-END
		  - name: $version
		    served: $served
		    storage: $([ "$version" = "$5" ] && echo true || echo false)
		    schema:
		      openAPIV3Schema:
		        type: object
		        properties:
		          spec:
		            type: object
		            properties:
		              text: {type: string}
		              items:
		                type: array
		                x-kubernetes-list-type: ${7:-set}
		                items: {type: string}
		END
	done
}
thing() { # FILE KIND NAME TEXT [VERSION]
	printf 'apiVersion: %s/%s\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec: {text: "%s", items: [a, b]}\n' \
		"$group" "${5:-v1}" "$2" "$3" "$ns" "$4" >"$dir/$1.yaml"
}
# by their versions, so that kubectl's own cache of discovery is in no way
of() { k get --raw "/apis/$group/${3:-v1}/namespaces/$ns/$1/$2" 2>/dev/null | jq -r .spec.text; }
is_of() { [ "$(of "$1" "$2" "${4:-v1}")" = "$3" ]; }
edit() { # PLURAL NAME [VERSION]
	jq -n --arg v "$group/${3:-v1}" '{apiVersion: $v, spec: {text: "edited"}}' >patch
	curl -sf --cacert ca.crt -H "Authorization: Bearer $token" -X PATCH \
		-H 'Content-Type: application/merge-patch+json' --data @patch \
		"$server/apis/$group/${3:-v1}/namespaces/$ns/$1/$2" >/dev/null
}
edit_undone() { # WHAT PLURAL NAME WAS [VERSION]
	local began
	edit "$2" "$3" "${5:-v1}" || { fail "$1: the edit fails"; return; }
	began=$(date +%s%3N)
	ok "$1" wait_for 20 is_of "$2" "$3" "$4" "${5:-v1}" &&
		echo "# undone after $(($(date +%s%3N) - began)) ms"
}
quiet() { # WHAT LINES: for six seconds
	local lines cpu
	lines=$(wc -l <engine.log)
	cpu=$(metric process_cpu_seconds_total)
	sleep 6
	lines=$(($(wc -l <engine.log) - lines))
	ok "$1: $lines lines in 6 s" test "$lines" -le "$2"
	ok "$1: no spinning" perl -e 'exit !($ARGV[0] - $ARGV[1] < 0.5)' \
		"$(metric process_cpu_seconds_total)" "$cpu"
}
established() { k wait --for condition=Established "crd/$1.$group" --timeout 20s >/dev/null; }
define() { definition "$@" | k apply --server-side --force-conflicts -f - >/dev/null && established "$1"; }

server=$(sed -n 's/^ *server: //p' "$KUBECONFIG")
token=$(sed -n 's/^ *token: //p' "$CLUSTER/kubeconfig-token")
cp "$CLUSTER/pki/ca.crt" ca.crt
at_exit "k delete crd outers.$group inners.$group olds.$group convs.$group --wait=false"

define outers Outer - true v1 || bail "no definition"
define olds Old true true v1alpha1 || bail "no definition"
define convs Conv true true v1alpha1 || bail "no definition"
{
	definition outers Outer - true v1
	definition olds Old true true v1alpha1
	definition convs Conv true true v1alpha1
} >definitions.yaml
make_host host.git "$channel"
set_channel host.git "$channel" crds "$PWD/definitions.yaml"
make_clone host.git work
mkdir -p "$dir"
definition inners Inner - true v1 >"$dir/definition.yaml"
thing inner Inner in one
thing outer Outer out one
thing old Old old one v1alpha1
thing conv Conv conv one v1alpha1
put work "deploy/$channel/a.yaml" ConfigMap a "$ns" one
commit_push work first || { test_show push.out; bail "the push is refused"; }
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "objects of four definitions are applied" wait_applied "$channel" 1 60

# ---- a definition of the bundle is deleted by hand, with its objects ----
k delete crd "inners.$group" --wait=true --timeout=30s >/dev/null
began=$(date +%s%3N)
ok "a definition of the bundle is made again" wait_for 30 established inners
ok "and its objects" wait_for 60 is_of inners in one
echo "# after $(($(date +%s%3N) - began)) ms"
ok "the channel is ready" wait_ready "$channel" 30
sleep 1
edit_undone "and an edit of one is undone" inners in one

# ---- one that is somebody else's ----
k delete crd "outers.$group" --wait=true --timeout=30s >/dev/null
ok "another's definition is deleted: the condition says so" wait_for 40 \
	eval "condition $channel Ready | grep -q ^False" || echo "# $(condition "$channel" Ready)"
told "and names what waits for it, with file and line" "Outer.$group" \
	"deploy/$channel/outer.yaml:1" .
quiet "while it is away" 10
k -n "$ns" patch configmap a -p '{"data":{"text":"edited"}}' >/dev/null
ok "others are repaired" wait_for 10 is_text a one
define outers Outer - true v1
began=$(date +%s%3N)
ok "it is back: its objects are" wait_for 80 is_of outers out one
echo "# after $(($(date +%s%3N) - began)) ms"
ok "the channel is ready" wait_ready "$channel" 30
sleep 1
edit_undone "and an edit is undone" outers out one

# ---- versions ----
# the storage version moves
define olds Old true true v1
sleep 3
edit_undone "another storage version: an edit is undone" olds old one v1
# the old one is not served any more
define olds Old false true v1
gone_version() { ! k get --raw "/apis/$group/v1alpha1/namespaces/$ns/olds" >/dev/null 2>&1; }
wait_for 20 gone_version
sleep 2
edit olds old
quiet "a version that is not served any more" 12
told "what cannot be applied is told, with file and line" "Old.$group" \
	"deploy/$channel/old.yaml:1" .
ok "and stays" is_of olds old edited
thing old Old old two v1
commit_push work second
began=$(date +%s%3N)
ok "a bundle with the new version is applied" wait_applied "$channel" 2 80 ||
	echo "# $(condition "$channel" Applied)"
echo "# after $(($(date +%s%3N) - began)) ms"
edit_undone "and an edit is undone" olds old two
# and is gone altogether
curl -sf --cacert ca.crt -H "Authorization: Bearer $token" -X PATCH \
	-H 'Content-Type: application/merge-patch+json' \
	--data '{"status":{"storedVersions":["v1"]}}' \
	"$server/apis/apiextensions.k8s.io/v1/customresourcedefinitions/olds.$group/status" >/dev/null
define olds Old - true v1
sleep 3
edit_undone "the version that it was applied in is gone: an edit is undone" olds old two
uid=$(k get --raw "/apis/$group/v1/namespaces/$ns/olds/old" | jq -r .metadata.uid)

# ---- a conversion webhook that is down ----
webhook_start
conversion="{strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: \"$WEBHOOK/\", caBundle: $WEBHOOK_CA}}}"
define convs Conv true true v1alpha1 "$conversion"
converts() { k get --raw "/apis/$group/v1/namespaces/$ns/convs/conv" >/dev/null 2>&1; }
wait_for 20 converts || bail "the conversion webhook is not asked"
sleep 3
edit_undone "by a conversion webhook: an edit is undone" convs conv one v1
stored=$(k get --raw "/apis/$group/v1alpha1/namespaces/$ns/convs/conv" | jq -r .metadata.uid)
webhook fail
fails() { ! converts; }
wait_for 20 fails
put work "deploy/$channel/a.yaml" ConfigMap a "$ns" two
thing conv Conv conv two v1
commit_push work third
ok "it is down: other objects are applied" wait_for 20 is_text a two
quiet "while it is down" 20
told "what waits for it is told, with file and line" "Conv.$group" \
	"deploy/$channel/conv.yaml:1" "conversion webhook"
webhook allow
began=$(date +%s%3N)
ok "it is back: the bundle is applied" wait_applied "$channel" 3 60 ||
	echo "# $(condition "$channel" Applied)"
echo "# after $(($(date +%s%3N) - began)) ms"
edit_undone "an edit is undone" convs conv two v1
is "$(k get --raw "/apis/$group/v1/namespaces/$ns/convs/conv" | jq -r .metadata.uid)" "$stored" \
	"it is the same object as ever"
is "$(k get --raw "/apis/$group/v1/namespaces/$ns/olds/old" | jq -r .metadata.uid)" "$uid" \
	"so is the other"

# ---- a list that becomes atomic ----
define outers Outer - true v1 "" atomic
atomic() { k get --raw "/apis/$group/v1/namespaces/$ns/outers/out" | jq -e --arg m "windlass-$channel" \
	'.metadata.managedFields[] | select(.manager == $m) | .fieldsV1["f:spec"]["f:items"] == {}' >/dev/null; }
ok "a list becomes atomic: our entry is rewritten" wait_for 30 atomic ||
	k get --raw "/apis/$group/v1/namespaces/$ns/outers/out" | jq -c .metadata.managedFields | sed 's/^/# /'
edit_items() {
	curl -sf --cacert ca.crt -H "Authorization: Bearer $token" -X PATCH \
		-H 'Content-Type: application/merge-patch+json' --data '{"spec":{"items":["a","b","c"]}}' \
		"$server/apis/$group/v1/namespaces/$ns/outers/out" >/dev/null
}
items() { [ "$(k get --raw "/apis/$group/v1/namespaces/$ns/outers/out" | jq -c .spec.items)" = "$1" ]; }
edit_items
ok "an item that is added is taken out again" wait_for 20 items '["a","b"]'
ok "the channel is ready" wait_ready "$channel" 30
is "$(live_differs host.git "$channel")" "" "nothing differs"
done_testing
