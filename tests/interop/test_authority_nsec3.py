"""Placard against NSD and Knot DNS: the zone signed with NSEC3, with opt-out too, by ldns and by Knot DNS."""

import unittest

import authority
import authority_differences as known
import peers


class Nsec3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        where = authority.folder()
        cls.zones = {
            "nsec3.example": authority.sign_with_ldns(where, "nsec3.example", "-n", "-t", "3", "-s", "abcd"),
            "knsec3.example": authority.sign_with_knot(where, "knsec3.example", "nsec3: on", "nsec3-iterations: 0",
                                                       "nsec3-salt-length: 0"),
            "koptout.example": authority.sign_with_knot(where, "koptout.example", "nsec3: on", "nsec3-iterations: 5",
                                                        "nsec3-opt-out: on"),
            # ldns keeps NSEC3s of the delegations that opted out.
            "optout.example": authority.sign_with_ldns(where, "optout.example", "-n", "-p"),
        }

    def test_full_answers_against_nsd(self):
        authority.compare(self, self.zones, authority.start_nsd, known.NSD, minimal=False, dnssec=True, count=1000, seed=5)

    def test_minimal_answers_against_knot(self):
        authority.compare(self, self.zones, authority.start_knot, known.KNOT, minimal=True, dnssec=True, count=1000, seed=6)


if __name__ == "__main__":
    peers.main()
