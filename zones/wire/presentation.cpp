// The grammar of one record's line, without its rdata.
#include "zones/wire/presentation.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "zones/wire/ascii.hpp"

namespace placard::wire {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// Whether the last dot ends the text and is not escaped.
bool is_absolute(std::string_view text) {
  bool dot = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    dot = text[i] == '.';
    if (text[i] == '\\') ++i;
  }
  return dot;
}

std::uint32_t unit_seconds(char unit) {
  switch (unit | 0x20) {
    case 'w':
      return 604800;
    case 'd':
      return 86400;
    case 'h':
      return 3600;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return 0;
  }
}

std::optional<RecordClass> class_from_text(std::string_view text) {
  if (equal_upper(text, "IN")) return RecordClass::in;
  if (equal_upper(text, "CH")) return RecordClass::ch;
  if (equal_upper(text, "HS")) return RecordClass::hs;
  if (text.size() < 6 || !equal_upper(text.substr(0, 5), "CLASS")) return std::nullopt;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + 5, text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<RecordClass>(number);
}

}  // namespace

std::expected<Name, NameError> name_from_text(std::string_view text, NameView origin) {
  if (text == "@") return Name(origin);
  auto name = Name::from_text(text);
  if (!name || is_absolute(text)) return name;
  return Name::concatenate(*name, name->view().label_count(), origin);
}

std::optional<std::uint32_t> ttl_from_text(std::string_view text) {
  constexpr std::uint64_t kMaxTtl = std::numeric_limits<std::int32_t>::max();
  std::uint64_t total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::uint32_t unit = 1;
    if (!text.empty()) {
      unit = unit_seconds(text.front());
      if (unit == 0) return std::nullopt;
      text.remove_prefix(1);
    }
    total += static_cast<std::uint64_t>(number) * unit;
    if (total > kMaxTtl) return std::nullopt;
  }
  return static_cast<std::uint32_t>(total);
}

std::string_view take_field(std::string_view& text) {
  std::size_t end = 0;
  bool quoted = false;
  while (end < text.size() && (quoted || !is_blank(text[end]))) {
    if (text[end] == '\\' && end + 1 < text.size())
      ++end;
    else if (text[end] == '"')
      quoted = !quoted;
    ++end;
  }
  const std::string_view field = text.substr(0, end);
  while (end < text.size() && is_blank(text[end])) ++end;
  text.remove_prefix(end);
  return field;
}

std::expected<RecordFields, TextError> split_record(std::string_view line) {
  RecordFields fields;
  if (!line.empty() && !is_blank(line.front())) fields.owner = take_field(line);
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  while (!line.empty()) {
    const std::string_view field = take_field(line);
    const auto fail = [field](std::string reason) { return std::unexpected(TextError{std::move(reason), field}); };
    if (is_digit(field.front())) {
      const auto ttl = ttl_from_text(field);
      if (!ttl) return fail("'" + std::string(field) + "' is not a TTL");
      if (fields.ttl) return fail("two TTLs");
      fields.ttl = *ttl;
    } else if (const auto record_class = class_from_text(field); record_class && !fields.record_class) {
      fields.record_class = *record_class;
    } else if (const auto type = record_type_from_text(field)) {
      fields.type = *type;
      fields.rdata = line;
      return fields;
    } else {
      return fail("'" + std::string(field) + "' is not a record type");
    }
  }
  return std::unexpected(TextError{"no record type", line});
}

}  // namespace placard::wire
