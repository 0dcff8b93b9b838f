#!/bin/bash
# What the Git host says of a channel, in refs/windlass-status/*/_channel:
# which commits were no reason for a bundle, and which clusters are expected.
# windlass wait goes by it, in full clones and shallow ones
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git
ref=refs/windlass-status/prod/_channel

make_host $host prod
make_clone $host work
new_reporter eu-1
new_reporter us-1
set_channel $host prod reporters "$TRASH/reporters"

change() {
	put work deploy/prod/web.yaml ConfigMap web shop "$1"
	commit_push work "$1" || bail "push"
}
waits() { windlass wait --repo work "$@" >out 2>err; echo $?; }
record() { git -C $host cat-file blob $ref:channel.json | jq -rc "$1"; }
tip() { git -C work rev-parse HEAD; }

# ---- the record

change one
is "$(record .clusters)" '["eu-1","us-1"]' "the list is published"
is "$(record .taken)" null "with nothing else to tell"
is "$(record '[.version, .channel, .sourceRef, .paths[]] | join(" ")')" \
	"1 prod refs/heads/main deploy/prod" "and what the channel reads"
ok "in canonical form" cmp <(record . | jq -S .) \
	<(git -C $host cat-file blob $ref:channel.json)
before=$(git -C $host rev-parse $ref)
report_kept eu-1
report_kept us-1
change two
is "$(git -C $host rev-parse $ref)" "$before" "no push has it made anew"
not_ok "nobody can push to it" git -C work push -q origin HEAD:$ref
not_ok "nor remove it" git -C work push -q origin :$ref
is "$(git -C $host rev-parse $ref)" "$before" "it is as it was"

# ---- a commit that makes no bundle

report_kept eu-1
report_kept us-1
echo words >work/README
commit_push work words || bail "push"
is "$(waits --commit HEAD prod)" 0 "a commit of other files"
like "$(cat out)" "^prod: $(tip | cut -c1-12) changes nothing of the channel, which stays at 1\.2$" \
	"is said to change nothing"
like "$(cat out)" '^prod: waiting for eu-1, us-1$' "and who was waited for"
is "$(record .taken.sourceCommit)" "$(tip)" "the Git host says so"
words=$(tip)
echo '# no other object' >>work/deploy/prod/web.yaml
commit_push work comment || bail "push"
is "$(waits --commit HEAD prod)" 0 "one of the same objects"
is "$(waits --commit "$words" prod)" 0 "and what came before it"
git clone -q --depth 1 "file://$TRASH/$host" shallow
is "$(windlass wait --repo shallow --commit HEAD prod >out 2>err; echo $?)" 0 \
	"in a clone of one commit, too"
git -C work commit -q --allow-empty -m side
is "$(waits --commit HEAD --timeout 1s prod)" 1 "what nobody pushed is not there"
git -C work reset -q --hard HEAD~1
change three
is "$(waits --commit "$words" --timeout 1s prod)" 1 \
	"a newer bundle has to come up with it"
report_kept eu-1
report_kept us-1
is "$(waits --commit "$words" prod)" 0 "and is waited for"

# ---- a clone of one commit, behind the newest

git clone -q --depth 1 "file://$TRASH/$host" behind
heads=$(git -C behind for-each-ref refs/heads refs/remotes)
change four
report_kept eu-1
report_kept us-1
is "$(windlass wait --repo behind --commit HEAD prod >out 2>err; echo $?)" 0 \
	"a clone of one commit, of which a newer bundle is"
like "$(cat out)" '^prod  newest 1\.4' "that one"
is "$(git -C behind rev-parse --is-shallow-repository)" true "it stays shallow"
not_ok "and is not moved" git -C behind rev-parse -q --verify FETCH_HEAD
is "$(git -C behind for-each-ref refs/heads refs/remotes)" "$heads" "nor is any branch"

# ---- a Git host that lies

good=$(git -C $host rev-parse $ref)
blob=$(record '.sourceRef = "+refs/heads/main:refs/heads/victim"' |
	git -C $host hash-object -w --stdin)
tree=$(printf '100644 blob %s\tchannel.json\n' "$blob" | git -C $host mktree)
git -C $host update-ref $ref "$(git -C $host commit-tree -m x "$tree")"
is "$(windlass wait --repo behind --commit HEAD --timeout 1s prod >out 2>err; echo $?)" 2 \
	"a source that is no ref"
like "$(cat err)" 'channel\.json is not' "is not taken"
not_ok "and makes none" git -C behind rev-parse -q --verify refs/heads/victim
git -C $host update-ref $ref "$good"

# ---- clusters that come and go

new_reporter asia-1
change five
report_kept eu-1
report_kept us-1
is "$(waits --timeout 1s prod)" 1 "a new cluster has not reported"
like "$(cat err)" 'the time is over for asia-1$' "it is waited for"
report_kept asia-1
is "$(waits prod)" 0 "until it has"
sed -i /^us-1/d reporters
failure "ConfigMap shop/web" deploy/prod/web.yaml:1 Gone 'it is gone'
r_phase=failed r_objects='1 0 0 1 0 0' r_reason=Failed report_kept us-1
change six
report_kept eu-1
report_kept asia-1
is "$(waits prod)" 0 "one that is listed no more is not waited for"
like "$(cat out)" '^  us-1  .*, listed no more  heard' "and is shown as that"
is "$(windlass status --repo $host prod >out 2>err; echo $?)" 0 \
	"nor is the channel ill of it"
is "$(windlass status --repo $host --output json prod | jq -c .expected)" \
	'["asia-1","eu-1"]' "programs read whom to expect"
hook $host doctor >doctor.out 2>&1
like "$(cat doctor.out)" "'us-1' has a record, and is not in '.*' any more" \
	"doctor names what is left of it"
sed -n "s/.*gone for good: //p" doctor.out >remove
(cd $host && bash ../remove) || bail "what doctor says does not run"
unlike "$(hook $host doctor 2>&1)" us-1 "until that is done"
hook $host record-reports >/dev/null
unlike "$(git -C $host for-each-ref refs/windlass-status)" us-1 "and it does not come back"
is "$(waits prod)" 0 "clones drop it too"
unlike "$(cat out)" us-1 "and show it no more"
set_channel $host prod reporters "$TRASH/nothing"
change seven
is "$(record .clusters)" '["asia-1","eu-1"]' \
	"a list that cannot be read is as it was"
git -C $host config --unset windlass.prod.reporters
change eight
is "$(record .clusters)" null "one that is not set is none"

# ---- many channels, most of which a push has nothing for

make_host many.git prod
for i in $(seq 21); do
	git -C many.git config "windlass.c$i.id" "$(printf %032x "$i")"
	git -C many.git config "windlass.c$i.path" "deploy/c$i"
	git -C many.git config "windlass.c$i.ref" refs/heads/main
	git -C many.git config "windlass.c$i.signingKey" "$TRASH/keys/prod"
done
make_clone many.git crowd
host=many.git
set_channel $host prod reporters "$TRASH/reporters"
put crowd deploy/prod/web.yaml ConfigMap web shop one
commit_push crowd one || bail "push"
report_kept eu-1
report_kept asia-1
echo words >crowd/README
commit_push crowd words || bail "push"
is "$(record .taken)" null "it is not even noted"
is "$(windlass wait --repo crowd --commit HEAD --timeout 5s prod >out 2>err
	echo $?)" 0 "and changes nothing"
git clone -q --depth 1 "file://$TRASH/$host" flat
is "$(windlass wait --repo flat --commit HEAD --timeout 5s prod >out 2>err
	echo $?)" 0 "for a clone of one commit, too"
git -C crowd commit -q --allow-empty -m side
is "$(windlass wait --repo crowd --commit HEAD --timeout 1s prod >out 2>err
	echo $?)" 1 "which must have been pushed"

done_testing
