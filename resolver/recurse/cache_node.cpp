// Behind a CacheNode stand, packed: the name; the entry's set; and, where has_more_ says so, how many proofs and the
// proofs, how many addresses of name servers and these, and whether there is an error and that.
//
// A set is: its form (a bit for an owner of its own, a bit for signatures), the owner's size and octets, type, TTL, the
// list of rdatas, the list of signatures. A list is: how many, how many octets, the octets as RdataList has them.
// Numbers have the machine's order.
#include "resolver/recurse/cache_node.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace placard::recurse {
namespace {

constexpr std::size_t kAllocation = 8;  // octets an allocator keeps beside a piece, at most
constexpr std::uint8_t kOwnOwner = 1, kSigned = 2;

class Packer {
 public:
  Packer() { octets_.reserve(512); }
  void put(wire::Bytes octets) { octets_.insert(octets_.end(), octets.begin(), octets.end()); }
  template <class Number>
  void number(Number value) {
    put({reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  void name(wire::NameView name) {
    number(static_cast<std::uint8_t>(name.size()));
    put(name.bytes());
  }
  void list(const wire::RdataList& list) {
    number(static_cast<std::uint16_t>(list.size()));
    number(static_cast<std::uint32_t>(list.packed().size()));
    put(list.packed());
  }
  void set(const wire::RecordSet& set, wire::NameView known) {
    const bool own_owner = !same_case(set.owner, known);
    number(static_cast<std::uint8_t>((own_owner ? kOwnOwner : 0) | (set.signatures.empty() ? 0 : kSigned)));
    if (own_owner) name(set.owner);
    number(set.type);
    number(set.ttl);
    list(set.rdatas);
    if (!set.signatures.empty()) list(set.signatures);
  }
  void more(const CacheEntry& entry, wire::NameView known) {
    number(static_cast<std::uint16_t>(entry.proof.size()));
    for (const auto& proof : entry.proof) set(proof, known);
    number(static_cast<std::uint16_t>(entry.glue.size()));
    for (const auto& glue : entry.glue) {
      number(glue.server);
      number(static_cast<std::uint8_t>(glue.address.v6));
      put(glue.address.bytes());
    }
    number(static_cast<std::uint8_t>(entry.error.has_value()));
    if (!entry.error) return;
    number(entry.error->code);
    const auto& text = entry.error->extra_text;
    number(static_cast<std::uint32_t>(text.size()));
    put({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  wire::Bytes octets() const { return octets_; }

 private:
  std::vector<std::uint8_t> octets_;
};

/// Reads what a Packer wrote.
class Unpacker {
 public:
  explicit Unpacker(const std::uint8_t* at) : at_(at) {}
  wire::Bytes take(std::size_t size) { return {std::exchange(at_, at_ + size), size}; }
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  wire::Name name() { return wire::Name(wire::NameView::from_valid(take(number<std::uint8_t>()))); }
  wire::RdataList list() {
    const auto count = number<std::uint16_t>();
    return wire::RdataList::from_packed(take(number<std::uint32_t>()), count);
  }
  void set(wire::RecordSet& set, wire::NameView known) {
    const auto form = number<std::uint8_t>();
    set.owner = (form & kOwnOwner) != 0 ? name() : wire::Name(known);
    set.type = number<wire::RecordType>();
    set.ttl = number<std::uint32_t>();
    set.rdatas = list();
    if ((form & kSigned) != 0) set.signatures = list();
  }
  void more(CacheEntry& entry, wire::NameView known) {
    entry.proof.resize(number<std::uint16_t>());
    for (auto& proof : entry.proof) set(proof, known);
    entry.glue.resize(number<std::uint16_t>());
    for (auto& glue : entry.glue) {
      glue.server = number<std::uint16_t>();
      glue.address = net::Address::from_bytes(take(number<std::uint8_t>() != 0 ? 16 : 4));
    }
    if (number<std::uint8_t>() == 0) return;
    auto& error = entry.error.emplace();
    error.code = number<wire::EdeCode>();
    const auto text = take(number<std::uint32_t>());
    error.extra_text.assign(text.begin(), text.end());
  }

 private:
  const std::uint8_t* at_;
};

}  // namespace

CacheNode& CacheNode::make(std::uint64_t key, wire::NameView name, wire::RecordType type, std::uint8_t slot,
                           const CacheEntry& entry) {
  Packer packer;
  packer.put(name.bytes());
  packer.set(entry.set, name);
  const bool has_more = !entry.proof.empty() || !entry.glue.empty() || entry.error;
  if (has_more) packer.more(entry, name);
  const auto octets = packer.octets();
  void* const piece = ::operator new(sizeof(CacheNode) + octets.size());
  auto& node = *new (piece) CacheNode;
  std::memcpy(static_cast<void*>(&node + 1), octets.data(), octets.size());
  node.key = key;
  node.type_ = type;
  node.slot_ = slot & 7U;
  node.name_size_ = static_cast<std::uint8_t>(name.size());
  node.kind_ = entry.kind;
  node.credibility_ = entry.credibility;
  node.security_ = entry.security;
  node.unsigned_cut_ = entry.unsigned_cut;
  node.bogus_ = entry.bogus;
  node.has_more_ = has_more;
  node.stored_at_ = static_cast<std::uint64_t>(entry.stored_at) & ((std::uint64_t{1} << 40U) - 1);
  node.lifetime_ = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(entry.expires_at - entry.stored_at, 0, std::numeric_limits<std::uint32_t>::max()));
  node.memory_ = static_cast<std::uint32_t>(malloc_usable_size(piece) + kAllocation);
  return node;
}

void CacheNode::drop() {
  if (holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~CacheNode();
  ::operator delete(static_cast<void*>(this));
}

EntryPointer CacheNode::unpack() const {
  auto entry = std::make_shared<CacheEntry>();
  entry->kind = kind_;
  entry->credibility = credibility_;
  entry->security = security_;
  entry->unsigned_cut = unsigned_cut_;
  entry->bogus = bogus_;
  entry->stored_at = stored_at();
  entry->expires_at = expires_at();
  Unpacker unpacker(packed() + name_size_);
  unpacker.set(entry->set, name());
  if (has_more_) unpacker.more(*entry, name());
  return entry;
}

}  // namespace placard::recurse
