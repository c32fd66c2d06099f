// Signing a zone: DNSKEY, CDS and CDNSKEY, NSEC (RFC 4034 4) or NSEC3 (RFC 5155; RFC 9276: no iterations, no salt, no
// opt-out), and an RRSIG of everything that the zone has authority over.
//
// One function does it all: what a version says (a master file, an updated zone, the signed version itself) and the
// signed version before it go in, the next signed version comes out. Signatures that still fit and last long enough are
// taken over, so that only what has changed or is about to lapse costs a signature; all else costs time in proportion
// to the zone. What the source itself has of DNSSEC is replaced, and a ZONEMD left out: it would be wrong. `now` is
// seconds since the epoch.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "zones/zone.hpp"
#include "zones/zone_keys.hpp"

namespace placard::zones {

struct SigningPolicy {
  KeyPolicy keys;
  bool nsec3 = false;
  std::uint32_t lifetime = 14 * 86'400;  ///< of signatures, in seconds
  std::uint32_t refresh = 7 * 86'400;    ///< so long before they lapse they are made anew; less than `lifetime`
  friend bool operator==(const SigningPolicy&, const SigningPolicy&) = default;
};

struct SignedVersion {
  std::optional<Zone> zone;  ///< nothing: the version before says all that already
  std::int64_t next_at = 0;  ///< when something is due: signatures, or a step of the keys
  std::size_t made = 0;      ///< signatures
  std::size_t kept = 0;
};

/// The serial is the source's where that is newer than that of `before`, else the one after it. `before`: the signed
/// version that is served, or null. REQUIRES: keys.advance() was called with `now`; the same origins.
/// The error is a phrase.
std::expected<SignedVersion, std::string> sign_zone(const Zone& source, const Zone* before, const ZoneKeys& keys,
                                                    const SigningPolicy& policy, std::int64_t now);

/// The longest TTL that the signed zone will have.
std::uint32_t longest_ttl(const Zone& zone, const SigningPolicy& policy);

/// What signing makes itself: nobody else may bring it into a zone that we sign.
constexpr bool is_made_by_signing(wire::RecordType type) {
  using enum wire::RecordType;
  return type == rrsig || type == nsec || type == nsec3 || type == nsec3param || type == dnskey || type == cds ||
         type == cdnskey || type == zonemd;
}

}  // namespace placard::zones
