"""What happened, what was measured, and which promises did not hold."""
import collections
import time

PROMISES = ('converges', 'equals the bundles', 'push', 'publish', 'deletes',
            'uids', 'older writes', 'sequence', 'one writer',
            'foreign objects', 'kept objects', 'programs', 'logs', 'secrets',
            'growth')


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


class Report:
    def __init__(self, path, seed):
        self.began = time.monotonic()
        self.seed = seed
        self.file = open(path, 'a', encoding='utf-8') if path else None
        self.counts = collections.Counter()
        self.failures = []
        self.times = collections.defaultdict(list)
        self.samples = collections.defaultdict(list)

    def say(self, text):
        line = f'{time.monotonic() - self.began:7.1f} {text}'
        print(line, flush=True)
        if self.file:
            print(line, file=self.file, flush=True)

    def count(self, what, number=1):
        if number:
            self.counts[what] += number

    def broken(self, promise, text):
        assert promise in PROMISES
        self.failures.append((promise, text))
        if len(self.failures) < 200:
            self.say(f'BROKEN {promise}: {text}')

    def sample(self, what, value):
        self.samples[what].append(value)

    def table(self, requests):
        lines = ['', f'seed      {self.seed}',
                 f'seconds   {time.monotonic() - self.began:.0f}']
        for what, number in sorted(self.counts.items()):
            lines.append(f'{number:9} {what}')
        lines += ['', 'seconds until all was well again, after:',
                  '    times      p50      p99      max']
        for what, values in sorted(self.times.items()):
            lines.append(f'{len(values):9} {percentile(values, .5):8.1f} '
                         f'{percentile(values, .99):8.1f} '
                         f'{max(values):8.1f} {what}')
        lines += ['', '    first     last      max']
        for what, values in sorted(self.samples.items()):
            if values:
                lines.append(f'{values[0]:9} {values[-1]:8} '
                             f'{max(values):8} {what}')
        lines += ['', 'requests of the engines:']
        for what, number in sorted(requests.items()):
            lines.append(f'{number:9} {what}')
        lines.append('')
        for promise in PROMISES:
            broken = sum(1 for p, _ in self.failures if p == promise)
            lines.append(f'{"broken" if broken else "held":9} {promise}' +
                         (f': {broken}' if broken else ''))
        for line in lines:
            print(line, flush=True)
            if self.file:
                print(line, file=self.file, flush=True)
