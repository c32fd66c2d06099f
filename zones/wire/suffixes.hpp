// Every suffix of a name with its hash, made in one pass from the root up, each octet read once.
//
// Label by label: hash(labels 1..n) = XXH3(label n in lower case with its length octet, seeded with
// hash(labels 1..n-1)). Whoever does not know the seed can't make up names that meet in one bucket. What is looked up
// by name on the answer path (policy, own zones, caches) can share one Suffixes when it shares the seed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "zones/wire/name.hpp"

namespace placard::wire {

struct Suffixes {
  /// Fills in the hashes of the suffixes of up to `most_labels` labels.
  Suffixes(NameView name, std::uint64_t seed, std::size_t most_labels = kMaxLabels);

  NameView suffix(std::size_t n) const {  ///< of n labels, in lower case
    return NameView::from_valid({lowered.data() + offset[n], size - std::size_t{offset[n]}});
  }
  NameView whole() const { return suffix(labels); }

  std::array<std::uint8_t, kMaxNameSize> lowered;
  std::array<std::uint8_t, kMaxLabels + 1> offset;  ///< [n]: where the suffix of n labels starts in `lowered`
  std::array<std::uint64_t, kMaxLabels + 1> hash;   ///< [n]: of the suffix of n labels, n <= hashed
  std::size_t size = 0;
  std::size_t labels = 0;  ///< of the whole name
  std::size_t hashed = 0;  ///< the smaller of `labels` and `most_labels`
};

}  // namespace placard::wire
