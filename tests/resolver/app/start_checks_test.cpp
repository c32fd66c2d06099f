// The clock and the record as a start finds them, and the files and folders it is given.
#include "resolver/app/start_checks.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "policy/record/decision_file.hpp"
#include "policy/record/guard.hpp"
#include "policy/record/intake.hpp"
#include "resolver/app/check.hpp"
#include "resolver/app/decision_input.hpp"
#include "resolver/app/privileges.hpp"
#include "resolver/app/snapshots.hpp"
#include "resolver/app/version.hpp"
#include "tests/resolver/app/temporary_directory.hpp"

using namespace placard;
using namespace placard::app;

namespace {

constexpr policy::Time kMoment = 1'800'000'000, kDay = 86'400;

const std::string kDecision = R"(
[[authority]]
id = "tester"
kind = "operator"
name = "The tester"
external = false
[[decision]]
id = "one"
type = "voluntary"
authority = "tester"
legal_basis = "the terms of this test"
statement_of_reasons = "To see what happens."
redress = "Write to the tester."
expires_after = "30 days"
[[decision.rule]]
match = "both"
name = "example.org"
)";

policy::Store store_with_decision(const std::string& path) {
  auto store = policy::Store::open(path, policy::Store::Mode::read_write, kMoment);
  const auto batch = policy::parse_decision_file(kDecision, "one.toml", kMoment);
  REQUIRE(batch);
  REQUIRE(policy::intake(store, *batch, policy::Guards{}, "uid 0 (root)", kMoment));
  return store;
}

void write(const std::string& path, std::string_view octets) {
  std::ofstream(path, std::ios::binary) << octets;
}

}  // namespace

TEST_CASE("a clock that is years ahead is doubted, with the times and what it ends; writing then takes a word") {
  const TemporaryDirectory folder;
  auto store = store_with_decision(folder.path("policy.db"));
  store.set_clock_bounds({kMoment - kDay, false});
  CHECK_FALSE(clock_doubts(store, kMoment));
  CHECK_FALSE(clock_doubts(store, kMoment + 100 * kDay));
  const auto later = kMoment + 3000 * kDay;
  const auto ahead = clock_doubts(store, later);
  REQUIRE(ahead);
  INFO(*ahead);
  for (const auto time : {later, kMoment, kMoment - kDay})
    CHECK(ahead->find(policy::to_text(time)) != std::string::npos);
  CHECK(ahead->find("1 decision has ended") != std::string::npos);
  CHECK(clock_doubts(store, kMoment - 1000)->find(policy::to_text(kMoment)) != std::string::npos);

  const auto options = *parse_options("", "");
  auto text = kDecision;
  const std::vector<DecisionFile> file{{"two.toml", text.replace(text.find("\"one\""), 5, "\"two\"")}};
  CHECK_THROWS_WITH(decide({store, options, nullptr}, file, "uid 0 (root)", later),
                    Catch::Matchers::Contains("--clock-is-right"));
  CHECK_FALSE(store.decision("two"));
  store.set_clock_bounds({kMoment - kDay, true});
  CHECK(decide({store, options, nullptr}, file, "uid 0 (root)", later));
  CHECK(build_time() > 1'700'000'000);
}

TEST_CASE("a record that was changed behind its log is refused, by the entry") {
  const TemporaryDirectory folder;
  const auto path = folder.path("policy.db");
  {
    auto store = store_with_decision(path);
    const auto good = check_record(store, RecordCheck::whole);
    REQUIRE(good);
    CHECK_FALSE(*good);
  }
  const auto options = *parse_options("[server]\nstate_directory = \"" + folder.path() + "\"\n", "");
  CHECK(check_configuration(options).problems.empty());
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
  char* triggers = nullptr;
  REQUIRE(sqlite3_exec(raw,
                       "PRAGMA writable_schema = 1; DELETE FROM sqlite_master WHERE type = 'trigger'; "
                       "PRAGMA writable_schema = RESET; UPDATE log SET entry = replace(entry, 'tester', 'forger')",
                       nullptr, nullptr, &triggers) == SQLITE_OK);
  sqlite3_close(raw);
  const auto problems = check_configuration(options).problems;
  REQUIRE(problems.size() == 1);
  INFO(problems[0]);
  CHECK(problems[0].find(path) != std::string::npos);
  CHECK(problems[0].find("changed behind its log") != std::string::npos);
}

TEST_CASE("a named state folder is made beside what is there, only the default one with what is above it") {
  const TemporaryDirectory folder;
  const auto who = *Privileges::find("");
  const auto refused = who.make_directory(folder.path("a/b"), false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().find(folder.path("a")) != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.path("a")));
  CHECK(who.make_directory(folder.path("c/"), false));
  CHECK(who.make_directory(folder.path("a/b"), true));
  CHECK(std::filesystem::is_directory(folder.path("a/b")));
  CHECK_FALSE(parse_options("[server]\nstate_directory = \"/x\"\n", "")->fixed.state_is_default);
  CHECK(parse_options("", "")->fixed.state_is_default);
}

TEST_CASE("decision files keep their octets or are refused with the place") {
  const TemporaryDirectory folder;
  write(folder.path("good.toml"), "# \xC3\xA9 \xEF\xBF\xBD\n");
  const auto read = read_decision_files({folder.path("good.toml")});
  REQUIRE(read);
  CHECK(read->at(0).text == "# \xC3\xA9 \xEF\xBF\xBD\n");
  write(folder.path("latin.toml"), "a = 1\nb = \"caf\xE9\"\n");
  const auto latin = read_decision_files({folder.path("good.toml"), folder.path("latin.toml")});
  REQUIRE_FALSE(latin);
  CHECK(latin.error() == folder.path("latin.toml") + ":2:9: not UTF-8");
  CHECK(read_decision_files({"/dev/zero"}).error() == "/dev/zero: larger than 4 MiB");
  CHECK(read_decision_files({"/nonexistent/a"}).error().find("No such file") != std::string::npos);
  CHECK_FALSE(read_decision_files({folder.path()}));
}

TEST_CASE("forwarded zones with special-use names are ordinary, other special names are never asked for") {
  const auto options = *parse_options(
      "[recursion]\nnot_special = [\"test\"]\n[[forward]]\nzone = \"home.arpa.\"\nservers = [\"192.0.2.1\"]\n"
      "[[stub]]\nzone = \"10.in-addr.arpa.\"\nservers = [\"192.0.2.1\"]\n[[forward]]\nzone = \"example.org\"\n"
      "servers = [\"192.0.2.1\"]\n",
      "");
  std::vector<std::string> names;
  for (const auto& name : serve_options(options).not_special) names.push_back(name.to_text());
  CHECK(names == std::vector<std::string>{"test.", "home.arpa.", "10.in-addr.arpa."});
  const auto changed = *parse_options("[recursion]\nnot_special = [\"local\"]\n", "");
  const auto never_ask = worker_options(options)->resolver.never_ask;
  const auto asks = [&](const char* name) { return !never_ask(*wire::Name::from_text(name)); };
  CHECK(asks("example.org"));
  CHECK(asks("a.home.arpa"));
  CHECK(asks("1.10.in-addr.arpa"));
  CHECK(asks("a.test"));
  CHECK_FALSE(asks("printer.local"));
  CHECK_FALSE(asks("1.168.192.in-addr.arpa"));
  CHECK(fixed_changes(*parse_options("", ""), changed) == std::vector<std::string>{"recursion.not_special"});
}
