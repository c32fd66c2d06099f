"""The record cache as people and restarts see it: show, flush, dump, load, and a start that is warm."""

import unittest

from harness import Server, until

NAME = "www.example.net"
UPSTREAM = "placard_upstream_questions_total"


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def entries(self, name, *options):
        return {(row["name"], row["type"], row["kind"]) for row in
                self.server.json("control", "cache", "show", name, *options)["entries"]}

    def test_show_and_flush(self):
        self.server.dig(NAME, "A")
        self.server.dig(NAME, "AAAA")
        self.server.dig("nothing.example.net", "A")
        self.assertIn((NAME + ".", "A", "records"), self.entries(NAME))
        self.assertIn("192.0.2.11", self.server.ok("control", "cache", "show", NAME))
        below = self.entries("example.net", "--subtree")
        self.assertIn((NAME + ".", "A", "records"), below)
        self.assertIn(("example.net.", "NS", "delegation"), below)
        self.assertEqual(self.entries("never.asked.example.net"), set())

        self.server.ok("control", "cache", "flush", NAME, "--type", "A")
        left = self.entries(NAME)
        self.assertNotIn((NAME + ".", "A", "records"), left)
        self.assertTrue([one for one in left if one[1] == "AAAA"], left)
        self.assertEqual(self.server.dig(NAME).data("A"), ["192.0.2.11"])
        self.server.ok("control", "cache", "flush", NAME)
        self.assertEqual(self.entries(NAME), set())
        self.assertTrue(self.entries("example.net", "--subtree"))
        self.server.ok("control", "cache", "flush", "example.net", "--subtree")
        self.assertEqual(self.entries("example.net", "--subtree"), set())
        self.assertEqual(self.server.dig(NAME).data("A"), ["192.0.2.11"])

    def test_dump_and_load(self):
        self.server.dig(NAME)
        file = self.server.folder / "dump"
        self.assertGreater(self.server.json("control", "cache", "dump", file)["entries"], 2)
        self.assertIn(NAME, self.server.ok("control", "cache", "dump"))
        self.server.ok("control", "flush", "--all")
        self.assertEqual(self.entries(NAME), set())
        self.assertGreater(self.server.json("control", "cache", "load", file)["entries"], 2)
        self.assertIn((NAME + ".", "A", "records"), self.entries(NAME))
        octets = bytearray(file.read_bytes())
        octets[len(octets) // 2] ^= 1
        file.write_bytes(octets)
        self.assertIn("damaged", self.server.fails("control", "cache", "load", file))
        self.assertIn("No such file", self.server.fails("control", "cache", "load", file.with_name("none")))
        self.assertIn("no cache file", self.server.fails("control", "cache", "load", "/dev/zero"))
        self.assertEqual(self.server.dig(NAME).data("A"), ["192.0.2.11"])

    def test_bad_requests(self):
        self.assertIn("no domain name", self.server.fails("control", "cache", "show", "a..b"))
        self.assertIn("no record type", self.server.fails("control", "cache", "flush", NAME, "--type", "nonsense"))


class Restart(unittest.TestCase):
    def questions(self, server):
        return server.metrics()[UPSTREAM]

    def test_a_start_after_a_stop_is_warm(self):
        server = Server().start()
        self.addCleanup(server.kill)
        self.assertEqual(server.dig(NAME).data("A"), ["192.0.2.11"])
        until("questions are counted", lambda: self.questions(server) > 0)
        self.assertEqual(server.stop(), 0)
        saved = server.state / "records.cache"
        self.assertEqual(saved.stat().st_mode & 0o777, 0o600)
        server.start()
        self.assertEqual(server.dig(NAME).data("A"), ["192.0.2.11"])
        self.assertIn(NAME, server.ok("control", "cache", "show", NAME))
        self.assertEqual(server.log.read_text(), "")
        server.stop()

        octets = bytearray(saved.read_bytes())
        octets[-30] ^= 0xff
        saved.write_bytes(octets)
        server.start()
        self.assertRegex(server.log.read_text(), r"records\.cache: the saved cache is not used: it is damaged")
        self.assertNotIn("192.0.2.11", server.ok("control", "cache", "show", NAME))
        self.assertEqual(server.dig(NAME).data("A"), ["192.0.2.11"])
        server.stop()
        server.start()
        self.assertIn("192.0.2.11", server.ok("control", "cache", "show", NAME))

    def test_nothing_is_kept_where_that_is_not_wanted(self):
        server = Server(extra='[cache]\nsave = ""\n').start()
        self.addCleanup(server.kill)
        server.dig(NAME)
        server.stop()
        self.assertFalse((server.state / "records.cache").exists())
        server.start()
        self.assertNotIn("192.0.2.11", server.ok("control", "cache", "show", NAME))


if __name__ == "__main__":
    unittest.main()
