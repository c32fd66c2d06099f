// Serial numbers of zones (RFC 1982): a circle of 2^32, on which "newer" means less than half of it ahead.
#pragma once

#include <cstdint>

namespace placard::zones {

/// False too for serials exactly half of the circle apart, which have no order (RFC 1982 3.2).
constexpr bool is_newer(std::uint32_t serial, std::uint32_t than) {
  const std::uint32_t ahead = serial - than;
  return ahead != 0 && ahead < 0x80000000U;
}

/// The serial after one; never 0, which some take for "none".
constexpr std::uint32_t next_serial(std::uint32_t serial) {
  return serial + 1 == 0 ? 1 : serial + 1;
}

}  // namespace placard::zones
