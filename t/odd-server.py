#!/usr/bin/env python3
"""A web server that serves a folder and misbehaves on request.

odd-server.py PORT FOLDER [ELSEWHERE [CERTIFICATE KEY]]: the first path
component says how:
  /plain/...     serves the file
  /redirect/...  answers 302 to /plain/
  /redirect-http/..., /redirect-file/..., /redirect-ftp/...   to the URL
                 ELSEWHERE, to the file itself, to an FTP server
  /endless/...   never stops sending
  /chunked/...   the same, in chunks
  /half/...      sends half of the file, and hangs up
  /drip/...      sends one byte a second
  /silent/...    takes the request and says nothing
  /liar/...      Preference-Applied: wait, and answers at once all the same
  /held/...      prints HELD, and serves the file once there is a file
                 `release` in FOLDER
  /endless-packs/..., /drip-packs/..., /half-packs/...   as /plain/, but for
                 packs
  /error/...     500
Every request is printed, a line each.
"""
import http.server
import os
import socketserver
import ssl
import sys
import time

folder = sys.argv[2]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, fmt, *args):
        print(self.command, self.path, *args[1:2], flush=True)

    def start(self, status, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        if length is not None:
            self.send_header('Content-Length', str(length))
        else:
            self.send_header('Connection', 'close')
            self.close_connection = True
        self.end_headers()

    def do_GET(self):
        how, _, path = self.path.lstrip('/').partition('/')
        try:
            if how.endswith('-packs'):
                how = how[:-6] if '/packs/' in path else 'plain'
            getattr(self, 'do_' + how.replace('-', '_'))(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def read(self, path):
        with open(os.path.join(folder, path), 'rb') as f:
            return f.read()

    def do_plain(self, path, **headers):
        try:
            data = self.read(path)
        except OSError:
            self.start(404, 0)
            return
        self.start(200, len(data), **headers)
        self.wfile.write(data)

    def do_liar(self, path):
        self.do_plain(path, Preference_Applied='wait=50', ETag='"x"')

    def do_redirect(self, path):
        self.start(302, 0, Location='/plain/' + path)

    def do_redirect_http(self, path):
        self.start(302, 0, Location=sys.argv[3] + '/' + path)

    def do_redirect_file(self, path):
        self.start(302, 0, Location='file://' + os.path.join(folder, path))

    def do_redirect_ftp(self, path):
        self.start(302, 0, Location='ftp://127.0.0.1/' + path)

    def do_half(self, path):
        data = self.read(path)
        self.start(200, len(data))
        self.wfile.write(data[:len(data) // 2])
        self.close_connection = True

    def do_chunked(self, path):
        self.start(200, None, Transfer_Encoding='chunked')
        while True:
            self.wfile.write(b'10000\r\n' + b'x' * 65536 + b'\r\n')

    def do_endless(self, path):
        self.start(200)
        while True:
            self.wfile.write(b'x' * 65536)

    def do_drip(self, path):
        data = self.read(path) if '/packs/' in path else b'x' * 4000
        self.start(200, len(data))
        while True:
            self.wfile.write(data[:1])
            self.wfile.flush()
            data = data[1:]
            time.sleep(1)

    def do_held(self, path):
        print('HELD', path, flush=True)
        while not os.path.exists(os.path.join(folder, 'release')):
            time.sleep(0.02)
        self.do_plain(path)

    def do_silent(self, path):
        time.sleep(600)

    def do_error(self, path):
        self.start(500, 0)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(('127.0.0.1', int(sys.argv[1])), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
server.serve_forever()
