// The type bitmap of NSEC, NSEC3 and CSYNC (RFC 4034 4.1.2): windows of 256 types, rising, 1 to 32 octets each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "zones/wire/name.hpp"
#include "zones/wire/types.hpp"

namespace placard::wire {

/// Borrowed; holds a bitmap that was checked.
class TypeBitmap {
 public:
  TypeBitmap() = default;  ///< no type at all
  /// Nothing when a window is empty, too long, cut off, or does not rise.
  static std::optional<TypeBitmap> parse(Bytes octets);

  bool has(RecordType type) const;
  bool empty() const { return octets_.empty(); }
  Bytes octets() const { return octets_; }

 private:
  explicit TypeBitmap(Bytes octets) : octets_(octets) {}
  Bytes octets_;
};

/// Appends the bitmap of these types, in whatever order they come.
void append_type_bitmap(std::span<const RecordType> types, std::vector<std::uint8_t>& out);

/// An NSEC's rdata (RFC 4034 4.1). Borrowed.
struct NsecView {
  NameView next;
  TypeBitmap types;
};
std::optional<NsecView> parse_nsec(Bytes rdata);

}  // namespace placard::wire
