// Matching by hand-made rules: what a rule covers, who wins, when, for whom.
#include <catch2/catch.hpp>

#include "tests/policy/match/match_fixture.hpp"

namespace placard::policy::test {

TEST_CASE("an empty index matches nothing") {
  const auto index = compile({});
  CHECK(winner(*index, "example.com").empty());
  CHECK(index->explain_name(name("."), 0, 0).empty());
  CHECK(index->next_change(0) == kNever);
  CHECK(index->rule_count() == 0);
  CHECK(index->views().size() == 1);
  CHECK(index->views()[0].name == "default");
}

TEST_CASE("a rule covers what its match says") {
  const auto index = compile({decision(1, "op", {rule("exact.test", MatchKind::exact)}),
                              decision(2, "op", {rule("below.test", MatchKind::subdomains)}),
                              decision(3, "op", {rule("Both.Test", MatchKind::both)})});
  CHECK(winner(*index, "exact.test") == "d1");
  CHECK(winner(*index, "EXACT.tesT") == "d1");
  CHECK(winner(*index, "www.exact.test").empty());
  CHECK(winner(*index, "below.test").empty());
  CHECK(winner(*index, "www.below.test") == "d2");
  CHECK(winner(*index, "a.b.c.below.test") == "d2");
  CHECK(winner(*index, "both.test") == "d3");
  CHECK(winner(*index, "a.b.both.test") == "d3");
  CHECK(winner(*index, "xboth.test").empty());
  CHECK(winner(*index, "test").empty());
  CHECK(winner(*index, ".").empty());
}

TEST_CASE("a rule for the root and for a name of 127 labels") {
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  const auto index =
      compile({decision(1, "op", {rule(".", MatchKind::subdomains)}), decision(2, "op", {rule(longest)})});
  CHECK(winner(*index, longest) == "d2");
  CHECK(winner(*index, longest.substr(2)) == "d1");
  CHECK(winner(*index, ".").empty());
}

TEST_CASE("a match carries what the answer needs") {
  auto cname = rule("c.test", MatchKind::exact, Action::cname, 11);
  cname.target = name("Garden.Example");
  cname.ttl = 0;
  auto local = rule("l.test", MatchKind::exact, Action::local_data, 12);
  local.records = {
      {wire::RecordType::a, {192, 0, 2, 1}}, {wire::RecordType::txt, {}}, {wire::RecordType::a, {192, 0, 2, 2}}};
  auto made = decision(7, "court", {cname, local});
  made.type = DecisionType::court_order;
  made.external_authority = true;
  made.valid_to = 1000;
  const auto index = compile({made});

  const auto redirected = index->match_name(name("C.test"), 0, 10);
  REQUIRE(redirected);
  CHECK(redirected->decision_id == "d7");
  CHECK(redirected->rule_id == 11);
  CHECK(redirected->rule_name == name("c.test").view());
  CHECK(redirected->type == DecisionType::court_order);
  CHECK(redirected->action == Action::cname);
  CHECK(redirected->extended_error == wire::EdeCode::censored);
  CHECK(redirected->ttl == 0U);
  CHECK(redirected->valid_to == 1000);
  CHECK(index->target_of(*redirected) == name("garden.example").view());
  CHECK(index->records_of(*redirected).empty());

  const auto given = index->match_name(name("l.test"), 0, 10);
  REQUIRE(given);
  CHECK_FALSE(given->ttl);
  const auto records = index->records_of(*given);
  REQUIRE(records.size() == 3);
  CHECK(records[1].type == wire::RecordType::txt);
  CHECK(records[1].rdata.empty());
  CHECK(records[2].rdata == std::vector<std::uint8_t>{192, 0, 2, 2});
}

TEST_CASE("the view's sources come first, in their order") {
  const std::vector<View> views = {{"default", {}, {}, {"op", "court"}},
                                   {"strict", {}, {}, {"court", "op"}},
                                   {"court-only", {}, {}, {"court"}},
                                   {"rest-first", {}, {}, {"*", "op"}}};
  const auto index = compile({decision(1, "court", {rule("www.example.test")}),
                              decision(2, "op", {rule("example.test", MatchKind::both, Action::passthru)}),
                              decision(3, "other", {rule("other.test")})},
                             views);
  CHECK(winner(*index, "www.example.test", 0) == "d2");  // fewer labels, but op comes first
  CHECK(winner(*index, "www.example.test", 1) == "d1");
  CHECK(winner(*index, "www.example.test", 2) == "d1");
  CHECK(winner(*index, "example.test", 2).empty());      // op is no source of that view
  CHECK(winner(*index, "www.example.test", 3) == "d1");  // "*" stands for court, not for op, which is named
  CHECK(winner(*index, "other.test", 0).empty());
  CHECK(winner(*index, "other.test", 3) == "d3");
}

TEST_CASE("an operator's passthru outranks an order only where the view says so") {
  auto order = decision(1, "court", {rule("example.test")});
  order.type = DecisionType::court_order;
  const auto pass = decision(2, "op", {rule("www.example.test", MatchKind::both, Action::passthru)});
  const auto index = compile({order, pass}, {{"default", {}, {}, {}}, {"free", {}, {}, {"op", "*"}}});
  CHECK(winner(*index, "www.example.test", 0) == "d1");
  CHECK(winner(*index, "www.example.test", 1) == "d2");
  // Among voluntary decisions the labels decide, so the operator can let a part of a block of its own through.
  const auto own = compile({decision(1, "op", {rule("example.test")}), pass});
  CHECK(winner(*own, "www.example.test") == "d2");
  CHECK(winner(*own, "example.test") == "d1");
}

TEST_CASE("within a source: most labels, then the newer decision, then the narrower and older rule") {
  const auto index =
      compile({decision(1, "op", {rule("a.example.test", MatchKind::both, Action::nxdomain)}),
               decision(3, "op", {rule("example.test")}), decision(2, "op", {rule("example.test"), rule("newer.test")}),
               decision(5, "op",
                        {rule("newer.test", MatchKind::both, Action::nodata, 2),
                         rule("newer.test", MatchKind::both, Action::refused, 3),
                         rule("newer.test", MatchKind::exact, Action::drop, 4)})});
  CHECK(winner(*index, "x.a.example.test") == "d1");
  CHECK(winner(*index, "x.example.test") == "d3");
  CHECK(index->match_name(name("newer.test"), 0, 0)->action == Action::drop);
  CHECK(index->match_name(name("www.newer.test"), 0, 0)->action == Action::nodata);
}

TEST_CASE("a decision holds from its first second to before its last") {
  auto made = decision(1, "op", {rule("example.test")});
  made.valid_from = 100;
  made.valid_to = 200;
  auto newer = decision(2, "op", {rule("example.test")});
  newer.valid_from = 150;
  newer.valid_to = 160;
  const auto index = compile({made, newer});
  CHECK(winner(*index, "example.test", 0, 99).empty());
  CHECK(winner(*index, "example.test", 0, 100) == "d1");
  CHECK(winner(*index, "example.test", 0, 149) == "d1");
  CHECK(winner(*index, "example.test", 0, 150) == "d2");
  CHECK(winner(*index, "example.test", 0, 159) == "d2");
  CHECK(winner(*index, "example.test", 0, 160) == "d1");
  CHECK(winner(*index, "example.test", 0, 199) == "d1");
  CHECK(winner(*index, "example.test", 0, 200).empty());
  CHECK(index->next_change(0) == 100);
  CHECK(index->next_change(99) == 100);
  CHECK(index->next_change(100) == 150);
  CHECK(index->next_change(160) == 200);
  CHECK(index->next_change(200) == kNever);
}

TEST_CASE("territorial scope is held against the view's jurisdictions") {
  auto country = decision(1, "op", {rule("country.test")});
  country.territorial_scope = {"AU", "NZ"};
  auto part = decision(2, "op", {rule("part.test")});
  part.territorial_scope = {"NZ-AUK"};
  const auto everywhere = decision(3, "op", {rule("everywhere.test")});
  const auto index = compile(
      {country, part, everywhere},
      {{"default", {}, {}, {}}, {"nz", {}, {"NZ"}, {}}, {"auckland", {}, {"NZ-AUK"}, {}}, {"us", {}, {"US"}, {}}});
  const auto applies = [&](const char* of) {
    std::vector<bool> result;
    for (ViewNumber view = 0; view < 4; ++view) result.push_back(!winner(*index, of, view).empty());
    return result;
  };
  CHECK(applies("country.test") == std::vector{false, true, true, false});
  CHECK(applies("part.test") == std::vector{false, false, true, false});
  CHECK(applies("everywhere.test") == std::vector{true, true, true, true});
}

TEST_CASE("shadow decisions never win and are explained in their place") {
  auto shadow = decision(4, "op", {rule("www.example.test")});
  shadow.state = DecisionState::shadow;
  auto proposed = decision(5, "op", {rule("www.example.test")});
  proposed.state = DecisionState::proposed;
  const auto index =
      compile({decision(1, "op", {rule("example.test", MatchKind::both, Action::sinkhole, 1)}),
               decision(2, "op", {rule("example.test", MatchKind::both, Action::sinkhole, 2)}), shadow, proposed});
  CHECK(winner(*index, "www.example.test") == "d2");
  const auto matches = index->explain_name(name("www.example.test"), 0, 0);
  REQUIRE(matches.size() == 3);
  CHECK(matches[0].decision_id == "d2");
  CHECK(matches[1].decision_id == "d4");
  CHECK(matches[1].shadow);
  CHECK(matches[2].decision_id == "d1");
  CHECK(index->decision_count() == 3);

  const auto only = compile({shadow});
  CHECK(winner(*only, "www.example.test").empty());
  CHECK(only->explain_name(name("www.example.test"), 0, 0).size() == 1);
}

TEST_CASE("a rule of one trigger is not matched by another") {
  auto server = rule("ns.example.test");
  server.trigger = Trigger::nsdname;
  const auto index = compile({decision(1, "op", {server, rule("example.org")})});
  CHECK(index->rule_count() == 2);
  CHECK(winner(*index, "ns.example.test").empty());
  CHECK(index->match_server(name("ns.example.test"), 0, 0));
  CHECK_FALSE(index->match_server(name("example.org"), 0, 0));
  CHECK(index->has(Trigger::nsdname, 0));
  CHECK_FALSE(index->has(Trigger::nsip, 0));
}

TEST_CASE("more than 255 rules may stand at one name") {
  std::vector<IndexedDecision> decisions;
  for (int number = 1; number <= 700; ++number)
    decisions.push_back(decision(number, "op", {rule("busy.test", MatchKind::both, Action::sinkhole, number)}));
  decisions.push_back(decision(701, "op", {rule("near.test")}));
  const auto index = compile(decisions);
  CHECK(winner(*index, "busy.test") == "d700");
  CHECK(index->explain_name(name("busy.test"), 0, 0).size() == 700);
  CHECK(winner(*index, "near.test") == "d701");
}

TEST_CASE("views that contradict themselves are refused with a reason") {
  CompileInput input;
  input.views = {{"a", {"192.0.2.0/24"}, {}, {}}, {"b", {"192.0.2.0/24"}, {}, {}}};
  CHECK_THROWS_WITH(Index::compile(input, 1), Catch::Matchers::Contains("192.0.2.0/24"));
}

TEST_CASE("names of a source whose wildcards are a zone's end what stands above them") {
  CompileInput input;
  auto& list = input.decisions.emplace_back();
  list.number = 1;
  list.id = "d-1";
  list.authority = "operator";
  list.list = "zone";
  const auto add = [&](const char* name, MatchKind match) {
    Rule rule;
    rule.name = *wire::Name::from_text(name);
    rule.match = match;
    rule.action = Action::nxdomain;
    list.rules.push_back(rule);
  };
  add("a.example.", MatchKind::subdomains);
  add("b.a.example.", MatchKind::exact);
  add("c.a.example.", MatchKind::subdomains);
  const auto hit = [](const Index& index, const char* name) {
    const auto match = index.match_name(*wire::Name::from_text(name), 0, 100);
    return match ? match->rule_name.to_text() : "none";
  };
  const auto plain = Index::compile(input, 1);
  CHECK(hit(*plain, "x.b.a.example.") == "a.example.");
  CHECK(hit(*plain, "c.a.example.") == "a.example.");
  SourcePolicy policy;
  policy.source = "list:zone";
  policy.zone_wildcards = true;
  input.policies = {policy};
  const auto index = Index::compile(input, 2);
  CHECK(hit(*index, "x.a.example.") == "a.example.");
  CHECK(hit(*index, "b.a.example.") == "b.a.example.");
  CHECK(hit(*index, "x.b.a.example.") == "none");
  CHECK(hit(*index, "c.a.example.") == "none");
  CHECK(hit(*index, "x.c.a.example.") == "c.a.example.");
  CHECK(index->explain_name(*wire::Name::from_text("x.b.a.example."), 0, 100).empty());
}

}  // namespace placard::policy::test
