"""The same policy zones (RPZ) in BIND and in Placard: thousands of generated rules and questions, the answers compared.

Both resolve from two NSDs in a network of their own, so that name servers have addresses that rules can be about. What
is compared: the code, TC, the answer section, and the TTLs of what a rule wrote; a question that a rule drops has no
answer at all. What BIND does otherwise by a slip of its own is in EXPLAINED. What differs on purpose has a test of its
own: BIND puts the policy zone's SOA into the additional section of what it rewrites, we put one where a negative answer
needs it (test_denials); a name without a rule hides no wildcard (test_hidden_wildcard).
"""

import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import authority
import harness
from messages import Message, name_text, question
from peers import main, peer
from policy_world import CLIENTS, PARENT, POLICIES, SERVERS, SOA, World, policy_zone, questions

SEED = int(os.environ.get("PLACARD_SEED", "20261123"))
QUESTIONS = 4000
OVER_TCP = 150  # of them, again
HERE = "127.0.0.1"  # asks these
AT_ONCE = 60
INSIDE = "PLACARD_RPZ_INSIDE"
WRITTEN = (b"\x0a\xfa", b"\x20\x01\x0d\xb8\x00\xfa", b"\x0alocal data", b"\x00\x0a\x04mail")  # how rules' data begin


class Asker:
    """Many questions at once from many addresses, each told by its number."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.sockets = {}
        for client in [*CLIENTS, HERE]:
            one = self.sockets[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.bind((client, 0))
            one.setblocking(False)

    def round(self, wanted, most, patience):
        """{number: answer} of the (number, client, name, type) that got one."""
        got, waiting, rest = {}, {}, list(reversed(wanted))
        while rest or waiting:
            while rest and len(waiting) < most:
                number, client, name, kind = rest.pop()
                self.sockets[client].sendto(question(name, kind, number=number, flags=0x0100), self.to)
                waiting[number] = time.monotonic()
            readable, _, _ = select.select(list(self.sockets.values()), [], [], 0.05)
            for one in readable:
                while True:
                    try:
                        wire = one.recv(4096)
                    except BlockingIOError:
                        break
                    number = struct.unpack(">H", wire[:2])[0]
                    if waiting.pop(number, None) is not None:
                        got[number] = wire
            late = time.monotonic() - patience
            for number in [number for number, since in waiting.items() if since < late]:
                del waiting[number]
        return got

    def ask(self, wanted):
        wanted = [(number, *one) for number, one in enumerate(wanted)]
        got = self.round(wanted, AT_ONCE, 0.7)
        left = [one for one in wanted if one[0] not in got]
        got.update(self.round(left, len(left) or 1, 3.0))  # what was only slow; what is dropped stays so
        for one in self.sockets.values():
            one.close()
        return [seen(got.get(number)) for number in range(len(wanted))]


def seen(wire):
    """What is compared of an answer. A TTL counts where a rule gave it, not where it runs down; the code of a truncated
    answer does not, since BIND's is that of the answer that the rule kept back, and we have asked nobody."""
    if wire is None:
        return "no answer"
    message = Message(wire)
    if message.tc:
        return "TC"
    return (message.rcode, sorted((name_text(owner), kind, ttl if rdata.startswith(WRITTEN) else None, rdata)
                                  for owner, kind, ttl, rdata in message.answer))


class Reasons:
    """What each says of one answer: BIND's lines about it, and our rules in order of precedence, the winner first."""

    def __init__(self, log, server, client, name, kind):
        self.bind = []
        for line in log.splitlines():
            if f" {client}#" in line and f" {name}/{kind}/" in line:
                self.bind += re.findall(r"rpz (?:rewrite )?(\S+) \S+ rewrite \S+ via (\S+)\.(\w+)\.policy", line)
        told = json.loads(server.command("why", name, "--client", client, "--json").stdout)
        self.rules = [(rule["list"], rule["match"].split()[0], rule["match"].rpartition("/")[2]) for rule in told["rules"]]
        self.text = "\n".join([f"  BIND: {hit}" for hit in self.bind] + [f"  Placard: {rule}" for rule in self.rules])

    def stops_early(self):
        """BIND goes from later zones to earlier ones, and ends where the zone it has come to has a shorter prefix for
        this address than that zone has for another one of the answer: what earlier zones say is not looked at."""
        order = list(POLICIES)
        kind, owner, zone = self.bind[-1] if self.bind else ("", "", "")
        first, trigger, length = self.rules[0] if self.rules else ("", "", "")
        return ((kind, trigger) in (("NSIP", "nsip"), ("IP", "response-ip")) and order.index(first) < order.index(zone)
                and int(length) < int(owner.split(".")[0]))

    def hidden_by_disabled(self):
        """BIND's search for an address ends at a disabled zone, which is only to be logged."""
        return any(zone == "logged" and kind in ("CLIENT-IP", "IP", "NSIP") for kind, _, zone in self.bind)


EXPLAINED = (Reasons.stops_early, Reasons.hidden_by_disabled)


def both(work):
    """{name: outcome} of two things done at once."""
    done = {}
    threads = [threading.Thread(target=lambda name=name, do=do: done.update({name: do()})) for name, do in work.items()]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return done


class Case(unittest.TestCase):
    """BIND and Placard with the same policy zones."""

    def tree(self, parent, children):
        for zones, addresses in ((parent, [PARENT]), (children, SERVERS)):
            files = {}
            for origin, text in zones.items():
                files[origin] = self.where / f"{origin or 'root'}.zone"
                files[origin].write_text(f"$ORIGIN {origin}.\n{text}")
            more = "".join(f" ip-address: {address}@53\n" for address in addresses[1:])
            running, asked = authority.start_nsd(files, address=addresses[0], port=53, settings=more)
            self.addCleanup(running.stop)
            asked.close()
        self.hints = self.where / "hints"
        self.hints.write_text(f". 3600000 NS ns.land.\nns.land. 3600000 A {PARENT}\n")

    def write_policies(self, texts):
        self.policies = {}
        for name, text in texts.items():
            self.policies[name] = self.where / f"{name}.rpz"
            self.policies[name].write_text(f"$ORIGIN {name}.policy.\n{text}")

    def bind(self):
        """Its port, once all policies are in force."""
        port = harness.free_port(["127.0.0.1"])
        config = self.where / "named.conf"
        zones = " ".join(f'zone "{name}.policy" max-policy-ttl 300 {POLICIES[name][0]};'
                         if "ttl" not in POLICIES[name][0] else f'zone "{name}.policy" {POLICIES[name][0]};'
                         for name in self.policies)
        config.write_text(
            f'options {{ directory "{self.where}"; pid-file none; session-keyfile "{self.where}/session.key";\n'
            f" listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion yes; allow-query {{ any; }};\n"
            " allow-recursion { any; }; dnssec-validation no; empty-zones-enable no; minimal-responses yes;\n"
            f" response-policy {{ {zones} }};\n}};\ncontrols {{ }};\n"
            f'zone "." {{ type hint; file "{self.hints}"; }};\n'
            + "".join(f'zone "{name}.policy" {{ type primary; file "{path}"; notify no; }};\n'
                      for name, path in self.policies.items()))
        running = peer("bind9").start("named", "-g", "-4", "-n", "1", "-c", config, folder=self.where)
        self.addCleanup(running.stop)
        self.bind_log = running.log

        def ready():
            said = running.log.read_text()
            assert running.alive, said
            return "running" in said and all(f"{name}.policy: reload done" in said for name in self.policies)
        harness.until("BIND with its policies", ready, patience=30)
        return port

    def placard(self):
        feeds = "".join(f'[[feed]]\nid = "{name}"\nformat = "rpz"\npath = "{path}"\nguards = "off"\nstate = "active"\n'
                        f"{POLICIES[name][1]}\n" for name, path in self.policies.items())
        server = harness.Server(box=False, dnssec=harness.NO_DNSSEC, extra=f"""
[recursion]
root_hints = "{self.hints}"
query_loopback = true
[limits]
exempt = ["127.0.0.0/8"]
{feeds}""").start()
        self.addCleanup(server.kill)
        return server

    def setUp(self):
        self.where = authority.folder()


class Differential(Case):
    def setUp(self):
        super().setUp()
        chance = random.Random(SEED)
        world = World(chance)
        self.tree(world.of_parent, world.zones)
        self.write_policies({name: policy_zone(name, world, chance) for name in POLICIES})
        asked = questions(world, chance, QUESTIONS)
        self.questions = asked[OVER_TCP:] + [(HERE, name, kind) for _, name, kind in asked[:OVER_TCP]]

    def check(self, asked, outcome):
        log, unexplained, count = self.bind_log.read_text(), [], 0
        for one, theirs, ours in zip(asked, outcome["BIND"], outcome["Placard"]):
            if theirs == ours:
                continue
            count += 1
            reasons = Reasons(log, self.server, *one)
            if not any(explains(reasons) for explains in EXPLAINED):
                unexplained.append(f"{' '.join(one)}\n  BIND:    {theirs}\n  Placard: {ours}\n{reasons.text}")
        self.assertEqual(unexplained, [], f"{len(unexplained)} of {len(asked)} differ (PLACARD_SEED={SEED}):\n"
                         + "\n".join(unexplained[:8]))
        self.assertLess(count, len(asked) / 20, "so much is not a slip")

    def test_answers_are_the_same(self):
        port = self.bind()
        self.server = self.placard()
        outcome = both({"BIND": lambda: Asker(port).ask(self.questions),
                        "Placard": lambda: Asker(self.server.port).ask(self.questions)})
        kinds = {answer if isinstance(answer, str) else answer[0] for answer in outcome["BIND"]}
        self.assertLessEqual({"no answer", "TC", "NXDOMAIN", "NOERROR", "YXDOMAIN"}, kinds)
        self.check(self.questions, outcome)

        # Over TCP, what BIND has not dropped.
        again = [one for one, answer in zip(self.questions, outcome["BIND"]) if one[0] == HERE and answer != "no answer"]

        def over_tcp(to):
            asked = authority.Asked(to)
            answers = [seen(asked.ask(name, kind, flags=0x0100).wire) for _, name, kind in again]
            asked.close()
            return answers
        self.check(again, both({"BIND": lambda: over_tcp(port), "Placard": lambda: over_tcp(self.server.port)}))


class Meant(Case):
    """What we do otherwise than BIND because we want to."""

    def setUp(self):
        super().setUp()
        zone = f"{SOA}@ NS ns\nns A {SERVERS[0]}\n* A 10.1.0.1\n*.deep A 10.1.0.1\n"
        parent = f"{SOA}@ NS ns.land.\nland. NS ns.land.\nns.land. A {PARENT}\n"
        land = f"{SOA}@ NS ns\nns A {PARENT}\na NS ns.a\nns.a A {SERVERS[0]}\n"
        self.tree({"": parent, "land": land}, {"a.land": zone})

    def answers(self, *wanted):
        port, server = self.bind(), self.placard()
        for name in wanted:
            answers = []
            for to in (port, server.port):
                asked = authority.Asked(to)
                answers.append(asked.ask(name, "A", flags=0x0100))
                asked.close()
            yield answers

    def test_hidden_wildcard(self):
        """To BIND x.deep.a.land has no rule: deep.a.land is a name of the policy zone, so *.a.land ends there (RFC 4592).
        Who blocks all below a name means all, and a longer name of the same list does not take it back."""
        self.write_policies({"first": f"{SOA}@ NS ns.land.\n*.a.land CNAME .\nwww.deep.a.land CNAME .\n"})
        theirs, ours = next(self.answers("x.deep.a.land"))
        self.assertEqual((theirs.rcode, ours.rcode), ("NOERROR", "NXDOMAIN"))

    def test_denials(self):
        """A SOA in the authority section tells how long a denial may be kept (RFC 2308); it is the rule's name's where the
        name was blocked, and that of the name asked where its servers or addresses were."""
        self.write_policies({"first": f"{SOA}@ NS ns.land.\n*.b.a.land CNAME .\nns.a.land.rpz-nsdname CNAME *.\n"})
        for name, code, owner in (("x.b.a.land", "NXDOMAIN", "b.a.land."), ("x.a.land", "NOERROR", "x.a.land.")):
            with self.subTest(name):
                theirs, ours = next(self.answers(name))
                self.assertEqual((theirs.rcode, ours.rcode), (code, code))
                self.assertEqual([(name_text(row[0]), row[1]) for row in theirs.additional], [("first.policy.", "SOA")])
                self.assertEqual([(name_text(row[0]), row[1], row[2]) for row in ours.authority], [(owner, "SOA", 300)])
                self.assertEqual((theirs.authority, ours.additional), (frozenset(), frozenset()))


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        main()
    try:
        for package in ("nsd", "bind9"):
            peer(package)  # while there is a network
    except unittest.SkipTest as reason:
        print(f"SKIP: {reason}")
        sys.exit(77)
    can = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    if can.returncode != 0:
        print(f"SKIP: no network namespace here: {can.stderr.strip()}")
        sys.exit(77)
    inside = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
    sys.exit(subprocess.run(inside, env=dict(os.environ, **{INSIDE: "1"}), check=False).returncode)
