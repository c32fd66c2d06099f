// One question on its way to one server: its octets, and whether a reply is its answer. No I/O.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "resolver/recurse/network.hpp"
#include "resolver/recurse/upstream_random.hpp"

namespace placard::recurse {

/// Header, one question, an OPT without options.
inline constexpr std::size_t kMaxOutgoingSize = wire::kHeaderSize + wire::kMaxNameSize + 4 + 11;

enum class Fit : std::uint8_t {
  ours,        ///< it answers our question
  other,       ///< a DNS message, but of another question, or no reply: maybe forged
  other_case,  ///< only the case of the name differs: a server that does not echo it, or forged
  malformed,   ///< not a DNS message
};

/// The octets of a question, and the measure of its replies.
class OutgoingMessage {
 public:
  /// Takes what it needs from `outgoing`; the id comes later. `mix_case`: 0x20 (draft-vixie-dnsext-dns0x20).
  OutgoingMessage(const Outgoing& outgoing, bool mix_case, Random& random);

  void set_id(std::uint16_t id);
  std::uint16_t id() const { return static_cast<std::uint16_t>(octets_[0] << 8U | octets_[1]); }
  wire::Bytes bytes() const { return {octets_.data(), size_}; }

  /// Judges a message that came from our server's address with our id. When it is ours, `reply` parses, and its
  /// question is as it was asked: with the letters' case of the caller. A reply cut inside its records with TC set is
  /// cut back to its question. No question at all is taken for FORMERR, SERVFAIL, NOTIMP and REFUSED.
  Fit judge(std::vector<std::uint8_t>& reply) const;

 private:
  bool same_question(wire::Bytes reply, bool exact_case) const;

  wire::Name name_;  // as the caller has it
  bool exact_case_;
  std::uint16_t question_size_ = 0;  // name, type and class
  std::uint16_t size_ = 0;
  std::array<std::uint8_t, kMaxOutgoingSize> octets_;
};

}  // namespace placard::recurse
