// The running server: what was bound, what is in force, and the changes that may be made to it one at a time.
//
// Made in this order: state directory, store, zones, index (as the service's user); every address (as root, where one
// is needed); then root is given up; then threads. A change (decide, lift, reload) holds `changes_`, works on the
// thread that asked for it, and has come into force on every worker when it returns. Whatever fails, what is in force
// stays.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "resolver/app/control.hpp"
#include "resolver/app/crew.hpp"
#include "resolver/app/feed_keeper.hpp"
#include "resolver/app/feeds.hpp"
#include "resolver/app/hit_keeper.hpp"
#include "resolver/app/index_keeper.hpp"
#include "resolver/app/key_keeper.hpp"
#include "resolver/app/operations.hpp"
#include "resolver/app/privileges.hpp"
#include "resolver/app/requests.hpp"
#include "resolver/app/snapshots.hpp"
#include "resolver/app/traffic_keeper.hpp"
#include "resolver/app/zones.hpp"
#include "resolver/net/reset.hpp"

namespace placard::app {

class Server final : public RequestTarget {
 public:
  /// Binds and loads everything. Throws std::runtime_error with one line for the operator.
  explicit Server(const Options& options);
  ~Server() override;

  /// Lines for people: addresses, store, rules.
  std::vector<std::string> describe() const;
  /// Threads and answers. `stop_asked`: called when `placard control stop` was.
  void start(std::function<void()> stop_asked);
  void stop();
  /// Reads the configuration again on a thread of its own; asked several times meanwhile, it does so once more.
  void reload_soon();

  // RequestTarget: from the control socket, on threads of its own.
  Done decide(const std::vector<DecisionFile>& files, const Order& order) override;
  Done lift(const std::string& id, const std::string& reason, const Order& order) override;
  Done import_list(const ImportRequest& request, const Order& order) override;
  Done import_progress() override;
  Done disclose(const std::string& id, const std::string& reason, const Order& order) override;
  Done change_state(const StateRequest& request, const Order& order) override;
  Done why(const WhyRequest& request) override;
  Done status() override;
  Done dump() override;
  Done trace(const wire::Question& question) override;
  Done flush(const std::optional<wire::Name>& name) override;
  Done cache(const CacheRequest& request) override;
  Done reload() override;
  Done stop_server() override;
  Done zone(const ZoneOrder& order) override;

 private:
  void complete(Options& options) const;
  void open_state();
  void open_sockets();
  void warn(const std::string& what) const;
  Workplace workplace(const Order& order);
  Workplace own_workplace();
  SharedRecord shared_record(const Order* order = nullptr);
  /// Compiles, publishes, waits, and notes the enforcement. REQUIRES changes_ held.
  std::expected<void, std::string> bring_into_force();
  /// What is recorded, as an index of the next generation. REQUIRES changes_ held.
  std::shared_ptr<const policy::Index> next_index(policy::Time now);
  /// After the background made a new index file: puts it in the place of the old one and what was on top of it.
  void index_was_compiled();
  /// REQUIRES changes_ held.
  void note_enforcement(const policy::Index& index, policy::Time since);
  std::string node() const;
  net::HttpResponse metrics_page(const net::HttpRequest& request);
  void reload_thread();
  void keep_keys();
  void suspend_anchors(const std::vector<std::string>& before, const std::vector<std::string>& now);
  std::vector<ReadFeed> read_feeds(const Options& options, const std::function<bool(const FeedOption&)>& wanted) const;
  std::set<std::string> first_feeds();
  void load_feeds(std::vector<ReadFeed>&& read);
  void take_zones();
  Feeds::Taken take_feed(ReadFeed&& read);
  bool wants_renewal(const FeedOption& feed);
  void keep_feeds();
  void await_first_transfers();
  void take_served(const std::vector<transfer::ServedZone>& served);
  std::vector<FeedStatus> feed_status();
  class FollowDecisions;  // server_policy_zones.cpp
  std::shared_ptr<transfer::PolicyZoneMaker> new_policy_zone_maker();
  policy::Table hits_of_today();

  Privileges privileges_;
  ImportProgress importing_;  ///< of the import that was begun last
  std::mutex taking_in_;      ///< one list at a time comes into the record; before changes_, never behind it
  std::mutex changes_;
  Options options_;                                 // guarded by changes_
  std::unique_ptr<policy::Store> store_;            // guarded by changes_
  std::shared_ptr<const zones::TsigKeyring> keys_;  // guarded by changes_
  std::uint64_t generation_ = 0;                    // guarded by changes_
  std::int64_t in_force_sequence_ = 0;  // guarded by changes_: the log entries up to here are what workers answer by
  std::int64_t enforced_sequence_ = 0;  // guarded by changes_: of those, the ones the record says so of
  const std::vector<net::Endpoint> listeners_;  // all that is bound
  std::vector<net::Endpoint> zone_listeners_;   // those that only zones use
  const wire::SipHashKey own_cookie_secret_;    // where the configuration names no file of them

  std::unique_ptr<IndexKeeper> index_;
  std::unique_ptr<NoticePages> notice_;
  std::unique_ptr<transfer::ZoneKeeper> zone_keeper_;  // before the workers, which hand over to it
  std::mutex reloading_;                               // one reload at a time
  std::unique_ptr<Crew> crew_;
  std::unique_ptr<CacheKeeper> keeper_;
  std::unique_ptr<net::HttpServer> notice_server_, metrics_server_;
  std::unique_ptr<net::ResetListener> reset_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<KeyKeeper> key_keeper_;
  std::unique_ptr<HitKeeper> hit_keeper_;
  std::unique_ptr<TrafficKeeper> traffic_keeper_;
  std::unique_ptr<FeedKeeper> feed_keeper_;
  std::set<std::string> read_at_start_;       // ids of feeds
  Feeds feeds_;                               // guarded by changes_
  std::vector<transfer::ServedZone> served_;  // guarded by changes_: the keeper's last word
  std::condition_variable served_changed_;    // of changes_
  std::function<void()> stop_asked_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> notice_requests_{0}, reloads_{0}, reload_failures_{0}, rejections_{0};

  std::mutex reload_mutex_;
  std::condition_variable reload_wanted_;
  bool reload_pending_ = false, reload_ends_ = false;  // guarded by reload_mutex_
  std::thread reloader_;
};

}  // namespace placard::app
