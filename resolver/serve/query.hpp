// The life of a query: every client's question, over any transport, goes through Pipeline::on_question.
//
// query.cpp reads as the list of the design: 1 receive (receive.cpp), 2 access, 3 special names, 4 own zones, 5 policy
// by name, 6 answer cache, 7 resolution, 8 policy on what came back, 9 shape for the client, 10 send. Steps 1 to 6 run
// to completion without locking or touching SQLite. A resolution keeps no pointer into a snapshot: what it answers is
// judged by the snapshot of the moment it is sent (steps 5 and 8 again).
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "policy/match/hits.hpp"
#include "policy/match/traffic.hpp"
#include "resolver/net/stream.hpp"
#include "resolver/net/udp.hpp"
#include "resolver/recurse/name_servers.hpp"
#include "resolver/serve/answers.hpp"
#include "resolver/serve/clients.hpp"
#include "resolver/serve/metrics.hpp"
#include "resolver/serve/policy_answer.hpp"
#include "resolver/serve/policy_on_answer.hpp"
#include "resolver/serve/rate_table.hpp"
#include "resolver/serve/shares.hpp"
#include "resolver/serve/snapshot.hpp"
#include "resolver/serve/special.hpp"
#include "resolver/serve/start_queue.hpp"
#include "resolver/serve/views_here.hpp"
#include "resolver/transfer/desk.hpp"
#include "zones/wire/quick_question.hpp"

namespace placard::serve {

/// Where an answer that comes later goes. One of the two is set.
struct ReturnPath {
  net::UdpListener* udp = nullptr;  ///< lives as long as the worker
  net::UdpPeer peer;
  std::weak_ptr<net::StreamConnection> stream;
};

inline constexpr std::size_t kStartsPerRound = 64;  ///< resolutions begun at the end of a round of the loop
inline constexpr std::size_t kLeastStarts = 8;      ///< the same, when questions come faster than they are read
inline constexpr std::size_t kStarting = 1'024;     ///< resolutions that wait for a later round
inline constexpr std::size_t kMaxKeptHits =
    65'536;  ///< rules counted under former snapshots, until somebody takes them

struct PipelineLimits {
  std::size_t answer_cache_memory = 0;  ///< octets
  std::size_t in_flight = 0;            ///< resolutions
  std::size_t waiters = 0;              ///< clients of one resolution
  net::Milliseconds deadline = 5'000;   ///< of a resolution, in a table that is at most half full
  std::uint32_t workers = 1;            ///< that share what is limited for the whole server
};

class Pipeline {
 public:
  Pipeline(const PipelineLimits& limits, std::vector<net::Endpoint> listeners, recurse::Resolver& resolver,
           recurse::Network& clock, WorkerCounters& counters, std::uint64_t seed);
  ~Pipeline();

  /// `arm` sees to it that end_round() is called once at the end of this round of the loop, or of the next. Without it
  /// (in tests) every resolution begins at once. `between` is called after each that end_round() begins.
  void set_round_end(std::function<void()> arm, std::function<void()> between) {
    round_end_ = std::move(arm);
    between_starts_ = std::move(between);
  }
  void end_round();
  /// Questions come faster than they are read: fewer resolutions are begun in the rounds to come, until all are.
  void fall_behind();

  /// Swapped between batches; never null afterwards.
  void set_snapshot(std::shared_ptr<const Snapshot> snapshot);
  /// Once a batch.
  void read_clock();

  /// Packets of one listener that on_question will soon be called with: reads them, and asks the memory for what they
  /// will need. At most net::kUdpGroup; they stay as they are until then.
  void expect(std::span<const wire::Bytes> packets, std::uint16_t listener);
  /// One packet from a client of listener number `listener`. Writes an answer into `reply` and returns its size; 0:
  /// none, or later over `path`.
  std::size_t on_question(wire::Bytes packet, std::uint16_t listener, const net::Address& client, bool stream,
                          const ReturnPath& path, std::span<std::uint8_t> reply);
  /// Where messages about whole zones go; without one they are refused. `loop` is this worker's. Both outlive this.
  void set_zone_desk(transfer::ZoneDesk& desk, net::Loop& loop) {
    desk_ = &desk;
    loop_ = &loop;
  }
  /// Who serves a name, as far as that is known without asking (recurse/name_servers.hpp). Without it nobody is known.
  using KnownServers = std::function<std::vector<recurse::KnownServer>(wire::NameView name, std::int64_t now)>;
  void set_known_servers(KnownServers known) { known_servers_ = std::move(known); }
  void flush_answers() { answers_.clear(); }
  /// What was counted of rules and decisions since the last time.
  std::vector<policy::Hits> take_hits();
  /// Where questions of clients go from now on, null: nowhere; what stood there before.
  std::shared_ptr<policy::TrafficBuffer> swap_traffic(std::shared_ptr<policy::TrafficBuffer> fresh);
  /// Ends all resolutions without an answer.
  void cancel_all();

 private:
  struct Waiter;
  struct Pending;
  struct PendingKey {
    wire::Name name;
    wire::RecordType type;
    bool checking_disabled;
    bool dns64;  ///< AAAA are made where there are none
    friend bool operator==(const PendingKey&, const PendingKey&) = default;
  };
  struct PendingHash {
    std::uint64_t seed;
    std::size_t operator()(const PendingKey& key) const {
      return key.name.view().hash(seed) ^ (static_cast<std::size_t>(key.type) << 1) ^ key.checking_disabled ^
             (std::size_t{key.dns64} << 20U);
    }
  };
  /// Why a question is resolved under another name.
  enum class DetourKind : std::uint8_t {
    policy,     ///< action cname
    own_alias,  ///< an alias of an own zone leaves it
    reverse,    ///< of an address that DNS64 made
  };
  /// What stands before the target's records; `owner`, `ttl` and `error` are of policy's only.
  struct Redirect {
    DetourKind kind = DetourKind::policy;
    wire::Name owner, target;
    std::uint32_t ttl = 0;
    wire::ExtendedError error;
    /// The answer whose first records led to `owner`; null: the asked name itself was met.
    std::shared_ptr<const StoredAnswer> head;
    std::size_t head_records = 0;
    std::uint64_t generation = 0;  ///< of the index that sent it there, which does until `good_until`
    policy::Time good_until = 0;
    bool judged = false;  ///< rules about addresses and name servers are held against what it leads to
  };
  /// nullopt: this step has nothing to say, the next one goes on. Else the size of the answer; 0: none now.
  using Step = std::optional<std::size_t>;

  // The quick path (quick.cpp); nullopt: the full one has the word.
  struct QuickTerms;
  struct Expected {
    const std::uint8_t* packet = nullptr;
    bool is_ordinary = false;  ///< then the rest means something
    bool is_hashed = false;    ///< the name's hashes are made, and `answer_hash`
    wire::QuickQuestion asked;
    std::uint64_t answer_hash = 0;
    const zones::Zone* zone = nullptr;  ///< own, that has the name
    AnswerKey key() const { return {asked.name.whole(), asked.type, asked.dnssec_ok, asked.checking_disabled, false}; }
  };
  void read(wire::Bytes packet, std::uint16_t listener, Expected& expected) const;
  void fetch_zones(std::span<const Expected> questions) const;
  void make_hashes(Expected& expected) const;
  Expected& expected(wire::Bytes packet, std::uint16_t listener);
  Step quick(wire::Bytes packet, std::uint16_t listener, const net::Address& client, bool stream,
             std::span<std::uint8_t> reply);
  void work_out(ClientFacts& facts) const;
  bool quick_admit(bool stream, QuickTerms& terms) const;
  Step quick_own(const zones::Zone& zone, const QuickTerms& terms, bool stream, std::span<std::uint8_t> reply);
  Step quick_plain(const zones::Zone& zone, const QuickTerms& terms, std::span<std::uint8_t> reply) const;
  Step quick_blocked(const policy::Match& match, const QuickTerms& terms, std::span<std::uint8_t> reply) const;
  Step quick_cached(const StoredAnswer& answer, const QuickTerms& terms, std::span<std::uint8_t> reply) const;
  void quick_count(bool stream, std::span<const std::uint8_t> answer);
  bool quick_meter(const QuickTerms& terms, std::span<const std::uint8_t> answer);

  Step receive(wire::Bytes packet, ClientQuestion& question, const ReturnPath& path, std::span<std::uint8_t> reply);
  Step receive_query(wire::Bytes packet, ClientQuestion& question, const ReturnPath& path,
                     std::span<std::uint8_t> reply);
  bool receive_edns(const wire::EdnsView& edns, const ReturnPath& path, ClientQuestion& question);
  Step check_signature(const wire::MessageView& message, ClientQuestion& question, std::span<std::uint8_t> reply);
  Step hand_over(wire::Bytes packet, const ClientQuestion& question, const ReturnPath& path,
                 std::span<std::uint8_t> reply);
  std::size_t drop(const ReturnPath& path);
  std::size_t limit(Limit reason, const ReturnPath& path);
  Step admit(ClientQuestion& question, const ReturnPath& path, std::span<std::uint8_t> reply);
  std::size_t ask_to_prove(ClientQuestion& question, Limit reason, std::span<std::uint8_t> reply);
  std::size_t hold_back(ClientQuestion& question, const ReturnPath& path, Limit reason, std::span<std::uint8_t> reply);
  std::uint32_t share_of(std::uint32_t rate) const;
  /// The answer of a detour's target, when it has come.
  struct Arrived {
    wire::NameView target;
    StoredAnswer* answer;
  };
  Step special(const ClientQuestion& question, const ReturnPath& path, std::span<std::uint8_t> reply);
  std::optional<SpecialName> special_name(const ClientQuestion& question) const;
  SpecialFacts facts_for(const ClientQuestion& question) const;
  Step own_zones(const ClientQuestion& question, const ReturnPath& path, const Arrived* arrived,
                 std::span<std::uint8_t> reply);
  Step follow_own_alias(std::span<const std::uint8_t> head, const ClientQuestion& question, const ReturnPath& path,
                        const Arrived* arrived, std::span<std::uint8_t> reply);
  Step reverse_of_made(const ClientQuestion& question, const ReturnPath& path, const Arrived* arrived,
                       std::span<std::uint8_t> reply);
  Step go_on(StoredAnswer head, DetourKind kind, const ClientQuestion& question, const ReturnPath& path,
             const Arrived* arrived, std::span<std::uint8_t> reply);
  std::optional<StoredAnswer> local_answer(ClientQuestion question) const;
  void mark_dns64(ClientQuestion& question) const;
  Step policy_by_name(const ClientQuestion& question, const ReturnPath& path, PolicyState& state,
                      std::span<std::uint8_t> reply);
  Step any(const ClientQuestion& question, std::span<std::uint8_t> reply);
  Step cache_only(const ClientQuestion& question, const ReturnPath& path, PolicyState& state,
                  std::span<std::uint8_t> reply);
  Step cached(const ClientQuestion& question, const ReturnPath& path, PolicyState& state,
              std::span<std::uint8_t> reply);
  std::size_t resolve(const ClientQuestion& question, const ReturnPath& path, const Redirect* redirect,
                      std::span<std::uint8_t> reply);

  std::size_t deliver(StoredAnswer& answer, const ClientQuestion& question, const ReturnPath& path, PolicyState& state,
                      std::span<std::uint8_t> reply);
  std::size_t redirect(const ClientQuestion& question, const ReturnPath& path, const policy::Match& match,
                       wire::NameView met, const ChainPrefix& prefix, std::span<std::uint8_t> reply);
  std::size_t render(const Redirect& redirect, const ClientQuestion& question, const StoredAnswer& target,
                     std::span<std::uint8_t> reply) const;
  Step apply(const policy::Match& match, const ClientQuestion& question, const ReturnPath& path, wire::NameView met,
             const ChainPrefix& prefix, PolicyState& state, std::span<std::uint8_t> reply);
  Step policy_on_answer(StoredAnswer& answer, const ClientQuestion& question, const ReturnPath& path,
                        PolicyState& state, std::span<std::uint8_t> reply, const StoredAnswer* head = nullptr);
  Step policy_on_tail(const StoredAnswer& head, StoredAnswer& tail, const ClientQuestion& question,
                      const ReturnPath& path, PolicyState& state, std::span<std::uint8_t> reply);
  Step judge_target(Redirect& redirect, const ClientQuestion& question, const ReturnPath& path, policy::ViewNumber view,
                    std::span<std::uint8_t> reply);
  Step judge_arrived(const Redirect& redirect, StoredAnswer& answer, const ClientQuestion& question,
                     const ReturnPath& path, std::span<std::uint8_t> reply);
  policy::Asker asker(policy::ViewNumber view, const ClientQuestion& question) const {
    return {view, policy_now_, question.client.bytes(), snapshot_->options.names_outrank};
  }
  std::vector<policy::NameServer> name_servers_of(wire::NameView name) const;
  void remember_servers(StoredAnswer& answer) const;
  void count_shadows(policy::ViewNumber view);
  void note_traffic(const ClientQuestion& question);
  void keep_hits();
  void note_triggers();
  void refresh(const ClientQuestion& question);
  std::optional<Limit> no_place(const Pending* pending, const ClientQuestion& question, const ZoneKeys& zone) const;
  void begin(std::shared_ptr<Pending> pending);
  void leave_start(const Pending& pending);
  net::Milliseconds patience() const;
  bool is_late(const Waiter& waiter, const StoredAnswer& answer) const;
  net::Task<void> run(std::shared_ptr<Pending> pending);
  void finish(const std::shared_ptr<Pending>& pending, const recurse::Resolved& resolved);
  void answer_waiter(Waiter& waiter, StoredAnswer& answer, StoredAnswer* led_to);
  Step continue_detour(const Waiter& waiter, StoredAnswer& answer, std::span<std::uint8_t> reply);
  bool still_redirects(const Redirect& redirect) const;
  bool is_within_rate(const ClientQuestion& question, ResponseClass kind);
  std::size_t meter(ClientQuestion& question, const ReturnPath& path, std::span<std::uint8_t> reply, std::size_t size);
  void send(const ReturnPath& path, wire::Bytes answer);
  const zones::ZoneSet* zones_of(std::uint16_t listener, bool& exclusive) const;
  static bool is_own(const zones::ZoneSet* zones, wire::NameView name, wire::RecordType type);
  bool is_clean(const StoredAnswer& answer, policy::ViewNumber view) const;
  /// Stands beside what is noted of the rules until their next change. Another one where they are others, and where the
  /// clock was set back: what has ended since may be in force again.
  std::uint64_t rules_noted() const { return snapshot_->index->generation() + (set_backs_ << 40U); }
  void count(Limit reason);
  void count(const ClientQuestion& question, std::span<const std::uint8_t> answer);

  PipelineLimits limits_;
  std::vector<net::Endpoint> listeners_;
  recurse::Resolver& resolver_;
  recurse::Network& clock_;
  WorkerCounters& counters_;
  std::shared_ptr<const Snapshot> snapshot_;
  struct ZonesHere {
    const zones::ZoneSet* zones = nullptr;
    bool exclusive = false;
  };
  std::vector<ZonesHere> zones_here_;  // by listener, of snapshot_
  std::int64_t now_ = 0;               // seconds, of the cache
  policy::Time policy_now_ = 0;        // the same, but never before the record's latest moment
  std::uint64_t set_backs_ = 0;        // times that policy_now_ was set back
  ClientMemo clients_;
  std::array<Expected, net::kUdpGroup + 1> expected_;  // the last: what nobody announced
  std::size_t expected_next_ = 0, expected_end_ = 0;
  AnswerCache answers_;
  ViewsHere views_;                     // of snapshot_
  std::vector<ViewTriggers> triggers_;  // by view, of snapshot_
  bool wants_servers_ = false;          // some view has rules about name servers
  KnownServers known_servers_;
  policy::ShadowMatches shadows_;  // of the question in hand
  policy::HitTable hits_;
  std::shared_ptr<policy::TrafficBuffer> traffic_;  // null: nobody wants to know
  std::vector<policy::Hits> kept_hits_;             // of indexes that are gone
  std::unordered_map<PendingKey, std::shared_ptr<Pending>, PendingHash> pending_;
  std::size_t waiting_ = 0;             // clients of all of them
  net::Milliseconds milliseconds_ = 0;  // on the monotonic clock
  RateTable questions_, responses_;
  FairShares shares_;                                 // of clients that wait, and of resolutions
  FairShares starting_shares_;                        // of starting_
  std::vector<std::shared_ptr<Pending>> pushed_out_;  // of starting_, to be answered at the end of the round
  StartQueue<std::shared_ptr<Pending>> starting_;     // in pending_, not begun yet
  std::size_t starts_ = kStartsPerRound;              // that a round may begin
  bool behind_ = false;                               // in this round
  std::function<void()> round_end_, between_starts_;
  std::uint32_t held_back_ = 0;
  bool resolving_ = false;           // an answer to a waiter is being made
  std::vector<std::uint8_t> later_;  // where answers to waiters are written
  transfer::ZoneDesk* desk_ = nullptr;
  net::Loop* loop_ = nullptr;
  net::TaskSet tasks_;
};

}  // namespace placard::serve
