// Asking another server: one question over UDP, or a TCP connection that messages come back on.
//
// Only the transport is here; whether an answer is the right one is for the caller, but for what no honest answer can
// be: over UDP, datagrams from elsewhere or with another id are waited past. Every wait has an end. Errors are phrases.
// TLS will be a layer inside TcpClient and change nothing for its users.
#pragma once

#include <uv.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"

namespace placard::transfer {

using Message = std::vector<std::uint8_t>;

/// An id that nobody can guess.
std::uint16_t random_id();
std::uint32_t random_below(std::uint32_t bound);  ///< REQUIRES bound > 0

/// The first answer with the question's id, from a port of the moment. Sent once.
net::Task<std::expected<Message, std::string>> ask_udp(net::Loop& loop, net::Endpoint server, Message question,
                                                       net::Milliseconds timeout);

/// One connection. Belongs to one task: one call at a time. Destroying it closes.
class TcpClient {
 public:
  explicit TcpClient(net::Loop& loop);
  ~TcpClient();
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  net::Task<std::expected<void, std::string>> connect(net::Endpoint server, net::Milliseconds timeout);
  /// Handed to the system; whether it arrives, the answer tells.
  std::expected<void, std::string> send(Message message);
  net::Task<std::expected<Message, std::string>> receive(net::Milliseconds timeout);

 private:
  struct Socket;
  Socket* socket_;  // freed once libuv has let go of it
};

}  // namespace placard::transfer
