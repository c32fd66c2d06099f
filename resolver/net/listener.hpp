// Exclusive TCP listeners for what runs beside the DNS service (HTTP, resets), and the bell that ends their threads.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "resolver/net/address.hpp"
#include "resolver/net/socket.hpp"

namespace placard::net {

/// One nonblocking socket per endpoint, listening. All or none; the error names the endpoint and the reason.
/// Unlike DNS listeners these share their port with nobody: a port in use is an error.
std::expected<std::vector<Descriptor>, std::string> listen_exclusively(const std::vector<Endpoint>& endpoints);

/// Makes a poll() in another thread return. Rung once, it stays rung.
class Bell {
 public:
  Bell();                               ///< throws std::system_error when the system gives no eventfd
  int fd() const { return fd_.get(); }  ///< readable once rung
  void ring();

 private:
  Descriptor fd_;
};

}  // namespace placard::net
