"""Our decisions as a policy zone (RPZ) that Knot DNS, PowerDNS Recursor and Knot Resolver follow. Knot DNS has it as a secondary, by
NOTIFY, IXFR and TSIG; PowerDNS Recursor transfers it itself; Knot Resolver transfers nothing and reads the zone file that Knot DNS
keeps. What is blocked here is blocked there, and a new decision and a lifted one follow."""

import os
import unittest

import transfer_peers as peers
from decisions import decision, rule
from peers import Running, main, peer
from transfer_peers import ADDRESS, ALGORITHM, KEY, REAL, SECRET, followed_world, harness, until

ZONE = "keyed.rpz"


class Followed(unittest.TestCase):
    def setUp(self):
        self.secondary = peers.Knot(ZONE)
        self.server = harness.Server(box=False, dnssec=harness.NO_DNSSEC)
        self.addCleanup(self.server.kill)
        self.server.write_config(followed_world(self.server) + f"""
[[zone]]
name = "{ZONE}"
policy_of = "default"
transfer_keys = ["{KEY}"]
notify = ["{ADDRESS}:{self.secondary.port}"]
notify_key = "{KEY}"
""")
        self.server.start()
        self.server.decide(decision("first", rule("one.example.net"), rule("two.example.net", "nxdomain"),
                                    rule("three.example.net", "nodata", "exact"), rule("let.two.example.net", "passthru")))
        until("the zone", lambda: peers.serial(self.server.port, ZONE))

    def start(self, running):
        self.addCleanup(running.stop)
        return running

    def knot(self):
        self.addCleanup(self.secondary.stop)
        return self.secondary.start(primary=self.server.port)

    def holds(self, what, port, name, status, addresses):
        def as_wanted():
            answer = peers.dig(port, name, "A", "+time=2")
            return answer.status == status and answer.data("A") == addresses
        until(f"{what}: {peers.dig(port, name, 'A')}", as_wanted)

    def follows(self, port, let_through=("NOERROR", [REAL])):
        """The resolver decides as we do, and goes on doing so."""
        self.holds("the sinkhole", port, "www.one.example.net", "NOERROR", ["127.0.0.1"])
        self.holds("a block", port, "two.example.net", "NXDOMAIN", [])
        self.holds("a block of what is below", port, "www.two.example.net", "NXDOMAIN", [])
        self.holds("no data", port, "three.example.net", "NOERROR", [])
        self.holds("what is let through", port, "x.let.two.example.net", *let_through)
        self.holds("all else", port, "four.example.net", "NOERROR", [REAL])
        self.server.decide(decision("second", rule("five.example.net", "nxdomain")), "second.toml")
        self.holds("a new decision", port, "five.example.net", "NXDOMAIN", [])
        self.server.ok("lift", "second", "--reason", "it was a mistake")
        self.holds("what was lifted", port, "five.example.net", "NOERROR", [REAL])
        self.holds("what stays", port, "www.two.example.net", "NXDOMAIN", [])

    def test_knot_dns(self):
        knot = self.knot()
        same = lambda: knot.serial() == peers.serial(self.server.port, ZONE) and knot.axfr() == peers.axfr(self.server.port, ZONE)
        until("the zone at Knot DNS", same)
        self.assertEqual(peers.dig(knot.port, f"www.two.example.net.{ZONE}", "CNAME").data("CNAME"), ["."])
        self.server.decide(decision("second", rule("five.example.net", "nxdomain")), "second.toml")
        until("a new decision", lambda: peers.dig(knot.port, f"five.example.net.{ZONE}", "CNAME").data("CNAME") == ["."])
        self.assertRegex(knot.running.log.read_text(), r"IXFR, incoming, .*finished")
        self.server.ok("lift", "second", "--reason", "it was a mistake")
        until("what was lifted", lambda: peers.dig(knot.port, f"five.example.net.{ZONE}", "CNAME").status == "NXDOMAIN")
        until("one zone at both", same)

    def test_powerdns_recursor(self):
        package, where, port = peer("pdns-recursor"), peers.folder(), harness.free_port([ADDRESS])
        (where / "policy.lua").write_text(
            f'rpzMaster("{ADDRESS}:{self.server.port}", "{ZONE}", {{refresh=1, tsigname="{KEY}", tsigalgo="{ALGORITHM}", '
            f'tsigsecret="{SECRET}"}})\n')
        (where / "recursor.conf").write_text(f"""
local-address={ADDRESS}
local-port={port}
threads=1
socket-dir={where}
forward-zones=example.net={ADDRESS}:{self.server.port}
dont-query=
dnssec=off
security-poll-suffix=
max-cache-ttl=1
max-negative-ttl=1
packetcache-ttl=0
daemon=no
write-pid=no
lua-config-file={where}/policy.lua
""")
        running = self.start(package.start("pdns_recursor", f"--config-dir={where}", folder=where))
        until("PowerDNS Recursor", lambda: running.alive and peers.dig(port, "four.example.net", "A", "+time=1").status)
        self.follows(port)

    def test_knot_resolver(self):
        if os.geteuid() != 0:
            self.skipTest("Knot Resolver, unpacked, wants file systems laid over another, which takes root")
        package, where, port = peer("knot-resolver"), peers.folder(), harness.free_port([ADDRESS])
        knot = self.knot()
        until("the zone file", lambda: knot.zone_file().exists() and "two.example.net" in knot.zone_file().read_text())
        (where / "cache").mkdir()
        (where / "kresd.conf").write_text(f"""
net.listen('{ADDRESS}', {port}, {{ kind = 'dns' }})
net.ipv6 = false
option('ALLOW_LOCAL', true)
cache.open(10 * MB, 'lmdb://{where}/cache')
cache.min_ttl(0)
cache.max_ttl(1)
trust_anchors.remove('.')
modules.unload('ta_signal_query') modules.unload('ta_update') modules.unload('detect_time_skew') modules.unload('priming')
local rules
local function read() rules = policy.rpz(policy.DENY, '{knot.zone_file()}', false) end
read()
event.recurrent(1 * sec, read)
policy.add(function (request, query) return rules(request, query) end)
policy.add(policy.suffix(policy.FORWARD('{ADDRESS}@{self.server.port}'), policy.todnames({{'example.net'}})))
""")
        # It has its modules in fixed places, so it sees its package laid over /usr.
        over = f'mount -t overlay overlay -o lowerdir={package.prefix}/usr:/usr /usr && exec "$@"'
        running = self.start(Running(["unshare", "--mount", "sh", "-c", over, "sh", "kresd", "-n", "-c", str(where / "kresd.conf"),
                                      str(where)], dict(os.environ), where))
        until("Knot Resolver", lambda: running.alive and peers.dig(port, "four.example.net", "A", "+time=1").status)
        # What is let through is let through its own forwarding too: it asks the root for it, and there is none here.
        self.follows(port, let_through=("SERVFAIL", []))


if __name__ == "__main__":
    main()
