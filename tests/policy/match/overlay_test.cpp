// Two images in one order: what was recorded since the base was compiled, against an index that was made of it all.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "policy/match/image_builder.hpp"
#include "tests/policy/match/match_fixture.hpp"

namespace placard::policy::test {

namespace {

std::shared_ptr<const Index> with_overlay(const std::vector<IndexedDecision>& base,
                                          const std::vector<IndexedDecision>& since) {
  const auto below = image_of(base, {}, false);
  return Index::assemble(below, image_of(since, {.seed = below->view().header().seed}, true), {}, {}, 1);
}

}  // namespace

TEST_CASE("a decision of the overlay is answered by beside those of the base") {
  const auto index = with_overlay({decision(1, "op", {rule("a.test")})}, {decision(2, "op", {rule("b.test")})});
  CHECK(winner(*index, "www.a.test") == "d1");
  CHECK(winner(*index, "www.b.test") == "d2");
  CHECK(index->rule_count() == 2);
}

TEST_CASE("newer counts before older, whichever image it stands in") {
  const auto index = with_overlay({decision(1, "op", {rule("a.test")}), decision(3, "op", {rule("b.test")})},
                                  {decision(2, "op", {rule("a.test"), rule("b.test")})});
  CHECK(winner(*index, "a.test") == "d2");
  CHECK(winner(*index, "b.test") == "d3");
  const auto all = index->explain_name(name("a.test"), 0, 0);
  REQUIRE(all.size() == 2);
  CHECK(all[1].decision_id == "d1");
}

TEST_CASE("a decision that was lifted since is in force in the base no more") {
  auto lifted = decision(1, "op", {});
  lifted.valid_to = 50;
  auto annulled = decision(2, "op", {});
  annulled.state = DecisionState::annulled;
  const auto index = with_overlay(
      {decision(1, "op", {rule("a.test")}), decision(2, "op", {rule("b.test")}), decision(3, "op", {rule("c.test")})},
      {lifted, annulled});
  CHECK(winner(*index, "a.test", 0, 49) == "d1");
  CHECK(winner(*index, "a.test", 0, 50).empty());
  CHECK(index->match_name(name("a.test"), 0, 0)->valid_to == 50);
  CHECK(index->next_change(0) == 50);
  CHECK(winner(*index, "b.test").empty());
  CHECK(winner(*index, "c.test") == "d3");
}

TEST_CASE("a decision that is in force again has several stretches and one rule") {
  auto twice = decision(1, "op", {rule("a.test")});
  twice.valid_to = 10;
  twice.later = {{20, 30, DecisionState::active}, {40, 50, DecisionState::shadow}};
  const auto index = compile({decision(2, "op", {rule("b.test")}), twice});
  CHECK(index->rule_count() == 2);
  for (const Time now : {0, 9, 20, 29}) CHECK(winner(*index, "a.test", 0, now) == "d1");
  for (const Time now : {10, 19, 30, 40, 49, 50}) CHECK(winner(*index, "a.test", 0, now).empty());
  CHECK(index->explain_name(name("a.test"), 0, 45).at(0).shadow);
  CHECK(index->next_change(10) == 20);
}

TEST_CASE("of a list that changed, the names that changed are the overlay's and the others the base's") {
  auto list = decision(1, "feed", {rule("a.test"), rule("b.test"), rule("c.test")});
  list.list = "daily";
  auto own = decision(1, "feed", {rule("a.test", MatchKind::both, Action::passthru, 7)});
  auto since = decision(1, "feed", {rule("b.test", MatchKind::exact, Action::nxdomain), rule("d.test")});
  since.list = "daily";
  since.removed = {rule("a.test"), rule("b.test")};
  const auto index = with_overlay({list, own}, {since});
  REQUIRE(index->match_name(name("a.test"), 0, 0));
  CHECK(index->match_name(name("a.test"), 0, 0)->rule_id == 7);  // the decision's own rule stands
  CHECK(index->explain_name(name("a.test"), 0, 0).size() == 1);
  CHECK(index->match_name(name("b.test"), 0, 0)->action == Action::nxdomain);
  CHECK_FALSE(index->match_name(name("x.b.test"), 0, 0));
  CHECK(index->match_name(name("c.test"), 0, 0)->list == "daily");
  CHECK(index->match_name(name("d.test"), 0, 0)->list == "daily");
}

TEST_CASE("thousands of changes: base and overlay answer as one image of everything does") {
  std::mt19937 random(11);
  const auto below = [&](std::size_t limit) { return static_cast<int>(random() % limit); };
  const auto any_name = [&] {
    std::string text;
    for (int labels = below(4); labels >= 0; --labels) text += std::string(1, "abc"[below(3)]) + ".";
    return text;
  };
  const auto any_rule = [&] {
    if (below(4) == 0) {
      auto made = address_rule("10.0." + std::to_string(below(3)) + ".0/24", static_cast<Trigger>(below(2) * 2));
      made.action = static_cast<Action>(below(7));
      return made;
    }
    return rule(any_name(), static_cast<MatchKind>(below(3)), static_cast<Action>(below(7)));
  };
  const auto key = [](const Rule& rule) {
    return std::tuple(rule.trigger, rule.match, rule.prefix.empty() ? rule.name.to_text() : rule.prefix);
  };
  std::size_t hits = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<IndexedDecision> before, since, whole;
    for (int number = 1; number <= 12; ++number) {
      auto made = decision(number, below(2) ? "op" : "feed", {});
      if (below(2)) made.list = "list";
      const bool is_old = below(3) != 0, is_changed = !is_old || below(2);
      for (int rules = below(12); rules > 0; --rules) {
        auto added = any_rule();
        const bool known = std::any_of(made.rules.begin(), made.rules.end(),
                                       [&](const Rule& each) { return key(each) == key(added); });
        if (!known) made.rules.push_back(std::move(added));
      }
      if (is_old) before.push_back(made);
      auto now = made;
      auto change = made;
      if (is_old) change.rules.clear();
      if (is_old && is_changed) {
        now.valid_to = change.valid_to = 10 + below(20);
        for (std::size_t i = 0; !made.list.empty() && i < now.rules.size();) {
          const int fate = below(3);
          if (fate == 0) {
            change.removed.push_back(now.rules[i]);
            now.rules.erase(now.rules.begin() + static_cast<std::ptrdiff_t>(i));
            continue;
          }
          if (fate == 1) {
            now.rules[i].action = static_cast<Action>(below(7));
            change.rules.push_back(now.rules[i]);
          }
          ++i;
        }
      }
      if (is_changed) since.push_back(change);
      whole.push_back(now);
    }
    const auto expected = compile(whole);
    const auto index = with_overlay(before, since);
    for (int question = 0; question < 300; ++question) {
      const auto asked = name(any_name());
      const auto now = static_cast<Time>(below(40));
      const auto a = index->explain_name(asked, 0, now), b = expected->explain_name(asked, 0, now);
      REQUIRE(a.size() == b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        REQUIRE(a[i].decision == b[i].decision);
        REQUIRE(a[i].rule_name == b[i].rule_name);
        REQUIRE(a[i].valid_to == b[i].valid_to);
        REQUIRE(a[i].action == b[i].action);
      }
      hits += a.size();
      const std::uint8_t address[] = {10, 0, static_cast<std::uint8_t>(below(4)), 1};
      const auto c = index->explain_address(Trigger::response_ip, address, 0, now),
                 d = expected->explain_address(Trigger::response_ip, address, 0, now);
      REQUIRE(c.size() == d.size());
      for (std::size_t i = 0; i < c.size(); ++i) REQUIRE(c[i].decision == d[i].decision);
      hits += c.size();
    }
  }
  CHECK(hits > 5000);
}

}  // namespace placard::policy::test
