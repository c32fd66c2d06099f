// Matching: which rules apply to a name for a client of a view at a moment, and which of them wins.
//
// The octets that are searched are laid out in image.hpp and built by image_builder. A lookup hashes every suffix of
// the name (no more labels than the longest rule has), asks for all cache lines at once, then reads them; it allocates
// nothing, and its work is bounded by the labels, the longest probe, and the rules that stand at the names it meets.
#include "policy/match/index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <tuple>

#include "policy/match/image.hpp"
#include "policy/match/image_builder.hpp"
#include "policy/match/views.hpp"

namespace placard::policy {

struct Index::Snapshot {
  ImageBytes octets;
  ImageView image;
  ClientViews clients;
};

struct Index::Found {
  const RuleRow* rule;
  const DecisionRow* decision;
  wire::NameView rule_name;
  std::uint32_t row;
  std::uint16_t rank;
  std::uint8_t labels;

  bool shadow() const { return decision->state == static_cast<std::uint8_t>(DecisionState::shadow); }

  // The order of precedence, as index.hpp has it: smaller wins.
  auto key() const {
    const bool wide = rule->match == static_cast<std::uint8_t>(MatchKind::both);
    return std::tuple(rank, -int{labels}, -decision->number, wide, rule->rule_id, row);
  }
};

Index::Index() = default;
Index::~Index() = default;

std::shared_ptr<const Index> Index::compile(const CompileInput& input, std::uint64_t generation,
                                            const IndexTuning& tuning) {
  if (const auto checked = check_views(input.views); !checked) throw std::invalid_argument(checked.error());
  auto index = std::make_shared<Index>();
  index->views_ = complete_views(input.views);
  ImageBuilder builder(index->views_, input.log_sequence, tuning);
  for (const auto& decision : input.decisions) {
    const auto number = builder.add_decision(decision);
    if (!number) continue;
    for (const auto& rule : decision.rules) builder.add_rule(*number, rule);
  }
  auto octets = builder.finish();
  const ImageView image(octets.bytes());
  index->generation_ = generation;
  index->log_sequence_ = image.header().log_sequence;
  index->rule_count_ = image.header().rule_count;
  index->decision_count_ = image.header().decision_count;
  index->ignored_rule_count_ = builder.ignored_rule_count();
  index->snapshot_ =
      std::unique_ptr<const Snapshot>(new Snapshot{std::move(octets), image, ClientViews(index->views_)});
  return index;
}

ViewNumber Index::view_of(std::span<const std::uint8_t> address) const {
  return snapshot_->clients.view_of(address);
}

// Calls visitor(Found) for each rule that matches the name and whose decision is in force for the view at `now`.
template <typename Visitor>
void Index::visit_matches(wire::NameView name, ViewNumber view, Time now, const Visitor& visitor) const {
  assert(view < views_.size());
  if (rule_count_ == 0) return;
  const auto& image = snapshot_->image;
  const Suffixes suffixes(name, image.header().seed, image.header().most_labels);
  for (std::size_t labels = 0; labels <= suffixes.hashed; ++labels) image.prefetch(suffixes.hash[labels]);
  for (std::size_t labels = 0; labels <= suffixes.hashed; ++labels) {
    const auto entry = image.find(suffixes.suffix(labels), suffixes.hash[labels]);
    if (!entry) continue;
    const auto other = labels == suffixes.labels ? MatchKind::subdomains : MatchKind::exact;
    for (const auto row : entry->rules) {
      const auto& rule = image.rules()[row];
      const auto& decision = image.decisions()[rule.decision];
      if (rule.match == static_cast<std::uint8_t>(other) || (decision.views >> view & 1) == 0 ||
          now < decision.valid_from || now >= decision.valid_to) {
        continue;
      }
      visitor(Found{&rule, &decision, entry->name, row, image.rank(view, decision.source),
                    static_cast<std::uint8_t>(labels)});
    }
  }
}

Match Index::to_match(const Found& found) const {
  const auto& image = snapshot_->image;
  Match match;
  match.decision_id = image.text(found.decision->id, found.decision->id_size);
  match.rule_id = found.rule->rule_id;
  match.rule_name = found.rule_name;
  match.type = static_cast<DecisionType>(found.decision->type);
  match.action = static_cast<Action>(found.rule->action);
  match.extended_error = static_cast<wire::EdeCode>(found.decision->extended_error);
  if (found.rule->has_ttl) match.ttl = found.rule->ttl;
  match.valid_to = found.decision->valid_to;
  match.rule = found.row;
  match.shadow = found.shadow();
  return match;
}

std::optional<Match> Index::match_name(wire::NameView name, ViewNumber view, Time now) const {
  std::optional<Found> best;
  visit_matches(name, view, now, [&](const Found& found) {
    if (!found.shadow() && (!best || found.key() < best->key())) best = found;
  });
  if (!best) return std::nullopt;
  return to_match(*best);
}

std::vector<Match> Index::explain_name(wire::NameView name, ViewNumber view, Time now) const {
  std::vector<Found> all;
  visit_matches(name, view, now, [&](const Found& found) { all.push_back(found); });
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.key() < b.key(); });
  const auto winner = std::find_if(all.begin(), all.end(), [](const Found& found) { return !found.shadow(); });
  if (winner != all.end()) std::rotate(all.begin(), winner, winner + 1);
  std::vector<Match> matches;
  for (const auto& found : all) matches.push_back(to_match(found));
  return matches;
}

std::vector<LocalRecord> Index::records_of(const Match& match) const {
  const auto& rule = snapshot_->image.rules()[match.rule];
  std::vector<LocalRecord> records;
  if (rule.action != static_cast<std::uint8_t>(Action::local_data)) return records;
  const auto packed = snapshot_->image.data(rule.payload, rule.payload_size);
  for (std::size_t at = 0; at < packed.size();) {
    const auto type = static_cast<wire::RecordType>(packed[at] | packed[at + 1] << 8);
    const std::size_t size = packed[at + 2] | packed[at + 3] << 8;
    const auto rdata = packed.subspan(at + 4, size);
    records.push_back({type, {rdata.begin(), rdata.end()}});
    at += 4 + size;
  }
  return records;
}

wire::NameView Index::target_of(const Match& match) const {
  const auto& rule = snapshot_->image.rules()[match.rule];
  if (rule.action != static_cast<std::uint8_t>(Action::cname)) return {};
  return wire::NameView::from_valid(snapshot_->image.data(rule.payload, rule.payload_size));
}

std::span<const std::uint8_t> Index::image() const {
  return snapshot_->octets.bytes();
}

std::size_t Index::memory() const {
  return image().size() + snapshot_->clients.memory() + views_.size() * sizeof(View);
}

Time Index::next_change(Time now) const {
  const auto changes = snapshot_->image.changes();
  const auto next = std::upper_bound(changes.begin(), changes.end(), now);
  return next == changes.end() ? kNever : *next;
}

}  // namespace placard::policy
