#!/bin/bash
# Whoever may write one field of one object puts there what the API server
# takes and nobody expects: hundreds of levels, keys with a NUL. All other
# objects of the kind are watched as before, and this one is, too.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_use
cluster_namespace odd
channel=odd-$$
group=odd$$.example.org
crd=parts.$group

spec() { k -n "$ns" get "$crd" "$1" -o "jsonpath={.spec.$2}"; }
is_spec() { [ "$(spec "$1" "$2")" = "$3" ]; }
edit() { k -n "$ns" patch "$crd" "$1" --type merge -p "$2" >/dev/null; }
levels() { # COUNT VALUE
	perl -e 'print "{\"k\":" x $ARGV[0], $ARGV[1], "}" x $ARGV[0]' "$1" "$2"
}
part() { # NAME LEVELS
	printf '{"apiVersion": "%s/v1", "kind": "Part", "metadata": {"name": "%s", "namespace": "%s"}, "spec": {"text": "ours", "deep": %s}}\n' \
		"$group" "$1" "$ns" "$(levels "$2" '{"x": "ours"}')" \
		>"work/deploy/$channel/$1.json"
}
# edits the text of one, which must not stay
undone() { # NAME DESCRIPTION
	edit "$1" '{"spec":{"text":"edited"}}'
	ok "$2" wait_for 60 is_spec "$1" text ours ||
		grep -E '(drift|watch|apply)-' engine.log | tail -n 20 |
			cut -c1-300 | sed 's/^/# /'
}
repairs() { curl -s "http://$METRICS/metrics" | awk '/^windlass_drift_repairs_total/ { n += $NF } END { print n + 0 }'; }

make_host host.git "$channel"
make_clone host.git work
put work "deploy/$channel/crd.yaml" CustomResourceDefinition "$crd"
part plain 1
part odd 1
# as deep as an object may be
part deepest 252
commit_push work first || bail "push failed: $(cut -c1-300 push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
at_exit "k delete crd '$crd' --wait=false"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "three custom resources are applied" wait_applied "$channel" 1 60
ok "and healthy" wait_ready "$channel" 60
undone plain "what is edited in one is undone"
undone odd "and in another"
undone deepest "and in one of the most levels"
deep_of() { k -n "$ns" get "$crd" deepest -o json | grep -c '"x": "edited"'; }
edit deepest "{\"spec\":{\"deep\":$(levels 252 '{"x": "edited"}')}}"
ok "at its deepest place" wait_for 20 sh -c "'$KUBECTL' -n '$ns' get '$crd' deepest -o json | grep -q '\"x\": \"ours\"'"

# ---- what others add ----
for n in 249 250 251 252 253 254 255 256 300 1000 3000; do
	edit odd "{\"spec\":{\"other\":$(levels "$n" 1)}}"
done
undone plain "beside an object with 3,000 levels of others"
undone odd "and in that object"
edit odd '{"spec":{"other":{"a\u0000b":{"c\u0000":1},"a\u0001b":2,"\ufffe":[1e308,123456789012345678901234]}}}'
undone plain "beside one with keys that nobody types"
undone odd "and in that one"
edit deepest "{\"metadata\":{\"annotations\":{\"other\":\"1\"}},\"spec\":{\"other\":$(levels 400 1)}}"
undone deepest "in the deepest one, with more of others"
unlike "$(cat engine.log)" 'watch-failed.*kind=Part .*(nested|NUL)' "no watch ended for it"

# ---- what is there when an engine begins ----
engine_kill
edit odd "{\"spec\":{\"text\":\"edited\",\"other\":$(levels 500 1)}}"
edit plain '{"spec":{"text":"edited"}}'
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "an engine that starts beside it undoes what was edited" \
	wait_for 40 is_spec plain text ours
ok "in both" wait_for 20 is_spec odd text ours
before=$(repairs)
k -n "$ns" annotate "$crd" odd plain deepest seen=by-all >/dev/null
undone plain "and goes on"
is "$(($(repairs) - before))" 1 "with no repair but that"
ok "all is well" wait_ready "$channel" 20

# ---- and it can go ----
git -C work rm -q "deploy/$channel/odd.json"
commit_push work second
ok "a bundle without the odd one is applied" wait_applied "$channel" 2 40
not_ok "which is deleted" k -n "$ns" get "$crd" odd
done_testing
