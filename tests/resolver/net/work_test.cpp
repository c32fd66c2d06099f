// Work beside the loop: it comes back where it was asked for, in any number, and nobody waits for what nobody awaits.
#include "resolver/net/work.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <set>
#include <thread>

#include "resolver/net/loop.hpp"

namespace placard::net {
namespace {

struct Many {
  Loop& loop;
  int left;
  std::set<std::thread::id> back{};
};

Task<void> one(Many& many, std::atomic<int>& done, std::function<void()> job) {
  auto counted = [&done, job = std::move(job)] {
    if (job) job();
    ++done;
  };
  auto working = work(many.loop, std::move(counted));
  co_await working;
  many.back.insert(std::this_thread::get_id());
  if (--many.left == 0) many.loop.stop();
}

TEST_CASE("a thousand jobs run elsewhere and come back to the loop's thread", "[work]") {
  Loop loop;
  Many many{loop, 1'000};
  std::atomic<int> done = 0, elsewhere = 0;
  TaskSet tasks;
  const auto here = std::this_thread::get_id();
  for (int i = 0; i < 1'000; ++i)
    tasks.spawn(one(many, done, [&] { elsewhere += std::this_thread::get_id() != here; }));
  loop.run();
  CHECK(done == 1'000);
  CHECK(elsewhere == 1'000);
  CHECK(many.back == std::set{here});
}

TEST_CASE("jobs that are asked for by what jobs have done come back too", "[work]") {
  Loop loop;
  std::atomic<int> done = 0;
  Many many{loop, 1};
  TaskSet tasks;
  const auto in_turn = [](Many& all, std::atomic<int>& count) -> Task<void> {
    for (int i = 0; i < 100; ++i) {
      auto job = [&count] { ++count; };
      auto working = work(all.loop, std::move(job));
      co_await working;
    }
    all.loop.stop();
  };
  tasks.spawn(in_turn(many, done));
  loop.run();
  CHECK(done == 100);
}

TEST_CASE("who stops awaiting is not called back, and the loop goes while work waits", "[work]") {
  std::atomic<int> done = 0;
  std::latch may_end(1), has_begun(1);
  std::thread opener;
  {
    Loop loop;
    Many many{loop, 1'000};
    {
      TaskSet tasks;
      tasks.spawn(one(many, done, [&] {
        has_begun.count_down();
        may_end.wait();
      }));
      for (int i = 0; i < 100; ++i) tasks.spawn(one(many, done, {}));
      has_begun.wait();
    }
    CHECK(many.left == 1'000);
    opener = std::thread([&] { may_end.count_down(); });
  }
  opener.join();
  CHECK(done >= 1);  // what had begun was waited for
}

}  // namespace
}  // namespace placard::net
