"""Zones made to cost a validator time: what a question about them may cost, and that nobody else notices.

keytrap.lab. is KeyTrap (CVE-2023-50387): thirty keys of one tag and forty signatures of one set; beside it many
signatures by one key, and a chain of aliases each with false signatures before the true one. labels.lab. has as many
NSEC3 iterations as are let pass (CVE-2023-50868): each label of a name that is not there costs a hash of its own.
The work is read from the server's own counters, so that no test depends on how fast the machine is.
"""

import unittest

from harness import Server, until

A_REPLY, A_QUESTION = 48, 160  # ValidationBounds: verifications
HASHES_OF_A_REPLY = 4_000      # runs of SHA-1
FAILURES = 4                   # kMaxFailures: of one set
NO_CUT = 4                     # of the proof that no unsigned zone begins there
CHAIN = 12                     # from the root's anchor down to a zone's keys, and of its first answer


class Attacks(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()  # a new one each time: its counters begin at nothing
        self.addCleanup(self.server.kill)

    def cost(self, bogus):
        """(verifications, hashes) of all that was asked, once so many bogus replies have been counted."""
        def counted():
            metrics = self.server.metrics()
            if metrics['placard_validated_total{status="bogus"}'] < bogus:
                return None
            return metrics["placard_signature_verifications_total"], metrics["placard_nsec3_hashes_total"]
        return until(f"{bogus} bogus replies", counted)

    def refused(self, name):
        answer = self.server.dig(name, "A", "+dnssec")
        self.assertEqual((answer.status, answer.answer), ("SERVFAIL", []), answer)
        self.assertTrue(any("keytrap.lab." in text for _, text in answer.ede), answer)

    def secure(self, name, kind="A", status="NOERROR"):
        answer = self.server.dig(name, kind, "+dnssec")
        self.assertEqual((answer.status, "ad" in answer.flags), (status, True), answer)

    def test_the_zones_are_good_where_they_are_not_a_trap(self):
        self.secure("txt.keytrap.lab.", "TXT")
        self.secure("txt.labels.lab.", "TXT")
        self.secure("gone.labels.lab.", status="NXDOMAIN")

    def test_many_keys_of_one_tag_and_many_signatures(self):
        names = [f"{owner}.keytrap.lab." for owner in ("www", "a.trap", "a.big", "jam", "cram")]
        for name in names:
            self.refused(name)
        verified, _ = self.cost(len(names))
        self.assertGreater(verified, len(names))
        self.assertLessEqual(verified, len(names) * (FAILURES + NO_CUT) + CHAIN)

    def test_many_signatures_in_one_answer(self):
        # Thirteen sets with three false signatures each: more than one reply may cost, so the rest is asked for anew.
        self.secure("c0.keytrap.lab.")
        verified = until("more than a reply's share", lambda: (lambda n: n > A_REPLY and n)(self.cost(0)[0]))
        self.assertLessEqual(verified, A_QUESTION)

    def test_a_broken_answer_is_remembered(self):
        for _ in range(20):
            self.refused("b.trap.keytrap.lab.")
        self.refused("www.keytrap.lab.")  # counted last
        self.assertLessEqual(self.cost(2)[0], 2 * (FAILURES + NO_CUT) + CHAIN)

    def test_nsec3_for_names_of_many_labels(self):
        name = ".".join(["x"] * 100) + ".labels.lab."
        self.secure(name, status="NXDOMAIN")  # by the denial of its last label, which costs little
        whole = Server()
        whole.config.write_text(whole.config.read_text().replace("[recursion]", "[recursion]\nqname_minimisation = false", 1))
        self.server = whole.start()
        self.addCleanup(whole.kill)
        answer = whole.dig(name, "A", "+dnssec")
        self.assertEqual((answer.status, "ad" in answer.flags), ("SERVFAIL", False), answer)
        _, hashed = self.cost(1)
        self.assertGreater(hashed, 0)
        self.assertLessEqual(hashed, 2 * HASHES_OF_A_REPLY)  # the proof of a DS that is not there costs a few more

    def test_many_such_questions_cost_each_no_more(self):
        for i in range(30):
            self.refused(f"r{i}.trap.keytrap.lab.")
        self.assertLessEqual(self.cost(30)[0], 30 * (FAILURES + NO_CUT) + CHAIN)
        self.secure("www.rsa.lab.")


if __name__ == "__main__":
    unittest.main()
