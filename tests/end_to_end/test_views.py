"""Which decisions hold for whom: views by the address that was asked, by the key that a question is signed with, by the
client's prefix; and that what they met is counted for the view it was met in."""

import unittest

from decisions import decision, rule
from harness import NZ_CLIENT, Server

KEY, SECRET = "home.example", "c2VjcmV0IG9mIHRlc3RzLCBzaGFyZWQgYnkgYWxsIQ=="
SIGNED = ("-y", f"hmac-sha256:{KEY}:{SECRET}")


class Views(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.write_config(f"""
[[key]]
name = "{KEY}"
secret = "{SECRET}"
[[view]]
name = "listener"
listeners = ["[::1]:{cls.server.port}"]
jurisdictions = ["FR"]
[[view]]
name = "key"
keys = ["{KEY}"]
jurisdictions = ["DE"]
""")
        cls.server.start()
        for code, name in (("FR", "www.example.net"), ("DE", "mail.example.net"), ("NZ", "four.example.net")):
            cls.server.decide(decision(f"in-{code.lower()}", rule(name, "nxdomain"), scope=(code,)), f"{code}.toml")

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def hits(self):
        return {(row["decision"], row["view"]): row["hits"] for row in self.server.json("control", "status")["hits"]}

    def test_where_it_was_asked_and_with_what_key(self):
        names = ("www.example.net", "mail.example.net", "four.example.net")
        ask = self.server.dig
        before = self.hits()
        for options, client, address, blocked in (((), None, "127.0.0.1", None), ((), None, "::1", names[0]),
                                                  (SIGNED, None, "127.0.0.1", names[1]), (SIGNED, None, "::1", names[1]),
                                                  ((), NZ_CLIENT, "127.0.0.1", names[2]),
                                                  (SIGNED, NZ_CLIENT, "127.0.0.1", names[1])):
            for name in names:
                answer = ask(name, "A", *options, client=client, server=address)
                with self.subTest(options=options, client=client, address=address, name=name):
                    self.assertEqual(answer.status, "NXDOMAIN" if name == blocked else "NOERROR", answer)
        met = {row: count - before.get(row, 0) for row, count in self.hits().items()}
        self.assertEqual(met, {("in-fr", "listener"): 1, ("in-de", "key"): 3, ("in-nz", "nz"): 1})

    def test_a_wrong_key_is_no_view(self):
        wrong = ("-y", f"hmac-sha256:{KEY}:{SECRET[::-1].strip('=')}")
        self.assertNotEqual(self.server.dig("mail.example.net", "A", *wrong).status, "NXDOMAIN")


if __name__ == "__main__":
    unittest.main()
