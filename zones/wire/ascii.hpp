// The letters and digits of ASCII, whatever the locale is.
#pragma once

#include <algorithm>
#include <string_view>

namespace placard::wire {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}
constexpr bool equal_upper(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, upper, upper);
}

}  // namespace placard::wire
