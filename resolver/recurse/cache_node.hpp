// An entry as the cache keeps it: one piece of memory with what lookups need, the name, and the rest packed behind
// them.
//
// A CacheEntry is made for its readers: names at full length, a list of rdatas each in a piece of its own. Kept like
// that an address cost half a kilobyte; packed it costs about as much as its name and its octets and 48 more. Readers
// get a CacheEntry unpacked for them. Packed octets are our own: they are read without doubt.
//
// Who holds a node may read what is fixed, without a lock; it is freed when the last holder lets go.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "resolver/recurse/cache.hpp"

namespace placard::recurse {

class CacheNode;

/// Shares a node; may be empty.
class NodeHold {
 public:
  NodeHold() = default;
  explicit NodeHold(CacheNode* node);  ///< null: empty
  NodeHold(const NodeHold& other) : NodeHold(other.node_) {}
  NodeHold(NodeHold&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  NodeHold& operator=(NodeHold other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodeHold();
  explicit operator bool() const { return node_ != nullptr; }
  const CacheNode* operator->() const { return node_; }

 private:
  CacheNode* node_ = nullptr;
};

class CacheNode {
 public:
  enum class Queue : std::uint8_t { small, main };

  // Where and how the cache keeps it. GUARDED by the shard's mutex.
  CacheNode* newer = nullptr;
  CacheNode* older = nullptr;
  std::uint64_t key = 0;

  /// With one holder, who lets it go by drop(). `slot` is for the cache to know.
  static CacheNode& make(std::uint64_t key, wire::NameView name, wire::RecordType type, std::uint8_t slot,
                         const CacheEntry& entry);
  void hold() { holders_.fetch_add(1, std::memory_order_relaxed); }
  void drop();
  CacheNode(const CacheNode&) = delete;
  CacheNode& operator=(const CacheNode&) = delete;

  // Fixed.
  wire::NameView name() const { return wire::NameView::from_valid({packed(), name_size_}); }
  wire::RecordType type() const { return type_; }
  std::uint8_t slot() const { return slot_; }
  CacheKind kind() const { return kind_; }
  validate::Security security() const { return security_; }
  Credibility credibility() const { return credibility_; }
  std::int64_t stored_at() const { return static_cast<std::int64_t>(stored_at_); }
  std::int64_t expires_at() const { return stored_at() + lifetime_; }
  bool fresh(std::int64_t now) const { return expires_at() > now && stored_at() <= now + kSetBack; }
  std::uint32_t memory() const { return memory_; }  ///< octets, with what the allocator keeps beside it
  EntryPointer unpack() const;

  // GUARDED by the shard's mutex.
  Queue queue() const { return static_cast<Queue>(queue_); }
  void set_queue(Queue queue) { queue_ = static_cast<std::uint8_t>(queue) & 1U; }
  std::uint8_t uses() const { return uses_; }
  void set_uses(std::uint8_t uses) { uses_ = uses & 3U; }

 private:
  CacheNode() = default;
  ~CacheNode() = default;
  const std::uint8_t* packed() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }

  std::uint64_t stored_at_ : 40 = 0;  // seconds; for 35,000 years
  CacheKind kind_ : 3 {};
  Credibility credibility_ : 3 {};
  validate::Security security_ : 2 {};
  std::uint8_t slot_ : 3 = 0;
  bool unsigned_cut_ : 1 = false;
  bool bogus_ : 1 = false;
  bool has_more_ : 1 = false;   // proofs, glue, an error
  std::uint32_t lifetime_ = 0;  // seconds
  std::uint32_t memory_ = 0;
  std::atomic<std::uint32_t> holders_ = 1;
  wire::RecordType type_{};
  std::uint8_t name_size_ = 0;
  std::uint8_t queue_ : 1 = 0;
  std::uint8_t uses_ : 2 = 0;
};
static_assert(sizeof(CacheNode) == 48);

inline NodeHold::NodeHold(CacheNode* node) : node_(node) {
  if (node_ != nullptr) node_->hold();
}
inline NodeHold::~NodeHold() {
  if (node_ != nullptr) node_->drop();
}

}  // namespace placard::recurse
