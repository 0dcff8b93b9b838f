#!/usr/bin/env python3
"""Somebody at a terminal: starts a shell, types, prints what they see.

    typist.py SECONDS COMMAND... <LINES

Each line of stdin is typed as it is, with \\t for the tab key, and ended with
the return key; a line must make the shell print "<done N>", N being its
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


def main():
    seconds = float(sys.argv[1])
    lines = sys.stdin.read().splitlines()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    status = 0
    for number, line in enumerate(lines, 1):
        typed = line.replace("\\t", "\t") + "\r"
        os.write(terminal, typed.encode())
        seen = ""
        end = time.monotonic() + seconds
        while f"<done {number}>" not in clean(seen):
            left = end - time.monotonic()
            if left <= 0 or not select.select([terminal], [], [], left)[0]:
                print(f"the shell does not answer to: {line}")
                status = 1
                break
            try:
                part = os.read(terminal, 65536)
            except OSError:
                part = b""
            if not part:
                print("the shell has ended")
                status = 1
                break
            seen += part.decode(errors="replace")
        print(clean(seen))
        if status:
            break
    os.close(terminal)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    sys.exit(status)


main()
