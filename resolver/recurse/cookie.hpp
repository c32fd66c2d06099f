// The DNS cookie of one server as we hold it (RFC 7873): our client cookie, and behind it the server's, once it sent
// one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "zones/wire/name.hpp"

namespace placard::recurse {

struct Cookie {
  static constexpr std::size_t kClientSize = 8, kMinServerSize = 8, kMaxServerSize = 32;

  std::array<std::uint8_t, kClientSize + kMaxServerSize> octets{};
  std::uint8_t size = 0;  ///< 0: no cookie

  bool empty() const { return size == 0; }
  bool has_server_part() const { return size > kClientSize; }
  wire::Bytes bytes() const { return {octets.data(), size}; }
  wire::Bytes client_part() const { return bytes().first(kClientSize); }  ///< REQUIRES: not empty
  /// REQUIRES: not empty, and a size between the two above.
  void set_server_part(wire::Bytes server) {
    std::ranges::copy(server, octets.begin() + kClientSize);
    size = static_cast<std::uint8_t>(kClientSize + server.size());
  }
};

}  // namespace placard::recurse
