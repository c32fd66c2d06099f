// A policy zone (RPZ) out of records that are no zone: one rule too many at a name is left out and told, and the rest
// holds, where other zones would be refused whole.
//
// Of a CNAME and what may not stand beside it, the first to come stays, as when a list is read from a file. NS at the
// apex mean nothing there; where they are missing, "NS ." stands in.
#pragma once

#include <expected>
#include <string>

#include "zones/record_list.hpp"
#include "zones/zone.hpp"

namespace placard::transfer {

struct PolicyRecords {
  zones::Zone zone;
  std::size_t left_out = 0;   ///< records
  std::string first_problem;  ///< of them; a phrase
};

/// Takes some hundred octets a name while it works. The error is a phrase: no SOA at the apex, or too much.
std::expected<PolicyRecords, std::string> build_policy_zone(wire::NameView origin, const zones::RecordList& records);

}  // namespace placard::transfer
