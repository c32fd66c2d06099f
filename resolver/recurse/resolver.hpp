// Recursion as its callers see it: a question goes in, a resolved answer comes out, always, within the deadline.
//
// resolve() looks in the cache, then forwards or iterates (iterate.cpp reads top-down), follows CNAME and DNAME, and
// ends in an answer or SERVFAIL with an extended error. Each resolution carries a deadline, a budget of questions to
// servers, a depth and a trace. Nothing here knows about clients, policy or sockets.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "resolver/recurse/cache.hpp"
#include "resolver/recurse/network.hpp"
#include "resolver/recurse/rebinding.hpp"
#include "resolver/recurse/servers.hpp"
#include "resolver/recurse/validation.hpp"

namespace placard::zones {
class ZoneSet;
}

namespace placard::recurse {

/// Every bound of a resolution by its name; the attack each is for stands in README.md of this floor.
struct Bounds {
  Milliseconds deadline = 5'000;        ///< from the question to the answer or SERVFAIL
  std::uint32_t questions = 64;         ///< to servers, sub-resolutions included (NXNSAttack)
  std::uint32_t attempts = 16;          ///< questions about one name to the servers of one zone (lame delegations)
  std::uint32_t depth = 8;              ///< resolutions of name servers' addresses inside one another
  std::uint32_t chain = 12;             ///< CNAMEs followed, those made from DNAMEs too
  std::uint32_t referrals = 32;         ///< of one question
  std::uint32_t servers_per_zone = 13;  ///< name servers of a delegation looked at
  std::uint32_t glueless = 5;           ///< name servers without address resolved for one delegation (NXNSAttack)
  std::uint32_t glueless_total = 12;    ///< and for one client's question in all
  std::uint32_t addresses_per_server = 4;
  std::uint32_t tries_per_server = 3;  ///< of the last server that is left, one more
  std::uint32_t minimised = 10;        ///< questions with a shortened name (RFC 9156 2.3, MAX_MINIMISE_COUNT)
  std::uint32_t failure_ttl = 5;       ///< seconds a failure is remembered (RFC 9520: 1 to 300)
  std::size_t in_flight = 20'000;      ///< questions being worked on, for clients and for servers' addresses
  std::size_t refreshes = 500;         ///< of these, for what will soon be asked again
};

struct RootHint {
  wire::Name name;
  net::Address address;
};

/// `[[forward]]`: questions at or below `zone` go to these servers with RD=1. `[[stub]]`: iterate there, with RD=0.
/// `first`: where they fail, as if they were not configured; they get half of the time for that.
struct Forward {
  wire::Name zone;
  std::vector<net::Endpoint> servers;
  bool stub = false, first = false;
};

/// Fixed while a resolver lives; a reload makes new ones.
struct ResolverOptions {
  Bounds bounds;
  std::vector<RootHint> root_hints;  ///< IANA's when empty
  std::vector<Forward> forwards;     ///< the longest zone wins
  std::uint16_t upstream_port = 53;
  bool ipv4 = true, ipv6 = true;
  bool query_loopback = false;  ///< ask servers on 127/8 and ::1 that delegations name (hints and forwards always may)
  bool qname_minimisation = true;
  bool random_case = true;
  /// Names that must not leave this machine: special-use ones and those that it answers itself. Asked of the targets of
  /// aliases (true: NXDOMAIN, without SOA, and no server hears of it) and of the names of name servers (never looked
  /// up); a client's own question has been judged before it comes here. What a forward zone is meant to resolve is not
  /// such a name. Called on the resolver's thread. Empty: none.
  std::function<bool(wire::NameView)> never_ask;
  ValidationOptions validation;
  std::uint16_t udp_size = 1232;
  bool serve_stale = true;           ///< RFC 8767
  std::uint32_t stale_for = 86'400;  ///< seconds past expiry that an answer may still be used
  std::uint32_t stale_ttl = 30;      ///< seconds a client may keep it (RFC 8767 4)
  Milliseconds stale_after = 1'800;  ///< a client waits so long before it gets one (RFC 8767 5, client response timer)
  std::uint32_t stale_recheck =
      30;                ///< seconds before what failed, and has one, is tried again (failure recheck timer)
  bool prefetch = true;  ///< what is asked for in the last tenth of its time is fetched again
  PrivateAddresses private_addresses;
  std::vector<policy::Prefix> never_query;  ///< servers that delegations name there are not asked
  bool error_reporting = false;             ///< tell servers that want to know of what failed (RFC 9567)
};

/// What came of a question. Owned; outlives the cache's own copies.
struct Resolved {
  wire::Rcode rcode = wire::Rcode::servfail;
  std::vector<std::shared_ptr<const CacheEntry>> answer;  ///< CNAME, DNAME and final sets, in chain order
  std::vector<std::shared_ptr<const CacheEntry>> led_to;  ///< of a failure that is not bogus: the aliases before it
  std::shared_ptr<const CacheEntry> negative;             ///< of NODATA and NXDOMAIN: SOA and proofs
  std::vector<wire::ExtendedError> errors;
  bool authenticated = false;  ///< DNSSEC says secure
  bool bogus = false;          ///< DNSSEC says bogus: rcode is servfail
  bool incomplete = false;     ///< of cache_only: the chain ends in the open
  bool stale = false;          ///< some part of it had expired: TTLs to clients are stale_ttl
  std::uint32_t stale_ttl = 30;
  std::uint32_t keep = 0;  ///< seconds that a failure or a stale answer stands before it is worth another try
  /// Wall clock, seconds: who asks from then on should have it fetched again (ResolveRequest::refresh).
  std::int64_t refresh_at = Cache::kNoEnd;
  /// The NSEC and NSEC3 sets for the authority section: of the denial, and of answers made from wildcards (RFC 4035
  /// 3.1.3.3). Each set once, though several entries may carry it; valid as long as this is.
  struct Proof {
    const wire::RecordSet* set;
    const CacheEntry* entry;  ///< whose time is its time
  };
  std::vector<Proof> proofs() const;
  std::uint32_t ttl(std::int64_t now) const;  ///< seconds this whole answer may be kept; the least of its parts
};

/// One line of what a resolution did, for `placard trace` and `placard control dump`. Bounded per resolution.
struct TraceStep {
  Milliseconds at = 0;  ///< since the resolution began
  std::string text;
};
inline constexpr std::size_t kMaxTraceSteps = 256;
struct Trace {
  std::vector<TraceStep> steps;
};

struct ResolveRequest {
  wire::Question question;
  bool checking_disabled = false;  ///< CD
  Milliseconds patience = 0;       ///< where it is less than Bounds::deadline; 0: that
  bool cache_only = false;         ///< ask nobody: ends `incomplete` where the cache has no more to say
  bool refresh = false;            ///< fetch again what has but a tenth of its time left
  std::shared_ptr<Trace> trace;    ///< filled when given
};

struct ResolverCounters {
  std::uint64_t resolutions = 0, questions_sent = 0, tcp_questions = 0, timeouts = 0, failures = 0, stale_answers = 0;
  std::uint64_t refreshes = 0, zone_refusals = 0, error_reports = 0;
};

/// One per worker; cache and server table are shared. Tasks of resolve() must be destroyed before it.
class Resolver {
 public:
  Resolver(ResolverOptions options, Network& network, std::shared_ptr<Cache> cache,
           std::shared_ptr<ServerTable> servers);
  ~Resolver();

  /// Never fails to come back: the deadline is kept. Cancelled by destroying the task.
  net::Task<Resolved> resolve(ResolveRequest request);

  /// The delegation that questions with RD=0 are referred to: the deepest fresh one in the cache, else the hints.
  EntryPointer referral(const wire::Question& question) const;
  /// Other trust anchors from now on; what is known by the old ones stays known.
  void set_anchors(std::shared_ptr<const validate::Anchors> anchors);

  /// Zones that are read instead of asking their servers, from now on (RFC 8806); null: none. Those that it says are
  /// unavailable end in SERVFAIL. On the resolver's thread.
  void set_local_zones(std::shared_ptr<const zones::ZoneSet> zones);

  const ResolverCounters& counters() const;
  const ValidationCounters& validation_counters() const;
  /// What is in flight: question, age in milliseconds, steps so far.
  struct InFlight {
    wire::Question question;
    Milliseconds age;
    std::vector<TraceStep> steps;
  };
  std::vector<InFlight> in_flight() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::vector<RootHint> iana_root_hints();  ///< the 13 servers, IPv4 and IPv6
/// A hints file (master file of NS, A and AAAA). The error names file and line.
std::expected<std::vector<RootHint>, std::string> load_root_hints(const std::string& path);

}  // namespace placard::recurse
