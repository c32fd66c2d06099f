// Limits of what is sent to addresses that may be forged, and of what one client may ask.
#include "resolver/serve/limits.hpp"

#include "tests/resolver/serve/house.hpp"
#include "zones/load.hpp"

namespace placard {

using namespace tests;
using serve::Limit;
using wire::RecordType;

namespace {

/// Clients that may have recursion and are nobody special.
void open_to(House& house, const char* prefix) {
  house.snapshot.options.recursion_clients.add(*policy::prefix_from_text(prefix));
}

}  // namespace

TEST_CASE("a rate lets a second's worth pass at once, then so many a second, for each key apart") {
  serve::RateTable table(64, 5);
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += table.take(1, 1'000'000, 10);
  CHECK(passed == 10);
  CHECK(table.take(2, 1'000'000, 10));
  CHECK_FALSE(table.take(1, 1'000'099, 10));
  CHECK(table.take(1, 1'000'100, 10));
  CHECK_FALSE(table.take(1, 1'000'100, 10));
  passed = 0;
  for (int i = 0; i < 100; ++i) passed += table.take(1, 1'060'000, 10);
  CHECK(passed == 10);
  CHECK(table.take(3, 0, 1));
  CHECK_FALSE(table.take(3, 999, 1));
  CHECK(table.take(3, 1'000, 1));
  // Times are kept modulo 2^32 microseconds: who comes back about then has long been full.
  CHECK(table.take(4, 2'000, 1));
  CHECK(table.take(4, 4'294'967 + 1'500, 1));
}

TEST_CASE("a key over its rate stays known while many others come by, in memory that does not grow") {
  serve::RateTable table(1'024, 5);
  const auto memory = table.memory();
  while (table.take(7, 1'000, 100)) continue;
  for (std::uint64_t other = 1'000; other < 51'000; ++other) table.take(other, 1'000, 100);
  CHECK_FALSE(table.take(7, 1'000, 100));
  CHECK(table.memory() == memory);
}

TEST_CASE("answers to one network are limited by class, one in two slips; the verified and the others are not") {
  House house;
  open_to(house, "192.0.0.0/16");
  house.snapshot.options.limits.client_responses = 5;
  house.publish();
  house.ask({"www.example.org."});
  Asked asked{.owner = "www.example.org.", .client = "192.0.2.1", .stream = false};
  int whole = 0, slipped = 0, dropped = 0;
  for (int i = 0; i < 25; ++i) {
    const std::string neighbour = "192.0.2." + std::to_string(i);
    asked.client = neighbour.c_str();
    const auto answer = house.ask(asked);
    if (answer.empty())
      ++dropped;
    else
      ++(wire::parse_message(answer)->header().tc ? slipped : whole);
  }
  CHECK(whole == 5);
  CHECK(slipped == 10);
  CHECK(dropped == 10);
  CHECK(limited(house, Limit::response_rate) == 20);
  asked.client = "192.0.2.1";
  CHECK(limited(house, Limit::response_rate) == 20);
  asked.stream = true;
  CHECK(texts(house.ask(asked), wire::Section::answer).size() == 1);
  asked.stream = false;
  asked.client = "192.0.3.1";
  CHECK(texts(house.ask(asked), wire::Section::answer).size() == 1);
  asked.client = "192.0.2.1";
  asked.owner = "x.onion.";  // another class
  CHECK(rcode(house.ask(asked)) == wire::Rcode::nxdomain);
}

TEST_CASE("who is held back and sent a cookie is given one, and its good cookie lets it through") {
  House house;
  open_to(house, "192.0.0.0/16");
  house.snapshot.options.cookie_secrets = *serve::parse_cookie_secrets("e5e973e5a6b2a43f48e7dc849e37bfcf");
  house.snapshot.options.limits.client_responses = 1;
  house.snapshot.options.limits.slip = 1;
  house.publish();
  house.ask({"www.example.org."});
  using Code = wire::OptionCode;
  Asked asked{.owner = "www.example.org.",
              .client = "192.0.2.1",
              .stream = false,
              .options = {{Code::cookie, {1, 2, 3, 4, 5, 6, 7, 8}}}};
  CHECK(rcode(house.ask(asked)) == wire::Rcode::noerror);
  const auto bad = house.ask(asked);
  CHECK(rcode(bad) == wire::Rcode::badcookie);
  const auto cookie = *wire::parse_message(bad)->edns()->option(10);
  asked.options = {{Code::cookie, {cookie.begin(), cookie.end()}}};
  for (int i = 0; i < 10; ++i) CHECK(rcode(house.ask(asked)) == wire::Rcode::noerror);
}

TEST_CASE("answers that waited for a resolution are metered too: a pulse of them is cut") {
  House house;
  open_to(house, "192.0.0.0/16");
  house.snapshot.options.limits.client_responses = 3;
  house.snapshot.options.limits.slip = 0;
  house.publish();
  house.world.hold = true;
  Asked asked{.owner = "www.example.org.", .client = "192.0.2.1", .stream = false};
  for (int i = 0; i < 8; ++i) house.ask(asked);
  house.world.hold = false;
  house.world.release();
  CHECK(limited(house, Limit::response_rate) == 5);
}

TEST_CASE("ANY of the unverified is answered HINFO without asking anybody") {
  House house;
  open_to(house, "192.0.0.0/16");
  house.publish();
  Asked asked{.owner = "www.example.org.", .type = RecordType::any, .client = "192.0.2.1", .stream = false};
  CHECK_THAT(texts(house.ask(asked), wire::Section::answer).at(0),
             Catch::StartsWith("www.example.org. HINFO \"RFC8482\""));
  CHECK(house.world.asked == 0);
  CHECK(limited(house, Limit::any) == 1);
  house.snapshot.options.limits.minimal_any = false;
  house.publish();
  house.ask(asked);
  CHECK(house.world.asked == 1);
}

TEST_CASE("a larger answer is truncated to the unverified, and whole for others") {
  House house;
  open_to(house, "192.0.0.0/16");
  house.snapshot.options.limits.unverified_size = 512;
  house.snapshot.options.limits.exempt.add(*policy::prefix_from_text("192.0.3.0/24"));
  for (int i = 0; i < 10; ++i)
    house.world.add("big.example.org. TXT \"" + std::to_string(i) + std::string(60, 'x') + "\"");
  house.publish();
  house.ask({"big.example.org.", RecordType::txt});
  Asked asked{.owner = "big.example.org.", .type = RecordType::txt, .client = "192.0.2.1", .stream = false};
  CHECK(wire::parse_message(house.ask(asked))->header().tc);
  asked.client = "192.0.3.1";
  CHECK(texts(house.ask(asked), wire::Section::answer).size() == 10);
}

TEST_CASE("one client's questions are limited, whatever they are; its neighbour's are not") {
  House house;
  open_to(house, "192.0.0.0/16");
  house.snapshot.options.limits.questions = 4;
  house.snapshot.options.limits.slip = 0;
  house.publish();
  Asked asked{.owner = "x.onion.", .client = "192.0.2.1", .stream = false};
  for (int i = 0; i < 4; ++i) CHECK_FALSE(house.ask(asked).empty());
  CHECK(house.ask(asked).empty());
  asked.stream = true;
  const auto refused = house.ask(asked);
  CHECK(rcode(refused) == wire::Rcode::refused);
  CHECK(errors(refused).at(0).extra_text == "too many questions");
  asked.client = "192.0.2.2";
  asked.stream = false;
  CHECK_FALSE(house.ask(asked).empty());
  CHECK(limited(house, Limit::question_rate) == 2);
}

TEST_CASE("failures beyond the rate are not asked for again over TCP") {
  House house;
  open_to(house, "192.0.0.0/16");
  house.snapshot.options.limits.client_responses = 2;
  house.snapshot.options.limits.slip = 1;
  house.publish();
  house.world.silent = true;
  int answered = 0;
  for (int i = 0; i < 10; ++i)
    answered += !house.ask({.owner = "www.broken.example.", .client = "192.0.2.1", .stream = false}).empty();
  CHECK(answered == 2);
}

TEST_CASE("broken packets are answered at a limited rate as well, and never slip") {
  House house;
  house.snapshot.options.limits.client_responses = 2;
  house.snapshot.options.limits.slip = 1;
  house.publish();
  int answered = 0;
  for (int i = 0; i < 10; ++i) answered += !house.packet({1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}).empty();
  CHECK(answered == 2);
}

TEST_CASE("messages about whole zones from forged addresses are limited before anybody looks at them") {
  struct Desk final : transfer::ZoneDesk {
    bool take(transfer::ZoneRequest&&) override { return ++taken > 0; }
    int taken = 0;
  };
  net::Loop loop;
  Desk desk;
  House house;
  house.snapshot.options.limits.responses = 5;
  house.snapshot.options.limits.exempt.add(*policy::prefix_from_text("198.51.100.0/24"));
  house.publish();
  house.pipeline().set_zone_desk(desk, loop);
  const auto ask = [&](const char* client, bool stream) {
    for (int i = 0; i < 20; ++i)
      house.ask({.owner = "example.org.", .type = RecordType::ixfr, .client = client, .stream = stream});
    return std::exchange(desk.taken, 0);
  };
  CHECK(ask("192.0.2.1", false) == 5);
  CHECK(limited(house, Limit::response_rate) == 15);
  CHECK(ask("192.0.2.1", true) == 20);
  CHECK(ask("198.51.100.1", false) == 20);
}

}  // namespace placard
