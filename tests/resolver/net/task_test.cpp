// Task, Completion and TaskSet: flat stacks, cancellation by destruction, values that are moved and never copied.
#include "resolver/net/task.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace placard::net {
namespace {

/// Counts the instances that live, to see that frames free what they hold.
struct Witness {
  explicit Witness(int& alive) : alive_(&alive) { ++*alive_; }
  Witness(const Witness& other) : alive_(other.alive_) { ++*alive_; }
  Witness& operator=(const Witness&) = delete;
  ~Witness() { --*alive_; }
  int* alive_;
};

/// An outside world that completes what waits for it, and is told to forget what was cancelled.
struct World {
  struct Wait : Completion<int> {
    explicit Wait(World& world) : world_(world) { world_.waits.push_back(this); }
    ~Wait() { std::erase(world_.waits, this); }
    World& world_;
  };
  void complete_first(int value) {
    Wait* first = waits.front();
    waits.erase(waits.begin());
    first->complete(value);
  }
  std::vector<Wait*> waits;
};

Task<int> wait_for(World& world) {
  World::Wait wait(world);
  co_return co_await wait;
}

Task<std::uint64_t> identity(std::uint64_t value) {
  co_return value;
}

Task<std::uint64_t> identity_three_deep(std::uint64_t value) {
  const std::uint64_t middle = co_await identity(value);
  co_return co_await identity(middle);
}

Task<std::uint64_t> add_up(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += co_await identity_three_deep(i);
  co_return sum;
}

TEST_CASE("a million children that complete at once leave the stack flat", "[task]") {
  Task<std::uint64_t> task = add_up(1'000'000);
  task.start();
  REQUIRE(task.done());
  CHECK(task.take() == 499'999'500'000);
}

Task<int> add_up_waits(World& world, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await wait_for(world);
  co_return sum;
}

TEST_CASE("a hundred thousand children that suspend each leave the stack flat", "[task]") {
  World world;
  Task<int> task = add_up_waits(world, 100'000);
  task.start();
  for (int i = 0; i < 100'000; ++i) {
    REQUIRE_FALSE(task.done());
    world.complete_first(1);
  }
  REQUIRE(task.done());
  CHECK(task.take() == 100'000);
}

/// Alternates between children that complete at once and children that suspend.
Task<std::uint64_t> add_up_mixed(World& world, int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    if (i % 1'000 == 0) sum += static_cast<std::uint64_t>(co_await wait_for(world));
    sum += co_await identity(1);
  }
  co_return sum;
}

TEST_CASE("children that suspend and children that do not take turns", "[task]") {
  World world;
  Task<std::uint64_t> task = add_up_mixed(world, 1'000'000);
  task.start();
  int completed = 0;
  for (; !task.done(); ++completed) world.complete_first(1);
  CHECK(completed == 1'000);
  CHECK(task.take() == 1'001'000);
}

Task<void> three_waits(World& world, int& alive, int& reached) {
  Witness outer(alive);
  reached = 1;
  co_await wait_for(world);
  Witness second(alive);
  reached = 2;
  {
    Witness inner(alive);
    World::Wait direct(world);
    co_await direct;
    reached = 3;
  }
  const int last = co_await wait_for(world);
  reached = 3 + last;
}

Task<int> around(World& world, int& alive, int& reached, Witness parameter) {
  Witness local(alive);
  co_await three_waits(world, alive, reached);
  co_return *parameter.alive_;
}

TEST_CASE("destroying a task at any suspension frees all it holds and takes it off the world", "[task]") {
  for (int completed = -1; completed <= 3; ++completed) {
    INFO("waits completed before the end: " << completed);
    World world;
    int alive = 0;
    int reached = 0;
    {
      Task<int> task = around(world, alive, reached, Witness(alive));
      if (completed >= 0) task.start();  // -1: never started
      for (int i = 0; i < completed; ++i) world.complete_first(1);
      CHECK(reached == completed + 1);
      CHECK(task.done() == (completed == 3));
      CHECK(world.waits.size() == (completed >= 0 && completed < 3 ? 1 : 0));
    }
    CHECK(alive == 0);
    CHECK(world.waits.empty());
  }
}

TEST_CASE("a task that is assigned over is cancelled", "[task]") {
  World world;
  int alive = 0;
  int reached = 0;
  Task<int> task = around(world, alive, reached, Witness(alive));
  task.start();
  REQUIRE(world.waits.size() == 1);
  task = wait_for(world);
  CHECK(alive == 0);
  CHECK(world.waits.empty());
}

/// Counts moves; a copy does not compile.
struct Parcel {
  explicit Parcel(int& moves) : moves_(&moves) {}
  Parcel(Parcel&& other) noexcept : moves_(other.moves_), contents(std::move(other.contents)) { ++*moves_; }
  Parcel(const Parcel&) = delete;
  Parcel& operator=(Parcel&&) = delete;
  ~Parcel() = default;
  int* moves_;
  std::unique_ptr<std::string> contents =
      std::make_unique<std::string>("a string that is too long to be stored inside");
};

Task<Parcel> pack(int& moves) {
  Parcel parcel(moves);
  co_return std::move(parcel);
}

Task<std::string> unpack(int& moves) {
  Parcel parcel = co_await pack(moves);
  CHECK(moves == 2);
  co_return std::move(*parcel.contents);
}

TEST_CASE("a value is moved once into the frame's keeping and once out of it", "[task]") {
  int moves = 0;
  Task<std::string> task = unpack(moves);
  task.start();
  REQUIRE(task.done());
  CHECK(task.take() == "a string that is too long to be stored inside");
}

Task<int> await_completion(Completion<int>& completion) {
  co_return co_await completion;
}

TEST_CASE("a completion that came first does not suspend", "[task]") {
  Completion<int> completion;
  completion.complete(7);
  CHECK(completion.completed());
  Task<int> task = await_completion(completion);
  task.start();
  REQUIRE(task.done());
  CHECK(task.take() == 7);
}

TEST_CASE("a completion that comes later resumes inside complete()", "[task]") {
  Completion<int> completion;
  Task<int> task = await_completion(completion);
  task.start();
  REQUIRE_FALSE(task.done());
  completion.complete(8);
  REQUIRE(task.done());
  CHECK(task.take() == 8);
}

Task<void> root(World& world, int& alive, std::vector<int>& order, int number) {
  Witness witness(alive);
  const int value = co_await wait_for(world);
  order.push_back(number * 10 + value);
}

TEST_CASE("a set frees roots after they ended inside complete()", "[task]") {
  World world;
  int alive = 0;
  std::vector<int> order;
  TaskSet set;
  for (int i = 1; i <= 3; ++i) set.spawn(root(world, alive, order, i));
  CHECK(set.size() == 3);
  CHECK(alive == 3);
  world.complete_first(5);
  CHECK(set.size() == 2);
  world.complete_first(6);
  set.collect();
  CHECK(set.size() == 1);
  CHECK(alive == 1);
  CHECK(order == std::vector<int>{15, 26});
  set.cancel_all();
  CHECK(set.size() == 0);
  CHECK(alive == 0);
  CHECK(world.waits.empty());
}

Task<void> breed(TaskSet& set, World& world, int generations, int& born) {
  ++born;
  if (generations == 0) {
    co_await wait_for(world);
    co_return;
  }
  set.spawn(breed(set, world, generations - 1, born));
  set.spawn(breed(set, world, generations - 1, born));
  if (generations % 2 == 0) co_await wait_for(world);
}

TEST_CASE("tasks of a set spawn tasks, at once and when they go on", "[task]") {
  World world;
  int born = 0;
  TaskSet set;
  set.spawn(breed(set, world, 7, born));
  CHECK(born == 255);
  while (!world.waits.empty()) world.complete_first(0);
  CHECK(set.size() == 0);
}

Task<void> respawn(TaskSet& set, World& world, int& left) {
  co_await wait_for(world);
  if (--left > 0) set.spawn(respawn(set, world, left));
}

TEST_CASE("a chain of roots, each spawned by the one that ends, does not pile up", "[task]") {
  World world;
  int left = 50'000;
  TaskSet set;
  set.spawn(respawn(set, world, left));
  while (!world.waits.empty()) {
    REQUIRE(set.size() == 1);
    world.complete_first(0);
  }
  CHECK(left == 0);
}

/// Ends another task of the set when it is destroyed, and spawns one more.
struct Meddler {
  Meddler(World& world, std::function<void()> spawn) : world_(world), spawn_(std::move(spawn)) {}
  ~Meddler() {
    if (!world_.waits.empty()) world_.complete_first(1);
    spawn_();
  }
  World& world_;
  std::function<void()> spawn_;
};

Task<void> meddle(World& own, World& others, std::function<void()> spawn) {
  Meddler meddler(others, std::move(spawn));
  co_await wait_for(own);
}

TEST_CASE("cancelling a set copes with destructors that end and spawn tasks of it", "[task]") {
  World own;
  World others;
  int alive = 0;
  std::vector<int> order;
  TaskSet set;
  set.spawn(meddle(own, others, [&] { set.spawn(root(others, alive, order, 3)); }));
  set.spawn(root(others, alive, order, 1));
  set.spawn(root(others, alive, order, 2));
  set.cancel_all();
  CHECK(set.size() == 0);
  CHECK(alive == 0);
  CHECK(order == std::vector<int>{11});
  CHECK(own.waits.empty());
  CHECK(others.waits.empty());
}

Task<void> cancel_other(World& world, std::unique_ptr<TaskSet>& victim, bool& reached) {
  co_await wait_for(world);
  victim.reset();
  reached = true;
}

TEST_CASE("a task may destroy another set while that one's tasks wait", "[task]") {
  World world;
  World other;
  int alive = 0;
  std::vector<int> order;
  bool reached = false;
  auto victim = std::make_unique<TaskSet>();
  victim->spawn(root(other, alive, order, 1));
  TaskSet set;
  set.spawn(cancel_other(world, victim, reached));
  world.complete_first(0);
  CHECK(reached);
  CHECK(alive == 0);
  CHECK(other.waits.empty());
}

}  // namespace
}  // namespace placard::net
