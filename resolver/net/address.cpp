#include "resolver/net/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>

namespace placard::net {

Address Address::from_bytes(std::span<const std::uint8_t> bytes) {
  assert(bytes.size() == 4 || bytes.size() == 16);
  Address address;
  std::ranges::copy(bytes, address.octets.begin());
  address.v6 = bytes.size() == 16;
  return address;
}

std::expected<Address, std::string> Address::from_text(std::string_view text) {
  const std::string terminated(text);
  Address address;
  address.v6 = text.find(':') != std::string_view::npos;
  // A NUL inside would end the text early for inet_pton.
  if (text.find('\0') != std::string_view::npos ||
      inet_pton(address.v6 ? AF_INET6 : AF_INET, terminated.c_str(), address.octets.data()) != 1) {
    return std::unexpected("'" + terminated + "' is not an IP address");
  }
  return address;
}

std::string Address::to_text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, octets.data(), text.data(), text.size());
  return text.data();
}

std::expected<Endpoint, std::string> Endpoint::from_text(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::unexpected("'" + std::string(text) + "' has no ']'");
    host = text.substr(1, end - 1);
    if (host.find(':') == std::string_view::npos) {
      return std::unexpected("'" + std::string(text) + "' has no IPv6 address between its brackets");
    }
    port = text.substr(end + 1);
    has_port = !port.empty();
    if (has_port && !port.starts_with(':')) {
      return std::unexpected("'" + std::string(text) + "' has something other than a port behind ']'");
    }
    if (has_port) port.remove_prefix(1);
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':') + 1);
    has_port = true;
  }

  auto address = Address::from_text(host);
  if (!address) return std::unexpected(std::move(address.error()));
  Endpoint endpoint{*address, default_port};
  if (has_port) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || end != port.data() + port.size()) {
      return std::unexpected("'" + std::string(port) + "' is not a port (0 to 65535)");
    }
  }
  return endpoint;
}

Endpoint Endpoint::from_sockaddr(const sockaddr* address) {
  Endpoint endpoint;
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    std::memcpy(endpoint.address.octets.data(), &in.sin_addr, 4);
    endpoint.port = ntohs(in.sin_port);
  } else {
    assert(address->sa_family == AF_INET6);
    sockaddr_in6 in6{};
    std::memcpy(&in6, address, sizeof in6);
    std::memcpy(endpoint.address.octets.data(), &in6.sin6_addr, 16);
    endpoint.address.v6 = true;
    endpoint.port = ntohs(in6.sin6_port);
    if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr)) endpoint.interface = in6.sin6_scope_id;
  }
  return endpoint;
}

std::string Endpoint::to_text() const {
  const std::string host = address.to_text();
  return (address.v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

socklen_t Endpoint::to_sockaddr(sockaddr_storage& out) const {
  if (!address.v6) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.octets.data(), 4);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  std::memcpy(&in6.sin6_addr, address.octets.data(), 16);
  in6.sin6_scope_id = interface;
  std::memcpy(&out, &in6, sizeof in6);
  return sizeof in6;
}

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, endpoint.address.octets.data(), 8);
  std::memcpy(&low, endpoint.address.octets.data() + 8, 8);
  // Mixing as in splitmix64: the tables keyed by this hold few entries a bucket for any row of addresses.
  std::uint64_t mixed =
      high ^ (low * 0x9e3779b97f4a7c15U) ^ (std::uint64_t{endpoint.port} << 1U | (endpoint.address.v6 ? 1U : 0U));
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31U);
}

}  // namespace placard::net
