// The keeper of own zones: loads them, follows their primaries, serves transfers of them, takes notifications and
// updates, and publishes each new version to those who answer.
//
// One thread with a loop of its own, so that nothing of this stands in the way of answers; what takes long (files,
// building zones) runs on the loop's pool, two at a time. Each zone is worked on by one task at a time. A new version
// counts in this order: checked as a whole, on the disk, published to every worker, told to secondaries. Whatever goes
// wrong before that, the version that is served stays.
// Calls from other threads post to the loop; those that have a result wait for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "resolver/transfer/desk.hpp"
#include "resolver/transfer/kept_zone.hpp"
#include "resolver/transfer/signal.hpp"
#include "resolver/transfer/zone_plan.hpp"
#include "zones/transfer_out.hpp"

namespace placard::transfer {

struct KeeperOptions {
  std::string folder;            ///< for images and journals; made when the first is needed
  std::size_t requests = 1'000;  ///< handed over by workers and not yet taken
  std::size_t refreshes = 16;    ///< SOA questions and transfers in, at once
  std::size_t sessions = 64;     ///< transfers out at once
  std::size_t sessions_per_client = 8;
  std::size_t jobs = 2;                ///< on the pool's threads, at once
  std::size_t updates = 1'000;         ///< that wait, of one zone
  std::uint64_t journal = 64U << 20U;  ///< octets of each zone's
  net::Milliseconds stall = 60'000;    ///< a client that takes nothing of a transfer for so long is cut off
  zones::TransferLimits limits;
  NewPolicyZoneMaker new_policy_zone_maker;  ///< for zones of our decisions
};

/// A zone as workers get it.
struct ServedZone {
  wire::Name origin;
  std::vector<net::Endpoint> listen;
  std::shared_ptr<const zones::Zone> zone;  ///< null: SERVFAIL
  bool policy_feed = false;  ///< its records are rules; the last version that was transferred, however old it is
  bool for_clients = true, for_recursion = false, fallback = true;  ///< as in ZonePlan
};
/// Puts all zones into force on every worker; returns when they are. Called on a thread of the pool, one at a time.
using Publish = std::function<void(std::vector<ServedZone>)>;

/// For `placard control zone status` and the metrics.
struct ZoneStatus {
  wire::Name origin;
  std::vector<net::Endpoint> listen;
  std::string role, state, source;  ///< "primary", "policy", …; "serving", "expired", …; file, primaries or view
  std::optional<std::uint32_t> serial;
  std::uint64_t records = 0, memory = 0, journal_octets = 0;
  std::int64_t confirmed_at = 0, next_refresh_at = 0, expires_at = 0, changed_at = 0, last_error_at = 0;
  std::int64_t due_at = 0;  ///< as in LoadResult
  std::string last_error, catalog;
  std::vector<std::string> warnings;
  std::uint64_t transfers_in = 0, transfers_out = 0, updates_done = 0, updates_refused = 0;
  std::array<std::uint64_t, kTransferFailures> transfer_failures{};
};

/// Of all zones together.
struct KeeperFigures {
  std::uint64_t zones = 0, unavailable = 0, expired = 0;
  std::uint64_t transfers_in = 0, transfers_out = 0, transfers_out_refused = 0, transfers_out_broken = 0;
  std::array<std::uint64_t, kTransferFailures> transfer_failures{};
  std::uint64_t notifies_in = 0, notifies_in_refused = 0, notifies_out = 0, notifies_out_unanswered = 0;
  std::uint64_t updates = 0, updates_refused = 0, journal_octets = 0, publications = 0;
  std::int64_t oldest_confirmation = 0;  ///< seconds since any secondary was confirmed last, the worst of all
};

class ZoneKeeper final : public ZoneDesk {
 public:
  explicit ZoneKeeper(KeeperOptions options);
  ~ZoneKeeper() override;  ///< stops

  struct Loaded {
    std::vector<std::string> problems;  ///< "FILE:LINE: reason" of each zone that could not be loaded
    std::vector<std::string> warnings;
  };
  /// Before start(), on the caller's thread: loads everything.
  Loaded load(std::vector<ZonePlan> plans, std::shared_ptr<const zones::TsigKeyring> keys);
  std::vector<ServedZone> served() const;  ///< before start()
  void start(Publish publish);
  void stop();

  // From any thread, once started.
  /// Other plans from now on: files are read again, zones that are not named any more are let go. Waits for all of it.
  Loaded reload(std::vector<ZonePlan> plans, std::shared_ptr<const zones::TsigKeyring> keys);
  bool take(ZoneRequest&& request) override;
  /// The decisions in force have changed: zones of them are made anew.
  void policy_changed();
  std::vector<ZoneStatus> status(std::optional<wire::Name> name);
  KeeperFigures figures();
  enum class Order : std::uint8_t { reload, refresh, retransfer, keys, roll_zsk, roll_ksk, ds_seen };
  /// What came of it, in a sentence for each zone of that name.
  std::expected<std::string, std::string> order(Order order, const wire::Name& name);

 private:
  template <class T>
  std::optional<T> on_loop(std::function<void(std::function<void(T)>)> ask);
  net::Task<void> job(std::function<void()> work);
  void wake(const Kept& kept);
  Kept find(const wire::Name& origin, const net::Endpoint& listener) const;
  std::vector<Kept> named(const wire::Name& origin) const;
  SharedStore& store_of(KeptZone& kept);

  // keeper_load.cpp
  struct Running {  // what is served; nothing at the start
    std::shared_ptr<const zones::Zone> zone;
    std::shared_ptr<const zones::ZoneListing> listing;
    std::shared_ptr<PolicyZoneMaker> maker;
  };
  LoadResult load_now(const ZonePlan& plan, std::shared_ptr<SharedStore> store, Running running) const;
  std::string folder_of(const ZonePlan& plan) const;
  Kept adopt(ZonePlan plan);
  void settle(const Kept& kept, LoadResult result);
  net::Task<void> load_again(Kept kept);
  void take_plans(std::vector<ZonePlan> plans, std::function<void(Loaded)> done);

  // keeper.cpp
  net::Task<void> work_on(Kept kept);
  static void tell_gone(KeptZone& kept);
  net::Task<void> publish_all();
  net::Task<void> in_force();
  net::Task<void> publish_then(std::function<void()> then);
  void new_version(const Kept& kept, std::shared_ptr<const zones::Zone> zone);

  // keeper_refresh.cpp
  net::Task<void> refresh(Kept kept);
  net::Task<std::expected<std::string, std::string>> refresh_from(Kept kept, net::Endpoint primary, bool whole);
  void schedule(const Kept& kept, bool good);
  void set_timer(const Kept& kept);
  void on_timer(const Kept& kept);
  void confirmed(const Kept& kept);

  // keeper_sign.cpp
  net::Task<void> sign(Kept kept);
  void set_due_timer(const Kept& kept);

  // keeper_notify.cpp
  void notify_all(const Kept& kept);
  net::Task<void> notify_one(Kept kept, net::Endpoint target);
  void on_notify(const wire::MessageView& message, ZoneRequest& request);

  // keeper_update.cpp, keeper_catalog.cpp
  void on_update(const wire::MessageView& message, ZoneRequest& request);
  net::Task<void> update(Kept kept);
  void follow_catalog(const Kept& catalog);
  void let_go(const Kept& kept, bool files);

  // keeper_requests.cpp
  void on_request(ZoneRequest request);
  static void answer_code(const wire::MessageView& message, const ZoneRequest& request, wire::Rcode rcode,
                          std::optional<zones::TsigSigner> signer);
  void on_transfer(const wire::MessageView& message, ZoneRequest& request);
  net::Task<void> send_transfer(Kept kept, ZoneRequest request, std::optional<std::uint32_t> have,
                                std::optional<zones::TsigSigner> signer);
  net::Task<bool> send_stream(ZoneRequest request, std::unique_ptr<zones::RecordSource> source,
                              std::optional<zones::TsigSigner> signer);

  KeeperOptions options_;
  Publish publish_;
  net::Loop loop_;
  std::shared_ptr<const zones::TsigKeyring> keys_;
  std::unordered_multimap<wire::Name, Kept, wire::NameHash> zones_;
  std::uint64_t wanted_generation_ = 0, in_force_generation_ = 0;
  bool publishing_ = false, started_ = false;
  Signal published_;
  Places jobs_, refreshes_, notifies_;
  std::size_t sessions_ = 0;
  std::map<net::Address, std::size_t> sessions_of_;
  std::atomic<std::size_t> requests_{0};
  std::atomic<int> jobs_running_{0};  // on the pool's threads, or waiting for one
  std::atomic<bool> stopping_{false};
  KeeperFigures counted_;
  net::TaskSet tasks_;
  std::thread thread_;
};

}  // namespace placard::transfer
