"""The Git host and the developer: a bare repository with the real hooks,
`windlass-hook serve`, a clone, and pushes of which it is known what they say.
"""
import copy
import json
import os
import re
import signal
import subprocess
import time

import content
import processes


def git(folder, *arguments, **options):
    done = subprocess.run(('git', '-C', folder) + arguments, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    if done.returncode != 0:
        raise RuntimeError(f'git {" ".join(arguments)}: {done.stdout}')
    return done.stdout.strip()


class Push:
    """One `git push` that runs."""

    def __init__(self, host, what, options=()):
        self.host, self.what = host, what
        self.before = host.tip()
        self.refs = host.refs()
        self.tip = git(host.work, 'rev-parse', 'HEAD')
        self.cut = False            # something of it was killed
        command = ['git', '-C', host.work, 'push', 'origin', 'HEAD:main']
        for option in options:
            command += ['-o', option]
        self.process = subprocess.Popen(
            command, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)

    def kill(self, everything):
        """Its hook, or git and all that it started."""
        killed = 0
        for pid, name in processes.of_session(self.process.pid):
            if everything or name.startswith('windlass'):
                killed += processes.kill(pid, signal.SIGKILL)
        self.cut = self.cut or killed > 0
        return killed

    def wait(self):
        try:
            self.output = self.process.communicate(timeout=180)[0]
        except subprocess.TimeoutExpired:
            processes.kill(-self.process.pid, signal.SIGKILL)
            self.output = self.process.communicate()[0]
            self.host.report.broken('push', f'{self.what}: hangs for 180 s')
        self.host.log(f'--- {self.what}\n{self.output}')
        return self.process.returncode


class Host:
    def __init__(self, folder, report):
        self.folder, self.report = folder, report
        self.repo = os.path.join(folder, 'host.git')
        self.work = os.path.join(folder, 'work')
        self.log_path = os.path.join(folder, 'push.log')
        self.model = None           # what the clone says
        self.models = {}            # what each commit says
        self.canaries = set()
        self.number = 0
        self.serve = None
        self.port = processes.free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.bundles = {c: [] for c in content.CHANNELS}
        self.blobs = {}
        self.trees = {}

    def log(self, text):
        with open(self.log_path, 'a', encoding='utf-8') as f:
            f.write(text)

    # ---- making it ----

    def make(self):
        subprocess.run(('git', 'init', '-q', '--bare', self.repo), check=True)
        for channel in content.CHANNELS:
            subprocess.run(
                ('windlass-hook', 'init', channel, '--repo', self.repo,
                 '--ref', 'refs/heads/main', '--path', f'deploy/{channel}',
                 '--key', os.path.join(self.folder, 'keys', channel),
                 '--allow-secrets'), check=True, stdout=subprocess.DEVNULL)
        git(self.repo, 'config', 'windlass.custom.crds',
            'deploy/base/definitions')
        git(self.repo, 'config', 'gc.auto', '0')
        subprocess.run(('git', 'clone', '-q', 'file://' + self.repo,
                        self.work), check=True, stderr=subprocess.DEVNULL)
        git(self.work, 'symbolic-ref', 'HEAD', 'refs/heads/main')
        self.reader = subprocess.Popen(
            ('git', '-C', self.repo, 'cat-file', '--batch'),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.serve = processes.Program(
            'serve', ['windlass-hook', 'serve', '--repo', self.repo,
                      '--listen', f'127.0.0.1:{self.port}',
                      '--check-interval', '2s'], self.folder, self.report)

    # ---- what is where ----

    def tip(self):
        done = subprocess.run(
            ('git', '-C', self.repo, 'rev-parse', '-q', '--verify',
             'refs/heads/main'), text=True, stdout=subprocess.PIPE)
        return done.stdout.strip()

    def refs(self):
        return git(self.repo, 'for-each-ref')

    def trace(self):
        """All that a refused push must leave as it was. What the pushes
        before it left to do, putting packs together, ends first: it makes and
        removes files of its own."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and processes.with_arguments(
                'publish', '--tidy', self.repo):
            time.sleep(0.2)
        found = []
        for top in ('objects', 'windlass'):
            for folder, _, names in os.walk(os.path.join(self.repo, top)):
                found += [os.path.join(folder, n) for n in names]
        return self.refs(), sorted(found)

    @staticmethod
    def file_of(channel, key):
        folder = f'deploy/{channel}'
        if key[1] == 'CustomResourceDefinition':
            folder += '/definitions'
        return f'{folder}/{key[1].lower()}-{key[0]}-{key[2]}.yaml'

    def wanted(self):
        """The model of what main says."""
        return self.models[self.tip()]

    # ---- pushing ----

    def commit(self, model, message):
        old = self.model or {c: {} for c in content.CHANNELS}
        for channel in content.CHANNELS:
            for key in old[channel].keys() - model[channel].keys():
                os.unlink(os.path.join(self.work, self.file_of(channel, key)))
            for key, obj in model[channel].items():
                if old[channel].get(key) == obj:
                    continue
                path = os.path.join(self.work, self.file_of(channel, key))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'w', encoding='utf-8') as f:
                    f.write(content.text_of(obj))
                self.canaries.update(obj.get('stringData', {}).values())
        git(self.work, 'add', '-A')
        git(self.work, 'commit', '-q', '--allow-empty', '-m', message)
        self.model = model
        self.models[git(self.work, 'rev-parse', 'HEAD')] = model

    def next_number(self):
        self.number += 1
        return self.number

    def change(self, rng, function):
        """A commit of one change; None if there is nothing to change."""
        number = self.next_number()
        model = {c: dict(objects) for c, objects in self.model.items()}
        if not function(rng, model, number):
            return None
        what = f'{number}: {function.__name__}'
        self.commit(model, what)
        return what

    def revert(self):
        """git revert of what was pushed last."""
        number = self.next_number()
        try:
            parent = git(self.work, 'rev-parse', 'HEAD~1')
        except RuntimeError:
            return None
        if parent not in self.models or content.REFUSED in \
                self.models[parent]['apps']:
            return None
        git(self.work, 'revert', '--no-edit', 'HEAD')
        self.model = self.models[parent]
        self.models[git(self.work, 'rev-parse', 'HEAD')] = self.model
        return f'{number}: revert'

    def reset(self):
        git(self.work, 'fetch', '-q', 'origin')
        git(self.work, 'reset', '-q', '--hard', 'origin/main')
        git(self.work, 'clean', '-q', '-d', '-f')
        self.model = self.models[git(self.work, 'rev-parse', 'HEAD')]

    def start_push(self, what, options=()):
        self.report.count('pushes')
        return Push(self, what, options)

    def end_push(self, push):
        """Waits for it; asks again with the word that a deletion needs, and
        judges whether it left what it should. True if main moved."""
        status = push.wait()
        moved = self.tip() == push.tip
        if status == 0 and not moved:
            self.report.broken('push', f'{push.what}: accepted, but main is '
                               f'{self.tip()}')
        if not moved and not push.cut:
            words = sorted(set(re.findall(r'allow-deletes=[a-z:]*[0-9]+',
                                          push.output)))
            if words:
                self.report.count('pushes that had to allow deletes')
                if self.refs() != push.refs:
                    self.report.broken('push', f'{push.what}: refused, but '
                                       'refs changed')
                again = self.start_push(push.what + ' again', words)
                return self.end_push(again)
            self.report.broken('push', f'{push.what}: refused: {push.output}')
        self.report.count('pushes cut by a kill' if push.cut else
                          'pushes accepted')
        if not moved:
            self.reset()
        return moved

    def push_bad(self, rng):
        """One that must be refused and leave no trace."""
        number = self.next_number()
        path, text, hidden = content.bad_file(rng, number)
        full = os.path.join(self.work, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as f:
            f.write(text)
        self.canaries.add(hidden)
        git(self.work, 'add', '-A')
        git(self.work, 'commit', '-q', '-m', f'{number}: bad')
        self.wait_published()
        before = self.trace()
        push = self.start_push(f'{number}: bad {path}')
        status = push.wait()
        if status == 0:
            self.report.broken('push', f'{push.what}: was accepted: {text}')
        after = self.trace()
        if after != before:
            was, is_now = set(before[1]), set(after[1])
            self.report.broken(
                'push', f'{push.what}: refused, but left '
                f'{sorted(is_now - was)[:5]}, without '
                f'{sorted(was - is_now)[:5]}; {after[0]}')
        if path.rsplit('/')[-1] not in push.output:
            self.report.broken('push', f'{push.what}: does not name the file')
        self.report.count('pushes refused')
        self.reset()

    # ---- what was published ----

    def read_bundles(self):
        """The chain of each channel, from the repository."""
        for channel in content.CHANNELS:
            known = self.bundles[channel]
            after = [f'^{known[-1]}'] if known else []
            try:
                new = git(self.repo, 'rev-list', '--reverse', '--parents',
                          f'refs/windlass/{channel}', *after).splitlines()
            except RuntimeError:
                continue        # nothing was published yet
            for line in new:
                bundle, *parents = line.split()
                if parents != known[-1:]:
                    self.report.broken('publish', f'{channel}: {bundle} does '
                                       'not follow the one before')
                known.append(bundle)

    def tree(self, bundle):
        """path -> blob id."""
        if bundle not in self.trees:
            self.trees[bundle] = {}
            for line in git(self.repo, 'ls-tree', '-r', bundle, '--',
                            'objects/').splitlines():
                meta, path = line.split('\t')
                if path.endswith('.json'):
                    self.trees[bundle][path] = meta.split()[2]
        return self.trees[bundle]

    def blob(self, identity):
        if identity not in self.blobs:
            self.reader.stdin.write(identity.encode() + b'\n')
            self.reader.stdin.flush()
            size = int(self.reader.stdout.readline().split()[2])
            self.blobs[identity] = json.loads(self.reader.stdout.read(size))
            self.reader.stdout.read(1)
        return self.blobs[identity]

    def sequence(self, channel):
        return len(self.bundles[channel])

    def objects(self, channel):
        """path -> object, of the newest bundle."""
        if not self.bundles[channel]:
            return {}
        return {path: self.blob(identity) for path, identity in
                self.tree(self.bundles[channel][-1]).items()}

    def unpublished(self):
        """What main says and no bundle does; '' if all is published."""
        self.read_bundles()
        model = self.wanted()
        for channel in content.CHANNELS:
            have = self.objects(channel)
            want = {content.bundle_path(k, o['apiVersion']):
                    content.expected(o) for k, o in model[channel].items()}
            if want.keys() != have.keys():
                return f'{channel}: {sorted(want.keys() ^ have.keys())[:3]}'
            for path, obj in want.items():
                bare = copy.deepcopy(have[path])
                labels = bare['metadata'].get('labels', {})
                labels.pop('applyset.kubernetes.io/part-of', None)
                if not labels:
                    bare['metadata'].pop('labels', None)
                if bare != obj:
                    return f'{channel}: {path}'
        return ''

    def wait_published(self, seconds=90):
        """serve publishes what a killed hook did not."""
        end = time.monotonic() + seconds
        while True:
            left = self.unpublished()
            if not left:
                return True
            if time.monotonic() > end:
                said = subprocess.run(
                    ('windlass-hook', 'publish', '--repo', self.repo),
                    text=True, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT).stdout
                self.report.broken('publish', 'what was accepted is not '
                                   f'published after {seconds} s: {left}; '
                                   f'publish says: {said[:1000]}')
                return False
            time.sleep(.1)
