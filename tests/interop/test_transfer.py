"""Zone transfers both ways with NSD, Knot DNS and BIND: AXFR, IXFR, NOTIFY, TSIG, and what must not change a zone."""

import unittest

from peers import main
from transfer_peers import PEERS, WRONG, Placard, axfr, dig, refused, until, zone_text

ORIGIN = "example.test"
RECORDS = [
    "a A 192.0.2.7", "a A 192.0.2.8", "a AAAA 2001:db8::7", "*.wild TXT \"a b\" \"c\"", "alias CNAME a", "tree DNAME elsewhere.test.",
    "sub NS ns.sub", "ns.sub A 192.0.2.9", "@ MX 10 a", "_s._tcp 600 SRV 1 2 3 a", "@ CAA 0 issue \"ca.test\"",
    "svc HTTPS 1 . alpn=h2", "odd TYPE65400 \\# 3 010203", "deep.empty.non.terminal TXT \"x\"", "UPPER.Case TXT \"Kept\"",
]


def many(count, word="x"):
    return [f"n{i} TXT \"{word}{i}\"" for i in range(count)]


class BothWays(unittest.TestCase):
    def follow(self, primary, secondary, records):
        """AXFR, then changes by NOTIFY and IXFR; each time both have the same."""
        self.addCleanup(primary.stop)
        self.addCleanup(secondary.stop)
        primary.start(secondaries=[secondary.port], text=zone_text(ORIGIN, 1, records))
        secondary.start(primary=primary.port)
        until("the first transfer", lambda: secondary.serial() == 1)
        self.assertEqual(secondary.axfr(), primary.axfr())
        self.assertGreater(len(primary.axfr()), len(records))
        for number in range(2, 6):
            changed = records[:-number] + [f"new{number} A 192.0.2.{number}"]
            primary.reload(zone_text(ORIGIN, number, changed))
            until(f"serial {number}", lambda wanted=number: secondary.serial() == wanted)
            self.assertEqual(secondary.axfr(), primary.axfr())

    def test_secondary_of_each(self):
        for name, kind in PEERS.items():
            with self.subTest(name):
                secondary = Placard(ORIGIN)
                self.follow(kind(ORIGIN), secondary, RECORDS + many(2000))
                self.assertGreaterEqual(secondary.json_status()["transfers_in"], 5)

    def test_primary_of_each(self):
        for name, kind in PEERS.items():
            with self.subTest(name):
                self.follow(Placard(ORIGIN), kind(ORIGIN), RECORDS + many(2000))

    def test_secondary_of_ourselves(self):
        self.follow(Placard(ORIGIN), Placard(ORIGIN), RECORDS + many(5000))


class WrongKeys(unittest.TestCase):
    def test_another_secret_gets_nothing(self):
        for name, kind in PEERS.items():
            with self.subTest(name):
                primary, secondary = kind(ORIGIN), Placard(ORIGIN)
                self.addCleanup(primary.stop)
                self.addCleanup(secondary.stop)
                primary.start(text=zone_text(ORIGIN, 1))
                secondary.start(primary=primary.port, secret=WRONG)
                said = until("a refusal", lambda: secondary.json_status().get("last_error"))
                self.assertIn("BADSIG", said)
                self.assertNotIn(WRONG, said + secondary.errors())
                self.assertEqual(dig(secondary.port, ORIGIN).status, "SERVFAIL")

    def test_who_may_transfer(self):
        primary = Placard(ORIGIN)
        self.addCleanup(primary.stop)
        primary.start(text=zone_text(ORIGIN, 1))
        self.assertEqual(len(axfr(primary.port, ORIGIN)), 3)
        self.assertIn("Transfer failed", refused(primary.port, ORIGIN))
        self.assertIn("Transfer failed", refused(primary.port, ORIGIN, "-y", f"hmac-sha256:transfer.key:{WRONG}"))
        self.assertIn("BADKEY", refused(primary.port, ORIGIN, "-y", f"hmac-sha256:other.key:{WRONG}"))
        self.assertIn("BADKEY", refused(primary.port, ORIGIN, "-y", f"hmac-sha512:transfer.key:{WRONG}"))
        signed = dig(primary.port, ORIGIN, "SOA", "-y", f"hmac-sha256:transfer.key:{WRONG}")
        self.assertIn("NOTAUTH", signed.text)
        self.assertNotIn("Couldn't verify", dig(primary.port, ORIGIN, "SOA", "-y",
                         "hmac-sha256:transfer.key:c2VjcmV0IG9mIHRlc3RzLCBzaGFyZWQgYnkgYWxsIQ==").text)


if __name__ == "__main__":
    main()
