#!/bin/bash
# windlass-hook images: a registry that takes connections and never answers
# is waited for once in a round, and keeps no policy of another registry from
# being followed.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-registry.sh"
cat >silent.py <<'END'
import socket
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(50)
print('port', s.getsockname()[1], flush=True)
held = []
while True:
    held.append(s.accept())
    print('taken', flush=True)
END
start silent python3 silent.py
wait_line 20 silent.log '^port ' || bail "silent.py"
silent=127.0.0.1:$(sed -n 's/^port //p' silent.log)
good=127.0.0.1:$(free_port)
start good python3 "$TEST_DIR/odd-registry.py" odd "${good#*:}" 127.0.0.1:1
wait_for 20 curl -s -o /dev/null "http://$good/v2/x/tags/list" || bail "odd-registry.py"

make_host host.git prod
make_clone host.git work
# follow NAME IMAGE [KEY VALUE...]: a manifest, and its policy
follow() {
	local name=$1
	add_policy host.git "shop:$name" "${@:2}" semver '*'
	image_manifest "work/deploy/prod/$name.yaml" "shop:$name" "$2:0.9.0"
}
for i in 1 2 3 4; do
	follow "a$i" "$silent/a$i"
done
follow mirrored "$good/names" mirror "$silent/names"
follow paged "$good/pages"
commit_push work first || bail "$(cat push.out)"
image() { git -C host.git show "main:deploy/prod/$1.yaml" | sed -n 's/^ *image: *\([^ ]*\) *#.*/\1/p'; }

hook host.git images --once >out 2>err
is $? 2 "what could not be asked is said by the status"
is "$(grep -c taken silent.log)" 1 "the one that is silent is asked once"
is "$(image paged)" "$good/pages:1.0.5" "another registry's image comes"
is "$(image mirrored)" "$good/names:1.0.0" "also where a mirror of it is silent"
like "$(cat err)" "^windlass-hook: shop:a1: cannot ask $silent: " "the first says why"
is "$(grep -cE "^windlass-hook: shop:a[234]: $silent did not answer the image before: it is asked again the next time$" err)" \
	3 "each of the others that it was not asked"
is "$(image a1)" "$silent/a1:0.9.0" "they stay what they are"
done_testing
