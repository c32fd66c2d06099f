#include "zones/wire/hashed_name.hpp"

#include <cstring>

#include "zones/wire/letters.hpp"

namespace placard::wire {
namespace {

constexpr std::uint64_t kMultiplier = 0x9fb21c651e98df25U;  // odd, its bits well mixed

std::uint64_t fold(std::uint64_t value) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(value) * kMultiplier;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// One more label in front. `label` starts with its length octet, in lower case, and is followed by at least seven
/// octets that may be read.
std::uint64_t add_label(std::uint64_t hash, const std::uint8_t* label) {
  std::size_t left = *label + 1U;
  for (; left > 8; left -= 8, label += 8) hash = fold(hash ^ load8(label));
  return fold(hash ^ (load8(label) & (~std::uint64_t{0} >> (64 - 8 * left))));
}

}  // namespace

void HashedName::hash_suffixes(std::uint64_t seed) {
  hashes_[0] = seed;
  for (std::size_t labels = 1; labels <= label_count_; ++labels)
    hashes_[labels] = add_label(hashes_[labels - 1], octets_.data() + offsets_[label_count_ - labels]);
}

void HashedName::assign(NameView name, std::uint64_t seed) {
  const Bytes bytes = name.bytes();
  size_ = static_cast<std::uint8_t>(bytes.size());
  lower_copy(bytes.data(), bytes.size(), octets_.data());
  std::memset(octets_.data() + bytes.size(), 0, 8);
  std::size_t labels = 0, at = 0;
  for (; octets_[at] != 0; at += octets_[at] + 1U) offsets_[labels++] = static_cast<std::uint8_t>(at);
  offsets_[labels] = static_cast<std::uint8_t>(at);
  label_count_ = static_cast<std::uint8_t>(labels);
  hash_suffixes(seed);
}

std::uint64_t suffix_hash(NameView name, std::uint64_t seed) {
  return HashedName(name, seed).hash();
}

}  // namespace placard::wire
