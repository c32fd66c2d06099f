// Loop: timers in order and by the ten thousand, posted work, stopping from elsewhere, nothing left behind.
#include "resolver/net/loop.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace placard::net {
namespace {

TEST_CASE("timers call in the order of their times", "[loop]") {
  Loop loop;
  std::vector<int> order;
  Timer last(loop, [&] {
    order.push_back(3);
    loop.stop();
  });
  Timer first(loop, [&] { order.push_back(1); });
  Timer second(loop, [&] { order.push_back(2); });
  Timer never(loop, [&] { order.push_back(-1); });
  last.start(30);
  never.start(20);
  second.start(5);
  first.start(5);
  never.stop();
  second.start(10);
  loop.run();
  CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("fifty thousand timers live at once, many stopped, many destroyed", "[loop]") {
  Loop loop;
  std::mt19937 random(7);  // a fixed seed: the same heap each time
  struct Entry {
    std::unique_ptr<Timer> timer;
    Milliseconds delay = 0;
    bool expected = true;
  };
  std::vector<Entry> entries(50'000);
  std::vector<std::size_t> called;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].timer = std::make_unique<Timer>(loop, [&called, i] { called.push_back(i); });
    entries[i].delay = random() % 50;
    entries[i].timer->start(entries[i].delay);
  }
  std::size_t expected = entries.size();
  for (Entry& entry : entries) {
    const auto lot = random() % 8;
    if (lot >= 2) continue;
    if (lot == 0) entry.timer->stop();
    if (lot == 1) entry.timer.reset();
    entry.expected = false;
    --expected;
  }
  Timer end(loop, [&] { loop.stop(); });
  end.start(60);
  loop.run();
  REQUIRE(called.size() == expected);
  std::vector<bool> seen(entries.size());
  for (const std::size_t i : called) {
    REQUIRE(entries[i].expected);
    REQUIRE_FALSE(seen[i]);
    seen[i] = true;
  }
}

TEST_CASE("a heap of alarms keeps its order through inserts and removals anywhere", "[loop]") {
  Loop loop;
  struct Recorder final : Alarm {
    Recorder(Loop& owner, std::vector<std::uint64_t>& into) : Alarm(owner), into_(into) {}
    void on_time() override { into_.push_back(due); }
    std::uint64_t due = 0;
    std::vector<std::uint64_t>& into_;
  };
  std::vector<std::uint64_t> order;
  AlarmHeap heap;
  std::vector<std::unique_ptr<Recorder>> alarms;
  std::mt19937 random(11);
  for (int i = 0; i < 1'000; ++i) {
    alarms.push_back(std::make_unique<Recorder>(loop, order));
    alarms.back()->due = random() % 300;
    heap.insert(*alarms.back(), alarms.back()->due);
  }
  for (int i = 0; i < 500; ++i) {
    Recorder& alarm = *alarms[random() % alarms.size()];
    heap.remove(alarm);
    alarm.due = random() % 300;
    heap.insert(alarm, alarm.due);
  }
  heap.run(150, [] {});
  CHECK(order.back() <= 150);
  CHECK(order.size() > 400);
  CHECK(heap.next() > 150);
  heap.run(1'000, [] {});
  CHECK(heap.empty());
  CHECK(order.size() == 1'000);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a timer may restart, stop and destroy timers from its call, itself too", "[loop]") {
  Loop loop;
  int calls = 0;
  std::unique_ptr<Timer> self;
  auto other = std::make_unique<Timer>(loop, [] { FAIL("destroyed before its time"); });
  std::unique_ptr<Timer> again;
  again = std::make_unique<Timer>(loop, [&] {
    if (++calls < 100) {
      again->start(0);
    } else {
      loop.stop();
    }
  });
  self = std::make_unique<Timer>(loop, [&, held = std::make_shared<int>(5)] {
    self.reset();
    other.reset();
    CHECK(*held == 5);  // the call's own captures outlive the timer
    again->start(0);
  });
  self->start(0);
  other->start(0);
  loop.run();
  CHECK(calls == 100);
}

TEST_CASE("work posted by other threads runs in order on the loop's thread", "[loop]") {
  Loop loop;
  const auto own = std::this_thread::get_id();
  std::vector<int> next(4, 0);
  std::atomic<int> left = 4;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 1'000; ++i) {
        loop.post([&, thread, i] {
          if (std::this_thread::get_id() != own || next[static_cast<std::size_t>(thread)]++ != i) std::terminate();
        });
      }
      if (--left == 0) loop.post([&] { loop.stop(); });
    });
  }
  loop.run();
  threads.clear();
  // Work that came behind the stop is run by the next run().
  loop.post([&] { loop.stop(); });
  loop.run();
  CHECK(next == std::vector<int>(4, 1'000));
}

TEST_CASE("a loop stops from another thread, before and while it runs, and runs again", "[loop]") {
  Loop loop;
  loop.stop();
  loop.run();
  for (int i = 0; i < 20; ++i) {
    std::jthread stopper([&] { loop.stop(); });
    loop.run();
  }
  int calls = 0;
  Timer timer(loop, [&] {
    ++calls;
    loop.stop();
  });
  timer.start(1);
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a loop is destroyed with timers running, work posted and handles open", "[loop]") {
  auto loop = std::make_unique<Loop>();
  Timer timer(*loop, [] { FAIL("the loop is gone"); });
  timer.start(1);
  auto held = std::make_shared<int>(1);
  loop->post([held] { FAIL("the loop is gone"); });
  uv_timer_t raw;
  uv_timer_init(loop->uv(), &raw);
  uv_timer_start(&raw, [](uv_timer_t*) {}, 100'000, 0);
  loop.reset();
  CHECK(held.use_count() == 1);
}

Task<void> sleep_and_count(Loop& loop, int& count, int until) {
  for (int i = 0; i < 3; ++i) {
    const Milliseconds delay = static_cast<Milliseconds>(i);
    co_await sleep(loop, delay);
  }
  if (++count == until) loop.stop();
}

TEST_CASE("coroutines sleep, by the thousand, and are cancelled asleep", "[loop]") {
  Loop loop;
  int count = 0;
  TaskSet set;
  for (int i = 0; i < 10'000; ++i) set.spawn(sleep_and_count(loop, count, 10'000));
  loop.run();
  CHECK(count == 10'000);

  int cancelled = 0;
  {
    TaskSet doomed;
    for (int i = 0; i < 100; ++i) doomed.spawn(sleep_and_count(loop, cancelled, -1));
  }
  Timer end(loop, [&] { loop.stop(); });
  end.start(10);
  loop.run();
  CHECK(cancelled == 0);
}

TEST_CASE("work for the end of a round is done before the loop waits, wherever it is armed", "[loop]") {
  Loop loop;
  std::vector<int> order;
  RoundEnd second(loop, [&] {
    order.push_back(2);
    if (order.size() > 50) loop.stop();
  });
  RoundEnd first(loop, [&] {
    order.push_back(1);
    second.arm();
  });
  // Arming each other without end, more than one round takes; the loop has no other event to wake it.
  RoundEnd ping(loop, [&] { first.arm(); });
  RoundEnd again(loop, [&] {
    ping.arm();
    again.arm();
  });
  auto gone = std::make_unique<RoundEnd>(loop, [] { FAIL("destroyed"); });
  gone->arm();
  gone.reset();
  again.arm();
  loop.run();
  CHECK(order.size() > 50);
  CHECK(order[0] == 1);
  CHECK(order[1] == 2);
}

TEST_CASE("what is urgent is looked at with a glance, until it is gone", "[loop]") {
  Loop loop;
  int first = 0, second = 0;
  const Urgent stays(loop, [&] { ++first; });
  {
    const Urgent goes(loop, [&] { ++second; });
    loop.glance();
  }
  while (first == 1) loop.glance();  // not so soon again
  CHECK(first == 2);
  CHECK(second == 1);
}

TEST_CASE("what is urgent is looked at between two alarms, and two pieces of posted work", "[loop]") {
  Loop loop;
  int glances = 0;
  const Urgent urgent(loop, [&] { ++glances; });
  std::vector<int> seen;
  const auto note = [&] {
    seen.push_back(glances);
    for (const auto begin = uv_hrtime(); uv_hrtime() - begin <= kGlanceInterval;) {
    }
  };
  SECTION("posted") {
    for (int i = 0; i < 3; ++i) loop.post(note);
    loop.post([&] { loop.stop(); });
    loop.run();
  }
  SECTION("alarms") {
    std::vector<std::unique_ptr<Timer>> timers;
    for (int i = 0; i < 3; ++i) timers.emplace_back(std::make_unique<Timer>(loop, note))->start(1);
    Timer last(loop, [&] { loop.stop(); });
    last.start(1);
    loop.run();
  }
  CHECK(seen == std::vector{0, 1, 2});
}

}  // namespace
}  // namespace placard::net
