#!/usr/bin/env python3
"""Takes reports, keeps them, and answers as it is told.

report-receiver.py PORT FOLDER: each POST is kept as FOLDER/NNNN.report, its
path and headers as FOLDER/NNNN.request, numbered from 0001 in the order in
which they came, whatever the answer is. The answer is the first line of the
file FOLDER/answer, 204 without one:

    STATUS [RETRY-AFTER|-] [BODY...]

and once that of FOLDER/answer-once, which is removed. STATUS may be "close",
without any answer, or "hang": none, until the file is another one.

Connections that were made are counted in FOLDER/connections.
"""
import http.server
import os
import sys
import threading
import time

folder = sys.argv[2]
lock = threading.Lock()
count = 0
connections = 0


def keep(name, data):
    path = os.path.join(folder, name)
    with open(path + '.tmp', 'wb') as f:
        f.write(data)
    os.rename(path + '.tmp', path)


def answer():
    for name in ('answer-once', 'answer'):
        path = os.path.join(folder, name)
        try:
            with open(path) as f:
                words = f.readline().split(None, 2)
        except FileNotFoundError:
            continue
        if name == 'answer-once':
            os.unlink(path)
        return words
    return ['204']


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, fmt, *args):
        print(self.command, self.path, *args[1:2], flush=True)

    def setup(self):
        global connections
        super().setup()
        with lock:
            connections += 1
            keep('connections', b'%d\n' % connections)

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        with lock:
            words = answer()
            count += 1
            request = '%s %s\n%s' % (self.command, self.path, self.headers)
            keep('%04d.request' % count, request.encode())
            keep('%04d.report' % count, body)
        while words[0] == 'hang':
            time.sleep(0.1)
            words = answer()
        if words[0] == 'close':
            self.close_connection = True
            return
        text = words[2].encode() if len(words) > 2 else b''
        self.send_response(int(words[0]))
        if len(words) > 1 and words[1] != '-':
            self.send_header('Retry-After', words[1])
        if int(words[0]) != 204:
            self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)


http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])),
                                Handler).serve_forever()
