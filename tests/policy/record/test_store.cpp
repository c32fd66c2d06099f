// The store: what is recorded stays, its state over time, two time axes and the third, a wrong clock, the shipped case.
#include "tests/policy/record/examples.hpp"
#include "tests/source_directory.hpp"

using namespace placard::policy;
using Catch::Contains;

namespace {

const std::string kCase = placard::source_directory() + "/policy/cases/kiwi-farms/";

}  // namespace

TEST_CASE("what was recorded comes back as it was written") {
  TemporaryFolder folder;
  const auto batch = batch_of(authority_toml() +
                              decision_toml("d1", "example.org",
                                            "applicant = \"x\"\nreference = \"r\"\nterritorial_scope = [\"NZ\", "
                                            "\"AU\"]\nreceived_at = 2027-01-01\ncomply_by = 2027-01-20") +
                              "action = \"local-data\"\nrecords = [\"A 192.0.2.1\", \"AAAA 2001:db8::1\"]\nttl = 5\n");
  {
    auto store = open_store(folder);
    const auto outcome = intake(store, batch, Guards{}, "uid 1000 anna", kNow).value();
    CHECK(outcome.recorded == std::vector<std::string>{"court", "d1"});
    CHECK(outcome.first_sequence == 1);
    CHECK(outcome.last_sequence == 2);
  }
  auto store = Store::open(folder / "policy.db", Store::Mode::read_only, kNow);
  const auto record = store.decision("d1").value();
  CHECK(canonical(record.authored, Form::resolved) == canonical(batch.decisions[0], Form::resolved));
  CHECK(record.recorded_at == kNow);
  CHECK(record.authority.name.at("en") == "A court");
  CHECK(record.transitions.at(0).author == "uid 1000 anna");
  CHECK(record.decision().rules.at(0).id == 1);
  CHECK(record.decision().rules.at(0).records.at(1).rdata.size() == 16);
}

TEST_CASE("the same file again changes nothing, even on another day; other content is refused") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  const auto toml = authority_toml() + decision_toml("d1", "example.org");
  take_in(store, toml);
  const auto again = take_in(store, toml, kNow + 40 * kDay);  // it has expired meanwhile
  CHECK(again.recorded.empty());
  CHECK(again.already_recorded == std::vector<std::string>{"court", "d1"});
  CHECK(store.last_log_sequence() == 2);
  CHECK(store.decision("d1")->decision().expires_at == kNow + 30 * kDay);
  CHECK_THAT(refusal(store, decision_toml("d1", "example.org", "reference = \"other\"")),
             Contains("decision.reference: 'd1' is recorded already with another reference"));
  CHECK_THAT(refusal(store, decision_toml("d1", "example.com")), Contains("decision.rule: 'd1' is recorded already"));
  CHECK_THAT(refusal(store, decision_toml("d1", "example.org", "", "expires_after = \"31 days\"")),
             Contains("expires_after"));
  CHECK_THAT(refusal(store, authority_toml("court", "false")), Contains("authority.external"));
}

TEST_CASE("a decision is lifted once, with a reason, and only while it lasts") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org") + decision_toml("d2", "example.com"));
  CHECK_THAT(store.lift("nobody", "x", "test", kNow).error(), Contains("there is no decision 'nobody'"));
  CHECK_THAT(store.lift("d1", "", "test", kNow).error(), Contains("reason"));
  CHECK_THAT(store.lift("d1", std::string(5000, 'x'), "test", kNow).error(), Contains("longer than 4096"));
  const auto lifted = store.lift("d1", "appeal won", "test", kNow + 60).value();
  CHECK(lifted.sequence == 4);
  CHECK(lifted.valid_from == kNow + 60);
  CHECK_THAT(store.lift("d1", "again", "test", kNow + 61).error(), Contains("already lifted"));
  CHECK_THAT(store.transition("d1", DecisionState::active, "x", "test", kNow + 61).error(), Contains("already lifted"));
  CHECK_THAT(store.lift("d2", "late", "test", kNow + 31 * kDay).error(), Contains("expired on 2027-02-14"));
  CHECK(store.last_log_sequence() == 4);
}

TEST_CASE("states follow one another as they may") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org", "state = \"proposed\""));
  CHECK_THAT(store.transition("d1", DecisionState::suspended, "x", "t", kNow).error(),
             Contains("is proposed; it can't become suspended"));
  CHECK(store.transition("d1", DecisionState::shadow, "try it", "t", kNow).has_value());
  CHECK(store.transition("d1", DecisionState::active, "fine", "t", kNow + 10).has_value());
  CHECK_THAT(store.transition("d1", DecisionState::suspended, "x", "t", kNow + 20, kNow + 5).error(), Contains("past"));
  CHECK_THAT(store.transition("d1", DecisionState::suspended, "x", "t", kNow + 20, kNow + 31 * kDay).error(),
             Contains("behind the decision's end"));
  CHECK_THAT(store.transition("d1", DecisionState::expired, "x", "t", kNow + 20).error(),
             Contains("can't become expired"));
  CHECK(store.transition("d1", DecisionState::suspended, "appeal", "t", kNow + 20, kNow + 100).has_value());
  CHECK(store.transition("d1", DecisionState::active, "appeal lost", "t", kNow + 30, kNow + 200).has_value());
  // Active, a planned pause, active again: three stretches for the index, of which those to come are known already.
  const auto stretches = store.load_policy(kNow + 30);
  REQUIRE(stretches.size() == 2);
  CHECK(stretches[0].valid_from == kNow + 10);
  CHECK(stretches[0].valid_to == kNow + 100);
  CHECK(stretches[1].valid_from == kNow + 200);
  CHECK(stretches[1].valid_to == kNow + 30 * kDay);
  CHECK(store.transition("d1", DecisionState::annulled, "void from the start", "t", kNow + 40, kNow).has_value());
  CHECK(store.load_policy(kNow + 40).empty());
}

TEST_CASE("the policy holds what has not ended, with the states the index compiles") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + authority_toml("own", "false") + decision_toml("d1", "a.example.org") +
                     decision_toml("d2", "b.example.org", "state = \"shadow\"") +
                     decision_toml("d3", "c.example.org", "state = \"proposed\"") +
                     decision_toml("d4", "d.example.org", "effective_from = 2027-02-01", "expires_at = 2027-03-01"));
  auto policy = store.load_policy(kNow);
  REQUIRE(policy.size() == 3);
  CHECK(policy[0].decision.id == "d1");
  CHECK(policy[0].number == 3);
  CHECK(policy[0].external_authority);
  CHECK(policy[0].state == DecisionState::active);
  CHECK(policy[1].state == DecisionState::shadow);
  CHECK(to_text(policy[2].valid_from) == "2027-02-01T00:00:00Z");
  store.lift("d4", "before it began", "t", kNow + 1).value();
  policy = store.load_policy(kNow + 1);
  CHECK(policy.size() == 2);
  CHECK(store.load_policy(kNow + 30 * kDay - 1).size() == 2);
  CHECK(store.load_policy(kNow + 30 * kDay).empty());
}

TEST_CASE("history: what held on day D, as known on day K") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  store.lift("d1", "appeal won", "t", kNow + 10 * kDay).value();
  const auto name = name_of("www.example.org");
  const auto state = [&](Time valid_at, Time known_at) -> std::string {
    const auto found = store.decisions_about(name, {valid_at, known_at});
    if (found.empty()) return "nothing";
    REQUIRE(found[0].periods.size() == 1);
    return std::string(to_text(found[0].periods[0].state));
  };
  CHECK(state(kNow + kDay, kNow - 1) == "nothing");  // not known yet
  CHECK(state(kNow - 1, kNow) == "nothing");         // does not hold yet
  CHECK(state(kNow + kDay, kNow) == "active");
  CHECK(state(kNow + 20 * kDay, kNow + kDay) == "active");  // nobody knew of the appeal
  CHECK(state(kNow + 20 * kDay, kNow + 10 * kDay) == "lifted");
  CHECK(state(kNow + 5 * kDay, kNow + 20 * kDay) == "active");  // it did hold then
  CHECK(state(kNow + 40 * kDay, kNow) == "expired");
  CHECK(state(kNow + 40 * kDay, kNever) == "lifted");
  const auto everything = store.decisions_about(name);
  REQUIRE(everything.size() == 1);
  CHECK(everything[0].transitions.size() == 2);
  // Also what the record said before the appeal: that the block goes on and ends by itself.
  std::string all;
  for (const auto& period : everything[0].periods)
    all += fmt::format("{} {}; ", to_text(period.state), period.recorded_to == kNever ? "still" : "once");
  CHECK(all == "active once; active still; lifted still; expired once; ");
  CHECK(store.decision("d1", {{}, kNow + kDay})->periods.size() == 2);
}

TEST_CASE("decisions are found by the name and from above, events by the name and from below") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  auto exact = decision_toml("d2", "example.org");
  exact.replace(exact.find("\"both\""), 6, "\"exact\"");
  take_in(store, authority_toml() + decision_toml("d1", "example.org") + exact + decision_toml("d3", "xexample.org") +
                     decision_toml("d4", "www.example.org"));
  const auto ids = [&](std::string_view name) {
    std::string text;
    for (const auto& record : store.decisions_about(name_of(name))) text += record.decision().id + " ";
    return text;
  };
  CHECK(ids("example.org") == "d2 d1 ");
  CHECK(ids("EXAMPLE.org") == "d2 d1 ");
  CHECK(ids("www.example.org") == "d4 d1 ");
  CHECK(ids("org") == "");
  CHECK(ids(".") == "");
  const auto event = [](std::string_view id, std::string_view name) {
    return fmt::format(
        "[[event]]\nid = \"{}\"\nname = \"{}\"\noccurred_at = 2022-09-03\nactor = \"a\"\nact = \"blocked\"\n"
        "statement = \"s\"\nsource = \"p\"\n",
        id, name);
  };
  take_in(store, event("e1", "example.org") + event("e2", "www.example.org") + event("e3", "www.example-x.org") +
                     event("e4", "example.orga"));
  CHECK(store.events_about(name_of("example.org"), false).size() == 1);
  CHECK(store.events_about(name_of("example.org"), true).size() == 2);
  CHECK(store.events_about(name_of("."), true).size() == 4);
  CHECK(store.events_about(name_of("example.org"), true, {*time_from_text("2022-09-02"), {}}).empty());
  CHECK(store.events_about(name_of("example.org"), true, {{}, kNow - 1}).empty());
}

TEST_CASE("enforced_from and enforced_to come from the published snapshots") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  CHECK(store.decision("d1")->enforced.empty());
  store.record_enforcement("node-a", 1, 2, kNow + 3);
  store.record_enforcement("node-a", 3, 2, kNow + 50);  // a restart: the same policy once more
  auto enforced = store.decision("d1")->enforced;
  REQUIRE(enforced.size() == 1);
  CHECK(enforced[0].node == "node-a");
  CHECK(enforced[0].enforced_from == kNow + 3);
  CHECK(enforced[0].enforced_to == kNow + 30 * kDay);
  store.lift("d1", "x", "t", kNow + 100).value();
  CHECK(store.decision("d1")->enforced[0].enforced_to == kNow + 30 * kDay);  // this node has not heard of it yet
  store.record_enforcement("node-a", 3, 3, kNow + 104);
  CHECK(store.decision("d1")->enforced[0].enforced_to == kNow + 104);
  // As known earlier: nothing of what came after.
  CHECK(store.decision("d1", {{}, kNow + 2})->enforced.empty());
  CHECK(store.decision("d1", {{}, kNow + 103})->enforced.at(0).enforced_to == kNow + 30 * kDay);
  CHECK(store.decision("d1", {{}, kNow + 104})->enforced.at(0).enforced_to == kNow + 104);
}

TEST_CASE("views are recorded when they change") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  const std::vector<View> one = {{"default", {}, {}, {}}, {"nz", {"127.0.0.2/32"}, {"NZ"}, {"court", "*"}}};
  CHECK(store.record_views(one, "t", kNow));
  CHECK_FALSE(store.record_views(one, "t", kNow + 1));
  CHECK(store.views() == one);
  auto two = one;
  two[1].clients.push_back("127.0.0.3/32");
  CHECK(store.record_views(two, "t", kNow + 2));
  CHECK(store.views() == two);
  CHECK(store.last_log_sequence() == 2);
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("the shipped case loads, twice, and says what it must") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  for (const auto* file : {"events.toml", "demonstration.toml"}) {
    const auto batch = load_decision_file(kCase + file, kNow);
    if (!batch) FAIL(to_text(batch.error()));
    CHECK(intake(store, *batch, Guards{}, "test", kNow).value().already_recorded.empty());
    const auto later = load_decision_file(kCase + file, kNow + 100 * kDay);
    CHECK(intake(store, *later, Guards{}, "test", kNow + 100 * kDay).value().recorded.empty());
  }
  const auto name = name_of("kiwifarms.net");
  CHECK(store.events_about(name, true).size() == 6);
  const auto decisions = store.decisions_about(name_of("www.kiwifarms.net"));
  REQUIRE(decisions.size() == 2);
  for (const auto& record : decisions) {
    const auto& decision = record.decision();
    CHECK(decision.demonstration);
    CHECK(decision.expires_at == kNow + 30 * kDay);
    for (const auto* language : {"en", "fr", "es", "de", "ar", "zh", "hi", "pt", "ru", "sw"}) {
      INFO(language);
      CHECK(decision.statement_of_reasons.contains(language));
      CHECK(decision.redress.contains(language));
      CHECK(record.authority.name.contains(language));
    }
  }
  CHECK(decisions[0].decision().id == "demo-nz-kiwifarms");
  CHECK(decisions[0].decision().territorial_scope == std::vector<std::string>{"NZ"});
  CHECK(decisions[0].authority.external);
  CHECK(decisions[1].decision().id == "demo-operator-kiwifarms");
  CHECK_FALSE(decisions[1].authority.external);
}
