#!/bin/bash
# What answers at the API server's address may be anything: a login page, a
# web server, a proxy that breaks what it passes on. No command takes that for
# an answer: each ends with 2, the cluster cannot be asked, and one line.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
make_host host.git prod
cat >odd.py <<'END'
import http.server, zlib
class Odd(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def any(self):
        with open('mode') as f:
            status, kind, body = f.read().split('\n')[:3]
        body = body.encode()
        self.send_response(int(status))
        if kind == 'gzip':
            body = zlib.compress(body * 1000000)
            self.send_header('Content-Encoding', 'gzip')
        if kind == 'login':
            self.send_header('Location', '/login')
        wrong = {'short': 100, 'negative': -len(body) - 5}.get(kind, 0)
        self.send_header('Content-Length', str(len(body) + wrong))
        if kind == 'headers':
            for i in range(100):
                self.send_header('X-Header', 'x' * 8000)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass
    do_GET = do_PATCH = do_POST = do_DELETE = any
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Odd)
print('port', server.server_address[1], flush=True)
server.serve_forever()
END
start odd python3 odd.py
wait_line 10 odd.log '^port ' || bail "no server"
cat >odd.conf <<END
{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:$(sed -n 's/^port //p' odd.log)"}}],
"contexts": [{"name": "c", "context": {"cluster": "c"}}]}
END
export KUBECONFIG=$TRASH/odd.conf

commands=(status "status prod" "status --watch" events "events prod" "events --follow"
	"suspend prod" "resume prod" "reconcile prod" uninstall "uninstall --apply"
	"install prod --from host.git --url http://h/ --cluster-admin --apply")
# odd WHAT STATUS KIND BODY
odd() {
	local command
	printf '%s\n%s\n%s\n' "$2" "$3" "$4" >mode
	for command in "${commands[@]}"; do
		timeout 20 windlass $command >out 2>err
		is "$? $(wc -c <out) $(grep -c '^windlass: ' err)" "2 0 1" \
			"$1: windlass $command" || { test_show out; test_show err; }
	done
	timeout 20 windlass doctor >out 2>err
	is $? 2 "$1: windlass doctor"
}
odd "null" 200 plain null
odd "an empty object" 200 plain '{}'
odd "a list" 200 plain '[]'
odd "another's object" 200 plain '{"kind": 5, "items": [null]}'
odd "a page" 200 plain '<html><body>Please log in</body></html>'
odd "a redirect" 302 login ''
odd "a compressed bomb" 200 gzip '{"kind": "ChannelList"}'
odd "less than it said" 200 short '{"kind": "ChannelList", "items": []}'
odd "no length" 200 negative '{"kind": "ChannelList", "items": []}'
odd "too many headers" 200 headers '{"kind": "ChannelList", "items": []}'
done_testing
