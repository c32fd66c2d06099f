// The index against a slow implementation that compares every rule with every question.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "tests/policy/match/match_fixture.hpp"

namespace placard::policy::test {

namespace {

struct Weighed {
  const IndexedDecision* decision;
  const Rule* rule;
  std::size_t place;
};

// Place in the view's order, doubled, so that orders may stand before the rest under "*"; -1: no source of the view.
int naive_rank(const View& view, const IndexedDecision& decision) {
  const auto sources = view.sources.empty() ? std::vector<std::string>{"*"} : view.sources;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] == decision.authority) return static_cast<int>(2 * i);
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] == "*") return static_cast<int>(2 * i) + (is_order(decision.type) ? 0 : 1);
  }
  return -1;
}

bool naive_scope(const std::vector<std::string>& scope, const std::vector<std::string>& jurisdictions) {
  if (scope.empty()) return true;
  for (const auto& code : scope) {
    for (const auto& jurisdiction : jurisdictions) {
      if (jurisdiction == code || jurisdiction.rfind(code + "-", 0) == 0) return true;
    }
  }
  return false;
}

// All matches in precedence order.
std::vector<Weighed> naive_matches(const std::vector<IndexedDecision>& decisions, const View& view,
                                   const wire::Name& asked, Time now) {
  std::vector<Weighed> found;
  for (const auto& decision : decisions) {
    if (decision.state != DecisionState::active && decision.state != DecisionState::shadow) continue;
    if (now < decision.valid_from || now >= decision.valid_to || naive_rank(view, decision) < 0) continue;
    if (!naive_scope(decision.territorial_scope, view.jurisdictions)) continue;
    for (const auto& rule : decision.rules) {
      const bool same = asked == rule.name;
      const bool below = !same && asked.view().is_subdomain_of(rule.name);
      if ((same && rule.match != MatchKind::subdomains) || (below && rule.match != MatchKind::exact)) {
        found.push_back({&decision, &rule, found.size()});
      }
    }
  }
  std::sort(found.begin(), found.end(), [&](const Weighed& a, const Weighed& b) {
    const int rank_a = naive_rank(view, *a.decision), rank_b = naive_rank(view, *b.decision);
    if (rank_a != rank_b) return rank_a < rank_b;
    const auto labels_a = a.rule->name.view().label_count(), labels_b = b.rule->name.view().label_count();
    if (labels_a != labels_b) return labels_a > labels_b;
    if (a.decision->number != b.decision->number) return a.decision->number > b.decision->number;
    const bool wide_a = a.rule->match == MatchKind::both, wide_b = b.rule->match == MatchKind::both;
    if (wide_a != wide_b) return wide_b;
    return a.rule->id < b.rule->id;
  });
  return found;
}

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }

  wire::Name any_name() {  // few labels from few letters, so that names meet
    std::string text;
    for (std::size_t labels = below(6); labels > 0; --labels) {
      for (std::size_t letters = 1 + below(2); letters > 0; --letters) text += "abAB"[below(4)];
      text += '.';
    }
    return name(text.empty() ? "." : text);
  }

  std::vector<std::string> some_of(const std::vector<std::string>& all, std::size_t one_in) {
    std::vector<std::string> some;
    for (const auto& each : all) {
      if (below(one_in) == 0) some.push_back(each);
    }
    std::shuffle(some.begin(), some.end(), random_);
    return some;
  }

  View view(std::size_t number) {
    return {"v" + std::to_string(number), {}, some_of(codes_, 3), some_of({"op", "court", "agency", "feed", "*"}, 2)};
  }

  IndexedDecision any_decision(std::int64_t number, std::int64_t& rule_id) {
    static constexpr const char* kAuthorities[] = {"op", "court", "agency", "feed", "other"};
    auto made = decision(number, kAuthorities[below(5)], {});
    made.type = static_cast<DecisionType>(below(5));
    made.state = static_cast<DecisionState>(below(4));  // proposed, shadow, active, suspended
    if (below(3) != 0) made.state = DecisionState::active;
    made.territorial_scope = below(2) == 0 ? std::vector<std::string>{} : some_of(codes_, 3);
    made.valid_from = static_cast<Time>(below(50));
    made.valid_to = below(4) == 0 ? kNever : made.valid_from + 1 + static_cast<Time>(below(50));
    for (std::size_t rules = below(8); rules > 0; --rules) {
      auto added = rule("x", static_cast<MatchKind>(below(3)), static_cast<Action>(below(7)), ++rule_id);
      added.name = any_name();
      made.rules.push_back(added);
    }
    return made;
  }

  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_;
  const std::vector<std::string> codes_ = {"NZ", "NZ-AUK", "AU", "US", "US-CA"};
};

}  // namespace

TEST_CASE("thousands of rules and questions: the index answers as the slow way does") {
  std::size_t hits = 0, misses = 0;
  for (unsigned round = 0; round < 25; ++round) {
    Generator make(round);
    std::vector<View> views;
    for (std::size_t i = 0; i < 6; ++i) views.push_back(make.view(i));
    std::vector<IndexedDecision> decisions;
    std::int64_t rule_id = 0;
    for (std::int64_t number = 1; number <= 60; ++number) decisions.push_back(make.any_decision(number, rule_id));
    std::shuffle(decisions.begin(), decisions.end(), make.random());
    const auto index = compile(decisions, views);
    REQUIRE(index->views().size() == 7);
    for (int question = 0; question < 1500; ++question) {
      const auto asked = make.any_name();
      const auto view = static_cast<ViewNumber>(make.below(7));
      const auto now = static_cast<Time>(make.below(110));
      auto expected = naive_matches(decisions, index->views()[view], asked, now);
      const auto active = std::find_if(expected.begin(), expected.end(), [](const Weighed& each) {
        return each.decision->state == DecisionState::active;
      });
      const auto match = index->match_name(asked, view, now);
      REQUIRE(match.has_value() == (active != expected.end()));
      ++(match ? hits : misses);
      if (match) {
        REQUIRE(match->rule_id == active->rule->id);
        REQUIRE(match->decision_id == active->decision->id);
        REQUIRE(match->action == active->rule->action);
        REQUIRE(match->rule_name == active->rule->name.view());
        std::rotate(expected.begin(), active, active + 1);
      }
      const auto all = index->explain_name(asked, view, now);
      REQUIRE(all.size() == expected.size());
      for (std::size_t i = 0; i < all.size(); ++i) {
        REQUIRE(all[i].rule_id == expected[i].rule->id);
        REQUIRE(all[i].shadow == (expected[i].decision->state == DecisionState::shadow));
      }
    }
  }
  CHECK(hits > 5000);
  CHECK(misses > 5000);
}

}  // namespace placard::policy::test
