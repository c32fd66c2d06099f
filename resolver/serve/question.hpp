// A client's question, parsed once: a small value that the steps of the pipeline share, and that waits with a
// resolution.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <memory>

#include "resolver/net/udp.hpp"
#include "resolver/serve/prefixes.hpp"
#include "zones/tsig.hpp"
#include "zones/wire/message.hpp"

namespace placard::serve {

inline constexpr std::size_t kMaxAnswerOptions = 112;  ///< octets: a cookie, a name server id, a keepalive time

struct ClientQuestion {
  wire::Question question;  ///< name with the client's case
  std::uint16_t id = 0;
  wire::Opcode opcode = wire::Opcode::query;
  bool recursion_desired = false;    ///< RD
  bool checking_disabled = false;    ///< CD
  bool wants_authenticated = false;  ///< AD or DO in the question: AD may be set in the answer (RFC 6840 5.7)
  bool edns = false;
  bool dnssec_ok = false;                         ///< DO
  bool stream = false;                            ///< over TCP
  bool dns64 = false;                             ///< AAAA are made where there are none
  bool recursion_available = false;               ///< RA of the answer; known after access control
  bool cache_available = false;                   ///< may be answered from the cache with RD=0
  Access access = Access::none;                   ///< to recursion, by the client's address
  wire::Rcode high_rcode = wire::Rcode::noerror;  ///< of the answer, where the header's four bits don't hold it
  bool parsed = false;                            ///< there is a question, and it could be read
  bool metered = false;                           ///< the answer is made of a limit: no further one applies
  bool has_cookie = false;                        ///< the client's part at least
  bool verified = false;                          ///< over TCP or with a good cookie: the client is who it says
  std::uint16_t udp_size = 1232;                  ///< octets we announce in our OPT
  std::size_t limit = 512;                        ///< octets the answer may have
  std::uint16_t listener = 0;                     ///< position among the worker's listeners
  net::Address client;                            ///< for views and limits; never logged
  std::shared_ptr<zones::TsigSigner> signer;      ///< signs the answer; null, for almost all: it goes out unsigned

  /// EDNS options that the answer carries whatever it says, as they stand in an OPT; only the first octets mean
  /// anything.
  std::array<std::uint8_t, kMaxAnswerOptions> answer_options;
  std::uint8_t answer_options_size = 0;
  /// REQUIRES: room for it.
  void add_answer_option(wire::OptionCode code, wire::Bytes data);
  wire::Bytes options_of_answer() const { return {answer_options.data(), answer_options_size}; }
};

inline void ClientQuestion::add_answer_option(wire::OptionCode code, wire::Bytes data) {
  assert(answer_options_size + 4 + data.size() <= kMaxAnswerOptions);
  auto* at = answer_options.data() + answer_options_size;
  const auto number = static_cast<std::uint16_t>(code);
  *at++ = static_cast<std::uint8_t>(number >> 8U);
  *at++ = static_cast<std::uint8_t>(number);
  *at++ = static_cast<std::uint8_t>(data.size() >> 8U);
  *at++ = static_cast<std::uint8_t>(data.size());
  std::copy(data.begin(), data.end(), at);
  answer_options_size = static_cast<std::uint8_t>(answer_options_size + 4 + data.size());
}

}  // namespace placard::serve
