// Protection against DNS rebinding: public names have no private addresses.
//
// A page of evil.example whose name first leads to a public address and then to 192.168.1.1 lets a browser speak with
// the router behind it, under the page's own origin. With a list of private prefixes such addresses are taken out of
// what servers say, before it is believed: A and AAAA records, and HTTPS and SVCB records with such a hint. Names that
// may have them are listed, and those of a configured forward or stub zone below the root may too.
#pragma once

#include <vector>

#include "policy/record/prefix.hpp"
#include "zones/wire/record_set.hpp"

namespace placard::recurse {

/// Fixed while a resolver lives.
struct PrivateAddresses {
  std::vector<policy::Prefix> prefixes;  ///< none: everything passes
  std::vector<wire::Name> allowed;       ///< names at or below these may have such addresses

  bool empty() const { return prefixes.empty(); }
  bool may_have(wire::NameView owner) const;
  /// A record of this type and (uncompressed, any) rdata that leads to a private address.
  bool forbids(wire::RecordType type, wire::Bytes rdata) const;
};

bool any_contains(const std::vector<policy::Prefix>& prefixes, wire::Bytes address);  ///< 4 or 16 octets

}  // namespace placard::recurse
