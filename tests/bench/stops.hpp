// When the machine stopped a processor: its host ran something else there, or the kernel would not be interrupted. A
// thread that goes before all others wants to run there every tenth of a millisecond and sees how late it is. What it
// sees is nobody's doing whom a bench measures; servers and clients are ordinary threads. Another one, which goes
// behind all others, keeps the processor awake: the host of a virtual machine wakes one that sleeps when it likes.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <thread>
#include <vector>

namespace placard {

/// One processor, for as long as this lives. Needs the right to real-time scheduling.
class Stops {
 public:
  using Clock = std::chrono::system_clock;
  struct Stop {
    Clock::time_point from, to;
  };
  static constexpr auto kBeat = std::chrono::microseconds(100);
  static constexpr auto kLate = std::chrono::microseconds(300);  // a batch of answers in the kernel takes less

  explicit Stops(int processor)
      : watching_([this, processor](const std::stop_token& ending) {
          watches_ = run_there(processor, SCHED_FIFO, 1);
          while (watches_ && !ending.stop_requested()) {
            const auto due = Clock::now() + kBeat;
            std::this_thread::sleep_until(due);
            if (const auto now = Clock::now(); now - due > kLate) seen_.push_back({due, now});
          }
        }),
        waking_([processor](const std::stop_token& ending) {
          if (!run_there(processor, SCHED_IDLE, 0)) return;
          while (!ending.stop_requested()) sched_yield();  // what else is of SCHED_IDLE gets nearly all
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
  std::jthread watching_, waking_;
};

}  // namespace placard
