// Catalog zones (RFC 9432, version 2): lists of zones that travel as zones.
//
// read_catalog() says which members a catalog names; a catalog that breaks the standard's rules is refused whole, so
// that a mistake in it never takes zones away. write_catalog() makes one.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "zones/zone.hpp"

namespace placard::zones {

struct CatalogMember {
  wire::Name name;
  wire::Name label;  ///< the member node's first label: another one means that all state is begun anew
  std::vector<std::string> groups;
  std::optional<wire::Name> moves_to;  ///< "coo": the catalog that may take this member over
};

/// Members in the order of their nodes. The error is a phrase.
std::expected<std::vector<CatalogMember>, std::string> read_catalog(const Zone& zone);

/// A member's label, as write_catalog makes it: the same for the same name, always.
std::string catalog_label(wire::NameView member);

struct CatalogEntry {
  wire::Name name;
  std::string group;  ///< empty: none
  friend bool operator==(const CatalogEntry&, const CatalogEntry&) = default;
};
Zone write_catalog(wire::NameView origin, std::uint32_t serial, const std::vector<CatalogEntry>& members);

}  // namespace placard::zones
