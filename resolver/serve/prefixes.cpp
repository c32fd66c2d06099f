#include "resolver/serve/prefixes.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace placard::serve {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2

net::Address unmapped(const net::Address& address) {
  if (!address.v6 || !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.octets.begin())) return address;
  return net::Address::from_bytes(address.bytes().subspan(kMappedPrefix.size()));
}

/// The address with every bit behind `length` cleared.
net::Address masked(net::Address address, std::uint8_t length) {
  for (std::size_t i = 0; i < address.octets.size(); ++i) {
    const std::size_t first_bit = i * 8;
    if (first_bit >= length)
      address.octets[i] = 0;
    else if (first_bit + 8 > length)
      address.octets[i] &= static_cast<std::uint8_t>(0xff00U >> (length - first_bit));
  }
  return address;
}

}  // namespace

std::expected<Prefix, std::string> Prefix::from_text(std::string_view text) {
  const auto slash = text.find('/');
  auto address = net::Address::from_text(text.substr(0, slash));
  if (!address) return std::unexpected(fmt::format("\"{}\": {}", text, address.error()));
  const unsigned bits = address->v6 ? 128 : 32;
  unsigned length = bits;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc() || end != digits.data() + digits.size() || length > bits)
      return std::unexpected(fmt::format("\"{}\": the length behind / must be 0 to {}", text, bits));
  }
  const auto meant = masked(*address, static_cast<std::uint8_t>(length));
  if (meant != *address)
    return std::unexpected(
        fmt::format("\"{}\" has bits behind its length; the prefix is {}/{}", text, meant.to_text(), length));
  return Prefix{*address, static_cast<std::uint8_t>(length)};
}

bool Prefix::contains(const net::Address& other) const {
  const auto candidate = unmapped(other);
  return candidate.v6 == address.v6 && masked(candidate, length) == address;
}

bool PrefixSet::contains(const net::Address& address) const {
  return std::any_of(prefixes_.begin(), prefixes_.end(),
                     [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace placard::serve
