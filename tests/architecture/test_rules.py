"""The house stands as it was drawn, and each rule notices when it does not."""

import tempfile
import unittest
from pathlib import Path

import rules

ROOT = Path(__file__).resolve().parents[2]


class House(unittest.TestCase):
    def test_no_rule_is_broken(self):
        found = rules.violations(ROOT)
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_every_folder_has_files(self):
        self.assertGreater(len([f for f in rules.files_of(ROOT) if rules.folder_of(f)]), 10)


class PlantedViolations(unittest.TestCase):
    """Each in a tree of its own that breaks one rule."""

    def found_in(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = Path(folder) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return rules.violations(folder)

    def expect_one(self, files, words):
        found = self.found_in(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_a_clean_tree(self):
        self.assertEqual(self.found_in({
            "zones/wire/name.hpp": "#include <string>\n",
            "policy/record/store.cpp": '#include <sqlite3.h>\n#include "zones/wire/name.hpp"\n',
            "zones/wire/ldns_adapter.cpp": "#include <ldns/ldns.h>\n",
            "policy/match/match.cpp": "// steady_clock is the caller's\nint uptime(int now);\n",
            "resolver/app/main/main.cpp": '#include "policy/record/time.hpp"\n',
            "policy/record/time.hpp": "",
        }), [])

    def test_an_arrow_between_floors(self):
        self.expect_one({"zones/zone.cpp": '#include "policy/record/time.hpp"\n', "policy/record/time.hpp": ""},
                        "zones/zone.cpp:1: an arrow points up")

    def test_an_arrow_inside_a_floor(self):
        self.expect_one({"resolver/net/udp.cpp": '\n #  include "resolver/serve/worker.hpp"\n',
                         "resolver/serve/worker.hpp": ""}, "resolver/net/udp.cpp:2: an arrow points up")

    def test_wire_is_below_zones(self):
        self.expect_one({"zones/wire/name.cpp": '#include "zones/zone.hpp"\n', "zones/zone.hpp": ""}, "points up")

    def test_folders_of_one_rank(self):
        self.expect_one({"policy/match/a.cpp": '#include "policy/lists/b.hpp"\n', "policy/lists/b.hpp": ""}, "points up")

    def test_a_circle(self):
        self.expect_one({"zones/a.hpp": '#include "zones/b.hpp"\n', "zones/b.hpp": '#include "zones/c.hpp"\n',
                         "zones/c.hpp": '#include "zones/a.hpp"\n'},
                        "circle of files: zones/a.hpp -> zones/b.hpp -> zones/c.hpp -> zones/a.hpp")

    def test_libraries_in_the_wrong_place(self):
        self.expect_one({"zones/load.cpp": "#include <ldns/ldns.h>\n"}, "<ldns/ldns.h> is for")
        self.expect_one({"policy/public/research.cpp": "#include <sqlite3.h>\n"}, "<sqlite3.h> is for")
        self.expect_one({"policy/public/notice.cpp": "#include <microhttpd.h>\n"}, "<microhttpd.h> is for")
        self.expect_one({"zones/load.cpp": "#include <thread>\n"}, "<thread> is for")

    def test_a_clock_below(self):
        self.expect_one({"policy/match/m.cpp": "auto t = std::chrono::system_clock::now();\n"}, "read no clock")
        self.expect_one({"policy/record/schema.sql": "t INTEGER DEFAULT CURRENT_TIMESTAMP\n"}, "SQL reads no clock")

    def test_includes_start_at_the_root(self):
        self.expect_one({"zones/wire/a.cpp": '#include "name.hpp"\n', "zones/wire/name.hpp": ""}, "seen from its root")
        self.expect_one({"zones/wire/a.cpp": "#include <zones/wire/name.hpp>\n", "zones/wire/name.hpp": ""}, "with quotes")

    def test_the_house_does_not_include_its_tests(self):
        self.expect_one({"zones/wire/a.cpp": '#include "tests/b.hpp"\n', "tests/b.hpp": ""}, "on no floor")

    def test_a_long_file(self):
        self.assertEqual(self.found_in({"zones/a.cpp": "\n" * rules.MAX_LINES}), [])
        self.expect_one({"zones/a.cpp": "\n" * (rules.MAX_LINES + 1)}, "the limit is 600")

    def test_a_new_thing_at_the_top(self):
        self.expect_one({"scripts/x.txt": ""}, "scripts: nothing more")

    def test_a_new_floor(self):
        self.expect_one({"policy/misc/a.cpp": ""}, "in no folder")

    def test_unfinished_work(self):
        self.expect_one({"zones/a.cpp": "// TO" + "DO\n"}, "unfinished")


if __name__ == "__main__":
    unittest.main()
