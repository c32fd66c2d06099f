// The digest of a whole zone (RFC 8976): whether what was read is what its maker wrote.
//
// Scheme SIMPLE with SHA-384 or SHA-512. It protects against accidents and, where the ZONEMD is signed and the
// signature verified (which is not done here), against forgery.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "zones/zone.hpp"

namespace placard::zones {

enum class ZonemdHash : std::uint8_t { sha384 = 1, sha512 = 2 };

/// Over all records in canonical form and order, the apex's ZONEMD set and its signatures left out (RFC 8976 3.3).
std::vector<std::uint8_t> zone_digest(const Zone& zone, ZonemdHash hash);

struct ZonemdCheck {
  enum class Verdict : std::uint8_t {
    absent,   ///< no ZONEMD
    unknown,  ///< only schemes or hashes that are not known here
    good,     ///< one of them fits
    bad,      ///< none fits, or they contradict the zone or themselves: the zone must not be used (RFC 8976 4)
  };
  Verdict verdict = Verdict::absent;
  std::string reason;  ///< of unknown and bad
};
ZonemdCheck check_zonemd(const Zone& zone);

}  // namespace placard::zones
