#!/usr/bin/env python3
"""Servers beside a real registry of images.

odd-registry.py token PORT CERTIFICATE KEY USER:PASSWORD
  gives tokens to who has that password, as a registry with auth.token wants
  them: a JWT, signed by the key, good for what the scope asks.
odd-registry.py odd PORT ELSEWHERE
  answers for images by their names:
  pages      1.0.0 to 1.0.5, one a page, with Link
  endless    the same page for ever, which says that there is one more
  nowhere    a page whose next one is on ELSEWHERE
  moved      redirects to ELSEWHERE
  huge       never stops
  text       no JSON
  names      tags that are none, and 1.0.0
  busy       429 with Retry-After: 1, once, then 1.0.0
  late       429 with Retry-After: 4000
  broken     500
  asks       401, with a token server at ELSEWHERE by plain HTTP
  trick      401, with one whose name only looks like this machine
  loop       401 with this server's own token, which is never good
  digest     1.0.0, whose digest is none
Requests are printed, a line each; "with credentials" if they have any.
"""
import base64
import http.server
import json
import subprocess
import sys
import time
import urllib.parse

mode, port = sys.argv[1], int(sys.argv[2])
busy = set()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=')


def signed(claims, certificate, key):
    pem = open(certificate).read().split('-----')[2]
    header = {'typ': 'JWT', 'alg': 'RS256', 'x5c': [''.join(pem.split())]}
    text = b64(json.dumps(header).encode()) + b'.' + \
        b64(json.dumps(claims).encode())
    signature = subprocess.run(
        ['openssl', 'dgst', '-sha256', '-sign', key], input=text,
        stdout=subprocess.PIPE, check=True).stdout
    return (text + b'.' + b64(signature)).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, fmt, *args):
        known = 'with' if self.headers.get('Authorization') else 'without'
        print(self.command, self.path, *args[1:2], known, 'credentials',
              flush=True)

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def tags(self, *tags, **headers):
        self.answer(200, json.dumps({'name': 'x', 'tags': tags}).encode(),
                    **headers)

    def token(self, query):
        certificate, key, user = sys.argv[3:6]
        given = self.headers.get('Authorization', '')
        if given != 'Basic ' + base64.b64encode(user.encode()).decode():
            return self.answer(401)
        access = []
        for scope in query.get('scope', []):
            kind, name, actions = scope.split(':')
            access.append({'type': kind, 'name': name,
                           'actions': actions.split(',')})
        now = int(time.time())
        claims = {'iss': 'issuer', 'sub': user.split(':')[0],
                  'aud': query['service'][0], 'exp': now + 300,
                  'nbf': now - 10, 'iat': now, 'jti': str(now),
                  'access': access}
        body = json.dumps({'token': signed(claims, certificate, key)})
        return self.answer(200, body.encode())

    def odd(self, name, query):
        here = f'http://127.0.0.1:{port}'
        elsewhere = sys.argv[3]
        if name == 'pages':
            n = int(query.get('last', ['0'])[0])
            link = {'Link': f'</v2/pages/tags/list?n=1&last={n + 1}>; '
                            'rel="next"'} if n < 5 else {}
            self.tags(f'1.0.{n}', **link)
        elif name == 'endless':
            self.tags('1.0.0',
                      Link='</v2/endless/tags/list?n=1>; rel="next"')
        elif name == 'nowhere':
            self.tags('1.0.0', Link=f'<http://{elsewhere}/v2/nowhere/tags/'
                                    'list?n=1>; rel="next"')
        elif name == 'moved':
            self.answer(307, Location=f'http://{elsewhere}{self.path}')
        elif name == 'huge':
            self.send_response(200)
            self.send_header('Connection', 'close')
            self.end_headers()
            while True:
                self.wfile.write(b' ' * 65536)
        elif name == 'text':
            self.answer(200, b'<html>')
        elif name == 'names':
            self.tags('1.0.0', '9.0.0"\nx: y', '9.0.0 # z', '9.0.0' * 40, 7,
                      None, '')
        elif name == 'busy' and name not in busy:
            busy.add(name)
            self.answer(429, Retry_After='1')
        elif name == 'late':
            self.answer(429, Retry_After='4000')
        elif name == 'broken':
            self.answer(500)
        elif name == 'asks':
            self.answer(401, WWW_Authenticate='Bearer '
                        'realm="http://registry.example.org/token"')
        elif name == 'trick':
            self.answer(401, WWW_Authenticate='Bearer realm='
                        f'"http://127.0.0.1:x@{elsewhere}/token"')
        elif name == 'loop':
            self.answer(401, WWW_Authenticate=f'Bearer realm="{here}/token"')
        elif name == 'digest':
            if '/manifests/' in self.path:
                self.answer(200, Docker_Content_Digest='sha256:"')
            else:
                self.tags('1.0.0')
        else:
            self.tags('1.0.0')

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        try:
            if mode == 'token':
                self.token(query)
            elif url.path == '/token':
                self.answer(200, b'{"token": "never-good"}')
            else:
                self.odd(url.path.split('/')[2], query)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET


http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler).serve_forever()
