#include "policy/match/hits.hpp"

#include "policy/record/written_name.hpp"

namespace placard::policy {

namespace {

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t both = (a ^ (b >> 29)) * 0x9E3779B97F4A7C15U + b;
  return (both ^ (both >> 31)) * 0xBF58476D1CE4E5B9U;
}

/// Of one rule in one view: rules of a list share a row, so what tells them apart is where their key stands.
std::uint64_t tag_of(const Match& match, ViewNumber view) {
  auto tag = mixed(std::uint64_t{match.rule} << 16 | std::uint64_t{match.layer} << 8 | view,
                   static_cast<std::uint64_t>(match.decision));
  if (match.prefix) {
    for (const auto octet : match.prefix->address) tag = mixed(tag, octet);
    return mixed(tag, match.prefix->length) | 1;
  }
  return mixed(tag, reinterpret_cast<std::uintptr_t>(match.rule_name.bytes().data())) | 1;
}

}  // namespace

HitTable::HitTable() : slots_(kSlots), told_(kSlots) {}

bool HitTable::add(std::uint64_t tag, const Match& match, ViewNumber view, bool whole) {
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    const auto at = ((tag >> 20) + probe) & (kSlots - 1);
    auto& slot = slots_[at];
    if (slot.tag == tag) {
      ++slot.count;
      return true;
    }
    if (slot.tag != 0) continue;
    slot = {tag, 1};
    told_[at] = {match, view, whole};
    return true;
  }
  return false;
}

void HitTable::add(const Match& match, ViewNumber view) {
  if (add(tag_of(match, view), match, view, false)) return;
  const auto whole = mixed(static_cast<std::uint64_t>(match.decision), std::uint64_t{view} << 1 | match.shadow) | 1;
  if (!add(whole, match, view, true)) ++dropped_;
}

std::vector<Hits> HitTable::take(const Index& index) {
  std::vector<Hits> all;
  for (std::size_t at = 0; at < kSlots; ++at) {
    auto& slot = slots_[at];
    if (slot.tag == 0) continue;
    const auto& [match, view, whole] = told_[at];
    Hits hits;
    hits.decision_id = match.decision_id;
    hits.list = match.list;
    hits.trigger = match.trigger;
    hits.view = index.views()[view].name;
    hits.shadow = match.shadow;
    hits.count = slot.count;
    if (!whole) {
      hits.rule_id = match.rule_id;
      hits.name = match.prefix ? match.prefix->to_text() : stored_name(match.rule_name);
    }
    all.push_back(std::move(hits));
    slot = {};
  }
  return all;
}

}  // namespace placard::policy
