#include "resolver/net/listener.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <system_error>

namespace placard::net {

std::expected<std::vector<Descriptor>, std::string> listen_exclusively(const std::vector<Endpoint>& endpoints) {
  constexpr int kBacklog = 128;
  std::vector<Descriptor> sockets;
  for (const auto& endpoint : endpoints) {
    // The listening socket below shares ports by SO_REUSEPORT, so ask first.
    if (port_is_taken(endpoint, true)) {
      return std::unexpected(fmt::format("cannot listen on {} (TCP): address already in use", endpoint.to_text()));
    }
    auto socket = open_listening_socket(endpoint, SocketKind::tcp);
    if (!socket) return std::unexpected(socket.error());
    if (listen(socket->get(), kBacklog) != 0) {
      return std::unexpected(
          fmt::format("cannot listen on {} (TCP): {}", endpoint.to_text(), system_error_text(errno)));
    }
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

Bell::Bell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_.valid()) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Bell::ring() {
  const std::uint64_t one = 1;
  const auto written = write(fd_.get(), &one, sizeof one);
  assert(written == sizeof one);  // fails only after 2^64 rings
  static_cast<void>(written);
}

}  // namespace placard::net
