"""Clients with link-local addresses, as behind a home router: in a network namespace of its own, on an interface of its own."""

import os
import subprocess
import sys
import unittest

from harness import NO_DNSSEC, Server, free_port

INSIDE = "PLACARD_LINK_LOCAL_INSIDE"
NETWORK = ("ip link set lo up && ip link add home type veth peer name away && ip link set home up && ip link set away up && "
           "ip -6 address add fe80::53/64 dev home nodad")


@unittest.skipUnless(os.environ.get(INSIDE), "only inside a network namespace")
class LinkLocal(unittest.TestCase):
    def setUp(self):
        silent = free_port(["127.0.0.1"])
        self.server = Server(box=False, dnssec=NO_DNSSEC, extra=f'[[forward]]\nzone = "."\nservers = ["127.0.0.1:{silent}"]\n')
        text = self.server.config.read_text()
        text = text.replace(f'"[::1]:{self.server.port}"', f'"[::]:{self.server.port}"').replace("[access]\n", "", 1)
        self.server.config.write_text(text + '\n[access]\nrecursion = ["127.0.0.0/8", "::1/128", "fe80::/10"]\n')
        self.server.start()
        self.addCleanup(self.server.kill)

    def dig(self, *words):
        command = ["dig", "@fe80::53%home", "-p", str(self.server.port), "+tries=1", "+time=5", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout

    def test_at_once_over_both_transports(self):
        for transport in ("+notcp", "+tcp"):
            with self.subTest(transport):
                self.assertIn("127.0.0.1", self.dig("+short", transport, "localhost", "A"))

    def test_later(self):
        self.assertIn("status: SERVFAIL", self.dig("www.example.net", "A"))


class Namespace(unittest.TestCase):
    @unittest.skipIf(os.environ.get(INSIDE), "inside already")
    def test_all_of_it(self):
        can = subprocess.run(["unshare", "--net", "sh", "-c", NETWORK], capture_output=True, text=True, check=False)
        if can.returncode != 0:
            self.skipTest(f"no network namespace with an interface can be made here: {can.stderr.strip()}")
        run = subprocess.run(["unshare", "--net", "sh", "-c", f'{NETWORK} && exec "$@"', "sh", sys.executable, __file__],
                             env={**os.environ, INSIDE: "yes"}, capture_output=True, text=True, timeout=200, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
