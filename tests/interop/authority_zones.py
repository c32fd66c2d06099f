"""Zones with something of everything, and questions about them.

The same text stands under several origins: plain, and signed with NSEC, NSEC3 and NSEC3 with opt-out by two signers.
"""

import random
import re

# Below @, at least one name for each case of RFC 1034 4.3.2 and its successors.
TEXT = r"""
$TTL 3600
@               IN SOA ns1 hostmaster 2026010101 7200 3600 1209600 300
@               NS ns1
@               NS ns2
@               NS ns.example.net.
@               MX 10 mail
@               MX 20 mail.example.net.
@               TXT "apex" "two strings"
@               A 192.0.2.1
@               AAAA 2001:db8::1
@               CAA 0 issue "ca.example.net"
ns1             A 192.0.2.53
ns2             AAAA 2001:db8::53
mail            A 192.0.2.25
mail            AAAA 2001:db8::25
www             A 192.0.2.80
www             A 192.0.2.81
www             AAAA 2001:db8::80
www             TXT "with a \"quote\" and a ; semicolon"
MiXeD           A 192.0.2.2
; aliases
alias           CNAME www
c1              CNAME c2
c2              CNAME c3
c3              CNAME www
c-out           CNAME www.example.net.
c-gone          CNAME nowhere
c-nodata        CNAME mail
c-ent           CNAME b.ent
c-wild          CNAME anything.wild
c-wildgone      CNAME x.y.wild
c-cut           CNAME host.sub
c-d             CNAME x.d
c-self          CNAME c-self
loop1           CNAME loop2
loop2           CNAME loop1
; DNAME
d               DNAME dtarget
d               TXT "beside a DNAME"
x.dtarget       A 192.0.2.3
y.dtarget       CNAME z.d
z.dtarget       TXT "by a DNAME twice"
dtarget         A 192.0.2.4
d-out           DNAME example.net.
d-own           DNAME below.d-own
d-a             DNAME d-b
d-b             DNAME d-a
d-cut           DNAME sub
d-gone          DNAME nowhere
d-wild          DNAME wild
d-long          DNAME {long}
; wildcards
*.wild          A 192.0.2.99
*.wild          TXT "wild"
x.wild          TXT "a name beside the wildcard"
*.walias        CNAME www
*.wgone         CNAME nowhere
*.wout          CNAME www.example.net.
*.wmx           MX 10 a.wild
a.b.*.went      A 192.0.2.5
*.deep          A 192.0.2.6
a.b.c.deep      A 192.0.2.7
*.wns           NS ns.example.net.
*.wsrv          SRV 0 0 1 www
; empty non-terminals
a.b.ent         A 192.0.2.8
; delegations
sub             NS ns.sub
sub             NS ns1
ns.sub          A 192.0.2.60
ns.sub          AAAA 2001:db8::60
host.sub        A 192.0.2.61
sibling         NS ns.sub
outside         NS ns.example.net.
many            NS a.many
many            NS b.many
many            NS c.outside
a.many          A 192.0.2.62
b.many          AAAA 2001:db8::62
c.outside       A 192.0.2.63
secure          NS ns.secure
secure          DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secure       A 192.0.2.64
u.v.optent      NS ns.example.net.
s.t.secent      NS ns.example.net.
s.t.secent      DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
under.sub.host  A 192.0.2.65
; what names other names
mx-cut          MX 10 host.sub
mx-wild         MX 10 some.wild
mx-alias        MX 10 alias
mx-many         MX 1 www
mx-many         MX 2 mail
mx-many         MX 3 ns1
_sip._tcp       SRV 1 2 5060 www
_sip._tcp       SRV 1 2 5060 mail.example.net.
naptr           NAPTR 1 2 "s" "SIP+D2T" "" _sip._tcp
naptr           NAPTR 1 2 "a" "SIP+D2U" "" mail
naptr           NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x@example.net!" .
afsdb           AFSDB 1 www
rt              RT 10 mail
kx              KX 10 mail
ptr             PTR www
rp              RP mail www
svcb            SVCB 1 www alpn="h2"
svcb-self       SVCB 1 . port=8080
svcb-self       A 192.0.2.9
svcb-alias      SVCB 0 svcb
https           HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.80
https-out       HTTPS 0 www.example.net.
; odd types and odd names
hinfo           HINFO "PDP-11" "UNIX"
loc             LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
sshfp           SSHFP 2 1 123456789abcdef67890123456789abcdef67890
_443._tcp       TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
uri             URI 10 1 "https://example.net/"
apl             APL 1:192.0.2.0/24 !2:2001:db8::/32
unknown         TYPE65280 \# 4 01020304
dot\.ted        A 192.0.2.10
sp\032ace       A 192.0.2.11
\000\255        A 192.0.2.12
under_score     TXT "under"
{label}         A 192.0.2.13
"""
BIG = "".join(f"big             A 192.0.3.{i}\n" for i in range(1, 101)) + "".join(
    f'bigtxt          TXT "{i:03} {"x" * 200}"\n' for i in range(1, 31))

QUESTION_TYPES = ("A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "DNAME", "DS", "DNSKEY", "SRV", "PTR", "NSEC", "NSEC3",
                  "NSEC3PARAM", "SVCB", "HTTPS", "NAPTR", "CAA", "TYPE65280", "TYPE64000")


def text():
    return TEXT.format(long=".".join(["l" * 63, "m" * 63, "n" * 63]), label="o" * 63) + BIG


def owners():
    """Names of the text, relative, and every name above them."""
    names = set()
    for line in text().splitlines():
        if line and line[0] not in "$; ":
            owner = line.split()[0]
            while owner and owner != "@":
                names.add(owner)
                parts = re.split(r"(?<!\\)\.", owner, maxsplit=1)
                owner = parts[1] if len(parts) == 2 else ""
    return ["", *sorted(names)]


def questions(origin, count, seed):
    """(name, type) about one zone: its names, names above, below, beside and between, in any case."""
    dice = random.Random(f"{seed} {origin}")
    names = owners()
    for _ in range(count):
        name = dice.choice(names)
        shape = dice.random()
        if shape < 0.25:
            name = ".".join(filter(None, ["".join(dice.choices("abcxyz0189-_", k=dice.randint(1, 12))), name]))
        elif shape < 0.33:
            name = ".".join(filter(None, [dice.choice(("x", "a.b", "www", "*", "ns1", "x.y", "z", "q.w.e")), name]))
        elif shape < 0.37:
            name = ".".join(filter(None, [dice.choice(names), name]))
        elif shape < 0.39:
            name = ".".join(filter(None, ["x" * dice.choice((62, 63)), "y" * 63, name]))
        if dice.random() < 0.1:
            name = "".join(c.upper() if dice.random() < 0.5 else c for c in name)
        full = ".".join(filter(None, [name, origin]))
        if len(full) > 240 or (name and "\\" in name and shape < 0.39):
            continue
        kind = "A" if dice.random() < 0.3 else dice.choice(QUESTION_TYPES)
        yield full, kind
