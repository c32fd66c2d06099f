// The one call through which recursion reaches the world: ask one server one question. Tests script it.
//
// An exchange ends in a message that fits its question (id, address, port, question section, and case where 0x20 is
// on: upstream.cpp checks), or in an error; never later than its timeout. What the message says is not judged here.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string_view>
#include <vector>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"
#include "resolver/net/task.hpp"
#include "zones/wire/message.hpp"

namespace placard::recurse {

using net::Milliseconds;

enum class Transport : std::uint8_t { udp, tcp };

struct Outgoing {
  wire::Question question;
  net::Endpoint server;
  Transport transport = Transport::udp;
  bool recursion_desired = false;  ///< for forwarders
  bool checking_disabled = false;
  bool edns = true;
  bool dnssec_ok = true;          ///< DO; only with edns
  bool random_case = true;        ///< 0x20; off for servers that don't echo it
  std::uint16_t udp_size = 1232;  ///< octets we take (DNS flag day 2020)
  Milliseconds timeout = 1'000;
};

struct Incoming {
  std::vector<std::uint8_t>
      bytes;  ///< parses; its question is ours, or missing with FORMERR, SERVFAIL, NOTIMP, REFUSED
  Milliseconds rtt = 0;
  bool other_case = false;  ///< came over TCP, after a reply over UDP that fitted in all but the case of the name
};

enum class NetworkError : std::uint8_t {
  timeout,      ///< nothing that fits came in time
  unreachable,  ///< the system refused: no route, port unreachable, connection refused
  closed,       ///< a TCP connection ended before the answer
  malformed,    ///< something came that fits the question's id and address but isn't a DNS message, or has another
                ///< question
  other_case,   ///< the name came back in another case than it was sent in, and TCP was no way out
  overloaded,   ///< our own limits: too many questions in flight
  server_busy,  ///< our own limit for this server: it has as many of our questions as it may; others can be asked
};
std::string_view to_text(NetworkError error);

class Network {
 public:
  virtual ~Network() = default;
  virtual net::Task<std::expected<Incoming, NetworkError>> exchange(Outgoing outgoing) = 0;
  virtual net::Task<void> sleep(Milliseconds delay) = 0;
  /// Runs `job` off the answering thread and comes back; it owns all that it touches (resolver/net/work.hpp).
  virtual net::Task<void> work(std::function<void()> job) = 0;
  virtual Milliseconds now() const = 0;                   ///< monotonic; of the fake clock in tests
  virtual std::int64_t wall_seconds() const = 0;          ///< since the epoch, UTC
  virtual std::uint32_t random(std::uint32_t below) = 0;  ///< 0 .. below-1, from a generator fit for cryptography
};

}  // namespace placard::recurse
