"""Placard resolves from NSD, Knot DNS and BIND: real servers, the same zone under a name of each, a root above them.

Each server has an address of its own; the port is the same, because delegations name none. NSD has the root and org too.
Knot DNS and BIND want DNS cookies of who asks over UDP, and say BADCOOKIE first.
"""

import unittest

import authority
import harness
from peers import main

PORT_OF = {"nsd": "127.54.0.1", "knot": "127.54.0.2", "bind": "127.0.0.1"}
BIG = 40  # strings of 200 octets: 8 KiB, for TCP only

ZONE = """
$TTL 300
@ SOA ns hostmaster 1 3600 600 864000 60
@ NS ns
ns A {address}
www A 192.0.2.80
www AAAA 2001:db8::80
alias CNAME www
far CNAME www.{other}.
*.wild A 192.0.2.81
host.deep.ent A 192.0.2.82
old DNAME new
host.new A 192.0.2.83
sub NS ns.sub
ns.sub A {address}
unknown TYPE65280 \\# 3 010203
"""


def start_servers(port):
    where = authority.folder()
    root, org = where / "root.zone", where / "org.zone"
    soa = "$TTL 300\n@ SOA ns.org. hostmaster.org. 1 3600 600 864000 60\n@ NS ns.org.\n"
    root.write_text(f"$ORIGIN .\n{soa}org. NS ns.org.\nns.org. A {PORT_OF['nsd']}\n")
    org.write_text(f"$ORIGIN org.\n{soa}ns A {PORT_OF['nsd']}\n"
                   + "".join(f"{name} NS ns.{name}\nns.{name} A {address}\n" for name, address in PORT_OF.items()))
    zones = {"nsd": {"": root, "org": org}, "knot": {}, "bind": {}}
    others = dict(zip(PORT_OF, [*PORT_OF][1:] + [*PORT_OF][:1]))
    for name, address in PORT_OF.items():
        origin = f"{name}.org"
        plain = where / f"{origin}.zone"
        big = "".join(f'big TXT "{number:03}{"x" * 197}"\n' for number in range(BIG))
        plain.write_text(f"$ORIGIN {origin}.\n" + ZONE.format(address=address, other=f"{others[name]}.org") + big)
        key = authority.tool(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", f"{origin}."], where).strip()
        authority.tool(["ldns-signzone", "-o", f"{origin}.", "-f", f"{plain}.signed", plain, key], where)
        zones[name][origin] = f"{plain}.signed"
        child = where / f"sub.{origin}.zone"
        child.write_text(f"$ORIGIN sub.{origin}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 864000 60\n@ NS ns\n"
                         f"ns A {address}\nwww A 192.0.2.84\n")
        zones[name][f"sub.{origin}"] = child
    running = [authority.start_nsd(zones["nsd"], address=PORT_OF["nsd"], port=port, settings=" answer-cookie: yes\n"),
               authority.start_knot(zones["knot"], address=PORT_OF["knot"], port=port,
                                    modules="mod-cookies:\n  - id: all\n    badcookie-slip: 1\n",
                                    use="    global-module: mod-cookies/all\n"),
               authority.start_bind(zones["bind"], port=port, settings="require-server-cookie yes;")]
    for _, asked in running:
        asked.stream.close()
    return [one for one, _ in running], where


class Upstream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        port = harness.free_port([*PORT_OF.values()])
        cls.peers, where = start_servers(port)
        hints = where / "hints"
        hints.write_text(f". 3600000 NS ns.org.\nns.org. 3600000 A {PORT_OF['nsd']}\n")
        cls.server = harness.Server(box=False, dnssec=harness.NO_DNSSEC, extra=f"""
[recursion]
root_hints = "{hints}"
upstream_port = {port}
query_loopback = true
""").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        for one in cls.peers:
            one.stop()

    def each(self):
        for name in PORT_OF:
            with self.subTest(name):
                yield f"{name}.org"

    def test_records(self):
        for origin in self.each():
            self.assertEqual(self.server.dig(f"www.{origin}", "A").data("A"), ["192.0.2.80"])
            self.assertEqual(self.server.dig(f"www.{origin}", "AAAA").data("AAAA"), ["2001:db8::80"])
            self.assertEqual(self.server.dig(f"unknown.{origin}", "TYPE65280").data("TYPE65280"), ["\\# 3 010203"])

    def test_aliases(self):
        for origin in self.each():
            self.assertEqual(self.server.dig(f"alias.{origin}").data("A"), ["192.0.2.80"])
            self.assertEqual(self.server.dig(f"far.{origin}").data("A"), ["192.0.2.80"])
            answer = self.server.dig(f"host.old.{origin}")
            self.assertEqual(answer.data("DNAME"), [f"new.{origin}."], answer)
            self.assertEqual(answer.data("CNAME"), [f"host.new.{origin}."])
            self.assertEqual(answer.data("A"), ["192.0.2.83"])

    def test_wildcards_and_names_between(self):
        for origin in self.each():
            self.assertEqual(self.server.dig(f"a.b.wild.{origin}").data("A"), ["192.0.2.81"])
            self.assertEqual(self.server.dig(f"host.deep.ent.{origin}").data("A"), ["192.0.2.82"])
            between = self.server.dig(f"ent.{origin}")
            self.assertEqual((between.status, between.data("A")), ("NOERROR", []), between)

    def test_denials(self):
        for origin in self.each():
            for name, kind, status in ((f"none.{origin}", "A", "NXDOMAIN"), (f"www.{origin}", "MX", "NOERROR")):
                answer = self.server.dig(name, kind)
                self.assertEqual(answer.status, status, answer)
                self.assertEqual([(owner, kind) for owner, _, kind, _ in answer.authority], [(f"{origin}.", "SOA")])

    def test_delegations(self):
        for origin in self.each():
            self.assertEqual(self.server.dig(f"www.sub.{origin}").data("A"), ["192.0.2.84"])

    def test_signed_answers_come_whole(self):
        for origin in self.each():
            signed = self.server.dig(f"www.{origin}", "A", "+dnssec", "+cd")
            self.assertTrue(signed.data("RRSIG"), signed)
            self.assertTrue(self.server.dig(origin, "DNSKEY", "+dnssec", "+cd").data("DNSKEY"))
            denied = self.server.dig(f"none.{origin}", "A", "+dnssec", "+cd")
            self.assertIn("NSEC", [kind for _, _, kind, _ in denied.authority], denied)

    def test_large_answers_come_over_tcp(self):
        for origin in self.each():
            before = self.server.json("trace", f"big.{origin}", "TXT")
            self.assertTrue([step for step in before["steps"] if "over TCP" in step["step"]], before)
            self.assertEqual(len(self.server.dig(f"big.{origin}", "TXT", "+tcp").data("TXT")), BIG)

    def test_cookies(self):
        def counted(name):
            return self.server.metrics()[name]
        self.server.ok("control", "cache", "flush", "org", "--subtree")
        tcp, dropped = counted("placard_upstream_tcp_total"), counted("placard_upstream_mismatched_total")
        for number in range(20):
            for name in PORT_OF:
                self.assertEqual(self.server.dig(f"n{number}.wild.{name}.org").data("A"), ["192.0.2.81"])
        # Knot DNS and BIND answered nothing over UDP without a cookie of theirs, and that came back to them.
        harness.until("a BADCOOKIE of each", lambda: counted("placard_upstream_bad_cookies_total") >= 2)
        self.assertEqual(counted("placard_upstream_bad_cookies_total"), 2, "once for each server")
        self.assertEqual(counted("placard_upstream_tcp_total"), tcp, "no question needed TCP")
        self.assertEqual(counted("placard_upstream_mismatched_total"), dropped)


class WithoutCookies(unittest.TestCase):
    def test_a_server_that_wants_cookies_is_asked_over_tcp(self):
        port = harness.free_port([*PORT_OF.values()])
        peers, where = start_servers(port)
        for one in peers:
            self.addCleanup(one.stop)
        hints = where / "hints"
        hints.write_text(f". 3600000 NS ns.org.\nns.org. 3600000 A {PORT_OF['nsd']}\n")
        server = harness.Server(box=False, dnssec=harness.NO_DNSSEC, extra=f"""
[recursion]
root_hints = "{hints}"
upstream_port = {port}
query_loopback = true
cookies = false
""").start()
        self.addCleanup(server.kill)
        for name in PORT_OF:
            self.assertEqual(server.dig(f"www.{name}.org").data("A"), ["192.0.2.80"])


if __name__ == "__main__":
    main()
