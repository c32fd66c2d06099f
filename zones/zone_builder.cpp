// From records in any order to a zone: sort, check, lay out in one block, link, index.
#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <set>

#include "zones/change_set.hpp"
#include "zones/wire/octets.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

using wire::Bytes;
using wire::NameView;
using wire::RecordType;

namespace {

constexpr std::size_t kMaxOctets = 0xffffffff;

/// Which records of a set were stored: one that comes again, be it in other case (RFC 4343), is left out.
class Stored {
 public:
  explicit Stored(std::size_t size) : many_(size > kFew) {}

  bool add_once(RecordType type, Bytes rdata, RdataRange before) {
    if (many_) return seen_.insert(wire::canonical_rdata(type, rdata)).second;
    return std::none_of(before.begin(), before.end(), [&](Bytes known) { return is_same_rdata(type, known, rdata); });
  }

 private:
  static constexpr std::size_t kFew = 32;
  bool many_;
  std::set<std::vector<std::uint8_t>> seen_;
};

std::size_t common_labels(NameView a, NameView b) {
  std::size_t common = std::min(a.label_count(), b.label_count());
  while (!(a.suffix(common) == b.suffix(common))) --common;
  return common;
}

std::string about(NameView name, RecordType type) {
  return name.to_text() + " " + to_text(type);
}

void warn(std::vector<ZoneProblem>* warnings, std::uint32_t place, std::string reason) {
  if (warnings != nullptr) warnings->push_back({place, std::move(reason)});
}

}  // namespace

ZoneBuilder::ZoneBuilder(NameView origin) : origin_(origin) {}

std::expected<void, std::string> ZoneBuilder::add(NameView owner, RecordType type, std::uint32_t ttl, Bytes rdata,
                                                  std::uint32_t place) {
  assert(rdata.size() <= wire::kMaxMessageSize);
  if (is_meta(type)) return std::unexpected(to_text(type) + " is not a type of data");
  if (!owner.is_subdomain_of(origin_)) {
    return std::unexpected(owner.to_text() + " is outside of the zone " + origin_.to_text());
  }
  if (octets_.size() + owner.size() + rdata.size() + 2 * (entries_.size() + 1) > kMaxOctets) {
    return std::unexpected("more than 4 GiB of records");
  }
  if (!wire::is_sound_rdata(type, rdata)) return std::unexpected("broken rdata of type " + to_text(type));
  const bool signature = type == RecordType::rrsig;
  if (signature) type = *wire::covered_type(rdata);
  Entry entry{.owner = static_cast<std::uint32_t>(octets_.size()),
              .rdata = 0,
              .ttl = ttl,
              .place = place,
              .rdata_size = static_cast<std::uint16_t>(rdata.size()),
              .owner_size = static_cast<std::uint8_t>(owner.size()),
              .signature = signature,
              .type = type};
  if (!entries_.empty() && same_case(owner_of(entries_.back()), owner)) {
    entry.owner = entries_.back().owner;
  } else {
    octets_.insert(octets_.end(), owner.bytes().begin(), owner.bytes().end());
  }
  entry.rdata = static_cast<std::uint32_t>(octets_.size());
  octets_.insert(octets_.end(), rdata.begin(), rdata.end());
  entries_.push_back(entry);
  return {};
}

std::expected<Zone, ZoneProblem> ZoneBuilder::build(std::vector<ZoneProblem>* warnings) {
  sort();
  if (entries_.empty() || !(owner_of(entries_.front()) == origin_)) {
    return std::unexpected(ZoneProblem{0, "no SOA at " + origin_.to_text()});
  }
  for (std::size_t at = 0; at < entries_.size();) {
    const auto node = node_at(at);
    if (auto checked = check(node); !checked) return std::unexpected(std::move(checked.error()));
    at += node.size();
  }
  Zone zone;
  lay_out(zone, warnings);
  link(zone);
  if (auto linked = link_denial(zone); !linked) return std::unexpected(std::move(linked.error()));
  index(zone);
  const auto soa = wire::parse_soa(*zone.soa().rdatas().begin());
  if (!soa) return std::unexpected(ZoneProblem{0, "broken SOA"});
  zone.serial_ = soa->serial;
  zone.negative_ttl_ = std::min(zone.soa().ttl(), soa->minimum);
  if (warnings != nullptr) find_doubts(zone, warnings);
  return zone;
}

NameView ZoneBuilder::owner_of(const Entry& entry) const {
  return NameView::from_valid({octets_.data() + entry.owner, entry.owner_size});
}

Bytes ZoneBuilder::rdata_of(const Entry& entry) const {
  return {octets_.data() + entry.rdata, entry.rdata_size};
}

/// By owner in canonical order, then type, each type's signatures behind it; else as added.
void ZoneBuilder::sort() {
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    if (a.owner != b.owner) {
      const auto order = canonical_order(owner_of(a), owner_of(b));
      if (order != 0) return order < 0;
    }
    if (a.type != b.type) return a.type < b.type;
    if (a.signature != b.signature) return b.signature;
    return a.rdata < b.rdata;  // its offset: the order in which they were added
  });
}

std::span<const ZoneBuilder::Entry> ZoneBuilder::node_at(std::size_t first) const {
  const Entry& entry = entries_[first];
  std::size_t end = first + 1;
  while (end < entries_.size() && (entries_[end].owner == entry.owner || owner_of(entries_[end]) == owner_of(entry))) {
    ++end;
  }
  return std::span(entries_).subspan(first, end - first);
}

std::span<const ZoneBuilder::Entry> ZoneBuilder::set_at(std::span<const Entry> node) {
  std::size_t end = 1;
  while (end < node.size() && node[end].type == node.front().type) ++end;
  return node.first(end);
}

std::expected<void, ZoneProblem> ZoneBuilder::check(std::span<const Entry> node) const {
  const NameView owner = owner_of(node.front());
  const bool apex = owner == origin_;
  const Entry* soa = nullptr;
  const Entry* name_server = nullptr;
  const Entry* alias = nullptr;       // CNAME
  const Entry* tree_alias = nullptr;  // DNAME
  const Entry* other = nullptr;       // what may not stand beside a CNAME (RFC 2181 10.1, RFC 4034 2.5)
  for (const Entry& entry : node) {
    if (entry.signature) continue;
    const Entry** single = nullptr;
    if (entry.type == RecordType::soa) single = &soa;
    if (entry.type == RecordType::cname) single = &alias;
    if (entry.type == RecordType::dname) single = &tree_alias;
    if (single != nullptr && *single != nullptr && !is_same_rdata(entry.type, rdata_of(**single), rdata_of(entry))) {
      return std::unexpected(ZoneProblem{entry.place, "a second " + about(owner, entry.type)});
    }
    if (single != nullptr && *single == nullptr) *single = &entry;
    if (entry.type == RecordType::ns) name_server = &entry;
    if (entry.type != RecordType::cname && entry.type != RecordType::nsec) other = &entry;
  }
  if (apex && soa == nullptr) return std::unexpected(ZoneProblem{0, "no SOA at " + owner.to_text()});
  if (apex && name_server == nullptr) return std::unexpected(ZoneProblem{soa->place, "no NS at " + owner.to_text()});
  if (!apex && soa != nullptr) {
    return std::unexpected(ZoneProblem{soa->place, "a SOA at " + owner.to_text() + ", which is not the zone's apex"});
  }
  if (alias != nullptr && other != nullptr) {
    return std::unexpected(ZoneProblem{std::max(alias->place, other->place),
                                       "CNAME and " + to_text(other->type) + " at " + owner.to_text()});
  }
  return {};
}

/// Copies names and rdatas into the zone's one block; adds the empty non-terminals.
void ZoneBuilder::lay_out(Zone& zone, Warnings warnings) const {
  std::size_t set_count = 0, node_count = 0, octets = 0;
  for (std::size_t at = 0; at < entries_.size(); ++node_count) {
    const auto node = node_at(at);
    octets += node.front().owner_size;
    for (const Entry& entry : node) octets += 2U + entry.rdata_size;
    for (auto rest = node; !rest.empty(); rest = rest.subspan(set_at(rest).size())) ++set_count;
    at += node.size();
  }
  zone.octets_ = std::make_unique_for_overwrite<std::uint8_t[]>(octets);
  zone.octets_size_ = octets;
  zone.sets_.reserve(set_count);  // nodes point into it: it must not move
  zone.nodes_.reserve(node_count);
  std::uint8_t* at = zone.octets_.get();
  for (std::size_t first = 0; first < entries_.size();) {
    const auto entries = node_at(first);
    first += entries.size();
    const NameView owner = NameView::from_valid({at, entries.front().owner_size});
    std::memcpy(at, octets_.data() + entries.front().owner, entries.front().owner_size);
    at += owner.size();

    const auto push_node = [&](NameView name) -> Node& {
      Node& node = zone.nodes_.emplace_back();
      node.name_ = name.bytes().data();
      node.name_size_ = static_cast<std::uint8_t>(name.size());
      return node;
    };
    const std::size_t labels = owner.label_count();
    if (!zone.nodes_.empty()) {
      // In canonical order, every existing ancestor is one of the name before, too.
      const std::size_t common = common_labels(zone.nodes_.back().name(), owner);
      for (std::size_t depth = common + 1; depth < labels; ++depth) push_node(owner.suffix(depth));
    }
    Node& node = push_node(owner);
    const std::size_t first_set = zone.sets_.size();
    for (auto rest = entries; !rest.empty();) {
      const auto set = set_at(rest);
      store_set(zone, set, at, warnings);
      rest = rest.subspan(set.size());
    }
    node.sets_ = zone.sets_.data() + first_set;
    node.set_count_ = static_cast<std::uint16_t>(zone.sets_.size() - first_set);
  }
}

void ZoneBuilder::store_set(Zone& zone, std::span<const Entry> set, std::uint8_t*& at, Warnings warnings) const {
  const NameView owner = owner_of(set.front());
  if (set.front().signature) {
    return warn(warnings, set.front().place,
                "signature of " + about(owner, set.front().type) + ", of which there is none");
  }
  StoredSet& stored = zone.sets_.emplace_back();
  stored.start_ = at;
  stored.type_ = set.front().type;
  stored.ttl_ = set.front().ttl;
  Stored records(set.size()), signatures(set.size());
  for (const Entry& entry : set) {
    // A set has one TTL: the lowest (RFC 2181 5.2).
    if (entry.ttl != stored.ttl_) warn(warnings, entry.place, "different TTLs in " + about(owner, stored.type_));
    stored.ttl_ = std::min(stored.ttl_, entry.ttl);
    const Bytes rdata = rdata_of(entry);
    const bool added = entry.signature ? signatures.add_once(RecordType::rrsig, rdata, stored.signatures())
                                       : records.add_once(stored.type_, rdata, stored.rdatas());
    if (!added) continue;
    wire::store16(at, entry.rdata_size);
    if (!rdata.empty()) std::memcpy(at + 2, rdata.data(), rdata.size());
    at += 2 + rdata.size();
    (entry.signature ? stored.signatures_size_ : stored.rdatas_size_) += static_cast<std::uint32_t>(2 + rdata.size());
    ++zone.record_count_;
  }
}

/// Works out, from the top down, where authority ends, and which NSEC reaches from each node on.
void ZoneBuilder::link(Zone& zone) {
  const std::size_t apex_labels = zone.origin().label_count();
  std::array<std::uint32_t, wire::kMaxLabels + 1> path{};  // the node of each depth above the one looked at
  std::uint32_t nsec = Node::kNone;
  for (std::uint32_t i = 0; i < zone.nodes_.size(); ++i) {
    Node& node = zone.nodes_[i];
    const std::size_t depth = node.name().label_count() - apex_labels;
    path[depth] = i;
    if (depth > 0) {
      Node& parent = zone.nodes_[path[depth - 1]];
      parent.has_children_ = true;
      if (node.name().is_wildcard()) parent.has_wildcard_ = true;
      node.cut_ = parent.cut_;
      if (node.cut_ == Node::kNone && parent.find(RecordType::dname) != nullptr) node.cut_ = path[depth - 1];
      if (node.cut_ == Node::kNone && node.find(RecordType::ns) != nullptr) node.cut_ = i;
    }
    const bool authoritative = node.cut_ == Node::kNone || node.cut_ == i;
    if (authoritative && node.find(RecordType::nsec) != nullptr) nsec = i;
    node.denial_ = nsec;
  }
}

void ZoneBuilder::index(Zone& zone) {
  zone.buckets_.assign(std::bit_ceil(2 * zone.nodes_.size()), Node::kNone);
  const std::size_t mask = zone.buckets_.size() - 1;
  for (std::uint32_t i = 0; i < zone.nodes_.size(); ++i) {
    if (zone.nodes_[i].is_hashed_name()) continue;
    std::size_t at = zone.nodes_[i].name().hash() & mask;
    while (zone.buckets_[at] != Node::kNone) at = (at + 1) & mask;
    zone.buckets_[at] = i;
  }
}

}  // namespace placard::zones
