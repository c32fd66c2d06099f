// The real Network: UDP sockets with random ports and ids, TCP connections, on one worker's loop.
//
// A reply counts only when address, port, id, question and (0x20) case are ours; anything else is dropped and counted,
// and many near misses for one question move it to TCP. Sockets, questions in flight and connections are bounded.
#pragma once

#include <memory>

#include "resolver/recurse/network.hpp"

namespace placard::recurse {

struct UpstreamLimits {
  std::size_t in_flight = 20'000;  ///< questions; more end as NetworkError::overloaded
  std::size_t udp_sockets = 512;   ///< open at once, each with a random port, replaced after some use
  std::size_t tcp_connections = 256;
  std::size_t near_misses = 8;  ///< wrong ids or questions from the right address; then TCP
  Milliseconds grace = 100;  ///< after a reply with our id and another question, the true one may still come; then TCP
};

struct UpstreamCounters {
  std::uint64_t udp_sent = 0, udp_received = 0, tcp_sent = 0, tcp_received = 0, mismatched = 0, timeouts = 0;
};

/// A reply without a question section is taken for FORMERR, SERVFAIL, NOTIMP and REFUSED only; any other has ours, in
/// the caller's case. What a loop cannot go on with (descriptors, epoll) throws std::runtime_error at construction.
/// REQUIRES: every task of exchange() is ended or destroyed before the Upstream, and none destroys it.
class Upstream final : public Network {
 public:
  Upstream(net::Loop& loop, const UpstreamLimits& limits);
  ~Upstream() override;

  net::Task<std::expected<Incoming, NetworkError>> exchange(Outgoing outgoing) override;
  net::Task<void> sleep(Milliseconds delay) override;
  Milliseconds now() const override;
  std::int64_t wall_seconds() const override;
  std::uint32_t random(std::uint32_t below) override;

  const UpstreamCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace placard::recurse
