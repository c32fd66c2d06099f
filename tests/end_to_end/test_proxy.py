"""Behind a load balancer that speaks the PROXY protocol: access sees its clients; without a header nothing is answered."""

import select
import socket
import struct
import unittest

from harness import Server, until
from test_limits import client_at, question, with_server_options

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def header(client, protocol):
    return SIGNATURE + struct.pack(">BBH", 0x21, 0x10 | protocol, 12) + socket.inet_aton(client) + \
        socket.inet_aton("198.51.100.1") + struct.pack(">HH", 4097, 53)


class Proxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = with_server_options(Server('[access]\nrecursion = ["192.0.2.0/24"]\ncache = []\n'), 'proxies = ["127.0.8.0/24"]')
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def over_udp(self, packet, address="127.0.8.1"):
        with client_at(address) as balancer:
            balancer.sendto(packet, ("127.0.0.1", self.server.port))
            self.assertTrue(select.select([balancer], [], [], 10)[0], "no answer")
            return balancer.recv(4096)

    def over_tcp(self, start, count=1):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10, source_address=("127.0.8.1", 0)) as stream:
            stream.sendall(start)
            file = stream.makefile("rb")
            answers = []
            for _ in range(count):
                size = file.read(2)
                if len(size) < 2:
                    break
                answers.append(file.read(struct.unpack(">H", size)[0]))
            return answers

    def test_access_sees_the_client(self):
        asked = question("www.example.net")
        self.assertEqual(self.over_udp(header("192.0.2.7", 2) + asked)[3] & 0x0f, 0)
        self.assertEqual(self.over_udp(header("198.51.100.7", 2) + asked)[3] & 0x0f, 5)
        self.assertEqual(self.over_udp(asked, address="127.0.9.1")[3] & 0x0f, 5, "no balancer: a client like any")
        framed = struct.pack(">H", len(asked)) + asked
        self.assertEqual([a[3] & 0x0f for a in self.over_tcp(header("192.0.2.7", 1) + 2 * framed, 2)], [0, 0])
        self.assertEqual([a[3] & 0x0f for a in self.over_tcp(header("198.51.100.7", 1) + framed)], [5])

    def test_without_a_header_nothing_is_answered(self):
        before = self.server.metrics()["placard_malformed_proxy_total"]
        asked = question("www.example.net")
        with client_at("127.0.8.1") as balancer:
            for packet in (asked, SIGNATURE[:7], header("192.0.2.7", 2)[:20], b"PROXY TCP4 192.0.2.7 198.51.100.1 1 53\r\n"):
                balancer.sendto(packet, ("127.0.0.1", self.server.port))
            self.assertEqual(self.over_tcp(struct.pack(">H", len(asked)) + asked), [])
            until("all are counted", lambda: self.server.metrics()["placard_malformed_proxy_total"] == before + 5)
            self.assertFalse(select.select([balancer], [], [], 0)[0])


if __name__ == "__main__":
    unittest.main()
