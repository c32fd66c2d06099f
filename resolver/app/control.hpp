// The control socket: how commands reach the running server. A Unix stream socket, one JSON line in, one JSON line out.
//
// Its file has mode 0600; who asks is known from the kernel (SO_PEERCRED) and becomes the author of what is recorded.
// Bounds: connections, octets of a request and a reply, time to send the one and take the other. The file of a dead
// server is replaced, a living one's is refused. What requests mean is not known here.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace placard::app {

struct ControlLimits {
  std::size_t connections = 16;      ///< at once; one more is told that the server is busy
  std::size_t request = 64U << 20U;  ///< octets; decision files travel in it
  std::size_t reply = 64U << 20U;
  std::chrono::milliseconds read{10'000};   ///< from the connection to the whole request
  std::chrono::milliseconds write{10'000};  ///< for the whole reply
};

/// Gets one request line and its author ("uid 0 (root)"); returns the reply, one line without its end. Called on a
/// thread of the connection, several at once; never on the caller's.
using ControlHandler = std::function<std::string(std::string_view request, const std::string& author)>;

class ControlServer {
 public:
  /// Binds `path`. Requests wait in the backlog until serve().
  static std::expected<std::unique_ptr<ControlServer>, std::string> open(const std::string& path,
                                                                         const ControlLimits& limits = {});
  /// Stops, waits for the requests under way, removes the socket's file.
  ~ControlServer();

  /// Once. Returns at once; threads of the server's own take the connections.
  void serve(ControlHandler handler);

 private:
  struct State;
  explicit ControlServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class ControlFailure {
  no_server,  ///< nobody listens at the path
  forbidden,  ///< the file belongs to another user
  broken,     ///< a server is there, but the exchange failed
};
struct ControlError {
  ControlFailure kind;
  std::string reason;
};

/// Sends one request line and waits for the reply line, at most `patience`.
std::expected<std::string, ControlError> control_call(const std::string& path, std::string_view request,
                                                      std::chrono::milliseconds patience = std::chrono::minutes(10),
                                                      const ControlLimits& limits = {});

/// "uid 0 (root)" of a user id.
std::string author_of(unsigned uid);

}  // namespace placard::app
