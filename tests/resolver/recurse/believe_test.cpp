// What becomes of judged replies: proofs that go along with answers, and quirks of servers that are remembered.
#include <catch2/catch.hpp>

#include "resolver/recurse/reply.hpp"
#include "tests/resolver/recurse/fake_network.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

using Texts = std::vector<std::string>;

void put(wire::MessageWriter& writer, wire::Section section, const Texts& lines) {
  for (const auto& line : lines) {
    const auto record = wire::record_from_text(line, wire::NameView{}, 300);
    REQUIRE(record);
    writer.record(section, record->owner, record->type, record->record_class, record->ttl, record->rdata);
  }
}

FakeNetwork::Answer believed_reply(const Outgoing& asked, const Texts& answer, const Texts& authority) {
  std::vector<std::uint8_t> buffer(65535);
  wire::MessageWriter writer(buffer, buffer.size());
  wire::Header header;
  header.qr = header.ra = true;
  writer.header(header);
  writer.question(asked.question.name, asked.question.type, asked.question.record_class);
  put(writer, wire::Section::answer, answer);
  put(writer, wire::Section::authority, authority);
  const auto written = writer.finish();
  REQUIRE(written);
  FakeNetwork::Answer made;
  made.result = std::vector<std::uint8_t>(written->begin(), written->end());
  return made;
}

ResolverOptions forwarding() {
  ResolverOptions options;
  options.forwards.push_back({wire::Name{}, {{*net::Address::from_text("192.0.2.101"), 53}}, false});
  return options;
}

const std::string kNsec = "a.zone.example. NSEC z.zone.example. A";
std::string rrsig(const std::string& owner, const std::string& type, int labels) {
  return owner + " RRSIG " + type + " 8 " + std::to_string(labels) +
         " 300 20300101000000 20200101000000 1 zone.example. AAAA";
}

TEST_CASE("the proof of a wildcard's expansion goes along with what it made, from the server and from the cache") {
  const auto world = [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
    const std::string name = asked.question.name.to_text();
    const bool mail = asked.question.type == wire::RecordType::mx;
    if (name == "end.zone.example.") return believed_reply(asked, {"end.zone.example. MX 1 mail.zone.example."}, {});
    if (name == "alias.zone.example." && !mail) {  // a link in the middle, and its target
      return believed_reply(asked,
                            {"alias.zone.example. CNAME end.zone.example.", rrsig("alias.zone.example.", "CNAME", 2),
                             "end.zone.example. A 192.0.2.1", rrsig("end.zone.example.", "A", 3)},
                            {kNsec, rrsig("a.zone.example.", "NSEC", 3)});
    }
    if (name == "open.zone.example.") {
      return believed_reply(
          asked, {"open.zone.example. CNAME end.zone.example.", rrsig("open.zone.example.", "CNAME", 2)}, {kNsec});
    }
    return believed_reply(asked, {name + " A 192.0.2.1", rrsig(name, "A", 2)}, {kNsec});
  };
  Bench bench(world, forwarding());
  for (const char* round : {"from the server", "from the cache"}) {
    INFO(round);
    const auto direct = bench.resolve("www.zone.example.", wire::RecordType::a);
    REQUIRE(direct.answer.size() == 1);
    CHECK(direct.answer[0]->proof.size() == 1);
    const auto open = bench.resolve("open.zone.example.", wire::RecordType::mx);
    REQUIRE(open.answer.size() == 2);
    CHECK(open.answer[0]->proof.size() == 1);
  }
  static_cast<void>(bench.resolve("alias.zone.example.", wire::RecordType::a));
  const auto other = bench.resolve("alias.zone.example.", wire::RecordType::mx);  // the link from the cache
  REQUIRE(other.answer.size() == 2);
  REQUIRE(other.answer[0]->proof.size() == 1);
  CHECK(other.answer[0]->proof[0].signatures.size() == 1);
  const auto both = bench.resolve("alias.zone.example.", wire::RecordType::a);  // each entry carries it
  REQUIRE(both.answer.size() == 2);
  CHECK(both.answer[1]->proof.size() == 1);
  CHECK(both.proofs().size() == 1);
}

TEST_CASE("the proofs kept of one reply are bounded") {
  Texts proofs;
  for (int i = 0; i < 100; ++i) proofs.push_back("n" + std::to_string(i) + ".zone.example. NSEC z.zone.example. A");
  Bench bench([&](const Outgoing& asked) { return believed_reply(asked, {"www.zone.example. A 192.0.2.1"}, proofs); },
              forwarding());
  const auto resolved = bench.resolve("www.zone.example.", wire::RecordType::a);
  REQUIRE(resolved.answer.size() == 1);
  CHECK(resolved.answer[0]->proof.size() == kMaxProofSets);
}

TEST_CASE("a server that gave another case before it answered over TCP is asked in plain case from then on") {
  const auto world = [](const Outgoing& asked) -> std::optional<FakeNetwork::Answer> {
    auto answer = believed_reply(asked, {asked.question.name.to_text() + " A 192.0.2.1"}, {});
    answer.other_case = asked.random_case;
    return answer;
  };
  Bench bench(world, forwarding());
  static_cast<void>(bench.resolve("a.zone.example.", wire::RecordType::a));
  static_cast<void>(bench.resolve("b.zone.example.", wire::RecordType::a));
  REQUIRE(bench.network.log.size() == 2);
  CHECK(bench.network.log[0].random_case);
  CHECK_FALSE(bench.network.log[1].random_case);
  CHECK(bench.network.log[1].transport == Transport::udp);
}

}  // namespace
}  // namespace placard::recurse
