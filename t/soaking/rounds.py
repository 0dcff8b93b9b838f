"""What is done at random, a round at a time.

A round's actions, their order, their objects and the pauses between them
come from the seed and the round's number alone; what the programs make of it
takes the time that it takes.
"""
import fcntl
import json
import os
import random
import shutil
import signal
import time

import content
import judge
from live import kubectl

# what the proxy does, count, match, action; N and B are drawn
PROXY_FAULTS = (
    'N PATCH status 429 1', 'N PATCH status 500', 'N PATCH status 503 1',
    'N GET status 500', 'N GET status 429 1', 'N PATCH drop', 'N GET drop',
    'N PATCH cut B', 'N POST status 500', 'N watch=true cut B',
    'N watch=true status 500', '1 watch=true stall B', '1 PATCH stall 0',
    'N PUT status 500', 'N /status status 409', 'N DELETE status 500',
    'N DELETE drop',
    'N watch=true frame {"type":"ERROR","object":{"kind":"Status",'
    '"apiVersion":"v1","status":"Failure","reason":"Expired","code":410}}',
)


class Round:
    def __init__(self, soak, number):
        self.soak, self.host = soak, soak.host
        self.report = soak.report
        self.rng = random.Random(f'{soak.options.seed}/{number}')

    def any_engine(self):
        return self.rng.choice(self.soak.engines)

    def leader(self):
        """The one that leads, else any."""
        drawn = self.any_engine()
        leading = [e for e in self.soak.engines if e.leads()]
        return leading[0] if leading else drawn

    # ---- pushes ----

    def push(self):
        self.soak.end_push()
        functions = [f for f, _ in content.CHANGES]
        weights = [w for _, w in content.CHANGES]
        function = self.rng.choices(functions, weights)[0]
        if function is content.move:
            self.host.wait_published()      # both channels stand by it
        what = self.host.change(self.rng, function)
        if what:
            self.soak.push = self.host.start_push(what)
            self.report.count('pushes: ' + function.__name__)
        return what or 'nothing to push'

    def push_all(self):
        self.soak.end_push()
        what = self.host.change(self.rng, content.change_all)
        self.soak.push = self.host.start_push(what)
        return what

    def revert(self):
        self.soak.end_push()
        what = self.host.revert()
        if what:
            self.soak.push = self.host.start_push(what)
            self.report.count('pushes: revert')
        return what or 'nothing to revert'

    def push_bad(self):
        self.soak.end_push()
        self.host.push_bad(self.rng)
        return 'a bad push'

    def push_failing(self):
        """Passes every check, and the API server refuses it: the others of
        the push go on. The next push takes it back."""
        soak = self.soak
        soak.end_push()
        self.host.wait_published()
        number = self.host.next_number()
        model = {c: dict(o) for c, o in self.host.model.items()}
        bad = content.service(content.REFUSED[2], 'soak-a', 80)
        bad['spec']['clusterIP'] = '192.0.2.1'
        good = content.config_map(f'good-{number}', 'soak-a', 'beside')
        for obj in (bad, good):
            model['apps'][content.key_of(obj)] = obj
        self.host.commit(model, f'{number}: failing')
        if self.host.end_push(self.host.start_push(f'{number}: failing')) \
                and not soak.down:
            end = time.monotonic() + 120
            while kubectl('-n', 'soak-a', 'get', 'configmap',
                          f'good-{number}')[0] != 0:
                for engine in soak.engines:
                    engine.ensure()
                if time.monotonic() > end:
                    self.report.broken('converges', 'an object beside one '
                                       'that fails is not made in 120 s')
                    break
                time.sleep(.2)
        self.host.reset()
        model = {c: dict(o) for c, o in self.host.model.items()}
        model['apps'].pop(content.REFUSED, None)
        self.host.commit(model, f'{number}: mended')
        soak.push = self.host.start_push(f'{number}: mended')
        self.report.count('objects that the API server refuses')
        return f'{number}: failing, and mended'

    def kill_hook(self):
        """kill -9 of what the push runs, some milliseconds later."""
        pause, everything = self.rng.expovariate(15), self.rng.random() < .3
        if not self.soak.push:
            self.push()
        time.sleep(pause)
        if self.soak.push and self.soak.push.kill(everything):
            self.report.count('kills: git' if everything else 'kills: hook')
        return f'kill of the hook after {pause:.3f} s'

    # ---- programs ----

    def kill_engine(self):
        engine, proxied = self.leader(), self.rng.random() < .5
        state, pause = self.rng.random() < .2, self.rng.random() * 2
        if self.rng.random() < .3:
            engine = self.any_engine()
        engine.kill()
        self.report.count('kills: engine')
        if state:
            shutil.rmtree(engine.state, ignore_errors=True)
            self.report.count('state directories deleted')
        time.sleep(pause)
        engine.begin(proxied)
        return f'kill of {engine.name}, state deleted: {state}'

    def end_engine(self):
        engine, proxied = self.leader(), self.rng.random() < .5
        if engine.stopped:
            return 'it is stopped'
        engine.kill(signal.SIGTERM)
        self.report.count('engines ended by SIGTERM')
        engine.begin(proxied)
        return f'SIGTERM of {engine.name}'

    def kill_child(self):
        engine = self.leader()
        self.report.count('kills: fetching child', engine.kill_child())
        return f'kill of the child of {engine.name}'

    def stop_engine(self):
        """SIGSTOP; it goes on at the end of the round, or later."""
        engine, pause = self.leader(), self.rng.random() * 25
        if engine.process and not engine.stopped:
            engine.send(signal.SIGSTOP)
            self.report.count('engines stopped by SIGSTOP')
            self.later.append((engine, time.monotonic() + pause))
        return f'SIGSTOP of {engine.name} for {pause:.0f} s'

    def kill_serve(self):
        pause = self.rng.random() * 3
        self.host.serve.kill()
        self.report.count('kills: serve')
        time.sleep(pause)
        self.host.serve.start()
        return f'kill of serve, {pause:.1f} s'

    def stop_component(self, component):
        kill = self.rng.random() < .5
        if component in self.soak.down:
            return 'it is down'
        self.soak.judge.outages.append(time.time())
        self.soak.cluster('stop', component, *(('--kill',) if kill else ()))
        self.soak.judge.outages.append(time.time())
        self.soak.down.append(component)
        self.report.count(f'restarts of {component}')
        return f'stop of {component}' + (', by SIGKILL' if kill else '')

    def stop_apiserver(self):
        return self.stop_component('apiserver')

    def stop_etcd(self):
        return self.stop_component('etcd')

    def proxy_faults(self):
        engine = self.leader()
        lines = []
        for _ in range(self.rng.randint(1, 4)):
            line = self.rng.choice(PROXY_FAULTS)
            count = self.rng.randint(1, 25)
            cut = self.rng.choice((0, 1, 50, 300, 2000, 20000))
            if line.startswith('N'):
                line = str(count) + line[1:]
            if line.endswith(' B'):
                line = line[:-1] + str(cut)
            lines.append(line)
            self.report.count('proxy: ' + ' '.join(line.split()[1:3]))
        if not engine.proxied:
            if engine.stopped:
                return 'it is stopped'
            engine.kill(signal.SIGTERM)
            engine.begin(True)
        with open(engine.rules, 'a+', encoding='utf-8') as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.write('\n'.join(lines) + '\n')
        return f'faults for {engine.name}: ' + '; '.join(
            line[:40] for line in lines)

    # ---- hands ----

    def targets(self, kinds):
        """Objects that were well and that no hand changed lately: who does
        the same again and again gets his way, by design."""
        return [p for p in sorted(self.soak.live.objects)
                if p.split('/')[3] in kinds and '/_cluster/' not in p and
                self.soak.round - self.soak.edited.get(p, -9) > 6]

    def hand(self, path, *arguments, **options):
        obj = self.soak.live.objects[path]
        meta, kind = obj['metadata'], obj['kind'].lower()
        if kind in ('widget', 'gadget'):
            kind += f's.{content.GROUP}'
        place = ('-n', meta['namespace']) if 'namespace' in meta else ()
        self.soak.edited[path] = self.soak.round
        return kubectl(*place, arguments[0], kind, meta['name'],
                       *arguments[1:], timeout=5)[0]

    def edit(self):
        found = self.targets(('ConfigMap', 'Deployment', 'Widget', 'Gadget'))
        if self.soak.down or not found:
            return 'no hand edit'
        for path in self.rng.sample(found, min(3, len(found))):
            kind = path.split('/')[3]
            patch = {
                'ConfigMap': '{"data":{"text":"by hand","more":"by hand"}}',
                'Deployment': '{"spec":{"replicas":7}}'}.get(
                    kind, '{"spec":{"text":"by hand"}}')
            # where it is all that holds a namespace to us, the namespace
            # would stay with what is nobody's in it
            if self.rng.random() < .2 and '/soak-tmp/' not in path:
                patch = ('{"metadata":{"labels":'
                         '{"applyset.kubernetes.io/part-of":null}}}')
            if self.hand(path, 'patch', '--type', 'merge', '-p', patch,
                         '--field-manager', f'hand-{self.soak.round}') == 0:
                self.report.count('edits by hand')
        return 'edits by hand'

    def hand_delete(self):
        found = self.targets(('ConfigMap', 'Secret', 'Deployment', 'Service',
                              'Widget', 'ServiceAccount'))
        found = [p for p in found if 'finalizers' not in
                 self.soak.live.objects[p]['metadata']]
        if self.soak.down or not found:
            return 'no delete by hand'
        for path in self.rng.sample(found, min(3, len(found))):
            self.soak.live.tainted.add(path)
            self.hand(path, 'delete', '--wait=false')
            self.report.count('deletes by hand')
        return 'deletes by hand'

    def delete_definition(self):
        """The worst that a hand can do: all of a kind goes with it."""
        if self.soak.down:
            return 'no delete by hand'
        self.soak.live.tainted.update(
            p for p in self.soak.live.objects if '/Widget/' in p or
            p.endswith(f'/widgets.{content.GROUP}.json'))
        kubectl('delete', 'crd', f'widgets.{content.GROUP}', '--wait=false',
                timeout=5)
        self.report.count('definitions deleted by hand')
        return 'a definition deleted by hand'

    # ---- a round ----

    ACTIONS = (
        (push, 40), (revert, 5), (push_bad, 6), (push_failing, 3),
        (kill_hook, 10), (kill_engine, 7), (end_engine, 2), (kill_child, 6),
        (stop_engine, 4), (kill_serve, 5), (stop_apiserver, 3),
        (stop_etcd, 2), (proxy_faults, 14), (edit, 12), (hand_delete, 8),
        (delete_definition, 1))
    CALM = (push, revert, push_bad)
    ENDS = (kill_engine, end_engine, kill_serve, proxy_faults)

    def run(self, calm, lasting=False):
        """Some actions with pauses in between; `lasting`: none that ends a
        program."""
        self.later = []
        known = [(a, w) for a, w in self.ACTIONS
                 if not lasting or a not in self.ENDS]
        if calm:
            self.soak.live.release_held()
            actions = [self.rng.choice((Round.push, Round.push, Round.revert))
                       for _ in range(self.rng.randint(1, 3))]
        else:
            actions = self.rng.choices([a for a, _ in known],
                                       [w for _, w in known],
                                       k=self.rng.randint(2, 6))
        pauses = [self.rng.expovariate(1.2) for _ in actions]
        names = []
        for action, pause in zip(actions, pauses):
            if action not in self.CALM:
                self.soak.calm = False
            self.report.say(f'round {self.soak.round}: {action(self)}')
            names.append(action.__name__)
            time.sleep(min(pause, 5))
            for program in self.soak.engines + [self.host.serve]:
                program.check()
        for engine, end in self.later:
            if engine.stopped:
                self.soak.end_push()
                time.sleep(max(0, end - time.monotonic()))
                engine.ensure()
        return names


def faults(soak, seconds):
    """Rounds for so long; in the last third no program is ended, so that
    what grows is seen."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        soak.round += 1
        this = Round(soak, soak.round)
        names = this.run(soak.round % 4 == 0,
                         time.monotonic() - began > seconds * 2 / 3)
        what = 'a calm round' if soak.calm else 'a round with faults'
        if 'stop_apiserver' in names or 'stop_etcd' in names:
            what = 'a round with an outage'
        soak.settle(what)
        soak.report.count('rounds')
        if soak.round % 5 == 1:
            soak.compare()
    soak.compare()


def kills(soak, number):
    """kill -9 of the one engine in the middle of pushes, so often."""
    done = judged = 0
    while done < number:
        soak.round += 1
        this = Round(soak, soak.round)
        engine, rng = soak.engines[0], this.rng
        said = [this.push_all() if rng.random() < .5 else this.push()]
        for _ in range(rng.randint(1, 3)):
            pause = min(rng.expovariate(2.5), 2)
            time.sleep(pause)
            how = rng.random()
            soak.calm = False
            if how < .12:
                soak.report.count('kills: fetching child',
                                  engine.kill_child())
                said.append(f'child {pause:.2f}')
                continue
            engine.kill()
            done += 1
            soak.report.count('kills: engine')
            if how < .3:
                shutil.rmtree(engine.state, ignore_errors=True)
                soak.report.count('state directories deleted')
            engine.begin(rng.random() < .1)
            said.append(f'{pause:.2f}')
        soak.report.say(f'round {soak.round}: {said[0]}; killed after ' +
                        ', '.join(said[1:]))
        if rng.random() < .3 or done >= number:
            soak.settle('kills')
            soak.report.count('rounds judged')
            judged += 1
            if judged % 20 == 0:
                soak.compare()
        soak.report.count('rounds')
    soak.compare()


def sabotage(soak):
    """What must be found: the standby's account writes as an engine never
    would, and more. It is said at the end what was found."""
    standby = [e for e in soak.engines if not e.leads()][0]
    old = soak.host.bundles['apps'][-1]
    path = 'objects/soak-a/core/ConfigMap/app-2.json'

    def forge(*arguments, text=None):
        status, out = kubectl(
            '--kubeconfig', os.path.join(soak.folder,
                                         standby.short + '.kubeconfig'),
            '--as', 'system:serviceaccount:windlass-system:channel-apps',
            *arguments, text=text)
        if status:
            raise SystemExit('sabotage: ' + out)

    soak.host.change(random.Random(1), lambda *a: content.change_one(*a, path))
    soak.push = soak.host.start_push('change')
    soak.settle('a change')
    time.sleep(judge.ON_ITS_WAY + 1)
    forge('apply', '--server-side', '--force-conflicts', '--field-manager',
          'windlass-apps', '-f', '-',
          text=json.dumps(soak.host.blob(soak.host.tree(old)[path])))
    forge('-n', 'soak-a', 'delete', 'configmap', 'app-1')
    kubectl('-n', 'soak-a', 'label', 'configmap', 'foreign-0', 'touched=yes')
    with open(soak.host.serve.log_path, 'a', encoding='utf-8') as f:
        f.write(min(soak.host.canaries) + '\nBUG: engine/x.c:1\n')
    soak.host.serve.send(signal.SIGKILL)
    time.sleep(1)
    soak.settle('sabotage')
    forge('patch', 'channel', 'apps', '--subresource', 'status', '--type',
          'merge', '-p', '{"status":{"accepted":{"sequence":1}}}')
    soak.judge.judge()
