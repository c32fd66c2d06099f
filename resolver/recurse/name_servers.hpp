// Who serves a name, as far as that is known without asking anybody: what policy on name servers is held against.
//
// For each zone that holds the name, from the deepest one known up to (not with) the top-level domain: the names that
// the parent's delegation and the zone's own NS set give, with the addresses of the glue and of the cache; and the
// servers that the configuration names for a stub zone, which have no names. Forwarders resolve for us and serve
// nothing, so they are not among them. Never a question, never more than kMaxKnownServers.
#pragma once

#include <vector>

#include "resolver/recurse/resolver.hpp"

namespace placard::recurse {

inline constexpr std::size_t kMaxKnownServers = 64;       ///< of one name, over all of its zones
inline constexpr std::size_t kMaxAddressesOfServer = 16;  ///< of one of them

struct KnownServer {
  wire::Name zone;
  wire::Name name;  ///< the root: a configured server, of which only addresses are known
  std::vector<net::Address> addresses;
};

/// `forwards`: the configured stub zones are among them.
std::vector<KnownServer> known_servers(const Cache& cache, const std::vector<Forward>& forwards, wire::NameView name,
                                       std::int64_t now);

}  // namespace placard::recurse
