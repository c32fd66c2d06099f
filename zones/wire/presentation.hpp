// The parts of presentation form (RFC 1035 5.1) that are not rdata: names under an origin, TTLs, the fields of a
// record.
//
// Rdata is ldns_adapter's business; joining lines and obeying directives is zones/load's.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "zones/wire/name.hpp"
#include "zones/wire/types.hpp"

namespace placard::wire {

/// What is wrong with a text, and where in it.
struct TextError {
  std::string reason;      ///< a phrase without a full stop
  std::string_view where;  ///< borrowed: a part of the text that was given; empty at its end where something lacks
};

/// "@" is the origin, a name without an unescaped last dot is below it.
std::expected<Name, NameError> name_from_text(std::string_view text, NameView origin);

/// Seconds, "3600" or "1h30m" (units w d h m s, as BIND has them); at most 2^31-1 (RFC 2181 8).
std::optional<std::uint32_t> ttl_from_text(std::string_view text);

/// The field at the start of `text`: up to the next blank that is neither escaped nor quoted. Moves `text` behind it
/// and the blanks that follow.
std::string_view take_field(std::string_view& text);

/// One record's text, split. Borrowed.
struct RecordFields {
  std::string_view owner;  ///< empty: the line starts with a blank
  std::optional<std::uint32_t> ttl;
  std::optional<RecordClass> record_class;
  RecordType type{};
  std::string_view rdata;
};
std::expected<RecordFields, TextError> split_record(std::string_view line);

}  // namespace placard::wire
