#include "resolver/recurse/zone_share.hpp"

#include <algorithm>
#include <cassert>

namespace placard::recurse {

ZoneShares::Place::Place(ZoneShares& shares, wire::NameView zone) : shares_(shares), key_(zone.hash(shares.seed_)) {
  Zone& here = shares.zones_[key_];
  number_ = ++here.standing;
  good_ = here.answered >= kWhole / 2;
}

bool ZoneShares::Place::granted(std::size_t free, bool silent) {
  counts_ = number_ <= (silent ? kProbes : std::max(free / (good_ ? kGoodShare : kPoorShare), kProbes));
  return counts_;
}

ZoneShares::Place::~Place() {
  constexpr std::uint32_t kWeight = 16;  // the newest counts one of so many parts
  const auto found = shares_.zones_.find(key_);
  assert(found != shares_.zones_.end());
  Zone& here = found->second;
  if (counts_) here.answered = (here.answered * (kWeight - 1) + (answered_ ? kWhole : 0)) / kWeight;
  if (--here.standing == 0) shares_.zones_.erase(found);
}

}  // namespace placard::recurse
