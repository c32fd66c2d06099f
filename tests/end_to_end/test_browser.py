"""The notice page in headless Chromium (tests/browser/notice.mjs), on a server of this test's own."""

import os
import subprocess
import unittest

from harness import ROOT, Server


class Browser(unittest.TestCase):
    def test_a_visitor_reads_the_notice(self):
        server = Server().start()
        self.addCleanup(server.kill)
        server.load_case()
        run = subprocess.run(["node", "notice.mjs"], cwd=ROOT / "tests" / "browser", stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=200, check=False,
                             env={**os.environ, "NOTICE_URL": f"http://127.0.0.1:{server.notice_port}"})
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("ok - ", run.stdout)


if __name__ == "__main__":
    unittest.main()
