// What the start looks at before it believes the clock and the record: both may have changed while nothing ran.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "policy/record/store.hpp"
#include "resolver/app/version.hpp"

namespace placard::app {

/// What every store is opened with.
inline policy::ClockBounds clock_bounds(bool clock_is_right = false) {
  return {build_time(), clock_is_right};
}

/// Entries up to which the whole log is verified; more would make a start slow.
inline constexpr std::int64_t kVerifiedEntries = 100'000;

/// One line for the operator when `now` cannot be right, or hardly (policy/record/store_clock.cpp), with the number of
/// decisions that it makes count as ended. Throws policy::StoreError.
std::optional<std::string> clock_doubts(policy::Store& store, policy::Time now);

/// Of the record: all of it; or without the rows of lists, of which there may be millions, and which a start leaves to
/// the background.
enum class RecordCheck : std::uint8_t { whole, without_lists };

/// The log's chain, and that the tables say what it says. The value: a note when it is too long for that; the error
/// names the first entry that is wrong. `look_up` as Store::verify_log.
std::expected<std::optional<std::string>, std::string> check_record(policy::Store& store, RecordCheck what,
                                                                    const std::function<void()>& look_up = {});

}  // namespace placard::app
