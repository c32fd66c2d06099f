"""Updates by nsupdate and knsupdate, primaries that lie, ends without warning, and thousands of small changes."""

import random
import socket
import struct
import subprocess
import threading
import time
import unittest

import messages
from peers import main
from transfer_peers import ADDRESS, ALGORITHM, KEY, PEERS, SECRET, WRONG, Placard, dig, until, zone_text

ORIGIN = "example.test"
DYNAMIC = f'update_keys = ["{KEY}"]'


def nsupdate(port, lines, tool="nsupdate", secret=SECRET):
    script = f"server {ADDRESS} {port}\nzone {ORIGIN}.\n" + "".join(f"{line}\n" for line in lines) + "send\n"
    return subprocess.run([tool, "-y", f"{ALGORITHM}:{KEY}:{secret}"], input=script, text=True, capture_output=True,
                          timeout=60, check=False)


class Updates(unittest.TestCase):
    def setUp(self):
        self.primary = Placard(ORIGIN)
        self.addCleanup(self.primary.stop)

    def texts(self, name):
        return dig(self.primary.port, f"{name}.{ORIGIN}", "TXT").data("TXT")

    def test_both_tools_and_a_restart(self):
        self.primary.start(text=zone_text(ORIGIN, 1), more=DYNAMIC)
        for number, tool in enumerate(("nsupdate", "knsupdate"), 2):
            done = nsupdate(self.primary.port, [f"add {tool}.{ORIGIN}. 60 TXT hello"], tool)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertEqual(self.texts(tool), ['"hello"'])
            self.assertEqual(self.primary.serial(), number)
        self.primary.kill()  # at once: what was answered is on the disk
        self.primary.run()
        self.assertEqual(self.texts("nsupdate") + self.texts("knsupdate"), ['"hello"', '"hello"'])
        self.assertEqual(self.primary.serial(), 3)
        done = nsupdate(self.primary.port, [f"del nsupdate.{ORIGIN}. TXT"])
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.texts("nsupdate"), [])

    def test_who_may_not_and_what_is_forbidden(self):
        self.primary.start(text=zone_text(ORIGIN, 1), more=DYNAMIC)
        self.assertNotEqual(nsupdate(self.primary.port, [f"add x.{ORIGIN}. 60 TXT no"], secret=WRONG).returncode, 0)
        forbidden = nsupdate(self.primary.port, [f"prereq yxdomain nothing.{ORIGIN}.", f"add x.{ORIGIN}. 60 TXT no"])
        self.assertIn("NXDOMAIN", forbidden.stderr)
        self.assertEqual(self.texts("x"), [])
        self.assertEqual(self.primary.serial(), 1)

    def test_a_zone_that_allows_nobody(self):
        self.primary.start(text=zone_text(ORIGIN, 1))
        self.assertIn("REFUSED", nsupdate(self.primary.port, [f"add x.{ORIGIN}. 60 TXT no"]).stderr)

    def test_thousands_of_changes_reach_each_secondary(self):
        for name, kind in PEERS.items():
            with self.subTest(name):
                primary, secondary = Placard(ORIGIN), kind(ORIGIN)
                self.addCleanup(primary.stop)
                self.addCleanup(secondary.stop)
                primary.start(secondaries=[secondary.port], text=zone_text(ORIGIN, 1), more=DYNAMIC)
                secondary.start(primary=primary.port)
                until("the first transfer", lambda: secondary.serial() == 1, patience=120)
                chance = random.Random(name)
                for _ in range(20):
                    lines = []
                    for _ in range(150):
                        host = f"h{chance.randrange(500)}.{ORIGIN}."
                        lines.append(f"del {host}" if chance.random() < 0.4 else f"add {host} 60 A 192.0.2.{chance.randrange(256)}")
                    self.assertEqual(nsupdate(primary.port, lines).returncode, 0)
                until("the last version", lambda: secondary.serial() == primary.serial(), patience=120)
                self.assertEqual(secondary.axfr(), primary.axfr())


class Endings(unittest.TestCase):
    def test_killed_in_the_middle_of_changes(self):
        """Whatever was served before is whole afterwards, and the end is the same as the primary's."""
        primary, secondary = Placard(ORIGIN), Placard(ORIGIN)
        self.addCleanup(primary.stop)
        self.addCleanup(secondary.stop)
        primary.start(secondaries=[secondary.port], more=DYNAMIC,
                      text=zone_text(ORIGIN, 1, [f"n{i} TXT \"x{i}\"" for i in range(20000)]))
        secondary.start(primary=primary.port)
        until("the first transfer", lambda: secondary.serial() == 1, patience=120)
        chance, number = random.Random(6), 0
        for _ in range(3):
            ended = threading.Event()

            def change():
                nonlocal number
                while not ended.is_set():
                    number += 1
                    nsupdate(primary.port, [f"add k{number}.{ORIGIN}. 60 A 192.0.2.1"])
            changing = threading.Thread(target=change)
            changing.start()
            before = secondary.serial()
            until("some changes", lambda: (secondary.serial() or 0) > (before or 0) + chance.randrange(1, 4), patience=120)
            secondary.kill()
            ended.set()
            changing.join()
            secondary.run()
            self.assertGreaterEqual(secondary.serial(), before)
        nsupdate(primary.port, [f"add last.{ORIGIN}. 60 A 192.0.2.1"])
        secondary.command("refresh", ORIGIN)
        self.assertEqual(secondary.serial(), primary.serial())
        self.assertEqual(secondary.axfr(), primary.axfr())

    def test_killed_in_the_middle_of_the_first_transfer(self):
        primary, secondary = Placard(ORIGIN), Placard(ORIGIN)
        self.addCleanup(primary.stop)
        self.addCleanup(secondary.stop)
        primary.start(text=zone_text(ORIGIN, 1, [f"n{i} TXT \"{'x' * 200}\"" for i in range(30000)]))
        for delay in (0.05, 0.2, 0.4):
            secondary.start(primary=primary.port)
            # Not to wait for something: any moment will do, and each run has another one.
            threading.Event().wait(delay)
            secondary.kill()
        secondary.start(primary=primary.port)
        until("the transfer", lambda: secondary.serial() == 1, patience=120)
        self.assertEqual(secondary.axfr(), primary.axfr())


def record(kind, rdata, owner=ORIGIN, ttl=60):
    return messages.wire_name(owner) + struct.pack(">HHIH", kind, 1, ttl, len(rdata)) + rdata


def soa(serial):
    return record(6, messages.wire_name("ns." + ORIGIN) + messages.wire_name("h." + ORIGIN)
                  + struct.pack(">IIIII", serial, 1, 1, 86400, 60))


NS = record(2, messages.wire_name("ns." + ORIGIN))
LIE = record(1, bytes([192, 0, 2, 66]), "lie." + ORIGIN)


def message(question, records, flags=0x8400):
    return question[:2] + struct.pack(">HHHHH", flags, 0, len(records), 0, 0) + b"".join(records)


class LyingPrimary:
    """Says over UDP that there is serial 9, and over TCP whatever `lie(question, send)` does."""

    def __init__(self, port, lie):
        self.lie, self.asked, self.ended = lie, 0, False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((ADDRESS, port))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((ADDRESS, port))
        self.tcp.listen(16)
        for one in (self.udp, self.tcp):
            one.settimeout(0.1)
        self.threads = [threading.Thread(target=self.serve_udp), threading.Thread(target=self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    def serve_udp(self):
        while not self.ended:
            try:
                packet, peer = self.udp.recvfrom(4096)
            except TimeoutError:
                continue
            end = 12 + len(messages.wire_name(ORIGIN)) + 4
            self.udp.sendto(packet[:2] + struct.pack(">HHHHH", 0x8400, 1, 1, 0, 0) + packet[12:end] + soa(9), peer)

    def serve_tcp(self):
        while not self.ended:
            try:
                stream, _ = self.tcp.accept()
            except TimeoutError:
                continue
            with stream:
                stream.settimeout(5)
                try:
                    size = struct.unpack(">H", stream.recv(2))[0]
                    question = stream.recv(size)
                    self.asked += 1
                    self.lie(question, lambda m, s=stream: s.sendall(struct.pack(">H", len(m)) + m))
                except (OSError, struct.error):
                    pass

    def close(self):
        self.ended = True
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()


def is_ixfr(question):
    return question[12 + len(messages.wire_name(ORIGIN)) + 1] == 251


def endless(question, send):
    end = time.monotonic() + 1.5
    send(message(question, [soa(9), NS, LIE]))
    while time.monotonic() < end:
        send(message(question, [LIE] * 50))


LIES = {
    "breaks off": lambda q, send: send(message(q, [soa(9), NS, LIE])),
    "never ends": endless,
    "is not DNS": lambda q, send: send(b"\xff" * 40),
    "refuses": lambda q, send: send(message(q, [], 0x8405)),
    "another id": lambda q, send: send(message(bytes([q[0] ^ 1]) + q[1:], [soa(9), NS, LIE, soa(9)])),
    "ends with another serial": lambda q, send: send(message(q, [soa(9), NS, LIE, soa(8)])),
    "no name servers": lambda q, send: send(message(q, [soa(9), LIE, soa(9)])),
    "a name of others": lambda q, send: send(message(q, [soa(9), NS, record(1, b"\1\2\3\4", "other.example"), soa(9)])),
    "takes away what is not there, then breaks off": lambda q, send: send(
        message(q, [soa(9), soa(1), LIE, soa(9), soa(9)] if is_ixfr(q) else [soa(9), LIE])),
    "from a serial that is not ours": lambda q, send: send(
        message(q, [soa(9), soa(5), soa(9), LIE, soa(9)] if is_ixfr(q) else [soa(9), LIE])),
    "backwards": lambda q, send: send(message(q, [soa(9), soa(1), soa(0), LIE, soa(9)] if is_ixfr(q) else [LIE])),
    "more behind the end": lambda q, send: send(message(q, [soa(9), NS, LIE, soa(9), LIE])),
}


class Liars(unittest.TestCase):
    def test_every_lie_changes_nothing(self):
        honest, secondary = Placard(ORIGIN), Placard(ORIGIN)
        self.addCleanup(honest.stop)
        self.addCleanup(secondary.stop)
        text = zone_text(ORIGIN, 1, ["a A 192.0.2.7"])
        honest.start(text=text, more=f'allow_transfer = ["{ADDRESS}/32"]')
        honest.config.write_text(honest.config.read_text().replace(f'transfer_keys = ["{KEY}"]', ""))
        honest.stop()
        honest.run()
        secondary.start(primary=honest.port)
        secondary.config.write_text(secondary.config.read_text().replace(f'primary_key = "{KEY}"', ""))
        secondary.stop()
        secondary.run()
        until("the first transfer", lambda: secondary.serial() == 1, patience=120)
        before = secondary.axfr()
        honest.stop()
        for name, lie in LIES.items():
            with self.subTest(name):
                liar = LyingPrimary(honest.port, lie)
                try:
                    said = secondary.command("refresh", ORIGIN, check=False)
                finally:
                    liar.close()
                self.assertGreater(liar.asked, 0, said)
                self.assertNotIn("transferred", said)
                self.assertEqual(secondary.axfr(), before)
        self.assertEqual(dig(secondary.port, f"lie.{ORIGIN}", "A").status, "NXDOMAIN")
        secondary.stop()
        secondary.run()  # and nothing of it was kept
        self.assertEqual(secondary.axfr(), before)


if __name__ == "__main__":
    main()
