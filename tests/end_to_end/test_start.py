"""packaging/start, as a newcomer runs it: on its real ports, with the commands that it prints tried as printed."""

import atexit
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import ROOT, Answer

START = ROOT / "packaging" / "start"


class Start(unittest.TestCase):
    def setUp(self):
        for port, kind in ((5300, socket.SOCK_DGRAM), (5310, socket.SOCK_DGRAM), (8451, socket.SOCK_STREAM), (9453, socket.SOCK_STREAM)):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    self.fail(f"port {port} is taken: is a Placard running here? This test needs the real ports")
        self.home = Path(tempfile.mkdtemp(prefix="placard-start-"))
        atexit.register(shutil.rmtree, self.home, ignore_errors=True)

    def start(self, *arguments, **environment):
        process = subprocess.Popen([START, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env={**os.environ, "HOME": str(self.home), "XDG_STATE_HOME": "", **environment}, cwd="/")

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
        self.addCleanup(end)
        output, deadline = b"", time.monotonic() + 120
        while b"placard: ready\n" not in output:
            readable, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(process.stdout.fileno(), 65536) if readable else b""
            self.assertTrue(piece, f"it ended or hangs: {output.decode()}")
            output += piece
        return process, output.decode()

    def shell(self, command):
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True).stdout

    def try_printed(self, output):
        commands = re.findall(r"^   ((?:dig|curl) .*)$", output, flags=re.MULTILINE)
        self.assertEqual(len(commands), 3, output)
        own = re.findall(r"^   ((?:export |/).*)$", output, flags=re.MULTILINE)
        self.assertEqual(len(own), 2, output)
        self.assertIn("blocked by the decision demo-operator-kiwifarms", self.shell("\n".join(own)))
        everyone, in_nz, page = (self.shell(command) for command in commands)
        self.assertEqual(Answer(everyone).ede, [(15, "demo-operator-kiwifarms")])
        self.assertEqual(Answer(everyone).data("A"), ["127.0.0.1"])
        self.assertEqual(Answer(in_nz).ede, [(16, "demo-nz-kiwifarms")])
        self.assertIn("demo-operator-kiwifarms", page)

    def test_internet_in_a_box_then_again(self):
        process, output = self.start("--internet-in-a-box")
        state = self.home / ".local/state/placard/box"
        self.assertIn(str(state), output)
        self.assertTrue((state / "placard.toml").is_file())
        self.try_printed(output)
        self.assertEqual(Answer(self.shell("dig @127.0.0.1 -p 5300 alias.example.net")).data("A"), ["192.0.2.11"])
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 0)
        # As if the clone had been elsewhere when the configuration was written, and the demonstration had been ended.
        config = state / "placard.toml"
        config.write_text(config.read_text().replace(f'"{ROOT}/tests/internet/', '"/gone/tests/internet/'))
        process, moved = self.start("--internet-in-a-box")
        self.assertNotIn("/gone/", config.read_text())
        self.assertNotIn("has ended", moved)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)
        process, again = self.start("--internet-in-a-box")
        self.assertNotIn("installing", again)
        self.assertNotIn("wrote", again)
        self.try_printed(again)
        self.shell(f"{ROOT}/build/placard lift demo-nz-kiwifarms --reason enough --config {config}")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)
        process, ended = self.start("--internet-in-a-box")
        self.assertIn("This demonstration has ended", ended)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)

    def test_without_a_network_it_says_so_and_blocks_all_the_same(self):
        folder = self.home / "elsewhere"
        process, output = self.start("--state", str(folder), PLACARD_ROOT_SERVERS="127.53.0.253")
        self.assertIn("./packaging/start --internet-in-a-box", output)
        self.assertIn(str(folder), output)
        self.try_printed(output)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)

    def test_a_port_in_use_is_one_clear_line(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
            taken.bind(("127.0.0.1", 5300))
            taken.listen()
            run = subprocess.run([START, "--internet-in-a-box", "--state", self.home / "s"], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=120, check=False)
        self.assertGreater(run.returncode, 0)
        said = [line for line in run.stderr.splitlines() if line and "warning: " not in line]
        self.assertEqual(len(said), 1, run.stderr)
        self.assertIn("5300", said[0])

    def test_wrong_use(self):
        for arguments in (["--what"], ["--state"], ["--state="]):
            run = subprocess.run([START, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(run.returncode, 1)
            self.assertEqual(len(run.stderr.strip().splitlines()), 1)
        self.assertIn("--internet-in-a-box", subprocess.run([START, "--help"], capture_output=True, text=True, check=True).stdout)
        run = subprocess.run([START, "--state", "/proc/nowhere"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        self.assertGreater(run.returncode, 0)
        self.assertIn("/proc/nowhere", run.stderr)


if __name__ == "__main__":
    unittest.main()
