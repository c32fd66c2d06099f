// The chain: canonical text, digests, and every rewrite that must show.
#include <sqlite3.h>

#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;

TEST_CASE("SHA-256 and hex are the standard's") {
  CHECK(to_hex(as_text(sha256(""))) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("ab", "c") == sha256("abc"));
}

TEST_CASE("an entry is canonical: sorted keys, no white space, UTF-8 as it is") {
  const Event event{.id = "e",
                    .name = name_of("Example.ORG"),
                    .occurred_at = 5,
                    .actor = "Ä",
                    .act = "refused",
                    .statement = {{"en", "x"}},
                    .source = "s"};
  CHECK(canonical(event) ==
        "{\"act\":\"refused\",\"actor\":\"Ä\",\"id\":\"e\",\"name\":\"example.org\",\"occurred_at\":5,\"source\":\"s\","
        "\"statement\":{\"en\":\"x\"}}");
  const auto row = make_log_row(1, 7, "event", "e", "anna", canonical(event), false, "");
  CHECK_THAT(row.entry, Catch::StartsWith("{\"author_sha256\":\"") &&
                            Contains("\"kind\":\"event\",\"recorded_at\":7,\"sequence\":1,\"subject\":\"e\"}"));
  CHECK_THAT(row.entry, !Contains("anna"));
  CHECK(row.hash == sha256(row.entry));
  CHECK(content_of(row) == canonical(event));
  CHECK_FALSE(check_log_row(row, "").has_value());
  CHECK(check_log_row(row, "x").has_value());
}

TEST_CASE("a withheld entry shows nothing, and no two digests of the same thing are alike") {
  const auto one = make_log_row(1, 7, "decision", "secret", "anna", "{\"a\":1}", true, "");
  const auto two = make_log_row(1, 7, "decision", "secret", "anna", "{\"a\":1}", true, "");
  CHECK_THAT(one.entry, !Contains("secret") && !Contains("anna") && Contains("withheld_sha256"));
  CHECK(one.entry != two.entry);
  CHECK_FALSE(check_log_row(one, "").has_value());
  CHECK(content_of(one) == "{\"a\":1}");
  auto forged = one;
  forged.withheld = two.withheld;
  CHECK(check_log_row(forged, "").has_value());
  forged = one;
  forged.withheld.reset();
  CHECK(check_log_row(forged, "").has_value());
}

TEST_CASE("text from a command line that is not UTF-8 does not break the log") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  CHECK(store.lift("d1", "caf\xe9", "an\xff", kNow).has_value());
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("every rewrite of the record shows") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org") +
                     decision_toml("d2", "example.com", "disclosure = \"sealed\""));
  take_in(store,
          "[[event]]\nid = \"e\"\nname = \"example.org\"\noccurred_at = 2022-09-03\nactor = \"a\"\nact = "
          "\"blocked\"\nstatement = \"s\"\nsource = \"p\"\n");
  store.lift("d1", "x", "t", kNow).value();
  store.disclose("d2", "unsealed", "t", kNow).value();
  store.record_views({{"default", {}, {}, {}}}, "t", kNow);
  const auto whole = store.verify_log();
  CHECK(whole.problems.empty());
  CHECK(whole.entries == 7);
  CHECK(whole.head.size() == 64);

  const auto problem_after = [&](const std::string& table, const std::string& sql) {
    const auto copy = folder / "copy.db";
    std::filesystem::remove(copy);
    store.backup(copy);
    sqlite3* handle = nullptr;
    sqlite3_open(copy.c_str(), &handle);
    for (const auto* kind : {"update", "delete", "key", "entry"}) {
      sqlite3_exec(handle, fmt::format("DROP TRIGGER {}_{}", table, kind).c_str(), nullptr, nullptr, nullptr);
    }
    char* error = nullptr;
    const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &error);
    if (code != SQLITE_OK) FAIL(error);
    CHECK(sqlite3_changes(handle) > 0);
    sqlite3_close(handle);
    const auto check = Store::open(copy, Store::Mode::read_only, kNow).verify_log();
    return check.problems.empty() ? std::string("unnoticed") : check.problems.front();
  };
  CHECK_THAT(problem_after("log", "UPDATE log SET entry = replace(entry, 'Act 1', 'Act 2') WHERE sequence = 2"),
             Contains("entry 2: its hash"));
  CHECK_THAT(problem_after("log", "UPDATE log SET author = 'someone else' WHERE sequence = 2"),
             Contains("entry 2: the author"));
  CHECK_THAT(problem_after("log", "UPDATE log SET recorded_at = recorded_at - 1 WHERE sequence = 2"),
             Contains("entry 2"));
  CHECK_THAT(problem_after("log", "UPDATE log SET withheld = replace(withheld, 'Act 1', 'Act 2') WHERE sequence = 3"),
             Contains("entry 3: the withheld"));
  CHECK_THAT(problem_after("log", "DELETE FROM log WHERE sequence = 4"), Contains("entry 5 follows entry 3"));
  CHECK_THAT(problem_after("decision", "UPDATE decision SET legal_basis = 'Act 2' WHERE decision_id = 'd1'"),
             Contains("entry 2: the tables say something else"));
  CHECK_THAT(problem_after("decision", "UPDATE decision SET expires_at = expires_at + 1 WHERE decision_id = 'd1'"),
             Contains("entry 2"));
  CHECK_THAT(problem_after("decision_text", "UPDATE decision_text SET text = 'other' WHERE decision_id = 'd2'"),
             Contains("entry 3"));
  CHECK_THAT(problem_after("rule", "DELETE FROM rule WHERE decision_id = 'd1'"), Contains("entry 2"));
  CHECK_THAT(problem_after("rule",
                           "INSERT INTO rule SELECT 77, 'd1', 5, trigger, match, 'example.net', 'net.example', prefix, "
                           "action, ttl, target FROM rule LIMIT 1"),
             Contains("entry 2"));
  CHECK_THAT(problem_after("authority", "UPDATE authority SET external = 0"), Contains("entry 1"));
  CHECK_THAT(problem_after("event", "UPDATE event SET occurred_at = 0"), Contains("entry 4"));
  CHECK_THAT(problem_after("transition", "UPDATE transition SET valid_from = valid_from - 100 WHERE sequence = 5"),
             Contains("entry 5"));
  CHECK_THAT(problem_after("transition", "UPDATE transition SET state = 'suspended' WHERE sequence = 2"),
             Contains("entry 2"));
  CHECK_THAT(problem_after("transition", "DELETE FROM transition WHERE sequence = 5"), Contains("entry 5"));
  CHECK_THAT(problem_after("transition",
                           "INSERT INTO transition SELECT 1, decision_id, 'lifted', valid_from, recorded_at, author, "
                           "reason FROM transition LIMIT 1"),
             Contains("no entry of the log"));
  CHECK_THAT(problem_after("view", "UPDATE view SET clients = '[\"192.0.2.0/24\"]'"), Contains("entry 7"));
  CHECK_THAT(problem_after("disclosure", "UPDATE disclosure SET reason = 'other'"), Contains("entry 6"));
}
