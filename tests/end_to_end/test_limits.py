"""Each limit is seen to trip, and to let others through: response rate, cookies, fair shares, connections, ANY."""

import os
import select
import socket
import struct
import time
import unittest

from harness import Server, until
from liar import Liar


def question(name, kind=1, identifier=1, flags=0x0100, edns=True):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    opt = b"\x00" + struct.pack(">HHIH", 41, 1232, 0, 0) if edns else b""
    return struct.pack(">HHHHHH", identifier, flags, 1, 0, 0, 1 if edns else 0) + labels + b"\x00" + \
        struct.pack(">HH", kind, 1) + opt


def client_at(address):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind((address, 0))
    return client


def answers_to(client, seconds=1.0):
    """What comes until nothing more does for so long."""
    found = []
    while select.select([client], [], [], seconds)[0]:
        found.append(client.recv(65535))
    return found


def with_server_options(server, lines):
    text = server.config.read_text().replace("workers = 2", "workers = 1\n" + lines)
    server.config.write_text(text)
    return server


class Limits(unittest.TestCase):
    def serve(self, extra="", server_lines=""):
        server = with_server_options(Server(extra), server_lines)
        server.start()
        self.addCleanup(server.kill)
        return server

    def limited(self, server, reason):
        return server.metrics()[f'placard_limited_total{{limit="{reason}"}}']

    def test_response_rate(self):
        server = self.serve("[limits]\nexempt = []\nclient_responses = 10\n")
        self.assertEqual(server.dig("www.example.net", client="127.0.5.1").data("A"), ["192.0.2.11"])
        with client_at("127.0.5.2") as flood:
            for number in range(200):
                flood.sendto(question("www.example.net", identifier=number), ("127.0.0.1", server.port))
            answers = answers_to(flood)
        whole = [a for a in answers if not a[2] & 0x02]
        self.assertLess(len(whole), 40)
        self.assertGreater(len(answers), len(whole), "some slip")
        self.assertLess(len(answers), 160, "about half of what is held back is dropped")
        self.assertGreater(self.limited(server, "response_rate"), 100)
        self.assertEqual(server.dig("www.example.net", client="127.0.9.9").data("A"), ["192.0.2.11"])
        through = server.dig("www.example.net", "A", "+tcp", client="127.0.5.3")
        self.assertEqual(through.data("A"), ["192.0.2.11"], through)

    def test_cookies_required_and_rolled(self):
        server = self.serve()
        secrets = server.folder / "cookies"
        old, new = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
        secrets.write_text(old + "\n")
        server.kill()
        server.write_config(extra=f'[limits]\nexempt = []\n[cookies]\nrequired = true\nsecret_file = "{secrets}"\n')
        server.start()
        first = server.dig("www.example.net")  # dig comes again with the cookie that BADCOOKIE brings
        self.assertEqual(first.data("A"), ["192.0.2.11"], first)
        self.assertIn("(good)", first.text)
        cookie = first.text.split("COOKIE: ")[1].split()[0]
        self.assertGreater(server.metrics()['placard_answers_total{rcode="BADCOOKIE"}'], 0)
        without = server.dig("www.example.net", "A", "+nocookie", "+ignore")
        self.assertIn("tc", without.flags)

        def is_good(value):
            answer = server.dig("www.example.net", "A", f"+cookie={value}", "+nobadcookie")
            self.assertIn(answer.status, ("NOERROR", "BADCOOKIE"), answer)
            return answer.status == "NOERROR"

        self.assertTrue(is_good(cookie))
        self.assertFalse(is_good(cookie[:-2] + ("00" if cookie[-2:] != "00" else "11")))
        secrets.write_text(f"{new}\n{old}\n")
        server.ok("control", "reload")
        self.assertTrue(is_good(cookie), "the old secret is still accepted")
        secrets.write_text(f"{new}\n")
        server.ok("control", "reload")
        self.assertFalse(is_good(cookie))
        secrets.write_text("not a secret\n")
        self.assertIn("cookies.secret_file", server.fails("control", "reload"))
        self.assertEqual(server.dig("www.example.net").data("A"), ["192.0.2.11"])

    def test_hopeless_questions_of_one_client_leave_room(self):
        server = Server("")
        text = server.config.read_text().replace("workers = 2", "workers = 1")
        server.config.write_text(text.replace("query_loopback", "in_flight = 100\nquery_loopback"))
        server.start()
        self.addCleanup(server.kill)
        mute = Liar(server.box_port, lambda message: [])
        self.addCleanup(mute.close)
        with client_at("127.0.6.1") as flood:
            for number in range(400):
                flood.sendto(question(f"x{number}.silent.net", identifier=number), ("127.0.0.1", server.port))
            refused = until("refusals", lambda: [a for a in answers_to(flood, 0.05) if a[3] & 0x0f == 2])
            self.assertTrue(refused)
            for number in range(50):
                answer = server.dig(f"h{number}.wild.example.net", client="127.0.7.1")
                self.assertEqual(answer.data("A"), ["192.0.2.20"], answer)
                for more in range(8):
                    flood.sendto(question(f"y{number}-{more}.silent.net"), ("127.0.0.1", server.port))
        metrics = server.metrics()
        self.assertGreater(metrics['placard_limited_total{limit="client_share"}'] +
                           metrics['placard_limited_total{limit="zone_share"}'], 100)

    def test_any_is_small(self):
        server = self.serve("[limits]\nexempt = []\n")
        self.assertEqual(server.dig("example.net", "ANY", "+notcp", "+nocookie").data("HINFO"), ['"RFC8482" ""'])
        self.assertNotIn("HINFO", server.dig("www.example.net", "ANY", "+tcp").text.split("ANSWER SECTION")[1])

    def test_access_by_prefix(self):
        server = self.serve('[access]\nrecursion = ["127.0.0.0/8"]\nrefuse = ["127.0.2.0/24"]\ndrop = ["127.0.3.0/24"]\n'
                            'cache = ["127.0.0.0/24"]\n')
        self.assertEqual(server.dig("www.example.net").status, "NOERROR")
        refused = server.dig("www.example.net", client="127.0.2.1")
        self.assertEqual((refused.status, refused.ede[0][0]), ("REFUSED", 18))
        with client_at("127.0.3.1") as dropped:
            dropped.sendto(question("www.example.net"), ("127.0.0.1", server.port))
            until("the drop is counted", lambda: self.limited(server, "access_dropped") == 1)
            self.assertEqual(answers_to(dropped, 0.05), [])
        self.assertEqual(server.dig("www.example.net", "A", "+norecurse").data("A"), ["192.0.2.11"])
        referral = server.dig("new.example.net", "A", "+norecurse")
        self.assertEqual((referral.status, referral.answer), ("NOERROR", []))
        self.assertTrue(referral.authority)
        self.assertEqual(server.dig("www.example.net", "A", "+norecurse", client="127.0.4.1").status, "REFUSED")

    def test_connections_of_one_client(self):
        server = self.serve(server_lines="tcp_connections_per_client = 4")
        open_ones = []
        self.addCleanup(lambda: [one.close() for one in open_ones])
        for _ in range(8):
            open_ones.append(socket.create_connection(("127.0.0.1", server.port), timeout=5,
                                                      source_address=("127.0.6.1", 0)))
        closed = until("four are closed", lambda: [c for c in open_ones if select.select([c], [], [], 0)[0]])
        until("four are closed", lambda: sum(bool(select.select([c], [], [], 0)[0]) for c in open_ones) == 4)
        self.assertTrue(closed)
        self.assertEqual(server.dig("www.example.net", "A", "+tcp", client="127.0.7.1").data("A"), ["192.0.2.11"])
        until("it is counted", lambda: server.metrics()["placard_tcp_refused_total"] == 4)

    def test_dns64(self):
        server = self.serve('[dns64]\nprefixes = ["64:ff9b::/96"]\nclients = ["127.0.7.0/24"]\n')
        self.assertEqual(server.dig("four.example.net", "AAAA", client="127.0.7.1").data("AAAA"), ["64:ff9b::c000:20c"])
        self.assertEqual(server.dig("ipv4only.arpa", "AAAA", client="127.0.7.1").data("AAAA"),
                         ["64:ff9b::c000:aa", "64:ff9b::c000:ab"])
        self.assertEqual(server.dig("ipv4only.arpa", "AAAA").data("AAAA"), [])


if __name__ == "__main__":
    unittest.main()
