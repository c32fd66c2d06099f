"""A policy zone with a primary: what the file beside it is for, what is made of a primary's mistakes, and that a zone without rules is one."""

import os
import time
import unittest

import harness
from harness import until
from primary import Primary, notify

ZONE = "rpz.example"
FILE = f"""$ORIGIN {ZONE}.
$TTL 300
@ SOA ns ns 1 3600 600 86400 60
@ NS ns.invalid.
www.example.net CNAME .
www.example.org CNAME .
"""
FIRST = ["@ NS ns.invalid.", "www.example.net CNAME .", "www.example.org CNAME ."]
SECOND = ["@ NS ns.invalid.", "www.example.org CNAME .", "mail.example.net CNAME ."]


def feed(path, port):
    return f"""
[[feed]]
id = "followed"
format = "rpz"
zone = "{ZONE}"
path = "{path}"
primaries = ["127.0.0.1:{port}"]
guards = "off"
state = "active"
"""


class FromPrimary(unittest.TestCase):
    def setUp(self):
        self.primary = None

    def server(self, versions, file=None, age=0, **how):
        self.primary = Primary(ZONE, versions, **how)
        self.addCleanup(self.primary.close)
        server = harness.Server()
        self.addCleanup(server.kill)
        path = server.folder / "rpz.zone"
        if file:
            path.write_text(file)
            written = time.time() - age
            os.utime(path, (written, written))
        server.write_config(extra=feed(path, self.primary.port) + 'allow_notify = ["127.0.0.7/32"]\n')
        server.start()
        return server

    def feed(self, server):
        return server.json("control", "status")["feeds"][0]

    def blocked(self, server):
        names = ("www.example.net", "www.example.org", "mail.example.net")
        return [name for name in names if server.dig(name).status == "NXDOMAIN"]

    def test_the_file_stands_in_until_something_is_new(self):
        server = self.server({1: FIRST, 2: SECOND}, FILE)
        self.assertEqual(self.blocked(server), ["www.example.net", "www.example.org"])
        self.assertEqual(self.primary.asked, [])  # the file is as new as the zone's timers want it
        self.assertEqual(notify(server.port, ZONE, "127.0.0.8"), 5)
        self.assertEqual(notify(server.port, ZONE, "127.0.0.7"), 0)
        until("the second version", lambda: self.feed(server)["serial"] == 2)
        until("its rules", lambda: self.blocked(server) == ["www.example.org", "mail.example.net"])
        self.assertEqual(self.primary.asked, [("SOA", None), ("IXFR", 1)])
        self.primary.close()
        server.stop()
        server.start()  # the file no longer counts
        self.assertEqual(self.blocked(server), ["www.example.org", "mail.example.net"])

    def test_an_old_file_serves_and_the_primary_is_asked_at_once(self):
        server = self.server({2: SECOND}, FILE, age=7200)
        until("the second version", lambda: self.feed(server)["serial"] == 2)
        until("its rules", lambda: self.blocked(server) == ["www.example.org", "mail.example.net"])

    def test_the_file_serves_where_no_primary_answers(self):
        server = harness.Server()
        self.addCleanup(server.kill)
        path = server.folder / "rpz.zone"
        # A CNAME with company is no zone, but a list of rules all the same.
        path.write_text(FILE + "www.example.org TXT again\n")
        server.write_config(extra=feed(path, harness.free_port(["127.0.0.1"])))
        server.start()
        self.assertEqual(self.blocked(server), ["www.example.net", "www.example.org"])

    def test_a_zone_that_has_no_rule_left_blocks_nothing(self):
        server = self.server({1: FIRST})
        until("the first version", lambda: self.blocked(server) == ["www.example.net", "www.example.org"])
        self.primary.versions[2] = ["@ NS ns.invalid."]
        notify(server.port, ZONE, "127.0.0.7")
        until("the second version", lambda: self.feed(server)["serial"] == 2)
        until("nothing to be blocked", lambda: self.blocked(server) == [])
        self.assertEqual((self.feed(server)["rules"], self.feed(server)["last_error"]), (0, None))

    def test_records_that_contradict_each_other_do_not_stop_the_rest(self):
        server = self.server({1: FIRST + ["www.example.org TXT again", "www.example.org CNAME *."]})
        until("the rules", lambda: self.blocked(server) == ["www.example.net", "www.example.org"])
        told = server.ok("control", "zone", "status", ZONE)
        self.assertIn("records are left out; the first: ", told)
        # What follows is a difference to a zone that the primary has and we have not: all of it comes again.
        self.primary.versions[2] = SECOND
        notify(server.port, ZONE, "127.0.0.7")
        until("the second version", lambda: self.blocked(server) == ["www.example.org", "mail.example.net"])
        self.assertEqual(self.primary.asked[-2:], [("IXFR", 1), ("AXFR", None)])
        self.assertNotIn("left out", server.ok("control", "zone", "status", ZONE))

    def test_news_without_authority_is_looked_at(self):
        server = self.server({1: FIRST}, authority=False)
        until("the first version", lambda: self.blocked(server) == ["www.example.net", "www.example.org"])
        self.primary.versions[2] = SECOND
        notify(server.port, ZONE, "127.0.0.7")
        until("the second version", lambda: self.blocked(server) == ["www.example.org", "mail.example.net"])


if __name__ == "__main__":
    unittest.main()
