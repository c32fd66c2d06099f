"""Servers that are dead, silent, broken or lie: an answer or SERVFAIL with a reason, in time, and the next question works."""

import socket
import struct
import time
import unittest

from harness import NO_DNSSEC, Server
from liar import A_RECORD, Liar, question_of, reply

DEADLINE = 2.0  # recursion.deadline of these tests, seconds


LIES = {
    "says nothing": lambda m: [],
    "is not DNS": lambda m: [b"\xff" * 3, b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "an empty packet": lambda m: [b""],
    "the wrong id": lambda m: [reply(m, 0x8400, A_RECORD, (1, 0, 0), identifier=bytes([m[0] ^ 0xff, m[1]]))],
    "the wrong question": lambda m: [reply(m, 0x8400, A_RECORD, (1, 0, 0), question=b"\x05other\x03net\x00\x00\x01\x00\x01")],
    "a question, not an answer": lambda m: [reply(m, 0x0000)],
    "cut short": lambda m: [reply(m, 0x8400, A_RECORD[:-2], (1, 0, 0))],
    "more records than there are": lambda m: [reply(m, 0x8400, A_RECORD, (60000, 60000, 60000))],
    "a name that points at itself": lambda m: [reply(m, 0x8400, b"\xc0" + bytes([len(question_of(m)) + 12]) + A_RECORD[2:], (1, 0, 0))],
    "truncated, and no TCP": lambda m: [reply(m, 0x8600)],
    "format error": lambda m: [reply(m, 0x8401)],
    "server failure": lambda m: [reply(m, 0x8402)],
    "not implemented": lambda m: [reply(m, 0x8404)],
    "refused": lambda m: [reply(m, 0x8405)],
    "an rcode that nobody knows": lambda m: [reply(m, 0x840f)],
    "delegates upwards": lambda m: [reply(m, 0x8000, b"\x00" + struct.pack(">HHIH", 2, 1, 60, 20) + b"\x01a\x0croot-servers\x03net\x00"[:20], (0, 1, 0))],
}


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.kill()
        text = cls.server.config.read_text().replace("query_loopback", f"deadline = {int(DEADLINE * 1000)}\nquery_loopback")
        cls.server.config.write_text(text)

    def setUp(self):
        self.server.start()

    def tearDown(self):
        self.server.kill()

    def test_every_lie(self):
        for number, (name, lie) in enumerate(LIES.items()):
            with self.subTest(name):
                liar = Liar(self.server.box_port, lie)
                try:
                    begin = time.monotonic()
                    answer = self.server.dig(f"n{number}.silent.net")
                    took = time.monotonic() - begin
                finally:
                    liar.close()
                self.assertGreater(liar.asked, 0)
                self.assertEqual(answer.status, "SERVFAIL", answer)
                self.assertTrue(answer.ede, answer)
                self.assertEqual(answer.data("A"), [])
                self.assertLess(took, 9, "dig itself would give up at 10 s")
                self.assertEqual(self.server.dig(f"x{number}.wild.example.net").data("A"), ["192.0.2.20"])

    def test_tcp_that_breaks_off(self):
        liar = Liar(self.server.box_port, lambda m: [reply(m, 0x8600)], tcp_lie=lambda: b"\x40\x00only this")
        self.addCleanup(liar.close)
        answer = self.server.dig("tcp.silent.net")
        self.assertEqual(answer.status, "SERVFAIL", answer)
        self.assertTrue(answer.ede)

    def test_an_honest_server_after_the_lies(self):
        liar = Liar(self.server.box_port, lambda m: [reply(m, 0x8400, A_RECORD, (1, 0, 0))]
                    if question_of(m)[-4:-2] == b"\x00\x01" else [reply(m, 0x8400)])
        self.addCleanup(liar.close)
        self.assertEqual(self.server.dig("www.silent.net").data("A"), ["192.0.2.66"])

    def test_records_of_others_are_not_believed(self):
        poison = b"\x03www\x07example\x03org\x00" + A_RECORD[2:]
        liar = Liar(self.server.box_port, lambda m: [reply(m, 0x8400, A_RECORD + poison, (1, 0, 1))])
        self.addCleanup(liar.close)
        self.server.dig("www.silent.net")
        self.assertEqual(self.server.dig("www.example.org").data("A"), ["192.0.2.31"])

    def test_clients_that_send_rubbish(self):
        before = self.server.metrics()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            for packet in (b"", b"\x00", b"\xff" * 11, b"\x00" * 12, b"\xff" * 4096, struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0),
                           struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01",
                           struct.pack(">HHHHHH", 1, 0x8180, 1, 0, 0, 0) + b"\x00\x00\x01\x00\x01"):
                client.sendto(packet, ("127.0.0.1", self.server.port))
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=5) as client:
            client.sendall(b"\x00\x05GET /")
            client.shutdown(socket.SHUT_WR)
            client.recv(4096)
        self.assertEqual(self.server.dig("www.example.net").data("A"), ["192.0.2.11"])
        after = self.server.metrics()
        self.assertGreater(after["placard_dropped_total"] + after["placard_malformed_total"],
                           before["placard_dropped_total"] + before["placard_malformed_total"])

    def test_questions_that_are_not_for_a_resolver(self):
        self.assertEqual(self.server.dig("example.net", "AXFR").status, None)
        self.assertEqual(self.server.dig("example.net", "A", "+opcode=UPDATE").status, "FORMERR")  # RFC 2136 3.1.1
        self.assertIn(self.server.dig("example.net", "SOA", "+opcode=UPDATE").status, ("NOTAUTH", "REFUSED"))
        self.assertEqual(self.server.dig("www.example.net", "A", "+edns=1", "+noednsneg").status, "BADVERS")


def read_messages(client, count):
    """That many messages of a stream, one by one."""
    stream = client.makefile("rb")
    for _ in range(count):
        size, = struct.unpack(">H", stream.read(2))
        yield stream.read(size)


class ManyAtOnce(unittest.TestCase):
    """What is about whole zones leaves the worker and comes back in any order, on one connection too."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(box=False, dnssec=NO_DNSSEC)
        records = "".join(f'n{i} TXT "{"x" * 200}"\n' for i in range(4000))
        (cls.server.folder / "big.zone").write_text(f"$TTL 60\n@ SOA a a 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n{records}")
        cls.server.write_config('[[zone]]\nname = "big.test."\nfile = "big.zone"\nallow_transfer = ["127.0.0.0/8"]\n')
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def send(self, *packets):
        client = socket.create_connection(("127.0.0.1", self.server.port), timeout=20)
        self.addCleanup(client.close)
        client.sendall(b"".join(struct.pack(">H", len(packet)) + packet for packet in packets))
        return client

    def test_notifications_in_a_row(self):
        count = 100
        notify = [struct.pack(">HHHHHH", i, 4 << 11, 1, 0, 0, 0) + b"\x01x\x04test\x00\x00\x06\x00\x01" for i in range(count)]
        for _ in range(20):
            answers = list(read_messages(self.send(*notify), count))
            self.assertEqual({(answer[3] & 15) for answer in answers}, {9}, "NOTAUTH")
        self.assertEqual(self.server.dig("a.big.test").data("A"), ["192.0.2.1"])

    def test_transfers_side_by_side(self):
        axfr = [struct.pack(">HHHHHH", i, 0, 1, 0, 0, 0) + b"\x03big\x04test\x00\x00\xfc\x00\x01" for i in range(4)]
        client = self.send(*axfr)
        records = [0] * 4
        stream = read_messages(client, 10000)
        while min(records) < 4004:  # with the SOA at both ends
            answer = next(stream)
            records[answer[1]] += struct.unpack(">H", answer[6:8])[0]
        self.assertEqual(records, [4004] * 4)


if __name__ == "__main__":
    unittest.main()
