"""A policy zone (RPZ) that is transferred from NSD and from BIND (Unbound gives none): by IXFR with TSIG when they tell of a new version, kept
over a restart, and never taken for an empty list when the primary is gone or sends nothing good."""

import unittest

import transfer_peers as peers
from peers import main, peer
from transfer_peers import harness
from transfer_peers import KEY, SECRET, WRONG, until

ORIGIN = "rpz.example"
RULES = ["one.example.net CNAME .", "*.two.example.net CNAME *.", "32.11.2.0.192.rpz-ip CNAME .",
         "ns1.provider.net.rpz-nsdname CNAME .", "32.9.0.0.127.rpz-client-ip CNAME *."]


def zone(serial, lines):
    return peers.zone_text(ORIGIN, serial, lines)


class Transfer(unittest.TestCase):
    kind = peers.Nsd

    def server(self, primary, secret=SECRET):
        server = harness.Server(extra=f"""
[[key]]
name = "{KEY}"
algorithm = "{peers.ALGORITHM}"
secret = "{secret}"
[[feed]]
id = "followed"
format = "rpz"
zone = "{ORIGIN}"
primaries = ["127.0.0.1:{primary}"]
primary_key = "{KEY}"
guards = "off"
state = "active"
""")
        self.addCleanup(server.kill)
        return server

    def feed(self, server):
        return server.json("control", "status")["feeds"][0]

    def status(self, server, name, kind="A"):
        return server.dig(name, kind).status

    def test_followed(self):
        primary = self.kind(ORIGIN)
        self.addCleanup(primary.stop)
        server = self.server(primary.port)
        primary.start(secondaries=[server.port], text=zone(1, RULES))
        server.start()
        until("the first transfer", lambda: self.feed(server)["serial"] == 1)
        until("the rule to hold", lambda: self.status(server, "one.example.net") == "NXDOMAIN")
        answer = server.dig("www.example.net")  # by its address
        self.assertEqual((answer.status, answer.data("A")), ("NXDOMAIN", []), answer)
        self.assertEqual(self.status(server, "www.provider.net"), "NXDOMAIN")
        self.assertEqual(server.dig("mail.example.net", client="127.0.0.9").data("A"), [])
        told = server.ok("why", "www.example.net")
        self.assertIn("192.0.2.11", told)

        primary.reload(zone(2, RULES[1:] + ["three.example.net CNAME .", "three.example.net.rpz-ip A 192.0.2.1"]))
        until("the new version", lambda: self.feed(server)["serial"] == 2)
        until("the new rule", lambda: self.status(server, "three.example.net") == "NXDOMAIN")
        self.assertEqual(self.status(server, "two.example.net"), "NXDOMAIN")  # there is none
        self.assertEqual(self.feed(server)["rules"], 6)

        primary.stop()
        server.stop()
        server.start()  # what was transferred last is in force, and its age shows
        self.assertEqual(self.status(server, "www.example.net"), "NXDOMAIN")
        self.assertGreaterEqual(server.metrics()['placard_feed_age_seconds{feed="followed"}'], 0)

    def test_not_with_another_key(self):
        primary = self.kind(ORIGIN)
        self.addCleanup(primary.stop)
        server = self.server(primary.port, WRONG)
        primary.start(text=zone(1, RULES))
        server.start()
        until("the refusal", lambda: self.feed(server)["failures"] > 0)
        self.assertEqual(self.feed(server)["rules"], 0)
        self.assertNotEqual(self.feed(server)["last_error"] or "", "")
        self.assertEqual(self.status(server, "www.example.net"), "NOERROR")


class FromBind(Transfer):
    kind = peers.Bind


class FromUnbound(unittest.TestCase):
    """Unbound answers questions about a zone of its own, and gives no transfer of it: that is a failure, told as one."""

    def test_gives_no_transfer(self):
        where, port = peers.folder(), harness.free_port(["127.0.0.1"])
        (where / "rpz.zone").write_text(zone(1, RULES))
        (where / "unbound.conf").write_text(f"""
server:
 chroot: ""
 username: ""
 directory: "{where}"
 pidfile: ""
 interface: 127.0.0.1@{port}
 use-syslog: no
 logfile: ""
auth-zone:
 name: "{ORIGIN}"
 zonefile: "{where}/rpz.zone"
remote-control:
 control-enable: no
""")
        running = peer("unbound").start("unbound", "-d", "-c", where / "unbound.conf", folder=where)
        self.addCleanup(running.stop)
        until("unbound to answer", lambda: peers.serial(port, ORIGIN) == 1)
        server = harness.Server(extra=f"""
[[feed]]
id = "followed"
format = "rpz"
zone = "{ORIGIN}"
primaries = ["127.0.0.1:{port}"]
guards = "off"
state = "active"
""")
        self.addCleanup(server.kill)
        server.start()
        said = until("the failure", lambda: server.json("control", "zone", "status", ORIGIN)["zone"].get("last_error"))
        self.assertIn(f"127.0.0.1:{port}", said)
        self.assertEqual(server.json("control", "status")["feeds"][0]["rules"], 0)


if __name__ == "__main__":
    main()
