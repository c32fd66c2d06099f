"""Feeds that are fetched: only what is new, over HTTP and HTTPS, bounded; what fails changes nothing and shows."""

import gzip
import http.server
import os
import ssl
import subprocess
import threading
import unittest
from pathlib import Path

from harness import Server, until

FEED = """
[[feed]]
id = "fetched"
format = "domains"
match = "both"
policy = "nxdomain"
state = "active"
url = "{url}"
{more}
"""


class Web:
    """A server of lists. `pages` maps a path to what does the answer; `seen` is (path, If-None-Match, status)."""

    def __init__(self, context=None):
        self.pages, self.seen = {}, []
        self.body, self.tag = b"blocked.example.net\n", '"one"'
        self.ending = threading.Event()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                web.pages.get(self.path, web.list)(self)

            def log_message(self, *_):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        if context:
            self.httpd.socket = context.wrap_socket(self.httpd.socket, server_side=True)
        self.thread = threading.Thread(target=self.httpd.serve_forever, args=(0.05,))
        self.thread.start()
        self.base = f"{'https' if context else 'http'}://localhost:{self.httpd.server_address[1]}"

    def stop(self):
        self.ending.set()
        self.httpd.shutdown()
        self.thread.join()
        self.httpd.server_close()

    def answer(self, one, status, body=b"", **headers):
        self.seen.append((one.path, one.headers.get("If-None-Match"), status))
        one.send_response(status)
        for name, value in headers.items():
            one.send_header(name.replace("_", "-"), value)
        one.send_header("Content-Length", str(len(body)))
        one.end_headers()
        one.wfile.write(body)

    def list(self, one):
        if one.headers.get("If-None-Match") == self.tag:
            self.answer(one, 304, ETag=self.tag)
        else:
            self.answer(one, 200, self.body, ETag=self.tag)

    def cut(self, one):
        one.send_response(200)
        one.send_header("Content-Length", "1000")
        one.end_headers()
        one.wfile.write(b"cut.example.net\n")
        one.close_connection = True

    def slow(self, one):
        one.send_response(200)
        one.send_header("Content-Length", "1000")
        one.end_headers()
        one.wfile.write(b"slow.example.net\n")
        one.wfile.flush()
        self.ending.wait(20)
        one.close_connection = True

    def mute(self, one):
        self.seen.append((one.path, None, None))
        self.ending.wait(60)
        one.close_connection = True

    def half(self, one):
        """Neither length nor chunks: the end of the connection is the end, wherever it comes."""
        one.send_response(200)
        one.end_headers()
        one.wfile.write(b"blocked.example.net\nhalf.exam")
        one.close_connection = True

    def packed(self, one, cut=20):
        """Packed, and cut short before it was sent, or behind nothing."""
        names = "".join(f"n{i * 7919}.example.net\n" for i in range(500))[:-1].encode()
        if "gzip" in one.headers.get("Accept-Encoding", ""):
            self.answer(one, 200, gzip.compress(names)[:-cut or None], Content_Encoding="gzip")
        else:
            self.answer(one, 200, names)

    def huge(self, one):
        one.send_response(200)
        one.end_headers()
        one.close_connection = True
        try:
            while not self.ending.is_set():
                one.wfile.write(b"huge.example.net\n" * 1000)
        except OSError:
            pass


class Feeds(unittest.TestCase):
    def web(self, context=None):
        web = Web(context)
        self.addCleanup(web.stop)
        return web

    def server(self, url, more=""):
        server = Server(extra=FEED.format(url=url, more=more), box=False, dnssec="")
        self.addCleanup(server.kill)
        return server

    def feed(self, server):
        return server.json("control", "status")["feeds"][0]

    def status(self, server, name):
        return server.dig(name).status

    def blocks(self, server, name):
        until(f"{name} to be blocked", lambda: self.status(server, name) == "NXDOMAIN")

    def test_only_what_is_new_and_over_a_restart(self):
        web, proxy = self.web(), self.web()
        server = self.server(web.base + "/list", 'refresh = 1\nstale_after = 100')
        os.environ["http_proxy"] = proxy.base  # of the server's environment: it is not asked
        try:
            server.start()
        finally:
            os.environ.pop("http_proxy")
        self.blocks(server, "www.blocked.example.net")
        until("a second look", lambda: ("/list", '"one"', 304) in web.seen)
        self.assertEqual(web.seen[0], ("/list", None, 200))
        self.assertEqual(proxy.seen, [])
        self.assertEqual(sum(status == 200 for _, _, status in web.seen), 1)
        web.body, web.tag = b"blocked.example.net\nother.example.net\n", '"two"'
        self.blocks(server, "other.example.net")
        told = self.feed(server)
        self.assertEqual((told["rules"], told["failures"], told["stale"]), (2, 0, False))
        self.assertEqual(server.metrics()['placard_feed_stale{feed="fetched"}'], 0)

        server.stop()
        web.pages["/list"] = lambda one: web.answer(one, 404, b"<html>gone.example.net</html>")
        server.start()
        self.assertEqual(self.status(server, "other.example.net"), "NXDOMAIN")
        until("the failure to show", lambda: "404" in (self.feed(server)["last_error"] or ""))
        self.assertEqual(self.status(server, "blocked.example.net"), "NXDOMAIN")
        self.assertEqual(self.feed(server)["rules"], 2)
        # Other options apply to what was fetched before, though there is nothing to fetch.
        server.write_config(FEED.format(url=web.base + "/list", more="").replace('"nxdomain"', '"nodata"'))
        server.ok("control", "reload")
        answer = server.dig("other.example.net")
        self.assertEqual((answer.status, answer.data("A")), ("NOERROR", []))

    def test_what_fails_changes_nothing_and_says_why(self):
        web = self.web()
        server = self.server(web.base + "/list", "timeout = 1\nmax_size = 100000\nmax_shrink = 50")
        server.start()
        self.blocks(server, "blocked.example.net")
        web.pages = {"/missing": lambda one: web.answer(one, 404), "/cut": web.cut, "/slow": web.slow, "/huge": web.huge,
                     "/loop": lambda one: web.answer(one, 302, Location="/loop"),
                     "/away": lambda one: web.answer(one, 302, Location="file:///etc/passwd"),
                     "/broken": lambda one: web.answer(one, 200, b"what is this\n" * 20)}
        for failures, (path, reason) in enumerate([("/missing", "404"), ("/cut", "remaining to read"), ("/slow", "time"),
                                                   ("/huge", "100000 octets"), ("/loop", "redirects"),
                                                   ("/away", "rotocol"), ("/broken", "refused whole")], 1):
            server.write_config(server.extra.replace(server.extra.split('url = "')[1].split('"')[0], web.base + path))
            server.ok("control", "reload")
            until(f"the failure of {path}", lambda n=failures: self.feed(server)["failures"] == n)
            self.assertIn(reason, self.feed(server)["last_error"], path)
            self.assertEqual(self.status(server, "blocked.example.net"), "NXDOMAIN", path)
        self.assertEqual(self.feed(server)["rules"], 1)
        self.assertEqual(server.metrics()['placard_feed_failures_total{feed="fetched"}'], 7)
        self.assertEqual([path for path, _, _ in web.seen].count("/loop"), 6)  # and five redirections

    def test_what_may_have_been_cut_short_is_not_the_whole(self):
        web = self.web()
        server = self.server(web.base + "/list", "timeout = 5")
        server.start()
        self.blocks(server, "blocked.example.net")
        web.pages = {"/half": web.half, "/packed": web.packed}
        server.write_config(server.extra.replace("/list", "/half"))
        server.ok("control", "reload")
        until("the failure", lambda: self.feed(server)["failures"] == 1)
        self.assertIn("cut short", self.feed(server)["last_error"])
        self.assertEqual(self.feed(server)["rules"], 1)
        # What is packed is asked for once more as it is, where the end can be told.
        server.write_config(server.extra.replace("/half", "/packed") + "max_growth = 0\n")
        server.ok("control", "reload")
        until("the whole list", lambda: self.feed(server)["rules"] == 500)
        self.assertEqual([path for path, _, _ in web.seen].count("/packed"), 2)

    def certificates(self, server):
        """An authority of our own and a certificate of localhost under it."""
        folder = server.folder

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
                "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "web.key", "-out",
                "web.csr", "-subj", "/CN=localhost")
        (folder / "names").write_text("subjectAltName=DNS:localhost\n")
        openssl("x509", "-req", "-in", "web.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "names", "-out", "web.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "web.pem", folder / "web.key")
        return context

    def test_mute_servers_delay_nobody(self):
        web = self.web()
        web.pages["/mute"] = web.mute
        mute = [FEED.format(url=web.base + "/mute", more="timeout = 60").replace('"fetched"', f'"a{n}"') for n in range(3)]
        server = Server(extra="".join(mute) + FEED.format(url=web.base + "/list", more=""), box=False, dnssec="")
        self.addCleanup(server.kill)
        server.start()
        self.blocks(server, "blocked.example.net")
        until("all to be asked", lambda: sum(path == "/mute" for path, _, _ in web.seen) == 3)
        self.assertEqual([feed["failures"] for feed in server.json("control", "status")["feeds"]], [0] * 4)
        server.stop()  # which does not wait for them either

    def test_https_holds_the_server_against_an_authority(self):
        server = self.server("https://localhost/", "")
        web = self.web(self.certificates(server))
        plain = self.web()
        server.write_config(FEED.format(url=web.base + "/list", more=""))
        server.start()
        until("the refusal", lambda: "certificate" in (self.feed(server)["last_error"] or "").lower())
        self.assertEqual(web.seen, [])
        server.write_config(FEED.format(url=web.base + "/list", more='ca_file = "ca.pem"'))
        server.ok("control", "reload")
        self.blocks(server, "blocked.example.net")
        # What began over TLS does not go on without.
        web.pages["/down"] = lambda one: web.answer(one, 302, Location=plain.base + "/list")
        server.write_config(FEED.format(url=web.base + "/down", more='ca_file = "ca.pem"'))
        server.ok("control", "reload")
        until("the refusal", lambda: "rotocol" in (self.feed(server)["last_error"] or ""))
        self.assertEqual(plain.seen, [])

    def test_a_file_is_looked_at_again_and_limits_hold(self):
        server = self.server("", "")
        path = server.folder / "list.txt"
        path.write_text("".join(f"n{number}.example.net\n" for number in range(300)))
        extra = FEED.format(url="", more=f'path = "{path}"\nrefresh = 1\nmax_shrink = 10').replace('url = ""\n', "")
        server.write_config(extra)
        server.start()
        self.assertEqual(self.status(server, "n7.example.net"), "NXDOMAIN")
        path.write_text("n7.example.net\n")
        until("the refusal", lambda: "refused whole" in (self.feed(server)["last_error"] or ""))
        self.assertEqual(self.status(server, "n8.example.net"), "NXDOMAIN")
        path.write_text("".join(f"n{number}.example.net\n" for number in range(310)))
        self.blocks(server, "n305.example.net")

    def test_its_decision_is_followed_by_another_before_it_ends(self):
        web = self.web()
        server = self.server(web.base + "/list", "refresh = 2592000")
        server.start()
        self.blocks(server, "blocked.example.net")
        server.stop()
        shim = server.folder / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, Path(__file__).with_name("clock.c")], check=True)
        os.environ.update(LD_PRELOAD=str(shim), CLOCK_OFFSET=str(200 * 86_400))
        try:
            server.start()
            decisions = "SELECT decision_id FROM public_decision WHERE decision_id LIKE 'fetched-%'"
            until("the second one", lambda: len(server.json("query", decisions)["rows"]) == 2)
            self.assertEqual(self.status(server, "blocked.example.net"), "NXDOMAIN")
        finally:
            os.environ.pop("LD_PRELOAD"), os.environ.pop("CLOCK_OFFSET")

    def test_under_a_mandate(self):
        web = self.web()
        server = self.server(web.base + "/list", 'mandate = "list-maker"')
        server.start()
        until("that nobody has that name", lambda: "there is no authority" in (self.feed(server)["last_error"] or ""))
        server.decide('''
[[authority]]
id = "list-maker"
kind = "provider"
name = { en = "A maker of lists" }
[authority.mandate]
suffixes = ["net"]
max_duration = "90 days"
legal_basis = "the terms of this test"
statement_of_reasons = { en = "It is on the list." }
redress = { en = "Write to the maker of the list." }
''')
        web.body = b"blocked.example.net\nblocked.example.org\n"
        server.ok("control", "reload")
        self.blocks(server, "blocked.example.net")
        self.assertIn("A maker of lists", server.ok("why", "blocked.example.net"))
        self.assertEqual(self.feed(server)["rules"], 1)

    def test_what_is_configured_wrong_is_said(self):
        for more, reason in (('url = "ftp://a.example/"', "wants http"), ('url = "http://u:p@a.example/"', "password"),
                             ('url = "http://a.example/"\npath = "/x"', "neither path nor primaries"),
                             ('url = "http://a.example/"\nmatch = "some"', "is none of exact")):
            server = self.server("", "")
            server.write_config('[[feed]]\nid = "x"\nformat = "domains"\n' + more)
            code, _, errors = server.run_to_end()
            self.assertNotEqual(code, 0)
            self.assertIn(reason, errors)


if __name__ == "__main__":
    unittest.main()
