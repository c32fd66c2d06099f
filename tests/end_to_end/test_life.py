"""Starting, reloading and ending the server, and everything that can be wrong with that."""

import signal
import socket
import subprocess
import threading
import unittest

from decisions import decision, rule
from harness import BINARY, BOX, Server, until


def one_line(text):
    return len(text.strip().splitlines()) == 1


class Ending(unittest.TestCase):
    def test_signals_end_it_cleanly(self):
        for sign in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(sign):
                server = Server().start()
                server.dig("www.example.net")
                self.assertEqual(server.stop(sign), 0, server.log.read_text())
                server.start()
                self.assertEqual(server.stop(sign), 0)

    def test_it_ends_with_questions_in_flight_and_connections_open(self):
        server = Server().start()
        self.addCleanup(server.kill)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, \
                socket.create_connection(("127.0.0.1", server.port)), \
                socket.create_connection(("127.0.0.1", server.notice_port)):
            silent.bind(("127.53.0.254", server.box_port))
            digging = threading.Thread(target=server.dig, args=("www.silent.net", "A", "+time=3"))
            digging.start()
            until("the question is in flight", lambda: server.metrics()["placard_resolutions_in_flight"] > 0)
            self.assertEqual(server.stop(), 0, server.log.read_text())
            digging.join()

    def test_the_log_names_no_client(self):
        server = Server().start()
        for name in ("www.example.net", "www.dead.net", "kiwifarms.net"):
            server.dig(name, client="127.0.0.77")
        server.stop()
        self.assertNotIn("127.0.0.77", server.log.read_text())


class Refusing(unittest.TestCase):
    def refuses(self, server, *words):
        code, output, errors = server.run_to_end()
        self.assertGreater(code, 0, output + errors)
        self.assertNotIn("ready", output)
        for word in words:
            self.assertIn(word, errors)
        return errors

    def test_a_port_in_use(self):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with self.subTest(kind):
                server = Server()
                with socket.socket(socket.AF_INET, kind) as taken:
                    taken.bind(("127.0.0.1", server.port))
                    if kind == socket.SOCK_STREAM:
                        taken.listen()
                    self.assertTrue(one_line(self.refuses(server, "127.0.0.1", str(server.port), "in use")))

    def test_the_notice_port_in_use(self):
        server = Server()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
            taken.bind(("127.0.0.1", server.notice_port))
            taken.listen()
            self.assertTrue(one_line(self.refuses(server, str(server.notice_port), "in use")))

    def test_a_second_server_on_the_same_state(self):
        first = Server().start()
        self.addCleanup(first.kill)
        second = Server()
        second.config.write_text(second.config.read_text().replace(str(second.state), str(first.state)))
        self.refuses(second)
        self.assertEqual(first.dig("www.example.net").data("A"), ["192.0.2.11"], "the first goes on")

    def test_a_state_folder_that_cannot_be(self):
        server = Server()
        server.state.rmdir()
        server.state.write_text("a file, where a folder should be")
        self.assertTrue(one_line(self.refuses(server, str(server.state))))

    def test_a_state_folder_whose_place_is_not_there(self):
        server = Server()
        missing = server.folder / "no" / "such"
        server.config.write_text(server.config.read_text().replace(str(server.state), str(missing)))
        self.assertTrue(one_line(self.refuses(server, str(missing))))
        self.assertFalse(missing.parent.exists())

    def test_a_zone_file_that_is_missing_or_broken(self):
        """check refuses it; serve says so and goes on with the other zones: one file must not take them all down."""
        server = Server()
        zone = server.folder / "broken.zone"
        server.write_config(f'[[zone]]\nname = "broken.example"\nfile = "{zone}"\n')
        line = server.config.read_text()[:server.config.read_text().index('[[zone]]\nname = "broken')].count("\n") + 1
        self.assertIn(f"{server.config}:{line}", server.fails("check"), "the place that names it")
        self.assertIn(str(zone), server.fails("check"))
        zone.write_text("broken.example. 3600 IN SOA a. b. 1 2 3 4 5\nwww.broken.example. 3600 IN A not-an-address\n")
        self.assertIn(f"{zone}:2", server.fails("check"))
        server.start()
        self.addCleanup(server.kill)
        self.assertIn(f"{zone}:2", server.log.read_text())
        self.assertEqual(server.dig("www.example.net").data("A"), ["192.0.2.11"])
        self.assertEqual(server.dig("www.broken.example").status, "SERVFAIL", "ours, so nobody else is asked")

    def test_a_store_that_is_no_store(self):
        server = Server()
        (server.state / "policy.db").write_bytes(b"this is no database" * 1000)
        self.refuses(server, "policy.db")
        self.assertEqual((server.state / "policy.db").read_bytes(), b"this is no database" * 1000, "it is left as it was")

    def test_a_configuration_that_is_not_there(self):
        server = Server()
        server.config.unlink()
        self.assertTrue(one_line(self.refuses(server, str(server.config))))


class Check(unittest.TestCase):
    def test_a_good_configuration(self):
        self.assertEqual(Server().command("check").returncode, 0)

    def test_each_problem_is_named_with_its_place(self):
        server = Server()
        for text, words in {
            "[server]\nlistne = []\n": [":2:", "server.listne", "listen"],
            "[sever]\n": [":1:", "sever", "server"],
            "[cache]\nmax_ttl = \"long\"\n": [":2:", "cache.max_ttl"],
            "[cache]\n\nmax_ttl = 0\n": [":3:", "cache.max_ttl", "between"],
            "[[view]]\nclients = [\"nowhere\"]\n": [":2:", "view.clients", "nowhere"],
            "[server\n": [":1:"],
            "[[zone]]\nname = \"example.org\"\n": ["zone example.org.", "neither a file nor primaries"],
            "[[zone]]\nname = \"c.example\"\ncatalog = \"produce\"\nsign = true\n": ["no signatures"],
            "[[zone]]\nname = \"c.example\"\ncatalog = \"produce\"\npolicy_of = \"nz\"\n": ["no policy_of"],
        }.items():
            with self.subTest(text):
                server.config.write_text(text)
                errors = server.fails("check")
                for word in [str(server.config), *words]:
                    self.assertIn(word, errors)

    def test_all_problems_are_told_at_once(self):
        server = Server()
        server.config.write_text("[cache]\nmax_ttl = 0\nmin_ttl = -1\nwhat = 1\n")
        self.assertEqual(len(server.fails("check").strip().splitlines()), 3)

    def test_the_example_is_a_configuration(self):
        server = Server()
        example = subprocess.run([BINARY, "options"], capture_output=True, text=True, check=True).stdout
        server.config.write_text(example)
        self.assertEqual(server.command("check").returncode, 0)
        for key in ("upstream_port", "notice_addresses", "qname_minimisation"):
            self.assertIn(key, example)


class Reloading(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.kill)
        self.server.decide(decision("reload", rule("example.org")))
        self.assertEqual(self.server.dig("example.org").ttl(), 1)

    def reload(self, counter):
        before = self.server.metrics()[counter]
        self.server.process.send_signal(signal.SIGHUP)
        until(counter, lambda: self.server.metrics()[counter] > before)

    def test_what_can_change_changes(self):
        self.server.policy_ttl = 60
        self.server.write_config()
        self.reload("placard_reloads_total")
        self.assertEqual(self.server.dig("example.org").ttl(), 60)
        self.assertIn(f"reloaded {self.server.config}\n", self.server.log.read_text())

    def test_a_broken_configuration_changes_nothing(self):
        self.server.policy_ttl = 60
        self.server.write_config('[cache]\nmax_ttl = "long"\n')
        self.reload("placard_reload_failures_total")
        self.assertEqual(self.server.dig("example.org").ttl(), 1)
        self.assertIn("cache.max_ttl", self.server.log.read_text())
        for line in self.server.log.read_text().splitlines():
            self.assertTrue(line.startswith("placard: "), line)

    def test_what_is_fixed_refuses_the_whole_of_it(self):
        self.server.policy_ttl = 60
        self.server.write_config("[cache]\nmax_ttl = 5\n")
        self.reload("placard_reload_failures_total")
        self.assertEqual(self.server.dig("example.org").ttl(), 1)
        self.assertIn("cache.max_ttl", self.server.log.read_text())

    def test_a_zone_that_broke_keeps_being_served(self):
        zone = self.server.folder / "own.zone"
        good = "@ 3600 SOA a b 1 2 3 4 5\n@ 3600 NS a\na 3600 A 192.0.2.1\n"
        zone.write_text("$ORIGIN own.example.\n" + good)
        self.server.write_config(f'[[zone]]\nname = "own.example"\nfile = "{zone}"\n')
        self.reload("placard_reloads_total")
        self.assertEqual(self.server.dig("a.own.example").data("A"), ["192.0.2.1"])
        zone.write_text("$ORIGIN own.example.\n" + good.replace("192.0.2.1", "192.0.2.2"))
        self.reload("placard_reloads_total")
        self.assertEqual(self.server.dig("a.own.example").data("A"), ["192.0.2.2"])
        zone.write_text("$ORIGIN own.example.\n" + good.replace("192.0.2.1", "nonsense"))
        self.reload("placard_reload_failures_total")
        self.assertEqual(self.server.dig("a.own.example").data("A"), ["192.0.2.2"])

    def test_no_question_is_lost_meanwhile(self):
        lost = []

        def ask():
            for number in range(60):
                if self.server.dig(f"r{number}.wild.example.net").data("A") != ["192.0.2.20"]:
                    lost.append(number)
        asking = threading.Thread(target=ask)
        asking.start()
        while asking.is_alive():
            self.reload("placard_reloads_total")
        asking.join()
        self.assertEqual(lost, [])


class Observing(unittest.TestCase):
    def test_metrics_count_what_happens(self):
        tree = Server().start()  # of its own: what it is asked is not counted here
        self.addCleanup(tree.kill)
        server = Server(f"""
[recursion]
root_hints = "{BOX}/root.hints"
upstream_port = {tree.box_port}
query_loopback = true
""", box=False).start()
        self.addCleanup(server.kill)
        before = server.metrics()
        server.dig("www.example.net")
        server.dig("www.example.net")
        server.dig("www.example.net", "A", "+tcp")
        server.dig("nothing.example.net")
        server.dig("www.dead.net")
        after = server.metrics()
        grown = {key: after[key] - before.get(key, 0) for key in after}
        self.assertEqual(grown['placard_questions_total{transport="udp"}'], 4)
        self.assertEqual(grown['placard_questions_total{transport="tcp"}'], 1)
        self.assertEqual(grown['placard_answers_total{rcode="NOERROR"}'], 3)
        self.assertEqual(grown['placard_answers_total{rcode="NXDOMAIN"}'], 1)
        self.assertEqual(grown['placard_answers_total{rcode="SERVFAIL"}'], 1)
        # What workers count elsewhere gets onto the page a moment later.
        until("round trips are counted", lambda: server.metrics()["placard_upstream_questions_total"] > 3)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.53.0.254", tree.box_port))
            server.dig("www.silent.net", "A", "+time=2")
            until("those in vain are counted", lambda: server.metrics()["placard_upstream_timeouts_total"] > 0)
        self.assertGreater(after["placard_resident_memory_bytes"], 1 << 20)

    def test_only_questions_in_flight_of_one_kind_leave_once(self):
        server = Server().start()
        self.addCleanup(server.kill)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.53.0.254", server.box_port))
            asking = [threading.Thread(target=server.dig, args=("same.silent.net", "A", "+time=1")) for _ in range(6)]
            for one in asking:
                one.start()
            until("questions are joined", lambda: server.metrics()["placard_coalesced_total"] >= 1)
            for one in asking:
                one.join()


if __name__ == "__main__":
    unittest.main()
