// Zones that we sign: what is served is the signed version, kept with its journal like any other that we have made; the
// master file, or what updates have made of it, is only what it says. Signatures and keys have their own timer.
#include <algorithm>
#include <ctime>

#include "resolver/transfer/keeper.hpp"
#include "zones/serial.hpp"
#include "zones/sign.hpp"

namespace placard::transfer {
namespace {

using zones::Zone;
using SharedZone = std::shared_ptr<const Zone>;

constexpr std::int64_t kRetry = 300;           // seconds until what failed is tried again
constexpr std::int64_t kLongestSleep = 3'600;  // seconds: a clock that was set right counts soon

/// The version before is kept where there is no newer one; what cannot be stored is served all the same, for the old
/// signatures would lapse.
void store_version(SharedStore& shared, const SharedZone& before, zones::SignedVersion version,
                   std::optional<std::uint32_t> file_serial, LoadResult& result) {
  result.due_at = version.next_at;
  result.zone = before;
  if (!version.zone) return;
  auto zone = std::make_shared<const Zone>(*std::move(version.zone));
  auto& store = shared.store;
  zones::FileDone kept;
  if (!before) {
    kept = store.commit(*zone, file_serial, nullptr);
  } else {
    const auto changes = zones::difference(*before, *zone);
    kept =
        store.file_serial() == file_serial ? store.commit(*zone, changes) : store.commit(*zone, file_serial, &changes);
  }
  if (!kept) result.warnings.push_back(kept.error());
  result.zone = std::move(zone);
}

/// What the next version should say: the file, unless it cannot be read or updates have gone beyond it.
SharedZone source_of(const ZonePlan& plan, const zones::ZoneStore& store, const SharedZone& running,
                     LoadResult& result) {
  const auto file = plan.file.empty() ? nullptr : read_file(plan, result);
  if (!file || !running) return file ? file : running;
  if (!plan.is_dynamic()) return file;
  const auto known = store.file_serial();
  if (!known) return file;  // it was no zone with updates up to now
  if (known == file->serial()) return running;
  if (zones::is_newer(file->serial(), running->serial())) return file;
  result.problems.push_back(at_place(plan.file + ": changed, but its serial " + std::to_string(file->serial()) +
                                         " is not above the zone's " + std::to_string(running->serial()) +
                                         ", which has grown by updates and signatures: it is not taken over",
                                     plan));
  return running;
}

}  // namespace

std::expected<zones::SignedVersion, std::string> sign_version(const ZonePlan& plan, const Zone& source,
                                                              const Zone* before, std::int64_t now) {
  auto keys = zones::ZoneKeys::open(plan.key_folder, plan.name);
  if (!keys) return std::unexpected(keys.error());
  const auto longest = zones::longest_ttl(source, plan.signing);
  if (auto done = keys->advance(now, plan.signing.keys, longest); !done) return std::unexpected(done.error());
  return zones::sign_zone(source, before, *keys, plan.signing, now);
}

void load_signed(const ZonePlan& plan, SharedStore& shared, SharedZone running, LoadResult& result) {
  const std::lock_guard lock(shared.mutex);
  auto& store = shared.store;
  if (!running || !store.has_image()) {
    auto found = store.load();
    std::ranges::move(found.notes, std::back_inserter(result.warnings));
    if (!running) running = found.zone;
  }
  result.zone = running;
  const std::int64_t now = std::time(nullptr);
  const auto source = source_of(plan, store, running, result);
  if (!source) return;
  auto version = sign_version(plan, *source, running.get(), now);
  if (!version) {
    result.problems.push_back(at_place(plan.name.to_text() + " cannot be signed: " + version.error(), plan));
    result.due_at = now + kRetry;
    return;
  }
  const bool from_file = source != running;
  store_version(shared, running, *std::move(version), from_file ? source->serial() : store.file_serial(), result);
}

/// Keys and signatures that are due, and what was ordered about keys.
net::Task<void> ZoneKeeper::sign(Kept kept) {
  kept->doing = "signing";
  kept->wants_signing = false;
  struct Work {
    LoadResult result;
    std::vector<std::pair<KeyOrder, KeptZone::Told>> orders;
    std::vector<std::expected<std::string, std::string>> outcomes;
  };
  auto work = std::make_shared<Work>();
  work->orders = std::exchange(kept->key_orders, {});
  const auto before = kept->zone;
  std::function<void()> signing = [work, plan = kept->plan, store = kept->store, before] {
    const std::lock_guard lock(store->mutex);
    const std::int64_t now = std::time(nullptr);
    for (const auto& [order, told] : work->orders) {
      auto keys = zones::ZoneKeys::open(plan.key_folder, plan.name);
      std::expected<void, std::string> done;
      if (!keys)
        done = std::unexpected(keys.error());
      else if (order == KeyOrder::ds_seen)
        done = keys->ds_seen(now, plan.signing.keys);
      else if (order != KeyOrder::tell)
        done =
            keys->roll(order == KeyOrder::roll_ksk ? zones::KeyRole::ksk : zones::KeyRole::zsk, now, plan.signing.keys);
      if (done)
        work->outcomes.emplace_back(keys->to_text(now));
      else
        work->outcomes.emplace_back(std::unexpected(plan.name.to_text() + ": " + done.error()));
    }
    if (!before || !store->store.is_open()) return;  // nothing was ever loaded
    auto version = sign_version(plan, *before, before.get(), now);
    if (version)
      store_version(*store, before, *std::move(version), store->store.file_serial(), work->result);
    else
      work->result.problems.push_back(plan.name.to_text() + " cannot be signed: " + version.error());
    work->result.journal_octets = store->store.journal().octets();
  };
  auto running = job(std::move(signing));
  co_await running;
  auto& result = work->result;
  const std::int64_t now = std::time(nullptr);
  kept->due_at = result.problems.empty() && result.due_at != 0 ? result.due_at : now + kRetry;
  for (const auto& text : {result.problems, result.warnings}) {
    if (text.empty()) continue;
    kept->last_error = text.front();
    kept->last_error_at = now;
  }
  if (result.zone && result.zone != before) {
    kept->journal_octets = result.journal_octets;
    new_version(kept, std::move(result.zone));
    auto publishing = in_force();
    co_await publishing;
    notify_all(kept);
  }
  for (std::size_t i = 0; i < work->orders.size(); ++i) work->orders[i].second(work->outcomes[i]);
  set_due_timer(kept);
}

void ZoneKeeper::set_due_timer(const Kept& kept) {
  if (kept->gone || kept->due_at == 0) return kept->due.reset();
  if (!kept->due)
    kept->due = std::make_unique<net::Timer>(loop_, [this, weak = std::weak_ptr<KeptZone>(kept)] {
      const auto alive = weak.lock();
      if (!alive) return;
      if (alive->due_at > std::time(nullptr)) return set_due_timer(alive);
      (alive->plan.policy_of.empty() ? alive->wants_signing : alive->wants_load) = true;
      wake(alive);
    });
  const std::int64_t wait = std::clamp<std::int64_t>(kept->due_at - std::time(nullptr), 0, kLongestSleep);
  kept->due->start(static_cast<net::Milliseconds>(wait) * 1'000 + 10);
}

}  // namespace placard::transfer
