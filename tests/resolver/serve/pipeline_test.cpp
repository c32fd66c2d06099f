// The pipeline without sockets: packets in, packets out, against a policy index made here and a scripted forwarder.
#include "tests/resolver/serve/house.hpp"
#include "zones/load.hpp"

namespace placard {

using namespace tests;
using wire::RecordType;

TEST_CASE("an ordinary question is resolved, then answered from the answer cache with aged TTLs") {
  House house;
  house.publish();
  const auto first = house.ask({"WWW.example.org."});
  CHECK(texts(first, wire::Section::answer) == Lines{"WWW.example.org. A 192.0.2.80"});
  const int asked = house.world.asked;
  house.world.seconds += 100;
  const auto second = house.ask({"www.EXAMPLE.org."});
  CHECK(house.world.asked == asked);
  CHECK(house.counters.answer_cache_hits.get() == 1);
  CHECK(texts(second, wire::Section::answer) == Lines{"www.EXAMPLE.org. A 192.0.2.80"});
  const auto message = wire::parse_message(second);
  CHECK((*message->records(wire::Section::answer).begin()).ttl() == 200);
  CHECK(message->header().id == 4711);
  CHECK(message->header().ra);
  CHECK_FALSE(message->header().ad);
  house.world.seconds += 201;
  house.ask({"www.example.org."});
  CHECK(house.world.asked > asked);
}

TEST_CASE("a sinkholed name never reaches a server, whatever the type") {
  House house;
  house.block("d-1", "blocked.example.");
  house.publish();
  const auto a = house.ask({"www.blocked.example."});
  CHECK(texts(a, wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.1"});
  REQUIRE(errors(a).size() == 1);
  CHECK(errors(a)[0].code == wire::EdeCode::blocked);
  CHECK(errors(a)[0].extra_text == "d-1");
  CHECK_FALSE(wire::parse_message(a)->header().ad);
  CHECK(texts(house.ask({"blocked.example.", RecordType::aaaa}), wire::Section::answer) ==
        Lines{"blocked.example. AAAA 2001:db8::1"});
  for (const auto type : {RecordType::mx, RecordType::https, RecordType::svcb, RecordType::txt}) {
    const auto other = house.ask({"www.blocked.example.", type});
    CHECK(rcode(other) == wire::Rcode::noerror);
    CHECK(texts(other, wire::Section::answer).empty());
    REQUIRE(texts(other, wire::Section::authority).size() == 1);
    CHECK_THAT(texts(other, wire::Section::authority)[0], Catch::StartsWith("blocked.example. SOA "));
  }
  CHECK(house.world.asked == 0);
  const auto plain = house.ask({"www.blocked.example.", RecordType::a, "127.0.0.1", false});
  CHECK_FALSE(wire::parse_message(plain)->edns());
}

TEST_CASE("every action has its form") {
  House house;
  using policy::Action;
  house.block("nx", "nx.example.", Action::nxdomain);
  house.block("nd", "nd.example.", Action::nodata);
  house.block("rf", "rf.example.", Action::refused);
  house.block("dr", "dr.example.", Action::drop);
  house.block("tc", "www.example.org.", Action::truncate);
  auto& local = house.block("ld", "ld.example.", Action::local_data).rules[0];
  local.records.push_back({RecordType::txt, *wire::rdata_from_text(RecordType::txt, "\"seen\"", {})});
  house.block("cn", "cn.example.", Action::cname).rules[0].target = name("garden.example.org.");
  house.publish();

  CHECK(rcode(house.ask({"nx.example."})) == wire::Rcode::nxdomain);
  CHECK(texts(house.ask({"nx.example."}), wire::Section::authority).size() == 1);
  CHECK(rcode(house.ask({"nd.example."})) == wire::Rcode::noerror);
  CHECK(texts(house.ask({"nd.example."}), wire::Section::answer).empty());
  CHECK(rcode(house.ask({"rf.example."})) == wire::Rcode::refused);
  CHECK(house.ask({"dr.example."}).empty());
  CHECK(house.stream->forgotten == 1);
  CHECK(house.world.asked == 0);

  Asked over_udp{"www.example.org."};
  over_udp.stream = false;
  CHECK(wire::parse_message(house.ask(over_udp))->header().tc);
  CHECK(house.world.asked == 0);
  CHECK(texts(house.ask({"www.example.org."}), wire::Section::answer) == Lines{"www.example.org. A 192.0.2.80"});

  CHECK(texts(house.ask({"ld.example.", RecordType::txt}), wire::Section::answer) == Lines{"ld.example. TXT \"seen\""});
  CHECK(texts(house.ask({"ld.example."}), wire::Section::authority).size() == 1);
  const auto redirected = house.ask({"x.cn.example."});
  CHECK(texts(redirected, wire::Section::answer) ==
        Lines{"x.cn.example. CNAME garden.example.org.", "garden.example.org. A 192.0.2.99"});
  CHECK(errors(redirected)[0].extra_text == "cn");
  CHECK(texts(house.ask({"x.cn.example."}), wire::Section::answer) ==
        texts(redirected, wire::Section::answer));  // now from the answer cache
}

TEST_CASE("the target of a CNAME is checked, from resolution and from the answer cache") {
  House house;
  house.publish();
  CHECK(texts(house.ask({"alias.example.org."}), wire::Section::answer).back() == "www.blocked.example. A 192.0.2.66");
  house.block("d-2", "blocked.example.");
  house.publish();
  const Lines rewritten{"alias.example.org. CNAME www.blocked.example.", "www.blocked.example. A 192.0.2.1"};
  const auto hit = house.ask({"alias.example.org."});
  CHECK(house.counters.answer_cache_hits.get() == 1);
  CHECK(texts(hit, wire::Section::answer) == rewritten);
  CHECK(errors(hit)[0].extra_text == "d-2");
  House fresh;
  fresh.block("d-2", "blocked.example.");
  fresh.publish();
  CHECK(texts(fresh.ask({"alias.example.org."}), wire::Section::answer) == rewritten);
}

TEST_CASE("a passthru on the asked name ends the search, one on another client's view does not") {
  House house;
  house.block("d-3", "blocked.example.");
  house.block("p-1", "alias.example.org.", policy::Action::passthru);
  house.publish();
  CHECK(texts(house.ask({"alias.example.org."}), wire::Section::answer).back() == "www.blocked.example. A 192.0.2.66");
}

TEST_CASE("decisions begin and end by themselves, to the second, also for cached chains") {
  House house;
  const auto start = house.world.seconds;
  auto& decision = house.block("timed", "blocked.example.");
  decision.valid_from = start + 10;
  decision.valid_to = start + 20;
  house.publish();
  const auto last = [&] { return texts(house.ask({"alias.example.org."}), wire::Section::answer).back(); };
  CHECK(last() == "www.blocked.example. A 192.0.2.66");
  house.world.seconds = start + 9;
  CHECK(last() == "www.blocked.example. A 192.0.2.66");
  house.world.seconds = start + 10;
  CHECK(last() == "www.blocked.example. A 192.0.2.1");
  house.world.seconds = start + 18;
  const auto soon_over = house.ask({"www.blocked.example."});
  CHECK((*wire::parse_message(soon_over)->records(wire::Section::answer).begin()).ttl() == 2);
  house.world.seconds = start + 20;
  CHECK(last() == "www.blocked.example. A 192.0.2.66");
}

TEST_CASE("a clock behind the record does not lift a decision") {
  House house;
  auto& decision = house.block("old", "blocked.example.");
  decision.valid_from = house.world.seconds;
  house.snapshot.not_before = house.world.seconds;
  house.world.seconds -= 1'000'000;
  house.publish();
  CHECK(texts(house.ask({"www.blocked.example."}), wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.1"});
}

TEST_CASE("an answer in flight is judged by the decisions of the moment it is sent") {
  House house;
  house.publish();
  house.world.hold = true;
  CHECK(house.ask({"www.blocked.example."}).empty());
  CHECK(house.ask({"www.blocked.example."}).empty());
  CHECK(house.counters.coalesced.get() == 1);
  house.block("d-4", "blocked.example.");
  house.publish();
  house.stream->sent.clear();
  house.world.hold = false;
  house.world.release();
  REQUIRE(house.stream->sent.size() == 2);
  for (const auto& answer : house.stream->sent)
    CHECK(texts(answer, wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.1"});
}

TEST_CASE("a view is chosen by the client's address") {
  House house;
  policy::View nz;
  nz.name = "nz";
  nz.clients = {"127.0.0.64/32"};
  nz.jurisdictions = {"NZ"};
  house.input.views.push_back(nz);
  auto& decision = house.block("nz-1", "blocked.example.");
  decision.territorial_scope = {"NZ"};
  decision.type = policy::DecisionType::administrative_order;
  decision.external_authority = true;
  house.publish();
  CHECK(texts(house.ask({"www.blocked.example."}), wire::Section::answer) ==
        Lines{"www.blocked.example. A 192.0.2.66"});
  const auto there = house.ask({"www.blocked.example.", RecordType::a, "127.0.0.64"});
  CHECK(texts(there, wire::Section::answer) == Lines{"www.blocked.example. A 192.0.2.1"});
  CHECK(errors(there)[0].code == wire::EdeCode::censored);
  // And along a chain that the other view has found clean.
  house.ask({"alias.example.org."});
  CHECK(texts(house.ask({"alias.example.org.", RecordType::a, "127.0.0.64"}), wire::Section::answer).back() ==
        "www.blocked.example. A 192.0.2.1");
}

TEST_CASE("who may not recurse is refused with EDE 18") {
  House house;
  house.publish();
  const auto refused = house.ask({"www.example.org.", RecordType::a, "192.0.2.7"});
  CHECK(rcode(refused) == wire::Rcode::refused);
  CHECK(errors(refused)[0].code == wire::EdeCode::prohibited);
  CHECK_FALSE(wire::parse_message(refused)->header().ra);
  CHECK(house.world.asked == 0);
}

TEST_CASE("dead servers end in SERVFAIL with an extended error") {
  House house;
  house.publish();
  house.world.silent = true;
  const auto failed = house.ask({"www.example.org."});
  CHECK(rcode(failed) == wire::Rcode::servfail);
  REQUIRE_FALSE(errors(failed).empty());
  CHECK(errors(failed)[0].code == wire::EdeCode::no_reachable_authority);
}

TEST_CASE("packets that are no question") {
  House house;
  house.publish();
  CHECK(house.packet({}).empty());
  CHECK(house.packet({1, 2, 3}).empty());
  CHECK(house.packet({1, 2, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}).empty());       // a response
  const auto notimp = house.packet({1, 2, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // opcode STATUS
  CHECK(rcode(notimp) == wire::Rcode::notimp);
  CHECK(wire::parse_header(notimp)->opcode == wire::Opcode::status);
  const auto empty = house.packet({1, 2, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // opcode UPDATE, of no zone
  CHECK(rcode(empty) == wire::Rcode::formerr);
  CHECK(wire::parse_header(empty)->opcode == wire::Opcode::update);
  CHECK(rcode(house.packet({1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})) ==
        wire::Rcode::formerr);  // counts a question that is not there
  CHECK(rcode(house.packet({1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) == wire::Rcode::formerr);
  CHECK(house.counters.malformed.get() == 3);
}

TEST_CASE("special-use names stay here") {
  House house;
  house.publish();
  CHECK(texts(house.ask({"foo.localhost."}), wire::Section::answer) == Lines{"foo.localhost. A 127.0.0.1"});
  CHECK(rcode(house.ask({"x.onion."})) == wire::Rcode::nxdomain);
  CHECK(rcode(house.ask({"1.168.192.in-addr.arpa.", RecordType::ptr})) == wire::Rcode::nxdomain);
  const auto designated = house.ask({"_dns.resolver.arpa.", RecordType::svcb});
  CHECK(rcode(designated) == wire::Rcode::noerror);
  CHECK(texts(designated, wire::Section::answer).empty());
  CHECK(house.world.asked == 0);
}

TEST_CASE("an answer larger than the client takes is truncated over UDP and whole over TCP") {
  House house;
  for (int i = 0; i < 60; ++i)
    house.world.add("big.example.org. TXT \"" + std::to_string(i) + std::string(60, 'x') + "\"");
  house.publish();
  Asked asked{"big.example.org.", RecordType::txt};
  asked.stream = false;
  const auto cut = house.ask(asked);
  CHECK(wire::parse_message(cut)->header().tc);
  CHECK(cut.size() <= 1232);
  CHECK(texts(house.ask({"big.example.org.", RecordType::txt}), wire::Section::answer).size() == 60);
}

TEST_CASE("a connection is told of a packet that gets no answer") {
  House house;
  house.publish();
  serve::ReturnPath path;
  path.stream = house.stream;
  CHECK(house.packet({1, 2, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}, path).empty());
  CHECK(house.stream->forgotten == 1);
}

TEST_CASE("extended errors give way to the answer") {
  House house;
  const std::string label(63, 'x');
  const std::string long_name = label + "." + label + "." + label + ".example.";
  house.publish();
  serve::ClientQuestion question;
  question.question.name = name(long_name.c_str());
  question.edns = true;
  question.limit = 512;
  std::vector<std::uint8_t> reply(4096);
  std::vector<wire::ExtendedError> many(4, {wire::EdeCode::network_error, std::string(160, 'y')});
  reply.resize(serve::render_rcode(question, wire::Rcode::servfail, many, reply));
  REQUIRE(reply.size() > wire::kHeaderSize);
  CHECK(reply.size() <= 512);
  CHECK(rcode(reply) == wire::Rcode::servfail);
  CHECK(errors(reply).size() == 4);  // codes all, texts as far as there is room
  CHECK(errors(reply)[0].extra_text == many[0].extra_text);
}

TEST_CASE("a question for CNAME is answered by the first alias alone; a longer chain is checked") {
  House house;
  house.block("d-5", "blocked.example.");
  house.publish();
  CHECK(texts(house.ask({"alias.example.org.", RecordType::cname}), wire::Section::answer) ==
        Lines{"alias.example.org. CNAME www.blocked.example."});
  recurse::Resolved resolved;
  for (const char* line : {"a.example. CNAME b.example.", "b.example. CNAME www.blocked.example."}) {
    const auto record = *wire::record_from_text(line, {}, 60);
    auto entry = std::make_shared<recurse::CacheEntry>();
    entry->set.owner = record.owner;
    entry->set.type = record.type;
    entry->set.rdatas.add(record.rdata);
    resolved.answer.push_back(std::move(entry));
  }
  CHECK(serve::store_answer(resolved, {name("a.example."), RecordType::cname}, false, 0).has_chain);
}

TEST_CASE("own zones answer; recursion goes on below their delegations") {
  House house;
  house.world.add("www.sub.own.example. A 192.0.2.77");
  auto zone =
      zones::parse_zone("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.2\nsub NS ns.elsewhere.example.\n",
                        name("own.example."), "test.zone");
  REQUIRE(zone);
  house.snapshot.everywhere = std::make_shared<const zones::ZoneSet>(
      std::vector{std::make_shared<const zones::Zone>(*std::move(zone))}, std::vector{name("broken.example.")});
  house.publish();
  const auto own = house.ask({"ns.own.example."});
  CHECK(wire::parse_message(own)->header().aa);
  CHECK(texts(own, wire::Section::answer) == Lines{"ns.own.example. A 192.0.2.2"});
  CHECK(house.world.asked == 0);
  CHECK(texts(house.ask({"www.sub.own.example."}), wire::Section::answer) ==
        Lines{"www.sub.own.example. A 192.0.2.77"});
  Asked iterative{"www.sub.own.example."};
  iterative.recursion_desired = false;
  CHECK(texts(house.ask(iterative), wire::Section::authority) == Lines{"sub.own.example. NS ns.elsewhere.example."});
  CHECK(rcode(house.ask({"www.own.example.", RecordType::a, "192.0.2.7"})) == wire::Rcode::nxdomain);  // anyone may ask
  const auto broken = house.ask({"www.broken.example."});
  CHECK(rcode(broken) == wire::Rcode::servfail);
  CHECK(errors(broken)[0].code == wire::EdeCode::not_ready);
}

TEST_CASE("what may not be kept reaches all who wait for it, and nobody else") {
  House house;
  house.world.add("zero.example.org. 0 CNAME target.example.net.");
  house.world.add("target.example.net. 0 A 192.0.2.90");
  house.publish();
  house.world.hold = true;
  for (int i = 0; i < 3; ++i) CHECK(house.ask({"zero.example.org."}).empty());
  CHECK(house.world.asked == 1);
  house.world.hold = false;
  house.world.release();
  REQUIRE(house.stream->sent.size() == 3);
  const auto later = house.ask({"zero.example.org."});
  CHECK(house.world.asked == 2);
  for (const auto& answer : {house.stream->sent.front(), later}) {
    CHECK(texts(answer, wire::Section::answer) ==
          Lines{"zero.example.org. CNAME target.example.net.", "target.example.net. A 192.0.2.90"});
    const auto message = wire::parse_message(answer);
    for (const wire::RecordView& record : message->records(wire::Section::answer)) CHECK(record.ttl() == 0);
  }
}

TEST_CASE("a redirection that was lifted while its target was resolved is not sent") {
  House house;
  auto& rule = house.block("cn", "www.example.org.", policy::Action::cname).rules[0];
  rule.target = name("garden.example.org.");
  house.publish();
  house.world.hold = true;
  CHECK(house.ask({"www.example.org."}).empty());
  house.input.decisions.clear();
  house.publish();
  house.world.hold = false;
  house.world.release();
  REQUIRE(house.stream->sent.size() == 1);
  CHECK(texts(house.stream->sent[0], wire::Section::answer) == Lines{"www.example.org. A 192.0.2.80"});
}

TEST_CASE("a question that passes counts once") {
  House house;
  house.block("p-1", "www.example.org.", policy::Action::passthru);
  house.publish();
  house.world.hold = true;
  house.ask({"www.example.org."});
  house.world.hold = false;
  house.world.release();
  CHECK(house.counters.policy_hits[static_cast<std::size_t>(policy::Action::passthru)].get() == 1);
}

TEST_CASE("names of names of names fit into an answer that its readers can follow") {
  House house;
  std::string target = "e.example.org.";
  for (int i = 0; i < 40; ++i) {
    target = "a." + target;
    house.world.add("nested.example.org. MX 10 " + target);
  }
  house.publish();
  CHECK(texts(house.ask({"nested.example.org.", RecordType::mx}), wire::Section::answer).size() == 40);
}

TEST_CASE("the answer cache keeps to its memory under churn and finds what it has") {
  serve::AnswerCache cache(64 << 10, 99);
  const auto asked = [](int i) { return wire::Question{name(("n" + std::to_string(i) + ".example.").c_str())}; };
  const auto make = [&](int i) {
    recurse::Resolved resolved;
    resolved.rcode = wire::Rcode::noerror;
    auto answer = serve::store_answer(resolved, asked(i), false, 1'000);
    answer.set_times(1'000, 2'000);
    return answer;
  };
  const auto insert = [&](int i) {
    const auto question = asked(i);
    return cache.insert({question.name, question.type}, make(i));
  };
  const auto find = [&](int i, std::int64_t now) {
    const auto question = asked(i);
    return cache.find(serve::AnswerKey{question.name, question.type}, now);
  };
  for (int i = 0; i < 5'000; ++i) {
    REQUIRE(insert(i) != nullptr);
    REQUIRE(cache.memory() <= (64U << 10));
    REQUIRE(find(i, 1'999) != nullptr);
    REQUIRE(find(i, 2'000) == nullptr);
  }
  CHECK(cache.entries() > 50);
  REQUIRE(insert(-1) != nullptr);
  CHECK(find(-1, 1'000 - recurse::kSetBack) != nullptr);
  CHECK(find(-1, 1'000 - recurse::kSetBack - 1) == nullptr);  // the clock was set back: its age is not known
  for (int i = 0; i < 5'000; ++i) {
    REQUIRE(find(-1, 1'999) != nullptr);  // used between any two others: it stays
    insert(i);
  }
  cache.clear();
  CHECK(cache.entries() == 0);
}

}  // namespace placard
