#include "resolver/recurse/upstream_question.hpp"

#include <algorithm>
#include <cassert>

#include "zones/wire/writer.hpp"

namespace placard::recurse {
namespace {

constexpr std::uint8_t kCaseBit = 0x20;
constexpr std::uint8_t kQr = 0x80;          // of octet 2
constexpr std::uint8_t kOpcodeMask = 0x78;  // of octet 2
constexpr std::uint8_t kTc = 0x02;          // of octet 2
constexpr std::uint8_t kRcodeMask = 0x0f;   // of octet 3

bool is_letter(std::uint8_t octet) {
  return wire::lower(octet) >= 'a' && wire::lower(octet) <= 'z';
}

/// RFC 1035 4.1.1: rcodes of servers that could not, or would not, read the question.
bool may_lack_question(std::uint8_t rcode) {
  switch (static_cast<wire::Rcode>(rcode)) {
    case wire::Rcode::formerr:
    case wire::Rcode::servfail:
    case wire::Rcode::notimp:
    case wire::Rcode::refused:
      return true;
    default:
      return false;
  }
}

}  // namespace

OutgoingMessage::OutgoingMessage(const Outgoing& outgoing, bool mix_case, Random& random)
    : name_(outgoing.question.name), exact_case_(mix_case) {
  wire::MessageWriter writer(octets_, octets_.size());
  wire::Header header;
  header.rd = outgoing.recursion_desired;
  header.cd = outgoing.checking_disabled;
  writer.header(header);
  writer.question(name_, outgoing.question.type, outgoing.question.record_class);
  question_size_ = static_cast<std::uint16_t>(writer.size() - wire::kHeaderSize);
  if (outgoing.edns) writer.edns(outgoing.udp_size, outgoing.dnssec_ok, wire::Rcode::noerror);
  const auto written = writer.finish();
  assert(written);  // the buffer holds the longest name
  size_ = static_cast<std::uint16_t>(written->size());

  if (!mix_case) return;
  std::uint64_t bits = 0;
  int left = 0;
  // Length octets are at most 63, below every letter.
  for (std::size_t i = 0; i < name_.view().size(); ++i) {
    std::uint8_t& octet = octets_[wire::kHeaderSize + i];
    if (!is_letter(octet)) continue;
    if (left == 0) {
      bits = random.next64();
      left = 64;
    }
    if ((bits & 1U) != 0) octet ^= kCaseBit;
    bits >>= 1U;
    --left;
  }
}

void OutgoingMessage::set_id(std::uint16_t id) {
  octets_[0] = static_cast<std::uint8_t>(id >> 8U);
  octets_[1] = static_cast<std::uint8_t>(id & 0xffU);
}

bool OutgoingMessage::same_question(wire::Bytes reply, bool exact_case) const {
  if (reply.size() < wire::kHeaderSize + question_size_ || reply[4] != 0 || reply[5] != 1) return false;
  const wire::Bytes ours = bytes().subspan(wire::kHeaderSize, question_size_);
  const wire::Bytes theirs = reply.subspan(wire::kHeaderSize, question_size_);
  const std::size_t name_size = name_.view().size();
  const auto names_equal =
      exact_case ? std::ranges::equal(ours.first(name_size), theirs.first(name_size))
                 : std::ranges::equal(ours.first(name_size), theirs.first(name_size), {}, wire::lower, wire::lower);
  return names_equal && std::ranges::equal(ours.subspan(name_size), theirs.subspan(name_size));
}

Fit OutgoingMessage::judge(std::vector<std::uint8_t>& reply) const {
  if (reply.size() < wire::kHeaderSize) return Fit::malformed;
  if ((reply[2] & kQr) == 0 || (reply[2] & kOpcodeMask) != 0) return Fit::other;

  const bool no_question = reply[4] == 0 && reply[5] == 0;
  const bool same = same_question(reply, exact_case_);
  if (!wire::parse_message(reply)) {
    if (!same || (reply[2] & kTc) == 0) return Fit::malformed;
    reply.resize(wire::kHeaderSize + question_size_);
    std::fill(reply.begin() + 6, reply.begin() + wire::kHeaderSize, std::uint8_t{0});
    if (!wire::parse_message(reply)) return Fit::malformed;
  } else if (no_question) {
    return may_lack_question(reply[3] & kRcodeMask) ? Fit::ours : Fit::other;
  }
  if (!same) return exact_case_ && same_question(reply, false) ? Fit::other_case : Fit::other;
  // Owners that point to the question shall not carry our random case into caches and answers.
  std::ranges::copy(name_.view().bytes(), reply.begin() + wire::kHeaderSize);
  return Fit::ours;
}

}  // namespace placard::recurse
