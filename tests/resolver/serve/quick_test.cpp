// The quick path beside the full one: whatever the quick path answers, the full path answers octet by octet alike. A
// reserved bit of the header (RFC 1035 4.1.1: ignored) sends the same question along the full path.
#include <random>

#include "resolver/serve/cookies.hpp"
#include "tests/resolver/serve/house.hpp"
#include "zones/load.hpp"

namespace placard {

using namespace tests;
using wire::RecordType;

namespace {

constexpr std::uint8_t kReserved = 0x40;  // in the header's fourth octet

struct Shape {
  bool edns = true, dnssec_ok = false, rd = true, cd = false, ad = false;
  std::uint16_t udp_size = 1232;
  std::vector<std::uint8_t> cookie = {};
};

std::vector<std::uint8_t> packet_of(const std::string& owner, RecordType type, const Shape& shape) {
  std::vector<std::uint8_t> packet(512);
  wire::MessageWriter writer(packet, packet.size());
  wire::Header header;
  header.id = 4711;
  header.rd = shape.rd;
  header.cd = shape.cd;
  header.ad = shape.ad;
  writer.header(header);
  writer.question(name(owner.c_str()), type, wire::RecordClass::in);
  const wire::MessageWriter::EdnsOption option{static_cast<std::uint16_t>(wire::OptionCode::cookie), shape.cookie};
  if (shape.edns)
    writer.edns(shape.udp_size, shape.dnssec_ok, wire::Rcode::noerror, {&option, shape.cookie.empty() ? 0U : 1U});
  packet.resize(writer.finish()->size());
  return packet;
}

std::string mixed_case(std::string text, std::mt19937& random) {
  for (char& letter : text)
    if (random() % 2 != 0) letter = static_cast<char>(std::toupper(letter));
  return text;
}

std::shared_ptr<const zones::ZoneSet> own_zones() {
  auto loaded = zones::parse_zone(R"($TTL 300
@ SOA ns.own.example. host.master 1 3600 600 864000 120
@ NS ns
@ MX 10 mail
ns A 192.0.2.53
two A 192.0.2.1
two A 192.0.2.2
two TXT "one" "two"
alias CNAME two
out CNAME www.example.org.
*.wild A 192.0.2.3
under.empty A 192.0.2.4
sub NS ns.sub
ns.sub A 192.0.2.5
tree DNAME two
)",
                                  name("own.example."));
  REQUIRE(loaded);
  std::vector<std::shared_ptr<const zones::Zone>> zones{std::make_shared<zones::Zone>(*std::move(loaded))};
  return std::make_shared<zones::ZoneSet>(std::move(zones));
}

class Both {
 public:
  Both() {
    house.block("decision-of-ordinary-length", "blocked.example.");
    house.block("nx", "nx.example.", policy::Action::nxdomain);
    house.block("nd", "nd.example.", policy::Action::nodata);
    house.block("rf", "rf.example.", policy::Action::refused);
    house.block("pass", "pass.blocked.example.", policy::Action::passthru);
    house.input.decisions[0].rules[0].ttl = 7;
    house.input.decisions[1].valid_to = house.world.seconds + 5;
    house.world.add("pass.blocked.example. A 192.0.2.7");
    house.world.add("many.example.org. TXT \"" + std::string(200, 'x') + "\"");
    house.world.add("many.example.org. TXT \"" + std::string(200, 'y') + "\"");
    house.world.add("many.example.org. TXT \"" + std::string(200, 'z') + "\"");
    house.snapshot.everywhere = own_zones();
    house.snapshot.options.cookie_secrets = {wire::SipHashKey{1, 2, 3}};
  }
  /// Asked along both paths; the quick one's octets. The first time only fills the caches.
  std::vector<std::uint8_t> ask(const std::vector<std::uint8_t>& packet) {
    auto marked = packet;
    marked[3] |= kReserved;
    const auto counters = [&] {
      return std::array{house.counters.udp_questions.get(),      house.counters.zone_answers.get(),
                        house.counters.answer_cache_hits.get(),  house.counters.policy_hits[0].get(),
                        house.counters.answers[0].get(),         house.counters.answers[3].get(),
                        house.counters.answer_cache_misses.get()};
    };
    ++house.world.milliseconds;
    house.pipeline().read_clock();
    house.packet(marked);
    const auto before = counters();
    const auto quick = house.packet(packet);
    const auto between = counters();
    const auto full = house.packet(marked);
    const auto after = counters();
    CHECK(quick == full);
    CHECK(announced(packet) == quick);
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(between[i] - before[i] == after[i] - between[i]);
    return quick;
  }
  House house;

 private:
  /// Asked after it was announced, between others.
  std::vector<std::uint8_t> announced(const std::vector<std::uint8_t>& packet) {
    static const auto kOther = packet_of("other.example.org.", RecordType::a, {});
    const std::array<wire::Bytes, 3> packets{kOther, packet, kOther};
    house.pipeline().expect(packets, 0);
    std::vector<std::uint8_t> reply(65'535);
    reply.resize(house.pipeline().on_question(packet, 0, *net::Address::from_text("127.0.0.1"), false, {}, reply));
    return reply;
  }
};

const std::vector<std::string> kNames = {"www.example.org.",
                                         "alias.example.org.",
                                         "none.example.org.",
                                         "many.example.org.",
                                         "blocked.example.",
                                         "a.b.blocked.example.",
                                         "pass.blocked.example.",
                                         "nx.example.",
                                         "www.nd.example.",
                                         "rf.example.",
                                         "localhost.",
                                         "x.test.",
                                         "own.example.",
                                         "two.own.example.",
                                         "alias.own.example.",
                                         "out.own.example.",
                                         "a.wild.own.example.",
                                         "wild.own.example.",
                                         "empty.own.example.",
                                         "below.sub.own.example.",
                                         "x.tree.own.example.",
                                         "none.own.example.",
                                         "a.none.own.example.",
                                         "x.ns.own.example.",
                                         "x.host.own.example.",
                                         ".",
                                         "10.in-addr.arpa."};

}  // namespace

TEST_CASE("the quick path answers as the full path does") {
  Both both;
  both.house.publish();
  std::mt19937 random(7);
  const std::vector<Shape> shapes = {{},
                                     {.edns = false},
                                     {.dnssec_ok = true},
                                     {.ad = true},
                                     {.cd = true},
                                     {.rd = false},
                                     {.udp_size = 512},
                                     {.udp_size = 0},
                                     {.udp_size = 65'535},
                                     {.cookie = {1, 2, 3, 4, 5, 6, 7, 8}},
                                     {.cookie = {1, 2, 3}},
                                     {.cookie = std::vector<std::uint8_t>(24, 9)}};
  for (const auto& owner : kNames) {
    for (const auto type : {RecordType::a, RecordType::aaaa, RecordType::txt, RecordType::https, RecordType::mx,
                            RecordType::ds, RecordType::soa, RecordType::cname, RecordType::any, RecordType::rrsig}) {
      for (const auto& shape : shapes) {
        INFO(owner << " " << wire::to_text(type));
        both.ask(packet_of(owner, type, shape));
        both.ask(packet_of(mixed_case(owner, random), type, shape));
      }
    }
  }
}

TEST_CASE("the quick path follows clocks, snapshots and limits") {
  Both both;
  auto& house = both.house;
  house.publish();
  const auto www = packet_of("www.example.org.", RecordType::a, {});
  const auto alias = packet_of("alias.example.org.", RecordType::a, {});
  const auto nx = packet_of("nx.example.", RecordType::a, {});
  const auto first = both.ask(www);
  both.ask(alias);
  both.ask(nx);
  house.world.seconds += 3;
  CHECK(both.ask(www) != first);  // TTLs have been counted down
  both.ask(nx);
  house.world.seconds += 3;
  CHECK(rcode(both.ask(nx)) == wire::Rcode::nxdomain);  // what the world says: the decision is over
  house.world.seconds += 1'000;
  both.ask(www);

  house.block("later", "www.example.org.");
  house.publish();
  CHECK(texts(both.ask(www), wire::Section::answer) == Lines{"www.example.org. A 192.0.2.1"});
  both.ask(alias);
  house.snapshot.options.cookies_required = true;
  house.publish();
  CHECK(wire::parse_message(both.ask(www))->header().tc);
  house.snapshot.options.cookies_required = false;
  house.snapshot.options.recursion_clients = {};
  house.publish();
  CHECK(rcode(both.ask(www)) == wire::Rcode::refused);
  CHECK(rcode(both.ask(packet_of("two.own.example.", RecordType::a, {}))) == wire::Rcode::noerror);
  house.snapshot.options.own_zones_policy = true;
  house.block("own", "two.own.example.");
  house.publish();
  CHECK(texts(both.ask(packet_of("two.own.example.", RecordType::a, {})), wire::Section::answer) ==
        Lines{"two.own.example. A 192.0.2.1"});
}

TEST_CASE("the sketch of what is asked knows no paths: rules before own zones leave out what these have") {
  Both both;
  auto& house = both.house;
  house.snapshot.options.own_zones_policy = GENERATE(false, true);
  house.block("own", "two.own.example.");
  house.publish();
  const auto sketched = [&](const char* owner, bool marked) {
    auto packet = packet_of(owner, RecordType::a, {});
    if (marked) packet[3] |= kReserved;
    house.pipeline().swap_traffic(std::make_shared<policy::TrafficBuffer>(1));
    house.packet(packet);
    return house.pipeline().swap_traffic(nullptr)->questions();
  };
  both.ask(packet_of("www.example.org.", RecordType::a, {}));
  for (const bool marked : {false, true}) {
    INFO(marked);
    CHECK(sketched("blocked.example.", marked) == 1);
    CHECK(sketched("www.example.org.", marked) == 1);
    CHECK(sketched("two.own.example.", marked) == 0);
    CHECK(sketched("ns.own.example.", marked) == 0);
  }
}

TEST_CASE("a good cookie comes back on the quick path, and lifts the limits of the unverified") {
  Both both;
  both.house.snapshot.options.limits.unverified_size = 512;
  both.house.publish();
  const auto first = both.ask(packet_of("two.own.example.", RecordType::a, {.cookie = {8, 7, 6, 5, 4, 3, 2, 1}}));
  const auto cookie = wire::parse_message(first)->edns()->option(static_cast<std::uint16_t>(wire::OptionCode::cookie));
  REQUIRE(cookie);
  REQUIRE(cookie->size() == serve::kCookieSize);
  const std::vector<std::uint8_t> mine(cookie->begin(), cookie->end());
  const auto many = packet_of("many.example.org.", RecordType::txt, {});
  CHECK(wire::parse_message(both.ask(many))->header().tc);
  const auto verified = both.ask(packet_of("many.example.org.", RecordType::txt, {.cookie = mine}));
  CHECK_FALSE(wire::parse_message(verified)->header().tc);
  CHECK(verified.size() > 600);
}

TEST_CASE("answers beyond the rate are held back on the quick path too") {
  Both both;
  auto& house = both.house;
  house.snapshot.options.limits.client_responses = 10;
  house.snapshot.options.limits.slip = 2;
  house.publish();
  const auto www = packet_of("www.example.org.", RecordType::a, {});
  int answered = 0, truncated = 0, silent = 0;
  for (int i = 0; i < 100; ++i) {
    const auto answer = house.packet(www, {});
    if (answer.empty())
      ++silent;
    else if (wire::parse_message(answer)->header().tc)
      ++truncated;
    else
      ++answered;
  }
  CHECK(answered == 9);  // the first one came later
  CHECK(truncated == 45);
  CHECK(silent == 46);
  CHECK(house.counters.udp_questions.get() == 100);
}

}  // namespace placard
