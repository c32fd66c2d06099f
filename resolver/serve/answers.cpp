#include "resolver/serve/answers.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "zones/wire/octets.hpp"
#include "zones/wire/prefetch.hpp"
#include "zones/wire/suffixes.hpp"

namespace placard::serve {
namespace {

constexpr std::size_t kSmallAnswer = 128;  // octets; more slots than answers, so that memory ends before buckets do

/// A hash may collide: the stored question itself decides.
bool same_question(const StoredAnswer& answer, const AnswerKey& key) {
  const auto name = key.name.bytes();
  const auto message = answer.message();
  if (message.size() < wire::kHeaderSize + name.size() + 4) return false;
  const std::uint8_t* const stored = message.data() + wire::kHeaderSize;
  return std::memcmp(stored, name.data(), name.size()) == 0 &&
         wire::load16(stored + name.size()) == static_cast<std::uint16_t>(key.type);
}

}  // namespace

void AnswerCache::Unmap::operator()(Slot* slots) const {
  ::munmap(slots, size);
}

AnswerCache::AnswerCache(std::size_t memory, std::uint64_t seed) : seed_(seed), limit_(memory) {
  const std::size_t buckets = std::bit_floor(std::max<std::size_t>(memory / kSmallAnswer / kWays, 1));
  count_ = buckets * kWays;
  mask_ = buckets - 1;
  memory_ = count_ * sizeof(Slot);
  void* const given = ::mmap(nullptr, memory_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (given == MAP_FAILED) throw std::bad_alloc();
  (void)::madvise(given, memory_, MADV_HUGEPAGE);  // where the system has large pages: fewer places to look them up in
  slots_ = {static_cast<Slot*>(given), Unmap{memory_}};
}

std::uint64_t AnswerCache::hash_of(const AnswerKey& key) const {
  const auto kind = std::uint64_t{key.dns64} << 18 | std::uint64_t{static_cast<std::uint16_t>(key.type)} << 2 |
                    std::uint64_t{key.dnssec_ok} << 1 | std::uint64_t{key.checking_disabled};
  // Fibonacci hashing spreads the kind over the bits that choose the bucket.
  return wire::hash_lowered(key.name, seed_) ^ (kind * 0x9e3779b97f4a7c15U);
}

StoredAnswer* AnswerCache::find(const AnswerKey& key, std::uint64_t hash, std::int64_t now) {
  Slot* const slots = bucket(hash);
  for (std::size_t way = 0; way < kWays; ++way) {
    Slot& slot = slots[way];
    if (!slot.answer || slot.tag != tag_of(hash) || !same_question(*slot.answer, key)) continue;
    if (slot.answer->expires_at() <= now || slot.answer->stored_at() > now + recurse::kSetBack) return nullptr;
    slot.used = ++tick_;
    return slot.answer;
  }
  return nullptr;
}

StoredAnswer* AnswerCache::find(const ClientQuestion& question, std::int64_t now) {
  const wire::Name name = question.question.name.lowered();
  return find({name, question.question.type, question.dnssec_ok, question.checking_disabled, question.dns64}, now);
}

void AnswerCache::prefetch_bucket(std::uint64_t hash) const {
  const auto* start = reinterpret_cast<const std::uint8_t*>(bucket(hash));
  for (std::size_t at = 0; at < kWays * sizeof(Slot); at += kLine) wire::prefetch(start + at);
}

const StoredAnswer* AnswerCache::prefetch_answer(std::uint64_t hash) const {
  const Slot* const slots = bucket(hash);
  for (std::size_t way = 0; way < kWays; ++way) {
    if (!slots[way].answer || slots[way].tag != tag_of(hash)) continue;
    wire::prefetch(slots[way].answer);
    return slots[way].answer;
  }
  return nullptr;
}

void AnswerCache::prefetch_octets(const StoredAnswer& answer) {
  for (std::size_t at = 0; at < std::min(answer.octets_size(), 4 * kLine); at += kLine)
    wire::prefetch(answer.octets_.get() + at);
}

StoredAnswer* AnswerCache::insert(const AnswerKey& key, StoredAnswer answer) {
  const std::size_t needed = answer.memory();
  if (needed > limit_ / 16) return nullptr;  // one answer never pushes many out
  const std::uint64_t hash = hash_of(key);
  Slot* const slots = bucket(hash);
  Slot* victim = slots;
  for (std::size_t way = 0; way < kWays; ++way) {
    Slot& slot = slots[way];
    if (slot.answer && slot.tag == tag_of(hash) && same_question(*slot.answer, key)) {
      victim = &slot;
      break;
    }
    if (!slot.answer || (victim->answer && age(slot) > age(*victim))) victim = &slot;
  }
  drop(*victim);
  make_room(needed);
  *victim = {new StoredAnswer(std::move(answer)), tag_of(hash), ++tick_};
  memory_ += needed;
  ++entries_;
  return victim->answer;
}

void AnswerCache::clear() {
  if (entries_ == 0) return;  // the table is not touched for nothing
  for (std::size_t i = 0; i < count_; ++i) drop(slots_[i]);
}

void AnswerCache::drop(Slot& slot) {
  if (!slot.answer) return;
  memory_ -= slot.answer->memory();
  --entries_;
  delete std::exchange(slot.answer, nullptr);
}

void AnswerCache::make_room(std::size_t needed) {
  // The hand of a clock: what was not used since it came by last is dropped; after a whole pass in vain, whatever it
  // meets. It stops as soon as there is room, and goes on from there next time.
  for (std::size_t steps = 0; memory_ + needed > limit_ && steps < 2 * count_; ++steps) {
    Slot& slot = slots_[hand_];
    if (++hand_ == count_) {
      hand_ = 0;
      last_pass_began_ = std::exchange(pass_began_, tick_);
    }
    if (slot.answer && (age(slot) >= tick_ - last_pass_began_ || steps >= count_)) drop(slot);
  }
}

}  // namespace placard::serve
