// Hostile servers, and crowds of questions: every resolution ends, in time, whatever comes.
#include <catch2/catch.hpp>

#include <array>
#include <memory>

#include "resolver/recurse/flight_key.hpp"
#include "tests/names.hpp"
#include "tests/resolver/recurse/fake_network.hpp"
#include "tests/resolver/recurse/scenario_servers.hpp"
#include "tests/source_directory.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

using placard::tests::name;

net::Address address(const char* text) {
  return *net::Address::from_text(text);
}

TEST_CASE("flights whose names were chosen to meet in one place do not") {
  // Octets 16 to 23 are those of XXH3's secret with the number of the type: the eight behind them count for nothing.
  FlightKey one, two;
  one.name = name("aaaaaaaaaaaaaaa\\224\\212m\\233\\131\\144\\151\\219one.com.");
  two.name = name("aaaaaaaaaaaaaaa\\224\\212m\\233\\131\\144\\151\\219two.com.");
  REQUIRE(FlightKeyHash{0}(one) == FlightKeyHash{0}(two));
  CHECK(FlightKeyHash{1}(one) != FlightKeyHash{1}(two));
}

class Writer {
 public:
  explicit Writer(const Outgoing& asked, bool authoritative = true) : writer_(buffer_, buffer_.size()) {
    wire::Header header;
    header.qr = true;
    header.aa = authoritative;
    writer_.header(header);
    writer_.question(asked.question.name, asked.question.type, asked.question.record_class);
  }
  Writer& put(wire::Section section, const std::string& line) {
    const auto record = wire::record_from_text(line, wire::NameView{}, 300);
    REQUIRE(record);
    writer_.record(section, record->owner, record->type, record->record_class, record->ttl, record->rdata);
    return *this;
  }
  std::vector<std::uint8_t> bytes() {
    const auto written = writer_.finish();
    return {written->begin(), written->end()};
  }

 private:
  std::array<std::uint8_t, 4096> buffer_{};
  wire::MessageWriter writer_;
};

/// A root, a TLD with two servers, and zones below it that answer every name with an address.
std::vector<std::uint8_t> honest(const Outgoing& asked) {
  const std::string owner = asked.question.name.to_text();
  if (asked.server.address == address("198.51.100.1")) {
    if (asked.question.name.view().is_root())
      return Writer(asked)
          .put(wire::Section::answer, ". NS root.test.")
          .put(wire::Section::additional, "root.test. A 198.51.100.1")
          .bytes();
    return Writer(asked, false)
        .put(wire::Section::authority, "example. NS a.nic.example.")
        .put(wire::Section::authority, "example. NS b.nic.example.")
        .put(wire::Section::additional, "a.nic.example. A 192.0.2.1")
        .put(wire::Section::additional, "b.nic.example. A 192.0.2.2")
        .bytes();
  }
  if (asked.server.address == address("192.0.2.1") || asked.server.address == address("192.0.2.2")) {
    const auto labels = asked.question.name.view().label_count();
    if (labels < 2) return Writer(asked).put(wire::Section::authority, "example. SOA a. b. 1 2 3 4 5").bytes();
    const std::string zone = asked.question.name.view().suffix(2).to_text();
    return Writer(asked, false)
        .put(wire::Section::authority, zone + " NS ns1." + zone)
        .put(wire::Section::authority, zone + " NS ns.host.example.")
        .put(wire::Section::additional, "ns1." + zone + " A 192.0.2.3")
        .bytes();
  }
  if (asked.question.name.view().label_count() == 4) {
    return Writer(asked)
        .put(wire::Section::answer, owner + " CNAME target." + asked.question.name.view().suffix(2).to_text())
        .bytes();
  }
  return Writer(asked)
      .put(wire::Section::answer, owner + " A 203.0.113.7")
      .put(wire::Section::answer, owner + " A 203.0.113.8")
      .bytes();
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::optional<FakeNetwork::Answer> operator()(const Outgoing& asked) {
    FakeNetwork::Answer answer;
    auto bytes = honest(asked);
    answer.delay = below(20) == 0 ? below(4'000) : below(60);
    switch (below(16)) {  // half of them stay as they are
      case 0:
        return std::nullopt;
      case 1:
        answer.result = std::unexpected(static_cast<NetworkError>(below(5)));
        return answer;
      case 2:
        for (std::size_t i = below(8); i > 0; --i)
          bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 3:
        bytes.resize(below(bytes.size() + 1));
        break;
      case 4:
        bytes[3] = static_cast<std::uint8_t>((bytes[3] & 0xf0U) | below(16));
        break;
      case 5:
        std::swap(bytes[7], bytes[9]);
        break;  // answers become authority
      case 6:
        for (std::size_t i = below(40); i > 0; --i) bytes.push_back(static_cast<std::uint8_t>(below(256)));
        break;
      case 7:
        bytes[2] = static_cast<std::uint8_t>(below(256));
        break;
      default:
        break;
    }
    answer.result = std::move(bytes);
    return answer;
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  std::mt19937_64 random_;
};

ResolverOptions options() {
  ResolverOptions made;
  made.root_hints.push_back({name("root.test."), address("198.51.100.1")});
  return made;
}

TEST_CASE("whatever servers say, every resolution ends within its deadline and its budget") {
  std::size_t answered = 0, runs = 0;
  CacheLimits small;
  small.memory = 1U << 20U;
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    INFO("seed " << seed);
    auto mutator = std::make_shared<Mutator>(seed);
    Bench bench([mutator](const Outgoing& asked) { return (*mutator)(asked); }, options(), small, seed);
    wire::Question question;
    for (const char* asked : {"www.zone.example.", "a.b.zone.example.", "www.other.example."}) {
      question.name = name(asked);
      const auto before = bench.network.log.size();
      const auto client = bench.ask(question, seed % 5 == 0);
      bench.finish(*client);
      REQUIRE(client->done);
      REQUIRE(client->ended - client->started <= Bounds{}.deadline);
      REQUIRE(bench.network.log.size() - before <= Bounds{}.questions + 8);  // eight for priming
      if (client->resolved.rcode == wire::Rcode::servfail) REQUIRE_FALSE(client->resolved.errors.empty());
      answered += client->resolved.rcode == wire::Rcode::noerror && !client->resolved.answer.empty();
      ++runs;
    }
    REQUIRE(bench.resolver.in_flight().empty());
  }
  CHECK(answered > runs / 2);  // and most of them have an answer all the same
}

TEST_CASE("ten thousand questions in flight, and none is lost") {
  auto roomy = options();
  roomy.bounds.in_flight = 50'000;
  Bench bench(
      [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        FakeNetwork::Answer answer;
        answer.delay = 5 + asked.question.name.view().hash() % 200;
        answer.result = honest(asked);
        return answer;
      },
      roomy);
  std::vector<std::unique_ptr<Bench::Client>> clients;
  for (int i = 0; i < 10'000; ++i) {
    wire::Question question;
    question.name = name("www" + std::to_string(i % 9'000) + ".zone" + std::to_string(i % 700) + ".example.");
    clients.push_back(bench.ask(question));
  }
  CHECK(bench.resolver.in_flight().size() >= 9'000);
  for (const auto& client : clients) {
    bench.finish(*client);
    REQUIRE(client->done);
    REQUIRE(client->resolved.rcode == wire::Rcode::noerror);
    REQUIRE(client->resolved.answer.size() == 1);
  }
  CHECK(bench.resolver.in_flight().empty());
}

TEST_CASE("more questions in flight than there may be are refused, and the others end well") {
  auto bounded = options();
  bounded.bounds.in_flight = 100;
  Bench bench(
      [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        FakeNetwork::Answer answer;
        answer.result = honest(asked);
        return answer;
      },
      bounded);
  std::vector<std::unique_ptr<Bench::Client>> clients;
  for (int i = 0; i < 150; ++i) {
    wire::Question question;
    question.name = name("www.zone" + std::to_string(i) + ".example.");
    clients.push_back(bench.ask(question));
    CHECK(bench.resolver.in_flight().size() <= 100);
  }
  std::size_t refused = 0;
  for (const auto& client : clients) {
    bench.finish(*client);
    REQUIRE(client->done);
    refused += client->resolved.rcode == wire::Rcode::servfail;
    if (client->resolved.rcode == wire::Rcode::servfail) CHECK_FALSE(client->resolved.errors.empty());
  }
  CHECK(refused >= 50);
  CHECK(refused < 150);
  CHECK(bench.resolver.in_flight().empty());
}

TEST_CASE("water torture: a flood below one mute zone leaves the others their places") {
  auto bounded = options();
  bounded.bounds.in_flight = 800;
  Bench bench(
      [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        const bool victim = asked.question.name.view().is_subdomain_of(name("victim.example."));
        const bool above = asked.server.address == address("198.51.100.1") ||
                           asked.server.address == address("192.0.2.1") || asked.server.address == address("192.0.2.2");
        if (victim && !above) return std::nullopt;
        FakeNetwork::Answer answer;
        auto reply = honest(asked);
        if (victim && asked.question.name.view().label_count() >= 2 && asked.server.address != address("198.51.100.1"))
          reply = Writer(asked, false)
                      .put(wire::Section::authority, "victim.example. NS ns.victim.example.")
                      .put(wire::Section::additional, "ns.victim.example. A 192.0.2.66")
                      .bytes();
        answer.result = std::move(reply);
        return answer;
      },
      bounded);
  wire::Question question;
  question.name = name("www.zone.example.");
  bench.finish(*bench.ask(question));  // the servers of example. are known
  std::vector<std::unique_ptr<Bench::Client>> flood, healthy;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 20; ++i) {
      question.name = name("r" + std::to_string(round) + "x" + std::to_string(i) + ".victim.example.");
      flood.push_back(bench.ask(question));
    }
    question.name = name("h" + std::to_string(round) + ".zone.example.");
    healthy.push_back(bench.ask(question));
    bench.network.advance(50);
    CHECK(bench.resolver.in_flight().size() <= 300);
  }
  for (const auto& client : healthy) {
    bench.finish(*client);
    REQUIRE(client->done);
    CHECK(client->resolved.rcode == wire::Rcode::noerror);
    CHECK(client->ended - client->started <= 200);
  }
  std::size_t at_once = 0;
  for (const auto& client : flood) {
    bench.finish(*client);
    REQUIRE(client->done);
    CHECK(client->resolved.rcode == wire::Rcode::servfail);
    at_once += client->ended == client->started;
  }
  CHECK(at_once > flood.size() / 2);                                 // most need no waiting to learn that
  CHECK(bench.network.asked(address("192.0.2.66")) < flood.size());  // and few reach the victim
  CHECK(bench.resolver.counters().zone_refusals > 0);
}

TEST_CASE("three packets lost in a row at a zone's only server cost a client some tenths of a second") {
  int lost = 0;
  Bench bench(
      [&](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        const bool only_server = asked.server.address == address("192.0.2.66");
        if (only_server && asked.question.name == name("lost.lossy.example.") && ++lost <= 3) return std::nullopt;
        FakeNetwork::Answer answer;
        auto reply = honest(asked);
        if (!only_server && asked.question.name.view().label_count() >= 2 &&
            asked.server.address != address("198.51.100.1"))
          reply = Writer(asked, false)
                      .put(wire::Section::authority, "lossy.example. NS ns.lossy.example.")
                      .put(wire::Section::additional, "ns.lossy.example. A 192.0.2.66")
                      .bytes();
        answer.result = std::move(reply);
        return answer;
      },
      options());
  wire::Question question;
  question.name = name("known.lossy.example.");
  bench.finish(*bench.ask(question));
  question.name = name("lost.lossy.example.");
  const auto client = bench.ask(question);
  bench.finish(*client);
  CHECK(client->resolved.rcode == wire::Rcode::noerror);
  CHECK(lost == 4);
  CHECK(client->ended - client->started <= 1'000);
}

TEST_CASE("a name for whose validation there was no room is not remembered as bogus") {
  const auto scenario = load_scenario(source_directory() + "/tests/scenarios/signed_chain.rpl");
  auto world = std::make_shared<ScriptedWorld>(scenario);
  auto crowded = scenario.options;
  crowded.validation.bounds.per_second = 1;  // one reply a second; the chain has several
  Bench bench([world](const Outgoing& asked) { return (*world)(asked); }, crowded, scenario.cache);
  std::size_t refused = 0;
  Resolved resolved = bench.resolve("www.example.", wire::RecordType::a);
  for (; resolved.rcode == wire::Rcode::servfail && refused < 10; ++refused) {
    CHECK_FALSE(resolved.bogus);
    bench.network.advance(2'000);
    resolved = bench.resolve("www.example.", wire::RecordType::a);
  }
  CHECK(refused > 0);
  CHECK(resolved.rcode == wire::Rcode::noerror);
  CHECK(resolved.authenticated);
  CHECK(bench.resolver.validation_counters().refused > 0);
}

TEST_CASE("that a server had too many of our questions is not remembered of a name") {
  bool busy = true;
  Bench bench(
      [&](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        FakeNetwork::Answer answer;
        answer.result = honest(asked);
        if (busy && asked.server.address == address("192.0.2.3"))
          answer.result = std::unexpected(NetworkError::server_busy);
        return answer;
      },
      options());
  const auto refused = bench.resolve("www.zone.example.", wire::RecordType::a);
  CHECK(refused.rcode == wire::Rcode::servfail);
  REQUIRE_FALSE(refused.errors.empty());
  busy = false;
  CHECK(bench.resolve("www.zone.example.", wire::RecordType::a).rcode == wire::Rcode::noerror);
}

TEST_CASE("what proofs deny ends when a clock that was ahead is set right") {
  const auto scenario = load_scenario(source_directory() + "/tests/scenarios/signed_denied_above.rpl");
  auto world = std::make_shared<ScriptedWorld>(scenario);
  Bench bench([world](const Outgoing& asked) { return (*world)(asked); }, scenario.options, scenario.cache);
  REQUIRE(bench.resolve("a.b.c.gone.example.", wire::RecordType::a).rcode == wire::Rcode::nxdomain);
  const auto asked = bench.network.log.size();
  CHECK(bench.resolve("other.example.", wire::RecordType::a).rcode == wire::Rcode::nxdomain);
  CHECK(bench.network.log.size() == asked);
  bench.network.wall_start -= 100'000'000;
  bench.resolve("another.example.", wire::RecordType::a);
  CHECK(bench.network.log.size() > asked);
}

TEST_CASE("clients that leave take nobody's answer away") {
  Bench bench(
      [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        FakeNetwork::Answer answer;
        answer.result = honest(asked);
        return answer;
      },
      options());
  wire::Question question;
  question.name = name("www.zone.example.");
  auto first = bench.ask(question);
  auto second = bench.ask(question);
  auto third = bench.ask(question);
  bench.network.step();
  first.reset();
  third.reset();
  bench.finish(*second);
  REQUIRE(second->done);
  CHECK(second->resolved.rcode == wire::Rcode::noerror);
}

TEST_CASE("a resolver goes away with questions in flight") {
  auto bench = std::make_unique<Bench>(
      [](const Outgoing&) -> std::optional<FakeNetwork::Answer> { return std::nullopt; }, options());
  std::vector<std::unique_ptr<Bench::Client>> clients;
  for (int i = 0; i < 50; ++i) {
    wire::Question question;
    question.name = name("www" + std::to_string(i % 20) + ".zone.example.");
    clients.push_back(bench->ask(question));
  }
  for (int i = 0; i < 20; ++i) bench->network.step();
  clients.clear();
  bench.reset();
  SUCCEED();
}

TEST_CASE("two clients deep in each other's zones: circles across resolutions end too") {
  // one.example. is served from two.example. and the other way round; both are asked at once.
  Bench bench(
      [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        FakeNetwork::Answer answer;
        if (asked.server.address == address("198.51.100.1")) {
          answer.result = honest(asked);
        } else {
          const bool one = asked.question.name.view().is_subdomain_of(name("one.example."));
          answer.result = Writer(asked, false)
                              .put(wire::Section::authority,
                                   one ? "one.example. NS ns.two.example." : "two.example. NS ns.one.example.")
                              .bytes();
        }
        return answer;
      },
      options());
  wire::Question question;
  question.name = name("www.one.example.");
  const auto first = bench.ask(question);
  question.name = name("www.two.example.");
  const auto second = bench.ask(question);
  bench.finish(*first);
  bench.finish(*second);
  REQUIRE(first->done);
  REQUIRE(second->done);
  CHECK(first->resolved.rcode == wire::Rcode::servfail);
  CHECK(first->ended - first->started < 1'000);
  CHECK(second->ended - second->started < 1'000);
}

TEST_CASE("thousands of flights, each of which waits for the next, may land at once") {
  constexpr int kLength = 8'000;
  Bench bench(
      [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
        FakeNetwork::Answer answer;
        answer.delay = 0;
        const auto asked_name = asked.question.name.view();
        if (asked.server.address == address("198.51.100.1")) {
          answer.result = honest(asked);
          return answer;
        }
        const auto zone = asked_name.suffix(2).to_text();  // z1.example. to z8000.example.
        const int number = std::stoi(zone.substr(1));
        Writer writer(asked, number == kLength);
        if (number < kLength) {
          writer.put(wire::Section::authority, zone + " NS ns.z" + std::to_string(number + 1) + ".example.");
          answer.result = writer.bytes();
          return answer;
        }
        answer.delay = 10;
        auto denial = writer.put(wire::Section::authority, "example. SOA a. b. 1 2 3 4 5").bytes();
        denial[3] |= 3U;  // NXDOMAIN
        answer.result = std::move(denial);
        return answer;
      },
      options());
  std::vector<std::unique_ptr<Bench::Client>> clients;
  wire::Question question;
  for (int number = kLength; number > 0; --number) {
    question.name = name("ns.z" + std::to_string(number) + ".example.");
    clients.push_back(bench.ask(question));
    bench.network.advance(0);
  }
  CHECK(std::ranges::none_of(clients, [](const auto& client) { return client->done; }));
  for (const auto& client : clients) bench.finish(*client);
  CHECK(clients.front()->resolved.rcode == wire::Rcode::nxdomain);
  CHECK(clients.back()->resolved.rcode == wire::Rcode::servfail);
  CHECK(clients.back()->ended - clients.back()->started < 1'000);
}

}  // namespace
}  // namespace placard::recurse
