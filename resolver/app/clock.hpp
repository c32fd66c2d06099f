// The system's wall clock: read here, at the top, and passed down as a value.
#pragma once

#include <ctime>

#include "policy/record/time.hpp"

namespace placard::app {

inline policy::Time system_time() {
  return static_cast<policy::Time>(std::time(nullptr));
}

}  // namespace placard::app
