// The PROXY protocol, version 2, as a load balancer puts it before what its client said (HAProxy's proxy-protocol.txt):
// before every UDP datagram, and once at the start of a TCP connection. Read here, never written.
//
// Whom to believe it is for the caller to decide: a header from anybody else could name any client.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "resolver/net/address.hpp"
#include "zones/wire/name.hpp"

namespace placard::net {

inline constexpr std::size_t kMaxProxyHeader = 1'024;  ///< octets; addresses take 52 at most, the rest are extensions

struct ProxyHeader {
  std::size_t size = 0;            ///< octets; what the client said stands behind them
  std::optional<Endpoint> client;  ///< nothing: the balancer speaks for itself (LOCAL), or for no IP address
};

enum class ProxyError : std::uint8_t {
  incomplete,  ///< may become a header when more octets come
  malformed,
};

std::expected<ProxyHeader, ProxyError> parse_proxy_header(wire::Bytes octets);

}  // namespace placard::net
