"""DNS messages as sets, without a library: what two servers said is compared, not how they packed it."""

import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18,
         "RT": 21, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "KX": 36, "CERT": 37, "DNAME": 39, "OPT": 41, "APL": 42,
         "DS": 43, "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "DHCID": 49, "NSEC3": 50, "NSEC3PARAM": 51,
         "TLSA": 52, "CDS": 59, "CDNSKEY": 60, "ZONEMD": 63, "SVCB": 64, "HTTPS": 65, "SPF": 99, "ANY": 255, "URI": 256,
         "CAA": 257}
NAMES = {number: name for name, number in TYPES.items()}
# Where names that may be compressed stand in rdata: octets before them, how many, octets behind.
LAYOUT = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 33: (6, 1),
          36: (2, 1), 39: (0, 1)}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN"}


def type_name(number):
    return NAMES.get(number, f"TYPE{number}")


def wire_name(text):
    """Of presentation form, escapes and all."""
    out, label, i = b"", b"", 0
    text = text.rstrip(".") if not text.endswith("\\.") else text
    while i < len(text):
        if text[i] == "\\" and text[i + 1:i + 4].isdigit():
            label += bytes([int(text[i + 1:i + 4])])
            i += 4
        elif text[i] == "\\":
            label += text[i + 1].encode()
            i += 2
        elif text[i] == ".":
            out, label, i = out + bytes([len(label)]) + label, b"", i + 1
        else:
            label += text[i].encode()
            i += 1
    if label:
        out += bytes([len(label)]) + label
    return out + b"\0"


def name_text(wire):
    labels, i = [], 0
    while wire[i]:
        label = wire[i + 1:i + 1 + wire[i]]
        labels.append("".join(chr(c) if chr(c).isalnum() or c in b"-_*" else f"\\{c:03}" for c in label))
        i += 1 + wire[i]
    return ".".join(labels) + "."


def read_name(message, at):
    """The name, uncompressed, and the offset behind it."""
    out, end, jumps = b"", None, 0
    while True:
        size = message[at]
        if size >= 0xc0:
            end = end or at + 2
            at = (size & 0x3f) << 8 | message[at + 1]
            jumps += 1
            assert jumps < 100, "a loop of compression pointers"
        elif size == 0:
            return out + b"\0", end or at + 1
        else:
            out += message[at:at + 1 + size]
            at += 1 + size


def question(name, kind, dnssec=False, number=0, udp_size=1232, edns=True, flags=0):
    head = struct.pack(">HHHHHH", number, flags, 1, 0, 0, 1 if edns else 0)
    opt = b"\0" + struct.pack(">HHIH", 41, udp_size, 0x8000 if dnssec else 0, 0) if edns else b""
    return head + wire_name(name) + struct.pack(">HH", TYPES.get(kind) or int(kind[4:]), 1) + opt


class Message:
    """Sections are sets of (owner, type, ttl, rdata): owners and names in rdata lower-cased. `wire` is as it came."""

    def __init__(self, wire):
        self.wire = wire
        self.id, flags, *counts = struct.unpack(">HHHHHH", wire[:12])
        self.rcode = RCODES.get(flags & 15, str(flags & 15))
        self.aa, self.tc = bool(flags & 0x400), bool(flags & 0x200)
        at = 12
        for _ in range(counts[0]):
            self.asked, at = read_name(wire, at)
            at += 4
        self.rows = [[], [], []]  # as they stand
        for section in range(3):
            for _ in range(counts[section + 1]):
                at = self._record(at, self.rows[section])
        assert at == len(wire), "octets behind the message"
        self.answer, self.authority, self.additional = (frozenset(rows) for rows in self.rows)

    def _record(self, at, rows):
        owner, at = read_name(self.wire, at)
        kind, _, ttl, size = struct.unpack(">HHIH", self.wire[at:at + 10])
        at += 10
        end, rdata = at + size, self.wire[at:at + size]
        if kind in LAYOUT:
            fixed, names = LAYOUT[kind]
            rdata, behind = self.wire[at:at + fixed], at + fixed
            for _ in range(names):
                name, behind = read_name(self.wire, behind)
                rdata += name.lower()
            rdata += self.wire[behind:end]
        if kind != 41:
            rows.append((owner.lower(), type_name(kind), ttl, rdata))
        return end

    def types(self, section):
        return {row[1] for row in getattr(self, section)}

    def __str__(self):
        lines = [f"{self.rcode}{' AA' if self.aa else ''}{' TC' if self.tc else ''}"]
        for title, section in (("answer", self.answer), ("authority", self.authority), ("additional", self.additional)):
            for owner, kind, ttl, rdata in sorted(section):
                covered = f"({type_name(struct.unpack('>H', rdata[:2])[0])})" if kind == "RRSIG" else ""
                shown = name_text(rdata[LAYOUT[kind][0]:]) if kind in LAYOUT else rdata[:24].hex()
                lines.append(f"  {title:<10} {name_text(owner)} {ttl} {kind}{covered} {shown}")
        return "\n".join(lines)
