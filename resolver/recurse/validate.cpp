// Between what a server said and what is believed (RFC 4035 5): who signed it, are their keys to be trusted, and are
// the signatures and proofs good. The arithmetic runs off this thread.
#include <fmt/core.h>

#include <algorithm>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

using validate::Claim;
using validate::Security;
using validate::Verdict;
using wire::NameView;
using wire::RecordSet;
using wire::RecordType;

/// A CNAME made from the DNAME before it has no signature of its own.
bool made_from_dname(const std::vector<RecordSet>& answer, std::size_t i) {
  return i > 0 && answer[i].type == RecordType::cname && answer[i].signatures.empty() &&
         answer[i - 1].type == RecordType::dname;
}

/// Signatures have no signatures.
bool beyond_signing(const RecordSet& set) {
  return set.type == RecordType::rrsig;
}

void add_signers(const RecordSet& set, std::vector<wire::Name>& signers, std::size_t limit) {
  for (const NameView signer : validate::signers_of(set)) {
    if (signers.size() >= limit) return;
    if (std::ranges::none_of(signers, [&](const wire::Name& known) { return known.view() == signer; }))
      signers.emplace_back(signer);
  }
}

/// Where the chain of trust for a set of this type ends: a DS belongs to the zone above its owner.
wire::Name place_of(NameView owner, RecordType type) {
  return wire::Name(type == RecordType::ds && !owner.is_root() ? owner.parent() : owner);
}

bool proves_anything(const RecordSet& set) {
  return !set.signatures.empty();
}

/// Where the chain goes on behind its first `good` sets; nothing when no alias ends there.
std::optional<wire::Name> alias_before(const Reply& reply, std::size_t good) {
  if (good == 0 || reply.answer[good - 1].type != RecordType::cname) return std::nullopt;
  const RecordSet& alias = reply.answer[good - 1];
  auto target = wire::rdata_name(RecordType::cname, *alias.rdatas.begin());
  if (!target || *target == alias.owner || reply.answer[good].owner == alias.owner) return std::nullopt;
  return target;
}

/// What was found out about the links before the first broken one may be believed; the rest is asked for anew.
void cut_chain(Reply& reply, std::size_t good, const wire::Name& next) {
  reply.next = next;
  reply.answer.resize(good);
  reply.kind = ReplyKind::chain;
  reply.soa.reset();
}

}  // namespace

/// What did not verify may lie below a delegation without DS after all, whatever its signatures pretend.
net::Task<Verdict> Resolver::State::check_again(Flight& flight, wire::Name owner, wire::Name zone, Verdict verdict) {
  auto trusting = trust_in(flight, owner, zone);
  const Verdict place = co_await trusting;
  co_return place.is(Security::insecure) ? place : verdict;
}

/// Who signed something in the reply, and what is known of them.
net::Task<std::vector<validate::KnownZone>> Resolver::State::find_signers(Flight& flight, const Reply& reply) {
  const std::size_t limit = options.validation.bounds.signers;
  std::vector<wire::Name> signers;
  for (const auto& set : reply.answer) add_signers(set, signers, limit);
  for (const auto& set : reply.proof) add_signers(set, signers, limit);
  if (reply.soa && claim_of(reply) != Claim::answer) add_signers(*reply.soa, signers, limit);
  std::vector<validate::KnownZone> zones;
  for (const auto& signer : signers) {
    auto finding = keys_of(flight, signer);
    validate::KnownZone known = co_await finding;
    zones.push_back(std::move(known));
  }
  co_return zones;
}

/// What nobody signed: was it to be signed? One verdict for each set of the answer that is decided by that, and one for
/// the denial, the last.
net::Task<Undecided> Resolver::State::judge_unsigned(Flight& flight, wire::Name zone, const wire::Question& question,
                                                     const Reply& reply) {
  Undecided decided(reply.answer.size() + 1);
  std::optional<std::pair<wire::Name, Verdict>> place;  // the last one looked at
  for (std::size_t i = 0; i < reply.answer.size(); ++i) {
    const RecordSet& set = reply.answer[i];
    if (beyond_signing(set)) decided[i] = validate::insecure();
    if (made_from_dname(reply.answer, i)) decided[i] = validate::secure();  // as good as the DNAME: see weigh()
    if (decided[i] || !validate::signers_of(set).empty()) continue;
    const wire::Name owner = place_of(set.owner, set.type);
    if (!place || !(place->first == owner)) {
      auto trusting = trust_in(flight, owner, zone);
      Verdict found = co_await trusting;
      place.emplace(owner, std::move(found));
    }
    decided[i] = place->second;
    if (place->second.is(Security::secure))
      decided[i] = validate::bogus(wire::EdeCode::rrsigs_missing,
                                   fmt::format("no signature of {} {}", set.owner.to_text(), wire::to_text(set.type)));
  }
  if (reply.private_address && claim_of(reply) != Claim::answer) {  // our denial, not the zone's
    decided.back() = validate::insecure();
    co_return decided;
  }
  if (claim_of(reply) == Claim::answer || std::ranges::any_of(reply.proof, proves_anything)) co_return decided;
  auto trusting = trust_in(flight, place_of(reply.next, question.type), zone);
  Verdict found = co_await trusting;
  if (found.is(Security::secure))
    found = validate::bogus(wire::EdeCode::nsec_missing, fmt::format("no proof that denies {} {}", reply.next.to_text(),
                                                                     wire::to_text(question.type)));
  decided.back() = std::move(found);
  co_return decided;
}

/// The whole is as good as its worst part; what comes behind a good start is asked for anew.
net::Task<void> Resolver::State::weigh(Flight& flight, wire::Name zone, const wire::Question& question, Reply& reply,
                                       Judgement& judgement) {
  auto& findings = judgement.findings;
  judgement.verdict = validate::secure();
  for (std::size_t i = 0; i < reply.answer.size(); ++i) {
    Verdict& verdict = findings.answer[i];
    if (made_from_dname(reply.answer, i)) verdict = findings.answer[i - 1];
    if (verdict.is(Security::bogus) && !validate::signers_of(reply.answer[i]).empty()) {
      auto checking = check_again(flight, place_of(reply.answer[i].owner, reply.answer[i].type), zone, verdict);
      Verdict again = co_await checking;
      verdict = std::move(again);
    }
    const auto next = verdict.is(Security::bogus) ? alias_before(reply, i) : std::nullopt;
    if (next) {
      note(flight, "{}: {}; asking for it anew", reply.answer[i].owner, verdict.error.extra_text);
      findings.answer.resize(i);
      cut_chain(reply, i, *next);
      co_return;
    }
    if (!verdict.is(Security::secure)) judgement.verdict = verdict;
    judgement.reply_at_fault = verdict.is(Security::bogus);
    if (judgement.reply_at_fault) co_return;
  }
  if (claim_of(reply) == Claim::answer) co_return;
  if (findings.denial.is(Security::bogus) && std::ranges::any_of(reply.proof, proves_anything)) {
    auto checking = check_again(flight, place_of(reply.next, question.type), zone, findings.denial);
    Verdict again = co_await checking;
    findings.denial = std::move(again);
  }
  if (findings.denial.is(Security::bogus) && !reply.answer.empty()) {
    note(flight, "{}: {}; asking for it anew", reply.next, findings.denial.error.extra_text);
    reply.kind = ReplyKind::chain;
    reply.soa.reset();
    co_return;
  }
  if (findings.exists_after_all && findings.denial.is(Security::secure) && reply.kind == ReplyKind::nxdomain)
    reply.kind = ReplyKind::nodata;
  if (!findings.denial.is(Security::secure)) judgement.verdict = findings.denial;
  judgement.reply_at_fault = findings.denial.is(Security::bogus);
}

net::Task<Judgement> Resolver::State::validate(Flight& flight, wire::Name zone, const wire::Question& question,
                                               Reply& reply) {
  const bool keys = question.type == RecordType::dnskey && reply.kind == ReplyKind::answer &&
                    reply.answer.size() == 1 && reply.answer.front().type == RecordType::dnskey &&
                    reply.answer.front().owner == question.name;
  if (keys) {
    auto validating_keys = validate_keys(flight, reply);
    co_return co_await validating_keys;
  }
  auto finding = find_signers(flight, reply);
  std::vector<validate::KnownZone> zones = co_await finding;
  auto judging = judge_unsigned(flight, zone, question, reply);
  Undecided decided = co_await judging;
  auto checking = check_reply(flight, question, reply, std::move(zones), std::move(decided));
  Judgement judgement = co_await checking;
  if (judgement.verdict.out_of_means) co_return judgement;
  auto weighing = weigh(flight, zone, question, reply, judgement);
  co_await weighing;
  co_return judgement;
}

/// From a reply to what is made of it. `retry` comes back true where another server should be asked.
net::Task<Fetched> Resolver::State::conclude(Flight& flight, wire::Name zone, const wire::Question& question,
                                             Reply reply, bool& retry) {
  retry = false;
  if (!checks(flight)) {
    const auto unjudged = validating() ? Security::unchecked : Security::insecure;
    co_return believe(question, std::move(reply), nullptr, unjudged);
  }
  flight.doing = "validating";
  flight.crowded = false;
  auto judging = validate(flight, zone, question, reply);
  Judgement judgement = co_await judging;
  const Verdict& verdict = judgement.verdict;
  note(flight, "{} {}: {}{}{}", question.name, question.type, validate::to_text(verdict.security),
       verdict.error.extra_text.empty() ? "" : ": ", verdict.error.extra_text);
  if (!verdict.is(Security::bogus)) {
    ++(verdict.is(Security::secure) ? validation_counters.secure : validation_counters.insecure);
    learn(reply, judgement.findings);
    Fetched fetched = believe(question, std::move(reply), &judgement.findings, Security::insecure);
    if (!verdict.error.extra_text.empty()) fetched.errors.push_back(verdict.error);
    co_return fetched;
  }
  if (flight.crowded) {  // nobody has lied: who asks again may find room
    Fetched fetched = failure(verdict.error.code, verdict.error.extra_text, true);
    fetched.overloaded = true;
    co_return fetched;
  }
  ++validation_counters.bogus;
  retry =
      judgement.reply_at_fault && !verdict.out_of_means && flight.distrusted.size() < options.validation.bounds.retries;
  if (retry) flight.distrusted.push_back(flight.last_server);
  Fetched fetched = failure(verdict.error.code, verdict.error.extra_text);
  fetched.bogus = true;
  co_return fetched;
}

}  // namespace placard::recurse
