"""Blocking by decision, on the case of the demonstration: what is answered, to whom, from when, until when."""

import signal
import unittest

from decisions import decision, rule
from harness import NZ_CLIENT, Server, until
from liar import A_RECORD, Liar, reply

NOTICE = ("127.0.0.1", "::1")
OPERATOR, NZ = (15, "demo-operator-kiwifarms"), (16, "demo-nz-kiwifarms")


class TheCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.unblocked = cls.server.dig("kiwifarms.net")
        cls.server.load_case()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_before_the_decision_the_name_resolves(self):
        self.assertEqual(self.unblocked.data("A"), ["198.51.100.22"])
        self.assertEqual(self.unblocked.ede, [])

    def test_addresses_are_the_notice(self):
        for kind, address in zip(("A", "AAAA"), NOTICE):
            answer = self.server.dig("kiwifarms.net", kind)
            self.assertEqual(answer.status, "NOERROR")
            self.assertEqual(answer.data(kind), [address])
            self.assertEqual(answer.ede, [OPERATOR])
            self.assertLessEqual(answer.ttl(), self.server.policy_ttl)
            self.assertNotIn("ad", answer.flags)
            self.assertNotIn("aa", answer.flags)

    def test_other_types_are_nodata_with_soa(self):
        for kind in ("MX", "HTTPS", "SVCB", "TXT", "NS", "TYPE65534"):
            with self.subTest(kind):
                answer = self.server.dig("kiwifarms.net", kind)
                self.assertEqual((answer.status, answer.answer), ("NOERROR", []))
                self.assertEqual([(r[0], r[2]) for r in answer.authority], [("kiwifarms.net.", "SOA")])
                self.assertEqual(answer.ede, [OPERATOR])

    def test_subdomains_are_blocked_too(self):
        for name in ("www.kiwifarms.net", "a.b.c.kiwifarms.net", "KiwiFarms.NET"):
            answer = self.server.dig(name)
            self.assertEqual(answer.data("A"), ["127.0.0.1"], answer)
            self.assertEqual(answer.ede, [OPERATOR])
        self.assertEqual([r[0] for r in self.server.dig("www.kiwifarms.net", "MX").authority], ["kiwifarms.net."])

    def test_names_that_look_alike_are_not(self):
        for name in ("notkiwifarms.net", "kiwifarms.net.example.net", "net"):
            answer = self.server.dig(name)
            self.assertEqual(answer.ede, [], answer)
            self.assertEqual(answer.data("A"), [])

    def test_clients_in_new_zealand_hear_of_their_decision(self):
        answer = self.server.dig("kiwifarms.net", client=NZ_CLIENT)
        self.assertEqual(answer.data("A"), ["127.0.0.1"])
        self.assertEqual(answer.ede, [NZ])
        self.assertEqual(self.server.dig("kiwifarms.net", client="127.0.0.65").ede, [OPERATOR])

    def test_over_tcp_ipv6_and_without_edns(self):
        self.assertEqual(self.server.dig("kiwifarms.net", "A", "+tcp").ede, [OPERATOR])
        self.assertEqual(self.server.dig("kiwifarms.net", server="::1").ede, [OPERATOR])
        plain = self.server.dig("kiwifarms.net", "A", "+noedns")
        self.assertEqual((plain.data("A"), plain.ede), (["127.0.0.1"], []))

    def test_dnssec_ok_gets_no_signatures(self):
        answer = self.server.dig("kiwifarms.net", "A", "+dnssec", "+adflag")
        self.assertEqual(answer.data("RRSIG"), [])
        self.assertNotIn("ad", answer.flags)

    def test_aliases_to_a_blocked_name(self):
        for name, target in (("to-farms.example.net", "kiwifarms.net."), ("to-sub-farms.example.net", "www.kiwifarms.net.")):
            answer = self.server.dig(name)
            self.assertEqual(answer.data("CNAME"), [target], answer)
            self.assertEqual(answer.data("A"), ["127.0.0.1"], answer)
            self.assertEqual(answer.ede, [OPERATOR])
            nodata = self.server.dig(name, "MX")
            self.assertEqual(nodata.data("MX"), [])
            self.assertEqual(nodata.ede, [OPERATOR])

    def test_loading_the_case_again_changes_nothing(self):
        before = self.server.ok("history", "kiwifarms.net", "--json")
        self.server.load_case()
        self.assertEqual(self.server.ok("history", "kiwifarms.net", "--json"), before)


class BlockedServersAreNotAsked(unittest.TestCase):
    def test_no_question_reaches_them(self):
        server = Server().start()
        self.addCleanup(server.kill)
        blocked = Liar(server.box_port, lambda m: [reply(m, 0x8400, A_RECORD, (1, 0, 0))])
        self.addCleanup(blocked.close)
        server.decide(decision("silent", rule("silent.net")))
        self.assertEqual(server.dig("www.silent.net").ede, [(15, "silent")])
        self.assertEqual(blocked.asked, 0)
        server.ok("lift", "silent", "--reason", "now it may be asked")
        self.assertEqual(server.dig("www.silent.net").data("A"), ["192.0.2.66"])
        self.assertGreater(blocked.asked, 0)


class Changes(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.kill)

    def blocked(self, name="www.example.org", client=None):
        answer = self.server.dig(name, client=client)
        self.assertEqual(answer.status, "NOERROR", answer)
        if answer.ede:
            self.assertEqual(answer.data("A"), ["127.0.0.1"])
            return answer.ede[0][1]
        self.assertEqual(answer.data("A"), ["192.0.2.31"], answer)
        return None

    def test_decide_and_lift_are_answered_by_when_the_command_returns(self):
        for round_trip in range(3):
            self.assertIsNone(self.blocked())
            identifier = f"run-time-{round_trip}"
            self.server.decide(decision(identifier, rule("example.org")))
            self.assertEqual(self.blocked(), identifier)
            self.server.ok("lift", identifier, "--reason", "the test goes on")
        self.assertIsNone(self.blocked())

    def test_it_begins_and_ends_by_itself(self):
        self.server.decide(decision("timed", rule("example.org"), begin=2, end=5))
        self.assertIsNone(self.blocked())
        until("the decision takes effect", self.blocked, 6)
        until("the decision ends", lambda: not self.blocked(), 8)

    def test_the_ttl_does_not_outlive_the_decision(self):
        server = Server(policy_ttl=3600).start()
        self.addCleanup(server.kill)
        server.decide(decision("short", rule("example.org"), end=30))
        self.assertLessEqual(server.dig("example.org").ttl(), 30)

    def test_scope(self):
        self.server.decide(decision("in-nz", rule("example.org"), scope=["NZ"]))
        self.assertEqual(self.blocked(client=NZ_CLIENT), "in-nz")
        self.assertIsNone(self.blocked())

    def test_orders_of_external_authorities_are_censored_and_ours_blocked(self):
        external = decision("ordered", rule("example.org"), kind="court_order").replace("external = false", "external = true")
        external = external.replace("test-operator", "test-court").replace('"operator"', '"court"')
        self.server.decide(external)
        self.assertEqual(self.server.dig("example.org").ede, [(16, "ordered")])
        self.server.decide(decision("ours", rule("shop.example.net"), kind="emergency"))
        self.assertEqual(self.server.dig("shop.example.net").ede, [(15, "ours")])

    def test_it_survives_kill_9_at_once(self):
        self.server.decide(decision("kept", rule("example.org")))
        self.server.kill()
        self.server.start()
        self.assertEqual(self.blocked(), "kept")
        self.server.ok("lift", "kept", "--reason", "enough")
        self.server.kill()
        self.server.start()
        self.assertIsNone(self.blocked())

    def test_decided_while_no_server_runs(self):
        self.assertEqual(self.server.stop(signal.SIGTERM), 0)
        self.server.decide(decision("offline", rule("example.org")))
        self.server.start()
        self.assertEqual(self.blocked(), "offline")

    def test_an_alias_cached_before_the_decision(self):
        self.assertEqual(self.server.dig("across.example.net").data("A"), ["192.0.2.31"])
        self.server.decide(decision("target", rule("www.example.org")))
        self.assertEqual(self.server.dig("across.example.net").ede, [(15, "target")])


class Actions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        local = 'records = ["A 192.0.2.200", "AAAA 2001:db8::200", "TXT \\"said here\\""]'
        cls.server.decide(decision(
            "actions",
            rule("nxdomain.wild.example.net", "nxdomain"), rule("nodata.wild.example.net", "nodata"),
            rule("refused.wild.example.net", "refused"), rule("drop.wild.example.net", "drop"),
            rule("truncate.wild.example.net", "truncate"), rule("local.wild.example.net", "local-data", more=local),
            rule("cname.wild.example.net", "cname", more='target = "www.example.org"'),
            rule("blocked.wild.example.net", "sinkhole"), rule("open.blocked.wild.example.net", "passthru"),
            rule("exact.wild.example.net", match="exact"), rule("below.wild.example.net", match="subdomains"),
            rule("ttl.wild.example.net", more="ttl = 77"),
        ))

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def dig(self, name, kind="A", *options):
        return self.server.dig(f"{name}.wild.example.net", kind, *options)

    def test_nxdomain(self):
        answer = self.dig("nxdomain")
        self.assertEqual((answer.status, answer.answer), ("NXDOMAIN", []))
        self.assertEqual([r[2] for r in answer.authority], ["SOA"])
        self.assertEqual(answer.ede, [(15, "actions")])

    def test_nodata(self):
        answer = self.dig("nodata")
        self.assertEqual((answer.status, answer.answer), ("NOERROR", []))
        self.assertEqual([r[2] for r in answer.authority], ["SOA"])

    def test_refused(self):
        answer = self.dig("refused")
        self.assertEqual((answer.status, answer.ede), ("REFUSED", [(15, "actions")]))

    def test_drop(self):
        self.assertIsNone(self.dig("drop", "A", "+time=1").status)
        self.assertEqual(self.dig("other").data("A"), ["192.0.2.20"], "the server is there")

    def test_truncate(self):
        self.assertIn("tc", self.dig("truncate", "A", "+ignore").flags)
        self.assertEqual(self.dig("truncate", "A", "+tcp").data("A"), ["192.0.2.20"])

    def test_local_data(self):
        self.assertEqual(self.dig("local").data("A"), ["192.0.2.200"])
        self.assertEqual(self.dig("local", "AAAA").data("AAAA"), ["2001:db8::200"])
        self.assertEqual(self.dig("local", "TXT").data("TXT"), ['"said here"'])
        self.assertEqual([r[2] for r in self.dig("local", "MX").authority], ["SOA"])

    def test_cname(self):
        answer = self.dig("cname")
        self.assertEqual(answer.data("CNAME"), ["www.example.org."])
        self.assertEqual(answer.data("A"), ["192.0.2.31"])
        self.assertEqual(answer.ede, [(15, "actions")])

    def test_passthru_opens_a_hole(self):
        self.assertEqual(self.dig("any.blocked").data("A"), ["127.0.0.1"])
        answer = self.dig("open.blocked")
        self.assertEqual((answer.data("A"), answer.ede), (["192.0.2.20"], []))

    def test_match_kinds(self):
        self.assertEqual(self.dig("exact").data("A"), ["127.0.0.1"])
        self.assertEqual(self.dig("x.exact").ede, [])
        self.assertEqual(self.dig("x.below").data("A"), ["127.0.0.1"])
        self.assertEqual(self.dig("below").ede, [])

    def test_ttl_of_the_rule(self):
        self.assertEqual(self.dig("ttl").ttl(), 77)

    def test_metrics_count_by_action(self):
        before = self.server.metrics()
        for name in ("nxdomain", "nodata", "refused", "local", "cname", "blocked"):
            self.dig(name)
        after = self.server.metrics()
        for action in ("nxdomain", "nodata", "refused", "local-data", "cname", "sinkhole"):
            key = f'placard_policy_hits_total{{action="{action}"}}'
            self.assertEqual(after[key] - before[key], 1, action)


if __name__ == "__main__":
    unittest.main()
