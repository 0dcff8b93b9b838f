"""What the API server's audit log says of the engines.

Each write of an engine is held against the signed bundles: its body must be
what the accepted bundle says of that object, or a later one; each delete
must be a '-' of an accepted bundle; and only who held the Lease may write.
"""
import bisect
import collections
import datetime
import json
import os

import content

WRITES = ('create', 'update', 'patch', 'delete', 'deletecollection')
# A request may be on its way when the next bundle is accepted: so long, in
# seconds, may the API server take until it looks at it.
ON_ITS_WAY = 5

POLICY = '''apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Request
  users: [%(users)s]
  verbs: [create, update, patch, delete, deletecollection]
- {level: Metadata, users: [%(users)s]}
- {level: Metadata, verbs: [delete, deletecollection]}
- {level: None}
'''

PLURALS = {
    'configmaps': 'ConfigMap', 'secrets': 'Secret', 'services': 'Service',
    'serviceaccounts': 'ServiceAccount', 'namespaces': 'Namespace',
    'deployments': 'Deployment', 'widgets': 'Widget', 'gadgets': 'Gadget',
    'clusterroles': 'ClusterRole',
    'customresourcedefinitions': 'CustomResourceDefinition',
}


def seconds(text):
    return datetime.datetime.fromisoformat(
        text.replace('Z', '+00:00')).timestamp()


class Request:
    """One line of the log, of an engine."""

    def __init__(self, event):
        ref = event.get('objectRef') or {}
        self.began = seconds(event['requestReceivedTimestamp'])
        self.ended = seconds(event['stageTimestamp'])
        self.engine = event['user']['username'].rpartition(':')[2]
        other = event.get('impersonatedUser', {}).get('username', '')
        self.channel = other.rpartition(':channel-')[2]
        self.verb = event['verb']
        self.resource = ref.get('resource', '')
        self.subresource = ref.get('subresource', '')
        self.namespace = ref.get('namespace', '')
        self.name = ref.get('name', '')
        self.group = ref.get('apiGroup', '')
        self.code = (event.get('responseStatus') or {}).get('code', 0)
        self.uri = event['requestURI']
        self.body = event.get('requestObject')

    def path(self):
        kind = PLURALS.get(self.resource)
        namespace = '' if self.resource == 'namespaces' else self.namespace
        return (f'objects/{namespace or "_cluster"}/{self.group or "core"}/'
                f'{kind}/{self.name}.json')

    def __str__(self):
        when = datetime.datetime.utcfromtimestamp(self.began)
        return (f'{when.time()} {self.engine} {self.verb} {self.uri} '
                f'{self.code}')


class Judge:
    def __init__(self, log, users, host, report, elects):
        self.log, self.users = log, users
        self.host, self.report = host, report
        self.elects = elects            # there is a Lease
        self.position = 0
        self.accepted = {c: [(0, 0)] for c in content.CHANNELS}
        self.renewed = {}               # engine -> its last renewal
        self.holder = None
        self.outages = []               # when the API server was killed
        self.counts = collections.Counter()
        self.deleted = collections.Counter()

    def read(self):
        """The requests that came since."""
        found = []
        if not os.path.exists(self.log):
            return found
        with open(self.log, 'rb') as f:
            f.seek(self.position)
            for line in f:
                if not line.endswith(b'\n'):
                    break
                self.position += len(line)
                try:
                    event = json.loads(line)
                except ValueError:
                    continue            # cut by a kill of the API server
                if event['user']['username'] in self.users and \
                        event['stage'] == 'ResponseComplete':
                    found.append(Request(event))
        found.sort(key=lambda r: r.began)
        return found

    def judge(self):
        requests = self.read()
        self.host.read_bundles()
        # what was accepted is needed first: the log is in order of ends
        for r in requests:
            self.counts[f'{r.verb}'] += 1
            if r.code >= 400:
                self.counts[f'answers {r.code}'] += 1
            elif r.resource == 'channels' and r.subresource == 'status':
                self.note_accepted(r)
        for r in requests:
            if r.verb not in WRITES or r.code >= 400 or r.code == 0:
                continue
            if r.resource == 'leases':
                self.judge_lease(r)
                continue
            self.judge_term(r)
            if not r.channel or 'dryRun' in r.uri:
                continue
            if r.verb == 'delete':
                self.judge_delete(r)
            elif r.verb == 'deletecollection':
                self.report.broken('deletes', f'{r}: a whole collection')
            elif 'fieldManager=windlass-' in r.uri and \
                    isinstance(r.body, dict):
                self.judge_write(r)
            else:
                self.counts['writes that are no apply'] += 1

    def note_accepted(self, r):
        accepted = ((r.body or {}).get('status') or {}).get('accepted') or {}
        if r.name not in self.accepted or 'sequence' not in accepted:
            return
        sequence = accepted['sequence']
        known = self.accepted[r.name]
        if sequence < known[-1][1]:
            self.report.broken('sequence', f'{r}: accepted {sequence} after '
                               f'{known[-1][1]}')
        if sequence > known[-1][1]:
            known.append((r.ended, sequence))

    def accepted_at(self, channel, when):
        known = self.accepted[channel]
        return known[bisect.bisect(known, (when, 1 << 62)) - 1][1]

    # ---- the Lease ----

    def judge_lease(self, r):
        holder = ((r.body or {}).get('spec') or {}).get('holderIdentity')
        if holder == '':
            self.renewed.pop(r.engine, None)
            return
        self.holder = r.engine
        self.renewed[r.engine] = r.began
        self.counts['lease ' + r.engine] += 1

    def judge_term(self, r):
        if not self.elects or self.holder in (None, r.engine):
            return
        if r.resource == 'events' or \
                any(t - 1 < r.began < t + 30 for t in self.outages):
            return
        self.report.broken('one writer', f'{r}: while {self.holder} held '
                           'the Lease')

    # ---- deletes and writes ----

    def around(self, r):
        """The sequences that may have been the accepted one when it was
        sent."""
        first = self.accepted_at(r.channel, r.began - ON_ITS_WAY)
        return range(max(first, 1), self.host.sequence(r.channel) + 1)

    def tree(self, channel, sequence):
        return self.host.tree(self.host.bundles[channel][sequence - 1])

    def judge_delete(self, r):
        path = r.path()
        self.deleted[path] += 1
        self.counts['deletes by an engine'] += 1
        last = self.accepted_at(r.channel, r.ended + ON_ITS_WAY)
        for s in self.around(r):
            if s <= last and path not in self.tree(r.channel, s) and \
                    any(path in self.tree(r.channel, before)
                        for before in range(1, s)):
                return
        self.report.broken('deletes', f'{r}: no accepted bundle says so')

    def judge_write(self, r):
        self.counts['applies'] += 1
        path, body = r.path(), r.body or {}
        said = ''
        for s in self.around(r):
            identity = self.tree(r.channel, s).get(path)
            if identity is None:
                continue
            if self.host.blob(identity) == body:
                return
            said = said or content.within(self.host.blob(identity), body)
        if self.gives_up(body):
            self.counts['fields given up'] += 1
            return
        self.report.broken(
            'older writes', f'{r}: is not what {r.channel} said from '
            f'{self.accepted_at(r.channel, r.began)} on: '
            f'{said or "it does not name it"}')

    @staticmethod
    def gives_up(body):
        """An apply of nothing: the object is left to nobody, or to another
        channel."""
        return not set(body) - {'apiVersion', 'kind', 'metadata'} and \
            not set(body.get('metadata', {})) - \
            {'name', 'namespace', 'uid', 'resourceVersion'}
