"""NSD, Knot DNS, BIND and Placard as primaries and secondaries of one another, on ports of their own."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import harness  # noqa: E402
from harness import until  # noqa: E402,F401
from peers import peer  # noqa: E402

ADDRESS = "127.0.0.1"
KEY = "transfer.key"
ALGORITHM = "hmac-sha256"
SECRET = "c2VjcmV0IG9mIHRlc3RzLCBzaGFyZWQgYnkgYWxsIQ=="
REAL = "192.0.2.80"
WRONG = "YW5vdGhlciBzZWNyZXQsIHdoaWNoIG5vYm9keSBoYXMh"


def folder():
    made = Path(tempfile.mkdtemp(prefix="placard-transfer-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def followed_world(server):
    """Configuration: the key, and example.net, every name of which is at REAL unless a rule says otherwise."""
    world = server.folder / "example.net.zone"
    world.write_text(f"$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A 192.0.2.1\n* A {REAL}\n")
    return f"""
[[key]]
name = "{KEY}"
algorithm = "{ALGORITHM}"
secret = "{SECRET}"
[[zone]]
name = "example.net"
file = "{world}"
"""


def build_clock():
    where = folder()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", where / "clock.so", harness.ROOT / "tests" / "end_to_end" / "clock.c"], check=True)
    return str(where / "clock.so")


class Clock:
    """For everything that is started inside of it."""

    library = None

    def __init__(self, offset):
        Clock.library = Clock.library or build_clock()
        self.wanted = {"LD_PRELOAD": Clock.library, "CLOCK_OFFSET": str(offset)} if offset else {}

    def __enter__(self):
        os.environ.update(self.wanted)

    def __exit__(self, *_):
        for name in self.wanted:
            del os.environ[name]


def zone_text(origin, serial, lines=(), refresh=3600, retry=600, expire=86400):
    return (f"$ORIGIN {origin}.\n$TTL 300\n@ SOA ns hostmaster {serial} {refresh} {retry} {expire} 60\n@ NS ns\n"
            f"ns A 192.0.2.1\n" + "".join(f"{line}\n" for line in lines))


def dig(port, name, kind="SOA", *options):
    run = subprocess.run(["dig", f"@{ADDRESS}", "-p", str(port), "+tries=1", "+time=10", name, kind, *options],
                         capture_output=True, text=True, timeout=60, check=False)
    return harness.Answer(run.stdout)


def serial(port, origin):
    """None while there is no answer."""
    for _, _, kind, rdata in dig(port, origin, "SOA", "+time=2").answer:
        if kind == "SOA":
            return int(rdata.split()[2])
    return None


def fold(line):
    """The case of names is each server's own; that of texts is not."""
    owner, ttl, group, kind, rdata = line.split(None, 4)
    return " ".join([owner.lower(), ttl, group, kind, rdata if kind == "TXT" else rdata.lower()])


def axfr(port, origin, secret=SECRET, key=KEY):
    """Every record of the zone, sorted; what dig says where it was refused."""
    signed = ["-y", f"{ALGORITHM}:{key}:{secret}"] if secret else []
    run = subprocess.run(["dig", f"@{ADDRESS}", "-p", str(port), *signed, "+noall", "+answer", "+onesoa", "+nosplit", origin,
                          "AXFR"], capture_output=True, text=True, timeout=120, check=False)
    lines = [" ".join(line.split()) for line in run.stdout.splitlines() if line and not line.startswith(";")]
    assert lines, run.stdout + run.stderr
    return sorted(map(fold, lines))


def refused(port, origin, *options):
    run = subprocess.run(["dig", f"@{ADDRESS}", "-p", str(port), *options, origin, "AXFR"], capture_output=True, text=True,
                         timeout=60, check=False)
    return run.stdout


class Base:
    """A server with one zone."""

    def __init__(self, origin):
        self.origin = origin
        self.where = folder()
        self.port = harness.free_port([ADDRESS])
        self.running = None

    def zone_file(self):
        return self.where / f"{self.origin}.zone"

    def write(self, text):
        self.zone_file().write_text(text)

    def up(self):
        until(f"{type(self).__name__} to answer", lambda: self.running.alive and dig(self.port, self.origin, "SOA", "+time=1").status,
              patience=30)
        return self

    def serial(self):
        return serial(self.port, self.origin)

    def axfr(self, secret=SECRET):
        return axfr(self.port, self.origin, secret)

    def stop(self):
        if self.running is not None:
            self.running.stop()


class Nsd(Base):
    def start(self, primary=None, secondaries=(), secret=SECRET, text=None):
        if text:
            self.write(text)
        lines = [f"request-xfr: {ADDRESS}@{primary} {KEY}",
                 f"allow-notify: {ADDRESS} NOKEY", f"allow-notify: {ADDRESS} {KEY}"] if primary else []
        for port in secondaries:
            lines += [f"notify: {ADDRESS}@{port} {KEY}"]
        lines += [f"provide-xfr: {ADDRESS} {KEY}", "store-ixfr: yes", "create-ixfr: yes"]
        config = self.where / "nsd.conf"
        config.write_text(f'server:\n ip-address: {ADDRESS}@{self.port}\n server-count: 1\n username: ""\n chroot: ""\n'
                          f' zonesdir: "{self.where}"\n database: ""\n pidfile: "{self.where}/nsd.pid"\n'
                          f' xfrdfile: "{self.where}/xfrd.state"\n xfrdir: "{self.where}"\n zonelistfile: "{self.where}/zone.list"\n'
                          f" hide-version: yes\n rrl-ratelimit: 0\n xfrd-reload-timeout: 0\n"
                          f"remote-control:\n control-enable: yes\n control-interface: {self.where}/nsd.ctl\n"
                          f"key:\n name: {KEY}\n algorithm: {ALGORITHM}\n secret: \"{secret}\"\n"
                          f'zone:\n name: "{self.origin}"\n zonefile: "{self.zone_file()}"\n'
                          + "".join(f" {line}\n" for line in lines))
        self.config = config
        self.running = peer("nsd").start("nsd", "-d", "-V", "3", "-c", config, folder=self.where)
        return self.up()

    def reload(self, text):
        self.write(text)
        done = peer("nsd").run("nsd-control", "-c", self.config, "reload", self.origin)
        assert done.returncode == 0, done.stdout + done.stderr


class Knot(Base):
    def start(self, primary=None, secondaries=(), secret=SECRET, text=None, more="", zones="", templates=""):
        if text:
            self.write(text)
        remotes = [("primary", primary)] if primary else []
        remotes += [(f"secondary{i}", port) for i, port in enumerate(secondaries)]
        lines = ["    acl: [transfer]"]
        if primary:
            lines += ["    master: primary"]
        if secondaries:
            lines += [f"    notify: [{', '.join(name for name, _ in remotes if name != 'primary')}]"]
        config = self.where / "knot.conf"
        config.write_text(
            f"server:\n    rundir: {self.where}\n    listen: {ADDRESS}@{self.port}\n    udp-workers: 1\n    tcp-workers: 1\n"
            f"    background-workers: 1\ndatabase:\n    storage: {self.where}\n"
            f"key:\n  - id: {KEY}\n    algorithm: {ALGORITHM}\n    secret: {secret}\n"
            + ("remote:\n" if remotes else "")
            + "".join(f"  - id: {name}\n    address: {ADDRESS}@{port}\n    key: {KEY}\n" for name, port in remotes)
            + f"acl:\n  - id: transfer\n    address: {ADDRESS}\n    key: {KEY}\n    action: [transfer, notify, update]\n"
            f"template:\n  - id: default\n    semantic-checks: off\n    journal-content: changes\n    zonefile-load: difference\n"
            f"    zonefile-sync: 0\n    file: {self.where}/%s.zone\n{templates}"
            + f"zone:\n  - domain: {self.origin}\n" + "\n".join(lines) + f"\n{more}\n{zones}")
        self.config = config
        self.running = peer("knot").start("knotd", "-c", config, folder=self.where)
        return self.up()

    def control(self, *arguments):
        done = peer("knot").run("knotc", "-c", self.config, *arguments)
        assert done.returncode == 0, f"knotc {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def reload(self, text):
        self.write(text)
        self.control("zone-reload", self.origin)


class Bind(Base):
    def start(self, primary=None, secondaries=(), secret=SECRET, text=None, options="", zones="", zone_more=""):
        if text:
            self.write(text)
        self.control_port = harness.free_port([ADDRESS], udp=False)
        options = options.replace("PRIMARY", str(primary))
        kind = f"type secondary; primaries {{ {ADDRESS} port {primary} key {KEY}; }};" if primary else "type primary; ixfr-from-differences yes;"
        kind += f" allow-notify {{ {ADDRESS}; key {KEY}; }};" if primary else ""
        also = "".join(f"{ADDRESS} port {port} key {KEY}; " for port in secondaries)
        config = self.where / "named.conf"
        config.write_text(
            f'key {KEY} {{ algorithm {ALGORITHM}; secret "{secret}"; }};\n'
            f'options {{ directory "{self.where}"; listen-on port {self.port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }};\n'
            f"  pid-file none; session-keyfile none; recursion no; notify explicit; dnssec-validation no; querylog no;\n"
            f"  notify-delay 0; serial-query-rate 100; notify-rate 100; startup-notify-rate 100; transfer-format many-answers;\n"
            f"  min-refresh-time 1; min-retry-time 1; masterfile-format text; {options} }};\n"
            f"controls {{ inet {ADDRESS} port {self.control_port} allow {{ {ADDRESS}; }} keys {{ {KEY}; }}; }};\n"
            f'zone "{self.origin}" {{ {kind} file "{self.zone_file()}"; allow-transfer {{ key {KEY}; }};\n'
            f"  also-notify {{ {also} }}; {zone_more} }};\n{zones}\n")
        self.config = config
        self.running = peer("bind9").start("named", "-g", "-n", "1", "-c", config, folder=self.where)
        return self.up()

    def control(self, *arguments):
        key = self.where / "rndc.key"
        key.write_text(f'key {KEY} {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};\n')
        key.chmod(0o600)
        done = peer("bind9").run("rndc", "-s", ADDRESS, "-p", self.control_port, "-k", key, "-y", KEY, *arguments)
        assert done.returncode == 0, f"rndc {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def reload(self, text):
        self.write(text)
        self.control("reload", self.origin)


class Placard(Base):
    def start(self, primary=None, secondaries=(), secret=SECRET, text=None, more="", zones=""):
        if text:
            self.write(text)
        lines = [f'name = "{self.origin}"', f'transfer_keys = ["{KEY}"]']
        if primary:
            lines += [f'primaries = ["{ADDRESS}:{primary}"]', f'primary_key = "{KEY}"']
        elif "produce" not in more:
            lines += [f'file = "{self.zone_file()}"']
        if secondaries:
            lines += [f"notify = {[f'{ADDRESS}:{port}' for port in secondaries]}".replace("'", '"'), f'notify_key = "{KEY}"']
        state = self.where / "state"
        state.mkdir(exist_ok=True)
        self.metrics_port = harness.free_port([ADDRESS], udp=False)
        self.config = self.where / "placard.toml"
        self.config.write_text(
            f'[server]\nstate_directory = "{state}"\nlisten = ["{ADDRESS}:{self.port}"]\nworkers = 2\n'
            f'[notice]\nlisten = []\n[metrics]\nlisten = ["{ADDRESS}:{self.metrics_port}"]\n'
            f'[recursion]\nenabled = false\n'
            f'[[key]]\nname = "{KEY}"\nalgorithm = "{ALGORITHM}"\nsecret = "{secret}"\n'
            "[[zone]]\n" + "".join(f"{line}\n" for line in lines) + f"{more}\n{zones}")
        return self.run()

    def run(self):
        self.running = Process([harness.BINARY, "serve", "--config", str(self.config)], self.where)
        until("placard to be ready", lambda: not self.running.alive or b"ready" in self.running.log.read_bytes(), patience=60)
        assert self.running.alive, self.running.log.read_text()
        return self

    def kill(self):
        self.running.process.kill()
        self.running.process.wait()

    def command(self, *arguments, check=True):
        run = subprocess.run([harness.BINARY, "control", "zone", *arguments, "--config", str(self.config)], text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        assert not check or run.returncode == 0, f"{arguments}: {run.stdout}{run.stderr}"
        return run.stdout + run.stderr

    def reload(self, text):
        self.write(text)
        return self.command("reload", self.origin)

    def json_status(self):
        """The fields of its one zone."""
        told = json.loads(self.command("status", self.origin, "--json"))
        return next(iter(told.values())) if len(told) == 1 else told

    def errors(self):
        return self.running.log.read_text()


class Process:
    def __init__(self, command, where):
        self.log = where / "placard.log"
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=where, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        atexit.register(self.stop)

    @property
    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("it did not stop") from None


PEERS = {"nsd": Nsd, "knot": Knot, "bind": Bind}
assert os.environ  # the peers take theirs from it
