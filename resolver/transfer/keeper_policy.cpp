// Zones of our decisions (policy zones, RPZ): what is to be in one is made anew when decisions come, end or change, and
// what differs goes out as IXFR. The serial is the time, or one more than the last where that is later.
#include <algorithm>
#include <chrono>
#include <ctime>

#include "resolver/transfer/kept_zone.hpp"
#include "zones/serial.hpp"

namespace placard::transfer {
namespace {

constexpr int kRestTimes = 9;               // a zone is made anew for a tenth of the time at most ...
constexpr std::int64_t kLongestRest = 300;  // ... and waits no longer than this, in seconds

std::uint32_t next_serial(const zones::Zone* before) {
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  if (before == nullptr || zones::is_newer(now, before->serial())) return now;
  return zones::next_serial(before->serial());
}

}  // namespace

void load_policy(const ZonePlan& plan, SharedStore& shared, std::shared_ptr<const zones::Zone> running,
                 const MakePolicyZone& make, LoadResult& result) {
  const std::lock_guard lock(shared.mutex);
  if (!running) {
    auto found = shared.store.load();
    std::ranges::move(found.notes, std::back_inserter(result.warnings));
    running = found.zone;
  }
  result.zone = running;
  if (!make) return;
  const auto begun = std::chrono::steady_clock::now();
  auto made = make(plan, next_serial(running.get()));
  if (!made) {
    result.problems.push_back(at_place(plan.name.to_text() + ": " + made.error(), plan));
    return;
  }
  result.warnings.insert(result.warnings.end(), made->notes.begin(), made->notes.end());
  result.due_at = made->next_change;
  std::optional<zones::ChangeSet> changes;
  if (running) changes = zones::difference(*running, made->zone);
  const bool same = changes && changes->removed.size() == 1 && changes->added.size() == 1;  // the SOAs
  if (!same) {
    auto zone = std::make_shared<const zones::Zone>(std::move(made->zone));
    const auto kept =
        changes ? shared.store.commit(*zone, *changes) : shared.store.commit(*zone, std::nullopt, nullptr);
    if (!kept) result.warnings.push_back(kept.error());
    result.zone = std::move(zone);
  }
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begun).count();
  result.rest = std::min<std::int64_t>(took * kRestTimes, kLongestRest);
}

std::shared_ptr<const zones::Zone> apex_of(const zones::Zone& zone) {
  zones::ZoneBuilder builder(zone.origin());
  for (const auto& set : zone.apex().sets())
    for (const auto rdata : set.rdatas()) (void)builder.add(zone.origin(), set.type(), set.ttl(), rdata);
  auto made = builder.build();
  return made ? std::make_shared<const zones::Zone>(*std::move(made)) : nullptr;
}

}  // namespace placard::transfer
