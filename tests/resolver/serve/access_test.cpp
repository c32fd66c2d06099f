// Who is let in: access by prefix, questions with RD=0, and what is said to packets that are no plain question.
#include "tests/resolver/serve/house.hpp"

namespace placard {

using namespace tests;
using wire::RecordType;

namespace {

net::Address address(const char* text) {
  return *net::Address::from_text(text);
}
}  // namespace

TEST_CASE("the longest prefix decides, and the stricter word for the same one") {
  using serve::Access;
  serve::PrefixTable table;
  CHECK(table.find(address("192.0.2.1")) == Access::none);
  table.add(prefix("0.0.0.0/0"), Access::refuse);
  table.add(prefix("192.0.2.0/24"));
  table.add(prefix("192.0.2.128/25"), Access::drop);
  table.add(prefix("192.0.2.129/32"));
  table.add(prefix("2001:db8::/32"));
  table.add(prefix("2001:db8:1::/48"), Access::refuse);
  table.add(prefix("2001:db8:1::/48"));
  CHECK(table.find(address("203.0.113.1")) == Access::refuse);
  CHECK(table.find(address("192.0.2.1")) == Access::allow);
  CHECK(table.find(address("192.0.2.200")) == Access::drop);
  CHECK(table.find(address("192.0.2.129")) == Access::allow);
  CHECK(table.find(address("::ffff:192.0.2.200")) == Access::drop);
  CHECK(table.find(address("2001:db8::1")) == Access::allow);
  CHECK(table.find(address("2001:db8:1::1")) == Access::refuse);
  CHECK(table.find(address("2001:db9::1")) == Access::none);  // 0.0.0.0/0 is no IPv6 prefix
  serve::PrefixTable everybody;
  everybody.add(prefix("::/0"));
  CHECK(everybody.contains(address("ffff::1")));
  CHECK_FALSE(everybody.contains(address("192.0.2.1")));
}

TEST_CASE("refused clients get own zones only, dropped ones nothing") {
  House house;
  house.snapshot.options.recursion_clients.add(prefix("127.0.1.0/24"), serve::Access::refuse);
  house.snapshot.options.recursion_clients.add(prefix("127.0.2.0/24"), serve::Access::drop);
  house.publish();
  CHECK(rcode(house.ask({"www.example.org."})) == wire::Rcode::noerror);
  const auto refused = house.ask({"www.example.org.", RecordType::a, "127.0.1.1"});
  CHECK(rcode(refused) == wire::Rcode::refused);
  CHECK(errors(refused).at(0).code == wire::EdeCode::prohibited);
  CHECK(house.ask({"www.example.org.", RecordType::a, "127.0.2.1"}).empty());
  CHECK(house.stream->forgotten == 1);
  CHECK(limited(house, serve::Limit::access_dropped) == 1);
}

TEST_CASE("RD=0 is answered from the cache for whom that is allowed, and asks nobody") {
  House house;
  house.snapshot.options.cache_clients.add(prefix("127.0.0.0/24"));
  house.snapshot.options.cache_clients.add(prefix("192.0.2.0/24"));
  house.publish();
  Asked snooping{"alias.example.org."};
  snooping.recursion_desired = false;
  const auto referral = house.ask(snooping);
  CHECK(rcode(referral) == wire::Rcode::noerror);
  CHECK(texts(referral, wire::Section::answer).empty());
  CHECK(texts(referral, wire::Section::authority).size() == 13);  // the root's servers
  CHECK_FALSE(wire::parse_message(referral)->header().aa);
  CHECK(house.world.asked == 0);

  house.ask({"alias.example.org."});
  const int asked = house.world.asked;
  CHECK(texts(house.ask(snooping), wire::Section::answer).back() == "www.blocked.example. A 192.0.2.66");
  Asked fresh_spelling{"www.blocked.example."};  // of the record cache: nobody has asked for this by itself
  fresh_spelling.recursion_desired = false;
  CHECK(texts(house.ask(fresh_spelling), wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.66"});
  fresh_spelling.client = "192.0.2.7";  // may read the cache, but not recurse: whatever RD says
  CHECK(texts(house.ask(fresh_spelling), wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.66"});
  fresh_spelling.recursion_desired = true;
  CHECK(texts(house.ask(fresh_spelling), wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.66"});
  CHECK(house.world.asked == asked);

  snooping.client = "127.0.9.1";  // may recurse, but not read what others asked for
  const auto refused = house.ask(snooping);
  CHECK(rcode(refused) == wire::Rcode::refused);
  CHECK(errors(refused).at(0).code == wire::EdeCode::prohibited);
  CHECK(limited(house, serve::Limit::cache_refused) == 1);
  snooping.recursion_desired = true;
  CHECK(rcode(house.ask(snooping)) == wire::Rcode::noerror);
}

TEST_CASE("a referral that does not fit says so, its addresses are left out first") {
  House house;
  house.snapshot.options.cache_clients.add(prefix("127.0.0.0/24"));
  house.publish();
  Asked asked{"www.example.org."};
  asked.recursion_desired = asked.stream = asked.edns = false;
  const auto small = house.ask(asked);
  CHECK(small.size() <= 512);
  CHECK_FALSE(wire::parse_message(small)->header().tc);
  CHECK(texts(small, wire::Section::authority).size() == 13);
  CHECK(texts(small, wire::Section::additional).size() < 26);
  CHECK(texts(house.ask({.owner = "www.example.org.", .recursion_desired = false}), wire::Section::additional).size() ==
        26);
}

TEST_CASE("an EDNS version that is not ours is answered BADVERS, and counted so") {
  House house;
  house.publish();
  std::vector<std::uint8_t> packet(512);
  wire::MessageWriter writer(packet, packet.size());
  writer.header({});
  writer.question(name("www.example.org."), RecordType::a, wire::RecordClass::in);
  writer.edns(1232, false, wire::Rcode::noerror);
  packet.resize(writer.finish()->size());
  packet[packet.size() - 5] = 1;  // version, before the flags and the length
  const auto answer = house.packet(packet);
  CHECK(rcode(answer) == wire::Rcode::badvers);
  CHECK(wire::parse_message(answer)->edns()->version == 0);
  CHECK(house.counters.answers[16].get() == 1);
  CHECK(house.counters.answers[0].get() == 0);
}

TEST_CASE("questions with answers in them, and with two OPTs, are malformed") {
  House house;
  house.publish();
  std::vector<std::uint8_t> buffer(512);
  wire::MessageWriter writer(buffer, buffer.size());
  writer.header({});
  writer.question(name("www.example.org."), RecordType::a, wire::RecordClass::in);
  const std::uint8_t rdata[] = {192, 0, 2, 1};
  writer.record(wire::Section::answer, name("www.example.org."), RecordType::a, wire::RecordClass::in, 1, rdata);
  const auto strange = *writer.finish();
  CHECK(rcode(house.packet({strange.begin(), strange.end()})) == wire::Rcode::formerr);

  wire::MessageWriter twice(buffer, buffer.size());
  twice.header({});
  twice.question(name("www.example.org."), RecordType::a, wire::RecordClass::in);
  twice.edns(1232, false, wire::Rcode::noerror);
  twice.edns(1232, false, wire::Rcode::noerror);
  const auto two = *twice.finish();
  CHECK(rcode(house.packet({two.begin(), two.end()})) == wire::Rcode::formerr);
  CHECK(house.counters.malformed.get() == 2);
}

}  // namespace placard
