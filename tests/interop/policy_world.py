"""A tree of zones and policy zones (RPZ) about what is in it, all made by chance from a seed.

Every zone has servers and addresses of its own, so that rules of all five triggers have something to be about. What
would only compare how wildcards of a policy zone are read is left out of them (`without_hidden`).
"""

import ipaddress

ZONES = 150
PARENT = "127.54.0.1"  # serves the root, land., targets.land. and garden.land.; its children have servers of their own
SERVERS = [f"127.54.1.{1 + number}" for number in range(40)]
CLIENTS = [f"127.0.0.{2 + number}" for number in range(60)]
LONG = ".".join(letter * 40 for letter in "abcd")  # a name below which *.LONG-GARDEN has no room
LONG_GARDEN = ".".join(letter * 30 for letter in "ghij") + ".garden.land"
TTL = 300
SOA = f"$TTL {TTL}\n@ SOA ns.land. hostmaster.land. 1 3600 600 864000 60\n"

# BIND's zone option, and ours, for each of the policy zones in their order.
POLICIES = {
    "first": ("", ""),
    "tcp": ("policy tcp-only", 'policy = "tcp-only"'),
    "second": ("max-policy-ttl 120", "max_ttl = 120"),
    "logged": ("policy disabled", 'policy = "disabled"'),
    "denied": ("policy nxdomain", 'policy = "nxdomain"'),
    "empty": ("policy nodata", 'policy = "nodata"'),
    "let": ("policy passthru", 'policy = "passthru"'),
    "sent": ("policy cname moved.targets.land", 'policy = "cname"\ntarget = "moved.targets.land"'),
    "third": ("", ""),
    "dropped": ("policy drop", 'policy = "drop"'),
    "last": ("policy given", 'policy = "given"'),
}
RULES = {"first": 900, "second": 1200, "third": 1500, "last": 1500, "dropped": 40}  # 100 of the others


class World:
    """`zones`: origin to text, those of the parent in `of_parent`."""

    def __init__(self, chance):
        self.names, self.addresses, self.servers = [], [], []
        land = [f"{SOA}@ NS ns.land.\nns A {PARENT}\nwww A 10.200.0.1"]
        self.of_parent = {"": f"{SOA}@ NS ns.land.\nland. NS ns.land.\nns.land. A {PARENT}\n"}
        for origin in ("garden", "targets"):
            land.append(f"{origin} NS ns.{origin}\nns.{origin} A {PARENT}")
            self.of_parent[f"{origin}.land"] = f"{SOA}@ NS ns\nns A {PARENT}\n* A 10.201.0.1\n* AAAA 2001:db8:c9::1\n"
        self.zones = {}
        for number in range(ZONES):
            land += self.delegation(number)
            self.zones[f"d{number}.land"] = self.zone(number, chance)
        self.of_parent["land"] = "\n".join(land) + "\n"

    @staticmethod
    def servers_of(number):
        return SERVERS[number % 40], SERVERS[(number * 7 + 3) % 40]

    def delegation(self, number):
        for host, address in enumerate(self.servers_of(number), 1):
            self.servers.append(f"ns{host}.d{number}.land")
            yield f"d{number} NS ns{host}.d{number}\nns{host}.d{number} A {address}"

    def zone(self, number, chance):
        origin = f"d{number}.land"
        own, other = self.servers_of(number)
        lines = [f"@ NS ns1\n@ NS ns2\nns1 A {own}\nns2 A {other}"]

        def add(name, kind, data):
            lines.append(f"{name} {kind} {data}")
            if kind in ("A", "AAAA"):
                self.addresses.append(data)

        for host in range(8):
            name = f"w{host}" if host % 2 else f"w{host}.sub"
            for _ in range(2 if host % 3 == 0 else 1):
                add(name, "A", f"10.{number}.{host}.{chance.randrange(256)}")
            if host % 4 == 0:
                add(name, "AAAA", f"2001:db8:{number:x}:{host}::{chance.randrange(1, 65536):x}")
            add(name, "TXT", f'"of {number} {host}"')
            self.names.append(f"{name}.{origin}")
        for alias in range(3):
            host = chance.choice(["w1", "w3", "none", "c0" if alias else "w5"])
            add(f"c{alias}", "CNAME", f"{host}.d{chance.randrange(ZONES)}.land.")
            self.names.append(f"c{alias}.{origin}")
        add("*.wild", "A", f"10.{number}.99.1")
        add(f"{LONG}", "A", f"10.{number}.98.1")
        self.names += [f"x.wild.{origin}", f"none.{origin}", f"{LONG}.{origin}", origin]
        return SOA + "\n".join(lines) + "\n"


def prefix_owner(address, length):
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    if network.version == 4:
        return f"{length}." + ".".join(reversed(str(network.network_address).split(".")))
    # BIND leaves out what is not written as it would: "zz" for the first longest run of zeros, as "::" has it.
    text = network.network_address.compressed
    head, _, tail = text.partition("::")
    words = head.split(":") + ["zz"] * ("::" in text) + tail.split(":")
    return f"{length}." + ".".join(word for word in reversed(words) if word)


def trigger(world, chance):
    kind = chance.choices(("name", "below", "answer", "client", "server", "server-address"), (60, 15, 30, 1, 2, 0.6))[0]
    if kind == "name":
        return chance.choice(world.names)
    if kind == "below":
        name = chance.choice(world.names)
        return "*." + chance.choice([name, name.split(".", 1)[1] if name.count(".") > 1 else name])
    if kind == "answer":
        address = chance.choice(world.addresses)
        length = chance.choice((48, 64, 112, 128) if ":" in address else (24, 28, 30, 31, 32))
        return prefix_owner(address, length) + ".rpz-ip"
    if kind == "client":
        return prefix_owner(chance.choice(CLIENTS[:20]), chance.choice((30, 31, 32, 32))) + ".rpz-client-ip"
    if kind == "server":
        name = chance.choice(world.servers)
        return chance.choice([name, "*." + name.split(".", 1)[1]]) + ".rpz-nsdname"
    return prefix_owner(chance.choice(SERVERS), chance.choice((31, 32, 32))) + ".rpz-nsip"


def action(chance):
    return chance.choices((
        ["CNAME ."], ["CNAME *."], ["CNAME rpz-passthru."], ["CNAME rpz-drop."], ["CNAME rpz-tcp-only."],
        [f"CNAME t{chance.randrange(9)}.targets.land."], ["CNAME *.garden.land."], [f"CNAME *.{LONG_GARDEN}."],
        [f"A 10.250.0.{chance.randrange(256)}", "A 10.250.1.1"], [f"AAAA 2001:db8:fa::{chance.randrange(1, 999):x}"],
        ['TXT "local data"', "MX 10 mail.garden.land."]), (20, 15, 15, 1, 8, 12, 6, 3, 10, 4, 5))[0]


def without_hidden(owners):
    """These owners without those that bring in a name which has no rule of its own and stands below a wildcard: to BIND
    the wildcard no longer holds for that name and what is below it (RFC 4592), to us it does (test_hidden_wildcard)."""
    wild = {owner[2:] for owner in owners if owner.startswith("*.")}

    def hides(owner):
        base = owner.removeprefix("*.")
        labels = base.split(".")
        above = [".".join(labels[at:]) for at in range(1, len(labels))]
        covered = [name for name in above if name in wild]
        return covered and (covered[0] != above[0] or (base != owner and base not in owners))
    left = [owner for owner in owners if not hides(owner)]
    return left if len(left) == len(owners) else without_hidden(left)


def policy_zone(name, world, chance):
    """Its text, with at most one rule an owner: BIND refuses a zone where a CNAME has company."""
    owners = dict.fromkeys(trigger(world, chance) for _ in range(RULES.get(name, 100)))
    lines = [f"{SOA}@ NS ns.land."]
    for owner in without_hidden(owners):
        lines += [f"{owner} {record}" for record in action(chance)]
    return "\n".join(lines) + "\n"


def questions(world, chance, count):
    """(client, name, type) each."""
    return [(chance.choice(CLIENTS), chance.choice(world.names),
             chance.choices(("A", "AAAA", "TXT", "MX", "CNAME"), (6, 2, 2, 1, 1))[0]) for _ in range(count)]
