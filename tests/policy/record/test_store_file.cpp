// The store as a file: locks, strangers' files, what the schema refuses to anyone, versions, copies.
#include <sqlite3.h>

#include <fstream>

#include "policy/record/schema.hpp"
#include "tests/policy/record/admitted.hpp"
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;

namespace {

std::string read_all(const std::filesystem::path& path) {
  std::ifstream input(path);
  return {std::istreambuf_iterator<char>(input), {}};
}

}  // namespace

TEST_CASE("one writes, others read") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml());
  CHECK_THAT(error_of([&] { open_store(folder); }, StoreError::Kind::locked),
             Contains("another process") && Contains("writes to it"));
  auto reader = Store::open(folder / "policy.db", Store::Mode::read_only, kNow);
  CHECK(reader.authority("court").has_value());
  take_in(store, decision_toml("d1", "example.org"));
  CHECK(reader.decision("d1").has_value());
  CHECK_THAT(error_of([&] { (void)reader.lift("d1", "x", "t", kNow); }), Contains("can only be read"));
  {
    auto moved = std::move(store);
  }
  CHECK_NOTHROW(open_store(folder));
}

TEST_CASE("files that are no store are refused and stay as they are") {
  TemporaryFolder folder;
  const auto refused = [&](std::string_view name, Store::Mode mode) {
    return error_of([&] { Store::open(folder.path() / name, mode, kNow); });
  };
  std::ofstream(folder / "text") << std::string(5000, 'x');
  CHECK_THAT(refused("text", Store::Mode::read_write), Contains("no policy store"));
  CHECK(read_all(folder / "text") == std::string(5000, 'x'));
  sqlite3* other = nullptr;
  sqlite3_open((folder / "other.db").c_str(), &other);
  sqlite3_exec(other, "CREATE TABLE t (x); INSERT INTO t VALUES (1)", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  const auto before = read_all(folder / "other.db");
  CHECK_THAT(refused("other.db", Store::Mode::read_write), Contains("another program"));
  CHECK(read_all(folder / "other.db") == before);
  CHECK_THAT(refused("missing.db", Store::Mode::read_only), Contains("can't be opened"));
  CHECK_FALSE(std::filesystem::exists(folder / "missing.db"));
  CHECK_THAT(refused("no/such/folder.db", Store::Mode::read_write), Contains("No such file"));
  std::filesystem::create_directory(folder / "sub");
  CHECK_THAT(refused("sub", Store::Mode::read_only), Contains("folder"));
  std::ofstream(folder / "empty.db");
  CHECK_THAT(refused("empty.db", Store::Mode::read_only), Contains("empty"));
}

TEST_CASE("the schema itself is insert-only, for any connection and any way of writing") {
  TemporaryFolder folder;
  {
    auto store = open_store(folder);
    take_in(store, authority_toml() + decision_toml("d1", "example.org") +
                       "action = \"local-data\"\nrecords = [\"A 192.0.2.1\"]\n");
    take_in(store, decision_toml("d2", "example.com", "disclosure = \"sealed\"\nterritorial_scope = [\"NZ\"]"));
    take_in(store,
            "[[event]]\nid = \"e\"\nname = \"example.org\"\noccurred_at = 2022-09-03\nactor = \"a\"\nact = "
            "\"blocked\"\nstatement = \"s\"\nsource = \"p\"\n");
    store.disclose("d2", "x", "t", kNow).value();
    take_in(store, authority_toml() + "version = 2\n");
    store.record_views({{"default", {}, {}, {}}}, "t", kNow);
    store.record_enforcement("n", 1, 1, kNow);
    RuleList rules;
    REQUIRE(rules.add("org.example", rules.form_number({}), 1));
    rules.seal();
    store.record_list(admitted("daily", rules), "t", kNow);
    RuleList more;
    for (const auto* key : {"org.example", "org.other"}) REQUIRE(more.add(key, more.form_number({}), 1));
    more.seal();
    store.record_list(admitted("daily", more), "t", kNow);
  }
  // A stranger's shell: SQLite's defaults, triggers not recursive, foreign keys off.
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open((folder / "policy.db").c_str(), &handle) == SQLITE_OK);
  const auto run = [handle](const std::string& sql) {
    char* error = nullptr;
    const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &error);
    std::string text = code == SQLITE_OK ? "done" : error;
    sqlite3_free(error);
    return text;
  };
  std::vector<std::string> tables;
  sqlite3_exec(
      handle,
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'list_pending'",  // no part of the record
      [](void* out, int, char** values, char**) {
        static_cast<std::vector<std::string>*>(out)->push_back(values[0]);
        return 0;
      },
      &tables, nullptr);
  CHECK(tables.size() == 22);
  for (const auto& table : tables) {
    INFO(table);
    std::string column;
    sqlite3_exec(
        handle, ("SELECT name FROM pragma_table_info('" + table + "') LIMIT 1").c_str(),
        [](void* out, int, char** values, char**) {
          *static_cast<std::string*>(out) = values[0];
          return 0;
        },
        &column, nullptr);
    CHECK_THAT(run(fmt::format("UPDATE {} SET {} = {}", table, column, column)), Contains("insert-only"));
    CHECK_THAT(run(fmt::format("UPDATE OR REPLACE {} SET {} = {}", table, column, column)), Contains("insert-only"));
    CHECK_THAT(run(fmt::format("DELETE FROM {}", table)), Contains("insert-only"));
    CHECK_THAT(run(fmt::format("INSERT OR REPLACE INTO {0} SELECT * FROM {0}", table)), Contains("insert-only"));
    CHECK_THAT(run(fmt::format("INSERT OR IGNORE INTO {0} SELECT * FROM {0}", table)), Contains("insert-only"));
    CHECK_THAT(run(fmt::format("INSERT INTO {0} SELECT * FROM {0} WHERE true ON CONFLICT DO UPDATE SET {1} = {1}",
                               table, column)),
               Contains("insert-only"));
  }
  // Columns that are unique besides the key, and a gap in the log.
  CHECK_THAT(
      run("INSERT OR REPLACE INTO decision SELECT 99, decision_id, decision_type, authority_id, applicant, reference,"
          " legal_basis, document_url, document_sha256, received_at, comply_by, review_at, effective_from, "
          "effective_from_given,"
          " expires_at, expires_after, supersedes, reverses, disclosure, demonstration, initial_state, list, overrides "
          "FROM decision "
          "WHERE decision_id = 'd1'"),
      Contains("insert-only"));
  CHECK_THAT(run("INSERT OR REPLACE INTO rule SELECT 99, decision_id, position, trigger, match, name, name_key, "
                 "prefix, action, ttl, target FROM rule"),
             Contains("insert-only"));
  CHECK_THAT(run("INSERT INTO log SELECT 99, recorded_at, kind, subject, author, author_salt, entry, withheld, hash "
                 "FROM log LIMIT 1"),
             Contains("next sequence"));
  sqlite3_close(handle);
}

TEST_CASE("no plain INSERT adds to what was recorded") {
  TemporaryFolder folder;
  {
    auto store = open_store(folder);
    take_in(store, authority_toml() + decision_toml("d1", "example.org") +
                       "action = \"local-data\"\nrecords = [\"A 192.0.2.1\"]\n");
    store.record_views({{"default", {}, {}, {}}}, "t", kNow);
    store.record_enforcement("n", 1, 3, kNow + 10);
  }
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open((folder / "policy.db").c_str(), &handle) == SQLITE_OK);
  const auto check = [&handle](std::initializer_list<const char*> statements) {
    for (const auto* sql : statements) {
      INFO(sql);
      CHECK(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_CONSTRAINT);
      CHECK_THAT(sqlite3_errmsg(handle), Contains("insert-only"));
    }
  };
  check({"INSERT INTO transition VALUES (777, 'd1', 'annulled', 0, 0, 'nobody', 'forged')",
         "INSERT INTO transition SELECT 1, 'd1', 'annulled', 0, recorded_at, author, 'forged' FROM log LIMIT 1",
         "INSERT INTO transition (decision_id, state, valid_from, recorded_at, author, reason) VALUES ('d1', 'lifted', "
         "0, 0, 'n', 'f')",
         "INSERT INTO decision_text VALUES ('d1', 'redress', 'fr', 'forged')",
         "INSERT INTO decision_text VALUES ('nobody', 'redress', 'fr', 'forged')",
         "INSERT INTO decision_scope VALUES ('d1', 0, 'NZ')",
         "INSERT INTO rule SELECT 2, 'd1', 1, trigger, match, 'example.net', 'net.example', prefix, action, ttl, "
         "target FROM rule",
         "INSERT INTO rule_record VALUES (1, 1, 1, x'c0000202', 'A 192.0.2.2')",
         "INSERT INTO authority_name VALUES ('court', 'fr', 'forged')",
         "INSERT INTO authority VALUES ('other', 1, 'court', '', '', '', 1, '')",
         "INSERT INTO authority VALUES ('other', 4, 'court', '', '', '', 1, '')",
         "INSERT INTO event VALUES (9, 'e', 'example.org', 'org.example', 0, 'a', 'b', 's')",
         "INSERT INTO event_text VALUES ('e', 'en', 'forged')",
         "INSERT INTO disclosure VALUES ('d1', 3, 0, 'forged')",
         "INSERT INTO view VALUES (3, 1, 'forged', '[]', '[]', '[]', '[]', '[]', 0)",
         "INSERT INTO view VALUES (1, 0, 'forged', '[]', '[]', '[]', '[]', '[]', 0)",
         "INSERT INTO schema_version VALUES (99, 0)",
         "INSERT INTO schema_version (recorded_at) VALUES (0)",
         "INSERT INTO enforcement VALUES (2, 'n', 1, 3, 0)",
         "INSERT INTO enforcement VALUES (2, 'm', 1, 3, 0)",
         "INSERT INTO enforcement VALUES (9, 'n', 1, 3, 1900000000)",
         "INSERT INTO enforcement VALUES (2, 'n', 4, 9, 1900000000)",
         "INSERT INTO log SELECT 4, 0, kind, subject, author, author_salt, entry, withheld, hash FROM log LIMIT 1"});
  sqlite3_close(handle);
  auto store = open_store(folder);
  CHECK(store.verify_log().problems.empty());
  // Also while the newest entry is the very one that a row would be added to.
  take_in(store, authority_toml("last"));
  REQUIRE(sqlite3_open((folder / "policy.db").c_str(), &handle) == SQLITE_OK);
  check({"INSERT INTO authority_name VALUES ('last', 'fr', 'forged')"});
  sqlite3_close(handle);
  take_in(store, decision_toml("d9", "example.org"));
  REQUIRE(sqlite3_open((folder / "policy.db").c_str(), &handle) == SQLITE_OK);
  check({"INSERT INTO decision_text VALUES ('d9', 'redress', 'fr', 'forged')",
         "INSERT INTO rule SELECT 3, 'd9', 1, trigger, match, name, name_key, prefix, action, ttl, target FROM rule "
         "LIMIT 1"});
  sqlite3_close(handle);
  CHECK(store.disclosed_decisions() == std::map<std::string, Time>{{"d1", kNow}, {"d9", kNow}});
}

TEST_CASE("an older store is copied, then migrated; a newer one is refused") {
  TemporaryFolder folder;
  const auto path = folder / "policy.db";
  {
    auto store = open_store(folder);
    take_in(store, authority_toml());
  }
  auto migrations = known_migrations();
  const auto newest = migrations.back().version;
  REQUIRE(migrations.size() == static_cast<std::size_t>(newest));
  migrations.push_back({newest + 1, "CREATE TABLE next (x INTEGER PRIMARY KEY) STRICT;"});
  {
    Connection connection(path, SQLITE_OPEN_READWRITE);
    migrate(connection, migrations, kNow + 10);
    CHECK(schema_version(connection) == newest + 1);
    CHECK(connection.integer("SELECT count(*) FROM next") == 0);
    CHECK(connection.integer("SELECT count(*) FROM public_authority") == 1);
    CHECK_NOTHROW(migrate(connection, migrations, kNow + 20));
  }
  CHECK_THAT(error_of([&] { open_store(folder); }, StoreError::Kind::newer_version),
             Contains("newer Placard") && Contains(fmt::format("version {}", newest + 1)));
  CHECK_THAT(error_of([&] { Store::open(path, Store::Mode::read_only, kNow); }, StoreError::Kind::newer_version),
             Contains("newer Placard"));
  auto backup = Store::open(folder / fmt::format("policy.db.v{}.backup", newest).c_str(), Store::Mode::read_only, kNow);
  CHECK(backup.authority("court").has_value());
  // A migration that fails leaves the store as it was.
  migrations.push_back({newest + 2, "CREATE TABLE third (x INTEGER) STRICT; SELECT nonsense;"});
  Connection connection(path, SQLITE_OPEN_READWRITE);
  CHECK_THAT(error_of([&] { migrate(connection, migrations, kNow + 30); }), Contains("nonsense"));
  CHECK(schema_version(connection) == newest + 1);
  CHECK(connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'third'") == 0);
}

TEST_CASE("a backup is a whole store and overwrites nothing") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  store.backup(folder / "copy.db");
  auto copy = Store::open(folder / "copy.db", Store::Mode::read_only, kNow);
  CHECK(copy.decision("d1").has_value());
  CHECK(copy.verify_log().head == store.verify_log().head);
  CHECK_THAT(error_of([&] { store.backup(folder / "copy.db"); }, StoreError::Kind::exists), Contains("exists already"));
  CHECK_THAT(error_of([&] { store.backup(folder / "no/such"); }), Contains("No such file"));
  CHECK_FALSE(std::filesystem::exists(folder / "copy.db.partial"));
  const auto permissions = std::filesystem::status(folder / "copy.db").permissions();
  CHECK((permissions & std::filesystem::perms::others_all) == std::filesystem::perms::none);
}
