#!/bin/bash
# The state directory of a running engine is damaged, deleted, full: it says
# so, goes on as soon as it can, and never back.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
cluster_own
ns=disk
k create namespace "$ns" >/dev/null
channel=disk

json() { k get channel "$channel" -o "jsonpath=$1" 2>/dev/null; }
text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}'; }
is_text() { [ "$(text "$1")" = "$2" ]; }
config() { put work "deploy/$channel/$1.yaml" ConfigMap "$1" "$ns" "$2"; }
recorded() { grep -q "^sequence $1\$" "state/$id/accepted"; }

make_host host.git "$channel"
id=$(git -C host.git config "windlass.$channel.id")
make_clone host.git work
config a one
commit_push work first
serve_start host.git || bail "serve does not start"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 60

# ---- the cache is deleted ----
rm -rf "state/$id/repo.git"
config a two
commit_push work second
ok "the cache is deleted, and the next bundle is taken" \
	wait_applied "$channel" 2 60
k -n "$ns" patch configmap a -p '{"data":{"text":"edited"}}' >/dev/null
ok "and repairs go on" wait_for 30 is_text a two
sleep 1
rm -rf "state/$id/repo.git"
k -n "$ns" patch configmap a -p '{"data":{"text":"edited"}}' >/dev/null
ok "also without a new bundle" wait_for 60 is_text a two

# ---- all of it ----
rm -rf state
config a three
commit_push work third
ok "the whole directory is deleted, and the next bundle is taken" \
	wait_applied "$channel" 3 60
ok "and recorded" wait_for 20 recorded 3
ok "Fetched is true" wait_condition "$channel" Fetched True 30

# ---- a damaged record, mended while it runs ----
engine_kill
echo damaged >"state/$id/accepted"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a damaged record is said" wait_condition "$channel" Fetched False 30 \
	StateDirectoryFails
config a four
commit_push work fourth
sleep 2
is "$(json '{.status.accepted.sequence}')" 3 "nothing is accepted"
rm "state/$id/accepted"
ok "when it is deleted it goes on" wait_applied "$channel" 4 60

# ---- a damaged cache, at rest ----
sleep 1
for file in "state/$id/repo.git/objects/pack"/*.pack; do
	chmod u+w "$file"
	# between the header and the trailer, in place: it is mapped
	perl -e 'open my $f, "+<", $ARGV[0] or die; my $n = -s $f;
		seek $f, 12, 0; print $f "\377" x ($n - 32)' "$file"
done
k -n "$ns" patch configmap a -p '{"data":{"text":"edited"}}' >/dev/null
ok "a cache that is damaged under it is made anew" wait_for 60 is_text a four
config a five
commit_push work fifth
ok "and the next bundle is taken" wait_applied "$channel" 5 60
ok "the channel is ready" wait_ready "$channel" 30
done_testing
