"""Programs that run, and what can be done to them."""
import glob
import os
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def kill(pid, number):
    try:
        os.kill(pid, number)
        return 1
    except ProcessLookupError:
        return 0


def stats():
    """pid, name, parent, session of all that run."""
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            with open(path, encoding='utf-8', errors='replace') as f:
                head, _, rest = f.read().rpartition(')')
        except OSError:
            continue
        pid, _, name = head.partition(' (')
        fields = rest.split()
        if fields[0] != 'Z':
            yield int(pid), name, int(fields[1]), int(fields[3])


def of_session(session):
    return [(pid, name) for pid, name, _, other in stats()
            if other == session]


def children(parent):
    return [pid for pid, _, other, _ in stats() if other == parent]


def with_arguments(*wanted):
    """Those whose command line has all of these."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', encoding='utf-8',
                      errors='replace') as f:
                if set(wanted) <= set(f.read().split('\0')):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def resident(pid):
    """Kilobytes; 0 of one that has gone."""
    try:
        with open(f'/proc/{pid}/status', encoding='utf-8') as f:
            for line in f:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def descriptors(pid):
    try:
        return len(os.listdir(f'/proc/{pid}/fd'))
    except OSError:
        return 0


class Program:
    """One that is started again and again, with one log. It must not end
    unless it is told to."""

    def __init__(self, name, command, folder, report):
        self.name, self.command = name, command
        self.folder, self.report = folder, report
        self.log_path = os.path.join(folder, name + '.log')
        self.process = None
        self.stopped = False
        self.began = 0          # where its log began

    def start(self):
        assert self.process is None
        with open(self.log_path, 'ab') as log:
            self.began = log.tell()
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.folder, start_new_session=True)
        self.stopped = False
        self.report.count(self.name.split('-')[0] + ' starts')

    def said(self, text):
        with open(self.log_path, 'rb') as f:
            f.seek(self.began)
            return text.encode() in f.read()

    def send(self, number):
        for pid, _ in of_session(self.process.pid):
            kill(pid, number)
        self.stopped = number == signal.SIGSTOP

    def kill(self, number=signal.SIGKILL):
        """All of it, or with another number in order."""
        if not self.process:
            return
        self.check()
        if not self.process:
            return
        if number == signal.SIGKILL:
            self.send(number)
        else:
            kill(self.process.pid, number)
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.report.broken('programs', f'{self.name} does not end 60 s '
                               f'after signal {number}')
            self.send(signal.SIGKILL)
            status = self.process.wait()
        if status not in (0, -signal.SIGKILL):
            self.report.broken('programs', f'{self.name} ended with {status} '
                               f'after signal {number}')
        self.process = None

    def kill_child(self):
        found = children(self.process.pid) if self.process else []
        return sum(kill(pid, signal.SIGKILL) for pid in found)

    def check(self):
        """Notices one that ended by itself."""
        if not self.process or self.process.poll() is None:
            return
        if self.said('no inotify instance left'):
            # inotify instances are few, and of all clusters here together
            self.report.count('starts without an inotify instance left')
            self.process = None
            time.sleep(1)
        else:
            self.report.broken('programs', f'{self.name} ended by itself '
                               f'with {self.process.returncode}')
            self.process = None

    def ensure(self):
        """It runs, and is not stopped."""
        self.check()
        if not self.process:
            self.start()
        elif self.stopped:
            self.send(signal.SIGCONT)

    def sample(self):
        """Kilobytes and descriptors of it and its children."""
        if not self.process:
            return 0, 0
        pids = [self.process.pid] + children(self.process.pid)
        return (sum(resident(p) for p in pids),
                sum(descriptors(p) for p in pids))
