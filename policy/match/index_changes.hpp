// Where two indexes, or one at two moments, may answer differently: the keys at which other rules stand, or the same
// rules of decisions whose state is another by now.
//
// Where both have the same base, only the keys of the overlays are compared, and those of decisions in the base that
// began, ended, paused or were disclosed; else every key. What stands at a key is summed up as a number of 64 bits,
// with a seed that is made for the comparison, so that nobody can choose rules that add up to the same. An answer about
// a name depends on the keys at and above it, one about a prefix on those that hold it.
// REQUIRES of all here: both have equal views, and were put together with equal source policies.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "policy/match/index.hpp"

namespace placard::policy {

/// An index as it is asked: at a moment, and of which decisions (by id). Borrowed.
struct IndexStand {
  const Index& index;
  Time now = 0;
  DecisionFilter counts;  ///< the rest is as if it were not there
};

/// Calls visit(key), once or twice for each key where the two differ: a name, or a prefix as prefix_key() writes it.
/// Until it says false: that is enough.
void each_changed_key(const IndexStand& before, const IndexStand& after, const std::function<bool(wire::Bytes)>& visit);

}  // namespace placard::policy
