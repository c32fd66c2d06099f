"""What secondaries do by themselves: the SOA's timers, the end of a zone that nobody confirms, digests that must fit."""

import unittest

from peers import main
from transfer_peers import Clock, Nsd, Placard, dig, until, zone_text

ORIGIN = "example.test"


class Timers(unittest.TestCase):
    def pair(self, kind=Placard, **times):
        primary, secondary = kind(ORIGIN), Placard(ORIGIN)
        self.addCleanup(primary.stop)
        self.addCleanup(secondary.stop)
        self.primary, self.secondary = primary, secondary
        primary.start(text=zone_text(ORIGIN, 1, ["a A 192.0.2.1"], **times))
        secondary.start(primary=primary.port)
        until("the first transfer", lambda: secondary.serial() == 1)

    def test_refresh_and_retry_need_no_notification(self):
        self.pair(refresh=1, retry=1)
        self.primary.reload(zone_text(ORIGIN, 2, ["a A 192.0.2.2"], refresh=1, retry=1))
        until("the refresh", lambda: self.secondary.serial() == 2)
        self.primary.stop()
        until("a refresh that fails", lambda: self.secondary.json_status().get("last_error"))
        self.assertEqual(dig(self.secondary.port, f"a.{ORIGIN}", "A").data("A"), ["192.0.2.2"])
        self.primary.write(zone_text(ORIGIN, 3, ["a A 192.0.2.3"]))
        self.primary.run()
        until("the retry", lambda: self.secondary.serial() == 3)

    def test_what_nobody_confirms_expires(self):
        self.pair(refresh=600, retry=1, expire=1200)
        self.primary.stop()
        self.secondary.stop()
        with Clock(1000):
            self.secondary.run()
        self.assertEqual(self.secondary.serial(), 1)
        self.secondary.stop()
        with Clock(1300):
            self.secondary.run()
        answer = dig(self.secondary.port, f"a.{ORIGIN}", "A")
        self.assertEqual(answer.status, "SERVFAIL")
        self.assertIn("expired", self.secondary.json_status()["state"])
        with Clock(1300):  # TSIG wants clocks that agree
            self.primary.run()
        until("the primary's word", lambda: self.secondary.serial() == 1)

    def test_a_digest_that_does_not_fit(self):
        self.pair(Nsd)
        wrong = "@ ZONEMD 2 1 1 " + "00" * 48
        self.primary.reload(zone_text(ORIGIN, 2, ["a A 192.0.2.2", wrong]))
        self.secondary.command("refresh", ORIGIN, check=False)
        self.assertIn("ZONEMD", self.secondary.json_status()["last_error"])
        self.assertEqual(self.secondary.serial(), 1)
        self.primary.reload(zone_text(ORIGIN, 3, ["a A 192.0.2.3"]))
        self.secondary.command("refresh", ORIGIN)
        self.assertEqual(dig(self.secondary.port, f"a.{ORIGIN}", "A").data("A"), ["192.0.2.3"])


if __name__ == "__main__":
    main()
