// Operations and the requests that lead to them, on a real store in a folder of their own.
#include "resolver/app/operations.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "resolver/app/client.hpp"
#include "resolver/app/requests.hpp"
#include "tests/resolver/app/temporary_directory.hpp"

using namespace placard;
using namespace placard::app;
using nlohmann::json;

namespace {

constexpr policy::Time kNow = 1'800'000'000;

const std::string kAuthority = R"(
[[authority]]
id = "tester"
kind = "operator"
name = "The tester"
external = false
)";

std::string decision(const std::string& id, const std::string& name) {
  return R"(
[[decision]]
id = ")" +
         id + R"("
type = "voluntary"
authority = "tester"
legal_basis = "the terms of this test"
statement_of_reasons = "To see what happens."
redress = "Write to the tester."
expires_after = "1 day"
[[decision.rule]]
match = "both"
name = ")" +
         name + "\"\n";
}

struct Fixture {
  TemporaryDirectory folder;
  policy::Store store = policy::Store::open(folder.path("policy.db"), policy::Store::Mode::read_write, kNow);
  Options options =
      *parse_options("[[view]]\nname = \"nz\"\nclients = [\"192.0.2.0/24\"]\njurisdictions = [\"NZ\"]\n", "");
  int published = 0;
  std::expected<void, std::string> publishing;  // what publish() says

  Workplace with_server() {
    return {store, options, [this] {
              ++published;
              return publishing;
            }};
  }
  json decided(const std::vector<DecisionFile>& files) {
    const auto done = decide(with_server(), files, "uid 0 (root)", kNow);
    if (!done) FAIL(done.error());
    return json::parse(policy::to_json(*done));
  }
  std::string refused(const std::vector<DecisionFile>& files) {
    const auto done = decide(with_server(), files, "uid 0 (root)", kNow);
    REQUIRE_FALSE(done);
    return done.error();
  }
};

}  // namespace

TEST_CASE("a decision is recorded, then published, and told with its rules and times") {
  Fixture at;
  const auto told = at.decided({{"a.toml", kAuthority + decision("one", "example.org")}});
  CHECK(at.published == 1);
  CHECK(told["decisions"][0]["id"] == "one");
  CHECK(told["decisions"][0]["effective_from"] == policy::to_text(kNow));
  CHECK(told["decisions"][0]["expires_at"] == policy::to_text(kNow + 86'400));
  CHECK(told["rules"][0]["name"] == "example.org");
  CHECK(told["decisions"][0]["state"] == "active");
  CHECK(told["decisions"][0]["in_force"] == true);
  CHECK(told["published"] == true);
  CHECK(at.store.decision("one"));
}

TEST_CASE("a decision that is not in force is not said to be") {
  Fixture at;
  const auto told = [&](const std::vector<DecisionFile>& files) { return at.decided(files)["decisions"][0]; };
  const std::vector<DecisionFile> lifted{{"a.toml", kAuthority + decision("gone", "gone.example.org")}};
  at.decided(lifted);
  REQUIRE(lift(at.with_server(), "gone", "enough", "uid 0 (root)", kNow));
  CHECK(told(lifted)["state"] == "lifted");
  CHECK(told(lifted)["in_force"] == false);
  auto with = [](std::string text, const std::string& more) {
    return text.replace(text.find("expires_after"), 0, more + "\n");
  };
  const auto shadow = told({{"b.toml", with(decision("shade", "s.example.org"), "state = \"shadow\"")}});
  CHECK(shadow["state"] == "shadow");
  CHECK(shadow["in_force"] == false);
  const auto later =
      told({{"c.toml", with(decision("later", "l.example.org"), "effective_from = " + policy::to_text(kNow + 3600))}});
  CHECK(later["state"] == "not yet");
  CHECK(later["in_force"] == false);
  const auto done = decide(at.with_server(), {{"c.toml", decision("text", "t.example.org")}}, "uid 0 (root)", kNow);
  REQUIRE(done);
  CHECK(policy::to_text(*done, 80).find("The server answers by it") == std::string::npos);
}

TEST_CASE("what is recorded already is said so, and still comes into force if it hadn't") {
  Fixture at;
  const std::vector<DecisionFile> files{{"a.toml", kAuthority + decision("one", "example.org")}};
  at.decided(files);
  const auto again = at.decided(files);
  CHECK(again["recorded"] == 0);
  CHECK(again["already_recorded"] == 2);
  CHECK(again["decisions"][0]["recorded"] == false);
  CHECK(at.published == 2);
}

TEST_CASE("several files are recorded all or none, whatever their order, and each problem names its file and line") {
  Fixture at;
  at.decided({{"b.toml", decision("one", "example.org")}, {"a.toml", kAuthority}});
  const auto sequence = at.store.last_log_sequence();
  const auto error =
      at.refused({{"good.toml", decision("two", "example.net")}, {"bad.toml", "\n\n" + decision("three", "com")}});
  INFO(error);
  CHECK(error.find("bad.toml:14:") != std::string::npos);
  CHECK(error.find("good.toml") == std::string::npos);
  CHECK(at.store.last_log_sequence() == sequence);
  CHECK_FALSE(at.store.decision("two"));
  CHECK(at.refused({{"good.toml", decision("two", "example.net")}, {"broken.toml", "[[decision]\n"}})
            .find("broken.toml:1") != std::string::npos);
  CHECK(at.published == 1);
}

TEST_CASE("protected names of the configuration are guarded") {
  Fixture at;
  at.options = *parse_options("[policy]\nprotected = [\"keep.example.org\"]\n", "");
  CHECK(at.refused({{"a.toml", kAuthority + decision("one", "example.org")}}).find("keep.example.org") !=
        std::string::npos);
}

TEST_CASE("a decision that is recorded but could not be published says exactly that") {
  Fixture at;
  at.publishing = std::unexpected("a worker hangs");
  CHECK(at.refused({{"a.toml", kAuthority + decision("one", "example.org")}}) ==
        "recorded, but not yet in force: a worker hangs");
  CHECK(at.store.decision("one"));
}

TEST_CASE("a full disk refuses the decision and leaves the record as it was") {
  Fixture at;
  at.decided({{"a.toml", kAuthority}});
  at.store.limit_pages(1);
  std::string many = decision("big", "n0.example.org");
  for (int i = 1; i < 2000; ++i)
    many += "[[decision.rule]]\nmatch = \"both\"\nname = \"n" + std::to_string(i) + ".example.org\"\n";
  CHECK_THROWS_AS(decide(at.with_server(), {{"b.toml", many}}, "uid 0 (root)", kNow), policy::StoreError);
  CHECK_FALSE(at.store.decision("big"));
  CHECK(at.published == 1);
}

TEST_CASE("a lift ends a decision once") {
  Fixture at;
  at.decided({{"a.toml", kAuthority + decision("one", "example.org")}});
  REQUIRE(lift(at.with_server(), "one", "over", "uid 0 (root)", kNow + 10));
  CHECK(at.published == 2);
  CHECK_FALSE(lift(at.with_server(), "one", "again", "uid 0 (root)", kNow + 11));
  CHECK_FALSE(lift(at.with_server(), "none", "x", "uid 0 (root)", kNow + 11));
  CHECK(at.published == 2);
}

TEST_CASE("why without a server answers from the record and the configured views") {
  Fixture at;
  at.decided({{"a.toml", kAuthority + decision("one", "example.org")}});
  auto text = [&](const WhyRequest& request) {
    const auto done = why(at.store, at.options, nullptr, request, kNow + 1);
    return done ? policy::to_json(*done) : "error: " + done.error();
  };
  CHECK(text({"www.example.org", "", ""}).find("\"one\"") != std::string::npos);
  CHECK(text({"www.example.org", "192.0.2.7", ""}).find("\"nz\"") != std::string::npos);
  CHECK(text({"example.net", "", ""}).find("\"one\"") == std::string::npos);
  CHECK(text({"a..b", "", ""}).starts_with("error: "));
  CHECK(text({"", "", ""}).starts_with("error: "));
  CHECK(text({"example.org", "nobody", ""}).starts_with("error: --client: "));
  CHECK(text({"example.org", "", "yesterday"}).starts_with("error: --at: "));
}

TEST_CASE("history, query and backup") {
  Fixture at;
  at.decided({{"a.toml", kAuthority + decision("one", "example.org")}});
  const auto told = history(at.store, {"example.org", "", ""});
  REQUIRE(told);
  CHECK(policy::to_json(*told).find("\"one\"") != std::string::npos);
  CHECK_FALSE(history(at.store, {"example.org", "never ever", ""}));
  const auto rows = query(at.store.path(), "SELECT decision_id FROM public_decision", 10, 1);
  REQUIRE(rows);
  CHECK(json::parse(policy::to_json(*rows))["rows"][0]["decision_id"] == "one");
  CHECK_FALSE(query(at.store.path(), "DELETE FROM decision", 10, 1));
  CHECK(backup(at.store, at.folder.path("copy.db")));
  CHECK_THROWS_AS(backup(at.store, at.folder.path("copy.db")), policy::StoreError);
}

TEST_CASE("an export to a folder has a file for each public table, whole lines only") {
  Fixture at;
  at.decided({{"a.toml", kAuthority + decision("one", "example.org")}});
  const auto folder = at.folder.path("out");
  REQUIRE(export_to_folder(at.store, "jsonl", folder, kNow));
  std::ifstream lines(folder + "/decision.jsonl");
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) CHECK(json::parse(line)["decision_id"] == "one");
  CHECK(count == 1);
  REQUIRE(export_to_folder(at.store, "csv", folder, kNow));
  CHECK(std::filesystem::exists(folder + "/rule.csv"));
  CHECK_FALSE(export_to_output(at.store, "csv", ""));
  CHECK_FALSE(export_to_output(at.store, "jsonl", "nothing"));
}

namespace {

/// Says which call came.
struct Recorder final : RequestTarget {
  std::string seen;
  Done say(std::string what) {
    seen = std::move(what);
    return policy::Document{{policy::Fields{"", "", {{"seen", "Seen", seen}}}}};
  }
  Done decide(const std::vector<DecisionFile>& files, const Order& order) override {
    return say("decide " + files.at(0).name + "=" + files.at(0).text + " by " + order.author +
               (order.clock_is_right ? "!" : ""));
  }
  Done lift(const std::string& id, const std::string& reason, const Order&) override {
    return say("lift " + id + ": " + reason);
  }
  Done import_list(const ImportRequest& request, const Order&) override {
    return say("import " + request.file + " " + request.decision + request.mandate + " " + request.list +
               (request.dry_run ? " dry" : ""));
  }
  Done import_progress() override { return say("progress"); }
  Done disclose(const std::string& id, const std::string& reason, const Order&) override {
    return say("disclose " + id + ": " + reason);
  }
  Done change_state(const StateRequest& request, const Order&) override {
    return say(std::string(policy::to_text(request.state)) + " " + request.id + " " + request.token);
  }
  Done why(const WhyRequest& request) override {
    return say("why " + request.name + " " + request.client + " " + request.at);
  }
  Done status() override { throw std::runtime_error("the disk is on fire"); }
  Done dump() override { return std::unexpected("nothing to \"dump\""); }
  Done trace(const wire::Question& question) override { return say("trace " + question.name.to_text()); }
  Done flush(const std::optional<wire::Name>& name) override {
    return say("flush " + (name ? name->to_text() : "all"));
  }
  Done cache(const CacheRequest& request) override {
    return say("cache " + std::to_string(static_cast<int>(request.what)) + " " +
               (request.name ? request.name->to_text() : "-") + (request.subtree ? " and below" : "") +
               (request.type ? " " + wire::to_text(*request.type) : "") + " " + request.file.string());
  }
  Done reload() override { return say("reload"); }
  Done stop_server() override { return say("stop"); }
  Done zone(const ZoneOrder& order) override {
    return say("zone " + order.verb + (order.name ? " " + order.name->to_text() : ""));
  }
};

}  // namespace

TEST_CASE("request lines reach their operation, and what is wrong with them comes back") {
  Recorder target;
  auto reply = [&](const std::string& line) { return json::parse(perform_line(target, line, "uid 7")); };
  CHECK(reply(R"({"operation":"decide","files":[{"name":"a","text":"b"}],"json":true})")["output"] ==
        "{\"seen\":\"decide a=b by uid 7\"}\n");
  reply(R"({"operation":"why","name":"x","client":"c"})");
  CHECK(target.seen == "why x c ");
  reply(R"({"operation":"import","file":"f","format":"hosts","decision":"d","dry_run":true})");
  CHECK(target.seen == "import f d  dry");
  reply(R"({"operation":"activate","id":"d","reason":"r","token":"t"})");
  CHECK(target.seen == "active d t");
  reply(R"({"operation":"flush","all":true})");
  CHECK(target.seen == "flush all");
  reply(R"({"operation":"decide","files":[{"name":"a","text":"b"}],"clock_is_right":true})");
  CHECK(target.seen == "decide a=b by uid 7!");
  reply(R"({"operation":"flush","name":"a.b"})");
  CHECK(target.seen == "flush a.b.");
  reply(R"({"operation":"trace","name":"a.b","type":"aaaa"})");
  CHECK(target.seen == "trace a.b.");
  reply(R"({"operation":"cache","what":"show","name":"a.b","subtree":true})");
  CHECK(target.seen == "cache 0 a.b. and below ");
  reply(R"({"operation":"cache","what":"flush","name":"a.b","type":"mx"})");
  CHECK(target.seen == "cache 3 a.b. MX ");
  reply(R"({"operation":"cache","what":"load","file":"/tmp/x"})");
  CHECK(target.seen == "cache 2 - /tmp/x");
  target.seen.clear();
  CHECK(reply(R"({"operation":"status"})")["error"] == "the disk is on fire");
  CHECK(reply(R"({"operation":"dump"})")["error"] == "nothing to \"dump\"");
  for (const auto* bad : {"",
                          "{}",
                          "[]",
                          "null",
                          "{\"operation\":7}",
                          "{\"operation\":\"fly\"}",
                          "{\"operation\":\"decide\"}",
                          R"({"operation":"decide","files":[{"name":1,"text":"b"}]})",
                          R"({"operation":"flush"})",
                          R"({"operation":"import","file":"f","format":"words","decision":"d"})",
                          R"({"operation":"import","file":"f","format":"hosts"})",
                          R"({"operation":"import","file":"f","format":"hosts","authority":"a"})",
                          R"({"operation":"import","file":"f","format":"csv","decision":"d","delimiter":"::"})",
                          R"({"operation":"flush","name":""})",
                          R"({"operation":"cache"})",
                          R"({"operation":"cache","what":"eat"})",
                          R"({"operation":"cache","what":"load"})",
                          R"({"operation":"cache","what":"dump","file":"here"})",
                          R"({"operation":"cache","what":"flush","name":"a","type":"nonsense"})",
                          R"({"operation":"cache","what":"flush","name":"a","type":"A","subtree":true})",
                          R"({"operation":"trace","name":"a","type":"nonsense"})",
                          "{\"operation\":\"why\",\"name\":\"\xff\"}",
                          "\x01\x02"}) {
    INFO(bad);
    CHECK(reply(bad).contains("error"));
  }
  for (const auto* bad : {"{\"operation\":7}", "{\"operation\":\"decide\"}", R"({"operation":"decide","files":[]})",
                          "nonsense", "\"\xff\"", "[]", R"({"operation":"decide","files":[1]})",
                          R"({"operation":"decide","files":[{"name":1,"text":"b"}]})",
                          R"({"operation":"status","width":-1})", R"({"operation":"status","json":"yes"})"}) {
    INFO(bad);
    REQUIRE(reply(bad).contains("error"));
    const auto error = reply(bad)["error"].get<std::string>();
    CHECK(error.starts_with("request: "));
    CHECK(error.find("json.exception") == std::string::npos);
  }
  CHECK(target.seen.empty());
}

TEST_CASE("a command without a server works on the store itself; one that needs a server says so") {
  const TemporaryDirectory folder;
  const auto options = *parse_options("[server]\nstate_directory = \"" + folder.path("state") + "\"\n", "");
  const json decide{{"operation", "decide"},
                    {"files", {{{"name", "a.toml"}, {"text", kAuthority + decision("one", "example.org")}}}}};
  const auto decided = perform(options, decide.dump(), {true, 80});
  REQUIRE(decided);
  CHECK(json::parse(*decided)["published"] == false);
  const auto status = perform(options, R"({"operation":"status"})", {});
  REQUIRE_FALSE(status);
  CHECK(status.error().find("no server runs at") != std::string::npos);
  const auto rows = read_record(options, {true, 80}, [](policy::Store& store) {
    return query(store.path(), "SELECT count(*) AS n FROM public_decision", 1, 1);
  });
  REQUIRE(rows);
  CHECK(json::parse(*rows)["rows"][0]["n"] == 1);
}
