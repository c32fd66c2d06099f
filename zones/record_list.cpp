#include "zones/record_list.hpp"

#include <cassert>

#include "zones/wire/record_set.hpp"

namespace placard::zones {

using wire::Bytes;

void RecordList::add(wire::NameView owner, wire::RecordType type, std::uint32_t ttl, Bytes rdata) {
  assert(rdata.size() <= wire::RdataList::kMaxSize);
  std::uint8_t fixed[kFixed];
  wire::store16(fixed, static_cast<std::uint16_t>(rdata.size()));
  wire::store16(fixed + 2, static_cast<std::uint16_t>(type));
  wire::store32(fixed + 4, ttl);
  octets_.insert(octets_.end(), fixed, fixed + kFixed);
  octets_.insert(octets_.end(), owner.bytes().begin(), owner.bytes().end());
  octets_.insert(octets_.end(), rdata.begin(), rdata.end());
  ++count_;
}

bool RecordList::add(const wire::RecordView& record) {
  const std::size_t start = octets_.size();
  add(record.owner(), record.type(), record.ttl(), {});
  const std::size_t before = octets_.size();
  record.expand_rdata(octets_);
  const std::size_t size = octets_.size() - before;
  if (size > wire::RdataList::kMaxSize) {
    octets_.resize(start);
    --count_;
    return false;
  }
  wire::store16(octets_.data() + start, static_cast<std::uint16_t>(size));
  return true;
}

void RecordList::clear() {
  octets_.clear();
  count_ = 0;
}

std::expected<std::size_t, std::string_view> RecordList::check(Bytes octets) {
  std::size_t count = 0;
  for (Bytes rest = octets; !rest.empty(); ++count) {
    if (rest.size() < kFixed) return std::unexpected("a record cut short");
    const std::size_t rdata = wire::load16(rest.data());
    const auto type = static_cast<wire::RecordType>(wire::load16(rest.data() + 2));
    const auto owner = wire::parse_uncompressed_name(rest, kFixed);
    if (!owner) return std::unexpected("a record with a broken owner");
    const std::size_t whole = kFixed + owner->size() + rdata;
    if (whole > rest.size()) return std::unexpected("a record cut short");
    if (!wire::is_sound_rdata(type, rest.subspan(kFixed + owner->size(), rdata))) {
      return std::unexpected("a record with broken rdata");
    }
    rest = rest.subspan(whole);
  }
  return count;
}

std::expected<RecordList, std::string_view> RecordList::parse(Bytes octets) {
  const auto count = check(octets);
  if (!count) return std::unexpected(count.error());
  RecordList list;
  list.octets_.assign(octets.begin(), octets.end());
  list.count_ = *count;
  return list;
}

}  // namespace placard::zones
