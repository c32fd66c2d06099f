#include "zones/generate.hpp"

#include <algorithm>
#include <charconv>

#include "zones/wire/presentation.hpp"

namespace placard::zones {
namespace {

using wire::RecordType;

constexpr std::uint32_t kMaxValue = 0x7fffffff;
constexpr int kMaxWidth = 253;  // no name is longer

/// A number at the start of `text`, which is moved behind it.
template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_char(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// "${...}", taken apart.
struct Modifier {
  std::int64_t offset = 0;
  int width = 0;
  char base = 'd';
};

/// What stands between the braces.
bool parse_modifier(std::string_view text, Modifier& modifier) {
  take_char(text, '+');
  if (!take_number(text, modifier.offset)) return false;
  if (text.empty()) return true;
  if (!take_char(text, ',') || !take_number(text, modifier.width)) return false;
  if (modifier.width < 0 || modifier.width > kMaxWidth) return false;
  if (text.empty()) return true;
  if (!take_char(text, ',') || text.size() != 1) return false;
  modifier.base = text.front();
  return std::string_view("doxXnN").contains(modifier.base);
}

/// The lowest digit first, a dot between each; the width counts the dots, and an even one ends in a dot.
void append_nibbles(std::uint64_t value, int width, bool upper, std::string& out) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  do {
    out += digits[value & 15U];
    value >>= 4U;
    --width;
    if (value != 0 || width > 0) {
      out += '.';
      --width;
    }
  } while (value != 0 || width > 0);
}

void append_number(std::uint64_t value, const Modifier& modifier, std::string& out) {
  if (modifier.base == 'n' || modifier.base == 'N')
    return append_nibbles(value, modifier.width, modifier.base == 'N', out);
  char digits[24];
  const int base = modifier.base == 'o' ? 8 : modifier.base == 'd' ? 10 : 16;
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value, base).ptr;
  if (modifier.base == 'X') {
    std::transform(digits, end, digits, [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  }
  const auto size = static_cast<int>(end - digits);
  if (size < modifier.width) out.append(static_cast<std::size_t>(modifier.width - size), '0');
  out.append(digits, end);
}

}  // namespace

std::string template_rdata(RecordType type, std::string_view text) {
  std::string_view behind = text;
  if (text.size() < 2 || text.front() != '"' || text.back() != '"' || (wire::take_field(behind), !behind.empty()))
    return std::string(text);
  const std::string_view inside = text.substr(1, text.size() - 2);
  if (type == RecordType::txt && !inside.starts_with("\\\"")) return std::string(text);
  std::string plain;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '\\' && i + 1 < inside.size() && inside[++i] != '"') plain += '\\';
    plain += inside[i];
  }
  return plain;
}

std::expected<GenerateRange, std::string> parse_generate_range(std::string_view text) {
  GenerateRange range;
  const std::string_view whole = text;
  const bool read = take_number(text, range.start) && take_char(text, '-') && take_number(text, range.stop) &&
                    (text.empty() || (take_char(text, '/') && take_number(text, range.step))) && text.empty();
  if (!read || range.stop < range.start || range.step == 0 || range.stop > kMaxValue) {
    return std::unexpected("'" + std::string(whole) + "' is not a range such as 1-254 or 0-100/2");
  }
  return range;
}

std::expected<void, std::string> expand_generate(std::string_view text, std::uint32_t value, std::string& out) {
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\\' && !text.empty()) {
      if (text.front() != '$') out += c;
      out += text.front();
      text.remove_prefix(1);
    } else if (c != '$') {
      out += c;
    } else if (take_char(text, '$')) {
      out += '$';
    } else if (!take_char(text, '{')) {
      append_number(value, {}, out);
    } else {
      const auto end = text.find('}');
      Modifier modifier;
      if (end == std::string_view::npos || !parse_modifier(text.substr(0, end), modifier)) {
        return std::unexpected("'${" + std::string(text.substr(0, std::min(end, text.size()))) +
                               "}' is not ${OFFSET,WIDTH,BASE}");
      }
      if (modifier.offset > kMaxValue || value + modifier.offset < 0)
        return std::unexpected("a value below 0, or too large");
      append_number(static_cast<std::uint64_t>(value + modifier.offset), modifier, out);
      text.remove_prefix(end + 1);
    }
  }
  return {};
}

}  // namespace placard::zones
