#include "policy/match/compile.hpp"

#include <algorithm>
#include <utility>

namespace placard::policy {

namespace {

// Without rules and times.
IndexedDecision head_of(std::int64_t number, const Decision& decision, bool external_authority) {
  IndexedDecision indexed;
  indexed.number = number;
  indexed.id = decision.id;
  indexed.type = decision.type;
  indexed.authority = decision.authority;
  indexed.external_authority = external_authority;
  indexed.territorial_scope = decision.territorial_scope;
  return indexed;
}

}  // namespace

CompileInput load_compile_input(Store& store, std::vector<View> views, Time now) {
  CompileInput input;
  input.views = std::move(views);
  input.log_sequence = store.last_log_sequence();
  for (auto& stored : store.load_policy(now)) {
    auto indexed = head_of(stored.number, stored.decision, stored.external_authority);
    indexed.state = stored.state;
    indexed.valid_from = stored.valid_from;
    indexed.valid_to = stored.valid_to;
    indexed.rules = std::move(stored.decision.rules);
    input.decisions.push_back(std::move(indexed));
  }
  return input;
}

std::vector<IndexedDecision> stretches_of(const DecisionRecord& record, std::int64_t last_sequence) {
  std::vector<IndexedDecision> stretches;
  const auto& decision = record.decision();
  Time end = decision.expires_at;
  for (auto at = record.transitions.rbegin(); at != record.transitions.rend(); ++at) {
    if (at->sequence > last_sequence) continue;
    const bool matched = at->state == DecisionState::active || at->state == DecisionState::shadow;
    const Time begin = std::max(at->valid_from, decision.effective_from);
    if (matched && begin < end) {
      auto indexed = head_of(record.number, decision, record.authority.external);
      indexed.state = at->state;
      indexed.valid_from = begin;
      indexed.valid_to = end;
      indexed.rules = decision.rules;
      stretches.push_back(std::move(indexed));
    }
    end = std::min(end, at->valid_from);
  }
  std::reverse(stretches.begin(), stretches.end());
  return stretches;
}

}  // namespace placard::policy
