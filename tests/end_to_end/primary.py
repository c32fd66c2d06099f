"""A primary of one policy zone, as small as one can be: SOA over UDP, AXFR and IXFR over TCP, each in one message."""

import socket
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "TXT": 16}
IXFR, AXFR = 251, 252


def wire_name(text):
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class Primary:
    """`versions`: serial to lines "OWNER TYPE DATA", owners below the zone; the last one is the zone's."""

    def __init__(self, zone, versions, authority=True):
        self.zone, self.versions, self.authority = zone, versions, authority
        self.asked = []  # ("SOA" or "AXFR", None), ("IXFR", their serial)
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        for serve in (self._udp, self._tcp):
            threading.Thread(target=serve, daemon=True).start()

    def close(self):
        for one in (self.udp, self.tcp):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def record(self, line):
        owner, kind, data = line.split(None, 2)
        name = wire_name(owner)[:-1] + wire_name(self.zone) if owner != "@" else wire_name(self.zone)
        if kind == "A":
            rdata = socket.inet_aton(data)
        elif kind == "TXT":
            rdata = bytes([len(data)]) + data.encode()
        else:
            rdata = wire_name(data)
        return name + struct.pack(">HHIH", TYPES[kind], 1, 300, len(rdata)) + rdata

    def soa(self, serial):
        rdata = wire_name("ns." + self.zone) * 2 + struct.pack(">5I", serial, 3600, 600, 86400, 60)
        return wire_name(self.zone) + struct.pack(">HHIH", TYPES["SOA"], 1, 300, len(rdata)) + rdata

    def answer(self, question):
        """To one message."""
        end = 12
        while question[end]:
            end += 1 + question[end]
        kind, = struct.unpack(">H", question[end + 1:end + 3])
        newest = max(self.versions)
        records = [self.soa(newest)]
        have = None
        if kind == IXFR:
            fields = question.index(struct.pack(">HH", TYPES["SOA"], 1), end + 5) + 10
            have, = struct.unpack(">I", question[fields + 2:fields + 6])  # behind two names that are the root
        self.asked.append(({IXFR: "IXFR", AXFR: "AXFR"}.get(kind, "SOA"), have))
        if kind == IXFR and have in self.versions:
            old, new = self.versions[have], self.versions[newest]
            records += [self.soa(have)] + [self.record(line) for line in old if line not in new]
            records += [self.soa(newest)] + [self.record(line) for line in new if line not in old]
        elif kind in (IXFR, AXFR):
            records += [self.record("@ NS ns.invalid.")] + [self.record(line) for line in self.versions[newest]]
        if kind in (IXFR, AXFR):
            records.append(self.soa(newest))
        flags = 0x8400 if self.authority else 0x8000
        return question[:2] + struct.pack(">5H", flags, 1, len(records), 0, 0) + question[12:end + 5] + b"".join(records)

    def _udp(self):
        while True:
            try:
                question, peer = self.udp.recvfrom(4096)
                if question:
                    self.udp.sendto(self.answer(question), peer)
            except OSError:
                if self.udp.fileno() < 0:
                    return

    def _tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
                with connection:
                    connection.settimeout(5)
                    answer = self.answer(connection.recv(4096)[2:])
                    connection.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                if self.tcp.fileno() < 0:
                    return


def notify(port, zone, source):
    """Says from `source` that there is something new; the response code."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((source, 0))
        udp.settimeout(5)
        udp.sendto(struct.pack(">6H", 4711, 0x2400, 1, 0, 0, 0) + wire_name(zone) + struct.pack(">HH", TYPES["SOA"], 1), ("127.0.0.1", port))
        return udp.recvfrom(512)[0][3] & 15
