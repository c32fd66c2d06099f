// Points in time of the record: whole seconds since 1970-01-01 00:00 UTC, as SQLite and the index hold them.
//
// `now` is always a parameter: nothing in policy/ reads a clock. Text is RFC 3339 in UTC, such as
// "2022-09-03T00:00:00Z"; a date alone means its first second.
#pragma once

#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <string_view>

namespace placard::policy {

using Time = std::int64_t;  ///< seconds since the epoch, UTC

inline constexpr Time kNever = std::numeric_limits<Time>::max();  ///< an open end

/// "2022-09-03T12:30:00Z"; "never" for kNever.
std::string to_text(Time time);
/// RFC 3339 date-time with Z or an offset, or a date alone (its first second in UTC).
std::expected<Time, std::string> time_from_text(std::string_view text);
/// A length of time: "30 days", "30d", "12h", "90m", "45s", "2 weeks"; in seconds, at least 1.
std::expected<std::int64_t, std::string> duration_from_text(std::string_view text);

}  // namespace placard::policy
