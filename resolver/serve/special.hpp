// Special-use names: answered here, never asked upstream (RFC 6761, 6303, 7686, 8375, 8880, 9462, 9476).
//
// One table says what each is. A name that the operator forwards, serves or exempts is ordinary: the caller decides
// that.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "resolver/serve/question.hpp"

namespace placard::serve {

enum class SpecialKind : std::uint8_t {
  loopback,      ///< localhost: A and AAAA are the loopback addresses (RFC 6761 6.3)
  pointer,       ///< a loopback address's reverse name: PTR is localhost (RFC 1912 4.1)
  no_such_name,  ///< NXDOMAIN, with an SOA of the special name
  empty,         ///< the name exists and has nothing: NODATA (resolver.arpa without a designated resolver, RFC 9462)
};

struct SpecialName {
  wire::NameView zone;  ///< the name whose subtree is special
  SpecialKind kind;
};

/// The special-use name that is or holds `name`; nothing for ordinary names.
std::optional<SpecialName> find_special(wire::NameView name);

/// The answer; size in `reply`.
std::size_t render_special(const SpecialName& special, const ClientQuestion& question, std::span<std::uint8_t> reply);

/// version.bind, id.server and their like (RFC 4892): `identity` for id.server, nothing for the rest. REQUIRES class
/// CH.
std::size_t render_chaos(const ClientQuestion& question, const std::string& identity, std::span<std::uint8_t> reply);

}  // namespace placard::serve
