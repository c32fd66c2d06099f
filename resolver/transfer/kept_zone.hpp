// One zone in the keeper's hands: its plan, the version that is served, its files, and what is to be done with it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "resolver/net/loop.hpp"
#include "resolver/transfer/desk.hpp"
#include "resolver/transfer/zone_plan.hpp"
#include "zones/transfer_in.hpp"
#include "zones/zone_store.hpp"

namespace placard::transfer {

inline constexpr std::size_t kTransferFailures = 5;  ///< zones::TransferFailure

/// Files are worked on by one job at a time, on whichever thread runs it.
struct SharedStore {
  explicit SharedStore(zones::ZoneStore its_store) : store(std::move(its_store)) {}
  std::mutex mutex;
  zones::ZoneStore store;  // guarded by mutex
};

/// What came of loading a zone's files.
struct LoadResult {
  std::shared_ptr<const zones::Zone> zone;            ///< null: nothing to serve
  std::shared_ptr<const zones::ZoneListing> listing;  ///< as in KeptZone
  std::vector<std::string> problems;                  ///< what is wrong: the version served, if any, stays
  std::vector<std::string> warnings;
  std::int64_t confirmed_at = 0;  ///< of a secondary
  bool is_stand_in = false;       ///< of a secondary: from the file that stands in until the first transfer
  std::uint64_t journal_octets = 0;
  std::int64_t due_at = 0;  ///< when something is due by itself: signatures, keys, a decision's end; 0: never
  std::int64_t rest = 0;    ///< seconds in which a zone that took long to make is not made again
};

/// An UPDATE that waits for its turn.
struct WaitingUpdate {
  std::vector<std::uint8_t> message;
  std::optional<zones::TsigSigner> signer;
  net::Address client;
  std::shared_ptr<Reply> reply;
};

/// What somebody wants of the keys of a zone that we sign.
enum class KeyOrder : std::uint8_t { tell, roll_zsk, roll_ksk, ds_seen };

struct KeptZone {
  ZonePlan plan;
  std::shared_ptr<const zones::Zone> zone;  ///< null: nothing to serve
  /// Of a zone of our decisions: all of it, for those who may have transfers. `zone` is its apex then.
  std::shared_ptr<const zones::ZoneListing> listing;
  std::shared_ptr<PolicyZoneMaker> maker;  ///< of such a zone
  std::shared_ptr<SharedStore> store;
  bool is_stand_in = false;  ///< as in LoadResult
  bool gone = false;         ///< no longer configured
  bool expired = false;      ///< a secondary that nobody has confirmed for too long
  bool member = false;       ///< of a catalog, not of the configuration
  wire::Name catalog;        ///< then: which
  wire::Name catalog_label;
  wire::Name moves_to;  ///< the catalog that may take it over; the root: none
  std::string doing;    ///< "" or "loading", "transferring from 192.0.2.1:53", …

  // What is wanted; work_on() takes one after the other.
  bool working = false;
  bool wants_load = false, wants_refresh = false, wants_whole = false, wants_signing = false;
  std::vector<WaitingUpdate> updates;
  using Told = std::function<void(std::expected<std::string, std::string>)>;
  std::vector<Told> told_of_load, told_of_refresh;  ///< who waits for the outcome
  std::vector<std::pair<KeyOrder, Told>> key_orders;

  // Seconds since the epoch; 0: never.
  std::int64_t confirmed_at = 0, next_refresh_at = 0, expires_at = 0, changed_at = 0;
  net::Milliseconds refresh_due = 0;  ///< next_refresh_at on the loop's clock, which nobody sets; 0: not yet known
  std::unique_ptr<net::Timer> timer;  ///< of the refresh or the expiry, whichever is first
  std::int64_t due_at = 0;            ///< as in LoadResult
  std::unique_ptr<net::Timer> due;    ///< of due_at
  std::int64_t rest_until = 0;        ///< of LoadResult::rest
  std::uint32_t failures_in_a_row = 0;
  std::size_t primary = 0;  ///< which answered last
  std::string last_error;
  std::int64_t last_error_at = 0;
  std::vector<std::string> warnings;
  std::uint64_t journal_octets = 0;

  struct NotifyState {
    bool running = false;
    std::uint32_t wanted = 0;  ///< serial
  };
  std::map<net::Endpoint, NotifyState> notifies;

  std::uint64_t transfers_in = 0, transfers_out = 0, updates_done = 0, updates_refused = 0;
  std::array<std::uint64_t, kTransferFailures> transfer_failures{};

  std::size_t record_count() const { return listing ? listing->record_count() : zone ? zone->record_count() : 0; }
  std::size_t memory_size() const { return listing ? listing->memory_size() : zone ? zone->memory_size() : 0; }
  bool is_available() const { return zone != nullptr && !expired; }
  /// No longer configured: what still runs for it changes nothing more, on the disk neither.
  void let_go() {
    gone = true;
    timer.reset();
    due.reset();
    const std::lock_guard lock(store->mutex);
    store->store.close();
  }
};
using Kept = std::shared_ptr<KeptZone>;

/// Of a zone that we sign: its file, or what has become of it (keeper_sign.cpp).
void load_signed(const ZonePlan& plan, SharedStore& shared, std::shared_ptr<const zones::Zone> running,
                 LoadResult& result);
/// A master file; null, with what is wrong in `result`.
std::shared_ptr<const zones::Zone> read_file(const ZonePlan& plan, LoadResult& result);
std::string at_place(const std::string& problem, const ZonePlan& plan);

/// The next signed version of `source`, `before` being the one that is served. The error is a phrase.
std::expected<zones::SignedVersion, std::string> sign_version(const ZonePlan& plan, const zones::Zone& source,
                                                              const zones::Zone* before, std::int64_t now);

/// Of a zone of our decisions (keeper_policy.cpp): what is to be in it now; the version before where nothing changed.
/// Without a `maker`, what was in it when the server ended.
void load_policy(const ZonePlan& plan, SharedStore& shared, std::shared_ptr<const zones::ZoneListing> running,
                 PolicyZoneMaker* maker, LoadResult& result);

/// Of a catalog that we make (keeper_catalog.cpp).
void load_produced(const ZonePlan& plan, SharedStore& shared, std::shared_ptr<const zones::Zone> running,
                   LoadResult& result);

}  // namespace placard::transfer
