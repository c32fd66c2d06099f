// Entries of a cache file: whatever octets stand there, what is taken is sound, and written again reads the same.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "resolver/recurse/cache_file.hpp"

using namespace placard;
using namespace placard::recurse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t kNow = 1'800'000'000;
  wire::Bytes rest(data, size);
  CacheLimits limits;
  limits.memory = 1U << 20U;
  Cache cache(limits);
  while (!rest.empty()) {
    const auto cached = take_cached(rest);
    if (!cached) break;
    std::vector<std::uint8_t> octets;
    put_cached(octets, *cached);
    wire::Bytes written(octets);
    const auto again = take_cached(written);
    assert(again && written.empty());
    assert(again->name == cached->name && again->type == cached->type);
    assert(again->entry->set.rdatas == cached->entry->set.rdatas);
    if (!is_plausible(*cached, kNow, 86'400)) continue;
    cache.restore(*cached, kNow);
    cache.find(cached->name, cached->type, kNow);
    cache.find_delegation(cached->name, kNow);
  }
  // The same octets as a whole file.
  std::size_t at = 0;
  (void)read_cache_blocks(
      [&](std::span<std::uint8_t> into) {
        if (into.size() > size - at) return false;
        std::copy(data + at, data + at + into.size(), into.begin());
        at += into.size();
        return true;
      },
      [](wire::Bytes) {});
  return 0;
}
