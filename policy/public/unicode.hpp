// Characters of UTF-8 text and what a terminal makes of them. Every sequence of octets is some text: what is broken
// reads as U+FFFD.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace placard::policy {

/// Takes the first character off `text`. REQUIRES: not empty. One octet of a broken sequence is one U+FFFD.
char32_t next_character(std::string_view& text);
void append_utf8(std::string& out, char32_t character);
/// Terminal columns: 0 for combining marks, 2 for wide ones (Unicode TR 11), else 1. Close, not exact.
std::size_t width_of(char32_t character);
/// What may be printed in its place: itself and the line break; space for tab and other breaks, U+FFFD for what a
/// terminal would obey (C0, C1), nothing (0) for direction overrides, the carriage return, and zero-width no-break
/// space.
char32_t visible_character(char32_t character);

}  // namespace placard::policy
