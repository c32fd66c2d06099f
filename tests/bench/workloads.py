"""What the benches ask whom: zones, lists and questions, and how each server is told to answer them.

Everything is made in a folder of the bench's own by make(). Servers run one worker on the first processor (world.py).
"""

import json
import os
import random
import re
import socket
import struct
import subprocess
import time
from pathlib import Path

import world
from peers import peer

NAMES, RULES, ASKED = 100_000, int(os.environ.get("RULES", "1000000")), 300_000
ADDRESS = {"placard": "127.0.0.11", "unbound": "127.0.0.12", "pdns": "127.0.0.13", "nsd": "127.0.0.14", "knot": "127.0.0.15",
           "echo": "127.0.0.16",
           "kresd": "127.0.0.17"}
ROWS = [("auth", "authoritative"), ("cached", "cached"), ("blocked", f"blocked, {RULES / 1e6:g} M rules"), ("tcp", "cached, TCP, 1,000 connections")]


def rule(number):
    words = ("ads", "track", "pixel", "cdn", "login", "media", "stat", "shop")
    ends = ("com", "net", "org", "info", "shop", "fr", "de", "xyz")
    return f"{words[number % 8]}{number:x}.{words[number * 7 // 8 % 8]}{number * 2654435761 % 1048576:x}.{ends[number // 8 % 8]}"


def make(work):
    """Zone, list and questions."""
    pick = random.Random(1)
    with (work / "auth.zone").open("w") as zone:
        zone.write("$ORIGIN bench.test.\n$TTL 3600\n@ SOA ns root 1 3600 600 864000 60\n@ NS ns\nns A 192.0.2.1\n")
        for number in range(NAMES):
            zone.write(f"n{number} A 192.0.2.{number % 250 + 1}\nn{number} AAAA 2001:db8::{number >> 16:x}:{number & 65535:x}\n")
    with (work / "list.zone").open("w") as zone:
        zone.write("$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 864000 60\n@ NS localhost.\n")
        zone.writelines(f"{rule(number)} CNAME .\n" for number in range(RULES))

    def questions(file, lines):
        lines = list(lines)
        pick.shuffle(lines)
        (work / file).write_text("".join(lines))

    for kind in ("A", "AAAA", "HTTPS"):
        suffix = "" if kind == "A" else "-" + kind.lower()
        questions(f"auth{suffix}.q", (f"n{number}.bench.test {kind}\n" for number in range(NAMES)))
        questions(f"cached{suffix}.q", (f"c{number}.z{number % 1000}.bench {kind}\n" for number in range(NAMES)))
    questions("auth-nx.q", (f"no{number}.bench.test A\n" for number in range(NAMES)))
    questions("cached-nx.q", (f"no-{number}.z{number % 1000}.bench A\n" for number in range(NAMES)))
    blocked = [rule(number) for number in pick.sample(range(RULES), min(ASKED, RULES))]
    for kind in ("A", "AAAA", "HTTPS"):
        questions("blocked" + ("" if kind == "A" else "-" + kind.lower()) + ".q", (f"{name} {kind}\n" for name in blocked))


# Servers -----------------------------------------------------------------------------------------------------------


def placard_auth(work, rules=False, **how):
    """`how`: of world.placard."""
    zone = f'[[zone]]\nname = "bench.test."\nfile = "{work}/auth.zone"\n'
    return world.placard(None if rules else "[recursion]\nenabled = false\n", more=(feed(work) if rules else "") + zone, **how)


def placard(work, rules=False, **how):
    cache = '[cache]\nsave = ""\nmemory = "1GiB"\nanswers_memory = "256MiB"\n'
    return world.placard(more=cache + (feed(work) if rules else ""), **how)


def feed(work):
    return f'[[feed]]\nid = "bench"\nformat = "rpz"\npath = "{work}/list.zone"\nguards = "off"\nstate = "active"\n'


def nsd(work):
    package, where = peer("nsd"), world.folder()
    (where / "nsd.conf").write_text(f"""
server:
 server-count: 1
 ip-address: {ADDRESS["nsd"]}@53
 username: ""
 zonesdir: "{work}"
 database: ""
 pidfile: "{where}/nsd.pid"
 xfrdfile: "{where}/xfrd.state"
 xfrdir: "{where}"
 zonelistfile: "{where}/zone.list"
 rrl-ratelimit: 0
 minimal-responses: yes
remote-control:
 control-enable: no
zone:
 name: bench.test
 zonefile: auth.zone
""")
    return world.Process([package.program("nsd"), "-d", "-c", where / "nsd.conf"], world.PROCESSORS[0], where,
                         environment=package.environment)


def knot(work):
    package, where = peer("knot"), world.folder()
    (where / "knot.conf").write_text(f"""
server:
    rundir: {where}
    listen: {ADDRESS["knot"]}@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {where}
zone:
  - domain: bench.test
    file: {work}/auth.zone
    zonefile-sync: -1
    journal-content: none
""")
    return world.Process([package.program("knotd"), "-c", where / "knot.conf"], world.PROCESSORS[0], where,
                         environment=package.environment)


def kresd(_work):
    """Its modules have fixed places, so it sees its package laid over /usr."""
    package, where = peer("knot-resolver"), world.folder()
    (where / "cache").mkdir()
    (where / "kresd.conf").write_text(f"""
log_level('crit')
net.ipv6 = false
net.listen('{ADDRESS["kresd"]}', 53, {{ kind = 'dns' }})
cache.open(500*MB, 'lmdb://{where}/cache')
option('ALLOW_LOCAL', true)
trust_anchors.remove('.')
modules.load('hints')
hints.root_file('{world.hints(where)}')
modules.unload('ta_signal_query') modules.unload('ta_update') modules.unload('detect_time_skew') modules.unload('priming')
""")
    over = f"mount -t overlay overlay -o lowerdir={package.prefix}/usr:/usr /usr && exec \"$@\""
    return world.Process(["unshare", "--mount", "sh", "-c", over, "sh", "kresd", "-n", "-q", "-c", where / "kresd.conf", where],
                         world.PROCESSORS[0], where)


def echo(_work, address=ADDRESS["echo"]):
    return world.Process([world.BUILD / "tests/bench/echo", address, 53], world.PROCESSORS[0], world.folder(), ready="ready")


KINDS = {
    "auth": {"questions": "auth.q", "ready": ("n1.bench.test", 0),
             "servers": {"placard": placard_auth, "nsd": nsd, "knot": knot, "echo": echo}},
    "cached": {"questions": "cached.q", "ready": ("c1.z1.bench", 0),
               "servers": {"placard": placard, "unbound": lambda work: world.unbound("512m"), "pdns": lambda work: world.pdns(),
                           "echo": echo}},
    "blocked": {"questions": "blocked.q", "ready": (rule(RULES - 1), 3),
                "servers": {"placard": lambda work: placard(work, rules=True),
                            "unbound": lambda work: world.unbound("64m", work / "list.zone"),
                            "pdns": lambda work: world.pdns(1_000, work / "list.zone"), "echo": echo}},
    "tcp": {"ready": ("c1.z1.bench", 0),
            "servers": {"placard": lambda work: placard(work, server="tcp_connections_per_client = 4096"),
                        "unbound": lambda work: world.unbound("512m"), "kresd": kresd}},
}


# Clients -----------------------------------------------------------------------------------------------------------


def blast(address, questions, seconds, first=None, **words):
    """One run of tests/bench/blast.cpp; its figures. `first`: what its process does before."""
    command = ["taskset", "--cpu-list", str(world.PROCESSORS[-1]), str(world.BUILD / "tests/bench/blast"), address, "53",
               str(questions), str(seconds), *(f"{word}={value}" for word, value in words.items())]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, preexec_fn=first).stdout)


def processor_time(pids):
    """Seconds of all threads."""
    return sum(int(task.read_text().split()[0]) for pid in pids for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def dnsperf_tcp(address, questions, seconds, pids, connections=1_000):
    """Microseconds of the server's processor time an answer, over that many connections with several questions open on each."""
    package = peer("dnsperf")
    before = processor_time(pids)
    run = subprocess.run(["taskset", "--cpu-list", str(world.PROCESSORS[-1]), package.program("dnsperf"), "-s", address, "-m", "tcp",
                          "-d", str(questions), "-c", str(connections), "-q", str(8 * connections), "-l", str(seconds), "-e"],
                         capture_output=True, text=True, env=package.environment, check=False, timeout=120)
    done = re.search(r"Queries completed:\s+(\d+)", run.stdout)
    if not done or int(done[1]) == 0:
        raise SystemExit(f"dnsperf: {run.stdout}{run.stderr}")
    return (processor_time(pids) - before) * 1e6 / int(done[1])


def wait_for(address, name, rcode, patience=240, process=None):
    """Until the server answers the name with that code; the echo does at once. `process`: whose end ends the waiting."""
    question = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    question += b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack(">HH", 1, 1)
    end = time.monotonic() + patience
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.2)
        while time.monotonic() < end:
            if process and process.process.poll() is not None:
                raise SystemExit(f"{process.process.args} has ended")
            try:
                udp.sendto(question, (address, 53))
                answer = udp.recv(4096)
            except OSError:
                time.sleep(0.05)
                continue
            if address == ADDRESS["echo"] or answer[3] & 15 == rcode:
                return
            time.sleep(0.1)
    raise SystemExit(f"{address} does not answer {name} with code {rcode}")
