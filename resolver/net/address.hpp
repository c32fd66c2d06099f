// An IP address, and an address with a port, as small values that compare and hash; conversions to the socket API.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace placard::net {

struct Address {
  std::array<std::uint8_t, 16> octets{};  ///< IPv4: the first four
  bool v6 = false;

  std::span<const std::uint8_t> bytes() const { return {octets.data(), v6 ? 16U : 4U}; }
  static Address from_bytes(std::span<const std::uint8_t> bytes);               ///< REQUIRES 4 or 16 octets
  static std::expected<Address, std::string> from_text(std::string_view text);  ///< numeric only
  std::string to_text() const;
  friend auto operator<=>(const Address&, const Address&) = default;
};

struct Endpoint {
  Address address;
  std::uint16_t port = 53;
  std::uint32_t interface = 0;  ///< by its number, of a link-local IPv6 address (RFC 4007 6); the system says it

  /// "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53"; `default_port` where none is said.
  static std::expected<Endpoint, std::string> from_text(std::string_view text, std::uint16_t default_port);
  static Endpoint from_sockaddr(const sockaddr* address);  ///< REQUIRES AF_INET or AF_INET6
  std::string to_text() const;                             ///< "192.0.2.1:53", "[2001:db8::1]:53"
  socklen_t to_sockaddr(sockaddr_storage& out) const;      ///< the length used
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const;
};

}  // namespace placard::net
