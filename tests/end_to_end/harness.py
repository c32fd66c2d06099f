"""A real `placard serve` on the internet in a box, and the tools a user has: dig, curl, the program's own commands.

Every server gets a folder and ports of its own, so that tests neither meet each other nor what runs on the machine.
Nothing here waits by sleeping: `until` asks again until the answer is there or a deadline has passed.
"""

import atexit
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("PLACARD_BINARY", str(ROOT / "build" / "placard"))
BOX = ROOT / "tests" / "internet"
CASES = sorted((ROOT / "policy" / "cases" / "kiwi-farms").glob("*.toml"))
BOX_ANCHORS = f"""[dnssec]
trust_anchors_file = "{BOX}/lab/anchors"
"""
NO_DNSSEC = "[dnssec]\nvalidation = false\n"  # for a server in another tree, which nobody signed
NZ_CLIENT = "127.0.0.64"
PATIENCE = 20.0  # seconds until something that should happen is said not to


def until(what, condition, patience=PATIENCE):
    """The first true value of condition(); fails when none comes in time."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what}")
        select.select([], [], [], 0.02)


def free_port(addresses, udp=True):
    """A port below the ephemeral range that nothing holds on any of the addresses."""
    for _ in range(200):
        port = random.SystemRandom().randrange(15000, 32000)
        held = []
        try:
            for address in addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) if udp else (socket.SOCK_STREAM,):
                    one = socket.socket(family, kind)
                    held.append(one)
                    if family == socket.AF_INET6:
                        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    one.bind((address, port))
            return port
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise AssertionError("no free port")


def box_addresses():
    zones = tomllib.loads((BOX / "placard.toml").read_text())["zone"]
    return sorted({place.rsplit(":", 1)[0].strip("[]") for zone in zones for place in zone["listen"]})


def box_config(port):
    """The part of tests/internet/placard.toml that makes the tree, with another port and the places of its files."""
    text = (BOX / "placard.toml").read_text()
    text = text[text.index("[recursion]"):].replace("5310", str(port))
    return re.sub(r'^(file|root_hints|trust_anchors_file) = "', lambda m: f"{m.group(0)}{BOX}/", text, flags=re.MULTILINE)


class Answer:
    """What dig printed, in parts. Records are (owner, ttl, type, rdata)."""

    def __init__(self, text):
        self.text = text
        head = re.search(r"status: (\w+)", text)
        self.status = head.group(1) if head else None
        flags = re.search(r";; flags: ([a-z ]*);", text)
        self.flags = flags.group(1).split() if flags else []
        edns_flags = re.search(r"; EDNS:.*flags: *([a-z ]*);", text)
        self.edns_flags = edns_flags.group(1).split() if edns_flags else []
        self.ede = [(int(code), extra or "") for code, extra in
                    re.findall(r"^; EDE: (\d+)(?: \([^)]*\))?(?:: \((.*)\))?$", text, flags=re.MULTILINE)]
        self.answer = self._section("ANSWER")
        self.authority = self._section("AUTHORITY")
        self.over_tcp = "(TCP)" in text

    def _section(self, name):
        found = re.search(rf"^;; {name} SECTION:\n(.*?)(?:\n\n|\Z)", self.text, flags=re.MULTILINE | re.DOTALL)
        records = []
        for line in found.group(1).splitlines() if found else []:
            if line.startswith(";"):
                continue
            owner, ttl, _, kind, *rdata = line.split(None, 4)
            records.append((owner, int(ttl), kind, rdata[0] if rdata else ""))
        return records

    def data(self, kind):
        return sorted(rdata for _, _, of_kind, rdata in self.answer if of_kind == kind)

    def ttl(self):
        return min(ttl for _, ttl, _, _ in self.answer)

    def __repr__(self):
        return self.text


class Server:
    """One server with its state. `extra` is more configuration; `box` off leaves out the tree and its hints."""

    def __init__(self, extra="", box=True, policy_ttl=1, dnssec=BOX_ANCHORS):
        self.folder = Path(tempfile.mkdtemp(prefix="placard-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = self.folder / "state"
        self.state.mkdir()
        self.config = self.folder / "placard.toml"
        self.port = free_port(["127.0.0.1", "::1"])
        self.notice_port = free_port(["127.0.0.1", "::1"], udp=False)
        self.metrics_port = free_port(["127.0.0.1"], udp=False)
        self.box_port = free_port(box_addresses() + ["127.53.0.253", "127.53.0.254"]) if box else None
        self.policy_ttl = policy_ttl
        self.dnssec = dnssec  # of a server without the box, which has its own
        self.extra = extra
        self.process = None
        self.runs = 0
        self.write_config()
        atexit.register(self.kill)

    def write_config(self, extra=None, policy=""):
        if extra is not None:
            self.extra = extra
        self.config.write_text(f"""
[server]
state_directory = "{self.state}"
listen = ["127.0.0.1:{self.port}", "[::1]:{self.port}"]
workers = 2

[notice]
listen = ["127.0.0.1:{self.notice_port}", "[::1]:{self.notice_port}"]
operator_name = "Example Net"
operator_contact = "mailto:hostmaster@example.net"

[metrics]
listen = ["127.0.0.1:{self.metrics_port}"]

[policy]
ttl = {self.policy_ttl}
{policy}

[[view]]
name = "nz"
clients = ["{NZ_CLIENT}/32"]
jurisdictions = ["NZ"]

{self.extra}
{box_config(self.box_port) if self.box_port else self.dnssec}
""")

    # ------------------------------------------------------------------ its life

    def start(self, patience=PATIENCE):
        """Returns once it says that it is ready."""
        self.runs += 1
        self.log = self.folder / f"serve-{self.runs}.log"
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen([BINARY, "serve", "--config", str(self.config)], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=errors, cwd=self.folder)
        output, end = b"", time.monotonic() + patience
        while b"placard: ready\n" not in output:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            if not piece:
                code = self.process.poll()
                self.kill()
                raise AssertionError(f"serve was not ready (exit code {code}): {output.decode()}{self.log.read_text()}")
            output += piece
        return self

    def stop(self, sign=signal.SIGTERM, patience=PATIENCE):
        """Ends it as a user would; its exit code."""
        self.process.send_signal(sign)
        try:
            return self.process.wait(patience)
        finally:
            self.kill()

    def kill(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def run_to_end(self, patience=PATIENCE):
        """`serve` when it is expected to refuse: (exit code, output)."""
        run = subprocess.run([BINARY, "serve", "--config", str(self.config)], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=patience, cwd=self.folder, check=False)
        return run.returncode, run.stdout, run.stderr

    # ------------------------------------------------------------------ what a user does

    def command(self, *arguments, patience=60):
        return subprocess.run([BINARY, *map(str, arguments), "--config", str(self.config)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=patience, cwd=self.folder, check=False)

    def ok(self, *arguments):
        """A command that must work; what it prints."""
        run = self.command(*arguments)
        assert run.returncode == 0, f"placard {' '.join(map(str, arguments))}: {run.returncode}\n{run.stdout}{run.stderr}"
        return run.stdout

    def json(self, *arguments):
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, *arguments):
        """A command that must fail; what it says on standard error."""
        run = self.command(*arguments)
        assert run.returncode not in (0, 134, 139) and run.returncode > 0, f"{run.returncode}: {run.stdout}{run.stderr}"
        assert run.stderr.strip(), "it says nothing about why"
        return run.stderr

    def dig(self, name, kind="A", *options, client=None, server="127.0.0.1", port=None):
        bind = ["-b", client] if client else []
        run = subprocess.run(["dig", *bind, f"@{server}", "-p", str(port or self.port), "-q", name, "-t", kind,
                              "+tries=1", "+time=10", *options], capture_output=True, text=True, timeout=30, check=False)
        return Answer(run.stdout)

    def ask_box(self, address, name, kind="A", *options):
        return self.dig(name, kind, "+norecurse", *options, server=address, port=self.box_port)

    def curl(self, url, *options, host=None):
        """A page of the notice server as a visitor of `url` gets it: (status, headers, body)."""
        host = host or re.match(r"http://([^/:]+)", url).group(1)
        run = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "10", "--include", "--noproxy", "*",
                              "--connect-to", f"{host}:80:127.0.0.1:{self.notice_port}", *options, url],
                             capture_output=True, timeout=30, check=True)
        head, _, body = run.stdout.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {}
        for line in lines[1:]:
            key, _, value = line.partition(":")
            headers[key.strip().lower()] = value.strip()
        return int(lines[0].split()[1]), headers, body.decode()

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as page:
            text = page.read().decode()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))}

    def load_case(self):
        return self.ok("decide", *CASES)

    def decide(self, text, name="decision.toml"):
        path = self.folder / name
        path.write_text(text)
        return self.ok("decide", path)
