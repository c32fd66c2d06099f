// The workers with their threads, and the publisher: what is current, and how a new snapshot comes into force.
//
// publish() posts the snapshot to every worker and comes back when each answers by it; who calls it may therefore tell
// a client "done". Calls are taken one at a time. current() may be asked from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "resolver/serve/worker.hpp"

namespace placard::app {

class Crew {
 public:
  /// Binds all sockets of `count` workers on the caller's thread.
  static std::expected<std::unique_ptr<Crew>, std::string> open(const serve::WorkerOptions& options, unsigned count,
                                                                std::shared_ptr<const serve::Snapshot> snapshot,
                                                                std::shared_ptr<recurse::Cache> cache,
                                                                std::shared_ptr<recurse::ServerTable> servers);
  ~Crew();  ///< stops

  /// One thread for each worker. What was published before is what they begin with.
  void start();
  bool is_started() const { return started_; }
  void stop();                           ///< and waits for the threads
  void stopping() { stopping_ = true; }  ///< whoever waits for workers gives up soon; from any thread

  /// False when a worker did not take it within 30 seconds (it will yet, or the server is stopping).
  /// `change` gets a copy of what is current: publishers know a part of it each.
  bool publish(const std::function<void(serve::Snapshot&)>& change);
  std::shared_ptr<const serve::Snapshot> current() const;

  std::vector<const serve::WorkerCounters*> counters() const;
  /// What all workers counted of rules since the last time.
  std::vector<policy::Hits> take_hits();
  /// Gives each worker a buffer of `make` (null: none) for what it is asked, and takes those that they had.
  std::vector<std::shared_ptr<policy::TrafficBuffer>> swap_traffic(
      const std::function<std::shared_ptr<policy::TrafficBuffer>()>& make);
  const recurse::Cache& cache() const { return *cache_; }
  const recurse::ServerTable& servers() const { return *servers_; }
  /// Every worker's resolutions in flight.
  std::vector<recurse::Resolver::InFlight> in_flight();
  struct Traced {
    recurse::Resolved resolved;
    recurse::Trace trace;
  };
  std::optional<Traced> trace(const wire::Question& question);
  void set_anchors(const std::shared_ptr<const validate::Anchors>& anchors);  ///< returns when every worker has them
  /// The name and all below it, of records and of whole answers; an empty name is everything. How many records went.
  std::size_t flush(const std::optional<wire::Name>& name);
  /// What `forget` does to the records, and all whole answers. How many records went, as `forget` says.
  std::size_t flush(const std::function<std::size_t(recurse::Cache&)>& forget);

 private:
  Crew() = default;
  std::atomic<bool> stopping_{false}, started_{false};
  /// Runs `post(worker, done)` for each worker and waits until every done() was called.
  template <class Post>
  bool on_every_worker(const Post& post);
  bool put_into_force(std::shared_ptr<const serve::Snapshot> snapshot);  // REQUIRES publishing_ held

  std::vector<std::unique_ptr<serve::Worker>> workers_;
  std::vector<std::thread> threads_;
  std::shared_ptr<recurse::Cache> cache_;
  std::shared_ptr<recurse::ServerTable> servers_;
  mutable std::mutex mutex_;  // guards current_
  std::mutex publishing_;     // one publish at a time, so that all workers see the same order
  std::shared_ptr<const serve::Snapshot> current_;
};

}  // namespace placard::app
