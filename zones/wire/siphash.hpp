// SipHash-2-4 with 64 bits of output (Aumasson and Bernstein, 2012): the keyed hash of DNS cookies (RFC 9018 4).
#pragma once

#include <array>
#include <cstdint>

#include "zones/wire/name.hpp"

namespace placard::wire {

using SipHashKey = std::array<std::uint8_t, 16>;

/// The eight octets in the order of the reference implementation, which is the order on the wire.
std::array<std::uint8_t, 8> siphash24(const SipHashKey& key, Bytes message);

}  // namespace placard::wire
