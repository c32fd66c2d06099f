// All five triggers on the way of a question: by client, by name, and by what came back, from resolution and from the
// answer cache.
#include "tests/resolver/serve/house.hpp"

namespace placard {

using namespace tests;
using policy::Action;
using policy::Trigger;
using wire::RecordType;

namespace {

/// A rule about addresses or name servers under a decision (and a source) of its own.
policy::Rule& rule(House& house, const char* id, Trigger trigger, const char* about, Action action,
                   const char* authority = "operator") {
  auto& decision = house.block(id, "unused.example.", action);
  decision.authority = authority;
  auto& made = decision.rules[0];
  made.trigger = trigger;
  if (trigger == Trigger::qname || trigger == Trigger::nsdname) {
    made.name = name(about);
  } else {
    made.name = {};
    made.prefix = about;
  }
  return made;
}

/// The parent's word about who serves a zone.
void delegate(House& house, const char* zone, const char* server, const char* address) {
  wire::RecordSet ns;
  ns.owner = name(zone);
  ns.type = RecordType::ns;
  ns.ttl = 3600;
  ns.rdatas.add(name(server).view().bytes());
  house.cache->store_delegation(ns, {{0, *net::Address::from_text(address)}}, {}, house.world.seconds);
}

const Lines kReal{"www.example.org. A 192.0.2.80"};
const Lines kNone{};

Lines answer_to(House& house, const Asked& asked) {
  return texts(house.ask(asked), wire::Section::answer);
}

std::uint64_t hits_of(House& house, std::string_view id, bool shadow = false) {
  std::uint64_t count = 0;
  for (const auto& hit : house.pipeline().take_hits())
    if (hit.decision_id == id && hit.shadow == shadow) count += hit.count;
  return count;
}

}  // namespace

TEST_CASE("a rule about clients is final before anything is asked") {
  House house;
  rule(house, "c-1", Trigger::client_ip, "127.0.0.64/26", Action::nxdomain);
  house.publish();
  const auto blocked = house.ask({"www.example.org.", RecordType::a, "127.0.0.65"});
  CHECK(rcode(blocked) == wire::Rcode::nxdomain);
  CHECK(errors(blocked)[0].extra_text == "c-1");
  CHECK_THAT(texts(blocked, wire::Section::authority)[0], Catch::StartsWith("www.example.org. SOA "));
  CHECK(house.world.asked == 0);
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
  CHECK(rcode(house.ask({"www.example.org.", RecordType::a, "127.0.0.65"})) == wire::Rcode::nxdomain);
  CHECK(hits_of(house, "c-1") == 2);
  CHECK(hits_of(house, "c-1") == 0);
}

TEST_CASE("an address in the answer meets a rule, when it comes and when it is cached") {
  House house;
  rule(house, "a-1", Trigger::response_ip, "192.0.2.80/32", Action::nodata);
  house.publish();
  for (int round = 0; round < 2; ++round) {
    const auto answer = house.ask({"www.example.org."});
    CHECK(rcode(answer) == wire::Rcode::noerror);
    CHECK(texts(answer, wire::Section::answer) == kNone);
    CHECK(errors(answer)[0].extra_text == "a-1");
  }
  CHECK(house.counters.answer_cache_hits.get() == 1);
  CHECK(answer_to(house, {"garden.example.org."}) == Lines{"garden.example.org. A 192.0.2.99"});
  house.input.decisions.clear();
  house.publish();
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
}

TEST_CASE("an answer found clean is judged anew when the clock is set back before the end of a decision") {
  House house;
  rule(house, "ip-1", Trigger::response_ip, "192.0.2.0/24", Action::nxdomain);
  house.input.decisions[0].valid_to = house.world.seconds + 20;
  house.publish();
  CHECK(rcode(house.ask({"www.example.org."})) == wire::Rcode::nxdomain);
  house.world.seconds += 20;
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
  house.world.seconds -= 10;
  CHECK(rcode(house.ask({"www.example.org."})) == wire::Rcode::nxdomain);
  CHECK(house.world.asked == 1);
}

TEST_CASE("an address behind an alias is replaced there, and the alias stays") {
  House house;
  auto& local = rule(house, "a-2", Trigger::response_ip, "192.0.2.64/27", Action::local_data);
  local.records.push_back({RecordType::a, {198, 51, 100, 7}});
  house.publish();
  CHECK(answer_to(house, {"alias.example.org."}) ==
        Lines{"alias.example.org. CNAME www.blocked.example.", "www.blocked.example. A 198.51.100.7"});
}

TEST_CASE("a rule about name servers is held against the delegations known") {
  for (const bool by_name : {true, false}) {
    House house;
    delegate(house, "example.org.", "ns1.bad.example.", "203.0.113.9");
    rule(house, "n-1", by_name ? Trigger::nsdname : Trigger::nsip, by_name ? "bad.example." : "203.0.113.0/24",
         Action::nxdomain);
    house.publish();
    const auto denial = house.ask({"www.example.org."});
    CHECK(rcode(denial) == wire::Rcode::nxdomain);
    const auto authority = texts(denial, wire::Section::authority);
    REQUIRE(authority.size() == 1);
    CHECK(authority[0].starts_with("www.example.org. SOA "));  // not the server's name, which nobody asked for
    house.cache->flush_subtree(name("example.org."));  // what was known when it came counts for as long as it is kept
    CHECK(rcode(house.ask({"www.example.org."})) == wire::Rcode::nxdomain);
    CHECK(rcode(house.ask({"www.blocked.example."})) == wire::Rcode::noerror);
  }
}

TEST_CASE("an earlier source's rules on answers come before a later one's on the name") {
  House house;
  policy::View view;
  view.name = "default";
  view.sources = {"first", "second"};
  house.input.views = {view};
  rule(house, "p-1", Trigger::response_ip, "192.0.2.80/32", Action::passthru, "first");
  rule(house, "b-1", Trigger::qname, "example.org.", Action::nxdomain, "second");
  house.publish();
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
  CHECK(answer_to(house, {"www.example.org."}) == kReal);  // cached
  CHECK(rcode(house.ask({"garden.example.org."})) == wire::Rcode::nxdomain);
  CHECK(rcode(house.ask({"garden.example.org."})) == wire::Rcode::nxdomain);
  CHECK(hits_of(house, "p-1") == 2);
}

TEST_CASE("a passthru on the name ends the search of that source and the later ones") {
  House house;
  rule(house, "p-2", Trigger::qname, "www.example.org.", Action::passthru);
  rule(house, "a-3", Trigger::response_ip, "192.0.2.0/24", Action::nxdomain);
  house.publish();
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
  CHECK(rcode(house.ask({"garden.example.org."})) == wire::Rcode::nxdomain);
  CHECK(hits_of(house, "p-2") == 1);
}

TEST_CASE("after recursion, as the option has it, the servers are asked first") {
  House house;
  house.snapshot.options.policy_after_recursion = true;
  rule(house, "q-1", Trigger::qname, "example.org.", Action::nxdomain);
  house.publish();
  CHECK(rcode(house.ask({"www.example.org."})) == wire::Rcode::nxdomain);
  CHECK(house.world.asked > 0);
}

TEST_CASE("what is in shadow is counted, from resolution and from the cache, and changes nothing") {
  House house;
  rule(house, "s-1", Trigger::response_ip, "192.0.2.0/24", Action::nxdomain);
  house.input.decisions.back().state = policy::DecisionState::shadow;
  rule(house, "s-2", Trigger::qname, "garden.example.org.", Action::nxdomain);
  house.input.decisions.back().state = policy::DecisionState::shadow;
  house.publish();
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
  CHECK(hits_of(house, "s-1", true) == 2);
  CHECK(answer_to(house, {"garden.example.org."}) == Lines{"garden.example.org. A 192.0.2.99"});
  CHECK(hits_of(house, "s-2", true) == 1);
}

TEST_CASE("a redirect behind an alias keeps what led to it; a wildcard's target holds the name met") {
  House house;
  house.world.add("www.blocked.example.walled.example.org. A 192.0.2.77");
  rule(house, "w-1", Trigger::qname, "blocked.example.", Action::cname).target = name("*.walled.example.org.");
  house.publish();
  const Lines expected{"alias.example.org. CNAME www.blocked.example.",
                       "www.blocked.example. CNAME www.blocked.example.walled.example.org.",
                       "www.blocked.example.walled.example.org. A 192.0.2.77"};
  CHECK(answer_to(house, {"alias.example.org."}) == expected);
  CHECK(answer_to(house, {"alias.example.org."}) == expected);
  Asked alias_itself{"www.blocked.example.", RecordType::cname};
  CHECK(answer_to(house, alias_itself) == Lines{"www.blocked.example. CNAME www.blocked.example.walled.example.org."});
}

TEST_CASE("a redirect that waits is judged anew when the rules have changed meanwhile") {
  House house;
  rule(house, "w-2", Trigger::qname, "blocked.example.", Action::cname).target = name("garden.example.org.");
  house.publish();
  house.world.hold = true;
  CHECK(house.ask({"www.blocked.example."}).empty());
  house.input.decisions.clear();
  house.publish();
  house.world.hold = false;
  house.world.release();
  REQUIRE(house.stream->sent.size() == 1);
  CHECK(texts(house.stream->sent[0], wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.66"});
}

TEST_CASE("a target too long for a name is YXDOMAIN, never the real answer") {
  House house;
  const std::string label(60, 'x');
  const std::string garden = label + "." + label + "." + label + "." + label + ".";
  rule(house, "y-1", Trigger::qname, "example.org.", Action::cname).target = *wire::Name::from_text("*." + garden);
  house.publish();
  const auto answer = house.ask({"www.example.org."});
  CHECK(rcode(answer) == wire::Rcode::yxdomain);
  CHECK(texts(answer, wire::Section::answer) == kNone);
  CHECK(house.world.asked == 0);
}

TEST_CASE("who the options say so for sees a denial of a list without RA") {
  House house;
  house.snapshot.options.signal_nxdomain = {"signalled"};
  house.block("r-1", "example.org.", Action::nxdomain).list = "signalled";
  house.block("r-2", "garden.example.org.", Action::nodata).list = "signalled";
  house.block("r-3", "blocked.example.", Action::nxdomain).list = "plain";
  house.publish();
  CHECK_FALSE(wire::parse_message(house.ask({"www.example.org."}))->header().ra);
  CHECK(wire::parse_message(house.ask({"garden.example.org."}))->header().ra);
  CHECK(wire::parse_message(house.ask({"www.blocked.example."}))->header().ra);
}

TEST_CASE("a view that clients opted into says so, but for orders") {
  House house;
  policy::View view;
  view.name = "default";
  view.opted_in = true;
  house.input.views = {view};
  house.block("v-1", "blocked.example.");
  house.block("o-1", "example.org.").type = policy::DecisionType::court_order;
  house.input.decisions.back().external_authority = true;
  house.publish();
  CHECK(errors(house.ask({"www.blocked.example."}))[0].code == wire::EdeCode::filtered);
  CHECK(errors(house.ask({"www.example.org."}))[0].code == wire::EdeCode::censored);
}

TEST_CASE("a view that names another listener is not this client's") {
  House house;
  policy::View elsewhere;
  elsewhere.name = "elsewhere";
  elsewhere.listeners = {"192.0.2.1:53"};
  elsewhere.sources = {"nobody"};
  policy::View here = elsewhere;
  here.name = "here";
  here.listeners = {"127.0.0.1:53"};
  here.sources = {"*"};
  policy::View other;
  other.name = "default";
  other.sources = {"nobody"};
  house.input.views = {elsewhere, here, other};
  house.block("l-1", "example.org.", Action::nxdomain);
  house.publish();
  CHECK(rcode(house.ask({"www.example.org."})) == wire::Rcode::nxdomain);
  house.input.views = {elsewhere, other};
  house.publish();
  CHECK(answer_to(house, {"www.example.org."}) == kReal);
}

TEST_CASE("where the operator has it so, the name that a decision leads to meets rules like any alias") {
  House house;
  rule(house, "w-1", Trigger::qname, "blocked.example.", Action::cname).target = name("one.example.");
  rule(house, "w-2", Trigger::qname, "one.example.", Action::cname).target = name("www.example.org.");
  rule(house, "w-3", Trigger::qname, "deny.example.", Action::cname).target = name("two.example.");
  rule(house, "w-4", Trigger::qname, "two.example.", Action::nxdomain);
  rule(house, "w-5", Trigger::qname, "address.example.", Action::cname).target = name("garden.example.org.");
  rule(house, "w-6", Trigger::response_ip, "192.0.2.99/32", Action::nodata);
  rule(house, "w-7", Trigger::qname, "round.example.", Action::cname).target = name("round.example.");
  house.world.add("one.example. A 192.0.2.11");
  house.publish();
  CHECK(answer_to(house, {"www.blocked.example."}) ==
        Lines{"www.blocked.example. CNAME one.example.", "one.example. A 192.0.2.11"});  // final, as in BIND
  house.snapshot.options.judge_redirects = true;
  house.publish();
  for (int again = 0; again < 2; ++again) {
    CHECK(answer_to(house, {"www.blocked.example."}) == Lines{"www.blocked.example. CNAME one.example.",
                                                              "one.example. CNAME www.example.org.",
                                                              "www.example.org. A 192.0.2.80"});
    CHECK(answer_to(house, {"alias.example.org."}) ==
          Lines{"alias.example.org. CNAME www.blocked.example.", "www.blocked.example. CNAME one.example.",
                "one.example. CNAME www.example.org.", "www.example.org. A 192.0.2.80"});
    const auto denied = house.ask({"deny.example."});
    CHECK(rcode(denied) == wire::Rcode::nxdomain);
    CHECK(texts(denied, wire::Section::answer) == Lines{"deny.example. CNAME two.example."});
    CHECK(answer_to(house, {"address.example."}) == Lines{"address.example. CNAME garden.example.org."});
    CHECK(rcode(house.ask({"round.example."})) == wire::Rcode::servfail);
  }
}

TEST_CASE("an alias to a blocked name is blocked whether or not the name's servers work") {
  House house;
  house.world.add("lost.example.org. CNAME broken.example.");
  house.world.failing = "broken.example.";
  rule(house, "b-1", Trigger::qname, "broken.example.", Action::nxdomain);
  house.publish();
  for (int again = 0; again < 2; ++again) {
    const auto answer = house.ask({"lost.example.org."});
    CHECK(rcode(answer) == wire::Rcode::nxdomain);
    CHECK(texts(answer, wire::Section::answer) == Lines{"lost.example.org. CNAME broken.example."});
  }
  house.input.decisions.clear();
  house.publish();
  const auto failed = house.ask({"lost.example.org."});
  CHECK(rcode(failed) == wire::Rcode::servfail);
  CHECK(texts(failed, wire::Section::answer).empty());
}

}  // namespace placard
