// Which times the store believes. Nothing here reads a clock: `now` is what the caller's says.
//
// A record made while the clock is wrong can't be taken back: with a time far ahead it would make all that is recorded
// count as expired, and close the log until that day comes. So a write is refused when the clock contradicts the log
// or shows a time that lies too far from everything that is known.
#include <fmt/format.h>

#include <algorithm>

#include "policy/record/sqlite.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

Time Store::check_clock(Time now) {
  const auto last = last_recorded_at();
  if (now < last - kClockTolerance) {
    throw StoreError(StoreError::Kind::clock,
                     fmt::format("the clock says {}, but the last entry of the log is from {}: nothing was recorded; "
                                 "set the clock right and try again{}",
                                 to_text(now), to_text(last),
                                 clock_floor(now) < last ? " (if the clock is right, the entry is not: "
                                                           "restore a backup from before it)"
                                                         : ""));
  }
  check_plausible(now);
  return std::max(now, last);
}

void Store::check_plausible(Time now) {
  if (bounds_.not_before == 0 || bounds_.clock_is_right) return;
  if (now < bounds_.not_before) {
    throw StoreError(StoreError::Kind::clock,
                     fmt::format("the clock says {}, but this program was made on {}: nothing was recorded; set the "
                                 "clock right and try again",
                                 to_text(now), to_text(bounds_.not_before)));
  }
  const auto last = last_recorded_at();
  if (now - kClockReach > std::max(bounds_.not_before, last)) {
    throw StoreError(
        StoreError::Kind::clock,
        fmt::format(
            "the clock says {}, more than a year after {} and after this program was made ({}): nothing was "
            "recorded; set the clock right, or say that it is right, and try again",
            to_text(now),
            last == 0 ? std::string("anything known") : fmt::format("the last entry of the log ({})", to_text(last)),
            to_text(bounds_.not_before)));
  }
}

Time Store::clock_floor(Time now) {
  const auto last = last_recorded_at();
  // A clock before the program's making is wrong for certain; against it even a doubtful entry is the better witness.
  const bool doubtful =
      bounds_.not_before != 0 && now >= bounds_.not_before && last - kClockReach > std::max(now, bounds_.not_before);
  return doubtful ? bounds_.not_before : last;
}

std::optional<std::string> Store::clock_warning(Time now) {
  const auto last = last_recorded_at();
  if (clock_floor(now) < last) {
    return fmt::format(
        "the last entry of the log is from {}, but the clock says {}: a wrong clock must have written it; the policy "
        "is "
        "judged by {}, and nothing can be recorded: restore a backup from before that entry",
        to_text(last), to_text(now), to_text(effective_now(now)));
  }
  if (now < last - kClockTolerance) {
    return fmt::format(
        "the clock says {}, but the last entry of the log is from {}: the policy is judged by that time; "
        "set the clock right",
        to_text(now), to_text(last));
  }
  try {
    check_plausible(now);
  } catch (const StoreError& error) {
    return error.what();
  }
  return std::nullopt;
}

}  // namespace placard::policy
