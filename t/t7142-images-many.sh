#!/bin/bash
# windlass-hook images: however many images are newer at once, they all go in.
# The message of a commit has a trailer for each of its images and lines while
# there is room; the rest is another commit.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
cat >registry.py <<'END'
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args):
        pass
    def do_GET(self):
        body = json.dumps({'name': 'x', 'tags': ['1.2.0']}).encode()
        self.send_response(200)
        self.send_header('Docker-Content-Digest', 'sha256:' + 'a' * 64)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(body)
    do_HEAD = do_GET
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print('port', server.server_address[1], flush=True)
server.serve_forever()
END
start registry python3 registry.py
wait_line 20 registry.log '^port ' || bail "registry.py"
mirror=127.0.0.1:$(sed -n 's/^port //p' registry.log)

make_host host.git prod
make_clone host.git work
many=160
# of the longest names that there are
team=$(printf 't%.0s' {1..290})
folder=work/deploy/prod/$(printf 'f%.0s' {1..200})
image=registry.example.org/$(printf 'p%.0s' {1..100})
old=1.1.0@sha256:$(printf '0%.0s' {1..64})
new=1.2.0@sha256:$(printf 'a%.0s' {1..64})
mkdir -p "$folder"
for i in $(seq $many); do
	n=$(printf %03d "$i")
	printf '[windlass-image "payments:%s-%s"]\n\timage = %s/s%s\n\tmirror = %s/s%s\n\tsemver = 1.x\n\tpinDigest = true\n' \
		"$team" "$n" "$image" "$n" "$mirror" "$n" >>host.git/config
	cat >"$folder/$n.yaml" <<-END
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: app-$n, namespace: shop}
	data:
	  image: $image/s$n:$old # {"\$imagepolicy": "payments:$team-$n"}
	END
done
commit_push work first || bail "$(cat push.out)"
first=$(git -C host.git rev-parse main)

hook host.git images --dry-run >out 2>err
is "$? $(grep -c ' -> ' out)" "0 $many" "--dry-run names all"
ok "all are committed" hook host.git images --once
is "$(git -C host.git grep -l "image: .*:$new " main -- deploy/prod | wc -l)" $many "each has its tag and digest"
git -C host.git rev-list --reverse "$first..main" >commits
is "$(wc -l <commits)" 2 "by two commits"
while read -r id; do
	git -C host.git log -1 --format=%B "$id" >message
	n=$(git -C host.git diff --name-only "$id^" "$id" | wc -l)
	is "$(head -n 1 message)" "Update $n images of prod" "one of $n"
	is "$(git -C host.git log -1 --format='%(trailers:key=Windlass-Image,valueonly)' "$id" | grep -c ' 1\.2\.0$')" \
		"$n" "has a trailer for each"
	named=$(grep -c ' -> ' message)
	more=$(sed -n 's/^and \([0-9]*\) more$/\1/p' message)
	is "${more:-0}" $((n - named)) "names $named, and how many more there are"
	ok "in a message that is no larger than others read" \
		test "$(stat -c %s message)" -le 65536
done <commits
ok "and published" stock_published host.git prod
hook host.git images --once >out 2>err
is "$? $(cat out err)" "0 " "there is nothing left"

# ---- taken back: all of it stays so
git -C work pull -q
git -C work revert --no-edit HEAD >/dev/null
push work || bail "$(cat push.out)"
hook host.git images --once >out 2>err
is "$? $(cat out err)" "0 " "a commit of many that was taken back stays so"
done_testing
