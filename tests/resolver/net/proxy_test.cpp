// PROXY protocol headers, read from octets.
#include "resolver/net/proxy.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace placard {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets header(std::uint8_t command, std::uint8_t family, const Octets& rest) {
  Octets out = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, command, family};
  out.push_back(static_cast<std::uint8_t>(rest.size() >> 8));
  out.push_back(static_cast<std::uint8_t>(rest.size()));
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}
const Octets kIpv4 = {192, 0, 2, 7, 198, 51, 100, 1, 0x14, 0xe9, 0, 53};

}  // namespace

TEST_CASE("a PROXY header names the client, whatever stands behind its addresses") {
  const auto plain = net::parse_proxy_header(header(0x21, 0x12, kIpv4));
  REQUIRE(plain);
  CHECK(plain->size == 28);
  CHECK(plain->client->to_text() == "192.0.2.7:5353");
  Octets with_extension = kIpv4;
  with_extension.insert(with_extension.end(), {0x01, 0, 2, 'h', '2'});
  auto longer = header(0x21, 0x11, with_extension);
  longer.insert(longer.end(), 12, 0xff);  // what the client said
  CHECK(net::parse_proxy_header(longer)->size == 33);
  Octets ipv6(36);
  ipv6[0] = 0x20;
  ipv6[1] = 0x01;
  ipv6[15] = 9;
  ipv6[33] = 80;
  CHECK(net::parse_proxy_header(header(0x21, 0x22, ipv6))->client->to_text() == "[2001::9]:80");
}

TEST_CASE("a balancer that speaks for itself names nobody") {
  CHECK_FALSE(net::parse_proxy_header(header(0x20, 0x00, {}))->client);
  CHECK_FALSE(net::parse_proxy_header(header(0x20, 0x12, kIpv4))->client);
  CHECK_FALSE(net::parse_proxy_header(header(0x21, 0x00, {}))->client);
  CHECK_FALSE(net::parse_proxy_header(header(0x21, 0x31, Octets(216)))->client);
}

TEST_CASE("what can't become a header is malformed at once; the rest is incomplete") {
  const auto good = header(0x21, 0x12, kIpv4);
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(net::parse_proxy_header({good.data(), size}).error() == net::ProxyError::incomplete);
  const auto malformed = [](const Octets& octets) {
    const auto parsed = net::parse_proxy_header(octets);
    return !parsed && parsed.error() == net::ProxyError::malformed;
  };
  CHECK(malformed({0x0d, 0x0b}));
  CHECK(malformed(header(0x11, 0x12, kIpv4)));              // another version
  CHECK(malformed(header(0x22, 0x12, kIpv4)));              // another command
  CHECK(malformed(header(0x21, 0x42, kIpv4)));              // another family
  CHECK(malformed(header(0x21, 0x13, kIpv4)));              // another protocol
  CHECK(malformed(header(0x21, 0x12, {192, 0, 2, 7, 1})));  // addresses cut short
  CHECK(malformed(header(0x21, 0x22, kIpv4)));
  CHECK(malformed(header(0x21, 0x12, Octets(1'100))));  // too long
}

}  // namespace placard
