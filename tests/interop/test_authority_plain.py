"""Placard against NSD and Knot DNS: an unsigned zone with something of everything, and thousands of questions."""

import unittest

import authority
import authority_differences as known
import peers


class Plain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.zones = {"plain.example": authority.plain_zone(authority.folder(), "plain.example")}

    def test_full_answers_against_nsd(self):
        authority.compare(self, self.zones, authority.start_nsd, known.NSD, minimal=False, dnssec=False, count=4000, seed=1)

    def test_minimal_answers_against_knot(self):
        authority.compare(self, self.zones, authority.start_knot, known.KNOT, minimal=True, dnssec=False, count=4000, seed=2)

    def test_what_does_not_fit_into_udp(self):
        """TC, at several sizes: the same verdict as NSD's."""
        ours_run, ours = authority.start_placard(self.zones, minimal=True)
        nsd_run, nsd = authority.start_nsd(self.zones, minimal=True)
        try:
            for name, kind in (("big", "A"), ("bigtxt", "TXT"), ("www", "A"), ("", "MX"), ("x.sub", "A"), ("gone", "A"),
                               ("mx-many", "MX"), ("x.many", "A")):
                full = f"{name}.plain.example".lstrip(".")
                for size in (None, 512, 700, 1232):
                    options = {"edns": False} if size is None else {"udp_size": size}
                    one, two = (server.ask(full, kind, udp=True, **options) for server in (ours, nsd))
                    self.assertEqual((one.rcode, one.aa, one.tc), (two.rcode, two.aa, two.tc), f"{full} {kind} {size}")
                    self.assertLessEqual(len(one.wire), size or 512)
                    over_tcp = ours.ask(full, kind)
                    self.assertFalse(over_tcp.tc)
                    self.assertLessEqual(one.answer, over_tcp.answer)
        finally:
            ours.close()
            nsd.close()
            ours_run.stop()
            nsd_run.stop()


if __name__ == "__main__":
    peers.main()
