// Fair shares: who floods leaves room for the others, by client, network and zone.
#include "resolver/serve/shares.hpp"

#include "tests/resolver/serve/house.hpp"

namespace placard {

using namespace tests;
using serve::Admitted;
using serve::Limit;

namespace {

serve::ClientKeys client(const char* address) {
  return serve::keys_of(*net::Address::from_text(address));
}
serve::ZoneKeys zone(const char* text) {
  return serve::keys_of(name(text).view(), 1);
}
}  // namespace

TEST_CASE("one client that floods holds a fifth; others find room") {
  serve::FairShares shares(1'000, 1);
  std::size_t held = 0;
  for (int i = 0; i < 5'000; ++i) {
    const auto asked = zone(("a.flood" + std::to_string(i) + ".example.").c_str());
    if (shares.admit(client("192.0.2.1")) != Admitted::yes || shares.admit(asked) != Admitted::yes) continue;
    shares.enter(client("192.0.2.1"));
    shares.enter(asked);
    ++held;
  }
  CHECK(held == 200);
  CHECK(shares.admit(client("192.0.2.1")) == Admitted::client);
  CHECK(shares.admit(client("198.51.100.1")) == Admitted::yes);
  CHECK(shares.admit(client("192.0.2.2")) == Admitted::yes);
  shares.leave(client("192.0.2.1"));
  CHECK(shares.admit(client("192.0.2.1")) == Admitted::yes);
}

TEST_CASE("zones that were chosen to have one hash count apart") {
  // Octets 16 to 23 are those of XXH3's secret: without a seed, the eight behind them count for nothing.
  const auto one = name("aaaaaaaaaaaaaaa\\222\\212m\\233\\131\\144\\151\\219one.com.");
  const auto two = name("aaaaaaaaaaaaaaa\\222\\212m\\233\\131\\144\\151\\219two.com.");
  REQUIRE(one.view().hash() == two.view().hash());
  const serve::FairShares shares(1'000, 1);
  CHECK(shares.keys_of(one).zone != shares.keys_of(two).zone);
  CHECK(shares.keys_of(one).subzone != shares.keys_of(two).subzone);
}

TEST_CASE("one network of many addresses holds a third") {
  serve::FairShares shares(3'000, 1);
  std::size_t held = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto from = client(("192.0.2." + std::to_string(i % 256)).c_str());
    const auto asked = zone(("n" + std::to_string(i) + ".example.").c_str());
    if (shares.admit(from) != Admitted::yes || shares.admit(asked) != Admitted::yes) continue;
    shares.enter(from);
    shares.enter(asked);
    ++held;
  }
  CHECK(held == 1'000);
  CHECK(shares.admit(client("192.0.2.77")) == Admitted::network);
  CHECK(shares.admit(client("192.0.3.77")) == Admitted::yes);
}

TEST_CASE("one zone holds a third, and one below a suffix of many leaves room for its neighbours") {
  serve::FairShares shares(3'000, 1);
  const auto flood = [&](const std::string& below) {
    std::size_t held = 0;
    for (int i = 0; i < 20'000; ++i) {
      const auto asked = zone(("x" + std::to_string(i) + "." + below).c_str());
      if (shares.admit(asked) != Admitted::yes) continue;
      shares.enter(asked);
      ++held;
    }
    return held;
  };
  CHECK(flood("victim.co.test.") == 600);
  CHECK(shares.admit(zone("www.victim.co.test.")) == Admitted::zone);
  CHECK(shares.admit(zone("www.other.co.test.")) == Admitted::yes);
  CHECK(flood("victim.test.") == 800);  // a third of what was free
  CHECK(shares.admit(zone("www.victim.test.")) == Admitted::zone);
  CHECK(shares.admit(zone("www.other.test.")) == Admitted::yes);
}

TEST_CASE("everything is full only when all places are taken") {
  serve::FairShares shares(100, 1);
  for (int i = 0; i < 100; ++i) {
    const auto asked = zone(("z" + std::to_string(i) + ".t" + std::to_string(i) + ".").c_str());
    CHECK(shares.admit(asked) == Admitted::yes);
    shares.enter(asked);
  }
  CHECK(shares.admit(zone("one.more.")) == Admitted::full);
}

TEST_CASE("a pipeline refuses the flood of one client with a reason, and answers another one") {
  House house;
  house.publish();
  house.world.hold = true;
  int refused = 0;
  std::vector<std::uint8_t> last;
  for (int i = 0; i < 60; ++i) {
    const std::string flood = "x" + std::to_string(i) + ".flood" + std::to_string(i) + ".example.";
    const auto answer = house.ask({flood.c_str()});
    refused += !answer.empty();
    if (!answer.empty()) last = answer;
  }
  CHECK(refused == 40);  // of 100 places a fifth
  CHECK(limited(house, Limit::client_share) == 40);
  CHECK(rcode(last) == wire::Rcode::servfail);
  CHECK(errors(last).at(0).extra_text == "too many questions of yours wait for answers");
  CHECK(house.ask({"www.example.org.", wire::RecordType::a, "127.0.0.2"}).empty());  // it waits
  house.world.hold = false;
  house.world.release();
  CHECK(texts(house.ask({"www.example.org.", wire::RecordType::a, "127.0.0.2"}), wire::Section::answer).size() == 1);
  for (int i = 0; i < 60; ++i)  // every place was given back
    CHECK(rcode(house.ask({("y" + std::to_string(i) + ".flood.example.").c_str()})) == wire::Rcode::nxdomain);
}

TEST_CASE("of an unverified client no more wait than allowed, whatever name they wait for") {
  House house;
  house.snapshot.options.limits.waiting = 3;
  house.publish();
  house.world.hold = true;
  Asked asked{.owner = "www.example.org.", .stream = false};
  for (int i = 0; i < 3; ++i) CHECK(house.ask(asked).empty());
  CHECK(rcode(house.ask(asked)) == wire::Rcode::servfail);
  asked.stream = true;
  CHECK(house.ask(asked).empty());  // verified: it waits
  CHECK(limited(house, Limit::client_share) == 1);
  house.world.hold = false;
  house.world.release();
}

TEST_CASE("an answer that comes too late is kept, but not sent to the unverified") {
  House house;
  house.snapshot.options.limits.answer_age = 1'000;
  house.publish();
  house.world.hold = true;
  Asked asked{.owner = "www.example.org.", .stream = false};
  house.ask(asked);
  house.world.milliseconds += 1'001;
  house.world.hold = false;
  house.world.release();
  CHECK(house.stream->sent.empty());
  CHECK(limited(house, Limit::late) == 1);
  const int before = house.world.asked;
  CHECK(texts(house.ask(asked), wire::Section::answer).size() == 1);
  CHECK(house.world.asked == before);
}

TEST_CASE("a round of the loop begins so many resolutions; the others wait for the next in turn") {
  House house(1'000);  // its zones have places for all
  house.publish();
  int armed = 0;
  house.pipeline().set_round_end([&] { ++armed; }, [] {});
  int asked = 0;
  constexpr int kAsked = serve::kStartsPerRound + 4;
  for (int i = 0; i < kAsked; ++i) {
    const std::string owner = "h" + std::to_string(i) + ".z" + std::to_string(i) + ".example.";
    const std::string from = "127.0.0." + std::to_string(i);
    house.ask({owner.c_str(), wire::RecordType::a, from.c_str()});
    asked = house.world.asked;
  }
  CHECK(asked == 0);  // whatever is answered at once goes first
  CHECK(armed == 1);
  house.stream->sent.clear();
  house.pipeline().end_round();
  CHECK(house.world.asked == static_cast<int>(serve::kStartsPerRound));
  CHECK(armed == 2);
  house.pipeline().end_round();
  CHECK(house.world.asked == kAsked);
  CHECK(house.stream->sent.size() == kAsked);
  CHECK(armed == 2);  // nothing is left
}

}  // namespace placard
