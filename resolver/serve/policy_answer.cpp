#include "resolver/serve/policy_answer.hpp"

#include <algorithm>
#include <array>

#include "policy/match/match.hpp"
#include "zones/wire/message.hpp"
#include "zones/wire/octets.hpp"

namespace placard::serve {
namespace {

/// One answer being put together: writer, question and the error it carries.
class PolicyWriter {
 public:
  PolicyWriter(const ClientQuestion& question, const wire::ExtendedError& error, wire::Rcode rcode,
               std::span<std::uint8_t> reply, bool without_recursion = false)
      : question_(question),
        error_(error),
        rcode_(rcode),
        reply_(reply),
        writer_(reply, std::min(question.limit, reply.size()), opt_size(question, {&error, 1})) {
    auto header = answer_header(question, rcode);
    if (without_recursion) header.ra = false;
    writer_.header(header);
    writer_.question(question.question.name, question.question.type, question.question.record_class);
  }

  void chain(const ChainPrefix& prefix) {
    if (prefix.answer == nullptr) return;
    const auto message = wire::parse_message(prefix.answer->message());
    if (!message) return;
    std::size_t seen = 0;
    std::vector<std::uint8_t> rdata;
    for (const auto& record : message->records(wire::Section::answer)) {
      // What led here is as its zones signed it (RFC 4035 3.1.1); a set's signatures stand behind it.
      const bool signature = record.type() == wire::RecordType::rrsig;
      if (seen++ >= prefix.records && !signature) break;
      if (signature && !question_.dnssec_ok) continue;
      rdata.clear();
      record.expand_rdata(rdata);
      writer_.record(wire::Section::answer, record.owner(), record.type(), record.record_class(),
                     std::min(record.ttl(), prefix.max_ttl), rdata);
    }
  }

  void record(wire::NameView owner, wire::RecordType type, std::uint32_t ttl, wire::Bytes rdata) {
    writer_.record(wire::Section::answer, owner, type, wire::RecordClass::in, ttl, rdata);
    ++answers_;
  }

  /// Owned by the rule's name, MINIMUM and TTL the policy's.
  void soa(wire::NameView owner, std::uint32_t ttl) {
    writer_.record(wire::Section::authority, owner, wire::RecordType::soa, wire::RecordClass::in, ttl, policy_soa(ttl));
  }

  std::size_t answers() const { return answers_; }

  std::size_t finish() {
    if (writer_.full()) return render_truncated(question_, rcode_, {&error_, 1}, reply_);
    return finish_answer(writer_, question_, rcode_, {&error_, 1});
  }

 private:
  const ClientQuestion& question_;
  const wire::ExtendedError& error_;
  wire::Rcode rcode_;
  std::span<std::uint8_t> reply_;
  wire::MessageWriter writer_;
  std::size_t answers_ = 0;
};

}  // namespace

policy::Action action_for(policy::Action action, const ServeOptions& options, bool dnssec_ok) {
  using enum policy::Action;
  const bool rewrites = action == sinkhole || action == local_data || action == cname;
  if (!rewrites || !dnssec_ok || options.signed_names == SignedNames::answer) return action;
  return options.signed_names == SignedNames::nxdomain ? nxdomain : refused;
}

bool is_signalled(const policy::Match& match, const ServeOptions& options) {
  return !match.list.empty() && std::ranges::find(options.signal_nxdomain, match.list) != options.signal_nxdomain.end();
}

std::array<std::uint8_t, kPolicySoaSize> policy_soa(std::uint32_t ttl) {
  static constexpr std::uint8_t kNames[] = "\x09localhost\0\x06nobody\x07invalid";
  static_assert(sizeof kNames == kPolicySoaSize - 20);
  std::array<std::uint8_t, kPolicySoaSize> rdata;
  auto* at = std::copy(std::begin(kNames), std::end(kNames), rdata.data());
  for (const std::uint32_t field : {1U, 3600U, 600U, 86'400U, ttl}) {
    wire::store32(at, field);
    at += 4;
  }
  return rdata;
}

std::uint32_t policy_ttl(const policy::Match& match, const ServeOptions& options, policy::Time now) {
  const std::int64_t wanted = match.ttl.value_or(options.policy_ttl);
  const std::int64_t left =
      std::max<std::int64_t>(match.valid_to - now, 0);  // kNever - now does not overflow: now >= 0
  return static_cast<std::uint32_t>(std::min(wanted, left));
}

wire::ExtendedError policy_error(const policy::Match& match) {
  return {match.extended_error, std::string(match.decision_id)};
}

PolicyAnswer render_policy(const policy::Match& match, const policy::Index& index, const ServeOptions& options,
                           const ClientQuestion& question, wire::NameView met, const ChainPrefix& prefix,
                           policy::Time now, std::span<std::uint8_t> reply) {
  const auto action = action_for(match.action, options, question.dnssec_ok);
  const auto error = policy_error(match);
  const auto ttl = policy_ttl(match, options, now);
  const auto type = question.question.type;
  const bool any = type == wire::RecordType::any;
  const bool no_such_name = action == policy::Action::nxdomain;
  const auto answered = [](std::size_t size) { return PolicyAnswer{PolicyVerdict::answered, size}; };

  switch (action) {
    case policy::Action::passthru:
      return {PolicyVerdict::pass, 0};
    case policy::Action::drop:
      return {PolicyVerdict::dropped, 0};
    case policy::Action::truncate:
      if (question.stream) return {PolicyVerdict::pass, 0};
      return answered(render_truncated(question, wire::Rcode::noerror, {&error, 1}, reply));
    case policy::Action::refused:
      return answered(render_rcode(question, wire::Rcode::refused, {&error, 1}, reply));
    case policy::Action::cname:
      if (type != wire::RecordType::cname && !any) return {PolicyVerdict::redirect, 0};
      break;
    case policy::Action::sinkhole:
    case policy::Action::nxdomain:
    case policy::Action::nodata:
    case policy::Action::local_data:
      break;
  }

  PolicyWriter writer(question, error, no_such_name ? wire::Rcode::nxdomain : wire::Rcode::noerror, reply,
                      no_such_name && is_signalled(match, options));
  writer.chain(prefix);
  if (action == policy::Action::sinkhole) {
    for (const auto& address : options.notice_addresses) {
      const auto address_type = type_of(address);
      if (type == address_type || any) writer.record(met, address_type, ttl, address.bytes());
    }
  } else if (action == policy::Action::local_data) {
    for (const auto& record : index.records_of(match))
      if (record.type == type || record.type == wire::RecordType::cname || any)
        writer.record(met, record.type, ttl, record.rdata);
  } else if (action == policy::Action::cname) {
    const auto target = policy::expanded_target(index.target_of(match), met);
    if (!target) return answered(render_too_long(question, prefix, error, reply));
    writer.record(met, wire::RecordType::cname, ttl, target->view().bytes());
  }
  // A rule about addresses or name servers has no name that is asked for: who is denied owns the denial.
  if (writer.answers() == 0) writer.soa(match.trigger == policy::Trigger::qname ? match.rule_name : met, ttl);
  return answered(writer.finish());
}

std::size_t render_too_long(const ClientQuestion& question, const ChainPrefix& prefix, const wire::ExtendedError& error,
                            std::span<std::uint8_t> reply) {
  PolicyWriter writer(question, error, wire::Rcode::yxdomain, reply);
  writer.chain(prefix);
  return writer.finish();
}

std::size_t render_redirect(const ClientQuestion& question, const ChainPrefix& prefix, const PolicyAlias& alias,
                            const wire::ExtendedError& error, const StoredAnswer& target_answer, std::int64_t now,
                            std::span<std::uint8_t> reply) {
  PolicyWriter writer(question, error, target_answer.rcode, reply);
  writer.chain(prefix);
  writer.record(alias.owner, wire::RecordType::cname, alias.ttl, alias.target.bytes());
  const auto ttl = alias.ttl;
  const auto age = static_cast<std::uint32_t>(std::max<std::int64_t>(0, now - target_answer.stored_at()));
  if (const auto message = wire::parse_message(target_answer.message())) {
    std::vector<std::uint8_t> rdata;
    for (const auto& record : message->records(wire::Section::answer)) {
      if (record.type() == wire::RecordType::rrsig && !question.dnssec_ok) continue;
      rdata.clear();
      record.expand_rdata(rdata);
      writer.record(record.owner(), record.type(), std::min(ttl, record.ttl() > age ? record.ttl() - age : 0), rdata);
    }
    for (const auto& record : message->records(wire::Section::authority)) {
      if (record.type() == wire::RecordType::soa) writer.soa(record.owner(), ttl);  // what a negative answer needs
    }
  }
  return writer.finish();
}

}  // namespace placard::serve
