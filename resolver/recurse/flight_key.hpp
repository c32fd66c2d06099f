// What makes two questions one piece of work, and how such work is found.
//
// Strangers choose the names. The hash has a seed that they don't know: else they could choose names that all meet in
// one place of the table, where each look-up would then pass by thousands.
#pragma once

#include <cstddef>
#include <cstdint>

#include "zones/wire/name.hpp"
#include "zones/wire/types.hpp"

namespace placard::recurse {

struct Trace;

struct FlightKey {
  wire::Name name;
  wire::RecordType type = wire::RecordType::a;
  bool checking_disabled = false;
  const Trace* trace = nullptr;  ///< a traced resolution does all of its work itself
  friend bool operator==(const FlightKey&, const FlightKey&) = default;
};
struct FlightKeyHash {
  std::uint64_t seed;
  std::size_t operator()(const FlightKey& key) const {
    return key.name.view().hash(
        seed ^ (static_cast<std::uint64_t>(key.type) << 1U | static_cast<std::uint64_t>(key.checking_disabled)));
  }
};

}  // namespace placard::recurse
