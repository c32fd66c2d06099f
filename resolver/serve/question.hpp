// A client's question, parsed once: a small value that the steps of the pipeline share, and that waits with a
// resolution.
#pragma once

#include <cstdint>

#include "resolver/net/udp.hpp"
#include "zones/wire/message.hpp"

namespace placard::serve {

struct ClientQuestion {
  wire::Question question;  ///< name with the client's case
  std::uint16_t id = 0;
  bool recursion_desired = false;    ///< RD
  bool checking_disabled = false;    ///< CD
  bool wants_authenticated = false;  ///< AD or DO in the question: AD may be set in the answer (RFC 6840 5.7)
  bool edns = false;
  bool dnssec_ok = false;            ///< DO
  bool stream = false;               ///< over TCP
  bool recursion_available = false;  ///< RA of the answer; known after access control
  std::uint16_t udp_size = 1232;     ///< octets we announce in our OPT
  std::size_t limit = 512;           ///< octets the answer may have
  std::uint16_t listener = 0;        ///< position among the worker's listeners
  net::Address client;               ///< for views and limits; never logged
};

}  // namespace placard::serve
