// Scenarios (tests/scenarios/*.rpl): servers that say what is written, questions, and the answers that must come.
// The format is the one that Unbound and Deckard made known; tests/scenarios/README.md says which part of it we have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "resolver/recurse/resolver.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {

struct ScenarioEntry {
  std::vector<std::string> match, adjust, flags;
  wire::Question question;
  std::vector<wire::Record> answer, authority, additional;
  wire::Rcode rcode = wire::Rcode::noerror;
  bool has(std::string_view flag) const;
  bool matches(std::string_view field) const;
  bool adjusts(std::string_view field) const;
  std::string value(const std::vector<std::string>& words,
                    std::string_view key) const;  ///< of "key=value"; "" when not there
};

struct ScenarioRange {
  int first = 0, last = 0;
  std::vector<net::Address> addresses;
  std::vector<ScenarioEntry> entries;
};

struct ScenarioStep {
  int number = 0;
  std::string action;              ///< QUERY, CHECK_ANSWER, CHECK_ASKED, TIME_PASSES, TRAFFIC
  std::vector<std::string> words;  ///< behind the action
  ScenarioEntry entry;
};

/// A rule, as the record of a policy zone below the root says it.
struct ScenarioRule {
  std::string list;
  wire::Record record;
};

struct Scenario {
  std::string title;
  std::vector<ScenarioRule> rules;  ///< of policy; lists come in the order of their first rules
  bool after_recursion = false, judge_redirects = false;
  ResolverOptions options;
  CacheLimits cache;
  std::vector<ScenarioRange> ranges;
  std::vector<ScenarioStep> steps;
};

/// Throws std::runtime_error with file, line and reason.
Scenario load_scenario(const std::string& path);

}  // namespace placard::recurse
