"""A zone whose role changes while the server runs, and what must be there after an end without warning."""

import subprocess
import unittest

from peers import main
from transfer_peers import ADDRESS, ALGORITHM, KEY, SECRET, Clock, Placard, dig, harness, until, zone_text

ORIGIN = "example.test"
DYNAMIC = f'update_keys = ["{KEY}"]'


def nsupdate(server, lines):
    script = f"server {ADDRESS} {server.port}\nzone {ORIGIN}.\n" + "".join(f"{line}\n" for line in lines) + "send\n"
    done = subprocess.run(["nsupdate", "-y", f"{ALGORITHM}:{KEY}:{SECRET}"], input=script, text=True, capture_output=True,
                          timeout=60, check=False)
    return done.stdout + done.stderr


def reload(server):
    done = subprocess.run([harness.BINARY, "control", "reload", "--config", str(server.config)], text=True, capture_output=True,
                          timeout=60, check=False)
    return done.stdout + done.stderr


class Roles(unittest.TestCase):
    def setUp(self):
        self.server = Placard(ORIGIN)
        self.addCleanup(self.server.stop)

    def reconfigure(self, before, after):
        text = self.server.config.read_text()
        self.assertIn(before, text)
        self.server.config.write_text(text.replace(before, after))
        told = reload(self.server)
        self.assertTrue(told.startswith("Reloaded"), told)

    def texts(self, name):
        return dig(self.server.port, f"{name}.{ORIGIN}", "TXT").data("TXT")

    def test_updates_allowed_by_a_reload(self):
        self.server.start(text=zone_text(ORIGIN, 5))
        self.reconfigure("[[zone]]\n", f"[[zone]]\n{DYNAMIC}\n")
        self.assertEqual(nsupdate(self.server, [f"add a.{ORIGIN}. 60 TXT one"]), "")
        self.assertEqual(self.texts("a"), ['"one"'])
        # As a file alone, which counts then, and with updates again.
        self.reconfigure(f"{DYNAMIC}\n", "")
        self.assertIn("REFUSED", nsupdate(self.server, [f"add b.{ORIGIN}. 60 TXT no"]))
        self.server.kill()
        self.server.run()
        self.assertEqual(self.texts("a"), [])
        self.reconfigure("[[zone]]\n", f"[[zone]]\n{DYNAMIC}\n")
        self.assertEqual(nsupdate(self.server, [f"add c.{ORIGIN}. 60 TXT three"]), "")
        self.server.kill()
        self.server.run()
        self.assertEqual(self.texts("a") + self.texts("c"), ['"three"'])
        self.assertEqual(self.server.serial(), 6)

    def test_an_expired_secondary_that_becomes_the_primary(self):
        primary = Placard(ORIGIN).start(text=zone_text(ORIGIN, 5, refresh=2, retry=2, expire=600))
        self.addCleanup(primary.stop)
        self.server.start(primary=primary.port)
        until("the first transfer", lambda: self.server.serial() == 5)
        primary.stop()
        self.server.stop()
        with Clock(100_000):
            self.server.run()
        self.assertEqual(dig(self.server.port, ORIGIN).status, "SERVFAIL")
        self.server.write(zone_text(ORIGIN, 6))
        self.reconfigure(f'primaries = ["{ADDRESS}:{primary.port}"]\nprimary_key = "{KEY}"\n',
                         f'file = "{self.server.zone_file()}"\n')
        self.assertEqual(self.server.serial(), 6)

    def test_refused_signatures_leave_the_journal_whole(self):
        self.server.start(text=zone_text(ORIGIN, 1), more=DYNAMIC)
        orphan = f"add x.{ORIGIN}. 60 RRSIG A 13 3 60 20300101000000 20200101000000 1 {ORIGIN}. AAAA"
        for number in range(3):
            self.assertIn("REFUSED", nsupdate(self.server, [orphan, f"add r{number}.{ORIGIN}. 60 TXT refused"]))
            self.assertEqual(nsupdate(self.server, [f"add t{number}.{ORIGIN}. 60 TXT {number}"]), "")
        self.assertEqual([self.texts(f"t{number}") for number in range(3)], [['"0"'], ['"1"'], ['"2"']])
        serial = self.server.serial()
        self.server.kill()
        self.server.run()
        self.assertEqual(self.server.serial(), serial)
        self.assertEqual([self.texts(f"t{number}") for number in range(3)], [['"0"'], ['"1"'], ['"2"']])

    def test_files_that_cannot_be_opened(self):
        primary = Placard(ORIGIN).start(text=zone_text(ORIGIN, 5))
        self.addCleanup(primary.stop)
        journal = self.server.where / "state" / "zones" / f"{ORIGIN}.journal"
        journal.mkdir(parents=True)  # root could write to a read-only one
        self.server.start(primary=primary.port)
        self.assertIn("is a directory", self.server.command("refresh", ORIGIN, check=False).lower())
        self.assertEqual(dig(self.server.port, ORIGIN).status, "SERVFAIL")
        journal.rmdir()
        self.server.command("refresh", ORIGIN)
        self.assertEqual(self.server.serial(), 5)
        # The same for a zone with updates: it is served, and takes none.
        journal.unlink()
        self.server.stop()
        journal.mkdir()
        self.server.start(text=zone_text(ORIGIN, 7), more=DYNAMIC)
        self.assertEqual(self.server.serial(), 7)
        self.assertIn("SERVFAIL", nsupdate(self.server, [f"add a.{ORIGIN}. 60 TXT no"]))
        journal.rmdir()
        self.server.command("reload", ORIGIN)
        self.assertEqual(nsupdate(self.server, [f"add a.{ORIGIN}. 60 TXT one"]), "")
        self.assertEqual(self.texts("a"), ['"one"'])


if __name__ == "__main__":
    main()
