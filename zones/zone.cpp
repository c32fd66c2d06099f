// Finding names in a zone, and zones in a set. How a zone comes to be is in zone_builder.cpp.
#include "zones/zone.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "zones/wire/letters.hpp"
#include "zones/wire/prefetch.hpp"

namespace placard::zones {

using wire::Name;
using wire::NameView;
using wire::RecordType;

const StoredSet* Node::find(RecordType type) const {
  for (const StoredSet& set : sets()) {
    if (set.type() == type) return &set;
  }
  return nullptr;
}

bool Node::is_hashed_name() const {
  return set_count_ == 1 && sets_->type() == RecordType::nsec3;
}

const Node* Zone::find(NameView name) const {
  std::array<std::uint8_t, wire::kMaxNameSize> lowered;
  wire::lower_copy(name.bytes().data(), name.size(), lowered.data());
  return find_lowered(NameView::from_valid({lowered.data(), name.size()}));
}

const Node* Zone::find_lowered(NameView name) const {
  const std::size_t mask = buckets_.size() - 1;
  for (std::size_t at = wire::hash_lowered(name) & mask;; at = (at + 1) & mask) {  // ends: half of them are empty
    if (buckets_[at] == Node::kNone) return nullptr;
    const Node& node = nodes_[buckets_[at]];
    if (node.name() == name) return &node;
  }
}

void Zone::prefetch_bucket(std::uint64_t hash) const {
  wire::prefetch(&buckets_[hash & (buckets_.size() - 1)]);
}

const Node* Zone::prefetch_node(std::uint64_t hash) const {
  const Node* node = at(buckets_[hash & (buckets_.size() - 1)]);
  if (node != nullptr) wire::prefetch(node);
  return node;
}

void Zone::prefetch_sets(const Node& node) {
  wire::prefetch(node.name_);
  wire::prefetch(node.sets_);
}

void Zone::prefetch_rdatas(const Node& node) {
  if (!node.is_empty()) wire::prefetch(node.sets_->rdatas().first);
}

const Node& Zone::closest_encloser(NameView name) const {
  assert(name.is_subdomain_of(origin()));
  for (;; name = name.parent()) {
    if (const Node* node = find(name)) return *node;
  }
}

const Node* Zone::cut_of(const Node& node) const {
  return node.cut_ == Node::kNone ? nullptr : &nodes_[node.cut_];
}

const Node* Zone::wildcard_below(const Node& node) const {
  if (!node.has_wildcard_) return nullptr;
  static constexpr std::uint8_t kStar[] = {'*'};
  const auto name = Name::prepend(kStar, node.name());
  assert(name);
  return find(*name);
}

const Node* Zone::nsec_at_or_before(NameView name) const {
  return at(nsec_number(name));
}

const Node* Zone::wildcard_denial_below(const Node& node) const {
  if (node.wildcard_denial_ != Node::kNone) return at(node.wildcard_denial_);
  static constexpr std::uint8_t kStar[] = {'*'};
  const auto star = Name::prepend(kStar, node.name());
  if (!star) return nullptr;  // no name has room for it
  return has_nsec3() ? nsec3_at_or_before(*star) : nsec_at_or_before(*star);
}

const Node* Zone::nsec3_at_or_before(NameView name) const {
  return at(nsec3_number(wire::nsec3_hash(name, nsec3_parameters_)));
}

std::uint32_t Zone::nsec_number(NameView name) const {
  const auto after = std::upper_bound(nodes_.begin(), nodes_.end(), name, [](NameView a, const Node& b) {
    return canonical_order(a, b.name()) == std::strong_ordering::less;
  });
  return after == nodes_.begin() ? Node::kNone : std::prev(after)->denial_;
}

/// The last of the chain also covers what stands before the first.
std::uint32_t Zone::nsec3_number(const wire::Nsec3Hash& hash) const {
  assert(has_nsec3());
  const auto after = std::ranges::upper_bound(nsec3_hashes_, hash, {}, &HashedNode::hash);
  return after == nsec3_hashes_.begin() ? nsec3_hashes_.back().node : std::prev(after)->node;
}

std::size_t Zone::memory_size() const {
  return octets_size_ + sets_.capacity() * sizeof(StoredSet) + nodes_.capacity() * sizeof(Node) +
         buckets_.capacity() * sizeof(std::uint32_t) + nsec3_hashes_.capacity() * sizeof(HashedNode);
}

ZoneSet::ZoneSet(std::vector<std::shared_ptr<const Zone>> zones, std::vector<Name> unavailable)
    : unavailable_(std::move(unavailable)) {
  for (auto& zone : zones) {
    assert(zone);
    const Name origin = Name(zone->origin()).lowered();
    label_counts_.set(origin.view().label_count());
    zones_.insert_or_assign(origin, std::move(zone));
  }
}

const Zone* ZoneSet::find(NameView name, RecordType type) const {
  return zones_.empty() ? nullptr : find_lowered(Name(name).lowered(), type);
}

const Zone* ZoneSet::find_lowered(NameView name, RecordType type) const {
  if (zones_.empty()) return nullptr;
  const Zone* own = nullptr;  // the zone whose origin a DS question is about
  const NameView asked = name;
  for (std::size_t labels = name.label_count();; --labels, name = name.parent()) {
    if (label_counts_.test(labels)) {
      if (const auto found = zones_.find(Lowered{name}); found != zones_.end()) {
        if (type != RecordType::ds || name.size() != asked.size()) return found->second.get();
        own = found->second.get();
      }
    }
    if (labels == 0) return own;
  }
}

bool ZoneSet::is_unavailable(NameView name) const {
  if (unavailable_.empty()) return false;
  const Zone* loaded = find(name, RecordType::a);
  return std::any_of(unavailable_.begin(), unavailable_.end(), [&](const Name& origin) {
    return name.is_subdomain_of(origin) && (loaded == nullptr || origin.view().size() > loaded->origin().size());
  });
}

std::vector<std::shared_ptr<const Zone>> ZoneSet::zones() const {
  std::vector<std::shared_ptr<const Zone>> all;
  all.reserve(zones_.size());
  for (const auto& [origin, zone] : zones_) all.push_back(zone);
  return all;
}

}  // namespace placard::zones
