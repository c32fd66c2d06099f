// One question on its way to one server: its octets, and whether a reply is its answer. No I/O.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "resolver/recurse/cookie.hpp"
#include "resolver/recurse/network.hpp"
#include "resolver/recurse/upstream_random.hpp"

namespace placard::recurse {

/// Header, one question, an OPT with a cookie and keepalive.
inline constexpr std::size_t kMaxOutgoingSize =
    wire::kHeaderSize + wire::kMaxNameSize + 4 + 11 + 4 + Cookie::kClientSize + Cookie::kMaxServerSize + 4;

enum class Fit : std::uint8_t {
  ours,          ///< it answers our question
  other,         ///< a DNS message, but of another question, or no reply: maybe forged
  other_case,    ///< only the case of the name differs: a server that does not echo it, or forged
  other_cookie,  ///< all but the cookie fits: it is not ours, or missing where the server owes one. Or forged
  malformed,     ///< not a DNS message
};

/// What a reply of ours says beside its records.
struct ReplySigns {
  wire::Rcode rcode = wire::Rcode::noerror;
  bool edns = false;
  Cookie cookie;                          ///< ours and the server's; empty: none came
  std::optional<Milliseconds> keepalive;  ///< RFC 7828: how long the server keeps an idle connection
};

/// The octets of a question, and the measure of its replies.
class OutgoingMessage {
 public:
  /// Takes what it needs from `outgoing`; the id comes later. Over UDP the case is mixed where wanted (0x20,
  /// draft-vixie-dnsext-dns0x20); over TCP the server is asked how long it keeps connections.
  OutgoingMessage(const Outgoing& outgoing, const Cookie& cookie, Transport transport, Random& random);

  void set_id(std::uint16_t id);
  std::uint16_t id() const { return static_cast<std::uint16_t>(octets_[0] << 8U | octets_[1]); }
  wire::Bytes bytes() const { return {octets_.data(), size_}; }

  /// Judges a message that came from our server's address with our id. When it is ours, `reply` parses, and its
  /// question is as it was asked: with the letters' case of the caller. A reply cut inside its records with TC set is
  /// cut back to its question. No question at all is taken for FORMERR, SERVFAIL, NOTIMP and REFUSED. `signs` is set
  /// when it is ours.
  Fit judge(std::vector<std::uint8_t>& reply, ReplySigns& signs) const;

 private:
  bool same_question(wire::Bytes reply, bool exact_case) const;
  bool same_cookie(const wire::MessageView& reply, ReplySigns& signs) const;

  wire::Name name_;  // as the caller has it
  Cookie cookie_;    // as it was sent; empty without EDNS
  bool exact_case_;
  bool over_tcp_;
  std::uint16_t question_size_ = 0;  // name, type and class
  std::uint16_t size_ = 0;
  std::array<std::uint8_t, kMaxOutgoingSize> octets_;
};

}  // namespace placard::recurse
