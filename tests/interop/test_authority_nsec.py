"""Placard against NSD and Knot DNS: the zone signed with NSEC, by ldns and by Knot DNS."""

import unittest

import authority
import authority_differences as known
import peers


class Nsec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        where = authority.folder()
        cls.zones = {"nsec.example": authority.sign_with_ldns(where, "nsec.example"),
                     "knsec.example": authority.sign_with_knot(where, "knsec.example")}

    def test_full_answers_against_nsd(self):
        authority.compare(self, self.zones, authority.start_nsd, known.NSD, minimal=False, dnssec=True, count=1500, seed=3)

    def test_minimal_answers_against_knot(self):
        authority.compare(self, self.zones, authority.start_knot, known.KNOT, minimal=True, dnssec=True, count=1500, seed=4)


if __name__ == "__main__":
    peers.main()
