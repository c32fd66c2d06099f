"""Our decisions as a policy zone (RPZ) that BIND and Unbound follow: by AXFR first, then by NOTIFY and IXFR, with TSIG where
the follower can (Unbound cannot). What is blocked here is blocked there, and what is lifted comes back."""

import subprocess
import unittest

import transfer_peers as peers
from decisions import decision, rule
from peers import main, peer
from transfer_peers import ADDRESS, ALGORITHM, KEY, REAL, SECRET, followed_world, harness, until

NOTICE = ["127.0.0.1"]
KEYED, OPEN, ALL = "keyed.rpz", "open.rpz", "all.rpz"


class Followed(unittest.TestCase):
    def setUp(self):
        self.bind_port, self.unbound_port = harness.free_port([ADDRESS]), harness.free_port([ADDRESS])
        self.server = harness.Server(box=False, dnssec=harness.NO_DNSSEC)
        self.addCleanup(self.server.kill)
        self.server.write_config(followed_world(self.server) + f"""
[[zone]]
name = "{KEYED}"
policy_of = "default"
transfer_keys = ["{KEY}"]
notify = ["{ADDRESS}:{self.bind_port}"]
notify_key = "{KEY}"
[[zone]]
name = "{OPEN}"
policy_of = "default"
allow_transfer = ["{ADDRESS}/32"]
notify = ["{ADDRESS}:{self.unbound_port}"]
[[zone]]
name = "{ALL}"
policy_of = "default"
policy_undisclosed = true
allow_transfer = ["{ADDRESS}/32"]
""")
        self.server.start()

    def bind(self):
        where = peers.folder()
        config = where / "named.conf"
        config.write_text(
            f'key {KEY} {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};\n'
            f'options {{ directory "{where}"; pid-file none; session-keyfile none; listen-on-v6 {{ none; }};\n'
            f" listen-on port {self.bind_port} {{ {ADDRESS}; }}; recursion yes; allow-recursion {{ any; }};\n"
            f" dnssec-validation no; notify no; min-refresh-time 1; max-cache-ttl 1; max-ncache-ttl 1;\n"
            f' response-policy {{ zone "{KEYED}" min-update-interval 0; }}; }};\ncontrols {{ }};\n'
            f'zone "{KEYED}" {{ type secondary; masterfile-format text; file "{where}/keyed.zone";\n'
            f"  primaries {{ {ADDRESS} port {self.server.port} key {KEY}; }};\n"
            f"  allow-notify {{ key {KEY}; }}; }};\n"
            f'zone "example.net" {{ type forward; forward only; forwarders {{ {ADDRESS} port {self.server.port}; }}; }};\n')
        running = peer("bind9").start("named", "-g", "-4", "-n", "1", "-c", config, folder=where)
        self.addCleanup(running.stop)
        return running

    def unbound(self):
        where = peers.folder()
        config = where / "unbound.conf"
        config.write_text(f"""
server:
 chroot: ""
 username: ""
 directory: "{where}"
 pidfile: ""
 interface: {ADDRESS}@{self.unbound_port}
 do-not-query-localhost: no
 do-ip6: no
 module-config: "respip iterator"
 use-syslog: no
 logfile: ""
 verbosity: 2
 cache-max-ttl: 0
rpz:
 name: {OPEN}
 primary: {ADDRESS}@{self.server.port}
forward-zone:
 name: "example.net"
 forward-addr: {ADDRESS}@{self.server.port}
remote-control:
 control-enable: no
""")
        running = peer("unbound").start("unbound", "-d", "-c", config, folder=where)
        self.addCleanup(running.stop)
        return running

    def both(self, what, name, status, addresses=None, kind="A"):
        """Until BIND and Unbound answer so."""
        for follower, port in (("BIND", self.bind_port), ("Unbound", self.unbound_port)):
            def holds(port=port):
                answer = peers.dig(port, name, kind, "+time=2")
                return answer.status == status and addresses in (None, answer.data(kind))
            with self.subTest(follower):
                until(f"{what} at {follower}: {peers.dig(port, name, kind)}", holds)

    def status(self, origin):
        return self.server.json("control", "zone", "status", origin)["zone"]

    def test_followed(self):
        server = self.server
        server.decide(decision("first", rule("one.example.net"), rule("two.example.net", "nxdomain"),
                               rule("three.example.net", "refused", "exact"), rule("let.two.example.net", "passthru")))
        bind = self.bind()
        self.unbound()
        self.both("the sinkhole", "www.one.example.net", "NOERROR", NOTICE)
        self.both("a block", "www.two.example.net", "NXDOMAIN")
        self.both("the nearest to a refusal", "three.example.net", "NXDOMAIN")
        self.both("what is let through", "x.let.two.example.net", "NOERROR", [REAL])
        self.both("all else", "four.example.net", "NOERROR", [REAL])
        self.assertEqual(self.status(KEYED)["role"], "policy")
        self.assertIn("NXDOMAIN", self.status(KEYED)["warning"])

        before = peers.serial(server.port, KEYED)
        server.decide(decision("second", rule("four.example.net", "nodata")), "second.toml")
        self.both("a new decision", "four.example.net", "NOERROR", [])
        serial = peers.serial(server.port, KEYED)
        self.assertGreater(serial, before)
        self.assertIn("notify from", bind.log.read_text())
        signed = ["-y", f"{ALGORITHM}:{KEY}:{SECRET}"]
        changes = subprocess.run(["dig", f"@{ADDRESS}", "-p", str(server.port), *signed, "+noall", "+answer", "+onesoa", KEYED,
                                  f"IXFR={before}"], capture_output=True, text=True, check=True, timeout=30).stdout
        self.assertIn(f"four.example.net.{KEYED}.", changes)
        self.assertNotIn("two.example.net", changes)
        self.assertRegex(bind.log.read_text(), r"'keyed.rpz/IN'.*Transfer completed: 1 messages, 6 records")  # the changes

        server.ok("lift", "second", "--reason", "it was a mistake")
        self.both("what was lifted", "four.example.net", "NOERROR", [REAL])
        self.both("what stays", "www.two.example.net", "NXDOMAIN")

        # A decision begins by itself, without anything being recorded.
        server.decide(decision("third", rule("five.example.net", "nxdomain"), begin=2), "third.toml")
        self.both("what has begun", "five.example.net", "NXDOMAIN")

        serial = peers.serial(server.port, KEYED)
        server.stop()
        server.start()
        self.assertGreaterEqual(until("the zone", lambda: peers.serial(server.port, KEYED)), serial)
        server.ok("lift", "third", "--reason", "enough")
        self.both("what was lifted after a restart", "five.example.net", "NOERROR", [REAL])

    def axfr(self, origin, *options):
        run = subprocess.run(["dig", f"@{ADDRESS}", "-p", str(self.server.port), "+noall", "+answer", *options, origin, "AXFR"],
                             capture_output=True, text=True, timeout=30, check=False)
        return run.stdout

    def test_who_may_see_what(self):
        sealed = decision("hidden", rule("sealed.example.net", "nxdomain"), more='disclosure = "sealed"')
        self.server.decide(sealed)
        self.server.decide(decision("shown", rule("shown.example.net", "nxdomain")), "shown.toml")
        until("the decisions", lambda: "sealed.example.net" in self.axfr(ALL))
        until("the public one", lambda: "shown.example.net" in self.axfr(OPEN))
        self.assertNotIn("sealed", self.axfr(OPEN))
        self.assertNotIn("hidden", self.axfr(ALL))  # the decision's id
        self.assertIn("shown", self.axfr(ALL))
        self.assertNotIn("shown", self.axfr(KEYED))
        self.assertIn("shown", self.axfr(KEYED, "-y", f"{ALGORITHM}:{KEY}:{SECRET}"))
        # Clients see its SOA, and of the names nothing.
        self.assertEqual(self.server.dig(KEYED, "SOA").data("SOA")[0].split()[:2], ["localhost.", "nobody.invalid."])
        self.assertEqual(self.server.dig(f"shown.example.net.{OPEN}", "CNAME").answer, [])
        self.server.ok("disclose", "hidden", "--reason", "the time has come")
        until("what was disclosed", lambda: "sealed.example.net" in self.axfr(OPEN))

    def test_wrong_configurations(self):
        for wrong, said in (('policy_of = "nobody"', 'there is no view "nobody"'),
                            ('policy_of = "default"\nfile = "x"', "has no file")):
            self.server.config.write_text(self.server.config.read_text() + f'[[zone]]\nname = "x.rpz"\n{wrong}\n')
            self.assertIn(said, self.server.fails("control", "reload"))
            self.server.write_config()


if __name__ == "__main__":
    main()
