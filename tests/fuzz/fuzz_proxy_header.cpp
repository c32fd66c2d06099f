// PROXY headers of arbitrary octets: what is read lies inside them, and more octets never change a verdict.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "resolver/net/proxy.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::Bytes octets(data, size);
  const auto whole = net::parse_proxy_header(octets);
  if (whole) {
    assert(whole->size <= size && whole->size <= net::kMaxProxyHeader);
    const auto alone = net::parse_proxy_header(octets.first(whole->size));
    assert(alone && alone->size == whole->size && alone->client == whole->client);
  }
  for (std::size_t part = 0; part < size && part < 64; ++part) {
    const auto some = net::parse_proxy_header(octets.first(part));
    if (some)
      assert(whole && some->size == whole->size);
    else if (some.error() == net::ProxyError::malformed)
      assert(!whole && whole.error() == net::ProxyError::malformed);
  }
  return 0;
}
