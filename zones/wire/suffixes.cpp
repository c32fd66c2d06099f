#include "zones/wire/suffixes.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "zones/wire/letters.hpp"

namespace placard::wire {

std::uint64_t hash_lowered(NameView name, std::uint64_t seed) {
  return XXH3_64bits_withSeed(name.bytes().data(), name.size(), seed);
}

Suffixes::Suffixes(NameView name, std::uint64_t seed, std::size_t most_labels) : size(name.size()), labels(0) {
  lower_copy(name.bytes().data(), size, lowered.data());
  std::size_t at = 0;
  for (; lowered[at] != 0; at += lowered[at] + 1U) start[labels++] = static_cast<std::uint8_t>(at);
  start[labels] = static_cast<std::uint8_t>(at);
  make_hashes(seed, most_labels);
}

void Suffixes::make_hashes(std::uint64_t seed, std::size_t most_labels) {
  hashed = std::min(labels, most_labels);
  hash[0] = seed;
  for (std::size_t n = 1; n <= hashed; ++n) {
    const std::uint8_t* label = &lowered[start[labels - n]];
    hash[n] = XXH3_64bits_withSeed(label, *label + 1U, hash[n - 1]);
  }
}

}  // namespace placard::wire
