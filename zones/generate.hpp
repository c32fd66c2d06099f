// $GENERATE's range and templates, as BIND 9 has them: one line that stands for many.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "zones/wire/types.hpp"

namespace placard::zones {

inline constexpr std::uint32_t kMaxGenerated = 1 << 22;  ///< records made by all $GENERATE of one zone together

/// The rdata of a template, which may stand in quotes as a whole, without them. Those of TXT stay, so that what is
/// written as one string is one, unlike in BIND; but where a string within is quoted by itself ("\"one\" \"two\"").
std::string template_rdata(wire::RecordType type, std::string_view text);

/// "START-STOP" or "START-STOP/STEP".
struct GenerateRange {
  std::uint32_t start = 0, stop = 0, step = 1;
  std::uint64_t count() const { return (std::uint64_t{stop} - start) / step + 1; }
};
std::expected<GenerateRange, std::string> parse_generate_range(std::string_view text);

/// Appends the template to `out`. "$" becomes the value, "${OFFSET[,WIDTH[,BASE]]}" the value plus OFFSET in that base
/// (d, o, x, X, or n and N for the nibbles of ip6.arpa), filled with zeros to WIDTH; "\$" and "$$" become "$". A value
/// below zero is an error, unlike in BIND, which writes it as it comes. The error is a phrase.
std::expected<void, std::string> expand_generate(std::string_view text, std::uint32_t value, std::string& out);

}  // namespace placard::zones
