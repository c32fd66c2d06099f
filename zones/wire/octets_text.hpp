// Octets as they are written in rdata: character-strings (RFC 1035 5.1) and base64 (RFC 4648 4).
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

namespace placard::wire {

/// What is wrong: static text, a phrase.
using OctetsRead = std::expected<void, std::string_view>;

/// Appends the octets of a string, quoted or not; an escape is an octet. After an error `out` holds rubbish.
OctetsRead append_string(std::string_view text, std::vector<std::uint8_t>& out);

/// Appends what base64 stands for; blanks may stand anywhere in it. After an error `out` holds rubbish.
OctetsRead append_base64(std::string_view text, std::vector<std::uint8_t>& out);

}  // namespace placard::wire
