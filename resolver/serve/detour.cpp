// Answers of two parts: what we know ourselves of a name (the head: aliases), and what becomes of the name it leads to
// (the tail), which is answered from wherever it is known or waits for a resolution.
//
// Two kinds: an alias of an own zone that leaves it, and the reverse name of an address that DNS64 makes. When the tail
// arrives, the head is made anew from what holds then; a zone that has changed meanwhile may lead elsewhere.
#include <algorithm>
#include <array>
#include <cassert>

#include "resolver/serve/query.hpp"
#include "resolver/serve/special.hpp"
#include "zones/answer.hpp"

namespace placard::serve {
namespace {

constexpr std::uint32_t kReverseTtl = 600;  // seconds

/// An answer as it stands, to be joined at once: no OPT in it.
StoredAnswer taken_from(std::span<const std::uint8_t> message, std::int64_t now) {
  StoredAnswer answer(message, {});
  answer.rcode = static_cast<wire::Rcode>(message[3] & 0x0fU);
  answer.set_times(now, now);
  return answer;
}

/// Copies the records of a section, aged; nothing more once one does not fit.
void copy_records(wire::MessageWriter& writer, const StoredAnswer& from, wire::Section section, bool dnssec_ok,
                  std::int64_t now) {
  const auto message = wire::parse_message(from.message());
  assert(message);  // we wrote it
  const auto age = static_cast<std::uint32_t>(std::max<std::int64_t>(0, now - from.stored_at()));
  std::vector<std::uint8_t> rdata;
  for (const auto& record : message->records(section)) {
    if (record.type() == wire::RecordType::opt || (record.type() == wire::RecordType::rrsig && !dnssec_ok)) continue;
    rdata.clear();
    record.expand_rdata(rdata);
    writer.record(section, record.owner(), record.type(), record.record_class(),
                  record.ttl() > age ? record.ttl() - age : 0, rdata);
  }
}

std::size_t render_joined(const StoredAnswer& head, const StoredAnswer& tail, const ClientQuestion& question,
                          bool authoritative, std::int64_t now, std::span<std::uint8_t> reply) {
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, tail.errors()));
  auto header = answer_header(question, tail.rcode);
  header.aa = authoritative;
  writer.header(header);
  writer.question(question.question.name, question.question.type, question.question.record_class);
  const auto empty = writer.mark();
  copy_records(writer, head, wire::Section::answer, question.dnssec_ok, now);
  copy_records(writer, tail, wire::Section::answer, question.dnssec_ok, now);
  copy_records(writer, tail, wire::Section::authority, question.dnssec_ok, now);
  if (writer.full()) {
    writer.rollback(empty);
    header.tc = true;
    writer.set_flags(header);
  }
  return finish_answer(writer, question, tail.rcode, tail.errors());
}

/// The last alias of an answer section: where it leads, and how much stands there.
struct Lead {
  wire::Name target;
  std::size_t records = 0;
  std::uint32_t ttl = UINT32_MAX;  // the least of the aliases
};
std::optional<Lead> lead_of(const StoredAnswer& head) {
  const auto message = wire::parse_message(head.message());
  assert(message);
  Lead lead;
  bool any = false;
  for (const auto& record : message->records(wire::Section::answer)) {
    ++lead.records;
    if (record.type() != wire::RecordType::cname) continue;
    const auto offset = static_cast<std::size_t>(record.rdata().data() - head.message().data());
    lead.target = wire::parse_name(head.message(), offset)->name;
    lead.ttl = std::min(lead.ttl, record.ttl());
    any = true;
  }
  if (!any) return std::nullopt;
  return lead;
}

}  // namespace

/// What an alias of an own zone leads to; `head`: the zone's part, complete but for its OPT.
Pipeline::Step Pipeline::follow_own_alias(std::span<const std::uint8_t> head, const ClientQuestion& question,
                                          const ReturnPath& path, const Arrived* arrived,
                                          std::span<std::uint8_t> reply) {
  return go_on(taken_from(head, now_), DetourKind::own_alias, question, path, arrived, reply);
}

/// A question for the name of an address that DNS64 makes (RFC 6147 5.3.1).
Pipeline::Step Pipeline::reverse_of_made(const ClientQuestion& question, const ReturnPath& path, const Arrived* arrived,
                                         std::span<std::uint8_t> reply) {
  const auto& dns64 = snapshot_->options.dns64;
  if (question.question.type != wire::RecordType::ptr || dns64.prefixes.empty()) return std::nullopt;
  if (!question.recursion_available || !question.recursion_desired || !dns64.clients.contains(question.client))
    return std::nullopt;
  const auto target = embedded_reverse(dns64, question.question.name);
  if (!target) return std::nullopt;
  std::array<std::uint8_t, 1'024> room;
  wire::MessageWriter writer(room, room.size());
  writer.header({});
  writer.question(question.question.name, question.question.type, question.question.record_class);
  writer.record(wire::Section::answer, question.question.name, wire::RecordType::cname, wire::RecordClass::in,
                kReverseTtl, target->view().bytes());
  return go_on(taken_from(*writer.finish(), now_), DetourKind::reverse, question, path, arrived, reply);
}

/// Policy speaks about the target as about any alias, by its name and by what comes back of it; it is answered from
/// what we have, or resolved.
Pipeline::Step Pipeline::go_on(StoredAnswer head, DetourKind kind, const ClientQuestion& question,
                               const ReturnPath& path, const Arrived* arrived, std::span<std::uint8_t> reply) {
  const auto lead = lead_of(head);
  if (!lead) return std::nullopt;
  const auto& index = *snapshot_->index;
  PolicyState state;
  state.view = views_.view_of(question);
  if (const auto match = index.match_name(lead->target, state.view, policy_now_)) {
    const ChainPrefix prefix{&head, lead->records,
                             std::min(lead->ttl, policy_ttl(*match, snapshot_->options, policy_now_))};
    if (const auto answer = apply(*match, question, path, lead->target, prefix, state, reply)) return answer;
  }
  const auto join = [&](const StoredAnswer& tail) {
    return render_joined(head, tail, question, kind == DetourKind::own_alias, now_, reply);
  };
  const auto judge_and_join = [&](StoredAnswer& tail) {
    const auto judged = policy_on_tail(head, tail, question, path, state, reply);
    return judged ? *judged : join(tail);
  };
  if (arrived != nullptr && arrived->target == lead->target) return judge_and_join(*arrived->answer);
  ClientQuestion target = question;
  target.question.name = lead->target;
  if (const auto local = local_answer(target)) return join(*local);
  if (auto* answer = answers_.find(target, now_)) return judge_and_join(*answer);
  Redirect redirect;
  redirect.kind = kind;
  redirect.target = lead->target;
  return resolve(question, path, &redirect, reply);
}

/// What this server says of a name by itself: special, or of an own zone (whose aliases are not followed once more).
std::optional<StoredAnswer> Pipeline::local_answer(ClientQuestion question) const {
  question.edns = false;
  question.limit = wire::kMaxMessageSize;
  std::vector<std::uint8_t> room(wire::kMaxMessageSize);
  if (const auto special = special_name(question))
    return taken_from({room.data(), render_special(*special, question, facts_for(question), room)}, now_);
  bool exclusive = false;
  const auto* zones = zones_of(question.listener, exclusive);
  const auto* zone = zones != nullptr ? zones->find(question.question.name, question.question.type) : nullptr;
  if (zone == nullptr) return std::nullopt;
  wire::MessageWriter writer(room, room.size());
  auto header = answer_header(question, wire::Rcode::noerror);
  writer.header(header);
  writer.question(question.question.name, question.question.type, question.question.record_class);
  const auto result = zones::answer(*zone, question.question, {question.dnssec_ok, true, true}, writer);
  if (!result.authoritative && result.rcode == wire::Rcode::noerror) return std::nullopt;  // a delegation of ours
  header.rcode = static_cast<std::uint8_t>(result.rcode);
  writer.set_flags(header);
  return taken_from(*writer.finish(), now_);
}

}  // namespace placard::serve
