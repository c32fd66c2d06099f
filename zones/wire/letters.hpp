// Letters of names without regard to case (RFC 4343), eight octets at a time: names are short, and every question goes
// through here. Length octets (0 to 63) are no letters, so whole names can be treated so.
#pragma once

#include <cstdint>
#include <cstring>

#include "zones/wire/name.hpp"

namespace placard::wire {

inline constexpr std::uint64_t kOnes = 0x0101010101010101;

inline std::uint64_t load8(const std::uint8_t* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// lower() on eight octets at once.
constexpr std::uint64_t lower8(std::uint64_t word) {
  const std::uint64_t low_bits = word & (0x7f * kOnes);
  const std::uint64_t at_least_a = low_bits + ((0x80 - 'A') * kOnes);
  const std::uint64_t above_z = low_bits + ((0x7f - 'Z') * kOnes);
  const std::uint64_t upper = (at_least_a ^ above_z) & ~word & (0x80 * kOnes);
  return word | upper >> 2;
}

inline void lower_copy(const std::uint8_t* from, std::size_t size, std::uint8_t* to) {
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    const std::uint64_t word = lower8(load8(from + at));
    std::memcpy(to + at, &word, sizeof word);
  }
  for (; at < size; ++at) to[at] = lower(from[at]);
}

inline bool equal_lowered(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    if (lower8(load8(a + at)) != lower8(load8(b + at))) return false;
  }
  for (; at < size; ++at) {
    if (lower(a[at]) != lower(b[at])) return false;
  }
  return true;
}

}  // namespace placard::wire
