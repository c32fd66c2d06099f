"""The policy index's file: used at the next start, put away when it is not this record's, made anew when it is damaged."""

import unittest
from pathlib import Path

from decisions import decision, rule
from harness import Server, until


class IndexFile(unittest.TestCase):
    def server(self):
        server = Server().start()
        self.addCleanup(server.kill)
        return server

    def file(self, server):
        found = list(server.folder.rglob("*.index"))
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_a_start_uses_the_file_and_what_was_recorded_since(self):
        server = self.server()
        server.decide(decision("first", rule("blocked.example.net", "nxdomain")))
        self.assertEqual(server.dig("www.blocked.example.net").status, "NXDOMAIN")
        server.stop()
        written = self.file(server).stat().st_mtime_ns
        server.start()
        self.assertEqual(server.dig("www.blocked.example.net").status, "NXDOMAIN")
        self.assertEqual(self.file(server).stat().st_mtime_ns, written)
        server.ok("lift", "first", "--reason", "over")
        server.decide(decision("second", rule("other.example.net", "refused")), "second.toml")
        self.assertEqual(server.dig("other.example.net").status, "REFUSED")
        self.assertNotIn("first", repr(server.dig("www.blocked.example.net")))  # the decision's id is in what it blocks
        server.stop()
        server.start()
        self.assertEqual(server.dig("other.example.net").status, "REFUSED")

    def test_a_damaged_or_foreign_file_is_told_and_made_anew(self):
        server = self.server()
        server.decide(decision("first", rule("blocked.example.net", "refused")))
        server.stop()
        path = self.file(server)
        whole = path.read_bytes()
        for broken, word in ((b"no index at all" * 100, "magic"), (whole[:700], "size"), (whole[:90] + b"\x7f" + whole[91:], "header")):
            with self.subTest(word):
                path.write_bytes(broken)
                server.start()
                self.assertEqual(server.dig("blocked.example.net").status, "REFUSED")
                self.assertIn("made anew", server.log.read_text())
                server.stop()
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # behind what the start looks at
        server.start()
        self.assertEqual(server.dig("blocked.example.net").status, "REFUSED")
        until("the background check has found it", lambda: "is damaged" in server.log.read_text())
        until("another file is there", lambda: path.exists() and path.stat().st_size == len(whole))
        self.assertEqual(server.dig("blocked.example.net").status, "REFUSED")
        maps = Path(f"/proc/{server.process.pid}/maps")
        until("the damaged file has been let go", lambda: f"{path} (deleted)" not in maps.read_text())


if __name__ == "__main__":
    unittest.main()
