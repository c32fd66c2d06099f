"""A private network for a bench: box, resolvers and clients in a namespace of their own, on processors of their own.

`inside()` starts the script again in a network namespace (as root), where port 53 is free and 10.99.0.0/16 are clients;
nothing reaches, or is reached from, the machine's own networks. The resolver runs on the first processor, all else on the
last. Everything started is ended by its id.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PLACARD_BUILD", ROOT / "build"))
PLACARD = os.environ.get("PLACARD_BINARY", str(BUILD / "placard"))
PROCESSORS = sorted(os.sched_getaffinity(0))
sys.path.insert(0, str(ROOT / "tests" / "interop"))


def inside(*packages):
    """`packages`: Debian's, that will be started; fetched first, while there is a network to fetch them over."""
    if os.environ.get("PLACARD_BENCH_INSIDE") != str(os.getppid()):
        if os.geteuid() != 0:
            sys.exit("this bench makes a network namespace: run it as root")
        from peers import peer
        for package in packages:
            try:
                peer(package)
            except unittest.SkipTest as error:
                print(f"{package}: {error}", file=sys.stderr)
        command = "ip link set lo up && ip address add 10.99.0.1/16 dev lo && PLACARD_BENCH_INSIDE=$$ \"$@\""
        sys.exit(subprocess.run(["unshare", "--net", "sh", "-c", command, "sh", sys.executable, *sys.argv], check=False).returncode)


class Process:
    def __init__(self, command, processor, folder, log="log", environment=None, ready=None):
        self.output = subprocess.PIPE if ready else (folder / log).open("w")
        self.process = subprocess.Popen(["taskset", "--cpu-list", str(processor), *map(str, command)], stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=(folder / log).open("a"), env=environment, text=True)
        atexit.register(self.stop)
        if ready:
            for line in self.process.stdout:
                if ready in line:
                    return
            raise SystemExit(f"{command[0]} did not start: {(folder / log).read_text()}")

    @property
    def pid(self):
        return self.process.pid

    @property
    def pids(self):
        """Its own, and those of its children and theirs."""
        found = [self.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def folder():
    import shutil
    made = Path(tempfile.mkdtemp(prefix="placard-bench-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def box(loss=0):
    return Process([BUILD / "tests/bench/box", 53, loss], PROCESSORS[-1], folder(), ready="ready")


def hints(where):
    path = where / "hints"
    path.write_text(". 3600000 NS ns.root.\nns.root. 3600000 A 127.60.0.1\n")
    return path


ADDRESS = {"placard": "127.0.0.11", "unbound": "127.0.0.12", "pdns": "127.0.0.13"}


EXEMPT = 'exempt = ["127.0.0.0/8", "10.99.1.0/24", "fd99::/16"]'


def placard(tree=None, more="", address=ADDRESS["placard"], workers=1, processors=PROCESSORS[0], server="", limits=EXEMPT, metrics=""):
    """As shipped, but for where it listens, whom it serves, where the root is, and (`tree`: other lines about both) that
    response rate limiting spares the healthy clients, which stand in one network. Floods come from another one. `server`,
    `limits`: more lines of these sections; `metrics`: where they are shown; `more`: sections that follow."""
    where = folder()
    config = where / "placard.toml"
    tree = tree or f"""
[recursion]
root_hints = "{hints(where)}"
query_loopback = true
ipv6 = false
[dnssec]
validation = false
"""
    config.write_text(f"""
[server]
listen = ["{f"[{address}]" if ":" in address else address}:53"]
workers = {workers}
state_directory = "{where}"
{server}
[access]
recursion = ["10.99.0.0/16", "127.0.0.0/8", "fd99::/16"]
[notice]
listen = []
[metrics]
listen = [{metrics}]
{"" if "[limits]" in tree else "[limits]"}
{"" if "[limits]" in tree else limits}
{tree}
{more}""")
    return Process([PLACARD, "serve", "--config", config], processors, where, ready="placard: ready")


def unbound(memory="64m", rules=None):
    """Debian's, with the settings that its manual gives for one busy thread, and without validation, as there are no keys.
    `memory`: of each of its two caches. `rules`: a policy zone's text."""
    from peers import peer
    package, where = peer("unbound"), folder()
    config = where / "unbound.conf"
    config.write_text(f"""
server:
 chroot: ""
 username: ""
 directory: "{where}"
 pidfile: "{where}/pid"
 interface: {ADDRESS["unbound"]}
 num-threads: 1
 so-rcvbuf: 4m
 do-ip6: no
 access-control: 10.99.0.0/16 allow
 access-control: 127.0.0.0/8 allow
 do-not-query-localhost: no
 root-hints: "{hints(where)}"
 module-config: "{"respip " if rules else ""}iterator"
 msg-cache-size: {memory}
 rrset-cache-size: {memory}
 incoming-num-tcp: 2048
 outgoing-range: 8192
 num-queries-per-thread: 4096
 use-caps-for-id: yes
 use-syslog: no
 logfile: ""
remote-control:
 control-enable: no
{f'rpz: {chr(10)} name: rpz.local{chr(10)} zonefile: "{rules}"' if rules else ""}
""")
    run = Process([package.program("unbound"), "-d", "-c", config], PROCESSORS[0], where, environment=package.environment)
    return run


def pdns(entries=1_000_000, rules=None):
    """Debian's PowerDNS Recursor with one worker thread, without validation. `entries`: of each of its two caches. `rules`: a
    policy zone's text."""
    from peers import peer
    package, where = peer("pdns-recursor"), folder()
    (where / "rules.lua").write_text(f"rpzFile('{rules}', {{policyName='rpz.local'}})\n" if rules else "")
    (where / "recursor.conf").write_text(f"""
local-address={ADDRESS["pdns"]}
local-port=53
threads=1
pdns-distributes-queries=no
hint-file={hints(where)}
socket-dir={where}
allow-from=10.99.0.0/16, 127.0.0.0/8
dont-query=
dnssec=off
security-poll-suffix=
max-cache-entries={entries}
max-packetcache-entries={entries}
daemon=no
write-pid=no
lua-config-file={where}/rules.lua
loglevel=3
""")
    return Process([package.program("pdns_recursor"), f"--config-dir={where}"], PROCESSORS[0], where, environment=package.environment)


def ask(resolver, template, seconds, rate=0, window=64, clients=1, first="10.99.1.1", pid=0, count=None,
        start=False):
    """One run of `load`; its figures, or with `start` the process whose output they are."""
    command = ["taskset", "--cpu-list", str(PROCESSORS[-1]), str(BUILD / "tests/bench/load"), ADDRESS[resolver], "53", template,
               str(seconds), str(rate), str(window), str(clients), first, str(pid), *([str(count)] if count else [])]
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    atexit.register(lambda: run.poll() is None and run.kill())
    return run if start else figures(run)


def figures(run):
    output, _ = run.communicate(timeout=300)
    return json.loads(output)


def wait_until_it_answers(resolver, name="up%.z1.bench"):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if ask(resolver, name, 0.2, window=1)["answered"] > 0:
            return
    raise SystemExit(f"{resolver} does not answer")
