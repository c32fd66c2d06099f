// The answer cache of one worker: whole wire answers from before policy, found with one hash.
//
// Set-associative: a question's hash names a bucket of eight slots (two lines of the processor's cache), and the slot
// longest unused goes when the bucket is full or the memory given is used up. No lock: one thread owns it. A probe
// allocates nothing. Expired answers are not returned; the record cache below keeps what is worth serving stale.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "resolver/serve/render.hpp"

namespace placard::serve {

/// What an answer is kept under.
struct AnswerKey {
  wire::NameView name;  ///< in lower case
  wire::RecordType type;
  bool dnssec_ok = false, checking_disabled = false, dns64 = false;
};

class AnswerCache {
 public:
  /// `memory` in octets; the table of slots is sized for small answers and counts too.
  AnswerCache(std::size_t memory, std::uint64_t seed);
  ~AnswerCache() { clear(); }
  AnswerCache(const AnswerCache&) = delete;
  AnswerCache& operator=(const AnswerCache&) = delete;

  /// The fresh answer, or null. The pointer lives until the next insert() or clear().
  StoredAnswer* find(const AnswerKey& key, std::int64_t now) { return find(key, hash_of(key), now); }
  StoredAnswer* find(const AnswerKey& key, std::uint64_t hash, std::int64_t now);
  StoredAnswer* find(const ClientQuestion& question, std::int64_t now);
  /// REQUIRES: the question in `answer` is the key's.
  StoredAnswer* insert(const AnswerKey& key, StoredAnswer answer);
  void clear();

  // What a find() to come will read is asked of the memory beforehand, step by step, each some time after the one
  // before.
  std::uint64_t hash_of(const AnswerKey& key) const;
  void prefetch_bucket(std::uint64_t hash) const;
  /// The answer that probably is meant; null: none.
  const StoredAnswer* prefetch_answer(std::uint64_t hash) const;
  static void prefetch_octets(const StoredAnswer& answer);

  std::size_t entries() const { return entries_; }
  std::size_t memory() const { return memory_; }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kLine = 64;  // octets of a cache line
  // All zero: empty.
  struct Slot {
    StoredAnswer* answer;  // owned
    std::uint32_t tag;     // of the hash, what does not say which bucket
    std::uint32_t used;    // tick of the last use
  };
  static_assert(sizeof(Slot) * kWays == 2 * kLine);
  /// Memory that the kernel gives when it is first touched.
  struct Unmap {
    std::size_t size;
    void operator()(Slot* slots) const;
  };

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U); }
  Slot* bucket(std::uint64_t hash) const { return &slots_[(hash & mask_) * kWays]; }
  /// In ticks, which are counted modulo 2^32: who was not used for so long may pass for young once.
  std::uint32_t age(const Slot& slot) const { return tick_ - slot.used; }
  void drop(Slot& slot);
  void make_room(std::size_t needed);

  std::unique_ptr<Slot[], Unmap> slots_{nullptr, Unmap{0}};
  std::size_t count_ = 0;  // of slots
  std::uint64_t mask_ = 0, seed_ = 0;
  std::uint32_t tick_ = 0;
  std::size_t limit_ = 0, memory_ = 0, entries_ = 0;
  std::uint32_t pass_began_ = 0, last_pass_began_ = 0;  // ticks
  std::size_t hand_ = 0;                                // where make_room() sweeps on
};

}  // namespace placard::serve
