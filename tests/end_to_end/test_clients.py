"""Other people's clients: kdig, drill, dig, and the stub resolver of the C library (in a network namespace of its own)."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import Server
from test_limits import with_server_options

INSIDE = "--inside"


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stdout


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = with_server_options(Server(), 'nsid = "ns1.example"\nidentity = "box"\nversion = "one"')
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def at(self, program):
        return [program, "@127.0.0.1", "-p", str(self.server.port)]

    def test_dig(self):
        answer = self.server.dig("www.example.net", "A", "+nsid", "+cookie", "+subnet=192.0.2.0/24", "+ednsopt=65001:0102")
        self.assertEqual(answer.data("A"), ["192.0.2.11"])
        self.assertIn('("ns1.example")', answer.text)
        self.assertIn("(good)", answer.text)
        self.assertNotIn("CLIENT-SUBNET", answer.text)
        self.assertEqual(self.server.dig("version.bind", "TXT", "-c", "CH").answer[0][3], '"one"')
        self.assertEqual(self.server.dig("www.example.net", "A", "+edns=3", "+noednsneg").status, "BADVERS")
        self.assertGreater(self.server.metrics()['placard_answers_total{rcode="BADVERS"}'], 0)

    def test_kdig(self):
        out = run(*self.at("kdig"), "+cookie", "+nsid", "+edns", "www.example.net")
        self.assertIn("192.0.2.11", out)
        self.assertIn("ns1.example", out)
        self.assertIn("COOKIE", out)
        pipelined = run(*self.at("kdig"), "+tcp", "+keepopen", "www.example.net", "alias.example.net", "nothing.example.net")
        self.assertEqual(len(re.findall("status: ", pipelined)), 3, pipelined)
        self.assertIn("NXDOMAIN", pipelined)
        keepalive = run(*self.at("dig"), "+tcp", "+keepalive", "www.example.net")
        self.assertRegex(keepalive, r"TCP[ -]KEEPALIVE: 10\.0 sec")

    def test_drill(self):
        out = run("drill", "-p", str(self.server.port), "www.example.net", "@127.0.0.1")
        self.assertIn("192.0.2.11", out)
        self.assertIn("192.0.2.11", run("drill", "-t", "-p", str(self.server.port), "www.example.net", "@127.0.0.1"))

    @unittest.skipIf(os.geteuid() != 0, "namespaces need root")
    def test_the_stub_of_the_c_library(self):
        out = subprocess.run(["unshare", "-n", "-m", sys.executable, __file__, INSIDE], capture_output=True, text=True,
                             timeout=120, check=False)
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)


def inside():
    """As root of a network and mount namespace: port 53 and /etc/resolv.conf are ours."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolv:
        resolv.write("nameserver 127.0.0.1\noptions edns0 trust-ad timeout:5 attempts:1\n")
        resolv.flush()
        subprocess.run(["mount", "--bind", resolv.name, "/etc/resolv.conf"], check=True)
        server = Server()
        text = server.config.read_text()
        server.config.write_text(text.replace(f":{server.port}\"", ":53\"", 2))
        server.start()
        try:
            found = run("getent", "-s", "dns", "ahosts", "www.example.net")
            assert "192.0.2.11" in found, found
            assert run("getent", "-s", "dns", "ahosts", "alias.example.net"), "an alias"
            assert run("getent", "-s", "dns", "ahosts", "nothing.example.net") == "", "there is no such name"
        finally:
            server.kill()
            subprocess.run(["umount", "/etc/resolv.conf"], check=True)


if __name__ == "__main__":
    if INSIDE in sys.argv:
        inside()
    else:
        unittest.main()
