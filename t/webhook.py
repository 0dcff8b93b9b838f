#!/usr/bin/env python3
"""An admission and conversion webhook of the API server, over HTTPS.

webhook.py CERTIFICATE KEY MODE-FILE

prints "port N" and listens there on loopback. What it does with a review is
in MODE-FILE, read for each:

  allow            nothing
  deny TEXT        refuses, in these words
  hang             never answers
  fail             answers 500
  set PATH VALUE   replaces a field by JSON patch, whoever writes
  theirs PATH VALUE    unless the writer is a service account
  strip            takes off all managedFields, unless a service account writes

A ConversionReview is answered whatever the mode says, but for hang and fail:
objects get the apiVersion that is asked for.
"""
import base64
import http.server
import json
import ssl
import sys
import time


def admit(mode, request):
    words = mode.split(' ', 2)
    user = request['userInfo']['username']
    patch = None
    answer = {'uid': request['uid'], 'allowed': words[0] != 'deny'}
    if words[0] == 'deny':
        answer['status'] = {'message': mode[5:]}
    elif request['operation'] == 'DELETE':
        pass
    elif words[0] == 'set' or (words[0] == 'theirs' and
                               not user.startswith('system:serviceaccount:')):
        patch = [{'op': 'replace', 'path': words[1], 'value': words[2]}]
    elif (words[0] == 'strip' and
          not user.startswith('system:serviceaccount:')):
        patch = [{'op': 'replace', 'path': '/metadata/managedFields',
                  'value': [{}]}]
    if patch:
        answer['patchType'] = 'JSONPatch'
        answer['patch'] = base64.b64encode(json.dumps(patch).encode()).decode()
    return answer


def convert(request):
    for item in request['objects']:
        item['apiVersion'] = request['desiredAPIVersion']
    return {'uid': request['uid'], 'result': {'status': 'Success'},
            'convertedObjects': request['objects']}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        with open(sys.argv[3], encoding='utf-8') as f:
            mode = f.read().strip()
        if mode == 'hang':
            time.sleep(60)
        if mode in ('hang', 'fail'):
            self.send_error(500)
            return
        if review['kind'] == 'ConversionReview':
            response = convert(review['request'])
        else:
            response = admit(mode, review['request'])
        body = json.dumps({'apiVersion': review['apiVersion'],
                           'kind': review['kind'],
                           'response': response}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    # the handshake in the connection's own thread
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    print('port', server.server_address[1], flush=True)
    server.serve_forever()


main()
