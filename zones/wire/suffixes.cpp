#include "zones/wire/suffixes.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace placard::wire {

Suffixes::Suffixes(NameView name, std::uint64_t seed, std::size_t most_labels) : size(name.size()) {
  const auto bytes = name.bytes();
  std::transform(bytes.begin(), bytes.end(), lowered.begin(), lower);
  std::array<std::uint8_t, kMaxLabels + 1> starts;  // from the left
  std::size_t at = 0;
  for (; lowered[at] != 0; at += lowered[at] + 1U) starts[labels++] = static_cast<std::uint8_t>(at);
  hashed = std::min(labels, most_labels);
  offset[0] = static_cast<std::uint8_t>(at);
  hash[0] = seed;
  for (std::size_t n = 1; n <= labels; ++n) {
    offset[n] = starts[labels - n];
    if (n <= hashed) hash[n] = XXH3_64bits_withSeed(&lowered[offset[n]], lowered[offset[n]] + 1U, hash[n - 1]);
  }
}

}  // namespace placard::wire
