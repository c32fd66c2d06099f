"""Trust anchors of a running server: a roll-over as RFC 5011 has it, and negative ones that come and go by a reload.

roll.lab. has a key that is an anchor of these servers only. Two of them, at two moments of its roll-over, start with
what they had kept forty days ago; each looks at the keys soon after its start.
"""

import re
import time
import unittest

from harness import BOX, Server, until

LAB = BOX / "lab"
DAY = 86_400


def keys_of(zone_file):
    """The DNSKEY rdata of a zone, by their numbers of algorithm."""
    found = {}
    for line in zone_file.read_text().splitlines():
        if match := re.match(r"roll\.lab\.\s+3600\s+IN\s+DNSKEY\s+(257 3 (\d+) \S+)", line):
            found[match.group(2)] = match.group(1)
    return found


KEYS = keys_of(LAB / "roll.published.zone")
OLD, NEW = KEYS["15"], KEYS["13"]


def server_at(moment, kept):
    """A server whose tree has roll.lab. as it is at that moment, with what it has kept of its keys: (state, days ago, key)."""
    server = Server()
    text = server.config.read_text().replace("lab/roll.published.zone", f"lab/roll.{moment}.zone")
    text = re.sub(r"\[dnssec\][^\[]*", f'[dnssec]\ntrust_anchors = ["roll.lab. DNSKEY {OLD}"]\n\n', text, count=1)
    server.config.write_text(text)
    now = int(time.time())
    (server.state / "trust-anchors").write_text("".join(f"roll.lab. {state} {now - days * DAY} {key}\n"
                                                        for state, days, key in kept))
    return server.start()


class RollOver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.published = server_at("published", [("valid", 80, OLD), ("pending", 40, NEW)])
        cls.revoked = server_at("revoked", [("valid", 80, OLD), ("valid", 10, NEW)])
        cls.too_early = server_at("published", [("valid", 80, OLD), ("pending", 20, NEW)])

    @classmethod
    def tearDownClass(cls):
        for server in (cls.published, cls.revoked, cls.too_early):
            server.kill()

    @staticmethod
    def state_of(server, key):
        rdata = key.split()
        for line in (server.state / "trust-anchors").read_text().splitlines():
            fields = line.split(None, 3)
            if len(fields) == 4 and fields[3].split()[3] == rdata[3]:
                return fields[1]
        return None

    def test_roll_over(self):
        # Before anything has been looked at, what was kept counts.
        self.assertIn("ad", self.published.dig("www.roll.lab.", "A", "+dnssec").flags)
        self.assertIn("ad", self.revoked.dig("www.roll.lab.", "A", "+dnssec").flags)
        until("the new key counts", lambda: self.state_of(self.published, NEW) == "valid", 40)
        until("the old key is revoked", lambda: self.state_of(self.revoked, OLD) == "revoked", 40)
        self.assertEqual(self.state_of(self.published, OLD), "valid")
        self.assertEqual(self.state_of(self.revoked, NEW), "valid")
        # The one that was seen too short a time ago still does not.
        self.assertEqual(self.state_of(self.too_early, NEW), "pending")
        for server in (self.published, self.revoked, self.too_early):
            server.ok("control", "flush", "--all")
            self.assertIn("ad", server.dig("www.roll.lab.", "A", "+dnssec").flags)

    def test_what_is_revoked_is_no_anchor_after_a_restart_either(self):
        server = server_at("published", [("revoked", 1, OLD), ("valid", 10, NEW)])
        self.addCleanup(server.kill)
        # The keys are signed by the revoked one only.
        answer = server.dig("www.roll.lab.", "A", "+dnssec")
        self.assertEqual(answer.status, "SERVFAIL", answer)
        self.assertTrue(any("roll.lab." in text for _, text in answer.ede), answer)


class Negative(unittest.TestCase):
    def test_they_come_and_go_by_a_reload(self):
        server = Server().start()
        self.addCleanup(server.kill)
        text = server.config.read_text()

        def reload_with(line):
            server.config.write_text(text.replace("[dnssec]\n", f"[dnssec]\n{line}\n", 1))
            server.ok("control", "reload")
            answer = server.dig("www.forged.lab.", "A", "+dnssec")
            return answer.status, "ad" in answer.flags

        self.assertEqual(server.dig("www.forged.lab.", "A", "+dnssec").status, "SERVFAIL")
        self.assertEqual(reload_with('negative_anchors = ["forged.lab 2056-01-01"]'), ("NOERROR", False))
        self.assertIn("ad", server.dig("www.rsa.lab.", "A", "+dnssec").flags)
        self.assertEqual(reload_with('negative_anchors = ["forged.lab 2001-01-01"]'), ("SERVFAIL", False))
        self.assertEqual(reload_with('negative_anchors = ["lab 2056-01-01"]'), ("NOERROR", False))
        self.assertNotIn("ad", server.dig("www.rsa.lab.", "A", "+dnssec").flags)
        self.assertEqual(reload_with(""), ("SERVFAIL", False))
        self.assertIn("ad", server.dig("www.rsa.lab.", "A", "+dnssec").flags)
        server.config.write_text(text.replace("[dnssec]\n", '[dnssec]\nnegative_anchors = ["forged.lab"]\n', 1))
        self.assertIn("dnssec.negative_anchors", server.fails("control", "reload"))


if __name__ == "__main__":
    unittest.main()
