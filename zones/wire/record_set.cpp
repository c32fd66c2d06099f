// Record sets: gathering them from a message, and the few rdatas the rest of the program looks into.
#include "zones/wire/record_set.hpp"

#include <algorithm>
#include <cstring>

#include "zones/wire/octets.hpp"
#include "zones/wire/rdata_layout.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kSoaNumbersSize = 20;

/// What records of one set share, hashed: finding a record's set compares names only on a match.
std::uint64_t set_key(NameView owner, RecordType type, RecordClass record_class) {
  return owner.hash(static_cast<std::uint64_t>(type) << 16 | static_cast<std::uint64_t>(record_class));
}

/// The sets found so far, with the key of each.
struct Gathering {
  std::vector<RecordSet> sets;
  std::vector<std::uint64_t> keys;

  RecordSet* find(NameView owner, RecordType type, RecordClass record_class) {
    const std::uint64_t key = set_key(owner, type, record_class);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != key) continue;
      RecordSet& set = sets[i];
      if (set.owner.view() == owner && set.type == type && set.record_class == record_class) return &set;
    }
    return nullptr;
  }

  RecordSet& find_or_add(NameView owner, RecordType type, RecordClass record_class, std::uint32_t ttl) {
    if (RecordSet* set = find(owner, type, record_class)) return *set;
    keys.push_back(set_key(owner, type, record_class));
    return sets.emplace_back(Name(owner), type, record_class, ttl, RdataList(), RdataList());
  }
};

}  // namespace

bool RdataList::add(Bytes rdata) {
  if (rdata.size() > kMaxSize) return false;
  for (const Bytes known : *this) {
    if (known.size() == rdata.size() && std::equal(known.begin(), known.end(), rdata.begin())) return false;
  }
  const std::size_t at = packed_.size();
  packed_.resize(at + 2 + rdata.size());
  store16(packed_.data() + at, static_cast<std::uint16_t>(rdata.size()));
  std::copy(rdata.begin(), rdata.end(), packed_.begin() + static_cast<std::ptrdiff_t>(at) + 2);
  ++count_;
  return true;
}

RdataList RdataList::from_packed(Bytes packed, std::size_t count) {
  RdataList list;
  list.packed_.assign(packed.begin(), packed.end());
  list.count_ = static_cast<std::uint32_t>(count);
  return list;
}

std::optional<RecordType> covered_type(Bytes rrsig_rdata) {
  constexpr std::size_t kFixedSize = 18;
  if (rrsig_rdata.size() <= kFixedSize) return std::nullopt;
  return static_cast<RecordType>(load16(rrsig_rdata.data()));
}

std::vector<RecordSet> record_sets(const MessageView& message, Section section) {
  Gathering gathered;
  std::vector<std::uint8_t> rdata;
  // Signatures in a second pass: they may stand before what they sign.
  for (const bool signatures : {false, true}) {
    for (const RecordView& record : message.records(section)) {
      if (record.type() == RecordType::opt || record.type() == RecordType::tsig) continue;
      if ((record.type() == RecordType::rrsig) != signatures) continue;
      rdata.clear();
      record.expand_rdata(rdata);
      if (rdata.size() > RdataList::kMaxSize) continue;  // grew beyond what any record may hold: no sender means that
      const Name owner = record.owner();
      RecordSet* signed_set = nullptr;
      if (signatures) {
        const auto covered = covered_type(rdata);
        if (covered) signed_set = gathered.find(owner, *covered, record.record_class());
      }
      RecordSet& set = signed_set != nullptr
                           ? *signed_set
                           : gathered.find_or_add(owner, record.type(), record.record_class(), record.ttl());
      set.ttl = std::min(set.ttl, record.ttl());
      (signed_set != nullptr ? set.signatures : set.rdatas).add(rdata);
    }
  }
  return std::move(gathered.sets);
}

bool is_sound_rdata(RecordType type, Bytes rdata) {
  if (type == RecordType::a) return rdata.size() == 4;
  if (type == RecordType::aaaa) return rdata.size() == 16;
  const RdataLayout layout = rdata_layout(type);
  if (layout.names == 0) return true;
  std::size_t at = layout.fixed;
  for (int i = 0; i < layout.strings; ++i) {
    if (at >= rdata.size()) return false;
    at += rdata[at] + 1U;
  }
  for (int i = 0; i < layout.names; ++i) {
    const auto name = parse_uncompressed_name(rdata, at);
    if (!name) return false;
    at += name->size();
  }
  return layout.tail == RdataLayout::kAnyTail || rdata.size() - at == static_cast<std::size_t>(layout.tail);
}

std::vector<std::uint8_t> canonical_rdata(RecordType type, Bytes rdata) {
  std::vector<std::uint8_t> canonical(rdata.begin(), rdata.end());
  const RdataLayout layout = rdata_layout(type);
  if (layout.names == 0 || type == RecordType::nsec || !is_sound_rdata(type, rdata)) return canonical;
  std::size_t at = layout.fixed;
  for (int i = 0; i < layout.strings; ++i) at += rdata[at] + 1U;
  for (int i = 0; i < layout.names; ++i) {
    const std::size_t size = parse_uncompressed_name(rdata, at)->size();
    std::transform(canonical.begin() + static_cast<std::ptrdiff_t>(at),
                   canonical.begin() + static_cast<std::ptrdiff_t>(at + size),
                   canonical.begin() + static_cast<std::ptrdiff_t>(at), lower);
    at += size;
  }
  return canonical;
}

std::optional<Name> rdata_name(RecordType type, Bytes rdata) {
  using enum RecordType;
  switch (type) {
    case ns:
    case cname:
    case dname:
    case ptr:
    case mb:
    case mg:
    case mr:
    case mx:
    case srv:
      break;
    case soa: {
      const auto fields = parse_soa(rdata);
      if (!fields) return std::nullopt;
      return fields->mname;
    }
    default:
      return std::nullopt;
  }
  const std::size_t fixed = rdata_layout(type).fixed;
  if (rdata.size() < fixed) return std::nullopt;
  const auto name = parse_uncompressed_name(rdata, fixed);
  if (!name || fixed + name->size() != rdata.size()) return std::nullopt;
  return Name(*name);
}

std::optional<Soa> parse_soa(Bytes rdata) {
  const auto mname = parse_uncompressed_name(rdata, 0);
  if (!mname) return std::nullopt;
  const auto rname = parse_uncompressed_name(rdata, mname->size());
  if (!rname) return std::nullopt;
  const Bytes numbers = rdata.subspan(mname->size() + rname->size());
  if (numbers.size() != kSoaNumbersSize) return std::nullopt;
  const std::uint8_t* at = numbers.data();
  return Soa{Name(*mname), Name(*rname), load32(at), load32(at + 4), load32(at + 8), load32(at + 12), load32(at + 16)};
}

std::vector<std::uint8_t> make_soa_rdata(const Soa& soa) {
  std::vector<std::uint8_t> rdata;
  rdata.reserve(soa.mname.view().size() + soa.rname.view().size() + kSoaNumbersSize);
  for (const Name* name : {&soa.mname, &soa.rname}) {
    const Bytes bytes = name->view().bytes();
    rdata.insert(rdata.end(), bytes.begin(), bytes.end());
  }
  for (const std::uint32_t number : {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}) {
    std::uint8_t octets[4];
    store32(octets, number);
    rdata.insert(rdata.end(), octets, octets + 4);
  }
  return rdata;
}

}  // namespace placard::wire
