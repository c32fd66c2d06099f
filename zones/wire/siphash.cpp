#include "zones/wire/siphash.hpp"

#include <bit>
#include <cstddef>

namespace placard::wire {
namespace {

std::uint64_t load_little_endian(const std::uint8_t* at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{at[i]} << (8 * i);
  return value;
}

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

std::array<std::uint8_t, 8> siphash24(const SipHashKey& key, Bytes message) {
  const std::uint64_t k0 = load_little_endian(key.data(), 8), k1 = load_little_endian(key.data() + 8, 8);
  State state{k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL, k0 ^ 0x6c7967656e657261ULL,
              k1 ^ 0x7465646279746573ULL};
  const std::size_t whole = message.size() / 8 * 8;
  for (std::size_t at = 0; at < whole; at += 8) state.take(load_little_endian(message.data() + at, 8));
  const std::uint64_t rest =
      whole == message.size() ? 0 : load_little_endian(message.data() + whole, message.size() - whole);
  state.take(std::uint64_t{message.size()} << 56U | rest);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  const std::uint64_t hash = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
  std::array<std::uint8_t, 8> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  return octets;
}

}  // namespace placard::wire
