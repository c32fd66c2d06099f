// The option table: every default parses by its own key; the example round trips; every kind of mistake is told with
// its place, and all of them at once.
#include "resolver/app/options.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

using namespace placard;
using namespace placard::app;

namespace {

std::vector<std::string> problems_of(const std::string& text) {
  std::vector<std::string> out;
  const auto read = parse_options(text, "/etc/placard/placard.toml");
  if (!read)
    for (const auto& problem : read.error()) out.push_back(to_text(problem));
  return out;
}

Options good(const std::string& text) {
  auto read = parse_options(text, "/etc/placard/placard.toml");
  if (!read) FAIL(to_text(read.error().front()));
  return *read;
}

/// The example with every option line uncommented.
std::string uncommented() {
  return std::regex_replace(example_configuration(), std::regex(R"(^#(?=[a-z\[]))", std::regex::multiline), "");
}

}  // namespace

TEST_CASE("every option takes its own default, alone under its own key") {
  for (const auto& option : option_table()) {
    const auto sections = option_sections();
    const auto section = std::ranges::find(sections, option.section, &OptionSection::name);
    REQUIRE(section != sections.end());
    std::string text =
        section->repeated ? "[[" + std::string(option.section) + "]]\n" : "[" + std::string(option.section) + "]\n";
    for (const auto& other : option_table())
      if (other.section == option.section && (other.key == option.key || other.required))
        text += std::string(other.key) + " = " + std::string(other.default_toml) + "\n";
    INFO(text);
    CHECK(problems_of(text).empty());
    CHECK_FALSE(option.help.empty());
  }
}

TEST_CASE("no key stands in the table twice, and no default is read as something else") {
  std::vector<std::string> keys;
  for (const auto& option : option_table()) keys.push_back(option.full_key());
  std::ranges::sort(keys);
  CHECK(std::ranges::adjacent_find(keys) == keys.end());
  const auto options = good("");
  CHECK(options.fixed.listen.size() == 2);
  CHECK(options.fixed.listen[0].to_text() == "127.0.0.1:5300");
  CHECK(options.fixed.cache_memory == 64U << 20U);
  CHECK(options.reloadable.policy_ttl == 10);
  const auto& clients = options.reloadable.access.recursion;
  const auto is_client = [&](const char* address) {
    return std::ranges::any_of(
        clients, [&](const auto& one) { return one.contains(net::Address::from_text(address)->bytes()); });
  };
  CHECK(is_client("127.3.2.1"));
  CHECK_FALSE(is_client("192.0.2.1"));
}

TEST_CASE("the example configuration parses, commented and uncommented") {
  const auto commented = good(example_configuration());
  CHECK(commented.fixed_values == good("").fixed_values);
  CHECK(commented.reloadable.views.empty());
  const auto read = good(uncommented());
  CHECK(read.fixed.listen == commented.fixed.listen);
  CHECK(read.fixed.forwards.size() == 2);
  CHECK(read.fixed.forwards[1].stub);
  CHECK(read.reloadable.zones.size() == 1);
  CHECK(read.reloadable.views.at(0).jurisdictions == std::vector<std::string>{"NZ"});
  for (const auto& option : option_table())
    CHECK(uncommented().find("\n" + std::string(option.key) + " = ") != std::string::npos);
}

TEST_CASE("the manual page names every option") {
  const auto page = manual_page();
  CHECK(page.starts_with(".TH PLACARD.TOML 5"));
  for (const auto& option : option_table())
    CHECK(page.find("\n.B " + std::string(option.key) + "\n") != std::string::npos);
}

TEST_CASE("unknown keys are told with place and a guess") {
  const auto told =
      problems_of("[server]\nlisten = [\"127.0.0.1:53\"]\nworker = 2\n\n[recursin]\n\n[server.more]\nx = 1\n");
  REQUIRE(told.size() == 3);
  CHECK(told[0] == "/etc/placard/placard.toml:3:1: server.worker: unknown key; did you mean \"workers\"?");
  CHECK(told[1] == "/etc/placard/placard.toml:5:2: recursin: unknown section; did you mean \"recursion\"?");
  CHECK(told[2].find("server.more: unknown key") != std::string::npos);
  CHECK(problems_of("[server]\nttl = 3\n").at(0).find("did you mean \"policy.ttl\"?") != std::string::npos);
  CHECK(problems_of("listen = []\n").at(0).find("unknown key; did you mean \"server.listen\"?") != std::string::npos);
}

TEST_CASE("wrong types, ranges and values are told with place and reason") {
  struct Row {
    const char* text;
    const char* told;
  };
  const Row rows[] = {
      {"[server]\n[[[", ":2:1: "},  // toml++ 3.3 asserts on this
      {"[server]\nworkers = é", ":2:"},
      {"[server]\nworkers = \"two\"", ":2:11: server.workers: must be a whole number"},
      {"[server]\nworkers = 257", ":2:11: server.workers: 257 is not between 0 and 256 threads"},
      {"[server]\nworkers = 1.5", ":2:11: server.workers: must be a whole number"},
      {"[server]\nlisten = [\"127.0.0.1:53\",\n  \"localhost\"]", ":3:3: server.listen: "},
      {"[server]\nlisten = [\"127.0.0.1:0\"]", "has port 0"},
      {"[server]\nlisten = [\"127.0.0.1\", \"127.0.0.1:53\"]", "stands there twice"},
      {"[server]\nlisten = \"127.0.0.1\"", ":2:10: server.listen: must be a list of addresses"},
      {"[server]\nlisten = []", "server.listen: no address to listen at"},
      {"[recursion]\nenabled = 1", ":2:11: recursion.enabled: must be true or false"},
      {"[access]\nrecursion = [\"192.0.2.1/24\"]", ":2:14: access.recursion: "},
      {"[cache]\nmemory = \"64MB\"", "unknown unit \"MB\"; B, KiB, MiB and GiB are known"},
      {"[cache]\nmemory = \"1KiB\"", "1024 is not between 1048576 and"},
      {"[cache]\nmemory = \"99999999999999999999GiB\"", "cache.memory: a size is"},
      {"[cache]\nmin_ttl = 100\nmax_ttl = 10", "cache.min_ttl: is above cache.max_ttl"},
      {"[[forward]]\nzone = \"a..b\"\nservers = [\"192.0.2.1\"]", ":2:8: forward.zone: \"a..b\" is no domain name"},
      {"[[forward]]\nzone = \"a\"", ":1:1: forward.servers: is missing"},
      {"[[forward]]\nzone = \"a\"\nservers = []", "forward.servers: must not be empty"},
      {"[forward]\nzone = \"a\"", "write [[forward]]"},
      {"[[server]]\nworkers = 1", "write [server]"},
      {"server = 1", "is a section: write [server]"},
      {"[[view]]\nname = \"nz\"\njurisdictions = [\"New Zealand\"]",
       ":3:18: view.jurisdictions: \"New Zealand\" is no ISO 3166 code"},
      {"[[view]]\nname = \"a\"\n[[view]]\nname = \"a\"", ":3:1: view.name: \"a\" stands there twice"},
      {"[[view]]\nname = \"a\"\nclients = [\"::/8\"]\n[[view]]\nname = \"b\"\nclients = [\"::/8\"]",
       ":4:1: view.clients: \"::/8\" stands there twice"},
      {"[[view]]\nname = \"\"", "view.name: must not be empty"},
      {"[[zone]]\nname = \"a\"\nfile = \"x\"\n[[zone]]\nname = \"A.\"\nfile = \"y\"",
       ":4:1: zone.name: \"a.\" stands there twice for the same listener"},
      {"[server]\nworkers = ", ":2:"},
  };
  for (const auto& row : rows) {
    const auto told = problems_of(row.text);
    INFO(row.text);
    REQUIRE_FALSE(told.empty());
    INFO(told[0]);
    CHECK(told[0].find(row.told) != std::string::npos);
  }
}

TEST_CASE("all problems are collected, in the order of the file") {
  const auto told = problems_of("[policy]\nttl = 0\nstor = 1\n[cache]\nmemory = true\n");
  REQUIRE(told.size() == 3);
  CHECK(told[0].find(":2:") != std::string::npos);
  CHECK(told[1].find(":3:") != std::string::npos);
  CHECK(told[2].find(":5:") != std::string::npos);
}

TEST_CASE("paths are resolved beside the configuration, or in the state directory") {
  const auto options = good(
      "[server]\nstate_directory = \"/var/lib/p\"\n[recursion]\nroot_hints = \"root.hints\"\n"
      "[policy]\nstore = \"/data/policy.db\"\n[[zone]]\nname = \"a\"\nfile = \"zones/a.zone\"\n");
  CHECK(options.fixed.root_hints == "/etc/placard/root.hints");
  CHECK(options.reloadable.zones.at(0).file == "/etc/placard/zones/a.zone");
  CHECK(options.fixed.store == "/data/policy.db");
  CHECK(options.fixed.control_socket == "/var/lib/p/control.sock");
}

TEST_CASE("what changed and needs a restart is named; what a reload may change is not") {
  const auto running = good("[[zone]]\nname = \"a\"\nfile = \"a\"\nlisten = [\"127.0.0.9:5300\"]\n");
  CHECK(fixed_changes(running, running).empty());
  CHECK(
      fixed_changes(running, good("[policy]\nttl = 30\n[access]\nrecursion = []\n[[view]]\nname = \"nz\"\n")).empty());
  CHECK(fixed_changes(running, good("[server]\nworkers = 3\n[cache]\nmemory = \"65MiB\"\n[[forward]]\nzone = "
                                    "\".\"\nservers = [\"192.0.2.1\"]\n")) ==
        std::vector<std::string>{"server.workers", "cache.memory", "forward.zone", "forward.servers"});
  CHECK(fixed_changes(running, good("[[zone]]\nname = \"a\"\nfile = \"a\"\nlisten = [\"127.0.0.10:5300\"]\n")) ==
        std::vector<std::string>{"zone.listen"});
  CHECK(running.all_listeners().size() == 3);
}

TEST_CASE("a configuration that cannot be read says so") {
  const auto missing = load_options("/nonexistent/placard.toml");
  REQUIRE_FALSE(missing);
  CHECK(to_text(missing.error().front()) == "/nonexistent/placard.toml: configuration: cannot be read");
  CHECK_FALSE(load_options("/"));
}
