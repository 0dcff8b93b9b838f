#!/usr/bin/env python3
"""Somebody at a terminal: starts a shell, types, prints what they see.

    typist.py SECONDS COMMAND... <LINES

Each line of stdin is typed as it is, with \\t for the tab key, and ended with
the return key; at \\?TEXT? typing waits until TEXT was shown, for a shell may
spare itself what keys that wait already take back. A line must make the shell print "<done N>", N being its
number from 1, before the next one is typed. What the terminal showed in
between is printed, without its control sequences. Exits with 1 if a shell is
silent for so many seconds.
"""

import os
import pty
import re
import select
import sys
import time

CONTROL = re.compile(
    r"\x1b\[[0-9;?>=]*[a-zA-Z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)"
    r"|\x1b[()][A-Z0-9]|\x1b[=>78]|[\x00\x07\x0f\r]"
)


def clean(text):
    text = CONTROL.sub("", text)
    while "\x08" in text:
        text = re.sub(r"[^\x08]?\x08", "", text, count=1)
    return text


def read_until(terminal, seen, text, seconds):
    """What was seen in all, and why it does not have the text, or None."""
    end = time.monotonic() + seconds
    while text not in clean(seen):
        left = end - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            return seen, "the shell does not answer to"
        try:
            part = os.read(terminal, 65536)
        except OSError:
            part = b""
        if not part:
            return seen, "the shell has ended at"
        seen += part.decode(errors="replace")
    return seen, None


def main():
    seconds = float(sys.argv[1])
    lines = sys.stdin.read().splitlines()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    wrong = None
    for number, line in enumerate(lines, 1):
        typed = re.split(r"\\\?(.+?)\?", line.replace("\\t", "\t") + "\r")
        waits = typed[1::2] + [f"<done {number}>"]
        seen = ""
        for keys, text in zip(typed[::2], waits):
            os.write(terminal, keys.encode())
            seen, wrong = read_until(terminal, seen, text, seconds)
            if wrong:
                print(f"{wrong}: {line}")
                break
        print(clean(seen))
        if wrong:
            break
    os.close(terminal)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    sys.exit(1 if wrong else 0)


main()
