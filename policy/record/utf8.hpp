// UTF-8 in what people write: whether it is, and the characters that no text of the record may have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace placard::policy {

/// Where the text stops being UTF-8 (RFC 3629: no overlong forms, no surrogates), in octets; nothing when it is whole.
std::optional<std::size_t> first_broken_octet(std::string_view text);

/// The first character that would command a terminal or turn the lines around it: C0 but for tab and line feed, DEL, C1
/// (U+0080 to U+009F), direction overrides and isolates (U+202A to U+202E, U+2066 to U+2069).
std::optional<char32_t> first_forbidden_character(std::string_view utf8);

/// Private use, noncharacters and what is in no script: they stand in no name that anybody could read.
bool is_unreadable_in_name(std::string_view utf8);

}  // namespace placard::policy
