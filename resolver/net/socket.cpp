#include "resolver/net/socket.hpp"

#include <netinet/tcp.h>
#include <unistd.h>
#include <uv.h>

#include <cassert>
#include <cerrno>

namespace placard::net {
namespace {

void set_option(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

/// An unbound, nonblocking socket of the address's family.
Descriptor make_socket(const Endpoint& local, SocketKind kind) {
  const int type = kind == SocketKind::udp ? SOCK_DGRAM : SOCK_STREAM;
  Descriptor socket(::socket(local.address.v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.valid() && local.address.v6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  // TCP: connections of an earlier process in TIME_WAIT don't keep us from the port.
  if (socket.valid() && kind == SocketKind::tcp) set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  return socket;
}

/// Room for the bursts that come while a batch is being answered: the system's default holds some hundred questions.
/// As much as the administrator allows, or all of it where we may ask for that.
void widen_receive_buffer(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kUdpReceiveBuffer, sizeof kUdpReceiveBuffer) != 0)
    set_option(fd, SOL_SOCKET, SO_RCVBUF, kUdpReceiveBuffer);
}

bool bind_to(int fd, const Endpoint& local) {
  sockaddr_storage address{};
  const socklen_t size = local.to_sockaddr(address);
  return bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

std::string system_error_text(int error) {
  return uv_strerror(uv_translate_sys_error(error));
}

std::expected<Descriptor, std::string> open_listening_socket(const Endpoint& local, SocketKind kind) {
  const auto failed = [&](int error) {
    return std::unexpected("cannot listen on " + local.to_text() + (kind == SocketKind::udp ? " (UDP): " : " (TCP): ") +
                           system_error_text(error));
  };
  Descriptor socket = make_socket(local, kind);
  if (!socket.valid()) return failed(errno);
  const int one = 1;
  if (setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) return failed(errno);
  if (kind == SocketKind::udp) widen_receive_buffer(socket.get());
  if (!bind_to(socket.get(), local)) return failed(errno);
  return socket;
}

bool port_is_taken(const Endpoint& local, bool tcp) {
  if (local.port == 0) return false;
  const Descriptor socket = make_socket(local, tcp ? SocketKind::tcp : SocketKind::udp);
  return socket.valid() && !bind_to(socket.get(), local) && errno == EADDRINUSE;
}

Endpoint local_endpoint(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int result = getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  assert(result == 0);
  static_cast<void>(result);
  return Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&address));
}

void ignore_path_mtu(int fd, bool v6) {
  if (v6) {
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
  } else {
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  }
}

}  // namespace placard::net
