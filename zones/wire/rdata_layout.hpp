// Where names stand inside rdata: the one table that reading, expanding and compressing share.
//
// Only types whose names may arrive compressed are here (RFC 3597 4: the types of RFC 1035, and those older than it
// that a receiver should expand), with DNAME, KX, RRSIG and NSEC, which some senders compress against their RFCs.
// All other rdata is opaque.
#pragma once

#include <cstdint>

#include "zones/wire/types.hpp"

namespace placard::wire {

struct RdataLayout {
  static constexpr std::int8_t kAnyTail = -1;
  std::uint8_t fixed = 0;     ///< octets before the first name or string
  std::uint8_t strings = 0;   ///< character-strings behind those
  std::uint8_t names = 0;     ///< names behind those; 0: the rdata is opaque
  std::int8_t tail = 0;       ///< octets behind the names; kAnyTail: however many
  bool compressible = false;  ///< we may compress the names when sending
};

constexpr RdataLayout rdata_layout(RecordType type) {
  using enum RecordType;
  switch (type) {
    case ns:
    case md:
    case mf:
    case cname:
    case mb:
    case mg:
    case mr:
    case ptr:
      return {.names = 1, .compressible = true};
    case soa:
      return {.names = 2, .tail = 20, .compressible = true};
    case minfo:
      return {.names = 2, .compressible = true};
    case mx:
      return {.fixed = 2, .names = 1, .compressible = true};
    case rp:
      return {.names = 2};
    case afsdb:
    case rt:
    case kx:
      return {.fixed = 2, .names = 1};
    case px:
      return {.fixed = 2, .names = 2};
    case srv:
      return {.fixed = 6, .names = 1};
    case naptr:
      return {.fixed = 4, .strings = 3, .names = 1};
    case dname:
      return {.names = 1};
    case sig:
    case rrsig:
      return {.fixed = 18, .names = 1, .tail = RdataLayout::kAnyTail};
    case nxt:
    case nsec:
      return {.names = 1, .tail = RdataLayout::kAnyTail};
    default:
      return {};
  }
}

}  // namespace placard::wire
