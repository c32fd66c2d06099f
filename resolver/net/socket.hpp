// Sockets as files that close themselves, and the options that all of Placard's listeners share.
//
// SO_REUSEPORT lets each worker have its own socket on one port, and with it a second server of the same user, which
// nobody notices: port_is_taken() is for asking before the first worker binds.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "resolver/net/address.hpp"

namespace placard::net {

/// A file descriptor, owned.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }  ///< the caller owns it from here
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

enum class SocketKind : std::uint8_t { udp, tcp };

inline constexpr int kUdpReceiveBuffer = 4 << 20;  ///< octets asked of the system for each listening UDP socket

/// A nonblocking socket with SO_REUSEPORT, bound to `local` (IPv6 only, when IPv6); TCP does not listen yet.
/// "cannot listen on 127.0.0.1:5300 (UDP): address already in use".
std::expected<Descriptor, std::string> open_listening_socket(const Endpoint& local, SocketKind kind);

/// Whether some other socket has the port, even one that shares it by SO_REUSEPORT. Port 0 is never taken.
bool port_is_taken(const Endpoint& local, bool tcp);

/// The address a socket is bound to. REQUIRES a bound IP socket.
Endpoint local_endpoint(int fd);

/// A path MTU that a forged ICMP message says is ignored, and nothing is sent with DF (RFC 9715's reasons).
void ignore_path_mtu(int fd, bool v6);

/// What the system calls error number `error`, in lower case.
std::string system_error_text(int error);

}  // namespace placard::net
