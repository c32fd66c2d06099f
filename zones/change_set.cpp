#include "zones/change_set.hpp"

#include <algorithm>
#include <cassert>

#include "zones/wire/octets.hpp"
#include "zones/wire/rdata_layout.hpp"

namespace placard::zones {

using wire::Bytes;
using wire::Name;
using wire::NameView;
using wire::RecordType;

namespace {

constexpr std::uint32_t kPlaceless = 0;

/// Every record of a node, signatures behind what they cover.
template <class Use>
void each_record(const Node& node, const Use& use) {
  for (const StoredSet& set : node.sets()) {
    for (const Bytes rdata : set.rdatas()) use(RecordRef{node.name(), set.type(), set.ttl(), rdata});
    for (const Bytes rdata : set.signatures()) use(RecordRef{node.name(), RecordType::rrsig, set.ttl(), rdata});
  }
}

bool is_same(const RecordRef& a, const RecordRef& b) {
  return a.type == b.type && a.ttl == b.ttl && std::ranges::equal(a.rdata, b.rdata);
}

std::vector<RecordRef> records_of(const Node* node) {
  std::vector<RecordRef> all;
  if (node != nullptr) each_record(*node, [&](const RecordRef& record) { all.push_back(record); });
  return all;
}

/// In the order of each_record(): signatures behind what they cover. Those of nothing are left out, as a zone leaves
/// them out: a difference that had them could not be followed by the next one.
std::vector<RecordRef> records_of(NameView owner, const ZoneEditor::Sets& sets) {
  std::vector<RecordRef> all;
  const auto signatures = sets.find(RecordType::rrsig);
  const auto covered = [](const ZoneEditor::Rdata& signature) {
    return wire::covered_type(signature.octets).value_or(RecordType::rrsig);
  };
  for (const auto& [type, rdatas] : sets) {
    if (type == RecordType::rrsig) continue;
    for (const auto& rdata : rdatas) all.push_back({owner, type, rdata.ttl, rdata.octets});
    if (signatures == sets.end()) continue;
    for (const auto& rdata : signatures->second)
      if (covered(rdata) == type) all.push_back({owner, RecordType::rrsig, rdata.ttl, rdata.octets});
  }
  return all;
}

bool is_same_node(const Node& a, const Node& b) {
  const auto of_a = a.sets();
  const auto of_b = b.sets();
  const auto range = [](const RdataRange& r) { return Bytes(r.first, r.size); };
  return std::ranges::equal(of_a, of_b, [&](const StoredSet& x, const StoredSet& y) {
    return x.type() == y.type() && x.ttl() == y.ttl() && std::ranges::equal(range(x.rdatas()), range(y.rdatas())) &&
           std::ranges::equal(range(x.signatures()), range(y.signatures()));
  });
}

}  // namespace

bool order_of_records(const RecordRef& a, const RecordRef& b) {
  if (a.type != b.type) return a.type < b.type;
  if (a.ttl != b.ttl) return a.ttl < b.ttl;
  return std::ranges::lexicographical_compare(a.rdata, b.rdata);
}

void compare_records(std::vector<RecordRef> before, std::vector<RecordRef> after, ChangeSet& out) {
  std::ranges::sort(before, order_of_records);
  std::ranges::sort(after, order_of_records);
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (a != before.end() && b != after.end() && is_same(*a, *b)) {
      ++a, ++b;
    } else if (b == after.end() || (a != before.end() && order_of_records(*a, *b))) {
      if (a->type != RecordType::soa) out.removed.add(*a);
      ++a;
    } else {
      if (b->type != RecordType::soa) out.added.add(*b);
      ++b;
    }
  }
}

bool is_same_rdata(RecordType type, Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  const auto layout = wire::rdata_layout(type);
  if (layout.names == 0) return std::ranges::equal(a, b);
  const auto equal_to = [&](std::size_t from, std::size_t to) {
    return std::equal(a.begin() + static_cast<std::ptrdiff_t>(from), a.begin() + static_cast<std::ptrdiff_t>(to),
                      b.begin() + static_cast<std::ptrdiff_t>(from));
  };
  std::size_t at = layout.fixed;
  for (int i = 0; i < layout.strings && at < a.size(); ++i) at += a[at] + 1U;
  if (at > a.size() || !equal_to(0, at)) return false;
  for (int i = 0; i < layout.names; ++i) {
    const auto name_a = wire::parse_uncompressed_name(a, at);
    const auto name_b = wire::parse_uncompressed_name(b, at);
    if (!name_a || !name_b || !(*name_a == *name_b)) return false;
    at += name_a->size();
  }
  return equal_to(at, a.size());
}

ChangeSet difference(const Zone& from, const Zone& to) {
  assert(from.origin() == to.origin());
  ChangeSet out;
  out.from = from.serial();
  out.to = to.serial();
  out.removed.add(from.origin(), RecordType::soa, from.soa().ttl(), *from.soa().rdatas().begin());
  out.added.add(to.origin(), RecordType::soa, to.soa().ttl(), *to.soa().rdatas().begin());
  auto a = from.nodes().begin();
  auto b = to.nodes().begin();
  while (a != from.nodes().end() || b != to.nodes().end()) {
    const auto order = a == from.nodes().end() ? std::strong_ordering::greater
                       : b == to.nodes().end() ? std::strong_ordering::less
                                               : canonical_order(a->name(), b->name());
    const Node* before = order <= 0 ? &*a : nullptr;
    const Node* after = order >= 0 ? &*b : nullptr;
    if (before == nullptr || after == nullptr || !is_same_node(*before, *after))
      compare_records(records_of(before), records_of(after), out);
    if (before != nullptr) ++a;
    if (after != nullptr) ++b;
  }
  return out;
}

ZoneEditor::ZoneEditor(std::shared_ptr<const Zone> base) : base_(std::move(base)) {
  assert(base_);
}

/// By bisection, and not by Zone::find(), which does not know the owners of NSEC3.
const Node* ZoneEditor::node_of(NameView owner) const {
  const auto nodes = base_->nodes();
  const auto found = std::lower_bound(nodes.begin(), nodes.end(), owner, [](const Node& node, NameView name) {
    return canonical_order(node.name(), name) < 0;
  });
  return found != nodes.end() && found->name() == owner ? &*found : nullptr;
}

ZoneEditor::Sets ZoneEditor::sets_of(const Node* node) {
  Sets sets;
  if (node != nullptr)
    each_record(*node, [&](const RecordRef& record) {
      sets[record.type].push_back({{record.rdata.begin(), record.rdata.end()}, record.ttl});
    });
  return sets;
}

ZoneEditor::Sets& ZoneEditor::touch(NameView owner) {
  if (const auto found = touched_.find(owner); found != touched_.end()) return found->second;
  const Node* node = node_of(owner);
  return touched_.emplace(Name(node != nullptr ? node->name() : owner), sets_of(node)).first->second;
}

const ZoneEditor::Sets* ZoneEditor::at(NameView owner) {
  const Sets& sets = touch(owner);
  return sets.empty() ? nullptr : &sets;
}

const std::vector<ZoneEditor::Rdata>* ZoneEditor::at(NameView owner, RecordType type) {
  const Sets& sets = touch(owner);
  const auto found = sets.find(type);
  return found == sets.end() ? nullptr : &found->second;
}

bool ZoneEditor::exists(NameView owner) {
  const Sets* sets = at(owner);
  return sets != nullptr && std::ranges::any_of(*sets, [](const auto& entry) {
           return entry.first != RecordType::rrsig && entry.first != RecordType::nsec &&
                  entry.first != RecordType::nsec3;
         });
}

bool ZoneEditor::add(const RecordRef& record) {
  auto& set = touch(record.owner)[record.type];
  const auto same = std::ranges::find_if(
      set, [&](const Rdata& known) { return is_same_rdata(record.type, known.octets, record.rdata); });
  if (record.type != RecordType::rrsig)  // RRSIGs of one name cover sets of different TTLs
    for (Rdata& each : set) each.ttl = record.ttl;
  if (same != set.end()) return false;
  set.push_back({{record.rdata.begin(), record.rdata.end()}, record.ttl});
  return true;
}

bool ZoneEditor::remove(const RecordRef& record) {
  Sets& sets = touch(record.owner);
  const auto set = sets.find(record.type);
  if (set == sets.end()) return false;
  const auto gone = std::ranges::find_if(
      set->second, [&](const Rdata& known) { return is_same_rdata(record.type, known.octets, record.rdata); });
  if (gone == set->second.end()) return false;
  set->second.erase(gone);
  if (set->second.empty()) sets.erase(set);
  return true;
}

void ZoneEditor::remove_set(NameView owner, RecordType type) {
  touch(owner).erase(type);
}

wire::Soa ZoneEditor::soa() {
  const auto* set = at(base_->origin(), RecordType::soa);
  assert(set != nullptr);
  const auto soa = wire::parse_soa(set->front().octets);
  assert(soa);
  return *soa;
}

void ZoneEditor::set_soa(const wire::Soa& soa) {
  auto& set = touch(base_->origin())[RecordType::soa];
  const std::uint32_t ttl = set.front().ttl;
  set.assign(1, {wire::make_soa_rdata(soa), ttl});
}

std::expected<void, std::string> ZoneEditor::apply(const ChangeSet& changes) {
  if (soa().serial != changes.from) {
    return std::unexpected("a difference from serial " + std::to_string(changes.from) + ", and the zone's is " +
                           std::to_string(soa().serial));
  }
  const auto outside = [&](const RecordRef& record) { return !record.owner.is_subdomain_of(base_->origin()); };
  for (const RecordRef record : changes.removed) {
    if (outside(record) || !remove(record)) {
      return std::unexpected("a difference that takes away " + record.owner.to_text() + " " + to_text(record.type) +
                             ", which is not there");
    }
  }
  for (const RecordRef record : changes.added) {
    if (outside(record) || is_meta(record.type) || !add(record)) {
      return std::unexpected("a difference that adds " + record.owner.to_text() + " " + to_text(record.type) +
                             ", which is there already or does not belong there");
    }
  }
  const auto* set = at(base_->origin(), RecordType::soa);
  if (set == nullptr || set->size() != 1 || !wire::parse_soa(set->front().octets) || soa().serial != changes.to) {
    return std::unexpected("a difference that does not leave the SOA it promised");
  }
  return {};
}

bool ZoneEditor::changed() const {
  const ChangeSet all = changes();
  return all.removed.size() > 1 || all.added.size() > 1;
}

ChangeSet ZoneEditor::changes() const {
  ChangeSet out;
  out.from = base_->serial();
  out.removed.add(base_->origin(), RecordType::soa, base_->soa().ttl(), *base_->soa().rdatas().begin());
  const auto apex = touched_.find(base_->origin());
  if (apex != touched_.end()) {
    const Rdata& soa = apex->second.at(RecordType::soa).front();
    out.added.add(base_->origin(), RecordType::soa, soa.ttl, soa.octets);
  } else {
    out.added.add(*out.removed.begin());
  }
  out.to = wire::parse_soa((*out.added.begin()).rdata)->serial;
  for (const auto& [owner, sets] : touched_) compare_records(records_of(node_of(owner)), records_of(owner, sets), out);
  return out;
}

std::expected<Zone, std::string> ZoneEditor::build() const {
  ZoneBuilder builder(base_->origin());
  std::expected<void, std::string> added;
  const auto use = [&](const RecordRef& record) {
    if (added) added = builder.add(record.owner, record.type, record.ttl, record.rdata, kPlaceless);
  };
  // Both in canonical order: the builder finds its records sorted.
  auto change = touched_.begin();
  const auto add_changed = [&] {
    for (const RecordRef& record : records_of(change->first, change->second)) use(record);
    ++change;
  };
  for (const Node& node : base_->nodes()) {
    while (change != touched_.end() && canonical_order(change->first, node.name()) < 0) add_changed();
    if (change != touched_.end() && change->first.view() == node.name())
      add_changed();
    else
      each_record(node, use);
  }
  while (change != touched_.end()) add_changed();
  if (!added) return std::unexpected(std::move(added.error()));
  auto zone = builder.build();
  if (!zone) return std::unexpected(std::move(zone.error().reason));
  return *std::move(zone);
}

}  // namespace placard::zones
