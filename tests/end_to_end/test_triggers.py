"""Rules about clients, answers and name servers, over real sockets; what they met is counted and shown."""

import datetime
import unittest

import harness

HEAD = """
[[authority]]
id = "isp"
kind = "operator"
name = { en = "The operator" }
jurisdiction = "NZ"
"""

DECISION = """
[[decision]]
id = "%(id)s"
type = "voluntary"
authority = "isp"
legal_basis = "Terms of service"
statement_of_reasons = { en = "A test." }
redress = { en = "Write to us." }
expires_after = "1 day"
state = "%(state)s"
%(rules)s
"""

CLIENT = "127.0.0.9"


def moment():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def decision(name, *rules, state="active"):
    return DECISION % {"id": name, "state": state, "rules": "\n".join(f"[[decision.rule]]\n{rule}" for rule in rules)}


class Triggers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server().start()
        cls.server.decide(
            HEAD
            + decision("by-client", f'trigger = "client-ip"\nprefix = "{CLIENT}/32"\naction = "nodata"')
            + decision("by-address", 'trigger = "response-ip"\nprefix = "192.0.2.31/32"\naction = "nxdomain"',
                       'trigger = "response-ip"\nprefix = "192.0.2.15/32"\naction = "local-data"\nrecords = ["A 198.51.100.1"]')
            + decision("by-server", 'trigger = "nsdname"\nname = "ns1.provider.net"\nmatch = "exact"\naction = "nxdomain"')
            + decision("by-server-address", 'trigger = "nsip"\nprefix = "127.53.0.8/32"\naction = "nodata"')
            + decision("tcp", 'name = "four.example.net"\nmatch = "exact"\naction = "truncate"')
            + decision("garden", 'name = "mail.example.org"\nmatch = "exact"\naction = "cname"\ntarget = "many.example.net"')
            + decision("looked-at", 'trigger = "response-ip"\nprefix = "192.0.2.13/32"\naction = "nxdomain"', state="shadow"))

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def blocked(self, answer, name, status):
        self.assertEqual((answer.status, answer.ede), (status, [(15, name)]), answer)

    def hits(self):
        return {(row["decision"], row["state"]): row["hits"] for row in self.server.json("control", "status")["hits"]}

    def test_clients(self):
        answer = self.server.dig("www.example.net", client=CLIENT)
        self.blocked(answer, "by-client", "NOERROR")
        self.assertEqual(answer.data("A"), [])
        self.assertEqual(self.server.dig("www.example.net").data("A"), ["192.0.2.11"])

    def test_addresses_of_answers(self):
        for _ in range(2):  # from its server, then from the cache
            self.blocked(self.server.dig("www.example.org"), "by-address", "NXDOMAIN")
        self.assertEqual(self.server.dig("www.example.org", "AAAA").data("AAAA"), ["2001:db8::31"])
        behind = self.server.dig("chain-end.example.net")
        self.assertEqual(behind.data("A"), ["198.51.100.1"])
        alias = self.server.dig("chain.example.org")
        self.assertEqual((alias.data("CNAME"), alias.data("A")), (["chain-end.example.net."], ["198.51.100.1"]))

    def test_name_servers(self):
        self.blocked(self.server.dig("www.provider.net"), "by-server", "NXDOMAIN")
        self.blocked(self.server.dig("www.sub.example.org"), "by-server-address", "NOERROR")

    def test_over_tcp_only(self):
        self.assertIn("tc", self.server.dig("four.example.net", "A", "+ignore").flags)
        self.assertEqual(self.server.dig("four.example.net", "A", "+tcp").data("A"), ["192.0.2.12"])

    def test_redirect(self):
        answer = self.server.dig("mail.example.org")
        self.assertEqual(answer.data("CNAME"), ["many.example.net."])
        self.assertEqual(answer.data("A"), ["192.0.2.101", "192.0.2.102", "192.0.2.103"])

    def test_shadow_is_counted_and_changes_nothing(self):
        for _ in range(2):
            self.assertEqual(self.server.dig("mail.example.net").data("A"), ["192.0.2.13"])
        self.assertEqual(self.hits()[("looked-at", "shadow")], 2)

    def test_hits_are_shown(self):
        before = self.hits().get(("by-client", "active"), 0)
        self.server.dig("mail.example.net", client=CLIENT)
        self.assertEqual(self.hits()[("by-client", "active")], before + 1)

    def test_why_at_tells_what_held_then(self):
        """The rules of that moment, against what the cache holds now."""
        server = harness.Server()
        self.addCleanup(server.kill)
        server.start()
        server.decide(HEAD + decision("other", 'name = "unused.example.net"\nmatch = "exact"\naction = "nxdomain"'))
        before = moment()
        harness.until("the clock moves on", lambda: moment() > before)
        rules = {"then-client": ("client-ip", f'prefix = "{CLIENT}/32"', "the client"),
                 "then-address": ("response-ip", 'prefix = "192.0.2.0/24"', "has the address 192.0.2.11"),
                 "then-server": ("nsdname", 'name = "provider.net"\nmatch = "both"', "is served by ns1.provider.net"),
                 "then-server-address": ("nsip", 'prefix = "127.53.0.6/32"', "127.53.0.6")}
        asked = {"then-client": "t.wild.example.net", "then-address": "www.example.net", "then-server": "www.provider.net",
                 "then-server-address": "www.provider.net"}
        server.decide(HEAD + "".join(decision(name, f'trigger = "{trigger}"\n{about}\naction = "nodata"')
                                     for name, (trigger, about, _) in rules.items()))
        during = moment()
        for name in asked.values():
            self.assertEqual(server.dig(name, client=CLIENT).ede[0][1], "then-client")
            server.dig(name)
        harness.until("the clock moves on", lambda: moment() > during)
        for name in rules:
            server.ok("lift", name, "--reason", "over")
        for name, asked_name in asked.items():
            client = ["--client", CLIENT] if name == "then-client" else []
            with self.subTest(rule=name):
                self.assertIn("is not blocked", server.ok("why", asked_name, *client))
                told = server.ok("why", asked_name, *client, "--at", during)
                self.assertIn(name, told)
                self.assertIn(rules[name][2], told)
                self.assertIn("is blocked by the decision", told)
                self.assertIn("those of that moment, held against what the cache holds now", " ".join(told.split()))
                self.assertIn("is not blocked", server.ok("why", asked_name, *client, "--at", before))
        server.stop()  # without a server: the name and the client are all that is known
        self.assertIn("then-client", server.ok("why", asked["then-client"], "--client", CLIENT, "--at", during))
        told = server.ok("why", asked["then-address"], "--at", during)
        self.assertIn("is not blocked", told)
        self.assertIn("left out", told)

    def test_why_at_tells_what_lists_held_then(self):
        """The same of rules of a list, with the line each stood in: what a refresh took away, and what it brought."""
        server = harness.Server()
        self.addCleanup(server.kill)
        server.start()
        server.decide(HEAD + decision("the-list", 'name = "unused.example.net"\nmatch = "exact"\naction = "nxdomain"')
                      .replace("[[decision.rule]]", 'list = "then"\n[[decision.rule]]', 1))
        head = "$TTL 60\n@ SOA localhost. nobody.invalid. 1 1 1 1 1\n@ NS localhost.\n"

        def take(*lines):
            path = server.folder / "then.rpz"
            path.write_text("$ORIGIN rpz.\n" + head + "".join(line + " CNAME .\n" for line in lines))
            server.ok("import", path, "--format", "rpz", "--decision", "the-list", "--max-shrink", "100", "--max-growth", "0")
            taken = moment()
            harness.until("the clock moves on", lambda: moment() > taken)
            return taken

        begun = take("something.example.net", "something.else.example.net")  # in blocks, what comes later in rows
        # What is about each, what of the question or the cache meets it, and the line where it stands.
        about = {"t.wild.example.net": ("the client", 5), "www.example.net": ("has the address 192.0.2.11", 6),
                 "www.provider.net": ("127.53.0.6", 7), "mail.example.net": ("has the address 192.0.2.13", 8)}
        during = take("32.9.0.0.127.rpz-client-ip", "32.11.2.0.192.rpz-ip", "32.6.0.53.127.rpz-nsip", "28.0.2.0.192.rpz-ip")
        for name in about:
            self.assertEqual(server.dig(name, client=CLIENT).ede[0][1], "the-list")
            self.assertEqual(server.dig(name).status, "NXDOMAIN" if name != "t.wild.example.net" else "NOERROR")
        after = take("something.example.net")
        for name, (met, line) in about.items():
            client = ["--client", CLIENT] if met == "the client" else []
            with self.subTest(name=name):
                self.assertIn("is not blocked", server.ok("why", name, *client))
                self.assertIn("is not blocked", server.ok("why", name, *client, "--at", begun))
                self.assertIn("is not blocked", server.ok("why", name, *client, "--at", after))
                self.assertIn("is blocked by the decision the-list", server.ok("why", name, *client, "--at", during))
                rules = server.json("why", name, *client, "--at", during)["rules"]
                self.assertEqual((rules[0]["list"], rules[0]["line"], rules[0]["verdict"]), ("then", line, "wins"))
                self.assertIn(met, rules[0]["met_by"])
        self.assertIn("is blocked", server.ok("why", "something.else.example.net", "--at", begun))
        self.assertIn("is not blocked", server.ok("why", "something.else.example.net", "--at", during))


if __name__ == "__main__":
    unittest.main()
