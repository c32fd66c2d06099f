// Aliases of own zones that lead out of them, and the special names that this server answers by itself.
#include "tests/resolver/serve/house.hpp"
#include "zones/load.hpp"

namespace placard {

using namespace tests;
using wire::RecordType;

namespace {

std::shared_ptr<const zones::ZoneSet> zone_of(const std::string& records) {
  auto zone = zones::parse_zone("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.2\n" + records,
                                name("own.example."), "test.zone");
  REQUIRE(zone);
  return std::make_shared<const zones::ZoneSet>(std::vector{std::make_shared<const zones::Zone>(*std::move(zone))});
}

}  // namespace

TEST_CASE("an alias that leaves an own zone is followed for who may have recursion") {
  House house;
  house.snapshot.everywhere = zone_of(
      "out CNAME www.example.org.\ntwice CNAME out\ngone CNAME nothing.example.org.\nhere CNAME foo.localhost.\n");
  house.publish();
  const Lines followed{"out.own.example. CNAME www.example.org.", "www.example.org. A 192.0.2.80"};
  const auto first = house.ask({"out.own.example."});
  CHECK(texts(first, wire::Section::answer) == followed);
  CHECK(wire::parse_message(first)->header().aa);
  CHECK(texts(house.ask({"out.own.example."}), wire::Section::answer) == followed);  // the target is cached
  CHECK(texts(house.ask({"twice.own.example."}), wire::Section::answer) ==
        Lines{"twice.own.example. CNAME out.own.example.", followed[0], followed[1]});
  const auto gone = house.ask({"gone.own.example."});
  CHECK(rcode(gone) == wire::Rcode::nxdomain);
  CHECK(texts(gone, wire::Section::authority).size() == 1);
  CHECK(texts(house.ask({"here.own.example."}), wire::Section::answer).back() == "foo.localhost. A 127.0.0.1");
  CHECK(texts(house.ask({"out.own.example.", RecordType::cname}), wire::Section::answer) == Lines{followed[0]});
  CHECK(texts(house.ask({"out.own.example.", RecordType::a, "192.0.2.7"}), wire::Section::answer) ==
        Lines{followed[0]});  // no recursion for this one
  CHECK(texts(house.ask({.owner = "out.own.example.", .recursion_desired = false}), wire::Section::answer) ==
        Lines{followed[0]});
}

TEST_CASE("where an alias of an own zone leads to is checked by policy") {
  House house;
  house.snapshot.everywhere = zone_of("out CNAME www.blocked.example.\n");
  house.block("d-1", "blocked.example.");
  house.publish();
  const auto answer = house.ask({"out.own.example."});
  CHECK(texts(answer, wire::Section::answer) ==
        Lines{"out.own.example. CNAME www.blocked.example.", "www.blocked.example. A 192.0.2.1"});
  CHECK(house.world.asked == 0);
}

TEST_CASE("a zone that changes while the target is resolved is answered from as it is then") {
  House house;
  house.snapshot.everywhere = zone_of("out CNAME www.example.org.\n");
  house.publish();
  house.world.hold = true;
  CHECK(house.ask({"out.own.example."}).empty());
  house.snapshot.everywhere = zone_of("out A 192.0.2.5\n");
  house.publish();
  house.world.hold = false;
  house.world.release();
  REQUIRE(house.stream->sent.size() == 1);
  CHECK(texts(house.stream->sent[0], wire::Section::answer) == Lines{"out.own.example. A 192.0.2.5"});
}

TEST_CASE("every special name that is to be answered here is") {
  House house;
  house.snapshot.options.resolver_info = {8, 'q', 'n', 'a', 'm', 'e', 'm', 'i', 'n'};
  house.publish();
  for (const char* missing :
       {"x.test.", "x.invalid.", "x.onion.", "x.alt.", "printer.local.", "nas.home.arpa.", "1.0.0.10.in-addr.arpa.",
        "1.64.100.in-addr.arpa.", "1.127.100.in-addr.arpa.", "1.31.172.in-addr.arpa.", "1.254.169.in-addr.arpa.",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa.", "1.8.b.d.0.1.0.0.2.ip6.arpa."})
    CHECK(rcode(house.ask({missing, RecordType::ptr})) == wire::Rcode::nxdomain);
  CHECK(house.world.asked == 0);
  CHECK(texts(house.ask({"resolver.arpa.", RecordType::resinfo}), wire::Section::answer).size() == 1);
  CHECK(texts(house.ask({"_dns.resolver.arpa.", RecordType::resinfo}), wire::Section::answer).empty());
  // The zones that RFC 6303 wants have an SOA and a name server, which is themselves.
  const auto soa = house.ask({"10.in-addr.arpa.", RecordType::soa});
  CHECK(texts(soa, wire::Section::answer) ==
        Lines{"10.in-addr.arpa. SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 10800"});
  CHECK(texts(soa, wire::Section::authority).empty());
  CHECK(texts(house.ask({"10.in-addr.arpa.", RecordType::ns}), wire::Section::answer) ==
        Lines{"10.in-addr.arpa. NS 10.in-addr.arpa."});
  CHECK(texts(house.ask({"1.10.in-addr.arpa.", RecordType::ns}), wire::Section::answer).empty());
  CHECK(house.world.asked == 0);
  for (const char* ordinary : {"1.63.100.in-addr.arpa.", "1.128.100.in-addr.arpa.", "1.32.172.in-addr.arpa."})
    house.ask({ordinary, RecordType::ptr});
  CHECK(house.world.asked == 3);
  house.ask({"10.in-addr.arpa.", RecordType::ds});  // the zone above has the word
  CHECK(house.world.asked == 4);
}

TEST_CASE("who this server is, is told to who asks only where it is configured") {
  House house;
  house.publish();
  serve::ClientQuestion question;
  question.limit = 512;
  question.question = {name("version.bind."), RecordType::txt, wire::RecordClass::ch};
  const auto ask = [&](const char* owner, std::string_view identity, std::string_view version) {
    question.question.name = name(owner);
    std::vector<std::uint8_t> reply(512);
    reply.resize(serve::render_chaos(question, identity, version, reply));
    return reply;
  };
  CHECK(rcode(ask("version.bind.", "me", "")) == wire::Rcode::refused);
  CHECK(texts(ask("version.bind.", "", "1.0"), wire::Section::answer) == Lines{"version.bind. TXT \"1.0\""});
  CHECK(texts(ask("hostname.bind.", "me", ""), wire::Section::answer) == Lines{"hostname.bind. TXT \"me\""});
  CHECK(texts(ask("id.server.", "me", ""), wire::Section::answer) == Lines{"id.server. TXT \"me\""});
  CHECK(rcode(ask("authors.bind.", "me", "1.0")) == wire::Rcode::refused);
}

TEST_CASE("what comes back of where an alias of an own zone leads to is held against rules about addresses") {
  House house;
  house.snapshot.everywhere = zone_of("out CNAME www.example.org.\nfar CNAME alias.example.org.\n");
  house.block("d-1", "unused.example.");
  auto& rule = house.input.decisions.back().rules.back();
  rule.trigger = policy::Trigger::response_ip;
  rule.name = {};
  rule.prefix = "192.0.2.64/26";
  rule.action = policy::Action::nxdomain;
  house.publish();
  for (int again = 0; again < 2; ++again) {  // resolved, and from the cache
    const auto answer = house.ask({"out.own.example."});
    CHECK(rcode(answer) == wire::Rcode::nxdomain);
    CHECK(texts(answer, wire::Section::answer) == Lines{"out.own.example. CNAME www.example.org."});
    const auto far = house.ask({"far.own.example."});
    CHECK(rcode(far) == wire::Rcode::nxdomain);
    CHECK(texts(far, wire::Section::answer) ==
          Lines{"far.own.example. CNAME alias.example.org.", "alias.example.org. CNAME www.blocked.example."});
  }
}

}  // namespace placard
