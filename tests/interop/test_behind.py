"""What a validating client behind us sees of answers by decision: Unbound, which forwards to us, and delv.

Unbound asks for DS on its way down. Where the zone above says that a name is unsigned, it takes what we answer; where it is
signed, an answer that the zone did not sign is forged to it, whatever is configured, and its users get SERVFAIL.
"""

import subprocess
import sys
import unittest
from pathlib import Path

from peers import peer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

from decisions import decision, rule  # noqa: E402
from harness import BOX, Server, free_port, until  # noqa: E402

BLOCKED = decision("behind-test", rule("ecdsa.lab"), rule("www.rsa.lab"), rule("plain.rsa.lab"), rule("example.org"))
SIGNED = ("www.ecdsa.lab.", "www.rsa.lab.")
UNSIGNED = ("www.plain.rsa.lab.", "www.example.org.")  # below a signed zone, and where nothing is signed
NOTICE = "127.0.0.1"
FOR_UNSIGNED = {"answer": ("NOERROR", [NOTICE]), "nxdomain": ("NXDOMAIN", []), "refuse": ("SERVFAIL", [])}


class Behind(unittest.TestCase):
    def server(self, value):
        server = Server()
        server.write_config(policy=f'signed = "{value}"')
        server.start()
        self.addCleanup(server.kill)
        server.decide(BLOCKED)
        return server

    def unbound(self, server):
        package = peer("unbound")
        folder = server.folder / "unbound"
        folder.mkdir()
        port = free_port(["127.0.0.1"])
        anchor = " ".join((BOX / "lab" / "anchors").read_text().split())
        (folder / "unbound.conf").write_text(f"""
server:
 chroot: ""
 username: ""
 directory: "{folder}"
 pidfile: ""
 interface: 127.0.0.1@{port}
 do-not-query-localhost: no
 do-ip6: no
 trust-anchor: "{anchor}"
 module-config: "validator iterator"
 use-syslog: no
 logfile: ""
forward-zone:
 name: "."
 forward-addr: 127.0.0.1@{server.port}
remote-control:
 control-enable: no
""")
        run = package.start("unbound", "-d", "-c", folder / "unbound.conf", folder=folder)
        self.addCleanup(run.stop)
        until("unbound answers", lambda: "ad" in server.dig("txt.rsa.lab.", "TXT", "+time=2", port=port).flags)
        return port

    def test_unbound(self):
        for value, for_unsigned in FOR_UNSIGNED.items():
            server = self.server(value)
            port = self.unbound(server)
            for name in UNSIGNED:
                answer = server.dig(name, "A", port=port)
                with self.subTest(value=value, name=name, answer=answer):
                    self.assertEqual((answer.status, answer.data("A")), for_unsigned)
                    self.assertNotIn("ad", answer.flags)
            for name in SIGNED:
                answer = server.dig(name, "A", port=port)
                with self.subTest(value=value, name=name, answer=answer):
                    self.assertEqual((answer.status, answer.data("A")), ("SERVFAIL", []))
            self.assertIn("ad", server.dig("www.ed448.lab.", "A", port=port).flags, "others are as ever")

    def test_delv(self):
        server = self.server("answer")
        tag, algorithm, kind, digest = (BOX / "lab" / "anchors").read_text().split()[4:8]
        key = server.folder / "anchor.conf"
        key.write_text(f'trust-anchors {{ "." static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')

        def delv(name):
            run = subprocess.run(["delv", "@127.0.0.1", "-p", str(server.port), "-a", str(key), "+root=.", name, "A"],
                                 capture_output=True, text=True, timeout=30, check=False)
            return run.stdout + run.stderr
        for name in UNSIGNED:
            text = delv(name)
            self.assertIn("unsigned answer", text)
            self.assertIn(NOTICE, text)
        for name in SIGNED:
            text = delv(name)
            self.assertIn("resolution failed", text)
            self.assertNotIn("\tA\t", text)


if __name__ == "__main__":
    unittest.main()
