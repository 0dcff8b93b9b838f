"""What the cluster has, held against the newest bundles."""
import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import urllib.parse

import content

CONFIG_MAPS = '/api/v1/namespaces/soak-a/configmaps'
LABEL = 'applyset.kubernetes.io/part-of'


def kubectl(*arguments, text=None, timeout=60):
    """Status and output."""
    try:
        done = subprocess.run(
            (os.environ['KUBECTL'], f'--request-timeout={timeout}s') +
            arguments, input=text, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=timeout + 30)
    except subprocess.TimeoutExpired:
        return 124, 'kubectl hangs'
    return done.returncode, done.stdout


class Api:
    """GET by the bearer token of the cluster's admin; kubectl would cost a
    tenth of a second of CPU each time."""

    def __init__(self, kubeconfig):
        with open(kubeconfig, encoding='utf-8') as f:
            words = dict(re.findall(r'^ *-? *([a-z-]+): +(\S+)$', f.read(),
                                    re.MULTILINE))
        self.server = urllib.parse.urlsplit(words['server'])
        self.token = words['token']
        authority = words.get('certificate-authority-data')
        self.tls = ssl.create_default_context(
            cadata=base64.b64decode(authority).decode() if authority else None,
            cafile=words.get('certificate-authority'))
        self.tls.check_hostname = False     # it is that of the service

    def get(self, path):
        """An object or the items of a list; [] if it is not there, None if
        there is no answer."""
        connection = http.client.HTTPSConnection(
            self.server.hostname, self.server.port, context=self.tls,
            timeout=30)
        try:
            connection.request('GET', path, headers={
                'Authorization': 'Bearer ' + self.token})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 404:
                return []       # of a kind that is not there: no JSON
            found = json.loads(text)
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        if answer.status != 200:
            return None
        if 'items' not in found:
            return [found]
        kind = found['kind'].removesuffix('List')
        for item in found['items']:
            item.setdefault('kind', kind)
            item.setdefault('apiVersion', found['apiVersion'])
        return found['items']


def path_of(obj):
    return content.bundle_path(content.key_of(obj), obj['apiVersion'])


class Live:
    def __init__(self, host, report):
        self.host, self.report = host, report
        self.api = Api(os.path.join(os.environ['CLUSTER'],
                                    'kubeconfig-token'))
        self.uids = {}          # path -> uid, when all was well last
        self.since = {}         # channel -> its sequence then
        self.tainted = set()    # paths that a hand deleted since
        self.foreign = {}       # path -> uid, resourceVersion, whole
        self.kept = {}          # path -> uid, of prune: "false"
        self.objects = {}

    # ---- looking ----

    def managed(self):
        """path -> object, of all that has our label; None if not to be had."""
        found = []
        for path in content.LISTS:
            items = self.api.get(f'{path}?labelSelector=' +
                                 urllib.parse.quote(LABEL, safe=''))
            if items is None:
                return None
            found += items
        return {path_of(o): o for o in found}

    def channels(self):
        """Why a channel is not where it should be; '' if all are."""
        found = self.api.get('/apis/windlass.dev/v1alpha1/channels')
        if found is None:
            return 'no answer'
        for obj in found:
            name, status = obj['metadata']['name'], obj.get('status', {})
            want = self.host.sequence(name)
            have = status.get('applied', {}).get('sequence', 0)
            ready = [c for c in status.get('conditions', [])
                     if c['type'] == 'Ready']
            if have != want:
                return (f'{name}: {have} applied of {want}: ' +
                        '; '.join(c.get('message', '') for c in ready))
            if not ready or ready[0]['status'] != 'True':
                return f'{name}: ' + json.dumps(ready)
            if status.get('leftovers'):
                return f'{name}: leftovers {status["leftovers"]}'
        return '' if len(found) == len(content.CHANNELS) else 'no channels'

    def differs(self):
        """Where the cluster is not what the newest bundles say; '' if it is.
        Afterwards self.objects is what it has."""
        have = self.managed()
        if have is None:
            return 'no answer'
        self.objects = have
        want = {}
        for channel in content.CHANNELS:
            want.update(self.host.objects(channel))
        for path in sorted(want.keys() | have.keys()):
            if path not in have:
                return f'{path} is not there'
            if path not in want:
                if 'deletionTimestamp' in have[path]['metadata']:
                    return f'{path} is still being deleted'
                return f'{path} is in no bundle'
            if 'deletionTimestamp' in have[path]['metadata']:
                return f'{path} is being deleted'
            found = content.within(want[path], have[path])
            if found:
                return f'{path}: {found}'
        return ''

    def release_held(self):
        """Somebody takes the finalizers off what is being deleted."""
        for obj in self.api.get(CONFIG_MAPS) or []:
            meta = obj['metadata']
            if 'deletionTimestamp' in meta and \
                    content.HOLD in meta.get('finalizers', []):
                kubectl('-n', 'soak-a', 'patch', 'configmap', meta['name'],
                        '--type', 'merge', '-p',
                        '{"metadata":{"finalizers":null}}')
                self.tainted.add(path_of(obj))

    def renew_pods(self):
        """A node that was silent for an outage has its pods marked unready;
        kwok, unlike a kubelet, never says that they are ready again."""
        for pod in self.api.get('/api/v1/namespaces/soak-a/pods') or []:
            said = {c['type']: c['status']
                    for c in pod['status'].get('conditions', [])}
            if said.get('ContainersReady') == 'True' and \
                    said.get('Ready') == 'False':
                kubectl('-n', 'soak-a', 'delete', 'pod', '--wait=false',
                        pod['metadata']['name'])
                self.report.count('pods that an outage left unready')

    # ---- judging, when the cluster is what the bundles say ----

    def judge(self, calm):
        self.judge_foreign()
        self.judge_kept()
        self.judge_uids(calm)

    def always_named(self, path):
        """By one channel, in each bundle since all was well last."""
        for channel in content.CHANNELS:
            first = max(self.since.get(channel, 1), 1)
            bundles = self.host.bundles[channel][first - 1:]
            if bundles and all(path in self.host.tree(b) for b in bundles):
                return True
        return False

    def judge_uids(self, calm):
        uids = {p: o['metadata']['uid'] for p, o in self.objects.items()}
        moved = 0
        for path, uid in self.uids.items():
            if uids.get(path, uid) == uid:
                continue
            if path in self.tainted:
                continue
            if self.always_named(path):
                self.report.broken('uids', f'{path} was deleted and made '
                                   'again, though named all the time')
            elif calm and self.handed(path):
                self.report.broken('uids', f'{path} moved, and was deleted '
                                   'and made again in a calm round')
            moved += self.handed(path)
        self.report.count('objects made again on the way to another channel',
                          moved)
        self.uids = uids
        self.tainted = set()
        self.since = {c: self.host.sequence(c) for c in content.CHANNELS}

    def handed(self, path):
        """Named by one channel then, and by another one now."""
        then = [c for c in content.CHANNELS if self.since.get(c) and
                path in self.host.tree(
                    self.host.bundles[c][self.since[c] - 1])]
        now = [c for c in content.CHANNELS
               if path in self.host.objects(c)]
        return bool(then and now and then != now)

    def make_foreign(self):
        """Objects of somebody else in the channels' namespaces."""
        for i in range(3):
            obj = content.config_map(f'foreign-{i}', 'soak-a', 'mine')
            obj['metadata']['labels'] = {'app': 'web-0'}
            kubectl('create', '-f', '-', text=json.dumps(obj))
        self.foreign = self.look_foreign()
        assert len(self.foreign) == 3

    def look_foreign(self):
        """None if there is no answer."""
        found = self.api.get(CONFIG_MAPS)
        return None if found is None else {
            o['metadata']['name']: o for o in found
            if o['metadata']['name'].startswith('foreign-')}

    def judge_foreign(self):
        now = self.look_foreign()
        if self.foreign and now is not None and now != self.foreign:
            self.report.broken('foreign objects', 'they are not what they '
                               'were')
            self.foreign = now

    def last_said(self, path):
        """What the last bundle that named it said."""
        for bundles in self.host.bundles.values():
            for bundle in reversed(bundles):
                found = self.host.tree(bundle).get(path)
                if found:
                    return self.host.blob(found)
        return {'data': None}

    def judge_kept(self):
        """What prune: "false" let stay is there, as it was, and nobody's."""
        named = {}
        for channel in content.CHANNELS:
            named.update(self.host.objects(channel))
        for path, obj in named.items():
            notes = obj['metadata'].get('annotations', {})
            if notes.get('windlass.dev/prune') == 'false' and \
                    path in self.objects:
                self.kept[path] = self.objects[path]
        for path, before in list(self.kept.items()):
            if path in named:
                continue
            name = before['metadata']['name']
            now = self.api.get(f'{CONFIG_MAPS}/{name}')
            if now is None:
                continue        # no answer: asked again next time
            del self.kept[path]
            if path in self.tainted:
                continue
            why = None
            if not now:
                why = 'is gone'
            elif now[0]['metadata']['uid'] != before['metadata']['uid']:
                why = 'is another one'
            # what a hand added is not ours, and stays
            elif content.within(self.last_said(path)['data'],
                                now[0]['data']):
                why = f'says {now[0]["data"]}'
            if why:
                self.report.broken('kept objects', f'{path} did not stay: '
                                   f'it {why}')
            kubectl('-n', 'soak-a', 'delete', 'configmap', name)
            self.report.count('objects kept by prune: "false"')
