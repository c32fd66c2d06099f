// A trace in words: what a server said, what of it was believed, and what came from the cache. For people who debug a
// delegation; made only when somebody reads it.
#include <fmt/format.h>

#include <algorithm>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

constexpr std::size_t kMaxSetsTold = 4;  // of one reply told
constexpr std::size_t kMaxRecords = 4;   // of one set told

std::string text_of_set(const wire::RecordSet& set, std::uint32_t ttl) {
  std::string values;
  std::size_t told = 0;
  for (const auto rdata : set.rdatas) {
    if (told++ == kMaxRecords) {
      values += fmt::format(", and {} more", set.rdatas.size() - kMaxRecords);
      break;
    }
    if (!values.empty()) values += ", ";
    if (set.type == wire::RecordType::a || set.type == wire::RecordType::aaaa)
      values += net::Address::from_bytes(rdata).to_text();
    else if (const auto name = wire::rdata_name(set.type, rdata))
      values += name->to_text();
    else
      values += fmt::format("{} octets", rdata.size());
  }
  return fmt::format("{} {} {} ({}){}", set.owner.to_text(), ttl, wire::to_text(set.type), values,
                     set.signatures.empty() ? "" : " signed");
}

std::size_t records_in(const std::vector<wire::RecordSet>& sets) {
  std::size_t sum = 0;
  for (const auto& set : sets) sum += set.rdatas.size();
  return sum;
}

}  // namespace

std::string explain(const Reply& reply) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  std::size_t told = 0;
  for (const auto& set : reply.answer) {
    if (told++ < kMaxSetsTold) add(text_of_set(set, set.ttl));
  }
  if (reply.answer.size() > kMaxSetsTold) add(fmt::format("and {} more sets", reply.answer.size() - kMaxSetsTold));
  if (reply.kind == ReplyKind::referral) {
    const bool ds =
        std::ranges::any_of(reply.proof, [](const wire::RecordSet& set) { return set.type == wire::RecordType::ds; });
    add(fmt::format("{}, {} of their addresses, {}", text_of_set(reply.ns, reply.ns.ttl), reply.glue.size(),
                    ds ? "with DS" : "without DS"));
  }
  if (reply.soa) add(fmt::format("denied by {}, for {} s", reply.soa->owner.to_text(), negative_ttl(*reply.soa)));
  if (reply.private_address) add("private addresses left out");
  return text;
}

std::string explain(const wire::MessageView& message, const Reply& reply) {
  const auto count = [&](wire::Section section) { return message.count(section); };
  std::string text =
      fmt::format("{}{}{}, records {}/{}/{}", wire::to_text(message.rcode()), message.header().aa ? " AA" : "",
                  message.header().tc ? " TC" : "", count(wire::Section::answer), count(wire::Section::authority),
                  count(wire::Section::additional));
  std::size_t signatures = 0;
  for (const auto& record : message.records(wire::Section::answer))
    signatures += record.type() == wire::RecordType::rrsig;
  const std::size_t there = count(wire::Section::answer) - signatures;
  const bool made =
      std::ranges::any_of(reply.answer, [](const wire::RecordSet& set) { return set.type == wire::RecordType::dname; });
  if (believable(reply.kind) && !made && records_in(reply.answer) < there)
    text += fmt::format(", {} of the answer not believed", there - records_in(reply.answer));
  return text;
}

std::string explain(const Fetched& link, std::int64_t now) {
  if (link.failed) return fmt::format("failed a while ago, not tried again for {} s", link.keep);
  std::string text;
  for (const auto& entry : link.links) {
    if (!text.empty()) text += "; ";
    text += text_of_set(entry->set, entry->ttl_at(now));
  }
  if (link.negative) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{}, for {} s", link.rcode == wire::Rcode::nxdomain ? "no such name" : "no data",
                        link.negative->ttl_at(now));
  }
  return text;
}

}  // namespace placard::recurse
