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

#include "resolver/recurse/cache_node.hpp"
#include "resolver/recurse/cache_table.hpp"

namespace placard::recurse {
namespace {

constexpr std::size_t kMaxShards =
    1'024;  // so that one holds a few MiB at most, and its lock is held for a moment only
constexpr std::size_t kShardMemory = 1U << 20U;  // octets a shard should have at least
constexpr std::uint8_t kMaxUses = 3;
constexpr std::uint32_t kFailureTtlLimit = 300;  // RFC 9520 3.2

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33U;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33U;
  return value;
}

Realm realm_of(validate::Security security) {
  return security == validate::Security::unchecked ? Realm::unchecked : Realm::checked;
}

const NodeHold& newer_of(const NodeHold& one, const NodeHold& other) {
  return !one || (other && other->stored_at() > one->stored_at()) ? other : one;
}

EntryPointer unpacked(const NodeHold& hold) {
  return hold ? hold->unpack() : nullptr;
}

/// Below a name whose NXDOMAIN is so there is nothing.
bool is_proven(validate::Security security) {
  return security == validate::Security::secure;
}

}  // namespace

struct Cache::Shard {
  using Node = CacheNode;
  using Queue = CacheNode::Queue;
  struct Collected {
    NodeHold node;
    bool proven;
  };
  struct Fifo {
    Node* newest = nullptr;
    Node* oldest = nullptr;
    std::size_t memory = 0;
  };

  Shard() = default;
  ~Shard() {
    each([](Node& node) { node.drop(); });
  }
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

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
    node.set_queue(queue);
    node.newer = nullptr;
    node.older = into.newest;
    (into.newest ? into.newest->newer : into.oldest) = &node;
    into.newest = &node;
    into.memory += node.memory();
  }
  void unlink(Node& node) {
    Fifo& from = fifo(node.queue());
    (node.newer ? node.newer->older : from.newest) = node.older;
    (node.older ? node.older->newer : from.oldest) = node.newer;
    from.memory -= node.memory();
  }

  std::uint32_t& ghost(std::uint64_t key) { return ghosts[key & (ghosts.size() - 1)]; }
  static std::uint32_t fingerprint(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 32U) | 1U; }

  Node* find(std::uint64_t key, wire::NameView name, wire::RecordType type, Slot slot) {
    Node* node = nodes.find(key);
    return node && is(*node, name, type, slot) ? node : nullptr;  // two names may have one hash
  }
  static bool is(const Node& node, wire::NameView name, wire::RecordType type, Slot slot) {
    return node.type() == type && node.slot() == static_cast<std::uint8_t>(slot) && node.name() == name;
  }
  NodeHold use(std::uint64_t key, wire::NameView name, wire::RecordType type, Slot slot) {
    Node* node = find(key, name, type, slot);
    if (node && node->uses() < kMaxUses) node->set_uses(node->uses() + 1);
    return NodeHold(node);
  }

  /// Drops from the small queue while it has more than its tenth, else from the main one. False: nothing is left.
  bool evict_one(const Cache& cache) {
    while (small.oldest && (small.memory > limit / 10 || !main.oldest)) {
      Node& node = *small.oldest;
      if (node.uses() == 0) {
        ghost(node.key) = fingerprint(node.key);
        ++counters.evicted;
        erase(cache, node);
        return true;
      }
      unlink(node);
      node.set_uses(0);
      push(node, Queue::main);
    }
    while (main.oldest) {
      Node& node = *main.oldest;
      if (node.uses() == 0) {
        ++counters.evicted;
        erase(cache, node);
        return true;
      }
      unlink(node);  // used since it came here: round again
      node.set_uses(node.uses() - 1);
      push(node, Queue::main);
    }
    return false;
  }
  /// False: it is not kept. What was there under its key is gone, unless it counts for more.
  bool put(const Cache& cache, Node& node, std::int64_t now) {
    auto queue = Queue::small;
    if (Node* old = nodes.find(node.key)) {
      const auto slot = static_cast<Slot>(node.slot());
      const bool same = is(*old, node.name(), node.type(), slot);
      if (same && (slot == Slot::exact || slot == Slot::unchecked) && old->fresh(now) &&
          old->credibility() > node.credibility())
        return false;
      if (same) queue = old->queue();
      erase(cache, *old);
    } else if (ghost(node.key) == fingerprint(node.key)) {
      queue = Queue::main;
    }
    if (node.memory() > limit / 4) return false;  // one giant must not empty a shard
    while (memory() + node.memory() > limit && evict_one(cache)) {
    }
    if (memory() + node.memory() > limit) return false;
    nodes.add(node);
    push(node, queue);
    while (memory() > limit && evict_one(cache)) {  // the table may have grown
    }
    return true;
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
  void collect(std::vector<Collected>& into, const Wanted& wanted) const {
    each([&](Node& node) {
      if (wanted(node.name())) into.push_back({NodeHold(&node), node.queue() == Queue::main || node.uses() > 0});
    });
  }
  void erase(const Cache& cache, Node& node) {
    unlink(node);
    if (node.slot() == static_cast<std::uint8_t>(Slot::nxdomain) && is_proven(node.security())) --cache.cuts_;
    if (node.slot() == static_cast<std::uint8_t>(Slot::exact) && node.type() == wire::RecordType::dname)
      --cache.dnames_;
    nodes.erase(node.key);
    node.drop();
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
NodeHold Cache::find_in(Realm realm, wire::NameView name, wire::RecordType type, std::int64_t now) const {
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
  if (failed && !failed->fresh(now)) failed = {};
  const NodeHold& stale = newer_of(exact, nxdomain);
  ++(failed || stale ? shard.counters.hits : shard.counters.misses);
  return failed ? failed : stale;
}

EntryPointer Cache::find(wire::NameView name, wire::RecordType type, std::int64_t now, wire::NameView top,
                         Realm realm) const {
  const auto is_answer = [&](const NodeHold& node) {
    return node && node->fresh(now) && node->kind() != CacheKind::failure;
  };
  NodeHold found = find_in(Realm::checked, name, type, now);
  if (!is_answer(found) && realm == Realm::unchecked) found = find_in(Realm::unchecked, name, type, now);
  if (is_answer(found)) return found->unpack();
  if (!name.is_root() && cuts_.load(std::memory_order_relaxed) > 0) {
    const auto proven = [](const NodeHold& node) { return is_proven(node->security()); };
    if (const auto cut = deepest(name.parent(), top, kAnyType, Slot::nxdomain, now, proven)) return cut->unpack();
  }
  return unpacked(found);
}

EntryPointer Cache::find_stale(wire::NameView name, wire::RecordType type, Realm realm) const {
  const NodeHold exact = probe(name, type, in_realm(Slot::exact, realm));
  const NodeHold nxdomain = probe(name, kAnyType, in_realm(Slot::nxdomain, realm));
  return unpacked(newer_of(exact, nxdomain));
}

EntryPointer Cache::find_delegation(wire::NameView name, std::int64_t now) const {
  const auto any = [](const NodeHold&) { return true; };
  return unpacked(deepest(name, {}, wire::RecordType::ns, Slot::delegation, now, any));
}

bool Cache::find_no_cut(wire::NameView name, std::int64_t now) const {
  const auto found = probe(name, wire::RecordType::ns, Slot::no_cut);
  return found && found->fresh(now);
}

EntryPointer Cache::find_dname(wire::NameView name, std::int64_t now, wire::NameView top) const {
  if (name.is_root() || dnames_.load(std::memory_order_relaxed) == 0) return nullptr;
  const auto set = [](const NodeHold& node) { return node->kind() == CacheKind::records; };
  return unpacked(deepest(name.parent(), top, wire::RecordType::dname, Slot::exact, now, set));
}

NodeHold Cache::probe(wire::NameView name, wire::RecordType type, Slot slot) const {
  const std::uint64_t hash = name.hash(seed_);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  return shard.use(key_of(hash, type, static_cast<std::uint8_t>(slot)), name, type, slot);
}

template <typename IsWanted>
NodeHold Cache::deepest(wire::NameView name, wire::NameView top, wire::RecordType type, Slot slot, std::int64_t now,
                        IsWanted is_wanted) const {
  for (auto at = name; at.is_subdomain_of(top); at = at.parent()) {
    auto found = probe(at, type, slot);
    if (found && found->fresh(now) && is_wanted(found)) return found;
    if (at.is_root()) break;
  }
  return {};
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
  if (!wire::is_meta(entry->set.type)) insert(entry->set.owner, entry->set.type, slot, *entry, now);
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
    insert(name, kAnyType, in_realm(Slot::nxdomain, realm), *made, now);
  } else if (!wire::is_meta(type)) {
    insert(name, type, in_realm(kind == CacheKind::failure ? Slot::failure : Slot::exact, realm), *made, now);
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
  insert(entry->set.owner, wire::RecordType::ns, Slot::delegation, *entry, now);
  return entry;
}

void Cache::store_no_cut(wire::NameView name, std::uint32_t ttl, std::int64_t now) {
  CacheEntry entry;
  entry.kind = CacheKind::no_cut;
  entry.set.owner = wire::Name(name);
  entry.stored_at = now;
  entry.expires_at = now + std::min(ttl, limits_.max_negative_ttl);
  insert(name, wire::RecordType::ns, Slot::no_cut, entry, now);
}

void Cache::insert(wire::NameView name, wire::RecordType type, Slot slot, const CacheEntry& entry, std::int64_t now) {
  if (!entry.fresh(now)) return;
  const std::uint64_t hash = name.hash(seed_);
  const std::uint64_t key = key_of(hash, type, static_cast<std::uint8_t>(slot));
  CacheNode& node = CacheNode::make(key, name, type, static_cast<std::uint8_t>(slot), entry);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  if (!shard.put(*this, node, now)) return node.drop();
  ++shard.counters.stored;
  if (slot == Slot::nxdomain && is_proven(entry.security)) ++cuts_;
  if (slot == Slot::exact && type == wire::RecordType::dname) ++dnames_;
  // What exists is no longer non-existent.
  if ((slot == Slot::exact || slot == Slot::unchecked) && entry.kind == CacheKind::records) {
    const Slot denied = slot == Slot::exact ? Slot::nxdomain : Slot::unchecked_nxdomain;
    const auto gone = key_of(hash, kAnyType, static_cast<std::uint8_t>(denied));
    if (auto* denial = shard.find(gone, name, kAnyType, denied)) shard.erase(*this, *denial);
  }
}

std::size_t Cache::flush_if(Shard& shard, wire::NameView name, bool below) {
  std::size_t count = 0;
  const std::scoped_lock lock(shard.mutex);
  shard.each([&](Shard::Node& node) {
    const auto owner = node.name();
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
    if (!(node.name() == name) || (node.type() != type && node.type() != kAnyType)) return;
    shard.erase(*this, node);
    ++count;
  });
  return count;
}

namespace {
/// Unpacked when no lock is held any more.
template <class Collected>
std::vector<Cached> made_readable(const std::vector<Collected>& collected) {
  std::vector<Cached> all;
  all.reserve(collected.size());
  for (const auto& [node, proven] : collected)
    all.push_back({wire::Name(node->name()), node->type(), proven, node->unpack()});
  return all;
}
}  // namespace

std::vector<Cached> Cache::contents(std::size_t number) const {
  std::vector<Shard::Collected> collected;
  {
    const Shard& shard = *shards_[number];
    const std::scoped_lock lock(shards_[number]->mutex);
    collected.reserve(shard.nodes.size());
    shard.collect(collected, [](wire::NameView) { return true; });
  }
  return made_readable(collected);
}

std::vector<Cached> Cache::contents_of(wire::NameView name, bool below) const {
  std::vector<Shard::Collected> collected;
  const auto look = [&](Shard& shard) {
    const std::scoped_lock lock(shard.mutex);
    shard.collect(collected, [&](wire::NameView owner) { return below ? owner.is_subdomain_of(name) : owner == name; });
  };
  if (!below) {
    look(shard_of(name.hash(seed_)));
  } else {
    for (const auto& shard : shards_) look(*shard);
  }
  return made_readable(collected);
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
  insert(cached.name, cached.type, slot, *cached.entry, now);
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
