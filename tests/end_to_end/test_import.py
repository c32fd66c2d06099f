"""Lists: taken in under a decision or a standing mandate, with a report, limits, guards, shadow and preview."""

import base64
import os
import signal
import sqlite3
import subprocess
import unittest
from pathlib import Path

from decisions import AUTHORITY, decision, rule
from harness import BINARY, NO_DNSSEC, Server, until

MANDATE = '''
[[authority]]
id = "list-maker"
kind = "provider"
name = { en = "A maker of lists" }
[authority.mandate]
actions = ["sinkhole", "nxdomain"]
suffixes = ["org", "net"]
max_duration = "90 days"
legal_basis = "the terms of this test"
statement_of_reasons = { en = "It is on the list." }
redress = { en = "Write to the maker of the list." }
'''


def names(count, start=0):
    return "".join(f"n{number}.example.net\n" for number in range(start, start + count))


class Import(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.kill)

    def file(self, text, name="list.txt"):
        path = self.server.folder / name
        path.write_text(text)
        return path

    def test_a_list_under_a_decision_is_enforced_and_reported(self):
        server = self.server
        server.decide(decision("the-list", more='list = "ads"'))
        text = ("# a comment\nblocked.example.net\r\nBÜCHER.example.net.\nhttp://www.example.org/\n"
                "192.0.2.1\nexample.org/path\nco.uk\nnot a name\nblocked.example.net\n")
        told = server.ok("import", self.file(text), "--format", "domains", "--match", "both", "--decision", "the-list",
                         "--action", "nxdomain", "--max-rejects", "60")
        self.assertEqual(server.dig("www.blocked.example.net").status, "NXDOMAIN")
        self.assertEqual(server.dig("xn--bcher-kva.example.net").status, "NXDOMAIN")
        for word in ("public-suffix", "'co.uk' is a public suffix", "duplicate", "idn", "address", "in force"):
            self.assertIn(word, told)
        self.assertIn("the-list", server.ok("why", "www.blocked.example.net"))
        # A refresh: what is gone from the file is answered again.
        server.ok("import", self.file("other.example.net\n"), "--format", "domains", "--match", "both", "--decision",
                  "the-list", "--action", "nxdomain")
        self.assertEqual(server.dig("other.example.net").status, "NXDOMAIN")
        self.assertNotIn("the-list", repr(server.dig("www.blocked.example.net")))

    def test_what_an_import_needed_is_given_back(self):
        server = self.server
        if "jemalloc" not in Path(f"/proc/{server.process.pid}/maps").read_text():
            self.skipTest("a release build's allocator does that")
        server.decide(decision("the-list", more='list = "ads"\nstate = "shadow"'))

        def memory():
            lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))

        before = memory()
        server.ok("import", self.file(names(400_000)), "--format", "domains", "--match", "both", "--decision", "the-list",
                  "--action", "nxdomain")
        until("the memory is given back", lambda: memory() < before + 8)

    def test_rows_changed_behind_the_log_are_told_of_by_a_server_that_has_begun(self):
        server = self.server
        server.decide(decision("the-list", more='list = "ads"'))
        server.ok("import", self.file(names(50)), "--format", "domains", "--match", "both", "--decision", "the-list",
                  "--action", "nxdomain")
        server.stop()
        with sqlite3.connect(server.state / "policy.db") as store:
            for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                store.execute(f'DROP TRIGGER "{name}"')
            store.execute("UPDATE list_block SET rows = replace(rows, 'n7 ', 'm7 ')")
        store.close()
        server.start()
        until("the rows are held against the log", lambda: "changed behind its log" in server.log.read_text())
        self.assertIn("the rows of list 'ads'", server.fails("check"))
        self.assertEqual(server.dig("n7.example.net").status, "NXDOMAIN")

    def test_limits_refuse_the_whole_and_keep_the_last_good(self):
        server = self.server
        server.decide(decision("the-list", more='list = "ads"'))
        arguments = ("--format", "domains", "--match", "exact", "--decision", "the-list", "--action", "nxdomain")
        token = self.token(server.json("import", self.file(names(300)), *arguments, "--dry-run"))
        self.assertIn("wants a preview", server.fails("import", self.file(names(300)), *arguments))
        server.ok("import", self.file(names(300)), *arguments, "--preview", token)
        self.assertEqual(server.dig("n7.example.net").status, "NXDOMAIN")
        self.assertIn("refused whole", server.fails("import", self.file(names(20)), *arguments))
        self.assertIn("refused whole", server.fails("import", self.file(names(900)), *arguments))
        broken = server.fails("import", self.file(names(300, 1) + "what is this\n" * 50), *arguments)
        self.assertIn("refused whole", broken)
        self.assertIn("syntax", broken)
        self.assertIn("301", broken)  # the line
        self.assertEqual(server.dig("n0.example.net").status, "NXDOMAIN")
        self.assertIn("stale", server.fails("import", self.file(names(150, 150) + names(60, 900)), *arguments,
                                            "--preview", token, "--max-shrink", "0"))
        self.assertIn("no such file", server.fails("import", server.folder / "none", *arguments).lower().replace(
            "does not exist", "no such file"))

    def token(self, document):
        text = repr(document)
        start = text.index("'preview': '") + len("'preview': '")
        return text[start:text.index("'", start)]

    def test_a_list_under_a_mandate_waits_in_shadow_until_it_was_looked_at(self):
        server = self.server
        server.decide(MANDATE)
        arguments = ("--format", "domains", "--match", "both", "--authority", "list-maker", "--list", "daily",
                     "--action", "nxdomain")
        told = server.ok("import", self.file(names(200) + "outside.example.com\n"), *arguments)
        told = " ".join(told.split())
        self.assertIn("suffixes are org,", told)
        self.assertIn("in shadow", told)
        self.assertNotEqual(server.dig("n1.example.net").ede[:1], [(15, "daily")])
        identifier = next(word for word in told.split() if word.startswith("daily-2"))
        self.assertNotIn(identifier, repr(server.dig("n1.example.net")))
        self.assertIn("wants a preview", server.fails("activate", identifier, "--reason", "seen"))
        stale = self.token(server.json("preview", identifier))
        server.ok("import", self.file(names(201)), *arguments)
        self.assertIn("stale", server.fails("activate", identifier, "--reason", "seen", "--preview", stale))
        fresh = self.token(server.json("preview", identifier))
        server.ok("activate", identifier, "--reason", "seen", "--preview", fresh)
        self.assertEqual(server.dig("n200.example.net").status, "NXDOMAIN")
        self.assertIn(identifier, repr(server.dig("n200.example.net")))
        server.ok("shadow", identifier, "--reason", "too much")
        self.assertNotIn(identifier, repr(server.dig("n200.example.net")))
        self.assertIn("has no standing mandate",
                      server.fails("import", self.file(names(1)), *arguments[:4], "--list", "x", "--authority",
                                   self.operator()))

    def test_our_own_names_are_guarded(self):
        told = self.server.command("decide", self.file(decision("own", rule("example.net")), "own.toml"))
        self.assertIn("'example.net' reaches 'example.net', which this server protects", told.stderr)

    def signer(self, name):
        """A key as `openssl` makes it: (its text for an authority, a function that signs)."""
        key = self.server.folder / f"{name}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
        public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout[-32:]

        def sign(text):
            message = self.file(text, "message")
            signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message],
                                       check=True, capture_output=True).stdout
            return "ed25519:" + base64.b64encode(signature).decode()

        return "ed25519:" + base64.b64encode(public).decode(), sign

    def test_a_public_suffix_is_blocked_with_two_signatures_only(self):
        (one_key, one), (two_key, two) = self.signer("one"), self.signer("two")
        authorities = "".join(f'''
[[authority]]
id = "{name}"
kind = "regulator"
name = {{ en = "{name}" }}
public_key = "{key}"
''' for name, key in (("regulator", one_key), ("ministry", two_key)))
        self.server.decide(authorities)
        text = "placard override\nwide\ngithub.io\nEvery page below it is the same fraud.\n"
        plain = decision("wide", rule("github.io", "nxdomain"))
        self.assertIn("public suffix", self.server.fails("decide", self.file(plain, "plain.toml")))

        def signed(first, second):
            signatures = "".join(f'''
[[decision.override.signature]]
authority = "{name}"
value = "{value}"
''' for name, value in (("regulator", first), ("ministry", second)))
            return self.file(plain + f'''
[[decision.override]]
about = "github.io"
reason = "Every page below it is the same fraud."
{signatures}''', "signed.toml")

        self.assertIn("the signature of 'ministry'", self.server.fails("decide", signed(one(text), one(text))))
        self.server.ok("decide", signed(one(text), two(text)))
        self.assertEqual(self.server.dig("page.github.io").status, "NXDOMAIN")

    def begin_long(self, count, name):
        """An import that has begun to write its rows; the process of the one who asked for it."""
        server = self.server
        run = subprocess.Popen([BINARY, "import", str(self.file(names(count), name)), "--format", "domains", "--match",
                                "both", "--decision", "the-list", "--action", "nxdomain", "--max-growth", "0", "--config",
                                str(server.config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until("rows that are written", lambda: run.poll() is not None or self.is_writing())
        return run

    def is_writing(self):
        record = sqlite3.connect(f"file:{self.server.state / 'policy.db'}?mode=ro", uri=True)
        try:
            return record.execute("SELECT count(*) FROM list_pending").fetchone()[0] > 0
        finally:
            record.close()

    def test_others_decide_while_a_long_list_is_written(self):
        server = self.server
        server.decide(decision("the-list", more='list = "ads"\nstate = "shadow"'))
        between = 0
        for attempt in range(1, 5):  # an import may be over before anybody could say a word
            run = self.begin_long(100_000 * attempt, f"long-{attempt}.txt")
            server.decide(decision(f"beside-{attempt}", rule(f"beside-{attempt}.example.org", "nxdomain")))
            self.assertEqual(server.dig(f"beside-{attempt}.example.org").status, "NXDOMAIN")
            server.json("control", "status")
            between += self.is_writing()
            told, _ = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 0, told)
            if between:
                break
        self.assertGreater(between, 0)
        self.assertIn("the-list", server.ok("why", "n99999.example.net"))
        self.assertEqual(server.json("control", "status")["rules"], 100_000 * attempt + attempt)
        server.stop()
        server.start()
        self.assertEqual(server.dig("beside-1.example.org").status, "NXDOMAIN")
        self.assertEqual(server.json("control", "status")["rules"], 100_000 * attempt + attempt)
        self.assertNotIn("made anew", server.log.read_text())
        server.ok("check")

    def test_what_has_no_end_is_not_waited_for(self):
        server = Server(box=False, dnssec=NO_DNSSEC)
        self.addCleanup(server.kill)
        pipe = server.folder / "pipe"
        os.mkfifo(pipe)
        server.write_config(f'[[feed]]\nid = "piped"\nformat = "domains"\nmatch = "both"\npath = "{pipe}"\n')
        server.start()
        self.assertIn("is a pipe or a device", server.json("control", "status")["feeds"][0]["last_error"])
        server.decide(decision("listed", more='list = "listed"'))
        for path in (pipe, "/dev/zero"):
            said = server.fails("import", path, "--format", "domains", "--match", "both", "--decision", "listed")
            self.assertIn("is a pipe or a device", said)
        self.assertEqual(server.stop(), 0)

    def test_an_import_that_is_cut_off_leaves_nothing_behind(self):
        server = self.server
        server.decide(decision("the-list", more='list = "ads"\nstate = "shadow"'))
        run = self.begin_long(200_000, "long.txt")
        server.stop(signal.SIGKILL)
        run.communicate(timeout=60)
        server.start()
        cut = self.is_writing()
        server.ok("check")
        self.assertEqual(server.json("control", "status")["rules"], 0 if cut else 200_000)
        server.ok("import", self.file(names(50)), "--format", "domains", "--match", "both", "--decision", "the-list",
                  "--action", "nxdomain", "--max-shrink", "0")
        self.assertFalse(self.is_writing())
        self.assertEqual(server.json("control", "status")["rules"], 50)
        server.ok("check")

    def operator(self):
        self.server.decide(AUTHORITY, "authority.toml")
        return "test-operator"


if __name__ == "__main__":
    unittest.main()
