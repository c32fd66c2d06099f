// The background takes no turn that anybody else wants, and does not starve for that.
#include "resolver/net/background.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "resolver/net/work.hpp"

namespace placard::net {
namespace {

void stay_on_one_processor() {
  cpu_set_t allowed, one;
  REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
    if (CPU_ISSET(i, &allowed)) CPU_SET(i, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
}

TEST_CASE("a job of the background and its threads run SCHED_IDLE, and their thread stands back afterwards", "[work]") {
  allow_background();
  const int before = sched_getscheduler(0), nice_before = getpriority(PRIO_PROCESS, 0);
  const int expected = before == SCHED_OTHER && may_come_back() ? SCHED_IDLE : before;
  int job = -1, of_job = -1, meanwhile = -1, again = -1, after = -1, nice_after = 0;
  std::thread([&] {
    {
      const Background background;
      job = sched_getscheduler(0);
      std::thread([&] { of_job = sched_getscheduler(0); }).join();
      {
        const Foreground foreground;
        meanwhile = sched_getscheduler(0);
      }
      again = sched_getscheduler(0);
    }
    after = sched_getscheduler(0);
    nice_after = getpriority(PRIO_PROCESS, 0);
  }).join();
  CHECK(job == expected);
  CHECK(of_job == expected);
  CHECK(meanwhile == (may_come_back() ? SCHED_OTHER : before));
  CHECK(again == expected);
  CHECK(after == before);
  CHECK(nice_after == std::max(kBackgroundNiceness, nice_before));
}

TEST_CASE("a job of the background whose processor somebody else keeps busy becomes an ordinary one", "[work]") {
  allow_background();
  if (!may_come_back() || sched_getscheduler(0) != SCHED_OTHER) {
    WARN("not tested: it takes an ordinary process with RLIMIT_NICE or CAP_SYS_NICE");
    return;
  }
  std::atomic<bool> ended = false;
  std::thread busy([&] {
    stay_on_one_processor();
    while (!ended) {
    }
  });
  bool came_back = false;
  std::thread([&] {
    stay_on_one_processor();
    const Background background;
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!came_back && std::chrono::steady_clock::now() < end) came_back = sched_getscheduler(0) == SCHED_OTHER;
  }).join();
  ended = true;
  busy.join();
  CHECK(came_back);
}

}  // namespace
}  // namespace placard::net
