// Rdata of SVCB and HTTPS from text (RFC 9460 2.1 and appendix A), with the parameters of RFC 9461 and 9540.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "zones/wire/presentation.hpp"

namespace placard::wire {

/// Appends the rdata to `out`; after an error `out` holds rubbish. What no client could use is refused: a key given
/// twice or without the value it needs, and a record that contradicts itself (RFC 9460 2.4.3).
std::expected<void, TextError> parse_svcb(std::string_view text, NameView origin, std::vector<std::uint8_t>& out);

}  // namespace placard::wire
