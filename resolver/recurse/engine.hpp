// The inside of a Resolver, for the files that iterate, forward, ask and prime. Each idea has its own file:
//
//   resolver.cpp   a question's whole life: cache, chain of aliases, stale answers
//   iterate.cpp    from the deepest zone known down to the answer
//   local.cpp      zones of our own that are read instead of asking their servers
//   forward.cpp    questions that others resolve for us
//   ask.cpp        one question to the servers of one zone
//   validate.cpp   whether a reply may be believed (DNSSEC); validate_work.cpp has the arithmetic done elsewhere
//   proofs.cpp     what known proofs and referrals spare
//   trust.cpp      the chain of trust to a zone, and where it ends
//   believe.cpp    what a judged reply puts into the cache
//   refresh.cpp    what is fetched again before it ends
//   report.cpp     errors, told to those who want to know
//   explain.cpp    what happened, in words
//   hints.cpp      the root: hints and priming
#pragma once

#include <fmt/core.h>

#include <type_traits>

#include "resolver/recurse/delegation.hpp"
#include "resolver/recurse/flights.hpp"
#include "resolver/recurse/key_ring.hpp"
#include "resolver/recurse/reply.hpp"
#include "resolver/recurse/zone_share.hpp"
#include "zones/zone.hpp"

namespace placard::recurse {

/// What of the trace's values fmt does not know, as text.
template <class Value>
decltype(auto) printable(const Value& value) {
  if constexpr (std::is_convertible_v<const Value&, wire::NameView>) {
    return wire::NameView(value).to_text();
  } else if constexpr (std::is_same_v<Value, wire::RecordType>) {
    return wire::to_text(value);
  } else {
    return (value);
  }
}

/// What came of asking the servers of one zone.
struct Outcome {
  std::optional<Reply> reply;               ///< believable
  bool out_of_means = false;                ///< stopped by the asker's bounds
  bool overloaded = false;                  ///< stopped, or somebody not asked, because we have no room for it now
  bool answered = false;                    ///< somebody said something, if only SERVFAIL
  std::vector<wire::ExtendedError> errors;  ///< of a failure
};

/// Seconds for a denial without SOA: RFC 2308 5 would have it forgotten at once, a flood of them would not.
inline constexpr std::uint32_t kDenialWithoutSoa = 5;
/// RFC 2308 5: the SOA's own TTL or its MINIMUM, the lower one. REQUIRES: the set has a record.
std::uint32_t negative_ttl(const wire::RecordSet& soa);

/// What validation made of a reply.
struct Judgement {
  validate::Verdict verdict;    ///< of the whole; not bogus: it may be believed
  bool reply_at_fault = false;  ///< bogus by what this server said: another one may say better
  validate::Findings findings;  ///< part by part; nothing in it when nobody checked
};

/// Verdicts on the parts of a reply that need no signature to be judged; nothing: one is needed. The last is the
/// denial's.
using Undecided = std::vector<std::optional<validate::Verdict>>;
validate::Claim claim_of(const Reply& reply);

/// A name's place in the chain of trust.
struct Trust {
  validate::Verdict verdict;  ///< insecure, secure (as far as it is a zone), bogus
  bool is_zone = false;       ///< a zone begins here whose keys `vouchers` vouch for
  bool exists = true;         ///< false: nothing is here or below
  validate::Vouchers vouchers;
};

Fetched failure(wire::EdeCode code, std::string text, bool out_of_means = false);
Fetched failure(Outcome outcome);

std::string explain(const Reply& reply);                                    ///< what of it is believed
std::string explain(const wire::MessageView& message, const Reply& reply);  ///< what the server sent
std::string explain(const Fetched& link, std::int64_t now);                 ///< what the cache has

struct Resolver::State {
  State(ResolverOptions given, Network& network_given, std::shared_ptr<Cache> cache_given,
        std::shared_ptr<ServerTable> servers_given);

  // resolver.cpp
  net::Task<Resolved> resolve(wire::Question question, Asker asker);
  net::Task<FetchedPointer> fetch(wire::Question question, Asker asker, Milliseconds patience);
  Asker client_asker() const;
  Milliseconds patience_for(const wire::Question& question, const Asker& asker) const;
  net::Task<void> fly(std::shared_ptr<Flight> flight);
  net::Task<Fetched> work(Flight& flight);
  std::optional<Fetched> from_cache(const wire::Question& question, std::int64_t now, Realm realm) const;
  std::optional<Fetched> from_stale(const wire::Question& question, std::int64_t now, Realm realm) const;

  // iterate.cpp
  net::Task<Fetched> iterate(Flight& flight);
  net::Task<std::optional<Fetched>> denied_above(Flight& flight, wire::Name zone, wire::Question shortened,
                                                 Reply reply);
  Delegation deepest_known(const wire::Question& question, const Flight& flight);

  // local.cpp
  std::optional<Delegation> local_delegation(wire::NameView name, const Flight& flight) const;
  bool has_local_below(const Flight& flight, wire::NameView zone) const;
  Outcome ask_local(const Flight& flight, wire::NameView zone, const wire::Question& question);

  // forward.cpp
  const Forward* forward_for(wire::NameView name) const;
  net::Task<Fetched> forward(Flight& flight, const Forward& to);

  // ask.cpp
  net::Task<Outcome> ask(Flight& flight, const Delegation& delegation, wire::Question question);
  net::Task<Reply> ask_server(Flight& flight, const Delegation& delegation, const wire::Question& question,
                              ServerList& list, Server& server, Outcome& outcome);
  static Milliseconds deadline_of(const Flight& flight, const Delegation& delegation);
  Outgoing first_way(const Flight& flight, const Server& server, bool forwarder) const;
  void note_error(NetworkError error, Server& server, Outcome& outcome);
  bool never_ask(wire::NameView name) const { return options.never_ask && options.never_ask(name); }
  net::Task<bool> look_up_address(Flight& flight, ServerList& list, wire::Name name);

  // validate.cpp
  bool validating() const { return options.validation.anchors && !options.validation.anchors->empty(); }
  bool checks(const Flight& flight) const { return validating() && !flight.asker.checking_disabled; }
  net::Task<Judgement> validate(Flight& flight, wire::Name zone, const wire::Question& question, Reply& reply);
  net::Task<std::vector<validate::KnownZone>> find_signers(Flight& flight, const Reply& reply);
  net::Task<Undecided> judge_unsigned(Flight& flight, wire::Name zone, const wire::Question& question,
                                      const Reply& reply);
  net::Task<void> weigh(Flight& flight, wire::Name zone, const wire::Question& question, Reply& reply,
                        Judgement& judgement);
  net::Task<validate::Verdict> check_again(Flight& flight, wire::Name owner, wire::Name zone,
                                           validate::Verdict verdict);
  net::Task<Fetched> conclude(Flight& flight, wire::Name zone, const wire::Question& question, Reply reply,
                              bool& retry);

  // validate_work.cpp
  net::Task<Judgement> check_reply(Flight& flight, const wire::Question& question, Reply& reply,
                                   std::vector<validate::KnownZone> zones, Undecided decided);
  net::Task<Judgement> validate_keys(Flight& flight, const Reply& reply);
  validate::Means means_for(const Flight& flight) const;
  void spend(Flight& flight, const validate::Means& given, const validate::Means& left);
  bool may_verify();
  void tell(const Flight& flight, const validate::Account& account);

  // proofs.cpp
  void learn(const Reply& reply, const validate::Findings& findings);
  std::optional<Fetched> from_proofs(const wire::Question& question);
  net::Task<std::optional<Fetched>> from_referral(Flight& flight);

  // trust.cpp
  net::Task<Fetched> look_up(Flight& flight, wire::Name name, wire::RecordType type);
  net::Task<Trust> trust_at(Flight& flight, wire::Name name);
  net::Task<validate::Verdict> trust_in(Flight& flight, wire::Name name, wire::Name hint);
  net::Task<validate::KnownZone> keys_of(Flight& flight, wire::Name zone);
  net::Task<std::shared_ptr<const validate::ZoneKeys>> ready_keys(EntryPointer dnskeys);
  net::Task<void> make_table(wire::PublicKey key);

  // believe.cpp
  Fetched believe(const wire::Question& question, Reply reply, const validate::Findings* findings,
                  validate::Security unjudged);
  EntryPointer believe_referral(Reply& reply, const Delegation* from);
  void shorten_delegation(const Delegation& delegation, const Reply& reply);

  // refresh.cpp
  std::int64_t refresh_at_of(const Fetched& link) const;
  static std::uint32_t left_of(const Fetched& link, std::int64_t now);
  void start_refresh(const wire::Question& question, const Asker& asker, std::uint32_t left);
  net::Task<void> refresh(wire::Question question, Asker asker);

  // report.cpp
  void note_report_agent(Flight& flight, const wire::MessageView& message) const;
  void report(const Flight& flight, const Fetched& fetched);
  net::Task<void> send_report(wire::Question question, Asker asker);

  // hints.cpp
  Delegation root();
  net::Task<void> prime();

  static bool traced(const Asker& asker) {
    const auto& trace = asker.budget->trace;
    return trace && trace->steps.size() < kMaxTraceSteps;
  }
  static bool traced(const Flight& flight) { return traced(flight.asker); }
  /// A step for the trace. Costs nothing where nobody reads it: names become text here.
  template <class... Values>
  void note(const Flight& flight, fmt::format_string<decltype(printable(std::declval<const Values&>()))...> format,
            const Values&... values) {
    if (traced(flight)) note_text(flight.asker, fmt::format(format, printable(values)...));
  }
  void note_text(const Asker& asker, std::string_view text) {
    TraceStep step;
    step.at = network.now() - asker.budget->started;
    step.text = std::string(2 * static_cast<std::size_t>(asker.depth), ' ').append(text);
    asker.budget->trace->steps.push_back(std::move(step));
  }

  ResolverOptions options;
  Network& network;
  std::shared_ptr<Cache> cache;
  std::shared_ptr<ServerTable> servers;
  std::shared_ptr<const zones::ZoneSet> local_zones;  // null: none
  ResolverCounters counters;
  ValidationCounters validation_counters;
  validate::Aggressive proofs{options.validation.rules};
  KeyRing key_ring{options.validation.bounds.zones, options.validation.bounds.key_tables};
  std::uint32_t jobs = 0;             // replies being checked
  std::int64_t verifying_second = 0;  // wall clock
  std::uint32_t verified_in_it = 0;
  EntryPointer hints;             // the root as the hints have it
  std::int64_t next_priming = 0;  // wall clock, seconds
  bool priming = false;
  std::size_t refreshes = 0;          // under way
  std::int64_t reporting_second = 0;  // wall clock
  std::uint32_t reports_in_second = 0;
  const std::uint64_t seed;  // a secret, for what strangers' names are hashed with
  ZoneShares shares;
  net::TaskSet background;
  Flights flights;  // last: its tasks use all of the above when destroyed
};

}  // namespace placard::recurse
