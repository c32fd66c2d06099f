// Addresses and endpoints: text and socket forms there and back, and what is refused.
#include "resolver/net/address.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <unordered_set>
#include <vector>

namespace placard::net {
namespace {

TEST_CASE("endpoints read from text and print with their port", "[address]") {
  struct Row {
    std::string text, printed;
  };
  for (const auto& [text, printed] : std::vector<Row>{
           {"192.0.2.1", "192.0.2.1:5300"},
           {"192.0.2.1:53", "192.0.2.1:53"},
           {"192.0.2.1:0", "192.0.2.1:0"},
           {"2001:db8::1", "[2001:db8::1]:5300"},
           {"[2001:DB8::1]", "[2001:db8::1]:5300"},
           {"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
           {"::", "[::]:5300"},
           {"0.0.0.0", "0.0.0.0:5300"},
       }) {
    INFO(text);
    const auto endpoint = Endpoint::from_text(text, 5300);
    REQUIRE(endpoint);
    CHECK(endpoint->to_text() == printed);
    CHECK(Endpoint::from_text(printed, 1) == endpoint);

    sockaddr_storage storage{};
    const socklen_t size = endpoint->to_sockaddr(storage);
    CHECK(size == (endpoint->address.v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)));
    CHECK(Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage)) == *endpoint);
    CHECK(Address::from_bytes(endpoint->address.bytes()) == endpoint->address);
  }
}

TEST_CASE("text that is no endpoint is refused with its reason", "[address]") {
  for (const std::string text :
       {"", "localhost", "192.0.2", "192.0.2.256", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:5x",
        "[2001:db8::1", "[2001:db8::1]x", "[2001:db8::1]:", "[192.0.2.1]:53", "2001:db8::g", ":53", "fe80::1%lo"}) {
    INFO(text);
    const auto endpoint = Endpoint::from_text(text, 53);
    REQUIRE_FALSE(endpoint);
    CHECK_FALSE(endpoint.error().empty());
  }
  const auto port = Endpoint::from_text("192.0.2.1:99999", 53);
  REQUIRE_FALSE(port);
  CHECK(port.error() == "'99999' is not a port (0 to 65535)");
  CHECK_FALSE(Address::from_text(std::string("192.0.2.1\0x", 11)));
}

TEST_CASE("neighbouring endpoints hash apart", "[address]") {
  std::unordered_set<std::size_t> hashes;
  for (unsigned i = 0; i < 4096; ++i) {
    const auto endpoint =
        Endpoint{*Address::from_text("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256)), 53};
    hashes.insert(EndpointHash{}(endpoint) % 65536);
  }
  CHECK(hashes.size() > 3'800);  // of 4096 in 65536 places, chance leaves about 3970
}

}  // namespace
}  // namespace placard::net
