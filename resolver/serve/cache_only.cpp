// Questions with RD=0: who may look into the cache is answered from it, or with the best referral it has; nobody is
// asked for them (RFC 1034 4.3.2, steps 4 and 6).
//
// Who reads the cache sees what others have asked for, so this is a permission of its own (access.cache).
#include <algorithm>

#include "resolver/serve/query.hpp"

namespace placard::serve {
namespace {

constexpr std::uint32_t kHintsTtl = 3'600;  // seconds

/// NS in authority, their addresses in additional, DS (or the proof that there is none) for who understands it.
std::size_t render_referral(const recurse::CacheEntry& delegation, const ClientQuestion& question, std::int64_t now,
                            std::span<std::uint8_t> reply) {
  const bool hints = delegation.expires_at == 0;  // they have no end, and no TTL either
  const std::uint32_t ttl = hints ? kHintsTtl : delegation.ttl_at(now);
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, {}));
  writer.header(answer_header(question, wire::Rcode::noerror));
  writer.question(question.question.name, question.question.type, question.question.record_class);
  writer.record_set(wire::Section::authority, delegation.set, false, ttl);
  if (question.dnssec_ok)
    for (const auto& set : delegation.proof) writer.record_set(wire::Section::authority, set, true, ttl);
  if (writer.full()) return render_truncated(question, wire::Rcode::noerror, {}, reply);
  for (const auto& glue : delegation.glue) {
    const auto before = writer.mark();
    auto server = delegation.set.rdatas.begin();
    std::advance(server, glue.server);
    writer.record(wire::Section::additional, wire::NameView::from_valid(*server),
                  glue.address.v6 ? wire::RecordType::aaaa : wire::RecordType::a, wire::RecordClass::in, ttl,
                  glue.address.bytes());
    if (!writer.full()) continue;
    writer.rollback(before);  // addresses are a courtesy
    break;
  }
  return finish_answer(writer, question, wire::Rcode::noerror, {});
}

}  // namespace

Pipeline::Step Pipeline::cache_only(const ClientQuestion& question, const ReturnPath& path, PolicyState& state,
                                    std::span<std::uint8_t> reply) {
  if (question.recursion_desired && question.recursion_available) return std::nullopt;
  if (!question.cache_available) {
    counters_.limited[static_cast<std::size_t>(Limit::cache_refused)].add();
    const wire::ExtendedError error{wire::EdeCode::prohibited, "the cache is not open to questions without RD"};
    return render_rcode(question, wire::Rcode::refused, {&error, 1}, reply);
  }
  if (const auto answer = cached(question, path, state, reply)) return answer;
  recurse::ResolveRequest request;
  request.question = question.question;
  request.checking_disabled = question.checking_disabled;
  request.cache_only = true;
  auto resolution = resolver_.resolve(std::move(request));
  resolution.start();
  if (resolution.done()) {  // it is, unless what the cache holds must be looked into further
    const auto resolved = resolution.take();
    if (!resolved.incomplete || !resolved.answer.empty()) {
      auto stored = store_answer(resolved, question.question, question.dnssec_ok, now_);
      return deliver(stored, question, path, state, reply);
    }
  }
  return render_referral(*resolver_.referral(question.question), question, now_, reply);
}

}  // namespace placard::serve
