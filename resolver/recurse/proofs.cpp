// What is known spares questions: proofs answer for all the names they deny (RFC 8198), and a referral says what its
// zone's DS is.
#include <fmt/core.h>

#include <algorithm>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

using validate::Security;
using wire::NameView;
using wire::RecordSet;
using wire::RecordType;

bool is_signed(const RecordSet& set) {
  return !set.signatures.empty();
}

}  // namespace

/// Proofs that answer for other names too (RFC 8198).
void Resolver::State::learn(const Reply& reply, const validate::Findings& findings) {
  if (!options.validation.aggressive) return;
  for (std::size_t i = 0; i < reply.answer.size(); ++i) {
    if (!findings.wildcard[i] || !findings.answer[i].is(Security::secure)) continue;
    constexpr std::uint8_t kStar[] = {'*'};
    const auto wildcard = wire::Name::prepend(kStar, reply.answer[i].owner.view().suffix(*findings.wildcard[i]));
    if (!wildcard) continue;
    RecordSet set = reply.answer[i];  // as the zone has it, to be expanded for other names
    set.owner = *wildcard;
    set.ttl = findings.ttl[i];
    cache->store(std::move(set), Credibility::answer_aa, network.wall_seconds(), {}, Security::secure);
  }
  const std::int64_t now = network.wall_seconds();
  const bool denial = reply.kind == ReplyKind::nxdomain || reply.kind == ReplyKind::nodata;
  if (!denial && findings.proof_ttl > 0)
    proofs.learn(findings.good_proof, nullptr, now,
                 now + std::min(findings.proof_ttl, cache->limits().max_negative_ttl));
  if (!denial || !reply.soa || !findings.denial.is(Security::secure)) return;
  const std::uint32_t ttl = std::min({findings.denial_ttl, negative_ttl(*reply.soa), cache->limits().max_negative_ttl});
  proofs.learn(findings.good_proof, &*reply.soa, now, now + ttl);
}

/// An answer that known proofs give. It is not kept: they give it again.
std::optional<Fetched> Resolver::State::from_proofs(const wire::Question& question) {
  if (!validating() || !options.validation.aggressive) return std::nullopt;
  const std::int64_t now = network.wall_seconds();
  if (!options.validation.anchors->find(question.name, now)) return std::nullopt;
  validate::Means means{0, validate::Aggressive::kMaxHashes};
  const auto made = proofs.answer(question.name, question.type, now, means);
  validation_counters.hash_runs += validate::Aggressive::kMaxHashes - means.hash_runs;
  // Later than any proof is kept for: the clock was set back.
  if (made && made->expires_at > now + cache->limits().max_negative_ttl + kSetBack) return std::nullopt;
  // Below a zone that others are asked about, what the one above it denies says nothing.
  const bool wildcard = made && made->kind == validate::Synthesis::Kind::wildcard;
  if (!made || forward_for(wildcard ? made->wildcard : made->soa->owner) != forward_for(question.name))
    return std::nullopt;
  auto entry = std::make_shared<CacheEntry>();
  entry->credibility = Credibility::answer_aa;
  entry->security = Security::secure;
  for (const auto& set : made->proof) entry->proof.push_back(*set);
  entry->stored_at = now;
  entry->expires_at = made->expires_at;
  Fetched fetched;
  fetched.complete = true;
  if (wildcard) {
    const auto secure_at = [&](RecordType type) {
      EntryPointer kept = cache->find(made->wildcard, type, now, made->wildcard);
      const bool good =
          kept && kept->kind == CacheKind::records && kept->fresh(now) && kept->security == Security::secure;
      return good ? kept : nullptr;
    };
    EntryPointer kept = secure_at(question.type);
    if (!kept && question.type != RecordType::cname) kept = secure_at(RecordType::cname);
    if (!kept) return std::nullopt;
    entry->kind = CacheKind::records;
    entry->set = kept->set;
    entry->set.owner = question.name;
    entry->expires_at = std::min(entry->expires_at, kept->expires_at);
    fetched.complete = kept->set.type == question.type;
    if (!fetched.complete) {
      const auto target = wire::rdata_name(RecordType::cname, *kept->set.rdatas.begin());
      if (!target) return std::nullopt;
      fetched.next = *target;
    }
    fetched.links.push_back(std::move(entry));
  } else {
    const bool nxdomain = made->kind == validate::Synthesis::Kind::nxdomain;
    entry->kind = nxdomain ? CacheKind::nxdomain : CacheKind::nodata;
    entry->set = *made->soa;
    fetched.rcode = nxdomain ? wire::Rcode::nxdomain : wire::Rcode::noerror;
    fetched.negative = std::move(entry);
  }
  ++validation_counters.synthesised;
  return fetched;
}

/// What the referral to a zone said about its DS spares the question. Nothing when that does not stand on its own.
net::Task<std::optional<Fetched>> Resolver::State::from_referral(Flight& flight) {
  const std::int64_t now = network.wall_seconds();
  const EntryPointer delegation = cache->find_delegation(flight.key.name, now);
  if (!delegation || !(delegation->set.owner == flight.key.name) || delegation->proof.empty()) co_return std::nullopt;
  wire::Question question;
  question.name = flight.key.name;
  question.type = RecordType::ds;
  Reply reply;
  reply.kind = ReplyKind::nodata;
  reply.authoritative = true;
  reply.next = question.name;
  for (const auto& set : delegation->proof) {
    if (set.type != RecordType::ds) {
      reply.proof.push_back(set);
    } else if (set.owner == question.name) {
      reply.answer.push_back(set);
      reply.kind = ReplyKind::answer;
    }
  }
  if (reply.answer.empty() && std::ranges::none_of(reply.proof, is_signed)) co_return std::nullopt;
  if (!reply.answer.empty() && !is_signed(reply.answer.front())) co_return std::nullopt;
  note(flight, "{} DS: as the referral had it", question.name);
  auto judging = validate(flight, wire::Name(question.name.view().parent()), question, reply);
  Judgement judgement = co_await judging;
  if (judgement.verdict.is(Security::bogus) || reply.kind == ReplyKind::chain) co_return std::nullopt;
  co_return believe(question, std::move(reply), &judgement.findings, Security::insecure);
}

}  // namespace placard::recurse
