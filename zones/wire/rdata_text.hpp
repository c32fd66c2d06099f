// Rdata from text by a table of fields: the types that large zones consist of, and those that ldns does not know.
//
// For the former it is the fast way (no allocation, see zones/README.md for how fast), and the strict one: ldns takes
// 65536 for a 16-bit number and half an octet for a whole one. Tests hold both against each other.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "zones/wire/presentation.hpp"

namespace placard::wire {

/// Whether the type is in the table.
bool has_rdata_fields(RecordType type);

/// Appends the rdata to `out`; after an error `out` holds rubbish. `text`: fields between blanks, quotes and escapes as
/// in RFC 1035 5.1; names without a last dot are below `origin`. REQUIRES: has_rdata_fields(type).
std::expected<void, TextError> parse_rdata_fields(RecordType type, std::string_view text, NameView origin,
                                                  std::vector<std::uint8_t>& out);

}  // namespace placard::wire
