// Matching: which rules apply to a name or an address for a client of a view at a moment, and which of them wins.
//
// A lookup of a name hashes its suffixes once and reads the bucket of its last two labels, whose filter says of most
// longer ones that no rule stands there, and the buckets of those of which it does not. It allocates nothing, and its
// work is bounded by the labels, the keys of a bucket, and the rules that stand at the names it meets. How an index is
// put together is in index_assemble.cpp.
#include "policy/match/index.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>

#include "policy/match/views.hpp"

namespace placard::policy {

namespace {

// Stretches of one decision that are looked at: a file that was not verified yet may hold chains without sense.
constexpr int kMaxStretches = 4096;

/// each(labels) for the suffixes that may be keys, the shortest first.
template <typename Each>
void each_likely(const ImageView& image, Trigger trigger, const wire::Suffixes& name, const Each& each) {
  for (std::size_t labels = 0; labels <= name.hashed; ++labels) {
    if (!image.has_depth(trigger, labels)) continue;
    if (labels <= kMarkedLabels || image.may_hold(name.hash[kMarkedLabels], name.hash[labels])) each(labels);
  }
}

}  // namespace

struct Index::Found {
  const RuleRow* rule;
  const DecisionRow* decision;
  wire::Bytes key;
  std::uint32_t row;
  std::uint16_t rank;
  std::uint16_t audience;
  std::uint8_t precision;
  std::uint8_t rule_layer, decision_layer;
  bool beside;  // stands at a name above the one asked, or at it, and is not about it

  // The order of precedence within one trigger, as index.hpp has it: smaller wins.
  auto order() const {
    const bool wide = rule->match == static_cast<std::uint8_t>(MatchKind::both);
    return std::tuple(rank, rule->trigger, -int{precision}, ~decision->number, wide, rule->rule_id, row);
  }
};

bool precedes(const Match& a, const Match& b) {
  const auto order = [](const Match& match) {
    return std::tuple(match.rank, match.trigger, -int{match.precision}, ~match.decision, match.match == MatchKind::both,
                      match.rule_id, match.layer, match.rule);
  };
  return order(a) < order(b);
}

std::optional<std::uint32_t> Index::override_of(std::uint32_t row) const {
  const auto at = std::lower_bound(overrides_.begin(), overrides_.end(), row,
                                   [](const auto& each, std::uint32_t wanted) { return each.first < wanted; });
  if (at == overrides_.end() || at->first != row) return std::nullopt;
  return at->second;
}

/// The stretch of the decision of a rule that holds at `now`; null when none does. `layer`: whose row it is, on the way
/// in that of the rule, on the way out that of the decision that counts.
const DecisionRow* Index::in_force(std::size_t& layer, std::uint32_t row, Time now) const {
  if (layer == 0 && !overrides_.empty()) {
    if (const auto restated = override_of(row)) {
      layer = 1;
      row = *restated;
    }
  }
  const auto& image = layers_[layer].view;
  for (int stretch = 0; stretch < kMaxStretches; ++stretch) {
    const auto* decision = image.decision(row);
    if (decision == nullptr) return nullptr;
    if (decision->valid_from <= now && now < decision->valid_to) return decision;
    if (decision->next <= row) return nullptr;
    row = decision->next;
  }
  return nullptr;
}

/// Whether the overlay's entry of the same key speaks for this rule of the base: same list, trigger and kind of match.
bool Index::is_restated(const KeyEntry& restated, const RuleRow& rule) const {
  const auto ours = override_of(rule.decision);
  if (!ours) return false;
  for (std::size_t i = 0; i < restated.size(); ++i) {
    const auto* other = layers_[1].view.rule(restated[i]);
    if (other != nullptr && other->decision == *ours && other->trigger == rule.trigger && other->match == rule.match)
      return true;
  }
  return false;
}

// Calls visitor(Found) for each rule of the entry that applies, and for those beside it that may hide others. `at` says
// what is asked: trigger by a rule's match kind that does not apply (at.row), and the precision of the key.
template <typename Visitor>
void Index::visit_entry(std::size_t layer, const KeyEntry& entry, const KeyEntry* restated, const Found& at,
                        ViewNumber view, Time now, const Visitor& visitor) const {
  const auto& image = layers_[layer].view;
  for (std::size_t i = 0; i < entry.size(); ++i) {
    const auto row = entry[i];
    const auto* rule = image.rule(row);
    if (rule == nullptr || rule->trigger != at.rule->trigger || rule->action == kRemoved) continue;
    const bool beside = rule->match == at.rule->match;
    if (beside && !zone_wildcards_) continue;
    std::size_t decision_layer = layer;
    const auto* decision = in_force(decision_layer, rule->decision, now);
    if (decision == nullptr) continue;
    const auto& audiences = layers_[decision_layer];
    if ((audiences.audiences[decision->audience].views >> view & 1) == 0) continue;
    if (restated != nullptr && is_restated(*restated, *rule)) continue;
    visitor(Found{rule, decision, entry.key(), row, audiences.ranks[decision->audience * views_.size() + view],
                  decision->audience, at.precision, static_cast<std::uint8_t>(layer),
                  static_cast<std::uint8_t>(decision_layer), beside});
  }
}

template <typename Visitor>
void Index::visit_name(Trigger trigger, const wire::Suffixes& name, ViewNumber view, Time now,
                       const Visitor& visitor) const {
  assert(view < views_.size());
  // Per layer: which numbers of labels are worth a look.
  std::array<std::array<std::uint8_t, wire::kMaxLabels + 1>, 2> wanted;
  std::array<std::size_t, 2> count{};
  for (std::size_t layer = 0; layer < layer_count_; ++layer) {
    each_likely(layers_[layer].view, trigger, name,
                [&](std::size_t labels) { wanted[layer][count[layer]++] = static_cast<std::uint8_t>(labels); });
  }
  RuleRow asked{};
  asked.trigger = static_cast<std::uint8_t>(trigger);
  Found at{};
  at.rule = &asked;
  const auto visit = [&](std::size_t layer, std::size_t labels, const KeyEntry& entry, const KeyEntry* restated) {
    asked.match = static_cast<std::uint8_t>(labels == name.labels ? MatchKind::subdomains : MatchKind::exact);
    at.precision = static_cast<std::uint8_t>(labels);
    visit_entry(layer, entry, restated, at, view, now, visitor);
  };
  for (std::size_t i = 0; i < count[1]; ++i) {
    const std::size_t labels = wanted[1][i];
    if (const auto entry = layers_[1].view.find(name.suffix(labels).bytes(), name.hash[labels]))
      visit(1, labels, *entry, nullptr);
  }
  for (std::size_t i = 0; i < count[0]; ++i) {
    const std::size_t labels = wanted[0][i];
    const auto entry = layers_[0].view.find(name.suffix(labels).bytes(), name.hash[labels]);
    if (!entry) continue;
    std::optional<KeyEntry> restated;
    if (!overrides_.empty()) restated = layers_[1].view.find(name.suffix(labels).bytes(), name.hash[labels]);
    visit(0, labels, *entry, restated ? &*restated : nullptr);
  }
}

template <typename Visitor>
void Index::visit_address(Trigger trigger, std::span<const std::uint8_t> octets, ViewNumber view, Time now,
                          const Visitor& visitor) const {
  assert(view < views_.size());
  const auto address = mapped_address(octets);
  if (!address) return;
  const bool ipv4 = is_mapped_ipv4(*address);
  RuleRow asked{};
  asked.trigger = static_cast<std::uint8_t>(trigger);
  asked.match = 0xFF;  // a prefix has no kinds of match
  Found at{};
  at.rule = &asked;
  for (std::size_t layer = layer_count_; layer-- > 0;) {
    const auto& image = layers_[layer].view;
    for (std::optional<std::size_t> length = 129; (length = image.next_length(trigger, ipv4, *length));) {
      const auto key = prefix_key(*address, *length);
      const auto hash = prefix_hash(key, seed_);
      const auto entry = image.find(key, hash);
      if (!entry) continue;
      std::optional<KeyEntry> restated;
      if (layer == 0 && !overrides_.empty()) restated = layers_[1].view.find(key, hash);
      at.precision = static_cast<std::uint8_t>(*length);
      visit_entry(layer, *entry, restated ? &*restated : nullptr, at, view, now, visitor);
    }
  }
}

int Index::policy_of(const Found& found) const {
  return layers_[found.decision_layer].audiences[found.audience].policy;
}

/// emit(Found) for each rule that applies and that no longer name of its own source hides.
template <typename Visit, typename Emit>
void Index::each_visible(const Visit& visit, const Emit& emit) const {
  if (!zone_wildcards_) {
    visit(emit);
    return;
  }
  struct Hiding {
    int policy;
    std::uint8_t precision;
  };
  std::array<Hiding, wire::kMaxLabels>
      hidings;  // more sources than that with names above one name: the rest hide nothing
  std::size_t count = 0;
  visit([&](const Found& found) {
    const int policy = policy_of(found);
    if (!found.beside || policy < 0 || !policies_[static_cast<std::size_t>(policy)].zone_wildcards) return;
    if (count < hidings.size()) hidings[count++] = {policy, found.precision};
  });
  visit([&](const Found& found) {
    if (found.beside) return;
    const int policy = policy_of(found);
    const bool hidden = std::any_of(
        hidings.begin(), hidings.begin() + static_cast<std::ptrdiff_t>(count),
        [&](const Hiding& hiding) { return hiding.policy == policy && hiding.precision > found.precision; });
    if (!hidden) emit(found);
  });
}

bool Index::is_shadow(const Found& found) const {
  if (found.decision->state == static_cast<std::uint8_t>(DecisionState::shadow)) return true;
  const int policy = policy_of(found);
  return policy >= 0 && policies_[static_cast<std::size_t>(policy)].kind == SourcePolicy::Kind::disabled;
}

Match Index::to_match(const Found& found, ViewNumber view) const {
  const auto& image = layers_[found.decision_layer].view;
  const auto& audience = *image.audience(found.audience);
  Match match;
  match.decision_id = image.text(found.decision->id, found.decision->id_size);
  match.list = image.text(audience.list, audience.list_size);
  match.decision = found.decision->number;
  match.rule_id = found.rule->rule_id;
  match.trigger = static_cast<Trigger>(found.rule->trigger);
  match.match = static_cast<MatchKind>(found.rule->match);
  if (match.trigger == Trigger::qname || match.trigger == Trigger::nsdname) {
    match.rule_name = wire::NameView::from_valid(found.key);  // equal to a suffix of a valid name, octet by octet
  } else {
    Prefix prefix;
    prefix.length = found.key[1];
    std::copy_n(found.key.begin() + 2, prefix.address.size(), prefix.address.begin());
    prefix.ipv4 = is_mapped_ipv4(prefix.address) && prefix.length >= 96;
    match.prefix = prefix;
  }
  match.type = static_cast<DecisionType>(found.decision->type);
  match.action = static_cast<Action>(found.rule->action);
  match.extended_error = static_cast<wire::EdeCode>(found.decision->extended_error);
  if (views_[view].opted_in && !is_order(match.type)) match.extended_error = wire::EdeCode::filtered;
  if (found.rule->has_ttl) match.ttl = found.rule->ttl;
  match.valid_to = found.decision->valid_to;
  match.rule = found.row;
  match.layer = found.rule_layer;
  match.shadow = is_shadow(found);
  match.rank = found.rank;
  match.precision = found.precision;
  const int number = policy_of(found);
  if (number >= 0) {
    match.source_policy = static_cast<std::uint16_t>(number + 1);
    const auto& policy = policies_[static_cast<std::size_t>(number)];
    if (policy.kind == SourcePolicy::Kind::action) {
      match.action = policy.action;
      match.overridden = true;
    }
    if (policy.max_ttl && match.ttl) match.ttl = std::min(*match.ttl, *policy.max_ttl);
    if (policy.max_ttl && !match.ttl) match.ttl = policy.max_ttl;
  }
  return match;
}

template <typename Visit>
std::optional<Match> Index::best(ViewNumber view, ShadowMatches* shadows, const Visit& visit) const {
  std::optional<Found> best;
  each_visible(visit, [&](const Found& found) {
    if (is_shadow(found)) {
      if (shadows != nullptr) shadows->add(to_match(found, view));
    } else if (!best || found.order() < best->order()) {
      best = found;
    }
  });
  if (!best) return std::nullopt;
  return to_match(*best, view);
}

template <typename Visit>
std::vector<Match> Index::all(ViewNumber view, const Visit& visit) const {
  std::vector<Match> matches;
  each_visible(visit, [&](const Found& found) { matches.push_back(to_match(found, view)); });
  std::sort(matches.begin(), matches.end(), precedes);
  const auto winner = std::find_if(matches.begin(), matches.end(), [](const Match& match) { return !match.shadow; });
  if (winner != matches.end()) std::rotate(matches.begin(), winner, winner + 1);
  return matches;
}

std::optional<Match> Index::match_name(wire::NameView name, ViewNumber view, Time now) const {
  if (!has(Trigger::qname, view)) return std::nullopt;
  const wire::Suffixes suffixes(name, seed_, most_labels_);
  prefetch(suffixes);
  return match_name(suffixes, view, now);
}

std::optional<Match> Index::match_name(const wire::Suffixes& name, ViewNumber view, Time now,
                                       ShadowMatches* shadows) const {
  return best(view, shadows, [&](const auto& visitor) { visit_name(Trigger::qname, name, view, now, visitor); });
}

void Index::prefetch(const wire::Suffixes& name) const {
  if (name.hashed < kMarkedLabels) return;
  for (std::size_t layer = 0; layer < layer_count_; ++layer) {
    const auto& image = layers_[layer].view;
    image.prefetch(name.hash[kMarkedLabels]);
    // Where it is the only one longer, the likeliest of all.
    constexpr std::size_t kLonger = kMarkedLabels + 1;
    if (name.hashed >= kLonger && image.has_depth(Trigger::qname, kLonger)) image.prefetch(name.hash[kLonger]);
  }
}

void Index::prefetch_heads(const wire::Suffixes& name) const {
  if (name.hashed < kMarkedLabels) return;
  for (std::size_t layer = 0; layer < layer_count_; ++layer)
    layers_[layer].view.prefetch_head(name.hash[kMarkedLabels]);
}

void Index::prefetch_keys(const wire::Suffixes& name) const {
  if (name.hashed < kMarkedLabels) return;
  for (std::size_t layer = 0; layer < layer_count_; ++layer) {
    const auto& image = layers_[layer].view;
    image.prefetch_key(name.hash[kMarkedLabels], name.suffix(kMarkedLabels).size());
    each_likely(image, Trigger::qname, name, [&](std::size_t labels) {
      if (labels > kMarkedLabels) image.prefetch_head(name.hash[labels]);
    });
  }
}

void Index::prefetch_longer_keys(const wire::Suffixes& name) const {
  if (name.hashed <= kMarkedLabels) return;
  for (std::size_t layer = 0; layer < layer_count_; ++layer) {
    const auto& image = layers_[layer].view;
    each_likely(image, Trigger::qname, name, [&](std::size_t labels) {
      if (labels > kMarkedLabels) image.prefetch_key(name.hash[labels], name.suffix(labels).size());
    });
  }
}

std::optional<Match> Index::match_server(wire::NameView name, ViewNumber view, Time now, ShadowMatches* shadows) const {
  const wire::Suffixes suffixes(name, seed_, most_labels_);
  return best(view, shadows, [&](const auto& visitor) { visit_name(Trigger::nsdname, suffixes, view, now, visitor); });
}

std::optional<Match> Index::match_address(Trigger trigger, std::span<const std::uint8_t> address, ViewNumber view,
                                          Time now, ShadowMatches* shadows) const {
  return best(view, shadows, [&](const auto& visitor) { visit_address(trigger, address, view, now, visitor); });
}

std::vector<Match> Index::explain_name(wire::NameView name, ViewNumber view, Time now, Trigger trigger) const {
  const wire::Suffixes suffixes(name, seed_, most_labels_);
  return all(view, [&](const auto& visitor) { visit_name(trigger, suffixes, view, now, visitor); });
}

std::vector<Match> Index::explain_address(Trigger trigger, std::span<const std::uint8_t> address, ViewNumber view,
                                          Time now) const {
  return all(view, [&](const auto& visitor) { visit_address(trigger, address, view, now, visitor); });
}

std::optional<Match> Index::match_among(const DecisionFilter& counts, Trigger trigger, wire::NameView name,
                                        ViewNumber view, Time now) const {
  const wire::Suffixes suffixes(name, seed_, most_labels_);
  return best(view, nullptr, [&](const auto& visitor) {
    visit_name(trigger, suffixes, view, now, [&](const Found& found) {
      const auto& image = layers_[found.decision_layer].view;
      if (!counts || counts(image.text(found.decision->id, found.decision->id_size))) visitor(found);
    });
  });
}

std::vector<LocalRecord> Index::records_of(const Match& match) const {
  std::vector<LocalRecord> records;
  const auto& image = layers_[match.layer].view;
  const auto* rule = image.rule(match.rule);
  if (rule == nullptr || match.action != Action::local_data ||
      rule->action != static_cast<std::uint8_t>(Action::local_data)) {
    return records;
  }
  const auto packed = image.data(rule->payload, rule->payload_size);
  for (std::size_t at = 0; packed.size() - at >= 4;) {
    const auto type = static_cast<wire::RecordType>(packed[at] | packed[at + 1] << 8);
    const std::size_t size = packed[at + 2] | packed[at + 3] << 8;
    if (size > packed.size() - at - 4) break;
    const auto rdata = packed.subspan(at + 4, size);
    records.push_back({type, {rdata.begin(), rdata.end()}});
    at += 4 + size;
  }
  return records;
}

wire::NameView Index::target_of(const Match& match) const {
  if (match.action != Action::cname) return {};
  if (match.overridden) return policies_[match.source_policy - 1U].target.view();
  const auto& image = layers_[match.layer].view;
  const auto* rule = image.rule(match.rule);
  if (rule == nullptr || rule->action != static_cast<std::uint8_t>(Action::cname)) return {};
  const auto target = image.data(rule->payload, rule->payload_size);
  const auto name = wire::parse_uncompressed_name(target, 0);
  return name && name->size() == target.size() ? *name : wire::NameView();
}

ViewNumber Index::view_of(std::span<const std::uint8_t> address) const {
  return clients_->view_of(address);
}

ClientViews Index::clients_of(std::string_view listener, std::string_view key) const {
  return ClientViews(views_, listener, key);
}

std::int64_t Index::log_sequence() const {
  return layers_[layer_count_ - 1].view.header().log_sequence;
}

std::size_t Index::rule_count() const {
  std::size_t count = 0;
  for (std::size_t layer = 0; layer < layer_count_; ++layer) count += layers_[layer].view.header().rule_count;
  return count;
}

Time Index::next_change(Time now) const {
  Time first = kNever;
  for (std::size_t layer = 0; layer < layer_count_; ++layer) {
    const auto changes = layers_[layer].view.changes();
    const auto next = std::upper_bound(changes.begin(), changes.end(), now);
    if (next != changes.end()) first = std::min<Time>(first, *next);
  }
  return first;
}

}  // namespace placard::policy
