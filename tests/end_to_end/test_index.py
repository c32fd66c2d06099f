"""The policy index's file: used at the next start, put away when it is not this record's, made anew when it is damaged."""

import json
import re
import unittest
from pathlib import Path

from decisions import decision, rule
from harness import Server, until


class IndexFile(unittest.TestCase):
    def server(self, extra=""):
        server = Server(extra).start()
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

    def test_after_a_swap_one_index_is_left_with_policy_zones_too(self):
        server = self.server('[[zone]]\nname = "rpz"\npolicy_of = "default"\n[[zone]]\nname = "nz.rpz"\npolicy_of = "nz"\n')
        server.decide(decision("the-list", more='list = "ads"'))
        path = self.file(server)

        def mapped():
            lines = [line.split() for line in Path(f"/proc/{server.process.pid}/maps").read_text().splitlines()]
            return {line[4] for line in lines if len(line) > 5 and line[5] == str(path)}

        def records():
            return [zone["records"] for zone in server.json("control", "zone", "list")["zones"]
                    if zone["role"] == "policy"]

        until("the index is mapped", lambda: len(mapped()) == 1)
        for count in (40_000, 80_000):  # more than an overlay holds: the whole index is written anew
            before = mapped()
            names = server.folder / "names"
            names.write_text("".join(f"n{number}.example.net\n" for number in range(count)))
            order = ["import", names, "--format", "domains", "--match", "exact", "--decision", "the-list", "--action", "nxdomain",
                     "--max-growth", "0"]
            previewed = json.dumps(server.json(*order, "--dry-run"))
            server.ok(*order, "--preview", re.search(r'"preview": "([^"]+)"', previewed).group(1))
            self.assertEqual(server.dig(f"n{count - 1}.example.net").status, "NXDOMAIN")
            if count == 40_000:  # later they may rest, and hold on to nothing meanwhile
                until("both zones have followed", lambda: min(records()) >= count)
            until("the index before has been let go", lambda: len(mapped()) == 1)
            self.assertNotEqual(mapped(), before)


if __name__ == "__main__":
    unittest.main()
