#include "resolver/serve/render.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <optional>

#include "resolver/serve/policy_on_answer.hpp"
#include "zones/wire/octets.hpp"

namespace placard::serve {
namespace {

constexpr std::size_t kOptBase = 11;  // root owner, type, class, TTL, length (RFC 6891 6.1.2)

}  // namespace

std::size_t opt_size(const ClientQuestion& question, std::span<const wire::ExtendedError> errors) {
  if (!question.edns) return 0;
  std::size_t size = kOptBase + question.answer_options_size;
  for (const auto& error : errors.first(std::min(errors.size(), kMaxErrors)))
    size += 4 + 2 + std::min(error.extra_text.size(), kMaxErrorText);
  return size;
}

wire::Header answer_header(const ClientQuestion& question, wire::Rcode rcode) {
  wire::Header header;
  header.id = question.id;
  header.qr = true;
  header.opcode = question.opcode;
  header.rd = question.recursion_desired;
  header.cd = question.checking_disabled;
  header.ra = question.recursion_available;
  header.rcode = static_cast<std::uint8_t>(static_cast<std::uint16_t>(rcode) & 0x0f);
  return header;
}

namespace {

constexpr std::size_t kMaxStanding = 3;  // cookie, NSID, keepalive

/// The options that stand in every answer to this question; how many.
std::size_t standing_options(const ClientQuestion& question, std::span<wire::MessageWriter::EdnsOption> options) {
  std::size_t count = 0;
  for (auto rest = question.options_of_answer(); !rest.empty(); ++count) {
    const std::size_t size = std::size_t{rest[2]} << 8U | rest[3];
    options[count] = {static_cast<std::uint16_t>(rest[0] << 8U | rest[1]), rest.subspan(4, size)};
    rest = rest.subspan(4 + size);
  }
  return count;
}

}  // namespace

std::size_t finish_answer(wire::MessageWriter& writer, const ClientQuestion& question, wire::Rcode rcode,
                          std::span<const wire::ExtendedError> errors) {
  if (question.edns) {
    std::array<std::array<std::uint8_t, kMaxErrorText + 2>, kMaxErrors> texts;
    std::array<wire::MessageWriter::EdnsOption, kMaxStanding + kMaxErrors> options;
    const std::size_t standing = standing_options(question, options);
    const std::size_t count = standing + std::min(errors.size(), kMaxErrors);
    for (std::size_t i = standing; i < count; ++i) {
      const std::size_t size = wire::put_extended_error(errors[i - standing], texts[i - standing]);
      options[i] = {static_cast<std::uint16_t>(wire::OptionCode::extended_error), {texts[i - standing].data(), size}};
    }
    // What explains must not cost what is explained: texts go first, then the codes, the last ones first.
    const auto start = writer.mark();
    for (std::size_t texted = count, coded = count;;) {
      for (std::size_t i = texted; i < coded; ++i) options[i].data = options[i].data.first(2);
      writer.edns(question.udp_size, question.dnssec_ok, rcode, {options.data(), coded});
      if (!writer.full() || coded == standing) break;
      writer.rollback(start);
      if (texted > standing)
        --texted;
      else
        --coded;
    }
  }
  const auto written = writer.finish();
  return written ? written->size() : 0;
}

std::size_t render_rcode(const ClientQuestion& question, wire::Rcode rcode, std::span<const wire::ExtendedError> errors,
                         std::span<std::uint8_t> reply) {
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()));
  writer.header(answer_header(question, rcode));
  writer.question(question.question.name, question.question.type, question.question.record_class);
  return finish_answer(writer, question, rcode, errors);
}

std::size_t render_truncated(const ClientQuestion& question, wire::Rcode rcode,
                             std::span<const wire::ExtendedError> errors, std::span<std::uint8_t> reply) {
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()));
  auto header = answer_header(question, rcode);
  header.tc = true;
  writer.header(header);
  writer.question(question.question.name, question.question.type, question.question.record_class);
  return finish_answer(writer, question, rcode, errors);
}

namespace {

/// Where the TTLs of a message that we wrote stand; nothing for one that nobody could read, so that it is not sent.
std::optional<std::vector<std::uint16_t>> find_ttls(std::span<const std::uint8_t> message) {
  const auto view = wire::parse_message(message);
  if (!view) return std::nullopt;
  std::vector<std::uint16_t> offsets;
  for (const auto section : {wire::Section::answer, wire::Section::authority}) {
    for (const auto& record : view->records(section)) {
      const auto rdata = static_cast<std::size_t>(record.rdata().data() - message.data());
      offsets.push_back(static_cast<std::uint16_t>(rdata - 6));  // TTL and RDLENGTH stand before the rdata
    }
  }
  return offsets;
}

void write_sections(wire::MessageWriter& writer, const recurse::Resolved& resolved, bool dnssec_ok, std::int64_t now) {
  const auto ttl_of = [&](const recurse::CacheEntry& entry) {
    return resolved.stale ? resolved.stale_ttl : entry.ttl_at(now);
  };
  for (const auto& entry : resolved.answer)
    writer.record_set(wire::Section::answer, entry->set, dnssec_ok, ttl_of(*entry));
  if (resolved.negative && !resolved.negative->set.rdatas.empty())
    writer.record_set(wire::Section::authority, resolved.negative->set, dnssec_ok, ttl_of(*resolved.negative));
  if (!dnssec_ok) return;
  for (const auto& [set, entry] : resolved.proofs())  // of denials, and of wildcards (RFC 4035 3.1.3.3)
    writer.record_set(wire::Section::authority, *set, true, ttl_of(*entry));
}

/// A message of `question` and, unless `resolved` is null, its sections; empty when that does not fit into a message.
std::vector<std::uint8_t> write_message(const recurse::Resolved* resolved, const wire::Question& question,
                                        bool dnssec_ok, std::int64_t now) {
  std::vector<std::uint8_t> buffer(wire::kMaxMessageSize);
  wire::MessageWriter writer(buffer, buffer.size() - 1024);  // room for an OPT behind the largest answer
  writer.header({});
  writer.question(question.name, question.type, question.record_class);
  if (resolved != nullptr) write_sections(writer, *resolved, dnssec_ok, now);
  const auto written = writer.finish();
  return written ? std::vector<std::uint8_t>(written->begin(), written->end()) : std::vector<std::uint8_t>();
}

}  // namespace

StoredAnswer store_answer(const recurse::Resolved& resolved, const wire::Question& question, bool dnssec_ok,
                          std::int64_t now) {
  const auto message = write_message(&resolved, question, dnssec_ok, now);
  const auto ttls = find_ttls(message);
  StoredAnswer stored =
      ttls ? StoredAnswer(message, *ttls) : StoredAnswer(write_message(nullptr, question, dnssec_ok, now), {});
  stored.rcode = resolved.rcode;
  stored.authenticated = resolved.authenticated;
  stored.bogus = resolved.bogus;
  stored.set_times(now, now + resolved.ttl(now), resolved.refresh_at);
  stored.set_errors(resolved.errors);
  if (!ttls) {
    stored.rcode = wire::Rcode::servfail;
    stored.set_errors({{wire::EdeCode::other, "the answer does not fit into a message"}});
    return stored;
  }
  const auto aliases = std::ranges::count_if(
      resolved.answer, [](const auto& entry) { return entry->set.type == wire::RecordType::cname; });
  stored.has_chain = aliases > (question.type == wire::RecordType::cname ? 1 : 0);
  return stored;
}

void age_ttls(const StoredAnswer& answer, std::int64_t now, std::span<std::uint8_t> copy) {
  if (now <= answer.stored_at()) return;
  const auto age = static_cast<std::uint32_t>(now - answer.stored_at());
  for (const auto offset : answer.ttl_offsets()) {
    const std::uint32_t ttl = wire::load32(&copy[offset]);
    wire::store32(&copy[offset], ttl > age ? ttl - age : 0);
  }
}

std::size_t render_stored(const StoredAnswer& answer, const ClientQuestion& question, std::int64_t now,
                          std::span<std::uint8_t> reply) {
  const std::size_t opt = question.edns ? kOptBase + question.answer_options_size
                                        : 0U;  // finish_answer leaves out of the errors what does not fit
  if (answer.message().size() + opt > std::min(question.limit, reply.size()))
    return render_truncated(question, answer.rcode, answer.errors(), reply);

  std::memcpy(reply.data(), answer.message().data(), answer.message().size());
  const auto name = question.question.name.view().bytes();
  std::memcpy(reply.data() + wire::kHeaderSize, name.data(), name.size());
  age_ttls(answer, now, reply);
  auto header = answer_header(question, answer.rcode);
  header.ad = answer.authenticated && question.wants_authenticated && !question.checking_disabled;
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()));
  writer.resume(answer.message().size());
  writer.set_flags(header);
  return finish_answer(writer, question, answer.rcode, answer.errors());
}

}  // namespace placard::serve
