// From plans and files to zones: at the start, at a reload, and for one zone by command.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <unordered_set>

#include "resolver/transfer/keeper.hpp"
#include "zones/load.hpp"
#include "zones/serial.hpp"

namespace placard::transfer {
namespace {

using zones::Zone;
using SharedZone = std::shared_ptr<const Zone>;

void note_failure(const zones::FileDone& done, LoadResult& result) {
  if (!done) result.warnings.push_back(done.error());
}

/// From its file alone; the journal is for secondaries' IXFR, and made when there is something to put into it.
void load_static(const ZonePlan& plan, SharedStore& shared, const SharedZone& running, LoadResult& result) {
  result.zone = read_file(plan, result);
  if (!result.zone) return;
  const std::lock_guard lock(shared.mutex);
  auto& store = shared.store;
  if (!plan.transfer.empty() && !running && store.has_journal())
    note_failure(store.open_journal(result.zone->serial(), result.warnings), result);
  if (!running) return;
  const auto changes = zones::difference(*running, *result.zone);
  const bool changed = changes.removed.size() > 1 || changes.added.size() > 1;
  if (changes.from == changes.to) {
    if (changed)
      result.warnings.push_back(plan.file + ": changed, and the serial is still " + std::to_string(changes.to) +
                                ": secondaries will not notice");
    return;
  }
  const bool newer = zones::is_newer(changes.to, changes.from);
  if (!newer)
    result.warnings.push_back(plan.file + ": the serial went back from " + std::to_string(changes.from) + " to " +
                              std::to_string(changes.to) + ": secondaries will not notice");
  if (plan.transfer.empty()) return;
  if (!store.is_open()) note_failure(store.open_journal(changes.from, result.warnings), result);
  if (store.is_open() && newer) note_failure(store.note(changes), result);
}

/// Files and what we have made of them: the file counts again when its serial is newer than ours.
void load_dynamic(const ZonePlan& plan, SharedStore& shared, SharedZone running, LoadResult& result) {
  const std::lock_guard lock(shared.mutex);
  auto& store = shared.store;
  const auto file = plan.file.empty() ? nullptr : read_file(plan, result);
  if (!running || !store.has_image()) {  // where it was served from its file alone, what we had made of it counts first
    auto found = store.load();
    std::ranges::move(found.notes, std::back_inserter(result.warnings));
    running = found.zone;
  }
  if (!running) {
    if (!file) return;
    result.zone = file;
    note_failure(store.commit(*file, file->serial(), nullptr), result);
    return;
  }
  result.zone = running;
  const auto known = store.file_serial();
  if (!file || known == file->serial()) return;
  if (!known && file->serial() == running->serial())  // what was transferred, as its new primary has it
    return note_failure(store.commit(*running, file->serial(), nullptr), result);
  if (!zones::is_newer(file->serial(), running->serial())) {
    result.problems.push_back(at_place(plan.file + ": changed, but its serial " + std::to_string(file->serial()) +
                                           " is not above the zone's " + std::to_string(running->serial()) +
                                           ", which has grown by updates: it is not taken over",
                                       plan));
    return;
  }
  result.zone = file;
  const auto changes = zones::difference(*running, *file);
  note_failure(store.commit(*file, file->serial(), &changes), result);
}

/// When a file was written, but not later than now; 0: it is not there.
std::int64_t written_at(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return 0;
  return std::min<std::int64_t>(status.st_mtime, std::time(nullptr));
}

/// What was transferred last; before the first transfer a file, where one is named. A policy zone's is a copy of what
/// its primary had when it was written (BIND and Unbound see it so): it is asked when the SOA has it, for what changed
/// since.
void load_secondary(const ZonePlan& plan, SharedStore& shared, LoadResult& result) {
  const std::lock_guard lock(shared.mutex);
  auto found = shared.store.load();
  std::ranges::move(found.notes, std::back_inserter(result.warnings));
  result.zone = found.zone;
  result.confirmed_at = found.confirmed_at;
  if (result.zone || plan.file.empty()) return;
  const auto written = written_at(plan.file);
  if (plan.policy_feed && written == 0) return;
  result.zone = read_file(plan, result);
  result.is_stand_in = result.zone != nullptr;
  if (result.zone && plan.policy_feed) result.confirmed_at = written;
}

}  // namespace

std::string at_place(const std::string& problem, const ZonePlan& plan) {
  return plan.place.empty() ? problem : problem + " ([[zone]] at " + plan.place + ")";
}

SharedZone read_file(const ZonePlan& plan, LoadResult& result) {
  std::vector<zones::LoadError> doubts;
  auto loaded = zones::load_zone(plan.file, plan.name, &doubts);
  for (const auto& doubt : doubts) result.warnings.push_back(zones::to_text(doubt));
  if (!loaded) {
    result.problems.push_back(at_place(zones::to_text(loaded.error()), plan));
    return nullptr;
  }
  return std::make_shared<const Zone>(*std::move(loaded));
}

LoadResult ZoneKeeper::load_now(const ZonePlan& plan, std::shared_ptr<SharedStore> store, Running before) const {
  LoadResult result;
  auto& running = before.zone;
  const bool keeps_files = plan.is_secondary() || plan.is_dynamic() || !plan.transfer.empty() ||
                           plan.catalog == CatalogRole::produce || plan.sign || !plan.policy_of.empty();
  for (const auto& folder : {options_.folder, folder_of(plan)})
    if (keeps_files && ::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      result.problems.push_back(folder + ": " + std::strerror(errno));
  if (plan.catalog == CatalogRole::produce)
    load_produced(plan, *store, std::move(running), result);
  else if (!plan.policy_of.empty())
    load_policy(plan, *store, std::move(before.listing), before.maker.get(), result);
  else if (plan.is_secondary())
    load_secondary(plan, *store, result);
  else if (plan.sign)
    load_signed(plan, *store, std::move(running), result);
  else if (plan.is_dynamic())
    load_dynamic(plan, *store, std::move(running), result);
  else
    load_static(plan, *store, running, result);
  const std::lock_guard lock(store->mutex);
  if (store->store.is_open()) result.journal_octets = store->store.journal().octets();
  return result;
}

/// Zones of one name for several listeners have files of their own.
std::string ZoneKeeper::folder_of(const ZonePlan& plan) const {
  return plan.listen.empty() ? options_.folder : options_.folder + "/" + plan.listen.front().to_text();
}

Kept ZoneKeeper::adopt(ZonePlan plan) {
  auto kept = std::make_shared<KeptZone>();
  kept->store = std::make_shared<SharedStore>(zones::ZoneStore(folder_of(plan), plan.name, {options_.journal}));
  kept->plan = std::move(plan);
  zones_.emplace(kept->plan.name, kept);
  return kept;
}

/// What was loaded becomes what is served, or leaves it as it is.
void ZoneKeeper::settle(const Kept& kept, LoadResult result) {
  kept->warnings = std::move(result.warnings);
  kept->journal_octets = result.journal_octets;
  kept->due_at = result.due_at;
  kept->rest_until = std::time(nullptr) + result.rest;
  if (started_) set_due_timer(kept);
  if (!result.problems.empty()) {
    kept->last_error = result.problems.front();
    kept->last_error_at = std::time(nullptr);
  }
  if (!result.zone) return;
  kept->zone = std::move(result.zone);
  kept->listing = std::move(result.listing);
  kept->changed_at = std::time(nullptr);
  if (!kept->plan.is_secondary()) {
    kept->timer.reset();
    kept->confirmed_at = kept->next_refresh_at = kept->expires_at = 0;
    kept->expired = false;
    return;
  }
  kept->is_stand_in = result.is_stand_in;
  kept->confirmed_at = result.confirmed_at;
  const auto soa = wire::parse_soa(*kept->zone->soa().rdatas().begin());
  kept->next_refresh_at = kept->confirmed_at + soa->refresh;
  kept->refresh_due = 0;
  kept->expires_at = kept->confirmed_at + soa->expire;
  kept->expired = kept->confirmed_at > 0 && kept->expires_at <= std::time(nullptr);
}

ZoneKeeper::Loaded ZoneKeeper::load(std::vector<ZonePlan> plans, std::shared_ptr<const zones::TsigKeyring> keys) {
  Loaded loaded;
  keys_ = std::move(keys);
  const auto load_one = [&](const Kept& kept) {
    auto result = load_now(kept->plan, kept->store, {});
    loaded.problems.insert(loaded.problems.end(), result.problems.begin(), result.problems.end());
    loaded.warnings.insert(loaded.warnings.end(), result.warnings.begin(), result.warnings.end());
    settle(kept, std::move(result));
  };
  std::vector<Kept> catalogs;
  for (auto& plan : plans) {
    const auto kept = adopt(std::move(plan));
    load_one(kept);
    if (kept->zone && kept->plan.catalog == CatalogRole::consume) catalogs.push_back(kept);
  }
  // What they list is served from the first moment, as it was.
  for (const auto& catalog : catalogs) follow_catalog(catalog);
  for (const auto& [name, kept] : zones_)
    if (std::exchange(kept->wants_load, false)) load_one(kept);
  return loaded;
}

net::Task<void> ZoneKeeper::load_again(Kept kept) {
  kept->doing = "loading";
  const auto before = kept->zone;
  const bool was_available = kept->is_available();
  auto result = std::make_shared<LoadResult>();
  if (!kept->plan.policy_of.empty() && !kept->maker && options_.new_policy_zone_maker)
    kept->maker = options_.new_policy_zone_maker();
  const Running running{before, kept->listing, kept->plan.policy_of.empty() ? nullptr : kept->maker};
  std::function<void()> work = [this, plan = kept->plan, store = kept->store, running, result] {
    *result = load_now(plan, store, running);
  };
  auto loading = job(std::move(work));
  co_await loading;
  const auto told = std::exchange(kept->told_of_load, {});
  std::string problems;
  for (const auto& problem : result->problems) problems += (problems.empty() ? "" : "\n") + problem;
  settle(kept, std::move(*result));
  if (kept->is_stand_in && kept->next_refresh_at > std::time(nullptr)) {
    kept->wants_refresh = false;
    set_timer(kept);
  }
  const bool changed = kept->zone != before || kept->is_available() != was_available;
  if (changed) {
    auto published = in_force();
    co_await published;
    if (!before || before->serial() != kept->zone->serial()) notify_all(kept);
  }
  for (const auto& tell : told) {
    if (!problems.empty()) {
      tell(std::unexpected(
          problems +
          (kept->zone ? "\nthe version before is still served: serial " + std::to_string(kept->zone->serial()) : "")));
    } else {
      std::string text = kept->plan.name.to_text() + " loaded: serial " +
                         (kept->zone ? std::to_string(kept->zone->serial()) : "none") + ", " +
                         std::to_string(kept->record_count()) + " records";
      for (const auto& warning : kept->warnings) text += "\nwarning: " + warning;
      tell(text);
    }
  }
}

/// New plans: the same zone keeps its version and its files, whatever else is said about it.
void ZoneKeeper::take_plans(std::vector<ZonePlan> plans, std::function<void(Loaded)> done) {
  struct Gathered {
    std::size_t left = 1;
    Loaded loaded;
    std::function<void(Loaded)> done;
  };
  auto gathered = std::make_shared<Gathered>();
  gathered->done = std::move(done);
  const auto one_done = [this, gathered](const Kept& kept, const std::expected<std::string, std::string>& outcome) {
    if (!outcome) gathered->loaded.problems.push_back(outcome.error());
    if (kept) std::ranges::copy(kept->warnings, std::back_inserter(gathered->loaded.warnings));
    if (--gathered->left == 0) gathered->done(std::move(gathered->loaded));
  };
  std::unordered_set<Kept> known;
  std::unordered_set<wire::Name, wire::NameHash> catalogs;
  for (const auto& plan : plans)
    if (plan.catalog == CatalogRole::consume) catalogs.insert(plan.name.lowered());
  const auto is_followed = [&](const wire::Name& catalog) { return catalogs.contains(catalog.lowered()); };
  for (auto& plan : plans) {
    Kept kept;
    for (const auto& candidate : named(plan.name))
      if (candidate->plan.listen == plan.listen && !candidate->member) kept = candidate;
    // What is configured by itself is no longer the catalog's.
    if (!kept)
      for (const auto& candidate : named(plan.name))
        if (candidate->member) let_go(candidate, false);
    if (kept) {
      const bool other_source = kept->plan.primaries != plan.primaries || kept->plan.primary_key != plan.primary_key;
      const bool became_secondary = plan.is_secondary() && !kept->plan.is_secondary();
      kept->plan = std::move(plan);
      if (kept->plan.is_secondary() && other_source) kept->wants_refresh = true;
      kept->wants_load = !kept->plan.is_secondary() || became_secondary;
    } else {
      kept = adopt(std::move(plan));
      kept->wants_load = true;
      kept->wants_refresh = kept->plan.is_secondary();
    }
    known.insert(kept);
    if (kept->wants_load) {
      ++gathered->left;
      kept->told_of_load.emplace_back([kept, one_done](const auto& outcome) { one_done(kept, outcome); });
    }
  }
  std::erase_if(zones_, [&](const auto& entry) {
    const bool stays = known.contains(entry.second) || (entry.second->member && is_followed(entry.second->catalog));
    if (!stays) {
      entry.second->let_go();
    }
    return !stays;
  });
  for (const auto& kept : known) {
    // Members follow what their catalog's plan says.
    if (kept->zone && kept->plan.catalog == CatalogRole::consume) follow_catalog(kept);
    wake(kept);
  }
  // Zones that went are no longer answered from when this is told as done.
  std::function<void()> in_place = [one_done] { one_done(nullptr, std::string()); };
  tasks_.spawn(publish_then(std::move(in_place)));
}

}  // namespace placard::transfer
