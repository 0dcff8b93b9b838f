"""The soak test; t/soak makes the control plane and says what this is for."""
import argparse
import glob
import os
import random
import re
import signal
import subprocess
import sys
import time

import content
import host
import judge
import live
import processes
import report
import rounds
from live import kubectl

SETTLE = 300        # seconds until all must be well again; a stalled watch
                    # alone takes 90
GROWTH_KB = 12000   # what a process may grow by
GROWTH_FILES = 100  # connections to a server without HTTP/2 come and go
STATE_KB = 64000    # what a state directory may have


class Engine(processes.Program):
    """windlassd as an account of its own, at the API server directly or
    through a proxy that makes faults."""

    def __init__(self, name, soak):
        super().__init__(f'engine-{name}', None, soak.folder, soak.report)
        self.short, self.soak = name, soak
        self.state = os.path.join(soak.folder, f'state-{name}')
        self.rules = os.path.join(soak.folder, f'rules-{name}')
        self.proxied = False
        self.looks = 0

    def begin(self, proxied):
        self.proxied = proxied
        kubeconfig = f'{self.short}-proxy' if proxied else self.short
        self.command = [
            'windlassd', '--kubeconfig',
            os.path.join(self.folder, kubeconfig + '.kubeconfig'),
            '--state', self.state, '--metrics',
            f'127.0.0.1:{processes.free_port()}',
            '--leader-elect' if self.soak.elects else '--no-leader-elect']
        self.looks = 0
        self.start()

    def ensure(self):
        self.check()
        if not self.process:
            self.begin(self.proxied)
        elif self.stopped:
            self.send(signal.SIGCONT)

    def leads(self):
        if not self.process or self.stopped:
            return False
        last = ''
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            f.seek(self.began)
            for line in f:
                if ' leading' in line:
                    last = line
        return bool(last) and 'leading-lost' not in last


class Soak:
    def __init__(self, options):
        self.options = options
        self.folder = os.environ['TRASH']
        self.report = report.Report(options.report, options.seed)
        self.elects = options.kills == 0
        self.host = host.Host(self.folder, self.report)
        self.live = live.Live(self.host, self.report)
        self.engines = [Engine('one', self)]
        if self.elects:
            self.engines.append(Engine('two', self))
        users = [f'system:serviceaccount:soak-engines:{e.short}'
                 for e in self.engines]
        self.judge = judge.Judge(os.environ['AUDIT_LOG'], users, self.host,
                                 self.report, self.elects)
        self.push = None        # one that runs
        self.edited = {}        # path -> the round that it was edited in
        self.down = []          # components that are stopped
        self.calm = True
        self.round = 0

    # ---- making it ----

    def make(self):
        self.host.make()
        self.host.serve.start()
        self.wait(60, self.serves, 'serve does not start')
        rng = random.Random(f'{self.options.seed}/first')
        self.host.commit(content.first_model(rng, self.options.size), 'first')
        self.host.end_push(self.host.start_push('first'))
        for engine in self.engines:
            self.make_engine(engine)
        for channel in content.CHANNELS:
            done = subprocess.run(
                ('windlass', 'install', channel, '--from', self.host.repo,
                 '--url', self.host.url, '--cluster-admin', '--apply'),
                text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                raise SystemExit('install: ' + done.stdout)
        for engine in self.engines:
            engine.begin(False)
        self.settle('the first bundles')
        self.live.make_foreign()

    def serves(self):
        self.host.serve.ensure()
        return self.host.serve.said('listening on')

    def make_engine(self, engine):
        for suffix in ('', '-proxy'):
            path = os.path.join(self.folder,
                                engine.short + suffix + '.kubeconfig')
            with open(path, 'w', encoding='utf-8') as f:
                subprocess.run((os.environ['ENGINE_KUBECONFIG'],
                                engine.short), stdout=f, check=True)
            if suffix:
                self.point(path, self.make_proxy(engine))

    def make_proxy(self, engine):
        """fault-proxy with the engine's own credentials; its port."""
        proxy = processes.Program(
            f'proxy-{engine.short}',
            [os.path.join(os.environ['WINDLASS_BUILD'], 't/tool/fault-proxy'),
             os.path.join(self.folder, engine.short + '.kubeconfig'),
             engine.rules], self.folder, self.report)
        proxy.start()
        engine.proxy = proxy
        self.wait(60, lambda: proxy.said('port '), 'no proxy')
        with open(proxy.log_path, encoding='utf-8') as f:
            return int(f.readline().split()[1])

    @staticmethod
    def point(path, port):
        subprocess.run(
            (os.environ['KUBECTL'], 'config', '--kubeconfig', path,
             'set-cluster', 'default', f'--server=http://127.0.0.1:{port}'),
            check=True, stdout=subprocess.DEVNULL)

    @staticmethod
    def wait(seconds, condition, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(what)
            time.sleep(.05)

    # ---- all well again ----

    def mend(self):
        """Ends whatever was done to programs and the network."""
        self.end_push()
        # an API server without etcd ends again
        for component in ('etcd', 'apiserver'):
            if component in self.down:
                self.cluster('start', component)
        self.down = []
        for engine in self.engines:
            open(engine.rules, 'w', encoding='utf-8').close()
            engine.ensure()
        self.host.serve.ensure()

    def cluster(self, *arguments):
        done = subprocess.run(
            (os.environ['CLUSTER_PROGRAM'],) + arguments[:1] +
            ('--dir', os.environ['CLUSTER']) + arguments[1:],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise SystemExit(f'cluster {arguments}: {done.stdout}')

    def end_push(self):
        if self.push:
            self.host.end_push(self.push)
            self.push = None

    def settle(self, what):
        """Waits until the cluster is what was published, and judges."""
        began = time.monotonic()
        self.mend()
        if not self.host.wait_published():
            return
        why, turn = '', 0
        while True:
            if turn % 5 == 0:
                self.live.release_held()
                self.live.renew_pods()
            turn += 1
            why = self.live.channels() or self.live.differs()
            if not why:
                break
            for engine in self.engines:
                engine.ensure()
            if time.monotonic() - began > SETTLE:
                self.report.broken('converges', f'not {SETTLE} s after '
                                   f'{what}: {why}')
                break
            time.sleep(.2)
        self.report.times[what].append(time.monotonic() - began)
        self.report.count('times all was well')
        self.judge.judge()
        if not why:
            self.live.judge(self.calm)
        self.look_at_programs()
        self.calm = True

    def compare(self):
        """By kubectl diff and windlass diff --live, which know more than
        live.py: fields that should not be there any more."""
        for channel in content.CHANNELS:
            for command in (
                    ('bash', '-c', f'live_differs "$1" {channel}', 'bash',
                     self.host.repo),
                    ('windlass', 'diff', '--live', '--repo', self.host.repo,
                     channel)):
                done = subprocess.run(command, text=True,
                                      stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)
                if done.returncode != 0 or command[0] == 'bash' and \
                        done.stdout:
                    self.report.broken(
                        'equals the bundles',
                        f'{command[0]} {channel}: {done.stdout[:2000]}')
        self.report.count('comparisons by kubectl diff')

    def look_at_programs(self):
        for program in self.engines + [self.host.serve]:
            program.check()
            memory, files = program.sample()
            if not memory:
                continue
            self.report.sample(f'kB of {program.name}', memory)
            self.report.sample(f'descriptors of {program.name}', files)
            self.look_at_growth(program, memory, files)
        for engine in self.engines:
            used = sum(os.path.getsize(p) for p in glob.glob(
                engine.state + '/**', recursive=True)
                if os.path.isfile(p)) // 1024
            self.report.sample(f'kB of the state of {engine.name}', used)
            if used > STATE_KB:
                self.report.broken('growth', f'{engine.name} has {used} kB '
                                   'in its state directory')

    def look_at_growth(self, program, memory, files):
        """Of one process in one part, from its sixth look on, when it has
        seen it all: who begins to lead has more of everything."""
        part = (program.process.pid, getattr(program, 'leads', bool)())
        known = getattr(program, 'base', None)
        if not known or known[0] != part:
            program.base = (part, 1, memory, files)
            return
        _, looks, first, most = known
        if looks < 6:
            first, most = max(first, memory), max(most, files)
        elif memory > first + self.options.growth:
            self.report.broken('growth', f'{program.name}: {memory} kB after '
                               f'{first}')
            first = memory
        elif files > most + GROWTH_FILES:
            self.report.broken('growth', f'{program.name}: {files} '
                               f'descriptors after {most}')
            most = files
        program.base = (part, looks + 1, first, most)

    # ---- what is in the logs ----

    def read_logs(self):
        words = ('BUG', 'ssertion', 'AddressSanitizer', 'LeakSanitizer',
                 'runtime error:', 'Segmentation', 'stack smashing')
        texts = {p: open(p, encoding='utf-8', errors='replace').read()
                 for p in glob.glob(self.folder + '/*.log')
                 if p != os.environ['AUDIT_LOG']}
        for resource in ('channels.windlass.dev', 'events'):
            texts['kubectl get ' + resource] = kubectl(
                'get', resource, '-A', '-o', 'json')[1]
        for path, text in texts.items():
            for line in text.splitlines():
                if any(w in line for w in words):
                    self.report.broken('logs', f'{path}: {line[:300]}')
            for value in self.host.canaries:
                coded = content.expected({'stringData': {'v': value}})
                if value in text or coded['data']['v'] in text:
                    self.report.broken('secrets', f'{path} has a value')
                    break
        for found in glob.glob(self.folder + '/**/core*', recursive=True):
            if re.fullmatch(r'core(\.[0-9]+)?', os.path.basename(found)) and \
                    os.path.isfile(found):
                self.report.broken('programs', 'a core dump: ' + found)

    def finish(self):
        self.read_logs()
        self.report.table(self.judge.counts)
        for program in self.engines + [self.host.serve]:
            program.kill(signal.SIGTERM)
        for engine in self.engines:
            engine.proxy.kill()
        return 1 if self.report.failures else 0

    def stop_all(self):
        for engine in self.engines:
            for program in (engine, getattr(engine, 'proxy', None)):
                if program and program.process:
                    program.send(signal.SIGKILL)
        if self.host.serve and self.host.serve.process:
            self.host.reader.kill()
            self.host.serve.send(signal.SIGKILL)


def parse():
    p = argparse.ArgumentParser(prog='t/soak', add_help=False)
    p.add_argument('--seconds', type=int, default=0)
    p.add_argument('--kills', type=int, default=0)
    p.add_argument('--seed', default='')
    p.add_argument('--size', type=int, default=20)
    p.add_argument('--growth', type=int, default=GROWTH_KB)
    p.add_argument('--report', default='')
    p.add_argument('--sabotage', action='store_true')
    options = p.parse_args()
    if not options.seed:
        options.seed = str(random.SystemRandom().randrange(10 ** 6))
    return options


def main():
    options = parse()
    soak = Soak(options)
    soak.report.say(f'seed {options.seed}')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        soak.make()
        if options.sabotage:
            rounds.sabotage(soak)
        elif options.kills:
            rounds.kills(soak, options.kills)
        else:
            rounds.faults(soak, options.seconds)
        status = soak.finish()
    finally:
        soak.stop_all()
    sys.exit(status)


if __name__ == '__main__':
    main()
