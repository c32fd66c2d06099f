// One worker: a thread with its loop, its SO_REUSEPORT sockets, its answer cache and its resolutions in flight.
//
// open() binds on the caller's thread (so that privileges may be dropped afterwards); run() serves until stop().
// publish(), stop(), inspect() may be called from any thread; everything else belongs to the worker's.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "policy/match/hits.hpp"
#include "policy/match/traffic.hpp"
#include "resolver/net/stream.hpp"
#include "resolver/recurse/upstream.hpp"
#include "resolver/serve/metrics.hpp"
#include "resolver/serve/snapshot.hpp"
#include "resolver/transfer/desk.hpp"

namespace placard::serve {

/// Fixed at start.
struct WorkerOptions {
  std::vector<net::Endpoint> listen;             ///< UDP and TCP each; those of zones with listeners of their own too
  std::size_t answer_cache_memory = 16U << 20U;  ///< octets
  std::size_t in_flight = 20'000;                ///< resolutions; more are refused with SERVFAIL, EDE 0
  std::size_t waiters = 1'000;                   ///< clients that wait for one resolution
  std::uint32_t workers = 1;                     ///< how many there are: they share what is limited
  PrefixTable proxies;  ///< load balancers, which put a PROXY header before what their clients say
  net::StreamLimits stream;
  recurse::UpstreamLimits upstream;
  recurse::ResolverOptions resolver;
  transfer::ZoneDesk* zone_desk = nullptr;  ///< takes messages about whole zones; outlives the worker; null: refused
};

class Worker {
 public:
  Worker(WorkerOptions options, std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<recurse::Cache> cache,
         std::shared_ptr<recurse::ServerTable> servers);
  ~Worker();

  std::expected<void, std::string> open();
  void run();
  void stop();
  /// Before run(), by whoever starts it: what its first answer comes from.
  void begin_with(std::shared_ptr<const Snapshot> snapshot);
  /// `in_force` is called on the worker's thread once its answers come from `snapshot`.
  void publish(std::shared_ptr<const Snapshot> snapshot, std::function<void()> in_force);
  /// Runs `look` on the worker's thread with what is in flight.
  void inspect(std::function<void(std::vector<recurse::Resolver::InFlight>)> look);
  /// Resolves `question` on this worker with a trace, outside of any client's question; calls back on its thread.
  void trace(wire::Question question, std::function<void(recurse::Resolved, recurse::Trace)> done);
  /// Forgets wire answers; the record cache is flushed by its own calls.
  /// Other trust anchors (RFC 5011, 7646). From any thread; `done` is called on the worker's when they count.
  void set_anchors(std::shared_ptr<const validate::Anchors> anchors, std::function<void()> done);
  void flush_answers(std::function<void()> done);
  const WorkerCounters& counters() const;
  /// Calls back on the worker's thread with what was counted of rules since the last time.
  void take_hits(std::function<void(std::vector<policy::Hits>)> taken);
  /// Pipeline::swap_traffic on the worker's thread; calls back there with what stood there before.
  void swap_traffic(std::shared_ptr<policy::TrafficBuffer> fresh,
                    std::function<void(std::shared_ptr<policy::TrafficBuffer>)> swapped);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace placard::serve
