"""The sketch of what is asked: off by default; where it is on, a preview says what of the recent traffic a decision would
have hit, and neither a client nor what fewer than ten asked for is anywhere in the state directory."""

import os
import socket
import stat
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from decisions import decision, rule
from harness import Server

MANY, FEW = 12, 9


def question(name, number):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


class Traffic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The servers' clocks are in the middle of an hour, so that it does not end in the middle of a test."""
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        shim = Path(cls.folder.name) / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, Path(__file__).with_name("clock.c")], check=True)
        os.environ.update(LD_PRELOAD=str(shim), CLOCK_OFFSET=str(1800 - int(time.time()) % 3600))
        for word in ("LD_PRELOAD", "CLOCK_OFFSET"):
            cls.addClassCleanup(os.environ.pop, word)

    def start(self, policy):
        server = Server()
        server.write_config(policy=policy)
        server.start()
        self.addCleanup(server.kill)
        return server

    def ask(self, server, name, clients):
        for i in range(clients):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind((f"127.0.7.{i + 1}", 0))
                one.settimeout(10)
                one.sendto(question(name, i), ("127.0.0.1", server.port))
                one.recv(4096)

    def test_what_a_draft_would_have_hit(self):
        server = self.start("traffic_sketch = true")
        self.ask(server, "www.provider.net", 1)  # in the cache: what follows takes the quick path
        self.ask(server, "www.provider.net", MANY)
        self.ask(server, "mail.provider.net", MANY)
        self.ask(server, "www.six.net", FEW)
        server.stop()
        held = server.state / "policy.db.traffic"
        self.assertEqual(stat.S_IMODE(held.stat().st_mode), 0o600)
        text = held.read_text()
        self.assertRegex(text, rf"domain provider\.net {2 * MANY + 1} {MANY}\n")
        self.assertNotIn("six.net", text)
        for file in server.state.rglob("*"):
            if file.is_file():
                self.assertNotIn(b"127.0.7.", file.read_bytes(), file)

        server.start()
        for name, match, least, most in (("provider.net", "both", 2 * MANY + 1, 2 * MANY + 1),
                                         ("www.provider.net", "both", 0, 2 * MANY + 1),
                                         ("six.net", "both", 0, 0)):
            identifier = f"draft-{name.replace('.', '-')}"
            server.decide(decision(identifier, rule(name, match=match), more='state = "shadow"'), f"{identifier}.toml")
            told = server.json("preview", identifier)
            with self.subTest(name):
                self.assertEqual((told["traffic_hit"], told["traffic_hit_at_most"]), (least, most), told)
                self.assertEqual([row["domain"] for row in told["traffic"]], ["provider.net"] if most else [])

    def test_off_by_default(self):
        server = self.start("")
        self.ask(server, "www.provider.net", MANY)
        server.stop()
        self.assertFalse((server.state / "policy.db.traffic").exists())
        server.start()
        server.decide(decision("draft", rule("provider.net"), more='state = "shadow"'))
        self.assertIn("Nothing is known of recent traffic", server.ok("preview", "draft"))


if __name__ == "__main__":
    unittest.main()
