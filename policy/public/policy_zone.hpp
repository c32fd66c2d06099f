// What is decided for a view, as a policy zone (RPZ) that other resolvers can follow.
//
// A view has sources in an order, decisions that are newer than others, shadows and times; a policy zone has none of
// that. So each name and prefix that any rule stands at is asked what the view says of it now, and of what is below it,
// and the answers are written down. A name that only lies between two rules is written too where one of them covers it:
// BIND and Unbound hold that a wildcard does not reach below a name that exists (RFC 4592 2.2.1).
// What a zone can't say: that one source's rules on addresses come before another's on names (RPZ has one order of
// triggers inside of a zone; a view for each source, and a zone for each view, keeps the order), "refused" (NXDOMAIN
// stands for it), names too long for the zone, records that no policy may have. These are counted.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/match/index.hpp"
#include "zones/zone.hpp"

namespace placard::policy {

struct PolicyZoneRequest {
  wire::Name origin;
  std::uint32_t serial = 0;
  ViewNumber view = 0;
  Time now = 0;
  std::uint32_t ttl = 60;             ///< seconds, of rules that name none
  std::vector<LocalRecord> sinkhole;  ///< what stands for the notice; empty: no data
  /// Of a decision's id: whether its rules may stand in the zone. Those of others are as if they were not. Empty: all.
  std::function<bool(std::string_view)> may_be_told;
};

struct PolicyZone {
  zones::Zone zone;
  std::uint64_t owners = 0;         ///< names that carry a rule
  std::uint64_t refused = 0;        ///< of these, NXDOMAIN for "refused"
  std::uint64_t too_long = 0;       ///< left out: the name does not fit below the origin
  std::uint64_t inexpressible = 0;  ///< left out, whole or in part: RPZ would read something else, or nothing
};

/// Takes time with the rules of the index. The error is a phrase.
std::expected<PolicyZone, std::string> write_policy_zone(const Index& index, const PolicyZoneRequest& request);

/// A line for each number above that is not 0 and not `owners`.
std::vector<std::string> doubts_about(const PolicyZone& zone);

}  // namespace placard::policy
