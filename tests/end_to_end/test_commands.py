"""The commands that read and write the record: for people, for programs, and with bad input."""

import csv
import io
import json
import shutil
import signal
import sqlite3
import unittest

from decisions import AUTHORITY, decision, moment, rule
from harness import NZ_CLIENT, Server, until

EVENTS = ("2022-08-31", "2022-09-03", "2022-09-04", "2022-09-05", "2019-03")


class Reading(unittest.TestCase):
    """On the case, with a server that runs; WithoutServer repeats it without one."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.load_case()
        cls.prepare()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_why_names_decision_and_rule(self):
        text = self.server.ok("why", "www.kiwifarms.net")
        for word in ("demo-operator-kiwifarms", "sinkhole", "kiwifarms.net"):
            self.assertIn(word, text)
        self.assertIn("demo-nz-kiwifarms", self.server.ok("why", "kiwifarms.net", "--client", NZ_CLIENT))
        self.assertIn("demo-operator-kiwifarms", json.dumps(self.server.json("why", "kiwifarms.net")))

    def test_why_of_an_open_name(self):
        self.assertNotIn("demo-", self.server.ok("why", "www.example.net"))
        self.server.json("why", "www.example.net")

    def test_why_at_a_time_before(self):
        self.assertIn("nothing was enforced", self.server.fails("why", "kiwifarms.net", "--at", "2022-09-03"))

    def test_history_tells_what_others_did(self):
        text = self.server.ok("history", "kiwifarms.net")
        for day in EVENTS:
            self.assertIn(day, text)
        for actor in ("Cloudflare", "DDoS-Guard"):
            self.assertIn(actor, text)
        self.assertIn("Cloudflare", json.dumps(self.server.json("history", "kiwifarms.net")))

    def test_history_as_of_then_and_as_known_then(self):
        self.assertNotIn("demo-operator", self.server.ok("history", "kiwifarms.net", "--known-at", "2020-01-01"))
        self.server.ok("history", "kiwifarms.net", "--valid-at", "2022-09-04")

    def test_query_reads(self):
        rows = self.server.json("query", "SELECT 6 * 7 AS answer, 'text' AS word, NULL AS missing")
        self.assertIn("42", json.dumps(rows))
        self.assertIn("answer", self.server.ok("query", "SELECT 6 * 7 AS answer"))

    def test_query_does_nothing_but_read(self):
        before = sorted(p.name for p in self.server.folder.rglob("*"))
        target = self.server.folder / "leak.db"
        for statement in (f"ATTACH '{target}' AS other", "PRAGMA journal_mode = DELETE", "PRAGMA table_info(decision)",
                          f"VACUUM INTO '{target}'", "VACUUM", "DELETE FROM decision", "INSERT INTO decision DEFAULT VALUES",
                          "UPDATE decision SET id = 'x'", "DROP TABLE decision", "CREATE TABLE mine (x)", "CREATE TEMP TABLE mine (x)",
                          "BEGIN", "SELECT load_extension('x')", f"SELECT writefile('{target}', 'x')", "SELECT 1; DELETE FROM decision",
                          "SELECT readfile('/etc/passwd')", "REINDEX", "ANALYZE", "SAVEPOINT x", "not sql at all", ""):
            with self.subTest(statement):
                self.server.fails("query", statement)
        self.assertEqual(sorted(p.name for p in self.server.folder.rglob("*")), before, "no file appears")
        self.assertIn("demo-operator", self.server.ok("why", "kiwifarms.net"))

    def test_query_is_bounded(self):
        self.server.fails("query", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
        many = self.server.command("query", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000000) SELECT i FROM n")
        self.assertLess(len(many.stdout), 64 << 20)

    def test_export_is_everything_public(self):
        lines = [json.loads(line) for line in self.server.ok("export").splitlines()]
        text = json.dumps(lines)
        for word in ("demo-operator-kiwifarms", "demo-nz-kiwifarms", "Cloudflare", "DDoS-Guard"):
            self.assertIn(word, text)
        rows = list(csv.reader(io.StringIO(self.server.ok("export", "--format", "csv", "--table", "decision"))))
        self.assertEqual(len(rows), 3)
        self.assertEqual({len(row) for row in rows}, {len(rows[0])}, "every row has the columns of the first")

    def test_export_into_a_folder(self):
        for form in ("jsonl", "csv"):
            folder = self.server.folder / f"export-{form}"
            self.addCleanup(shutil.rmtree, folder)
            self.server.ok("export", "--format", form, "--output", folder)
            self.assertIn("demo-nz-kiwifarms", (folder / f"decision.{form}").read_text())
            self.assertIn("DDoS-Guard", (folder / f"event.{form}").read_text())

    def test_bad_arguments(self):
        for arguments in (["why"], ["why", "a..b"], ["why", "x" * 300], ["why", "kiwifarms.net", "--at", "yesterday"],
                          ["why", "kiwifarms.net", "--client", "nobody"], ["history", "a..b"], ["lift", "no-such-decision", "--reason", "x"],
                          ["lift", "demo-operator-kiwifarms"], ["decide", "/no/such/file.toml"], ["backup", "/no/such/folder/x.db"],
                          ["nonsense"]):
            with self.subTest(arguments):
                self.server.fails(*arguments)

    def test_backup_is_a_whole_store(self):
        target = self.server.folder / "backup.db"
        self.addCleanup(target.unlink)
        self.server.ok("backup", target)
        with sqlite3.connect(f"file:{target}?mode=ro", uri=True) as copy:
            self.assertEqual(copy.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertIn("demo-operator-kiwifarms", "\n".join(copy.iterdump()))
        before = target.read_bytes()
        self.server.fails("backup", target)
        self.assertEqual(target.read_bytes(), before, "what is there is not overwritten")


class WithoutServer(Reading):
    @classmethod
    def prepare(cls):
        cls.server.stop(signal.SIGTERM)


class Writing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def refused(self, text, *words):
        path = self.server.folder / "bad.toml"
        path.write_text(text)
        before = self.server.ok("export")
        errors = self.server.fails("decide", path)
        for word in [str(path), *words]:
            self.assertIn(word, errors)
        self.assertEqual(self.server.ok("export"), before, "nothing of it was recorded")
        return errors

    def line_of(self, text, part):
        return f":{text[:text.index(part)].count(chr(10)) + 1}:"

    def test_bad_files_name_line_and_field(self):
        good = decision("bad", rule("example.org"))
        for what, line, field in (
                (good.replace('"sinkhole"', '"sinkhol"'), 'action = "sinkhol"', "action"),
                (good.replace("expires_at = ", "expires_at = 3 # "), "expires_at", "expires_at"),
                (good.replace('"voluntary"', '"because"'), 'type = "because"', "type"),
                (good.replace('"example.org"', '"example..org"'), "example..org", "name"),
                (good.replace('"example.org"', '"org"'), 'name = "org"', "name"),
                (good.replace('"test-operator"\nlegal', '"nobody-known"\nlegal'), "nobody-known", "authority"),
                (good.replace("legal_basis", "legal_bases"), "legal_bases", "legal_bases"),
        ):
            with self.subTest(line):
                self.assertNotEqual(what, good)
                self.refused(what, self.line_of(what, line), field)

    def test_missing_fields(self):
        good = decision("bad", rule("example.org"))
        for field in ("expires_at", "legal_basis", "statement_of_reasons", "redress", "type", "authority"):
            text = "\n".join(line for line in good.split("\n") if not line.startswith(f"{field} ="))
            with self.subTest(field):
                self.refused(text, field)

    def test_not_toml(self):
        self.refused("[[decision]\n", ":1:")
        self.refused("\x00\x01\x02")

    def test_one_bad_decision_keeps_the_good_one_out(self):
        text = decision("good-half", rule("example.org")) + decision("bad-half", rule("example..net")).replace(AUTHORITY, "")
        self.refused(text, "example..net")
        self.assertEqual(self.server.dig("www.example.org").ede, [])

    def test_the_past_is_over(self):
        self.refused(decision("ended", rule("example.org"), begin=-200, end=-100), "expires_at")

    def test_the_same_id_with_other_contents(self):
        self.server.decide(decision("once", rule("known.wild.example.net"), end=7200))
        self.refused(decision("once", rule("www.example.org"), end=7200), "once")

    def test_what_is_said_for_programs(self):
        path = self.server.folder / "json.toml"
        path.write_text(decision("as-json", rule("j.wild.example.net")))
        self.assertIn("as-json", json.dumps(self.server.json("decide", path)))
        self.assertIn("as-json", json.dumps(self.server.json("lift", "as-json", "--reason", "done")))
        self.server.fails("lift", "as-json", "--reason", "again")

    def test_a_lift_is_a_record_of_its_own(self):
        self.server.decide(decision("record", rule("r.wild.example.net")))
        self.server.ok("lift", "record", "--reason", "the reason that was given")
        text = self.server.ok("history", "r.wild.example.net")
        self.assertIn("record", text)
        self.assertIn("the reason that was given", text)

    def test_why_at_tells_what_was_answered_then(self):
        name = "t.wild.example.net"
        before = moment()
        until("the clock moves on", lambda: moment() > before)
        self.server.decide(decision("then", rule(name)))
        during = moment()
        self.assertEqual(self.server.dig(name).ede[0][1], "then")
        until("the clock moves on", lambda: moment() > during)
        self.server.ok("lift", "then", "--reason", "over")
        self.assertEqual(self.server.dig(name).ede, [])
        self.assertIn("is not blocked", self.server.ok("why", name))
        self.assertIn("is blocked by the decision then", self.server.ok("why", name, "--at", during))
        self.assertIn("is not blocked", self.server.ok("why", name, "--at", before))


if __name__ == "__main__":
    unittest.main()
