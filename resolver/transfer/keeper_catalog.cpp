// Catalog zones (RFC 9432): members of those we follow become secondaries of the same primaries; those we make name the
// zones that are configured as their members.
#include <algorithm>
#include <ctime>
#include <unordered_set>

#include "resolver/transfer/keeper.hpp"
#include "zones/catalog.hpp"
#include "zones/serial.hpp"

namespace placard::transfer {

/// What a catalog that we make should hold, as a zone; the old one where that says the same.
void load_produced(const ZonePlan& plan, SharedStore& shared, std::shared_ptr<const zones::Zone> running,
                   LoadResult& result) {
  const std::lock_guard lock(shared.mutex);
  if (!running || !shared.store.is_open()) {
    auto found = shared.store.load();
    std::ranges::move(found.notes, std::back_inserter(result.warnings));
    if (!running) running = found.zone;
  }
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  std::uint32_t serial = now;
  if (running) serial = zones::is_newer(now, running->serial()) ? now : zones::next_serial(running->serial());
  auto made = std::make_shared<const zones::Zone>(zones::write_catalog(plan.name, serial, plan.members));
  result.zone = running;
  std::optional<zones::ChangeSet> changes;
  if (running) {
    changes = zones::difference(*running, *made);
    if (changes->removed.size() == 1 && changes->added.size() == 1) return;
  }
  auto kept = changes ? shared.store.commit(*made, *changes) : shared.store.commit(*made, std::nullopt, nullptr);
  if (!kept) result.warnings.push_back(kept.error());
  result.zone = std::move(made);
}

/// The members of a catalog that has a new version. Members that left it are let go with their files, unless their
/// "coo" has let another catalog take them; one whose label changed is begun anew.
void ZoneKeeper::follow_catalog(const Kept& catalog) {
  const auto members = zones::read_catalog(*catalog->zone);
  if (!members) {
    catalog->last_error = "catalog: " + members.error() + "; its members stay as they are";
    catalog->last_error_at = std::time(nullptr);
    return;
  }
  catalog->warnings.clear();
  std::unordered_set<Kept> stay;
  for (const auto& member : *members) {
    Kept kept;
    bool taken = false;
    for (const auto& candidate : named(member.name)) {
      if (candidate->member && candidate->catalog == catalog->plan.name)
        kept = candidate;
      else if (candidate->member && candidate->moves_to == catalog->plan.name) {
        kept = candidate;
        kept->catalog = catalog->plan.name;
      } else {
        taken = true;
      }
    }
    if (!kept && taken) {
      catalog->warnings.push_back(member.name.to_text() + " is a zone of ours already: not taken from the catalog");
      continue;
    }
    if (kept && !(kept->catalog_label == member.label)) {
      let_go(kept, true);
      kept = nullptr;
    }
    const bool is_new = kept == nullptr;
    ZonePlan plan = catalog->plan;
    plan.name = member.name;
    plan.file.clear();
    plan.catalog = CatalogRole::none;
    plan.group = member.groups.empty() ? std::string() : member.groups.front();
    if (is_new) {
      kept = adopt(std::move(plan));
      kept->member = true;
      kept->catalog = catalog->plan.name;
      kept->wants_load = true;
    } else {
      kept->plan = std::move(plan);
    }
    kept->catalog_label = member.label;
    kept->moves_to = member.moves_to.value_or(wire::Name());
    kept->wants_refresh |= is_new;
    stay.insert(kept);
    wake(kept);
  }
  std::vector<Kept> left;
  for (const auto& [name, kept] : zones_)
    if (kept->member && kept->catalog == catalog->plan.name && !stay.contains(kept)) left.push_back(kept);
  for (const auto& kept : left) let_go(kept, true);
}

/// No longer a zone of ours. With `files`, nothing of it is kept.
void ZoneKeeper::let_go(const Kept& kept, bool files) {
  kept->let_go();
  std::erase_if(zones_, [&](const auto& entry) { return entry.second == kept; });
  if (!files) return;
  const std::lock_guard lock(kept->store->mutex);
  (void)kept->store->store.remove();
}

}  // namespace placard::transfer
