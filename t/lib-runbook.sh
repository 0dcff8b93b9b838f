# A Git host and a cluster for the pages of contrib/runbooks, as these have
# them: the repository /srv/git/app.git, the channel prod, the namespace shop.
# Source it after lib.sh, lib-git.sh, lib-cluster.sh, lib-engine.sh and
# lib-guide.sh.
#
#   runbook_begin          a control plane of its own, the host with the objects
#                          same, changed, going (bundle 1.1), and an engine that
#                          has applied it; kubectl is in $PATH
#   here FILE              a block, with this test's paths for the page's
#   config NAME TEXT       a ConfigMap in the work tree
#   second_push            bundle 1.2: `changed` is changed, `later` is new,
#                          `going` is deleted; and it is live
#   text NAME, is_text NAME TEXT, there NAME, gone NAME
#   json PATH, is_json PATH TEXT       of the Channel
#   accepted EPOCH.SEQUENCE, applied EPOCH.SEQUENCE
#   uids, live             what is live, with the uids; with versions, too
#   serve_again            the host's serve, where it was
#   said TYPE WANT         the page says what the condition really says: each of
#                          its quoted lines that begins with "TYPE=" and has
#                          WANT in it, with numbers and names replaced by ... ,
#                          is what `windlass status` prints
#   edits_undone NAME TEXT drift of it is repaired
ns=shop

config() { put work "deploy/prod/$1.yaml" ConfigMap "$1" shop "$2"; }
json() { k get channel prod -o "jsonpath=$1" 2>/dev/null; }
is_json() { [ "$(json "$1")" = "$2" ]; }
accepted() { is_json '{.status.accepted.epoch}.{.status.accepted.sequence}' "$1"; }
applied() { is_json '{.status.applied.epoch}.{.status.applied.sequence}' "$1"; }
text() { k -n shop get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
there() { k -n shop get configmap "$1" >/dev/null 2>&1; }
gone() { ! there "$1"; }
uids() {
	k -n shop get configmap -l applyset.kubernetes.io/part-of \
		-o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}'
}
live() {
	k -n shop get configmap -l applyset.kubernetes.io/part-of \
		-o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.metadata.resourceVersion} {.data.text}{"\n"}{end}'
}
serve_again() {
	serve_start host.git "${URL#http://}" || bail "serve: $(cat serve.log)"
}

here() {
	sed "s|/srv/git/app.git|$TRASH/host.git|g
		s|/srv/backup|$TRASH/backup|g
		s|/etc/windlass|$TRASH/etc|g
		s|/var/lib/windlass/engine|$TRASH/state|g" "$1" >here.sh
	bash -e here.sh
}

edits_undone() {
	k -n shop patch configmap "$1" -p '{"data":{"text":"edited"}}' >/dev/null
	ok "what somebody edits meanwhile is undone" wait_for 20 is_text "$1" "$2"
}

said() {
	local quoted pattern n=0
	windlass status prod >status.out 2>&1
	while read -r quoted; do
		n=$((n + 1))
		pattern=$(sed 's/[][().*+?{}|^$\\]/\\&/g; s/\\\.\\\.\\\./.+/g' <<<"$quoted")
		like "$(cat status.out)" "^ *$pattern" "status says what the page has"
	done < <(grep -E "^ *$1=.*$2" "$page")
	[ $n -gt 0 ] || fail "the page has $1 with '$2'"
}

runbook_begin() {
	cluster_own
	engine_lock
	mkdir bin
	ln -s "$KUBECTL" bin/kubectl
	PATH=$TRASH/bin:$PATH
	k create namespace shop >/dev/null
	make_host host.git prod
	set_channel host.git prod deleteLimit 100
	make_clone host.git work
	config same one
	config changed one
	config going one
	commit_push work first || bail "$(cat push.out)"
	serve_start host.git || bail "serve: $(cat serve.log)"
	channel_install host.git prod >/dev/null || bail "install failed"
	engine_start || bail "windlassd: $(cat engine.log)"
	wait_applied prod 1 40 && wait_ready prod 30 || bail "nothing is applied"
}

second_push() {
	config changed two
	config later two
	git -C work rm -q deploy/prod/going.yaml
	commit_push work second || bail "$(cat push.out)"
	ok "a bundle that the backup has not is live" wait_applied prod 2 40
	ok "and ready" wait_ready prod 30
}
