// Waiting of many tasks for one thing that comes to pass again and again, and places that are taken in turn.
#pragma once

#include <cassert>
#include <cstddef>
#include <list>

#include "resolver/net/task.hpp"

namespace placard::transfer {

/// Wakes all who wait. Outlives them.
class Signal {
 public:
  /// Lives in the waiting frame: `Signal::Wait wait(signal); co_await wait.done;`
  class Wait {
   public:
    explicit Wait(Signal& signal) : signal_(&signal), place_(signal.waiting_.insert(signal.waiting_.end(), this)) {}
    ~Wait() {
      if (signal_ != nullptr) signal_->waiting_.erase(place_);
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    net::Completion<bool> done;

   private:
    friend class Signal;
    Signal* signal_;  // null: rung
    std::list<Wait*>::iterator place_;
  };

  /// Those who begin to wait meanwhile wait for the next one.
  void ring() {
    for (std::size_t left = waiting_.size(); left > 0 && !waiting_.empty(); --left) ring_first();
  }
  void ring_one() {
    if (!waiting_.empty()) ring_first();
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  void ring_first() {
    Wait& wait = *waiting_.front();
    waiting_.pop_front();
    wait.signal_ = nullptr;
    wait.done.complete(true);
  }
  std::list<Wait*> waiting_;
};

/// So many at once, the rest in the order in which they came.
class Places {
 public:
  explicit Places(std::size_t count) : free_(count) {}

  /// A taken place; given back by its destruction.
  class Place {
   public:
    explicit Place(Places* places) : places_(places) {}
    Place(Place&& other) noexcept : places_(other.places_) { other.places_ = nullptr; }
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (places_ != nullptr) places_->give_back();
    }

   private:
    Places* places_;
  };
  net::Task<Place> take() {
    while (free_ == 0) {
      Signal::Wait wait(signal_);
      co_await wait.done;
    }
    --free_;
    co_return Place(this);
  }
  std::size_t free() const { return free_; }

 private:
  /// Who is woken may be done at once and give its place back inside of that, and so each of thousands: the first one
  /// wakes them all, for the stack would not hold them.
  void give_back() {
    ++free_;
    if (waking_) return;
    waking_ = true;
    while (free_ > 0 && signal_.waiting() > 0) signal_.ring_one();
    waking_ = false;
  }
  std::size_t free_;
  bool waking_ = false;
  Signal signal_;
};

}  // namespace placard::transfer
