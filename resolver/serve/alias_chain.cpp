// Answers of aliases alone: what stands before a name that policy has met, where a decision or an own zone led to it.
#include <algorithm>
#include <array>
#include <cassert>

#include "resolver/serve/policy_on_answer.hpp"
#include "zones/wire/message.hpp"

namespace placard::serve {
namespace {

/// The first `most` records of an answer that are no signatures, with TTLs of `max_ttl` at most.
void copy_aliases(wire::MessageWriter& writer, const StoredAnswer& from, std::size_t most, std::uint32_t max_ttl) {
  const auto message = wire::parse_message(from.message());
  assert(message);  // we wrote it
  std::vector<std::uint8_t> rdata;
  for (const auto& record : message->records(wire::Section::answer)) {
    if (most-- == 0) break;
    if (record.type() != wire::RecordType::cname && record.type() != wire::RecordType::dname) continue;
    rdata.clear();
    record.expand_rdata(rdata);
    writer.record(wire::Section::answer, record.owner(), record.type(), record.record_class(),
                  std::min(record.ttl(), max_ttl), rdata);
  }
}

/// What does not fit into the largest message is left out: a chain that long is refused elsewhere.
StoredAnswer finished_chain(wire::MessageWriter& writer) {
  const auto message = writer.finish();
  assert(message);
  return {*message, {}};
}

}  // namespace

StoredAnswer chain_with(const PolicyAlias& alias, const ChainPrefix& before, const wire::Question& asked) {
  std::vector<std::uint8_t> room(wire::kMaxMessageSize);
  wire::MessageWriter writer(room, room.size());
  writer.header({});
  writer.question(asked.name, wire::RecordType::a, asked.record_class);  // no type that an alias itself would answer
  if (before.answer != nullptr) copy_aliases(writer, *before.answer, before.records, before.max_ttl);
  writer.record(wire::Section::answer, alias.owner, wire::RecordType::cname, wire::RecordClass::in, alias.ttl,
                alias.target.bytes());
  return finished_chain(writer);
}

StoredAnswer joined_chain(const StoredAnswer& head, const ChainPrefix& rest) {
  const auto message = wire::parse_message(head.message());
  assert(message);
  std::vector<std::uint8_t> room(wire::kMaxMessageSize);
  wire::MessageWriter writer(room, room.size());
  writer.header({});
  writer.question(wire::Name(message->question_name()), wire::RecordType::a, wire::RecordClass::in);
  copy_aliases(writer, head, SIZE_MAX, UINT32_MAX);
  if (rest.answer != nullptr) copy_aliases(writer, *rest.answer, rest.records, rest.max_ttl);
  return finished_chain(writer);
}

}  // namespace placard::serve
