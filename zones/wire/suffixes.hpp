// Every suffix of a name with its hash, made in one pass from the root up, each octet read once.
//
// Label by label: hash(labels 1..n) = XXH3(label n in lower case with its length octet, seeded with
// hash(labels 1..n-1)). Whoever does not know the seed can't make up names that meet in one bucket. A table kept in a
// file (policy/match/image.hpp) relies on this definition.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "zones/wire/name.hpp"

namespace placard::wire {

/// What NameView::hash gives, faster. REQUIRES: `name` is in lower case.
std::uint64_t hash_lowered(NameView name, std::uint64_t seed = 0);

struct Suffixes {
  /// Nothing is set yet. On the stack: about 1.5 kilooctets, of which only what the name needs is ever touched.
  Suffixes() {}  // NOLINT(modernize-use-equals-default): `= default` would let `Suffixes{}` clear it all
  /// Fills in the hashes of the suffixes of up to `most_labels` labels.
  Suffixes(NameView name, std::uint64_t seed, std::size_t most_labels = kMaxLabels);

  NameView suffix(std::size_t n) const {  ///< of n labels, in lower case
    const std::size_t at = start[labels - n];
    return NameView::from_valid({lowered.data() + at, size - at});
  }
  NameView whole() const { return NameView::from_valid({lowered.data(), size}); }
  /// Of `lowered`, as the constructor does. REQUIRES: all but the hashes is set.
  void make_hashes(std::uint64_t seed, std::size_t most_labels);

  std::array<std::uint64_t, kMaxLabels + 1> hash;      ///< [n]: of the suffix of n labels, n <= hashed
  std::array<std::uint8_t, kMaxNameSize + 1> lowered;  ///< the name
  std::array<std::uint8_t, kMaxLabels + 1> start;      ///< of each label from the left, the root's too
  std::size_t size;
  std::size_t labels;  ///< of the whole name
  std::size_t hashed;  ///< the smaller of `labels` and `most_labels`
};

}  // namespace placard::wire
