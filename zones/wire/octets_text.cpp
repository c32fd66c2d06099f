#include "zones/wire/octets_text.hpp"

#include <array>

#include "zones/wire/ascii.hpp"

namespace placard::wire {
namespace {

constexpr auto kBase64Values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    values[static_cast<std::uint8_t>(kLetters[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

}  // namespace

OctetsRead append_string(std::string_view text, std::vector<std::uint8_t>& out) {
  if (text.starts_with('"')) {
    if (text.size() < 2 || text.back() != '"') return std::unexpected("a string that does not end in a quote");
    text = text.substr(1, text.size() - 2);
  }
  if (text.find_first_of("\\\"") == std::string_view::npos) {
    out.insert(out.end(), text.begin(), text.end());
    return {};
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return std::unexpected("a quote inside a string (write it as \\\")");
    if (text[i] != '\\') {
      out.push_back(static_cast<std::uint8_t>(text[i]));
    } else if (++i == text.size()) {
      return std::unexpected("an escape without an octet");
    } else if (!is_digit(text[i])) {
      out.push_back(static_cast<std::uint8_t>(text[i]));
    } else {
      if (i + 2 >= text.size() || !is_digit(text[i + 1]) || !is_digit(text[i + 2]))
        return std::unexpected("an escape of fewer than three digits");
      const int value = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
      if (value > 255) return std::unexpected("an escape above \\255");
      out.push_back(static_cast<std::uint8_t>(value));
      i += 2;
    }
  }
  return {};
}

OctetsRead append_base64(std::string_view text, std::vector<std::uint8_t>& out) {
  const auto put = [&](std::uint32_t octet) { out.push_back(static_cast<std::uint8_t>(octet)); };
  std::uint32_t bits = 0;
  int digits = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int value = kBase64Values[static_cast<std::uint8_t>(c)];
    if (value < 0 || padding > 0) return std::unexpected("not base64");
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    if (++digits % 4 == 0) {
      put(bits >> 16U);
      put(bits >> 8U);
      put(bits);
    }
  }
  const int left = digits % 4;
  if (left == 1 || (left + padding) % 4 != 0 || padding > 2)
    return std::unexpected("base64 of a size that there is not");
  if (left == 2) put(bits >> 4U);
  if (left == 3) {
    put(bits >> 10U);
    put(bits >> 2U);
  }
  return {};
}

}  // namespace placard::wire
