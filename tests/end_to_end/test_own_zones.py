"""Own zones beside recursion and policy: zones that recursion reads (RFC 8806), what blocks apply to, who may have what."""

import subprocess
import unittest

from decisions import decision, rule
from harness import BOX, Server, until

ZONE = "$TTL 300\n@ SOA ns hostmaster {serial} 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.7\n"
ROOT = f"""
[[zone]]
name = "."
file = "{BOX}/root.zone.signed"
for_clients = false
for_recursion = true
"""


class RootOfOurOwn(unittest.TestCase):
    """The root's servers are in the box, too; with the zone at hand nobody asks them."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(extra=ROOT).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_it_is_read_and_its_servers_are_not_asked(self):
        self.server.ok("control", "flush", "--all")
        told = self.server.ok("trace", "www.example.org", "A")
        self.assertIn("read our own zone .", told)
        self.assertNotIn("root-servers", told)
        self.assertNotIn("asked 127.53.0.1:", told)
        self.assertTrue(self.server.dig("www.example.org").data("A"))

    def test_what_it_says_is_validated_like_any_other_word(self):
        for name, kind in (("www.rsa.lab.", "A"), ("lab.", "DS"), ("nowhere.", "A"), (".", "DNSKEY")):
            answer = self.server.dig(name, kind, "+dnssec")
            self.assertIn("ad", answer.flags, answer)
            self.assertNotIn("aa", answer.flags)
        self.assertEqual(self.server.dig("nowhere.").status, "NXDOMAIN")
        self.assertEqual(self.server.dig("www.forged.lab.", "A").status, "SERVFAIL")

    def test_clients_see_nothing_of_it(self):
        for name, kind in ((".", "SOA"), ("org.", "NS"), ("lab.", "NS")):
            answer = self.server.dig(name, kind)
            self.assertEqual(answer.status, "NOERROR")
            self.assertNotIn("aa", answer.flags)


class NothingToRead(unittest.TestCase):
    def server(self, more):
        server = Server(extra=ROOT.replace(f"{BOX}/root.zone.signed", "broken.zone") + more)
        (server.folder / "broken.zone").write_text(". SOA only half of one\n")
        self.addCleanup(server.kill)
        return server.start()

    def test_others_are_asked(self):
        server = self.server("")
        self.assertTrue(server.dig("www.example.org").data("A"))
        self.assertIn("broken.zone:1", server.log.read_text())

    def test_or_nobody_is(self):
        server = self.server("fallback = false\n")
        answer = server.dig("www.example.org")
        self.assertEqual(answer.status, "SERVFAIL")
        self.assertIn(14, [code for code, _ in answer.ede])


class BelowAnOwnZone(unittest.TestCase):
    def test_a_delegation_that_only_we_know(self):
        """corp.org is ours and delegates to a server that nobody else would lead to."""
        server = Server(extra='[[zone]]\nname = "corp.org"\nfile = "corp.zone"\nfor_recursion = true\n')
        (server.folder / "corp.zone").write_text(ZONE.format(serial=1) + "deep NS a.deep\na.deep A 127.53.0.3\n")
        self.addCleanup(server.kill)
        server.start()
        self.assertIn("aa", server.dig("www.corp.org").flags)
        told = server.ok("trace", "x.deep.corp.org", "A")
        self.assertIn("read our own zone corp.org.", told)
        self.assertIn("127.53.0.3", told)


class PolicyAndOwnZones(unittest.TestCase):
    def test_only_where_the_operator_says_so(self):
        server = Server(extra='[[zone]]\nname = "own.org"\nfile = "own.zone"\n')
        (server.folder / "own.zone").write_text(ZONE.format(serial=1))
        self.addCleanup(server.kill)
        server.start()
        server.decide(decision("theirs", rule("example.org")))
        self.assertEqual(server.dig("www.example.org").data("A"), ["127.0.0.1"])
        path = server.folder / "ours.toml"
        path.write_text(decision("ours", rule("own.org")))
        self.assertIn("which this server protects", server.fails("decide", path))
        server.write_config(policy="own_zones = true\n")
        server.ok("control", "reload")
        server.ok("decide", path)
        self.assertEqual(server.dig("www.own.org").data("A"), ["127.0.0.1"])
        server.write_config()
        server.ok("control", "reload")
        self.assertEqual(server.dig("www.own.org").data("A"), ["192.0.2.7"])


class Permissions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(extra='[[zone]]\nname = "own.org"\nfile = "own.zone"\nallow_transfer = ["127.0.0.8/29"]\n'
                                  'allow_update = ["127.0.0.16/28"]\n'
                                  '[[zone]]\nname = "second.org"\nprimaries = ["127.0.0.99:1"]\nfile = "own.zone"\n'
                                  'allow_notify = ["127.0.0.32/29"]\n')
        (cls.server.folder / "own.zone").write_text(ZONE.format(serial=1))
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_transfers_by_prefix(self):
        for client, allowed in (("127.0.0.8", True), ("127.0.0.15", True), ("127.0.0.16", False), ("127.0.0.1", False)):
            answer = self.server.dig("own.org", "AXFR", client=client)
            self.assertEqual("192.0.2.7" in answer.text, allowed, answer)

    def test_notifications_by_prefix(self):
        def told(name, client):
            return self.server.dig(name, "SOA", "+opcode=notify", "+norecurse", client=client).status
        self.assertEqual(told("second.org", "127.0.0.32"), "NOERROR")
        self.assertEqual(told("second.org", "127.0.0.99"), "NOERROR")  # the primary's own address
        self.assertEqual(told("second.org", "127.0.0.40"), "REFUSED")
        self.assertIn(told("own.org", "127.0.0.32"), ("REFUSED", "NOTAUTH"))
        self.assertIn(told("nobodys.org", "127.0.0.32"), ("REFUSED", "NOTAUTH"))
        before = self.server.metrics()
        self.assertGreaterEqual(before["placard_zone_notifies_in_refused_total"], 1)

    def test_a_secondary_without_its_primary_serves_the_file_it_has(self):
        self.assertEqual(self.server.dig("www.second.org").data("A"), ["192.0.2.7"])
        status = self.server.json("control", "zone", "status", "second.org")["zone"]
        until("the primary was asked in vain", lambda: self.server.json("control", "zone", "status", "second.org")["zone"].get("last_error"))
        self.assertEqual(status["role"], "secondary")


class Updates(unittest.TestCase):
    """What updates bring of DNSSEC: nothing that would break the zone, or end its updates."""

    def setUp(self):
        self.server = Server(extra="".join(f'[[zone]]\nname = "{name}"\nfile = "own.zone"\nallow_update = ["127.0.0.1/32"]\n{more}'
                                           for name, more in (("own.org", ""), ("signed.org", "sign = true\n"))))
        (self.server.folder / "own.zone").write_text(ZONE.format(serial=1))
        self.addCleanup(self.server.kill)
        self.server.start()

    def update(self, zone, *lines):
        """What nsupdate has to say, nothing where it is done."""
        text = "\n".join([f"server 127.0.0.1 {self.server.port}", f"zone {zone}", *lines, "send", ""])
        done = subprocess.run(["nsupdate"], input=text, capture_output=True, text=True, timeout=60, check=False)
        return (done.stdout + done.stderr).strip()

    def test_dnssec_by_hand(self):
        signature = "8 2 300 20360101000000 20260101000000 1 {0}. oJB1W6WNGv+ldvQ3WDG0Mw=="
        for zone in ("own.org", "signed.org"):
            for refused in (f"{zone} 300 RRSIG SOA {signature.format(zone)}", f"{zone} 300 NSEC www.{zone}. SOA NS",
                            f"2vptu5timamqttgl4luu9kg21e0aor3s.{zone} 300 NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A"):
                self.assertIn("REFUSED", self.update(zone, f"update add {refused}"))
            self.assertEqual(self.update(zone, f"update add new.{zone} 300 A 192.0.2.8"), "")
            self.assertEqual(self.server.dig(f"new.{zone}").data("A"), ["192.0.2.8"])
        key = "300 DNSKEY 257 3 13 oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6oB9wfuh3DTJXUAA=="
        self.assertEqual(self.update("own.org", f"update add own.org {key}", "update add own.org 0 NSEC3PARAM 1 0 0 -"), "")
        self.assertIn("REFUSED", self.update("signed.org", f"update add signed.org {key}"))
        self.assertEqual(self.server.dig("none.own.org", "A", "+dnssec").status, "NXDOMAIN")

    def test_the_apex_keeps_what_a_zone_needs(self):
        for zone in ("own.org", "signed.org"):
            before = self.server.dig(zone, "NS").data("NS")
            for what in ("", " SOA", " NS", f" NS {before[0]}"):
                self.assertEqual(self.update(zone, f"update delete {zone}{what}"), "")
            self.assertEqual(self.server.dig(zone, "NS").data("NS"), before)
            self.assertEqual(self.server.dig(f"www.{zone}").data("A"), ["192.0.2.7"])
        self.assertTrue(self.server.dig("signed.org", "DNSKEY").data("DNSKEY"))

    def test_a_digest_that_does_not_fit(self):
        self.assertEqual(self.update("own.org", "update add own.org 300 SOA ns.own.org. h.own.org. 100 1 1 1 1"), "")
        digest = "update add own.org 300 ZONEMD {0} 1 1 " + 48 * "00"
        self.assertIn("REFUSED", self.update("own.org", digest.format(101)))
        self.assertEqual(self.update("own.org", digest.format(99)), "")  # of no version: left out
        self.assertEqual(self.server.dig("own.org", "ZONEMD").data("ZONEMD"), [])


class Stopping(unittest.TestCase):
    def test_in_the_middle_of_an_update(self):
        server = Server(extra='[[zone]]\nname = "large.org"\nfile = "large.zone"\nallow_update = ["127.0.0.1/32"]\n')
        names = "".join(f"n{i} A 192.0.2.{i % 250}\n" for i in range(50000))
        (server.folder / "large.zone").write_text(ZONE.format(serial=1) + names)
        self.addCleanup(server.kill)
        for number in range(3):
            server.start(patience=60)
            update = subprocess.Popen(["nsupdate"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
            self.addCleanup(update.wait)
            self.addCleanup(update.kill)
            update.stdin.write(f"server 127.0.0.1 {server.port}\nzone large.org\nupdate add x{number}.large.org 300 A 192.0.2.1\nsend\n")
            update.stdin.close()
            until("the update begins", lambda: "updating" in server.ok("control", "zone", "status", "large.org") or update.poll() is not None)
            self.assertEqual(server.stop(patience=60), 0)


class CheckingFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    def check(self, text, *options):
        file = self.server.folder / "checked.org.zone"
        file.write_text(text)
        return self.server.command("zone", "check", file, *options)

    def test_a_good_one(self):
        run = self.check(ZONE.format(serial=42))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("42", run.stdout)
        self.assertIn("checked.org.", run.stdout)

    def test_what_is_wrong_and_where(self):
        run = self.check(ZONE.format(serial=1) + "\nbad A 192.0.2.256\n")
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("checked.org.zone:7:7:", run.stderr)

    def test_what_is_doubtful(self):
        run = self.check(ZONE.format(serial=1) + "sub NS ns.sub\n")
        self.assertEqual(run.returncode, 0)
        self.assertIn("warning", run.stderr)


if __name__ == "__main__":
    unittest.main()
