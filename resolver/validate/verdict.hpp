// What validation says about data (RFC 4033 5), and the means it may use to find out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "zones/wire/types.hpp"

namespace placard::validate {

enum class Security : std::uint8_t {
  unchecked,  ///< nobody looked: asked with CD, or for ourselves
  insecure,   ///< proven to be outside of any chain of trust, or there is no anchor above it ("indeterminate" too)
  secure,
  bogus,
};
std::string_view to_text(Security security);

struct Verdict {
  Security security = Security::bogus;
  wire::ExtendedError error;  ///< why it is bogus, or why insecure where that deserves a word (EDE 1, 2, 27)
  bool out_of_means = false;  ///< bogus because the work allowed was used up

  bool is(Security other) const { return security == other; }
};
Verdict secure();
Verdict insecure();
Verdict bogus(wire::EdeCode code, std::string text);

/// What may be believed how: fixed by options.
struct Rules {
  bool rsasha1 = false;               ///< RSASHA1 counts; else zones that have nothing better are insecure (RFC 9905)
  std::uint16_t nsec3_insecure = 50;  ///< NSEC3 iterations; above it a denial is insecure (RFC 9276 3.2)
  std::uint16_t nsec3_bogus = 500;    ///< above it bogus
  std::uint32_t skew_min = 0, skew_max = 3'600;  ///< seconds a clock may be off: a tenth of the signature's life
};

/// Work that may still be done: for one reply, or one client's question. Counts down. KeyTrap (CVE-2023-50387), NSEC3
/// exhaustion (CVE-2023-50868) and answers of a thousand signatures end here.
struct Means {
  std::uint32_t verifications = 0;  ///< signatures checked with a key
  std::uint32_t hash_runs = 0;      ///< runs of SHA-1 for NSEC3
};

// Bounds inside one record set, whatever the means.
inline constexpr std::size_t kMaxSignatures = 8;  ///< RRSIGs of one set that are looked at
inline constexpr std::size_t kMaxSameTag = 4;     ///< keys with one tag and algorithm tried for one signature
inline constexpr std::size_t kMaxFailures = 4;    ///< signatures of one set that may fail
inline constexpr std::size_t kMaxKeys = 32;       ///< keys of one zone
inline constexpr std::size_t kMaxDs = 16;         ///< DS records of one zone
inline constexpr std::uint8_t kStar[] = {'*'};    ///< the label of a wildcard

}  // namespace placard::validate
