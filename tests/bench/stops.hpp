// When a processor was not there for what is measured: the machine's host ran something else, or the machine ran
// another program or a thread of the kernel's own (which no ordinary thread interrupts for milliseconds where the
// kernel is built so). A thread that goes before all others wants to run there five times a millisecond, sees how late
// it is, and how much of the time since its last look went to nothing that is measured. What it sees is nobody's doing
// whom a bench measures; servers and clients are ordinary threads. Another one, which goes behind all others, keeps the
// processor awake: the host of a virtual machine wakes one that sleeps when it likes.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/processor_time.hpp"

namespace placard {

/// One processor, for as long as this lives. Needs the right to real-time scheduling.
class Stops {
 public:
  using Clock = std::chrono::system_clock;
  struct Stop {
    Clock::time_point from, to;
  };
  static constexpr auto kBeat = std::chrono::microseconds(200);
  static constexpr auto kLate = std::chrono::microseconds(300);  // a batch of answers in the kernel takes less

  /// `measured`: processor clocks of the programs that are measured on this processor (clock_getcpuclockid); where they
  /// did not run for most of the time, it was stopped. None: only for what held up even the one that watches.
  explicit Stops(int processor, std::vector<clockid_t> measured = {})
      : waking_([processor](const std::stop_token& ending) {
          if (!run_there(processor, SCHED_IDLE, 0)) return;
          while (!ending.stop_requested()) sched_yield();  // what else is of SCHED_IDLE gets nearly all
        }),
        watching_([this, processor, measured = std::move(measured)](const std::stop_token& ending) mutable {
          watches_ = run_there(processor, SCHED_FIFO, 1);
          const bool alone = measured.empty();
          measured.push_back(CLOCK_THREAD_CPUTIME_ID);
          if (clockid_t waking{}; pthread_getcpuclockid(waking_.native_handle(), &waking) == 0)
            measured.push_back(waking);
          watch(ending, measured, alone);
        }) {}

  /// False: not allowed.
  bool end() {
    watching_.request_stop();
    if (watching_.joinable()) watching_.join();
    return watches_;
  }
  /// After end(). By when they began.
  const std::vector<Stop>& seen() const { return seen_; }

 private:
  void watch(const std::stop_token& ending, const std::vector<clockid_t>& measured, bool alone) {
    Stop open{};  // without a length: none
    auto last = Clock::now();
    auto spent_before = processor_time(measured);
    while (watches_ && !ending.stop_requested()) {
      std::this_thread::sleep_until(last + kBeat);
      const auto now = Clock::now();
      const auto spent_now = processor_time(measured);
      const auto unused = (now - last) - (spent_now - spent_before);
      const bool late = now - last > kBeat + kLate;
      if (late || (!alone && unused > (now - last) / 2)) {
        if (open.from == open.to) open.from = last;
        open.to = now;
      } else {
        close(open);
      }
      last = now;
      spent_before = spent_now;
    }
    close(open);
  }

  void close(Stop& open) {
    if (open.to - open.from > kLate) seen_.push_back(open);
    open = {};
  }

  static bool run_there(int processor, int policy, int priority) {
    cpu_set_t there;
    CPU_ZERO(&there);
    CPU_SET(processor, &there);
    const sched_param scheduling{priority};
    return pthread_setaffinity_np(pthread_self(), sizeof there, &there) == 0 &&
           pthread_setschedparam(pthread_self(), policy, &scheduling) == 0;
  }

  std::vector<Stop> seen_;
  bool watches_ = false;
  std::jthread waking_, watching_;
};

}  // namespace placard
