"""Other people's servers, to talk to in tests: Debian's packages, downloaded and unpacked, never installed.

    nsd = peer("nsd")                                   # or SkipTest, with the reason, where it cannot be had
    run = nsd.start("nsd", "-d", "-c", config, folder=folder)
    ...
    run.stop()

What a peer needs and the machine lacks (libraries) is unpacked beside it. Everything stands in $PLACARD_PEERS, or in
build/peers, and stays there for the next test; two tests that want the same peer at once take turns.
"""

import atexit
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PLACARD_PEERS", ROOT / "build" / "peers"))
# What the servers ask for only to be installed as services.
NOT_NEEDED = {"adduser", "init-system-helpers", "lsb-base", "debconf", "iproute2", "libbpf1", "libelf1", "perl", "systemd"}


class Peer:
    """An unpacked package."""

    def __init__(self, prefix):
        self.prefix = prefix

    def program(self, name):
        """Where it is; SkipTest when the package has no such program."""
        for folder in ("usr/sbin", "usr/bin", "sbin", "bin"):
            path = self.prefix / folder / name
            if path.exists():
                return str(path)
        raise unittest.SkipTest(f"{self.prefix.name} has no program {name}")

    @property
    def environment(self):
        """The caller's, with the peer's own libraries first."""
        folders = sorted({str(file.parent) for file in self.prefix.rglob("lib*.so*")})
        if not folders:
            return dict(os.environ)
        return dict(os.environ, LD_LIBRARY_PATH=":".join(folders))

    def run(self, program, *arguments, **options):
        """To its end; the CompletedProcess, with text."""
        return subprocess.run([self.program(program), *map(str, arguments)], env=self.environment, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, check=False, **{"timeout": 60, **options})

    def start(self, program, *arguments, folder):
        """In the foreground of a process of its own; what it says goes to PROGRAM.log in `folder`."""
        return Running([self.program(program), *map(str, arguments)], self.environment, Path(folder))


class Running:
    """A peer's process. Ended by its id, at the latest when the test program ends."""

    def __init__(self, command, environment, folder):
        self.log = folder / (Path(command[0]).name + ".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        atexit.register(self.stop)

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, patience=10):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def peer(package):
    """The package of that name, unpacked. SkipTest where it cannot be had."""
    prefix = FOLDER / package
    if not prefix.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not prefix.exists():
                fetch(package, prefix)
    return Peer(prefix)


def fetch(package, prefix):
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise unittest.SkipTest(f"{package}: no {tool} here to fetch it with")
    wanted = [package, *missing_libraries(package)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as work:
        got = subprocess.run(["apt-get", "download", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30", *wanted],
                             cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
        if got.returncode != 0:
            last = (got.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise unittest.SkipTest(f"{package} cannot be downloaded here (no network, or no Debian): {last}")
        made = Path(work) / "made"
        for file in sorted(Path(work).glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", file, made], check=True, stdin=subprocess.DEVNULL, timeout=120)
        made.rename(prefix)


def missing_libraries(package):
    """What apt would install with it: all but what only makes it a service."""
    plan = subprocess.run(["apt-get", "install", "--simulate", "--no-install-recommends", package], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)
    named = re.findall(r"^Inst (\S+)", plan.stdout, flags=re.MULTILINE)
    return [name for name in named if name != package and name not in NOT_NEEDED]


def main():
    """As unittest.main; exit code 77 when every test was skipped, so that CTest says so."""
    done = unittest.main(exit=False).result
    if done.wasSuccessful() and (done.skipped and done.testsRun <= len(done.skipped)):
        sys.exit(77)
    sys.exit(0 if done.wasSuccessful() else 1)
