// What a judged reply puts into the cache, and what the asker gets of it: the same entries.
#include <algorithm>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

/// The CNAME made from a DNAME is made again each time. That it was is kept where nobody signed the DNAME: such a one
/// is good for the names it was given for (from_cache).
EntryPointer made_from(const EntryPointer& dname, wire::RecordSet cname) {
  auto entry = std::make_shared<CacheEntry>();
  entry->credibility = dname->credibility;
  entry->security = dname->security;
  entry->set = std::move(cname);
  entry->set.ttl = dname->set.ttl;
  entry->stored_at = dname->stored_at;
  entry->expires_at = dname->expires_at;
  return entry;
}

/// RFC 4034 3.1.3: fewer labels signed than the owner has. Whoever checks the signature needs the proof that nothing
/// closer exists (RFC 4035 5.3.4).
bool from_wildcard(const wire::RecordSet& set) {
  constexpr std::size_t kLabelsAt = 3;
  return std::ranges::any_of(set.signatures, [&](wire::Bytes rrsig) {
    return rrsig.size() > kLabelsAt && rrsig[kLabelsAt] < set.owner.view().label_count();
  });
}

}  // namespace

std::uint32_t negative_ttl(const wire::RecordSet& soa) {
  const auto fields = wire::parse_soa(*soa.rdatas.begin());
  return std::min(soa.ttl, fields ? fields->minimum : 0);
}

Fetched Resolver::State::believe(const wire::Question& question, Reply reply, const validate::Findings* findings,
                                 validate::Security unjudged) {
  const std::int64_t now = network.wall_seconds();
  const auto credibility = reply.authoritative ? Credibility::answer_aa : Credibility::answer_no_aa;
  Fetched fetched;
  fetched.next = reply.next;
  fetched.complete = reply.kind != ReplyKind::chain;
  for (std::size_t i = 0; i < reply.answer.size(); ++i) {
    const bool last = i + 1 == reply.answer.size();
    const bool proven = from_wildcard(reply.answer[i]) || (last && reply.kind <= ReplyKind::chain);
    const bool synthesised = i > 0 && fetched.links.back()->set.type == wire::RecordType::dname &&
                             reply.answer[i].type == wire::RecordType::cname && reply.answer[i].signatures.empty();
    if (synthesised) {
      // What nobody vouches for is kept for the very name it was made for (resolver.cpp).
      const auto security = fetched.links.back()->security;
      if (security != validate::Security::secure) cache->store(reply.answer[i], credibility, now, {}, security);
      fetched.links.push_back(made_from(fetched.links.back(), std::move(reply.answer[i])));
    } else {
      const auto security = findings ? findings->answer[i].security : unjudged;
      if (findings) reply.answer[i].ttl = std::min(reply.answer[i].ttl, findings->ttl[i]);
      fetched.links.push_back(cache->store(std::move(reply.answer[i]), credibility, now,
                                           proven ? reply.proof : std::vector<wire::RecordSet>{}, security));
    }
  }
  switch (reply.kind) {
    case ReplyKind::yxdomain:
      fetched.rcode = wire::Rcode::yxdomain;
      return fetched;
    case ReplyKind::nxdomain:
      fetched.rcode = wire::Rcode::nxdomain;
      break;
    case ReplyKind::nodata:
    case ReplyKind::empty:
      break;
    default:
      return fetched;
  }
  CacheEntry denial;
  denial.credibility = credibility;
  denial.security = findings ? findings->denial.security : unjudged;
  denial.unsigned_cut = findings && findings->unsigned_cut;
  denial.proof = std::move(reply.proof);
  if (reply.private_address) {
    denial.error = wire::ExtendedError{wire::EdeCode::blocked, "a private address in a public name"};
    fetched.errors.push_back(*denial.error);
  }
  std::uint32_t ttl = kDenialWithoutSoa;
  const bool proven = findings && findings->denial_ttl > 0;
  if (proven) ttl = findings->denial_ttl;
  if (reply.soa) {
    ttl = proven ? std::min(ttl, negative_ttl(*reply.soa)) : negative_ttl(*reply.soa);
    denial.set = std::move(*reply.soa);
    denial.set.ttl = ttl;
  }
  const auto kind = reply.kind == ReplyKind::nxdomain ? CacheKind::nxdomain : CacheKind::nodata;
  fetched.negative = cache->store_negative(kind, reply.next, question.type, std::move(denial), ttl, now);
  return fetched;
}

/// A zone whose own NS set lives shorter than the parent's word expects to move: its delegation is not relied on for
/// longer, so that both sides agree soon after (draft-ietf-dnsop-ns-revalidation). Never for less than
/// kLeastDelegation, lest a zone send everybody to its parent all the time.
void Resolver::State::shorten_delegation(const Delegation& delegation, const Reply& reply) {
  constexpr std::uint32_t kLeastDelegation = 60;  // seconds
  if (!reply.apex_ttl || !reply.authoritative || delegation.configured || delegation.local ||
      delegation.zone().is_root())
    return;
  const CacheEntry& known = *delegation.entry;
  const std::int64_t now = network.wall_seconds();
  const std::int64_t until = now + std::max(*reply.apex_ttl, kLeastDelegation);
  if (known.expires_at <= until) return;
  cache->store_delegation(known.set, known.glue, known.proof, now, until);
}

/// Who was told of a child by servers that are no longer the parent's may not know it longer than he knew those: a
/// child could prolong itself for ever by servers of its own (phoenix domains, CVE-2022-30698). The root stays.
EntryPointer Resolver::State::believe_referral(Reply& reply, const Delegation* from) {
  const bool lasting = !from || from->configured || from->local || from->zone().is_root();
  return cache->store_delegation(std::move(reply.ns), std::move(reply.glue), std::move(reply.proof),
                                 network.wall_seconds(), lasting ? Cache::kNoEnd : from->entry->expires_at);
}

}  // namespace placard::recurse
