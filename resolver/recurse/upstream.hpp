// The real Network: UDP sockets with random ports and ids, TCP connections, on one worker's loop.
//
// A reply counts only when address, port, id, question, cookie and (0x20) case are ours; anything else is dropped and
// counted, and many near misses for one question move it to TCP. Sockets, questions in flight and connections are
// bounded.
//
// Cookies (RFC 7873) are this floor's own matter: the server table keeps them, a reply without the cookie that is owed
// counts as a near miss, BADCOOKIE is answered with one more question and then TCP, and a server that does not bear
// the option is asked without it. What of that took place, the caller need not know.
#pragma once

#include <array>
#include <memory>

#include "resolver/recurse/network.hpp"
#include "resolver/recurse/servers.hpp"

namespace placard::recurse {

struct UpstreamLimits {
  std::size_t in_flight = 20'000;  ///< questions; more end as NetworkError::overloaded
  std::size_t udp_sockets = 512;   ///< open at once, each with a random port, replaced after some use
  std::size_t tcp_connections = 256;
  std::size_t tcp_per_server = 4;   ///< connections to one address, 64 questions each
  Milliseconds tcp_patience = 250;  ///< with a server that says nothing, when others need its connection
  std::size_t near_misses = 8;      ///< wrong ids or questions from the right address; then TCP
  Milliseconds grace = 100;  ///< after a reply with our id and another question, the true one may still come; then TCP
  bool cookies = true;
  bool tcp_fast_open = true;  ///< RFC 7413, where the system has it
};

/// Why a reply did not count.
enum class Drop : std::uint8_t { id, address, question, letter_case, cookie, malformed };
inline constexpr std::size_t kDrops = 6;
std::string_view to_text(Drop drop);  ///< "id"

struct UpstreamCounters {
  std::uint64_t udp_sent = 0, udp_received = 0, tcp_sent = 0, tcp_received = 0, mismatched = 0, timeouts = 0;
  std::array<std::uint64_t, kDrops> dropped{};  ///< `mismatched` by reason
  std::uint64_t bad_cookies = 0;                ///< BADCOOKIE received
  std::uint64_t distrusted = 0;                 ///< questions moved to TCP because replies looked forged
  std::uint64_t busy = 0;                       ///< questions not sent, because the server had too many
  std::uint64_t tcp_opened = 0;                 ///< connections begun

  void drop(Drop why) {
    ++mismatched;
    ++dropped[static_cast<std::size_t>(why)];
  }
};

/// A reply without a question section is taken for FORMERR, SERVFAIL, NOTIMP and REFUSED only; any other has ours, in
/// the caller's case. What a loop cannot go on with (descriptors, epoll) throws std::runtime_error at construction.
/// REQUIRES: every task of exchange() is ended or destroyed before the Upstream, and none destroys it.
class Upstream final : public Network {
 public:
  Upstream(net::Loop& loop, const UpstreamLimits& limits, std::shared_ptr<ServerTable> servers);
  ~Upstream() override;

  net::Task<std::expected<Incoming, NetworkError>> exchange(Outgoing outgoing) override;
  net::Task<void> sleep(Milliseconds delay) override;
  net::Task<void> work(std::function<void()> job) override;
  Milliseconds now() const override;
  std::int64_t wall_seconds() const override;
  std::uint32_t random(std::uint32_t below) override;

  const UpstreamCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace placard::recurse
