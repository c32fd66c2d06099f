// Time as text: RFC 3339 in and out, and lengths of time as people write them.
#include "policy/record/time.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <optional>

namespace placard::policy {
namespace {

// What four digits of a year can say: 0001-01-01 to 9999-12-31.
constexpr Time kFirst = -62135596800;
constexpr Time kLast = 253402300799;
constexpr std::int64_t kLongest = std::int64_t{1000} * 365 * 86400;  // of a length of time; no sum of two overflows

/// Exactly `count` digits at the front of `text`, taken off it.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (char digit : text.substr(0, count)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// "12:30:00" and an optional fraction, which is cut off: the record counts whole seconds.
std::optional<std::int64_t> take_time_of_day(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 60) return std::nullopt;
  if (take(text, ".")) {
    if (!take_digits(text, 1)) return std::nullopt;
    while (take_digits(text, 1)) continue;
  }
  return *hour * 3600 + *minute * 60 + (*second == 60 ? 59 : *second);  // a leap second shares the one before it
}

/// "Z" or "+12:00", as seconds to take from the local time.
std::optional<std::int64_t> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return 0;
  const bool west = text.starts_with('-');
  if (!take(text, "+-")) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  const std::int64_t offset = *hour * 3600 + *minute * 60;
  return west ? -offset : offset;
}

}  // namespace

std::string to_text(Time time) {
  if (time == kNever) return "never";
  if (time < kFirst || time > kLast) return fmt::format("@{}", time);
  const std::chrono::sys_seconds point{std::chrono::seconds{time}};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{day};
  const auto second_of_day = (point - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), second_of_day / 3600,
                     second_of_day / 60 % 60, second_of_day % 60);
}

std::expected<Time, std::string> time_from_text(std::string_view text) {
  const auto wrong = [whole = text](std::string_view why) {
    return std::unexpected(
        fmt::format("'{}' is not a time: {} (write 2022-09-03 or 2022-09-03T12:30:00Z)", whole.substr(0, 40), why));
  };
  const auto year = take_digits(text, 4);
  if (!year || !take(text, "-")) return wrong("it starts with no year of four digits");
  const auto month = take_digits(text, 2);
  if (!month || !take(text, "-")) return wrong("the month is missing");
  const auto day = take_digits(text, 2);
  if (!day) return wrong("the day is missing");
  const auto date = std::chrono::year{*year} / *month / *day;
  if (!date.ok() || *year == 0) return wrong("the calendar has no such day");
  Time time = std::chrono::sys_seconds{std::chrono::sys_days{date}}.time_since_epoch().count();
  if (text.empty()) return time;
  if (!take(text, "Tt ")) return wrong("something else follows the date");
  const auto time_of_day = take_time_of_day(text);
  if (!time_of_day) return wrong("the time of day must be HH:MM:SS");
  const auto offset = take_offset(text);
  if (!offset) return wrong("the offset from UTC is missing; end it with Z or +12:00");
  if (!text.empty()) return wrong("something follows the offset");
  time += *time_of_day - *offset;
  if (time < kFirst || time > kLast) return wrong("its year is out of range");
  return time;
}

std::expected<std::int64_t, std::string> duration_from_text(std::string_view text) {
  struct Unit {
    std::string_view word;
    std::int64_t seconds;
  };
  static constexpr std::array<Unit, 17> kUnits = {{{"s", 1},
                                                   {"second", 1},
                                                   {"seconds", 1},
                                                   {"m", 60},
                                                   {"min", 60},
                                                   {"minute", 60},
                                                   {"minutes", 60},
                                                   {"h", 3600},
                                                   {"hour", 3600},
                                                   {"hours", 3600},
                                                   {"d", 86400},
                                                   {"day", 86400},
                                                   {"days", 86400},
                                                   {"w", 604800},
                                                   {"week", 604800},
                                                   {"weeks", 604800},
                                                   {"sec", 1}}};
  const auto wrong = [whole = text](std::string_view why) {
    return std::unexpected(fmt::format("'{}' is not a length of time: {} (write \"30 days\", \"12h\", \"90m\")",
                                       whole.substr(0, 40), why));
  };
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc::result_out_of_range) return wrong("the number is too large");
  if (error != std::errc{}) return wrong("it starts with no number");
  if (count < 1) return wrong("it must be at least one");
  auto word = text.substr(static_cast<std::size_t>(rest - text.data()));
  while (word.starts_with(' ')) word.remove_prefix(1);
  for (const auto& unit : kUnits) {
    if (unit.word != word) continue;
    if (count > kLongest / unit.seconds) return wrong("it is longer than a thousand years");
    return count * unit.seconds;
  }
  return wrong(word.empty() ? "the unit is missing" : "the unit is unknown");
}

}  // namespace placard::policy
