// Iteration (RFC 1034 5.3.3, RFC 9156): from the deepest zone whose servers are known, down along referrals, to the
// servers that have the answer.
//
// On the way down a server sees no more of the name than it needs. Where that breaks a server (it denies an empty
// non-terminal, fails or keeps silent) the whole name is asked: an answer counts more than privacy from that server.
// What a shortened name has shown (no zone begins there) is remembered, so that a thousand names below it ask once. Its
// denial is believed where signatures prove it: then nobody sees the whole name at all.
#include <algorithm>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

constexpr std::uint32_t kOneLabelAtATime = 4;  // RFC 9156 2.3, MINIMISE_ONE_LAB
constexpr std::int64_t kOldDelegation = 30;    // seconds; an older one may have changed at the parent

/// What to ask of the name, question by question.
class Minimiser {
 public:
  Minimiser(const wire::Question& question, bool on, std::uint32_t limit)
      : question_(question), labels_(question.name.view().label_count()), left_(on ? limit : 0) {}

  wire::Question next(wire::NameView zone, const Cache& cache, std::int64_t now) {
    shown_ = std::max(shown_, zone.label_count());
    const wire::NameView name = question_.name;
    while (left_ > 0 && shown_ + 1 < labels_ && cache.find_no_cut(name.suffix(shown_ + 1), now)) ++shown_;
    if (left_ == 0 || shown_ + 1 >= labels_) {
      shown_ = labels_;
      return question_;
    }
    const std::size_t rest = labels_ - shown_;
    shown_ += asked_ < kOneLabelAtATime ? 1 : (rest + left_ - 1) / left_;
    while (shown_ < labels_ && name.suffix(shown_).first_label()[0] == '_') ++shown_;  // RFC 9156 2.3: no cuts there
    if (shown_ >= labels_) return question_;
    ++asked_;
    --left_;
    wire::Question shortened;
    shortened.name = wire::Name(name.suffix(shown_));
    shortened.type = wire::RecordType::a;
    return shortened;
  }
  /// From now on the whole name. False when it was whole already.
  bool give_up() {
    const bool was_short = shown_ < labels_;
    left_ = 0;
    return was_short;
  }
  bool whole() const { return shown_ >= labels_; }

 private:
  const wire::Question question_;
  const std::size_t labels_;
  std::size_t shown_ = 0;
  std::uint32_t left_, asked_ = 0;
};

/// Seconds for which what this reply says about a shortened name is good.
std::uint32_t ttl_of(const Reply& reply) {
  if (!reply.answer.empty()) return reply.answer.front().ttl;
  return reply.soa ? negative_ttl(*reply.soa) : kDenialWithoutSoa;
}

}  // namespace

net::Task<Fetched> Resolver::State::iterate(Flight& flight) {
  wire::Question question;
  question.name = flight.key.name;
  question.type = flight.key.type;
  Delegation at = deepest_known(question, flight);
  note(flight, "{} {}: starting at the servers of {}", question.name, question.type, at.zone());
  Minimiser minimiser(question, options.qname_minimisation, options.bounds.minimised);
  bool looked_above = false;
  std::optional<Fetched> bogus;
  for (std::uint32_t referrals = 0; referrals <= options.bounds.referrals;) {
    const bool local = at.local.has_value();  // then there is nobody to hide the name from
    const wire::Question shown = local ? question : minimiser.next(at.zone(), *cache, network.wall_seconds());
    flight.doing = "iterating";
    auto asking = ask(flight, at, shown);
    Outcome outcome = co_await asking;
    if (!outcome.reply) {
      if (bogus) co_return *std::move(bogus);  // nobody had anything better
      if (local && !outcome.out_of_means) {
        flight.without_local = true;
        at = deepest_known(question, flight);
        continue;
      }
      if (!outcome.out_of_means && minimiser.give_up()) {
        note(flight, "no good answer for a shortened name: asking the whole one");
        continue;
      }
      const bool old =
          at.cached && network.wall_seconds() - at.entry->stored_at >= kOldDelegation && !at.zone().is_root();
      if (!outcome.out_of_means && old && !looked_above) {
        looked_above = true;
        wire::Question above;
        above.name = wire::Name(at.zone().parent());
        note(flight, "asking above {} whether its servers have changed", at.zone());
        at = deepest_known(above, flight);
        continue;
      }
      co_return failure(std::move(outcome));
    }
    Reply& reply = *outcome.reply;
    shorten_delegation(at, reply);
    if (reply.kind == ReplyKind::referral) {
      ++referrals;
      EntryPointer below = believe_referral(reply, &at);
      at = Delegation{};
      at.entry = std::move(below);
      continue;
    }
    if (!local && !minimiser.whole()) {
      // Something exists there, or nothing does: servers that deny empty non-terminals are too many to believe the
      // latter without proof.
      cache->store_no_cut(shown.name, ttl_of(reply), network.wall_seconds());
      if (reply.kind != ReplyKind::nxdomain) continue;
      auto denying = denied_above(flight, wire::Name(at.zone()), shown, std::move(reply));
      std::optional<Fetched> denied = co_await denying;
      if (denied) co_return *std::move(denied);
      minimiser.give_up();
      continue;
    }
    // Validation stands between what a server said and what is believed.
    bool retry = false;
    auto concluding = conclude(flight, wire::Name(at.zone()), question, std::move(reply), retry);
    Fetched fetched = co_await concluding;
    if (!retry) co_return fetched;
    note(flight, "asking another server");
    bogus = std::move(fetched);
  }
  co_return failure(wire::EdeCode::other, "too many referrals for " + question.name.to_text());
}

/// That a shortened name does not exist ends the matter where it is proven: below it there is nothing (RFC 8020).
net::Task<std::optional<Fetched>> Resolver::State::denied_above(Flight& flight, wire::Name zone,
                                                                wire::Question shortened, Reply reply) {
  const auto is_signed = [](const wire::RecordSet& set) { return !set.signatures.empty(); };
  if (!checks(flight) || !reply.soa || std::ranges::none_of(reply.proof, is_signed)) co_return std::nullopt;
  const std::size_t distrusted = flight.distrusted.size();
  bool retry = false;
  auto concluding = conclude(flight, zone, shortened, std::move(reply), retry);
  Fetched fetched = co_await concluding;
  flight.distrusted.resize(distrusted);  // the whole name may fare better with this server
  const bool proven = fetched.negative && fetched.rcode == wire::Rcode::nxdomain &&
                      fetched.negative->security == validate::Security::secure;
  if (!proven) co_return std::nullopt;
  co_return fetched;
}

/// A zone of our own, a stub of the configuration, or the deepest cached delegation where that is below it; else the
/// root. The parent side of a cut answers for DS (RFC 4035 3.1.4.1).
Delegation Resolver::State::deepest_known(const wire::Question& question, const Flight& flight) {
  const bool parent_side = question.type == wire::RecordType::ds && !question.name.view().is_root();
  const wire::NameView name = parent_side ? question.name.view().parent() : question.name.view();
  if (auto local = local_delegation(name, flight)) return *std::move(local);
  const Forward* stub = forward_for(name);
  Delegation delegation;
  delegation.cached = true;
  delegation.entry = cache->find_delegation(name, network.wall_seconds() + flight.asker.ahead);
  if (stub && stub->stub && !flight.without_configured) {
    const auto below = [&](wire::NameView zone) {
      return zone.is_subdomain_of(stub->zone) && zone.label_count() > stub->zone.view().label_count();
    };
    if (delegation.entry && below(delegation.zone())) return delegation;
    delegation = Delegation{};
    delegation.configured = stub;
    return delegation;
  }
  return delegation.entry ? delegation : root();
}

}  // namespace placard::recurse
