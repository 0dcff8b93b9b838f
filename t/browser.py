"""browser.py [NAME:PASSWORD]: a headless Chromium, for lib-page.sh.

Reads steps from standard input: words that each end with NUL, an empty word
for the end of a batch. NAME:PASSWORD is what it answers when it is asked.

    open URL                 and waits until it is loaded
    script on|off, color light|dark, window WIDTH     before that
    wait SECONDS EXPRESSION  until this JavaScript is true
    eval EXPRESSION          prints its value
    do COMMAND               runs a shell command
    shot FILE                a screenshot of the top of the page, as PNG
After each batch it prints "browser: WHAT" for all that the browser complained
of meanwhile: errors on the console, exceptions, requests that failed or are
not for the page itself, dialogs; and "done 0", or "done 1" if a step failed,
with the reason before it. Speaks the DevTools protocol over a pipe.
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TIMEOUT = 60
# pixels; more would be large
SHOT = 1100


class Browser:
    def __init__(self, user):
        self.user, self.url = user, None
        self.profile = tempfile.mkdtemp(prefix="browser-")
        to_read, self.to = os.pipe()
        self.come, to_write = os.pipe()
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 3<&%d 4>&%d' % (to_read, to_write), "sh",
             "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb",
             "--user-data-dir=" + self.profile,
             "--remote-debugging-pipe", "about:blank"],
            pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self.data, self.last, self.session = b"", 0, None
        self.answers, self.complaints, self.loaded = {}, [], 0

    def close(self):
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def post(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        return self.last

    def call(self, method, **params):
        number = self.post(method, **params)
        end = time.monotonic() + TIMEOUT
        while number not in self.answers:
            self.listen(end)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def listen(self, end):
        left = end - time.monotonic()
        if left <= 0:
            raise RuntimeError("the browser does not answer")
        left = min(left, 0.2)
        if not select.select([self.come], [], [], left)[0]:
            return
        chunk = os.read(self.come, 1 << 20)
        if not chunk:
            raise RuntimeError("the browser has ended")
        self.data += chunk
        while b"\0" in self.data:
            message, self.data = self.data.split(b"\0", 1)
            self.take(json.loads(message))

    def take(self, m):
        if "id" in m:
            self.answers[m["id"]] = m
            return
        p = m["params"]
        if m["method"] == "Page.loadEventFired":
            self.loaded += 1
        elif m["method"] == "Log.entryAdded":
            e = p["entry"]
            self.complain("%s: %s %s" % (e["level"], e["text"],
                                         e.get("url", "")))
        elif m["method"] == "Runtime.exceptionThrown":
            self.complain("exception: %s" % p["exceptionDetails"]["text"])
        elif m["method"] == "Runtime.consoleAPICalled":
            self.complain("console.%s" % p["type"])
        elif m["method"] == "Page.javascriptDialogOpening":
            self.complain("dialog: %s" % p["message"])
            self.post("Page.handleJavaScriptDialog", accept=False)
        elif m["method"] == "Network.requestWillBeSent":
            url = p["request"]["url"]
            if url != self.url and not url.startswith("data:"):
                self.complain("asks for %s" % url)
        elif m["method"] == "Fetch.authRequired":
            name, _, password = self.user.partition(":")
            self.post("Fetch.continueWithAuth", requestId=p["requestId"],
                      authChallengeResponse={
                          "response": "ProvideCredentials",
                          "username": name, "password": password})
        elif m["method"] == "Fetch.requestPaused":
            self.post("Fetch.continueRequest", requestId=p["requestId"])

    def complain(self, what):
        self.complaints.append(" ".join(what.split()))

    def begin(self):
        target = self.call("Target.createTarget", url="about:blank")
        self.session = self.call("Target.attachToTarget", flatten=True,
                                 targetId=target["targetId"])["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        if self.user:
            self.call("Fetch.enable", handleAuthRequests=True)
        self.window("1100")
        self.color("light")

    def window(self, width):
        self.call("Emulation.setDeviceMetricsOverride", width=int(width),
                  height=900, deviceScaleFactor=1, mobile=False)

    def color(self, value):
        self.call("Emulation.setEmulatedMedia", features=[{
            "name": "prefers-color-scheme", "value": value}])

    def script(self, value):
        self.call("Emulation.setScriptExecutionDisabled",
                  value=value == "off")

    def open(self, url):
        self.call("Page.navigate", url="about:blank")
        self.url, self.loaded = url, 0
        self.call("Page.navigate", url=url)
        end = time.monotonic() + TIMEOUT
        while not self.loaded or self.evaluate(
                "location.href + document.readyState") != url + "complete":
            self.listen(end)

    def evaluate(self, expression):
        r = self.call("Runtime.evaluate", expression=expression,
                      returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in r:
            raise RuntimeError("%s: %s" % (expression, r["exceptionDetails"]))
        return r["result"].get("value")

    def wait(self, seconds, expression):
        end = time.monotonic() + float(seconds)
        while not self.evaluate(expression):
            if time.monotonic() > end:
                print(self.evaluate("document.body.innerText"))
                raise RuntimeError("not within %s s: %s" %
                                   (seconds, expression))
            time.sleep(0.1)

    def shot(self, name):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"],
                               "height": min(size["height"], SHOT),
                               "scale": 1})["data"]
        with open(name, "wb") as f:
            f.write(base64.b64decode(data))


def run(browser, steps):
    while steps:
        step = steps.pop(0)
        if step in ("open", "window", "color", "script", "shot"):
            getattr(browser, step)(steps.pop(0))
        elif step == "wait":
            browser.wait(steps.pop(0), steps.pop(0))
        elif step == "eval":
            value = browser.evaluate(steps.pop(0))
            print(value if isinstance(value, str) else json.dumps(value))
        elif step == "do":
            subprocess.run(steps.pop(0), shell=True, check=True,
                           stdout=subprocess.DEVNULL)
        else:
            raise RuntimeError("no step '%s'" % step)


def batches():
    data, steps = b"", []
    while True:
        chunk = os.read(0, 65536)
        if not chunk:
            return
        data += chunk
        while b"\0" in data:
            word, data = data.split(b"\0", 1)
            if word:
                steps.append(word.decode())
            else:
                yield steps
                steps = []


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    browser = Browser(sys.argv[1] if len(sys.argv) > 1 else None)
    try:
        browser.begin()
        for steps in batches():
            status = 0
            try:
                run(browser, steps)
                browser.evaluate("0")
            except (RuntimeError, OSError,
                    subprocess.CalledProcessError) as e:
                print("failed: %s" % e)
                status = 1
            for what in browser.complaints:
                print("browser: " + what)
            browser.complaints = []
            print("done %d" % status, flush=True)
    finally:
        browser.close()


main()
