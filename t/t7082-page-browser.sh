#!/bin/bash
# The page of a channel in a real browser: it renews itself, says how long ago
# things were and who has gone silent; it is whole without a script; and what
# strangers write does nothing
. "$(dirname "$0")/lib.sh"
command -v chromium >/dev/null || skip_all "no chromium: contrib/packages browser"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-page.sh"

page_host || bail "no host"
token=$(openssl rand -hex 16)
printf '%s\n' "$token" >tokens
chmod 600 tokens
port=$(free_port)
serve_again() {
	start serve windlass-hook serve --repo $host \
		--listen "127.0.0.1:$port" --tokens tokens --verbose
	wait_line 30 serve.log '^listening on ' || bail "serve does not start"
}
serve_again
url=http://127.0.0.1:$port
# from within the browser's steps too
cat >post <<END
#!/bin/sh
curl -sS -m 20 -o /dev/null -f -H 'Content-Type: text/plain' \
	-H 'Authorization: Bearer $token' --data-binary "@\$1" $url/prod/report
END
chmod +x post
quiet() { is "$(complaints)" "" "$1: nothing to complain of"; }
browser_start "ada:$token"

r_issued=$(date -u -d '-2 hours' +%FT%TZ) r_cluster=us-1 report one
truth
report two
failure 'Deployment.apps shop/web' deploy/prod/web.yaml:12 ImagePullBackOff \
	'no such image'
failure 'Job.batch shop/migrate' deploy/prod/jobs.yaml:3 BackoffLimitExceeded \
	"$(printf 'x%.0s' {1..300})"
r_phase=failed r_reason=Failed r_objects="3 1 0 2 0 0" report three
truth
./post one && ./post two || bail "no reports"

# ---- with a script

has='document.querySelector("#cluster-eu-1").textContent.includes'
asked='performance.getEntriesByType("resource").length'
ok "it opens" browse open $url/prod/ \
	wait 30 'document.querySelectorAll(".cluster").length === 2' \
	wait 30 "$has('healthy')" \
	wait 30 'document.querySelector("#cluster-us-1").closest("section").textContent.includes("Silent")' \
	eval 'document.querySelectorAll(".silence").length' \
	eval 'document.querySelector("#cluster-us-1").closest("section").querySelector(".heard").textContent' \
	eval 'document.querySelector("#newest + dl time").title' \
	eval 'window.kept = document.querySelector("main").kept = 1' \
	wait 60 "$asked > 3" \
	eval 'document.querySelector("main").kept' \
	eval 'performance.getEntriesByType("resource").at(-1).responseStatus' \
	do './post three' \
	wait 60 "$has('failed')" \
	eval 'window.kept' \
	eval 'document.title' \
	eval 'document.querySelector(".failures td:nth-of-type(3)").textContent'
is "$(seen 1)" 1 "one cluster is silent, the other is not"
is "$(seen 2)" "2 hours ago" "and since when"
like "$(seen 3)" '^20.* UTC$' "what the time was is there too"
is "$(seen 5)" 1 "what has not changed is left alone"
is "$(seen 6)" 304 "nor sent again"
is "$(seen 7)" 1 "a report renews the page without loading it"
is "$(seen 8)" "prod: eu-1 failed" "with its title"
is "$(seen 9)" "no such image" "and what fails"
quiet "with a script"

# nobody looks, nothing is asked
hide='Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true }), window.away = true, document.dispatchEvent(new Event("visibilitychange"))'
show='window.away = false, document.dispatchEvent(new Event("visibilitychange"))'
# nothing for longer than between two looks
rests="window.before === $asked ? Date.now() - window.since > 8000 :
	(window.before = $asked, window.since = Date.now(), false)"
ok "it is hidden, and asks for nothing" browse eval "$hide" wait 60 "$rests"
ok "and when it is seen it does" browse eval "$show" \
	wait 30 "$asked > window.before"
quiet "hidden"

# ---- the Git host is away

link='document.getElementById("link").textContent'
ok "it goes" browse do "kill $pid_serve; while kill -0 $pid_serve 2>/dev/null; do sleep 0.1; done" \
	wait 60 "/^Cannot reach the Git host since [0-9:]{8} UTC\\.\$/.test($link)" \
	eval "$has('failed')"
is "$(seen 1)" true "when it is away the page says so, and stays"
serve_again
ok "when it is back" browse wait 90 "$link === ''"
is "$(complaints | grep -v 'net::ERR_')" "" \
	"the browser complains of nothing else"

# ---- without a script

ok "without a script" browse script off open $url/prod/ \
	eval 'document.body.innerText.replaceAll(/\s+/g, " ")' \
	eval 'document.querySelector("noscript").innerHTML' script on
like "$(seen 1)" 'eu-1 failed Since 20.* UTC .*deploy/prod/web.yaml:12.*ImagePullBackOff no such image.*us-1 healthy' \
	"all is there"
like "$(seen 1)" 'Signed by windlass prod, ssh-ed25519 SHA256:.* Approved by alice .*The last 3 bundles' \
	"the chain too"
unlike "$(seen 1)" ' ago|just now|Silent' "and nothing that depends on the time"
like "$(seen 2)" '^<meta http-equiv="refresh" content="60">$' \
	"it is loaded again every minute"
quiet "without a script"

# ---- for everybody: contrast, and a narrow window

contrast='(() => {
	const rgb = (s) => s.match(/[\d.]+/g).map(Number);
	const light = (c) => c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ?
		v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = rgb(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] > 0)
				return c;
		}
	};
	let least = 21;
	for (const e of document.querySelectorAll("main *, footer *")) {
		const own = [...e.childNodes].some((n) => n.nodeType === 3 &&
			n.data.trim());
		if (!own)
			continue;
		const [a, b] = [light(rgb(getComputedStyle(e).color)),
			light(behind(e))].sort((x, y) => y - x);
		least = Math.min(least, (a + 0.05) / (b + 0.05));
	}
	return least >= 4.5 && least < 21 ? "enough" : String(least);
})()'
# in how many lines each reason stands
lines='[...document.querySelectorAll(".failures td:nth-of-type(2)")].map((e) => {
	const range = document.createRange();
	range.selectNodeContents(e);
	return new Set([...range.getClientRects()].map((r) => r.top)).size;
}).join()'
backs=
for mode in "window 360 color light" "window 900 color light" \
	"window 1100 color dark"; do
	# shellcheck disable=SC2086 # steps
	ok "$mode" browse $mode open $url/prod/ \
		wait 30 "$link === '' && $asked > 0" \
		eval "$contrast" \
		eval 'document.documentElement.scrollWidth <= innerWidth' \
		eval 'getComputedStyle(document.body).backgroundColor' \
		eval "$lines" \
		eval '[...document.querySelectorAll(".wide:has(.failures)")].every((e) => e.scrollWidth <= e.clientWidth)'
	is "$(seen 1)" enough "$mode: texts can be told from what is behind them"
	is "$(seen 2)" true "$mode: it is as wide as the window"
	backs+="$(seen 3) "
	is "$(seen 4)" 1,1 "$mode: reasons are told in one line each"
	is "$(seen 5)" true "$mode: and a long word in a message makes no table wider"
	quiet "$mode"
done
is "$backs" "rgb(255, 255, 255) rgb(255, 255, 255) rgb(13, 17, 23) " "light and dark"

# ---- the list of channels

ok "the list" browse open $url/ \
	eval '[...document.links].map((a) => a.href).join()'
is "$(seen 1)" "$url/prod/" "leads to the page"
quiet list

# ---- what strangers write

evil='<script>alert(1)</script><img src=x onerror=alert(1)>'
put work deploy/prod/web.yaml ConfigMap web shop evil
git -C work add -A
git -C work -c user.name='"><svg onload=alert(1)>' commit -q -m "$evil"
push work || bail "push"
failure "$evil" "\"'>$evil:1" Reason "</table>$evil"
r_phase=failed r_reason=Failed r_message="</main>$evil" report four
truth
./post four || bail "no report"
ok "hostile texts" browse open $url/prod/ \
	wait 60 "$has('failed') && document.body.textContent.includes('</main>$evil')" \
	wait 30 "$asked > 2" \
	eval 'document.querySelectorAll("script").length + "" + document.images.length + document.querySelectorAll("svg").length' \
	eval 'document.querySelector(".failures td:nth-of-type(3)").textContent'
is "$(seen 1)" 100 "are no markup"
is "$(seen 2)" "</table>$evil" "but told"
quiet "hostile texts"
# and if one were, it could do nothing
ok "what is put in" browse open $url/prod/ \
	eval 'document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=\"window.hurt = 1\"><i style=\"color: red\" onclick=\"window.hurt = 1\">i</i>")' \
	eval 'document.querySelector("i").click()' \
	eval '{ const s = document.createElement("script"); s.textContent = "window.hurt = 1"; document.body.append(s) }' \
	wait 30 "$asked > 1" \
	eval 'String(window.hurt)'
is "$(grep -v ^browser seen | tail -n 1)" undefined "does not run"
like "$(complaints)" 'Content Security Policy.*|violates' "by the policy"

# ---- by another web server, which says no policy of its own

start static python3 -u -m http.server --bind 127.0.0.1 \
	--directory $host/windlass/public 0
wait_line 20 static.log '^Serving HTTP on ' || bail "no web server"
other=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\) .*/\1/p' static.log)
failure x y:1 Reason 'another message'
r_phase=failed r_reason=Failed report five
truth
ok "as a file" browse open $other/prod/ \
	wait 30 "$asked > 0 && $has('failed')" \
	do './post five' \
	wait 60 'document.body.textContent.includes("another message")' \
	eval 'document.querySelector("#cluster-eu-1").closest("section").querySelector(".heard").textContent'
like "$(seen 1)" '^just now$|^[0-9]* minutes? ago$' "it renews itself too"
quiet "as a file"
done_testing
