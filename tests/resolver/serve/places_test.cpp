// Places that are taken in turn (resolver/transfer/signal.hpp).
#include <catch2/catch.hpp>
#include <optional>

#include "resolver/transfer/signal.hpp"

namespace placard {
namespace {

net::Task<void> take_a_place(transfer::Places& places, int& done) {
  auto taking = places.take();
  const auto place = co_await taking;
  ++done;
}

net::Task<void> hold_a_place(transfer::Places& places, std::optional<transfer::Places::Place>& held) {
  auto taking = places.take();
  held.emplace(co_await taking);
}

}  // namespace

TEST_CASE("many who wait for a place, and are done as soon as they have it") {
  constexpr int kMany = 100'000;
  transfer::Places places(1);
  net::TaskSet tasks;
  std::optional<transfer::Places::Place> held;
  int done = 0;
  tasks.spawn(hold_a_place(places, held));
  for (int i = 0; i < kMany; ++i) tasks.spawn(take_a_place(places, done));
  CHECK(done == 0);
  held.reset();
  CHECK(done == kMany);
  CHECK(places.free() == 1);
}

}  // namespace placard
