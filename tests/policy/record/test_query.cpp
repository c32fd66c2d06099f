// Questions in SQL: what they can read, and all the ways in which they can't do more.
#include <sqlite3.h>

#include <set>

#include "policy/record/sqlite.hpp"
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;

namespace {

struct Recorded {
  TemporaryFolder folder;
  Store store = open_store(folder);
  Recorded() {
    take_in(store, authority_toml() + decision_toml("open", "example.org", "territorial_scope = [\"NZ\"]") +
                       decision_toml("secret", "hidden.example.com",
                                     "disclosure = \"sealed\"\nreference = \"secret-reference\"") +
                       decision_toml("later", "delayed.example.com", "disclosure = \"delayed\""));
    store.lift("secret", "secret reason", "anna", kNow + 1).value();
    store.record_views({{"default", {"198.51.100.0/24"}, {}, {}}}, "anna", kNow + 2);
    store.record_enforcement("node", 1, 4, kNow + 3);
  }
  QueryResult ask(std::string_view sql) {
    auto result = store.query(sql);
    if (!result) FAIL(result.error());
    return *result;
  }
  std::string error(std::string_view sql, const QueryLimits& limits = {}) {
    const auto result = store.query(sql, limits);
    return result ? "answered" : result.error();
  }
  std::set<std::string> files() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) names.insert(entry.path().filename());
    return names;
  }
};

std::string text_of(const QueryResult& result) {
  std::string text;
  for (const auto& row : result.rows) {
    for (const auto& value : row) {
      if (const auto* s = std::get_if<std::string>(&value))
        text += *s + "|";
      else if (const auto* i = std::get_if<std::int64_t>(&value))
        text += std::to_string(*i) + "|";
      else
        text += "-|";
    }
    text += "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("a query reads the public tables") {
  Recorded recorded;
  const auto result = recorded.ask("SELECT decision_id, territorial_scope, authority_name FROM public_decision");
  CHECK(result.columns == std::vector<std::string>{"decision_id", "territorial_scope", "authority_name"});
  CHECK(text_of(result) == "open|NZ|A court|\n");
  CHECK_FALSE(result.truncated);
  CHECK(text_of(recorded.ask("SELECT state, valid_from, valid_to, recorded_to FROM public_rule_history WHERE name = "
                             "'example.org' ORDER BY 2")) ==
        "active|2027-01-15T08:00:00Z|2027-02-14T08:00:00Z|never|\nexpired|2027-02-14T08:00:00Z|never|never|\n");
  CHECK(text_of(recorded.ask("SELECT decision_id, node, enforced_from FROM public_decision_enforcement")) ==
        "open|node|2027-01-15T08:00:03Z|\n");
  CHECK(text_of(recorded.ask("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT "
                             "sum(x) FROM n;  -- fine\n")) == "6|\n");
  CHECK(text_of(recorded.ask(
            "SELECT value FROM json_each((SELECT sources FROM public_view)) UNION ALL SELECT upper('x')")) == "X|\n");
}

TEST_CASE("every public table can be read, by query and by export, and gives nothing sealed away") {
  Recorded recorded;
  const auto tables = public_tables(recorded.store.path());
  CHECK(tables.size() == 15);
  for (const auto& table : tables) {
    INFO(table);
    const auto result = recorded.ask("SELECT * FROM " + table);
    std::size_t rows = 0;
    std::vector<std::string> columns;
    read_public_table(
        recorded.store.path(), table, [&](const auto& names) { columns = names; },
        [&](const Row&) { return ++rows, true; });
    CHECK(columns == result.columns);
    CHECK(rows == result.rows.size());
    const auto text = text_of(result);
    for (const auto* hidden : {"secret", "hidden", "later", "delayed", "anna", "198.51.100"}) {
      INFO(hidden);
      CHECK_THAT(text, !Contains(hidden));
    }
  }
}

TEST_CASE("a disclosed decision becomes public, with the text its entry was a digest of") {
  Recorded recorded;
  recorded.store.disclose("secret", "the court unsealed it", "anna", kNow + 10).value();
  CHECK(text_of(recorded.ask("SELECT decision_id, reference FROM public_decision WHERE decision_id = 'secret'")) ==
        "secret|secret-reference|\n");
  const auto log = recorded.ask("SELECT entry, disclosed_text FROM public_log WHERE disclosed_text IS NOT NULL");
  REQUIRE(log.rows.size() == 2);  // the decision and its lift
  for (const auto& row : log.rows) {
    const auto digest = to_hex(as_text(sha256(std::get<std::string>(row[1]))));
    CHECK_THAT(std::get<std::string>(row[0]), Contains("\"withheld_sha256\":\"" + digest + "\""));
  }
  CHECK_THAT(recorded.store.disclose("secret", "again", "anna", kNow + 11).error(), Contains("public already"));
  CHECK_THAT(recorded.store.disclose("open", "x", "anna", kNow + 11).error(), Contains("public already"));
}

TEST_CASE("a sealed decision's name does not come out through a public one") {
  Recorded recorded;
  CHECK_THAT(refusal(recorded.store, decision_toml("p", "example.net", "supersedes = \"later\""), kNow + 10),
             Contains("disclose the other one first"));
  take_in(recorded.store, decision_toml("quiet", "example.org", "supersedes = \"open\"\ndisclosure = \"sealed\""),
          kNow + 10);
  CHECK_THAT(text_of(recorded.ask("SELECT reason FROM public_transition WHERE state = 'lifted'")),
             Contains("superseded by another decision"));
  CHECK_THAT(text_of(recorded.ask("SELECT * FROM public_log")), !Contains("quiet"));
}

TEST_CASE("nothing but the public tables can be named, by any trick") {
  Recorded recorded;
  for (const auto* sql :
       {"SELECT * FROM decision", "SELECT count(*) FROM decision", "SELECT 1 FROM log", "SELECT * FROM main.decision",
        "SELECT author FROM transition", "SELECT * FROM decision_history", "SELECT count(*) FROM decision_history",
        "WITH public_decision AS (SELECT * FROM decision) SELECT * FROM public_decision",
        "WITH public_decision(a) AS (SELECT decision_id FROM main.decision) SELECT a FROM public_decision",
        "SELECT (SELECT author FROM log LIMIT 1) FROM public_decision",
        "SELECT * FROM (SELECT decision_id FROM decision) AS public_decision",
        "SELECT * FROM public_decision WHERE decision_id IN decision_scope", "SELECT * FROM temp.decision"}) {
    INFO(sql);
    CHECK_THAT(recorded.error(sql), Contains("no such table") && Contains("public_decision"));
  }
  for (const auto* sql :
       {"SELECT * FROM sqlite_schema", "SELECT count(*) FROM sqlite_master", "SELECT * FROM sqlite_temp_master",
        "SELECT * FROM pragma_table_info('decision')", "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_user_version", "SELECT * FROM dbstat", "SELECT count(*) FROM dbstat",
        "SELECT * FROM sqlite_stmt", "SELECT * FROM pragma_function_list"}) {
    INFO(sql);
    CHECK(recorded.error(sql) != "answered");
  }
}

TEST_CASE("nothing but reading is possible, and no file appears") {
  Recorded recorded;
  const auto before = recorded.files();
  const auto target = (recorded.folder / "out.db").string();
  for (const auto& sql : {fmt::format("ATTACH '{}' AS x", target),
                          fmt::format("VACUUM INTO '{}'", target),
                          std::string("VACUUM"),
                          std::string("PRAGMA journal_mode = DELETE"),
                          std::string("PRAGMA user_version"),
                          std::string("PRAGMA query_only = OFF"),
                          std::string("CREATE TABLE x (a)"),
                          std::string("CREATE TEMP TABLE x (a)"),
                          std::string("CREATE TEMP VIEW x AS SELECT 1"),
                          std::string("CREATE VIRTUAL TABLE temp.x USING fts5(a)"),
                          std::string("DROP VIEW public_decision"),
                          std::string("DELETE FROM public_decision"),
                          std::string("DELETE FROM log"),
                          std::string("INSERT INTO authority DEFAULT VALUES"),
                          std::string("UPDATE decision SET reference = ''"),
                          std::string("BEGIN"),
                          std::string("COMMIT"),
                          std::string("SAVEPOINT x"),
                          std::string("DETACH main"),
                          std::string("REINDEX"),
                          std::string("ANALYZE"),
                          std::string("EXPLAIN SELECT 1"),
                          std::string("SELECT load_extension('x')"),
                          std::string("SELECT writefile('x', 'y')"),
                          std::string("SELECT readfile('/etc/passwd')"),
                          std::string("SELECT fts3_tokenizer('simple')"),
                          std::string("SELECT edit('x')"),
                          std::string("SELECT randomblob(1000)"),
                          std::string("SELECT sqlite_compileoption_get(1)"),
                          std::string("INSERT INTO public_decision DEFAULT VALUES RETURNING 1")}) {
    INFO(sql);
    CHECK(recorded.error(sql) != "answered");
  }
  CHECK(recorded.files() == before);
  CHECK(recorded.store.verify_log().problems.empty());
  CHECK_THAT(recorded.error("ATTACH 'x' AS y"), Contains("ATTACH is not possible here"));
  CHECK_THAT(recorded.error("SELECT load_extension('x')"), Contains("load_extension"));
}

TEST_CASE("one statement, whole and of a bearable length") {
  Recorded recorded;
  CHECK_THAT(recorded.error("SELECT 1; SELECT 2"), Contains("one statement"));
  CHECK_THAT(recorded.error("SELECT 1; garbage"), Contains("one statement"));
  CHECK_THAT(recorded.error("SELECT 1; DROP TABLE log"), Contains("one statement"));
  CHECK(recorded.error("; SELECT 1 ;; -- end") == "answered");
  CHECK_THAT(recorded.error(""), Contains("no statement"));
  CHECK_THAT(recorded.error("-- nothing"), Contains("no statement"));
  CHECK_THAT(recorded.error("SELEKT 1"), Contains("syntax error"));
  CHECK_THAT(recorded.error("SELECT ?"), !Contains("answered"));
  CHECK_THAT(recorded.error(std::string("SELECT 1\0, 2", 12)), Contains("NUL"));
  CHECK_THAT(recorded.error("SELECT '" + std::string(70000, 'x') + "'"), Contains("64 KiB"));
}

TEST_CASE("rows, octets, time and memory are bounded") {
  Recorded recorded;
  const std::string endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) ";
  QueryLimits limits;
  limits.rows = 10;
  const auto rows = recorded.store.query(endless + "SELECT x FROM n", limits).value();
  CHECK(rows.rows.size() == 10);
  CHECK(rows.truncated);
  limits = {};
  limits.bytes = 100'000;
  const auto bytes = recorded.store.query(endless + "SELECT zeroblob(10000) FROM n", limits).value();
  CHECK(bytes.truncated);
  CHECK(bytes.rows.size() < 10);
  limits = {};
  limits.milliseconds = 50;
  CHECK_THAT(recorded.error(endless + "SELECT count(*) FROM n", limits), Contains("stopped after 50 ms"));
  limits = {};
  limits.milliseconds = 60'000;
  limits.memory = std::size_t{8} << 20;
  CHECK_THAT(
      recorded.error(
          endless + "SELECT DISTINCT x || hex(zeroblob(500)) FROM n WHERE x < 0 OR random() IS NOT NULL ORDER BY 1",
          limits),
      Contains("memory"));
  CHECK(recorded.error("SELECT zeroblob(100000000)") != "answered");
  const auto wide = recorded.ask("SELECT printf('%*d', 100000000, 1) || 'x'");  // SQLite caps the width by itself
  CHECK(text_of(wide).size() <= (1U << 20) + 1000);
  CHECK_THAT(recorded.error("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) "
                            "SELECT group_concat(hex(zeroblob(1000))) FROM n"),
             Contains("too big"));
  CHECK(recorded.error("SELECT replace(hex(zeroblob(100000)), '0', hex(zeroblob(1000)))") != "answered");
}

TEST_CASE("no single step of a query takes the product of two lengths") {
  Recorded recorded;
  QueryLimits limits;
  limits.milliseconds = 60'000;
  // By SQLite's own functions each of these keeps one step busy for a minute and more, whatever the limit.
  for (const auto* sql :
       {"WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM a LIMIT 150) SELECT "
        "sum(instr(hex(zeroblob(400000)), hex(zeroblob(200000))||x)) FROM a",
        "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM a LIMIT 50) SELECT "
        "sum(length(replace(hex(zeroblob(400000)), hex(zeroblob(200000))||x, '')) - 800000) FROM a"}) {
    const auto result = recorded.store.query(sql, limits);
    if (!result) FAIL(result.error());
    CHECK(text_of(*result) == "0|\n");
  }
  CHECK(recorded.error("SELECT json_patch('{}', '{}')") != "answered");
}

TEST_CASE("instr, replace and trim answer as SQLite's own do") {
  Recorded recorded;
  Connection plain(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY);
  for (const std::string call : {"instr('abcabc','ca')",     "instr('äöü','ü')",
                                 "instr('abc','')",          "instr('','a')",
                                 "instr(x'00c3bc01',x'01')", "instr(x'616263','c')",
                                 "instr(NULL,'a')",          "instr(12345,34)",
                                 "replace('aaa','aa','b')",  "replace('abc','','x')",
                                 "replace('äöä','ä','--')",  "replace('abc',NULL,'x')",
                                 "replace('','a','b')",      "replace('aXbXc','X','')",
                                 "trim('  a b  ')",          "trim('xxaxx','x')",
                                 "trim('äöaöä','öä')",       "ltrim('xyxa','yx')",
                                 "rtrim('axyx','yx')",       "rtrim('aé','é')",
                                 "rtrim('aé','x')",          "trim('','x')",
                                 "trim('abc','')",           "trim('abc','abc')",
                                 "trim('a',NULL)",           "ltrim('  é ')",
                                 "rtrim('中文文','文')",     "trim(x'2061')"}) {
    INFO(call);
    const auto sql = "SELECT quote(" + call + ")";
    Statement expected(plain, sql);
    REQUIRE(expected.step());
    CHECK(text_of(recorded.ask(sql)) == expected.text(0) + "|\n");
  }
}

TEST_CASE("a query runs on a store that only reads, and beside a writer") {
  Recorded recorded;
  auto reader = Store::open(recorded.folder / "policy.db", Store::Mode::read_only, kNow);
  CHECK(text_of(*reader.query("SELECT count(*) FROM public_decision")) == "1|\n");
  take_in(recorded.store, decision_toml("another", "example.net"), kNow + 10);
  CHECK(text_of(*reader.query("SELECT count(*) FROM public_decision")) == "2|\n");
}
