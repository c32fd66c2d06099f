// The research documents against a real store file, with the case as its content.
#include "tests/policy/public/research_fixture.hpp"

namespace placard::policy::test {

using namespace research;

TEST_CASE("the store's record compiles into the index, to the second") {
  Record record;
  const auto index = record.index(kStart + 20);
  CHECK(index->decision_count() == 2);
  CHECK(index->log_sequence() == record.store.last_log_sequence());
  const auto view = index->view_of(kNewZealand);
  CHECK_FALSE(index->match_name(name("kiwifarms.net"), 0, kStart + 99));
  CHECK(index->match_name(name("kiwifarms.net"), 0, kStart + 100)->decision_id == "op-1");
  CHECK(index->match_name(name("kiwifarms.net"), view, kStart + 199)->decision_id == "op-1");
  CHECK(index->match_name(name("kiwifarms.net"), view, kStart + 200)->decision_id == "court-1");
  CHECK(index->match_name(name("kiwifarms.net"), 0, kStart + 30 * kDay - 1));
  CHECK_FALSE(index->match_name(name("kiwifarms.net"), 0, kStart + 30 * kDay));

  REQUIRE(record.store.lift("op-1", "appeal granted", "test", kStart + 500));
  const auto lifted = record.index(kStart + 500);
  CHECK(lifted->decision_count() == 1);
  CHECK_FALSE(lifted->match_name(name("kiwifarms.net"), 0, kStart + 500));
  CHECK(record.index(kStart + 499)->match_name(name("kiwifarms.net"), 0, kStart + 499));
}

TEST_CASE("stretches of one decision agree with what the store compiles, at every entry of the log") {
  Record record;
  auto& store = record.store;
  REQUIRE(store.transition("op-1", DecisionState::suspended, "under review", "test", kStart + 300, kStart + 400));
  REQUIRE(store.transition("op-1", DecisionState::active, "confirmed", "test", kStart + 450, kStart + 600));
  REQUIRE(store.transition("op-1", DecisionState::shadow, "trial", "test", kStart + 700, kStart + 800));
  REQUIRE(store.lift("op-1", "done", "test", kStart + 900));
  const auto whole = store.decision("op-1").value();
  const auto stretches = stretches_of(whole, store.last_log_sequence());
  REQUIRE(stretches.size() == 3);
  CHECK(stretches[0].valid_from == kStart + 100);
  CHECK(stretches[0].valid_to == kStart + 400);
  CHECK(stretches[1].valid_from == kStart + 600);
  CHECK(stretches[1].valid_to == kStart + 800);
  CHECK(stretches[2].state == DecisionState::shadow);
  CHECK(stretches[2].valid_to == kStart + 900);
  std::vector<StoredDecision> loaded;
  for (auto& each : store.load_policy(0)) {
    if (each.decision.id == "op-1") loaded.push_back(std::move(each));
  }
  REQUIRE(loaded.size() == stretches.size());
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    CHECK(loaded[i].state == stretches[i].state);
    CHECK(loaded[i].valid_from == stretches[i].valid_from);
    CHECK(loaded[i].valid_to == stretches[i].valid_to);
  }
  CHECK(stretches_of(whole, whole.number - 1).empty());
  CHECK(stretches_of(whole, whole.number).at(0).valid_to == kStart + 30 * kDay);
}

TEST_CASE("why: the chain from the client to the answer") {
  Record record;
  const Time now = kStart + 300;
  const auto index = record.index(now);
  const auto here = explain_answer(record.store, about("www.kiwifarms.net"), index.get(), now).value();
  CHECK(field(here, "", "view") == "default");
  CHECK(field(here, "", "view_reason") == "no view's prefixes hold the client");
  CHECK(field(here, "answer", "action") == "sinkhole");
  CHECK(field(here, "answer", "decision") == "op-1");
  CHECK(field(here, "answer", "ede_code") == "15");
  CHECK(field(here, "answer", "ttl") == "60");
  CHECK(field(here, "answer", "until") == to_text(kStart + 30 * kDay));
  CHECK(field(here, "decision", "authority_name") == "The operator");
  CHECK(field(here, "decision", "reference") == "FILE-op-1");
  CHECK(field(here, "decision", "redress") == "Write to appeal@example.org.");
  CHECK(field(here, "decision", "effective_from") == to_text(kStart + 100));
  CHECK(column(table(here, "rules"), "decision") == std::vector<std::string>{"op-1"});
  CHECK(cell(table(here, "rules"), 0, "match") == "kiwifarms.net and all below");
  CHECK(cell(table(here, "rules"), 0, "verdict") == "wins");
  CHECK(column(table(here, "not_applied"), "decision") == std::vector<std::string>{"court-1"});
  CHECK_THAT(cell(table(here, "not_applied"), 0, "reason"), Catch::Matchers::Contains("holds in NZ only"));

  const auto there =
      explain_answer(record.store, about("x.below.kiwifarms.net", kNewZealand), index.get(), now).value();
  CHECK(field(there, "", "view") == "nz");
  CHECK_THAT(field(there, "", "view_reason"), Catch::Matchers::Contains("127.0.0.64/32"));
  CHECK(field(there, "answer", "ede_code") == "16");
  CHECK(field(there, "decision", "authority_name") == "High Court");
  CHECK(column(table(there, "rules"), "decision") == std::vector<std::string>{"court-1", "court-1", "op-1"});
  CHECK(cell(table(there, "rules"), 0, "action") == "nodata");
  CHECK(cell(table(there, "rules"), 1, "verdict") == "its name has fewer labels (2 to 3)");
  CHECK(cell(table(there, "rules"), 2, "verdict") == "its authority comes later in the view's sources");
  CHECK_THAT(to_text(there, 100), Catch::Matchers::Contains("is blocked by the decision court-1"));
}

TEST_CASE("why: a name that nothing blocks, and requests that can't be answered") {
  Record record;
  const auto open = explain_answer(record.store, about("example.org"), nullptr, kStart + 300).value();
  CHECK(field(open, "answer", "blocked") == "false");
  CHECK(table(open, "rules").rows.empty());
  CHECK_THAT(to_text(open, 80), Catch::Matchers::Contains("example.org is not blocked for this client."));
  auto request = about("example.org", {});
  request.view = "nowhere";
  CHECK_THAT(explain_answer(record.store, request, nullptr, kStart + 300).error(),
             Catch::Matchers::Contains("there are: default, nz"));
  request.view = "nz";
  CHECK(field(explain_answer(record.store, request, nullptr, kStart + 300).value(), "", "view") == "nz");
  CHECK_FALSE(explain_answer(record.store, about("example.org", {1, 2, 3}), nullptr, kStart + 300));
}

TEST_CASE("why --at: what this node answered then, not what the record says of then now") {
  Record record;
  auto& store = record.store;
  const auto first = store.last_log_sequence();
  record.publish(1, first, kStart + 150);  // the node heard of op-1 50 seconds after it began
  REQUIRE(
      store.transition("op-1", DecisionState::annulled, "void from the start", "test", kStart + 1000, kStart + 100));
  record.publish(first + 1, store.last_log_sequence(), kStart + 1003);

  auto request = about("kiwifarms.net");
  const auto decided_at = [&](Time at) {
    request.at = at;
    return field(explain_answer(store, request, nullptr, kStart + 2000).value(), "answer", "decision");
  };
  request.at = kStart + 149;
  CHECK_THAT(explain_answer(store, request, nullptr, kStart + 2000).error(),
             Catch::Matchers::Contains("nothing was enforced here"));
  CHECK(decided_at(kStart + 150) == "op-1");
  CHECK(decided_at(kStart + 1002) == "op-1");  // annulled already, but not heard of here
  CHECK(decided_at(kStart + 1003).empty());
  CHECK(decided_at(kStart + 40 * kDay).empty());
  const auto after = explain_answer(store, request, nullptr, kStart + 2000).value();
  CHECK_THAT(cell(table(after, "not_applied"), 0, "reason"), Catch::Matchers::Contains("holds in NZ only"));
  CHECK(cell(table(after, "not_applied"), 1, "reason") ==
        "annulled since " + to_text(kStart + 100) + ": void from the start");

  request.at = kStart + 200;
  request.node = "node-a";
  CHECK(explain_answer(store, request, nullptr, kStart + 2000));
  request.node = "it's another";
  CHECK_FALSE(explain_answer(store, request, nullptr, kStart + 2000));
}

TEST_CASE("a sealed decision shows that it exists and nothing of who and why") {
  Record record;
  AuthoredBatch batch;
  batch.decisions = {
      decision("sealed-1", "court", {rule("quiet.example.com", Action::refused)}, kStart + 30, kStart + kDay)};
  batch.decisions[0].decision.disclosure = Disclosure::sealed;
  record.write(batch, kStart + 30);
  const auto why = to_json(explain_answer(record.store, about("quiet.example.com"), nullptr, kStart + 50).value());
  CHECK_THAT(why, Catch::Matchers::Contains("sealed-1") && Catch::Matchers::Contains("refused"));
  for (const auto& document : {why, to_json(tell_history(record.store, {name("quiet.example.com"), {}}))}) {
    CHECK_THAT(document, Catch::Matchers::Contains("not public"));
    CHECK_THAT(document, !Catch::Matchers::Contains("High Court") && !Catch::Matchers::Contains("FILE-sealed-1") &&
                             !Catch::Matchers::Contains("Reasons of"));
  }
}

TEST_CASE("history: decisions, changes and events in order of time, around the name") {
  Record record;
  REQUIRE(record.store.lift("op-1", "appeal granted", "test", kStart + 500));
  const auto all = tell_history(record.store, {name("kiwifarms.net"), {}});
  const auto& lines = table(all, "history");
  CHECK(column(lines, "act") == std::vector<std::string>{"refused", "blocked", "active", "active", "lifted"});
  CHECK(column(lines, "actor") ==
        std::vector<std::string>{"Cloudflare", "Cloudflare", "The operator", "High Court", "The operator"});
  CHECK(cell(lines, 4, "statement") == "appeal granted");
  CHECK(std::is_sorted(lines.rows.begin(), lines.rows.end(), [](const auto& a, const auto& b) {
    return std::get<std::string>(a[0]) < std::get<std::string>(b[0]);
  }));
  // A host below sees what concerns the domain, one above what concerns the names below.
  CHECK(table(tell_history(record.store, {name("www.kiwifarms.net"), {}}), "history").rows.size() == 5);
  CHECK(column(table(tell_history(record.store, {name("net"), {}}), "history"), "actor").size() == 5);
  CHECK(table(tell_history(record.store, {name("farms.net"), {}}), "history").rows.empty());
  CHECK_THAT(to_text(tell_history(record.store, {name("farms.net"), {}}), 80),
             Catch::Matchers::Contains("Nothing is recorded"));
}

TEST_CASE("history: as known on a day, and what held on a day") {
  Record record;
  REQUIRE(record.store.lift("op-1", "appeal granted", "test", kStart + 500));
  const auto known = [&](Time at) {
    HistoryRequest request{name("kiwifarms.net"), {}};
    request.as_of.known_at = at;
    return column(table(tell_history(record.store, request), "history"), "act");
  };
  CHECK(known(kStart - 1).empty());
  CHECK(known(kStart) == std::vector<std::string>{"refused", "blocked"});
  CHECK(known(kStart + 10) == std::vector<std::string>{"refused", "blocked", "active"});
  CHECK(known(kStart + 499) == std::vector<std::string>{"refused", "blocked", "active", "active"});
  CHECK(known(kStart + 500).size() == 5);

  HistoryRequest held{name("kiwifarms.net"), {}};
  held.as_of.valid_at = kStart + 150;
  const auto then = tell_history(record.store, held);
  CHECK(column(table(then, "states"), "decision") == std::vector<std::string>{"op-1", "op-1"});
  CHECK(cell(table(then, "states"), 0, "state") == "active");
  CHECK(cell(table(then, "states"), 0, "recorded_to") == to_text(kStart + 500));  // believed before the lift, and since
  CHECK(cell(table(then, "states"), 1, "recorded_to") == "never");
  held.as_of.valid_at = kStart + 600;
  CHECK(column(table(tell_history(record.store, held), "states"), "state") ==
        std::vector<std::string>{"active", "lifted", "active"});
  held.as_of.known_at = kStart + 600;
  CHECK(column(table(tell_history(record.store, held), "states"), "state") ==
        std::vector<std::string>{"lifted", "active"});
}

TEST_CASE("query results keep their columns, and octets are hex") {
  Record record;
  const auto result =
      record.store
          .query("SELECT decision_id, decision_id, x'00ff' AS octets, NULL AS none FROM public_decision ORDER BY 1")
          .value();
  CHECK(to_json(show_result(result)) ==
        R"({"rows":[{"decision_id":"court-1","decision_id_2":"court-1","octets":"00ff","none":null},)"
        R"({"decision_id":"op-1","decision_id_2":"op-1","octets":"00ff","none":null}],"row_count":2,"truncated":false})"
        "\n");
  const auto cut = record.store.query("SELECT decision_id FROM public_decision", {.rows = 1}).value();
  CHECK_THAT(to_text(show_result(cut), 80), Catch::Matchers::Contains("Only the first 1 rows"));
}

TEST_CASE("the export holds all that is public, and counts what it leaves out") {
  Record record;
  AuthoredBatch batch;
  batch.decisions = {
      decision("sealed-1", "court", {rule("quiet.example.com", Action::refused)}, kStart + 30, kStart + kDay)};
  batch.decisions[0].decision.disclosure = Disclosure::sealed;
  record.write(batch, kStart + 30);
  const auto files = export_files(record.store);
  std::vector<std::int64_t> rows;
  std::map<std::string, std::string> contents;
  for (const auto& file : files) {
    rows.push_back(write_export(record.store, file, [&](std::string_view part) {
      contents[file.name] += part;
      return true;
    }));
  }
  for (const char* wanted : {"decision.jsonl", "rule.jsonl", "event.csv", "authority.csv", "transition.jsonl",
                             "enforcement.csv", "log.jsonl"}) {
    CHECK(contents.count(wanted) == 1);
  }
  const auto lines = [&](const char* of) { return std::count(contents[of].begin(), contents[of].end(), '\n'); };
  CHECK(lines("decision.jsonl") == 2);
  CHECK(lines("decision.csv") == 3);
  CHECK(contents["decision.csv"].starts_with("decision_id,decision_type,"));
  CHECK(lines("rule.jsonl") == 3);
  CHECK(lines("event.jsonl") == 2);
  CHECK(lines("log.jsonl") == record.store.last_log_sequence());
  for (const auto& [file, text] : contents) CHECK_THAT(text, !Catch::Matchers::Contains("quiet.example.com"));

  const auto summary = export_summary(record.store, files, rows, kStart + 100).value();
  CHECK(field(summary, "", "withheld_decisions") == "1");
  CHECK(field(summary, "", "log_entries") == std::to_string(record.store.last_log_sequence()));
  CHECK(field(summary, "", "log_head") == record.store.verify_log().head);
  CHECK(table(summary, "files").rows.size() == files.size());

  int parts = 0;
  CHECK(write_export(record.store, {"log.jsonl", "public_log", false}, [&](std::string_view) { return ++parts < 2; }) ==
        1);
}

}  // namespace placard::policy::test
