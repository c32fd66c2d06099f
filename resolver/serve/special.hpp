// Special-use names: answered here, never asked upstream (RFC 6761, 6303, 7686, 7793, 8375, 8880, 9462, 9476, 9606).
//
// One table says what each is. A name that the operator forwards, serves or exempts is ordinary: the caller decides
// that.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "resolver/serve/dns64.hpp"
#include "resolver/serve/question.hpp"

namespace placard::serve {

enum class SpecialKind : std::uint8_t {
  loopback,          ///< localhost: A and AAAA are the loopback addresses (RFC 6761 6.3)
  pointer,           ///< a loopback address's reverse name: PTR is localhost (RFC 1912 4.1)
  no_such_name,      ///< NXDOMAIN, with an SOA of the special name
  empty,             ///< the name exists and has nothing
  resolver,          ///< the same (no designated resolver, RFC 9462), but RESINFO at its apex (RFC 9606)
  ipv4only,          ///< ipv4only.arpa: the well-known A, and AAAA where DNS64 makes them (RFC 8880 7.1)
  ipv4only_reverse,  ///< of one of its addresses: PTR is ipv4only.arpa (RFC 8880 7.2)
};

struct SpecialName {
  wire::NameView zone;  ///< the name whose subtree is special
  SpecialKind kind;
};

/// What answers for special names depend on.
struct SpecialFacts {
  const Dns64* dns64 = nullptr;  ///< null: none for this client
  wire::Bytes resolver_info;     ///< rdata of RESINFO; empty: none
};

/// False for nearly all names: no special name has their top-level label. `name` in lower case.
bool may_be_special(wire::NameView name);
/// The special-use name that is or holds `name`, the longest one; nothing for ordinary names.
std::optional<SpecialName> find_special(wire::NameView name);

/// The answer; size in `reply`.
std::size_t render_special(const SpecialName& special, const ClientQuestion& question, const SpecialFacts& facts,
                           std::span<std::uint8_t> reply);

/// id.server and hostname.bind get `identity`, version.server and version.bind `version` (RFC 4892), where they are not
/// empty; all else is refused. REQUIRES class CH.
std::size_t render_chaos(const ClientQuestion& question, std::string_view identity, std::string_view version,
                         std::span<std::uint8_t> reply);

}  // namespace placard::serve
