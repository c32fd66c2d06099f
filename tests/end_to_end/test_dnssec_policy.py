"""Decisions about signed names: what is rewritten, for whom, and what validators make of it."""

import unittest

from decisions import decision, rule
from harness import Server

NOTICE = "127.0.0.1"
BLOCKED = decision("signed-test", rule("www.rsa.lab"), rule("www.forged.lab"), rule("plain.rsa.lab"),
                   rule("txt.rsa.lab", action="nodata"), rule("own.rsa.lab", action="nxdomain"))


class Signed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        for value in ("answer", "nxdomain", "refuse"):
            server = Server()
            server.write_config(policy=f'signed = "{value}"')
            cls.servers[value] = server.start()
            server.decide(BLOCKED)

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers.values():
            server.kill()

    def test_who_does_not_ask_for_signatures_is_sent_to_the_notice(self):
        for value, server in self.servers.items():
            for name in ("www.rsa.lab.", "alias.rsa.lab."):
                answer = server.dig(name, "A", "+nodnssec", "+adflag")
                with self.subTest(value=value, name=name):
                    self.assertEqual(answer.data("A"), [NOTICE], answer)
                    self.assertNotIn("ad", answer.flags)
                    self.assertEqual(answer.ede, [(15, "signed-test")])

    def test_who_asks_for_signatures_gets_what_is_configured(self):
        for value, server in self.servers.items():
            for name in ("www.rsa.lab.", "alias.rsa.lab."):
                answer = server.dig(name, "A", "+dnssec", "+adflag")
                with self.subTest(value=value, name=name, answer=answer):
                    self.assertNotIn("ad", answer.flags)
                    # What led to the blocked name is as its zone signed it; nothing that we put there is signed.
                    signed = ["CNAME"] if name == "alias.rsa.lab." and value != "refuse" else []
                    self.assertEqual([rdata.split()[0] for rdata in answer.data("RRSIG")], signed)
                    self.assertEqual(answer.ede, [(15, "signed-test")])
                    if value == "answer":
                        self.assertEqual((answer.status, answer.data("A")), ("NOERROR", [NOTICE]))
                    elif value == "nxdomain":
                        self.assertEqual((answer.status, answer.data("A")), ("NXDOMAIN", []))
                        self.assertEqual([kind for _, _, kind, _ in answer.authority], ["SOA"])
                    else:
                        self.assertEqual((answer.status, answer.answer), ("REFUSED", []))

    def test_what_is_denied_anyway_is_denied_to_everybody_alike(self):
        for server in self.servers.values():
            for option in ("+dnssec", "+nodnssec"):
                self.assertEqual(server.dig("txt.rsa.lab.", "TXT", option).status, "NOERROR")
                self.assertEqual(server.dig("own.rsa.lab.", "A", option).status, "NXDOMAIN")

    def test_a_bogus_answer_is_never_rewritten(self):
        for value, server in self.servers.items():
            answer = server.dig("alias.forged.lab.", "A")  # the alias is good, what it leads to is blocked, and forged
            with self.subTest(value=value, answer=answer):
                self.assertEqual((answer.status, answer.answer), ("SERVFAIL", []))
                self.assertIn(6, [code for code, _ in answer.ede])
                self.assertNotIn(15, [code for code, _ in answer.ede])
            # Asked for by its own name it is blocked before anybody is asked: nothing forged is seen at all.
            self.assertEqual(server.dig("www.forged.lab.", "A").data("A"), [NOTICE])

    def test_the_zone_above_says_whether_a_blocked_name_is_signed(self):
        for server in self.servers.values():
            for name in ("plain.rsa.lab.", "www.rsa.lab."):
                answer = server.dig(name, "DS", "+dnssec")
                self.assertEqual((answer.status, "ad" in answer.flags, answer.ede), ("NOERROR", True, []), answer)
                self.assertIn("NSEC", [kind for _, _, kind, _ in answer.authority])
            # Below it would be for its own servers to say, and these are not asked.
            self.assertEqual(server.dig("www.plain.rsa.lab.", "DS", "+nodnssec").ede, [(15, "signed-test")])

    def test_who_checks_alone_is_sent_to_the_notice_too(self):
        for server in self.servers.values():
            answer = server.dig("www.rsa.lab.", "A", "+cdflag", "+nodnssec")
            self.assertEqual((answer.data("A"), answer.ede), ([NOTICE], [(15, "signed-test")]))


class Addresses(unittest.TestCase):
    """Rules about addresses are held against what came back."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        by_address = [f'\n[[decision.rule]]\ntrigger = "response-ip"\nprefix = "{prefix}"\naction = "sinkhole"\n'
                      for prefix in ("192.0.2.66/32", "192.0.2.1/32")]
        cls.server.decide(decision("address-test", *by_address))

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_a_good_answer_is_rewritten_and_says_no_longer_that_it_is_authentic(self):
        answer = self.server.dig("www.rsa.lab.", "A", "+dnssec", "+adflag")
        self.assertEqual((answer.data("A"), answer.data("RRSIG")), ([NOTICE], []), answer)
        self.assertNotIn("ad", answer.flags)
        self.assertIn((15, "address-test"), answer.ede)

    def test_a_bogus_one_is_not_rewritten(self):
        for name in ("www.forged.lab.", "alias.forged.lab.", "www.expired.lab."):
            for option in ("+dnssec", "+nodnssec"):
                answer = self.server.dig(name, "A", option)
                with self.subTest(name=name, answer=answer):
                    self.assertEqual((answer.status, answer.answer), ("SERVFAIL", []))
                    self.assertNotIn(15, [code for code, _ in answer.ede])


if __name__ == "__main__":
    unittest.main()
