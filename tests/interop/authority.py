"""NSD, Knot DNS and Placard with the same zones, and the comparison of what they say."""

import os
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import harness  # noqa: E402
import messages  # noqa: E402
import authority_zones  # noqa: E402
from peers import Running, peer  # noqa: E402

ADDRESS = "127.0.0.1"


def folder():
    import atexit
    import shutil
    made = Path(tempfile.mkdtemp(prefix="placard-authority-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def tool(command, where):
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
                          check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


def plain_zone(where, origin):
    path = where / f"{origin}.zone"
    path.write_text(f"$ORIGIN {origin}.\n" + authority_zones.text())
    return path


def sign_with_ldns(where, origin, *options):
    """By ldns-signzone, with a key of its own."""
    path = plain_zone(where, origin)
    key = tool(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", f"{origin}."], where).strip()
    tool(["ldns-signzone", *options, "-o", f"{origin}.", "-f", f"{path}.signed", path, key], where)
    return Path(f"{path}.signed")


def sign_with_knot(where, origin, *options):
    """By kzonesign, as its policy says."""
    knot = peer("knot-dnssecutils")
    path = plain_zone(where, origin)
    config = where / f"{origin}.conf"
    settings = "".join(f"    {option}\n" for option in options)
    config.write_text(f"database:\n    storage: {where}/{origin}.db\n"
                      f"policy:\n  - id: default\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n"
                      f"    cds-cdnskey-publish: none\n{settings}"
                      f"template:\n  - id: default\n    storage: {where}\n"
                      f"zone:\n  - domain: {origin}.\n    file: {path}\n    dnssec-signing: on\n"
                      f"    dnssec-policy: default\n    zonefile-load: difference-no-serial\n    journal-content: all\n")
    (where / f"{origin}.signed").mkdir()
    (where / f"{origin}.db").mkdir()
    done = knot.run("kzonesign", "-r", "-c", config, "-o", where / f"{origin}.signed", f"{origin}.")
    assert done.returncode == 0, done.stdout + done.stderr
    return next((where / f"{origin}.signed").iterdir())


class Asked:
    """A connection over which questions go to one server."""

    def __init__(self, port, address=ADDRESS):
        self.port, self.address = port, address
        self.stream = None

    def over_tcp(self, packet):
        for attempt in (1, 2):
            try:
                if self.stream is None:
                    self.stream = socket.create_connection((self.address, self.port), timeout=harness.PATIENCE)
                self.stream.sendall(struct.pack(">H", len(packet)) + packet)
                size = struct.unpack(">H", self._exactly(2))[0]
                return self._exactly(size)
            except (ConnectionError, BrokenPipeError):
                self.close()
                self.stream = None  # servers end connections after some number of questions
                if attempt == 2:
                    raise
        raise AssertionError

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.stream.recv(size - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def over_udp(self, packet):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(harness.PATIENCE)
            udp.connect((self.address, self.port))
            udp.send(packet)
            return udp.recv(65535)

    def ask(self, name, kind, dnssec=False, udp=False, **options):
        packet = messages.question(name, kind, dnssec, **options)
        return messages.Message(self.over_udp(packet) if udp else self.over_tcp(packet))

    def close(self):
        if self.stream is not None:
            self.stream.close()

    def up(self, origin):
        try:
            return self.ask(origin, "SOA").rcode == "NOERROR"
        except OSError:
            return False


def start_nsd(zones, minimal=False, address=ADDRESS, port=None, settings=""):
    """`zones`: origin to file. `settings`: more lines of the server's section."""
    where, port = folder(), port or harness.free_port([address])
    nsd = peer("nsd")
    config = where / "nsd.conf"
    config.write_text(f'server:\n ip-address: {address}@{port}\n server-count: 1\n username: ""\n chroot: ""\n'
                      f' zonesdir: "{where}"\n database: ""\n pidfile: "{where}/nsd.pid"\n'
                      f' xfrdfile: "{where}/xfrd.state"\n zonelistfile: "{where}/zone.list"\n'
                      f' minimal-responses: {"yes" if minimal else "no"}\n hide-version: yes\n rrl-ratelimit: 0\n'
                      f' rrl-whitelist-ratelimit: 0\n round-robin: no\n tcp-query-count: 0\n{settings}'
                      f"remote-control:\n control-enable: no\n"
                      + "".join(f'zone:\n name: "{name}."\n zonefile: "{file}"\n' for name, file in zones.items()))
    running = nsd.start("nsd", "-d", "-c", config, folder=where)
    return running, wait_for(Asked(port, address), zones, running)


def start_knot(zones, address=ADDRESS, port=None, modules="", use=""):
    """`modules`: sections of modules; `use`: the ones that every zone has, as the setting says it."""
    where, port = folder(), port or harness.free_port([address])
    knot = peer("knot")
    config = where / "knot.conf"
    config.write_text(f"server:\n    rundir: {where}\n    listen: {address}@{port}\n    udp-workers: 1\n"
                      f"    tcp-workers: 1\n    background-workers: 1\n    tcp-idle-timeout: 60\n"
                      f"database:\n    storage: {where}\n"
                      f"{modules}"
                      f"template:\n  - id: default\n    semantic-checks: off\n    journal-content: none\n    zonefile-load: whole\n"
                      f"{use}"
                      "zone:\n" + "".join(f"  - domain: {name}.\n    file: {file}\n" for name, file in zones.items()))
    running = knot.start("knotd", "-c", config, folder=where)
    return running, wait_for(Asked(port, address), zones, running)


def start_bind(zones, port=None, settings=""):
    """On 127.0.0.1: BIND listens on addresses that an interface has, and on no others. `settings`: more options."""
    where, port = folder(), port or harness.free_port([ADDRESS])
    bind = peer("bind9")
    config = where / "named.conf"
    config.write_text(f'options {{ directory "{where}"; pid-file "{where}/named.pid"; session-keyfile "{where}/session.key";\n'
                      f" listen-on port {port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }}; recursion no; notify no;\n"
                      f" dnssec-validation no; minimal-responses no; {settings}\n}};\ncontrols {{ }};\n"
                      + "".join(f'zone "{name}" {{ type primary; file "{file}"; }};\n' for name, file in zones.items()))
    running = bind.start("named", "-g", "-4", "-n", "1", "-c", config, folder=where)
    return running, wait_for(Asked(port), zones, running)


def start_placard(zones, minimal=False):
    where, port = folder(), harness.free_port([ADDRESS])
    config = where / "placard.toml"
    (where / "state").mkdir()
    choice = "true" if minimal else "false"
    config.write_text(f'[server]\nlisten = ["{ADDRESS}:{port}"]\nworkers = 1\nstate_directory = "{where}/state"\n'
                      f"minimal_responses = {choice}\n[recursion]\nenabled = false\n[notice]\nlisten = []\n"
                      "[metrics]\nlisten = []\n"
                      + "".join(f'[[zone]]\nname = "{name}"\nfile = "{file}"\n' for name, file in zones.items()))
    running = Running([harness.BINARY, "serve", "--config", str(config)], dict(os.environ), where)
    return running, wait_for(Asked(port), zones, running)


def wait_for(asked, zones, running):
    def ready():
        assert running.alive, running.log.read_text()
        return all(asked.up(name) for name in zones)
    harness.until("a peer that serves its zones", ready)
    return asked


class Question:
    def __init__(self, origin, name, kind, dnssec):
        self.origin, self.name, self.kind, self.dnssec = origin, name, kind, dnssec

    def __str__(self):
        return f"{self.name} {self.kind}{' with DO' if self.dnssec else ''}"


FIELDS = ("rcode", "aa", "tc", "answer", "authority", "additional")


def compare(case, zones, start_theirs, explained, minimal, dnssec, count, seed):
    """Asks both and fails the test case for the first differences that nothing explains; how often each row did."""
    running, ours = start_placard(zones, minimal)
    other, theirs = start_theirs(zones)
    used, unexplained, asked = [0] * len(explained), [], 0
    try:
        for origin in zones:
            for name, kind in authority_zones.questions(origin, count, seed):
                for wanted in (False, True) if dnssec else (False,):
                    question = Question(origin, name, kind, wanted)
                    one, two = ours.ask(name, kind, wanted), theirs.ask(name, kind, wanted)
                    asked += 1
                    fields = {field for field in FIELDS if getattr(one, field) != getattr(two, field)}
                    if not fields:
                        continue
                    for i, (_, meant) in enumerate(explained):
                        if meant(question, one, two, fields):
                            used[i] += 1
                            break
                    else:
                        unexplained.append(f"{question}: {', '.join(sorted(fields))}\nPlacard: {one}\nthe other: {two}")
    finally:
        for one in (ours, theirs, running, other):
            (one.close if isinstance(one, Asked) else one.stop)()
    if unexplained:
        case.fail(f"{len(unexplained)} of {asked} answers differ:\n\n" + "\n\n".join(unexplained[:20]))
    case.assertGreater(asked, count // 2)
    for row, times in zip(explained, used):
        if times:
            print(f"  {times:5} of {asked}: {row[0]}")
