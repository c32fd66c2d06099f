// Counters of one worker, written by its thread alone and read by any (metrics page, control), without locks.
//
// A counter is a relaxed atomic that only its owner writes: an add is a plain load, add and store on its own cache
// line.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include <string_view>
#include "resolver/recurse/upstream.hpp"

namespace placard::serve {

class Counter {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Why a question got less than the answer it asked for; the labels of placard_limited_total.
enum class Limit : std::uint8_t {
  access_dropped,   ///< access.drop
  cache_refused,    ///< RD=0 without access.cache
  cookie_required,  ///< cookies.required
  question_rate,    ///< limits.questions
  response_rate,    ///< limits.responses, limits.client_responses
  any,              ///< ANY answered by RFC 8482
  client_share,     ///< one client's part of what may wait
  network_share,    ///< its network's
  zone_share,       ///< one zone's part of the resolutions
  in_flight,        ///< recursion.in_flight
  waiters,          ///< clients of one resolution, or of all
  late,             ///< limits.answer_age
};
inline constexpr std::size_t kLimits = 12;
std::string_view to_text(Limit limit);

inline constexpr std::size_t kActions = 9;  ///< policy::Action
inline constexpr std::size_t kRcodes = 24;  ///< 0..23; higher ones count in the last

struct alignas(64) WorkerCounters {
  Counter udp_questions, tcp_questions;       ///< well-formed or not
  Counter dropped;                            ///< not a question, or over a limit; no answer
  Counter bad_cookies;                        ///< server cookies that were not ours, or too old
  Counter malformed;                          ///< answered FORMERR, or dropped for a broken header
  Counter refused;                            ///< by access control
  std::array<Counter, kLimits> limited;       ///< by reason
  std::array<Counter, kRcodes> answers;       ///< by rcode
  std::array<Counter, kActions> policy_hits;  ///< by action
  Counter answer_cache_hits, answer_cache_misses;
  Counter answer_cache_entries, answer_cache_memory;
  Counter zone_answers, special_answers;
  Counter in_flight;  ///< resolutions now
  Counter coalesced;  ///< questions that joined one in flight
  Counter truncated;
  Counter upstream_questions, upstream_tcp, upstream_timeouts, upstream_mismatched;
  std::array<Counter, recurse::kDrops> upstream_dropped;  ///< of those mismatched, by reason
  Counter upstream_bad_cookies, upstream_distrusted, upstream_busy, upstream_connections;  ///< see UpstreamCounters
  Counter stale_answers, failures;
  std::array<Counter, 3> validated;  ///< replies found secure, insecure, bogus
  Counter synthesised;               ///< answers from known proofs (RFC 8198)
  Counter verifications, nsec3_hashes, validation_refused;
  Counter tcp_connections;  ///< open now
  Counter tcp_refused, tcp_closed_idle, tcp_closed_slow;
  Counter malformed_proxy, tcp_malformed_proxy;  ///< datagrams and connections from balancers without a PROXY header
};

/// What the process counts besides its workers.
struct ProcessFigures {
  std::uint64_t cache_entries = 0, cache_memory = 0, cache_hits = 0, cache_misses = 0, cache_evicted = 0;
  std::uint64_t policy_rules = 0, policy_decisions = 0, policy_memory = 0, policy_generation = 0;
  std::int64_t policy_log_sequence = 0;
  std::uint64_t servers_known = 0;
  std::uint64_t resident_memory = 0;  ///< octets, of /proc/self/statm
  std::uint64_t notice_requests = 0, reloads = 0, reload_failures = 0, intake_rejections = 0;
  double uptime_seconds = 0;
};

/// The Prometheus text format (version 0.0.4) of all workers together.
std::string render_metrics(std::span<const WorkerCounters* const> workers, const ProcessFigures& process);

}  // namespace placard::serve
