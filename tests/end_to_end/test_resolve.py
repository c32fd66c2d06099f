"""Resolution of a tree that is real but for its addresses, as dig sees it."""

import concurrent.futures
import struct
import unittest

from harness import Server, until
from liar import A_RECORD, Liar, reply


class Resolve(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def expect(self, name, kind, *data, options=()):
        answer = self.server.dig(name, kind, *options)
        self.assertEqual(answer.status, "NOERROR", answer)
        self.assertEqual(answer.data(kind), sorted(data), answer)
        self.assertIn("ra", answer.flags)
        self.assertNotIn("aa", answer.flags)
        self.assertEqual(answer.ede, [])
        return answer

    def test_addresses(self):
        self.expect("www.example.net", "A", "192.0.2.11")
        self.expect("www.example.net", "AAAA", "2001:db8::11")
        self.expect("many.example.net", "A", "192.0.2.101", "192.0.2.102", "192.0.2.103")

    def test_other_types(self):
        self.expect("example.net", "MX", "10 mail.example.net.", "20 mail.example.org.")
        self.expect("_sip._tcp.example.net", "SRV", "10 5 5060 www.example.net.")
        self.expect("www.example.net", "HTTPS", '1 . alpn="h2"')
        self.expect("example.net", "CAA", '0 issue "ca.example.org"')
        self.expect("example.net", "NS", "ns1.example.net.", "ns2.example.net.")

    def test_over_ipv6(self):
        answer = self.server.dig("www.example.net", "A", server="::1")
        self.assertEqual(answer.data("A"), ["192.0.2.11"])

    def test_case_of_the_question_is_kept(self):
        answer = self.expect("wWw.eXample.NET", "A", "192.0.2.11")
        self.assertIn(";wWw.eXample.NET.", answer.text)

    def test_alias_in_the_zone(self):
        answer = self.expect("alias.example.net", "A", "192.0.2.11")
        self.assertEqual([r[2] for r in answer.answer], ["CNAME", "A"])

    def test_alias_across_zones(self):
        answer = self.expect("across.example.net", "A", "192.0.2.31")
        self.assertEqual(answer.data("CNAME"), ["www.example.org."])

    def test_chain_through_two_zones(self):
        answer = self.expect("chain.example.net", "A", "192.0.2.15")
        self.assertEqual([r[0] for r in answer.answer],
                         ["chain.example.net.", "chain.example.org.", "chain-end.example.net."])

    def test_alias_asked_for_itself(self):
        self.expect("alias.example.net", "CNAME", "www.example.net.")

    def test_dname(self):
        answer = self.expect("www.old.example.net", "A", "192.0.2.17")
        self.assertEqual(answer.data("CNAME"), ["www.new.example.net."])
        self.assertEqual(answer.data("DNAME"), ["new.example.net."])

    def test_alias_to_nothing(self):
        answer = self.server.dig("dangling.example.net")
        self.assertEqual(answer.status, "NXDOMAIN")
        self.assertEqual(answer.data("CNAME"), ["nothing-here.example.net."])
        self.assertEqual([r[2] for r in answer.authority], ["SOA"])

    def test_alias_loops_and_endless_chains_end(self):
        for name in ("loop-a.example.net", "self.example.net", "long1.example.net"):
            with self.subTest(name):
                answer = self.server.dig(name)
                self.assertEqual(answer.status, "SERVFAIL", answer)
                self.assertTrue(answer.ede, answer)

    def test_wildcards(self):
        self.expect("anything.wild.example.net", "A", "192.0.2.20")
        self.expect("deeper.still.wild.example.net", "A", "192.0.2.20")
        self.expect("known.wild.example.net", "A", "192.0.2.21")
        self.expect("x.alias-wild.example.net", "A", "192.0.2.31")
        below_known = self.server.dig("below.known.wild.example.net")
        self.assertEqual(below_known.status, "NXDOMAIN", "RFC 4592: known hides the wildcard from what is below it")

    def test_no_such_name(self):
        answer = self.server.dig("nothing.example.net")
        self.assertEqual((answer.status, answer.answer), ("NXDOMAIN", []))
        self.assertEqual([r[2] for r in answer.authority], ["SOA"])
        self.assertLessEqual(answer.authority[0][1], 60, "the negative TTL is the SOA's minimum")

    def test_no_such_type(self):
        for name in ("www.example.net", "ent.example.net"):
            answer = self.server.dig(name, "TXT")
            self.assertEqual((answer.status, answer.answer), ("NOERROR", []))
            self.assertEqual([r[2] for r in answer.authority], ["SOA"])

    def test_no_such_second_level_or_top_level_domain(self):
        for name in ("nowhere-at-all.org", "nowhere.at-all"):
            self.assertEqual(self.server.dig(name).status, "NXDOMAIN")

    def test_delegation_without_glue(self):
        self.expect("www.glueless.org", "A", "192.0.2.60")

    def test_delegation_inside_a_zone(self):
        self.expect("www.sub.example.org", "A", "192.0.2.40")
        self.expect("to-sub.example.org", "A", "192.0.2.40")
        self.expect("back.sub.example.org", "A", "192.0.2.31")

    def test_server_with_ipv6_only(self):
        self.expect("www.six.net", "A", "192.0.2.80")
        self.expect("to-six.example.net", "A", "192.0.2.80")

    def test_half_lame_delegation(self):
        self.expect("www.halflame.net", "A", "192.0.2.70")

    def test_large_answer_comes_over_tcp(self):
        answer = self.server.dig("large.example.net", "TXT")
        self.assertTrue(answer.over_tcp, "dig was told to come back over TCP")
        self.assertEqual(len(answer.data("TXT")), 24)
        cut = self.server.dig("large.example.net", "TXT", "+ignore")
        self.assertIn("tc", cut.flags)

    def test_tcp_from_the_start(self):
        self.expect("www.example.net", "A", "192.0.2.11", options=["+tcp"])

    def test_dnssec_records_on_request_only(self):
        plain = self.expect("www.signed.org", "A", "192.0.2.91")
        self.assertEqual(plain.data("RRSIG"), [])
        wanted = self.expect("www.signed.org", "A", "192.0.2.91", options=["+dnssec"])
        self.assertEqual(len(wanted.data("RRSIG")), 1)
        self.assertIn("do", wanted.edns_flags)
        self.assertNotIn("ad", wanted.flags, "org. is not signed: nobody vouches for this")

    def test_negative_answer_of_a_signed_zone_proves_itself(self):
        answer = self.server.dig("nothing.signed.org", "A", "+dnssec")
        self.assertEqual(answer.status, "NXDOMAIN")
        kinds = [r[2] for r in answer.authority]
        self.assertIn("NSEC", kinds)
        self.assertIn("RRSIG", kinds)

    def test_dead_servers_end_in_servfail_with_a_reason(self):
        for name in ("www.dead.net", "to-dead.example.net", "www.lame.net", "www.circle.net"):
            with self.subTest(name):
                answer = self.server.dig(name)
                self.assertEqual(answer.status, "SERVFAIL", answer)
                self.assertTrue(answer.ede, answer)
                self.assertTrue({code for code, _ in answer.ede} & {0, 22, 23}, answer)

    def test_ttl_counts_down(self):
        first = self.server.dig("four.example.net").ttl()
        until("the TTL goes down", lambda: self.server.dig("four.example.net").ttl() < first)

    def test_record_expires_and_is_asked_again(self):
        short_lived = A_RECORD[:6] + struct.pack(">I", 1) + A_RECORD[10:]
        server = Liar(self.server.box_port, lambda m: [reply(m, 0x8400, short_lived, (1, 0, 0))])
        self.addCleanup(server.close)
        self.assertEqual(self.server.dig("again.silent.net").data("A"), ["192.0.2.66"])
        before = server.asked

        def asked_again():
            self.assertEqual(self.server.dig("again.silent.net").data("A"), ["192.0.2.66"])
            return server.asked > before
        until("a TTL of one second ends", asked_again)

    def test_many_at_once(self):
        names = [f"n{i}.wild.example.net" for i in range(200)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for answer in pool.map(self.server.dig, names):
                self.assertEqual(answer.data("A"), ["192.0.2.20"], answer)

    def test_the_tree_answers_with_authority(self):
        answer = self.server.ask_box("127.53.0.4", "www.example.net")
        self.assertIn("aa", answer.flags)
        self.assertNotIn("ra", answer.flags)
        referral = self.server.ask_box("127.53.0.1", "www.example.net")
        self.assertEqual((referral.status, referral.answer), ("NOERROR", []))
        self.assertEqual([r[2:] for r in referral.authority], [("NS", "a.gtld-servers.net.")])
        self.assertEqual(self.server.ask_box("127.53.0.4", "www.lame.net").status, "REFUSED")


class Forwarding(unittest.TestCase):
    def test_questions_go_to_another_resolver(self):
        upstream = Server().start()
        forwarder = Server(f'[[forward]]\nzone = "."\nservers = ["127.0.0.1:{upstream.port}"]\n', box=False).start()
        try:
            self.assertEqual(forwarder.dig("alias.example.net").data("A"), ["192.0.2.11"])
            self.assertEqual(forwarder.dig("nothing.example.net").status, "NXDOMAIN")
            large = forwarder.dig("large.example.net", "TXT")
            self.assertEqual(len(large.data("TXT")), 24)
            upstream.kill()
            self.assertEqual(forwarder.dig("www.example.org").status, "SERVFAIL")
            self.assertEqual(forwarder.dig("alias.example.net").data("A"), ["192.0.2.11"], "from the cache")
        finally:
            forwarder.kill()
            upstream.kill()


if __name__ == "__main__":
    unittest.main()
