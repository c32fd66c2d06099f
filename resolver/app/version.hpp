// The version, and when it was built.
#pragma once

#include <string>

#include "policy/record/time.hpp"

namespace placard::app {

inline constexpr const char* kVersion = "0.1.0";
inline std::string version_text() {
  return std::string("placard ") + kVersion;
}

/// The day of the build (SOURCE_DATE_EPOCH where that is set), its first second: no right clock is earlier.
policy::Time build_time();

}  // namespace placard::app
