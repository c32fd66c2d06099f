// A name in lower case with a hash of each of its suffixes, all made in one pass: what the answer path probes its
// tables with (policy, own zones, answers), so that no table hashes the name again.
//
// The hash of a suffix depends on the seed and on its own labels only, and is built from the right, label by label:
//   h(root) = seed
//   h(label.rest) = for each word of eight octets of (length octet, label, zeros): h = fold((h ^ word) * kMultiplier)
// with fold() the exclusive or of the two halves of the 128-bit product. A table kept in a file
// (policy/match/image.hpp) relies on this definition. Where strangers choose the names, the seed is secret and random:
// the hash is not fit for cryptography, and collisions cost time only, for every table compares names.
#pragma once

#include <array>
#include <cstdint>

#include "zones/wire/name.hpp"

namespace placard::wire {

/// Of one name alone, the same as HashedName's hash of the whole.
std::uint64_t suffix_hash(NameView name, std::uint64_t seed);

class HashedName {
 public:
  HashedName(NameView name, std::uint64_t seed) { assign(name, seed); }
  HashedName() { assign({}, 0); }

  std::size_t label_count() const { return label_count_; }  ///< root not counted
  /// The last `labels` labels, in lower case; REQUIRES labels <= label_count().
  NameView suffix(std::size_t labels) const {
    const std::size_t at = offsets_[label_count_ - labels];
    return NameView::from_valid({octets_.data() + at, size_ - at});
  }
  std::uint64_t hash(std::size_t labels) const { return hashes_[labels]; }  ///< of suffix(labels)
  NameView name() const { return NameView::from_valid({octets_.data(), size_}); }
  std::uint64_t hash() const { return hashes_[label_count_]; }

 private:
  friend struct QuickQuestion;
  /// `name` is in lower case in octets_ already, with at least seven zeros behind it.
  void hash_suffixes(std::uint64_t seed);
  void assign(NameView name, std::uint64_t seed);

  // Only what the name needs is set of each: a question is made of these on the stack.
  std::array<std::uint64_t, kMaxLabels + 1> hashes_;              // by number of labels
  alignas(8) std::array<std::uint8_t, kMaxNameSize + 9> octets_;  // zeros behind the name
  std::array<std::uint8_t, kMaxLabels + 1> offsets_;              // of each label, the root's too
  std::uint8_t size_, label_count_;
};

}  // namespace placard::wire
