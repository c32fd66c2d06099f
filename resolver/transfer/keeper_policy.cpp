// Zones of our decisions (policy zones, RPZ): one follows when decisions come, end or change, and what differs goes out
// as IXFR. The serial is the time, or one more than the last where that is later.
#include <algorithm>
#include <chrono>
#include <ctime>

#include "resolver/transfer/kept_zone.hpp"
#include "zones/serial.hpp"

namespace placard::transfer {
namespace {

constexpr int kRestTimes = 9;               // a zone is made anew for a tenth of the time at most ...
constexpr std::int64_t kLongestRest = 300;  // ... and waits no longer than this, in seconds

std::uint32_t next_serial(const zones::ZoneListing* before) {
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  if (before == nullptr || zones::is_newer(now, before->serial())) return now;
  return zones::next_serial(before->serial());
}

}  // namespace

void load_policy(const ZonePlan& plan, SharedStore& shared, std::shared_ptr<const zones::ZoneListing> running,
                 PolicyZoneMaker* maker, LoadResult& result) {
  const std::lock_guard lock(shared.mutex);
  if (!running || !shared.store.is_open()) {
    auto found = shared.store.load_listing();
    std::ranges::move(found.notes, std::back_inserter(result.warnings));
    if (!running) running = found.listing;
  }
  const auto serve = [&](std::shared_ptr<const zones::ZoneListing> listing) {
    result.zone = listing ? listing->apex() : nullptr;
    result.listing = std::move(listing);
  };
  serve(running);
  if (maker == nullptr) return;
  const auto begun = std::chrono::steady_clock::now();
  auto made = maker->make(plan, next_serial(running.get()), running);
  if (!made) {
    result.problems.push_back(at_place(plan.name.to_text() + ": " + made.error(), plan));
    return;
  }
  result.warnings.insert(result.warnings.end(), made->notes.begin(), made->notes.end());
  result.due_at = made->next_change;
  if (made->listing != running) {
    const auto kept = made->changes ? shared.store.commit(*made->listing, *made->changes)
                                    : shared.store.commit(*made->listing, std::nullopt, nullptr);
    if (!kept) result.warnings.push_back(kept.error());
    serve(made->listing);
  }
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begun).count();
  if (made->whole_again) result.rest = std::min<std::int64_t>(took * kRestTimes, kLongestRest);
}

}  // namespace placard::transfer
