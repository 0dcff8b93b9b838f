#!/bin/bash
# A Job that the cluster deletes when it has ended (ttlSecondsAfterFinished): a
# push warns of it, since windlass would make and run it again; with
# windlass.dev/drift: ignore it ran once and stays away, also for an engine that
# starts, until its manifest changes. All is well without it, unless it failed.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace jobends
channel=jobends-$$

# job NAME IMAGE [ANNOTATIONS [TTL [SPEC [POD-SPEC]]]]
job() {
	mkdir -p "work/deploy/$channel"
	cat >"work/deploy/$channel/$1.yaml" <<-END
	apiVersion: batch/v1
	kind: Job
	metadata:
	  name: $1
	  namespace: $ns
	  annotations: {${3:-}}
	spec:
	  ttlSecondsAfterFinished: ${4:-0}
	  ${5:-}
	  template:
	    spec:
	      ${6:-}
	      restartPolicy: Never
	      containers: [{name: run, image: "$2"}]
	END
}
ignored='windlass.dev/drift: ignore'
runs() { sort -u jobs.log | grep -c .; }
ran() { [ "$(runs)" -ge "$1" ]; }
away() { [ -z "$(k -n "$ns" get jobs -o name)" ]; }

make_host host.git "$channel"
make_clone host.git work
configs 1 one
job migrate example/migrate:1
commit_push work warned || bail "push failed: $(cat push.out)"
like "$(cat push.out)" 'deploy/.*/migrate\.yaml:8:[0-9]+: warning: .*run it again.*\[wish-job\]' \
	"a push warns"
job migrate example/migrate:1 "$ignored"
commit_push work ignored || bail "push failed: $(cat push.out)"
unlike "$(cat push.out)" wish-job "not of one that may stay away"

# the uids of all Jobs that there ever were
start jobs "$KUBECTL" -n "$ns" get jobs --watch -o 'jsonpath={.metadata.uid}{"\n"}'
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "it runs" wait_for 60 ran 1
ok "and is deleted" wait_for 60 away
ok "all is well without it" wait_ready "$channel" 60
undone "while others are repaired" o-1 20
engine_kill
k -n "$ns" delete configmap o-1 >/dev/null
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "an engine that starts makes what is missing" wait_for 60 k -n "$ns" get configmap o-1
ok "with all well" wait_ready "$channel" 60
is "$(runs)" 1 "and does not run the Job again"
configs 1 two
commit_push work others || bail "push failed: $(cat push.out)"
ok "another bundle" wait_for 60 is_text o-1 two
ok "is applied" wait_ready "$channel" 60
is "$(runs)" 1 "and does not either"
job migrate example/migrate:2 "$ignored, windlass.dev/recreate: \"true\""
commit_push work again || bail "push failed: $(cat push.out)"
ok "a changed one runs" wait_for 60 ran 2
ok "and is deleted" wait_for 60 away
ok "all is well again" wait_ready "$channel" 60
is "$(runs)" 2 "it ran once"

# ---- one that comes to no end ----
nowhere='nodeSelector: {windlass.dev/nowhere: ""}'
k patch channel "$channel" --type merge -p '{"spec":{"healthTimeout":"5s"}}' \
	>/dev/null
json() { k get channel "$channel" -o "jsonpath=$1"; }
repairs() { json '{.status.lastDrift.repairs}'; }
repaired() { [ "$(repairs)" -gt "$1" ]; }
label() { k -n "$ns" label job "$1" "applyset.kubernetes.io/part-of$2" --overwrite >/dev/null; }
part=$(k -n "$ns" get configmap o-1 -o 'jsonpath={.metadata.labels.applyset\.kubernetes\.io/part-of}')
# seen: the engine has seen what was done to Jobs till now: their watch tells
# it in order, and of what was done last
seen() {
	local before
	before=$(repairs)
	label watched - && wait_for 60 repaired "${before:-0}"
}
job endless example/endless:1 "$ignored" 600 "" "$nowhere"
job watched example/watched:1 "" 600 "" "$nowhere"
commit_push work endless || bail "push failed: $(cat push.out)"
told "one that does not end in time is told" "Job.batch $ns/endless" endless.yaml .
ready=$(json '{.status.objects.ready}')
label endless -
ok "one that is ours no more" seen
is "$(json '{.status.objects.ready}')" "$ready" "is not well by that"
label endless "=$part"
k -n "$ns" delete job endless >/dev/null
ok "one that is deleted" seen
is "$(json '{.status.objects.ready}')" "$ready" "is not either"
told "and its time was over, still" "Job.batch $ns/endless" endless.yaml .
git -C work rm -q "deploy/$channel/endless.yaml" "deploy/$channel/watched.yaml"
commit_push work without || bail "push failed: $(cat push.out)"
ok "without them" wait_for 60 away
ok "all is well" wait_ready "$channel" 60

# ---- one that fails ----

# no node is there for it, and its time is short
job broken example/broken:1 "$ignored" 8 "activeDeadlineSeconds: 1" \
	"$nowhere"
commit_push work broken || bail "push failed: $(cat push.out)"
told "one that fails is told" "Job.batch $ns/broken" broken.yaml deadline
ok "is deleted" wait_for 60 away
configs 1 three
commit_push work three || bail "push failed: $(cat push.out)"
ok "another bundle is applied" wait_for 60 is_text o-1 three
told "it has failed, still" "Job.batch $ns/broken" broken.yaml deadline
ok "and nothing is well by its going" wait_condition "$channel" Ready False
done_testing
