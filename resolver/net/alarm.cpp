#include "resolver/net/alarm.hpp"

#include <cassert>

namespace placard::net {

void AlarmHeap::put(std::size_t place, const Slot& slot) noexcept {
  slots_[place] = slot;
  slot.alarm->place_ = place;
}

void AlarmHeap::rise(std::size_t place, Slot slot) noexcept {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!slot.before(slots_[parent])) break;
    put(place, slots_[parent]);
    place = parent;
  }
  put(place, slot);
}

void AlarmHeap::sink(std::size_t place, Slot slot) noexcept {
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= slots_.size()) break;
    if (child + 1 < slots_.size() && slots_[child + 1].before(slots_[child])) ++child;
    if (!slots_[child].before(slot)) break;
    put(place, slots_[child]);
    place = child;
  }
  put(place, slot);
}

void AlarmHeap::insert(Alarm& alarm, Milliseconds due) {
  assert(!alarm.running());
  slots_.emplace_back();
  rise(slots_.size() - 1, Slot{due, sequence_++, &alarm});
}

void AlarmHeap::remove(Alarm& alarm) noexcept {
  const std::size_t place = alarm.place_;
  assert(place < slots_.size() && slots_[place].alarm == &alarm);
  alarm.place_ = Alarm::kNowhere;
  const Slot last = slots_.back();
  slots_.pop_back();
  if (place == slots_.size()) return;
  // The last slot fills the gap, which may be in another branch: it moves up or down from there.
  if (place > 0 && last.before(slots_[(place - 1) / 2])) {
    rise(place, last);
  } else {
    sink(place, last);
  }
}

void AlarmHeap::run(Milliseconds now, const std::function<void()>& between) {
  const std::uint64_t started_before = sequence_;
  while (!slots_.empty() && slots_.front().due <= now && slots_.front().sequence < started_before) {
    Alarm* alarm = slots_.front().alarm;
    remove(*alarm);
    alarm->on_time();  // may destroy it, start it again, or stop others
    between();
  }
}

void AlarmHeap::forget_all() noexcept {
  for (const Slot& slot : slots_) slot.alarm->place_ = Alarm::kNowhere;
  slots_.clear();
}

}  // namespace placard::net
