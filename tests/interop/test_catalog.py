"""Catalog zones (RFC 9432) with Knot DNS and BIND, both ways."""

import subprocess
import unittest

from peers import main
from transfer_peers import ADDRESS, KEY, Bind, Knot, Placard, axfr, harness, serial, until, zone_text

CATALOG = "catalog.test"


def catalog_text(number, members):
    return (f"$ORIGIN {CATALOG}.\n$TTL 0\n@ SOA invalid. invalid. {number} 3600 600 86400 0\n@ NS invalid.\nversion TXT \"2\"\n"
            + "".join(f"{label}.zones PTR {member}.\n" for label, member in members.items()))


class Consuming(unittest.TestCase):
    def follow(self, kind, zones, listed):
        """`listed`: a line of the primary's configuration for each member."""
        primary, secondary = kind(CATALOG), Placard(CATALOG)
        self.addCleanup(primary.stop)
        self.addCleanup(secondary.stop)
        for name in ("one.test", "two.test", "three.test"):
            (primary.where / f"{name}.zone").write_text(zone_text(name, 1, [f"who TXT \"{name}\""]))
        primary.start(secondaries=[secondary.port], text=catalog_text(1, {"a": "one.test", "b": "two.test"}),
                      **{zones: "".join(listed.format(name=name, where=primary.where) for name in ("one.test", "two.test", "three.test"))})
        secondary.start(primary=primary.port, more='catalog = "consume"')
        for member in ("one.test", "two.test"):
            until(member, lambda name=member: serial(secondary.port, name) == 1, patience=120)
            self.assertEqual(axfr(secondary.port, member), axfr(primary.port, member))
        primary.reload(catalog_text(2, {"a": "one.test", "c": "three.test"}))
        until("the new member", lambda: serial(secondary.port, "three.test") == 1, patience=120)
        until("the old one to go", lambda: serial(secondary.port, "two.test") is None)
        self.assertEqual(serial(secondary.port, "one.test"), 1)
        primary.reload(catalog_text(3, {"a": "one.test"}).replace('TXT "2"', 'TXT "1"'))  # broken: members stay
        until("the broken catalog", lambda: "broken catalog" in secondary.json_status().get("last_error", ""), patience=120)
        self.assertEqual(serial(secondary.port, "three.test"), 1)
        secondary.kill()
        primary.stop()
        secondary.run()  # with nobody to ask
        for member in ("one.test", "three.test"):
            self.assertEqual(serial(secondary.port, member), 1)

    def test_of_knot(self):
        self.follow(Knot, "zones", "  - domain: {name}\n    acl: [transfer]\n")

    def test_of_bind(self):
        self.follow(Bind, "zones", 'zone "{name}" {{ type primary; file "{where}/{name}.zone"; allow-transfer {{ key ' + KEY + "; }}; }};\n")


class Producing(unittest.TestCase):
    def produce(self, consumer, **how):
        primary = Placard(CATALOG)
        self.addCleanup(primary.stop)
        self.addCleanup(consumer.stop)
        for name in ("one.test", "two.test"):
            (primary.where / f"{name}.zone").write_text(zone_text(name, 1))
        zone = '[[zone]]\nname = "{0}"\nfile = "{0}.zone"\ntransfer_keys = ["' + KEY + '"]\nmember_of = "' + CATALOG + '"\n'
        both = zone.format("one.test") + zone.format("two.test")
        primary.start(secondaries=[consumer.port], more='catalog = "produce"', zones=both)
        consumer.start(primary=primary.port, **how)
        for name in ("one.test", "two.test"):
            until(name, lambda wanted=name: serial(consumer.port, wanted) == 1, patience=120)
        primary.config.write_text(primary.config.read_text().replace(zone.format("two.test"), ""))
        subprocess.run([harness.BINARY, "control", "reload", "--config", str(primary.config)], check=True,
                       capture_output=True, timeout=60)
        until("the member to go", lambda: serial(consumer.port, "two.test") is None, patience=120)
        self.assertEqual(serial(consumer.port, "one.test"), 1)

    def test_for_knot(self):
        knot = Knot(CATALOG)
        self.produce(knot, more="    catalog-role: interpret\n    catalog-template: member\n",
                     templates="  - id: member\n    master: primary\n    acl: [transfer]\n")

    def test_for_bind(self):
        bind = Bind(CATALOG)
        self.produce(bind, options=f'catalog-zones {{ zone "{CATALOG}" default-primaries {{ {ADDRESS} port PRIMARY key {KEY}; }} '
                     f'in-memory yes; }}; allow-new-zones yes;')

    def test_for_ourselves(self):
        self.produce(Placard(CATALOG), more='catalog = "consume"')


if __name__ == "__main__":
    main()
