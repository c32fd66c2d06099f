"""Zones that Placard signs: every verifier there is agrees, at every moment of years, and so do validators.

Verifiers get what a transfer gives: ldns-verify-zone, BIND's dnssec-verify and Knot's kzonecheck. Time is the server's
clock, which a preloaded library moves; keys and signatures are where the clock before has left them.
"""

import json
import subprocess
import unittest

import authority_zones
from peers import main, peer
from transfer_peers import ADDRESS, ALGORITHM, KEY, SECRET, Bind, Clock, Knot, Nsd, Placard, axfr, dig, harness, until, zone_text

ORIGIN = "example.test"
DAY = 86400
VARIANTS = {"nsec, ecdsa": "", "nsec3, ecdsa": "nsec3 = true", "nsec, ed25519": 'sign_algorithm = "ed25519"',
            "nsec3, ed25519": 'sign_algorithm = "ed25519"\nnsec3 = true'}
# All but a delegation of a wildcard, which BIND's tools refuse to read.
RECORDS = [line for line in authority_zones.text().splitlines() if line and not line.startswith((";", "$", "*.wns"))]
SMALL = ["a A 192.0.2.7", "*.wild TXT x", "b.c.ent A 192.0.2.8", "sub NS ns.sub", "ns.sub A 192.0.2.9", "alias CNAME a",
         "safe NS ns", "safe DS 12345 13 2 " + "0123456789abcdef" * 4]


def transfer(server):
    """The zone as a file of one record a line."""
    run = subprocess.run(["dig", f"@{ADDRESS}", "-p", str(server.port), "-y", f"{ALGORITHM}:{KEY}:{SECRET}", "+noall", "+answer",
                          "+onesoa", "+nosplit", server.origin, "AXFR"], capture_output=True, text=True, timeout=60, check=True)
    file = server.where / "transferred.zone"
    file.write_text(run.stdout)
    return file


def verdicts(server):
    """What each verifier has against it; {} when nobody has anything."""
    file = transfer(server)
    bind, knot = peer("bind9-utils"), peer("knot-dnssecutils")
    runs = {"ldns-verify-zone": subprocess.run(["ldns-verify-zone", "-V", "1", file], capture_output=True, text=True, timeout=60, check=False),
            "dnssec-verify": bind.run("dnssec-verify", "-q", "-o", server.origin, file),
            "kzonecheck": knot.run("kzonecheck", "-d", "on", "-o", server.origin, file)}
    return {name: run.stdout + run.stderr for name, run in runs.items() if run.returncode != 0}


def signers(server, name, kind):
    """Tags of the keys that signed a set."""
    lines = dig(server.port, name, kind, "+dnssec", "+tcp").answer
    return {int(rdata.split()[6]) for _, _, found, rdata in lines if found == "RRSIG" and rdata.split()[0] == kind}


def lapse(server, name, kind):
    lines = dig(server.port, name, kind, "+dnssec", "+tcp").answer
    return min(rdata.split()[4] for _, _, found, rdata in lines if found == "RRSIG")


def update(server, *lines):
    text = f"server {ADDRESS} {server.port}\nzone {server.origin}\n" + "\n".join(lines) + "\nsend\n"
    return subprocess.run(["nsupdate", "-y", f"{ALGORITHM}:{KEY}:{SECRET}"], input=text, capture_output=True, text=True, timeout=60, check=False)


class Signing(unittest.TestCase):
    def server(self, lines, serial=1, options="", **more):
        server = Placard(ORIGIN)
        self.addCleanup(server.stop)
        server.start(text=zone_text(ORIGIN, serial, lines), more=f"sign = true\n{options}", **more)
        return server

    def assert_good(self, server):
        self.assertEqual(verdicts(server), {})


class Verifiers(Signing):
    def test_all_agree_on_a_zone_of_everything(self):
        for name, options in VARIANTS.items():
            with self.subTest(name):
                server = Placard(ORIGIN)
                self.addCleanup(server.stop)
                server.start(text="$TTL 3600\n" + "\n".join(RECORDS) + "\n", more=f"sign = true\n{options}")
                self.assert_good(server)
                self.assertEqual(dig(server.port, ORIGIN, "NSEC3PARAM").data("NSEC3PARAM"), ["1 0 0 -"] if "nsec3" in name else [])
                server.stop()

    def test_they_would_say_so(self):
        server = self.server(SMALL)
        self.assert_good(server)
        file = transfer(server)
        file.write_text(file.read_text().replace("192.0.2.7", "192.0.2.77"))
        for run in (peer("bind9-utils").run("dnssec-verify", "-q", "-o", ORIGIN, file),
                    peer("knot-dnssecutils").run("kzonecheck", "-d", "on", "-o", ORIGIN, file)):
            self.assertNotEqual(run.returncode, 0)

    def test_validators_agree(self):
        for name, options in VARIANTS.items():
            with self.subTest(name):
                server = self.server(SMALL, options=options)
                ds = json.loads(server.command("keys", ORIGIN, "--json"))["parent"]["ds"].split()[3:7]
                anchor = server.where / "anchor.conf"
                anchor.write_text(f'trust-anchors {{ "{ORIGIN}" static-ds {ds[0]} {ds[1]} {ds[2]} "{ds[3]}"; }};\n')
                resolver = self.resolver(server, " ".join(ds))
                for owner, kind in (("a", "A"), ("q.wild", "TXT"), ("a", "MX"), ("c.ent", "A"), ("nothing", "A"), ("alias", "A"),
                                    ("safe", "DS"), ("q.wild", "MX"), ("", "DNSKEY")):
                    asked = f"{owner}.{ORIGIN}".lstrip(".")
                    run = subprocess.run(["delv", f"@{ADDRESS}", "-p", str(server.port), "-a", anchor, f"+root={ORIGIN}", asked, kind],
                                         capture_output=True, text=True, timeout=30, check=False)
                    self.assertIn("fully validated", run.stdout + run.stderr, asked)
                    answer = dig(resolver.port, asked, kind, "+dnssec")
                    self.assertIn("ad", answer.flags, answer)

    def resolver(self, server, ds):
        """A Placard that recurses, and trusts the zone's DS."""
        resolver = Placard(ORIGIN)
        self.addCleanup(resolver.stop)
        state = resolver.where / "state"
        state.mkdir()
        resolver.config = resolver.where / "placard.toml"
        resolver.config.write_text(
            f'[server]\nstate_directory = "{state}"\nlisten = ["{ADDRESS}:{resolver.port}"]\nworkers = 1\n[notice]\nlisten = []\n'
            f'[metrics]\nlisten = []\n[recursion]\nquery_loopback = true\n[dnssec]\ntrust_anchors = ["{ORIGIN}. DS {ds}"]\n'
            f'state_file = ""\n[[stub]]\nzone = "{ORIGIN}"\nservers = ["{ADDRESS}:{server.port}"]\n')
        return resolver.run()


class Changes(Signing):
    def test_the_file_and_updates_and_restarts(self):
        for options in ("", "nsec3 = true"):
            with self.subTest(options):
                server = self.server(SMALL, options=f'{options}\nupdate_keys = ["{KEY}"]')
                self.assert_good(server)
                self.assertEqual(server.serial(), 1)
                done = update(server, f"update add new.{ORIGIN} 300 A 192.0.2.50", f"update add x.y.{ORIGIN} 300 TXT deep",
                              f"update delete alias.{ORIGIN}", f"update delete b.c.ent.{ORIGIN} A")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(server.serial(), 2)
                self.assert_good(server)
                self.assertEqual(dig(server.port, f"c.ent.{ORIGIN}", "A").status, "NXDOMAIN")
                # The name is free again, whatever signing had put there.
                done = update(server, f"prereq nxdomain b.c.ent.{ORIGIN}", f"update add b.c.ent.{ORIGIN} 300 CNAME a.{ORIGIN}")
                self.assertEqual(done.returncode, 0, done.stderr)
                for kind in ("RRSIG A 13 3 300 20300101000000 20200101000000 1 x. AAAA", "NSEC a. A", "DNSKEY 257 3 13 AAAA", "NSEC3PARAM 1 0 0 -"):
                    self.assertIn("REFUSED", update(server, f"update add {ORIGIN} 300 {kind}").stderr)
                before = axfr(server.port, ORIGIN)
                server.kill()
                server.run()
                self.assertEqual(axfr(server.port, ORIGIN), before)
                self.assert_good(server)
                server.reload(zone_text(ORIGIN, 100, SMALL + ["late A 192.0.2.60"]))
                self.assertEqual(server.serial(), 100)
                self.assert_good(server)
                server.stop()

    def test_a_file_whose_serial_stays_behind(self):
        server = self.server(SMALL, serial=7)
        server.reload(zone_text(ORIGIN, 7, SMALL + ["one A 192.0.2.61"]))
        self.assertEqual(server.serial(), 8)
        server.reload(zone_text(ORIGIN, 8, SMALL + ["one A 192.0.2.62"]))
        self.assertEqual(server.serial(), 9)
        self.assertEqual(dig(server.port, f"one.{ORIGIN}", "A").data("A"), ["192.0.2.62"])
        self.assert_good(server)
        server.write("broken (")
        self.assertIn("still served", server.command("reload", ORIGIN, check=False))
        self.assertEqual(server.serial(), 9)

    def test_secondaries_follow_by_differences(self):
        for name, kind in (("nsd", Nsd), ("knot", Knot), ("bind", Bind), ("placard", Placard)):
            with self.subTest(name):
                primary, secondary = Placard(ORIGIN), kind(ORIGIN)
                self.addCleanup(primary.stop)
                self.addCleanup(secondary.stop)
                primary.start(text=zone_text(ORIGIN, 1, SMALL), secondaries=[secondary.port],
                              more=f'sign = true\nupdate_keys = ["{KEY}"]')
                secondary.start(primary=primary.port)
                until("the first transfer", lambda: secondary.serial() == 1)
                for number in range(2, 5):
                    self.assertEqual(update(primary, f"update add n{number}.{ORIGIN} 300 A 192.0.2.{number}").returncode, 0)
                    until(f"serial {number}", lambda wanted=number: secondary.serial() == wanted)
                self.assertEqual(secondary.axfr(), primary.axfr())
                asked = dig(secondary.port, f"nothing.{ORIGIN}", "A", "+dnssec")
                self.assertEqual(asked.status, "NXDOMAIN")
                primary.stop()
                secondary.stop()


class Years(Signing):
    """The same folder under clocks that are ahead."""

    def at(self, server, offset):
        server.stop()
        with Clock(offset):
            server.run()
            self.assert_good(server)

    def test_signatures_are_made_anew_and_keys_roll(self):
        server = self.server(SMALL)
        first = lapse(server, f"a.{ORIGIN}", "A")
        zsk, ksk = signers(server, f"a.{ORIGIN}", "A"), signers(server, ORIGIN, "DNSKEY")
        self.assertEqual(dig(server.port, ORIGIN, "CDS").data("CDS"), [])
        self.at(server, 2 * 3600 + 60)
        self.assertEqual(int(dig(server.port, ORIGIN, "CDS").data("CDS")[0].split()[0]), min(ksk))
        self.assertEqual(len(dig(server.port, ORIGIN, "CDNSKEY").data("CDNSKEY")), 1)
        self.assertEqual(lapse(server, f"a.{ORIGIN}", "A"), first)
        self.at(server, 8 * DAY)
        self.assertGreater(lapse(server, f"a.{ORIGIN}", "A"), first)
        # The next ZSK is published some time before it signs, the old one stays a while.
        self.at(server, 30 * DAY - 3600)
        self.assertEqual(len(dig(server.port, ORIGIN, "DNSKEY", "+tcp").data("DNSKEY")), 3)
        self.assertEqual(signers(server, f"a.{ORIGIN}", "A"), zsk)
        self.at(server, 30 * DAY + 2 * 3600)
        self.assertFalse(signers(server, f"a.{ORIGIN}", "A") & zsk)
        self.assertEqual(len(dig(server.port, ORIGIN, "DNSKEY", "+tcp").data("DNSKEY")), 3)
        self.at(server, 31 * DAY)
        self.assertEqual(len(dig(server.port, ORIGIN, "DNSKEY", "+tcp").data("DNSKEY")), 2)
        self.assertEqual(signers(server, ORIGIN, "DNSKEY"), ksk)

    def test_a_ksk_waits_for_its_ds_and_so_does_another_algorithm(self):
        server = self.server(SMALL, options="propagation = 0\ndnskey_ttl = 0\nds_ttl = 600")
        old = signers(server, ORIGIN, "DNSKEY")
        self.assertIn("not before", server.command("ds-seen", ORIGIN, check=False))
        self.at(server, 3600)
        self.assertIn("its DS was seen", " ".join(server.command("ds-seen", ORIGIN).split()))
        server.command("roll-ksk", ORIGIN)
        self.assertIn("under way", server.command("roll-ksk", ORIGIN, check=False))
        both = signers(server, ORIGIN, "DNSKEY")
        self.assertEqual(len(both), 2)
        self.assertTrue(old < both)
        self.assert_good_at(server, 3600)
        self.assertEqual({int(cds.split()[0]) for cds in dig(server.port, ORIGIN, "CDS").data("CDS")}, both - old)
        server.command("ds-seen", ORIGIN)
        self.at(server, 2 * 3600)
        self.assertEqual(signers(server, ORIGIN, "DNSKEY"), both - old)
        config = server.config.read_text()
        server.config.write_text(config.replace("sign = true", 'sign = true\nsign_algorithm = "ed25519"'))
        self.at(server, 2 * 3600 + 60)
        self.assertEqual(len(signers(server, f"a.{ORIGIN}", "A")), 2)
        self.assertEqual(len(signers(server, ORIGIN, "DNSKEY")), 2)
        self.at(server, 4 * 3600)
        server.command("ds-seen", ORIGIN)
        self.at(server, 5 * 3600)
        algorithms = {int(key.split()[2]) for key in dig(server.port, ORIGIN, "DNSKEY", "+tcp").data("DNSKEY")}
        self.assertEqual(algorithms, {15})

    def assert_good_at(self, server, offset):
        with Clock(offset):
            self.assert_good(server)

    def test_signatures_do_not_lapse_while_it_runs(self):
        server = self.server(SMALL, options="signature_lifetime = 60\nsignature_refresh = 58")
        first, serial = lapse(server, f"a.{ORIGIN}", "A"), server.serial()
        until("fresh signatures", lambda: lapse(server, f"a.{ORIGIN}", "A") > first, patience=60)
        self.assertGreater(server.serial(), serial)
        self.assert_good(server)

    def test_keys_that_are_gone_or_broken(self):
        server = self.server(SMALL)
        before = server.serial()
        folder = server.where / "state" / "keys"
        self.assertEqual({file.stat().st_mode & 0o777 for file in folder.iterdir()}, {0o600})
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        secret = next(folder.glob("*.private"))
        secret.rename(folder / "elsewhere")
        told = server.command("reload", ORIGIN, check=False)
        self.assertIn("cannot be signed", told)
        self.assertEqual(server.serial(), before)
        self.assert_good(server)
        (folder / "elsewhere").rename(secret)
        server.command("reload", ORIGIN)
        self.assert_good(server)


if __name__ == "__main__":
    main()
