// What the tests of policy/match share: short ways to write decisions and rules.
#pragma once

#include <cassert>
#include <string>
#include <vector>

#include "policy/match/index.hpp"
#include "tests/names.hpp"

namespace placard::policy::test {

using placard::tests::name;

inline Rule rule(std::string_view of, MatchKind match = MatchKind::both, Action action = Action::sinkhole,
                 std::int64_t id = 0) {
  Rule made;
  made.id = id;
  made.name = name(of);
  made.match = match;
  made.action = action;
  return made;
}

inline Rule address_rule(std::string_view prefix, Trigger trigger = Trigger::response_ip,
                         Action action = Action::nxdomain, std::int64_t id = 0) {
  Rule made;
  made.id = id;
  made.trigger = trigger;
  made.prefix = prefix;
  made.action = action;
  return made;
}

inline IndexedDecision decision(std::int64_t number, std::string authority, std::vector<Rule> rules) {
  IndexedDecision made;
  made.number = number;
  made.id = "d" + std::to_string(number);
  made.authority = std::move(authority);
  made.rules = std::move(rules);
  return made;
}

inline std::shared_ptr<const Index> compile(std::vector<IndexedDecision> decisions, std::vector<View> views = {},
                                            IndexTuning tuning = {}) {
  CompileInput input;
  input.decisions = std::move(decisions);
  input.views = std::move(views);
  return Index::compile(input, 1, tuning);
}

/// The winner's decision, "" for nothing. In the default view of an index without other views, at second 0.
inline std::string winner(const Index& index, std::string_view of, ViewNumber view = 0, Time now = 0) {
  const auto match = index.match_name(name(of), view, now);
  return match ? std::string(match->decision_id) : std::string();
}

}  // namespace placard::policy::test
