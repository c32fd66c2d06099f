#include "resolver/serve/prefixes.hpp"

#include <algorithm>
#include <array>

namespace placard::serve {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

PrefixTable::Key PrefixTable::key_of(std::span<const std::uint8_t> octets) {
  Key key;
  for (std::size_t i = 0; i < 8; ++i) {
    key.high = key.high << 8U | octets[i];
    key.low = key.low << 8U | octets[i + 8];
  }
  return key;
}

PrefixTable::Key PrefixTable::masked(Key key, std::uint8_t length) {
  if (length <= 64) {
    key.low = 0;
    key.high = length == 0 ? 0 : key.high & ~std::uint64_t{0} << (64U - length);
  } else {
    key.low &= ~std::uint64_t{0} << (128U - length);
  }
  return key;
}

void PrefixTable::add(const policy::Prefix& prefix, Access access) {
  const auto place = std::ranges::find_if(lengths_, [&](const Length& each) {
    return each.length < prefix.length || (each.length == prefix.length && each.ipv4 == prefix.ipv4);
  });
  const bool known = place != lengths_.end() && place->length == prefix.length;
  auto& entries = known ? place->entries : lengths_.insert(place, {prefix.length, prefix.ipv4, {}})->entries;
  const Key key = key_of(prefix.address);
  const auto at = std::ranges::lower_bound(entries, key, {}, &Entry::key);
  if (at != entries.end() && at->key == key)
    at->access = std::max(at->access, access);
  else
    entries.insert(at, {key, access});
}

Access PrefixTable::find(const net::Address& address) const {
  if (lengths_.empty()) return Access::none;
  std::array<std::uint8_t, 16> octets = address.octets;
  if (!address.v6) {
    std::ranges::copy(kMapped, octets.begin());
    std::copy_n(address.octets.begin(), 4, octets.begin() + 12);
  }
  const bool ipv4 = !address.v6 || std::equal(kMapped.begin(), kMapped.end(), octets.begin());
  const Key key = key_of(octets);
  for (const Length& each : lengths_) {
    if (each.ipv4 != ipv4) continue;
    const Key wanted = masked(key, each.length);
    const auto at = std::ranges::lower_bound(each.entries, wanted, {}, &Entry::key);
    if (at != each.entries.end() && at->key == wanted) return at->access;
  }
  return Access::none;
}

}  // namespace placard::serve
