"""Validation on the signed branch of the internet in a box: what is good, what is broken and why, and what others say.

delv (BIND) and drill -S (ldns) walk the same chain of trust themselves, through us as a forwarder that is asked with
CD: all three must agree on each name.
"""

import re
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import BOX, Server, until
from liar import A_RECORD, Liar, question_of, reply

# By ldns-signzone and by Knot's signer, with RSA, ECDSA and Edwards curves, with NSEC and NSEC3 (tests/internet/sign).
GOOD = ["rsa", "rsa-knot", "ecdsa", "ecdsa-ldns", "ecdsa384", "ed", "ed-ldns", "ed448", "labels"]
BROKEN = {"forged": 6, "expired": 7, "future": 8, "nokey": 9, "nosig": 10, "nozonekey": 11, "nonsec": 12,
          "backwards": 25, "toomany": 27}
INSECURE = {"algorithm": 1, "digest": 2}
# Kinds of answers below every good zone: (owner, type) and what must come.
KINDS = {
    ("www", "A"): "NOERROR", ("www", "AAAA"): "NOERROR", ("txt", "TXT"): "NOERROR",
    ("q.wild", "A"): "NOERROR", ("q.wild", "MX"): "NOERROR", ("ent", "A"): "NOERROR", ("b.ent", "TXT"): "NOERROR",
    ("alias", "A"): "NOERROR", ("wildalias.wild", "A"): "NOERROR", ("away", "A"): "NOERROR",
    ("x.tree", "A"): "NOERROR", ("www", "MX"): "NOERROR", ("nothing", "A"): "NXDOMAIN", ("lost", "A"): "NXDOMAIN",
    ("plain", "DS"): "NOERROR", ("www", "DS"): "NOERROR",
}


class Validation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_every_kind_of_answer_is_secure(self):
        questions = [(zone, owner, kind) for zone in GOOD for owner, kind in KINDS]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda one: self.server.dig(f"{one[1]}.{one[0]}.lab.", one[2], "+dnssec"), questions))
        for (zone, owner, kind), answer in zip(questions, answers):
            with self.subTest(zone=zone, owner=owner, kind=kind, answer=answer):
                self.assertEqual(answer.status, KINDS[owner, kind])
                # RFC 5155 9.2: where a span opts out, nothing denied in it is certain.
                unsure = zone == "ed" and (owner, kind) in {("nothing", "A"), ("lost", "A"), ("plain", "DS"),
                                                            ("q.wild", "A"), ("q.wild", "MX")}
                self.assertEqual("ad" in answer.flags, not unsure)

    def test_aliases_and_wildcards_from_the_cache_are_the_same(self):
        for _ in range(2):
            for owner in ("alias", "x.tree", "a.wild", "b.wild", "c.b.wild", "nothing", "never", "lost"):
                answer = self.server.dig(f"{owner}.rsa.lab.", "A", "+dnssec")
                self.assertIn("ad", answer.flags, answer)

    def test_no_ds_is_told_with_the_soa_though_the_referral_had_none(self):
        server = Server().start()
        self.addCleanup(server.kill)
        for name, below in (("org.", "www.example.org."), ("plain.rsa.lab.", "www.plain.rsa.lab.")):
            server.dig(below, "A")  # leaves what the referral proved in the cache
            for option in ("+dnssec", "+nodnssec", "+cdflag"):
                answer = server.dig(name, "DS", option)
                with self.subTest(name=name, option=option, answer=answer):
                    self.assertIn("SOA", [kind for _, _, kind, _ in answer.authority])

    def test_flags_as_the_question_wants_them(self):
        self.assertIn("ad", self.server.dig("www.rsa.lab.", "A", "+adflag").flags)
        self.assertNotIn("ad", self.server.dig("www.rsa.lab.", "A", "+noadflag", "+noedns").flags)
        plain = self.server.dig("www.rsa.lab.", "A", "+noadflag", "+nodnssec")
        self.assertEqual([kind for _, _, kind, _ in plain.answer], ["A"])

    def test_broken_zones_fail_and_say_which_and_why(self):
        for zone, code in BROKEN.items():
            owner = "nothing" if zone in ("nonsec", "toomany") else "www"
            name = f"{owner}.{zone}.lab."
            answer = self.server.dig(name, "A", "+dnssec")
            with self.subTest(name=name, answer=answer):
                self.assertEqual(answer.status, "SERVFAIL")
                self.assertEqual(answer.answer, [])
                self.assertNotIn("ad", answer.flags)
                self.assertIn(code, [one for one, _ in answer.ede])
                self.assertTrue(any(f"{zone}.lab." in text for one, text in answer.ede if one == code))
                again = self.server.dig(name, "A", "+dnssec")  # remembered, with its reason
                self.assertEqual(again.status, "SERVFAIL")
                self.assertIn(code, [one for one, _ in again.ede])

    def test_who_checks_alone_gets_the_data_and_nobody_else(self):
        for _ in range(2):
            unchecked = self.server.dig("www.forged.lab.", "A", "+cdflag", "+dnssec")
            self.assertEqual(unchecked.data("A"), ["192.0.2.66"])
            self.assertNotIn("ad", unchecked.flags)
            self.assertEqual(self.server.dig("www.forged.lab.", "A").status, "SERVFAIL")

    def test_insecure_below_a_delegation_without_ds(self):
        for zone in ["", *(f"{zone}." for zone in GOOD)]:
            for owner in ("www", "q.wild"):
                answer = self.server.dig(f"{owner}.plain.{zone}lab.", "A", "+dnssec")
                self.assertEqual(answer.status, "NOERROR", answer)
                self.assertNotIn("ad", answer.flags)
        self.assertNotIn("ad", self.server.dig("www.example.org.", "A", "+dnssec").flags)

    def test_what_nobody_can_verify_is_insecure_and_says_so(self):
        for zone, code in INSECURE.items():
            answer = self.server.dig(f"www.{zone}.lab.", "A", "+dnssec")
            self.assertEqual((answer.status, "ad" in answer.flags), ("NOERROR", False), answer)
            self.assertIn(code, [one for one, _ in answer.ede], answer)
        iterations = self.server.dig("nothing.iterations.lab.", "A", "+dnssec")
        self.assertEqual((iterations.status, "ad" in iterations.flags), ("NXDOMAIN", False), iterations)
        self.assertIn(27, [one for one, _ in iterations.ede])

    def test_a_flood_of_random_names_stays_here(self):
        self.server.dig("first.rsa.lab.", "A")
        for name in ("0.rsa.lab.", "zzz.rsa.lab.", "b.rsa.lab.", "s.rsa.lab."):
            self.server.dig(name, "A")
        for i in range(50):
            answer = self.server.dig(f"r{i}.rsa.lab.", "A", "+dnssec")
            self.assertEqual((answer.status, "ad" in answer.flags), ("NXDOMAIN", True), answer)
        until("most of them synthesised", lambda: self.server.metrics()["placard_synthesised_total"] >= 40)

    def test_the_trace_shows_the_chain(self):
        fresh = Server().start()  # a trace uses what is known: here nothing is
        self.addCleanup(fresh.kill)
        text = " ".join(fresh.ok("trace", "txt.ecdsa.lab.", "TXT").split())  # lines are wrapped
        self.assertRegex(text, r"\. DNSKEY \d+: matches a DS")
        self.assertRegex(text, r"ecdsa\.lab\. DNSKEY \d+: matches a DS")
        self.assertRegex(text, r"txt\.ecdsa\.lab\. TXT: signature by key \d+ \(ECDSAP256SHA256\) .* valid .* to .*: good")
        broken = " ".join(fresh.ok("trace", "www.expired.lab.", "AAAA").split())
        self.assertIn("expired at 2021-01-01", broken)


class Others(unittest.TestCase):
    """The same questions to delv and drill."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.anchor = (BOX / "lab" / "anchors").read_text().split()
        cls.key_file = cls.server.folder / "anchor.conf"
        tag, algorithm, digest_type, digest = cls.anchor[4:8]
        cls.key_file.write_text(
            f'trust-anchors {{ "." static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n')

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def delv(self, name, kind):
        run = subprocess.run(["delv", "@127.0.0.1", "-p", str(self.server.port), "-a", str(self.key_file), "+root=.",
                              name, kind], capture_output=True, text=True, timeout=30, check=False)
        text = run.stdout + run.stderr
        if "fully validated" in text:
            return "secure"
        return "insecure" if "unsigned answer" in text else "bogus"

    def ours(self, name, kind):
        answer = self.server.dig(name, kind, "+dnssec")
        if answer.status == "SERVFAIL":
            return "bogus"
        return "secure" if "ad" in answer.flags else "insecure"

    def test_delv_agrees(self):
        questions = [(f"{owner}.{zone}.lab.", kind) for zone in GOOD
                     for owner, kind in (("www", "A"), ("q.wild", "A"), ("alias", "A"), ("x.tree", "A"),
                                         ("nothing", "A"), ("www", "MX"), ("ent", "A"))]
        questions += [(f"www.plain.{zone}.lab.", "A") for zone in GOOD]
        questions += [(f"www.{zone}.lab.", "A") for zone in [*BROKEN, *INSECURE]]
        # Opt-out: it calls such denials validated; the others deny only.
        questions = [one for one in questions if one[0].split(".")[-3] not in ("ed", "nonsec", "toomany")]
        with ThreadPoolExecutor(4) as pool:
            theirs = list(pool.map(lambda one: self.delv(*one), questions))
        for (name, kind), verdict in zip(questions, theirs):
            with self.subTest(name=name, kind=kind):
                self.assertEqual(self.ours(name, kind), verdict)

    def test_drill_agrees(self):
        key = self.server.folder / "root.key"
        key.write_text(" ".join(self.anchor) + "\n")

        def chase(zone):
            return subprocess.run(["drill", "-S", "-k", str(key), "-p", str(self.server.port), "@127.0.0.1", "-o", "CD",
                                   f"www.{zone}.lab.", "A"], capture_output=True, text=True, timeout=30, check=False).stdout
        zones = [*GOOD, *(zone for zone in BROKEN if zone not in ("nonsec", "toomany"))]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(chase, zones))
        for zone, text in zip(zones, found):
            with self.subTest(zone=zone, drill=text):
                self.assertEqual("Chase successful" in text, self.ours(f"www.{zone}.lab.", "A") == "secure")


class Configured(unittest.TestCase):
    """Other anchors than the tree's own."""

    def with_dnssec(self, lines):
        server = Server()
        text = server.config.read_text()
        server.config.write_text(re.sub(r"\[dnssec\][^\[]*", f"[dnssec]\n{lines}\n\n", text, count=1))
        server.start()
        self.addCleanup(server.kill)
        return server

    def test_an_anchor_below_the_root(self):
        ds = next(line for line in (BOX / "lab" / "lab.zone").read_text().splitlines()
                  if re.match(r"rsa\.lab\.\s.*\sDS\s", line))
        server = self.with_dnssec(f'trust_anchors = ["{" ".join(ds.split())}"]')
        self.assertIn("ad", server.dig("www.rsa.lab.", "A", "+dnssec").flags)
        self.assertNotIn("ad", server.dig("www.ecdsa.lab.", "A", "+dnssec").flags)
        self.assertEqual(server.dig("www.forged.lab.", "A", "+dnssec").status, "NOERROR")

    def test_a_negative_anchor_until_its_end(self):
        anchors = f'trust_anchors_file = "{BOX}/lab/anchors"\n'
        server = self.with_dnssec(anchors + 'negative_anchors = ["forged.lab 2056-01-01", "expired.lab 2001-01-01"]')
        answer = server.dig("www.forged.lab.", "A", "+dnssec")
        self.assertEqual((answer.status, "ad" in answer.flags), ("NOERROR", False))
        self.assertEqual(server.dig("www.expired.lab.", "A", "+dnssec").status, "SERVFAIL")
        self.assertIn("ad", server.dig("www.rsa.lab.", "A", "+dnssec").flags)

    def test_a_ds_that_nobody_gives(self):
        server = self.with_dnssec(f'trust_anchors = ["silent.net. DS 1 13 2 {"ab" * 32}"]')

        def lie(message):  # an address for everything, unsigned; nothing at all about what could tell whether it should be
            if question_of(message)[-4:-2] == b"\x00\x2b":
                return [reply(message, 0x8002)]
            return [reply(message, 0x8400, A_RECORD, (1, 0, 0))]
        liar = Liar(server.box_port, lie)
        self.addCleanup(liar.close)
        answer = server.dig("www.below.silent.net.", "A", "+dnssec")
        self.assertEqual((answer.status, answer.answer), ("SERVFAIL", []), answer)
        self.assertTrue(any(code == 5 and "below.silent.net." in text for code, text in answer.ede), answer)

    def test_validation_off(self):
        server = self.with_dnssec("validation = false")
        self.assertEqual(server.dig("www.forged.lab.", "A", "+dnssec").data("A"), ["192.0.2.66"])

    def test_anchors_that_are_none_are_refused(self):
        server = Server()
        text = server.config.read_text()
        server.config.write_text(re.sub(r"\[dnssec\][^\[]*", '[dnssec]\ntrust_anchors = [". A 192.0.2.1"]\n\n', text, count=1))
        code, _, errors = server.run_to_end()
        self.assertNotEqual(code, 0)
        self.assertIn("a trust anchor is a DS or a DNSKEY", errors)


if __name__ == "__main__":
    unittest.main()
