#include "resolver/net/proxy.hpp"

#include <algorithm>
#include <array>

namespace placard::net {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                     0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t kFixedSize = 16;
constexpr unsigned kVersion = 2, kLocal = 0, kProxy = 1;
constexpr unsigned kIpv4 = 1, kIpv6 = 2, kUnix = 3, kMostProtocol = 2;

std::uint16_t load16(wire::Bytes octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] << 8U | octets[at + 1]);
}

}  // namespace

std::expected<ProxyHeader, ProxyError> parse_proxy_header(wire::Bytes octets) {
  const std::size_t known = std::min(octets.size(), kSignature.size());
  if (!std::equal(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(known), kSignature.begin()))
    return std::unexpected(ProxyError::malformed);
  if (octets.size() < kFixedSize) return std::unexpected(ProxyError::incomplete);
  const unsigned version = octets[12] >> 4U, command = octets[12] & 0x0fU;
  const unsigned family = octets[13] >> 4U, protocol = octets[13] & 0x0fU;
  if (version != kVersion || (command != kLocal && command != kProxy) || family > kUnix || protocol > kMostProtocol)
    return std::unexpected(ProxyError::malformed);
  ProxyHeader header;
  header.size = kFixedSize + load16(octets, 14);
  const std::size_t address = family == kIpv4 ? 4 : 16;
  const bool has_address = command == kProxy && (family == kIpv4 || family == kIpv6);
  if (header.size > kMaxProxyHeader || (has_address && header.size < kFixedSize + 2 * (address + 2)))
    return std::unexpected(ProxyError::malformed);
  if (octets.size() < header.size) return std::unexpected(ProxyError::incomplete);
  if (has_address) {
    const auto source = octets.subspan(kFixedSize, address);
    header.client = Endpoint{Address::from_bytes(source), load16(octets, kFixedSize + 2 * address)};
  }
  return header;
}

}  // namespace placard::net
