"""The notice page over HTTP, as a visitor of a blocked name, a program and a search for trouble see it."""

import json
import re
import socket
import unittest

from decisions import decision, rule
from harness import NZ_CLIENT, Server

LANGUAGES = ("en", "fr", "es", "de", "ar", "zh", "hi", "pt", "ru", "sw")


class Notice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.load_case()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_blocked_is_451_and_says_by_whom(self):
        status, headers, body = self.server.curl("http://kiwifarms.net/")
        self.assertEqual(status, 451)
        self.assertRegex(headers["link"], r'<mailto:hostmaster@example.net>; *rel="blocked-by"')
        self.assertTrue(headers["content-type"].startswith("text/html"))
        for word in ("kiwifarms.net", "demo-operator-kiwifarms", "Demonstration", "Example Net", "DDoS-Guard", "Radio-Canada"):
            self.assertIn(word, body)

    def test_whatever_is_asked_of_a_blocked_host(self):
        for url in ("http://www.kiwifarms.net/threads/1?x=y", "http://KIWIFARMS.net/%00/../..", "http://kiwifarms.net:80/"):
            self.assertEqual(self.server.curl(url)[0], 451, url)
        self.assertEqual(self.server.curl("http://kiwifarms.net/", "--head")[0], 451)

    def test_a_host_that_nothing_blocks(self):
        status, headers, body = self.server.curl("http://www.example.net/")
        self.assertEqual(status, 404)
        self.assertNotIn("link", headers)
        self.assertIn("www.example.net", body)

    def test_a_block_that_has_ended_says_when(self):
        name = "ended.wild.example.net"
        self.server.decide(decision("ended", rule(name)), "ended.toml")
        self.assertEqual(self.server.curl(f"http://{name}/")[0], 451)
        self.server.ok("lift", "ended", "--reason", "the test is over")
        status, _, body = self.server.curl(f"http://{name}/", "-H", "Accept: application/json")
        self.assertEqual(status, 404)
        self.assertRegex(json.loads(body)["decision"]["ended_at"], r"^20\d\d-")
        self.assertEqual(self.server.curl(f"http://www.{name}/")[0], 404)
        self.assertNotIn("ended_at", self.server.curl("http://other.wild.example.net/", "-H", "Accept: application/json")[2])
        self.server.decide(decision("sealed-end", rule(f"s.{name}"), more='disclosure = "sealed"'), "sealed.toml")
        self.server.ok("lift", "sealed-end", "--reason", "the test is over")
        held = json.loads(self.server.curl(f"http://s.{name}/", "-H", "Accept: application/json")[2])
        self.assertNotIn("sealed-end", json.dumps(held))

    def test_ten_languages(self):
        titles = set()
        for language in LANGUAGES:
            status, headers, body = self.server.curl("http://kiwifarms.net/", "-H", f"Accept-Language: {language}")
            self.assertEqual(status, 451)
            self.assertEqual(headers["content-language"], language)
            self.assertIn("accept-language", headers["vary"].lower())
            self.assertRegex(body, rf'<html[^>]* lang="{language}"')
            self.assertEqual('dir="rtl"' in body.split(">", 2)[1], language == "ar")
            titles.add(re.search(r"<title>(.*?)</title>", body).group(1))
            for other in LANGUAGES:
                self.assertIn(f"lang={other}", body, "a visible switch to every other")
        self.assertEqual(len(titles), len(LANGUAGES))

    def test_choice_of_language(self):
        for accept, language in {"de-CH, en;q=0.5": "de", "tlh, fr;q=0.2": "fr", "": "en", "*": "en", "en;q=0, sw": "sw"}.items():
            self.assertEqual(self.server.curl("http://kiwifarms.net/", "-H", f"Accept-Language: {accept}")[1]["content-language"],
                             language, accept)
        self.assertEqual(self.server.curl("http://kiwifarms.net/?lang=zh", "-H", "Accept-Language: fr")[1]["content-language"], "zh")

    def test_json_and_plain_text(self):
        _, headers, body = self.server.curl("http://kiwifarms.net/", "-H", "Accept: application/json")
        self.assertTrue(headers["content-type"].startswith("application/json"))
        self.assertEqual(json.loads(body)["decision"]["id"], "demo-operator-kiwifarms")
        _, headers, body = self.server.curl("http://kiwifarms.net/", "-H", "Accept: text/plain")
        self.assertTrue(headers["content-type"].startswith("text/plain"))
        self.assertIn("demo-operator-kiwifarms", body)
        self.assertNotIn("<", body)

    def test_the_view_of_the_visitor_decides(self):
        _, _, body = self.server.curl("http://kiwifarms.net/", "--interface", NZ_CLIENT, "-H", "Accept: application/json")
        self.assertEqual(json.loads(body)["decision"]["id"], "demo-nz-kiwifarms")

    def test_no_script_cookie_or_third_party(self):
        _, headers, body = self.server.curl("http://kiwifarms.net/")
        self.assertNotIn("set-cookie", headers)
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertNotRegex(body, r"(?i)<script|<iframe|<img|<link|@import|url\(|\son\w+=")

    def test_nothing_of_the_request_is_echoed_unescaped(self):
        attack = "<script>alert(1)</script>"
        for arguments in (["http://kiwifarms.net/" + attack.replace("<", "%3C")], ["http://kiwifarms.net/?lang=" + attack, "--globoff"],
                          ["http://kiwifarms.net/", "-H", f"Accept-Language: {attack}"], ["http://kiwifarms.net/", "-A", attack],
                          ["http://kiwifarms.net/", "-e", attack]):
            status, headers, body = self.server.curl(*arguments)
            self.assertIn(status, (451, 400))
            self.assertNotIn("<script", body)
            self.assertNotIn("alert(1)", " ".join(headers.values()))
        status, _, body = self.server.curl("http://kiwifarms.net/", "-H", f"Host: {attack}")
        self.assertEqual(status, 400)
        self.assertNotIn("<script", body)

    def test_methods(self):
        self.assertEqual(self.server.curl("http://kiwifarms.net/", "-X", "DELETE")[0], 405)
        self.assertEqual(self.server.curl("http://kiwifarms.net/", "--data", "x=y")[0], 405)

    def test_over_ipv6(self):
        with socket.create_connection(("::1", self.server.notice_port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: kiwifarms.net\r\nConnection: close\r\n\r\n")
            self.assertIn(b" 451 ", client.makefile("rb").readline())

    def test_rubbish_does_not_end_it(self):
        for rubbish in (b"\x00" * 100, b"GET / HTTP/1.1\r\nHost: " + b"a" * 100000 + b"\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection(("127.0.0.1", self.server.notice_port), timeout=10) as client:
                try:
                    client.sendall(rubbish)
                    client.shutdown(socket.SHUT_WR)
                    client.recv(65536)
                except OSError:
                    pass
        self.assertEqual(self.server.curl("http://kiwifarms.net/")[0], 451)

    def test_no_visit_is_logged(self):
        self.server.curl("http://kiwifarms.net/find-me-in-a-log", "--interface", "127.0.0.99")
        for file in [self.server.log, *self.server.state.iterdir()]:
            if file.is_file():
                self.assertNotIn(b"find-me-in-a-log", file.read_bytes())
                self.assertNotIn(b"127.0.0.99", file.read_bytes())

    def test_decided_and_lifted_shows_at_once(self):
        self.assertEqual(self.server.curl("http://example.org/")[0], 404)
        self.server.decide(decision("page", rule("example.org"), more='document_url = "https://example.net/decision.pdf"'))
        status, _, body = self.server.curl("http://example.org/")
        self.assertEqual(status, 451)
        self.assertIn("https://example.net/decision.pdf", body)
        self.server.ok("lift", "page", "--reason", "enough")
        self.assertEqual(self.server.curl("http://example.org/")[0], 404)

    def test_text_of_a_decision_is_escaped(self):
        self.server.decide(decision("markup", rule("markup.wild.example.net")).replace("To see what happens.", "<b onclick=x>&amp;"))
        body = self.server.curl("http://markup.wild.example.net/")[2]
        self.assertIn("&lt;b onclick=x&gt;&amp;amp;", body)


if __name__ == "__main__":
    unittest.main()
