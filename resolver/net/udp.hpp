// The server's UDP socket: datagrams in batches by recvmmsg, answers out in batches by sendmmsg, on uv_poll.
//
// Each worker opens its own with SO_REUSEPORT; the kernel spreads clients over them. Answers that are ready at once
// are written straight into the outgoing batch; later ones (resolutions) are queued by send() and leave together
// at the end of the loop's round (after Knot Resolver's udp_queue). Between the pieces of a round's long work it looks
// for a few datagrams more, so that what is known does not wait for what is not. Every queue is bounded: what does not
// fit is dropped and counted, as a full socket buffer would.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"
#include "resolver/net/socket.hpp"
#include "zones/wire/name.hpp"

namespace placard::net {

inline constexpr std::size_t kUdpBatch = 64;   ///< datagrams a system call
inline constexpr std::size_t kUdpGroup = 16;   ///< datagrams that are announced to the handler at a time
inline constexpr int kUdpBatchesPerWake = 32;  ///< batches in a row, before the loop's other handles get their turn
inline constexpr std::size_t kUdpReceiveSize = 4096;  ///< octets of a question kept; longer ones are cut
inline constexpr std::size_t kUdpSendSize = 4096;     ///< octets of an answer over UDP at most
inline constexpr std::size_t kUdpMaxQueued = 4096;    ///< answers waiting for the end of a round

/// Whom to answer, and from which local address (a listener on a wildcard address needs it).
struct UdpPeer {
  Endpoint remote;
  Address local;
  bool has_local = false;
};

/// What the worker does with datagrams. Both calls come from the loop's thread.
class UdpHandler {
 public:
  virtual ~UdpHandler() = default;
  /// Before each batch: the place to read the clock once.
  virtual void on_batch() = 0;
  /// Before on_datagram is called for each of these (but those that can't be answered), in this order: the place to
  /// have the memory fetched that they will need. At most kUdpGroup; they stay where they are until then.
  virtual void expect(std::span<const wire::Bytes> packets) { (void)packets; }
  /// So many were read that the loop's other handles have their turn first, though more may be there: who begins more
  /// work than that leaves time for reading loses datagrams in the socket, of whoever they are.
  virtual void on_backlog() {}
  /// One datagram. Writes an answer into `reply` (kUdpSendSize octets) and returns its size; 0: none, or later by
  /// send().
  virtual std::size_t on_datagram(wire::Bytes packet, const UdpPeer& peer, std::span<std::uint8_t> reply) = 0;
};

struct UdpCounters {
  std::uint64_t received = 0, sent = 0;
  std::uint64_t dropped = 0;  ///< answers: no place in the queue, too long, or refused by the system
  std::uint64_t batches = 0;  ///< of datagrams received
};

class UdpListener {
 public:
  /// Binds at once; datagrams flow when the loop runs. The error says what is wrong with which address.
  static std::expected<std::unique_ptr<UdpListener>, std::string> open(Loop& loop, const Endpoint& local,
                                                                       UdpHandler& handler);
  ~UdpListener();
  void send(const UdpPeer& peer, wire::Bytes answer);  ///< copied; leaves at the end of the round
  const UdpCounters& counters() const;
  const Endpoint& local() const;  ///< with the port the kernel gave, where 0 was asked for

 private:
  struct State;
  explicit UdpListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace placard::net
