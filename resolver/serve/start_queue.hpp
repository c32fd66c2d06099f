// What waits to begin, those first who have least before them: one zone or client that asks for much waits behind all
// who ask for little, and gives place to them when there is none left.
//
// Each comes with its rank: how many of its zone and of its client wait already. Ranks are told apart by their
// magnitude only, and within one of those it is first come, first served. So that nobody waits for ever one in
// kOldestTurn is who has waited longest of all. This is close to max-min fairness with push-out (as fq_codel drops from
// its fattest queue), for a handful of queues instead of one for each zone.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <deque>
#include <utility>

namespace placard::serve {

template <typename Item>
class StartQueue {
 public:
  static constexpr std::uint64_t kOldestTurn = 8;

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// Whether some that wait are of a greater magnitude.
  bool goes_before_some(std::uint32_t rank) const {
    return std::any_of(queues_.begin() + static_cast<std::ptrdiff_t>(magnitude(rank)) + 1, queues_.end(),
                       [](const Queue& queue) { return !queue.empty(); });
  }

  void push(Item item, std::uint32_t rank) {
    queues_[magnitude(rank)].emplace_back(pushed_++, std::move(item));
    ++size_;
  }
  /// Whose turn it is. REQUIRES: not empty.
  Item pop() {
    auto chosen = std::ranges::find_if(queues_, [](const Queue& queue) { return !queue.empty(); });
    assert(chosen != queues_.end());
    if (++popped_ % kOldestTurn == 0)
      for (auto queue = std::next(chosen); queue != queues_.end(); ++queue)
        if (!queue->empty() && queue->front().first < chosen->front().first) chosen = queue;
    Item item = std::move(chosen->front().second);
    chosen->pop_front();
    --size_;
    return item;
  }
  /// The newest of the greatest magnitude. REQUIRES: not empty.
  Item push_out() {
    const auto chosen =
        std::find_if(queues_.rbegin(), queues_.rend(), [](const Queue& queue) { return !queue.empty(); });
    assert(chosen != queues_.rend());
    Item item = std::move(chosen->back().second);
    chosen->pop_back();
    --size_;
    return item;
  }
  void clear() {
    for (auto& queue : queues_) queue.clear();
    size_ = 0;
  }

 private:
  static constexpr std::size_t kQueues = 12;                 // ranks from 1,024 on are one
  using Queue = std::deque<std::pair<std::uint64_t, Item>>;  // with the number of each in the order they came
  static std::size_t magnitude(std::uint32_t rank) {
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(rank)), kQueues - 1);
  }
  std::array<Queue, kQueues> queues_;
  std::size_t size_ = 0;
  std::uint64_t pushed_ = 0, popped_ = 0;
};

}  // namespace placard::serve
