// UTF-8, one character at a time.
#include "policy/record/utf8.hpp"

#include <algorithm>

namespace placard::policy {
namespace {

constexpr char32_t kBroken = 0xFFFFFFFF;

/// Takes the first character off; kBroken, and nothing taken, when there is none.
char32_t take_character(std::string_view& text) {
  const auto octet = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = octet(0);
  std::size_t size = 1;
  char32_t character = first;
  char32_t least = 0;
  if (first >= 0x80) {
    if (first >= 0xC2 && first <= 0xDF) {
      size = 2, character = first & 0x1F, least = 0x80;
    } else if (first >= 0xE0 && first <= 0xEF) {
      size = 3, character = first & 0x0F, least = 0x800;
    } else if (first >= 0xF0 && first <= 0xF4) {
      size = 4, character = first & 0x07, least = 0x10000;
    } else {
      return kBroken;
    }
    if (text.size() < size) return kBroken;
    for (std::size_t at = 1; at < size; ++at) {
      if ((octet(at) & 0xC0) != 0x80) return kBroken;
      character = character << 6 | (octet(at) & 0x3F);
    }
    if (character < least || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) return kBroken;
  }
  text.remove_prefix(size);
  return character;
}

template <typename Predicate>
std::optional<char32_t> first_of(std::string_view text, Predicate wanted) {
  while (!text.empty()) {
    const auto character = take_character(text);
    if (character == kBroken) return std::nullopt;
    if (wanted(character)) return character;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> first_broken_octet(std::string_view text) {
  auto rest = text;
  while (!rest.empty()) {
    if (take_character(rest) == kBroken) return text.size() - rest.size();
  }
  return std::nullopt;
}

std::optional<char32_t> first_forbidden_character(std::string_view utf8) {
  return first_of(utf8, [](char32_t c) {
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
  });
}

bool is_unreadable_in_name(std::string_view utf8) {
  if (utf8.empty() || first_broken_octet(utf8) || first_forbidden_character(utf8)) return true;
  return first_of(utf8,
                  [](char32_t c) {
                    return c <= 0x20 || c == 0xA0 || c == 0xAD || (c >= 0x2028 && c <= 0x202F) || c == 0xFEFF ||
                           (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE ||
                           c >= 0xE0000;
                  })
      .has_value();
}

}  // namespace placard::policy
