#include "zones/zone_listing.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace placard::zones {

using wire::NameView;
using wire::RecordType;

namespace {

constexpr std::size_t kBlock =
    16U << 10U;  // octets; a block is closed at the first owner behind them, or grows twofold
constexpr std::size_t kSmall = kBlock / 4;  // one that changes made smaller than this takes in the next

NameView first_owner(const ZoneListing::Block& block) {
  return (*block->begin()).owner;
}

/// The records of one owner, where they stand.
struct Group {
  NameView owner;
  const RecordList* block = nullptr;
  RecordList::Iterator begin, end;
  std::vector<RecordRef> records() const {
    std::vector<RecordRef> all;
    for (auto at = begin; at != end; ++at) all.push_back(*at);
    return all;
  }
};

/// Walks over the owners of a listing.
class Owners {
 public:
  explicit Owners(const std::vector<ZoneListing::Block>& blocks) : blocks_(blocks) { enter(); }
  bool ended() const { return number_ == blocks_.size(); }
  const Group& operator*() const { return group_; }
  const ZoneListing::Block* at_start_of() const {
    return !ended() && group_.begin == blocks_[number_]->begin() ? &blocks_[number_] : nullptr;
  }
  void next() {
    at_ = group_.end;
    if (at_ == blocks_[number_]->end()) return skip_block();
    find_group();
  }
  void skip_block() {
    ++number_;
    enter();
  }

 private:
  void enter() {
    if (ended()) return;
    at_ = blocks_[number_]->begin();
    find_group();
  }
  void find_group() {
    group_ = {(*at_).owner, blocks_[number_].get(), at_, at_};
    const auto end = blocks_[number_]->end();
    while (group_.end != end && (*group_.end).owner == group_.owner) ++group_.end;
  }
  const std::vector<ZoneListing::Block>& blocks_;
  std::size_t number_ = 0;
  RecordList::Iterator at_;
  Group group_;
};

bool is_same_record(const RecordRef& a, const RecordRef& b) {
  return a.type == b.type && a.ttl == b.ttl && std::ranges::equal(a.rdata, b.rdata);
}

bool same_records(const Group& a, const Group& b) {
  auto x = a.begin, y = b.begin;
  for (; x != a.end && y != b.end; ++x, ++y)
    if (!is_same_record(*x, *y)) return false;
  return x == a.end && y == b.end;
}

std::vector<RecordRef> refs_of(const RecordList& list) {
  return {list.begin(), list.end()};
}

ChangeSet frame(const RecordList& from, const RecordList& to) {
  const auto serial_of = [](const RecordList& apex) { return wire::parse_soa((*apex.begin()).rdata)->serial; };
  ChangeSet out;
  out.from = serial_of(from);
  out.to = serial_of(to);
  out.removed.add(*from.begin());
  out.added.add(*to.begin());
  compare_records(refs_of(from), refs_of(to), out);
  return out;
}

}  // namespace

// ---------------------------------------------------------------- making

void ZoneListing::Builder::add(const RecordRef& record) {
  const bool first = last_.view().is_root();
  const auto order = first ? std::strong_ordering::less : canonical_order(last_, record.owner);
  if (order > 0) {
    aside_[wire::Name(record.owner)].add(record);
    return;
  }
  if (order < 0) {
    if (cuts_ && open_.octets().size() >= kBlock) flush();
    last_ = wire::Name(record.owner);
  }
  open_.add(record);
}

void ZoneListing::Builder::flush() {
  if (open_.empty()) return;
  blocks_.push_back(std::make_shared<const RecordList>(open_));  // the copy has no room to spare
  open_.clear();
}

/// Cuts what is open into blocks of about one size, so that a change here moves nothing in the blocks behind. What is
/// small stays open and takes in the next.
void ZoneListing::Builder::settle() {
  if (open_.octets().size() < kSmall) return;
  const std::size_t pieces = std::max<std::size_t>(1, open_.octets().size() / kBlock);
  const std::size_t most = open_.octets().size() / pieces + 1;
  const RecordList all = std::exchange(open_, {});
  wire::NameView owner;
  for (const RecordRef record : all) {
    if (open_.octets().size() >= most && !(record.owner == owner)) flush();
    open_.add(record);
    owner = record.owner;
  }
  flush();
}

void ZoneListing::Builder::share(Block block) {
  flush();
  blocks_.push_back(std::move(block));
  last_ = wire::Name();  // whoever shares blocks keeps the order
}

ZoneListing::ZoneListing(RecordList apex, Builder gathered) : apex_records_(std::move(apex)) {
  assert(!apex_records_.empty() && (*apex_records_.begin()).type == RecordType::soa);
  ZoneBuilder builder((*apex_records_.begin()).owner);
  for (const RecordRef record : apex_records_)
    if (!builder.add(record.owner, record.type, record.ttl, record.rdata)) assert(false);
  auto built = builder.build();
  assert(built);
  apex_ = std::make_shared<const Zone>(*std::move(built));
  gathered.flush();
  blocks_ = std::move(gathered.blocks_);
  count();
  if (!gathered.aside_.empty()) *this = with(apex_records_, gathered.aside_);
}

void ZoneListing::count() {
  record_count_ = apex_records_.size();
  memory_size_ =
      apex_records_.octets().size() + apex_->memory_size() + blocks_.size() * (sizeof(Block) + sizeof(RecordList));
  for (const auto& block : blocks_) {
    record_count_ += block->size();
    memory_size_ += block->octets().size();
  }
}

std::expected<ZoneListing, std::string> ZoneListing::from_records(NameView origin, RecordList::Iterator begin,
                                                                  RecordList::Iterator end) {
  RecordList apex;
  Builder builder;
  bool has_servers = false;
  for (; begin != end; ++begin) {
    const RecordRef record = *begin;
    if (record.owner == origin) {
      if (apex.empty() && (record.type != RecordType::soa || !wire::parse_soa(record.rdata)))
        return std::unexpected("no SOA at its beginning");
      has_servers |= record.type == RecordType::ns;
      apex.add(record);
    } else if (!record.owner.is_subdomain_of(origin)) {
      return std::unexpected(record.owner.to_text() + " is outside of the zone");
    } else {
      builder.add(record);
    }
  }
  if (apex.empty() || !has_servers) return std::unexpected("no SOA or no NS at its apex");
  return ZoneListing(std::move(apex), std::move(builder));
}

// ---------------------------------------------------------------- changing

ZoneListing ZoneListing::with(RecordList apex, const Changed& changed) const {
  Builder made;
  made.cuts_ = false;
  auto change = changed.begin();
  const auto put = [&](const auto& records) {
    for (const RecordRef record : records) made.add(record);
  };
  const auto put_change = [&] {
    put(change->second);
    ++change;
  };
  for (std::size_t number = 0; number < blocks_.size(); ++number) {
    const bool last = number + 1 == blocks_.size();
    const auto is_ours = [&] {
      return change != changed.end() && (last || canonical_order(change->first, first_owner(blocks_[number + 1])) < 0);
    };
    if (!is_ours() && made.open_.empty()) {
      made.share(blocks_[number]);
      continue;
    }
    const std::vector<Block> one{blocks_[number]};
    for (Owners owners(one); !owners.ended(); owners.next()) {
      const Group& group = *owners;
      while (is_ours() && canonical_order(change->first, group.owner) < 0) put_change();
      if (is_ours() && change->first.view() == group.owner)
        put_change();
      else
        for (auto at = group.begin; at != group.end; ++at) made.add(*at);
    }
    while (is_ours()) put_change();
    made.settle();
  }
  while (change != changed.end()) put_change();
  made.settle();
  return ZoneListing(std::move(apex), std::move(made));
}

ChangeSet ZoneListing::changes_by(const RecordList& apex, const Changed& changed) const {
  ChangeSet out = frame(apex_records_, apex);
  for (const auto& [owner, records] : changed) compare_records(at(owner), refs_of(records), out);
  return out;
}

std::expected<ZoneListing, std::string> ZoneListing::apply(std::span<const SharedChangeSet> chain) const {
  std::map<wire::Name, std::vector<RecordRef>, CanonicalOrder> owners;
  const auto at_owner = [&](NameView owner) -> std::vector<RecordRef>& {
    const auto found = owners.find(owner);
    if (found != owners.end()) return found->second;
    return owners.emplace(wire::Name(owner), owner == origin() ? refs_of(apex_records_) : at(owner)).first->second;
  };
  const auto soa_now = [&] {
    const auto& apex = at_owner(origin());
    const bool sound = !apex.empty() && apex.front().type == RecordType::soa;
    return sound ? wire::parse_soa(apex.front().rdata) : std::nullopt;
  };
  for (const SharedChangeSet& changes : chain) {
    if (const auto soa = soa_now(); !soa || soa->serial != changes->from)
      return std::unexpected("a difference from another serial");
    for (const RecordRef record : changes->removed) {
      auto& here = at_owner(record.owner);
      const auto gone =
          std::ranges::find_if(here, [&](const RecordRef& other) { return is_same_record(other, record); });
      if (gone == here.end()) return std::unexpected("a difference that takes away what is not there");
      here.erase(gone);
    }
    for (const RecordRef record : changes->added) {
      auto& here = at_owner(record.owner);
      const bool known =
          std::ranges::any_of(here, [&](const RecordRef& other) { return is_same_record(other, record); });
      if (!record.owner.is_subdomain_of(origin()) || known)
        return std::unexpected("a difference that adds what is there already or does not belong there");
      // The SOA is the first of the first owner's; else in order.
      here.insert(
          record.type == RecordType::soa ? here.begin() : std::ranges::upper_bound(here, record, order_of_records),
          record);
    }
    const auto soa = soa_now();
    const auto is_server = [](const RecordRef& record) { return record.type == RecordType::ns; };
    if (!soa || soa->serial != changes->to || std::ranges::none_of(at_owner(origin()), is_server))
      return std::unexpected("a difference that does not leave the SOA it promised");
  }
  RecordList apex;
  Changed changed;
  for (const RecordRef& record : at_owner(origin())) apex.add(record);
  owners.erase(wire::Name(origin()));
  for (const auto& [owner, records] : owners)
    for (auto& list = changed[owner]; const RecordRef& record : records) list.add(record);
  return with(std::move(apex), changed);
}

ChangeSet difference(const ZoneListing& from, const ZoneListing& to) {
  assert(from.origin() == to.origin());
  ChangeSet out = frame(from.apex_records_, to.apex_records_);
  Owners a(from.blocks_), b(to.blocks_);
  while (!a.ended() || !b.ended()) {
    const auto* of_a = a.at_start_of();
    const auto* of_b = b.at_start_of();
    if (of_a != nullptr && of_b != nullptr && *of_a == *of_b) {
      a.skip_block();
      b.skip_block();
      continue;
    }
    const auto order = a.ended()   ? std::strong_ordering::greater
                       : b.ended() ? std::strong_ordering::less
                                   : canonical_order((*a).owner, (*b).owner);
    if (order != 0)
      compare_records(order < 0 ? (*a).records() : std::vector<RecordRef>(),
                      order > 0 ? (*b).records() : std::vector<RecordRef>(), out);
    else if (!same_records(*a, *b))
      compare_records((*a).records(), (*b).records(), out);
    if (order <= 0) a.next();
    if (order >= 0) b.next();
  }
  return out;
}

// ---------------------------------------------------------------- reading

std::size_t ZoneListing::block_of(NameView owner) const {
  const auto after = std::ranges::upper_bound(blocks_, owner, CanonicalOrder(), first_owner);
  return after == blocks_.begin() ? 0 : static_cast<std::size_t>(after - blocks_.begin()) - 1;
}

std::vector<RecordRef> ZoneListing::at(NameView owner) const {
  std::vector<RecordRef> found;
  if (blocks_.empty()) return found;
  for (const RecordRef record : *blocks_[block_of(owner)])
    if (record.owner == owner) found.push_back(record);
  return found;
}

namespace {

class WholeListing final : public RecordSource {
 public:
  explicit WholeListing(std::shared_ptr<const ZoneListing> listing)
      : listing_(std::move(listing)), at_(listing_->apex_records().begin()), end_(listing_->apex_records().end()) {}

  std::optional<RecordRef> next() override {
    while (at_ == end_ && number_ < listing_->blocks().size()) {
      const auto& block = *listing_->blocks()[number_++];
      at_ = block.begin();
      end_ = block.end();
    }
    if (at_ != end_) return *at_++;  // the first of the apex is the SOA
    if (std::exchange(ended_, true)) return std::nullopt;
    return *listing_->apex_records().begin();
  }

 private:
  std::shared_ptr<const ZoneListing> listing_;
  RecordList::Iterator at_, end_;
  std::size_t number_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<RecordSource> axfr_of(std::shared_ptr<const ZoneListing> listing) {
  return std::make_unique<WholeListing>(std::move(listing));
}

}  // namespace placard::zones
