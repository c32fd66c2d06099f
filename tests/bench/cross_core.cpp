// What processors pay for lines of memory that they share: nanoseconds, as one line of JSON.
//
//   cross_core FIRST SECOND       two processors
//
// round_trip: a line goes to the other processor and comes back. alone, shared: an atomic increment of a line that only
// one processor writes, and of one that both do. read: a line that everybody reads and nobody writes.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

constexpr int kTurns = 10'000;  // of one trial
constexpr std::size_t kTrials =
    51;  // the median counts: a machine that is busy elsewhere stops one of the two at times
constexpr std::size_t kLine = 64;

struct alignas(2 * kLine) Line {
  std::atomic<std::uint64_t> value = 0;
};

void go_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    std::perror("cross_core");
    std::exit(1);
  }
}

/// Nanoseconds a turn of `work`, done by this thread with the numbers of all trials' turns.
template <class Work>
double nanoseconds(const Work& work) {
  std::array<double, kTrials> trials;
  int turn = 0;
  for (double& trial : trials) {
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < kTurns; ++i) work(turn++);
    trial = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / kTurns;
  }
  std::ranges::sort(trials);
  return trials[kTrials / 2];
}

double round_trip(int second) {
  Line ball;
  std::thread other([&] {
    go_to(second);
    for (std::uint64_t i = 0; i < kTurns * kTrials; ++i) {
      while (ball.value.load(std::memory_order_acquire) != 2 * i + 1) {
      }
      ball.value.store(2 * i + 2, std::memory_order_release);
    }
  });
  const double each = nanoseconds([&](int i) {
    const auto turn = static_cast<std::uint64_t>(i);
    ball.value.store(2 * turn + 1, std::memory_order_release);
    while (ball.value.load(std::memory_order_acquire) != 2 * turn + 2) {
    }
  });
  other.join();
  return each;
}

double increments(int second, bool is_shared) {
  Line mine, others;
  std::atomic<bool> ends = false, began = false;
  std::thread other([&] {
    go_to(second);
    Line& line = is_shared ? mine : others;
    began = true;
    while (!ends.load(std::memory_order_relaxed)) line.value.fetch_add(1);
  });
  while (!began) {
  }
  const double each = nanoseconds([&](int) { mine.value.fetch_add(1); });
  ends = true;
  other.join();
  return each;
}

double read() {
  Line line;
  return nanoseconds([&](int) { (void)line.value.load(std::memory_order_acquire); });
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fputs("usage: cross_core FIRST SECOND\n", stderr);
    return 2;
  }
  const int second = std::atoi(words[2]);
  go_to(std::atoi(words[1]));
  std::printf("{\"round_trip\": %.0f, \"alone\": %.1f, \"shared\": %.1f, \"read\": %.2f}\n", round_trip(second),
              increments(second, false), increments(second, true), read());
}
