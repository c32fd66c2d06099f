// How often something may happen for each of many keys, in memory that never grows.
//
// The generic cell rate algorithm (ITU-T I.371): of each key only the time is kept at which its bucket would be full
// again. Eight entries share a cache line and a bucket; where all are taken, the one that is closest to full makes
// place, so that who is over the limit stays known. One owner, no lock, no allocation after construction.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "resolver/net/alarm.hpp"

namespace placard::serve {

class RateTable {
 public:
  RateTable(std::size_t entries, std::uint64_t seed);

  /// Whether one more of `key` is within `per_second`, with as many at once after a second's rest. Counts it if so.
  /// `now` on any monotonic clock. REQUIRES per_second > 0.
  bool take(std::uint64_t key, net::Milliseconds now, std::uint32_t per_second);
  std::size_t memory() const { return buckets_.size() * sizeof(Bucket); }

 private:
  struct Entry {
    std::uint32_t tag = 0;
    std::uint32_t full_at = 0;  // microseconds, wrapping; more than a burst ahead means long ago
  };
  static constexpr std::size_t kWays = 8;
  struct alignas(64) Bucket {
    std::array<Entry, kWays> entries;
  };
  std::vector<Bucket> buckets_;  // a power of two
  std::uint64_t seed_;
};

}  // namespace placard::serve
