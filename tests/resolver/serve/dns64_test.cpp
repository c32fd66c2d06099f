// DNS64: addresses under a translator's prefix, from the arithmetic to a pipeline that makes them.
#include "resolver/serve/dns64.hpp"

#include "tests/resolver/serve/house.hpp"
#include "zones/load.hpp"

namespace placard {

using namespace tests;
using wire::RecordType;

namespace {

std::string embedded(const char* under) {
  static constexpr std::array<std::uint8_t, 4> kAddress = {192, 0, 2, 33};
  return net::Address::from_bytes(serve::embed(prefix(under), kAddress)).to_text();
}

struct Translated : House {
  Translated() {
    world.add("v4.example.org. A 192.0.2.33");
    world.add("both.example.org. A 192.0.2.34");
    world.add("both.example.org. AAAA 2001:db8::34");
    world.add("mapped.example.org. A 192.0.2.35");
    world.add("mapped.example.org. AAAA ::ffff:192.0.2.35");
    world.add("alias64.example.org. CNAME v4.example.org.");
    world.add("inside.example.org. A 10.0.0.1");
    world.add("33.112.0.203.in-addr.arpa. PTR v4.example.org.");
    snapshot.options.dns64.prefixes.push_back(prefix("64:ff9b::/96"));
    snapshot.options.dns64.clients.add(prefix("127.0.0.0/24"));
    snapshot.options.dns64.exclude.add(prefix("::ffff:0:0/96"));
  }
  Lines aaaa(const char* owner) { return texts(ask({owner, RecordType::aaaa}), wire::Section::answer); }
};

}  // namespace

TEST_CASE("the table of RFC 6052 2.4") {
  CHECK(embedded("2001:db8::/32") == "2001:db8:c000:221::");
  CHECK(embedded("2001:db8:100::/40") == "2001:db8:1c0:2:21::");
  CHECK(embedded("2001:db8:122::/48") == "2001:db8:122:c000:2:2100::");
  CHECK(embedded("2001:db8:122:300::/56") == "2001:db8:122:3c0:0:221::");
  CHECK(embedded("2001:db8:122:344::/64") == "2001:db8:122:344:c0:2:2100:0");
  CHECK(embedded("2001:db8:122:344::/96") == "2001:db8:122:344::c000:221");
  CHECK(serve::check_dns64_prefix(prefix("64:ff9b::/96")));
  CHECK_FALSE(serve::check_dns64_prefix(prefix("2001:db8::/33")));
  CHECK_FALSE(serve::check_dns64_prefix(prefix("2001:db8:1:2:ff00::/96")));
  CHECK_FALSE(serve::check_dns64_prefix(prefix("192.0.2.0/24")));
}

TEST_CASE("names without AAAA get what their A become; others keep theirs") {
  Translated house;
  house.publish();
  CHECK(house.aaaa("v4.example.org.") == Lines{"v4.example.org. AAAA 64:ff9b::c000:221"});
  CHECK(house.aaaa("alias64.example.org.") ==
        Lines{"alias64.example.org. CNAME v4.example.org.", "v4.example.org. AAAA 64:ff9b::c000:221"});
  CHECK(house.aaaa("both.example.org.") == Lines{"both.example.org. AAAA 2001:db8::34"});
  CHECK(house.aaaa("mapped.example.org.") == Lines{"mapped.example.org. AAAA 64:ff9b::c000:223"});
  CHECK(house.aaaa("inside.example.org.").empty());  // RFC 6052 3.1
  CHECK(rcode(house.ask({"none.example.org.", RecordType::aaaa})) == wire::Rcode::nxdomain);
  const int asked = house.world.asked;
  CHECK(house.aaaa("v4.example.org.") == Lines{"v4.example.org. AAAA 64:ff9b::c000:221"});
  CHECK(house.world.asked == asked);
  CHECK(texts(house.ask({"v4.example.org."}), wire::Section::answer) == Lines{"v4.example.org. A 192.0.2.33"});
}

TEST_CASE("AAAA are made behind the aliases of own zones and of decisions too, whether or not they are known yet") {
  Translated house;
  auto zone = zones::parse_zone("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nout CNAME v4.example.org.\n",
                                name("own.example."), "test.zone");
  REQUIRE(zone);
  house.snapshot.everywhere =
      std::make_shared<const zones::ZoneSet>(std::vector{std::make_shared<const zones::Zone>(*std::move(zone))});
  house.block("d-1", "bad.example.", policy::Action::cname).rules[0].target = name("v4.example.org.");
  house.publish();
  const std::string made = "v4.example.org. AAAA 64:ff9b::c000:221";
  for (int round = 0; round < 2; ++round) {  // from resolution, and from the answer cache
    CHECK(house.aaaa("out.own.example.") == Lines{"out.own.example. CNAME v4.example.org.", made});
    CHECK(house.aaaa("bad.example.") == Lines{"bad.example. CNAME v4.example.org.", made});
  }
  CHECK(texts(house.ask({"bad.example.", RecordType::aaaa, "127.0.1.1"}), wire::Section::answer).size() == 1);
}

TEST_CASE("who is no client of the translator gets what there is, from the same caches") {
  Translated house;
  house.publish();
  house.aaaa("v4.example.org.");
  CHECK(texts(house.ask({"v4.example.org.", RecordType::aaaa, "127.0.1.1"}), wire::Section::answer).empty());
  CHECK(house.aaaa("v4.example.org.").size() == 1);
}

TEST_CASE("the reverse name of a made address leads to the IPv4 address's own") {
  Translated house;
  house.publish();
  const char* const made = "1.2.0.7.0.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.";
  const Lines expected{std::string(made) + " CNAME 33.112.0.203.in-addr.arpa.",
                       "33.112.0.203.in-addr.arpa. PTR v4.example.org."};
  CHECK(texts(house.ask({made, RecordType::ptr}), wire::Section::answer) == expected);
  CHECK(texts(house.ask({made, RecordType::ptr}), wire::Section::answer) == expected);  // from the answer cache
  CHECK(texts(house.ask({made, RecordType::ptr, "127.0.1.1"}), wire::Section::answer).empty());
  const char* const local = "1.0.0.0.0.0.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.";
  const int asked = house.world.asked;
  CHECK(rcode(house.ask({local, RecordType::ptr})) == wire::Rcode::nxdomain);  // 10/8 stays here
  CHECK(house.world.asked == asked);
}

TEST_CASE("where the reverse name of a made address leads to is held against rules about its name and its servers") {
  const char* const made = "1.2.0.7.0.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.";
  using policy::Trigger;
  for (const auto trigger : {Trigger::qname, Trigger::nsdname, Trigger::nsip}) {
    Translated house;
    wire::RecordSet ns;
    ns.owner = name("112.0.203.in-addr.arpa.");
    ns.type = RecordType::ns;
    ns.ttl = 3600;
    ns.rdatas.add(name("ns1.bad.example.").view().bytes());
    house.cache->store_delegation(ns, {{0, *net::Address::from_text("203.0.113.9")}}, {}, house.world.seconds);
    auto& rule = house.block("r-1", "unused.example.", policy::Action::nxdomain).rules[0];
    rule.trigger = trigger;
    rule.name = trigger == Trigger::nsip ? wire::Name()
                                         : name(trigger == Trigger::qname ? "203.in-addr.arpa." : "bad.example.");
    rule.prefix = trigger == Trigger::nsip ? "203.0.113.0/24" : "";
    house.publish();
    for (int round = 0; round < 2; ++round) {  // from resolution, and from the answer cache
      INFO(policy::to_text(trigger) << " " << round);
      const auto answer = house.ask({made, RecordType::ptr});
      CHECK(rcode(answer) == wire::Rcode::nxdomain);
      CHECK(texts(answer, wire::Section::answer) == Lines{std::string(made) + " CNAME 33.112.0.203.in-addr.arpa."});
      REQUIRE(errors(answer).size() == 1);
      CHECK(errors(answer)[0].extra_text == "r-1");
    }
  }
}

TEST_CASE("ipv4only.arpa tells the prefix without asking anybody") {
  Translated house;
  house.publish();
  CHECK(house.aaaa("ipv4only.arpa.") ==
        Lines{"ipv4only.arpa. AAAA 64:ff9b::c000:aa", "ipv4only.arpa. AAAA 64:ff9b::c000:ab"});
  CHECK(texts(house.ask({"ipv4only.arpa."}), wire::Section::answer) ==
        Lines{"ipv4only.arpa. A 192.0.0.170", "ipv4only.arpa. A 192.0.0.171"});
  CHECK(texts(house.ask({"ipv4only.arpa.", RecordType::aaaa, "127.0.1.1"}), wire::Section::answer).empty());
  CHECK(rcode(house.ask({"x.ipv4only.arpa."})) == wire::Rcode::nxdomain);
  CHECK(texts(house.ask({"170.0.0.192.in-addr.arpa.", RecordType::ptr}), wire::Section::answer) ==
        Lines{"170.0.0.192.in-addr.arpa. PTR ipv4only.arpa."});
  CHECK(house.world.asked == 0);
}

}  // namespace placard
