#!/bin/bash
# Clients of a live engine's pages that read, or write, a byte a second, a
# hundred of them, and come again when they are sent away: whoever else asks is
# answered within a second, drift is repaired as fast as without them, and the
# engine keeps few connections and no memory for them.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
. "$TEST_DIR/lib-faults.sh"
cluster_use
cluster_namespace slow
channel=slow-$$

cat >slow.py <<'END'
# slow.py PORT COUNT: never ends; prints how often it came, each second
import select, socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
ASK = b"GET /metrics HTTP/1.1\r\nHost: engine\r\n\r\n"
came = 0
def come(kind):
    global came
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    s.settimeout(1)
    try:
        s.connect(("127.0.0.1", port))
        # one that says a byte a second, one that asks once, one that asks
        # for more than the other side can send
        s.send({0: b"G", 1: ASK, 2: ASK * 200}[kind])
    except OSError:
        pass
    s.setblocking(False)
    came += 1
    return s
def gone(s, kind, turn):
    try:
        if kind == 0:
            s.send((ASK * 3)[turn % 100:turn % 100 + 1])
        return select.select([s], [], [], 0)[0] and not s.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True
them = [(come(i % 3), i % 3) for i in range(count)]
turn = 0
while True:
    turn += 1
    print(came, flush=True)
    time.sleep(1)
    for i, (s, kind) in enumerate(them):
        if gone(s, kind, turn):
            s.close()
            them[i] = (come(kind), kind)
END
cat >edits.py <<'END'
# edits.py URL FIRST LAST: edits each of the ConfigMaps URL-FIRST to URL-LAST,
# and waits until that is undone; prints how many milliseconds that took, in order
import http.client, json, sys, time, urllib.parse
u = urllib.parse.urlparse(sys.argv[1])
c = http.client.HTTPConnection(u.hostname, u.port)
def ask(method, i, body=None):
    c.request(method, "%s-%d" % (u.path, i), body, {"Content-Type": "application/merge-patch+json"})
    r = c.getresponse()
    return json.loads(r.read())["data"]["text"]
took = []
for i in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
    was = ask("GET", i)
    ask("PATCH", i, json.dumps({"data": {"text": "edited %d" % i}}))
    began = time.time()
    while ask("GET", i) != was and time.time() - began < 20:
        time.sleep(0.002)
    took.append(int(1000 * (time.time() - began)))
    time.sleep(0.3)
print(*sorted(took))
END
probes() { # the slowest answer of each page that was good, in milliseconds
	local page i
	for page in healthz readyz metrics; do
		for i in $(seq 15); do
			curl -s -m 5 -o page.out -w '%{http_code} %{time_total}\n' "http://$METRICS/$page"
			sleep 0.05
		done | awk '$1 != 200 { print "failed"; exit } $2 > t { t = $2 } END { print int(1000 * t) }' | head -n 1
	done | xargs
}
within() { local ms; for ms in $2; do [ "$ms" -lt "$1" ] 2>/dev/null || return 1; done; }
files() { ls "/proc/$pid_engine/fd" | wc -l; }

make_host host.git "$channel"
make_clone host.git work
configs 50 one
commit_push work first || bail "push failed: $(cat push.out)"
serve_start host.git || bail "serve does not start: $(cat serve.log)"
channel_install host.git "$channel" >/dev/null || bail "install failed"
engine_start || bail "windlassd does not start: $(cat engine.log)"
ok "a bundle is applied" wait_applied "$channel" 1 40
wait_ready "$channel" 30
start api "$KUBECTL" proxy --port=0
wait_line 20 api.log 'Starting to serve' || bail "no proxy"
object=http://$(sed -n 's/.*serve on //p' api.log)/api/v1/namespaces/$ns/configmaps/o

before=$(python3 edits.py "$object" 1 15)
quiet=$(probes)
series() { curl -s -m 1 "http://$METRICS/metrics" | grep -c '^windlass_channel_'; }
whole=$(series)
files=$(files)
rss=$(rss)
echo "# without them: drift undone after $before ms; pages after $quiet ms; $files files, $rss KiB"
start slow python3 slow.py "${METRICS##*:}" 100
wait_line 20 slow.log .
sleep 2
busy=$(probes)
ok "beside 100 slow clients each page is had within a second ($busy ms)" within 1000 "$busy"
during=$(python3 edits.py "$object" 16 30)
middle() { awk '{ print $8 }' <<<"$1"; }
ok "drift is repaired as fast: after $(middle "$during") ms in the middle, without them $(middle "$before")" \
	[ "$(middle "$during")" -lt $((2 * $(middle "$before") + 200)) ]
ok "also at the worst ($during)" [ "${during##* }" -lt $((5 * ${before##* } + 2000)) ]
busy=$(probes)
ok "the pages still are ($busy ms)" within 1000 "$busy"
is "$(series)" "$whole" "and whole"
configs 50 two
commit_push work second || bail "push failed: $(cat push.out)"
ok "the next bundle is applied" wait_applied "$channel" 2 30
now=$(files)
ok "it keeps few of their connections ($now files)" [ "$now" -le $((files + 70)) ]
grown=$(($(rss) - rss))
ok "and little memory for them ($grown KiB)" [ "$grown" -lt 16384 ]
came=$(tail -n 1 slow.log)
ok "they came $came times" [ "$came" -ge 100 ]
stop slow KILL
fewer() { [ "$(files)" -le $((files + 5)) ]; }
ok "when they are gone nothing of them is left" wait_for 30 fewer
done_testing
