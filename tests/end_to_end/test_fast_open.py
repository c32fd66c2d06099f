"""TCP Fast Open towards servers, as the kernel counts it: in a network namespace of its own, where it may be switched on."""

import os
import socket
import struct
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from harness import NO_DNSSEC, Server, free_port
from liar import A_RECORD, reply

INSIDE = "PLACARD_FAST_OPEN_INSIDE"
SYSCTL = Path("/proc/sys/net/ipv4/tcp_fastopen")
TCP_FASTOPEN = 23


def counted(name):
    lines = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")]
    return int(dict(zip(lines[0][1:], lines[1][1:]))[name])


class OnlyOverTcp:
    """A server that answers over UDP with TC, and over TCP with one answer a connection."""

    def __init__(self):
        self.port = free_port(["127.0.0.1"])
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(16)
        for work in (self._udp, self._tcp):
            threading.Thread(target=work, daemon=True).start()

    def _udp(self):
        while True:
            question, peer = self.udp.recvfrom(4096)
            self.udp.sendto(reply(question, 0x8780), peer)

    def _tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            with connection:
                size = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
                answer = reply(connection.recv(size, socket.MSG_WAITALL), 0x8580, A_RECORD, (1, 0, 0))
                connection.sendall(struct.pack(">H", len(answer)) + answer)


@unittest.skipUnless(os.environ.get(INSIDE), "only inside a network namespace")
class FastOpen(unittest.TestCase):
    def ask_three_times(self, extra):
        upstream = OnlyOverTcp()
        server = Server(box=False, dnssec=NO_DNSSEC, extra=f'{extra}\n[[forward]]\nzone = "."\nservers = ["127.0.0.1:{upstream.port}"]\n').start()
        self.addCleanup(server.kill)
        before = counted("TCPFastOpenActive")
        for number in range(3):
            self.assertEqual(server.dig(f"n{number}.example.net").data("A"), ["192.0.2.66"])
        return counted("TCPFastOpenActive") - before

    def test_later_questions_travel_with_the_syn(self):
        SYSCTL.write_text("3")
        self.assertEqual(self.ask_three_times(""), 2, "the first one fetches the kernel's cookie")

    def test_where_it_is_not_wanted(self):
        SYSCTL.write_text("3")
        self.assertEqual(self.ask_three_times("[recursion]\ntcp_fast_open = false\n"), 0)

    def test_a_system_without_it_connects_as_ever(self):
        SYSCTL.write_text("0")
        self.assertEqual(self.ask_three_times(""), 0)


class Namespace(unittest.TestCase):
    @unittest.skipIf(os.environ.get(INSIDE), "inside already")
    def test_all_of_it(self):
        can = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
        if can.returncode != 0:
            self.skipTest(f"no network namespace can be made here: {can.stderr.strip()}")
        run = subprocess.run(["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, __file__],
                             env={**os.environ, INSIDE: "yes"}, capture_output=True, text=True, timeout=200, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
