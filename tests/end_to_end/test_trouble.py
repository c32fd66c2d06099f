"""What machines do to a server: a disk that is full, a clock that is wrong, a record that somebody changed."""

import json
import os
import resource
import sqlite3
import subprocess
import time
import unittest
from pathlib import Path

from decisions import decision, rule
from harness import BINARY, NO_DNSSEC, Server, until

YEAR = 365 * 86400


def big(identifier, rules=3000):
    return decision(identifier, *[rule(f"n{i}.{identifier}.wild.example.net") for i in range(rules)])


class FullDisk(unittest.TestCase):
    """A file size limit stands for the disk: the same failed write, without a disk to fill."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.kill)

    def limited(self, octets, *arguments):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (octets, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return subprocess.run([BINARY, *map(str, arguments), "--config", str(self.server.config)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, preexec_fn=limit, cwd=self.server.folder, check=False)

    def refused(self, run):
        self.assertGreater(run.returncode, 0, "no signal, and no success")
        self.assertTrue(run.stderr.startswith("placard: "), run.stderr)
        return run.stderr

    def test_offline(self):
        self.server.decide(decision("before", rule("before.wild.example.net")))
        before = self.server.ok("export")
        path = self.server.folder / "big.toml"
        path.write_text(big("big"))
        size = max(file.stat().st_size for file in self.server.state.iterdir())
        self.assertIn("full", self.refused(self.limited(size + 4096, "decide", path)))
        self.assertEqual(self.server.ok("export"), before, "nothing is lost and nothing half there")
        self.refused(self.limited(4096, "backup", self.server.folder / "copy.db"))
        self.refused(self.limited(64, "export", "--output", self.server.folder / "out"))
        self.server.ok("decide", path)
        self.assertIn("big", self.server.ok("why", "n7.big.wild.example.net"))

    def test_while_it_serves(self):
        self.server.start()
        self.server.decide(decision("before", rule("before.wild.example.net")))
        path = self.server.folder / "big.toml"
        path.write_text(big("big"))
        process = self.server.process.pid
        hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
        size = max(file.stat().st_size for file in self.server.state.iterdir() if file.is_file())
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size + 4096, hard))
        self.assertIn("full", self.server.fails("decide", path))
        self.assertEqual(self.server.dig("before.wild.example.net").ede, [(15, "before")], "it goes on by what was decided")
        self.assertEqual(self.server.dig("n7.big.wild.example.net").ede, [])
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))
        self.server.ok("decide", path)
        self.assertEqual(self.server.dig("n7.big.wild.example.net").ede, [(15, "big")])
        self.assertEqual(self.server.stop(), 0)


class WrongClock(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.decide(decision("kept", rule("kept.wild.example.net"), end=86400))
        cls.shim = cls.server.folder / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", cls.shim, Path(__file__).with_name("clock.c")], check=True)

    def at(self, offset):
        """Everything started from here on has this clock."""
        os.environ.update(LD_PRELOAD=str(self.shim), CLOCK_OFFSET=str(offset))

        def right():
            os.environ.pop("LD_PRELOAD", None)
            os.environ.pop("CLOCK_OFFSET", None)
        self.addCleanup(right)
        self.addCleanup(self.server.kill)

    def test_years_behind(self):
        self.at(-20 * YEAR)
        self.server.start()
        self.assertIn("clock", self.server.log.read_text())
        self.assertEqual(self.server.dig("kept.wild.example.net").ede, [(15, "kept")], "the record's own time counts")
        path = self.server.folder / "behind.toml"
        path.write_text(decision("behind", rule("behind.wild.example.net")))
        self.assertIn("clock", self.server.fails("decide", path))

    def test_years_ahead(self):
        self.at(10 * YEAR)
        self.server.start()
        log = self.server.log.read_text()
        self.assertIn("the clock says", log)
        self.assertIn("1 decision has ended", log)
        self.assertIn("the clock says", self.server.command("check").stderr)
        path = self.server.folder / "ahead.toml"
        text = decision("ahead", rule("ahead.wild.example.net"), end=20 * YEAR)
        path.write_text(text)
        self.assertIn("--clock-is-right", self.server.fails("decide", path))
        self.server.kill()
        self.assertIn("--clock-is-right", self.server.fails("decide", path))
        self.assertNotIn("ahead", self.server.ok("export"), "nothing of it was recorded")

    def set_back(self, offset):
        offset.with_suffix(".new").write_text("0")
        offset.with_suffix(".new").rename(offset)

    def test_a_clock_that_is_set_back_makes_no_answer_last(self):
        server = Server()
        offset = server.folder / "offset"
        offset.write_text(str(100 * 86400))
        self.at(offset)
        self.addCleanup(server.kill)
        server.start()
        for option in ("+nodnssec", "+dnssec"):
            self.assertLessEqual(server.dig("www.example.org", "A", option).ttl(), 3600)
        self.set_back(offset)
        for option in ("+nodnssec", "+dnssec", "+cdflag"):
            self.assertLessEqual(server.dig("www.example.org", "A", option).ttl(), 3600, option)

    def test_a_clock_that_is_set_back_stops_no_secondary(self):
        primary = Server(box=False, dnssec=NO_DNSSEC)
        self.addCleanup(primary.kill)
        zone = primary.folder / "own.zone"
        zone.write_text("$TTL 60\n@ SOA a a 1 1 1 1000 5\n@ NS a\na A 192.0.2.1\n")
        primary.write_config('[[zone]]\nname = "own.zz"\nfile = "own.zone"\nallow_transfer = ["127.0.0.0/8"]\n')
        primary.start()
        secondary = Server(f'[[zone]]\nname = "own.zz"\nprimaries = ["127.0.0.1:{primary.port}"]\n', box=False,
                           dnssec=NO_DNSSEC)
        self.addCleanup(secondary.kill)
        offset = secondary.folder / "offset"
        offset.write_text(str(100 * 86400))
        self.at(offset)
        secondary.start()
        until("the transfer", lambda: secondary.dig("a.own.zz").data("A") == ["192.0.2.1"])
        ahead = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 100 * 86400))
        until("its next refresh to be known", lambda: ahead <= secondary.json(
            "control", "zone", "status", "own.zz")["zone"]["next_refresh_at"] and secondary.metrics())
        self.set_back(offset)
        zone.write_text(zone.read_text().replace("a a 1", "a a 2").replace("192.0.2.1", "192.0.2.2"))
        primary.ok("control", "zone", "reload", "own.zz")
        until("what is new", lambda: secondary.dig("a.own.zz").data("A") == ["192.0.2.2"])

    def test_a_reload_says_what_was_changed(self):
        """Without its feed, which cannot be lifted by a clock that the record contradicts."""
        server = Server()
        self.addCleanup(server.kill)
        (server.folder / "names").write_text("fed.wild.example.net\n")
        server.write_config("""
[[view]]
name = "default"
sources = ["list:fed"]
""")
        plain = server.config.read_text().replace('jurisdictions = ["NZ"]', 'jurisdictions = ["NZ"]\nsources = ["list:fed"]')
        server.config.write_text(plain + """
[[feed]]
id = "fed"
format = "domains"
match = "both"
policy = "nxdomain"
state = "active"
path = "names"
""")
        server.start()
        self.assertEqual(server.dig("fed.wild.example.net").status, "NXDOMAIN")
        server.stop()
        self.at(-86_400)
        server.start()
        server.config.write_text(plain)
        said = server.fails("control", "reload")
        self.assertIn("is in force", said)
        self.assertNotIn("nothing was changed", said)

    def test_zz_a_clock_that_somebody_vouches_for(self):
        self.at(10 * YEAR)
        path = self.server.folder / "vouched.toml"
        path.write_text(decision("vouched", rule("vouched.wild.example.net"), end=20 * YEAR))
        self.assertIn("vouched", self.server.ok("decide", "--clock-is-right", path))


class ChangedRecord(unittest.TestCase):
    def test_a_record_changed_behind_its_log_is_not_served(self):
        server = Server()
        self.addCleanup(server.kill)
        server.decide(decision("one", rule("one.wild.example.net")))
        server.ok("check")
        with sqlite3.connect(server.state / "policy.db") as store:
            for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                store.execute(f'DROP TRIGGER "{name}"')
            store.execute("UPDATE decision SET legal_basis = 'because'")
        store.close()
        code, output, errors = server.run_to_end()
        self.assertGreater(code, 0)
        self.assertNotIn("ready", output)
        self.assertEqual(len(errors.strip().splitlines()), 1, errors)
        self.assertIn("changed behind its log", errors)
        self.assertIn("changed behind its log", server.fails("check"))


class DamagedRecord(unittest.TestCase):
    def test_a_record_that_could_not_be_looked_at_is_not_called_good_in_silence(self):
        server = Server()
        (server.state / "policy.db").symlink_to(server.state / "policy.db")
        self.assertIn("the record was not looked at", server.command("check").stderr)

    def test_a_record_that_is_damaged_while_it_serves(self):
        server = Server('[[zone]]\nname = "rpz.test."\npolicy_of = "nz"\n')
        self.addCleanup(server.kill)
        server.start()
        server.decide(decision("kept", rule("kept.wild.example.net")))
        path = server.state / "policy.db"
        with sqlite3.connect(path) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        page = 4096
        with path.open("r+b") as file:  # all but the schema
            file.seek(3 * page)
            file.write(b"\xa5" * (path.stat().st_size - 3 * page))
        for command in (["why", "kept.wild.example.net"], ["lift", "kept", "--reason", "over"], ["control", "reload"],
                        ["control", "zone", "reload", "rpz.test"]):
            with self.subTest(command=command):
                self.assertIn("the file is damaged; restore a backup", server.fails(*command))
        self.assertEqual(server.dig("kept.wild.example.net").ede, [(15, "kept")])
        self.assertEqual(server.dig("rpz.test.", "SOA").status, "NOERROR", "the policy zone stays as it was")
        self.assertEqual(server.stop(), 0)


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_a_file_in_another_encoding(self):
        path = self.server.folder / "latin.toml"
        path.write_bytes(decision("latin", rule("latin.wild.example.net")).replace("this test", "caf\xe9").encode("latin-1"))
        self.assertRegex(self.server.fails("decide", path), rf"{path}:\d+:\d+: not UTF-8")
        self.assertNotIn("latin", self.server.ok("export"))

    def test_a_file_without_an_end(self):
        self.assertIn("larger than 4 MiB", self.server.fails("decide", "/dev/zero"))

    def test_empty_arguments_are_no_defaults(self):
        for arguments in (["why", "a.example", "--at", ""], ["why", "a.example", "--client", ""],
                          ["history", "a.example", "--valid-at", ""], ["history", "a.example", "--known-at", ""]):
            with self.subTest(arguments):
                self.server.fails(*arguments)

    def test_errors_for_programs(self):
        for arguments in (["why", "a..b"], ["decide", "/no/such/file"], ["why"], ["lift", "none", "--reason", "x"]):
            with self.subTest(arguments):
                run = self.server.command(*arguments, "--json")
                self.assertGreater(run.returncode, 0)
                self.assertTrue(json.loads(run.stdout)["error"])
                self.assertTrue(run.stderr)

    def test_version_check_and_options_for_programs(self):
        self.assertIn("version", self.server.json("version"))
        self.assertGreater(len(self.server.json("options")["options"]), 40)
        self.assertEqual(self.server.json("check")["good"], True)
        bad = Server()
        bad.config.write_text("[cache]\nmax_ttl = 0\n")
        run = bad.command("check", "--json")
        self.assertEqual(run.returncode, 1)
        told = json.loads(run.stdout)
        self.assertEqual((told["good"], len(told["problems"])), (False, 1))


if __name__ == "__main__":
    unittest.main()
