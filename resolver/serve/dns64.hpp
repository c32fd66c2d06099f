// DNS64 (RFC 6147): IPv6 addresses made of IPv4 ones, for clients behind a translator.
//
// A question for AAAA whose name has none is answered with what its A records become under the translator's prefixes
// (RFC 6052). A question for the PTR of such an address is answered with a CNAME to the IPv4 address's own reverse
// name. Nothing is made for who validates by itself (DO and CD, RFC 6147 5.5), and nothing made is ever authenticated.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "resolver/recurse/resolver.hpp"
#include "resolver/serve/prefixes.hpp"

namespace placard::serve {

/// `[dns64]`.
struct Dns64 {
  std::vector<policy::Prefix> prefixes;  ///< of lengths that RFC 6052 2.2 knows; empty: no DNS64
  PrefixTable clients;                   ///< who gets it
  PrefixTable exclude;                   ///< AAAA that count as none (RFC 6147 5.1.4)
};

/// Whether IPv4 addresses can be embedded under it; the error is a phrase.
std::expected<void, std::string> check_dns64_prefix(const policy::Prefix& prefix);

/// RFC 6052 2.2. REQUIRES a checked prefix.
std::array<std::uint8_t, 16> embed(const policy::Prefix& prefix, std::span<const std::uint8_t, 4> ipv4);

/// The reverse name in in-addr.arpa of the address that `name`, one in ip6.arpa, has embedded; nothing for others.
std::optional<wire::Name> embedded_reverse(const Dns64& dns64, wire::NameView name);

/// Whether the answer to a question for AAAA has none that a client could use, so that A is to be asked for.
bool lacks_addresses(const Dns64& dns64, const recurse::Resolved& aaaa);

/// The answer to give: made of `a`, the answer to the same question for A, where there is something in it; else `aaaa`.
/// REQUIRES lacks_addresses(aaaa).
recurse::Resolved synthesize(const Dns64& dns64, recurse::Resolved aaaa, const recurse::Resolved& a, std::int64_t now);

/// An answer with addresses, without those that count as none.
recurse::Resolved without_excluded(const Dns64& dns64, recurse::Resolved aaaa);

}  // namespace placard::serve
