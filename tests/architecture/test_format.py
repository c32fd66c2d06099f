"""Every C++ file stands as clang-format (.clang-format, at the top) writes it."""

import shutil
import subprocess
import unittest
from pathlib import Path

import rules

ROOT = Path(__file__).resolve().parents[2]


class Format(unittest.TestCase):
    def test_clang_format_has_nothing_to_change(self):
        tool = shutil.which("clang-format-19")
        self.assertIsNotNone(tool, "clang-format-19 is missing; tests/run installs it")
        files = [f for f in rules.files_of(ROOT) if Path(f).suffix in rules.SOURCE]
        run = subprocess.run([tool, "--dry-run", "--Werror", *files], cwd=ROOT, capture_output=True, text=True, check=False)
        places = sorted({line.split(":")[0] for line in run.stderr.splitlines() if "clang-format-violations" in line})
        self.assertEqual(run.returncode, 0, f"run clang-format-19 -i on: {' '.join(places)}")


if __name__ == "__main__":
    unittest.main()
