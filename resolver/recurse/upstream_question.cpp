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

OutgoingMessage::OutgoingMessage(const Outgoing& outgoing, const Cookie& cookie, Transport transport, Random& random)
    : name_(outgoing.question.name),
      cookie_(outgoing.edns ? cookie : Cookie{}),
      exact_case_(outgoing.random_case && transport == Transport::udp),  // nobody forges replies inside a connection
      over_tcp_(transport == Transport::tcp) {
  wire::MessageWriter writer(octets_, octets_.size());
  wire::Header header;
  header.rd = outgoing.recursion_desired;
  header.cd = outgoing.checking_disabled;
  writer.header(header);
  writer.question(name_, outgoing.question.type, outgoing.question.record_class);
  question_size_ = static_cast<std::uint16_t>(writer.size() - wire::kHeaderSize);
  if (outgoing.edns) {
    std::array<wire::MessageWriter::EdnsOption, 2> options;
    std::size_t count = 0;
    if (!cookie_.empty()) options[count++] = {static_cast<std::uint16_t>(wire::OptionCode::cookie), cookie_.bytes()};
    if (over_tcp_) options[count++] = {static_cast<std::uint16_t>(wire::OptionCode::tcp_keepalive), {}};
    writer.edns(outgoing.udp_size, outgoing.dnssec_ok, wire::Rcode::noerror, std::span(options).first(count));
  }
  const auto written = writer.finish();
  assert(written);  // the buffer holds the longest name
  size_ = static_cast<std::uint16_t>(written->size());

  if (!exact_case_) return;
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

/// RFC 7873 5.3: a cookie that is not ours never counts, nor does none where the server has given one before. Only TC
/// may come without: it makes us ask again over TCP, which nobody forges.
bool OutgoingMessage::same_cookie(const wire::MessageView& reply, ReplySigns& signs) const {
  signs.rcode = reply.rcode();
  signs.edns = reply.edns().has_value();
  if (!signs.edns) return !cookie_.has_server_part() || over_tcp_ || reply.header().tc;
  if (const auto keepalive = reply.edns()->option(static_cast<std::uint16_t>(wire::OptionCode::tcp_keepalive));
      keepalive && keepalive->size() == 2) {
    signs.keepalive = Milliseconds{100} * static_cast<Milliseconds>((*keepalive)[0] << 8 | (*keepalive)[1]);
  }
  if (cookie_.empty()) return true;  // one that nobody asked for says nothing
  const auto option = reply.edns()->option(static_cast<std::uint16_t>(wire::OptionCode::cookie));
  if (!option) return !cookie_.has_server_part() || over_tcp_ || reply.header().tc;
  if (option->size() < Cookie::kClientSize ||
      !std::ranges::equal(option->first(Cookie::kClientSize), cookie_.client_part()))
    return false;
  const wire::Bytes server = option->subspan(Cookie::kClientSize);
  if (server.empty()) return !cookie_.has_server_part() || over_tcp_;  // a server that sends options back as they came
  if (server.size() < Cookie::kMinServerSize || server.size() > Cookie::kMaxServerSize) return false;
  signs.cookie = cookie_;
  signs.cookie.set_server_part(server);
  return true;
}

Fit OutgoingMessage::judge(std::vector<std::uint8_t>& reply, ReplySigns& signs) const {
  if (reply.size() < wire::kHeaderSize) return Fit::malformed;
  if ((reply[2] & kQr) == 0 || (reply[2] & kOpcodeMask) != 0) return Fit::other;

  const bool no_question = reply[4] == 0 && reply[5] == 0;
  const bool same = same_question(reply, exact_case_);
  auto message = wire::parse_reply(reply);
  if (!message) {
    if (!same || (reply[2] & kTc) == 0) return Fit::malformed;
    reply.resize(wire::kHeaderSize + question_size_);
    std::fill(reply.begin() + 6, reply.begin() + wire::kHeaderSize, std::uint8_t{0});
    message = wire::parse_reply(reply);
    if (!message) return Fit::malformed;
  } else if (no_question) {
    if (!may_lack_question(reply[3] & kRcodeMask)) return Fit::other;
    return same_cookie(*message, signs) ? Fit::ours : Fit::other_cookie;
  }
  if (!same) return exact_case_ && same_question(reply, false) ? Fit::other_case : Fit::other;
  if (!same_cookie(*message, signs)) return Fit::other_cookie;
  // Owners that point to the question shall not carry our random case into caches and answers.
  std::ranges::copy(name_.view().bytes(), reply.begin() + wire::kHeaderSize);
  return Fit::ours;
}

}  // namespace placard::recurse
