// Who begins first when not all can: those with little before them, and nobody never.
#include "resolver/serve/start_queue.hpp"

#include <string>

#include "tests/resolver/serve/house.hpp"

namespace placard {

using namespace tests;
using serve::Limit;
using serve::StartQueue;

TEST_CASE("ranks of a lesser magnitude go first, and within one it is first come, first served") {
  StartQueue<int> queue;
  const std::pair<int, std::uint32_t> coming[] = {{1, 700}, {2, 3}, {3, 2}, {4, 0}, {5, 600}, {6, 1}};
  for (const auto& [item, rank] : coming) queue.push(item, rank);
  std::vector<int> order;
  while (!queue.empty()) order.push_back(queue.pop());
  CHECK(order == std::vector{4, 6, 2, 3, 1, 5});
}

TEST_CASE("whoever waits longest has one turn in eight, however many of lesser rank come") {
  StartQueue<int> queue;
  queue.push(-1, 900);
  int turns = 0;
  for (int item = 0;; ++item) {
    queue.push(item, 0);
    ++turns;
    if (queue.pop() == -1) break;
    REQUIRE(turns < 100);
  }
  CHECK(turns == StartQueue<int>::kOldestTurn);
}

TEST_CASE("the newest of the greatest magnitude gives place") {
  StartQueue<int> queue;
  for (int item = 0; item < 4; ++item) queue.push(item, item < 2 ? 100 : 5);
  CHECK(queue.goes_before_some(5));
  CHECK(queue.goes_before_some(63));
  CHECK_FALSE(queue.goes_before_some(64));  // of the same magnitude
  CHECK(queue.push_out() == 1);
  CHECK(queue.push_out() == 0);
  CHECK(queue.push_out() == 3);
  CHECK(queue.size() == 1);
}

namespace {

/// Questions that wait to begin: one client's, all about names of one zone.
void flood(House& house, std::size_t count, std::size_t first = 0) {
  for (std::size_t i = first; i < first + count; ++i)
    house.ask({("n" + std::to_string(i) + ".flood.example.").c_str(), wire::RecordType::a, "127.0.9.9"});
}

}  // namespace

TEST_CASE("a flood fills the queue, gives place to who asks little, and is told so") {
  House house(20'000);
  house.publish();
  house.pipeline().set_round_end([] {}, [] {});
  house.world.hold = true;
  flood(house, serve::kStarting);
  CHECK(limited(house, Limit::client_share) == 0);
  const auto refused = house.ask({"one-more.flood.example.", wire::RecordType::a, "127.0.9.9"});
  CHECK(rcode(refused) == wire::Rcode::servfail);
  CHECK(errors(refused).at(0).extra_text == "too many questions of yours wait for answers");

  CHECK(house.ask({"www.example.org.", wire::RecordType::a, "127.0.0.1"}).empty());  // it waits
  house.stream->sent.clear();
  house.world.hold = false;
  house.pipeline().end_round();
  CHECK(limited(house, Limit::client_share) == 2);
  int failed = 0, found = 0;
  for (const auto& answer : house.stream->sent) {
    failed += rcode(answer) == wire::Rcode::servfail;
    found += !texts(answer, wire::Section::answer).empty();
  }
  CHECK(failed == 1);
  CHECK(found == 1);  // in the first round, before a thousand others
}

TEST_CASE("between two resolutions that begin there is time for what is urgent") {
  House house(20'000);
  house.publish();
  std::vector<int> begun;
  house.pipeline().set_round_end([] {}, [&] { begun.push_back(house.world.asked); });
  flood(house, 3);
  const int before = house.world.asked;
  house.pipeline().end_round();
  CHECK(begun == std::vector{before + 1, before + 2, before + 3});
}

TEST_CASE("the more questions come than are read, the fewer resolutions begin, until all are read again") {
  House house(20'000);
  house.publish();
  house.pipeline().set_round_end([] {}, [] {});
  const auto begun = [&] {
    const int before = house.world.asked;
    house.pipeline().end_round();
    return static_cast<std::size_t>(house.world.asked - before);
  };
  flood(house, serve::kStartsPerRound + serve::kStarting);
  CHECK(begun() == serve::kStartsPerRound);
  house.pipeline().fall_behind();
  const auto fewer = begun();
  CHECK(fewer < serve::kStartsPerRound);
  for (int i = 0; i < 100; ++i) house.pipeline().fall_behind();
  CHECK(begun() == serve::kLeastStarts);
  for (auto starts = serve::kLeastStarts; starts < serve::kStartsPerRound; ++starts) {
    flood(house, starts, starts * 10'000);
    CHECK(begun() == starts);
  }
  flood(house, serve::kStartsPerRound, 9'000);
  CHECK(begun() == serve::kStartsPerRound);
}

}  // namespace placard
