#include "policy/match/index_changes.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "zones/wire/suffixes.hpp"

namespace placard::policy {
namespace {

constexpr std::size_t kBase = 0, kOverlay = 1;
constexpr std::uint32_t kNoRow = 0xFFFFFFFF;
// Sums of decisions that are none; real ones are made even.
constexpr std::uint64_t kAbsent = 0;   // it does not count
constexpr std::uint64_t kUnknown = 1;  // not made yet
constexpr std::uint64_t kIdle = 2;     // not in force
constexpr int kMostStretches = 4096;   // as in index.cpp

class Sum {
 public:
  explicit Sum(std::uint64_t seed) : value_(seed) {}
  template <class Number>
  Sum& number(Number value) {
    value_ = XXH3_64bits_withSeed(&value, sizeof value, value_);
    return *this;
  }
  Sum& octets(wire::Bytes octets) {
    value_ = XXH3_64bits_withSeed(octets.data(), octets.size(), value_);
    return *this;
  }
  Sum& text(std::string_view text) { return octets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }
  std::uint64_t value() const { return value_ & ~std::uint64_t{1}; }

 private:
  std::uint64_t value_;
};

/// What an index says at each key, summed up.
class Sums {
 public:
  Sums(const IndexStand& stand, std::uint64_t seed) : stand_(stand), seed_(seed) {
    images_[kBase] = stand.index.base()->view();
    if (stand.index.overlay()) {
      images_[kOverlay] = stand.index.overlay()->view();
      layers_ = 2;
      find_restated();
    }
    for (std::size_t layer = 0; layer < layers_; ++layer)
      decisions_[layer].assign(images_[layer].decisions().size(), kUnknown);
    for (std::size_t layer = 0; layer < layers_; ++layer) {
      const auto rows = images_[layer].rules().size();
      rules_[layer].reserve(rows);
      for (std::uint32_t row = 0; row < rows; ++row) rules_[layer].push_back(sum_of_rule(layer, row));
    }
  }

  const std::vector<std::uint64_t>& of_base_rules() const { return rules_[kBase]; }
  std::size_t layers() const { return layers_; }
  const ImageView& image(std::size_t layer) const { return images_[layer]; }

  /// Of all that stands at a key; 0 where nothing does.
  std::uint64_t at(wire::Bytes key) const {
    const auto name = wire::NameView::from_valid(key);
    const std::size_t labels = name.label_count();
    const wire::Suffixes suffixes(name, stand_.index.seed(), labels);
    const std::uint64_t sum = at(key, suffixes.hash[labels]);
    // A prefix looks like the name of one label, and there may be both.
    return key.size() == kPrefixKeySize && labels == 1 ? sum + at(key, prefix_hash(key, stand_.index.seed())) : sum;
  }

 private:
  std::uint64_t at(wire::Bytes key, std::uint64_t hash) const {
    std::optional<KeyEntry> fresh;
    if (layers_ > 1) fresh = images_[kOverlay].find(key, hash);
    return at(images_[kBase].find(key, hash), fresh);
  }

  std::uint64_t at(const std::optional<KeyEntry>& entry, const std::optional<KeyEntry>& fresh) const {
    std::uint64_t sum = 0;
    const auto add = [&](std::size_t layer, std::uint32_t row) {
      const auto* rule = images_[layer].rule(row);
      if (rule == nullptr || (layer == kBase && fresh && is_restated(*rule, *fresh))) return;
      sum += rules_[layer][row];
    };
    if (fresh)
      for (std::size_t i = 0; i < fresh->size(); ++i) add(kOverlay, (*fresh)[i]);
    if (entry)
      for (std::size_t i = 0; i < entry->size(); ++i) add(kBase, (*entry)[i]);
    return sum;
  }

  bool is_restated(const RuleRow& rule, const KeyEntry& fresh) const {
    if (rule.decision >= restated_.size() || restated_[rule.decision] == kNoRow) return false;
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      const auto* other = images_[kOverlay].rule(fresh[i]);
      if (other != nullptr && other->decision == restated_[rule.decision] && other->trigger == rule.trigger &&
          other->match == rule.match)
        return true;
    }
    return false;
  }

  void find_restated() {
    const auto& overlay = images_[kOverlay];
    restated_.assign(images_[kBase].decisions().size(), kNoRow);
    for (std::uint32_t row = 0; row < overlay.decisions().size(); row = behind_chain(overlay, row)) {
      const auto* decision = overlay.decision(row);
      if (decision == nullptr) continue;
      if (const auto base = find_decision(images_[kBase], decision->number, list_of(overlay, *decision)))
        restated_[*base] = row;
    }
  }

  /// Of a decision at the moment; `row`: the first of its chain.
  std::uint64_t sum_of_decision(std::size_t layer, std::uint32_t row) {
    if (row >= decisions_[layer].size()) return kAbsent;
    if (layer == kBase && row < restated_.size() && restated_[row] != kNoRow)
      return sum_of_decision(kOverlay, restated_[row]);
    auto& known = decisions_[layer][row];
    if (known != kUnknown) return known;
    known = kAbsent;
    const auto& image = images_[layer];
    const auto* first = image.decision(row);
    if (first == nullptr || (stand_.counts && !stand_.counts(image.text(first->id, first->id_size)))) return known;
    known = kIdle;
    std::uint32_t at = row;
    for (int stretch = 0; stretch < kMostStretches; ++stretch) {
      const auto* decision = image.decision(at);
      if (decision == nullptr) return known;
      if (decision->valid_from <= stand_.now && stand_.now < decision->valid_to) {
        Sum sum(seed_);
        sum.number(decision->number).number(decision->state).text(list_of(image, *decision));
        return known = sum.value();
      }
      if (decision->next <= at) return known;
      at = decision->next;
    }
    return known;
  }

  /// 0: as if the rule were not there. One that says nothing counts: names between keys with rules are written too.
  std::uint64_t sum_of_rule(std::size_t layer, std::uint32_t row) {
    const auto* rule = images_[layer].rule(row);
    if (rule == nullptr) return 0;
    const auto decision = sum_of_decision(layer, rule->decision);
    if (decision == kAbsent) return 0;
    Sum sum(seed_);
    if (decision == kIdle || rule->action == kRemoved) return sum.number(rule->trigger).value();
    sum.number(decision).number(rule->rule_id).number(rule->match).number(rule->action).number(rule->trigger);
    sum.number(rule->has_ttl != 0 ? std::int64_t{rule->ttl} : std::int64_t{-1});
    return sum.octets(images_[layer].data(rule->payload, rule->payload_size)).value();
  }

  const IndexStand& stand_;
  const std::uint64_t seed_;
  std::array<ImageView, 2> images_;
  std::size_t layers_ = 1;
  std::vector<std::uint32_t> restated_;                  // row of the base's decisions -> of the overlay's
  std::array<std::vector<std::uint64_t>, 2> decisions_;  // by row
  std::array<std::vector<std::uint64_t>, 2> rules_;      // by row
};

}  // namespace

void each_changed_key(const IndexStand& before, const IndexStand& after,
                      const std::function<bool(wire::Bytes)>& visit) {
  const std::uint64_t seed = std::random_device()() | std::uint64_t{std::random_device()()} << 32U;
  const Sums old(before, seed), now(after, seed);
  bool more = true;
  const auto compare = [&](const KeyEntry& entry) {
    if (more && old.at(entry.key()) != now.at(entry.key())) more = visit(entry.key());
  };
  const bool same_base = before.index.base() == after.index.base();
  for (const auto* each : {&old, &now})
    for (std::size_t layer = same_base ? kOverlay : kBase; layer < each->layers(); ++layer)
      each->image(layer).each_key(compare);
  if (!same_base || old.of_base_rules() == now.of_base_rules()) return;
  const auto& was = old.of_base_rules();
  const auto& is = now.of_base_rules();
  now.image(kBase).each_key([&](const KeyEntry& entry) {
    for (std::size_t i = 0; i < entry.size(); ++i)
      if (entry[i] < is.size() && was[entry[i]] != is[entry[i]]) return compare(entry);
  });
}

}  // namespace placard::policy
