// DNS over TCP, the server's side (RFC 7766): two-octet length, then the message; pipelined, answered in any order.
//
// Bounds: connections in all and per client address, messages in flight per connection, octets waiting to be sent, of
// one connection and of all (a slow reader is closed), idle time, which shrinks as connections become many, and time to
// send a whole message. TLS will be a layer inside this file's
// connection and change nothing for those above.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"
#include "zones/wire/name.hpp"

namespace placard::net {

struct StreamLimits {
  std::size_t connections = 4096;           ///< per listener; the longest idle one makes place for a new one
  std::size_t connections_per_client = 64;  ///< a client: an IPv4 address, or an IPv6 /64
  std::size_t in_flight = 128;      ///< questions of one connection that have no answer yet; then reading pauses
  std::size_t unsent = 256 * 1024;  ///< octets; more, and the client is closed
  Milliseconds idle = 10'000;
  Milliseconds message = 5'000;          ///< from a message's first octet to its last
  std::size_t unsent_in_all = 64 << 20;  ///< octets of all connections; more, and whoever has most of them is closed
  /// Load balancers, whose connections begin with a PROXY header: what is counted by client is counted by theirs.
  std::function<bool(const Address&)> is_proxy;
};

/// A connection as answers see it: may be gone by the time one is ready.
class StreamConnection {
 public:
  virtual ~StreamConnection() = default;
  virtual const Endpoint& remote() const = 0;
  virtual const Endpoint& local() const = 0;
  virtual Milliseconds idle_timeout() const = 0;  ///< how long it may stay idle as things stand (RFC 7828)
  /// At most 65,535 octets; copied. Counts as the answer to one question. Nothing when the connection is closed
  /// already.
  virtual void send(wire::Bytes answer) = 0;
  /// A question that gets no answer (dropped by policy).
  virtual void forget_one() = 0;

  // Answers of many messages (zone transfers): parts, then send() for the last. Who sends parts waits for drained
  // before the next ones, and breaks off when that takes too long: a client may read slowly, or not at all.

  virtual void send_part(wire::Bytes message) = 0;
  /// Once: when nothing is left unsent (true), or the connection is closed (false). Several may wait: the client
  /// chooses how many transfers it asks for on one connection.
  virtual void when_drained(std::function<void(bool open)> drained) = 0;
  virtual void abort() = 0;  ///< closes the connection
};

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// One whole message. Keep a weak_ptr for answers that come later.
  virtual void on_message(wire::Bytes message, const std::shared_ptr<StreamConnection>& connection) = 0;
};

struct StreamCounters {
  std::uint64_t accepted = 0, refused = 0, timed_out = 0, closed_slow = 0, messages = 0;
  std::uint64_t evicted = 0;          ///< idle ones that made place
  std::uint64_t malformed_proxy = 0;  ///< closed because no PROXY header came where one must
  std::uint64_t malformed = 0;        ///< closed because a length was below a DNS header's 12 octets
  StreamCounters& operator+=(const StreamCounters& other);
};

class StreamListener {
 public:
  static std::expected<std::unique_ptr<StreamListener>, std::string> open(Loop& loop, const Endpoint& local,
                                                                          StreamHandler& handler,
                                                                          const StreamLimits& limits);
  ~StreamListener();  ///< closes every connection
  const StreamCounters& counters() const;
  std::size_t open_connections() const;
  const Endpoint& local() const;  ///< with the port the kernel gave, where 0 was asked for

 private:
  struct State;
  explicit StreamListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace placard::net
