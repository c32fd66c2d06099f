// Lists in the store: differences, the log's digest of them, and every stand they ever had.
#include <sqlite3.h>
#include <catch2/catch.hpp>

#include <random>

#include "policy/record/list_recording.hpp"
#include "policy/record/schema.hpp"
#include "policy/record/sqlite.hpp"
#include "policy/record/store.hpp"
#include "policy/record/written_name.hpp"
#include "tests/policy/record/admitted.hpp"
#include "tests/policy/record/examples.hpp"

namespace placard::policy {

namespace {

struct Line {
  const char* key;
  MatchKind match = MatchKind::both;
  Action action = Action::sinkhole;
  Trigger trigger = Trigger::qname;
};

RuleList list_of(const std::vector<Line>& lines) {
  RuleList rules;
  std::uint32_t number = 0;
  for (const auto& line : lines) {
    RuleForm form;
    form.trigger = line.trigger;
    form.match = line.match;
    form.action = line.action;
    REQUIRE(rules.add(line.key, rules.form_number(form), ++number));
  }
  rules.seal();
  return rules;
}

std::vector<std::string> contents(Store& store, std::string_view list) {
  std::vector<std::string> all;
  store.visit_list(list, [&](const StoredListRule& rule, const RuleForm& form) {
    CHECK(form.trigger == rule.trigger);
    CHECK(form.match == rule.match);
    all.push_back(std::string(rule.key) + " " + std::string(to_text(form.match)) + " " +
                  std::string(to_text(form.action)));
  });
  return all;
}

}  // namespace

TEST_CASE("a list is recorded as one entry, and a refresh as its differences") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  auto first = list_of({{"net.b"}, {"net.a"}, {"192.0.2.0/24", MatchKind::both, Action::drop, Trigger::nsip}});
  const auto done = store.record_list(admitted("daily", first, R"({"source":"x"})"), "test", kNow);
  CHECK(done.added == 3);
  CHECK(done.sequence == 1);
  CHECK(contents(store, "daily") ==
        std::vector<std::string>{"net.a both sinkhole", "net.b both sinkhole", "192.0.2.0/24 both drop"});
  const auto stand = store.list_stand("daily");
  REQUIRE(stand);
  CHECK(stand->rules == 3);
  CHECK(stand->meta == R"({"source":"x"})");

  CHECK(store.record_list(admitted("daily", first), "test", kNow + 1).sequence == 0);
  CHECK(store.last_log_sequence() == 1);

  auto second = list_of({{"net.a"}, {"net.b", MatchKind::exact}, {"net.c"}});
  const auto changed = store.record_list(admitted("daily", second), "test", kNow + 2);
  CHECK(changed.added == 2);    // b for itself alone, c
  CHECK(changed.removed == 2);  // b with what is below it, the prefix
  CHECK(changed.unchanged == 1);
  CHECK(contents(store, "daily") ==
        std::vector<std::string>{"net.a both sinkhole", "net.b exact sinkhole", "net.c both sinkhole"});
  std::size_t differences = 0, gone = 0;
  store.visit_list_differences(stand->number, 1, [&](const StoredListRule& rule) {
    ++differences;
    gone += rule.form == 0;
  });
  CHECK(differences == 4);
  CHECK(gone == 2);
  // What it was before can still be read.
  auto before = store.list_rules(stand->number, {}, 1);
  StoredListRule rule;
  for (const auto* key : {"net.a", "net.b", "192.0.2.0/24"}) {
    REQUIRE(before.next(rule));
    CHECK(rule.key == key);
  }
  CHECK_FALSE(before.next(rule));
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("a list that comes back to what it was before is that again") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  auto full = list_of({{"net.a"}, {"net.b"}}), less = list_of({{"net.a"}}), none = list_of({});
  for (auto* each : {&full, &less, &full, &none, &full}) store.record_list(admitted("l", *each), "test", kNow);
  CHECK(contents(store, "l").size() == 2);
  CHECK(store.last_log_sequence() == 5);
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("a list that was recorded empty is filled with blocks, and its differences are all that it holds") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  auto none = list_of({}), full = list_of({{"net.a"}, {"net.b"}, {"net.c"}}), other = list_of({{"net.a"}, {"net.d"}});
  store.record_list(admitted("other", full), "test", kNow);
  store.record_list(admitted("l", none), "test", kNow);
  CHECK(store.record_list(admitted("l", full), "test", kNow).added == 3);
  store.record_list(admitted("l", other), "test", kNow);
  const auto number = store.list_stand("l").value().number;
  const auto differences = [&](std::int64_t since) {
    std::string keys;
    store.visit_list_differences(number, since, [&](const StoredListRule& rule) {
      keys += (rule.form == 0 ? "-" : "+") + std::string(rule.key) + " ";
    });
    return keys;
  };
  CHECK(differences(2) == "+net.a +net.d ");
  CHECK(differences(3) == "-net.b -net.c +net.d ");
  Connection look(folder / "s", SQLITE_OPEN_READWRITE);
  CHECK(look.integer("SELECT count(*) FROM list_block") == 2);
  CHECK(look.integer("SELECT count(*) FROM list_rule") == 3);
  store.record_list(admitted("l", none), "test", kNow);
  store.record_list(admitted("l", full), "test", kNow);  // it had rules: they stand in rows
  CHECK(look.integer("SELECT count(*) FROM list_block") == 2);
  CHECK(contents(store, "l").size() == 3);
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("a random history of a list reads back as it was written, at every entry") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  std::mt19937 random(5);
  std::map<std::int64_t, std::vector<std::string>> stands;
  for (int round = 0; round < 30; ++round) {
    RuleList rules;
    for (int i = 0; i < 60; ++i) {
      RuleForm form;
      form.match = static_cast<MatchKind>(random() % 3);
      // What does the same to a name and to what is below it would become one rule.
      form.action = static_cast<Action>(static_cast<unsigned>(form.match) * 2 + random() % 2);
      rules.add("net.n" + std::to_string(random() % 40), rules.form_number(form), 1);
    }
    rules.seal();
    const auto done = store.record_list(admitted("l", rules), "test", kNow + round);
    std::vector<std::string> expected;
    RuleList::Cursor cursor(rules);
    for (ListedRule rule; cursor.next(rule);)
      expected.push_back(std::string(rule.key) + " " + std::string(to_text(rules.form(rule.form).match)) + " " +
                         std::string(to_text(rules.form(rule.form).action)));
    CHECK(contents(store, "l") == expected);
    if (done.sequence != 0) stands[done.sequence] = expected;
  }
  const auto number = store.list_stand("l")->number;
  const auto forms = store.list_forms(number);
  for (const auto& [sequence, expected] : stands) {
    auto cursor = store.list_rules(number, {}, sequence);
    std::vector<std::string> read;
    for (StoredListRule rule; cursor.next(rule);)
      read.push_back(std::string(rule.key) + " " + std::string(to_text(rule.match)) + " " +
                     std::string(to_text(forms.at(rule.form).action)));
    CHECK(read == expected);
  }
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("rules of lists about a name are found from above it") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  store.record_list(admitted("a", list_of({{"net.x"}, {"net.x.y", MatchKind::exact}})), "test", kNow);
  store.record_list(admitted("b", list_of({{"net.x.y.z"}, {"net.x", MatchKind::subdomains}})), "test", kNow);
  const auto found = store.lists_about(*wire::Name::from_text("y.x.net"));
  REQUIRE(found.size() == 3);
  CHECK(found[0].list == "a");
  CHECK(found[0].line == 2);
  CHECK(found[1].key == "net.x");
  CHECK(found[2].list == "b");
  // What is gone is looked for too, and is not found.
  store.record_list(admitted("a", list_of({{"net.x.y", MatchKind::exact}})), "test", kNow);
  store.record_list(admitted("b", list_of({{"net.q"}})), "test", kNow);
  const auto left = store.lists_about(*wire::Name::from_text("y.x.net"));
  REQUIRE(left.size() == 1);
  CHECK(left[0].key == "net.x.y");
  CHECK(store.lists_about(*wire::Name::from_text("y.x.net"), 2).size() == 3);
}

TEST_CASE("rows of a list that were changed or added behind the log's back are noticed") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  store.record_list(admitted("l", list_of({{"net.a"}, {"net.b"}})), "test", kNow);
  store.record_list(admitted("l", list_of({{"net.a"}, {"net.b"}, {"net.bb"}})), "test", kNow);
  Connection other(folder / "s", SQLITE_OPEN_READWRITE);
  const std::string insert =
      "INTO list_rule (list_number, trigger, key, match, sequence, form, line, difference) VALUES (1, 1, 'net.c', 2, "
      "1, 1, "
      "3, 0)";
  CHECK_THROWS_AS(other.execute("INSERT " + insert), StoreError);
  CHECK_THROWS_AS(other.execute("INSERT OR REPLACE " + insert), StoreError);
  CHECK_THROWS_AS(other.execute("UPDATE list_rule SET form = 0"), StoreError);
  CHECK_THROWS_AS(other.execute("DELETE FROM list_rule"), StoreError);
  CHECK_THROWS_AS(other.execute("DELETE FROM list_change"), StoreError);
  CHECK(store.verify_log().problems.empty());
  other.execute("DROP TRIGGER list_rule_key");
  other.execute("INSERT " + insert);
  CHECK(store.verify_log(false).problems.empty());
  CHECK(store.verify_log().problems.size() == 1);
}

TEST_CASE("blocks that were changed, moved or added behind the log's back are noticed") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  store.record_list(admitted("l", list_of({{"net.a"}, {"net.b"}})), "test", kNow);
  Connection other(folder / "s", SQLITE_OPEN_READWRITE);
  CHECK(Statement(other, "SELECT rows FROM list_block").step());
  const std::string insert =
      "INTO list_block (list_number, trigger, key, match, sequence, rows) VALUES (1, 1, 'net.c', 2, 1, '1 net.c 2 1 "
      "3\n')";
  CHECK_THROWS_AS(other.execute("INSERT " + insert), StoreError);
  CHECK_THROWS_AS(other.execute("INSERT OR REPLACE " + insert), StoreError);
  CHECK_THROWS_AS(other.execute("UPDATE list_block SET rows = ''"), StoreError);
  CHECK_THROWS_AS(other.execute("DELETE FROM list_block"), StoreError);
  CHECK(store.verify_log().problems.empty());
  other.execute("DROP TRIGGER list_block_key; DROP TRIGGER list_block_update");
  const auto noticed_after = [&](const std::string& sql) {
    Transaction undone(other);
    other.execute(sql);
    other.execute("COMMIT");
    const auto problems = store.verify_log().problems;
    other.execute("BEGIN");  // which the end of this scope rolls back
    return problems.size();
  };
  CHECK(noticed_after("UPDATE list_block SET rows = replace(rows, 'b', 'x')") == 1);
  CHECK(noticed_after("UPDATE list_block SET rows = replace(rows, 'x', 'b')") == 0);
  CHECK(noticed_after("UPDATE list_block SET key = 'net.b'") == 1);  // where nobody would look for net.a
  CHECK(noticed_after("UPDATE list_block SET key = 'net.a'") == 0);
  CHECK(noticed_after("UPDATE list_block SET rows = 'x'") == 2);
  CHECK_THROWS_AS(contents(store, "l"), StoreError);
}

TEST_CASE("a list of many blocks is found in whole, by the row, and after a refresh") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  const auto make = [](int step) {
    RuleList rules;
    RuleForm form;
    for (int i = 0; i < 3000; ++i) {
      // Some names have two rules that do different things.
      form.match = i % step == 0 ? MatchKind::exact : MatchKind::subdomains;
      form.action = i % step == 0 ? Action::nodata : Action::nxdomain;
      const auto key = "net." + std::to_string(10'000 + i / 2) + ".www";
      REQUIRE(rules.add(key, rules.form_number(form), static_cast<std::uint32_t>(i + 1)));
    }
    for (const auto* prefix : {"192.0.2.0/24", "198.51.100.0/24"}) {
      RuleForm address;
      address.trigger = Trigger::response_ip;
      REQUIRE(rules.add(prefix, rules.form_number(address), 5000));
    }
    rules.seal();
    return rules;
  };
  auto first = make(2), second = make(3);
  store.record_list(admitted("l", first), "test", kNow);
  Connection other(folder / "s", SQLITE_OPEN_READWRITE);
  CHECK(other.integer("SELECT count(*) FROM list_block") > 4);
  const auto wanted = [](const RuleList& rules) {
    std::vector<std::string> all;
    RuleList::Cursor cursor(rules);
    for (ListedRule rule; cursor.next(rule);)
      all.push_back(std::string(rule.key) + " " + std::string(to_text(rules.form(rule.form).match)) + " " +
                    std::string(to_text(rules.form(rule.form).action)));
    return all;
  };
  CHECK(contents(store, "l") == wanted(first));
  for (int i = 0; i < 1500; ++i) {
    const auto key = "net." + std::to_string(10'000 + i) + ".www";
    CHECK(store.list_line("l", Trigger::qname, key, MatchKind::exact) == static_cast<std::uint32_t>(2 * i + 1));
    CHECK(store.list_line("l", Trigger::qname, key, MatchKind::subdomains) == static_cast<std::uint32_t>(2 * i + 2));
  }
  CHECK(store.list_line("l", Trigger::response_ip, "198.51.100.0/24", MatchKind::both) == 5000U);
  CHECK(store.list_line("l", Trigger::qname, "com", MatchKind::exact) == std::nullopt);
  CHECK(store.list_line("l", Trigger::qname, "net.99999", MatchKind::exact) == std::nullopt);
  store.record_list(admitted("l", second), "test", kNow);
  CHECK(contents(store, "l") == wanted(second));
  auto addresses = store.list_rules(1, Trigger::response_ip);
  StoredListRule rule;
  CHECK((addresses.next(rule) && addresses.next(rule) && !addresses.next(rule)));
  // What a block has and a later row takes away is gone, and was there before.
  const auto name = *wire::Name::from_text("www.10001.net");
  CHECK(store.lists_about(name).size() == 1);
  CHECK(store.lists_about(name, 1).at(0).form.action == Action::nodata);
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("a list is recorded in steps between which others write, and shows when it is whole") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  store.record_list(admitted("l", list_of({{"net.a"}, {"net.b"}})), "test", kNow);
  auto rules = list_of({{"net.b", MatchKind::both, Action::nxdomain}, {"net.c"}});
  const auto list = admitted("l", rules);
  const std::vector<std::string> old = {"net.a both sinkhole", "net.b both sinkhole"};
  {
    ListRecording left(folder / "s", list);  // whose process ended before it did
    left.write(store, left.prepare());
  }
  CHECK(contents(store, "l") == old);
  CHECK(store.verify_log().problems.empty());
  ListRecording recording(folder / "s", list);
  recording.write(store, recording.prepare());
  CHECK(recording.prepare().empty());
  CHECK(contents(store, "l") == old);
  View view;
  view.name = "default";
  REQUIRE(store.record_views({view}, "test", kNow));  // an entry of the log of another's
  CHECK(store.lists_about(wire::Name::from_text("c.net").value()).empty());
  CHECK(store.list_line("l", Trigger::qname, "net.c", MatchKind::both) == std::nullopt);
  const auto outcome = recording.finish(store, "test", kNow);
  CHECK(outcome.sequence == 3);
  CHECK((outcome.added == 1 && outcome.removed == 1 && outcome.changed == 1));
  CHECK(contents(store, "l") == std::vector<std::string>{"net.b both nxdomain", "net.c both sinkhole"});
  CHECK(store.lists_about(wire::Name::from_text("c.net").value()).at(0).sequence == 3);
  std::vector<std::string> differences;
  store.visit_list_differences(1, 1, [&](const StoredListRule& rule) { differences.emplace_back(rule.key); });
  CHECK(differences == std::vector<std::string>{"net.a", "net.b", "net.c"});
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("what ended recordings left behind is removed in steps, and others write between them") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  const auto names = [](std::size_t count) {
    RuleList rules;
    const auto form = rules.form_number({});
    for (std::size_t i = 0; i < count; ++i) rules.add("net.n" + std::to_string(i), form, 0);
    rules.seal();
    return rules;
  };
  auto few = names(2), many = names(3 * ListRecording::kBatch);
  store.record_list(admitted("grown", few), "test", kNow);
  const auto leave = [&](const std::string& id) {
    const auto list = admitted(id, many);
    ListRecording left(folder / "s", list);
    for (auto batch = left.prepare(); !batch.empty(); batch = left.prepare()) left.write(store, batch);
  };
  SECTION("rows") {
    leave("grown");
  }
  SECTION("blocks") {
    leave("begun");
  }
  const auto list = admitted("next", few);
  ListRecording recording(folder / "s", list);
  std::size_t steps = 0;
  for (auto left = recording.find_left(); !left.empty(); left = recording.find_left()) {
    CHECK(left.size() <= ListRecording::kBatch);
    recording.remove(store, left);
    View view;
    view.name = "default";
    view.jurisdictions = {steps++ % 2 == 0 ? "NZ" : "DE"};
    REQUIRE(store.record_views({view}, "test", kNow));  // another's entry
    CHECK(store.verify_log().problems.empty());
  }
  CHECK(steps >= 2);
  CHECK(contents(store, "grown").size() == 2);
  Connection raw(folder / "s", SQLITE_OPEN_READONLY);
  CHECK(raw.integer("SELECT count(*) FROM list_rule") == 0);
  CHECK(raw.integer("SELECT count(*) FROM list_block") == 1);
  CHECK(raw.integer("SELECT count(*) FROM list_pending") == 0);
  recording.write(store, recording.prepare());
  CHECK(recording.finish(store, "test", kNow).added == 2);
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("keys of names come back as the names they were made from") {
  for (const auto* text : {"a.example.net", "net", "x\\.y.net", "a\\\\b.net", "\\000.net"}) {
    const auto name = *wire::Name::from_text(text);
    const auto back = name_from_key(stored_key(name));
    REQUIRE(back);
    CHECK(*back == name);
  }
  CHECK(name_from_key("")->view().is_root());
  for (const auto* broken : {".", "a..b", ".a", "a."}) CHECK_FALSE(name_from_key(broken));
  CHECK_FALSE(name_from_key(std::string(64, 'a')));
  CHECK_FALSE(name_from_key(std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                            std::string(63, 'd')));
}

TEST_CASE("views keep their listeners and keys") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "s", Store::Mode::read_write, kNow);
  const std::vector<View> old = {
      {.name = "a", .clients = {"192.0.2.0/24"}, .jurisdictions = {"NZ"}, .sources = {"op"}}};
  const std::vector<View> now = {{.name = "a",
                                  .clients = {},
                                  .jurisdictions = {},
                                  .sources = {},
                                  .listeners = {"192.0.2.1:53"},
                                  .keys = {"k"},
                                  .opted_in = true}};
  REQUIRE(store.record_views(old, "test", kNow));
  const auto before = store.last_log_sequence();
  REQUIRE(store.record_views(now, "test", kNow + 1));
  CHECK(store.views() == now);
  CHECK(store.views_at(before) == old);
  CHECK(store.views_at(0).empty());
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("a store of version 1 becomes one of today with all that it holds, and keeps its promises") {
  TemporaryFolder folder;
  const auto path = folder / "policy.db";
  const Authority court{.id = "court",
                        .kind = AuthorityKind::court,
                        .name = {{"en", "A court"}},
                        .jurisdiction = {},
                        .contact = {},
                        .public_key = {},
                        .external = true};
  const std::vector<View> views = {{.name = "a", .clients = {"192.0.2.0/24"}, .jurisdictions = {}, .sources = {}}};
  {
    Connection old(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    migrate(old, {known_migrations().front()}, kNow);
    std::string previous;
    const auto append = [&](std::int64_t sequence, const char* kind, const char* subject, const std::string& content) {
      const auto row = make_log_row(sequence, kNow, kind, subject, "test", content, false, previous);
      Statement(old,
                "INSERT INTO log (sequence, recorded_at, kind, subject, author, author_salt, entry, withheld, hash)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)")
          .with(row.sequence, row.recorded_at, row.kind, row.subject, row.author, wire::Bytes(row.author_salt),
                row.entry, wire::Bytes(row.hash))
          .run();
      previous = as_text(row.hash);
    };
    append(1, "authority", "court", canonical(court));
    old.execute(
        "INSERT INTO authority VALUES ('court', 1, 'court', '', '', '', 1);"
        "INSERT INTO authority_name VALUES ('court', 'en', 'A court')");
    append(2, "views", "views", canonical(views));
    old.execute("INSERT INTO view VALUES (2, 0, 'a', '[\"192.0.2.0/24\"]', '[]', '[]')");
  }
  auto store = Store::open(path, Store::Mode::read_write, kNow);
  CHECK(store.last_log_sequence() == 2);
  CHECK(store.authority("court")->name.at("en") == "A court");
  CHECK(store.views() == views);
  CHECK(store.verify_log().problems.empty());
  CHECK(std::filesystem::exists(folder / "policy.db.v1.backup"));
  store.record_list(admitted("l", list_of({{"net.a"}})), "test", kNow);
  CHECK(store.verify_log().problems.empty());
  Connection other(path, SQLITE_OPEN_READWRITE);
  CHECK_THROWS_AS(other.execute("DELETE FROM log"), StoreError);
  CHECK_THROWS_AS(other.execute("UPDATE log SET author = 'x'"), StoreError);
  CHECK_THROWS_AS(other.execute("INSERT OR REPLACE INTO log SELECT * FROM log WHERE sequence = 1"), StoreError);
}

}  // namespace placard::policy
