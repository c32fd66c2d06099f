// Moments to be called back at, cheap enough for tens of thousands at once: places in a heap that a loop serves with
// one uv timer. Starting, moving and stopping cost O(log n) and allocate nothing but the heap's growth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace placard::net {

class Loop;
using Milliseconds = std::uint64_t;  ///< on the monotonic clock, or a length of it

/// To derive from. Belongs to the loop's thread; may be destroyed at any time, inside on_time() too.
class Alarm {
 public:
  explicit Alarm(Loop& loop) : loop_(loop) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  void start(Milliseconds delay);  ///< again when it runs already
  void stop() noexcept;
  bool running() const { return place_ != kNowhere; }

 protected:
  virtual ~Alarm() { stop(); }
  virtual void on_time() = 0;

 private:
  friend class AlarmHeap;
  static constexpr std::size_t kNowhere = SIZE_MAX;
  Loop& loop_;
  std::size_t place_ = kNowhere;  // in the heap's slots_
};

/// A binary heap of alarms by (time, order of starting).
class AlarmHeap {
 public:
  void insert(Alarm& alarm, Milliseconds due);
  void remove(Alarm& alarm) noexcept;
  bool empty() const { return slots_.empty(); }
  Milliseconds next() const { return slots_.front().due; }  ///< REQUIRES !empty()
  /// Calls those that are due at `now`, not those that are started meanwhile, and `between` after each.
  void run(Milliseconds now, const std::function<void()>& between);
  void forget_all() noexcept;

 private:
  struct Slot {
    Milliseconds due;
    std::uint64_t sequence;
    Alarm* alarm;
    bool before(const Slot& other) const { return due != other.due ? due < other.due : sequence < other.sequence; }
  };
  void put(std::size_t place, const Slot& slot) noexcept;
  void rise(std::size_t place, Slot slot) noexcept;
  void sink(std::size_t place, Slot slot) noexcept;

  std::vector<Slot> slots_;
  std::uint64_t sequence_ = 0;
};

}  // namespace placard::net
