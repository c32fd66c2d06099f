// NSEC3 (RFC 5155): hashed owner names, their text form, and the fields of NSEC3 and NSEC3PARAM.
//
// nsec3_hash costs iterations + 1 runs of SHA-1 (RFC 5155 5), the only hash there is (algorithm 1): whoever hashes what
// strangers choose bounds iterations, salt and the number of names (RFC 9276, CVE-2023-50868). Nothing allocates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "zones/wire/name.hpp"
#include "zones/wire/type_bitmap.hpp"

namespace placard::wire {

inline constexpr std::size_t kNsec3HashSize = 20;   ///< octets of SHA-1
inline constexpr std::size_t kNsec3LabelSize = 32;  ///< the same in base32hex, unpadded
inline constexpr std::uint8_t kNsec3Sha1 = 1;       ///< the one hash algorithm (RFC 5155 11)
inline constexpr std::uint8_t kNsec3OptOut = 0x01;  ///< flag of NSEC3 (RFC 5155 3.1.2.1)

using Nsec3Hash = std::array<std::uint8_t, kNsec3HashSize>;

/// What all hashes of one chain share. Borrowed.
struct Nsec3Parameters {
  std::uint8_t algorithm = kNsec3Sha1;
  std::uint8_t flags = 0;
  std::uint16_t iterations = 0;
  Bytes salt;  ///< at most 255 octets

  /// The same chain: flags don't count.
  bool same_chain(const Nsec3Parameters& other) const;
};

/// Of the lower-cased name in wire form. REQUIRES: parameters.algorithm == kNsec3Sha1.
Nsec3Hash nsec3_hash(NameView name, const Nsec3Parameters& parameters);

/// base32hex without padding (RFC 4648 7), lower case, as an owner's first label has it.
std::array<std::uint8_t, kNsec3LabelSize> nsec3_label(const Nsec3Hash& hash);
/// The hash a label stands for, in any case; nothing when it is no base32hex of that size.
std::optional<Nsec3Hash> nsec3_hash_of_label(Bytes label);
/// The owner of the NSEC3 of that hash. REQUIRES: the zone's name leaves room for the label.
Name nsec3_owner(const Nsec3Hash& hash, NameView zone);

/// An NSEC3's rdata (RFC 5155 3.2). Borrowed.
struct Nsec3View {
  Nsec3Parameters parameters;
  Bytes next;  ///< hash of the next owner; for SHA-1 kNsec3HashSize octets, else whatever the record has
  TypeBitmap types;

  bool opt_out() const { return (parameters.flags & kNsec3OptOut) != 0; }
};
std::optional<Nsec3View> parse_nsec3(Bytes rdata);
std::optional<Nsec3Parameters> parse_nsec3param(Bytes rdata);

/// Whether `hash` lies between an NSEC3's own hash and its next one, both excluded; the last one of a chain reaches
/// round to the first (RFC 5155 1.3, "cover").
bool nsec3_covers(const Nsec3Hash& own, Bytes next, const Nsec3Hash& hash);

}  // namespace placard::wire
