// The sketch of what is asked: who is shown, what is forgotten, and what rules would have met.
#include "policy/match/traffic.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <random>

namespace placard::policy::test {

namespace {

wire::Name name_of(const std::string& text) {
  return *wire::Name::from_text(text);
}

std::array<std::uint8_t, 4> client_of(std::uint32_t number) {
  return {10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
          static_cast<std::uint8_t>(number)};
}

void ask(TrafficBuffer& buffer, const std::string& name, std::uint32_t first, std::uint32_t clients) {
  for (std::uint32_t i = 0; i < clients; ++i) buffer.add(name_of(name), client_of(first + i));
}

}  // namespace

TEST_CASE("a domain is shown from ten clients on, and with all names below it") {
  TrafficBuffer buffer(7);
  ask(buffer, "www.Nine.co.uk.", 0, 9);
  ask(buffer, "nine.co.uk.", 0, 9);  // the same ones
  ask(buffer, "a.ten.co.uk.", 0, 5);
  ask(buffer, "b.TEN.co.uk.", 5, 5);
  ask(buffer, "co.uk.", 0, 50);  // a public suffix is nobody's
  ask(buffer, "_dns.Ten.co.uk.", 3, 1);
  TrafficSketch sketch;
  sketch.take(buffer);
  const auto hour = sketch.finish(3600);
  CHECK(hour.questions == 9 + 9 + 10 + 50 + 1);
  CHECK(hour.looked_at == hour.questions);
  CHECK(hour.domains == std::vector<DomainTraffic>{{"ten.co.uk", 11, 10}});
  CHECK(sketch.domains() == 0);
}

TEST_CASE("clients of another hour, with another salt, are others") {
  TrafficBuffer buffer(1);
  TrafficSketch sketch;
  ask(buffer, "example.org.", 0, 6);
  sketch.take(buffer);
  buffer.empty(2);
  CHECK(buffer.questions() == 0);
  ask(buffer, "example.org.", 0, 6);
  sketch.take(buffer);
  CHECK(sketch.finish(0).domains == std::vector<DomainTraffic>{{"example.org", 12, 12}});  // what the keeper never does
  buffer.empty(3);
  ask(buffer, "example.org.", 0, 6);
  sketch.take(buffer);
  CHECK(sketch.finish(3600).domains.empty());
}

TEST_CASE("addresses of one IPv6 network are one client, and IPv4 is the same mapped or not") {
  TrafficBuffer buffer(5);
  for (std::uint8_t i = 0; i < 20; ++i) {
    std::array<std::uint8_t, 16> address{0x20, 0x01, 0x0d, 0xb8};
    address[15] = i;
    buffer.add(name_of("example.org."), address);
    if (i >= 12) continue;
    std::array<std::uint8_t, 16> mapped{};
    mapped[10] = mapped[11] = 0xff;
    mapped[15] = i;
    buffer.add(name_of("example.net."), mapped);
    buffer.add(name_of("example.net."), std::array<std::uint8_t, 4>{0, 0, 0, i});
  }
  TrafficSketch sketch;
  sketch.take(buffer);
  const auto hour = sketch.finish(0);
  REQUIRE(hour.domains.size() == 1);
  CHECK(hour.domains[0].domain == "example.net");
  CHECK(hour.domains[0].clients == 12);
}

TEST_CASE("many clients are estimated") {
  for (const std::uint32_t many : {16U, 17U, 200U, 3'000U, 50'000U}) {
    ClientCount count;
    std::mt19937_64 random(many);
    for (std::uint32_t i = 0; i < many; ++i) {
      const auto hash = random();
      for (int again = 0; again < 2; ++again) count.add(hash);
    }
    CAPTURE(many, count.estimate());
    if (many <= ClientCount::kExactClients) CHECK(count.estimate() == many);
    CHECK(count.estimate() > many * 0.8);
    CHECK(count.estimate() < many * 1.2 + 2);
  }
}

TEST_CASE("the table is bounded: what is asked most stays, and what may be missing is told") {
  TrafficSketch sketch(64);
  for (int round = 0; round < 20; ++round) {
    TrafficBuffer buffer(9);
    ask(buffer, "busy.example.", 0, 12);
    for (int i = 0; i < 100; ++i) buffer.add(name_of(fmt::format("once{}-{}.org.", round, i)), client_of(1));
    ask(buffer, "www.busy.org.", 0, 12);
    sketch.take(buffer);
    CHECK(sketch.domains() <= 64);
  }
  const auto hour = sketch.finish(0);
  REQUIRE(hour.domains.size() == 2);
  for (const auto& each : hour.domains) {
    CHECK(each.questions <= 240);
    CHECK(each.questions + hour.uncertain >= 240);
  }
}

TEST_CASE("a buffer that is full counts and looks no further") {
  TrafficBuffer buffer(1);
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".org.";
  for (std::uint32_t i = 0; i < 20'000; ++i) buffer.add(name_of(name), client_of(i));
  std::size_t seen = 0;
  buffer.visit([&](wire::NameView each, std::uint64_t) {
    ++seen;
    REQUIRE(each == name_of(name).view());
  });
  CHECK(buffer.questions() == 20'000);
  CHECK(seen < 10'000);
  CHECK(seen > kTrafficBuffer / 200);
}

TEST_CASE("the file keeps a day, joins the parts of an hour, and is read as it was written") {
  const HourOfTraffic first{7200, 100, 90, 1, {{"example.org", 50, 12}, {"example.net", 20, 10}}};
  auto text = traffic_file("", first);
  CHECK(read_traffic(text) == std::vector{first});
  text = traffic_file(text, {7200, 10, 10, 0, {{"example.net", 7, 11}}});
  CHECK(read_traffic(text) ==
        std::vector{HourOfTraffic{7200, 110, 100, 1, {{"example.org", 50, 12}, {"example.net", 27, 11}}}});
  text = traffic_file(text, {10'800, 1, 1, 0, {}});
  CHECK(read_traffic(text)->size() == 2);
  CHECK(read_traffic(text)->front().hour == 10'800);
  text = traffic_file(text, {7200 + 24 * 3600, 1, 1, 0, {}});
  CHECK(read_traffic(text)->size() == 2);  // the first hour is a day old
  CHECK(read_traffic("")->empty());
  for (const char* wrong : {"something else\n", "placard traffic 1\nhour 1 2\n", "placard traffic 1\ndomain a 1 2\n",
                            "placard traffic 1\nhour 1 2 3 4\ndomain a -1 2\n"})
    CHECK_FALSE(read_traffic(wrong));
  CHECK(read_traffic(traffic_file("something else", first)) == std::vector{first});
}

TEST_CASE("rules meet the traffic of the domains at, below and above their names") {
  const std::vector<HourOfTraffic> hours{{3600, 0, 0, 0, {{"a.org", 10, 12}, {"b.org", 5, 10}, {"c.org", 3, 10}}},
                                         {0, 0, 0, 0, {{"a.org", 100, 10}, {"d.co.uk", 1, 10}}}};
  const auto met = [&](std::vector<std::pair<const char*, MatchKind>> rules) {
    TrafficProbe probe(hours);
    for (const auto& [key, match] : rules) probe.look(key, match);
    return probe.met();
  };
  CHECK(met({{"org.a", MatchKind::both}}).questions == 110);
  CHECK(met({{"org.a", MatchKind::exact}}).questions == 0);
  CHECK(met({{"org.a", MatchKind::exact}}).at_most == 110);
  CHECK(met({{"org.a.www", MatchKind::both}}).questions == 0);
  CHECK(met({{"org.a.www", MatchKind::both}, {"org.b", MatchKind::both}}).at_most == 115);
  CHECK(met({{"org", MatchKind::subdomains}}).questions == 118);
  CHECK(met({{"org", MatchKind::exact}}).at_most == 0);
  CHECK(met({{"org.a", MatchKind::both}, {"org.a.www", MatchKind::both}}).questions == 110);
  CHECK(met({{"com.a", MatchKind::both}}).domains.empty());
  const auto both = met({{"uk.co.d", MatchKind::both}, {"org.c", MatchKind::both}});
  REQUIRE(both.domains.size() == 2);
  CHECK(both.domains[0].first == DomainTraffic{"c.org", 3, 10});
}

}  // namespace placard::policy::test
