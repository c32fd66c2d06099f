// Big-endian numbers in octets (RFC 1035 2.3.2). The caller has checked the bounds.
#pragma once

#include <cstdint>

namespace placard::wire {

constexpr std::uint16_t load16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}
constexpr std::uint32_t load32(const std::uint8_t* at) {
  return static_cast<std::uint32_t>(load16(at)) << 16 | load16(at + 2);
}
constexpr void store16(std::uint8_t* at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
constexpr void store32(std::uint8_t* at, std::uint32_t value) {
  store16(at, static_cast<std::uint16_t>(value >> 16));
  store16(at + 2, static_cast<std::uint16_t>(value));
}

constexpr std::uint64_t load64(const std::uint8_t* at) {
  return std::uint64_t{load32(at)} << 32U | load32(at + 4);
}
constexpr void store64(std::uint8_t* at, std::uint64_t value) {
  store32(at, static_cast<std::uint32_t>(value >> 32U));
  store32(at + 4, static_cast<std::uint32_t>(value));
}

}  // namespace placard::wire
