#!/bin/bash
# A channel that waits for another one: what is published of it, and when. The
# reports are made here, and the clock of the whole host jumps, so that hours of
# health need no waiting.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-clock.sh"
clock_use
clock_everywhere
host=host.git

make_host $host prod staging
make_clone $host work
new_reporter eu-1
new_reporter us-1
set_channel $host staging reporters "$TRASH/reporters"
set_channel $host prod after 'staging for 1h'

config() { put work "deploy/$1/web.yaml" ConfigMap web shop "$2"; }
both() { config staging "$1"; config prod "$1"; commit work "$1"; }
tip() { git -C work rev-parse HEAD; }
# says CLUSTER PHASE: now, about staging; still CLUSTER...: the same once more
declare -A since
says() {
	since[$1]=$(now_text)
	phase[$1]=$2
	still "$1"
}
declare -A phase
still() {
	local cluster
	for cluster; do
		is "$(r_channel=staging r_cluster=$cluster \
			r_phase=${phase[$cluster]} r_since=${since[$cluster]} \
			send staging)" 204 "$cluster says ${phase[$cluster]}"
	done
}
both_say() { says eu-1 "$1"; says us-1 "$1"; }
# healthy: both are, for an hour
healthy() { both_say healthy; clock_jump 3601; still eu-1 us-1; }
source_is() {
	[ "$(trailer $host prod Source-Commit)" = "$1" ] &&
		[ "$(head_field $host prod bundle)" = "$(bundle $host prod)" ]
}
publish() { hook $host publish prod >out 2>err; }

# ---- settings that cannot work

bad() { # WHAT VALUE TEXT
	set_channel $host prod after "$2"
	not_ok "after = $2: $1" hook $host publish prod
	like "$(cat .output)" "$3" "and says so"
}
each='must be a channel and how long .* as: staging for 10m'
bad "no duration" staging "windlass\.prod\.after.*$each"
bad "no number" 'staging for ever' "$each"
bad "no time at all" 'staging for 0s' "$each"
bad "more than a week" 'staging for 8d' "$each"
bad "no channel's name" 'Staging! for 10m' "$each"
bad "nothing" '' "$each"
bad "a channel that is not there" 'stage for 10m' \
	"windlass\.prod\.after names channel 'stage', which is not configured"
bad "itself" 'prod for 10m' "names the channel itself"
set_channel $host prod after 'staging for 1h'
set_channel $host staging after 'prod for 1h'
set_channel $host prod reporters "$TRASH/reporters"
not_ok "a circle" hook $host publish
like "$(cat .output)" "after leads in a circle: channel '(prod|staging)' waits for" \
	"is said to be one"
git -C $host config --unset windlass.staging.after
git -C $host config --unset windlass.prod.reporters
git -C $host config --unset windlass.staging.reporters
want='windlass\.prod\.after: nobody would hear that channel .staging. is healthy'
not_ok "a channel whose clusters nobody hears" hook $host publish
like "$(cat .output)" "$want.*windlass\.staging\.reporters FILE" "says what to set"
both one
not_ok "a push hears it too" push work
like "$(cat push.out)" "$want" "in the same words"
not_ok "so does doctor" hook $host doctor
like "$(cat .output)" "$want" "in the same words"
not_ok "and init" hook $host init other --ref refs/heads/main \
	--path deploy/other --key "$TRASH/keys/other"
like "$(cat .output)" "$want" "in the same words"
set_channel $host staging reporters "$TRASH/nobody"
touch nobody
not_ok "a list of nobody" push work
like "$(cat push.out)" \
	'prod: refused, windlass\.prod\.after: nobody would hear .* lists nobody' \
	"refuses a push, and says why"
not_ok "doctor" hook $host doctor
like "$(cat .output)" '^FAIL +prod: after: .* lists nobody' "says so"
set_channel $host staging reporters "$TRASH/reporters"

# ---- the first push waits

ok "a push goes in" push work
like "$(cat push.out)" '^remote: \+ ConfigMap shop/web|\+ .*ConfigMap.*web' "its plan is told"
like "$(cat push.out)" "windlass: prod: nothing is published yet" "and what is published"
like "$(cat push.out)" \
	"windlass: prod waits: staging must be healthy for 1h with $(tip | cut -c1-12); staging@eu-1 has not reported yet" \
	"and what it waits for"
like "$(cat push.out)" 'windlass: staging 1\.1 published' "the other one does not wait"
not_ok "nothing of it is signed" git -C $host rev-parse -q --verify refs/windlass/prod
ok "publish by hand does no more" publish
like "$(cat out)" '^prod waits: staging must be healthy for 1h with' "and says why"
like "$(hook $host doctor)" 'ok +prod: after: the tip of refs/heads/main waits: staging must be' \
	"doctor says what waits"
serve
says eu-1 healthy
clock_jump 3601
still eu-1
ok "while one has not reported" publish
like "$(cat out)" 'staging@us-1 has not reported yet$' "it waits for that one"
says us-1 applying
ok "while one is not there yet" publish
like "$(cat out)" 'staging@us-1 says applying of 1\.1$' "it waits for that one"
says us-1 healthy
clock_jump 3000
still eu-1 us-1
ok "while one was healthy for too short a time" publish
like "$(cat out)" 'staging has been so for 50m[0-9s]*$' "it says how far it is"
not_ok "nothing of it is signed yet" git -C $host rev-parse -q --verify refs/windlass/prod
one=$(tip)
clock_jump 601
still us-1
ok "then serve publishes it" wait_for 30 source_is "$one"
ok "as any bundle" stock_chain $host prod
ok "publish finds nothing left" publish
is "$(cat out)" "prod 1.1 is published already" "and nothing that waits"

# ---- the newest one that qualifies

both two
ok "a second push" push work -o wait=5
like "$(cat push.out)" "windlass: prod waits: .* with $(tip | cut -c1-12); staging@eu-1 is at 1\.1" \
	"waits"
like "$(cat push.out)" 'windlass: prod: -o wait does not wait for staging' \
	"and -o wait says that it does not wait for that"
two=$(tip)
config prod two-and-a-half
commit work "prod alone"
ok "a change of prod alone" push work
half=$(tip)
both three
ok "a third" push work
three=$(tip)
says eu-1 healthy
says us-1 failed
clock_jump 9999
still eu-1 us-1
ok "publish" publish
ok "what failed in one cluster is not published" source_is "$one"
says us-1 healthy
clock_jump 3601
still us-1
ok "the newest is published, those between never" wait_for 30 source_is "$three"
is "$(trailer $host prod Sequence)" 2 "in one bundle"

# ---- what staging has already does not wait

config prod four
ok "a change of prod alone" commit_push work four
like "$(cat push.out)" 'windlass: prod 1\.3 (published|is published already)' "is published at once"
unlike "$(cat push.out)" 'waits' "since staging is healthy with all of it"
config docs five
ok "what is nobody's" commit_push work five
unlike "$(cat push.out)" 'waits' "does not wait either"
echo '# a word' >>work/deploy/staging/web.yaml
config prod six
ok "a comment in staging's files" commit_push work six
like "$(cat push.out)" 'windlass: prod 1\.4 (published|is published already)' "changes nothing there"

# ---- a bundle that was healthy once counts for good

both seven
ok "seven" push work
config staging eight
ok "eight, of staging alone" commit_push work eight
like "$(cat push.out)" 'prod waits: .*does not have it|prod waits:' "which still waits"
both nine
ok "nine" push work
healthy
ok "nine is published" wait_for 30 source_is "$(tip)"
both ten
push work || bail "push"
ten=$(tip)
healthy
wait_for 30 source_is "$ten" || bail "ten"
set_channel $host prod after 'staging for 2h'
both eleven
push work || bail "push"
ok "a longer time is asked for" publish
like "$(cat out)" 'must be healthy for 2h with' "of what comes"
ok "and nothing goes back" source_is "$ten"
set_channel $host prod after 'staging for 1h'

# ---- back to what was live before

git -C work revert --no-edit HEAD >/dev/null
ok "a revert of what waits" push work
unlike "$(cat push.out)" 'waits' "leaves nothing to wait for"
both twelve
push work || bail "push"
healthy
ok "twelve is published" wait_for 30 source_is "$(tip)"
git -C work revert --no-edit HEAD >/dev/null
ok "a revert of what is live" push work
like "$(cat push.out)" 'windlass: prod 1\.[0-9]+ (published|is published already)' "does not wait"
ok "at once" source_is "$(tip)"
both twelve
ok "what was live before that" push work
unlike "$(cat push.out)" 'waits' "does not wait either"

# ---- an old bundle is no proof for what came later

config prod thirteen
commit_push work thirteen || bail "push"
like "$(cat push.out)" 'prod waits: .*staging@eu-1 is at' \
	"staging went there and back, and is not known to be well"
both_say healthy
clock_jump 10
ok "publish" publish
like "$(cat out)" '^prod waits' "young health is not enough"
healthy
ok "then it is through" wait_for 30 source_is "$(tip)"

# ---- the deletion gate

for i in {1..12}; do put work "deploy/prod/more-$i.yaml" ConfigMap "more-$i" shop; done
commit_push work "more" || bail "push"
ok "twelve more are published" source_is "$(tip)"
rm work/deploy/prod/more-*.yaml
config staging less
config prod less
commit work "twelve less"
not_ok "a push that deletes much" push work
like "$(cat push.out)" 'allow-deletes=prod:12' "is asked for the number"
ok "with it" push work -o allow-deletes=prod:12
like "$(cat push.out)" 'prod waits: staging' "it waits"
less=$(tip)
config prod lesser
commit work "and a change"
not_ok "what comes behind it is asked again" push work
like "$(cat push.out)" 'what was pushed since is in it' "and told why"
healthy
ok "what was allowed is published" wait_for 30 source_is "$less"
ok "and what comes then need not be allowed" push work
ok "since it deletes nothing" source_is "$(tip)"

# ---- nobody but the clusters says so

both forged
push work || bail "push"
says eu-1 healthy
r_channel=staging r_cluster=us-1 r_key=eu-1 report forged
clock_jump 7200
cp forged $host/windlass/staging/reports/us-1
ok "a report that somebody else signed" publish
like "$(cat out)" 'the report of staging@us-1 does not count: .*signed by the key of' \
	"does not count, wherever it lies"
rm $host/windlass/staging/reports/us-1
printf 'x\n' >$host/windlass/prod/proven
ok "proofs that cannot be read" publish
like "$(cat out)" 'staging@us-1 has not reported yet' "are none"
done_testing
