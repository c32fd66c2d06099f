// How a policy zone follows the index: which names are asked again when rules changed, and what that changes of it.
#include "policy/public/policy_zone.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>

#include "policy/match/index_changes.hpp"
#include "policy/public/policy_words.hpp"

namespace placard::policy {
namespace {

// Beyond these a zone is written whole, which asks each name once without finding it first.
constexpr std::size_t kMostChanged = 25'000;   // keys at which rules changed
constexpr std::size_t kMostAsked = 50'000;     // names asked again; each is half a kilooctet meanwhile
constexpr std::size_t kMostHeld = 10'000'000;  // comparisons of prefixes

/// What is known of a name that is asked again.
struct Asked {
  bool changed = false;     // a rule there changed
  bool is_key = false;      // a rule stands there
  bool lies_above = false;  // one stands below
};

struct HashOfName {
  using is_transparent = void;
  std::size_t operator()(wire::NameView name) const { return wire::hash_lowered(name); }
  std::size_t operator()(const wire::Name& name) const { return wire::hash_lowered(name); }
};
struct SameName {
  using is_transparent = void;
  bool operator()(wire::NameView a, wire::NameView b) const { return same_case(a, b); }
};

/// The names, all in lower case, that one trigger's rules have to be asked about again.
class AskedNames {
 public:
  /// A rule at that name changed: what lies above may now be needed for it, or no more.
  void change(wire::NameView name) {
    names_[wire::Name(name)].changed = true;
    for (auto above = name; !above.is_root() && !above.parent().is_root();) {
      above = above.parent();
      if (!names_.try_emplace(wire::Name(above)).second) break;  // and what is above that
    }
  }
  /// Tells of each key there is now; `key` lives as long as this.
  void meet(wire::NameView key) {
    bool covered = false;
    for (auto at = key;; at = at.parent()) {
      if (const auto found = names_.find(at); found != names_.end()) {
        const bool itself = at.size() == key.size();
        (itself ? found->second.is_key : found->second.lies_above) = true;
        covered |= found->second.changed && !itself;
      }
      if (at.is_root()) break;
    }
    if (covered) below_.push_back(key);
  }
  std::size_t size() const { return names_.size() + below_.size(); }

  /// Each name once, with all that was met taken together.
  template <class Visit>
  void each(const Visit& visit) {
    for (const auto key : below_) {
      names_[wire::Name(key)].is_key = true;
      for (auto above = key.parent();; above = above.parent()) {
        auto& asked = names_[wire::Name(above)];
        asked.lies_above = true;
        if (asked.changed) break;
      }
    }
    for (const auto& [name, asked] : names_) visit(name.view(), asked);
  }

 private:
  std::unordered_map<wire::Name, Asked, HashOfName, SameName> names_;
  std::vector<wire::NameView> below_;  // keys below a name at which a rule changed
};

constexpr std::array kAddressTriggers = {Trigger::client_ip, Trigger::response_ip, Trigger::nsip};

/// What is asked again of an index, and what it says.
class Patch {
 public:
  Patch(const Index& index, const PolicyZoneRequest& request, DoubtfulNames& doubts)
      : index_(index), words_(index, request), doubts_(doubts) {}

  bool change(wire::Bytes key) {
    for (auto& names : names_) names.change(wire::NameView::from_valid(key));
    if (const auto prefix = prefix_of_key(key)) changed_prefixes_.push_back(*prefix);
    return ++changed_ <= kMostChanged;
  }

  bool is_empty() const { return changed_ == 0; }

  /// Finds what else has to be asked. False: it is too much.
  bool gather() {
    words_.each_key([&](wire::Bytes key, unsigned triggers) { meet(key, triggers); });
    return names_[0].size() + names_[1].size() <= kMostAsked &&
           changed_prefixes_.size() * (prefixes_.size() + 1) <= kMostHeld;
  }

  zones::ZoneListing::Changed ask() {
    for (const auto trigger : {Trigger::qname, Trigger::nsdname}) {
      names_[trigger == Trigger::qname ? 0 : 1].each(
          [&](wire::NameView name, const Asked& asked) { ask_name(trigger, name, asked); });
    }
    for (const auto& changed : changed_prefixes_)
      for (const auto trigger : kAddressTriggers) ask_prefix(trigger, changed, false);
    for (const auto& [prefix, triggers] : prefixes_) {
      const bool held = std::ranges::any_of(changed_prefixes_, [&](const Prefix& changed) {
        return changed.length <= prefix.length && masked_address(prefix.address, changed.length) == changed.address;
      });
      if (!held) continue;
      for (const auto trigger : kAddressTriggers)
        if (has_trigger(triggers, trigger)) ask_prefix(trigger, prefix, true);
    }
    return std::move(changes_);
  }
  zones::RecordList apex() const { return words_.apex(); }

 private:
  void meet(wire::Bytes key, unsigned triggers) {
    const auto name = wire::NameView::from_valid(key);
    if (has_trigger(triggers, Trigger::qname)) names_[0].meet(name);
    if (has_trigger(triggers, Trigger::nsdname)) names_[1].meet(name);
    if (changed_prefixes_.empty()) return;
    const auto prefix = prefix_of_key(key);
    if (prefix && std::ranges::any_of(kAddressTriggers, [&](Trigger t) { return has_trigger(triggers, t); }))
      prefixes_.emplace_back(*prefix, triggers);
  }

  void ask_name(Trigger trigger, wire::NameView name, const Asked& asked) {
    for (const auto& owner : {words_.owner(trigger, name), words_.owner_below(trigger, name)})
      if (owner) changes_.try_emplace(*owner);
    PolicyZoneDoubts doubts;
    if (asked.is_key || asked.lies_above)
      doubts = words_.name(trigger, name, asked.is_key,
                           [&](const zones::RecordRef& record) { changes_[wire::Name(record.owner)].add(record); });
    doubts_.set(trigger, name.bytes(), doubts);
  }

  void ask_prefix(Trigger trigger, const Prefix& prefix, bool is_key) {
    const auto owner = words_.owner(trigger, prefix);
    if (!owner) return;
    auto& records = changes_[*owner];
    records.clear();  // a prefix of both images is met twice
    PolicyZoneDoubts doubts;
    if (is_key) doubts = words_.prefix(trigger, prefix, [&](const zones::RecordRef& record) { records.add(record); });
    doubts_.set(trigger, prefix_key(prefix.address, prefix.length), doubts);
  }

  const Index& index_;
  PolicyWords words_;
  DoubtfulNames& doubts_;
  std::array<AskedNames, 2> names_;  // qname, nsdname
  std::vector<Prefix> changed_prefixes_;
  std::vector<std::pair<Prefix, unsigned>> prefixes_;  // all there are, with their triggers
  std::size_t changed_ = 0;
  zones::ZoneListing::Changed changes_;
};

bool is_empty(const zones::ChangeSet& changes) {
  return changes.removed.size() == 1 && changes.added.size() == 1;  // the SOAs
}

bool same_records(const std::vector<LocalRecord>& a, const std::vector<LocalRecord>& b) {
  return std::ranges::equal(
      a, b, [](const LocalRecord& x, const LocalRecord& y) { return x.type == y.type && x.rdata == y.rdata; });
}

}  // namespace

bool PolicyZone::can_be_compared(const Index& index, const PolicyZoneRequest& request) const {
  return index_ && listing_ && request_.origin == request.origin && request_.view == request.view &&
         request_.ttl == request.ttl && same_records(request_.sinkhole, request.sinkhole) &&
         (request_.told == nullptr) == (request.told == nullptr) &&
         std::ranges::equal(index_->views(), index.views()) && request_.policies == request.policies;
}

std::optional<PolicyZone::Update> PolicyZone::patch(const Index& index, const PolicyZoneRequest& request) {
  Patch patch(index, request, doubts_);
  bool few = true;
  each_changed_key({*index_, request_.now, request_.filter()}, {index, request.now, request.filter()},
                   [&](wire::Bytes key) { return few = patch.change(key); });
  Update update;
  update.listing = listing_;
  if (patch.is_empty()) return update;
  if (!few || !patch.gather()) return std::nullopt;
  const auto changed = patch.ask();
  auto changes = listing_->changes_by(patch.apex(), changed);
  if (is_empty(changes)) return update;
  update.listing = std::make_shared<const zones::ZoneListing>(listing_->with(patch.apex(), changed));
  update.changes = std::move(changes);
  return update;
}

PolicyZone::Update PolicyZone::update(std::shared_ptr<const Index> index, PolicyZoneRequest request,
                                      std::shared_ptr<const zones::ZoneListing> running) {
  std::optional<Update> update;
  if (running && running == listing_ && can_be_compared(*index, request)) update = patch(*index, request);
  if (!update) {
    index_ = nullptr;  // writing takes a while
    update.emplace();
    update->whole = true;
    auto made = write_policy_zone(*index, request);
    doubts_ = std::move(made.doubts);
    update->listing = running;
    auto changes = running ? std::optional(difference(*running, made.listing)) : std::nullopt;
    if (!changes || !is_empty(*changes)) {
      update->listing = std::make_shared<const zones::ZoneListing>(std::move(made.listing));
      update->changes = std::move(changes);
    }
  }
  index_ = std::move(index);
  request_ = std::move(request);
  listing_ = update->listing;
  return *std::move(update);
}

void PolicyZone::let_go(const Index& in_force) {
  if (index_ && index_->base() != in_force.base()) index_ = nullptr;
}

// ---------------------------------------------------------------- doubts

void PolicyZoneDoubts::add(const PolicyZoneDoubts& more) {
  refused += more.refused;
  too_long += more.too_long;
  inexpressible += more.inexpressible;
}

void PolicyZoneDoubts::take_away(const PolicyZoneDoubts& some) {
  refused -= some.refused;
  too_long -= some.too_long;
  inexpressible -= some.inexpressible;
}

void DoubtfulNames::set(Trigger trigger, wire::Bytes key, const PolicyZoneDoubts& doubts) {
  const auto number = XXH3_64bits_withSeed(key.data(), key.size(), static_cast<std::uint64_t>(trigger));
  if (const auto found = of_.find(number); found != of_.end()) {
    all_.take_away(found->second);
    of_.erase(found);
  }
  if (!doubts.any()) return;
  all_.add(doubts);
  if (of_.size() < kMost) of_.emplace(number, doubts);
}

std::vector<std::string> doubts_about(const PolicyZoneDoubts& doubts) {
  std::vector<std::string> lines;
  const auto say = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) lines.push_back(fmt::format("{} {}: {}", count, count == 1 ? "rule" : "rules", what));
  };
  say(doubts.refused, "\"refused\" is written as NXDOMAIN, RPZ has no word for it");
  say(doubts.too_long, "left out, the name is too long below the zone's");
  say(doubts.inexpressible, "left out, RPZ would read something else there");
  return lines;
}

}  // namespace placard::policy
