// What is decided for a view, as a policy zone (RPZ) that other resolvers can follow.
//
// A view has sources in an order, decisions that are newer than others, shadows and times; a policy zone has none of
// that. So each name and prefix that any rule stands at is asked what the view says of it now, and of what is below it,
// and the answers are written down. A name that only lies between two rules is written too where one of them covers it:
// BIND and Unbound hold that a wildcard does not reach below a name that exists (RFC 4592 2.2.1).
// What a zone can't say: that one source's rules on addresses come before another's on names (RPZ has one order of
// triggers inside of a zone; a view for each source, and a zone for each view, keeps the order), "refused" (NXDOMAIN
// stands for it), names too long for the zone, records that no policy may have. These are counted.
//
// The zone follows the index: where the one it was made of and the next can be compared, only names are asked again
// that a changed rule stands at, lies below, or lies above. How the zone is written whole is in policy_zone_whole.cpp.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/match/index.hpp"
#include "zones/zone_listing.hpp"

namespace placard::policy {

using DecisionIds = std::set<std::string, std::less<>>;

struct PolicyZoneRequest {
  wire::Name origin;
  std::uint32_t serial = 0;
  ViewNumber view = 0;
  Time now = 0;
  std::uint32_t ttl = 60;             ///< seconds, of rules that name none
  std::vector<LocalRecord> sinkhole;  ///< what stands for the notice; empty: no data
  /// The decisions whose rules may stand in the zone; those of others are as if they were not. Null: all.
  std::shared_ptr<const DecisionIds> told = {};

  std::vector<SourcePolicy> policies = {};  ///< that the index was put together with

  /// Of `told`, which it holds on to.
  DecisionFilter filter() const {
    if (!told) return {};
    return [told = told](std::string_view decision) { return told->contains(decision); };
  }
};

/// What could not be written as it is, in numbers of names and prefixes.
struct PolicyZoneDoubts {
  std::uint64_t refused = 0;        ///< NXDOMAIN stands for "refused"
  std::uint64_t too_long = 0;       ///< left out: the name does not fit below the origin
  std::uint64_t inexpressible = 0;  ///< left out, whole or in part: RPZ would read something else, or nothing

  bool any() const { return refused + too_long + inexpressible > 0; }
  void add(const PolicyZoneDoubts& more);
  void take_away(const PolicyZoneDoubts& some);
};
/// A line for each number that is not 0.
std::vector<std::string> doubts_about(const PolicyZoneDoubts& doubts);

/// The doubts of each name that has some. Of more than kMost names they are counted, and stay so until the zone is
/// written whole.
class DoubtfulNames {
 public:
  static constexpr std::size_t kMost = 65'536;
  /// Instead of what was said of that key.
  void set(Trigger trigger, wire::Bytes key, const PolicyZoneDoubts& doubts);
  const PolicyZoneDoubts& all() const { return all_; }

 private:
  std::unordered_map<std::uint64_t, PolicyZoneDoubts> of_;  // by hash: they are numbers for the operator, no more
  PolicyZoneDoubts all_;
};

struct WholePolicyZone {
  zones::ZoneListing listing;
  DoubtfulNames doubts;
};
/// Takes time with the rules of the index: one to two seconds for a million.
WholePolicyZone write_policy_zone(const Index& index, const PolicyZoneRequest& request);

/// A policy zone that is kept up to date. Holds on to the index it was made of last, to be compared with the next one:
/// while that one is in force this costs nothing.
class PolicyZone {
 public:
  struct Update {
    std::shared_ptr<const zones::ZoneListing> listing;  ///< `running` where nothing changed
    std::optional<zones::ChangeSet> changes;            ///< from `running`; nothing: there was none, or nothing changed
    bool whole = false;                                 ///< every name was asked
  };
  /// What the zone is now; `running`: what it was up to now, as it is served, or null.
  Update update(std::shared_ptr<const Index> index, PolicyZoneRequest request,
                std::shared_ptr<const zones::ZoneListing> running);
  /// Another index is in force, and update() is not to follow at once: lets go of a base that is not that one's, after
  /// which the zone is written whole.
  void let_go(const Index& in_force);
  const PolicyZoneDoubts& doubts() const { return doubts_.all(); }

 private:
  bool can_be_compared(const Index& index, const PolicyZoneRequest& request) const;
  std::optional<Update> patch(const Index& index, const PolicyZoneRequest& request);

  std::shared_ptr<const Index> index_;  // null: as if it had never been made
  PolicyZoneRequest request_;           // of index_
  std::shared_ptr<const zones::ZoneListing> listing_;
  DoubtfulNames doubts_;
};

}  // namespace placard::policy
