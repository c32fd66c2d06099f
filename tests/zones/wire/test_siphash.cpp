#include <fmt/format.h>
#include <fmt/ranges.h>
#include <catch2/catch.hpp>

#include "zones/wire/siphash.hpp"

using namespace placard::wire;

// The reference implementation's vectors (key 00..0f, message 00..n-1), as `openssl mac siphash` gives them too.
TEST_CASE("SipHash-2-4 gives what the reference gives") {
  SipHashKey key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  std::array<std::uint8_t, 64> message;
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i);
  const auto hash = [&](std::size_t size) {
    return fmt::format("{:02x}", fmt::join(siphash24(key, Bytes(message).first(size)), ""));
  };
  CHECK(hash(0) == "310e0edd47db6f72");
  CHECK(hash(1) == "fd67dc93c539f874");
  CHECK(hash(7) == "37d1018bf50002ab");
  CHECK(hash(8) == "6224939a79f5f593");
  CHECK(hash(15) == "e545be4961ca29a1");
  CHECK(hash(16) == "db9bc2577fcc2a3f");
  CHECK(hash(20) == "98eea21af25cd6be");
  CHECK(hash(63) == "724506eb4c328a95");
}
