#!/bin/bash
# From a push to what is live where two things stand between: staging has to be
# healthy with it, and then somebody has to approve it. A real engine rolls
# both channels out; what was never healthy is never asked approval for, what
# somebody rejects is never live, and no approval counts for another bundle.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-receiver.sh"
cluster_use
cluster_namespace stage
stage_ns=$ns stage=stage-$$
cluster_namespace prod
prod_ns=$ns prod=prod-$$
make_key alice
make_key bob

# version TEXT: of both, in one commit
version() {
	put work "deploy/$stage/web.yaml" ConfigMap web "$stage_ns" "$1"
	put work "deploy/$prod/web.yaml" ConfigMap web "$prod_ns" "$1"
	commit work "$1"
}
text() { k -n "$1" get configmap web -o 'jsonpath={.data.text}' 2>/dev/null; }
has() { [ "$(text "$1")" = "$2" ]; }
published() { [ "$(trailer host.git "$1" Sequence)" = "$2" ]; }
kept() { # CHANNEL: what its cluster said last
	local file=host.git/windlass/$1/reports/eu-1
	[ ! -e "$file" ] || echo "$(field "$file" sequence) $(field "$file" phase)"
}
said() { [ "$(kept "$1")" = "$2" ]; }
decide() { # WHO VERDICT [BUNDLE]
	git -C work fetch -q origin "+refs/windlass/*:refs/bundles/*"
	approve work "keys/$1" "$1" "$2" "${3:-$(git -C work rev-parse "refs/bundles/$prod")}"
}
source_is() { [ "$(trailer host.git "$prod" Source-Commit)" = "$1" ]; }

make_host host.git "$stage" "$prod"
for who in alice bob; do
	approver_line $who keys/$who
done >approvers
set_channel host.git "$prod" approvers "$TRASH/approvers"
make_clone host.git work
version one
push work || bail "$(cat push.out)"
serve_start host.git || bail "serve does not start"
channel_install host.git "$stage" --namespaces "$stage_ns" >/dev/null ||
	bail "install failed"
channel_install host.git "$prod" --namespaces "$prod_ns" --approvers approvers \
	>/dev/null || bail "install failed"
engine_start --cluster eu-1 || bail "windlassd does not start: $(cat engine.log)"
wait_ready "$stage" 60 || bail "$(condition "$stage" Ready)"
windlass status "$stage" | tail -n 1 >reporters
for channel in "$stage" "$prod"; do
	set_channel host.git "$channel" reporters "$TRASH/reporters"
done
set_channel host.git "$prod" after "$stage for 2s"
windlass reconcile >/dev/null 2>&1
for channel in "$stage" "$prod"; do
	windlass reconcile "$channel" >/dev/null 2>&1
done
ok "the first version waits for approval" wait_for 60 said "$prod" '1 waiting'
is "$(text "$prod_ns")" "" "and is not live"
decide alice approve || bail "$(cat approve.out)"
ok "approved it is" wait_for 60 has "$prod_ns" one
ok "and well" wait_for 60 said "$prod" '1 healthy'

# ---- staging, then somebody, then it is live ----
version=$(k -n "$prod_ns" get configmap web -o 'jsonpath={.metadata.resourceVersion}')
start watch "$KUBECTL" get --raw \
	"/api/v1/namespaces/$prod_ns/configmaps?watch=true&resourceVersion=$version"
version two
push work || bail "$(cat push.out)"
two=$(git -C work rev-parse HEAD)
like "$(cat push.out)" "windlass: $prod waits: $stage must be healthy for 2s with ${two:0:12}" \
	"what is pushed waits for staging"
is "$(trailer host.git "$prod" Sequence)" 1 "before anybody can approve it"
ok "it is live there" wait_for 60 has "$stage_ns" two
ok "and published to prod by itself" wait_for 60 source_is "$two"
ok "where it waits for approval" wait_for 60 said "$prod" '2 waiting'
like "$(field "host.git/windlass/$prod/reports/eu-1" message)" \
	"alice, bob can give it|alice or bob can give it|can give it by" "and says by whom"
is "$(text "$prod_ns")" one "prod has what it had"
like "$(windlass wait --repo host.git --timeout 1s "$prod" 2>&1)" \
	"$prod@eu-1: waiting 1\.2" "windlass wait says so"
first=$(git -C host.git rev-parse "refs/windlass/$prod^")
not_ok "who approves the bundle before" decide bob approve "$first"
like "$(cat approve.out)" "$prod 1\.2, [0-9a-f]* *, is what would run" \
	"is told which one is to be approved"
decide alice approve || bail "$(cat approve.out)"
ok "approved it is live" wait_for 60 has "$prod_ns" two
ok "and well" wait_for 60 said "$prod" '2 healthy'

# ---- what staging refuses nobody is asked about ----
refused=work/deploy/$stage/refused.yaml
ns=$stage_ns
version three
refused_service "$refused"
commit_push work 'three, and what is refused' || bail "$(cat push.out)"
ok "staging fails" wait_for 60 said "$stage" '3 failed'
hook host.git publish "$prod" >out
like "$(cat out)" "^$prod waits: $stage must be healthy .*says failed of 1\.3" \
	"it is not published to prod"
rm "$refused"
version four
push work || bail "$(cat push.out)"
ok "what repairs it is" wait_for 60 published "$prod" 3
is "$(trailer host.git "$prod" Source-Commit)" "$(git -C work rev-parse HEAD)" \
	"and what was not healthy never was"

# ---- rejected ----
ok "it waits" wait_for 60 said "$prod" '3 waiting'
decide bob reject || bail "$(cat approve.out)"
decide alice approve || bail "$(cat approve.out)"
ok "one who rejects it is enough" wait_for 60 said "$prod" '3 refused'
is "$(text "$prod_ns") $(text "$stage_ns")" "two four" "it stays where it is"
version five
push work || bail "$(cat push.out)"
ok "the next one comes the same way" wait_for 60 said "$prod" '4 waiting'
decide bob approve || bail "$(cat approve.out)"
ok "and is live with one approval" wait_for 60 has "$prod_ns" five
ok "and well" wait_for 60 said "$prod" '4 healthy'
stop watch
is "$(jq -r 'select(.object.metadata.name == "web") | .object.data.text' watch.log |
	uniq | tr '\n' ' ')" "two five " "what was rejected, or never well, was never live"
done_testing
