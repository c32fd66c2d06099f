#include "resolver/serve/rate_table.hpp"

#include <algorithm>
#include <bit>

namespace placard::serve {
namespace {

constexpr std::uint32_t kSecond = 1'000'000;  // microseconds; also the burst

}  // namespace

RateTable::RateTable(std::size_t entries, std::uint64_t seed)
    : buckets_(std::bit_ceil(std::max<std::size_t>(entries / kWays, 1))), seed_(seed) {}

bool RateTable::take(std::uint64_t key, net::Milliseconds now, std::uint32_t per_second) {
  std::uint64_t hash = (key ^ seed_) * 0x9e3779b97f4a7c15U;
  hash = (hash ^ hash >> 32U) * 0xbf58476d1ce4e5b9U;
  auto& entries = buckets_[(hash >> 32U) & (buckets_.size() - 1)].entries;
  const auto tag = static_cast<std::uint32_t>(hash) | 1U;  // an entry never used has 0
  const auto time = static_cast<std::uint32_t>(now * 1'000);
  const std::uint32_t step = kSecond / per_second;
  // How far ahead of now its bucket is full again; what lies further ahead than can be is an old entry, full by now.
  const auto ahead = [&](const Entry& entry) {
    const std::uint32_t distance = entry.full_at - time;
    return distance <= kSecond ? distance : 0;
  };
  Entry* entry = &entries.front();
  for (Entry& each : entries) {
    if (each.tag == tag) {
      entry = &each;
      break;
    }
    if (ahead(each) < ahead(*entry)) entry = &each;
  }
  if (entry->tag != tag) *entry = {tag, time};
  const std::uint32_t distance = ahead(*entry);
  if (distance + step > kSecond) return false;
  entry->full_at = time + distance + step;
  return true;
}

}  // namespace placard::serve
