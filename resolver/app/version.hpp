// The version, and what it was built with.
#pragma once

#include <string>

namespace placard::app {

inline constexpr const char* kVersion = "0.1.0";
inline std::string version_text() {
  return std::string("placard ") + kVersion;
}

}  // namespace placard::app
