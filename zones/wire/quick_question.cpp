#include "zones/wire/quick_question.hpp"

#include <algorithm>

#include "zones/wire/letters.hpp"
#include "zones/wire/octets.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kTypeAndClass = 4;
constexpr std::size_t kOptFixed = 11;  // root owner, type, class, TTL, length (RFC 6891 6.1.2)
// The second word of the header and the counts of an ordinary question: QR, opcode, AA, TC, RA, Z and RCODE clear.
constexpr std::uint16_t kForbiddenFlags = 0xfecf;
constexpr std::uint16_t kRd = 0x0100, kAd = 0x0020, kCd = 0x0010;

}  // namespace

bool QuickQuestion::parse(Bytes packet) {
  if (packet.size() < kHeaderSize + 1 + kTypeAndClass) return false;
  const std::uint8_t* const at = packet.data();
  const std::uint16_t flags = load16(at + 2);
  const std::uint16_t additional = load16(at + 10);
  if ((flags & kForbiddenFlags) != 0 || load16(at + 4) != 1 || load32(at + 6) != 0 || additional > 1) return false;
  if (!parse_name(packet)) return false;
  const std::size_t end = kHeaderSize + asked.size() + kTypeAndClass;
  if (end > packet.size()) return false;
  id = load16(at);
  recursion_desired = (flags & kRd) != 0;
  checking_disabled = (flags & kCd) != 0;
  authentic_data = (flags & kAd) != 0;
  type = static_cast<RecordType>(load16(at + end - 4));
  record_class = static_cast<RecordClass>(load16(at + end - 2));
  edns = additional != 0;
  if (!edns) {
    if (end != packet.size()) return false;
    dnssec_ok = false;
    udp_size = 512;
    cookie = {};
  } else if (!parse_opt(packet.subspan(end))) {
    return false;
  }
  return true;
}

bool QuickQuestion::parse_name(Bytes packet) {
  const std::uint8_t* const start = packet.data() + kHeaderSize;
  const std::size_t limit = std::min(packet.size() - kHeaderSize, kMaxNameSize);
  std::size_t at = 0, labels = 0;
  for (;; ++labels) {
    if (at >= limit) return false;
    name.start[labels] = static_cast<std::uint8_t>(at);
    const std::size_t length = start[at];
    if (length == 0) break;
    if (length > kMaxLabelSize) return false;
    at += length + 1;
  }
  name.labels = labels;
  name.size = at + 1;
  asked = NameView::from_valid({start, at + 1});
  lower_copy(start, at + 1, name.lowered.data());
  return true;
}

bool QuickQuestion::parse_opt(Bytes opt) {
  if (opt.size() < kOptFixed || opt[0] != 0 || load16(&opt[1]) != static_cast<std::uint16_t>(RecordType::opt))
    return false;
  const std::uint8_t extended_rcode = opt[5], version = opt[6];
  if (extended_rcode != 0 || version != 0) return false;
  udp_size = std::max<std::uint16_t>(load16(&opt[3]), 512);
  dnssec_ok = (opt[7] & 0x80) != 0;
  const std::size_t size = load16(&opt[9]);
  if (kOptFixed + size != opt.size()) return false;
  cookie = {};
  if (size == 0) return true;
  constexpr std::size_t kOptionHead = 4;
  const Bytes options = opt.subspan(kOptFixed);
  if (size < kOptionHead || load16(options.data()) != static_cast<std::uint16_t>(OptionCode::cookie) ||
      load16(&options[2]) != size - kOptionHead)
    return false;
  cookie = options.subspan(kOptionHead);
  return !cookie.empty();
}

}  // namespace placard::wire
