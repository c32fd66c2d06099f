"""A name server that answers as a test tells it to, on the address that silent.net is delegated to."""

import socket
import struct
import threading


class Liar:
    """A name server on silent.net's address that answers each UDP question with what `lie` makes of it."""

    def __init__(self, port, lie, tcp_lie=None):
        self.lie, self.tcp_lie = lie, tcp_lie
        self.asked = 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.53.0.254", port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.53.0.254", port))
        if tcp_lie:
            self.tcp.listen(64)
            threading.Thread(target=self._tcp, daemon=True).start()
        threading.Thread(target=self._udp, daemon=True).start()

    def _udp(self):
        while True:
            try:
                question, peer = self.udp.recvfrom(4096)
                if not question:
                    return
                self.asked += 1
                for reply in self.lie(question):
                    self.udp.sendto(reply, peer)
            except OSError:
                return

    def _tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
                with connection:
                    connection.settimeout(5)
                    connection.recv(4096)
                    connection.sendall(self.tcp_lie())
            except OSError:
                if self.tcp.fileno() < 0:
                    return

    def close(self):
        for one in (self.udp, self.tcp):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


def question_of(message):
    end = 12
    while message[end]:
        end += 1 + message[end]
    return message[12:end + 5]


def reply(message, flags, answers=b"", counts=(0, 0, 0), identifier=None, question=None):
    question = question_of(message) if question is None else question
    identifier = message[:2] if identifier is None else identifier
    return identifier + struct.pack(">HHHHH", flags, 1 if question else 0, *counts) + question + answers


A_RECORD = b"\xc0\x0c" + struct.pack(">HHIH4B", 1, 1, 60, 4, 192, 0, 2, 66)
