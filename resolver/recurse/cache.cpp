// Shards, keys and eviction of the record cache.
//
// A key is (name, type, slot). The slots keep apart what must not replace each other: the exact answer (records or
// NODATA), the NXDOMAIN of a name (any type), a failure (it must not replace the stale answer it makes us serve), and
// a delegation (the parent's word, beside the child's own NS set); the first three once for what validation has judged
// and once for what nobody judged. Beside these, that no zone begins at a name.
//
// Eviction is S3-FIFO (Yang and others, SOSP 2023): new entries enter a small queue of a tenth of the memory and go to
// the main queue only if they are asked for again before they leave it; who comes back soon after having left (the
// ghost table remembers a fingerprint) enters the main queue at once. A flood of random subdomains therefore passes
// through the small queue and leaves what clients really use alone, which LRU and SIEVE do not promise.
#include "resolver/recurse/cache.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <mutex>
#include <random>

#include "resolver/recurse/cache_table.hpp"

namespace placard::recurse {
namespace {

constexpr std::size_t kMaxShards =
    1'024;  // so that one holds a few MiB at most, and its lock is held for a moment only
constexpr std::size_t kShardMemory = 1U << 20U;  // octets a shard should have at least
constexpr std::size_t kAllocation = 16;          // octets the allocator adds to each piece, about
constexpr std::uint8_t kMaxUses = 3;
constexpr std::uint32_t kFailureTtlLimit = 300;  // RFC 9520 3.2

std::size_t list_memory(const wire::RdataList& list) {
  return list.capacity() == 0 ? 0 : list.capacity() + kAllocation;
}

std::size_t entry_memory(const CacheEntry& entry) {
  std::size_t size = sizeof(CacheEntry) + 2 * sizeof(void*) + kAllocation;  // with shared_ptr's control block
  size += list_memory(entry.set.rdatas) + list_memory(entry.set.signatures);
  if (entry.proof.capacity() > 0) size += entry.proof.capacity() * sizeof(wire::RecordSet) + kAllocation;
  for (const auto& set : entry.proof) size += list_memory(set.rdatas) + list_memory(set.signatures);
  if (!entry.glue.empty()) size += entry.glue.capacity() * sizeof(Glue) + kAllocation;
  if (entry.error) size += entry.error->extra_text.capacity();
  return size;
}

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33U;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33U;
  return value;
}

Realm realm_of(validate::Security security) {
  return security == validate::Security::unchecked ? Realm::unchecked : Realm::checked;
}

const EntryPointer& newer_of(const EntryPointer& one, const EntryPointer& other) {
  return !one || (other && other->stored_at > one->stored_at) ? other : one;
}

}  // namespace

struct Cache::Shard {
  enum class Queue : std::uint8_t { small, main };
  struct Node {
    EntryPointer entry;
    std::unique_ptr<std::uint8_t[]> name;  // where the entry's set has another owner; else null
    Node* newer = nullptr;
    Node* older = nullptr;
    std::uint64_t key = 0;
    std::uint32_t cost = 0;
    std::uint8_t name_size = 0;
    Slot slot = Slot::exact;
    Queue queue = Queue::small;
    std::uint8_t uses = 0;
    wire::RecordType type{};
    wire::NameView name_view() const {
      return name ? wire::NameView::from_valid({name.get(), name_size}) : entry->set.owner.view();
    }
  };
  struct Fifo {
    Node* newest = nullptr;
    Node* oldest = nullptr;
    std::size_t memory = 0;
  };

  std::mutex mutex;
  // Everything below: GUARDED by mutex.
  CacheTable<Node> nodes;
  Fifo small, main;
  std::vector<std::uint32_t> ghosts;  // fingerprints of keys that left the small queue; direct mapped
  std::size_t limit = 0;
  CacheCounters counters;

  std::size_t memory() const {
    return sizeof(Shard) + small.memory + main.memory + nodes.memory() + ghosts.size() * sizeof(std::uint32_t);
  }
  Fifo& fifo(Queue queue) { return queue == Queue::small ? small : main; }

  void push(Node& node, Queue queue) {
    Fifo& into = fifo(queue);
    node.queue = queue;
    node.newer = nullptr;
    node.older = into.newest;
    (into.newest ? into.newest->newer : into.oldest) = &node;
    into.newest = &node;
    into.memory += node.cost;
  }
  void unlink(Node& node) {
    Fifo& from = fifo(node.queue);
    (node.newer ? node.newer->older : from.newest) = node.older;
    (node.older ? node.older->newer : from.oldest) = node.newer;
    from.memory -= node.cost;
  }

  std::uint32_t& ghost(std::uint64_t key) { return ghosts[key & (ghosts.size() - 1)]; }
  static std::uint32_t fingerprint(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 32U) | 1U; }

  Node* find(std::uint64_t key, wire::NameView name, wire::RecordType type, Slot slot) {
    Node* node = nodes.find(key);
    if (!node || node->type != type || node->slot != slot) return nullptr;
    return node->name_view() == name ? node : nullptr;  // two names, one hash
  }
  EntryPointer use(std::uint64_t key, wire::NameView name, wire::RecordType type, Slot slot) {
    Node* node = find(key, name, type, slot);
    if (!node) return nullptr;
    if (node->uses < kMaxUses) ++node->uses;
    return node->entry;
  }

  /// Drops from the small queue while it has more than its tenth, else from the main one. False: nothing is left.
  bool evict_one(const Cache& cache) {
    while (small.oldest && (small.memory > limit / 10 || !main.oldest)) {
      Node& node = *small.oldest;
      if (node.uses == 0) {
        ghost(node.key) = fingerprint(node.key);
        ++counters.evicted;
        erase(cache, node);
        return true;
      }
      unlink(node);
      node.uses = 0;
      push(node, Queue::main);
    }
    while (main.oldest) {
      Node& node = *main.oldest;
      if (node.uses == 0) {
        ++counters.evicted;
        erase(cache, node);
        return true;
      }
      unlink(node);  // used since it came here: round again
      --node.uses;
      push(node, Queue::main);
    }
    return false;
  }
  /// `visit` may erase the node it is given.
  template <class Visit>
  void each(const Visit& visit) const {
    for (const Fifo* queue : {&small, &main}) {
      for (Node *node = queue->oldest, *next = nullptr; node; node = next) {
        next = node->newer;
        visit(*node);
      }
    }
  }
  template <class Wanted>
  void collect(std::vector<Cached>& into, const Wanted& wanted) const {
    each([&](const Node& node) {
      if (!wanted(node.name_view())) return;
      Cached& cached = into.emplace_back();
      cached.name = wire::Name(node.name_view());
      cached.type = node.type;
      cached.proven = node.queue == Queue::main || node.uses > 0;
      cached.entry = node.entry;
    });
  }
  void erase(const Cache& cache, Node& node) {
    unlink(node);
    if (node.slot == Slot::nxdomain) --cache.nxdomains_;
    if (node.slot == Slot::exact && node.type == wire::RecordType::dname) --cache.dnames_;
    nodes.erase(node.key);
  }
};

namespace {
/// RFC 8020's entry stands for all types; a delegation is always of NS.
constexpr auto kAnyType = wire::RecordType::any;
}  // namespace

Cache::Cache(const CacheLimits& limits)
    : limits_(limits), seed_(std::uint64_t{std::random_device{}()} << 32U | std::random_device{}()) {
  const std::size_t count = std::bit_floor(std::clamp<std::size_t>(limits.memory / kShardMemory, 1, kMaxShards));
  for (std::size_t i = 0; i < count; ++i) {
    auto shard = std::make_unique<Shard>();
    shard->limit = limits.memory / count;
    shard->ghosts.resize(std::bit_floor(std::max<std::size_t>(shard->limit / 1024, 16)));
    shards_.push_back(std::move(shard));
  }
}

Cache::~Cache() = default;

Cache::Shard& Cache::shard_of(std::uint64_t name_hash) const {
  return *shards_[(name_hash >> 48U) & (shards_.size() - 1)];
}

namespace {
std::uint64_t key_of(std::uint64_t name_hash, wire::RecordType type, std::uint8_t slot) {
  return mix(name_hash + (std::uint64_t{static_cast<std::uint16_t>(type)} << 8U | slot) * 0x9e3779b97f4a7c15ULL);
}
}  // namespace

Cache::Slot Cache::in_realm(Slot slot, Realm realm) {
  if (realm == Realm::checked) return slot;
  switch (slot) {
    case Slot::exact:
      return Slot::unchecked;
    case Slot::nxdomain:
      return Slot::unchecked_nxdomain;
    case Slot::failure:
      return Slot::unchecked_failure;
    default:
      return slot;
  }
}

/// Fresh records, NODATA or NXDOMAIN; else a fresh failure; else the newest of the expired.
EntryPointer Cache::find_in(Realm realm, wire::NameView name, wire::RecordType type, std::int64_t now) const {
  const std::uint64_t hash = name.hash(seed_);
  Shard& shard = shard_of(hash);
  const auto use = [&](wire::RecordType of_type, Slot slot) {
    const Slot there = in_realm(slot, realm);
    return shard.use(key_of(hash, of_type, static_cast<std::uint8_t>(there)), name, of_type, there);
  };
  const std::scoped_lock lock(shard.mutex);
  auto exact = use(type, Slot::exact);
  if (exact && exact->fresh(now)) return ++shard.counters.hits, exact;
  auto nxdomain = use(kAnyType, Slot::nxdomain);
  if (nxdomain && nxdomain->fresh(now)) return ++shard.counters.hits, nxdomain;
  auto failed = use(type, Slot::failure);
  if (failed && !failed->fresh(now)) failed = nullptr;
  const EntryPointer stale = newer_of(exact, nxdomain);
  ++(failed || stale ? shard.counters.hits : shard.counters.misses);
  return failed ? failed : stale;
}

EntryPointer Cache::find(wire::NameView name, wire::RecordType type, std::int64_t now, wire::NameView top,
                         Realm realm) const {
  const auto is_answer = [&](const EntryPointer& entry) {
    return entry && entry->fresh(now) && entry->kind != CacheKind::failure;
  };
  EntryPointer found = find_in(Realm::checked, name, type, now);
  if (is_answer(found)) return found;
  if (realm == Realm::unchecked) found = find_in(Realm::unchecked, name, type, now);
  if (is_answer(found)) return found;
  if (!name.is_root() && nxdomains_.load(std::memory_order_relaxed) > 0) {
    if (auto cut = deepest(name.parent(), top, kAnyType, Slot::nxdomain, now)) return cut;
  }
  return found;
}

EntryPointer Cache::find_stale(wire::NameView name, wire::RecordType type, Realm realm) const {
  return newer_of(probe(name, type, in_realm(Slot::exact, realm)),
                  probe(name, kAnyType, in_realm(Slot::nxdomain, realm)));
}

EntryPointer Cache::find_delegation(wire::NameView name, std::int64_t now) const {
  return deepest(name, {}, wire::RecordType::ns, Slot::delegation, now);
}

bool Cache::find_no_cut(wire::NameView name, std::int64_t now) const {
  const auto found = probe(name, wire::RecordType::ns, Slot::no_cut);
  return found && found->fresh(now);
}

EntryPointer Cache::find_dname(wire::NameView name, std::int64_t now, wire::NameView top) const {
  if (name.is_root() || dnames_.load(std::memory_order_relaxed) == 0) return nullptr;
  for (auto at = name.parent(); at.is_subdomain_of(top); at = at.parent()) {
    auto found = probe(at, wire::RecordType::dname, Slot::exact);
    if (found && found->kind == CacheKind::records && found->fresh(now)) return found;
    if (at.is_root()) break;
  }
  return nullptr;
}

EntryPointer Cache::probe(wire::NameView name, wire::RecordType type, Slot slot) const {
  const std::uint64_t hash = name.hash(seed_);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  return shard.use(key_of(hash, type, static_cast<std::uint8_t>(slot)), name, type, slot);
}

EntryPointer Cache::deepest(wire::NameView name, wire::NameView top, wire::RecordType type, Slot slot,
                            std::int64_t now) const {
  for (auto at = name; at.is_subdomain_of(top); at = at.parent()) {
    auto found = probe(at, type, slot);
    if (found && found->fresh(now)) return found;
    if (at.is_root()) break;
  }
  return nullptr;
}

EntryPointer Cache::store(wire::RecordSet set, Credibility credibility, std::int64_t now,
                          std::vector<wire::RecordSet> proof, validate::Security security) {
  auto entry = std::make_shared<CacheEntry>();
  entry->kind = CacheKind::records;
  entry->credibility = credibility;
  entry->set = std::move(set);
  entry->proof = std::move(proof);
  entry->set.ttl = std::clamp(entry->set.ttl, limits_.min_ttl, limits_.max_ttl);
  entry->security = security;
  entry->stored_at = now;
  entry->expires_at = now + entry->set.ttl;
  const Slot slot = in_realm(Slot::exact, realm_of(security));
  if (!wire::is_meta(entry->set.type)) insert(entry->set.owner, entry->set.type, slot, entry, now);
  return entry;
}

EntryPointer Cache::store_negative(CacheKind kind, wire::NameView name, wire::RecordType type, CacheEntry entry,
                                   std::uint32_t ttl, std::int64_t now) {
  assert(kind == CacheKind::nodata || kind == CacheKind::nxdomain || kind == CacheKind::failure);
  entry.kind = kind;
  entry.stored_at = now;
  entry.expires_at = now + std::min(ttl, kind == CacheKind::failure ? kFailureTtlLimit : limits_.max_negative_ttl);
  const Realm realm = realm_of(entry.security);
  auto made = std::make_shared<const CacheEntry>(std::move(entry));
  if (kind == CacheKind::nxdomain) {
    insert(name, kAnyType, in_realm(Slot::nxdomain, realm), made, now);
  } else if (!wire::is_meta(type)) {
    insert(name, type, in_realm(kind == CacheKind::failure ? Slot::failure : Slot::exact, realm), made, now);
  }
  return made;
}

EntryPointer Cache::store_delegation(wire::RecordSet ns, std::vector<Glue> glue, std::vector<wire::RecordSet> proof,
                                     std::int64_t now, std::int64_t not_after) {
  auto entry = std::make_shared<CacheEntry>();
  entry->kind = CacheKind::delegation;
  entry->credibility = Credibility::glue;
  entry->set = std::move(ns);
  glue.shrink_to_fit();
  entry->glue = std::move(glue);
  entry->proof = std::move(proof);
  entry->stored_at = now;
  entry->expires_at = std::min(now + std::clamp(entry->set.ttl, limits_.min_ttl, limits_.max_ttl), not_after);
  insert(entry->set.owner, wire::RecordType::ns, Slot::delegation, entry, now);
  return entry;
}

void Cache::store_no_cut(wire::NameView name, std::uint32_t ttl, std::int64_t now) {
  auto entry = std::make_shared<CacheEntry>();
  entry->kind = CacheKind::no_cut;
  entry->stored_at = now;
  entry->expires_at = now + std::min(ttl, limits_.max_negative_ttl);
  insert(name, wire::RecordType::ns, Slot::no_cut, std::move(entry), now);
}

void Cache::insert(wire::NameView name, wire::RecordType type, Slot slot, EntryPointer entry, std::int64_t now) {
  if (!entry->fresh(now)) return;
  const std::uint64_t hash = name.hash(seed_);
  const std::uint64_t key = key_of(hash, type, static_cast<std::uint8_t>(slot));
  const bool own_name = !(entry->set.owner.view() == name);
  const std::size_t cost =
      sizeof(Shard::Node) + kAllocation + entry_memory(*entry) + (own_name ? name.size() + kAllocation : 0);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  auto queue = Shard::Queue::small;
  if (Shard::Node* found = shard.nodes.find(key)) {
    Shard::Node& old = *found;
    const bool same = old.type == type && old.slot == slot && old.name_view() == name;
    if (same && (slot == Slot::exact || slot == Slot::unchecked) && old.entry->fresh(now) &&
        old.entry->credibility > entry->credibility)
      return;
    if (same) queue = old.queue;
    shard.erase(*this, old);
  } else if (shard.ghost(key) == Shard::fingerprint(key)) {
    queue = Shard::Queue::main;
  }
  // What exists is no longer non-existent.
  if ((slot == Slot::exact || slot == Slot::unchecked) && entry->kind == CacheKind::records) {
    const Slot denied = slot == Slot::exact ? Slot::nxdomain : Slot::unchecked_nxdomain;
    const auto gone = key_of(hash, kAnyType, static_cast<std::uint8_t>(denied));
    if (auto* node = shard.find(gone, name, kAnyType, denied)) shard.erase(*this, *node);
  }
  if (cost > shard.limit / 4) return;  // one giant must not empty a shard
  while (shard.memory() + cost > shard.limit && shard.evict_one(*this)) {
  }
  if (shard.memory() + cost > shard.limit) return;
  Shard::Node& node = shard.nodes.add(key);
  node.entry = std::move(entry);
  if (own_name) {
    node.name = std::make_unique<std::uint8_t[]>(name.size());
    std::memcpy(node.name.get(), name.bytes().data(), name.size());
    node.name_size = static_cast<std::uint8_t>(name.size());
  }
  node.cost = static_cast<std::uint32_t>(cost);
  node.slot = slot;
  node.type = type;
  shard.push(node, queue);
  ++shard.counters.stored;
  if (slot == Slot::nxdomain) ++nxdomains_;
  if (slot == Slot::exact && type == wire::RecordType::dname) ++dnames_;
  while (shard.memory() > shard.limit && shard.evict_one(*this)) {  // the table may have grown
  }
}

std::size_t Cache::flush_if(Shard& shard, wire::NameView name, bool below) {
  std::size_t count = 0;
  const std::scoped_lock lock(shard.mutex);
  shard.each([&](Shard::Node& node) {
    const auto owner = node.name_view();
    if (below ? !owner.is_subdomain_of(name) : !(owner == name)) return;
    shard.erase(*this, node);
    ++count;
  });
  return count;
}

void Cache::flush_all() {
  for (const auto& shard : shards_) flush_if(*shard, {}, true);
}
std::size_t Cache::flush_name(wire::NameView name) {
  return flush_if(shard_of(name.hash(seed_)), name, false);
}
std::size_t Cache::flush_subtree(wire::NameView name) {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += flush_if(*shard, name, true);
  return count;
}

std::size_t Cache::flush_type(wire::NameView name, wire::RecordType type) {
  std::size_t count = 0;
  Shard& shard = shard_of(name.hash(seed_));
  const std::scoped_lock lock(shard.mutex);
  shard.each([&](Shard::Node& node) {
    if (!(node.name_view() == name) || (node.type != type && node.type != kAnyType)) return;
    shard.erase(*this, node);
    ++count;
  });
  return count;
}

std::vector<Cached> Cache::contents(std::size_t number) const {
  std::vector<Cached> all;
  const Shard& shard = *shards_[number];
  const std::scoped_lock lock(shards_[number]->mutex);
  all.reserve(shard.nodes.size());
  shard.collect(all, [](wire::NameView) { return true; });
  return all;
}

std::vector<Cached> Cache::contents_of(wire::NameView name, bool below) const {
  std::vector<Cached> all;
  const auto look = [&](Shard& shard) {
    const std::scoped_lock lock(shard.mutex);
    shard.collect(all, [&](wire::NameView owner) { return below ? owner.is_subdomain_of(name) : owner == name; });
  };
  if (!below) {
    look(shard_of(name.hash(seed_)));
  } else {
    for (const auto& shard : shards_) look(*shard);
  }
  return all;
}

void Cache::restore(const Cached& cached, std::int64_t now) {
  Slot slot = Slot::exact;
  if (cached.entry->kind == CacheKind::nxdomain) slot = Slot::nxdomain;
  if (cached.entry->kind == CacheKind::failure) slot = Slot::failure;
  if (cached.entry->kind == CacheKind::delegation) slot = Slot::delegation;
  slot = in_realm(slot, realm_of(cached.entry->security));
  const std::uint64_t hash = cached.name.view().hash(seed_);
  const std::uint64_t key = key_of(hash, cached.type, static_cast<std::uint8_t>(slot));
  Shard& shard = shard_of(hash);
  {
    const std::scoped_lock lock(shard.mutex);
    if (shard.nodes.find(key)) return;
    // As if it had left the small queue before: it enters the main one.
    if (cached.proven) shard.ghost(key) = Shard::fingerprint(key);
  }
  insert(cached.name, cached.type, slot, cached.entry, now);
}

CacheCounters Cache::counters() const {
  CacheCounters sum;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock(shard->mutex);
    sum.hits += shard->counters.hits;
    sum.misses += shard->counters.misses;
    sum.stored += shard->counters.stored;
    sum.evicted += shard->counters.evicted;
    sum.entries += shard->nodes.size();
    sum.memory += shard->memory();
  }
  return sum;
}

}  // namespace placard::recurse
