// What tests of the cache have in common: a moment, and a type.
#pragma once

#include <cstdint>

#include "zones/wire/types.hpp"

namespace placard::recurse {

inline constexpr std::int64_t kNow = 1'800'000'000;
inline constexpr auto kA = wire::RecordType::a;

}  // namespace placard::recurse
