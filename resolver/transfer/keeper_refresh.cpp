// Following primaries: when they are asked (RFC 1034 4.3.5, RFC 1035 3.3.13), what is made of their answers.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "resolver/transfer/fetch.hpp"
#include "resolver/transfer/keeper.hpp"
#include "resolver/transfer/policy_records.hpp"
#include "zones/catalog.hpp"
#include "zones/serial.hpp"
#include "zones/zonemd.hpp"

namespace placard::transfer {
namespace {

using zones::TransferError;
using zones::TransferFailure;
using zones::Zone;
using Refreshed = std::expected<std::string, std::string>;

// A primary's timers are taken as it gives them, within these.
constexpr std::uint32_t kLeastWait = 1, kLongestWait = 14 * 86'400;  // seconds
constexpr std::uint32_t kLongestRetryWithout = 600;                  // seconds, while there is nothing to serve
constexpr std::uint32_t kLeastExpire = 60;

wire::Soa soa_of(const Zone& zone) {
  return *wire::parse_soa(*zone.soa().rdatas().begin());
}

/// What a transfer makes of the zone, on the disk.
struct Applied {
  std::shared_ptr<const Zone> zone;
  std::string error;
  std::size_t removed = 0, added = 0;
  std::uint64_t journal_octets = 0;
  std::vector<std::string> warnings;
};

/// A zone that is not what its digest says (RFC 8976 4) is no new version, nor a catalog that breaks the rules: the
/// members of the last good one stay, after a restart too.
bool is_refused(const Zone& zone, bool is_catalog, Applied& out) {
  if (const auto digest = zones::check_zonemd(zone); digest.verdict == zones::ZonemdCheck::Verdict::bad) {
    out.error = "ZONEMD: " + digest.reason;
    return true;
  }
  if (!is_catalog) return false;
  const auto members = zones::read_catalog(zone);
  if (!members) out.error = "a broken catalog: " + members.error();
  return !members;
}

std::expected<Zone, std::string> build(const wire::Name& origin, const zones::RecordList& records) {
  zones::ZoneBuilder builder(origin);
  for (const zones::RecordRef record : records)
    if (auto added = builder.add(record.owner, record.type, record.ttl, record.rdata); !added)
      return std::unexpected(std::move(added.error()));
  auto built = builder.build();
  if (!built) return std::unexpected(std::move(built.error().reason));
  return *std::move(built);
}

/// Files that could not be opened (a full disk) may be by now.
bool open_again(zones::ZoneStore& store, std::uint32_t serial, Applied& out) {
  if (store.is_open()) return true;
  auto opened = store.open_journal(serial, out.warnings);
  if (!opened) out.error = std::move(opened.error());
  return opened.has_value();
}

Applied apply_full(const ZonePlan& plan, const zones::RecordList& records, std::shared_ptr<const Zone> before,
                   SharedStore& shared) {
  Applied out;
  auto built = build(plan.name, records);
  if (!built && plan.policy_feed) {
    if (auto policy = build_policy_zone(plan.name, records)) {
      out.warnings.push_back(fmt::format("{}: {} records are left out; the first: {}", plan.name.to_text(),
                                         policy->left_out, policy->first_problem));
      if (policy->left_out == 0) out.warnings.back() = plan.name.to_text() + ": " + built.error();
      built = std::move(policy->zone);
    }
  }
  if (!built) {
    out.error = built.error();
    return out;
  }
  auto zone = std::make_shared<const Zone>(*std::move(built));
  if (is_refused(*zone, plan.catalog == CatalogRole::consume, out)) return out;
  std::optional<zones::ChangeSet> changes;
  if (before && zones::is_newer(zone->serial(), before->serial())) changes = zones::difference(*before, *zone);
  out.removed = changes ? changes->removed.size() - 1 : 0;
  out.added = changes ? changes->added.size() - 1 : zone->record_count();
  const std::lock_guard lock(shared.mutex);
  if (!open_again(shared.store, zone->serial(), out)) return out;
  if (auto kept = shared.store.commit(*zone, std::nullopt, changes ? &*changes : nullptr); !kept) {
    out.error = kept.error();
    return out;
  }
  out.journal_octets = shared.store.journal().octets();
  out.zone = std::move(zone);
  return out;
}

Applied apply_changes(const std::vector<zones::ChangeSet>& all, const ZonePlan& plan,
                      std::shared_ptr<const Zone> before, SharedStore& shared) {
  Applied out;
  zones::ZoneEditor editor(before);
  for (const auto& changes : all) {
    if (auto applied = editor.apply(changes); !applied) {
      out.error = applied.error();
      return out;
    }
    out.removed += changes.removed.size() - 1;
    out.added += changes.added.size() - 1;
  }
  auto built = editor.build();
  if (!built) {
    out.error = built.error();
    return out;
  }
  auto zone = std::make_shared<const Zone>(*std::move(built));
  if (is_refused(*zone, plan.catalog == CatalogRole::consume, out)) return out;
  const std::lock_guard lock(shared.mutex);
  if (!open_again(shared.store, zone->serial(), out)) return out;
  if (auto kept = shared.store.commit(*zone, editor.changes()); !kept) {
    out.error = kept.error();
    return out;
  }
  out.journal_octets = shared.store.journal().octets();
  out.zone = std::move(zone);
  return out;
}

}  // namespace

/// Each primary in turn, beginning with the one that answered last.
net::Task<void> ZoneKeeper::refresh(Kept kept) {
  kept->doing = "waiting for a place to refresh";
  auto taking = refreshes_.take();
  const auto place = co_await taking;
  const bool whole = std::exchange(kept->wants_whole, false);
  kept->wants_refresh = false;
  const auto told = std::exchange(kept->told_of_refresh, {});
  std::string reasons;
  std::optional<Refreshed> good;
  const auto primaries = kept->plan.primaries;
  for (std::size_t i = 0; i < primaries.size() && !good && !kept->gone; ++i) {
    const std::size_t number = (kept->primary + i) % primaries.size();
    auto trying = refresh_from(kept, primaries[number], whole);
    auto outcome = co_await trying;
    if (outcome) {
      kept->primary = number;
      good = std::move(outcome);
    } else {
      reasons += (reasons.empty() ? "" : "; ") + primaries[number].to_text() + ": " + outcome.error();
    }
  }
  if (kept->gone) {
    for (const auto& tell : told) tell(std::unexpected(kept->plan.name.to_text() + " is no longer configured"));
    co_return;
  }
  if (!good) {
    kept->last_error = reasons;
    kept->last_error_at = std::time(nullptr);
  }
  schedule(kept, good.has_value());
  const std::string name = kept->plan.name.to_text();
  for (const auto& tell : told) tell(good ? Refreshed(name + " " + **good) : std::unexpected(name + ": " + reasons));
}

net::Task<Refreshed> ZoneKeeper::refresh_from(Kept kept, net::Endpoint primary, bool whole) {
  FetchRequest request;
  request.origin = kept->plan.name;
  request.primary = primary;
  request.limits = options_.limits;
  if (kept->plan.primary_key) {
    request.key = keys_->find(kept->plan.primary_key->lowered());
    if (!request.key) co_return std::unexpected("the key " + kept->plan.primary_key->to_text() + " is not configured");
  }
  // A zone from a file of ours, never transferred, is no base for differences; neither is an expired one.
  if (kept->zone && !whole && kept->confirmed_at > 0) request.have = kept->zone->serial();
  kept->doing = "asking " + primary.to_text();
  for (;;) {
    auto fetching = fetch(loop_, request);
    auto got = co_await fetching;
    if (!got) {
      ++kept->transfer_failures[static_cast<std::size_t>(got.error().kind)];
      ++counted_.transfer_failures[static_cast<std::size_t>(got.error().kind)];
      co_return std::unexpected(got.error().reason);
    }
    if (got->up_to_date) {
      confirmed(kept);
      co_return "is up to date: serial " + std::to_string(kept->zone->serial()) +
          (got->serial == kept->zone->serial() ? ""
                                               : " (the primary has the older " + std::to_string(got->serial) + ")");
    }
    kept->doing = "taking over what came from " + primary.to_text();
    auto applied = std::make_shared<Applied>();
    const bool full = got->full;
    std::function<void()> work = [transferred = std::make_shared<zones::Transferred>(*std::move(got)), applied,
                                  before = kept->zone, store = kept->store, plan = kept->plan] {
      *applied = transferred->full ? apply_full(plan, transferred->records, before, *store)
                                   : apply_changes(transferred->changes, plan, before, *store);
    };
    auto applying = job(std::move(work));
    co_await applying;
    if (!applied->zone) {
      ++kept->transfer_failures[static_cast<std::size_t>(TransferFailure::misordered)];
      ++counted_.transfer_failures[static_cast<std::size_t>(TransferFailure::misordered)];
      // Differences that do not fit the zone: the whole of it, once (RFC 1995 4).
      if (full || !request.have || kept->gone) co_return std::unexpected(applied->error);
      request.have.reset();
      continue;
    }
    ++kept->transfers_in;
    ++counted_.transfers_in;
    kept->journal_octets = applied->journal_octets;
    kept->is_stand_in = false;
    kept->warnings = std::move(applied->warnings);
    new_version(kept, applied->zone);
    confirmed(kept);
    auto publishing = in_force();
    co_await publishing;
    notify_all(kept);
    co_return "transferred (" + std::string(full ? "AXFR" : "IXFR") + ") from " + primary.to_text() + ": serial " +
        std::to_string(applied->zone->serial()) + ", " + std::to_string(applied->removed) + " records gone, " +
        std::to_string(applied->added) + " new";
  }
}

/// A primary has said that this is its newest, or has just given it.
void ZoneKeeper::confirmed(const Kept& kept) {
  kept->confirmed_at = std::time(nullptr);
  if (kept->expired) {
    kept->expired = false;
    std::function<void()> nothing = [] {};
    tasks_.spawn(publish_then(std::move(nothing)));
  }
  const std::lock_guard lock(kept->store->mutex);
  kept->store->store.confirm(kept->confirmed_at);
}

void ZoneKeeper::schedule(const Kept& kept, bool good) {
  const std::int64_t now = std::time(nullptr);
  std::uint32_t wait = 0;
  if (good) {
    kept->failures_in_a_row = 0;
    wait = soa_of(*kept->zone).refresh;
  } else {
    const std::uint32_t doubled = std::min(kLongestRetryWithout, 1U << std::min(kept->failures_in_a_row++, 10U));
    wait = kept->zone ? soa_of(*kept->zone).retry : doubled;
  }
  wait = std::clamp(wait, kLeastWait, kLongestWait);
  if (wait > 10) wait -= random_below(wait / 10);  // so that zones of one age don't ask as one
  kept->next_refresh_at = now + wait;
  kept->refresh_due = loop_.now() + net::Milliseconds{wait} * 1'000;
  kept->confirmed_at = std::min(kept->confirmed_at, now);  // who sets the clock back prolongs no zone
  if (kept->zone) kept->expires_at = kept->confirmed_at + std::max(kLeastExpire, soa_of(*kept->zone).expire);
  set_timer(kept);
}

/// To the refresh or the expiry, whichever comes first.
void ZoneKeeper::set_timer(const Kept& kept) {
  if (kept->gone || !kept->plan.is_secondary()) return;
  const std::int64_t now = std::time(nullptr);
  const auto until = [now](std::int64_t time) {
    return static_cast<net::Milliseconds>(std::max<std::int64_t>(time - now, 0)) * 1'000;
  };
  auto wait = until(kept->next_refresh_at);
  if (kept->refresh_due != 0) wait = std::max(kept->refresh_due, loop_.now()) - loop_.now();
  if (kept->zone && !kept->expired && kept->confirmed_at > 0) wait = std::min(wait, until(kept->expires_at));
  if (!kept->timer)
    kept->timer = std::make_unique<net::Timer>(loop_, [this, weak = std::weak_ptr<KeptZone>(kept)] {
      if (const auto alive = weak.lock()) on_timer(alive);
    });
  kept->timer->start(wait + 10);
}

void ZoneKeeper::on_timer(const Kept& kept) {
  if (!kept->plan.is_secondary()) return;  // any more
  const std::int64_t now = std::time(nullptr);
  if (kept->zone && !kept->expired && kept->confirmed_at > 0 && kept->expires_at <= now) {
    kept->expired = true;
    std::function<void()> nothing = [] {};
    tasks_.spawn(publish_then(std::move(nothing)));
  }
  if (kept->refresh_due != 0 ? kept->refresh_due <= loop_.now() : kept->next_refresh_at <= now) {
    kept->wants_refresh = true;
    wake(kept);  // schedule() sets the timer again
  } else {
    set_timer(kept);
  }
}

}  // namespace placard::transfer
