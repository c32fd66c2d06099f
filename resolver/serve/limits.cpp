// The limits and where they stand in the pipeline: admit() before any work, meter() before an answer is sent.
#include "resolver/serve/limits.hpp"

#include <algorithm>

#include "resolver/serve/query.hpp"
#include "resolver/serve/signed.hpp"

namespace placard::serve {
namespace {

/// The first `bits` of an address as a number; bits <= 64.
std::uint64_t network_of(const net::Address& address, unsigned bits) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8U | address.octets[i];
  return number & ~std::uint64_t{0} << (64U - bits);
}

/// RFC 8482 4.2.
std::size_t render_any(const ClientQuestion& question, std::span<std::uint8_t> reply) {
  static constexpr std::uint8_t kHinfo[] = {7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
  static constexpr std::uint32_t kTtl = 3'600;  // seconds
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, {}));
  writer.header(answer_header(question, wire::Rcode::noerror));
  writer.question(question.question.name, question.question.type, question.question.record_class);
  writer.record(wire::Section::answer, question.question.name, wire::RecordType::hinfo, wire::RecordClass::in, kTtl,
                kHinfo);
  return finish_answer(writer, question, wire::Rcode::noerror, {});
}

}  // namespace

ResponseClass response_class(std::span<const std::uint8_t> answer) {
  const bool authoritative = (answer[2] & 0x04U) != 0;
  const auto rcode = static_cast<wire::Rcode>(answer[3] & 0x0fU);
  if (rcode == wire::Rcode::nxdomain) return ResponseClass::nxdomain;
  if (rcode != wire::Rcode::noerror) return ResponseClass::error;
  if ((answer[6] | answer[7]) != 0) return ResponseClass::answer;
  return authoritative || (answer[3] & 0x80U) != 0 ? ResponseClass::empty : ResponseClass::referral;
}

std::uint64_t network_key(const net::Address& client, ResponseClass kind) {
  return network_of(client, client.v6 ? 56 : 24) | (client.v6 ? 1U : 0U) | static_cast<std::uint64_t>(kind) << 1U;
}

std::uint64_t client_key(const net::Address& client) {
  return network_of(client, client.v6 ? 56 : 32) | (client.v6 ? 1U : 0U);
}

// ---------------------------------------------------------------- 2: access

Pipeline::Step Pipeline::admit(ClientQuestion& question, const ReturnPath& path, std::span<std::uint8_t> reply) {
  const auto& options = snapshot_->options;
  question.verified = question.verified || options.limits.exempt.contains(question.client);
  if (!question.verified) {
    question.limit = std::min<std::size_t>(question.limit, std::max<std::size_t>(512, options.limits.unverified_size));
    if (options.cookies_required) return ask_to_prove(question, Limit::cookie_required, reply);
  }
  if (options.limits.questions > 0 &&
      !questions_.take(client_key(question.client), milliseconds_, share_of(options.limits.questions))) {
    if (!question.verified) return hold_back(question, path, Limit::question_rate, reply);
    count(Limit::question_rate);
    const wire::ExtendedError error{wire::EdeCode::prohibited, "too many questions"};
    return render_rcode(question, wire::Rcode::refused, {&error, 1}, reply);
  }

  bool exclusive = false;
  const auto* zones = zones_of(question.listener, exclusive);
  const bool cache_here = options.recursion && !exclusive;
  question.recursion_available = cache_here && question.access == Access::allow;
  if (!question.recursion_available || !question.recursion_desired)
    question.cache_available = cache_here && options.cache_clients.contains(question.client);
  if (question.recursion_available || question.cache_available) return std::nullopt;
  if (is_own(zones, question.question.name, question.question.type)) return std::nullopt;
  counters_.refused.add();
  const wire::ExtendedError error{
      exclusive || !options.recursion ? wire::EdeCode::not_authoritative : wire::EdeCode::prohibited, {}};
  return render_rcode(question, wire::Rcode::refused, {&error, 1}, reply);
}

/// What a client must do to be answered, in place of an answer: come back with the cookie it is given, or over TCP.
std::size_t Pipeline::ask_to_prove(ClientQuestion& question, Limit reason, std::span<std::uint8_t> reply) {
  count(reason);
  question.metered = true;
  if (!question.has_cookie) return render_truncated(question, wire::Rcode::noerror, {}, reply);
  question.high_rcode = wire::Rcode::badcookie;
  return render_rcode(question, wire::Rcode::badcookie, {}, reply);
}

/// Beyond a rate and unverified: mostly nothing, so that a victim gets less than was forged in its name; now and then
/// the way to prove that it was no forgery.
std::size_t Pipeline::hold_back(ClientQuestion& question, const ReturnPath& path, Limit reason,
                                std::span<std::uint8_t> reply) {
  const auto slip = snapshot_->options.limits.slip;
  if (question.parsed && slip != 0 && ++held_back_ % slip == 0) return ask_to_prove(question, reason, reply);
  count(reason);
  return drop(path);
}

/// A rate of the whole server as this worker has it; at least one.
std::uint32_t Pipeline::share_of(std::uint32_t rate) const {
  return std::max<std::uint32_t>(1, rate / limits_.workers);
}

// ---------------------------------------------------------------- between 5 and 6: ANY

Pipeline::Step Pipeline::any(const ClientQuestion& question, std::span<std::uint8_t> reply) {
  if (question.question.type != wire::RecordType::any || question.verified) return std::nullopt;
  if (!snapshot_->options.limits.minimal_any) return std::nullopt;
  count(Limit::any);
  return render_any(question, reply);
}

// ---------------------------------------------------------------- 9: response rate

/// Whether one more answer of this class may go to that client's network; it counts.
bool Pipeline::is_within_rate(const ClientQuestion& question, ResponseClass kind) {
  const auto& limits = snapshot_->options.limits;
  const auto rate = question.access == Access::allow ? limits.client_responses : limits.responses;
  return rate == 0 || responses_.take(network_key(question.client, kind), milliseconds_, share_of(rate));
}

/// The last step before an answer is sent: whether it is. Its size; 0: it is not.
std::size_t Pipeline::meter(ClientQuestion& question, const ReturnPath& path, std::span<std::uint8_t> reply,
                            std::size_t size) {
  if (size != 0 && !question.verified && !question.metered) {
    const auto kind = response_class(reply);
    if (!is_within_rate(question, kind))
      size = kind == ResponseClass::error ? limit(Limit::response_rate, path)  // nobody should repeat that over TCP
                                          : hold_back(question, path, Limit::response_rate, reply);
  }
  if (size != 0 && question.signer) size = sign_answer(question, reply, size);
  if (size != 0) count(question, reply.first(size));
  return size;
}

}  // namespace placard::serve
