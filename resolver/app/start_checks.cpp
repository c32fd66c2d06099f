#include "resolver/app/start_checks.hpp"

#include <fmt/format.h>

#include <set>

namespace placard::app {
namespace {

std::set<std::string> not_ended(policy::Store& store, policy::Time at) {
  std::set<std::string> ids;
  for (auto& stored : store.load_policy(at)) ids.insert(std::move(stored.decision.id));
  return ids;
}

}  // namespace

std::optional<std::string> clock_doubts(policy::Store& store, policy::Time now) {
  auto doubts = store.clock_warning(now);
  const auto last = store.last_recorded_at();
  if (!doubts || last == 0 || now <= last) return doubts;
  const auto ended = not_ended(store, last).size() - not_ended(store, store.effective_now(now)).size();
  return fmt::format("{}; by this clock {} since that entry", *doubts,
                     ended == 1 ? "1 decision has ended" : fmt::format("{} decisions have ended", ended));
}

std::expected<std::optional<std::string>, std::string> check_record(policy::Store& store, RecordCheck what,
                                                                    const std::function<void()>& look_up) {
  const auto entries = store.last_log_sequence();
  if (entries > kVerifiedEntries)
    return fmt::format("the record's log has {} entries, too many to verify all of them now", entries);
  const auto checked = store.verify_log(what == RecordCheck::whole, look_up);
  if (checked.problems.empty()) return std::optional<std::string>();
  return std::unexpected(
      fmt::format("the record {} was changed behind its log: {}{}; look at a copy, or bring back a backup",
                  store.path().string(), checked.problems.front(),
                  checked.problems.size() == 1 ? "" : fmt::format(" (and {} more)", checked.problems.size() - 1)));
}

}  // namespace placard::app
