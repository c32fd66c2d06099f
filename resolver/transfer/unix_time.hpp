// The wall clock as TSIG counts it (RFC 8945 4.2): seconds since 1970.
#pragma once

#include <cstdint>
#include <ctime>

namespace placard::transfer {

inline std::uint64_t unix_time() {
  return static_cast<std::uint64_t>(std::time(nullptr));
}

}  // namespace placard::transfer
