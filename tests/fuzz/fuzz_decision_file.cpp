// Decision files: any text gives a batch or problems, and what the file means does not depend on when it is read.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "policy/record/decision_file.hpp"
#include "policy/record/guard.hpp"
#include "policy/record/ledger.hpp"

using namespace placard::policy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr Time kNow = 1'800'000'000;
  const auto batch = parse_decision_file(text, "fuzz.toml", kNow);
  const auto later = parse_decision_file(text, "fuzz.toml", kNow + 86'400);
  assert(batch.has_value() == later.has_value());
  if (!batch) {
    assert(!batch.error().problems.empty() && batch.error().problems.size() <= kMaxProblems);
    for (const auto& problem : batch.error().problems) assert(!problem.message.empty() && !to_text(problem).empty());
    return 0;
  }
  for (std::size_t i = 0; i < batch->decisions.size(); ++i) {
    const auto& decision = batch->decisions[i];
    assert(canonical(decision, Form::as_written) == canonical(later->decisions[i], Form::as_written));
    assert(decision.rule_positions.size() == decision.decision.rules.size());
    if (!guard_decision(decision, NameGuard(Guards{}), "fuzz.toml", kNow).empty()) continue;
    // What passes the guards has an end, unless it blocks nothing.
    assert(decision.decision.expires_at > kNow);
    assert(decision.decision.expires_at != kNever || decision.decision.rules.empty());
  }
  for (const auto& authority : batch->authorities) (void)canonical(authority.authority);
  for (const auto& event : batch->events) (void)canonical(event.event);
  return 0;
}
