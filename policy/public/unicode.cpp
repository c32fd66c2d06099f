#include "policy/public/unicode.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace placard::policy {

namespace {

struct CodePoints {
  char32_t first, last;
};

constexpr CodePoints kCombining[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},
    {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x0900, 0x0902}, {0x093A, 0x093A}, {0x093C, 0x093C}, {0x0941, 0x0948},
    {0x094D, 0x094D}, {0x0951, 0x0957}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
};
constexpr CodePoints kWide[] = {
    {0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0x4DBF}, {0x4E00, 0xA4CF},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};

template <std::size_t N>
bool is_in(const CodePoints (&ranges)[N], char32_t character) {
  const auto at = std::lower_bound(std::begin(ranges), std::end(ranges), character,
                                   [](const CodePoints& range, char32_t wanted) { return range.last < wanted; });
  return at != std::end(ranges) && at->first <= character;
}

constexpr char32_t kBroken = 0xFFFD;

}  // namespace

char32_t next_character(std::string_view& text) {
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = octet(0);
  std::size_t size = 1;
  char32_t character = first, least = 0;
  if (first >= 0xF0 && first <= 0xF4) {
    size = 4, least = 0x10000, character = first & 0x07U;
  } else if (first >= 0xE0 && first < 0xF0) {
    size = 3, least = 0x800, character = first & 0x0FU;
  } else if (first >= 0xC2 && first < 0xE0) {
    size = 2, least = 0x80, character = first & 0x1FU;
  } else if (first >= 0x80) {
    least = 0x110000;  // no such first octet
  }
  bool sound = size <= text.size();
  for (std::size_t i = 1; sound && i < size; ++i) {
    sound = (octet(i) & 0xC0U) == 0x80;
    character = character << 6 | (octet(i) & 0x3FU);
  }
  sound = sound && character >= least && character <= 0x10FFFF && (character < 0xD800 || character > 0xDFFF);
  text.remove_prefix(sound ? size : 1);
  return sound ? character : kBroken;
}

void append_utf8(std::string& out, char32_t character) {
  const auto put = [&](char32_t octet) { out += static_cast<char>(octet); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
}

std::size_t width_of(char32_t character) {
  if (character < 0x300) return 1;
  if (is_in(kCombining, character)) return 0;
  return is_in(kWide, character) ? 2 : 1;
}

char32_t visible_character(char32_t character) {
  if (character == U'\n') return character;
  if (character == U'\t' || character == 0x2028 || character == 0x2029) return U' ';
  if (character == U'\r' || character == 0xFEFF || (character >= 0x202A && character <= 0x202E) ||
      (character >= 0x2066 && character <= 0x2069)) {
    return 0;
  }
  if (character < 0x20 || (character >= 0x7F && character < 0xA0)) return kBroken;
  return character;
}

}  // namespace placard::policy
