// What is known of servers: times, back-off, quotas and families, on the test's own clock.
#include "resolver/recurse/servers.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/resolver/recurse/fake_servers.hpp"

namespace placard::recurse {
namespace {

using namespace test;       // NOLINT: the helpers of these tests
using namespace net::test;  // NOLINT

Endpoint v4(int number) {
  return *Endpoint::from_text(fmt::format("192.0.2.{}:53", number), 53);
}
Endpoint v6(int number) {
  return *Endpoint::from_text(fmt::format("[2001:db8::{}]:53", number), 53);
}

TEST_CASE("round trip times are smoothed, timeouts follow from them", "[servers]") {
  ServerTable table;
  CHECK_FALSE(table.facts(v4(1), 0).known);
  CHECK(table.facts(v4(1), 0).timeout == ServerTable::kUnknownTimeout);
  table.note_answer(v4(1), 80, 0);
  CHECK(table.facts(v4(1), 0).rtt == 80);
  CHECK(table.facts(v4(1), 0).timeout == 80 + 4 * 40);  // RFC 6298 2.2
  for (int i = 0; i < 200; ++i) table.note_answer(v4(1), 20, 0);
  CHECK(table.facts(v4(1), 0).rtt < 30);
  CHECK(table.facts(v4(1), 0).timeout == ServerTable::kMinTimeout);
  table.note_answer(v4(1), 400, 0);  // one slow answer moves the time a little, the patience a lot
  CHECK(table.facts(v4(1), 0).rtt < 80);
  CHECK(table.facts(v4(1), 0).timeout > 300);
}

TEST_CASE("timeouts in a row make a server dearer, then it is left alone for longer and longer", "[servers]") {
  ServerTable table;
  table.note_answer(v4(1), 50, 0);
  Milliseconds now = 0;
  for (int i = 0; i < 2; ++i) table.note_timeout(v4(1), now);
  CHECK_FALSE(table.facts(v4(1), now).backed_off);
  CHECK(table.facts(v4(1), now).rtt == 200);
  Milliseconds longest = 0;
  for (int i = 0; i < 12; ++i) {
    table.note_timeout(v4(1), now);
    REQUIRE(table.facts(v4(1), now).backed_off);
    Milliseconds waited = 0;
    while (table.facts(v4(1), now).backed_off) {
      now += 500;
      waited += 500;
    }
    CHECK(waited >= longest);
    longest = waited;
  }
  CHECK(longest == ServerTable::kMaxBackOff);
  table.note_answer(v4(1), 50, now);
  CHECK_FALSE(table.facts(v4(1), now).backed_off);
  CHECK(table.facts(v4(1), now).rtt == 50);
}

TEST_CASE("quirks and lameness are forgotten in time", "[servers]") {
  ServerTable table;
  const auto zone = *wire::Name::from_text("example.org");
  table.note_no_edns(v4(1), 0);
  table.note_no_random_case(v4(1), 0);
  table.note_lame(v4(1), zone, 0);
  CHECK_FALSE(table.facts(v4(1), 1).edns);
  CHECK_FALSE(table.facts(v4(1), 1).random_case);
  CHECK(table.lame(v4(1), zone, 1));
  CHECK_FALSE(table.lame(v4(2), zone, 1));
  CHECK_FALSE(table.lame(v4(1), *wire::Name::from_text("example.net"), 1));
  CHECK(table.facts(v4(1), ServerTable::kForgetQuirks).edns);
  CHECK(table.facts(v4(1), ServerTable::kForgetQuirks).random_case);
  CHECK_FALSE(table.lame(v4(1), zone, ServerTable::kForgetLame));
}

TEST_CASE("the table is bounded", "[servers]") {
  ServerLimits limits;
  limits.servers = 64;
  limits.lame = 64;
  ServerTable table(limits);
  for (int i = 0; i < 5'000; ++i) {
    auto server = v6(1);
    server.port = static_cast<std::uint16_t>(i);
    table.note_answer(server, 10, static_cast<Milliseconds>(i));
    table.note_lame(server, *wire::Name::from_text("example.org"), static_cast<Milliseconds>(i));
    table.begin(server, static_cast<Milliseconds>(i));
  }
  CHECK(table.size() <= 64);
}

TEST_CASE("a server that leaves questions unanswered is let have fewer, and more again when it is well", "[servers]") {
  ServerLimits limits;
  limits.in_flight = 1'000;
  ServerTable table(limits);
  const auto ends = [&](int count, Ending ending) {
    for (int i = 0; i < count; ++i) {
      REQUIRE(table.begin(v4(1), 0));
      table.end(v4(1), ending);
    }
  };
  ends(2'000, Ending::answered);
  CHECK(table.quota(v4(1)) == 1'000);
  for (int i = 0; i < 50; ++i) {  // one in twenty is lost: no reason to hold back
    ends(19, Ending::answered);
    ends(1, Ending::silent);
  }
  CHECK(table.quota(v4(1)) == 1'000);
  ends(2'000, Ending::silent);
  CHECK(table.quota(v4(1)) == ServerTable::kMinQuota);
  CHECK(table.quota(v4(2)) == 1'000);
  ends(200, Ending::other);
  CHECK(table.quota(v4(1)) == ServerTable::kMinQuota);

  for (std::uint32_t i = 0; i < ServerTable::kMinQuota; ++i) REQUIRE(table.begin(v4(1), 0));
  CHECK_FALSE(table.begin(v4(1), 0));
  CHECK(table.begin(v4(2), 0));
  for (std::uint32_t i = 0; i < ServerTable::kMinQuota; ++i) table.end(v4(1), Ending::answered);
  ends(3'000, Ending::answered);
  CHECK(table.quota(v4(1)) == 1'000);
}

TEST_CASE("questions a second to one server are bounded where that is wanted", "[servers]") {
  ServerLimits limits;
  limits.rate = 10;
  ServerTable table(limits);
  const auto let_through = [&](Milliseconds now) {
    int count = 0;
    for (int i = 0; i < 100; ++i) {
      if (!table.begin(v4(1), now)) continue;
      ++count;
      table.end(v4(1), Ending::answered);
    }
    return count;
  };
  CHECK(let_through(1'000) == 10);
  CHECK(let_through(1'900) == 0);
  CHECK(let_through(2'000) == 10);
}

TEST_CASE("a family that never answers gets a handicap while the other one does", "[servers]") {
  ServerTable table;
  for (int i = 1; i <= 40; ++i) {
    table.note_answer(v4(i), 20, 0);
    table.note_timeout(v6(i), 0);
  }
  CHECK(table.facts(v6(200), 0).handicap > 0);
  CHECK(table.facts(v4(200), 0).handicap == 0);
  CHECK(table.facts(v4(1), 0).handicap == 0);
  for (int i = 1; i <= 3; ++i) table.note_answer(v6(i), 20, 0);
  CHECK(table.facts(v6(200), 0).handicap == 0);
  // Neither works: the line is down, and no family is to blame.
  for (int i = 1; i <= 40; ++i) {
    table.note_timeout(v4(100 + i), 0);
    table.note_timeout(v6(100 + i), 0);
  }
  CHECK(table.facts(v6(200), 0).handicap == 0);
  CHECK(table.facts(v4(200), 0).handicap == 0);
}

TEST_CASE("a server with its fill of questions refuses more at once, others are asked as ever", "[servers]") {
  ServerLimits limits;
  limits.in_flight = 3;
  FakeUdp mute([](const Octets&, FakeUdp::Send) {});
  FakeUdp good([](const Octets& query, FakeUdp::Send send) { send(reply_to(query)); });
  Asker asker({}, std::make_shared<ServerTable>(limits));
  std::vector<Outgoing> questions(5, question_for(mute.endpoint()));
  for (auto& question : questions) question.timeout = 200;
  questions.push_back(question_for(good.endpoint()));
  const auto results = asker.ask_all(questions);
  for (int i = 0; i < 3; ++i) CHECK(results[static_cast<std::size_t>(i)].error() == NetworkError::timeout);
  for (int i = 3; i < 5; ++i) CHECK(results[static_cast<std::size_t>(i)].error() == NetworkError::server_busy);
  CHECK(address_in(results[5]) == "192.0.2.7");
  CHECK(asker.upstream.counters().busy == 2);
  // All places were given back.
  CHECK(asker.ask_all(questions)[2].error() == NetworkError::timeout);
}

}  // namespace
}  // namespace placard::recurse
