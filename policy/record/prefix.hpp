// Address prefixes: what views hold of clients, and what the address triggers of rules are about.
//
// Addresses are kept as 16 octets with IPv4 in its mapped place (::ffff:0:0/96, RFC 4291 2.5.5.2), so that an address
// that arrives over a dual-stack socket is the same address; the two families never match each other's prefixes.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace placard::policy {

using MappedAddress = std::array<std::uint8_t, 16>;

/// Of 4 or 16 octets; nothing for any other number.
std::optional<MappedAddress> mapped_address(std::span<const std::uint8_t> octets);
bool is_mapped_ipv4(const MappedAddress& address);
/// The first `length` bits of it, zeros behind.
MappedAddress masked_address(MappedAddress address, std::size_t length);

/// An address prefix, host bits zero.
struct Prefix {
  MappedAddress address{};  ///< IPv4 as ::ffff:a.b.c.d
  std::uint8_t length = 0;  ///< 0 to 128; of an IPv4 prefix 96 more than it is written
  bool ipv4 = false;

  bool contains(std::span<const std::uint8_t> client) const;  ///< 4 or 16 octets
  std::string to_text() const;                                ///< "192.0.2.0/24", "2001:db8::/32"
  std::uint8_t written_length() const { return static_cast<std::uint8_t>(ipv4 ? length - 96 : length); }
  friend bool operator==(const Prefix&, const Prefix&) = default;
};

/// "192.0.2.0/24", "2001:db8::/32", or an address alone (/32, /128). Refused with a reason: no address, a length out of
/// range, octets set behind the prefix (the error names the prefix that may have been meant), mapped IPv4 only in part.
std::expected<Prefix, std::string> prefix_from_text(std::string_view text);

}  // namespace placard::policy
